//! Element-wise operations on values: one operand, two operands with broadcasting, comparisons, choice.

use super::far::{self, Far, one, two, with_scalar};
use super::near::{self, expm1, log1p};
use super::{Dtype, Raw};
use crate::shape::Shape;
use crate::view::{Element, broadcast_strides};
use saddle_backend::Op;
use saddle_cpu::{Binary, Unary};
use saddle_fault::{Fault, Result};
use std::cmp::Ordering;

/// Which comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// a < b
    Lt,
    /// a ≤ b
    Le,
    /// a > b
    Gt,
    /// a ≥ b
    Ge,
    /// a = b
    Eq,
    /// a ≠ b
    Ne,
}

impl Raw {
    /// `op` on each element of a float tensor.
    pub fn unary(&self, op: Unary) -> Raw {
        if self.view().is_some() {
            let x = self.contiguous();
            if let Some(slice) = x.slice() {
                return Raw::cpu(saddle_cpu::unary(op, slice), x.shape());
            }
        }
        match self.unless_any(&self.shape(), Dtype::F32) {
            Some(none) => none,
            None => self.unary_burn(op).like(self),
        }
    }

    fn unary_burn(&self, op: Unary) -> Raw {
        let x = self.far();
        // max(x, 0) + log1p(exp(−|x|)): no overflow at either end.
        let softplus = |x: &Far| {
            let tail = log1p(&one(Op::Exp, &one(Op::Neg, &one(Op::Abs, x))));
            two(Op::Add, &one(Op::Relu, x), &tail)
        };
        Raw::float(match op {
            Unary::Neg => one(Op::Neg, x),
            Unary::Exp => one(Op::Exp, x),
            Unary::Log => one(Op::Log, x),
            Unary::Log1p => log1p(x),
            Unary::Expm1 => expm1(x),
            Unary::Sqrt => one(Op::Sqrt, x),
            Unary::Rsqrt => one(Op::Recip, &one(Op::Sqrt, x)),
            Unary::Recip => one(Op::Recip, x),
            Unary::Square => two(Op::Mul, x, x),
            Unary::Abs => one(Op::Abs, x),
            Unary::Sign => one(Op::Sign, x),
            Unary::Sin => one(Op::Sin, x),
            Unary::Cos => one(Op::Cos, x),
            Unary::Tanh => near::tanh(x),
            Unary::Sigmoid => one(Op::Sigmoid, x),
            Unary::Softplus => softplus(x),
            Unary::LogSigmoid => one(Op::Neg, &softplus(&one(Op::Neg, x))),
            Unary::Relu => one(Op::Relu, x),
            Unary::LeakyRelu(slope) => with_scalar(Op::LeakyRelu, x, slope),
            Unary::Step => one(Op::IntoFloat, &with_scalar(Op::GtScalar, x, 0.0)),
            Unary::LeakyStep(slope) => leaky_step(x, slope),
            Unary::Elu(alpha) => {
                let low = expm1(&with_scalar(Op::ClampMax, x, 0.0));
                two(Op::Add, &one(Op::Relu, x), &with_scalar(Op::MulScalar, &low, alpha))
            }
            Unary::Gelu => near::gelu(x),
            Unary::Silu => two(Op::Mul, x, &one(Op::Sigmoid, x)),
            Unary::Erf => near::erf(x),
            Unary::Floor => one(Op::Floor, x),
            Unary::Ceil => one(Op::Ceil, x),
            Unary::Round => one(Op::Round, x),
            Unary::AddScalar(v) => with_scalar(Op::AddScalar, x, v),
            Unary::MulScalar(v) => with_scalar(Op::MulScalar, x, v),
            Unary::RsubScalar(v) => with_scalar(Op::AddScalar, &one(Op::Neg, x), v),
            Unary::RdivScalar(v) => with_scalar(Op::MulScalar, &one(Op::Recip, x), v),
            Unary::PowScalar(v) => near::power(x, v),
            Unary::Clamp(lo, hi) => far::compute(Op::Clamp, &[x], &[], &[lo, hi]),
            Unary::ClampMask(lo, hi) => {
                let above = with_scalar(Op::GtScalar, x, lo);
                let below = one(Op::Not, &with_scalar(Op::GeScalar, x, hi));
                one(Op::IntoFloat, &two(Op::And, &above, &below))
            }
        })
    }

