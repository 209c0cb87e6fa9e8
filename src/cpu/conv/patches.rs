//! Images as a convolution reads them: padded, and unfolded panel by panel while a product packs them.

use std::ops::Range;

use super::area;
use crate::buffer::{filled, zeroed};
use crate::layout::copy_short;
use crate::parallel::over_rows;
use crate::product::Right;
use crate::simd::{Arith, Kernel, dispatch};
use crate::transpose::transpose_four;

/// Images with zeros around them, whose rows are ordered by their columns' remainder modulo a step: pixels that are a
/// step apart lie side by side.
pub(super) struct Padded {
    pub data: Vec<f32>,
    /// Numbers in a row, and in a plane of one channel.
    pub row: usize,
    pub plane: usize,
    step: usize,
    /// Numbers of one remainder in a row.
    lane: usize,
}

/// Numbers that may be read, but not used, beyond the end of a run.
const SLACK: usize = 8;

impl Padded {
    pub fn new(x: &[f32], planes: usize, size: [usize; 2], before: [usize; 2], after: [usize; 2], step: usize) -> Self {
        let [height, width] = [0, 1].map(|d| before[d] + size[d] + after[d]);
        let lane = width.div_ceil(step);
        let row = lane * step;
        let mut padded = Padded { data: Vec::new(), row, plane: height * row, step, lane };
        // SAFETY: `zeroed` writes everything.
        padded.data = unsafe {
            filled(planes * padded.plane + SLACK, |out| {
                let (out, slack) = out.split_at_mut(planes * padded.plane);
                zeroed(slack);
                over_rows(out, padded.plane, padded.plane, 16 << 10, |plane, out| {
                    let out = zeroed(out);
                    let x = &x[plane * area(size)..(plane + 1) * area(size)];
                    if step == 2 && size[1].is_multiple_of(2) && (1..=HALVES).contains(&size[1]) {
                        let out = &mut out[before[0] * row..];
                        let (width, before) = (size[1], before[1]);
                        return dispatch(Halves { x, width, out, lane, before });
                    }
                    for (y, x) in x.chunks_exact(size[1]).enumerate() {
                        padded.fill_row(&mut out[(before[0] + y) * row..][..row], before[1], x);
                    }
                });
            })
        };
        padded
    }

    /// Writes a row of the image behind `before` zeros, for any step.
    fn fill_row(&self, out: &mut [f32], before: usize, x: &[f32]) {
        if self.step == 1 {
            return copy_short(x, &mut out[before..before + x.len()]);
        }
        for (remainder, out) in out.chunks_exact_mut(self.lane).enumerate() {
            // The first column of the image that has this remainder, and its place in the lane.
            let first = (remainder + self.step - before % self.step) % self.step;
            let place = (before + first) / self.step;
            for (out, &x) in out[place..].iter_mut().zip(x.iter().skip(first).step_by(self.step)) {
                *out = x;
            }
        }
    }

    /// Where pixel (y, x) of a plane lies, counted with the padding.
    pub fn at(&self, y: usize, x: usize) -> usize {
        y * self.row + x % self.step * self.lane + x / self.step
    }
}

/// Columns of the widest image that [`Halves`] divides.
const HALVES: usize = 1024;

/// Divides rows of an image, of an even number of columns, into every second column and those between, for rows of two
/// lanes that have `before` zeros in front.
struct Halves<'a> {
    x: &'a [f32],
    width: usize,
    out: &'a mut [f32],
    lane: usize,
    before: usize,
}

impl Kernel for Halves<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { x, width, out, lane, before } = self;
        let half = width / 2;
        // So many rows at a time that vectors are whole, however short a row is.
        let rows = HALVES / width;
        let (mut even, mut odd) = ([0.0; HALVES / 2], [0.0; HALVES / 2]);
        let place = |column: usize| column % 2 * lane + column / 2;
        for (x, out) in x.chunks(rows * width).zip(out.chunks_mut(rows * 2 * lane)) {
            for ((pair, even), odd) in x.chunks_exact(2).zip(&mut even).zip(&mut odd) {
                (*even, *odd) = (pair[0], pair[1]);
            }
            for (row, out) in out.chunks_mut(2 * lane).take(x.len() / width).enumerate() {
                let of = row * half..(row + 1) * half;
                copy_short(&even[of.clone()], &mut out[place(before)..][..half]);
                copy_short(&odd[of], &mut out[place(before + 1)..][..half]);
            }
        }
    }
}

/// What the taps of a kernel see at the pixels of a grid: element (term, column) is
/// `data[offsets[term] + i · image + y · row + x]` for column (i, y, x), pixel (y, x) of image i.
pub(super) struct Patches<'a> {
    pub data: &'a [f32],
    /// Numbers from one image to the next.
    pub image: usize,
    /// Numbers from one line of the grid to the next.
    pub row: usize,
    pub grid: [usize; 2],
    pub offsets: &'a [usize],
}

/// Neighbouring columns whose elements are neighbours.
#[derive(Clone, Copy)]
struct Run {
    /// The first one's place, from the first column that was asked for.
    start: usize,
    len: usize,
    /// Its place in the data, for an offset of 0.
    at: usize,
}

