//! Operations on whole numbers that give whole numbers: exact, or an error. They carry no gradients.

use super::{broadcast, same_device};
use crate::{Dtype, Raw, Tensor};
use saddle_cpu::{Binary, Unary};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// Whether this holds ints or truth values, which count as 0 and 1.
    pub(super) fn is_whole(&self) -> bool {
        self.dtype() != Dtype::F32
    }

    /// `op` of an int tensor, where it gives whole numbers; `None` for floats, and for an operation that gives floats.
    pub(super) fn int_unary(&self, op: Unary) -> Result<Option<Tensor>> {
        let f: fn(i64) -> Option<i64> = match op {
            Unary::Abs => i64::checked_abs,
            Unary::Neg => i64::checked_neg,
            Unary::Sign => |v| Some(v.signum()),
            Unary::Square => |v| v.checked_mul(v),
            Unary::Relu => |v| Some(v.max(0)),
            Unary::Floor | Unary::Ceil | Unary::Round => Some,
            _ => return Ok(None),
        };
        match self.is_whole() {
            true => Ok(Some(Tensor::constant(self.raw().cast(Dtype::Int).int_unary(f)?))),
            false => Ok(None),
        }
    }

    /// Cut to `lo..=hi` without leaving the whole numbers.
    ///
    /// # Errors
    /// A tensor of floats; the device's.
    pub fn clamp_ints(&self, lo: i64, hi: i64) -> Result<Tensor> {
        let x = super::whole("clamp", "elements", &self.cast_truths())?;
        Ok(Tensor::constant(x.int_unary(|v| Some(v.min(hi).max(lo)))?))
    }

    /// Truth values as 0 and 1.
    pub(super) fn cast_truths(&self) -> Tensor {
        match self.dtype() {
            Dtype::Bool => self.cast(Dtype::Int),
            _ => self.clone(),
        }
    }

    /// `+ − ·`, the larger and the smaller of two int tensors stay whole; `None` when a float takes part.
    pub(super) fn int_arithmetic(&self, name: &str, op: Binary, other: &Tensor) -> Result<Option<Tensor>> {
        let Some((a, b, out)) = self.int_pair(name, other)? else {
            return Ok(None);
        };
        Ok(Some(Tensor::constant(a.int_binary(op, &b, &out)?)))
    }

    /// a − b · ⌊a / b⌋ of two int tensors; `None` when a float takes part.
    pub(super) fn int_rem(&self, other: &Tensor) -> Result<Option<Tensor>> {
        let Some((a, b, out)) = self.int_pair("rem", other)? else {
            return Ok(None);
        };
        no_zero(&b, "float(t) gives NaN there")?;
        let rem = |a: i64, b: i64| {
            let rest = a.checked_rem(b).unwrap_or(0);
            let other_side = rest != 0 && (rest < 0) != (b < 0);
            Some(if other_side { rest + b } else { rest })
        };
        Ok(Some(Tensor::constant(a.int_pairs(&b, &out, rem)?)))
    }

    /// ⌊a / b⌋ of two int tensors; `None` when a float takes part.
    pub(super) fn int_floor_div(&self, other: &Tensor) -> Result<Option<Tensor>> {
        let Some((a, b, out)) = self.int_pair("div", other)? else {
            return Ok(None);
        };
        no_zero(&b, "float(t) gives an infinite quotient there")?;
        let down = |a: i64, b: i64| {
            let other_side = a.checked_rem(b)? != 0 && (a < 0) != (b < 0);
            Some(a.checked_div(b)? - i64::from(other_side))
        };
        Ok(Some(Tensor::constant(a.int_pairs(&b, &out, down)?)))
    }

    /// aᵇ of two int tensors; `None` when a float takes part or an exponent is negative.
    pub(super) fn int_pow(&self, other: &Tensor) -> Result<Option<Tensor>> {
        let Some((a, b, out)) = self.int_pair("pow", other)? else {
            return Ok(None);
        };
        if b.to_ints()?.iter().any(|&p| p < 0) {
            return Ok(None);
        }
        let power = |a: i64, p: i64| match a {
            0 | 1 => Some(if p == 0 { 1 } else { a }),
            -1 => Some(if p % 2 == 0 { 1 } else { -1 }),
            _ => a.checked_pow(u32::try_from(p).ok()?),
        };
        Ok(Some(Tensor::constant(a.int_pairs(&b, &out, power)?)))
    }

    /// The matrix product of two int tensors `[.., m, k] @ [.., k, n]` of equal leading axes; `None` when a float takes
    /// part.
    pub(super) fn int_product(&self, other: &Tensor) -> Result<Option<Tensor>> {
        if !self.is_whole() || !other.is_whole() {
            return Ok(None);
        }
        Ok(Some(Tensor::constant(self.raw().cast(Dtype::Int).int_matmul(&other.raw().cast(Dtype::Int))?)))
    }

    /// This with each element of `source` at its place along axis `at`, or added to what is there. The indices have
    /// been checked.
    ///
    /// # Errors
    /// Tensors that are not ints; a sum of more than 64 bits.
    pub fn int_scatter(&self, at: usize, index: &Tensor, source: &Tensor, add: bool) -> Result<Tensor> {
        let x = super::whole("scatter", "x", self)?;
        let (index, source) = (super::whole("scatter", "index", index)?, super::whole("scatter", "source", source)?);
        Ok(Tensor::constant(x.int_scatter(at, &index, &source, add)?))
    }

    fn int_pair(&self, name: &str, other: &Tensor) -> Result<Option<(Raw, Raw, crate::Shape)>> {
        if !self.is_whole() || !other.is_whole() {
            return Ok(None);
        }
        same_device(name, self, other)?;
        let out = broadcast(name, self, other)?;
        let (a, b) = (self.raw().cast(Dtype::Int), other.raw().cast(Dtype::Int));
        Ok(Some((a, b, out)))
    }
}

/// That no divisor among whole numbers is 0.
fn no_zero(divisors: &Raw, hint: &str) -> Result<()> {
    match divisors.to_ints()?.contains(&0) {
        true => Err(Fault::value("whole numbers cannot be divided by 0").hint(hint)),
        false => Ok(()),
    }
}
