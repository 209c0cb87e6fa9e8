//! Element-wise operations on values: one operand, two operands with broadcasting, comparisons, choice.

use super::{Dtype, FLOAT, INT, Raw};
use saddle_cpu::{Binary, Unary};
use burn::backend::Dispatch;
use burn::backend::ops::{ActivationOps, BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::tensor::Shape;

/// Which comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
}

impl Raw {
    /// `op` on each element of a float tensor.
    pub fn unary(&self, op: Unary) -> Raw {
        if self.flex().is_some() {
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
        type D = Dispatch;
        let bools = self.bools();
        let x = self.prim();
        let s = |v: f32| v.into();
        Raw::float(match op {
            Unary::Neg => D::float_neg(x),
            Unary::Exp => D::float_exp(x),
            Unary::Log => D::float_log(x),
            Unary::Log1p => D::float_log1p(x),
            Unary::Expm1 => D::float_sub_scalar(D::float_exp(x), s(1.)),
            Unary::Sqrt => D::float_sqrt(x),
            Unary::Rsqrt => D::float_recip(D::float_sqrt(x)),
            Unary::Recip => D::float_recip(x),
            Unary::Square => D::float_mul(x.clone(), x),
            Unary::Abs => D::float_abs(x),
            Unary::Sign => D::float_sign(x),
            Unary::Sin => D::float_sin(x),
            Unary::Cos => D::float_cos(x),
            Unary::Tanh => D::float_tanh(x),
            Unary::Sigmoid => D::sigmoid(x),
            // max(x, 0) + log1p(exp(−|x|)): no overflow at either end.
            Unary::Softplus => {
                let tail = D::float_log1p(D::float_exp(D::float_neg(D::float_abs(x.clone()))));
                D::float_add(D::relu(x), tail)
            }
            Unary::LogSigmoid => D::float_neg(
                Raw::float(D::float_neg(x))
                    .unary_burn(Unary::Softplus)
                    .prim(),
            ),
            Unary::Relu => D::relu(x),
            Unary::LeakyRelu(slope) => D::leaky_relu(x, s(slope)),
            Unary::Step => D::bool_into_float(D::float_greater_elem(x, s(0.), bools), FLOAT),
            Unary::LeakyStep(slope) => {
                let up = D::bool_into_float(D::float_greater_elem(x, s(0.), bools), FLOAT);
                D::float_add_scalar(D::float_mul_scalar(up, s(1. - slope)), s(slope))
            }
            Unary::Elu(alpha) => {
                let low = D::float_clamp_max(x.clone(), s(0.));
                let bent =
                    D::float_mul_scalar(D::float_sub_scalar(D::float_exp(low), s(1.)), s(alpha));
                D::float_add(D::relu(x), bent)
            }
            Unary::Gelu => D::gelu(x),
            Unary::Silu => D::float_mul(x.clone(), D::sigmoid(x)),
            Unary::Erf => D::float_erf(x),
            Unary::Floor => D::float_floor(x),
            Unary::Ceil => D::float_ceil(x),
            Unary::Round => D::float_round(x),
            Unary::AddScalar(v) => D::float_add_scalar(x, s(v)),
            Unary::MulScalar(v) => D::float_mul_scalar(x, s(v)),
            Unary::RsubScalar(v) => D::float_add_scalar(D::float_neg(x), s(v)),
            Unary::RdivScalar(v) => D::float_mul_scalar(D::float_recip(x), s(v)),
            Unary::PowScalar(v) => D::float_powf_scalar(x, s(v)),
            Unary::Clamp(lo, hi) => D::float_clamp(x, s(lo), s(hi)),
            Unary::ClampMask(lo, hi) => {
                let above = D::float_greater_equal_elem(x.clone(), s(lo), bools);
                let below = D::float_lower_equal_elem(x, s(hi), bools);
                D::bool_into_float(D::bool_and(above, below), FLOAT)
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
            let sa = broadcast_strides(&self.shape(), &sa, out);
            let sb = broadcast_strides(&other.shape(), &sb, out);
            return Raw::cpu(saddle_cpu::binary_broadcast(op, a, &sa, b, &sb, out), out.clone());
        }
        match self.unless_any(out, Dtype::F32) {
            Some(none) => none,
            None => self.binary_burn(op, other, out).of(out),
        }
    }

    fn binary_burn(&self, op: Binary, other: &Raw, out: &Shape) -> Raw {
        type D = Dispatch;
        let bools = self.bools();
        let (a, b) = (self.lift(out).prim(), other.lift(out).prim());
        let mask = |m| D::bool_into_float(m, FLOAT);
        Raw::float(match op {
            Binary::Add => D::float_add(a, b),
            Binary::Sub => D::float_sub(a, b),
            Binary::Mul => D::float_mul(a, b),
            Binary::Div => D::float_div(a, b),
            Binary::Pow => D::float_powf(a, b),
            Binary::Max => {
                let mask = D::float_greater(a.clone(), b.clone(), bools);
                D::float_mask_where(b, mask, a)
            }
            Binary::Min => {
                let mask = D::float_lower(a.clone(), b.clone(), bools);
                D::float_mask_where(b, mask, a)
            }
            Binary::Lt => mask(D::float_lower(a, b, bools)),
            Binary::Le => mask(D::float_lower_equal(a, b, bools)),
            Binary::Gt => mask(D::float_greater(a, b, bools)),
            Binary::Ge => mask(D::float_greater_equal(a, b, bools)),
            Binary::Eq => mask(D::float_equal(a, b, bools)),
            Binary::Ne => mask(D::float_not_equal(a, b, bools)),
            Binary::SigmoidGrad => {
                let slope =
                    D::float_mul(b.clone(), D::float_add_scalar(D::float_neg(b), 1f32.into()));
                D::float_mul(a, slope)
            }
            Binary::TanhGrad => {
                let slope =
                    D::float_add_scalar(D::float_neg(D::float_mul(b.clone(), b)), 1f32.into());
                D::float_mul(a, slope)
            }
            Binary::ReluGrad => D::float_mul(a, mask(D::float_greater_elem(b, 0f32.into(), bools))),
            Binary::LeakyReluGrad(slope) => {
                let slopes = Raw::float(b).unary_burn(Unary::LeakyStep(slope));
                D::float_mul(a, slopes.prim())
            }
        })
    }

    /// Expanded to `shape` where it is not of that shape already.
    pub(super) fn lift(&self, shape: &Shape) -> Raw {
        if self.shape() == *shape {
            self.clone()
        } else {
            self.expand(shape.clone())
        }
    }

    /// A comparison of two tensors of one dtype that broadcast to `out`; gives truth values.
    pub fn compare(&self, op: Compare, other: &Raw, out: &Shape) -> Raw {
        if let Some(none) = self.unless_any(out, Dtype::Bool) {
            return none;
        }
        type D = Dispatch;
        let bools = self.bools();
        let (a, b) = (self.lift(out).prim(), other.lift(out).prim());
        let prim = match (self.dtype(), op) {
            (Dtype::F32, Compare::Lt) => D::float_lower(a, b, bools),
            (Dtype::F32, Compare::Le) => D::float_lower_equal(a, b, bools),
            (Dtype::F32, Compare::Gt) => D::float_greater(a, b, bools),
            (Dtype::F32, Compare::Ge) => D::float_greater_equal(a, b, bools),
            (Dtype::F32, Compare::Eq) => D::float_equal(a, b, bools),
            (Dtype::F32, Compare::Ne) => D::float_not_equal(a, b, bools),
            (Dtype::Int, Compare::Lt) => D::int_lower(a, b, bools),
            (Dtype::Int, Compare::Le) => D::int_lower_equal(a, b, bools),
            (Dtype::Int, Compare::Gt) => D::int_greater(a, b, bools),
            (Dtype::Int, Compare::Ge) => D::int_greater_equal(a, b, bools),
            (Dtype::Int, Compare::Eq) => D::int_equal(a, b, bools),
            (Dtype::Int, Compare::Ne) => D::int_not_equal(a, b, bools),
            (Dtype::Bool, Compare::Ne) => D::bool_not_equal(a, b),
            (Dtype::Bool, _) => D::bool_equal(a, b),
        };
        Raw::wrap(prim, Dtype::Bool).of(out)
    }

    /// Truth values: both, either, the opposite.
    pub fn and(&self, other: &Raw, out: &Shape) -> Raw {
        if let Some(none) = self.unless_any(out, Dtype::Bool) {
            return none;
        }
        Raw::wrap(
            Dispatch::bool_and(self.lift(out).prim(), other.lift(out).prim()),
            Dtype::Bool,
        )
        .of(out)
    }

    pub fn or(&self, other: &Raw, out: &Shape) -> Raw {
        if let Some(none) = self.unless_any(out, Dtype::Bool) {
            return none;
        }
        Raw::wrap(
            Dispatch::bool_or(self.lift(out).prim(), other.lift(out).prim()),
            Dtype::Bool,
        )
        .of(out)
    }

    pub fn not(&self) -> Raw {
        if let Some(none) = self.unless_any(&self.shape(), Dtype::Bool) {
            return none;
        }
        Raw::wrap(Dispatch::bool_not(self.prim()), Dtype::Bool).like(self)
    }

    /// `self` where `mask` holds, else `other`; all three broadcast to `out`.
    pub fn choose(mask: &Raw, yes: &Raw, no: &Raw, out: &Shape) -> Raw {
        if let Some(none) = yes.unless_any(out, yes.dtype()) {
            return none;
        }
        let (mask, yes_prim, no) = (
            mask.lift(out).prim(),
            yes.lift(out).prim(),
            no.lift(out).prim(),
        );
        let prim = match yes.dtype() {
            Dtype::F32 => Dispatch::float_mask_where(no, mask, yes_prim),
            Dtype::Int => Dispatch::int_mask_where(no, mask, yes_prim),
            Dtype::Bool => Dispatch::bool_mask_where(no, mask, yes_prim),
        };
        Raw::wrap(prim, yes.dtype()).of(out)
    }

    /// `+ − ·` of two int tensors that broadcast to `out`; division gives floats and is done there.
    pub fn int_binary(&self, op: Binary, other: &Raw, out: &Shape) -> Raw {
        if let Some(none) = self.unless_any(out, Dtype::Int) {
            return none;
        }
        type D = Dispatch;
        let (a, b) = (self.lift(out).prim(), other.lift(out).prim());
        let prim = match op {
            Binary::Add => D::int_add(a, b),
            Binary::Sub => D::int_sub(a, b),
            _ => D::int_mul(a, b),
        };
        Raw::wrap(prim, Dtype::Int).of(out)
    }

    /// The whole number of each element of a float tensor.
    pub fn floor_int(&self) -> Raw {
        if let Some(none) = self.unless_any(&self.shape(), Dtype::Int) {
            return none;
        }
        Raw::wrap(
            Dispatch::float_into_int(Dispatch::float_floor(self.prim()), INT),
            Dtype::Int,
        )
        .like(self)
    }
}

/// The strides with which a view of `shape` is read as the larger shape `out`: 0 along broadcast axes.
fn broadcast_strides(shape: &[usize], strides: &[usize], out: &[usize]) -> super::StridesVec {
    let lead = out.len() - shape.len();
    (0..out.len())
        .map(|i| {
            if i < lead || shape[i - lead] == 1 && out[i] != 1 {
                0
            } else {
                strides[i - lead]
            }
        })
        .collect()
}
