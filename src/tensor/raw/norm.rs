//! Batch and weight normalisation of values, where the device has it in one piece.

use super::Raw;
use super::reduce::around;
use crate::shape::Shape;

/// A batch with its channels (axis 1) normalised, and the statistics of each, `[channels]`, as `saddle_cpu::Normed`.
pub struct Normed {
    pub y: Raw,
    pub mean: Raw,
    pub rest: Raw,
    pub var: Raw,
    pub inverse: Raw,
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
        Some(Normed {
            y: Raw::cpu(normed.y, shape),
            mean: one_each(normed.mean),
            rest: one_each(normed.rest),
            var: one_each(normed.var),
            inverse: one_each(normed.inverse),
        })
    }

    /// The gradients of [`Raw::batch_norm`] with respect to the input, the gain and the shift, for the gradient `g` of
    /// `y` and the mean, the rest and the inverse of each channel.
    pub fn batch_norm_grad(&self, g: &Raw, gain: &Raw, [mean, rest, inverse]: [&Raw; 3]) -> Option<[Raw; 3]> {
        let (x, g, gain) = (self.contiguous(), g.contiguous(), gain.contiguous());
        let shape = self.shape();
        let (batch, channels, inner) = around(&shape, 1);
        let grads = saddle_cpu::batch_norm_grad(
            x.slice()?,
            g.slice()?,
            [batch, channels, inner],
            gain.slice()?,
            [mean.slice()?, rest.slice()?, inverse.slice()?],
        );
        let one_each = |v| Raw::cpu(v, Shape::new([channels]));
        Some([Raw::cpu(grads.x, shape), one_each(grads.gain), one_each(grads.shift)])
    }
    /// The length of each row of these weights, `[out, ..]`, and the weights brought to the lengths `g`, `[out, 1, ..]`;
    /// `None` where the device has no kernel for it.
    pub fn weight_norm(&self, g: &Raw) -> Option<[Raw; 2]> {
        let (v, g) = (self.contiguous(), g.contiguous());
        let [lengths, w] = saddle_cpu::weight_norm(v.slice()?, g.slice()?);
        Some([Raw::cpu(lengths, g.shape()), Raw::cpu(w, v.shape())])
    }

    /// The gradients of [`Raw::weight_norm`] with respect to the weights and to `g`, for that of its result.
    pub fn weight_norm_grad(&self, g: &Raw, lengths: &Raw, along: &Raw) -> Option<[Raw; 2]> {
        let [v, g, along] = [self, g, along].map(Raw::contiguous);
        let [to_v, to_g] = saddle_cpu::weight_norm_grad(v.slice()?, g.slice()?, lengths.slice()?, along.slice()?);
        Some([Raw::cpu(to_v, v.shape()), Raw::cpu(to_g, g.shape())])
    }
}
