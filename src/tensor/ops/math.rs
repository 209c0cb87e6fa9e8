//! Recorded element-wise operations.

use super::{broadcast, floats, one, same_device, two, unary};
use crate::tape::{Back, Gate, Op, is_recording};
use crate::{Dtype, Raw, Tensor};
use saddle_cpu::{Binary, Unary};
use saddle_fault::Result;

/// 2/√π, the slope of erf at 0.
const TWO_OVER_SQRT_PI: f32 = std::f32::consts::FRAC_2_SQRT_PI;
const INV_SQRT_2: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// An operation of one operand whose backward is a gate.
fn behind(name: &'static str, x: &Tensor, raw: Raw, op: Binary, mask: Raw) -> Tensor {
    let gate = Gate { op, mask };
    Op { name, parents: &[x], saved: &[], keep_output: false }.done_behind(Some(gate), raw, |b| Ok(one(b.grad.clone())))
}

/// A gradient in one pass, where nobody asks for one of it.
fn at_once(g: &Tensor, op: Binary, x: &Tensor) -> Option<Tensor> {
    (!is_recording()).then(|| Tensor::constant(g.raw().binary(op, x.raw(), &x.shape())))
}

/// Operations of one operand whose rule needs the operand: `name, kernel, |g, x| gradient`.
macro_rules! from_input {
    ($($(#[$doc:meta])* $name:ident, $op:expr, |$g:ident, $x:ident| $rule:expr;)*) => { impl Tensor { $(
        $(#[$doc])*
        pub fn $name(&self) -> Result<Tensor> {
            if let Some(ints) = self.int_unary($op)? {
                return Ok(ints);
            }
            let x = floats(self);
            let raw = x.raw().unary($op);
            Ok(unary(stringify!($name), &x, raw, &[&x], false, |b| {
                let ($g, $x) = (b.grad, &b.saved[0]);
                $rule
            }))
        }
    )* } };
}

/// Operations of one operand whose rule needs only the output.
macro_rules! from_output {
    ($($(#[$doc:meta])* $name:ident, $op:expr, |$g:ident, $y:ident| $rule:expr;)*) => { impl Tensor { $(
        $(#[$doc])*
        pub fn $name(&self) -> Result<Tensor> {
            let x = floats(self);
            let raw = x.raw().unary($op);
            Ok(unary(stringify!($name), &x, raw, &[], true, |b| {
                let ($g, $y) = (b.grad, b.output()?);
                $rule
            }))
        }
    )* } };
}

/// Operations whose gradient is zero wherever it exists: the result is a constant.
macro_rules! flat {
    ($($(#[$doc:meta])* $name:ident, $op:expr;)*) => { impl Tensor { $(
        $(#[$doc])*
        pub fn $name(&self) -> Result<Tensor> {
            match self.int_unary($op)? {
                Some(ints) => Ok(ints),
                None => Ok(Tensor::constant(floats(self).raw().unary($op))),
            }
        }
    )* } };
}

from_input! {
    /// The natural logarithm; −∞ at 0, NaN below.
    log, Unary::Log, |g, x| g.div(x);
    /// log(1 + x), exact for small x.
    log1p, Unary::Log1p, |g, x| g.div(&x.add_scalar(1.0)?);
    /// eˣ − 1, exact for small x.
    expm1, Unary::Expm1, |g, x| g.mul(&x.exp()?);
    /// x².
    square, Unary::Square, |g, x| g.mul(x)?.mul_scalar(2.0);
    /// |x|; the gradient at 0 is 0.
    abs, Unary::Abs, |g, x| g.mul(&x.sign()?);
    /// The sine of an angle in radians.
    sin, Unary::Sin, |g, x| g.mul(&x.cos()?);
    /// The cosine of an angle in radians.
    cos, Unary::Cos, |g, x| g.mul(&x.sin()?)?.neg();
    /// log(1 + eˣ), without overflow.
    softplus, Unary::Softplus, |g, x| g.mul(&x.sigmoid()?);
    /// log(1 / (1 + e⁻ˣ)), without overflow.
    log_sigmoid, Unary::LogSigmoid, |g, x| g.mul(&x.neg()?.sigmoid()?);
    /// x · Φ(x) with the normal distribution function Φ (exact, not the tanh form).
    gelu, Unary::Gelu, |g, x| {
        if let Some(at_once) = at_once(g, Binary::GeluGrad, x) {
            return Ok(at_once);
        }
        let cdf = x.mul_scalar(INV_SQRT_2)?.erf()?.add_scalar(1.0)?.mul_scalar(0.5)?;
        let pdf = x.square()?.mul_scalar(-0.5)?.exp()?.mul_scalar(0.5 * TWO_OVER_SQRT_PI * INV_SQRT_2)?;
        g.mul(&cdf.add(&x.mul(&pdf)?)?)
    };
    /// x · σ(x).
    silu, Unary::Silu, |g, x| {
        if let Some(at_once) = at_once(g, Binary::SiluGrad, x) {
            return Ok(at_once);
        }
        let s = x.sigmoid()?;
        let slope = s.add(&x.mul(&s)?.mul(&s.rsub_scalar(1.0)?)?)?;
        g.mul(&slope)
    };
    /// The error function.
    erf, Unary::Erf, |g, x| g.mul(&x.square()?.neg()?.exp()?.mul_scalar(TWO_OVER_SQRT_PI)?);
}

from_output! {
    /// eˣ; infinite beyond 88.7.
    exp, Unary::Exp, |g, y| g.mul(y);
    /// The square root: NaN below 0; the gradient at 0 is infinite.
    sqrt, Unary::Sqrt, |g, y| g.div(y)?.mul_scalar(0.5);
    /// 1 / x.
    recip, Unary::Recip, |g, y| g.mul(y)?.mul(y)?.neg();
    /// The hyperbolic tangent.
    tanh, Unary::Tanh, |g, y| g.tanh_grad(y);
    /// 1 / (1 + e⁻ˣ).
    sigmoid, Unary::Sigmoid, |g, y| g.sigmoid_grad(y);
}

flat! {
    /// −1, 0 or 1. Its gradient is 0.
    sign, Unary::Sign;
    /// The largest whole number not above. Its gradient is 0.
    floor, Unary::Floor;
    /// The smallest whole number not below. Its gradient is 0.
    ceil, Unary::Ceil;
    /// The nearest whole number, halves to even. Its gradient is 0.
    round, Unary::Round;
    /// 1 where x > 0, else 0. Its gradient is 0.
    step, Unary::Step;
}

impl Tensor {
    /// The logarithm to base 2; −∞ at 0, NaN below.
    pub fn log2(&self) -> Result<Tensor> {
        self.log_to(std::f32::consts::LN_2)
    }

    /// The logarithm to base 10; −∞ at 0, NaN below.
    pub fn log10(&self) -> Result<Tensor> {
        self.log_to(std::f32::consts::LN_10)
    }

    /// The logarithm to the base whose natural logarithm is `ln_base`. As a quotient: a product with the rounded inverse
    /// misses more of the whole results, such as log₁₀ 10⁹.
    fn log_to(&self, ln_base: f32) -> Result<Tensor> {
        self.log()?.div(&Tensor::full(ln_base, &[], &self.device()))
    }

    /// The tangent of an angle in radians.
    pub fn tan(&self) -> Result<Tensor> {
        self.sin()?.div(&self.cos()?)
    }

    /// −x.
    pub fn neg(&self) -> Result<Tensor> {
        match self.int_unary(Unary::Neg)? {
            Some(ints) => Ok(ints),
            None => self.mul_scalar(-1.0),
        }
    }

    /// `x + s`.
    pub fn add_scalar(&self, s: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::AddScalar(s));
        Ok(unary("add", &x, raw, &[], false, |b| Ok(b.grad.clone())))
    }

    /// `s · x`.
    pub fn mul_scalar(&self, s: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::MulScalar(s));
        Ok(unary("mul", &x, raw, &[], false, move |b| b.grad.mul_scalar(s)))
    }

    /// `s − x`.
    pub fn rsub_scalar(&self, s: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::RsubScalar(s));
        Ok(unary("sub", &x, raw, &[], false, |b| b.grad.neg()))
    }

    /// `s / x`.
    pub fn rdiv_scalar(&self, s: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::RdivScalar(s));
        Ok(unary("div", &x, raw, &[&x], true, |b| b.grad.div(&b.saved[0])?.mul(b.output()?)?.neg()))
    }

    /// `xᵖ`: NaN for a negative x and a p that is not whole.
    pub fn pow_scalar(&self, p: f32) -> Result<Tensor> {
        // 1 / x has a gradient that does not overflow where it is not too large itself.
        match p {
            2.0 => return floats(self).square(),
            -1.0 => return self.rdiv_scalar(1.0),
            _ => {}
        }
        let x = floats(self);
        let raw = x.raw().unary(Unary::PowScalar(p));
        Ok(unary("pow", &x, raw, &[&x], false, move |b| match p {
            // x⁰ is constant, also at 0, where the general rule would give 0 · ∞.
            0.0 => Ok(b.grad.zeros_like()),
            1.0 => Ok(b.grad.clone()),
            _ => b.grad.mul(&b.saved[0].pow_scalar(p - 1.0)?)?.mul_scalar(p),
        }))
    }

    /// `sᵡ` for a base s > 0.
    pub fn rpow_scalar(&self, s: f32) -> Result<Tensor> {
        self.mul_scalar(s.ln())?.exp()
    }

    /// max(x, 0); the gradient at 0 is 0.
    pub fn relu(&self) -> Result<Tensor> {
        if let Some(ints) = self.int_unary(Unary::Relu)? {
            return Ok(ints);
        }
        let x = floats(self);
        let raw = x.raw().unary(Unary::Relu);
        // The result has the operand's sign where it matters, so that the operand need not be kept.
        let mask = raw.clone();
        Ok(behind("relu", &x, raw, Binary::ReluGrad, mask))
    }

    /// x where x > 0, else `slope` · x.
    pub fn leaky_relu(&self, slope: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::LeakyRelu(slope));
        let mask = if slope >= 0.0 { &raw } else { x.raw() }.clone();
        let gate = Binary::LeakyReluGrad(slope);
        Ok(behind("leaky_relu", &x, raw, gate, mask))
    }

    /// x where x > 0, else `alpha` · (eˣ − 1).
    pub fn elu(&self, alpha: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::Elu(alpha));
        Ok(unary("elu", &x, raw, &[&x], false, move |b| {
            let x = &b.saved[0];
            if let Some(at_once) = at_once(b.grad, Binary::EluGrad(alpha), x) {
                return Ok(at_once);
            }
            // On the lower branch the slope is α eˣ; exp of the clamped value keeps the unused branch finite.
            let up = x.step()?;
            let low = x.clamp(f32::MIN, 0.0)?.exp()?.mul_scalar(alpha)?.mul(&up.rsub_scalar(1.0)?)?;
            b.grad.mul(&up.add(&low)?)
        }))
    }

    /// Cut to `lo..=hi`; the gradient passes where x lies between, and not at the bounds, as in PyTorch.
    pub fn clamp(&self, lo: f32, hi: f32) -> Result<Tensor> {
        let x = floats(self);
        let raw = x.raw().unary(Unary::Clamp(lo, hi));
        Ok(unary("clamp", &x, raw, &[&x], false, move |b| {
            b.grad.only_where(&mask(b.saved[0].raw().unary(Unary::ClampMask(lo, hi))))
        }))
    }

    /// A tensor of zeros of the same shape, on the same device.
    pub fn zeros_like(&self) -> Tensor {
        Tensor::full(0.0, &self.shape(), &self.device())
    }

    fn binary(&self, name: &'static str, op: Binary, other: &Tensor) -> Result<(Tensor, Tensor, Raw)> {
        same_device(name, self, other)?;
        let out = broadcast(name, self, other)?;
        let (a, b) = (floats(self), floats(other));
        let raw = a.raw().binary(op, b.raw(), &out);
        Ok((a, b, raw))
    }

    /// Sum, with broadcasting.
    pub fn add(&self, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_arithmetic("add", Binary::Add, other)? {
            return Ok(ints);
        }
        let (a, b, raw) = self.binary("add", Binary::Add, other)?;
        let (sa, sb) = (a.shape(), b.shape());
        let op = Op { name: "add", parents: &[&a, &b], saved: &[], keep_output: false };
        Ok(two(op, raw, move |b| b.grad.sum_to(&sa), move |b| b.grad.sum_to(&sb)))
    }

    /// Difference, with broadcasting.
    pub fn sub(&self, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_arithmetic("sub", Binary::Sub, other)? {
            return Ok(ints);
        }
        let (a, b, raw) = self.binary("sub", Binary::Sub, other)?;
        let (sa, sb) = (a.shape(), b.shape());
        let op = Op { name: "sub", parents: &[&a, &b], saved: &[], keep_output: false };
        Ok(two(op, raw, move |b| b.grad.sum_to(&sa), move |b| b.grad.sum_to(&sb)?.neg()))
    }

    /// Product, with broadcasting.
    pub fn mul(&self, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_arithmetic("mul", Binary::Mul, other)? {
            return Ok(ints);
        }
        let (a, b, raw) = self.binary("mul", Binary::Mul, other)?;
        let (sa, sb) = (a.shape(), b.shape());
        let op = Op { name: "mul", parents: &[&a, &b], saved: &[&a, &b], keep_output: false };
        Ok(two(op, raw, move |b| b.grad.mul(&b.saved[1])?.sum_to(&sa), move |b| b.grad.mul(&b.saved[0])?.sum_to(&sb)))
    }

    /// Quotient, with broadcasting: always floats.
    pub fn div(&self, other: &Tensor) -> Result<Tensor> {
        let (a, b, raw) = self.binary("div", Binary::Div, other)?;
        let (sa, sb) = (a.shape(), b.shape());
        let op = Op { name: "div", parents: &[&a, &b], saved: &[&b], keep_output: true };
        Ok(two(
            op,
            raw,
            move |b| b.grad.div(&b.saved[0])?.sum_to(&sa),
            // −y · (g / d): d² would overflow or vanish where the gradient does not.
            move |b| {
                let part = b.grad.div(&b.saved[0])?;
                b.output()?.mul(&part)?.neg()?.sum_to(&sb)
            },
        ))
    }

    /// Power, with broadcasting; whole numbers stay whole where no exponent is negative.
    pub fn pow(&self, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_pow(other)? {
            return Ok(ints);
        }
        let (a, b, raw) = self.binary("pow", Binary::Pow, other)?;
        let (sa, sb) = (a.shape(), b.shape());
        let op = Op { name: "pow", parents: &[&a, &b], saved: &[&a, &b], keep_output: true };
        Ok(two(op, raw, move |b| for_base(b)?.sum_to(&sa), move |b| for_exponent(b)?.sum_to(&sb)))
    }

    /// The larger of each pair; where they are equal both get half the gradient.
    pub fn maximum(&self, other: &Tensor) -> Result<Tensor> {
        self.pick("maximum", Binary::Max, Binary::Gt, other)
    }

    /// The smaller of each pair; where they are equal both get half the gradient.
    pub fn minimum(&self, other: &Tensor) -> Result<Tensor> {
        self.pick("minimum", Binary::Min, Binary::Lt, other)
    }

    fn pick(&self, name: &'static str, op: Binary, wins: Binary, other: &Tensor) -> Result<Tensor> {
        if let Some(ints) = self.int_arithmetic(name, op, other)? {
            return Ok(ints);
        }
        let (a, b, raw) = self.binary(name, op, other)?;
        let (sa, sb) = (a.shape(), b.shape());
        let out = raw.shape();
        let op = Op { name, parents: &[&a, &b], saved: &[&a, &b], keep_output: false };
        // The gradient but where the operand loses, half of it where they are equal; nothing of an infinite one elsewhere.
        // Nothing loses against NaN, and that reaches both.
        let share = move |b: &Back, [one, other]: [usize; 2]| -> Result<Tensor> {
            let (one, other) = (b.saved[one].raw(), b.saved[other].raw());
            let lost = mask(other.binary(wins, one, &out));
            let equal = mask(one.binary(Binary::Eq, other, &out));
            equal.choose(&b.grad.mul_scalar(0.5)?, &b.grad.zero_at(&lost)?)
        };
        let share_right = share.clone();
        Ok(two(op, raw, move |b| share(b, [0, 1])?.sum_to(&sa), move |b| share_right(b, [1, 0])?.sum_to(&sb)))
    }

    /// `g · y · (1 − y)`: the backward of sigmoid in one pass, itself differentiable.
    fn sigmoid_grad(&self, y: &Tensor) -> Result<Tensor> {
        let (g, y, raw) = self.binary("sigmoid", Binary::SigmoidGrad, y)?;
        let op = Op { name: "sigmoid", parents: &[&g, &y], saved: &[&g, &y], keep_output: false };
        Ok(two(
            op,
            raw,
            |b| b.grad.sigmoid_grad(&b.saved[1]),
            |b| {
                let (g, y) = (&b.saved[0], &b.saved[1]);
                b.grad.mul(g)?.mul(&y.mul_scalar(-2.0)?.add_scalar(1.0)?)
            },
        ))
    }

    /// `g · (1 − y²)`: the backward of tanh in one pass, itself differentiable.
    fn tanh_grad(&self, y: &Tensor) -> Result<Tensor> {
        let (g, y, raw) = self.binary("tanh", Binary::TanhGrad, y)?;
        let op = Op { name: "tanh", parents: &[&g, &y], saved: &[&g, &y], keep_output: false };
        Ok(two(
            op,
            raw,
            |b| b.grad.tanh_grad(&b.saved[1]),
            |b| {
                let (g, y) = (&b.saved[0], &b.saved[1]);
                b.grad.mul(g)?.mul(y)?.mul_scalar(-2.0)
            },
        ))
    }

    /// The backward of a function of straight pieces, of which `op` is one: linear in this gradient and flat in `x`, so
    /// it is its own backward.
    pub(crate) fn gated(&self, name: &'static str, op: Binary, x: &Tensor) -> Result<Tensor> {
        let (g, x, raw) = self.binary(name, op, x)?;
        Ok(behind(name, &g, raw, op, x.raw().clone()))
    }

    /// As another dtype. Only floats carry gradients.
    pub fn cast(&self, to: Dtype) -> Tensor {
        if self.dtype() == to { self.clone() } else { Tensor::constant(self.raw().cast(to)) }
    }
}

