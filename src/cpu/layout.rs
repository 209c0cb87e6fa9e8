//! Views with strides: broadcasting of two operands, and copies into contiguous order.
//!
//! A view is a slice whose element at index (i, j, …) is `x[i · strides[0] + j · strides[1] + …]`. A stride of zero
//! repeats the element along that dimension.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use super::buffer::filled;
use super::elementwise::{Binary, binary, binary_into};
use super::parallel::{BLOCK, Shared, over_parts, parts, run};
use super::transpose::transpose;

/// Elements of an operand that are laid out contiguously at a time: small enough for the first-level cache.
const CHUNK: usize = 16 * BLOCK;

/// The most dimensions that a view can have, after those that can be merged have been merged.
const MAX_RANK: usize = 8;

/// `op` of two views that are broadcast to `shape`; the result is contiguous.
///
/// `strides_a` and `strides_b` have the length of `shape`, in elements, 0 where the operand is repeated.
pub fn binary_broadcast(
    op: Binary,
    a: &[f32],
    strides_a: &[usize],
    b: &[f32],
    strides_b: &[usize],
    shape: &[usize],
) -> Vec<f32> {
    let len = shape.iter().product();
    if len == 0 {
        return Vec::new();
    }
    let a = Operand::new(a, strides_a, shape);
    let b = Operand::new(b, strides_b, shape);
    if let (Operand::Dense(a), Operand::Dense(b)) = (&a, &b) {
        return binary(op, a, b);
    }
    // SAFETY: every chunk of the slice is written by `binary_into`.
    unsafe {
        filled(len, |y| {
            over_parts(y, op.grain() / 2, |range, y| {
                let (mut room_a, mut room_b) = ([MaybeUninit::uninit(); CHUNK], [MaybeUninit::uninit(); CHUNK]);
                for (i, y) in y.chunks_mut(CHUNK).enumerate() {
                    let start = range.start + i * CHUNK;
                    let (a, b) = (a.chunk(start, y.len(), &mut room_a), b.chunk(start, y.len(), &mut room_b));
                    binary_into(op, a, b, y);
                }
            });
        })
    }
}

/// An operand of a broadcast, by how its elements are brought into the result's order.
enum Operand<'a> {
    /// They are in that order.
    Dense(&'a [f32]),
    /// The first `period` elements repeat. Here they are followed by `CHUNK` more, or by as many as the result has.
    Periodic { period: usize, elements: Cow<'a, [f32]> },
    /// They are gathered chunk by chunk.
    Strided(View<'a>),
}

impl<'a> Operand<'a> {
    fn new(x: &'a [f32], strides: &[usize], shape: &[usize]) -> Self {
        let view = View::new(x, strides, shape);
        match *view.dims() {
            [Dim { stride: 1, len }] => Operand::Dense(&x[..len]),
            [Dim { stride: 0, .. }] => Operand::Periodic { period: 1, elements: vec![x[0]; CHUNK + 1].into() },
            [Dim { stride: 0, len: times }, Dim { stride: 1, len: period }] => {
                let wanted = (period + CHUNK).min(times * period);
                Operand::Periodic { period, elements: x[..period].iter().copied().cycle().take(wanted).collect() }
            }
            _ => Operand::Strided(view),
        }
    }

    /// The `len` elements from index `start` of the result on.
    fn chunk<'b>(&'b self, start: usize, len: usize, room: &'b mut [MaybeUninit<f32>; CHUNK]) -> &'b [f32] {
        match self {
            Operand::Dense(x) => &x[start..start + len],
            Operand::Periodic { period, elements } => &elements[start % period..][..len],
            Operand::Strided(view) => {
                view.gather(start, &mut room[..len]);
                // SAFETY: `gather` has written all of them.
                unsafe { room[..len].assume_init_ref() }
            }
        }
    }
}

/// One dimension of a view.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Dim {
    len: usize,
    stride: usize,
}

/// A view whose neighbouring dimensions have been merged where one stride serves both. It has at least one
/// dimension, and no dimension of length 0.
struct View<'a> {
    x: &'a [f32],
    dims: [Dim; MAX_RANK],
    rank: usize,
}

