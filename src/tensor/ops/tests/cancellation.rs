//! Formulas that would round or overflow before they cancel: at offsets up to 1e8 and scales from 1e-30 to 1e30.

use super::{assert_near, gradients, tensor, values, vector};
use crate::{GradOptions, Tensor, grad};

const OFFSETS: [f32; 5] = [0.0, 1e4, -1e4, 1e8, -1e8];
const SCALES: [f32; 7] = [1e-30, 1e-18, 1e-8, 1.0, 1e8, 1e18, 1e30];

/// Numbers of about one, which do not add up to 0.
fn sample(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 + 11) % 64) as f32 / 32.0 - 0.7).collect()
}

fn doubles(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

fn log_sum(x: &[f64]) -> f64 {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match top.is_finite() {
        true => top + x.iter().map(|v| (v - top).exp()).sum::<f64>().ln(),
        false => top,
    }
}

#[test]
fn softmax_is_that_of_double_precision_at_every_offset() {
    for offset in OFFSETS {
        let mut rows: Vec<f32> = sample(24).iter().map(|v| v * 8.0 + offset).collect();
        rows[5] = f32::NEG_INFINITY;
        let x = tensor(&rows, &[4, 6]);
        for (log, dim) in [(false, 1), (true, 1), (false, 0), (true, -2)] {
            let got = match log {
                false => x.softmax(dim),
                true => x.log_softmax(dim),
            };
            let along = |i: usize| -> Vec<f64> {
                let (row, column) = (i / 6, i % 6);
                match dim {
                    1 => (0..6).map(|c| f64::from(rows[row * 6 + c])).collect(),
                    _ => (0..4).map(|r| f64::from(rows[r * 6 + column])).collect(),
                }
            };
            let exact: Vec<f64> = (0..24)
                .map(|i| f64::from(rows[i]) - log_sum(&along(i)))
                .map(|v| if log { v } else { v.exp() })
                .collect();
            for (&got, exact) in values(&got.unwrap()).iter().zip(exact) {
                // Near 0 a logarithm has the absolute error of the sum that it is of.
                let size = if log { exact.abs().max(1.0) } else { exact };
                let error = (f64::from(got) - exact).abs();
                assert!(error <= 2e-6 * size || f64::from(got) == exact, "{got} not {exact}");
            }
        }
    }
}

/// Of two equal logits: ½ each, −log 2, and a loss of log 2.
#[test]
fn two_equal_logits_share_alike() {
    let x = vector(&[1e8, 1e8]);
    assert_eq!(values(&x.softmax(0).unwrap()), [0.5, 0.5]);
    assert_near(&values(&x.log_softmax(0).unwrap()), &[-std::f64::consts::LN_2; 2], 1e-7);
}

/// With s = σ(a − b): s, s(1 − s), s(1 − s)(1 − 2s), s(1 − s)(1 − 6s + 6s²) for log(eᵃ + eᵇ) by a; softmax is the
/// first.
#[test]
fn gradients_of_softmax_have_the_closed_form_at_every_order() {
    for offset in OFFSETS {
        let b = vector(&[offset]);
        let a = vector(&[offset + 8.0]);
        let s = 1.0 / (1.0 + (-8f64).exp());
        let q = s * (1.0 - s);
        let forms = [s, q, q * (1.0 - 2.0 * s), q * (1.0 - 6.0 * s + 6.0 * s * s)];
        let row = |a: &Tensor| Tensor::cat(&[a.clone(), b.clone()], 0).unwrap();
        let sum = gradients(|a| row(a).logsumexp(&[0], false).unwrap(), &a, 4);
        let soft = gradients(|a| row(a).softmax(0).unwrap().at(0).unwrap(), &a, 3);
        let log = gradients(|a| row(a).log_softmax(0).unwrap().at(0).unwrap(), &a, 4);
        for (k, form) in forms.into_iter().enumerate() {
            // 1 − s is 3e-4: what is left of it in single precision.
            assert_near(&sum[k], &[form], 1e-3);
            // log softmax is a less the sum's.
            let of_log = if k == 0 { 1.0 - s } else { -form };
            assert_near(&log[k], &[of_log], 1e-3);
            if k > 0 {
                assert_near(&soft[k - 1], &[form], 1e-3);
            }
        }
    }
}

#[test]
fn masks_of_minus_infinity_have_no_share_and_no_gradient() {
    let inf = f32::INFINITY;
    let x = tensor(&[0.0, -inf, 1.0, -inf, -inf, -inf], &[2, 3]);
    let sums = x.logsumexp(&[1], false).unwrap();
    assert_near(&values(&sums), &[(1f64 + 1f64.exp()).ln(), f64::NEG_INFINITY], 1e-6);
    let e = 1f64.exp();
    for (k, g) in gradients(|x| x.logsumexp(&[1], false).unwrap(), &x, 3).iter().enumerate() {
        let (first, last) = if k == 0 { (1.0 / (1.0 + e), e / (1.0 + e)) } else { (0.0, 0.0) };
        let exact = [first, 0.0, last, 0.0, 0.0, 0.0];
        let worst = g.iter().zip(exact).map(|(&g, e)| (f64::from(g) - e).abs());
        assert!(worst.fold(0.0, f64::max) < 1e-6, "order {}: {g:?}", k + 1);
    }
    let row = x.at(0).unwrap();
    let soft = gradients(|x| x.softmax(0).unwrap().square().unwrap(), &row, 3);
    assert!(soft.iter().flatten().all(|g| g.is_finite()), "{soft:?}");
}

#[test]
fn spread_is_that_of_double_precision() {
    let base = sample(50);
    let exact = |x: &[f32], correction: f64| {
        let x = doubles(x);
        let mean = x.iter().sum::<f64>() / 50.0;
        x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (50.0 - correction)
    };
    for offset in OFFSETS {
        let x: Vec<f32> = base.iter().map(|v| v * 64.0 + offset).collect();
        let t = vector(&x);
        for correction in [0, 1] {
            let var = exact(&x, correction as f64);
            assert_near(&values(&t.var_dims(&[0], false, correction).unwrap()), &[var], 1e-5);
            assert_near(&values(&t.std_dims(&[0], false, correction).unwrap()), &[var.sqrt()], 1e-5);
        }
    }
    for scale in SCALES {
        let x: Vec<f32> = base.iter().map(|v| v * scale).collect();
        let std = exact(&x, 1.0).sqrt();
        assert_near(&values(&vector(&x).std_dims(&[0], false, 1).unwrap()), &[std], 1e-5);
        let norm = doubles(&x).iter().map(|v| v * v).sum::<f64>().sqrt();
        let t = tensor(&x, &[5, 10]);
        assert_near(&values(&t.norm(&[0, 1], false).unwrap()), &[norm], 1e-5);
        // The gradient of a norm is x / ‖x‖.
        let slope: Vec<f64> = doubles(&x).iter().map(|v| v / norm).collect();
        let g = gradients(|x| x.norm(&[0, 1], false).unwrap(), &t, 1).remove(0);
        assert_near(&g, &slope, 1e-5);
    }
}

#[test]
fn gradients_of_quotients_do_not_overflow_on_the_way() {
    for scale in SCALES {
        for seed in [1.0, 0.0] {
            let (a, b) = (vector(&[3.0 * scale]), vector(&[2.0 * scale]));
            let y = a.div(&b).unwrap();
            let seed_at = vector(&[seed]);
            let g = grad(&y, &[&a, &b], Some(&seed_at), GradOptions::default()).unwrap();
            let [for_a, for_b] = [&g[0], &g[1]].map(|g| values(g.as_ref().unwrap()));
            let (s, scale, two) = (f64::from(seed), f64::from(scale), f64::from(2.0 * scale));
            assert_near(&for_a, &[s / two], 1e-6);
            assert_near(&for_b, &[-1.5 * s / two], 1e-6);
            // s / x with s of x's scale, by the same closed form.
            let y = b.rdiv_scalar(3.0 * scale as f32).unwrap();
            let g = grad(&y, &[&b], Some(&seed_at), GradOptions::default()).unwrap();
            assert_near(&values(g[0].as_ref().unwrap()), &[-1.5 * s / two], 1e-6);
        }
    }
}

/// log(1 + eᵃ) − t·a, in double precision as log(1 + e^−|a|) + max(a, 0) − t·a.
#[test]
fn sure_logits_keep_their_cost() {
    for a in [-1e8f32, -300.0, -20.0, -1.0, 0.0, 1.0, 20.0, 300.0, 1e8] {
        for t in [0.0f32, 0.25, 1.0] {
            let wide = f64::from(a);
            let exact = (-wide.abs()).exp().ln_1p() + (f64::from(a > 0.0) - f64::from(t)) * wide;
            // One target for all, and a target that broadcasts.
            for target in [vector(&[t]), tensor(&[t, t], &[2, 1])] {
                let logits = tensor(&[a, a], &[2, 1]);
                let cost = logits.bce_with_logits(&target).unwrap();
                let exact = if exact < 1e-44 { 0.0 } else { exact };
                assert_near(&values(&cost), &[exact], 1e-5);
            }
        }
    }
    let zero = tensor(&[0.0; 4], &[2, 2]);
    let target = vector(&[0.0, 1.0]);
    let g = gradients(|a| a.bce_with_logits(&target).unwrap(), &zero, 1).remove(0);
    assert_near(&g, &[0.125, -0.125, 0.125, -0.125], 1e-6);
}

/// Π x, Π x / xᵢ and the sums over i ≠ j of Π x / xᵢ xⱼ, in double precision: the parts of these products lie between
/// 10⁻⁷⁶ and 10⁷⁶.
#[test]
fn products_overflow_only_where_they_themselves_do() {
    let rows: [&[f32]; 6] = [
        &[1e30, 2e30, 3e-30, 4e-30, -5.0],
        &[1e-30, 2e-30, 3e30, 4e30],
        &[1e38, 1e-38, 3e37, 2e-36, 1e-3, 7.0],
        &[1e-38, 1e38, 1e38],
        &[1e-20, 1e-20, 1e-20, -1e30, 1e30],
        &[1e25, 1e10, 1e20, 1e-20, 1e-35, 2.0, 3.0],
    ];
    for row in rows {
        let x = vector(row);
        let exact = doubles(row);
        let whole: f64 = exact.iter().product();
        let others: Vec<f64> = exact.iter().map(|v| whole / v).collect();
        assert_near(&values(&x.prod_dims(&[0], false).unwrap()), &[whole], 1e-5);
        let column = x.reshape(&[row.len(), 1]).unwrap();
        assert_near(&values(&column.prod_dims(&[0], true).unwrap()), &[whole], 1e-5);
        let first = gradients(|x| x.prod_dims(&[-1], false).unwrap(), &x, 1).remove(0);
        assert_near(&first, &beyond_single(&others), 1e-5);
    }
    // The second: of three elements a, b and c by a it is b + c.
    let three = vector(&[1e-30, 1e30, 2.0]);
    let all = gradients(|x| x.prod_dims(&[0], false).unwrap(), &three, 2);
    assert_near(&all[1], &[1e30, 2.0, 1e30], 1e-5);
    // A zero, whose gradient is the product of the others.
    let zero = vector(&[1e30, 0.0, 2e30, 3e-30, 1e-30]);
    let all = gradients(|x| x.prod_dims(&[0], false).unwrap(), &zero, 1);
    assert_near(&all[0], &[0.0, 6.0, 0.0, 0.0, 0.0], 1e-5);
    // Along two dims, of which neither alone has a product.
    let square = tensor(&[1e30, 1e-30, 1e30, 2e-30], &[2, 1, 2]);
    assert_near(&values(&square.prod_dims(&[0, 2], false).unwrap()), &[2.0], 1e-5);
    let middle = tensor(&[1e30, 1e-30, 2e30, 1e-30], &[2, 2]);
    assert_near(&values(&middle.prod_dims(&[0, 1], true).unwrap()), &[2.0], 1e-5);
    // Whole numbers as floats stay whole where nothing is far from 1.
    assert_eq!(values(&vector(&[3.0, 7.0, 11.0, 13.0, 17.0]).prod_dims(&[0], false).unwrap()), [51051.0]);
    let odd = vector(&[1e30, 1e30, f32::NAN, 1e-30]);
    assert!(values(&odd.prod_dims(&[0], false).unwrap())[0].is_nan());
}

/// As PyTorch: beside ∞ nothing has a share, and the sum over nothing but −∞ is constant.
#[test]
fn infinite_sums_of_exponentials_have_the_gradients_of_pytorch() {
    const INF: f32 = f32::INFINITY;
    let x = tensor(&[1.0, INF, -INF, -INF, -INF, -INF, 0.0, -INF, 0.0], &[3, 3]);
    let all = gradients(|x| x.logsumexp(&[1], false).unwrap(), &x, 2);
    assert_near(&all[0], &[0.0, f64::NAN, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.5], 1e-6);
    assert!(all[1].iter().all(|&g| g == 0.0), "{all:?}");
}

/// −⌊a / b⌋, also where the quotient is too small for single precision.
#[test]
fn remainders_have_the_gradient_of_their_divisor() {
    const INF: f32 = f32::INFINITY;
    let a = vector(&[-2.5e-16, -1e-30, 7.5, -7.5, 1e-30, 7.5, 1e8, 2.0, 2.0]);
    let b = vector(&[1.6e30, 1e30, 2.0, 2.0, 1e30, -2.0, 3.0, INF, -INF]);
    let all = gradients(|b| a.rem(b).unwrap(), &b, 2);
    assert_near(&all[0], &[1.0, 1.0, -3.0, 4.0, 0.0, 4.0, -33_333_333.0, 0.0, 1.0], 1e-6);
    assert!(all[1].iter().all(|&g| g == 0.0), "{all:?}");
    let quotients = [-1.0, -1.0, 3.0, -4.0, 0.0, -4.0, 33_333_333.0, 0.0, -1.0];
    assert_near(&values(&a.floor_div(&b).unwrap()), &quotients, 1e-6);
    let odd = vector(&[1.0, -1.0, f32::NAN, INF, f32::NAN]);
    let by = vector(&[0.0, 0.0, INF, INF, 2.0]);
    assert_near(
        &values(&odd.floor_div(&by).unwrap()),
        &[f64::INFINITY, -f64::INFINITY, f64::NAN, f64::NAN, f64::NAN],
        0.0,
    );
}

/// As single precision shows them.
fn beyond_single(exact: &[f64]) -> Vec<f64> {
    exact.iter().map(|&v| f64::from(v as f32)).collect()
}
