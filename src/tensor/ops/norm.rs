//! Recorded batch and weight normalisation.

use super::reduce::moderating;
use super::{floats, same_device};
use crate::tape::{Back, Grads, Op, is_recording};
use crate::{Device, Tensor, no_grad, shown};
use saddle_fault::{Fault, Result};

/// A normalised batch with the statistics that it was normalised with, as constants.
pub struct Normed {
    /// The output, of the shape of the input.
    pub y: Tensor,
    /// The mean of each channel, `[channels]`.
    pub mean: Tensor,
    /// The variance of each channel, divided by the number of its elements, `[channels]`.
    pub var: Tensor,
}

impl Tensor {
    /// `(x − mean) / √(var + eps) · gain + shift` over each channel (axis 1) of `[n, channels, ..]`; gain and shift are
    /// `[channels]`, the shape is the caller's duty.
    ///
    /// # Errors
    /// A batch without elements.
    pub fn batch_norm(&self, gain: &Tensor, shift: &Tensor, eps: f32) -> Result<Normed> {
        let Some(normed) = self.raw().batch_norm(gain.raw(), shift.raw(), eps) else {
            return self.batch_norm_in_steps(gain, shift, eps);
        };
        let [mean, rest, var, inverse] = [normed.mean, normed.rest, normed.var, normed.inverse].map(Tensor::constant);
        let op = Op {
            name: "batch_norm",
            parents: &[self, gain, shift],
            saved: &[self, gain, &mean, &rest, &inverse],
            keep_output: false,
        };
        let y = op.done(normed.y, move |b| gradients(b, eps));
        Ok(Normed { y, mean, var })
    }

    /// The same, composed of operations.
    fn batch_norm_in_steps(&self, gain: &Tensor, shift: &Tensor, eps: f32) -> Result<Normed> {
        let Standard { hat, mean, var, .. } = self.standardise(&across(self), eps)?;
        let per_channel = channel_shape(self);
        let y = hat.mul(&gain.reshape(&per_channel)?)?.add(&shift.reshape(&per_channel)?)?;
        let of_channels = |t: &Tensor| no_grad(|| t.reshape(&[gain.len()]));
        Ok(Normed { y, mean: of_channels(&mean)?, var: of_channels(&var)? })
    }

    /// `(x − mean) / √(var + eps)` over the last `count` axes together, at every offset and scale.
    ///
    /// # Errors
    /// No elements.
    pub fn normalised(&self, count: usize, eps: f32) -> Result<Tensor> {
        let shape = self.shape();
        let lead = shape.len().saturating_sub(count);
        if self.device() != Device::Cpu || self.is_empty() {
            let dims: Vec<isize> = (lead as isize..shape.len() as isize).collect();
            return Ok(self.standardise(&dims, eps)?.hat);
        }
        // What is normalised together is a channel of one image.
        let (rows, columns): (usize, usize) = (shape[..lead].iter().product(), shape[lead..].iter().product());
        let [ones, zeros] = [1.0, 0.0].map(|value| Tensor::full(value, &[rows], &Device::Cpu));
        floats(self).reshape(&[1, rows, columns])?.batch_norm(&ones, &zeros, eps)?.y.reshape(&shape)
    }

    /// `(x − mean) / √(var + eps)` along `dims`, at every offset and scale.
    ///
    /// # Errors
    /// A dim that the shape does not have; no elements.
    pub fn standardise(&self, dims: &[isize], eps: f32) -> Result<Standard> {
        let mean = no_grad(|| self.mean_dims(dims, true))?;
        let centred = self.centred(dims)?;
        let squares = |x: &Tensor| x.square()?.mean_dims(dims, true);
        let var = squares(&centred)?;
        let scale = match self.device() {
            Device::Cpu => too_large(&var).then(|| centred.magnitude(dims)).transpose()?,
            _ => Some(moderating(&var.detach().add_scalar(eps)?)?),
        };
        let spread = match scale {
            None => var.add_scalar(eps)?.sqrt()?,
            // Relative to a constant, which as a factor drops out of every gradient.
            Some(scale) => {
                let eps = Tensor::full(eps, &[], &self.device()).div(&scale)?.div(&scale)?;
                squares(&centred.div(&scale)?)?.add(&eps)?.sqrt()?.mul(&scale)?
            }
        };
        Ok(Standard { hat: centred.div(&spread)?, spread, mean, var: var.detach() })
    }
}

