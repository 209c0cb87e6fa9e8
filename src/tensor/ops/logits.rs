//! Recorded binary cross-entropy of logits.

use super::{floats, same_device, two};
use saddle_fault::Result;
use crate::Tensor;
use crate::tape::{Back, Op, is_recording};

impl Tensor {
    /// The mean of log(1 + eᵃ) − t·a over all logits `a`, exact for every a, for a target of their shape or one for all.
    ///
    /// # Errors
    /// No logits; shapes that do not fit.
    pub fn bce_with_logits(&self, target: &Tensor) -> Result<Tensor> {
        same_device("bce_with_logits", self, target)?;
        let (a, t) = (floats(self), floats(target));
        let fits = !a.is_empty() && (t.len() == 1 || t.shape() == a.shape());
        let fused = || a.raw().bce_with_logits(t.raw());
        let Some(raw) = fits.then(fused).flatten() else {
            return a.softplus()?.sub(&t.mul(&a)?)?.mean();
        };
        let op = Op {
            name: "bce_with_logits",
            parents: &[&a, &t],
            saved: &[&a, &t],
            keep_output: false,
        };
        Ok(two(op, raw, for_logits, |b| {
            let (a, t) = (&b.saved[0], &b.saved[1]);
            a.mul(&b.grad.mul_scalar(-1.0 / a.len() as f32)?)?
                .sum_to(&t.shape())
        }))
    }
}

/// (σ(a) − t) · g / n.
fn for_logits(b: &Back) -> Result<Tensor> {
    let (a, t) = (&b.saved[0], &b.saved[1]);
    let fused = || a.raw().bce_with_logits_grad(t.raw(), b.grad.raw());
    match (!is_recording()).then(fused).flatten() {
        Some(raw) => Ok(Tensor::constant(raw)),
        None => a
            .sigmoid()?
            .sub(t)?
            .mul(&b.grad.mul_scalar(1.0 / a.len() as f32)?)?
            .sum_to(&a.shape()),
    }
}
