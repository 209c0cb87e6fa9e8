//! Functions of one variable whose formulas round before they cancel or overflow on the way, as devices without an
//! exact kernel compute them: from operations of single precision alone.

use super::far::{self, Far, one, two, with_scalar};
use saddle_backend::Op;

/// 2 / √π.
const TWO_OVER_SQRT_PI: f32 = std::f32::consts::FRAC_2_SQRT_PI;

/// 1 / k!, from k = 8 down to 1.
const EXPONENTIAL: [f32; 8] =
    [1.0 / 40_320.0, 1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0, 1.0];

/// Of the fit of log(erfc(z) / t) + z² in t = 1 / (1 + z / 2), the highest power first.
const COMPLEMENT: [f32; 10] = [
    0.17087276,
    -0.82215226,
    1.4885159,
    -1.135204,
    0.27886808,
    -0.18628806,
    0.09678418,
    0.37409195,
    1.0000237,
    -1.2655122,
];

/// eˣ − 1. Where x is small the difference keeps no digits of it: there Taylor's polynomial, which is off by less than
/// 2·10⁻⁸ of the value.
pub fn expm1(x: &Far) -> Far {
    let series = two(Op::Mul, &polynomial(x, &EXPONENTIAL), x);
    let difference = with_scalar(Op::SubScalar, &one(Op::Exp, x), 1.0);
    where_below(0.5, x, &series, &difference)
}

/// log(1 + x). Burn's graphics kernels round the sum: where x is small the series of 2 artanh(x / (2 + x)), which is
/// off by less than 2·10⁻⁸ of the value.
pub fn log1p(x: &Far) -> Far {
    let ratio = two(Op::Div, x, &with_scalar(Op::AddScalar, x, 2.0));
    let squares = polynomial(&two(Op::Mul, &ratio, &ratio), &[1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0]);
    let series = with_scalar(Op::MulScalar, &two(Op::Mul, &ratio, &squares), 2.0);
    where_below(0.25, x, &series, &one(Op::Log1p, x))
}

/// tanh x. Where x is small its series, which is off by less than 10⁻⁸ of the value: graphics kernels take the
/// difference of two exponentials.
pub fn tanh(x: &Far) -> Far {
    let squares = two(Op::Mul, x, x);
    let series = polynomial(&squares, &[62.0 / 2_835.0, -17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0, 1.0]);
    where_below(0.25, x, &two(Op::Mul, x, &series), &one(Op::Tanh, x))
}

/// The error function. Where x is small its series, which is off by less than 3·10⁻⁸ of the value: graphics kernels
/// take what is near to 1 from 1.
pub fn erf(x: &Far) -> Far {
    let squares = two(Op::Mul, x, x);
    let terms = [-1.0 / 1_320.0, 1.0 / 216.0, -1.0 / 42.0, 1.0 / 10.0, -1.0 / 3.0, 1.0];
    let series = polynomial(&squares, &terms.map(|term| term * TWO_OVER_SQRT_PI));
    where_below(0.5, x, &two(Op::Mul, x, &series), &one(Op::Erf, x))
}

/// x Φ(x) as max(x, 0) − |x| erfc(|x| / √2) / 2: 1 + erf keeps few digits left of 0. The complement is by Chebyshev's
/// fit in *Numerical Recipes* (Press et al., 2nd ed., § 6.2, `erfcc`), off by less than 1.2·10⁻⁷ of it everywhere.
pub fn gelu(x: &Far) -> Far {
    // So far out there is nothing left of it, and ∞ · 0 is not asked for.
    let size = with_scalar(Op::ClampMax, &one(Op::Abs, x), 1e4);
    let z = with_scalar(Op::MulScalar, &size, std::f32::consts::FRAC_1_SQRT_2);
    let t = one(Op::Recip, &with_scalar(Op::AddScalar, &with_scalar(Op::MulScalar, &z, 0.5), 1.0));
    let exponent = two(Op::Sub, &polynomial(&t, &COMPLEMENT), &two(Op::Mul, &z, &z));
    let complement = two(Op::Mul, &t, &one(Op::Exp, &exponent));
    let lost = with_scalar(Op::MulScalar, &two(Op::Mul, &size, &complement), 0.5);
    two(Op::Sub, &one(Op::Relu, x), &lost)
}

/// The slope of [`gelu`]: Φ(x) + x φ(x), with the normal distribution's Φ and density φ.
pub fn gelu_slope(x: &Far) -> Far {
    /// 1 / √(2π)
    const HEIGHT: f32 = 0.398_942_3;
    // As above.
    let x = far::compute(Op::Clamp, &[x], &[], &[-1e4, 1e4]);
    let below = with_scalar(Op::AddScalar, &erf(&with_scalar(Op::MulScalar, &x, std::f32::consts::FRAC_1_SQRT_2)), 1.0);
    let density = one(Op::Exp, &with_scalar(Op::MulScalar, &two(Op::Mul, &x, &x), -0.5));
    let far_out = two(Op::Mul, &x, &with_scalar(Op::MulScalar, &density, HEIGHT));
    two(Op::Add, &with_scalar(Op::MulScalar, &below, 0.5), &far_out)
}

/// aᵇ, which is 1 for b = 0 whatever a is: graphics kernels take the logarithm of a.
pub fn pow(a: &Far, b: &Far) -> Far {
    let one_each = with_scalar(Op::AddScalar, &with_scalar(Op::MulScalar, b, 0.0), 1.0);
    far::compute(Op::MaskWhere, &[&one(Op::NotZero, b), &one_each, &two(Op::Pow, a, b)], &[], &[])
}

/// xᵖ. The power of a negative whole p is that of 1 / x, since x² may overflow where its reciprocal does not vanish.
pub fn power(x: &Far, p: f32) -> Far {
    match p < -1.0 && p.fract() == 0.0 {
        true => with_scalar(Op::PowScalar, &one(Op::Recip, x), -p),
        false => with_scalar(Op::PowScalar, x, p),
    }
}

/// A polynomial of two or more coefficients, that of the highest power first.
fn polynomial(x: &Far, coefficients: &[f32]) -> Far {
    let first = with_scalar(Op::AddScalar, &with_scalar(Op::MulScalar, x, coefficients[0]), coefficients[1]);
    coefficients[2..].iter().fold(first, |sum, &c| with_scalar(Op::AddScalar, &two(Op::Mul, &sum, x), c))
}

/// `near` where |x| < `limit`, else `rest`.
fn where_below(limit: f32, x: &Far, near: &Far, rest: &Far) -> Far {
    let beyond = with_scalar(Op::GeScalar, &one(Op::Abs, x), limit);
    far::compute(Op::MaskWhere, &[&beyond, near, rest], &[], &[])
}
