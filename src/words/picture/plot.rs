//! Plots of numbers: curves, points, histograms, bands, reference lines; one over the other.

use super::super::tensor::{fails, opt, optional, param, runs, value};
use super::value::{made, read};
use super::{
    COLOR, EQUAL, LOG_X, LOG_Y, NAME, NUMBERS, SIZE, TITLE, XLABEL, XLIM, XTICKS, YLABEL, YLIM, alike, colour, dress,
    numbers, numbers_in,
};
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Opt, Ty};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Band, Figure, Line, ReferenceLine, Scatter};

pub static ENTRIES: &[&Entry] =
    &[&PLOT, &PLOT_Y, &PLOT_LAYERS, &LINE, &SCATTER, &SCATTER_POINTS, &HIST, &BAND, &BAND_OF_RUNS, &HLINE, &VLINE];

const FIGURE: Ty = Ty::Of("figure");
const SMOOTH: Opt =
    opt("smooth", Ty::Number, "0", "weight of the past in a moving average, in [0, 1); the curve itself is faint");
const PLOT_OPTIONS: &[Opt] = &[TITLE, XLABEL, YLABEL, XTICKS, XLIM, YLIM, LOG_X, LOG_Y, EQUAL, SIZE, SMOOTH];
const LAYER_OPTIONS: &[Opt] = &[
    NAME,
    COLOR,
    opt("dashed", Ty::Bool, "false", "a dashed curve"),
    opt("markers", Ty::Bool, "false", "a dot at every point"),
    opt("fill", Ty::Number, "none", "tints the area between the curve and this height"),
    opt("width", Ty::Number, "1.7", "of the curve, in pixels"),
    SMOOTH,
    TITLE,
    XLABEL,
    YLABEL,
    XTICKS,
    XLIM,
    YLIM,
    LOG_X,
    LOG_Y,
    EQUAL,
    SIZE,
];
const LENGTHS: &[&str] = &["xs and ys of different length", "something that is not numbers"];

fn smooth(call: &Call) -> Result<f64> {
    let smooth = call.options.number("smooth", 0.0)?;
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

const SERIES: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Map]);

static PLOT: Entry = Entry {
    name: "plot",
    group: "picture",
    summary: "curves of ys over xs; a map of several ys names them in a legend",
    params: &[
        param("xs", NUMBERS, "numbers"),
        param("ys", SERIES, "as many numbers, or a map of such: #{ V: …, J: … }"),
    ],
    options: PLOT_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[
        value("a curve", "let x = linspace(0, 1, 5);\nplot(x, x ** 2)", "plot: line (5 points)"),
        fails("lengths that differ", "plot([1, 2, 3], [1, 2])", "xs has 3 values, ys has 2"),
    ],
    call: |call| {
        let xs = numbers(call, 0)?;
        dressed(call, curves(call, Some(&xs), call.args.any(1))?)
    },
    ..ENTRY
};

static PLOT_Y: Entry = Entry {
    name: "plot",
    group: "picture",
    summary: "curves over 0, 1, 2, …",
    params: &[param("ys", SERIES, "numbers, or a map of several")],
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
        None => dressed(call, curves(call, None, call.args.any(0))?),
    },
    ..ENTRY
};

