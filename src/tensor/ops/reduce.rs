//! Recorded reductions and what is built from them.

use super::{axis, floats, one, unary};
use crate::tape::Op;
use crate::{Device, Dtype, Shape, Tensor, no_grad, shown};
use saddle_cpu::Unary;
use saddle_fault::{Fault, Result};

/// The extreme elements along an axis, and where they were.
pub struct Extreme {
    /// The values.
    pub values: Tensor,
    /// Where along the dim each stood, whole numbers.
    pub indices: Tensor,
}

impl Tensor {
    /// The sum of all elements, of rank 0; of truth values how many are true, a whole number.
    pub fn sum(&self) -> Result<Tensor> {
        if self.is_whole() {
            return Ok(Tensor::constant(self.raw().cast(Dtype::Int).int_sum_all()?));
        }
        let x = floats(self);
        let shape = x.shape();
        Ok(unary("sum", &x, x.raw().sum_all(), &[], false, move |b| b.grad.broadcast_to(&shape)))
    }

    /// Sums along `dims` (negative: from the end); with `keep` they stay with size 1.
    ///
    /// # Errors
    /// A dim that the shape does not have.
    pub fn sum_dims(&self, dims: &[isize], keep: bool) -> Result<Tensor> {
        let x = self.cast_truths();
        let mut axes = dims.iter().map(|&d| axis("sum", &x, d)).collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        if x.dtype() == Dtype::Int {
            let mut sums = x.raw().clone();
            for &a in &axes {
                sums = sums.int_sum_axis(a)?;
            }
            let kept = Tensor::constant(sums);
            return if keep { Ok(kept) } else { kept.drop_axes(&axes) };
        }
        let raw = axes.iter().fold(x.raw().clone(), |raw, &a| raw.sum_axis(a));
        let shape = x.shape();
        let kept = unary("sum", &x, raw, &[], false, move |b| b.grad.broadcast_to(&shape));
        if keep { Ok(kept) } else { kept.drop_axes(&axes) }
    }

    /// Removes axes of size 1.
    pub(super) fn drop_axes(&self, axes: &[usize]) -> Result<Tensor> {
        let shape: Vec<usize> =
            self.shape().iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect();
        self.reshape(&shape)
    }

    /// Sums a broadcast gradient back to `shape`. Nothing to do where the shapes are equal.
    pub(super) fn sum_to(&self, shape: &Shape) -> Result<Tensor> {
        let from = self.shape();
        if from == *shape {
            return Ok(self.clone());
        }
        let lead = from.num_dims() - shape.num_dims();
        let axes: Vec<usize> =
            (0..from.num_dims()).filter(|&i| i < lead || shape[i - lead] == 1 && from[i] != 1).collect();
        let raw = match shape.num_elements() == 1 && from.num_elements() > 0 {
            true => self.raw().sum_all(),
            false => axes.iter().fold(self.raw().clone(), |raw, &a| raw.sum_axis(a)),
        };
        Ok(unary("sum", self, raw.reshape(shape.clone()), &[], false, move |b| b.grad.broadcast_to(&from)))
    }

    /// The mean of all elements, of rank 0.
    ///
    /// # Errors
    /// A tensor without elements.
    pub fn mean(&self) -> Result<Tensor> {
        match self.len() {
            0 => Err(Fault::shape(format!("mean: there are no elements in shape {}", shown(&self.shape())))),
            n => {
                if let Some(mean) = self.whole_mean(&self.all_dims(), false, n) {
                    return Ok(mean);
                }
                let (x, part) = (floats(self), 1.0 / n as f32);
                let shape = x.shape();
                let sum = x.raw().sum_all();
                let raw = match sum.overflows() {
                    // The sum is too large where the mean need not be.
                    true => x.raw().unary(Unary::MulScalar(part)).sum_all(),
                    false => sum.unary(Unary::MulScalar(part)),
                };
                Ok(unary("mean", &x, raw, &[], false, move |b| b.grad.mul_scalar(part)?.broadcast_to(&shape)))
            }
        }
    }

    /// Means along `dims`.
    pub fn mean_dims(&self, dims: &[isize], keep: bool) -> Result<Tensor> {
        let n = self.count(dims, "mean")?;
        match self.whole_mean(dims, keep, n) {
            Some(mean) => Ok(mean),
            None => {
                let sums = self.sum_dims(dims, keep)?;
                match sums.raw().overflows() {
                    true => floats(self).mul_scalar(1.0 / n as f32)?.sum_dims(dims, keep),
                    false => sums.mul_scalar(1.0 / n as f32),
                }
            }
        }
    }

    /// The means of whole numbers, of their exact sums; `None` for floats, and where a sum has more than 64 bits.
    fn whole_mean(&self, dims: &[isize], keep: bool, n: usize) -> Option<Tensor> {
        if self.dtype() != Dtype::Int {
            return None;
        }
        let sums = self.sum_dims(dims, keep).ok()?;
        let means = sums.to_ints().ok()?.into_iter().map(|sum| (sum as f64 / n as f64) as f32).collect();
        Some(Tensor::from_floats(means, &sums.shape(), &self.device()))
    }

