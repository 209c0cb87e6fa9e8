//! Recorded binary cross-entropy of logits.

use super::{broadcast, floats, same_device, two};
use crate::tape::{Back, Op, is_recording};
use crate::{Tensor, no_grad};
use saddle_fault::Result;

impl Tensor {
    /// The mean of log(1 + eᵃ) − t·a over all logits `a`, exact for every a, for a target of their shape or one for
    /// all.
    ///
    /// # Errors
    /// No logits; shapes that do not fit.
    pub fn bce_with_logits(&self, target: &Tensor) -> Result<Tensor> {
        same_device("bce_with_logits", self, target)?;
        let out = broadcast("bce_with_logits", self, target)?;
        let a = floats(self).broadcast_to(&out)?;
        let t = match target.len() {
            1 => floats(target),
            _ => floats(target).broadcast_to(&out)?,
        };
        let raw = match (!a.is_empty()).then(|| a.raw().bce_with_logits(t.raw())).flatten() {
            Some(raw) => raw,
            None => no_grad(|| in_steps(&a, &t))?.raw().clone(),
        };
        let op = Op { name: "bce_with_logits", parents: &[&a, &t], saved: &[&a, &t], keep_output: false };
        Ok(two(op, raw, for_logits, |b| {
            let (a, t) = (&b.saved[0], &b.saved[1]);
            a.mul(&b.grad.mul_scalar(-1.0 / a.len() as f32)?)?.sum_to(&t.shape())
        }))
    }
}

/// The mean of softplus(−|a|) and max(a, 0) − t·a, of which neither rounds off the other.
fn in_steps(a: &Tensor, t: &Tensor) -> Result<Tensor> {
    let tail = a.abs()?.neg()?.softplus()?;
    tail.add(&a.mul(&a.step()?.sub(t)?)?)?.mean()
}

/// (σ(a) − t) · g / n.
fn for_logits(b: &Back) -> Result<Tensor> {
    let (a, t) = (&b.saved[0], &b.saved[1]);
    let fused = || a.raw().bce_with_logits_grad(t.raw(), b.grad.raw());
    match (!is_recording()).then(fused).flatten() {
        Some(raw) => Ok(Tensor::constant(raw)),
        None => a.sigmoid()?.sub(t)?.mul(&b.grad.mul_scalar(1.0 / a.len() as f32)?)?.sum_to(&a.shape()),
    }
}