static PLOT_LAYERS: Entry = Entry {
    name: "overlay",
    group: "picture",
    summary: "plots one over the other in the same axes",
    params: &[param("layers", Ty::Array, "figures made by line, scatter, hist, heatmap, …")],
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
    let Some(array) = call.args.any(0).read_lock::<rhai::Array>() else {
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

static LINE: Entry = Entry {
    name: "line",
    group: "picture",
    summary: "one curve, with a name and a look of its own",
    params: &[param("xs", NUMBERS, "numbers"), param("ys", NUMBERS, "as many numbers")],
    options: LAYER_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[value(
        "dashed",
        "line([0, 1], [1, 0], #{ name: \"D\", dashed: true, color: \"blue\" })",
        "plot: line D (2 points)",
    )],
    call: |call| {
        let (x, y) = (numbers(call, 0)?, numbers(call, 1)?);
        alike("line", ["xs has", "ys has"], [x.len(), y.len()])?;
        let fill = call.options.has("fill").then(|| call.options.number("fill", 0.0)).transpose()?;
        let line = Line {
            name: call.options.text("name")?.unwrap_or_default(),
            x,
            y,
            colour: colour(&call.options)?,
            width: call.options.number("width", 0.0)? as f32,
            dashed: call.options.bool("dashed", false)?,
            smooth: smooth(call)?,
            markers: call.options.bool("markers", false)?,
            fill_to: fill,
        };
        dressed(call, Axes::default().with(line))
    },
    ..ENTRY
};

const POINT_OPTIONS: &[Opt] = &[
    NAME,
    COLOR,
    opt("radius", Ty::Number, "by the number of points", "of a point, in pixels"),
    opt("alpha", Ty::Number, "by the number of points", "opacity in [0, 1]"),
    TITLE,
    XLABEL,
    YLABEL,
    XLIM,
    YLIM,
    LOG_X,
    LOG_Y,
    EQUAL,
    SIZE,
];

fn points(call: &Call, x: Vec<f64>, y: Vec<f64>) -> Result<Dynamic> {
    alike("scatter", ["xs has", "ys has"], [x.len(), y.len()])?;
    let alpha = call.options.has("alpha").then(|| call.options.number("alpha", 1.0)).transpose()?;
    let scatter = Scatter {
        name: call.options.text("name")?.unwrap_or_default(),
        x,
        y,
        colour: colour(&call.options)?,
        radius: call.options.number("radius", 0.0)? as f32,
        alpha: alpha.map(|a| a.clamp(0.0, 1.0) as f32),
    };
    dressed(call, Axes::default().with(scatter))
}

static SCATTER: Entry = Entry {
    name: "scatter",
    group: "picture",
    summary: "points",
    params: &[param("xs", NUMBERS, "numbers"), param("ys", NUMBERS, "as many numbers")],
    options: POINT_OPTIONS,
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[value("two points", "scatter([0, 1], [1, 0])", "plot: scatter (2 points)")],
    call: |call| points(call, numbers(call, 0)?, numbers(call, 1)?),
    ..ENTRY
};

static SCATTER_POINTS: Entry = Entry {
    name: "scatter",
    group: "picture",
    summary: "points of the plane, one in each row of a tensor",
    params: &[param("points", Ty::Tensor, "[n, 2]")],
    options: POINT_OPTIONS,
    returns: FIGURE,
    errors: &["a tensor that is not [n, 2]"],
    examples: &[value("a cloud", "scatter(randn([100, 2]), #{ equal: true })", "plot: scatter (100 points)")],
    call: |call| {
        let t: saddle_tensor::Tensor = call.args.get(0)?;
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

static HIST: Entry = Entry {
    name: "hist",
    group: "picture",
    summary: "histograms over common bins; a map of several names them in a legend",
    params: &[param("samples", SERIES, "numbers, or a map of such: #{ data: …, model: … }")],
    options: &[
        opt("bins", Ty::Int, "by the number of samples", "number of bins"),
        opt("density", Ty::Bool, "true", "areas of 1 instead of counts"),
        TITLE,
        XLABEL,
        YLABEL,
        XLIM,
        YLIM,
        LOG_Y,
        SIZE,
    ],
    returns: FIGURE,
    errors: &["something that is not numbers"],
    examples: &[value(
        "two samples",
        "hist(#{ a: [1, 2, 2], b: [2, 3] }, #{ bins: 4 })",
        "plot: histogram a (4 bins), histogram b (4 bins)",
    )],
    call: |call| {
        let v = call.args.any(0);
        let mut series: Vec<(String, Vec<f64>)> = Vec::new();
        match v.read_lock::<Map>() {
            Some(map) => {
                for (name, v) in map.iter() {
                    series.push((name.to_string(), numbers_in(v)?.ok_or_else(|| call.args.wrong(0))?));
                }
            }
            None => series.push((String::new(), numbers(call, 0)?)),
        }
        let bins = call.options.has("bins").then(|| call.options.size("bins", 0)).transpose()?;
        let series: Vec<(&str, &[f64])> = series.iter().map(|(n, s)| (n.as_str(), s.as_slice())).collect();
        let density = call.options.bool("density", true)?;
        let mut axes = Axes::default().with_histograms(&series, bins, density);
        axes.y.label = if density { "density" } else { "count" }.into();
        dressed(call, axes)
    },
    ..ENTRY
};

static BAND: Entry = Entry {
    name: "band",
    group: "picture",
    summary: "the area between two curves, such as a mean ± its standard error",
    params: &[param("xs", NUMBERS, "numbers"), param("low", NUMBERS, "as many"), param("high", NUMBERS, "as many")],
    options: &[NAME, COLOR, TITLE, XLABEL, YLABEL, XLIM, YLIM, SIZE],
    returns: FIGURE,
    errors: LENGTHS,
    examples: &[value("two points wide", "band([0, 1], [0, 0], [1, 2])", "plot: band (2 points)")],
    call: |call| {
        let (x, low, high) = (numbers(call, 0)?, numbers(call, 1)?, numbers(call, 2)?);
        alike("band", ["xs has", "low has"], [x.len(), low.len()])?;
        alike("band", ["xs has", "high has"], [x.len(), high.len()])?;
        let name = call.options.text("name")?.unwrap_or_default();
        dressed(call, Axes::default().with(Band { name, x, low, high, colour: colour(&call.options)? }))
    },
    ..ENTRY
};

static BAND_OF_RUNS: Entry = Entry {
    name: "band",
    group: "picture",
    summary: "a curve over seeds: its mean, and the area of one standard deviation around it",
    params: &[
        param("xs", NUMBERS, "numbers"),
        param("runs", Ty::Of("runs"), "runs whose experiment gives a curve, as many numbers"),
    ],
    options: &[NAME, COLOR, TITLE, XLABEL, YLABEL, XLIM, YLIM, LOG_Y, SIZE],
    returns: FIGURE,
    errors: &["runs of several figures: take one, runs.key", "curves of another length than xs"],
    examples: &[value(
        "five seeds",
        "let r = runs(5, |seed| cumsum(randn([10])));\nband(arange(10), r, #{ name: \"walk\" })",
        "plot: band (10 points), line walk (10 points)",
    )],
    call: |call| {
        let x = numbers(call, 0)?;
        let series = super::super::runs::single(call.args.any(1)).ok_or_else(|| {
            Fault::value("band: these runs hold several figures").hint("take one of them: band(xs, r.error)")
        })?;
        let both = series.mean_and_spread();
        alike("band", ["xs has", "the curve has"], [x.len(), both.len()])?;
        let colour = colour(&call.options)?.unwrap_or_else(|| saddle_picture::series_colour(0));
        let edge = |sign: f64| both.iter().map(|(mean, std)| mean + sign * std).collect();
        let band = Band { name: String::new(), x: x.clone(), low: edge(-1.0), high: edge(1.0), colour: Some(colour) };
        let line = Line {
            name: call.options.text("name")?.unwrap_or_default(),
            x,
            y: both.iter().map(|v| v.0).collect(),
            colour: Some(colour),
            ..Line::default()
        };
        dressed(call, Axes::default().with(band).with(line))
    },
    ..ENTRY
};

fn rule(call: &Call, horizontal: bool) -> Result<Dynamic> {
    let name = if call.args.has(1) { call.args.text(1)? } else { String::new() };
    dressed(
        call,
        Axes::default().with(ReferenceLine {
            name,
            horizontal,
            at: call.args.number(0)?,
            colour: colour(&call.options)?,
        }),
    )
}

static HLINE: Entry = Entry {
    name: "hline",
    group: "picture",
    summary: "a dashed horizontal line, to lie over a plot",
    params: &[param("y", Ty::Number, "its height"), optional("name", Ty::Text, "none", "its name in the legend")],
    options: &[COLOR],
    returns: FIGURE,
    examples: &[runs("the equilibrium", "overlay([plot([-1.2, -1.3]), hline(-log(4), \"−log 4\")])")],
    call: |call| rule(call, true),
    ..ENTRY
};

static VLINE: Entry = Entry {
    name: "vline",
    group: "picture",
    summary: "a dashed vertical line, to lie over a plot",
    params: &[param("x", Ty::Number, "its place"), optional("name", Ty::Text, "none", "its name in the legend")],
    options: &[COLOR],
    returns: FIGURE,
    examples: &[runs("a mean", "overlay([hist([1, 2, 3]), vline(2, \"mean\")])")],
    call: |call| rule(call, false),
    ..ENTRY
};
