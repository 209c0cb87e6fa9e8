//! The accuracy of every function, against double precision, at every instruction set.

use super::*;
use crate::simd::Level;
use crate::simd::testing::at_each_level;
use crate::testing::{SPECIAL, sample, ulps, whole_range};

/// The error function in double precision: its series, and the continued fraction of its complement.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a < 2.5 {
        let (mut term, mut sum) = (a, a);
        for n in 1..60 {
            term *= -a * a / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return (2.0 / std::f64::consts::PI.sqrt() * sum).copysign(x);
    }
    let fraction = (1..80).rev().fold(a, |rest, n| a + f64::from(n) / 2.0 / rest);
    (1.0 - (-a * a).exp() / (fraction * std::f64::consts::PI.sqrt())).copysign(x)
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The largest error of `op` in ulp over the inputs, at every instruction set.
fn check(op: Unary, inputs: &[f32], bound: f64, exact: impl Fn(f64) -> f64) {
    let exact: Vec<f64> = inputs.iter().map(|&x| exact(f64::from(x))).collect();
    at_each_level(|level| {
        // Without fused multiply-add there are more roundings.
        let bound = if level == Level::Baseline { 1.25 * bound } else { bound };
        // In pieces that are not shared with other threads, where the level is not in force.
        for (x, exact) in inputs.chunks(4001).zip(exact.chunks(4001)) {
            for ((&got, &exact), x) in unary(op, x).iter().zip(exact).zip(x) {
                let error = ulps(got, exact);
                assert!(error <= bound, "{op:?} at {level:?}: {x:e} gives {got:e}, not {exact:e}: {error} ulp");
            }
        }
    });
}

#[test]
fn transcendental_functions_are_within_their_bounds_over_the_whole_range() {
    let all = whole_range();
    check(Unary::Exp, &all, 1.0, f64::exp);
    check(Unary::Expm1, &all, 2.0, f64::exp_m1);
    check(Unary::Log, &all, 1.0, f64::ln);
    check(Unary::Log1p, &all, 2.0, f64::ln_1p);
    check(Unary::Tanh, &all, 2.0, f64::tanh);
    check(Unary::Sigmoid, &all, 2.0, |x| 1.0 / (1.0 + (-x).exp()));
    check(Unary::Softplus, &all, 2.0, softplus);
    check(Unary::LogSigmoid, &all, 2.0, |x| -softplus(-x));
    check(Unary::Erf, &all, 2.0, erf);
    check(Unary::Sin, &all, 2.0, f64::sin);
    check(Unary::Cos, &all, 2.0, f64::cos);
    check(Unary::Elu(1.0), &all, 2.0, |x| if x > 0.0 { x } else { x.exp_m1() });
    for power in [-2.5, -0.3, 0.1, 1.0 / 3.0, 3.0, 7.5] {
        check(Unary::PowScalar(power), &all, 1.0, |x| x.powf(f64::from(power)));
    }
}

#[test]
fn transcendental_functions_are_within_their_bounds_where_they_are_used() {
    let usual: Vec<f32> = (-200_000..200_000).map(|i| i as f32 * 1e-4).collect();
    check(Unary::Exp, &usual, 1.0, f64::exp);
    check(Unary::Expm1, &usual, 2.0, f64::exp_m1);
    check(Unary::Log, &usual, 1.0, f64::ln);
    check(Unary::Log1p, &usual, 2.0, f64::ln_1p);
    check(Unary::Tanh, &usual, 2.0, f64::tanh);
    check(Unary::Sigmoid, &usual, 2.0, |x| 1.0 / (1.0 + (-x).exp()));
    check(Unary::Softplus, &usual, 2.0, softplus);
    check(Unary::Erf, &usual, 2.0, erf);
    check(Unary::Sin, &usual, 2.0, f64::sin);
    check(Unary::Cos, &usual, 2.0, f64::cos);
    check(Unary::Silu, &usual, 3.0, |x| x / (1.0 + (-x).exp()));
}

#[test]
fn gelu_is_accurate_relative_to_its_argument() {
    let x: Vec<f32> = (-1000..1000).map(|i| i as f32 * 0.01).collect();
    for (got, x) in unary(Unary::Gelu, &x).iter().zip(&x) {
        let x = f64::from(*x);
        let exact = 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2));
        assert!((f64::from(*got) - exact).abs() <= 1.2e-7 * x.abs(), "gelu({x}) = {got}, not {exact}");
    }
}

