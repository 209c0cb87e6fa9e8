//! The right operand of a product: how it is packed, and what is asked for before.

use std::slice::ChunksExactMut;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Range;
use crate::Mat;
use crate::simd::{Arith, Kernel, dispatch};
use crate::tile::{Ahead, LINE};
use crate::transpose::transpose;

/// Numbers of a right operand that is more than the second-level cache holds.
const FAR: usize = 1 << 19;

/// The right operand of a product: something that can be packed.
pub(crate) trait Right {
    /// Writes rows `terms` of columns `columns`: `out[p · width + j]` for row `terms.start + p` and column
    /// `columns.start + j`, and zero for j beyond the columns, up to `width`.
    fn pack(&self, terms: Range, columns: Range, width: usize, out: &mut [f32]);

    /// Whether it comes from beyond the second-level cache, and is to be packed while it is multiplied by.
    fn is_far(&self) -> bool {
        false
    }

    /// What tile `tile` of `tiles` should ask for, so that [`pack`](Self::pack) finds these terms and columns near.
    fn ahead(&self, _terms: &Range, _columns: &Range, _tile: usize, _tiles: usize) -> Ahead {
        Ahead::NOTHING
    }

    /// Where it is multiplied by in several parts, a number that no other operand has: what a thread has packed for one
    /// part serves it for the next.
    fn identity(&self) -> Option<u64> {
        None
    }
}

/// A matrix that the parts of one product are multiplied by.
pub(crate) struct InParts<'a> {
    matrix: Mat<'a>,
    identity: u64,
}

impl<'a> InParts<'a> {
    pub fn new(matrix: Mat<'a>) -> Self {
        static PRODUCTS: AtomicU64 = AtomicU64::new(0);
        Self { matrix, identity: PRODUCTS.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Right for InParts<'_> {
    fn pack(&self, terms: Range, columns: Range, width: usize, out: &mut [f32]) {
        self.matrix.pack(terms, columns, width, out);
    }

    fn is_far(&self) -> bool {
        self.matrix.is_far()
    }

    fn ahead(&self, terms: &Range, columns: &Range, tile: usize, tiles: usize) -> Ahead {
        self.matrix.ahead(terms, columns, tile, tiles)
    }

    fn identity(&self) -> Option<u64> {
        Some(self.identity)
    }
}

impl Right for Mat<'_> {
    fn pack(&self, terms: Range, columns: Range, width: usize, out: &mut [f32]) {
        if terms.is_empty() {
            return;
        }
        let count = columns.len();
        let start = terms.start * self.row_stride + columns.start * self.col_stride;
        if self.col_stride == 1 {
            let from = &self.data[start..];
            return dispatch(Lines { from, stride: self.row_stride, count, out: out.chunks_exact_mut(width) });
        }
        if count < width {
            out.fill(0.0);
        }
        if self.row_stride == 1 {
            let last = start + (count - 1) * self.col_stride + terms.len() - 1;
            assert!(last < self.data.len() && out.len() == terms.len() * width && count <= width);
            // SAFETY: the last element of either side is inside, by the assertion.
            unsafe {
                let from = self.data.as_ptr().add(start);
                transpose(from, self.col_stride, count, terms.len(), out.as_mut_ptr(), width);
            }
            return;
        }
        for (p, row) in out.chunks_exact_mut(width).enumerate() {
            for (j, out) in row[..count].iter_mut().enumerate() {
                *out = self.data[start + p * self.row_stride + j * self.col_stride];
            }
        }
    }

    fn is_far(&self) -> bool {
        self.data.len() >= FAR
    }

    fn ahead(&self, terms: &Range, columns: &Range, tile: usize, tiles: usize) -> Ahead {
        let first = self.data.as_ptr().wrapping_add(terms.start * self.row_stride + columns.start * self.col_stride);
        match self.col_stride {
            // Some terms at a time.
            1 => {
                let times = terms.len().div_ceil(LINE);
                let rows = terms.len().div_ceil(tiles * times);
                let step = rows * self.row_stride;
                let start = first.wrapping_add(tile * times * step);
                Ahead { start, rows, lines: columns.len().div_ceil(LINE), row_stride: self.row_stride, step }
            }
            // The same terms of some columns.
            apart => {
                let rows = columns.len().div_ceil(tiles);
                Ahead { start: first.wrapping_add(tile * rows * apart), rows, lines: 1, row_stride: apart, step: LINE }
            }
        }
    }
}

/// Lines of `count` numbers, `stride` apart, that are copied, and zeros behind each: by a few instructions where a line
/// has the width of an AVX-512 panel, by a call otherwise.
struct Lines<'a> {
    from: &'a [f32],
    stride: usize,
    count: usize,
    out: ChunksExactMut<'a, f32>,
}

impl Kernel for Lines<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for (p, out) in self.out.enumerate() {
            let line = &self.from[p * self.stride..][..self.count];
            match (<&[f32; 32]>::try_from(line), <&mut [f32; 32]>::try_from(&mut *out)) {
                (Ok(line), Ok(out)) => *out = *line,
                _ => {
                    out[..self.count].copy_from_slice(line);
                    out[self.count..].fill(0.0);
                }
            }
        }
    }
}