impl Tensor {
    /// g · v / ‖v‖ (Salimans and Kingma 2016), self being v, `[out, ..]`: a length for each output, `g [out, 1, ..]`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn weight_norm(&self, g: &Tensor) -> Result<Tensor> {
        let (v, g) = (floats(self), floats(g));
        let kept: Vec<usize> = v.shape().iter().enumerate().map(|(i, &n)| if i == 0 { n } else { 1 }).collect();
        if g.shape()[..] != kept || v.rank() == 0 {
            let (v, g) = (shown(&v.shape()), shown(&g.shape()));
            return Err(Fault::shape(format!("weight_norm: lengths {g} do not fit weights {v}")));
        }
        same_device("weight_norm", &v, &g)?;
        let Some([lengths, w]) = v.raw().weight_norm(g.raw()) else {
            return g.mul(&v.div(&row_lengths(&v)?)?);
        };
        let op = Op { name: "weight_norm", parents: &[&v, &g], saved: &[&v, &g], keep_output: false };
        Ok(op.done(w, move |b| {
            let [v, g] = b.saved else {
                return Ok(Grads::new());
            };
            let fused = || v.raw().weight_norm_grad(g.raw(), &lengths, b.grad.raw());
            if let Some(grads) = (!is_recording()).then(fused).flatten() {
                return Ok(grads.map(|raw| Some(Tensor::constant(raw))).into_iter().collect());
            }
            let length = row_lengths(v)?;
            let direction = v.div(&length)?;
            let along = b.grad.mul(&direction)?.sum_dims(&within_rows(v), true)?;
            let across = b.grad.sub(&direction.mul(&along)?)?;
            Ok(Grads::from_iter([Some(across.mul(&g.div(&length)?)?), Some(along)]))
        }))
    }
}

/// Every axis but the first.
fn within_rows(v: &Tensor) -> Vec<isize> {
    (1..v.rank() as isize).collect()
}

/// The length of each output's weights, of a shape that broadcasts against them.
fn row_lengths(v: &Tensor) -> Result<Tensor> {
    v.square()?.sum_dims(&within_rows(v), true)?.sqrt()
}

/// Elements less their mean and divided by their spread, and both.
pub struct Standard {
    pub hat: Tensor,
    /// √(var + eps), along the reduced axes of size 1, as are the others.
    pub spread: Tensor,
    pub mean: Tensor,
    pub var: Tensor,
}

/// Whether a variance on the CPU has left the range of single precision: elsewhere the device would have to stand still
/// for the question.
fn too_large(var: &Tensor) -> bool {
    let beyond = |v: &[f32]| v.contains(&f32::INFINITY);
    var.with_floats(beyond).unwrap_or(false)
}

/// Every axis but that of the channels.
fn across(x: &Tensor) -> Vec<isize> {
    (0..x.rank() as isize).filter(|&d| d != 1).collect()
}

/// `[1, channels, 1, ..]`.
fn channel_shape(x: &Tensor) -> Vec<usize> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.shape()[1];
    shape
}

/// The gradients with respect to x, gain and shift.
fn gradients(b: &Back, eps: f32) -> Result<Grads> {
    let [x, gain, mean, rest, inverse] = b.saved else {
        return Ok(Grads::new());
    };
    let fused = || {
        let stats = [mean.raw(), rest.raw(), inverse.raw()];
        x.raw().batch_norm_grad(b.grad.raw(), gain.raw(), stats)
    };
    match (!is_recording()).then(fused).flatten() {
        Some(grads) => Ok(grads.map(|raw| Some(Tensor::constant(raw))).into_iter().collect()),
        None => gradients_in_steps(b.grad, x, gain, eps),
    }
}

/// The same, composed of operations that can be differentiated again.
fn gradients_in_steps(g: &Tensor, x: &Tensor, gain: &Tensor, eps: f32) -> Result<Grads> {
    let dims = across(x);
    let n = x.len() as f32 / gain.len() as f32;
    let Standard { hat, spread, .. } = x.standardise(&dims, eps)?;
    let sum = g.sum_dims(&dims, true)?;
    let along = g.mul(&hat)?.sum_dims(&dims, true)?;
    let inner = g.sub(&sum.mul_scalar(1.0 / n)?)?.sub(&hat.mul(&along.mul_scalar(1.0 / n)?)?)?;
    let scale = gain.reshape(&channel_shape(x))?.div(&spread)?;
    let channels = [gain.len()];
    Ok(Grads::from_iter([Some(inner.mul(&scale)?), Some(along.reshape(&channels)?), Some(sum.reshape(&channels)?)]))
}
