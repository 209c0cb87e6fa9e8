//! Divergences against sums and integrals.

use super::super::divergence::{Distribution, js, kl, kl_gaussian, wasserstein_1d};
use super::normal;

fn weights(w: &[f64]) -> Distribution {
    Distribution::new("kl", w.to_vec()).unwrap()
}

#[test]
fn divergences_are_zero_only_between_equals() {
    let (p, q) = (weights(&[1.0, 2.0, 1.0]), weights(&[2.0, 1.0, 1.0]));
    let log2 = std::f64::consts::LN_2;
    // ¼ log ½ + ½ log 2.
    assert!((kl(&p, &q).unwrap() - 0.25 * log2).abs() < 1e-15);
    assert_eq!(kl(&p, &p), Ok(0.0));
    assert_eq!(js(&p, &q), js(&q, &p));
    let apart = [weights(&[1.0, 0.0]), weights(&[0.0, 3.0])];
    assert_eq!(kl(&apart[0], &apart[1]), Ok(f64::INFINITY));
    assert_eq!(js(&apart[0], &apart[1]), Ok(log2));
    assert!(kl(&p, &apart[0]).is_err() && js(&p, &apart[0]).is_err());
    for bad in [vec![], vec![0.0], vec![-1.0, 2.0], vec![f64::NAN]] {
        assert!(Distribution::new("kl", bad).is_err());
    }
}

#[test]
fn the_closed_form_is_the_integral() {
    let density =
        |x: f64, mean: f64, std: f64| (-0.5 * ((x - mean) / std).powi(2)).exp() / (std * std::f64::consts::TAU.sqrt());
    let step = 1e-3;
    let integral: f64 = (-20_000..20_000)
        .map(|i| f64::from(i) * step)
        .map(|x| {
            let (p, q) = (density(x, 1.0, 0.5), density(x, -0.3, 2.0));
            if p < 1e-300 { 0.0 } else { p * (p / q).ln() * step }
        })
        .sum();
    let closed = kl_gaussian((&[1.0], &[0.5]), (&[-0.3], &[2.0])).unwrap();
    assert!((closed - integral).abs() < 1e-9, "{closed} not {integral}");
    assert!(kl_gaussian((&[1.0], &[0.5]), (&[0.0, 0.0], &[1.0, 1.0])).is_err());
}

#[test]
fn the_wasserstein_distance_is_the_area_between_the_distribution_functions() {
    let doubles = |seed, n, scale| -> Vec<f64> {
        let samples = normal(seed, n, 1, scale, 0.0);
        samples.values().iter().map(|&v| f64::from(v)).collect()
    };
    let (a, b) = (doubles(1, 12, 1.0), doubles(2, 30, 2.0));
    let mut ends = [a.clone(), b.clone()].concat();
    ends.sort_by(f64::total_cmp);
    let below = |set: &[f64], x: f64| set.iter().filter(|&&v| v <= x).count() as f64 / set.len() as f64;
    let area: f64 = ends.windows(2).map(|w| (below(&a, w[0]) - below(&b, w[0])).abs() * (w[1] - w[0])).sum();
    let found = wasserstein_1d(a.clone(), b.clone());
    assert!((found - area).abs() < 1e-12, "{found} not {area}");
    // Between two Gaussians of one mean: |σ₁ − σ₂| √(2/π).
    let found = wasserstein_1d(doubles(3, 100_000, 1.0), doubles(4, 50_000, 2.0));
    assert!((found - 0.7979).abs() < 0.02, "{found}");
}
