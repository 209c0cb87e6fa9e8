//! Plots of numbers: curves, points, histograms, bands, reference lines; one over the other.

use super::super::runs::Runs;
use super::value::{made, read};
use super::{
    COLOR, EQUAL, LOG_X, LOG_Y, NAME, NUMBERS, SIZE, TITLE, XLABEL, XLIM, XTICKS, YLABEL, YLIM, alike, dress,
    numbers_in,
};
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Opt, Param, Ty, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Band, Figure, Line, ReferenceLine, Scatter};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] =
    &[&PLOT, &PLOT_Y, &PLOT_LAYERS, &LINE, &SCATTER, &SCATTER_POINTS, &HIST, &BAND, &BAND_OF_RUNS, &HLINE, &VLINE];

const FIGURE: Ty = Ty::Of("figure");
const SMOOTH: Param<f64> =
    param("smooth", types::NUMBER, "weight of the past in a moving average, in [0, 1); the curve itself is faint")
        .or(0.0);
const PLOT_OPTIONS: &[Opt] = &[
    TITLE.opt(),
    XLABEL.opt(),
    YLABEL.opt(),
    XTICKS.opt(),
    XLIM.opt(),
    YLIM.opt(),
    LOG_X.opt(),
    LOG_Y.opt(),
    EQUAL.opt(),
    SIZE.opt(),
    SMOOTH.opt(),
];
const DASHED: Param<bool> = param("dashed", types::BOOL, "a dashed curve").or(false);
const MARKERS: Param<bool> = param("markers", types::BOOL, "a dot at every point").or(false);
const FILL: Maybe<f64> = param("fill", types::NUMBER, "tints the area between the curve and this height").maybe("none");
const WIDTH: Param<f64> = param("width", types::NUMBER, "of the curve, in pixels").or(1.7);
const LAYER_OPTIONS: &[Opt] = &[
    NAME.opt(),
    COLOR.opt(),
    DASHED.opt(),
    MARKERS.opt(),
    FILL.opt(),
    WIDTH.opt(),
    SMOOTH.opt(),
    TITLE.opt(),
    XLABEL.opt(),
    YLABEL.opt(),
    XTICKS.opt(),
    XLIM.opt(),
    YLIM.opt(),
    LOG_X.opt(),
    LOG_Y.opt(),
    EQUAL.opt(),
    SIZE.opt(),
];
const LENGTHS: &[&str] = &["xs and ys of different length", "something that is not numbers"];

fn smooth(call: &Call) -> Result<f64> {
    let smooth = SMOOTH.of(call)?;
    match (0.0..1.0).contains(&smooth) {
        true => Ok(smooth),
        false => Err(Fault::value(format!("{}: smooth must be in [0, 1), got {smooth}", call.entry.name))),
    }
}

/// A plot of one layer, with the options of the call.
fn dressed(call: &Call, axes: Axes) -> Result<Dynamic> {
    let mut axes = axes;
    dress(call, &mut axes)?;
    made(axes)
}

/// One curve for each entry of a map, or a single one without a name.
fn curves(call: &Call, xs: Option<&[f64]>, ys: &Dynamic) -> Result<Axes> {
    let smooth = smooth(call)?;
    let word = call.entry.name;
    let mut axes = Axes::default();
    let mut add = |name: &str, ys: &Dynamic| -> Result<()> {
        let y = numbers_in(ys)?
            .ok_or_else(|| Fault::type_(format!("{word}: needs numbers, got {}", saddle_catalog::type_of(ys))))?;
        let x = match xs {
            Some(xs) => xs.to_vec(),
            None => (0..y.len()).map(|i| i as f64).collect(),
        };
        alike(word, ["xs has", "ys has"], [x.len(), y.len()])?;
        axes = std::mem::take(&mut axes).with(Line { name: name.into(), x, y, smooth, ..Line::default() });
        Ok(())
    };
    match ys.read_lock::<Map>() {
        Some(map) => {
            for (name, ys) in map.iter() {
                add(name, ys)?;
            }
        }
        None => add("", ys)?,
    }
    Ok(axes)
}

/// A series, or several by their names.
pub(super) const SERIES: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Map]);

const XS: Param<Vec<f64>> = param("xs", NUMBERS, "numbers");
const YS: Param<Dynamic> = param("ys", types::any(SERIES), "as many numbers, or a map of such: #{ V: …, J: … }");
static PLOT: Entry = Entry {
    name: "plot",
    group: "picture",
    summary: "curves of ys over xs; a map of several ys names them in a legend",
    params: &[XS.param(), YS.param()],
    options: PLOT_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[
        value("a curve", "let x = linspace(0, 1, 5);\nplot(x, x ** 2)", "plot: line (5 points)"),
        fails("lengths that differ", "plot([1, 2, 3], [1, 2])", "xs has 3 values, ys has 2"),
    ],
    call: |call| {
        let xs = XS.of(call)?;
        dressed(call, curves(call, Some(&xs), YS.value(call))?)
    },
    ..ENTRY
};

