//! Matrix products with one side so short that packing or padding it would cost more than the product: few terms, or
//! a result of few columns.

use std::mem::MaybeUninit;

use super::Mat;
use super::simd::{Arith, Kernel, dispatch};

/// Sums of at most this many terms, and results of at most this many columns, come here.
const FEW: usize = 4;

/// How a product is formed here, if it is to be formed here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Skinny {
    /// Each row of the result is a sum of a few rows.
    SumOfRows,
    /// Each element of the result is a sum along two contiguous rows.
    DotProducts,
    /// Each column of the result is a sum of many columns.
    SumOfColumns,
}

impl Skinny {
    /// The way for an m × k `a` and a k × n `b`.
    pub fn of(k: usize, n: usize, a: Mat) -> Option<Self> {
        match (a.row_stride, a.col_stride) {
            _ if (2..=FEW).contains(&k) && n >= 32 => Some(Skinny::SumOfRows),
            (_, 1) if (1..=FEW).contains(&n) && k >= 16 => Some(Skinny::DotProducts),
            (1, _) if (1..=FEW).contains(&n) && k >= 16 => Some(Skinny::SumOfColumns),
            _ => None,
        }
    }
}

/// A part of a result: `rows` rows of `width` columns, `stride` apart, from `start` on.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub start: *mut f32,
    pub stride: usize,
    pub rows: usize,
    pub width: usize,
}

impl Part {
    /// # Safety
    /// The part can be written, nobody else accesses it meanwhile, and `i` is one of its rows.
    #[allow(clippy::mut_from_ref)]
    unsafe fn row(&self, i: usize) -> &mut [MaybeUninit<f32>] {
        debug_assert!(i < self.rows);
        // Safety: the contract.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.add(i * self.stride).cast(), self.width)
        }
    }
}

/// Writes `a · b`, plus a bias or what is there if `add`, to `c`; `a`, `b` and the bias begin at its first row and
/// column.
///
/// # Safety
/// `c` can be written, and read if `add`, and nobody else accesses it meanwhile.
pub(super) unsafe fn skinny(
    way: Skinny,
    k: usize,
    a: Mat,
    b: Mat,
    bias: Option<&[f32]>,
    add: bool,
    c: Part,
) {
    let (rows, width) = (c.rows, c.width);
    if rows == 0 || width == 0 {
        return;
    }
    let before = |i: usize, start: &mut [f32]| match bias {
        Some(bias) => start.copy_from_slice(bias),
        None if add => {
            // Safety: the contract: what is to be added to can be read.
            let row = unsafe { c.row(i) };
            start
                .iter_mut()
                .zip(row)
                .for_each(|(start, c)| *start = unsafe { c.assume_init() });
        }
        None => start.fill(0.0),
    };
    let element = |p: usize, j: usize| b.data[p * b.row_stride + j * b.col_stride];
    if way == Skinny::SumOfRows {
        let b: Vec<f32> = (0..k)
            .flat_map(|p| (0..width).map(move |j| element(p, j)))
            .collect();
        let mut start = vec![0.0; width];
        before(0, &mut start);
        for i in 0..rows {
            if add {
                before(i, &mut start);
            }
            let factors = |p: usize| {
                if p < k {
                    a.data[i * a.row_stride + p * a.col_stride]
                } else {
                    0.0
                }
            };
            let factors = [factors(0), factors(1), factors(2), factors(3)];
            // Safety: the contract.
            dispatch(RowSum {
                k,
                factors,
                b: &b,
                start: &start,
                out: unsafe { c.row(i) },
            });
        }
        return;
    }
    let b: Vec<f32> = (0..width)
        .flat_map(|j| (0..k).map(move |p| element(p, j)))
        .collect();
    let mut sums = vec![0.0; width * rows];
    if way == Skinny::DotProducts {
        dispatch(Dots {
            k,
            a,
            b: &b,
            sums: &mut sums,
        });
    } else {
        dispatch(ColumnSums {
            k,
            a,
            b: &b,
            sums: &mut sums,
        });
    }
    let mut start = [0.0; FEW];
    for i in 0..rows {
        before(i, &mut start[..width]);
        // Safety: the contract.
        for (j, (out, start)) in unsafe { c.row(i) }.iter_mut().zip(start).enumerate() {
            out.write(start + sums[j * rows + i]);
        }
    }
}

