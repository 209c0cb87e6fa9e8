//! The words about data: data sets and distributions.
//!
//! | file | owns |
//! |---|---|
//! | `load` | pictures that everybody knows: `digits`, `mnist`, … |
//! | `files` | data of one's own: `dataset(x, y)`, `csv`, `npy`, `npz`, `image_folder` |
//! | `bar` | what is shown while a data set is downloaded |
//! | `dataset` | the kinds `dataset` and `batches`: `sample`, `batches`, `split`, `filter`, … |
//! | `distribution` | the kind `distribution`: `gaussian`, `ring`, …, `sample` |
//! | `density` | `log_prob`, `prob`, `modes` |
//! | `augment` | `augment`: DiffAugment |

pub mod augment;
mod bar;
pub mod batches;
pub mod dataset;
pub mod density;
pub mod distribution;
pub mod files;
pub mod load;

use saddle_catalog::Kind;
use saddle_data::Source;
use saddle_fault::{Fault, Result};
use saddle_tensor::random::{Stream, with_stream};

/// All kinds of this folder.
pub const KINDS: &[&Kind] = &[&dataset::DATASET, &batches::BATCHES, &distribution::DISTRIBUTION];

/// The notebook's stream as the data room asks for it.
pub(crate) struct Notebook;

impl Source for Notebook {
    fn normal(&mut self, n: usize) -> Vec<f32> {
        with_stream(|s| s.normal(n))
    }

    fn uniform(&mut self, n: usize) -> Vec<f32> {
        with_stream(|s| s.uniform(n))
    }

    fn integers(&mut self, n: usize, below: usize) -> Vec<usize> {
        with_stream(|s: &mut Stream| s.integers(n, 0, below as i64)).into_iter().map(|v| v as usize).collect()
    }

    fn permutation(&mut self, n: usize) -> Vec<usize> {
        with_stream(|s| s.permutation(n)).into_iter().map(|v| v as usize).collect()
    }
}

/// The number of samples that a call asks for, each of this shape.
///
/// # Errors
/// A number below 1, or one that no memory holds.
fn count(call: &saddle_catalog::Call, shape: &[usize]) -> Result<usize> {
    let m = dataset::M.of(call)?;
    let name = call.entry.name;
    match usize::try_from(m) {
        Ok(m) if m > 0 => {
            saddle_tensor::check_shape(name, &[&[m], shape].concat())?;
            Ok(m)
        }
        _ => Err(Fault::value(format!("{name}: {} must be at least 1, got {m}", dataset::M.name()))),
    }
}
