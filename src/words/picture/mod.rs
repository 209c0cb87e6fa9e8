//! The words about pictures. A picture is a value: shown as the last expression of a cell, by `show`, or as a panel of
//! a `layout`.
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

use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, Kind, Maybe, Param, Ty, Type, number, param, type_of};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Colour, named_colour};
use saddle_tensor::Tensor;

/// All kinds of this folder.
pub const KINDS: &[&Kind] = &[&value::FIGURE, &value::ANIMATION, &audio::SOUND, &live::LIVE, &live::PROGRESS];

/// Numbers: an array of them, or a tensor.
const NUMBERS: Type<Vec<f64>> =
    Type::new(Ty::OneOf(&[Ty::Tensor, Ty::Array]), |given| numbers_in(given.value)?.ok_or_else(|| given.wrong()));
/// A colour by its name.
const COLOURS: Type<Colour> = Type::new(Ty::Text, |given| {
    let name = types::TEXT.read(given)?;
    named_colour(&name).ok_or_else(|| {
        Fault::value(format!("color: \"{name}\" is not a colour")).hint(format!("use one of: {COLOUR_NAMES}"))
    })
});
const COLOUR_NAMES: &str = "blue, red, green, purple, orange, sky, black, grey or #rrggbb";

const TITLE: Maybe<String> = param("title", types::TEXT, "written above").maybe("none");
const XLABEL: Maybe<String> = param("xlabel", types::TEXT, "written below the x axis").maybe("none");
const YLABEL: Maybe<String> = param("ylabel", types::TEXT, "written beside the y axis").maybe("none");
const XTICKS: Maybe<Array> =
    param("xticks", types::ARRAY, "the names of categories, written at x = 0, 1, 2, …").maybe("numbers");
const YTICKS: Maybe<Array> =
    param("yticks", types::ARRAY, "the names of categories, written at y = 0, 1, 2, …").maybe("numbers");
const XLIM: Maybe<[f64; 2]> = param("xlim", types::RANGE, "[first, last] of the x axis").maybe("from the data");
const YLIM: Maybe<[f64; 2]> = param("ylim", types::RANGE, "[first, last] of the y axis").maybe("from the data");
const LOG_X: Param<bool> = param("log_x", types::BOOL, "a logarithmic x axis").or(false);
const LOG_Y: Param<bool> = param("log_y", types::BOOL, "a logarithmic y axis").or(false);
const EQUAL: Param<bool> = param("equal", types::BOOL, "a step along x is as long as one along y").or(false);
const SIZE: Maybe<[f64; 2]> =
    param("size", types::RANGE, "[width, height] in pixels of the page").maybe("as suits the content");
const COLOR: Maybe<Colour> = param("color", COLOURS, COLOUR_NAMES).maybe("the next of the palette");
const NAME: Maybe<String> = param("name", types::TEXT, "its name in the legend").maybe("none");

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

/// Applies the options of a whole plot: those of them that the word declares.
fn dress(call: &Call, axes: &mut Axes) -> Result<()> {
    let flag = |option: Param<bool>| Ok::<_, Fault>(option.is_declared(call) && option.of(call)?);
    if let Some(title) = TITLE.if_declared(call)? {
        axes.title = title;
    }
    for (axis, label, range, ticks, log) in
        [(&mut axes.x, XLABEL, XLIM, XTICKS, LOG_X), (&mut axes.y, YLABEL, YLIM, YTICKS, LOG_Y)]
    {
        if let Some(label) = label.if_declared(call)? {
            axis.label = label;
        }
        axis.range = range.if_declared(call)?.map(Into::into).or(axis.range);
        if flag(log)? {
            axis.scale = saddle_picture::Scale::Log;
        }
        if let Some(names) = ticks.if_declared(call)? {
            axis.names = texts(ticks.name(), &names)?;
        }
    }
    if EQUAL.is_declared(call) && EQUAL.is_given(call) {
        axes.equal = EQUAL.of(call)?;
    }
    if let Some([w, h]) = SIZE.if_declared(call)? {
        let fits = |v: f64| (60.0..=4000.0).contains(&v);
        if !fits(w) || !fits(h) {
            return Err(Fault::value(format!("size: [{w}, {h}] must lie between 60 and 4000")));
        }
        axes.size = Some((w as f32, h as f32));
    }
    Ok(())
}
