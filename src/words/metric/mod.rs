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

use crate::convert::wrap;
use crate::types;
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, Kind, Maybe, Param, Ty, Type, param};
use saddle_data::Dataset;
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::Samples;
use saddle_session::output::{Output, Stream};
use saddle_tensor::{Tensor, device, no_grad};

/// Samples: a tensor, an array that makes one, or a data set, of which all samples are taken.
const SAMPLES: Type<Tensor> = Type::new(Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Of("dataset")]), |given| {
    let Some(data) = given.value.read_lock::<Dataset>() else {
        return types::DATA.read(given);
    };
    let shape = [&[data.len()], data.shape()].concat();
    Ok(Tensor::from_floats(data.gather(0..data.len())?, &shape, &device::current()))
});

/// A whole number of at least 1.
const POSITIVE: Type<usize> = Type::new(Ty::Int, |given| match types::SIZE.read(given)? {
    0 => Err(Fault::value(format!("{}: {} must be at least 1", given.word(), given.name()))),
    n => Ok(n),
});

const GROUP: &str = "metric";

/// All kinds of this folder.
pub const KINDS: &[&Kind] = &[&coverage::FOUND, &judge::KIND_JUDGE];

/// The samples that a parameter holds.
fn samples(call: &Call, parameter: Param<Tensor>) -> Result<Samples> {
    Samples::read(call.entry.name, parameter.name(), &parameter.of(call)?)
}

/// A network or a function that turns samples into features or probabilities, for an option.
const MODEL: Ty = Ty::OneOf(&[Ty::Of("network"), Ty::Of("judge"), Ty::Function]);

/// Samples that a model is given at once.
const BATCH: usize = 500;

/// The option that has samples compared by what a model makes of them.
const FEATURES: Maybe<Dynamic> = param(
    "features",
    types::any(MODEL),
    "a judge, or a network or a function that makes features of samples; it gets them in batches of 500",
)
.maybe("the samples as they are");

/// The features of the samples that a parameter holds: these, or what the option `features` makes of them.
fn features(call: &Call, parameter: Param<Tensor>) -> Result<Samples> {
    let x = through(call, FEATURES, parameter.of(call)?)?;
    Samples::read(call.entry.name, parameter.name(), &x)
}

/// What the model in an option makes of `x`, batch by batch and without gradients; `x` itself without that option.
fn through(call: &Call, option: Maybe<Dynamic>, x: Tensor) -> Result<Tensor> {
    let Some(model) = option.given(call) else {
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
        let y = match option.name() == FEATURES.name() && model.read_lock::<judge::Judge>().is_some() {
            true => wrap(judge::features_of(call, model, &part)?),
            false => call.apply(model, vec![wrap(part)])?,
        };
        let y = y.try_cast::<Tensor>().filter(|y| y.shape().first() == Some(&(end - start)));
        y.ok_or_else(|| {
            Fault::shape(format!(
                "{}: {} must give a tensor with one row for each of the {} samples it gets",
                call.entry.name,
                option.name(),
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

/// Prints a warning under the cell.
fn warn(call: &Call, text: &str) {
    call.host.show(Output::Text { stream: Stream::Stderr, text: format!("warning: {}: {text}\n", call.entry.name) });
}

/// A map of results.
fn map<const N: usize>(parts: [(&str, Dynamic); N]) -> Dynamic {
    parts.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>().into()
}
