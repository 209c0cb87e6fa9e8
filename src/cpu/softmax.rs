//! Softmax, log-softmax and log-sum-exp of the rows of a matrix, the former along any axis.

mod beside;

use std::mem::MaybeUninit;

use super::buffer::filled;
use super::layout::contiguous;
use super::math::exp;
use super::parallel::{Shared, over_rows};
use super::reduce::{LANES, SUM_BLOCK, fold_lanes, sum_of};
use super::simd::{Arith, Kernel, dispatch};
use super::{Unary, max_all, sum_all, unary_in_place};
use beside::Lines;

/// Elements that one thread should have at least.
const GRAIN: usize = 16 << 10;

/// exp(x − m) / Σ exp(x − m) along the middle axis of `[outer, axis, inner]`, with m the maximum there, or its logarithm,
/// x − m − ln Σ exp(x − m). With NaN or ∞ among them all are NaN.
pub fn softmax(x: &[f32], [outer, axis, inner]: [usize; 3], log: bool) -> Vec<f32> {
    assert_eq!(x.len(), outer * axis * inner, "softmax: length");
    if axis > SUM_BLOCK && inner > 1 {
        let y = softmax(&lines_in_rows(x, [outer, axis, inner]), [outer * inner, axis, 1], log);
        return lines_in_rows(&y, [outer, inner, axis]);
    }
    if (inner != 1 || axis < LANES) && !x.is_empty() {
        // SAFETY: every line is written.
        return unsafe {
            filled(x.len(), |out| beside::softmax(x, Lines { outer, axis, inner }, log, Shared::new(out).cast()))
        };
    }
    match log {
        true => log_softmax_rows(x, outer, axis),
        false => softmax_rows(x, outer, axis),
    }
}

/// The gradient of [`softmax`], not of its logarithm, for its result `y` and the gradient `g` of that: y · (g − Σ g·y).
pub fn softmax_grad(y: &[f32], g: &[f32], [outer, axis, inner]: [usize; 3]) -> Vec<f32> {
    assert_eq!([y.len(), g.len()], [outer * axis * inner; 2], "softmax: lengths of the gradients");
    if axis > SUM_BLOCK && inner > 1 {
        let [y, g] = [y, g].map(|x| lines_in_rows(x, [outer, axis, inner]));
        return lines_in_rows(&softmax_grad(&y, &g, [outer * inner, axis, 1]), [outer, inner, axis]);
    }
    if (inner != 1 || axis < LANES) && !y.is_empty() {
        let lines = Lines { outer, axis, inner };
        // SAFETY: every line is written.
        return unsafe { filled(y.len(), |out| beside::softmax_grad(y, g, lines, Shared::new(out).cast())) };
    }
    softmax_grad_rows(y, g, outer, axis)
}

/// `[outer, axis, inner]` as `[outer, inner, axis]`.
fn lines_in_rows(x: &[f32], [outer, axis, inner]: [usize; 3]) -> Vec<f32> {
    contiguous(x, &[axis * inner, 1, inner], &[outer, inner, axis])
}

fn softmax_rows(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    each_row(x, rows, columns, |_, y, total| {
        unary_in_place(Unary::MulScalar(1.0 / total), y);
    })
}

fn softmax_grad_rows(y: &[f32], g: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    debug_assert_eq!(y.len(), rows * columns);
    // SAFETY: every row is written.
    unsafe {
        filled(y.len(), |out| {
            over_rows(out, columns, columns, GRAIN, |row, out| {
                let own = row * columns..(row + 1) * columns;
                let (y, g) = (&y[own.clone()], &g[own]);
                dispatch(Shares { y, g, along: sum_of(g, y), out });
            });
        })
    }
}

/// y · (g − along).
struct Shares<'a> {
    y: &'a [f32],
    g: &'a [f32],
    along: f32,
    out: &'a mut [MaybeUninit<f32>],
}

impl Kernel for Shares<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for ((out, y), g) in self.out.iter_mut().zip(self.y).zip(self.g) {
            out.write(y * (g - self.along));
        }
    }
}

