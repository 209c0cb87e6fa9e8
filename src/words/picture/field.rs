//! Pictures of functions over the plane, and of where samples are carried.

use super::super::tensor::{fails, opt, param, value, wrap};
use super::value::made;
use super::{
    COLOR, EQUAL, NAME, NUMBERS, SIZE, TITLE, XLABEL, XLIM, XTICKS, YLABEL, YTICKS, alike, colour, dress, numbers, two,
};
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Contour, Field, Heat, Map, Sheet, Transport};
use saddle_tensor::{Tensor, device, no_grad, shown};

pub static ENTRIES: &[&Entry] = &[&HEATMAP, &HEATMAP_TENSOR, &VECTOR_FIELD, &ARROWS];

const FIGURE: Ty = Ty::Of("figure");
const BOUNDS: Param = param("bounds", Ty::Array, "[[x first, x last], [y first, y last]], or [first, last] for both");
const FUNCTION: Ty = Ty::OneOf(&[Ty::Function, Ty::Of("network")]);
const MAP: Opt = opt("map", Ty::Text, "viridis", "colours: viridis, diverging (around a middle) or grey");
const RANGE: Opt = opt("range", Ty::Array, "from the values", "[low, high]: the values at the two ends of the map");
const LABEL: Opt = opt("label", Ty::Text, "none", "written beside the colour bar");
const LEVELS: Opt = opt("contours", Ty::Array, "none", "heights at which lines are drawn");

type Bounds = [(f64, f64); 2];

fn bounds(call: &Call, i: usize) -> Result<Bounds> {
    let wrong =
        || Fault::value(format!("{}: bounds must be [[x0, x1], [y0, y1]] with x0 < x1 and y0 < y1", call.entry.name));
    let pair = |v: &Dynamic| match saddle_catalog::numbers(v).as_deref() {
        Some(&[a, b]) if a < b => Ok((a, b)),
        _ => Err(wrong()),
    };
    let given = call.args.any(i);
    if let Ok(both) = pair(given) {
        return Ok([both, both]);
    }
    let rows = given.read_lock::<Array>().ok_or_else(wrong)?;
    match &rows[..] {
        [x, y] => Ok([pair(x)?, pair(y)?]),
        _ => Err(wrong()),
    }
}

/// `n × n` points over the bounds, row by row from the bottom: `[n², 2]`.
fn lattice(b: &Bounds, n: usize) -> Tensor {
    let at = |(lo, hi): (f64, f64), i: usize| lo + (hi - lo) * i as f64 / (n.max(2) - 1) as f64;
    let points = (0..n).flat_map(|r| (0..n).flat_map(move |c| [at(b[0], c) as f32, at(b[1], r) as f32]));
    Tensor::from_floats(points.collect(), &[n * n, 2], &device::current())
}

