//! Quotients rounded down, and what they leave.

use super::{broadcast, floats, same_device, two};
use crate::tape::Op;
use crate::{Tensor, no_grad};
use saddle_fault::Result;

impl Tensor {
    /// The remainder with the sign of the divisor, a − b · ⌊a / b⌋, with broadcasting; whole numbers stay whole.
    ///
    /// # Errors
    /// Shapes that do not broadcast; tensors of two devices; whole numbers and a divisor of 0.
    pub fn rem(&self, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_rem(other)? {
            return Ok(ints);
        }
        let (a, b, _) = (floats(self), floats(other), same_device("rem", self, other)?);
        let out = broadcast("rem", self, other)?;
        let raw = a.raw().remainder(b.raw(), &out);
        let (sa, sb) = (a.shape(), b.shape());
        let op = Op { name: "rem", parents: &[&a, &b], saved: &[&a, &b], keep_output: true };
        Ok(two(
            op,
            raw,
            move |b| b.grad.sum_to(&sa),
            move |b| b.grad.mul(&whole_part(&b.saved[0], &b.saved[1], b.output()?)?)?.neg()?.sum_to(&sb),
        ))
    }

    /// ⌊a / b⌋, with broadcasting: of whole numbers exact, of floats infinite or NaN where b is 0. Its gradient is 0.
    ///
    /// # Errors
    /// As [`Tensor::rem`]; whole numbers of more than 64 bits.
    pub fn floor_div(&self, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_floor_div(other)? {
            return Ok(ints);
        }
        let left = no_grad(|| self.rem(other))?;
        whole_part(&floats(self), &floats(other), &left)
    }
}

/// ⌊a / b⌋, a constant, where a % b leaves `left`. From that, since the quotient is rounded: that of a small negative a
/// vanishes, and its floor is −1.
fn whole_part(a: &Tensor, b: &Tensor, left: &Tensor) -> Result<Tensor> {
    let (a, b, left) = (a.detach(), b.detach(), left.detach());
    let full = |v: f32| Tensor::full(v, &[], &a.device());
    let size = b.abs()?;
    // By an infinite divisor it is −1 or 0, of NaN it is NaN.
    let by_infinity = left.ne(&left)?.choose(&left, &floats(&a.ne(&left)?).neg()?)?;
    let finite = size.gt(&full(0.0))?.choose(&a.sub(&left)?.div(&b)?.round()?, &a.div(&b)?)?;
    size.gt(&full(f32::MAX))?.choose(&by_infinity, &finite)
}
