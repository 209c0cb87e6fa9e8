//! The words about pictures. A picture is a value: shown as the last expression of a cell, by `show`, or as a panel of a
//! `layout`.
//!
//! | file | owns |
//! |---|---|
//! | `value` | the kinds `figure` and `animation`; `show`, `layout`, `animate`, `play` |
//! | `plot` | `plot`, `line`, `scatter`, `hist`, `band`, `hline`, `vline` |
//! | `bars` | `bars` |
//! | `field` | `heatmap`, `vector_field`, `arrows` |
//! | `grid` | `image_grid`, `show_grid` |
//! | `audio` | the kind `audio`: a player and a picture of the wave |
//! | `live` | `live_plot`, `progress`: pictures that change while a cell runs |
//! | `display` | where a picture that has a name stands; `clear_output` |

pub mod audio;
pub mod bars;
pub mod display;
pub mod field;
pub mod grid;
pub mod live;
pub mod plot;
pub mod value;

use rhai::{Array, Dynamic};
use saddle_catalog::{Call, Kind, Opt, Options, Ty, number, type_of};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Colour, named_colour};
use saddle_tensor::Tensor;

/// All kinds of this folder.
pub const KINDS: &[&Kind] = &[&value::FIGURE, &value::ANIMATION, &audio::SOUND, &live::LIVE, &live::PROGRESS];

/// Numbers: an array of them, or a tensor.
const NUMBERS: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array]);

use super::tensor::opt;

const TITLE: Opt = opt("title", Ty::Text, "none", "written above");
const XLABEL: Opt = opt("xlabel", Ty::Text, "none", "written below the x axis");
const YLABEL: Opt = opt("ylabel", Ty::Text, "none", "written beside the y axis");
const XTICKS: Opt = opt("xticks", Ty::Array, "numbers", "the names of categories, written at x = 0, 1, 2, …");
const YTICKS: Opt = opt("yticks", Ty::Array, "numbers", "the names of categories, written at y = 0, 1, 2, …");
const XLIM: Opt = opt("xlim", Ty::Array, "from the data", "[first, last] of the x axis");
const YLIM: Opt = opt("ylim", Ty::Array, "from the data", "[first, last] of the y axis");
const LOG_X: Opt = opt("log_x", Ty::Bool, "false", "a logarithmic x axis");
const LOG_Y: Opt = opt("log_y", Ty::Bool, "false", "a logarithmic y axis");
const EQUAL: Opt = opt("equal", Ty::Bool, "false", "a step along x is as long as one along y");
const SIZE: Opt = opt("size", Ty::Array, "as suits the content", "[width, height] in pixels of the page");
const COLOR: Opt =
    opt("color", Ty::Text, "the next of the palette", "blue, red, green, purple, orange, sky, black, grey or #rrggbb");
const NAME: Opt = opt("name", Ty::Text, "none", "its name in the legend");

/// The numbers in a value, if it is a tensor or an array of numbers (or of tensors with one element).
fn numbers_in(value: &Dynamic) -> Result<Option<Vec<f64>>> {
    if let Some(t) = value.read_lock::<Tensor>() {
        return Ok(Some(t.to_floats()?.into_iter().map(f64::from).collect()));
    }
    let Some(array) = value.read_lock::<Array>() else {
        return Ok(None);
    };
    array.iter().map(one).collect()
}

/// A number, or the one element of a tensor.
fn one(value: &Dynamic) -> Result<Option<f64>> {
    if let Some(v) = number(value) {
        return Ok(Some(v));
    }
    match value.read_lock::<Tensor>() {
        Some(t) if t.len() == 1 => Ok(t.to_floats()?.first().map(|&v| f64::from(v))),
        _ => Ok(None),
    }
}

/// The numbers at parameter `i`.
fn numbers(call: &Call, i: usize) -> Result<Vec<f64>> {
    numbers_in(call.args.any(i))?.ok_or_else(|| call.args.wrong(i))
}

/// The names of categories: texts as they are, numbers as they are written. An error where one is neither.
fn texts(word: &str, names: &[Dynamic]) -> Result<Vec<String>> {
    let name = |v: &Dynamic| match v.is_string() || v.is_int() || v.is_float() {
        true => Ok(v.to_string()),
        false => Err(Fault::type_(format!("{word}: the name of a category is a text or a number, got {}", type_of(v)))),
    };
    names.iter().map(name).collect()
}

/// An error where two lists that belong together differ in length.
fn alike(word: &str, what: [&str; 2], n: [usize; 2]) -> Result<()> {
    match n[0] == n[1] {
        true => Ok(()),
        false => Err(Fault::shape(format!("{word}: {} {} values, {} {}", what[0], n[0], what[1], n[1]))),
    }
}

/// The option `color`.
fn colour(options: &Options) -> Result<Option<Colour>> {
    let Some(name) = options.text("color")? else {
        return Ok(None);
    };
    named_colour(&name).map(Some).ok_or_else(|| {
        Fault::value(format!("color: \"{name}\" is not a colour")).hint(format!("use one of: {}", COLOR.doc))
    })
}

/// Two numbers in an array, such as a range or a size.
pub(super) fn two(options: &Options, key: &str) -> Result<Option<(f64, f64)>> {
    match options.numbers(key)?.as_deref() {
        None => Ok(None),
        Some(&[a, b]) => Ok(Some((a, b))),
        Some(other) => Err(Fault::value(format!("{key}: needs two numbers, got {other:?}"))),
    }
}

/// Applies the options of a whole plot: those of them that the word declares.
fn dress(call: &Call, axes: &mut Axes) -> Result<()> {
    let declared = |key: &str| call.entry.options.iter().any(|o| o.key == key);
    let options = &call.options;
    let text = |key: &str| {
        if declared(key) { options.text(key) } else { Ok(None) }
    };
    let pair = |key: &str| {
        if declared(key) { two(options, key) } else { Ok(None) }
    };
    let flag = |key: &str, was: bool| {
        if declared(key) { options.bool(key, was) } else { Ok(was) }
    };
    if let Some(title) = text("title")? {
        axes.title = title;
    }
    for (axis, label, range, log) in
        [(&mut axes.x, "xlabel", "xlim", "log_x"), (&mut axes.y, "ylabel", "ylim", "log_y")]
    {
        if let Some(label) = text(label)? {
            axis.label = label;
        }
        axis.range = pair(range)?.or(axis.range);
        if flag(log, false)? {
            axis.scale = saddle_picture::Scale::Log;
        }
    }
    if declared("xticks")
        && let Some(names) = options.get::<Array>("xticks")?
    {
        axes.x.names = texts("xticks", &names)?;
    }
    if declared("yticks")
        && let Some(names) = options.get::<Array>("yticks")?
    {
        axes.y.names = texts("yticks", &names)?;
    }
    axes.equal = flag("equal", axes.equal)?;
    if let Some((w, h)) = pair("size")? {
        let fits = |v: f64| (60.0..=4000.0).contains(&v);
        if !fits(w) || !fits(h) {
            return Err(Fault::value(format!("size: [{w}, {h}] must lie between 60 and 4000")));
        }
        axes.size = Some((w as f32, h as f32));
    }
    Ok(())
}