#[test]
fn simple_functions_are_exact() {
    let all = whole_range();
    check(Unary::Neg, &all, 0.0, |x| -x);
    check(Unary::Sqrt, &all, 0.5, f64::sqrt);
    check(Unary::Rsqrt, &all, 1.5, |x| 1.0 / x.sqrt());
    check(Unary::Recip, &all, 0.5, |x| 1.0 / x);
    check(Unary::Square, &all, 0.5, |x| x * x);
    check(Unary::Abs, &all, 0.0, f64::abs);
    check(Unary::Floor, &all, 0.0, f64::floor);
    check(Unary::Ceil, &all, 0.0, f64::ceil);
    check(Unary::Round, &all, 0.0, f64::round_ties_even);
    check(Unary::Sign, &all, 0.0, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() });
    check(Unary::Relu, &all, 0.0, |x| if x.is_nan() { x } else { x.max(0.0) });
    check(Unary::LeakyRelu(0.25), &all, 0.5, |x| if x > 0.0 { x } else { 0.25 * x });
    check(Unary::Step, &all, 0.0, |x| f64::from(x > 0.0));
    check(Unary::LeakyStep(0.25), &all, 0.0, |x| if x > 0.0 { 1.0 } else { 0.25 });
    check(Unary::AddScalar(1.5), &all, 0.5, |x| x + 1.5);
    check(Unary::MulScalar(3.0), &all, 0.5, |x| x * 3.0);
    check(Unary::RsubScalar(1.0), &all, 0.5, |x| 1.0 - x);
    check(Unary::RdivScalar(2.0), &all, 0.5, |x| 2.0 / x);
    check(Unary::Clamp(-1.0, 2.0), &all, 0.0, |x| x.clamp(-1.0, 2.0));
    check(Unary::ClampMask(-1.0, 2.0), &all, 0.0, |x| f64::from(-1.0 < x && x < 2.0));
    check(Unary::PowScalar(2.0), &all, 0.5, |x| x * x);
    check(Unary::PowScalar(-1.0), &all, 0.5, |x| 1.0 / x);
    check(Unary::PowScalar(0.0), &all, 0.0, |_| 1.0);
}

#[test]
fn signs_of_zero_are_kept() {
    for op in [Unary::Floor, Unary::Ceil, Unary::Round, Unary::Tanh, Unary::Erf, Unary::Expm1] {
        assert!(unary(op, &[-0.0])[0].is_sign_negative(), "{op:?}(-0)");
        assert!(unary(op, &[0.0])[0].is_sign_positive(), "{op:?}(0)");
    }
    assert!(unary(Unary::Ceil, &[-0.25])[0].is_sign_negative());
}

#[test]
fn powers_follow_ieee_754() {
    let pairs: Vec<(f32, f32)> = SPECIAL.iter().flat_map(|&a| SPECIAL.iter().map(move |&b| (a, b))).collect();
    let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
    at_each_level(|level| {
        for ((got, a), b) in binary(Binary::Pow, &a, &b).iter().zip(&a).zip(&b) {
            let exact = f64::from(*a).powf(f64::from(*b));
            assert!(ulps(*got, exact) <= 1.0, "{level:?}: {a:e} ^ {b:e} = {got:e}, not {exact:e}");
        }
    });
}

/// What a binary function is of one pair of numbers.
fn reference(op: Binary, a: f32, b: f32) -> f32 {
    let truth = |holds: bool| f32::from(u8::from(holds));
    let passes = |holds: bool, slope: f32| if holds { a } else { slope };
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => f64::from(a).powf(f64::from(b)) as f32,
        Binary::Max | Binary::Min if a.is_nan() || b.is_nan() => f32::NAN,
        Binary::Max => a.max(b),
        Binary::Min => a.min(b),
        Binary::Lt => truth(a < b),
        Binary::Le => truth(a <= b),
        Binary::Gt => truth(a > b),
        Binary::Ge => truth(a >= b),
        Binary::Eq => truth(a == b),
        Binary::Ne => truth(a != b),
        Binary::SigmoidGrad => a * b * (1.0 - b),
        Binary::TanhGrad => a * (1.0 - b * b),
        Binary::LeakyReluGrad(s) => passes(b > 0.0, a * s),
        Binary::ReluGrad => passes(b > 0.0, 0.0),
        Binary::EluGrad(s) => passes(b > 0.0, (f64::from(a) * f64::from(s) * f64::from(b).exp()) as f32),
        Binary::GeluGrad | Binary::SiluGrad => unreachable!("their slopes have a test of their own"),
    }
}

