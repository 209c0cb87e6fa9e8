//! Sums, of everything or along one axis of a contiguous `[outer, axis, inner]` view; maxima and minima (see `extremes`).
//!
//! Sums are formed in the same order whatever the number of threads: blocks of fixed length, each in 64 interleaved
//! partial sums, then the blocks' sums pairwise. The error grows with the logarithm of the number of blocks.

use super::buffer::{filled, zeroed};
use super::finite::is_finite;
use super::parallel::{over_bands, over_parts, over_rows, threads};
use super::simd::{Arith, Kernel, dispatch};

mod extremes;

pub use extremes::{max_axis, min_axis};

/// Elements that are summed in one go, in [`LANES`] partial sums.
pub(crate) const SUM_BLOCK: usize = 16 << 10;
pub(crate) const LANES: usize = 64;
/// Rows that are summed in one go, where columns are summed.
const ROW_BLOCK: usize = 128;
/// Elements that one thread should have at least.
const GRAIN: usize = 16 << 10;

/// The sum of all elements; 0 if there are none.
pub fn sum_all(x: &[f32]) -> f32 {
    if x.len() <= SUM_BLOCK {
        return within(dispatch(Sum(x)), x.iter());
    }
    let mut sums = vec![0.0; x.len().div_ceil(SUM_BLOCK)];
    over_rows(&mut sums, 1, SUM_BLOCK, GRAIN, |block, sum| {
        let start = block * SUM_BLOCK;
        sum[0] = dispatch(Sum(&x[start..x.len().min(start + SUM_BLOCK)]));
    });
    within(pairwise(&sums), x.iter())
}

/// A sum of these elements; where it is infinite or NaN once more in double precision, in which no partial sum
/// overflows.
fn within<'a>(sum: f32, x: impl Iterator<Item = &'a f32>) -> f32 {
    if sum.is_finite() { sum } else { x.map(|&v| f64::from(v)).sum::<f64>() as f32 }
}

/// The sum, by halves.
fn pairwise(x: &[f32]) -> f32 {
    match x {
        [] => 0.0,
        [one] => *one,
        _ => {
            let (left, right) = x.split_at(x.len() / 2);
            pairwise(left) + pairwise(right)
        }
    }
}

/// The largest element; NaN if one is NaN, −∞ if there are none.
pub fn max_all(x: &[f32]) -> f32 {
    extreme_all::<true>(x)
}

/// The smallest element; NaN if one is NaN, ∞ if there are none.
pub fn min_all(x: &[f32]) -> f32 {
    extreme_all::<false>(x)
}

fn extreme_all<const MAX: bool>(x: &[f32]) -> f32 {
    if x.len() < 2 * GRAIN || threads() == 1 {
        return dispatch(Extreme::<MAX>(x));
    }
    let mut found = vec![0.0; x.len().div_ceil(GRAIN)];
    over_rows(&mut found, 1, GRAIN, GRAIN, |block, found| {
        let start = block * GRAIN;
        found[0] = dispatch(Extreme::<MAX>(&x[start..x.len().min(start + GRAIN)]));
    });
    dispatch(Extreme::<MAX>(&found))
}

/// Folds [`LANES`] interleaved partial results into one.
#[inline(always)]
pub(super) fn fold_lanes(mut lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Combines the elements in [`LANES`] interleaved partial results.
#[inline(always)]
fn interleaved(x: &[f32], empty: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [empty; LANES];
    let mut chunks = x.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = f(*lane, x);
    }
    fold_lanes(lanes, f)
}

struct Sum<'a>(&'a [f32]);

impl Kernel for Sum<'_> {
    type Out = f32;
    #[inline(always)]
    fn run<A: Arith>(self) -> f32 {
        interleaved(self.0, 0.0, |a, b| a + b)
    }
}

