//! Elementary functions of one number, written without branches so that a loop over them vectorises.
//!
//! The polynomials are minimax fits (Remez exchange in 60 digits); the comment at each says what it approximates and
//! how well. Errors are in units in the last place (ulp) of the exact result and are asserted by the tests, over the
//! whole range, with fused multiply-add and without. NaN goes in, NaN comes out; infinities and subnormal numbers are
//! treated as IEEE 754 asks.

use super::simd::Arith;
use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

/// Adding and subtracting this rounds a small number to an integer, and leaves that integer in the low bits.
const ROUNDER: f32 = 12_582_912.0; // 1.5 · 2^23
const ROUNDER64: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52

/// ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact.
const LN2_HIGH: f32 = 0.693_145_75;
const LN2_LOW: f32 = 1.428_606_8e-6;

/// `c[0] + c[1] x + c[2] x² + …`
#[inline(always)]
fn polynomial<A: Arith, const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut sum = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = A::mul_add(sum, x, c[i]);
    }
    sum
}

#[inline(always)]
fn polynomial64<A: Arith, const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut sum = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = A::mul_add64(sum, x, c[i]);
    }
    sum
}

/// `x` between `low` and `high`; NaN stays NaN.
#[inline(always)]
pub(super) fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// 2 to the power `n`, for −126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `x` as `n ln 2 + r` with |r| ≤ ln 2 / 2: gives `n` and `exp(r) − 1`.
#[inline(always)]
fn exp_parts<A: Arith>(x: f32) -> (i32, f32) {
    let shifted = A::mul_add(x, LOG2_E, ROUNDER);
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let whole = shifted - ROUNDER;
    let r = A::mul_add(whole, -LN2_LOW, A::mul_add(whole, -LN2_HIGH, x));
    // (exp(r) − 1 − r) / r², so that the error of exp(r) is 3e-9
    let q = polynomial::<A, 5>(r, [0.5, 0.166_665_18, 0.041_666_206, 0.008_368_89, 0.001_395_049_2]);
    (n, A::mul_add(r * r, q, r))
}

/// e to the power `x`. Error ≤ 1 ulp.
#[inline(always)]
pub(super) fn exp<A: Arith>(x: f32) -> f32 {
    // Far below the smallest number, so that the slow handling of underflow is avoided.
    let vanishes = x < -104.0;
    let (n, m) = exp_parts::<A>(if vanishes { 0.0 } else { clamp(x, -104.0, 89.0) });
    // Two factors, because 2^n itself may be out of range where the result is not.
    let half = n >> 1;
    let y = (1.0 + m) * power_of_two(half) * power_of_two(n.wrapping_sub(half));
    if vanishes { 0.0 } else { y }
}

/// e to the power `x`, minus 1, accurate near 0. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn expm1<A: Arith>(x: f32) -> f32 {
    let (n, m) = exp_parts::<A>(clamp(x, -30.0, 89.0));
    let half_scale = power_of_two(n.wrapping_sub(1));
    let y = 2.0 * A::mul_add(half_scale, m, half_scale - 0.5);
    if x.abs() < 1e-7 { x } else { y }
}

/// A positive `x` as `2^e (1 + f)` with √½ ≤ 1 + f < √2.
#[inline(always)]
fn log_parts(x: f32) -> (f32, f32) {
    let subnormal = x < f32::MIN_POSITIVE;
    let scaled = if subnormal { x * 8_388_608.0 } else { x };
    let offset = FRAC_1_SQRT_2.to_bits() as i32;
    let bits = (scaled.to_bits() as i32).wrapping_sub(offset);
    let f = f32::from_bits(((bits & 0x007f_ffff) + offset) as u32) - 1.0;
    ((bits >> 23) as f32 - if subnormal { 23.0 } else { 0.0 }, f)
}

/// `e ln 2 + ln(1 + f) + c`, for a small correction `c`.
#[inline(always)]
fn log_sum<A: Arith>(e: f32, f: f32, c: f32) -> f32 {
    let s = f / (2.0 + f);
    let z = s * s;
    // (ln((1 + s) / (1 − s)) − 2 s) / s³, error 1e-11
    let r = z * polynomial::<A, 4>(z, [0.666_666_6, 0.400_003_34, 0.285_373_1, 0.235_821_52]);
    let tail = A::mul_add(-s, f - r, A::mul_add(e, LN2_LOW, c));
    A::mul_add(e, LN2_HIGH, f + tail)
}

