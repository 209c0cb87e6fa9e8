//! Matrix products whose left operand is mostly zeros: gradients behind maxout units and dropout, of which one element
//! in ten is not. Rows of the right operand are added up for those elements only.

use std::mem::MaybeUninit;

use super::Mat;
use super::finite::is_finite;
use super::parallel::{Shared, run, threads};
use super::simd::{Arith, Kernel, dispatch};

/// One element in so many at most is not zero.
const SPARSE: usize = 6;
/// Multiplications of a product that is worth looking at its left operand.
const WORTH: usize = 1 << 22;
/// Elements that are looked at first: most operands are told by them.
const FIRST: usize = 4096;
/// Columns that are summed in one go, in registers; fewer where no more are left.
const WIDE: usize = 128;
/// Rows of a part at least.
const ROWS: usize = 16;

/// Whether to form `a · b` here: `a`, m × k without gaps, is mostly zeros, and `b`, k × n, has rows without gaps and no
/// infinity or NaN, which times zero would be NaN.
pub(super) fn suits(m: usize, k: usize, n: usize, a: Mat, b: Mat) -> bool {
    let whole = matches!((a.row_stride, a.col_stride), (1, stride) if stride == m)
        || matches!((a.row_stride, a.col_stride), (stride, 1) if stride == k);
    if m * k * n < WORTH || n < 64 || !whole || b.col_stride != 1 || b.row_stride != n {
        return false;
    }
    let (a, b) = (&a.data[..m * k], &b.data[..k * n]);
    let few = |a: &[f32]| dispatch(Count(a)) <= a.len() / SPARSE;
    few(&a[..FIRST.min(a.len())]) && few(a) && is_finite(b)
}

struct Count<'a>(&'a [f32]);

impl Kernel for Count<'_> {
    type Out = usize;
    #[inline(always)]
    fn run<A: Arith>(self) -> usize {
        let mut count = 0;
        for x in self.0.chunks(1 << 15) {
            let mut part = 0u32;
            for &x in x {
                part += u32::from(x != 0.0);
            }
            count += part as usize;
        }
        count
    }
}

/// Writes `a · b`, plus what is there if `add`, to all of `c`, m × n. Each element is summed in the order of the terms.
///
/// # Safety
/// `c` has m × n elements that can be written, and read if `add`, and nobody else accesses them meanwhile. The operands
/// have all their elements, and the rows of `b` no gaps.
pub(super) unsafe fn sparse([m, k, n]: [usize; 3], a: Mat, b: Mat, add: bool, c: Shared<f32>) {
    let parts = (m / ROWS).clamp(1, 2 * threads());
    run(parts, &|part| {
        let rows = m * part / parts..m * (part + 1) / parts;
        let elements = Elements::of(rows.clone(), k, a);
        // SAFETY: the contract; parts have rows of their own.
        let c = unsafe { c.range(rows.start * n..rows.end * n) };
        dispatch(Rows { elements: &elements, b: &b.data[..k * n], n, add, c: c.as_mut_ptr() });
    });
}

/// The elements that are not zero, row after row.
struct Elements {
    /// The term and the value of each.
    all: Vec<(u32, f32)>,
    /// Where each row ends.
    ends: Vec<usize>,
}

impl Elements {
    fn of(rows: std::ops::Range<usize>, k: usize, a: Mat) -> Self {
        let mut all: Vec<(u32, f32)> = Vec::with_capacity(rows.len() * k / SPARSE + k);
        let mut ends = Vec::with_capacity(rows.len());
        for i in rows {
            all.reserve(k);
            let row = &a.data[i * a.row_stride..];
            assert!((k - 1) * a.col_stride < row.len());
            let (room, mut count) = (all.spare_capacity_mut().as_mut_ptr(), 0);
            // Every element is written, and the next one over it if it was zero: there is nothing to be foreseen.
            for p in 0..k {
                // SAFETY: inside of the row, by the assertion; `count` is at most p, and there is room for k.
                unsafe {
                    let x = *row.get_unchecked(p * a.col_stride);
                    room.add(count).write(MaybeUninit::new((p as u32, x)));
                    count += usize::from(x != 0.0);
                }
            }
            // SAFETY: so many have been written behind the ones before.
            unsafe { all.set_len(all.len() + count) };
            ends.push(all.len());
        }
        Self { all, ends }
    }
}

struct Rows<'a> {
    elements: &'a Elements,
    b: &'a [f32],
    n: usize,
    add: bool,
    c: *mut f32,
}

impl Kernel for Rows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let n = self.n;
        let wide = n / WIDE * WIDE;
        for at in (0..wide).step_by(WIDE) {
            self.block::<A, WIDE>(at, WIDE);
        }
        match n - wide {
            0 => {}
            left @ ..=16 => self.block::<A, 16>(wide, left),
            left @ ..=32 => self.block::<A, 32>(wide, left),
            left @ ..=64 => self.block::<A, 64>(wide, left),
            left => self.block::<A, WIDE>(wide, left),
        }
    }
}

impl Rows<'_> {
    /// `len` columns from `at` on, at most `W`, of all rows. Columns beyond them are summed, too, and thrown away: with
    /// a number of them that is not known beforehand the sums would not stay in registers.
    #[inline(always)]
    fn block<A: Arith, const W: usize>(&self, at: usize, len: usize) {
        let mut start = 0;
        for (i, &end) in self.elements.ends.iter().enumerate() {
            // SAFETY: the row is one of the part's, whose columns these are; what is to be added to can be read.
            let row: &mut [MaybeUninit<f32>] =
                unsafe { std::slice::from_raw_parts_mut(self.c.add(i * self.n + at).cast(), len) };
            let mut sums = [0.0; W];
            if self.add {
                for (sum, before) in sums.iter_mut().zip(row.iter()) {
                    // SAFETY: as above.
                    *sum = unsafe { before.assume_init() };
                }
            }
            for &(term, factor) in &self.elements.all[start..end] {
                let from = &self.b[term as usize * self.n + at..];
                let padded;
                let from = match from.first_chunk::<W>() {
                    Some(from) => from,
                    None => {
                        padded = end_of(from);
                        &padded
                    }
                };
                for j in 0..W {
                    sums[j] = A::mul_add(factor, from[j], sums[j]);
                }
            }
            start = end;
            match row.first_chunk_mut::<W>() {
                Some(row) => *row = sums.map(MaybeUninit::new),
                None => _ = row.write_copy_of_slice(&sums[..len]),
            }
        }
    }
}

/// The last numbers of the last row, and zeros behind them.
#[cold]
#[inline(never)]
fn end_of<const W: usize>(from: &[f32]) -> [f32; W] {
    let mut padded = [0.0; W];
    padded[..from.len()].copy_from_slice(from);
    padded
}
