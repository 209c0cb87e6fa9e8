//! Comparisons, truth values, and the choice between two tensors by them.

use super::super::raw::Compare;
use super::{broadcast, floats, same_device, two};
use saddle_fault::{Fault, Result};
use crate::tape::Op;
use crate::{Dtype, Raw, Tensor};

impl Tensor {
    fn compare(&self, name: &str, op: Compare, other: &Tensor) -> Result<Tensor> {
        same_device(name, self, other)?;
        let out = broadcast(name, self, other)?;
        let (a, b) = match (self.dtype(), other.dtype()) {
            (x, y) if x == y => (self.raw().clone(), other.raw().clone()),
            _ => (floats(self).raw().clone(), floats(other).raw().clone()),
        };
        Ok(Tensor::constant(a.compare(op, &b, &out)))
    }

    pub fn lt(&self, other: &Tensor) -> Result<Tensor> {
        self.compare("<", Compare::Lt, other)
    }

    pub fn le(&self, other: &Tensor) -> Result<Tensor> {
        self.compare("<=", Compare::Le, other)
    }

    pub fn gt(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(">", Compare::Gt, other)
    }

    pub fn ge(&self, other: &Tensor) -> Result<Tensor> {
        self.compare(">=", Compare::Ge, other)
    }

    /// Element by element; gives a bool tensor.
    pub fn eq(&self, other: &Tensor) -> Result<Tensor> {
        self.compare("==", Compare::Eq, other)
    }

    pub fn ne(&self, other: &Tensor) -> Result<Tensor> {
        self.compare("!=", Compare::Ne, other)
    }

    /// The opposite of each truth value.
    pub fn not(&self) -> Tensor {
        Tensor::constant(self.raw().cast(Dtype::Bool).not())
    }

    pub fn and(&self, other: &Tensor) -> Result<Tensor> {
        let out = broadcast("and", self, other)?;
        Ok(Tensor::constant(
            self.raw()
                .cast(Dtype::Bool)
                .and(&other.raw().cast(Dtype::Bool), &out),
        ))
    }

    pub fn or(&self, other: &Tensor) -> Result<Tensor> {
        let out = broadcast("or", self, other)?;
        Ok(Tensor::constant(
            self.raw()
                .cast(Dtype::Bool)
                .or(&other.raw().cast(Dtype::Bool), &out),
        ))
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
        let (yes, no) = (floats(yes), floats(no));
        let raw = Raw::choose(self.raw(), yes.raw(), no.raw(), &out);
        let (sy, sn) = (yes.shape(), no.shape());
        let op = Op {
            name: "where",
            parents: &[&yes, &no],
            saved: &[self],
            keep_output: false,
        };
        Ok(two(
            op,
            raw,
            move |b| {
                b.saved[0]
                    .choose(b.grad, &Tensor::full(0.0, &[], &b.grad.device()))?
                    .sum_to(&sy)
            },
            move |b| {
                b.saved[0]
                    .choose(&Tensor::full(0.0, &[], &b.grad.device()), b.grad)?
                    .sum_to(&sn)
            },
        ))
    }
}
