//! Euclidean distances of the rows of one matrix from those of another, from differences, so that near points that lie
//! far from the origin keep their distance.

use super::parallel::{Shared, over_bands, parts, run};
use super::simd::{Arith, Kernel, dispatch};
use super::transpose::transpose;

/// Rows of the second matrix that are compared side by side.
const WIDE: usize = 64;
/// Squares that are added up before they join the sum: the error of a long sum stays that of a short one.
const TERMS: usize = 64;
/// Differences that one thread should have at least.
const GRAIN: usize = 1 << 17;
/// Sums of squares that have lost no digits, nor more, to the range of single precision; others are formed in double.
const MODERATE: std::ops::Range<f32> = 1e-30..1e37;

/// `‖x_i − y_j‖` for the `n` rows of `x` and the `m` rows of `y`, `d` numbers each: n × m.
pub fn distances(x: &[f32], y: &[f32], [n, m, d]: [usize; 3]) -> Vec<f32> {
    assert_eq!([x.len(), y.len()], [n * d, m * d], "distances: lengths");
    let mut out = vec![0.0; n * m];
    if out.is_empty() || d == 0 {
        return out;
    }
    let all = Shared::new(&mut out);
    let bands = parts(n * m * d, GRAIN).min(n);
    run(bands, &|band| {
        let (first, end) = (n * band / bands, n * (band + 1) / bands);
        // SAFETY: bands have rows of their own.
        let out = unsafe { all.range(first * m..end * m) };
        dispatch(Band { x: &x[first * d..end * d], y, m, d, out });
    });
    out
}

/// Distances of some rows of `x`.
struct Band<'a> {
    x: &'a [f32],
    y: &'a [f32],
    m: usize,
    d: usize,
    out: &'a mut [f32],
}

impl Kernel for Band<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Band { x, y, m, d, out } = self;
        let mut panel = vec![[0.0f32; WIDE]; d];
        let mut sums = vec![[0.0f32; WIDE]; x.len() / d];
        for left in (0..m).step_by(WIDE) {
            let count = WIDE.min(m - left);
            let rows = &y[left * d..(left + count) * d];
            // SAFETY: `rows` has so many, of d numbers each, and the panel a place for each of them.
            unsafe { transpose(rows.as_ptr(), d, count, d, panel.as_mut_ptr().cast(), WIDE) };
            sums.fill([0.0; WIDE]);
            for (at, terms) in panel.chunks(TERMS).enumerate() {
                for (row, sums) in x.chunks_exact(d).zip(&mut sums) {
                    add_squares::<A>(&row[at * TERMS..][..terms.len()], terms, sums);
                }
            }
            for ((row, sums), out) in x.chunks_exact(d).zip(&sums).zip(out.chunks_exact_mut(m)) {
                for (l, (out, &sum)) in out[left..left + count].iter_mut().zip(sums).enumerate() {
                    *out = match MODERATE.contains(&sum) {
                        true => sum.sqrt(),
                        false => in_double(row, &y[(left + l) * d..][..d]),
                    };
                }
            }
        }
    }
}

/// Adds the squared differences of some numbers of a row from the columns of the panel.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // lanes are indices of several arrays
fn add_squares<A: Arith>(row: &[f32], panel: &[[f32; WIDE]], sums: &mut [f32; WIDE]) {
    let mut part = [0.0; WIDE];
    for (&x, y) in row.iter().zip(panel) {
        for l in 0..WIDE {
            let difference = x - y[l];
            part[l] = A::mul_add(difference, difference, part[l]);
        }
    }
    for l in 0..WIDE {
        sums[l] += part[l];
    }
}

#[cold]
fn in_double(x: &[f32], y: &[f32]) -> f32 {
    let square = |(&x, &y): (&f32, &f32)| (f64::from(x) - f64::from(y)).powi(2);
    x.iter().zip(y).map(square).sum::<f64>().sqrt() as f32
}

/// `Σ_j c_ij (x_i − y_j)`, n × d, for weights `c`, n × m: with the gradient of each distance, divided by the distance, the
/// gradient with respect to `x`.
pub fn distances_grad(x: &[f32], y: &[f32], c: &[f32], [n, m, d]: [usize; 3]) -> Vec<f32> {
    assert_eq!([x.len(), y.len(), c.len()], [n * d, m * d, n * m], "distances_grad: lengths");
    let mut out = vec![0.0; n * d];
    if m == 0 || d == 0 {
        return out;
    }
    over_bands(&mut out, d, m * d, GRAIN, |rows, out| {
        for (i, out) in rows.zip(out.chunks_exact_mut(d)) {
            dispatch(Pull { x: &x[i * d..][..d], y, c: &c[i * m..][..m], out });
        }
    });
    out
}

/// What all rows of `y` do to one of `x`.
struct Pull<'a> {
    x: &'a [f32],
    y: &'a [f32],
    c: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Pull<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Pull { x, y, c, out } = self;
        for (y, &c) in y.chunks_exact(x.len()).zip(c).filter(|(_, c)| **c != 0.0) {
            for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
                *out = A::mul_add(c, x - y, *out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::sample;
    use super::*;
    use crate::simd::testing::at_each_level;

    const SIZES: [[usize; 3]; 7] =
        [[1, 1, 1], [3, 5, 2], [4, 32, 64], [7, 33, 130], [50, 70, 784], [0, 3, 2], [2, 3, 0]];

    #[test]
    fn distances_are_those_in_double_precision() {
        for [n, m, d] in SIZES {
            let (x, y) = (sample(n * d, 31), sample(m * d, 32));
            at_each_level(|level| {
                let got = distances(&x, &y, [n, m, d]);
                assert_eq!(got.len(), n * m);
                for (at, got) in got.iter().enumerate() {
                    let exact = in_double(&x[at / m * d..][..d], &y[at % m * d..][..d]);
                    assert!((got - exact).abs() <= 2e-6 * exact, "{level:?} {n} × {m} × {d}: {got} for {exact}");
                }
            });
        }
    }

    #[test]
    fn equal_and_near_points_and_those_of_any_size_keep_their_distance() {
        let from = |x: &[f32], y: &[f32]| distances(x, y, [1, 1, x.len()])[0];
        assert_eq!(from(&[4096.0, 4096.0], &[4096.5, 4096.0]), 0.5);
        assert_eq!(from(&[1.5; 9], &[1.5; 9]), 0.0);
        assert_eq!(from(&[3e-30, 0.0], &[0.0, 4e-30]), 5e-30);
        assert_eq!(from(&[3e30, 0.0], &[0.0, 4e30]), 5e30);
        assert!(from(&[f32::NAN], &[0.0]).is_nan());
    }

    #[test]
    fn gradients_are_those_in_double_precision() {
        for [n, m, d] in SIZES {
            let (x, y, c) = (sample(n * d, 33), sample(m * d, 34), sample(n * m, 35));
            let got = distances_grad(&x, &y, &c, [n, m, d]);
            assert_eq!(got.len(), n * d);
            for (at, got) in got.iter().enumerate() {
                let (i, k) = (at / d, at % d);
                let pull = |j: usize| f64::from(c[i * m + j]) * (f64::from(x[at]) - f64::from(y[j * d + k]));
                let exact: f64 = (0..m).map(pull).sum();
                assert!((f64::from(*got) - exact).abs() < 1e-5 * (m as f64), "{got} for {exact}");
            }
        }
    }
}
