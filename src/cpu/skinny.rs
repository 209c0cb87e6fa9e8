//! Matrix products with one side so short that packing or padding it would cost more than the product: few terms, or
//! a result of few rows or columns.

use std::mem::MaybeUninit;

use super::Mat;
use super::simd::{Arith, Kernel, dispatch};

/// Sums of at most this many terms, and results of at most this many rows or columns, come here.
const FEW: usize = 4;
/// Terms that a result of few rows or columns has at least.
const MANY: usize = 16;

/// How a product is formed here, if it is to be formed here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Skinny {
    /// Each row of the result is a sum of a few rows.
    SumOfRows,
    /// The result has few columns.
    FewColumns(Sums),
    /// The result has few rows: its transpose is formed, of few columns.
    FewRows(Sums),
}

/// How a result of few columns is formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    /// Each element is a sum along two contiguous rows.
    DotProducts,
    /// Each column is a sum of many columns.
    OfColumns,
}

impl Sums {
    /// The way for this left operand.
    fn of(a: Mat) -> Option<Self> {
        match (a.row_stride, a.col_stride) {
            (_, 1) => Some(Sums::DotProducts),
            (1, _) => Some(Sums::OfColumns),
            _ => None,
        }
    }
}

impl Skinny {
    /// The way for an m × k `a` and a k × n `b`.
    pub fn of([m, k, n]: [usize; 3], a: Mat, b: Mat) -> Option<Self> {
        match () {
            _ if (1..=FEW).contains(&k) && n >= NARROW => Some(Skinny::SumOfRows),
            _ if k < MANY => None,
            _ if (1..=FEW).contains(&n) => Sums::of(a).map(Skinny::FewColumns),
            _ if (1..=FEW).contains(&m) => match Sums::of(b.transposed())? {
                // More of these the gemm crate multiplies faster.
                Sums::OfColumns if m > 2 || n > 256 => None,
                way => Some(Skinny::FewRows(way)),
            },
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
        // SAFETY: the contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.stride).cast(), self.width) }
    }
}

/// Writes `a · b`, plus a bias or what is there if `add`, to `c`; `a`, `b` and the bias begin at its first row and
/// column.
///
/// # Safety
/// `c` can be written, and read if `add`, and nobody else accesses it meanwhile.
pub(super) unsafe fn skinny(way: Skinny, k: usize, a: Mat, b: Mat, bias: Option<&[f32]>, add: bool, c: Part) {
    if c.rows == 0 || c.width == 0 {
        return;
    }
    match way {
        Skinny::SumOfRows => {
            let b = lines(b, k, c.width);
            dispatch(RowSums { k, a, b: &b, bias, add, c });
        }
        Skinny::FewColumns(way) => {
            let sums = few_columns(way, k, a, b, [c.rows, c.width]);
            for (j, sums) in sums.chunks_exact(c.rows).enumerate() {
                let bias = bias.map_or(0.0, |bias| bias[j]);
                // SAFETY: column j of the part.
                unsafe { put(sums, c.start.add(j), c.stride, add, |_| bias) };
            }
        }
        Skinny::FewRows(way) => {
            let sums = few_columns(way, k, b.transposed(), a.transposed(), [c.width, c.rows]);
            for (i, sums) in sums.chunks_exact(c.width).enumerate() {
                // SAFETY: row i of the part.
                unsafe { put(sums, c.start.add(i * c.stride), 1, add, |j| bias.map_or(0.0, |bias| bias[j])) };
            }
        }
    }
}

/// Writes sums `step` apart from `to` on, each plus its bias or, if `add`, what is there.
///
/// # Safety
/// All of these places can be written, and read if `add`, and nobody else accesses them meanwhile.
#[inline]
unsafe fn put(sums: &[f32], to: *mut f32, step: usize, add: bool, bias: impl Fn(usize) -> f32) {
    for (i, sum) in sums.iter().enumerate() {
        // SAFETY: the contract.
        unsafe {
            let out = to.add(i * step);
            *out = sum + if add { *out } else { bias(i) };
        }
    }
}

/// The product of `rows` rows of `a` and a `b` of few columns, column by column.
fn few_columns(way: Sums, k: usize, a: Mat, b: Mat, [rows, columns]: [usize; 2]) -> Vec<f32> {
    let b = lines(b.transposed(), columns, k);
    let mut sums = vec![0.0; columns * rows];
    match way {
        Sums::DotProducts => dispatch(Dots { k, a, b: &b, sums: &mut sums }),
        Sums::OfColumns => dispatch(ColumnSums { k, a, b: &b, sums: &mut sums }),
    }
    sums
}

/// The rows of a matrix, one behind the other.
fn lines(x: Mat, rows: usize, columns: usize) -> Vec<f32> {
    let mut lines = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        let from = &x.data[row * x.row_stride..];
        match x.col_stride {
            1 => lines.extend_from_slice(&from[..columns]),
            apart => lines.extend((0..columns).map(|j| from[j * apart])),
        }
    }
    lines
}

/// Columns that are summed in one go, in registers; fewer where no more are left.
pub(super) const WIDE: usize = 64;
const NARROW: usize = 16;

/// Rows of the result: the bias or what is there, plus the `k` rows of `b`, times numbers of `a`.
struct RowSums<'a> {
    k: usize,
    a: Mat<'a>,
    b: &'a [f32],
    bias: Option<&'a [f32]>,
    add: bool,
    c: Part,
}

impl Kernel for RowSums<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        match self.k {
            1 => self.rows::<A, 1>(),
            2 => self.rows::<A, 2>(),
            3 => self.rows::<A, 3>(),
            _ => self.rows::<A, 4>(),
        }
    }
}