const PLOT_Y_YS: Param<Dynamic> = param("ys", types::any(SERIES), "numbers, or a map of several");
static PLOT_Y: Entry = Entry {
    name: "plot",
    group: "picture",
    summary: "curves over 0, 1, 2, …",
    params: &[PLOT_Y_YS.param()],
    options: PLOT_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[
        value("two curves", "plot(#{ J: [3, 2], V: [1, 2] })", "plot: line J (2 points), line V (2 points)"),
        value(
            "with names on the axis",
            "plot([3, 2], #{ title: \"V\", xticks: [\"before\", \"after\"] })",
            "plot “V”: line (2 points)",
        ),
    ],
    call: |call| match layers_of(call)? {
        Some(axes) => dressed(call, axes),
        None => dressed(call, curves(call, None, PLOT_Y_YS.value(call))?),
    },
    ..ENTRY
};

const LAYERS: Param<Array> = param("layers", types::ARRAY, "figures made by line, scatter, hist, heatmap, …");
static PLOT_LAYERS: Entry = Entry {
    name: "overlay",
    group: "picture",
    summary: "plots one over the other in the same axes",
    params: &[LAYERS.param()],
    options: PLOT_OPTIONS,
    returns: FIGURE,
    errors: &["something that is not a plot"],
    examples: &[
        value(
            "points over a curve",
            "overlay([line([0, 1], [0, 1]), scatter([0.5], [0.5])])",
            "plot: line (2 points), scatter (1 point)",
        ),
        fails("a grid of images", "overlay([image_grid(zeros([4, 8, 8]))])", "only plots"),
    ],
    call: |call| match layers_of(call)? {
        Some(axes) => dressed(call, axes),
        None => dressed(call, Axes::default()),
    },
    ..ENTRY
};

/// The axes of the figures in an array, one over the other; `None` where the array does not hold figures.
fn layers_of(call: &Call) -> Result<Option<Axes>> {
    let word = call.entry.name;
    let Some(array) = call.args().next().and_then(|all| all.read_lock::<rhai::Array>()) else {
        return Ok(None);
    };
    let is_figure = |v: &Dynamic| v.read_lock::<super::value::Fig>().is_some();
    if !array.first().is_some_and(is_figure) {
        return Ok(None);
    }
    let mut all: Option<Axes> = None;
    for v in array.iter() {
        let Figure::Plot(axes) = read(word, v)? else {
            return Err(Fault::type_(format!("{word}: only plots can lie over each other"))
                .hint("layout puts figures side by side"));
        };
        match &mut all {
            None => all = Some(axes),
            Some(all) => {
                all.layers.extend(axes.layers);
                all.transport = all.transport.take().or(axes.transport);
                all.equal |= axes.equal;
                if all.x.names.is_empty() {
                    all.x.names = axes.x.names;
                }
                all.x.range = all.x.range.or(axes.x.range);
                all.y.range = all.y.range.or(axes.y.range);
            }
        }
    }
    Ok(all)
}

const LINE_YS: Param<Vec<f64>> = param("ys", NUMBERS, "as many numbers");
static LINE: Entry = Entry {
    name: "line",
    group: "picture",
    summary: "one curve, with a name and a look of its own",
    params: &[XS.param(), LINE_YS.param()],
    options: LAYER_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[value(
        "dashed",
        "line([0, 1], [1, 0], #{ name: \"D\", dashed: true, color: \"blue\" })",
        "plot: line D (2 points)",
    )],
    call: |call| {
        let (x, y) = (XS.of(call)?, LINE_YS.of(call)?);
        alike("line", ["xs has", "ys has"], [x.len(), y.len()])?;
        let fill = FILL.of(call)?;
        let line = Line {
            name: NAME.of(call)?.unwrap_or_default(),
            x,
            y,
            colour: COLOR.of(call)?,
            width: WIDTH.of(call)? as f32,
            dashed: DASHED.of(call)?,
            smooth: smooth(call)?,
            markers: MARKERS.of(call)?,
            fill_to: fill,
        };
        dressed(call, Axes::default().with(line))
    },
    ..ENTRY
};

