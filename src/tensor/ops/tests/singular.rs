//! Gradients where the formula has 0 · ∞ and the mathematics a finite one, to the fourth order.

use super::{assert_near, gradients, tensor, values, vector};
use crate::{GradOptions, Tensor, grad};

/// Σ p(p − 1)⋯(p − k + 1) xᵖ⁻ᵏ over p = 1, 2, 3, 4, of which the terms without x are constants.
#[test]
fn powers_have_their_derivatives_at_zero() {
    let x = tensor(&[-1.0, 0.0, 1.0], &[3, 1]);
    let p = vector(&[1.0, 2.0, 3.0, 4.0]);
    let all = gradients(|x| x.pow(&p).unwrap(), &x, 5);
    let exact = [[-2.0, 1.0, 10.0], [8.0, 2.0, 20.0], [-18.0, 6.0, 30.0], [24.0, 24.0, 24.0], [0.0, 0.0, 0.0]];
    for (got, exact) in all.iter().zip(exact) {
        assert_near(got, &exact, 1e-6);
    }
    // The exponent 0: constant.
    let zeroth = gradients(|x| x.pow(&vector(&[0.0])).unwrap(), &x, 4);
    assert!(zeroth.iter().flatten().all(|&g| g == 0.0), "{zeroth:?}");
}

/// 0ᵇ is 0 for every b > 0, and PyTorch takes it for constant at b = 0 too; (log 2)ᵏ · 2ᵇ beside it.
#[test]
fn powers_of_zero_are_constant_in_the_exponent() {
    let base = vector(&[0.0, 0.0, 0.0, 2.0]);
    let b = vector(&[0.0, 0.5, 3.0, 3.0]);
    let all = gradients(|b| base.pow(b).unwrap(), &b, 4);
    for (k, got) in all.iter().enumerate() {
        let last = std::f64::consts::LN_2.powi(k as i32 + 1) * 8.0;
        assert_near(got, &[0.0, 0.0, 0.0, last], 1e-5);
    }
    // d/da of a³ log a at 0 is 0.
    let a = vector(&[0.0]);
    let three = vector(&[3.0]);
    let options = GradOptions { create_graph: true };
    let y = a.pow(&three).unwrap();
    let first = grad(&y, &[&three], None, options).unwrap().remove(0).unwrap();
    let mixed = grad(&first, &[&a], None, options).unwrap().remove(0).unwrap();
    assert_eq!(values(&mixed), [0.0]);
}

#[test]
fn spread_of_constants_has_the_gradient_zero() {
    for constant in [0.0, 1.0, 0.1, 1e8, 1e30] {
        let x = vector(&[constant; 4]);
        for f in [|x: &Tensor| x.std_dims(&[0], false, 1).unwrap(), |x: &Tensor| x.var_dims(&[0], false, 1).unwrap()] {
            let first = gradients(f, &x, 1).remove(0);
            assert!(first.iter().all(|&g| g == 0.0), "{constant}: {first:?}");
        }
        let all = gradients(|x| x.std_dims(&[0], false, 1).unwrap(), &x, 4);
        assert!(all.iter().flatten().all(|&g| g == 0.0), "{all:?}");
    }
    let all = gradients(|x| x.norm(&[0], false).unwrap(), &vector(&[0.0; 3]), 4);
    assert!(all.iter().flatten().all(|&g| g == 0.0), "{all:?}");
}

/// Of the logits 0, 1 and −∞ with the label 0: log(1 + e), and the derivatives of log(eᵃ + eᵇ) − a.
#[test]
fn a_masked_class_costs_nothing() {
    let x = vector(&[0.0, 1.0, f32::NEG_INFINITY]);
    let label = vector(&[1.0, 0.0, 0.0]);
    let loss = |x: &Tensor| x.log_softmax(0).unwrap().weighted(&label).unwrap().neg().unwrap();
    let e = 1f64.exp();
    let cost = loss(&x).sum().unwrap();
    assert_near(&values(&cost), &[(1.0 + e).ln()], 1e-6);
    let all = gradients(loss, &x, 4);
    let first = [1.0 / (1.0 + e) - 1.0, e / (1.0 + e), 0.0];
    assert_near(&all[0], &first, 1e-5);
    // The gradients add up to 0 whatever the logits are.
    assert!(all[1..].iter().flatten().all(|g| g.abs() < 1e-6), "{all:?}");
    // By the weights it is the logarithm itself.
    let w = vector(&[0.0, 1.0]);
    let log = vector(&[-2.0, -3.0]);
    assert_eq!(gradients(|w| log.weighted(w).unwrap(), &w, 1)[0], [-2.0, -3.0]);
}

/// As PyTorch: of all elements the equal ones share the gradient, along a dim the first has it.
#[test]
fn equal_extremes_share_the_gradient() {
    let x = tensor(&[3.0, 1.0, 3.0, 3.0], &[2, 2]);
    assert_near(&gradients(|x| x.extreme(true).unwrap(), &x, 1)[0], &[1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0], 1e-6);
    let rows = |x: &Tensor| x.extreme_dim(1, false, true).unwrap().values;
    assert_eq!(gradients(rows, &x, 1)[0], [1.0, 0.0, 1.0, 0.0]);
    let odd = vector(&[1.0, f32::NAN, 2.0]);
    assert_eq!(gradients(|x| x.extreme(false).unwrap(), &odd, 1)[0], [0.0, 1.0, 0.0]);
}

/// As PyTorch: NaN is the larger and the smaller of a pair, and the gradient goes on to both.
#[test]
fn gradients_pass_through_what_is_not_a_number() {
    let x = vector(&[f32::NAN, 1.0, 3.0, 2.0]);
    let y = vector(&[1.0, f32::NAN, 2.0, 2.0]);
    for (f, better) in [(Tensor::maximum as fn(&Tensor, &Tensor) -> _, 1.0), (Tensor::minimum, 0.0)] {
        let first = gradients(|x| f(x, &y).unwrap(), &x, 1).remove(0);
        assert_eq!(first, [1.0, 1.0, better, 0.5]);
        let first = gradients(|y| f(&x, y).unwrap(), &y, 1).remove(0);
        assert_eq!(first, [1.0, 1.0, 1.0 - better, 0.5]);
    }
    for largest in [true, false] {
        let row = |x: &Tensor| x.extreme_dim(0, false, largest).unwrap().values;
        assert_eq!(gradients(row, &x, 1)[0], [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(gradients(row, &y, 1)[0], [0.0, 1.0, 0.0, 0.0]);
    }
}

/// d/dx log max(x, 0) where x < 0: the slope of the logarithm there is infinite, and nothing of it passes.
#[test]
fn nothing_of_an_infinite_gradient_passes_a_limit() {
    let x = vector(&[-1.0, 2.0]);
    let zero = vector(&[0.0]);
    assert_eq!(gradients(|x| x.clamp(0.0, 9.0).unwrap().log().unwrap(), &x, 2), [[0.0, 0.5], [0.0, -0.25]]);
    assert_eq!(gradients(|x| x.maximum(&zero).unwrap().log().unwrap(), &x, 2), [[0.0, 0.5], [0.0, -0.25]]);
    assert_eq!(gradients(|x| x.clamp(-1.0, 2.0).unwrap(), &x, 1)[0], [0.0, 0.0]);
    let inf = f32::INFINITY;
    let padded = x.pad(&[(1, 1)], -inf).unwrap();
    assert_eq!(values(&padded), [-inf, -1.0, 2.0, -inf]);
}