/// The result `y` of a logarithm of `x`, with what holds at the ends of its domain.
#[inline(always)]
fn log_domain(x: f32, y: f32) -> f32 {
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x < 0.0 { f32::NAN } else { y }
}

/// Natural logarithm. Error ≤ 1 ulp.
#[inline(always)]
pub(super) fn log<A: Arith>(x: f32) -> f32 {
    let (e, f) = log_parts(x);
    log_domain(x, log_sum::<A>(e, f, 0.0))
}

/// ln(1 + x) for finite x > −1.
#[inline(always)]
fn log1p_inside<A: Arith>(x: f32) -> f32 {
    let u = 1.0 + x;
    // what the rounding of 1 + x lost
    let back = u - 1.0;
    let lost = (1.0 - (u - back)) + (x - back);
    let (e, f) = log_parts(u);
    log_sum::<A>(e, f, lost / u)
}

/// ln(1 + x), accurate near 0. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn log1p<A: Arith>(x: f32) -> f32 {
    let y = log1p_inside::<A>(x);
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x == -1.0 { f32::NEG_INFINITY } else { y };
    if x < -1.0 { f32::NAN } else { y }
}

/// Hyperbolic tangent. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn tanh<A: Arith>(x: f32) -> f32 {
    let a = x.abs();
    let z = a * a;
    // (tanh(x) / x − 1) / x² on [0, 0.625]; the error of tanh is 4e-9
    let near = polynomial::<A, 5>(z, [-0.333_332_84, 0.133_314_91, -0.053_743_497, 0.020_650_588, -0.005_717_045_6]);
    let near = A::mul_add(a * z, near, a);
    let far = 1.0 - 2.0 / (exp::<A>(2.0 * if a > 10.0 { 10.0 } else { a }) + 1.0);
    (if a < 0.625 { near } else { far }).copysign(x)
}

/// 1 / (1 + exp(−x)). Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn sigmoid<A: Arith>(x: f32) -> f32 {
    let e = exp::<A>(-x.abs());
    let top = if x < 0.0 { e } else { 1.0 };
    let bottom = 1.0 + e;
    let lost = e - (bottom - 1.0);
    let inverse = 1.0 / bottom;
    let quotient = top * inverse;
    // One step of Newton's, which also makes up for what the rounding of 1 + e lost.
    let rest = A::mul_add(-quotient, lost, A::mul_add(-quotient, bottom, top));
    A::mul_add(rest, inverse, quotient)
}

/// ln(1 + exp(x)), without overflow. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn softplus<A: Arith>(x: f32) -> f32 {
    let linear = if x < 0.0 { 0.0 } else { x };
    linear + log1p_inside::<A>(exp::<A>(-x.abs()))
}

/// ln(sigmoid(x)), without overflow. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn log_sigmoid<A: Arith>(x: f32) -> f32 {
    -softplus::<A>(-x)
}

/// The error function. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn erf<A: Arith>(x: f32) -> f32 {
    let a = x.abs();
    let z = a * a;
    // erf(x) / x − 1 on [0, 1], error 1e-9
    let near = polynomial::<A, 7>(
        z,
        [0.128_379_17, -0.376_126_26, 0.112_836, -0.026_854_444, 0.005_189_535_7, -0.000_802_084_2, 7.889_123e-5],
    );
    // −ln(1 − erf(x)) on [1, 4.05], beyond which erf is 1 in single precision; the error of erf is 1e-9
    let t = if a > 4.05 { 4.05 } else { a };
    let far = polynomial::<A, 7>(
        t,
        [0.000_353_729_6, 1.127_04, 0.638_225_73, 0.103_037_31, -0.021_805_292, 0.002_939_601_2, -0.000_185_573_4],
    );
    let y = if a < 1.0 { A::mul_add(a, near, a) } else { 1.0 - exp::<A>(-far) };
    y.copysign(x)
}

/// x Φ(x) with the normal distribution function Φ: the exact GELU. Error ≤ 2^-23 |x|.
#[inline(always)]
pub(super) fn gelu<A: Arith>(x: f32) -> f32 {
    0.5 * x * (1.0 + erf::<A>(x * FRAC_1_SQRT_2))
}

