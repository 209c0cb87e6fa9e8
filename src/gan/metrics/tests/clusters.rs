//! Sets whose distances are small against what they lie apart: far clusters, and coordinates of unequal scales.

use super::super::manifold::precision_recall;
use super::super::neighbours::nearest;
use super::super::samples::squared_distance;
use super::*;

/// `n` points of `dim` coordinates about ±1e4 in turn, with a deviation of 1e-2.
fn two_clusters(seed: u64, n: usize, dim: usize) -> Samples {
    let near = normal(seed, n, dim, 1e-2, 0.0);
    let side = |i: usize| {
        if (i / dim).is_multiple_of(2) { 1e4 } else { -1e4 }
    };
    let moved = near.values().iter().enumerate().map(|(i, v)| v + side(i));
    rows(&moved.collect::<Vec<f32>>(), dim)
}

/// The first coordinate of 1e6, the others of 1e-2.
fn unequal(seed: u64, n: usize, dim: usize) -> Samples {
    let table = normal(seed, n, dim, 1.0, 0.0);
    let scale = |i: usize| if i.is_multiple_of(dim) { 1e6 } else { 1e-2 };
    let scaled = table.values().iter().enumerate().map(|(i, v)| v * scale(i));
    rows(&scaled.collect::<Vec<f32>>(), dim)
}

#[test]
fn every_row_of_a_table_is_its_own_nearest_neighbour() {
    for dim in [3, 40] {
        for table in [two_clusters(1, 300, dim), unequal(2, 300, dim)] {
            let found = nearest(&table, &table, 1, &go_on).unwrap();
            for (i, one) in found.iter().enumerate() {
                assert_eq!((one[0].index, one[0].distance), (i, 0.0));
            }
        }
    }
}

#[test]
fn nearest_neighbours_are_those_of_double_precision() {
    for dim in [3, 40] {
        let sets = [(two_clusters(3, 40, dim), two_clusters(4, 300, dim)), (unequal(5, 40, dim), unequal(6, 300, dim))];
        for (x, data) in sets {
            let found = nearest(&x, &data, 3, &go_on).unwrap();
            for (row, found) in x.rows().zip(found) {
                let mut exact: Vec<(f64, usize)> =
                    data.rows().enumerate().map(|(j, y)| (squared_distance(row, y).sqrt(), j)).collect();
                exact.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let found: Vec<(f64, usize)> = found.iter().map(|n| (n.distance, n.index)).collect();
                assert_eq!(found, exact[..3]);
            }
        }
    }
}

#[test]
fn measures_of_two_far_clusters_are_those_of_double_precision() {
    let (dim, sigma) = (40, 0.02);
    let (real, fake) = (two_clusters(7, 100, dim), two_clusters(8, 80, dim));
    let score = super::super::parzen::score(&real, &fake, sigma, &go_on).unwrap();
    let each = fake.rows().map(|x| {
        let terms = real.rows().map(|m| -0.5 * squared_distance(x, m) / (sigma * sigma));
        let terms: Vec<f64> = terms.collect();
        let top = terms.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = terms.iter().map(|t| (t - top).exp()).sum();
        top + (sum / 100.0).ln() - dim as f64 * (sigma * TAU.sqrt()).ln()
    });
    let mean = each.sum::<f64>() / 80.0;
    assert!((score.mean - mean).abs() < 1e-3, "{} not {mean}", score.mean);

    // The share of points within the ball of one of the others, by definition.
    let share = |points: &Samples, balls: &Samples| {
        let radius = |i: usize| {
            let mut all: Vec<f64> = balls.rows().map(|y| squared_distance(balls.row(i), y)).collect();
            all.sort_by(f64::total_cmp);
            // The first is the point itself.
            all[3]
        };
        let radii: Vec<f64> = (0..balls.count()).map(radius).collect();
        let inside = |x: &[f32]| {
            let mut pairs = balls.rows().zip(&radii);
            pairs.any(|(y, radius)| squared_distance(x, y) <= *radius)
        };
        points.rows().filter(|x| inside(x)).count() as f64 / points.count() as f64
    };
    let found = precision_recall(&real, &fake, 3, &go_on).unwrap();
    assert_eq!(found.precision, share(&fake, &real));
    assert_eq!(found.recall, share(&real, &fake));
}

/// Real samples that all are one point: open balls of radius 0 hold nothing, which is to be known.
#[test]
fn identical_points_are_counted() {
    let point = rows(&[1.0; 6 * 40], 40);
    let found = super::super::manifold::density_coverage(&point, &point, 3, &go_on).unwrap();
    assert_eq!((found.density, found.coverage, found.empty), (0.0, 0.0, 6));
    let apart = normal(9, 60, 40, 1.0, 0.0);
    let found = super::super::manifold::density_coverage(&apart, &apart, 3, &go_on).unwrap();
    assert_eq!(found.empty, 0);
}

/// 200 samples of ten classes: in order, mixed by a step that is prime to their number, and too few to tell.
#[test]
fn samples_in_the_order_of_their_classes_are_seen() {
    use super::super::inception::in_order_of_classes;
    let of_classes = |classes: Vec<usize>| {
        let one = |class: usize| (0..10).map(move |c| if c == class { 1.0 } else { 0.0 });
        rows(&classes.into_iter().flat_map(one).collect::<Vec<f32>>(), 10)
    };
    assert!(in_order_of_classes(&of_classes((0..200).map(|i| i / 20).collect())));
    assert!(!in_order_of_classes(&of_classes((0..200).map(|i| i * 77 % 200 / 20).collect())));
    assert!(!in_order_of_classes(&of_classes(vec![3; 200])));
    assert!(!in_order_of_classes(&of_classes(vec![0, 0, 1, 1])));
}
