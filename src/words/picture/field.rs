//! Pictures of functions over the plane, and of where samples are carried.

use super::value::made;
use super::{COLOR, EQUAL, NAME, NUMBERS, SIZE, TITLE, XLABEL, XLIM, XTICKS, YLABEL, YTICKS, alike, dress};
use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, Type, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Contour, Field, Heat, Map, Sheet, Transport};
use saddle_tensor::{Tensor, device, no_grad, shown};

pub static ENTRIES: &[&Entry] = &[&HEATMAP, &HEATMAP_TENSOR, &VECTOR_FIELD, &ARROWS];

const FIGURE: Ty = Ty::Of("figure");
const BOUNDS: Param<Bounds> =
    param("bounds", BOTH, "[[x first, x last], [y first, y last]], or [first, last] for both");
const FUNCTION: Ty = Ty::OneOf(&[Ty::Function, Ty::Of("network")]);
const MAP_NAMES: &str = "colours: viridis, diverging (around a middle) or grey";
/// A map of colours by its name.
const MAPS: Type<Map> = Type::new(Ty::Text, |given| {
    let name = types::TEXT.read(given)?;
    let unknown = || Fault::value(format!("{}: there is no map \"{name}\"", given.word())).hint(MAP_NAMES);
    Map::named(&name).ok_or_else(unknown)
});
const MAP: Maybe<Map> = param("map", MAPS, MAP_NAMES).maybe("viridis");
const RANGE: Maybe<[f64; 2]> =
    param("range", types::RANGE, "[low, high]: the values at the two ends of the map").maybe("from the values");
const LABEL: Maybe<String> = param("label", types::TEXT, "written beside the colour bar").maybe("none");
const LEVELS: Maybe<Vec<f64>> = param("contours", types::NUMBERS, "heights at which lines are drawn").maybe("none");

type Bounds = [(f64, f64); 2];

/// The bounds of both axes.
const BOTH: Type<Bounds> = Type::new(Ty::Array, |given| {
    let wrong =
        || Fault::value(format!("{}: bounds must be [[x0, x1], [y0, y1]] with x0 < x1 and y0 < y1", given.word()));
    let pair = |v: &Dynamic| match saddle_catalog::numbers(v).as_deref() {
        Some(&[a, b]) if a < b => Ok((a, b)),
        _ => Err(wrong()),
    };
    let given = given.value;
    if let Ok(both) = pair(given) {
        return Ok([both, both]);
    }
    let rows = given.read_lock::<Array>().ok_or_else(wrong)?;
    match &rows[..] {
        [x, y] => Ok([pair(x)?, pair(y)?]),
        _ => Err(wrong()),
    }
});

/// `n × n` points over the bounds, row by row from the bottom: `[n², 2]`.
fn lattice(b: &Bounds, n: usize) -> Tensor {
    let at = |(lo, hi): (f64, f64), i: usize| lo + (hi - lo) * i as f64 / (n.max(2) - 1) as f64;
    let points = (0..n).flat_map(|r| (0..n).flat_map(move |c| [at(b[0], c) as f32, at(b[1], r) as f32]));
    Tensor::from_floats(points.collect(), &[n * n, 2], &device::current())
}

/// What the function gives at the points, as floats; `per` values for each.
fn values(call: &Call, f: Param<Dynamic>, points: &Tensor, per: usize) -> Result<Vec<f32>> {
    let y = no_grad(|| call.apply(f.value(call), vec![wrap(points.clone())]))?;
    let want = points.shape()[0] * per;
    match y.read_lock::<Tensor>() {
        Some(t) if t.len() == want => t.to_floats(),
        Some(t) => Err(Fault::shape(format!(
            "{}: for {} points of shape {} the function must give {want} values, it gave {}",
            call.entry.name,
            points.shape()[0],
            shown(&points.shape()),
            shown(&t.shape())
        ))
        .hint("it is called once, with all points as rows")),
        None => Err(Fault::type_(format!("{}: the function must give a tensor", call.entry.name))),
    }
}

fn heat(call: &Call, sheet: Sheet, smooth: bool) -> Result<Dynamic> {
    let mut axes = Axes::default();
    let heat = Heat {
        sheet: sheet.clone(),
        map: MAP.of(call)?.unwrap_or_default(),
        range: RANGE.of(call)?.map(Into::into),
        smooth,
        label: LABEL.of(call)?.unwrap_or_default(),
    };
    axes = axes.with(heat);
    if let Some(levels) = LEVELS.of(call)? {
        axes = axes.with(Contour { levels, sheet, ..Contour::default() });
    }
    dress(call, &mut axes)?;
    made(axes)
}

const F: Param<Dynamic> = param("f", types::any(FUNCTION), "from points [n, 2] to n values");
const N: Param<usize> = param("n", types::SIZE, "points along each side").or(80);
static HEATMAP: Entry = Entry {
    name: "heatmap",
    group: "picture",
    summary: "a function of the plane in colours, such as D's landscape",
    params: &[F.param(), BOUNDS.param()],
    options: &[
        N.opt(),
        MAP.opt(),
        RANGE.opt(),
        LABEL.opt(),
        LEVELS.opt(),
        EQUAL.opt(),
        TITLE.opt(),
        XLABEL.opt(),
        YLABEL.opt(),
        SIZE.opt(),
    ],
    returns: FIGURE,
    errors: &["bounds that are not two increasing pairs", "a function that does not give one value for each point"],
    examples: &[
        value("a bowl", "heatmap(|p| sum(p ** 2, #{ dim: 1 }), [-1, 1], #{ n: 16 })", "plot: heat map (16×16)"),
        fails("two values a point", "heatmap(|p| p, [-1, 1], #{ n: 4 })", "must give 16 values, it gave [16, 2]"),
    ],
    call: |call| {
        let n = N.of(call)?.clamp(2, 1000);
        let b = BOUNDS.of(call)?;
        let values = values(call, F, &lattice(&b, n), 1)?;
        heat(call, Sheet::new(values, n, n, b[0], b[1])?, true)
    },
    ..ENTRY
};