/// The slope of [`gelu`]: Φ(x) + x φ(x).
#[inline(always)]
pub(super) fn gelu_slope<A: Arith>(x: f32) -> f32 {
    /// 1 / √(2π)
    const HEIGHT: f32 = 0.398_942_3;
    let density = HEIGHT * exp::<A>(-0.5 * x * x);
    // Far out x may be infinite where the density is 0.
    let far = if density == 0.0 { 0.0 } else { x * density };
    0.5 * (1.0 + erf::<A>(x * FRAC_1_SQRT_2)) + far
}

/// The slope of SiLU, x σ(x): σ + x σ (1 − σ), in which 1 − σ is not formed by subtraction.
#[inline(always)]
pub(super) fn silu_slope<A: Arith>(x: f32) -> f32 {
    let e = exp::<A>(-x.abs());
    let inverse = 1.0 / (1.0 + e);
    let curve = e * inverse * inverse;
    let s = if x < 0.0 { e * inverse } else { inverse };
    s + if curve == 0.0 { 0.0 } else { x * curve }
}

/// The slope of ELU: 1 where x > 0, else `alpha` eˣ.
#[inline(always)]
pub(super) fn elu_slope<A: Arith>(x: f32, alpha: f32) -> f32 {
    if x > 0.0 { 1.0 } else { alpha * exp::<A>(x) }
}

/// x³, rounded once.
#[inline(always)]
pub(super) fn cube(x: f32) -> f32 {
    let x = f64::from(x);
    (x * x * x) as f32
}

/// Beyond this the argument reduction of [`sin`] and [`cos`] is not accurate enough.
pub(super) const LARGEST_ANGLE: f32 = 1_048_576.0; // 2^20

/// Sine and cosine of |r| ≤ π/4.
#[inline(always)]
fn sin_cos_near_zero<A: Arith>(r: f32) -> (f32, f32) {
    let z = r * r;
    // (sin(r) / r − 1) / r² and (cos(r) − 1 + r²/2) / r⁴; the errors of sin and cos are 4e-9 and 1e-10
    let s = polynomial::<A, 3>(z, [-0.166_666_55, 0.008_332_178, -0.000_195_172_35]);
    let c = polynomial::<A, 3>(z, [0.041_666_646, -0.001_388_736_7, 2.443_838e-5]);
    (A::mul_add(r * z, s, r), A::mul_add(z * z, c, A::mul_add(z, -0.5, 1.0)))
}

/// The sine of a quarter turns' number `quadrant` plus an angle with this sine and cosine.
#[inline(always)]
fn turn_quarters(quadrant: u32, (s, c): (f32, f32)) -> f32 {
    let magnitude = if quadrant & 1 == 0 { s } else { c };
    f32::from_bits(magnitude.to_bits() ^ ((quadrant & 2) << 30))
}

/// `x` in quarter turns: their number and the rest. In double precision, in three steps.
#[inline(always)]
fn quarter_turns<A: Arith>(x: f32) -> (u32, f32) {
    let x = f64::from(x);
    let shifted = A::mul_add64(x, std::f64::consts::FRAC_2_PI, ROUNDER64);
    let whole = shifted - ROUNDER64;
    // π/2 in two parts; the first has 26 bits, so that its product with `whole` is exact
    let r = A::mul_add64(whole, -1.570_796_310_901_641_8, x);
    let r = A::mul_add64(whole, -1.589_325_477_352_819_6e-8, r);
    (shifted.to_bits() as u32, r as f32)
}

/// Sine of |x| ≤ [`LARGEST_ANGLE`]. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn sin<A: Arith>(x: f32) -> f32 {
    let (quadrant, r) = quarter_turns::<A>(x);
    turn_quarters(quadrant, sin_cos_near_zero::<A>(r))
}

/// Cosine of |x| ≤ [`LARGEST_ANGLE`]. Error ≤ 2 ulp.
#[inline(always)]
pub(super) fn cos<A: Arith>(x: f32) -> f32 {
    let (quadrant, r) = quarter_turns::<A>(x);
    turn_quarters(quadrant.wrapping_add(1), sin_cos_near_zero::<A>(r))
}

/// Cosine and sine of the angle that is `bits` · 2^-32 turns.
#[inline(always)]
pub(super) fn unit_circle<A: Arith>(bits: u32) -> (f32, f32) {
    // the nearest quarter turn, and the signed rest
    let quadrant = bits.wrapping_add(1 << 29) >> 30;
    let rest = bits.wrapping_sub(quadrant << 30) as i32;
    let both = sin_cos_near_zero::<A>(rest as f32 * (std::f32::consts::TAU / 4_294_967_296.0));
    (turn_quarters(quadrant.wrapping_add(1), both), turn_quarters(quadrant, both))
}