    /// `op` on two float tensors whose shapes broadcast to `out`.
    pub fn binary(&self, op: Binary, other: &Raw, out: &Shape) -> Raw {
        if let (Some(a), Some(b)) = (self.slice(), other.slice())
            && self.shape() == other.shape()
        {
            return Raw::cpu(saddle_cpu::binary(op, a, b), out.clone());
        }
        if let (Some((a, sa)), Some((b, sb))) = (self.strided(), other.strided()) {
            let sa = broadcast_strides(&self.shape(), sa, out);
            let sb = broadcast_strides(&other.shape(), sb, out);
            return Raw::cpu(saddle_cpu::binary_broadcast(op, a, &sa, b, &sb, out), out.clone());
        }
        match self.unless_any(out, Dtype::F32) {
            Some(none) => none,
            None => self.binary_burn(op, other, out).of(out),
        }
    }

    fn binary_burn(&self, op: Binary, other: &Raw, out: &Shape) -> Raw {
        let (a, b) = (self.lift(out), other.lift(out));
        let (a, b) = (a.far(), b.far());
        let mask = |op| one(Op::IntoFloat, &two(op, a, b));
        Raw::float(match op {
            Binary::Add => two(Op::Add, a, b),
            Binary::Sub => two(Op::Sub, a, b),
            Binary::Mul => two(Op::Mul, a, b),
            Binary::Div => two(Op::Div, a, b),
            Binary::Pow => near::pow(a, b),
            Binary::Max => far::compute(Op::MaskWhere, &[&two(Op::Gt, a, b), b, a], &[], &[]),
            Binary::Min => far::compute(Op::MaskWhere, &[&two(Op::Lt, a, b), b, a], &[], &[]),
            Binary::Lt => mask(Op::Lt),
            Binary::Le => mask(Op::Le),
            Binary::Gt => mask(Op::Gt),
            Binary::Ge => mask(Op::Ge),
            Binary::Eq => mask(Op::Eq),
            Binary::Ne => mask(Op::Ne),
            Binary::SigmoidGrad => {
                let rest = with_scalar(Op::AddScalar, &one(Op::Neg, b), 1.0);
                two(Op::Mul, a, &two(Op::Mul, b, &rest))
            }
            Binary::TanhGrad => {
                let square = one(Op::Neg, &two(Op::Mul, b, b));
                two(Op::Mul, a, &with_scalar(Op::AddScalar, &square, 1.0))
            }
            Binary::ReluGrad => two(Op::Mul, a, &one(Op::IntoFloat, &with_scalar(Op::GtScalar, b, 0.0))),
            Binary::LeakyReluGrad(slope) => two(Op::Mul, a, &leaky_step(b, slope)),
            Binary::EluGrad(alpha) => {
                let up = one(Op::IntoFloat, &with_scalar(Op::GtScalar, b, 0.0));
                let low = one(Op::Exp, &with_scalar(Op::ClampMax, b, 0.0));
                let down = with_scalar(Op::AddScalar, &one(Op::Neg, &up), 1.0);
                let low = two(Op::Mul, &with_scalar(Op::MulScalar, &low, alpha), &down);
                two(Op::Mul, a, &two(Op::Add, &up, &low))
            }
            Binary::GeluGrad => two(Op::Mul, a, &near::gelu_slope(b)),
            Binary::SiluGrad => {
                let s = one(Op::Sigmoid, b);
                let rest = with_scalar(Op::AddScalar, &one(Op::Neg, &s), 1.0);
                let slope = two(Op::Add, &s, &two(Op::Mul, b, &two(Op::Mul, &s, &rest)));
                two(Op::Mul, a, &slope)
            }
        })
    }

    /// Expanded to `shape` where it is not of that shape already.
    pub(super) fn lift(&self, shape: &Shape) -> Raw {
        if self.shape() == *shape { self.clone() } else { self.expand(shape.clone()) }
    }

    /// A comparison of two tensors of one dtype that broadcast to `out`; gives truth values.
    pub fn compare(&self, op: Compare, other: &Raw, out: &Shape) -> Raw {
        if self.view().is_some() {
            return match self.dtype() {
                Dtype::F32 => self.compared::<f32>(op, other, out),
                Dtype::Int => self.compared::<i64>(op, other, out),
                Dtype::Bool => self.compared::<bool>(op, other, out),
            };
        }
        if let Some(none) = self.unless_any(out, Dtype::Bool) {
            return none;
        }
        let op = match op {
            Compare::Lt => Op::Lt,
            Compare::Le => Op::Le,
            Compare::Gt => Op::Gt,
            Compare::Ge => Op::Ge,
            Compare::Eq => Op::Eq,
            Compare::Ne => Op::Ne,
        };
        let (a, b) = (self.lift(out), other.lift(out));
        Raw::wrap(two(op, a.far(), b.far()), Dtype::Bool).of(out)
    }