/// Σ a·b of two rows of one length, on the calling thread.
pub(super) fn sum_of(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    let sum = match a.len() {
        ..=SUM_BLOCK => dispatch(SumOf(a, b)),
        _ => {
            let blocks = a.chunks(SUM_BLOCK).zip(b.chunks(SUM_BLOCK));
            pairwise(&blocks.map(|(a, b)| dispatch(SumOf(a, b))).collect::<Vec<f32>>())
        }
    };
    match sum.is_finite() {
        true => sum,
        false => a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() as f32,
    }
}

struct SumOf<'a>(&'a [f32], &'a [f32]);

impl Kernel for SumOf<'_> {
    type Out = f32;
    #[inline(always)]
    fn run<A: Arith>(self) -> f32 {
        let mut lanes = [0.0; LANES];
        let ((a, a_rest), (b, b_rest)) = (self.0.as_chunks::<LANES>(), self.1.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for l in 0..LANES {
                lanes[l] += a[l] * b[l];
            }
        }
        for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
            *lane += a * b;
        }
        fold_lanes(lanes, |a, b| a + b)
    }
}

struct Extreme<'a, const MAX: bool>(&'a [f32]);

impl<const MAX: bool> Extreme<'_, MAX> {
    const EMPTY: f32 = if MAX { f32::NEG_INFINITY } else { f32::INFINITY };
}

/// The larger (or smaller) one; the first of equals; NaN if either is NaN.
#[inline(always)]
pub(super) fn pick<const MAX: bool>(a: f32, b: f32) -> f32 {
    let better = if MAX { b > a } else { b < a };
    if better | b.is_nan() { b } else { a }
}

impl<const MAX: bool> Kernel for Extreme<'_, MAX> {
    type Out = f32;
    #[inline(always)]
    fn run<A: Arith>(self) -> f32 {
        // NaN loses every comparison: once in a lane it is kept, because `!(b > a)`.
        interleaved(self.0, Self::EMPTY, pick::<MAX>)
    }
}

/// Sums along the middle axis: `[outer, axis, inner]` to `[outer, inner]`.
pub fn sum_axis(x: &[f32], outer: usize, axis: usize, inner: usize) -> Vec<f32> {
    assert_eq!(x.len(), outer * axis * inner, "sum_axis: length");
    if x.is_empty() {
        return vec![0.0; outer * inner];
    }
    if inner == 1 {
        if outer == 1 {
            return vec![sum_all(x)];
        }
        let mut sums = vec![0.0; outer];
        if axis <= SHORT {
            over_bands(&mut sums, 1, axis, GRAIN, |rows, sums| {
                dispatch(SumShortRows { x: &x[rows.start * axis..rows.end * axis], axis, sums });
            });
            put_right(&mut sums, x, axis, 1);
            return sums;
        }
        over_rows(&mut sums, 1, axis, GRAIN, |row, sum| sum[0] = sum_row(&x[row * axis..(row + 1) * axis]));
        return sums;
    }
    // SAFETY: every part of the slice is filled before it is added to.
    let mut sums = unsafe {
        filled(outer * inner, |sums| {
            if outer > 1 {
                return over_bands(sums, inner, axis * inner, GRAIN, |band, sums| {
                    let (x, sums) = (&x[band.start * axis * inner..], zeroed(sums));
                    if axis <= ROW_BLOCK {
                        return dispatch(AddRowsOfEach { x, rows: axis, width: inner, sums });
                    }
                    for (x, sums) in x.chunks(axis * inner).zip(sums.chunks_exact_mut(inner)) {
                        sum_columns(x, axis, inner, sums);
                    }
                });
            }
            over_parts(sums, (GRAIN / axis).max(1), |columns, sums| {
                sum_columns(&x[columns.start..], axis, inner, zeroed(sums));
            });
        })
    };
    put_right(&mut sums, x, axis, inner);
    sums
}

/// Sums that are infinite or NaN once more, as [`within`].
fn put_right(sums: &mut [f32], x: &[f32], axis: usize, inner: usize) {
    if is_finite(sums) {
        return;
    }
    for (at, sum) in sums.iter_mut().enumerate().filter(|(_, sum)| !sum.is_finite()) {
        let first = at / inner * axis * inner + at % inner;
        *sum = within(*sum, x[first..].iter().step_by(inner).take(axis));
    }
}