    /// How many elements a reduction over `dims` takes together.
    fn count(&self, dims: &[isize], name: &str) -> Result<usize> {
        let shape = self.shape();
        let mut n = 1;
        for &d in dims {
            n *= shape[axis(name, self, d)?];
        }
        match n {
            0 => Err(Fault::shape(format!("{name}: there are no elements along dims {dims:?} of {}", shown(&shape)))),
            n => Ok(n),
        }
    }

    /// Variance along `dims`, divided by n − `correction` (1: unbiased, as PyTorch's default; 0: population).
    ///
    /// # Errors
    /// Not more elements than `correction`.
    pub fn var_dims(&self, dims: &[isize], keep: bool, correction: usize) -> Result<Tensor> {
        let left = self.freedom("var", dims, correction)?;
        self.centred(dims)?.square()?.sum_dims(dims, keep)?.mul_scalar(1.0 / left as f32)
    }

    /// Standard deviation along `dims`: the root of [`Tensor::var_dims`], also where the variance itself would overflow
    /// or vanish. Its gradient where all elements are equal is 0.
    ///
    /// # Errors
    /// As there.
    pub fn std_dims(&self, dims: &[isize], keep: bool, correction: usize) -> Result<Tensor> {
        let left = self.freedom("std", dims, correction)?;
        self.centred(dims)?.root_of_squares(dims, keep, 1.0 / left as f32)
    }

    /// How many elements along `dims` there are beyond `correction`.
    fn freedom(&self, name: &str, dims: &[isize], correction: usize) -> Result<usize> {
        let n = self.count(dims, name)?;
        match n.checked_sub(correction) {
            None | Some(0) => {
                Err(Fault::value(format!("{name}: {n} element(s) are too few for correction {correction}"))
                    .hint("give #{ correction: 0 } for the population"))
            }
            Some(left) => Ok(left),
        }
    }

    /// This less its means along `dims`. The rounded mean is taken off first, and then the mean of what is left, which
    /// is what the rounding lost: at an offset of 10⁸ that is most of it.
    pub(super) fn centred(&self, dims: &[isize]) -> Result<Tensor> {
        let x = self.near_zero(dims)?;
        let centred = no_grad(|| {
            let near = x.sub(&x.mean_dims(dims, true)?)?;
            near.sub(&near.mean_dims(dims, true)?)
        })?;
        let dims = dims.to_vec();
        // A projection: the gradient less its means in turn.
        Ok(unary("sub", &x, centred.raw().clone(), &[], false, move |b| b.grad.centred(&dims)))
    }

    /// As floats; whole numbers less their smallest along `dims`, so that large ones keep their differences.
    fn near_zero(&self, dims: &[isize]) -> Result<Tensor> {
        if self.dtype() != Dtype::Int || self.is_empty() {
            return Ok(floats(self));
        }
        let mut least = self.clone();
        for &d in dims {
            least = least.extreme_dim(d, true, false)?.values;
        }
        // Those of a range beyond 64 bits differ enough as floats.
        Ok(floats(&self.sub(&least).unwrap_or_else(|_| self.clone())))
    }

    /// All dims, for reductions over everything.
    pub fn all_dims(&self) -> Vec<isize> {
        (0..self.rank() as isize).collect()
    }

    /// The largest (or smallest) elements along `dim`, and their indices. The gradient goes to the first of equals.
    pub fn extreme_dim(&self, dim: isize, keep: bool, largest: bool) -> Result<Extreme> {
        let name = if largest { "max" } else { "min" };
        let x = if self.is_whole() { self.cast(Dtype::Int) } else { self.clone() };
        let at = axis(name, &x, dim)?;
        if x.shape()[at] == 0 {
            return Err(Fault::shape(format!(
                "{name}: there are no elements along dim {dim} of {}",
                shown(&x.shape())
            )));
        }
        let (values, indices) = match x.is_whole() {
            true => x.raw().int_extreme_axis(at, largest)?,
            false => x.raw().extreme_axis(at, largest),
        };
        let shape = x.shape();
        let indices = Tensor::constant(indices);
        let op = Op { name, parents: &[&x], saved: &[&indices], keep_output: false };
        let values = op.done(values, move |b| Ok(one(b.grad.scatter_add(&shape, at, &b.saved[0])?)));
        if keep {
            return Ok(Extreme { values, indices });
        }
        Ok(Extreme { values: values.drop_axes(&[at])?, indices: indices.drop_axes(&[at])? })
    }

    /// The largest (or smallest) of all elements, of rank 0. Equal ones share the gradient, as in PyTorch.
    pub fn extreme(&self, largest: bool) -> Result<Tensor> {
        let flat = self.reshape(&[self.len()])?;
        if self.is_whole() {
            return Ok(flat.extreme_dim(0, false, largest)?.values);
        }
        let value = no_grad(|| flat.extreme_dim(0, false, largest))?.values;
        let name = if largest { "max" } else { "min" };
        Ok(unary(name, self, value.raw().clone(), &[self], true, |b| {
            let x = b.saved[0].detach();
            // Where there are NaNs one of them is the extreme.
            let hits = floats(&x.eq(&b.output()?.detach())?.or(&x.ne(&x)?)?);
            b.grad.mul(&hits.div(&hits.sum()?)?)
        }))
    }

