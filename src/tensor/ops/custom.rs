//! Operations whose gradient is given from outside: straight-through estimators and custom rules.

use super::{floats, unary};
use crate::tape::{Grads, Op};
use crate::{Device, Tensor, shown};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// The value of `self` with the gradient of `soft`: a straight-through estimator.
    ///
    /// # Errors
    /// Shapes that differ.
    pub fn straight_through(&self, soft: &Tensor) -> Result<Tensor> {
        if self.shape() != soft.shape() {
            return Err(Fault::shape(format!(
                "straight_through: hard {} and soft {} must have the same shape",
                shown(&self.shape()),
                shown(&soft.shape())
            )));
        }
        let hard = floats(self);
        Ok(unary("straight_through", &floats(soft), hard.raw().clone(), &[], false, |b| Ok(b.grad.clone())))
    }

    /// An operation with a rule of its own: `output` was computed from `inputs` without recording, and
    /// `backward(inputs, output, gradient)` gives one gradient for each input. What the rule computes with recorded
    /// operations can be differentiated again.
    pub fn custom(
        inputs: &[&Tensor],
        output: &Tensor,
        backward: impl Fn(&[Tensor], &Tensor, &Tensor) -> Result<Vec<Option<Tensor>>> + 'static,
    ) -> Tensor {
        let op = Op { name: "custom_op", parents: inputs, saved: inputs, keep_output: true };
        op.done(output.raw().clone(), move |b| {
            let grads = backward(b.saved, b.output()?, b.grad)?;
            for (i, (x, grad)) in b.saved.iter().zip(&grads).enumerate() {
                if let Some(g) = grad.as_ref().filter(|g| g.shape() != x.shape()) {
                    return Err(Fault::shape(format!(
                        "custom_op: backward gave shape {} for input {i} of shape {}",
                        shown(&g.shape()),
                        shown(&x.shape())
                    )));
                }
            }
            if grads.len() != b.saved.len() {
                return Err(Fault::value(format!(
                    "custom_op: backward gave {} gradients for {} inputs",
                    grads.len(),
                    b.saved.len()
                )));
            }
            Ok(Grads::from_vec(grads))
        })
    }

    /// The same values on another device; the gradient comes back to this one.
    pub fn to_device(&self, device: &Device) -> Tensor {
        let from = self.device();
        if from == *device {
            return self.clone();
        }
        let raw = self.raw().to_device(device);
        match self.dtype() {
            crate::Dtype::F32 => unary("to", self, raw, &[], false, move |b| Ok(b.grad.to_device(&from))),
            _ => Tensor::constant(raw),
        }
    }
}
