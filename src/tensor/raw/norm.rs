//! Batch normalisation of values, where the device has it in one piece.

use super::Raw;
use super::reduce::around;
use crate::shape::Shape;

/// A batch with its channels (axis 1) normalised, and the mean and variance of each, `[channels]`.
pub struct Normed {
    pub y: Raw,
    pub mean: Raw,
    pub var: Raw,
}

impl Raw {
    /// `None` where the device has no kernel for it.
    pub fn batch_norm(&self, gain: &Raw, shift: &Raw, eps: f32) -> Option<Normed> {
        let (x, gain, shift) = (self.contiguous(), gain.contiguous(), shift.contiguous());
        let shape = self.shape();
        let (batch, channels, inner) = around(&shape, 1);
        let sizes = [batch, channels, inner];
        let normed = saddle_cpu::batch_norm(x.slice()?, sizes, eps, gain.slice()?, shift.slice()?);
        let one_each = |v| Raw::cpu(v, Shape::new([channels]));
        Some(Normed { y: Raw::cpu(normed.y, shape), mean: one_each(normed.mean), var: one_each(normed.var) })
    }

    /// The gradients of [`Raw::batch_norm`] with respect to the input, the gain and the shift, for the gradient `g` of `y`.
    pub fn batch_norm_grad(&self, g: &Raw, gain: &Raw, [mean, var]: [&Raw; 2], eps: f32) -> Option<[Raw; 3]> {
        let (x, g, gain) = (self.contiguous(), g.contiguous(), gain.contiguous());
        let shape = self.shape();
        let (batch, channels, inner) = around(&shape, 1);
        let grads = saddle_cpu::batch_norm_grad(
            x.slice()?,
            g.slice()?,
            [batch, channels, inner],
            eps,
            gain.slice()?,
            mean.slice()?,
            var.slice()?,
        );
        let one_each = |v| Raw::cpu(v, Shape::new([channels]));
        Some([Raw::cpu(grads.x, shape), one_each(grads.gain), one_each(grads.shift)])
    }
}
