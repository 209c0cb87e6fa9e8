//! Comparisons, truth values, and the choice between two tensors by them.

use super::super::raw::Compare;
use super::{broadcast, floats, same_device, two};
use crate::tape::Op;
use crate::{Dtype, Raw, Tensor};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// A comparison element by element; gives a bool tensor. Whole numbers and floats are compared as they are, none of
    /// them rounded.
    ///
    /// # Errors
    /// Shapes that do not broadcast; tensors of two devices.
    pub fn compare(&self, op: Compare, other: &Tensor) -> Result<Tensor> {
        let name = op.name();
        same_device(name, self, other)?;
        let out = broadcast(name, self, other)?;
        let mixed = match (self.dtype(), other.dtype()) {
            (Dtype::Int, Dtype::F32) => self.raw().compare_mixed(op, other.raw(), &out),
            (Dtype::F32, Dtype::Int) => other.raw().compare_mixed(op.swapped(), self.raw(), &out),
            _ => None,
        };
        if let Some(mixed) = mixed {
            return Ok(Tensor::constant(mixed));
        }
        let (a, b) = match (self.dtype(), other.dtype()) {
            (x, y) if x == y => (self.raw().clone(), other.raw().clone()),
            _ if self.is_whole() && other.is_whole() => (self.raw().cast(Dtype::Int), other.raw().cast(Dtype::Int)),
            _ => (floats(self).raw().clone(), floats(other).raw().clone()),
        };
        Ok(Tensor::constant(a.compare(op, &b, &out)))
    }

    /// A comparison of whole numbers with a number that is not rounded first.
    ///
    /// # Errors
    /// The device's.
    pub fn compare_number(&self, op: Compare, number: f64) -> Result<Tensor> {
        Ok(Tensor::constant(self.raw().cast(Dtype::Int).compare_number(op, number)?))
    }

    /// Less, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn lt(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(Compare::Lt, other)
    }

    /// Less or equal, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn le(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(Compare::Le, other)
    }

    /// Greater, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn gt(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(Compare::Gt, other)
    }

    /// Greater or equal, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn ge(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(Compare::Ge, other)
    }

    /// Element by element; gives a bool tensor.
    pub fn eq(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(Compare::Eq, other)
    }

    /// Not equal, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn ne(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(Compare::Ne, other)
    }

    /// The opposite of each truth value.
    pub fn not(&self) -> Tensor {
        Tensor::constant(self.raw().cast(Dtype::Bool).not())
    }

    /// Whether both are true, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn and(&self, other: &Tensor) -> Result<Tensor> {
        let out = broadcast("and", self, other)?;
        Ok(Tensor::constant(self.raw().cast(Dtype::Bool).and(&other.raw().cast(Dtype::Bool), &out)))
    }

    /// Whether one is true, element by element with broadcasting; gives a bool tensor.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn or(&self, other: &Tensor) -> Result<Tensor> {
        let out = broadcast("or", self, other)?;
        Ok(Tensor::constant(self.raw().cast(Dtype::Bool).or(&other.raw().cast(Dtype::Bool), &out)))
    }

    /// `yes` where `self` (a bool tensor) holds, else `no`; all three broadcast.
    ///
    /// # Errors
    /// `self` is not a bool tensor; shapes that do not broadcast.
    pub fn choose(&self, yes: &Tensor, no: &Tensor) -> Result<Tensor> {
        same_device("where", self, yes)?;
        same_device("where", yes, no)?;
        if self.dtype() != Dtype::Bool {
            return Err(Fault::type_(format!(
                "where: the condition must be bool, got a tensor of {}",
                self.dtype().name()
            ))
            .hint("compare first, for example where(x > 0, a, b)"));
        }
        let shape = broadcast("where", &Tensor::constant(no.raw().clone()), yes)?;
        let out = broadcast("where", self, &Tensor::full(0.0, &shape, &self.device()))?;
        if yes.is_whole() && no.is_whole() {
            let kind = if yes.dtype() == no.dtype() { yes.dtype() } else { Dtype::Int };
            let (yes, no) = (yes.raw().cast(kind), no.raw().cast(kind));
            return Ok(Tensor::constant(Raw::choose(self.raw(), &yes, &no, &out)));
        }
        let (yes, no) = (floats(yes), floats(no));
        let raw = Raw::choose(self.raw(), yes.raw(), no.raw(), &out);
        let (sy, sn) = (yes.shape(), no.shape());
        let op = Op { name: "where", parents: &[&yes, &no], saved: &[self], keep_output: false };
        Ok(two(
            op,
            raw,
            move |b| b.saved[0].choose(b.grad, &Tensor::full(0.0, &[], &b.grad.device()))?.sum_to(&sy),
            move |b| b.saved[0].choose(&Tensor::full(0.0, &[], &b.grad.device()), b.grad)?.sum_to(&sn),
        ))
    }

    /// This with 1 where `singular` holds: an operand at which a formula is finite in place of one at which it has 0 ·
    /// ∞ or 0 / 0. With [`Tensor::zero_at`] behind the formula neither a value nor a gradient of any order comes from
    /// there. Every rule with a removable singularity is written so.
    pub(super) fn away_from(&self, singular: &Tensor) -> Result<Tensor> {
        singular.choose(&Tensor::full(1.0, &[], &self.device()), self)
    }

    /// This where `mask` holds, else 0, also of what is not finite.
    pub(super) fn only_where(&self, mask: &Tensor) -> Result<Tensor> {
        mask.choose(self, &Tensor::full(0.0, &[], &self.device()))
    }

    /// This with 0 where `singular` holds.
    pub(super) fn zero_at(&self, singular: &Tensor) -> Result<Tensor> {
        singular.choose(&Tensor::full(0.0, &[], &self.device()), self)
    }

    /// `self · weight`, in which a weight of 0 takes nothing of an infinite element: 0 · ∞ is 0, as in p · log q.
    ///
    /// # Errors
    /// Shapes that do not broadcast; tensors of two devices.
    pub fn weighted(&self, weight: &Tensor) -> Result<Tensor> {
        let zero = weight.eq(&Tensor::full(0.0, &[], &weight.device()))?;
        let most = Tensor::full(f32::MAX, &[], &self.device());
        let infinite = self.detach().abs()?.gt(&most)?;
        self.zero_at(&zero.and(&infinite)?)?.mul(weight)
    }
}