fn log_softmax_rows(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    each_row(x, rows, columns, |x, y, total| {
        let (largest, log) = (max_all(x), total.ln());
        // In this order, so that the subtraction of the maximum is exact where x is near it.
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - largest) - log);
    })
}

/// ln Σ exp(scale · x) of each row of `columns` elements, which are finite, in one pass over memory; −∞ where there are
/// no columns. `scale` is positive. The exponents are single precision, what is added up to the result is double.
pub fn log_sum_exp_rows(x: &[f32], rows: usize, columns: usize, scale: f32) -> Vec<f64> {
    assert_eq!(x.len(), rows * columns, "log_sum_exp_rows: length");
    let mut out = vec![f64::NEG_INFINITY; rows];
    if columns > 0 {
        over_rows(&mut out, 1, columns, GRAIN, |row, out| {
            let x = &x[row * columns..(row + 1) * columns];
            let top = max_all(x);
            let sum = dispatch(ExpSum { x, top, scale });
            out[0] = f64::from(top) * f64::from(scale) + f64::from(sum).ln();
        });
    }
    out
}

/// Σ exp(scale · (x − top)), in [`LANES`] partial sums.
struct ExpSum<'a> {
    x: &'a [f32],
    top: f32,
    scale: f32,
}

impl Kernel for ExpSum<'_> {
    type Out = f32;
    #[inline(always)]
    fn run<A: Arith>(self) -> f32 {
        let term = |x: f32| exp::<A>((x - self.top) * self.scale);
        let mut lanes = [0.0; LANES];
        let mut chunks = self.x.chunks_exact(LANES);
        for chunk in &mut chunks {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += term(x);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(chunks.remainder()) {
            *lane += term(x);
        }
        fold_lanes(lanes, |a, b| a + b)
    }
}

