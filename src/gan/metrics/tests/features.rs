//! Fréchet distance, kernel discrepancy and inception score.

use super::super::frechet::{Gaussian, distance, fid};
use super::super::spectrum::{eigenvalues, trace_of_root};
use super::super::{inception, kernel};
use super::{go_on, normal, rows};
use saddle_tensor::random;
use std::f64::consts::PI;

#[test]
fn eigenvalues_are_those_in_closed_form() {
    for n in [1, 2, 3, 8, 9, 60] {
        // The inverse of min(i, j) is a second difference with a free end.
        let a = (0..n * n).map(|at| 1.0 + (at / n).min(at % n) as f64).collect();
        let found = eigenvalues(a, n, &go_on).unwrap();
        for (k, found) in found.iter().enumerate() {
            let angle = (2 * (n - k) - 1) as f64 * PI / (2 * (2 * n + 1)) as f64;
            let exact = 0.25 / angle.sin().powi(2);
            assert!((found / exact - 1.0).abs() < 1e-11, "{n}: {found} not {exact}");
        }
    }
    // Blocks that are not connected, equal eigenvalues, a negative one.
    let a = vec![0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0];
    let found = eigenvalues(a, 3, &go_on).unwrap();
    for (found, exact) in found.iter().zip([-2.0, 2.0, 2.0]) {
        assert!((found - exact).abs() < 1e-14);
    }
}

#[test]
fn the_root_of_singular_products_has_its_trace() {
    let outer = |v: &[f64]| -> Vec<f64> { v.iter().flat_map(|a| v.iter().map(move |b| a * b)).collect() };
    // Rank one each: (v·w)² is the only eigenvalue of v vᵀ w wᵀ.
    let (v, w) = ([1.0, 2.0, -3.0], [0.5, 4.0, 1.0]);
    let root = trace_of_root(&outer(&v), &outer(&w), 3, &go_on).unwrap();
    assert!((root - 5.5).abs() < 1e-12, "{root}");
    let zero = [0.0; 9];
    assert_eq!(trace_of_root(&zero, &outer(&w), 3, &go_on), Ok(0.0));
}

#[test]
fn the_distance_of_gaussians_in_the_plane_is_the_closed_form() {
    let gaussian =
        |mean: [f64; 2], covariance: [f64; 4]| Gaussian { mean: mean.to_vec(), covariance: covariance.to_vec() };
    // They do not commute. For 2 × 2, tr (AB)^½ = √(tr AB + 2 √(det AB)).
    let a = gaussian([1.0, 2.0], [2.0, 0.9, 0.9, 1.0]);
    let b = gaussian([-1.0, 2.5], [1.0, -0.5, -0.5, 3.0]);
    let trace_ab = 2.0 * 1.0 + 2.0 * 0.9 * -0.5 + 1.0 * 3.0;
    let det_ab = (2.0 * 1.0 - 0.81) * (1.0 * 3.0 - 0.25f64);
    let exact = 4.25 + 3.0 + 4.0 - 2.0 * (trace_ab + 2.0 * det_ab.sqrt()).sqrt();
    for (a, b) in [(&a, &b), (&b, &a)] {
        let found = distance(a, b, &go_on).unwrap();
        assert!((found - exact).abs() < 1e-12, "{found} not {exact}");
    }
    assert!(distance(&a, &a, &go_on).unwrap() < 1e-12);
}

#[test]
fn fid_of_samples_nears_that_of_their_gaussians() {
    let (a, b) = (normal(1, 20_000, 20, 1.0, 0.0), normal(2, 20_000, 20, 2.0, 0.5));
    // In each of 20 coordinates (0 − 0.5)² + (1 − 2)².
    let found = fid(&a, &b, &go_on).unwrap();
    assert!((found - 25.0).abs() < 0.3, "{found}");
    let same = normal(3, 20_000, 20, 1.0, 0.0);
    assert!(fid(&a, &same, &go_on).unwrap() < 0.05);
    // Fewer samples than features: a singular covariance, whose distance to itself is still nothing.
    let few = normal(4, 15, 40, 1.0, 0.0);
    assert!(fid(&few, &few, &go_on).unwrap() < 1e-6);
    assert!(fid(&a, &few, &go_on).is_err());
    assert!(fid(&rows(&[1.0, 2.0], 2), &rows(&[1.0, 2.0], 2), &go_on).is_err());
}

#[test]
fn the_covariance_is_unbiased() {
    let fitted = Gaussian::fitted(&rows(&[1.0, 0.0, 3.0, 4.0, 5.0, 2.0], 2), &go_on).unwrap();
    assert_eq!(fitted.mean, [3.0, 2.0]);
    assert_eq!(fitted.covariance, [4.0, 2.0, 2.0, 4.0]);
}

#[test]
fn kid_is_the_unbiased_discrepancy() {
    // (x·y/2 + 1)³ with x = (0, 0), (2, 0) and y = (2, 2), (0, 2), (0, 0):
    // within x 1; within y (27 + 1 + 1) / 3; between (1 + 1 + 1 + 27 + 1 + 1) / 6.
    let (x, y) = (rows(&[0.0, 0.0, 2.0, 0.0], 2), rows(&[2.0, 2.0, 0.0, 2.0, 0.0, 0.0], 2));
    let exact = 1.0 + 29.0 / 3.0 - 2.0 * 32.0 / 6.0;
    let found = kernel::kid(&x, &y, 100, 1000, &go_on).unwrap();
    assert!((found.mean - exact).abs() < 1e-12 && found.std == 0.0);

    let (a, b) = (normal(5, 3000, 8, 1.0, 0.0), normal(6, 3000, 8, 1.0, 0.0));
    random::seed(7);
    let found = kernel::kid(&a, &b, 50, 500, &go_on).unwrap();
    assert!(found.mean.abs() < found.std && found.std > 0.0, "{found:?}");
    random::seed(7);
    assert_eq!(kernel::kid(&a, &b, 50, 500, &go_on), Ok(found));
    let far = kernel::kid(&a, &normal(8, 3000, 8, 1.0, 1.0), 50, 500, &go_on).unwrap();
    assert!(far.mean > 20.0 * found.std, "{far:?}");
    assert!(kernel::kid(&a, &b, 0, 500, &go_on).is_err());
    assert!(kernel::kid(&a, &b, 1, 1, &go_on).is_err());
}

#[test]
fn the_inception_score_is_that_of_its_parts() {
    // Two classes, once each, with .9 and .1: KL to (½, ½) is log 2 + .9 log .9 + .1 log .1.
    let p = rows(&[0.9, 0.1, 0.1, 0.9, 1.0, 0.0, 1.0, 0.0], 2);
    let first = (2f64.ln() + 0.9 * 0.9f64.ln() + 0.1 * 0.1f64.ln()).exp();
    let score = inception::score(&p, 2).unwrap();
    assert!((score.mean - 0.5 * (first + 1.0)).abs() < 1e-6);
    assert!((score.std - 0.5 * (first - 1.0)).abs() < 1e-6);
    assert!(inception::score(&p, 5).is_err());
    assert!(inception::score(&rows(&[0.5, 0.6], 2), 1).is_err());
    assert!(inception::score(&rows(&[1.5, -0.5], 2), 1).is_err());
}