const RADIUS: Maybe<f64> = param("radius", types::NUMBER, "of a point, in pixels").maybe("by the number of points");
const ALPHA: Maybe<f64> = param("alpha", types::NUMBER, "opacity in [0, 1]").maybe("by the number of points");
const POINT_OPTIONS: &[Opt] = &[
    NAME.opt(),
    COLOR.opt(),
    RADIUS.opt(),
    ALPHA.opt(),
    TITLE.opt(),
    XLABEL.opt(),
    YLABEL.opt(),
    XLIM.opt(),
    YLIM.opt(),
    LOG_X.opt(),
    LOG_Y.opt(),
    EQUAL.opt(),
    SIZE.opt(),
];

fn points(call: &Call, x: Vec<f64>, y: Vec<f64>) -> Result<Dynamic> {
    alike("scatter", ["xs has", "ys has"], [x.len(), y.len()])?;
    let alpha = ALPHA.of(call)?;
    let scatter = Scatter {
        name: NAME.of(call)?.unwrap_or_default(),
        x,
        y,
        colour: COLOR.of(call)?,
        radius: RADIUS.of(call)?.unwrap_or(0.0) as f32,
        alpha: alpha.map(|a| a.clamp(0.0, 1.0) as f32),
    };
    dressed(call, Axes::default().with(scatter))
}

static SCATTER: Entry = Entry {
    name: "scatter",
    group: "picture",
    summary: "points",
    params: &[XS.param(), LINE_YS.param()],
    options: POINT_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[value("two points", "scatter([0, 1], [1, 0])", "plot: scatter (2 points)")],
    call: |call| points(call, XS.of(call)?, LINE_YS.of(call)?),
    ..ENTRY
};

const POINTS: Param<Tensor> = param("points", types::TENSOR, "[n, 2]");
static SCATTER_POINTS: Entry = Entry {
    name: "scatter",
    group: "picture",
    summary: "points of the plane, one in each row of a tensor",
    params: &[POINTS.param()],
    options: POINT_OPTIONS,
    returns: FIGURE,
    errors: &["a tensor that is not [n, 2]"],
    examples: &[value("a cloud", "scatter(randn([100, 2]), #{ equal: true })", "plot: scatter (100 points)")],
    call: |call| {
        let t = POINTS.of(call)?;
        if t.rank() != 2 || t.shape()[1] != 2 {
            return Err(Fault::shape(format!(
                "scatter: points must be [n, 2], got {}",
                saddle_tensor::shown(&t.shape())
            )));
        }
        let all = t.to_floats()?;
        let at = |i: usize| all.chunks_exact(2).map(|p| f64::from(p[i])).collect();
        points(call, at(0), at(1))
    },
    ..ENTRY
};

const SAMPLES: Param<Dynamic> =
    param("samples", types::any(SERIES), "numbers, or a map of such: #{ data: …, model: … }");
const BINS: Maybe<usize> = param("bins", types::SIZE, "number of bins").maybe("by the number of samples");
const DENSITY: Param<bool> = param("density", types::BOOL, "areas of 1 instead of counts").or(true);
static HIST: Entry = Entry {
    name: "hist",
    group: "picture",
    summary: "histograms over common bins; a map of several names them in a legend",
    params: &[SAMPLES.param()],
    options: &[
        BINS.opt(),
        DENSITY.opt(),
        TITLE.opt(),
        XLABEL.opt(),
        YLABEL.opt(),
        XLIM.opt(),
        YLIM.opt(),
        LOG_Y.opt(),
        SIZE.opt(),
    ],
    returns: FIGURE,
    errors: &["something that is not numbers"],
    examples: &[value(
        "two samples",
        "hist(#{ a: [1, 2, 2], b: [2, 3] }, #{ bins: 4 })",
        "plot: histogram a (4 bins), histogram b (4 bins)",
    )],
    call: |call| {
        let v = SAMPLES.value(call);
        let mut series: Vec<(String, Vec<f64>)> = Vec::new();
        match v.read_lock::<Map>() {
            Some(map) => {
                for (name, v) in map.iter() {
                    series.push((name.to_string(), numbers_in(v)?.ok_or_else(|| SAMPLES.wrong(call))?));
                }
            }
            None => series.push((String::new(), numbers_in(v)?.ok_or_else(|| SAMPLES.wrong(call))?)),
        }
        let bins = BINS.of(call)?;
        let series: Vec<(&str, &[f64])> = series.iter().map(|(n, s)| (n.as_str(), s.as_slice())).collect();
        let density = DENSITY.of(call)?;
        let mut axes = Axes::default().with_histograms(&series, bins, density);
        axes.y.label = if density { "density" } else { "count" }.into();
        dressed(call, axes)
    },
    ..ENTRY
};

