//! Products against double precision, whatever the strides, the zeros and the number of threads.

use super::*;
use crate::testing::sample;

const SIZES: [(usize, usize, usize); 28] = [
    (0, 3, 4),
    (0, 20, 3),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (1, 7, 5),
    (5, 7, 1),
    (2, 1, 3),
    (4, 4, 4),
    (17, 33, 9),
    (64, 16, 1),
    (128, 1, 16),
    (33, 2, 65),
    (700, 3, 400),
    (19, 4, 36),
    (9, 100, 2),
    (30, 33, 3),
    (600, 310, 4),
    (1, 310, 600),
    (2, 100, 9),
    (3, 17, 130),
    (4, 33, 5),
    (100, 240, 65),
    (130, 300, 210),
    (600, 90, 70),
    (40, 530, 33),
    (70, 1100, 90),
    // A right operand that comes from far away.
    (13, 270, 2000),
];

/// The product in double precision, plus a bias for each column.
fn exact(m: usize, k: usize, n: usize, a: Mat, b: Mat, bias: &[f32]) -> Vec<f64> {
    let at = |x: Mat, i: usize, j: usize| f64::from(x.data[i * x.row_stride + j * x.col_stride]);
    (0..m * n)
        .map(|e| {
            let (i, j) = (e / n, e % n);
            (0..k).map(|l| at(a, i, l) * at(b, l, j)).sum::<f64>() + bias.get(j).map_or(0.0, |&b| f64::from(b))
        })
        .collect()
}

fn check(got: &[f32], exact: &[f64], k: usize, what: &str) {
    assert_eq!(got.len(), exact.len());
    for (i, (&got, exact)) in got.iter().zip(exact).enumerate() {
        // Factors are at most 2, so partial sums are at most 4 k.
        let error = (f64::from(got) - exact).abs();
        assert!(error <= 1e-6 * (4 * k + 4) as f64, "{what}, element {i}: {got} instead of {exact}");
    }
}

/// The four ways in which an m × k matrix can lie: by rows, by columns, and both with gaps.
fn layouts(data: &[f32], m: usize, k: usize) -> [Mat<'_>; 4] {
    [(k, 1), (1, m), (k + 3, 1), (2 * k, 2)].map(|(row_stride, col_stride)| Mat { data, row_stride, col_stride })
}

#[test]
fn products_agree_with_double_precision_whatever_the_strides() {
    for (m, k, n) in SIZES {
        let (a, b, bias) = (sample(2 * m * k + 3 * m, 1), sample(2 * k * n + 3 * k, 2), sample(n, 3));
        for a in layouts(&a, m, k) {
            for b in layouts(&b, k, n) {
                let what = format!(
                    "{m} × {k} × {n}, a {}/{}, b {}/{}",
                    a.row_stride, a.col_stride, b.row_stride, b.col_stride
                );
                let truth = exact(m, k, n, a, b, &[]);
                let mut c = vec![f32::NAN; m * n];
                gemm(m, k, n, a, b, 0.0, &mut c);
                check(&c, &truth, k, &what);
                check(&linear(m, k, n, a, b, None), &truth, k, &what);
                check(&linear(m, k, n, a, b, Some(&bias)), &exact(m, k, n, a, b, &bias), k, &what);
                let mut c = vec![0.5; m * n];
                gemm(m, k, n, a, b, 3.0, &mut c);
                let added: Vec<f64> = truth.iter().map(|x| x + 1.5).collect();
                check(&c, &added, k, &what);
            }
        }
    }
}

/// Of 2²² equal terms: the closed form; one after the other in single precision they would be some percent off.
#[test]
fn long_sums_keep_their_last_terms() {
    let k = (1 << 22) + 5;
    for (m, n) in [(1, 1), (3, 2), (1, 40), (20, 20)] {
        let (a, b, bias) = (vec![0.1f32; m * k], vec![1.0; k * n], vec![1.0; n]);
        let exact = f64::from(0.1f32) * k as f64;
        for a in [Mat::rows(&a, k), Mat::rows(&a, m).transposed()] {
            for b in [Mat::rows(&b, n), Mat::rows(&b, k).transposed()] {
                let product = linear(m, k, n, a, b, Some(&bias));
                assert!(product.iter().all(|&c| (f64::from(c) / (exact + 1.0) - 1.0).abs() < 1e-4), "{product:?}");
                let mut c = vec![1.0; m * n];
                gemm(m, k, n, a, b, 1.0, &mut c);
                assert_eq!(c, product);
            }
        }
    }
}

