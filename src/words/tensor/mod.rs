//! The words about tensors, one file per family, and how they read tensors, numbers, arrays and dims.
//!
//! | file | owns |
//! |---|---|
//! | `value` | the kind `tensor`: fields, `t[i]`, loops; `item`, `to_array`, casts |
//! | `create` | `tensor`, `zeros`, `arange`, … |
//! | `random` | `seed`, `randn`, … and the kind `rng` |
//! | `noise` | `gumbel`, `exponential`, `truncated_normal` |
//! | `operators`, `comparison` | `+ - * / % **`, `@`; comparisons, `& \| !` |
//! | `math` | element-wise functions |
//! | `reduce` | `sum`, `mean`, `softmax`, … |
//! | `quantile` | `median`, `quantile` |
//! | `shape` | `reshape`, `permute`, … |
//! | `join` | `cat`, `split`, `pad`, … |
//! | `index` | `gather`, `where`, `sort`, … |
//! | `indexing` | `t[a, b]`, `t[i] = v`, steps of ranges |
//! | `linalg` | `matmul`, `einsum`, … |
//! | `determinant` | `slogdet`, `inv` |
//! | `conv` | convolutions, pooling, resampling |
//! | `gradient` | `grad`, `no_grad`, `custom_op`, … |
//! | `finite_difference` | the slope of a function, measured |
//! | `device` | `device`, `devices`, `to` |
//! | `first_use` | what is shown while a graphics processor prepares its kernels |

pub mod comparison;
pub mod conv;
pub mod create;
pub mod determinant;
pub mod device;
pub mod finite_difference;
mod first_use;
pub mod gradient;
pub mod index;
pub mod indexing;
pub mod join;
pub mod linalg;
pub mod math;
pub mod noise;
pub mod operators;
pub mod quantile;
pub mod random;
pub mod reduce;
pub mod shape;
pub mod value;

use rhai::{Array, Dynamic};
use saddle_catalog::{Args, Call, DefaultValue, Example, Gives, Opt, Options, Param, Ty, number};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Dtype, Tensor, device as devices};

/// A dim, or several in an array.
pub(super) const DIMS: Ty = Ty::OneOf(&[Ty::Int, Ty::Array]);
/// A tensor, or the nested array that `tensor` would make one of.
pub(super) const DATA: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array]);

/// The operand that most words have.
pub(super) const X: Param = param("x", Ty::Tensor, "the tensor");

pub(super) const fn param(name: &'static str, ty: Ty, doc: &'static str) -> Param {
    Param { name, ty, default: None, doc }
}

/// A parameter that may be left out.
pub(super) const fn optional(name: &'static str, ty: Ty, default: &'static str, doc: &'static str) -> Param {
    Param { name, ty, default: Some(default), doc }
}

/// An option whose default is no constant of its own; one that is, is a [`Setting`](saddle_catalog::Setting).
pub(super) const fn opt(key: &'static str, ty: Ty, default: &'static str, doc: &'static str) -> Opt {
    Opt { key, ty, default: DefaultValue::Words(default), doc }
}

/// An example with a value that is known from outside.
pub(super) const fn value(what: &'static str, code: &'static str, text: &'static str) -> Example {
    Example { what, code, gives: Gives::Value(text) }
}

/// An example of a mistake, and what is said about it.
pub(super) const fn fails(what: &'static str, code: &'static str, part: &'static str) -> Example {
    Example { what, code, gives: Gives::Error(part) }
}

/// An example that is shown and must run.
pub(super) const fn runs(what: &'static str, code: &'static str) -> Example {
    Example { what, code, gives: Gives::Runs }
}

/// A tensor as a value of the language.
pub(super) fn wrap(t: Tensor) -> Dynamic {
    Dynamic::from(t)
}

/// Tensors as an array of the language.
pub(super) fn wrap_all(tensors: impl IntoIterator<Item = Tensor>) -> Dynamic {
    tensors.into_iter().map(wrap).collect::<Array>().into()
}

/// The tensor at parameter `i`.
pub(super) fn tensor(call: &Call, i: usize) -> Result<Tensor> {
    call.args.get(i)
}

/// The tensor in a value; a number or an array becomes one, on `device`.
pub(super) fn coerce(value: &Dynamic, device: &Device) -> Result<Option<Tensor>> {
    if let Some(t) = value.read_lock::<Tensor>() {
        return Ok(Some(t.clone()));
    }
    if let Some(v) = number(value) {
        return Ok(Some(Tensor::full(v as f32, &[], device)));
    }
    match value.is_array() {
        true => create::nested(value, None, device).map(Some),
        false => Ok(None),
    }
}

/// As [`coerce`], where a whole number stays one if `whole` says that it stands beside whole numbers.
pub(super) fn coerce_beside(value: &Dynamic, whole: bool, device: &Device) -> Result<Option<Tensor>> {
    match value.as_int() {
        Ok(n) if whole => Ok(Some(Tensor::from_ints(vec![n], &[], device))),
        _ => coerce(value, device),
    }
}

/// Whether a value is a tensor of whole numbers or truth values.
pub(super) fn is_whole(value: &Dynamic) -> bool {
    value.read_lock::<Tensor>().is_some_and(|t| t.dtype() != Dtype::F32)
}

/// A tensor, a number or an array at parameter `i`, as a tensor on the current device.
pub(super) fn data(call: &Call, i: usize) -> Result<Tensor> {
    coerce(call.args.any(i), &devices::current())?.ok_or_else(|| call.args.wrong(i))
}

/// Whole numbers for indices and labels at parameter `i`: an int tensor as it is, an array of whole numbers as one.
pub(super) fn whole(call: &Call, i: usize) -> Result<Tensor> {
    let value = call.args.any(i);
    match value.read_lock::<Tensor>() {
        Some(t) if t.dtype() == Dtype::Int => Ok(t.clone()),
        Some(t) => Err(Fault::type_(format!(
            "{}: {} must be whole numbers, got a tensor of {}",
            call.entry.name,
            call.entry.params[i].name,
            t.dtype().name()
        ))
        .hint("int(t) makes whole numbers of a tensor")),
        None => create::nested(value, Some(Dtype::Int), &devices::current()),
    }
}

/// A dim at parameter `i`; negative dims count from the end.
pub(super) fn dim(args: &Args, i: usize) -> Result<isize> {
    Ok(args.int(i)? as isize)
}

/// The ints in an array of whole numbers of either sign; `None` for anything else.
pub(super) fn ints(value: &Dynamic) -> Option<Vec<i64>> {
    value.read_lock::<Array>()?.iter().map(|v| v.as_int().ok()).collect()
}

/// One dim or an array of them.
fn read_dims(value: &Dynamic) -> Option<Vec<isize>> {
    match value.as_int() {
        Ok(d) => Some(vec![d as isize]),
        Err(_) => Some(ints(value)?.into_iter().map(|d| d as isize).collect()),
    }
}

/// The dims at parameter `i`.
pub(super) fn dims_at(args: &Args, i: usize) -> Result<Vec<isize>> {
    read_dims(args.any(i)).ok_or_else(|| args.wrong(i))
}

/// The option `dim`: one dim, several, or `None` when it is not given.
pub(super) fn dims(options: &Options) -> Result<Option<Vec<isize>>> {
    options.any("dim").map(|v| read_dims(v).ok_or_else(|| options.wrong("dim", v))).transpose()
}