const MATRIX: Param<Tensor> = param("matrix", types::TENSOR, "[rows, columns]");
static HEATMAP_TENSOR: Entry = Entry {
    name: "heatmap",
    group: "picture",
    summary: "a matrix in colours, row 0 at the bottom",
    params: &[MATRIX.param()],
    options: &[
        MAP.opt(),
        RANGE.opt(),
        LABEL.opt(),
        EQUAL.opt(),
        TITLE.opt(),
        XLABEL.opt(),
        YLABEL.opt(),
        XTICKS.opt(),
        YTICKS.opt(),
        SIZE.opt(),
    ],
    returns: FIGURE,
    errors: &["a tensor that is not a matrix"],
    examples: &[value(
        "with the names of rows and columns",
        "heatmap(eye(2), #{ xticks: [\"cat\", \"dog\"], yticks: [\"cat\", \"dog\"] })",
        "plot: heat map (2×2)",
    )],
    call: |call| {
        let t = MATRIX.of(call)?;
        let shape = t.shape();
        let &[rows, columns] = &shape[..] else {
            return Err(Fault::shape(format!("heatmap: needs a matrix, got {}", shown(&shape))));
        };
        let (w, h) = (columns as f64 - 0.5, rows as f64 - 0.5);
        let sheet = Sheet::new(t.to_floats()?, rows, columns, (-0.5, w), (-0.5, h))?;
        let mut axes = Axes::default().with(Heat {
            sheet,
            map: MAP.of(call)?.unwrap_or_default(),
            range: RANGE.of(call)?.map(Into::into),
            smooth: false,
            label: LABEL.of(call)?.unwrap_or_default(),
        });
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};

const VECTOR_FIELD_F: Param<Dynamic> = param("f", types::any(FUNCTION), "from points [n, 2] to arrows [n, 2]");
const VECTOR_FIELD_N: Param<usize> = param("n", types::SIZE, "arrows along each side").or(16);
const UNIT: Param<bool> = param("unit", types::BOOL, "all of one length, the colour telling how strong").or(false);
static VECTOR_FIELD: Entry = Entry {
    name: "vector_field",
    group: "picture",
    summary: "an arrow at each point of a lattice, such as the direction in which D pushes samples",
    params: &[VECTOR_FIELD_F.param(), BOUNDS.param()],
    options: &[
        VECTOR_FIELD_N.opt(),
        UNIT.opt(),
        NAME.opt(),
        COLOR.opt(),
        EQUAL.opt(),
        TITLE.opt(),
        XLABEL.opt(),
        YLABEL.opt(),
        SIZE.opt(),
    ],
    returns: FIGURE,
    errors: &["bounds that are not two increasing pairs", "a function that does not give [n, 2]"],
    examples: &[value(
        "a rotation",
        "vector_field(|p| p @ tensor([[0, 1], [-1, 0]]), [-1, 1], #{ n: 8 })",
        "plot: field (64 arrows)",
    )],
    call: |call| {
        let n = VECTOR_FIELD_N.of(call)?.clamp(2, 200);
        let points = lattice(&BOUNDS.of(call)?, n);
        let ends = values(call, VECTOR_FIELD_F, &points, 2)?;
        let starts = points.to_floats()?;
        let column = |all: &[f32], i: usize| all.chunks_exact(2).map(|p| f64::from(p[i])).collect::<Vec<f64>>();
        let field = Field {
            name: NAME.of(call)?.unwrap_or_default(),
            x: column(&starts, 0),
            y: column(&starts, 1),
            u: column(&ends, 0),
            v: column(&ends, 1),
            colour: COLOR.of(call)?,
            unit: UNIT.of(call)?,
        };
        let mut axes = Axes::default().with(field);
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};

const Z: Param<Vec<f64>> = param("z", NUMBERS, "where the arrows start");
const X: Param<Vec<f64>> = param("x", NUMBERS, "where they end");
static ARROWS: Entry = Entry {
    name: "arrows",
    group: "picture",
    summary: "two lines with an arrow from each z to its x = G(z), as below the curves of Figure 1",
    params: &[Z.param(), X.param()],
    options: &[TITLE.opt(), XLABEL.opt(), XLIM.opt(), SIZE.opt()],
    returns: FIGURE,
    errors: &["z and x of different length"],
    source: &[cite::GOODFELLOW_2014, ", Figure 1"],
    examples: &[value("three arrows", "arrows([-1, 0, 1], [0, 0.5, 3])", "plot: 3 arrows z → x")],
    call: |call| {
        let (z, x) = (Z.of(call)?, X.of(call)?);
        alike("arrows", ["z has", "x has"], [z.len(), x.len()])?;
        let mut axes = Axes { transport: Some(Transport { z, x }), ..Axes::default() };
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};