const LOW: Param<Vec<f64>> = param("low", NUMBERS, "as many");
const HIGH: Param<Vec<f64>> = param("high", NUMBERS, "as many");
static BAND: Entry = Entry {
    name: "band",
    group: "picture",
    summary: "the area between two curves, such as a mean ± its standard error",
    params: &[XS.param(), LOW.param(), HIGH.param()],
    options: &[NAME.opt(), COLOR.opt(), TITLE.opt(), XLABEL.opt(), YLABEL.opt(), XLIM.opt(), YLIM.opt(), SIZE.opt()],
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[value("two points wide", "band([0, 1], [0, 0], [1, 2])", "plot: band (2 points)")],
    call: |call| {
        let (x, low, high) = (XS.of(call)?, LOW.of(call)?, HIGH.of(call)?);
        alike("band", ["xs has", "low has"], [x.len(), low.len()])?;
        alike("band", ["xs has", "high has"], [x.len(), high.len()])?;
        let name = NAME.of(call)?.unwrap_or_default();
        dressed(call, Axes::default().with(Band { name, x, low, high, colour: COLOR.of(call)?, ..Band::default() }))
    },
    ..ENTRY
};

const RUNS: Param<Runs> = param("runs", types::RUNS, "runs whose experiment gives a curve, as many numbers");
static BAND_OF_RUNS: Entry = Entry {
    name: "band",
    group: "picture",
    summary: "a curve over seeds: its mean, and the area of one standard deviation around it",
    params: &[XS.param(), RUNS.param()],
    options: &[
        NAME.opt(),
        COLOR.opt(),
        TITLE.opt(),
        XLABEL.opt(),
        YLABEL.opt(),
        XLIM.opt(),
        YLIM.opt(),
        LOG_Y.opt(),
        SIZE.opt(),
    ],
    returns: FIGURE,
    errors: &["runs of several figures: take one, runs.key", "curves of another length than xs"],
    examples: &[value(
        "five seeds",
        "let r = runs(5, |seed| cumsum(randn([10])));\nband(arange(10), r, #{ name: \"walk\" })",
        "plot: band (10 points), line walk (10 points)",
    )],
    call: |call| {
        let x = XS.of(call)?;
        let series = super::super::runs::single(RUNS.value(call)).ok_or_else(|| {
            Fault::value("band: these runs hold several figures").hint("take one of them: band(xs, r.error)")
        })?;
        let both = series.mean_and_spread();
        alike("band", ["xs has", "the curve has"], [x.len(), both.len()])?;
        let colour = COLOR.of(call)?;
        let (x_of_band, edge) = (x.clone(), |sign: f64| both.iter().map(|(mean, std)| mean + sign * std).collect());
        let band =
            Band { x: x_of_band, low: edge(-1.0), high: edge(1.0), colour, around_next: true, ..Band::default() };
        let line = Line {
            name: NAME.of(call)?.unwrap_or_default(),
            x,
            y: both.iter().map(|v| v.0).collect(),
            colour,
            ..Line::default()
        };
        dressed(call, Axes::default().with(band).with(line))
    },
    ..ENTRY
};

fn rule(call: &Call, at: Param<f64>, horizontal: bool) -> Result<Dynamic> {
    let name = HLINE_NAME.of(call)?.unwrap_or_default();
    dressed(call, Axes::default().with(ReferenceLine { name, horizontal, at: at.of(call)?, colour: COLOR.of(call)? }))
}

const Y: Param<f64> = param("y", types::NUMBER, "its height");
const HLINE_NAME: Maybe<String> = param("name", types::TEXT, "its name in the legend").maybe("none");
static HLINE: Entry = Entry {
    name: "hline",
    group: "picture",
    summary: "a dashed horizontal line, to lie over a plot",
    params: &[Y.param(), HLINE_NAME.param()],
    options: &[COLOR.opt()],
    returns: FIGURE,
    examples: &[runs("the equilibrium", "overlay([plot([-1.2, -1.3]), hline(-log(4), \"−log 4\")])")],
    call: |call| rule(call, Y, true),
    ..ENTRY
};

const X: Param<f64> = param("x", types::NUMBER, "its place");
static VLINE: Entry = Entry {
    name: "vline",
    group: "picture",
    summary: "a dashed vertical line, to lie over a plot",
    params: &[X.param(), HLINE_NAME.param()],
    options: &[COLOR.opt()],
    returns: FIGURE,
    examples: &[runs("a mean", "overlay([hist([1, 2, 3]), vline(2, \"mean\")])")],
    call: |call| rule(call, X, false),
    ..ENTRY
};