/// One row of the result: `start` plus the rows of `b`, times the factors.
struct RowSum<'a> {
    k: usize,
    factors: [f32; FEW],
    b: &'a [f32],
    start: &'a [f32],
    out: &'a mut [MaybeUninit<f32>],
}

impl Kernel for RowSum<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let RowSum {
            k,
            factors: [f, g, h, i],
            b,
            start,
            out,
        } = self;
        let n = out.len();
        let (start, row) = (&start[..n], |p: usize| &b[p * n..][..n]);
        match k {
            1 => {
                let b = row(0);
                for j in 0..n {
                    out[j].write(A::mul_add(f, b[j], start[j]));
                }
            }
            2 => {
                let (b, c) = (row(0), row(1));
                for j in 0..n {
                    out[j].write(A::mul_add(g, c[j], A::mul_add(f, b[j], start[j])));
                }
            }
            3 => {
                let (b, c, d) = (row(0), row(1), row(2));
                for j in 0..n {
                    out[j].write(A::mul_add(
                        h,
                        d[j],
                        A::mul_add(g, c[j], A::mul_add(f, b[j], start[j])),
                    ));
                }
            }
            _ => {
                let (b, c, d, e) = (row(0), row(1), row(2), row(3));
                for j in 0..n {
                    let sum = A::mul_add(g, c[j], A::mul_add(f, b[j], start[j]));
                    out[j].write(A::mul_add(i, e[j], A::mul_add(h, d[j], sum)));
                }
            }
        }
    }
}

/// Partial sums of a sum along a row.
const LANES: usize = 32;

/// Products of rows of `a`, which are contiguous, and columns of `b`, which are here: `sums` column by column.
struct Dots<'a> {
    k: usize,
    a: Mat<'a>,
    b: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Dots<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Dots { k, a, b, sums } = self;
        let rows = sums.len() * k / b.len();
        for i in 0..rows {
            let row = &a.data[i * a.row_stride..][..k];
            for (j, column) in b.chunks_exact(k).enumerate() {
                let mut lanes = [0.0; LANES];
                let (whole, rest) = row.as_chunks::<LANES>();
                let (whole_b, rest_b) = column.as_chunks::<LANES>();
                for (x, y) in whole.iter().zip(whole_b) {
                    for l in 0..LANES {
                        lanes[l] = A::mul_add(x[l], y[l], lanes[l]);
                    }
                }
                let mut half = LANES / 2;
                while half > 0 {
                    for l in 0..half {
                        lanes[l] += lanes[l + half];
                    }
                    half /= 2;
                }
                let rest = rest
                    .iter()
                    .zip(rest_b)
                    .fold(0.0, |sum, (&x, &y)| A::mul_add(x, y, sum));
                sums[j * rows + i] = lanes[0] + rest;
            }
        }
    }
}

/// Sums of columns of `a`, which are contiguous, times elements of `b`, whose columns are here: `sums` column by
/// column, zero before.
struct ColumnSums<'a> {
    k: usize,
    a: Mat<'a>,
    b: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for ColumnSums<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let ColumnSums { k, a, b, sums } = self;
        let rows = sums.len() * k / b.len();
        let column = |p: usize| &a.data[p * a.col_stride..][..rows];
        // Four terms at a time, so that the sums are loaded and stored less often.
        let whole = k / 4 * 4;
        for (sums, factors) in sums.chunks_exact_mut(rows).zip(b.chunks_exact(k)) {
            for p in (0..whole).step_by(4) {
                let [w, x, y, z] = [0, 1, 2, 3].map(|i| column(p + i));
                let [f, g, h, i] = [0, 1, 2, 3].map(|i| factors[p + i]);
                for j in 0..rows {
                    let sum = A::mul_add(g, x[j], A::mul_add(f, w[j], sums[j]));
                    sums[j] = A::mul_add(i, z[j], A::mul_add(h, y[j], sum));
                }
            }
            for (p, &factor) in factors.iter().enumerate().skip(whole) {
                for (sum, &x) in sums.iter_mut().zip(column(p)) {
                    *sum = A::mul_add(factor, x, *sum);
                }
            }
        }
    }
}