impl Patches<'_> {
    /// The runs that columns consist of.
    fn runs(&self, columns: Range<usize>) -> impl Iterator<Item = Run> {
        let [height, width] = self.grid;
        let (first, end) = (columns.start, columns.end);
        let mut next = first;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let (line, x) = (next / width, next % width);
                let at = line / height * self.image + line % height * self.row + x;
                let run = Run { start: next - first, len: (width - x).min(end - next), at };
                next += run.len;
                run
            })
        })
    }

    /// Panics unless all that `runs` see at any of `offsets` is there, and the slack behind it.
    fn check(&self, runs: impl Iterator<Item = Run>, offsets: &[usize]) {
        let last = runs.map(|run| run.at + run.len).max().unwrap_or(0);
        let reach = offsets.iter().max().copied().unwrap_or(0);
        assert!(last + reach + SLACK <= self.data.len(), "convolution: a patch reaches beyond the image");
    }
}

/// Numbers that are copied at a time.
const PIECE: usize = SLACK;

impl Right for Patches<'_> {
    fn pack(&self, terms: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        let count = columns.len();
        let offsets = &self.offsets[terms];
        self.check(self.runs(columns.clone()), offsets);
        assert!(count <= width && out.len() == offsets.len() * width);
        // Runs in pieces. A piece is copied whole, however short: what it writes too much, the next one overwrites.
        let mut pieces = [(0, 0); 32];
        let mut number = 0;
        for run in self.runs(columns) {
            for i in (0..run.len).step_by(PIECE) {
                pieces[number] = (run.start + i, run.at + i);
                number += 1;
            }
        }
        let pieces = &pieces[..number];
        // So many rows follow that a whole piece ends inside of them, wherever in its row it begins.
        let loose = offsets.len().saturating_sub(PIECE.div_ceil(width));
        // SAFETY: `check` allows for reading whole pieces, and rows follow that can be overwritten.
        unsafe { copy_pieces(self.data, &offsets[..loose], pieces, width, out) };
        if count < width {
            let rows = out.chunks_exact_mut(width).take(loose);
            rows.for_each(|row| row[count..].fill(0.0));
        }
        let rows = out[loose * width..].chunks_exact_mut(width);
        for (row, &offset) in rows.zip(&offsets[loose..]) {
            for (i, &(start, at)) in pieces.iter().enumerate() {
                let end = pieces.get(i + 1).map_or(count, |next| next.0);
                row[start..end].copy_from_slice(&self.data[offset + at..][..end - start]);
            }
            row[count..].fill(0.0);
        }
    }
}

/// For every offset a row of `width` numbers: its pieces, each given by its place in the row and that in `data` for an
/// offset of 0. A whole piece is copied, however far the next one is.
///
/// # Safety
/// Whole pieces can be read at every offset, and written in every row.
unsafe fn copy_pieces(data: &[f32], offsets: &[usize], pieces: &[(usize, usize)], width: usize, out: &mut [f32]) {
    // The loop over a few pieces is unrolled.
    macro_rules! copy {
        ($($number:literal)*) => {
            match pieces.len() {
                $($number => {
                    let pieces: [_; $number] = std::array::from_fn(|i| pieces[i]);
                    dispatch(Copies { data, offsets, pieces, width, out })
                })*
                _ => dispatch(Copies { data, offsets, pieces, width, out }),
            }
        };
    }
    copy!(1 2 3 4 5 6 7 8)
}

/// What [`copy_pieces`] does, and its contract.
struct Copies<'a, P> {
    data: &'a [f32],
    offsets: &'a [usize],
    pieces: P,
    width: usize,
    out: &'a mut [f32],
}

impl<P: AsRef<[(usize, usize)]>> Kernel for Copies<'_, P> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { data, offsets, pieces, width, out } = self;
        let mut row = out.as_mut_ptr();
        for &offset in offsets {
            let from = data.as_ptr().wrapping_add(offset);
            for &(start, at) in pieces.as_ref() {
                // SAFETY: the contract.
                unsafe {
                    let piece = from.add(at).cast::<[f32; PIECE]>().read_unaligned();
                    row.add(start).cast::<[f32; PIECE]>().write_unaligned(piece);
                }
            }
            row = row.wrapping_add(width);
        }
    }
}

/// The transpose: rows are the pixels of all images, columns what the taps see there.
pub(super) struct Transposed<'a>(pub &'a Patches<'a>);

impl Right for Transposed<'_> {
    fn pack(&self, terms: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        let Transposed(patches) = *self;
        let offsets = &patches.offsets[columns];
        let rows = terms.len();
        patches.check(patches.runs(terms.clone()), offsets);
        assert!(offsets.len() <= width && out.len() == rows * width);
        if offsets.len() < width {
            out.fill(0.0);
        }
        let data = patches.data.as_ptr();
        for run in patches.runs(terms) {
            // Four by four, the last ones overlapping with the next run, which overwrites them, if there is one.
            let squares =
                if run.start + run.len.next_multiple_of(4) <= rows { run.len.div_ceil(4) } else { run.len / 4 };
            let quads = offsets.chunks_exact(4);
            for (q, quad) in quads.enumerate() {
                for p in (0..4 * squares).step_by(4) {
                    // SAFETY: `check` allows for reading beyond the run, and these rows of `out` exist.
                    unsafe {
                        let from = [0, 1, 2, 3].map(|i| data.add(quad[i] + run.at + p));
                        transpose_four(from, out.as_mut_ptr().add((run.start + p) * width + 4 * q), width);
                    }
                }
            }
            let whole = offsets.len() / 4 * 4;
            for (column, offset) in offsets.iter().enumerate() {
                let first = if column < whole { (4 * squares).min(run.len) } else { 0 };
                for p in first..run.len {
                    out[(run.start + p) * width + column] = patches.data[offset + run.at + p];
                }
            }
        }
    }
}