    /// Running sums along `dim`.
    pub fn cumsum(&self, dim: isize) -> Result<Tensor> {
        if self.is_whole() {
            let x = self.cast(Dtype::Int);
            let at = axis("cumsum", &x, dim)?;
            return Ok(Tensor::constant(x.raw().int_cumsum(at)?));
        }
        let x = self.clone();
        let at = axis("cumsum", &x, dim)?;
        Ok(unary("cumsum", &x, x.raw().cumsum(at), &[], false, move |b| {
            let dims = [at as isize];
            b.grad.flip(&dims)?.cumsum(at as isize)?.flip(&dims)
        }))
    }

    /// Euclidean norm along `dims`, also where squares would overflow or vanish. Its gradient at 0 is 0, so that
    /// penalties on norms stay finite.
    ///
    /// # Errors
    /// A dim that the shape does not have.
    pub fn norm(&self, dims: &[isize], keep: bool) -> Result<Tensor> {
        floats(self).root_of_squares(dims, keep, 1.0)
    }

    /// √(part · Σ x²) along `dims`, with the gradient 0 at 0.
    fn root_of_squares(&self, dims: &[isize], keep: bool, part: f32) -> Result<Tensor> {
        let squares = |x: &Tensor| match x.square()?.sum_dims(dims, keep)? {
            sums if part == 1.0 => Ok(sums),
            sums => sums.mul_scalar(part),
        };
        let direct = squares(self)?;
        let scale = match direct.device() {
            _ if self.is_empty() => None,
            Device::Cpu => extreme_squares(&direct).then(|| self.magnitude(dims)).transpose()?,
            _ => Some(moderating(&direct.detach())?.reshape(&self.kept_shape(dims)?)?),
        };
        let Some(scale) = scale else {
            return root(&direct);
        };
        // Relative to a constant, which as a factor drops out of every gradient.
        let kept = scale.reshape(&direct.shape())?;
        root(&squares(&self.div(&scale)?)?)?.mul(&kept)
    }

    /// The shape of a reduction along `dims` that keeps them, with size 1.
    pub(super) fn kept_shape(&self, dims: &[isize]) -> Result<Vec<usize>> {
        let mut shape = self.shape().to_vec();
        for &d in dims {
            shape[axis("norm", self, d)?] = 1;
        }
        Ok(shape)
    }

    /// The largest magnitude along `dims`, which stay with size 1, as a constant; 1 where it is 0 or not finite.
    pub(super) fn magnitude(&self, dims: &[isize]) -> Result<Tensor> {
        no_grad(|| {
            let mut top = self.abs()?;
            for &d in dims {
                top = top.extreme_dim(d, true, true)?.values;
            }
            let full = |v| Tensor::full(v, &[], &top.device());
            let usable = top.gt(&full(0.0))?.and(&top.le(&full(f32::MAX))?)?;
            usable.choose(&top, &full(1.0)).map(|top| top.detach())
        })
    }

    /// Whether every element (or any) is true, of rank 0.
    pub fn truth(&self, all: bool) -> Tensor {
        Tensor::constant(self.raw().cast(Dtype::Bool).truth(all))
    }
}

/// √x, with the gradient 0 at 0.
fn root(x: &Tensor) -> Result<Tensor> {
    let zero = x.detach().le(&Tensor::full(0.0, &[], &x.device()))?;
    x.away_from(&zero)?.sqrt()?.zero_at(&zero)
}

/// Sums of squares that have lost no digits, nor more, to the range of single precision.
const MODERATE: std::ops::Range<f32> = 1e-30..1e37;

/// By what elements are divided before they are squared, where the sums of their squares so far are these: 1 for moderate
/// ones, else a power of two, which rounds nothing. For devices that would have to stand still to be asked
/// [`extreme_squares`].
pub(super) fn moderating(sums: &Tensor) -> Result<Tensor> {
    // 2⁸⁰: its quotients by 10³⁸ and 10¹⁸, and its products with 10⁻¹⁵ and 10⁻³⁸, all have moderate squares.
    let full = |v: f32| Tensor::full(v, &[], &sums.device());
    let (large, small) = (sums.gt(&full(MODERATE.end))?, sums.lt(&full(MODERATE.start))?);
    large.choose(&full(2f32.powi(80)), &small.choose(&full(2f32.powi(-80)), &full(1.0))?)
}

/// Whether sums of squares have left that range. Only asked on the CPU: elsewhere the device would have to stand still
/// for it.
fn extreme_squares(sums: &Tensor) -> bool {
    let beyond = |v: &[f32]| v.iter().any(|v| !MODERATE.contains(v));
    sums.with_floats(beyond).unwrap_or(false)
}
