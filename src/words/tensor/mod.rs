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
use saddle_catalog::{Param, param};
use saddle_tensor::Tensor;

/// The operand that most words have.
pub(super) const X: Param<Tensor> = param("x", types::TENSOR, "the tensor");

/// What most words with the option `dim` refuse.
pub(super) const NO_DIM: &str = "a dim that the shape does not have";