#[test]
fn many_products_are_those_of_each_pair_whatever_lies_between_them() {
    for (count, m, k, n) in [(0, 2, 3, 4), (1, 5, 6, 7), (9, 20, 4, 20), (40, 30, 33, 16), (3, 2, 0, 2)] {
        let (a, b) = (sample(count * (m * k + 5) + 1, 1), sample(k * n + 1, 2));
        let (x, y) = (Mat::rows(&a, m).transposed(), Mat::rows(&b, n));
        let all = products(count, [m, k, n], [x, y], [m * k + 5, 0]);
        assert_eq!(all.len(), count * m * n);
        for (i, one) in all.chunks((m * n).max(1)).enumerate() {
            let x = Mat { data: &a[i * (m * k + 5)..], ..x };
            check(one, &exact(m, k, n, x, y, &[]), k, "one of many");
        }
    }
}

/// As gradients behind maxout units are; and with what zero times an infinity is.
#[test]
fn products_of_operands_that_are_mostly_zeros_agree_with_double_precision() {
    let (m, k, n) = (130, 300, 210);
    let mut a = sample(m * k, 8);
    a.iter_mut().enumerate().filter(|(i, _)| i * i % 13 != 4).for_each(|(_, x)| *x = 0.0);
    let mut b = sample(k * n, 9);
    for a in [Mat::rows(&a, k), Mat::rows(&a, m).transposed()] {
        assert!(sparse::suits(m, k, n, a, Mat::rows(&b, n)));
        let truth = exact(m, k, n, a, Mat::rows(&b, n), &[]);
        let product = linear(m, k, n, a, Mat::rows(&b, n), None);
        check(&product, &truth, k, "zeros");
        let mut c = vec![0.5; m * n];
        gemm(m, k, n, a, Mat::rows(&b, n), 1.0, &mut c);
        let added: Vec<f64> = truth.iter().map(|x| x + 0.5).collect();
        check(&c, &added, k, "zeros, added");
        crate::set_threads(3);
        let again = linear(m, k, n, a, Mat::rows(&b, n), None);
        crate::set_threads(0);
        assert!(product.iter().zip(&again).all(|(x, y)| x.to_bits() == y.to_bits()));
    }
    b[7 * n + 3] = f32::INFINITY;
    let product = linear(m, k, n, Mat::rows(&a, k), Mat::rows(&b, n), None);
    assert!((0..m).all(|i| !product[i * n + 3].is_finite()));
    assert!((0..m).any(|i| product[i * n + 3].is_nan()));
}

#[test]
fn products_do_not_depend_on_the_number_of_threads() {
    for (m, k, n) in [
        (130, 600, 210),
        (128, 512, 128),
        (512, 256, 128),
        (512, 128, 1),
        (512, 2, 128),
        (128, 512, 2),
        (1, 512, 128),
        (3, 700, 500),
        (70, 3000, 65),
        (500, 300, 40),
        (64, 1200, 1200),
        (64, 784, 256),
        (64, 2000, 150),
        (70, 1100, 90),
    ] {
        let (a, b) = (sample(m * k, 4), sample(k * n, 5));
        let both = |x, rows, columns| [Mat::rows(x, columns), Mat::rows(x, rows).transposed()];
        for (a, b) in both(&a, m, k).into_iter().flat_map(|a| both(&b, k, n).map(|b| (a, b))) {
            let product = |threads| {
                crate::set_threads(threads);
                let c = linear(m, k, n, a, b, None);
                crate::set_threads(0);
                c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let one = product(1);
            for threads in [2, 3, 5, 7] {
                let apart = [a.row_stride, b.row_stride];
                assert!(one == product(threads), "{m} × {k} × {n}, rows {apart:?} apart, {threads} threads");
            }
        }
    }
}