/// What the function gives at the points, as floats; `per` values for each.
fn values(call: &Call, points: &Tensor, per: usize) -> Result<Vec<f32>> {
    let y = no_grad(|| call.apply(call.args.any(0), vec![wrap(points.clone())]))?;
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

fn map(call: &Call) -> Result<Map> {
    let Some(name) = call.options.text("map")? else {
        return Ok(Map::default());
    };
    Map::named(&name).ok_or_else(|| Fault::value(format!("heatmap: there is no map \"{name}\"")).hint(MAP.doc))
}

fn heat(call: &Call, sheet: Sheet, smooth: bool) -> Result<Dynamic> {
    let mut axes = Axes::default();
    let heat = Heat {
        sheet: sheet.clone(),
        map: map(call)?,
        range: two(&call.options, "range")?,
        smooth,
        label: call.options.text("label")?.unwrap_or_default(),
    };
    axes = axes.with(heat);
    if let Some(levels) = call.options.numbers("contours")? {
        axes = axes.with(Contour { levels, sheet, ..Contour::default() });
    }
    dress(call, &mut axes)?;
    made(axes)
}

static HEATMAP: Entry = Entry {
    name: "heatmap",
    group: "picture",
    summary: "a function of the plane in colours, such as D's landscape",
    params: &[param("f", FUNCTION, "from points [n, 2] to n values"), BOUNDS],
    options: &[
        opt("n", Ty::Int, "80", "points along each side"),
        MAP,
        RANGE,
        LABEL,
        LEVELS,
        EQUAL,
        TITLE,
        XLABEL,
        YLABEL,
        SIZE,
    ],
    returns: FIGURE,
    errors: &["bounds that are not two increasing pairs", "a function that does not give one value for each point"],
    examples: &[
        value("a bowl", "heatmap(|p| sum(p ** 2, #{ dim: 1 }), [-1, 1], #{ n: 16 })", "plot: heat map (16×16)"),
        fails("two values a point", "heatmap(|p| p, [-1, 1], #{ n: 4 })", "must give 16 values, it gave [16, 2]"),
    ],
    call: |call| {
        let n = call.options.size("n", 80)?.clamp(2, 1000);
        let b = bounds(call, 1)?;
        let values = values(call, &lattice(&b, n), 1)?;
        heat(call, Sheet::new(values, n, n, b[0], b[1])?, true)
    },
    ..ENTRY
};

static HEATMAP_TENSOR: Entry = Entry {
    name: "heatmap",
    group: "picture",
    summary: "a matrix in colours, row 0 at the bottom",
    params: &[param("matrix", Ty::Tensor, "[rows, columns]")],
    options: &[MAP, RANGE, LABEL, EQUAL, TITLE, XLABEL, YLABEL, XTICKS, YTICKS, SIZE],
    returns: FIGURE,
    errors: &["a tensor that is not a matrix"],
    examples: &[value(
        "with the names of rows and columns",
        "heatmap(eye(2), #{ xticks: [\"cat\", \"dog\"], yticks: [\"cat\", \"dog\"] })",
        "plot: heat map (2×2)",
    )],
    call: |call| {
        let t: Tensor = call.args.get(0)?;
        let shape = t.shape();
        let &[rows, columns] = &shape[..] else {
            return Err(Fault::shape(format!("heatmap: needs a matrix, got {}", shown(&shape))));
        };
        let (w, h) = (columns as f64 - 0.5, rows as f64 - 0.5);
        let sheet = Sheet::new(t.to_floats()?, rows, columns, (-0.5, w), (-0.5, h))?;
        let mut axes = Axes::default().with(Heat {
            sheet,
            map: map(call)?,
            range: two(&call.options, "range")?,
            smooth: false,
            label: call.options.text("label")?.unwrap_or_default(),
        });
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};

static VECTOR_FIELD: Entry = Entry {
    name: "vector_field",
    group: "picture",
    summary: "an arrow at each point of a lattice, such as the direction in which D pushes samples",
    params: &[param("f", FUNCTION, "from points [n, 2] to arrows [n, 2]"), BOUNDS],
    options: &[
        opt("n", Ty::Int, "16", "arrows along each side"),
        opt("unit", Ty::Bool, "false", "all of one length, the colour telling how strong"),
        NAME,
        COLOR,
        EQUAL,
        TITLE,
        XLABEL,
        YLABEL,
        SIZE,
    ],
    returns: FIGURE,
    errors: &["bounds that are not two increasing pairs", "a function that does not give [n, 2]"],
    examples: &[value(
        "a rotation",
        "vector_field(|p| p @ tensor([[0, 1], [-1, 0]]), [-1, 1], #{ n: 8 })",
        "plot: field (64 arrows)",
    )],
    call: |call| {
        let n = call.options.size("n", 16)?.clamp(2, 200);
        let points = lattice(&bounds(call, 1)?, n);
        let ends = values(call, &points, 2)?;
        let starts = points.to_floats()?;
        let column = |all: &[f32], i: usize| all.chunks_exact(2).map(|p| f64::from(p[i])).collect::<Vec<f64>>();
        let field = Field {
            name: call.options.text("name")?.unwrap_or_default(),
            x: column(&starts, 0),
            y: column(&starts, 1),
            u: column(&ends, 0),
            v: column(&ends, 1),
            colour: colour(&call.options)?,
            unit: call.options.bool("unit", false)?,
        };
        let mut axes = Axes::default().with(field);
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};

static ARROWS: Entry = Entry {
    name: "arrows",
    group: "picture",
    summary: "two lines with an arrow from each z to its x = G(z), as below the curves of Figure 1",
    params: &[param("z", NUMBERS, "where the arrows start"), param("x", NUMBERS, "where they end")],
    options: &[TITLE, XLABEL, XLIM, SIZE],
    returns: FIGURE,
    errors: &["z and x of different length"],
    source: "Goodfellow et al. 2014, Figure 1",
    examples: &[value("three arrows", "arrows([-1, 0, 1], [0, 0.5, 3])", "plot: 3 arrows z → x")],
    call: |call| {
        let (z, x) = (numbers(call, 0)?, numbers(call, 1)?);
        alike("arrows", ["z has", "x has"], [z.len(), x.len()])?;
        let mut axes = Axes { transport: Some(Transport { z, x }), ..Axes::default() };
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};
