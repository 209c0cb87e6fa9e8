//! A right operand that is packed once for many products: the weights that each step of a sequence is multiplied by.

use std::ops::Range;

use super::Mat;
use super::parallel::{Shared, run};
use super::product::{Line, Right, TERMS, blocks, panels, tile_rows};
use super::tile::{Ahead, Left, Tiles, tiles};

/// Numbers above which packing is divided among threads.
const GRAIN: usize = 1 << 16;

/// A packed matrix of `terms` × `columns`: blocks of terms, and in each its panels of columns.
pub(super) struct Packed {
    tiles: &'static Tiles,
    lines: Vec<Line>,
    blocks: Vec<Range<usize>>,
    columns: usize,
}

impl Packed {
    /// Of matrices one below the other, each with its number of rows.
    pub fn new(parts: &[(Mat, usize)], columns: usize) -> Self {
        let tiles = tiles();
        let width = columns.next_multiple_of(tiles.lanes);
        let (mut all, mut jobs, mut above) = (Vec::new(), Vec::new(), 0);
        for &(part, terms) in parts.iter().filter(|(_, terms)| *terms > 0) {
            for own in blocks(&(0..terms), TERMS, 32) {
                let start = above + own.start;
                jobs.extend(
                    panels(tiles, &(0..columns)).map(|(columns, wide)| (part, own.clone(), start, columns, wide)),
                );
                all.push(start..above + own.end);
            }
            above += terms;
        }
        let mut lines = vec![Line::ZEROS; (above * width).div_ceil(16)];
        let shared = Shared::new(Line::numbers_mut(&mut lines));
        let pack = |i: usize| {
            let (part, terms, start, columns, wide) = &jobs[i];
            let at = start * width + columns.start * terms.len();
            // SAFETY: panels lie one behind the other, and each is written once.
            let panel = unsafe { shared.range(at..at + terms.len() * wide) };
            part.pack(terms.clone(), columns.clone(), *wide, panel);
        };
        match above * columns >= GRAIN {
            true => run(jobs.len(), &pack),
            false => (0..jobs.len()).for_each(pack),
        }
        Self { tiles, lines, blocks: all, columns }
    }

    /// Numbers that a row of a result takes: the columns, in whole vectors.
    pub fn width(&self) -> usize {
        self.columns.next_multiple_of(self.tiles.lanes)
    }

    /// Rows of the matrix.
    pub fn terms(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.end)
    }

    /// `c = a · b + bias` for `rows` rows of `a` and of `c`, which lie `a_stride` and `c_stride` apart, on the calling
    /// thread; a bias has [`width`](Self::width) numbers. What comes to a row does not depend on the others, nor on
    /// their number.
    pub fn times(
        &self,
        rows: usize,
        (a, a_stride): (&[f32], usize),
        bias: Option<&[f32]>,
        (c, c_stride): (&mut [f32], usize),
    ) {
        let (width, last) = (self.width(), rows.saturating_sub(1));
        assert!(rows == 0 || a.len() >= last * a_stride + self.terms(), "packed: rows of the left operand");
        assert!(rows == 0 || c.len() >= last * c_stride + width, "packed: rows of the result");
        assert!(c_stride >= width, "packed: rows of the result overlap");
        assert!(bias.is_none_or(|bias| bias.len() >= width), "packed: length of the bias");
        let numbers = Line::numbers(&self.lines);
        for terms in &self.blocks {
            let bias = bias.filter(|_| terms.start == 0);
            for (columns, own) in panels(self.tiles, &(0..self.columns)) {
                let at = terms.start * width + columns.start * terms.len();
                let panel = &numbers[at..at + terms.len() * own];
                let bias = bias.map_or(std::ptr::null(), |bias| bias[columns.start..].as_ptr());
                for rows in tile_rows(self.tiles, &(0..rows)) {
                    let tile = self.tiles.tile(rows.len(), own / self.tiles.lanes);
                    let start = a[rows.start * a_stride + terms.start..].as_ptr();
                    let left = Left { start, row_stride: a_stride, term_stride: 1, terms: terms.len() };
                    let to = c[rows.start * c_stride + columns.start..].as_mut_ptr();
                    // SAFETY: the rows of `a` and `c` are there by the assertions, and the bias; the panel has all its
                    // vectors.
                    unsafe {
                        tile(left, panel.as_ptr(), to, c_stride, bias, terms.start > 0, &Ahead::NOTHING);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::testing::at_each_level;
    use super::super::testing::sample;
    use super::*;

    #[test]
    fn products_are_those_in_double_precision() {
        for (rows, terms, columns) in [(1, 1, 1), (3, 5, 7), (13, 300, 33), (2, 64, 48), (0, 4, 4), (5, 513, 20)] {
            let (a, b, bias) = (sample(rows * terms, 1), sample(columns * terms, 2), sample(columns + 16, 3));
            at_each_level(|level| {
                for above in [0, terms / 3, terms] {
                    let b = |from: usize| Mat::rows(&b, terms).from(0, from.min(terms - 1)).transposed();
                    let packed = Packed::new(&[(b(0), above), (b(above), terms - above)], columns);
                    let stride = packed.width() + 3;
                    let mut c = vec![7.0; rows * stride];
                    packed.times(rows, (&a, terms), Some(&bias), (&mut c, stride));
                    for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                        let all = b(0);
                        let term = |p: usize| f64::from(a[i * terms + p]) * f64::from(all.data[j * terms + p]);
                        let exact = f64::from(bias[j]) + (0..terms).map(term).sum::<f64>();
                        let got = f64::from(c[i * stride + j]);
                        assert!(
                            (got - exact).abs() < 1e-4,
                            "{level:?} {rows} × {terms} × {columns}: {got} for {exact}"
                        );
                    }
                }
            });
        }
    }
}