    /// The remainder with the sign of the divisor of two float tensors that broadcast to `out`, exact also where the
    /// quotient is large; on another device by way of the CPU, since of a quotient of more than 24 bits no operation in
    /// single precision keeps the last.
    pub fn remainder(&self, other: &Raw, out: &Shape) -> Raw {
        if self.view().is_none() {
            return self.on_cpu().remainder(&other.on_cpu(), out).to_device(&self.device());
        }
        self.paired(other, out, |a: f32, b: f32| match a % b {
            rest if rest != 0.0 && (rest < 0.0) != (b < 0.0) => rest + b,
            rest => rest,
        })
    }

    /// A comparison of int and float tensors that broadcast to `out`: exact, where either as the other would be rounded.
    /// `None` on another device where the ints are known to be floats, too; of others there it is by way of the CPU.
    pub fn compare_mixed(&self, op: Compare, floats: &Raw, out: &Shape) -> Option<Raw> {
        const EXACT: std::ops::RangeInclusive<i64> = -(1 << 24)..=1 << 24;
        if self.view().is_none() {
            let fit = self.bounds().is_some_and(|(low, high)| EXACT.contains(&low) && EXACT.contains(&high));
            let none = self.is_empty() || floats.is_empty();
            return match fit || none {
                true => None,
                false => {
                    self.on_cpu().compare_mixed(op, &floats.on_cpu(), out).map(|all| all.to_device(&self.device()))
                }
            };
        }
        let (a, b) = (self.lift(out).contiguous(), floats.lift(out).contiguous());
        let pairs = a.elements::<i64>().iter().zip(b.elements::<f32>());
        Some(Raw::cpu(pairs.map(|(&a, &b)| op.holds_between(a, f64::from(b))).collect(), out.clone()))
    }

    /// A comparison of an int tensor with a number.
    ///
    /// # Errors
    /// The device's.
    pub fn compare_number(&self, op: Compare, number: f64) -> Result<Raw> {
        let all = self.to_ints()?.into_iter().map(|v| op.holds_between(v, number)).collect();
        Ok(Raw::from_bools(all, self.shape(), &self.device()))
    }

    /// [`Raw::compare`] on the CPU. Each comparison has a loop of its own, in which nothing has to be chosen.
    fn compared<T: Element + PartialOrd>(&self, op: Compare, other: &Raw, out: &Shape) -> Raw {
        match op {
            Compare::Lt => self.paired(other, out, |a: T, b| a < b),
            Compare::Le => self.paired(other, out, |a: T, b| a <= b),
            Compare::Gt => self.paired(other, out, |a: T, b| a > b),
            Compare::Ge => self.paired(other, out, |a: T, b| a >= b),
            Compare::Eq => self.paired(other, out, |a: T, b| a == b),
            Compare::Ne => self.paired(other, out, |a: T, b| a != b),
        }
    }

    /// `f` of each pair of elements of two tensors on the CPU that broadcast to `out`.
    fn paired<T: Element, U: Element>(&self, other: &Raw, out: &Shape, f: impl Fn(T, T) -> U) -> Raw {
        if let Some(b) = other.single::<T>() {
            let a = self.lift(out).contiguous();
            return Raw::cpu(a.elements::<T>().iter().map(|&a| f(a, b)).collect(), out.clone());
        }
        let (a, b) = (self.lift(out).contiguous(), other.lift(out).contiguous());
        let (a, b) = (a.elements::<T>(), b.elements::<T>());
        Raw::cpu(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect(), out.clone())
    }

    /// The element of a tensor on the CPU that has one.
    fn single<T: Element>(&self) -> Option<T> {
        (self.len() == 1).then(|| self.contiguous().elements::<T>().first().copied()).flatten()
    }

    /// The elements of a view in row-major order that holds elements of this type.
    pub(super) fn elements<T: Element>(&self) -> &[T] {
        self.view().and_then(|view| view.slice()).unwrap_or_default()
    }

    /// Truth values: both, either, the opposite.
    pub fn and(&self, other: &Raw, out: &Shape) -> Raw {
        self.truths(Op::And, other, out, |a, b| a & b)
    }

    /// Whether one of both is true; `out` is the broadcast shape.
    pub fn or(&self, other: &Raw, out: &Shape) -> Raw {
        self.truths(Op::Or, other, out, |a, b| a | b)
    }

