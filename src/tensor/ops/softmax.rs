//! Recorded softmax, its logarithm, and the logarithm of sums of exponentials.

use super::{axis, floats, unary};
use crate::tape::is_recording;
use crate::{Device, Raw, Tensor, no_grad};
use saddle_fault::Result;

impl Tensor {
    /// eˣ / Σ eˣ along `dim`: exact at every offset. Where all are −∞ it is NaN, as in PyTorch.
    ///
    /// # Errors
    /// A dim that the shape does not have.
    pub fn softmax(&self, dim: isize) -> Result<Tensor> {
        let x = floats(self);
        Ok(x.softmax_over(vec![axis("softmax", &x, dim)?]))
    }

    fn softmax_over(&self, axes: Vec<usize>) -> Tensor {
        let raw = self.raw().softmax(&axes, false);
        unary("softmax", self, raw, &[], true, move |b| {
            let (g, y) = (b.grad, b.output()?);
            if let Some(raw) = (!is_recording()).then(|| y.raw().softmax_grad(g.raw(), &axes)).flatten() {
                return Ok(Tensor::constant(raw));
            }
            let along = g.mul(y)?.sum_dims(&signed(&axes), true)?;
            y.mul(&g.sub(&along)?)
        })
    }

    /// x − log Σ eˣ along `dim`: exact at every offset.
    ///
    /// # Errors
    /// A dim that the shape does not have.
    pub fn log_softmax(&self, dim: isize) -> Result<Tensor> {
        let x = floats(self);
        let axes = vec![axis("log_softmax", &x, dim)?];
        let raw = x.raw().softmax(&axes, true);
        Ok(unary("log_softmax", &x, raw, &[], true, move |b| {
            let (g, y) = (b.grad, b.output()?);
            let total = g.sum_dims(&signed(&axes), true)?;
            g.sub(&y.exp()?.mul(&total)?)
        }))
    }

    /// log Σ eˣ along `dims`, without overflow; −∞ over nothing but −∞, with the gradient 0, which is also that of what
    /// stands beside ∞.
    ///
    /// # Errors
    /// A dim that the shape does not have.
    pub fn logsumexp(&self, dims: &[isize], keep: bool) -> Result<Tensor> {
        let x = floats(self);
        let mut axes = dims.iter().map(|&d| axis("logsumexp", &x, d)).collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        let sum = no_grad(|| log_sum(&x, &signed(&axes)))?;
        let over = axes.clone();
        let infinite = may_be_infinite(&sum);
        let kept = unary("logsumexp", &x, sum.raw().clone(), &[&x], false, move |b| {
            let x = &b.saved[0];
            if !infinite {
                return b.grad.mul(&x.softmax_over(over.clone()));
            }
            // Where there is nothing but −∞, and beside ∞, every share is 0, not 0 / 0 or ∞ / ∞; of ∞ it is NaN, as in PyTorch.
            let full = |v: f32| Tensor::full(v, &[], &x.device());
            let none = sum.detach().abs()?.gt(&full(f32::MAX))?.broadcast_to(&x.shape())?;
            let share = x.away_from(&none)?.softmax_over(over.clone()).zero_at(&none)?;
            b.grad.mul(&x.gt(&full(f32::MAX))?.choose(&full(f32::NAN), &share)?)
        });
        if keep { Ok(kept) } else { kept.drop_axes(&axes) }
    }
}

fn signed(axes: &[usize]) -> Vec<isize> {
    axes.iter().map(|&a| a as isize).collect()
}

/// log Σ eˣ along `dims`, which stay with size 1.
fn log_sum(x: &Tensor, dims: &[isize]) -> Result<Tensor> {
    if x.is_empty() {
        return x.sum_dims(dims, true)?.log();
    }
    let mut top = x.clone();
    for &d in dims {
        top = top.extreme_dim(d, true, true)?.values;
    }
    // An infinite maximum would give ∞ − ∞: take nothing off there.
    let top = finite_or_zero(&top)?;
    x.sub(&top)?.exp()?.sum_dims(dims, true)?.log()?.add(&top)
}

/// Whether one of these is, or may be on a device that would have to stand still to be asked.
fn may_be_infinite(x: &Tensor) -> bool {
    let infinite = |v: &[f32]| v.iter().any(|v| v.is_infinite());
    x.device() != Device::Cpu || x.with_floats(infinite).unwrap_or(true)
}

fn finite_or_zero(x: &Tensor) -> Result<Tensor> {
    if x.device() != Device::Cpu {
        let finite = x.abs()?.le(&Tensor::full(f32::MAX, &[], &x.device()))?;
        return finite.choose(x, &Tensor::full(0.0, &[], &x.device()));
    }
    Ok(match x.raw().to_floats() {
        Ok(v) if v.iter().any(|v| !v.is_finite()) => {
            let v = v.into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect();
            Tensor::constant(Raw::from_floats(v, x.shape(), &x.device()))
        }
        _ => x.clone(),
    })
}