/// The longest rows that are summed by [`SumShortRows`].
const SHORT: usize = 16;

/// Sums of rows of few elements, in the order of [`interleaved`].
struct SumShortRows<'a> {
    x: &'a [f32],
    axis: usize,
    sums: &'a mut [f32],
}

impl Kernel for SumShortRows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        macro_rules! of_length {
            ($($n:literal)*) => {
                match self.axis {
                    $($n => self.rows::<$n>(),)*
                    _ => unreachable!("longer than {SHORT}"),
                }
            };
        }
        of_length!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    }
}

impl SumShortRows<'_> {
    #[inline(always)]
    fn rows<const N: usize>(self) {
        for (sum, row) in self.sums.iter_mut().zip(self.x.as_chunks::<N>().0) {
            // As sums that begin with zero: of −0 that is 0.
            let mut lanes = row.map(|x| 0.0 + x);
            let mut half = N.next_power_of_two() / 2;
            while half > 0 {
                for i in 0..half.min(N - half) {
                    lanes[i] += lanes[i + half];
                }
                half /= 2;
            }
            *sum = lanes[0];
        }
    }
}

/// The sum of one row; the same numbers give the same sum as [`sum_all`], on the calling thread.
fn sum_row(x: &[f32]) -> f32 {
    if x.len() <= SUM_BLOCK {
        return within(dispatch(Sum(x)), x.iter());
    }
    let sums: Vec<f32> = x.chunks(SUM_BLOCK).map(|block| dispatch(Sum(block))).collect();
    within(pairwise(&sums), x.iter())
}

/// Adds up `rows` rows, `stride` apart, of as many columns as `sums` has, which is zero before.
fn sum_columns(x: &[f32], rows: usize, stride: usize, sums: &mut [f32]) {
    if rows <= ROW_BLOCK {
        return dispatch(AddRows { x, rows, stride, sums });
    }
    // By halves, so that the error grows with the logarithm of the number of blocks.
    let top = rows.div_ceil(ROW_BLOCK).div_ceil(2) * ROW_BLOCK;
    sum_columns(x, top, stride, sums);
    let mut lower = vec![0.0; sums.len()];
    sum_columns(&x[top * stride..], rows - top, stride, &mut lower);
    super::binary_in_place(super::Binary::Add, sums, &lower);
}

/// Columns that are summed in one go.
const WIDE: usize = 64;

struct AddRows<'a> {
    x: &'a [f32],
    rows: usize,
    stride: usize,
    sums: &'a mut [f32],
}

/// [`AddRows`] for one block of `rows` rows, which are as wide as the sums of each, after the other.
struct AddRowsOfEach<'a> {
    x: &'a [f32],
    rows: usize,
    width: usize,
    sums: &'a mut [f32],
}

impl Kernel for AddRowsOfEach<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let AddRowsOfEach { x, rows, width, sums } = self;
        for (x, sums) in x.chunks_exact(rows * width).zip(sums.chunks_exact_mut(width)) {
            AddRows { x, rows, stride: width, sums }.run::<A>();
        }
    }
}

impl Kernel for AddRows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let AddRows { x, rows, stride, sums } = self;
        // A few columns of all rows at a time, in two sets of sums that stay in registers.
        let width = sums.len();
        for at in (0..width / WIDE * WIDE).step_by(WIDE) {
            let mut both = [[0.0; WIDE]; 2];
            for row in 0..rows {
                let sums = &mut both[row % 2];
                let x: &[f32; WIDE] = x[row * stride + at..].first_chunk().expect("inside");
                for i in 0..WIDE {
                    sums[i] += x[i];
                }
            }
            for (i, sum) in sums[at..at + WIDE].iter_mut().enumerate() {
                *sum += both[0][i] + both[1][i];
            }
        }
        let rest = width / WIDE * WIDE;
        for row in 0..rows {
            for (sum, &x) in sums[rest..].iter_mut().zip(&x[row * stride + rest..]) {
                *sum += x;
            }
        }
    }
}

#[cfg(test)]
mod tests;