impl<'a> View<'a> {
    fn new(x: &'a [f32], strides: &[usize], shape: &[usize]) -> Self {
        debug_assert_eq!(strides.len(), shape.len());
        let mut view = View { x, dims: [Dim { len: 1, stride: 1 }; MAX_RANK], rank: 0 };
        for (&len, &stride) in shape.iter().zip(strides).filter(|(len, _)| **len != 1) {
            let outer = view.rank.checked_sub(1).map(|last| &mut view.dims[last]);
            match outer {
                Some(outer) if outer.stride == len * stride => *outer = Dim { len: outer.len * len, stride },
                _ => {
                    view.dims[view.rank] = Dim { len, stride };
                    view.rank += 1;
                }
            }
        }
        view.rank = view.rank.max(1);
        view
    }

    fn dims(&self) -> &[Dim] {
        &self.dims[..self.rank]
    }

    /// Writes the elements from index `start` on, in the view's order, to all of `out`.
    fn gather(&self, start: usize, out: &mut [MaybeUninit<f32>]) {
        let (outer, lines, last) = match self.dims() {
            [outer @ .., lines, last] => (outer, *lines, *last),
            dims => (&[][..], Dim { len: 1, stride: 0 }, dims[0]),
        };
        let (mut column, mut rest) = (start % last.len, start / last.len);
        let mut line = rest % lines.len;
        rest /= lines.len;
        let mut index = [0; MAX_RANK];
        for (i, dim) in index.iter_mut().zip(outer).rev() {
            *i = rest % dim.len;
            rest /= dim.len;
        }
        let mut out = out;
        while !out.is_empty() {
            let offset: usize = index.iter().zip(outer).map(|(i, dim)| i * dim.stride).sum();
            let from = |line: usize, column: usize| &self.x[offset + line * lines.stride + column * last.stride..];
            let whole = (lines.len - line).min(out.len() / last.len);
            if column > 0 || whole == 0 {
                let (now, later) = out.split_at_mut((last.len - column).min(out.len()));
                copy_run(from(line, column), last.stride, now);
                (out, column, line) = (later, 0, line + 1);
            } else {
                let (now, later) = out.split_at_mut(whole * last.len);
                copy_lines(from(line, 0), lines.stride, last, now);
                (out, line) = (later, line + whole);
            }
            if line == lines.len {
                line = 0;
                advance(&mut index, outer);
            }
        }
    }
}

/// Moves an index to the next one in row-major order; after the last comes the first.
fn advance(index: &mut [usize; MAX_RANK], dims: &[Dim]) {
    for (i, dim) in index.iter_mut().zip(dims).rev() {
        *i += 1;
        if *i < dim.len {
            return;
        }
        *i = 0;
    }
}

/// Copies whole lines, which are `step` apart.
fn copy_lines(x: &[f32], step: usize, line: Dim, out: &mut [MaybeUninit<f32>]) {
    match (step, line) {
        // Pixels that are doubled.
        (1, Dim { stride: 0, len: 2 }) => {
            for (pair, &x) in out.as_chunks_mut().0.iter_mut().zip(x) {
                *pair = [MaybeUninit::new(x); 2];
            }
        }
        // Pairs, as those of windows of two columns.
        (_, Dim { stride: 1, len: 2 }) => {
            for (i, pair) in out.as_chunks_mut().0.iter_mut().enumerate() {
                *pair = [MaybeUninit::new(x[i * step]), MaybeUninit::new(x[i * step + 1])];
            }
        }
        _ => {
            for (i, out) in out.chunks_exact_mut(line.len).enumerate() {
                copy_run(&x[i * step..], line.stride, out);
            }
        }
    }
}

/// Copies every `stride`-th element of `x`.
#[inline]
fn copy_run(x: &[f32], stride: usize, out: &mut [MaybeUninit<f32>]) {
    match stride {
        0 => out.iter_mut().for_each(|out| _ = out.write(x[0])),
        // SAFETY: same layout, and what can be read as numbers can be read as what may be none.
        1 => copy_short(unsafe { std::slice::from_raw_parts(x[..out.len()].as_ptr().cast(), out.len()) }, out),
        _ => out.iter_mut().zip(x.iter().step_by(stride)).for_each(|(out, x)| _ = out.write(*x)),
    }
}

