//! Every recorded operation with its backward rule. Each rule is itself written in recorded operations.
//!
//! | file | owns |
//! |---|---|
//! | `math` | element-wise functions, arithmetic with broadcasting |
//! | `remainder` | quotients rounded down, and what they leave |
//! | `compare` | comparisons, truth values, the choice between two tensors by them |
//! | `reduce` | sums, means, extremes and what is built from them |
//! | `product` | products along dims, running products |
//! | `softmax`, `logits` | softmax, its logarithm, log-sum-exp; binary cross-entropy of logits |
//! | `linalg`, `einsum`, `determinant` | matrix products; Einstein's sum, diagonals, triangles; determinants and inverses |
//! | `conv`, `pool`, `resample` | convolutions; pooling, table look-up; other sizes of images |
//! | `distance` | distances of all rows of two matrices |
//! | `norm` | batch and weight normalisation; that of rows |
//! | `lstm` | long short-term memories along sequences |
//! | `shape`, `index` | elements rearranged; parts taken, put back, joined, sorted |
//! | `ints` | whole numbers, which carry no gradients |
//! | `custom` | operations whose gradient is given from outside |

mod compare;
mod conv;
mod custom;
mod determinant;
mod distance;
mod einsum;
mod index;
mod ints;
mod linalg;
mod logits;
mod lstm;
mod math;
mod norm;
mod pool;
mod product;
mod reduce;
mod remainder;
mod resample;
mod shape;
mod softmax;

pub use conv::Geometry;
pub use einsum::einsum;
pub use lstm::Lstm;
pub use norm::Normed;
pub use pool::Window;
pub use reduce::Extreme;

#[cfg(test)]
mod tests;

use super::tape::{Back, Gate, Grads, Op};
use super::{Dtype, Raw, Shape, Tensor, check_shape, shown};
use saddle_fault::{Fault, Kind, Result};
use smallvec::smallvec;

/// An operation of one float operand.
fn unary(
    name: &'static str,
    x: &Tensor,
    raw: Raw,
    saved: &[&Tensor],
    keep_output: bool,
    rule: impl Fn(&Back) -> Result<Tensor> + 'static,
) -> Tensor {
    Op { name, parents: &[x], saved, keep_output }.done(raw, move |b| Ok(one(rule(b)?)))
}

/// The gradient of an only operand.
fn one(gradient: Tensor) -> Grads {
    smallvec![Some(gradient)]
}

/// An operation of two float operands; each rule is run only if its operand needs a gradient.
fn two(
    op: Op,
    raw: Raw,
    left: impl Fn(&Back) -> Result<Tensor> + 'static,
    right: impl Fn(&Back) -> Result<Tensor> + 'static,
) -> Tensor {
    two_behind(op, None, raw, left, right)
}

/// As [`two`], where gradients pass a gate first.
fn two_behind(
    op: Op,
    gate: Option<Gate>,
    raw: Raw,
    left: impl Fn(&Back) -> Result<Tensor> + 'static,
    right: impl Fn(&Back) -> Result<Tensor> + 'static,
) -> Tensor {
    op.done_behind(gate, raw, move |b| {
        let left = if b.needs[0] { Some(left(b)?) } else { None };
        let right = if b.needs[1] { Some(right(b)?) } else { None };
        Ok(Grads::from_buf([left, right]))
    })
}

/// The common shape of two shapes that broadcast.
fn broadcast(name: &str, a: &Tensor, b: &Tensor) -> Result<Shape> {
    let (sa, sb) = (a.shape(), b.shape());
    if sa == sb {
        return Ok(sa);
    }
    let rank = sa.num_dims().max(sb.num_dims());
    let size = |s: &Shape, i: usize| (i + s.num_dims()).checked_sub(rank).map_or(1, |j| s[j]);
    let mut out = Vec::with_capacity(rank);
    for i in 0..rank {
        out.push(match (size(&sa, i), size(&sb, i)) {
            (m, n) if m == n => m,
            (1, n) => n,
            (m, 1) => m,
            (m, n) => {
                return Err(Fault::shape(format!(
                    "{name}: shapes {} and {} do not fit together: {m} against {n}",
                    shown(&sa),
                    shown(&sb)
                ))
                .hint("sizes must be equal, or one of them 1; reshape or unsqueeze one side"));
            }
        });
    }
    check_shape(name, &out)?;
    Ok(Shape::from(out))
}

fn same_device(name: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    let (da, db) = (a.device(), b.device());
    if da == db {
        return Ok(());
    }
    Err(Fault::new(Kind::Device, format!("{name}: one tensor lives on {da}, the other on {db}"))
        .hint("move one of them with .to(device), or create both after the same device(…)"))
}

/// An axis given as in Python: −1 is the last.
fn axis(name: &str, x: &Tensor, dim: isize) -> Result<usize> {
    let rank = x.rank();
    let at = if dim < 0 { dim + rank as isize } else { dim };
    usize::try_from(at).ok().filter(|&a| a < rank).ok_or_else(|| {
        Fault::new(Kind::Index, format!("{name}: there is no dim {dim} in shape {}", shown(&x.shape()))).hint(
            match rank {
                0 => "a single number has no dims".to_string(),
                _ => format!("dims go from {} to {}", -(rank as isize), rank - 1),
            },
        )
    })
}

/// Floats only; ints and truth values are converted.
fn floats(x: &Tensor) -> Tensor {
    match x.dtype() {
        Dtype::F32 => x.clone(),
        _ => Tensor::constant(x.raw().cast(Dtype::F32)),
    }
}

/// An int tensor, as indices must be.
fn whole(name: &str, what: &str, x: &Tensor) -> Result<Raw> {
    match x.dtype() {
        Dtype::Int => Ok(x.raw().clone()),
        _ => Err(Fault::type_(format!("{name}: {what} must be whole numbers, got a tensor of {}", x.dtype().name()))
            .hint("int(t) makes whole numbers of a tensor")),
    }
}
