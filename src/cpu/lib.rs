//! The kernels of the CPU device: pure functions over `f32` slices, without tensors, shapes of any rank or knowledge of
//! Burn.
//!
//! | file | owns |
//! |---|---|
//! | `simd` | the instruction set chosen at run time, and how one loop is compiled for each |
//! | `parallel` | how many threads, and how work is divided among them |
//! | `pool` | the worker threads |
//! | `memory` | the program's allocator, which keeps freed buffers for the next tensor |
//! | `buffer` | output vectors that are written once |
//! | `math` | exp, log, tanh, erf, … of one number, written so that a loop over them vectorises |
//! | `elementwise` | [`Unary`] and [`Binary`] over slices of equal length |
//! | `layout` | broadcasting and copies of strided views |
//! | `reduce` | sums, maxima and minima, whole or along an axis |
//! | `softmax` | softmax and its logarithm along an axis, log-sum-exp of rows |
//! | `matmul` | matrix products with operands of any stride, and the affine map |
//! | `conv` | convolution and its gradients: by packed patches, by minimal filtering, each channel by itself |
//! | `product` | blocked products with any right operand; `tile`, its innermost loop; `transpose`, used in packing |
//! | `skinny` | products with one very short side |
//! | `finite` | whether numbers are finite |
//! | `sparse` | products whose left operand is mostly zeros |
//! | `split_k` | products of long sums, divided by their terms |
//! | `norm`, `weight_norm` | batch and weight normalisation and their gradients |
//! | `logits` | binary cross-entropy of logits |
//! | `lstm` | an LSTM along whole sequences and its gradient; `packed`, the weights that its steps share |
//! | `distances` | distances of all rows of two matrices |
//! | `scatter` | elements added where indices say |
//! | [`optim`] | the formula of each optimizer, and one pass for its step |
//! | `random` | counter-based random numbers |
//! | `distributions` | exponential, Gumbel and truncated normal numbers |
//!
//! Contracts. Lengths and shapes that fit together are the caller's duty: a slice that is too short panics, in the
//! calling thread, and is a defect of the caller. Results do not depend on the number of threads. They may differ
//! between instruction sets in the last bits, because only some have a fused multiply-add. `unsafe` stands in
//! small functions whose contract is written above them; no other room but `backend`, `burn` and `rust` has more than a
//! file or two with some, and most forbid it.

#![allow(unsafe_code, reason = "vector instructions, uninitialised buffers, a pool of threads")]

/// The tests of [`Reuse`] are of the allocator at work.
#[cfg(all(test, not(plain_allocator)))]
#[global_allocator]
static ALLOCATOR: Reuse = Reuse;

mod buffer;
mod conv;
mod distances;
mod distributions;
mod elementwise;
mod finite;
mod layout;
mod logits;
mod lstm;
mod math;
mod matmul;
mod memory;
mod norm;
pub mod optim;
mod packed;
mod parallel;
mod pool;
mod product;
mod random;
mod reduce;
mod scatter;
mod simd;
mod skinny;
mod softmax;
mod sparse;
mod split_k;
#[cfg(test)]
mod testing;
mod tile;
mod transpose;
mod weight_norm;

pub use conv::{Conv2d, add_to_channels, conv2d, conv2d_grad_input, conv2d_grad_weight};
pub use distances::{distances, distances_grad};
pub use distributions::Between;
pub use elementwise::{Binary, Unary, binary, binary_in_place, unary, unary_in_place};
pub use layout::{binary_broadcast, contiguous, copy_short};
pub use logits::{bce_with_logits, bce_with_logits_grad};
pub use lstm::{Along, Kept, Lstm, LstmGrads, Needs, Unrolled};
pub use matmul::{Mat, Then, gemm, gemm64, linear, linear_then, products};
pub use memory::{Reuse, prepare_memory, release_memory};
pub use norm::{NormGrads, Normed, batch_norm, batch_norm_grad};
pub use parallel::{set_threads, threads};
pub use random::Stream;
pub use reduce::{max_all, max_axis, min_all, min_axis, sum_all, sum_axis};
pub use scatter::scatter_add;
pub use simd::simd_level;
pub use softmax::{log_sum_exp_rows, softmax, softmax_grad};
pub use weight_norm::{weight_norm, weight_norm_grad};