/// Numbers above which a copy is worth a call.
const SHORT: usize = 128;

/// Copies a few elements to as many, faster than by a call: in pieces, the last of which overlaps the one before.
///
/// # Panics
/// The slices have not the same length.
#[inline(always)]
pub fn copy_short<T: Copy>(from: &[T], to: &mut [T]) {
    assert_eq!(to.len(), from.len());
    match from.len() {
        SHORT.. => to.copy_from_slice(from),
        8.. => copy_pieces_of::<8, T>(from, to),
        4.. => copy_pieces_of::<4, T>(from, to),
        _ => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}

/// Copies at least `N` numbers to as many.
#[inline(always)]
fn copy_pieces_of<const N: usize, T: Copy>(from: &[T], to: &mut [T]) {
    if let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut()) {
        *to = *from;
    }
    for (from, to) in from.as_chunks::<N>().0.iter().zip(to.as_chunks_mut().0) {
        *to = *from;
    }
}

/// The elements of a view in contiguous order.
pub fn contiguous(x: &[f32], strides: &[usize], shape: &[usize]) -> Vec<f32> {
    let len = shape.iter().product();
    if len == 0 {
        return Vec::new();
    }
    let view = View::new(x, strides, shape);
    match *view.dims() {
        [Dim { stride: 1, .. }] => x[..len].to_vec(),
        [ref outer @ .., rows, columns] if rows.stride == 1 && columns.stride > 1 => {
            transposed(&view, outer, rows.len, columns)
        }
        // SAFETY: `gather` fills what it is given, and `over_parts` gives all of it.
        _ => unsafe {
            filled(len, |out| {
                over_parts(out, 16 << 10, |range, out| view.gather(range.start, out));
            })
        },
    }
}

/// Side of the squares in which matrices are transposed: two of them stay in the first-level cache.
const TILE: usize = 32;

/// The copy of a view whose last but one dimension, of `rows`, has stride 1: a stack of transposed matrices.
fn transposed(view: &View, outer: &[Dim], rows: usize, columns: Dim) -> Vec<f32> {
    let size = rows * columns.len;
    let count: usize = outer.iter().map(|dim| dim.len).product();
    // Bands of rows are the units of work.
    let bands = rows.div_ceil(TILE);
    let work = |band: usize, out: &mut [MaybeUninit<f32>]| {
        let (matrix, top) = (band / bands, band % bands * TILE);
        let mut rest = matrix;
        let offset: usize = (outer.iter().rev())
            .map(|dim| {
                let i = rest % dim.len;
                rest /= dim.len;
                i * dim.stride
            })
            .sum();
        transpose_band(&view.x[offset + top..], columns.stride, columns.len, out);
    };
    // SAFETY: the bands cover the slice, and `transpose_band` writes all of a band.
    unsafe {
        filled(size * count, |out| {
            let shared = Shared::new(out);
            let band_range = |band: usize| {
                let (matrix, top) = (band / bands, band % bands * TILE);
                matrix * size + top * columns.len..matrix * size + (top + TILE).min(rows) * columns.len
            };
            let total = bands * count;
            let parts = parts(size * count, 16 << 10).min(total);
            run(parts, &|part| {
                for band in total * part / parts..total * (part + 1) / parts {
                    work(band, shared.range(band_range(band)));
                }
            });
        })
    }
}