/// For each row: `y` holds exp(x − m) and `total` their sum; `finish` makes the result of them.
fn each_row(x: &[f32], rows: usize, columns: usize, finish: impl Fn(&[f32], &mut [f32], f32) + Sync) -> Vec<f32> {
    assert_eq!(x.len(), rows * columns, "softmax: length");
    // SAFETY: every row is written as a copy of `x` first.
    unsafe {
        filled(x.len(), |out| {
            over_rows(out, columns, columns, GRAIN, |row, y| {
                let x = &x[row * columns..(row + 1) * columns];
                let y = y.write_copy_of_slice(x);
                unary_in_place(Unary::AddScalar(-max_all(x)), y);
                unary_in_place(Unary::Exp, y);
                let total = sum_all(y);
                finish(x, y, total);
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::sample;
    use super::*;

    #[test]
    fn rows_agree_with_double_precision() {
        for (rows, columns) in [(0, 4), (3, 0), (1, 1), (5, 2), (64, 10), (7, 1000), (3000, 50)] {
            let mut x = sample(rows * columns, 21);
            x.iter_mut().step_by(3).for_each(|x| *x *= 40.0);
            let [soft, log] = [false, true].map(|log| softmax(&x, [rows, columns, 1], log));
            assert_eq!(soft.len(), x.len());
            for (at, &value) in x.iter().enumerate() {
                let row = &x[at / columns * columns..][..columns];
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let total: f64 = row.iter().map(|&x| f64::from(x - largest).exp()).sum();
                let exact = f64::from(value - largest) - total.ln();
                assert!((f64::from(log[at]) - exact).abs() <= 2e-7 * exact.abs().max(1.0), "{} not {exact}", log[at]);
                assert!((f64::from(soft[at]) - exact.exp()).abs() <= 1e-6 * exact.exp() + 1e-44, "softmax of {value}");
            }
        }
    }

    #[test]
    fn gradients_agree_with_double_precision() {
        for (rows, columns) in [(0, 4), (3, 0), (5, 2), (64, 10), (7, 1000), (3000, 50)] {
            let y = softmax(&sample(rows * columns, 23), [rows, columns, 1], false);
            let g = sample(rows * columns, 24);
            let got = softmax_grad(&y, &g, [rows, columns, 1]);
            assert_eq!(got.len(), y.len());
            for (at, got) in got.iter().enumerate() {
                let row = at / columns * columns..(at / columns + 1) * columns;
                let double = |x: &[f32], i: usize| f64::from(x[i]);
                let along: f64 = row.map(|i| double(&y, i) * double(&g, i)).sum();
                let exact = double(&y, at) * (double(&g, at) - along);
                assert!((f64::from(*got) - exact).abs() < 1e-6, "{got} not {exact}");
            }
        }
        let huge = f32::MAX / 2.0;
        assert_eq!(softmax_grad(&[0.5, 0.5], &[huge, -huge], [1, 2, 1]), [huge / 2.0, -huge / 2.0]);
    }

    #[test]
    fn along_another_axis_it_is_that_of_the_rows_to_the_last_bit() {
        for [outer, axis, inner] in [[2, 3, 5], [1, 10, 300], [3, 70, 257], [2, 1, 4], [1, 20_000, 2], [4, 48, 64]] {
            let sizes = [outer, axis, inner];
            let mut x = sample(outer * axis * inner, 25);
            x.iter_mut().step_by(3).for_each(|x| *x *= 40.0);
            let g = sample(x.len(), 26);
            let rows = |x: &[f32]| lines_in_rows(x, sizes);
            let back = |x: &[f32]| lines_in_rows(x, [outer, inner, axis]);
            for log in [false, true] {
                let of_rows = each_line(&rows(&x), axis, |row| softmax(row, [1, axis, 1], log));
                assert_eq!(softmax(&x, sizes, log), back(&of_rows), "{sizes:?}");
            }
            let y = softmax(&x, sizes, false);
            let of_rows = rows(&y)
                .chunks(axis)
                .zip(rows(&g).chunks(axis))
                .flat_map(|(y, g)| softmax_grad_rows(y, g, 1, axis))
                .collect::<Vec<_>>();
            assert_eq!(softmax_grad(&y, &g, sizes), back(&of_rows), "{sizes:?}");
        }
        let nan = softmax(&[1.0, f32::NAN, 2.0, 3.0], [1, 2, 2], false);
        assert!(nan[0] < 0.5 && nan[1].is_nan() && nan[2] > 0.5 && nan[3].is_nan());
    }

    fn each_line(x: &[f32], columns: usize, of: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
        x.chunks(columns).flat_map(of).collect()
    }

    #[test]
    fn log_sum_exp_agrees_with_double_precision() {
        for (rows, columns) in [(0, 4), (1, 1), (5, 63), (3, 1000), (300, 200)] {
            let mut x = sample(rows * columns, 22);
            x.iter_mut().step_by(3).for_each(|x| *x *= 40.0);
            for scale in [1e-3, 1.0, 36.0] {
                let got = log_sum_exp_rows(&x, rows, columns, scale);
                assert_eq!(got.len(), rows);
                for (row, got) in x.chunks(columns).zip(got) {
                    let scaled = |x: f32| f64::from(x) * f64::from(scale);
                    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let sum: f64 = row.iter().map(|&v| (scaled(v) - scaled(top)).exp()).sum();
                    let exact = scaled(top) + sum.ln();
                    assert!((got - exact).abs() < 2e-6, "{got} not {exact}");
                }
            }
        }
        assert_eq!(log_sum_exp_rows(&[], 2, 0, 1.0), [f64::NEG_INFINITY; 2]);
    }

    #[test]
    fn large_numbers_do_not_overflow_and_minus_infinity_has_no_share() {
        assert_eq!(softmax_rows(&[1e38, 1e38, f32::NEG_INFINITY, 0.0], 1, 4), [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(log_softmax_rows(&[0.0, f32::NEG_INFINITY], 1, 2), [0.0, f32::NEG_INFINITY]);
        assert!(softmax_rows(&[1.0, f32::NAN], 1, 2).iter().all(|x| x.is_nan()));
    }
}