/// g · p · aᵖ⁻¹: of a⁰ it is 0, also at a = 0, where the formula has 0 · ∞.
fn for_base(b: &Back) -> Result<Tensor> {
    let (a, p) = (&b.saved[0], &b.saved[1]);
    let constant = is_zero(a)?.and(&is_zero(p)?)?;
    // Near 0 the powers of a overflow, also where p, or what it left of the gradient before, is 0 and nothing passes.
    let slope = a.away_from(&constant)?.pow(&p.add_scalar(-1.0)?)?.weighted(p)?;
    slope.weighted(b.grad)?.zero_at(&constant)
}

/// g · aᵖ · log a: of 0ᵖ it is 0 for p ≥ 0, as in PyTorch, where the formula has 0 · ∞.
fn for_exponent(b: &Back) -> Result<Tensor> {
    let (a, p) = (&b.saved[0], &b.saved[1]);
    let zero = Tensor::full(0.0, &[], &p.device());
    let constant = is_zero(a)?.and(&p.ge(&zero)?)?;
    let log = a.away_from(&constant)?.log()?;
    b.grad.mul(b.output()?)?.mul(&log)?.zero_at(&constant)
}

/// Ones and zeros as truth values, a constant.
fn mask(ones: Raw) -> Tensor {
    Tensor::constant(ones.cast(Dtype::Bool))
}

fn is_zero(x: &Tensor) -> Result<Tensor> {
    x.eq(&Tensor::full(0.0, &[], &x.device()))
}