/// Slopes that are sums of parts of both signs: within some 10⁻⁷ of the largest part.
#[test]
fn slopes_of_gelu_and_silu_agree_with_double_precision() {
    let all: Vec<f32> = (-4000..=4000).map(|i| i as f32 * 0.01).chain([1e4, -1e4, f32::MAX, f32::MIN]).collect();
    let ones = vec![1.0; all.len()];
    let gelu =
        |x: f64| 0.5 * (1.0 + erf(x / 2f64.sqrt())) + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let silu = |x: f64| {
        let s = 1.0 / (1.0 + (-x).exp());
        s + if s * (1.0 - s) == 0.0 { 0.0 } else { x * s * (1.0 - s) }
    };
    at_each_level(|level| {
        let slopes: [(Binary, &dyn Fn(f64) -> f64); 2] = [(Binary::GeluGrad, &gelu), (Binary::SiluGrad, &silu)];
        for (op, exact) in slopes {
            for (x, got) in all.iter().zip(binary(op, &ones, &all)) {
                let exact = exact(f64::from(*x));
                assert!((f64::from(got) - exact).abs() < 3e-7, "{op:?} at {x}, {level:?}: {got} not {exact}");
            }
            for (x, slope) in [(f32::INFINITY, 1.0), (f32::NEG_INFINITY, 0.0)] {
                assert_eq!(binary(op, &[2.0], &[x]), [2.0 * slope], "{op:?}");
            }
            assert!(binary(op, &[1.0], &[f32::NAN])[0].is_nan());
        }
    });
}

#[test]
fn binary_functions_agree_with_one_number_at_a_time() {
    use Binary::*;
    let arithmetic = [Add, Sub, Mul, Div, Pow, Max, Min];
    let comparisons = [Lt, Le, Gt, Ge, Eq, Ne];
    let slopes = [SigmoidGrad, TanhGrad, ReluGrad, LeakyReluGrad(0.2), EluGrad(1.5)];
    for len in [0, 1, 2, 63, 64, 65, 129, 1000] {
        let mut a = sample(len, 1);
        let mut b = sample(len, 2);
        for (i, special) in SPECIAL.iter().enumerate().take(len / 2) {
            a[i] = *special;
            b[len - 1 - i] = *special;
        }
        for op in arithmetic.into_iter().chain(comparisons).chain(slopes) {
            at_each_level(|level| {
                let got = binary(op, &a, &b);
                let mut in_place = a.clone();
                binary_in_place(op, &mut in_place, &b);
                assert_eq!(got.len(), len);
                for i in 0..len {
                    let expected = reference(op, a[i], b[i]);
                    let close = ulps(got[i], f64::from(expected)) <= if op == Pow { 1.0 } else { 4.0 };
                    assert!(close, "{op:?}({}, {}) at {level:?}: {} not {expected}", a[i], b[i], got[i]);
                    assert_eq!(got[i].to_bits(), in_place[i].to_bits(), "{op:?} in place, {len} elements");
                }
            });
        }
    }
}

#[test]
fn in_place_and_threads_change_nothing() {
    let mut x = sample(300_001, 3);
    x[7] = 3e7;
    x[299_999] = f32::INFINITY;
    for op in [Unary::Exp, Unary::Sin, Unary::Tanh, Unary::PowScalar(1.7), Unary::MulScalar(2.0)] {
        let alone: Vec<u32> = x.chunks(5000).flat_map(|x| unary(op, x)).map(f32::to_bits).collect();
        let together: Vec<u32> = unary(op, &x).into_iter().map(f32::to_bits).collect();
        let mut in_place = x.clone();
        unary_in_place(op, &mut in_place);
        assert!(alone == together, "{op:?}: whole or in pieces");
        assert!(in_place.into_iter().map(f32::to_bits).eq(together), "{op:?}: in place");
    }
}