/// Writes `out[i, j] = x[i + j · stride]` for the rows i that `out` has and all columns j.
fn transpose_band(x: &[f32], stride: usize, columns: usize, out: &mut [MaybeUninit<f32>]) {
    let rows = out.len() / columns;
    assert!((columns - 1) * stride + rows <= x.len());
    for left in (0..columns).step_by(TILE) {
        let width = TILE.min(columns - left);
        // SAFETY: the last element of either side is inside: of `x` by the assertion, of `out` by its length.
        unsafe {
            let to = out.as_mut_ptr().cast::<f32>().add(left);
            transpose(x.as_ptr().add(left * stride), stride, width, rows, to, columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::sample;
    use super::*;

    /// The element of a view at position `at` of its contiguous order, found one index at a time.
    fn element(x: &[f32], strides: &[usize], shape: &[usize], at: usize) -> f32 {
        let mut rest = at;
        let offset: usize = (shape.iter().zip(strides).rev())
            .map(|(len, stride)| {
                let index = rest % len;
                rest /= len;
                index * stride
            })
            .sum();
        x[offset]
    }

    /// Strides of a contiguous tensor of this shape.
    fn strides(shape: &[usize]) -> Vec<usize> {
        (0..shape.len()).map(|dim| shape[dim + 1..].iter().product()).collect()
    }

    fn shapes() -> Vec<Vec<usize>> {
        let sizes: [&[usize]; 13] = [
            &[],
            &[1],
            &[0],
            &[7],
            &[3, 1],
            &[1, 5],
            &[65, 33],
            &[2, 3, 4],
            &[128, 70],
            &[3, 0, 2],
            &[5, 1, 9, 2],
            &[2, 3, 4, 5, 6, 2],
            &[33, 40, 37],
        ];
        sizes.iter().map(|shape| shape.to_vec()).collect()
    }

    #[test]
    fn contiguous_copies_every_order_of_the_dimensions() {
        for shape in shapes() {
            let x = sample(shape.iter().product(), 5);
            let own = strides(&shape);
            for turn in 0..shape.len().max(1) {
                for mirrored in [false, true] {
                    let mut order: Vec<usize> = (0..shape.len()).collect();
                    order.rotate_left(turn);
                    if mirrored {
                        order.reverse();
                    }
                    let shape: Vec<usize> = order.iter().map(|&d| shape[d]).collect();
                    let strides: Vec<usize> = order.iter().map(|&d| own[d]).collect();
                    let expected: Vec<f32> = (0..x.len()).map(|at| element(&x, &strides, &shape, at)).collect();
                    assert!(contiguous(&x, &strides, &shape) == expected, "shape {shape:?}, strides {strides:?}");
                }
            }
        }
    }

    #[test]
    fn contiguous_copies_steps_and_repeats() {
        let x = sample(4000, 6);
        for (strides, shape) in [
            (vec![100, 2], vec![40, 50]),
            (vec![0, 3], vec![7, 90]),
            (vec![0, 0], vec![70, 70]),
            (vec![1, 0, 50], vec![50, 3, 40]),
        ] {
            let expected: Vec<f32> = (0..shape.iter().product()).map(|at| element(&x, &strides, &shape, at)).collect();
            assert!(contiguous(&x, &strides, &shape) == expected, "shape {shape:?}, strides {strides:?}");
        }
    }

    #[test]
    fn broadcasting_agrees_with_one_element_at_a_time() {
        for shape in shapes().into_iter().chain([vec![700, 500], vec![3000, 1, 120]]) {
            let rank = shape.len();
            let (x, y) = (sample(shape.iter().product(), 7), sample(shape.iter().product(), 8));
            // Every choice of repeated dimensions on either side, up to three of them.
            for repeat in 0..1usize << (2 * rank.min(3)) {
                let repeated = |side: usize, dim: usize| dim < 3 && repeat >> (2 * dim + side) & 1 == 1;
                let view = |side: usize| {
                    let own: Vec<usize> =
                        (0..rank).map(|dim| if repeated(side, dim) { shape[dim].min(1) } else { shape[dim] }).collect();
                    let strides = strides(&own);
                    (0..rank).map(|dim| if repeated(side, dim) { 0 } else { strides[dim] }).collect::<Vec<_>>()
                };
                let (sx, sy) = (view(0), view(1));
                let got = binary_broadcast(Binary::Sub, &x, &sx, &y, &sy, &shape);
                let expected: Vec<f32> =
                    (0..x.len()).map(|at| element(&x, &sx, &shape, at) - element(&y, &sy, &shape, at)).collect();
                assert!(got == expected, "shape {shape:?}, strides {sx:?} and {sy:?}");
            }
        }
    }
}