    fn truths(&self, op: Op, other: &Raw, out: &Shape, f: impl Fn(bool, bool) -> bool) -> Raw {
        if self.view().is_some() {
            return self.paired(other, out, f);
        }
        if let Some(none) = self.unless_any(out, Dtype::Bool) {
            return none;
        }
        let (a, b) = (self.lift(out), other.lift(out));
        Raw::wrap(two(op, a.far(), b.far()), Dtype::Bool).of(out)
    }

    /// The opposite of each truth value.
    pub fn not(&self) -> Raw {
        if self.view().is_some() {
            let x = self.contiguous();
            return Raw::cpu(x.elements::<bool>().iter().map(|v| !v).collect(), x.shape());
        }
        if let Some(none) = self.unless_any(&self.shape(), Dtype::Bool) {
            return none;
        }
        Raw::wrap(one(Op::Not, self.far()), Dtype::Bool).like(self)
    }

    /// `self` where `mask` holds, else `other`; all three broadcast to `out`.
    pub fn choose(mask: &Raw, yes: &Raw, no: &Raw, out: &Shape) -> Raw {
        if yes.view().is_some() {
            return match yes.dtype() {
                Dtype::F32 => chosen::<f32>(mask, yes, no, out),
                Dtype::Int => chosen::<i64>(mask, yes, no, out),
                Dtype::Bool => chosen::<bool>(mask, yes, no, out),
            };
        }
        if let Some(none) = yes.unless_any(out, yes.dtype()) {
            return none;
        }
        let (mask, lifted, no) = (mask.lift(out), yes.lift(out), no.lift(out));
        let far = far::compute(Op::MaskWhere, &[mask.far(), no.far(), lifted.far()], &[], &[]);
        Raw::wrap(far, yes.dtype()).of(out)
    }

    /// `+ − ·`, the larger or the smaller of two int tensors that broadcast to `out`; division gives floats and is done
    /// there.
    ///
    /// # Errors
    /// A result of more than 64 bits, on the CPU.
    pub fn int_binary(&self, op: Binary, other: &Raw, out: &Shape) -> Result<Raw> {
        let (f, burn): (fn(i64, i64) -> Option<i64>, _) = match op {
            Binary::Add => (i64::checked_add, Some(Op::Add)),
            Binary::Sub => (i64::checked_sub, Some(Op::Sub)),
            Binary::Max => (|a, b| Some(a.max(b)), None),
            Binary::Min => (|a, b| Some(a.min(b)), None),
            _ => (i64::checked_mul, Some(Op::Mul)),
        };
        // A device wraps what does not fit its bits without a word, so it computes only what is known to fit.
        let fits = |known: &(i64, i64)| [known.0, known.1].iter().all(|&end| self.device().holds_whole(end));
        let known = self.bounds().zip(other.bounds()).and_then(|(a, b)| reach(f, a, b)).filter(fits);
        let (Some(burn), Some(known), None) = (burn, known, self.view()) else {
            return self.int_pairs(other, out, f);
        };
        if let Some(none) = self.unless_any(out, Dtype::Int) {
            return Ok(none);
        }
        let (a, b) = (self.lift(out), other.lift(out));
        Ok(Raw::wrap(two(burn, a.far(), b.far()), Dtype::Int).within(Some(known)).of(out))
    }

    /// `f` of each pair of elements of two int tensors that broadcast to `out`; on another device by way of the CPU.
    ///
    /// # Errors
    /// `f` gives nothing: the result has more than 64 bits.
    pub fn int_pairs(&self, other: &Raw, out: &Shape, f: impl Fn(i64, i64) -> Option<i64>) -> Result<Raw> {
        let [a, b] = [self, other].map(|x| x.on_cpu().lift(out).contiguous());
        let pairs = a.elements::<i64>().iter().zip(b.elements::<i64>());
        let all: Option<Vec<i64>> = pairs.map(|(&a, &b)| f(a, b)).collect();
        Ok(Raw::from_ints(all.ok_or_else(overflow)?, out.clone(), &self.device()))
    }

    /// `f` of each element of an int tensor; on another device by way of the CPU.
    ///
    /// # Errors
    /// `f` gives nothing: the result has more than 64 bits; a device's own.
    pub fn int_unary(&self, f: impl Fn(i64) -> Option<i64>) -> Result<Raw> {
        let all: Option<Vec<i64>> = self.to_ints()?.into_iter().map(f).collect();
        let all = all.ok_or_else(overflow)?;
        Ok(Raw::from_ints(all, self.shape(), &self.device()))
    }

