//! The words that measure samples, and how they read them.
//!
//! | file | owns |
//! |---|---|
//! | `likelihood` | `parzen` |
//! | `coverage` | `modes`, `precision_recall`, `density_coverage` |
//! | `neighbours` | `nearest_neighbours` |
//! | `features` | `fid`, `kid`, `inception_score` |
//! | `judge` | a classifier trained on the spot; `accuracy` |
//! | `divergence` | `histogram`, `kl`, `js`, `wasserstein_1d` |
//! | `similarity` | `psnr`, `ssim` |

pub mod coverage;
pub mod divergence;
pub mod features;
pub mod judge;
pub mod likelihood;
pub mod neighbours;
pub mod similarity;

use super::tensor::{coerce, opt, wrap};
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, Kind, Opt, Ty};
use saddle_data::Dataset;
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::Samples;
use saddle_session::output::{Output, Stream};
use saddle_tensor::{Tensor, device, no_grad};

/// Samples: a tensor, an array that makes one, or a data set, of which all samples are taken.
const SAMPLES: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Of("dataset")]);

const GROUP: &str = "metric";

/// All kinds of this folder.
pub const KINDS: &[&Kind] = &[&coverage::FOUND, &judge::KIND_JUDGE];

/// The tensor of samples in a value of type [`SAMPLES`].
fn tensor_of(value: &Dynamic) -> Result<Option<Tensor>> {
    let Some(data) = value.read_lock::<Dataset>() else {
        return coerce(value, &device::current());
    };
    let shape = [&[data.len()], data.shape()].concat();
    Ok(Some(Tensor::from_floats(data.gather(0..data.len())?, &shape, &device::current())))
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

/// A network or a function that turns samples into features or probabilities, for an option.
const MODEL: Ty = Ty::OneOf(&[Ty::Of("network"), Ty::Of("judge"), Ty::Function]);

/// Samples that a model is given at once.
const BATCH: usize = 500;

/// The option that has samples compared by what a model makes of them.
const FEATURES: Opt = opt(
    "features",
    MODEL,
    "the samples as they are",
    "a judge, or a network or a function that makes features of samples; it gets them in batches of 500",
);

/// The features at parameter `i`: the samples, or what the option `features` makes of them.
fn features_at(call: &Call, i: usize) -> Result<Samples> {
    let x = through(call, "features", tensor_at(call, i)?)?;
    Samples::read(call.entry.name, call.entry.params[i].name, &x)
}

/// What the model in an option makes of `x`, batch by batch and without gradients; `x` itself without that option.
fn through(call: &Call, key: &str, x: Tensor) -> Result<Tensor> {
    let Some(model) = call.options.any(key) else {
        return Ok(x);
    };
    let Some(&n) = x.shape().first() else {
        return Ok(x);
    };
    let apply = |start: usize| {
        call.host.check_interrupt()?;
        let end = n.min(start + BATCH);
        let part = x.narrow(0, start..end)?;
        // A judge called is its probabilities; as features count its last hidden layer.
        let y = match key == "features" && model.read_lock::<judge::Judge>().is_some() {
            true => wrap(judge::features_of(call, model, &part)?),
            false => call.apply(model, vec![wrap(part)])?,
        };
        let y = y.try_cast::<Tensor>().filter(|y| y.shape().first() == Some(&(end - start)));
        y.ok_or_else(|| {
            Fault::shape(format!(
                "{}: {key} must give a tensor with one row for each of the {} samples it gets",
                call.entry.name,
                end - start
            ))
        })
    };
    let parts = no_grad(|| (0..n).step_by(BATCH).map(apply).collect::<Result<Vec<_>>>())?;
    match parts.is_empty() {
        true => Ok(x),
        false => no_grad(|| Tensor::cat(&parts, 0)),
    }
}

/// The whole number in an option that must be at least 1.
fn at_least_one(call: &Call, key: &str, default: usize) -> Result<usize> {
    match call.options.size(key, default)? {
        0 => Err(Fault::value(format!("{}: {key} must be at least 1", call.entry.name))),
        n => Ok(n),
    }
}

/// Prints a warning under the cell.
fn warn(call: &Call, text: &str) {
    call.host.show(Output::Text { stream: Stream::Stderr, text: format!("warning: {}: {text}\n", call.entry.name) });
}

/// A map of results.
fn map<const N: usize>(parts: [(&str, Dynamic); N]) -> Dynamic {
    parts.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>().into()
}
