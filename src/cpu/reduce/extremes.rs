//! Maxima and minima along one axis, and where they stand.

use super::{Extreme, GRAIN, LANES};
use crate::parallel::{Shared, parts, run};
use crate::simd::{Arith, Kernel, dispatch};

/// Maxima along the middle axis of `[outer, axis, inner]`, and the index of each along that axis: of the first among
/// equals, or of the first NaN. `axis` is at least 1.
pub fn max_axis(x: &[f32], outer: usize, axis: usize, inner: usize) -> (Vec<f32>, Vec<i32>) {
    extreme_axis::<true>(x, outer, axis, inner)
}

/// Minima along the middle axis of `[outer, axis, inner]`, and the index of each along that axis: of the first among
/// equals, or of the first NaN. `axis` is at least 1.
pub fn min_axis(x: &[f32], outer: usize, axis: usize, inner: usize) -> (Vec<f32>, Vec<i32>) {
    extreme_axis::<false>(x, outer, axis, inner)
}

fn extreme_axis<const MAX: bool>(x: &[f32], outer: usize, axis: usize, inner: usize) -> (Vec<f32>, Vec<i32>) {
    assert_eq!(x.len(), outer * axis * inner, "max_axis: length");
    let mut values = vec![0.0; outer * inner];
    let mut indices = vec![0; outer * inner];
    if values.is_empty() {
        return (values, indices);
    }
    assert!(axis > 0, "max_axis: the axis is empty");
    let (shared_values, shared_indices) = (Shared::new(&mut values), Shared::new(&mut indices));
    let count = parts(x.len(), GRAIN).min(outer);
    run(count, &|part| {
        let rows = outer * part / count..outer * (part + 1) / count;
        if inner == 1 {
            // SAFETY: the ranges of different parts do not overlap.
            let (values, indices) = unsafe { (shared_values.range(rows.clone()), shared_indices.range(rows.clone())) };
            let x = &x[rows.start * axis..rows.end * axis];
            return extreme_rows::<MAX>(x, axis, values, indices);
        }
        for i in rows {
            let x = &x[i * axis * inner..(i + 1) * axis * inner];
            let range = i * inner..(i + 1) * inner;
            // SAFETY: the ranges of different `i` do not overlap, and each is visited once.
            let (values, indices) = unsafe { (shared_values.range(range.clone()), shared_indices.range(range)) };
            dispatch(ExtremeColumns::<MAX> { x, inner, values, indices });
        }
    });
    (values, indices)
}

/// The extreme of each row of `axis` elements, and where it stands first.
fn extreme_rows<const MAX: bool>(x: &[f32], axis: usize, values: &mut [f32], indices: &mut [i32]) {
    if axis < LANES {
        return dispatch(ExtremeShortRows::<MAX> { x, axis, values, indices });
    }
    for ((row, value), index) in x.chunks_exact(axis).zip(values).zip(indices) {
        *value = dispatch(Extreme::<MAX>(row));
        *index = dispatch(Find { row, wanted: *value }) as i32;
    }
}

/// Rows of few elements: compared without branches, which could not be foreseen, several rows at once.
struct ExtremeShortRows<'a, const MAX: bool> {
    x: &'a [f32],
    axis: usize,
    values: &'a mut [f32],
    indices: &'a mut [i32],
}

impl<const MAX: bool> Kernel for ExtremeShortRows<'_, MAX> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        match self.axis {
            2 => self.of::<2>(),
            3 => self.of::<3>(),
            4 => self.of::<4>(),
            5 => self.of::<5>(),
            6 => self.of::<6>(),
            7 => self.of::<7>(),
            8 => self.of::<8>(),
            _ => self.by_columns::<A>(),
        }
    }
}

impl<const MAX: bool> ExtremeShortRows<'_, MAX> {
    /// Rows of `N` elements.
    #[inline(always)]
    fn of<const N: usize>(self) {
        for ((row, value), index) in self.x.as_chunks::<N>().0.iter().zip(self.values).zip(self.indices) {
            let (mut best, mut at) = (row[0], 0);
            // By an iterator that skips the first, the compiler leaves them single numbers.
            #[allow(clippy::needless_range_loop)]
            for i in 1..N {
                let take = replaces::<MAX>(row[i], best);
                at = if take { i as i32 } else { at };
                best = if take { row[i] } else { best };
            }
            (*value, *index) = (best, at);
        }
    }

    /// Rows of any length below [`LANES`]: the first element of sixteen rows side by side, then the second.
    #[inline(always)]
    fn by_columns<A: Arith>(self) {
        const ROWS: usize = 16;
        let mut columns = [[0.0; ROWS]; LANES];
        let blocks =
            self.x.chunks(ROWS * self.axis).zip(self.values.chunks_mut(ROWS)).zip(self.indices.chunks_mut(ROWS));
        for ((x, values), indices) in blocks {
            for (row, x) in x.chunks_exact(self.axis).enumerate() {
                for (column, &x) in columns.iter_mut().zip(x) {
                    column[row] = x;
                }
            }
            let (mut best, mut at) = ([0.0; ROWS], [0; ROWS]);
            let x = columns[..self.axis].as_flattened();
            ExtremeColumns::<MAX> { x, inner: ROWS, values: &mut best, indices: &mut at }.run::<A>();
            values.copy_from_slice(&best[..values.len()]);
            indices.copy_from_slice(&at[..indices.len()]);
        }
    }
}

/// Whether `x` takes the place of the best so far: it is better, or the first NaN.
#[inline(always)]
fn replaces<const MAX: bool>(x: f32, best: f32) -> bool {
    let better = if MAX { x > best } else { x < best };
    better | (x.is_nan() & !best.is_nan())
}

/// Whether the two are equal or both NaN.
#[inline(always)]
fn is_same(a: f32, b: f32) -> bool {
    (a == b) | (a.is_nan() & b.is_nan())
}

/// Where a number that a row has, or NaN, stands first.
struct Find<'a> {
    row: &'a [f32],
    wanted: f32,
}

impl Kernel for Find<'_> {
    type Out = usize;
    #[inline(always)]
    fn run<A: Arith>(self) -> usize {
        let Find { row, wanted } = self;
        // Whole chunks without a branch, so that they are compared in registers.
        let chunks = row.chunks(LANES);
        let mut before = 0;
        for chunk in chunks {
            let mut found = false;
            for &x in chunk {
                found |= is_same(x, wanted);
            }
            if found {
                break;
            }
            before += chunk.len();
        }
        before + row[before..].iter().position(|&x| is_same(x, wanted)).unwrap_or(0)
    }
}

struct ExtremeColumns<'a, const MAX: bool> {
    x: &'a [f32],
    inner: usize,
    values: &'a mut [f32],
    indices: &'a mut [i32],
}

impl<const MAX: bool> Kernel for ExtremeColumns<'_, MAX> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let ExtremeColumns { x, inner, values, indices } = self;
        values.copy_from_slice(&x[..inner]);
        for (i, row) in x.chunks_exact(inner).enumerate().skip(1) {
            for ((best, at), &x) in values.iter_mut().zip(indices.iter_mut()).zip(row) {
                let take = replaces::<MAX>(x, *best);
                *at = if take { i as i32 } else { *at };
                *best = if take { x } else { *best };
            }
        }
    }
}
