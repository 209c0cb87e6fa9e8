//! Precision and recall, density and coverage on sets whose answer is known.

use super::super::manifold::{density_coverage, precision_recall};
use super::{go_on, normal, rows};

#[test]
fn a_copy_is_perfect_in_both_ways_of_measuring_distances() {
    for dim in [3, 50] {
        let x = normal(1, 400, dim, 1.0, 20.0);
        let found = precision_recall(&x, &x, 3, &go_on).unwrap();
        assert_eq!((found.precision, found.recall), (1.0, 1.0));
        let found = density_coverage(&x, &x, 5, &go_on).unwrap();
        assert_eq!((found.density, found.coverage), (1.0, 1.0));
    }
}

#[test]
fn a_perfect_model_has_density_1_and_the_expected_coverage() {
    let (n, k) = (2000, 5);
    let (real, fake) = (normal(2, n, 20, 1.0, 0.0), normal(3, n, 20, 1.0, 0.0));
    let found = density_coverage(&real, &fake, k, &go_on).unwrap();
    assert!((found.density - 1.0).abs() < 0.05, "{found:?}");
    // Naeem et al. 2020, lemma 2.
    let missed: f64 = (1..=k).map(|i| (n - i) as f64 / (2 * n - i) as f64).product();
    assert!((found.coverage - (1.0 - missed)).abs() < 0.015, "{found:?}");
}

#[test]
fn a_collapsed_model_is_precise_and_recalls_little() {
    let real = normal(4, 1000, 20, 1.0, 0.0);
    let fake = normal(5, 1000, 20, 0.3, 0.0);
    let found = precision_recall(&real, &fake, 3, &go_on).unwrap();
    assert!(found.precision > 0.95 && found.recall < 0.05, "{found:?}");
    let swapped = precision_recall(&fake, &real, 3, &go_on).unwrap();
    assert_eq!((swapped.precision, swapped.recall), (found.recall, found.precision));
}

#[test]
fn balls_reach_to_the_kth_neighbour() {
    let real = rows(&[0.0, 1.0, 3.0, 7.0], 1);
    let fake = rows(&[2.0, -1.0, 9.0], 1);
    // k = 1: radii 1, 1, 2, 4: open balls around 0, 1, 3, 7. 2 is in that of 3, −1 in none, 9 in that of 7.
    let found = density_coverage(&real, &fake, 1, &go_on).unwrap();
    assert_eq!((found.density, found.coverage), (2.0 / 3.0, 0.5));
    // Closed: 2 also in that of 1, −1 in that of 0. Radii of the generated ones: 3, 3, 7.
    let found = precision_recall(&real, &fake, 1, &go_on).unwrap();
    assert_eq!((found.precision, found.recall), (1.0, 1.0));
    for k in [0, 4] {
        assert!(density_coverage(&real, &fake, k, &go_on).is_err());
    }
    assert!(precision_recall(&real, &fake, 3, &go_on).is_err());
}