/// `x` to the power `y`, with the special cases of IEEE 754 `pow`. Error ≤ 1 ulp. Computed in double precision.
#[inline(always)]
pub(super) fn pow<A: Arith>(x: f32, y: f32) -> f32 {
    let magnitude = pow_of_positive::<A>(x.abs(), y);
    let whole = floor(y) == y;
    let half = 0.5 * y;
    let odd = whole && floor(half) != half;
    let signed = if odd { magnitude.copysign(x) } else { magnitude };
    let defined = x >= 0.0 || whole || x == f32::NEG_INFINITY || x.is_nan();
    let result = if defined { signed } else { f32::NAN };
    let result = if x == -1.0 && y.is_infinite() { 1.0 } else { result };
    if y == 0.0 || x == 1.0 { 1.0 } else { result }
}

/// exp2(y log2(x)) for x ≥ 0 or NaN.
#[inline(always)]
fn pow_of_positive<A: Arith>(x: f32, y: f32) -> f32 {
    let offset = std::f64::consts::FRAC_1_SQRT_2.to_bits() as i64;
    let bits = (f64::from(x).to_bits() as i64).wrapping_sub(offset);
    let f = f64::from_bits(((bits & 0x000f_ffff_ffff_ffff) + offset) as u64) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // log2((1 + s) / (1 − s)) / s, error 5e-16
    let r = polynomial64::<A, 7>(
        z,
        [
            2.885_390_081_777_927,
            0.961_796_693_924_318_4,
            0.577_078_017_252_703_4,
            0.412_198_401_123_843_76,
            0.320_616_448_719_711_5,
            0.261_442_419_278_972_27,
            0.242_936_813_582_544_07,
        ],
    );
    // The exponent fits in 32 bits, whose conversion to a float every instruction set has.
    let log2 = A::mul_add64(s, r, f64::from((bits >> 52) as i32));
    let log2 = if x == 0.0 { f64::NEG_INFINITY } else { log2 };
    let log2 = if x < f32::INFINITY { log2 } else { f64::from(x) };
    exp2_of_double::<A>(log2 * f64::from(y))
}

/// 2 to the power `t`, rounded to single precision.
#[inline(always)]
fn exp2_of_double<A: Arith>(t: f64) -> f32 {
    let t = if t < -200.0 { -200.0 } else { t };
    let t = if t > 200.0 { 200.0 } else { t };
    let shifted = t + ROUNDER64;
    let r = t - (shifted - ROUNDER64);
    // 2^r on [−½, ½], error 8e-13
    let p = polynomial64::<A, 9>(
        r,
        [
            1.000_000_000_000_027,
            0.693_147_180_545_908_4,
            0.240_226_506_954_668_13,
            0.055_504_109_413_040_96,
            0.009_618_129_228_644_691,
            0.001_333_345_047_510_42,
            0.000_154_034_115_340_025_2,
            1.531_010_391_912_359_2e-5,
            1.326_408_916_243_311_1e-6,
        ],
    );
    let n = shifted.to_bits().wrapping_sub(ROUNDER64.to_bits());
    (p * f64::from_bits(n.wrapping_add(1023) << 52)) as f32
}

/// The nearest integer; halves go to the even one.
#[inline(always)]
pub(super) fn round(x: f32) -> f32 {
    let a = x.abs();
    let rounded = ((a + 8_388_608.0) - 8_388_608.0).copysign(x);
    if a < 8_388_608.0 { rounded } else { x }
}

/// The largest integer that is not above `x`.
#[inline(always)]
pub(super) fn floor(x: f32) -> f32 {
    let r = round(x);
    if r > x { r - 1.0 } else { r }
}

/// The smallest integer that is not below `x`.
#[inline(always)]
pub(super) fn ceil(x: f32) -> f32 {
    let r = round(x);
    if r < x { r + 1.0 } else { r }
}

/// −1, 0 or 1; NaN stays NaN.
#[inline(always)]
pub(super) fn sign(x: f32) -> f32 {
    let y = if x > 0.0 { 1.0 } else { x };
    if y < 0.0 { -1.0 } else { y }
}