    /// The whole number of each element of a float tensor.
    pub fn floor_int(&self) -> Raw {
        if self.view().is_some() {
            return self.unary(Unary::Floor).cast(Dtype::Int);
        }
        if let Some(none) = self.unless_any(&self.shape(), Dtype::Int) {
            return none;
        }
        Raw::wrap(one(Op::IntoInt, &one(Op::Floor, self.far())), Dtype::Int).like(self)
    }
}

/// Between which numbers a sum, difference or product of numbers within these bounds lies; `None` beyond 64 bits.
fn reach(f: fn(i64, i64) -> Option<i64>, a: (i64, i64), b: (i64, i64)) -> Option<(i64, i64)> {
    let corners = [f(a.0, b.0)?, f(a.0, b.1)?, f(a.1, b.0)?, f(a.1, b.1)?];
    let (low, high) = corners.iter().fold((i64::MAX, i64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    Some((low, high))
}

impl Compare {
    /// The operator.
    pub fn name(self) -> &'static str {
        match self {
            Compare::Lt => "<",
            Compare::Le => "<=",
            Compare::Gt => ">",
            Compare::Ge => ">=",
            Compare::Eq => "==",
            Compare::Ne => "!=",
        }
    }

    /// The same comparison with its sides exchanged.
    pub fn swapped(self) -> Self {
        match self {
            Compare::Lt => Compare::Gt,
            Compare::Le => Compare::Ge,
            Compare::Gt => Compare::Lt,
            Compare::Ge => Compare::Le,
            same => same,
        }
    }

    /// Between a whole number and a float, neither of which is rounded.
    fn holds_between(self, a: i64, b: f64) -> bool {
        // The whole part of a float is a whole number of at most 64 bits, or beyond all of them.
        let order = match b.floor() {
            whole if whole >= 9_223_372_036_854_775_808.0 => Some(Ordering::Less),
            whole if whole < -9_223_372_036_854_775_808.0 => Some(Ordering::Greater),
            whole if whole.is_nan() => None,
            whole => Some(a.cmp(&(whole as i64)).then(if b > whole { Ordering::Less } else { Ordering::Equal })),
        };
        match self {
            Compare::Lt => order == Some(Ordering::Less),
            Compare::Le => order.is_some_and(Ordering::is_le),
            Compare::Gt => order == Some(Ordering::Greater),
            Compare::Ge => order.is_some_and(Ordering::is_ge),
            Compare::Eq => order == Some(Ordering::Equal),
            Compare::Ne => order != Some(Ordering::Equal),
        }
    }
}

/// Why an operation on whole numbers gives none.
pub(crate) fn overflow() -> Fault {
    Fault::value("whole numbers of more than 64 bits").hint("float(t) computes with fewer digits and a larger range")
}

/// 1 where x > 0, else `slope`.
fn leaky_step(x: &Far, slope: f32) -> Far {
    let up = one(Op::IntoFloat, &with_scalar(Op::GtScalar, x, 0.0));
    with_scalar(Op::AddScalar, &with_scalar(Op::MulScalar, &up, 1.0 - slope), slope)
}

/// On the CPU, [`Raw::choose`].
fn chosen<T: Element>(mask: &Raw, yes: &Raw, no: &Raw, out: &Shape) -> Raw {
    let mask = mask.lift(out).contiguous();
    let mask = mask.elements::<bool>();
    let whole = |x: &Raw| x.lift(out).contiguous();
    let all = match (yes.single::<T>(), no.single::<T>()) {
        (Some(yes), Some(no)) => mask.iter().map(|&mask| either(mask, yes, no)).collect(),
        (Some(yes), None) => {
            let no = whole(no);
            mask.iter().zip(no.elements()).map(|(&mask, &no)| either(mask, yes, no)).collect()
        }
        (None, Some(no)) => {
            let yes = whole(yes);
            mask.iter().zip(yes.elements()).map(|(&mask, &yes)| either(mask, yes, no)).collect()
        }
        (None, None) => {
            let (yes, no) = (whole(yes), whole(no));
            let pairs = yes.elements().iter().zip(no.elements());
            mask.iter().zip(pairs).map(|(&mask, (&yes, &no))| either(mask, yes, no)).collect()
        }
    };
    Raw::cpu(all, out.clone())
}

/// Without a branch, which could not be foreseen.
#[inline(always)]
fn either<T: Element>(mask: bool, yes: T, no: T) -> T {
    std::hint::select_unpredictable(mask, yes, no)
}