impl RowSums<'_> {
    #[inline(always)]
    fn rows<A: Arith, const K: usize>(&self) {
        let width = self.c.width;
        let wide = width / WIDE * WIDE;
        for at in (0..wide).step_by(WIDE) {
            self.block::<A, K, WIDE>(at, WIDE);
        }
        for at in (wide..width).step_by(NARROW) {
            self.block::<A, K, NARROW>(at, NARROW.min(width - at));
        }
    }

    /// `len` columns from `at` on, at most `W`.
    #[inline(always)]
    fn block<A: Arith, const K: usize, const W: usize>(&self, at: usize, len: usize) {
        let Self { a, b, c, .. } = self;
        let mut terms = [[0.0; W]; K];
        for (p, term) in terms.iter_mut().enumerate() {
            term[..len].copy_from_slice(&b[p * c.width + at..][..len]);
        }
        let mut first = [0.0; W];
        if let Some(bias) = self.bias {
            first[..len].copy_from_slice(&bias[at..at + len]);
        }
        for i in 0..c.rows {
            // SAFETY: the contract of `skinny`.
            let row = &mut unsafe { c.row(i) }[at..at + len];
            let mut sums = first;
            if self.add {
                for (sum, before) in sums.iter_mut().zip(row.iter()) {
                    // SAFETY: what is to be added to can be read.
                    *sum = unsafe { before.assume_init() };
                }
            }
            for (p, term) in terms.iter().enumerate() {
                let factor = a.data[i * a.row_stride + p * a.col_stride];
                for j in 0..W {
                    sums[j] = A::mul_add(factor, term[j], sums[j]);
                }
            }
            match row.first_chunk_mut::<W>() {
                Some(row) if len == W => {
                    *row = sums.map(MaybeUninit::new);
                }
                _ => {
                    row.write_copy_of_slice(&sums[..len]);
                }
            }
        }
    }
}

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
        match self.k {
            ..32 => self.in_lanes::<A, 16>(),
            _ => self.in_lanes::<A, 32>(),
        }
    }
}

/// Rows whose partial sums are formed before they are added up.
const DOTS: usize = 16;

impl Dots<'_> {
    /// With `L` partial sums, a power of two, of each sum.
    ///
    /// They go through memory, some rows at a time: where a row's were added up at once, the compiler kept them as so
    /// many single numbers.
    #[inline(always)]
    fn in_lanes<A: Arith, const L: usize>(self) {
        let Dots { k, a, b, sums } = self;
        let rows = sums.len() * k / b.len();
        let mut partial = [[0.0; L]; DOTS];
        for start in (0..rows).step_by(DOTS) {
            let partial = &mut partial[..DOTS.min(rows - start)];
            let row = |i: usize| a.data[(start + i) * a.row_stride..][..k].as_chunks::<L>();
            for (j, column) in b.chunks_exact(k).enumerate() {
                let (column, rest_b) = column.as_chunks::<L>();
                for (i, out) in partial.iter_mut().enumerate() {
                    let mut lanes = [0.0; L];
                    for (x, y) in row(i).0.iter().zip(column) {
                        for l in 0..L {
                            lanes[l] = A::mul_add(x[l], y[l], lanes[l]);
                        }
                    }
                    *out = lanes;
                }
                for (i, lanes) in partial.iter_mut().enumerate() {
                    let mut half = L / 2;
                    while half > 0 {
                        let (low, high) = lanes.split_at_mut(half);
                        for (low, high) in low.iter_mut().zip(high) {
                            *low += *high;
                        }
                        half /= 2;
                    }
                    let rest = row(i).1.iter().zip(rest_b).fold(0.0, |sum, (&x, &y)| A::mul_add(x, y, sum));
                    sums[j * rows + start + i] = lanes[0] + rest;
                }
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
        let Self { k, a, b, sums } = self;
        let rows = sums.len() * k / b.len();
        // Two at a time: the sums of more were not held in registers.
        for (b, sums) in b.chunks(2 * k).zip(sums.chunks_mut(2 * rows)) {
            let some = ColumnSums { k, a, b, sums };
            if some.b.len() == k { some.columns::<A, 1>() } else { some.columns::<A, 2>() }
        }
    }
}

impl ColumnSums<'_> {
    #[inline(always)]
    fn columns<A: Arith, const N: usize>(mut self) {
        let rows = self.sums.len() / N;
        let wide = rows / WIDE * WIDE;
        for at in (0..wide).step_by(WIDE) {
            self.block::<A, N, WIDE>(at, WIDE);
        }
        for at in (wide..rows).step_by(NARROW) {
            self.block::<A, N, NARROW>(at, NARROW.min(rows - at));
        }
    }

    /// `len` rows from `at` on, at most `W`.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // terms and columns are indices of several arrays
    fn block<A: Arith, const N: usize, const W: usize>(&mut self, at: usize, len: usize) {
        let Self { k, a, b, sums } = self;
        let (k, rows) = (*k, sums.len() / N);
        let factors: [&[f32]; N] = std::array::from_fn(|j| &b[j * k..][..k]);
        let mut totals = [[0.0; W]; N];
        for p in 0..k {
            let from = &a.data[p * a.col_stride + at..];
            let mut part = [0.0; W];
            // What stands behind the column is multiplied along, where there is something, and not stored.
            let x = match from.first_chunk::<W>() {
                Some(whole) => whole,
                None => {
                    part[..len].copy_from_slice(&from[..len]);
                    &part
                }
            };
            for n in 0..N {
                let factor = factors[n][p];
                for j in 0..W {
                    totals[n][j] = A::mul_add(factor, x[j], totals[n][j]);
                }
            }
        }
        for (n, total) in totals.iter().enumerate() {
            sums[n * rows + at..][..len].copy_from_slice(&total[..len]);
        }
    }
}
