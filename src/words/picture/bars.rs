//! `bars`: a bar for each category, with whiskers where there is a spread.

use super::super::runs;
use crate::types;

use super::plot::SERIES;
use super::value::made;
use super::{COLOR, LOG_Y, NAME, SIZE, TITLE, XLABEL, YLABEL, YLIM, dress, numbers_in, texts};
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, fails, param, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Columns};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&BARS];

const NAMES: Param<Array> = param("names", types::ARRAY, "the categories");
const HEIGHTS: Param<Dynamic> = param(
    "heights",
    types::any(SERIES),
    "a number for each category, or an array of its values, or what `runs` gave; a map of such: bars side by side, named in a legend",
);
const ERROR: Maybe<Dynamic> =
    param("error", types::any(SERIES), "half the length of each whisker, such as a standard error")
        .maybe("the spread of the values");
static BARS: Entry = Entry {
    name: "bars",
    group: "picture",
    summary: "a bar for each category, named on the axis; where a category has several values, their mean, a whisker of one standard deviation up and down, and the values as dots",
    params: &[NAMES.param(), HEIGHTS.param()],
    options: &[
        ERROR.opt(),
        NAME.opt(),
        COLOR.opt(),
        TITLE.opt(),
        XLABEL.opt(),
        YLABEL.opt(),
        YLIM.opt(),
        LOG_Y.opt(),
        SIZE.opt(),
    ],
    returns: Ty::Of("figure"),
    errors: &[
        "not as many heights, or errors, as names",
        "a name that is no text or number",
        "something that is not numbers",
    ],
    examples: &[
        value(
            "with error bars",
            "bars([\"K = 0\", \"K = 5\"], [2.2, 7.8], #{ error: [0.4, 0.2], ylabel: \"modes\" })",
            "plot: bars (2)",
        ),
        value(
            "the values of three seeds each, for two methods",
            "bars([\"ring\", \"grid\"], #{ plain: [[2, 3, 2], [9, 8, 9]], packed: [[8, 7, 8], [22, 25, 24]] })",
            "plot: bars packed (2), bars plain (2)",
        ),
        fails("a name that is none", "bars([()], [1])", "a text or a number"),
        fails("a height too few", "bars([\"a\", \"b\"], [1])", "2 names, heights has 1 values"),
    ],
    call: |call| {
        let names = texts("bars", &NAMES.of(call)?)?;
        let given = HEIGHTS.value(call);
        let mut axes = Axes::default();
        axes.x.names = names.clone();
        match given.read_lock::<Map>() {
            None => {
                let mut columns = series(call, given, ERROR.given(call), names.len())?;
                columns.name = NAME.of(call)?.unwrap_or_default();
                columns.colour = COLOR.of(call)?;
                axes = axes.with(columns);
            }
            Some(map) => {
                let errors = ERROR.given(call);
                let errors = errors.map(|e| e.read_lock::<Map>().ok_or_else(|| ERROR.wrong(call))).transpose()?;
                for (i, (name, heights)) in map.iter().enumerate() {
                    let error = errors.as_ref().and_then(|map| map.get(name));
                    let columns = series(call, heights, error, names.len())?;
                    axes = axes.with(Columns { name: name.to_string(), slot: (i, map.len()), ..columns });
                }
            }
        }
        dress(call, &mut axes)?;
        made(axes)
    },
    ..ENTRY
};

/// The bars of one series.
fn series(call: &Call, heights: &Dynamic, error: Option<&Dynamic>, n: usize) -> Result<Columns> {
    let mut columns = match groups(heights)? {
        Some(points) => {
            let (heights, errors) = points.iter().map(|values| mean_and_spread(values)).unzip();
            Columns { heights, errors, points, ..Columns::default() }
        }
        None => {
            let heights = numbers_in(heights)?
                .ok_or_else(|| Fault::type_(format!("bars: heights must be numbers, got {}", type_of(heights))))?;
            Columns { heights, ..Columns::default() }
        }
    };
    count("heights", columns.heights.len(), n)?;
    if let Some(error) = error {
        columns.errors = numbers_in(error)?.ok_or_else(|| ERROR.wrong(call))?;
        count("error", columns.errors.len(), n)?;
    }
    Ok(columns)
}

fn count(what: &str, got: usize, names: usize) -> Result<()> {
    match got == names {
        true => Ok(()),
        false => Err(Fault::shape(format!("bars: {names} names, {what} has {got} values"))),
    }
}

/// The values of each category, where there are several: an array of arrays, or a matrix with a row for each.
fn groups(heights: &Dynamic) -> Result<Option<Vec<Vec<f64>>>> {
    if let Some(t) = heights.read_lock::<Tensor>() {
        let &[_, per] = &t.shape()[..] else { return Ok(None) };
        let all: Vec<f64> = t.to_floats()?.into_iter().map(f64::from).collect();
        return Ok(Some(all.chunks_exact(per.max(1)).map(<[f64]>::to_vec).collect()));
    }
    let Some(items) = heights.read_lock::<Array>() else { return Ok(None) };
    let many = |v: &Dynamic| {
        runs::single(v).is_some() || v.is_array() || v.read_lock::<Tensor>().is_some_and(|t| t.len() != 1)
    };
    if !items.iter().any(many) {
        return Ok(None);
    }
    let group = |v: &Dynamic| {
        if let Some(series) = runs::single(v) {
            return Ok(series.values.concat());
        }
        numbers_in(v)?.ok_or_else(|| {
            Fault::type_(format!("bars: each category needs an array of its values, got {}", type_of(v)))
        })
    };
    items.iter().map(group).collect::<Result<Vec<_>>>().map(Some)
}

/// The mean and the unbiased standard deviation; 0 of a single value.
pub fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}
