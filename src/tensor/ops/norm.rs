//! Recorded batch normalisation.

use super::reduce::moderating;
use crate::tape::{Back, Grads, Op, is_recording};
use crate::{Device, Tensor, no_grad};
use saddle_fault::Result;

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
