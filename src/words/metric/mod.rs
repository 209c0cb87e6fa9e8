//! The words that measure samples, and how they read them.
//!
//! | file | owns |
//! |---|---|
//! | `likelihood` | `parzen` |
//! | `coverage` | `modes` |
//! | `neighbours` | `nearest_neighbours` |

pub mod coverage;
pub mod likelihood;
pub mod neighbours;

use super::tensor::coerce;
use crate::catalog::{Call, Ty};
use crate::data::Dataset;
use crate::fault::{Fault, Result};
use crate::gan::metrics::Samples;
use crate::output::{Output, Stream};
use crate::tensor::{Tensor, device};
use rhai::{Dynamic, Map};

/// Samples: a tensor, an array that makes one, or a data set, of which all samples are taken.
const SAMPLES: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Of("dataset")]);

const GROUP: &str = "metric";

/// The tensor of samples in a value of type [`SAMPLES`].
fn tensor_of(value: &Dynamic) -> Result<Option<Tensor>> {
    let Some(data) = value.read_lock::<Dataset>() else {
        return coerce(value, &device::current());
    };
    let shape = [&[data.len()], data.shape()].concat();
    Ok(Some(Tensor::from_floats(
        data.gather(0..data.len()),
        &shape,
        &device::current(),
    )))
}

/// The tensor of samples at parameter `i`.
fn tensor_at(call: &Call, i: usize) -> Result<Tensor> {
    tensor_of(call.args.any(i))?.ok_or_else(|| call.args.wrong(i))
}

/// The samples at parameter `i`.
fn samples_at(call: &Call, i: usize) -> Result<Samples> {
    let name = call.entry.params[i].name;
    Samples::read(call.entry.name, name, &tensor_at(call, i)?)
}

/// The whole number in an option that must be at least 1.
fn at_least_one(call: &Call, key: &str, default: usize) -> Result<usize> {
    match call.options.size(key, default)? {
        0 => Err(Fault::value(format!(
            "{}: {key} must be at least 1",
            call.entry.name
        ))),
        n => Ok(n),
    }
}

/// Prints a warning under the cell.
fn warn(call: &Call, text: &str) {
    call.host.show(Output::Text {
        stream: Stream::Stderr,
        text: format!("warning: {}: {text}\n", call.entry.name),
    });
}

/// A map of results.
fn map<const N: usize>(parts: [(&str, Dynamic); N]) -> Dynamic {
    parts
        .into_iter()
        .map(|(key, value)| (key.into(), value))
        .collect::<Map>()
        .into()
}
