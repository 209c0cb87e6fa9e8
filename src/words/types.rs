//! The types of parameters and options: those of every catalog, and those of this language, each with how it is read.

use super::metric::judge::Judge;
use super::network::init::Initializer;
use super::network::optimizer::Handle;
use super::picture::live::Live;
use super::runs::Runs;
use super::tensor::gradient::Operation;
use super::tensor::random::Rng;
use super::widget::explore::Explorer;
use super::widget::value::Widget;
use crate::convert::{coerce, ints, nested};
use rhai::Array;
pub(crate) use saddle_catalog::types::*;
use saddle_catalog::{Given, Ty, Type, shape};
use saddle_data::{Dataset, Distribution};
use saddle_fault::{Fault, Result};
use saddle_nn::schedule::Schedule;
use saddle_nn::{Init, Network};
use saddle_tensor::{Dtype, Tensor, check_shape, device};

/// A tensor.
pub(crate) const TENSOR: Type<Tensor> = Type::holding(Ty::Tensor);
/// A tensor, or the nested array or the range that `tensor` would make one of, on the current device.
pub(crate) const DATA: Type<Tensor> = Type::new(Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Range]), |given| {
    coerce(given.value, &device::current())?.ok_or_else(|| given.wrong())
});
/// A tensor or a number, as a tensor on the current device.
pub(crate) const TENSOR_LIKE: Type<Tensor> = DATA.accepting(Ty::TensorLike);
/// Tensors in an array.
pub(crate) const TENSORS: Type<Vec<Tensor>> = Type::new(Ty::Array, |given| {
    let tensors = given.value.read_lock::<Array>().and_then(|all| {
        let each = all.iter().map(|v| v.read_lock::<Tensor>().map(|t| t.clone()));
        each.collect::<Option<Vec<_>>>()
    });
    tensors.ok_or_else(|| Fault::type_(format!("{}: {} must be an array of tensors", given.word(), given.what())))
});
/// Whole numbers for indices and labels: an int tensor as it is, an array or a range of whole numbers as one.
pub(crate) const WHOLE: Type<Tensor> = Type::new(Ty::OneOf(&[Ty::Tensor, Ty::Array, Ty::Range]), whole);
/// The shape of a tensor that could be held.
pub(crate) const TENSOR_SHAPE: Type<Vec<usize>> = Type::new(Ty::Shape, |given| {
    let shape = SHAPE.read(given)?;
    check_shape(given.word(), &shape)?;
    Ok(shape)
});
/// A dim; negative ones count from the end.
pub(crate) const DIM: Type<isize> = Type::new(Ty::Int, |given| INT.read(given).map(|d| d as isize));
/// A dim, or several in an array.
pub(crate) const DIMS: Type<Vec<isize>> = Type::new(Ty::OneOf(&[Ty::Int, Ty::Array]), |given| {
    let dims = given.value.as_int().map_or_else(|_| ints(given.value), |d| Some(vec![d]));
    dims.map(|dims| dims.into_iter().map(|d| d as isize).collect()).ok_or_else(|| given.wrong())
});
/// A number for both directions, or [height, width].
pub(crate) const PAIR: Type<[usize; 2]> = Type::new(Ty::OneOf(&[Ty::Int, Ty::Shape]), |given| {
    if given.value.is_int() {
        return SIZE.read(given).map(|n| [n; 2]);
    }
    let pair = shape(given.value).and_then(|pair| <[usize; 2]>::try_from(pair).ok());
    pair.ok_or_else(|| given.wrong().hint("a whole number ≥ 0, or two: [height, width]"))
});
/// A size, or an array of sizes.
pub(crate) const SIZES: Type<Vec<usize>> = Type::new(Ty::OneOf(&[Ty::Int, Ty::Shape]), |given| {
    if given.value.is_int() { SIZE.read(given).map(|n| vec![n]) } else { SHAPE.read(given) }
});
/// Two numbers: `[first, last]`.
pub(crate) const RANGE: Type<[f64; 2]> = Type::new(Ty::Array, |given| {
    let pair = <[f64; 2]>::try_from(NUMBERS.read(given)?);
    pair.map_err(|got| Fault::value(format!("{}: {} needs two numbers, got {got:?}", given.word(), given.what())))
});

/// A network.
pub(crate) const NETWORK: Type<Network> = Type::holding(Ty::Of("network"));
/// How a layer's parameters start.
pub(crate) const INITIALIZER: Type<Init> = Type::new(Ty::Of("initializer"), |given| {
    let init = given.value.read_lock::<Initializer>().map(|i| i.0);
    init.ok_or_else(|| given.wrong())
});
/// An optimizer.
pub(crate) const OPTIMIZER: Type<Handle> = Type::holding(Ty::Of("optimizer"));
/// A number for each step.
pub(crate) const SCHEDULE: Type<Schedule> = Type::holding(Ty::Of("schedule"));
/// A distribution to draw from.
pub(crate) const DISTRIBUTION: Type<Distribution> = Type::holding(Ty::Of("distribution"));
/// A data set.
pub(crate) const DATASET: Type<Dataset> = Type::holding(Ty::Of("dataset"));
/// A stream of random numbers.
pub(crate) const RNG: Type<Rng> = Type::holding(Ty::Of("rng"));
/// A differentiable operation of the notebook's own.
pub(crate) const OPERATION: Type<Operation> = Type::holding(Ty::Of("operation"));
/// A classifier trained on the spot.
pub(crate) const JUDGE: Type<Judge> = Type::holding(Ty::Of("judge"));
/// What several seeds gave.
pub(crate) const RUNS: Type<Runs> = Type::holding(Ty::Of("runs"));
/// A plot that grows.
pub(crate) const LIVE_PLOT: Type<Live> = Type::holding(Ty::Of("live_plot"));
/// A control on the page.
pub(crate) const WIDGET: Type<Widget> = Type::holding(Ty::Of("widget"));
/// Sliders through a latent space.
pub(crate) const EXPLORER: Type<Explorer> = Type::holding(Ty::Of("explorer"));

fn whole(given: &Given) -> Result<Tensor> {
    match given.value.read_lock::<Tensor>() {
        Some(t) if t.dtype() == Dtype::Int => Ok(t.clone()),
        Some(t) => Err(Fault::type_(format!(
            "{}: {} must be whole numbers, got a tensor of {}",
            given.word(),
            given.what(),
            t.dtype().name()
        ))
        .hint("int(t) makes whole numbers of a tensor")),
        None => nested(given.value, Some(Dtype::Int), &device::current()),
    }
}
