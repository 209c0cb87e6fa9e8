//! Binary cross-entropy of logits, where the device has it in one piece.

use super::Raw;
use crate::shape::Shape;

impl Raw {
    /// The mean of log(1 + eᵃ) − t·a over all logits, of rank 0, for a target of their shape or one for all. `None`
    /// where the device has no kernel for it.
    pub fn bce_with_logits(&self, target: &Raw) -> Option<Raw> {
        let (a, t) = (self.contiguous(), target.contiguous());
        let a = a.slice()?;
        let mean = saddle_cpu::bce_with_logits(a, t.slice()?) / a.len() as f32;
        Some(Raw::cpu(vec![mean], Shape::new([])))
    }

    /// The gradient of [`Raw::bce_with_logits`] with respect to the logits, for the gradient `g` of its result.
    pub fn bce_with_logits_grad(&self, target: &Raw, g: &Raw) -> Option<Raw> {
        let (a, t, g) = (self.contiguous(), target.contiguous(), g.contiguous());
        let (logits, scale) = (a.slice()?, g.slice()?.first()?);
        let scale = scale / logits.len() as f32;
        let grad = saddle_cpu::bce_with_logits_grad(logits, t.slice()?, scale);
        Some(Raw::cpu(grad, a.shape()))
    }
}
