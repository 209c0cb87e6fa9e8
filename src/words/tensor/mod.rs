//! The words about tensors, one file per family.
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

use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Param, number, param};
use saddle_fault::Result;
use saddle_tensor::{Device, Dtype, Tensor};

/// The operand that most words have.
pub(super) const X: Param<Tensor> = param("x", types::TENSOR, "the tensor");

/// A tensor as a value of the language.
pub(super) fn wrap(t: Tensor) -> Dynamic {
    Dynamic::from(t)
}

/// Tensors as an array of the language.
pub(super) fn wrap_all(tensors: impl IntoIterator<Item = Tensor>) -> Dynamic {
    tensors.into_iter().map(wrap).collect::<Array>().into()
}

/// The tensor in a value; a number or an array becomes one, on `device`.
pub(super) fn coerce(value: &Dynamic, device: &Device) -> Result<Option<Tensor>> {
    if let Some(t) = value.read_lock::<Tensor>() {
        return Ok(Some(t.clone()));
    }
    if let Some(v) = number(value) {
        return Ok(Some(Tensor::full(v as f32, &[], device)));
    }
    match value.is_array() || saddle_catalog::range(value).is_some() {
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

/// The ints in an array of whole numbers of either sign; `None` for anything else.
pub(super) fn ints(value: &Dynamic) -> Option<Vec<i64>> {
    value.read_lock::<Array>()?.iter().map(|v| v.as_int().ok()).collect()
}
