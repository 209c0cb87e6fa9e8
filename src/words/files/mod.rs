//! The words about files: `save`, `load`, `checkpoint`, `resume`, `log_run`.
//!
//! | file | owns |
//! |---|---|
//! | `disk` | whole files: read, and written so that a crash leaves the old one or the new one |
//! | `save` | tensors and networks |
//! | `torch` | PyTorch's names of a network's tensors |
//! | `log` | figures and pictures of runs, for TensorBoard and `saddle runs` |
//! | `checkpoint` | everything that training needs to go on |

pub mod checkpoint;
pub mod disk;
pub mod log;
pub mod save;
mod torch;

use saddle_catalog::{Param, param};
use saddle_data::array::{Array, Values};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, device};

const PATH: Param<String> = param("path", super::types::TEXT, "where; ~ is the home folder");

/// A tensor as files hold it. Waits for the device.
fn array(t: &Tensor) -> Result<Array> {
    let values = match t.dtype() {
        Dtype::F32 => Values::F32(t.to_floats()?),
        Dtype::Int => Values::Int(t.to_ints()?),
        Dtype::Bool => Values::Bool(t.to_ints()?.into_iter().map(|v| v != 0).collect()),
    };
    Ok(Array { shape: t.shape().to_vec(), values })
}

/// What a file held as a tensor on the current device.
fn tensor(what: &str, array: Array) -> Result<Tensor> {
    if array.shape.len() > 6 {
        return Err(Fault::file(format!("{what}: has {} dims, tensors have at most 6", array.shape.len())));
    }
    let (shape, device) = (array.shape, device::current());
    Ok(match array.values {
        Values::F32(v) => Tensor::from_floats(v, &shape, &device),
        Values::Int(v) => Tensor::from_ints(v, &shape, &device),
        Values::Bool(v) => Tensor::from_bools(v, &shape, &device),
    })
}
