//! Convolutions of 3 × 3 kernels, and of 4 × 4 kernels and stride 2, the layers of a DCGAN, by Winograd's minimal
//! filtering.
//!
//! Of stride 2 every second row and every second column of the image, begun at either, is a phase, and the layer is the
//! sum of four convolutions of 2 × 2 taps, one over each phase. Four outputs of two taps, or three outputs of three, are
//! computed from five products instead of eight or nine (Winograd, "Arithmetic complexity of computations", 1980; Lavin
//! and Gray, "Fast algorithms for convolutional neural networks", 2016, for tiles of images), here with the points 0, 1,
//! −1, 2 and ∞: a tile of 4 × 4 outputs takes 25 products for each phase and pair of channels instead of 64, one of 3 × 3
//! outputs 25 instead of 81. For each of the 25 points the products of all tiles, channels and phases are one matrix
//! product.
//!
//! With y = Aᵀ[(G w) ⊙ (Bᵀ x)] for outputs y, taps w and inputs x in one dimension, and g for the gradient of y, that
//! with respect to w is Gᵀ[(A g) ⊙ (Bᵀ x)], and that with respect to x is B[(G w) ⊙ (A g)], added up where tiles
//! overlap. Rounding errors are about four times those of sums formed directly, 1e-6 of the result's size (root mean
//! square): the test holds 4e-6 of it, and 1e-4 for each element, against double precision. As with any such filtering
//! an error is measured by the largest numbers of the tile, not by those that an output sees. What is computed does not
//! depend on the number of threads; where it is not finite, the layer is computed by its definition.

mod transform;
mod weights;

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use super::{Conv2d, area};
use crate::Mat;
use crate::buffer::filled;
use crate::finite::is_finite;
use crate::parallel::{Shared, run};
use crate::product::{Target, product, tile_rows, with_room};
use crate::simd::{Arith, Kernel, dispatch};
use crate::tile::{Ahead, Left, Tiles as Kinds, tiles};
use crate::transpose::transpose;
use transform::*;
use weights::{ToWeights, transform_weights};

/// Terms that are added up before the result is touched.
const TERMS: usize = 256;
/// Tiles that one task computes from input to output: what it holds fits in the second-level cache.
const ROWS: usize = 32;
/// Tiles whose products are added up at a time for the gradient of the weights.
const MANY_ROWS: usize = 512;

/// A kind of layer.
struct Filter {
    /// Outputs of a tile along a side.
    outputs: usize,
    step: usize,
    /// Taps of a kernel, and which of them those of each phase are.
    kernel: usize,
    taps: &'static [&'static [u32]],
}

static OF_FOUR: Filter = Filter {
    outputs: 4,
    step: 2,
    kernel: 16,
    taps: &[&[0, 2, 8, 10], &[1, 3, 9, 11], &[4, 6, 12, 14], &[5, 7, 13, 15]],
};
static OF_THREE: Filter = Filter { outputs: 3, step: 1, kernel: 9, taps: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8]] };

impl Filter {
    /// That of a layer, if there is one.
    fn of(shape: &Conv2d) -> Option<&'static Self> {
        let plain = shape.is_whole() && shape.dilation == [1, 1] && shape.groups == 1;
        match (shape.kernel, shape.stride) {
            ([4, 4], [2, 2]) if plain => Some(&OF_FOUR),
            ([3, 3], [1, 1]) if plain => Some(&OF_THREE),
            _ => None,
        }
    }
}

/// Images on one side of the convolution: those of the input may have phases, those of the output are their own only phase.
#[derive(Clone, Copy)]
struct Side {
    channels: usize,
    size: [usize; 2],
    /// Rows from one to the next of a phase: 2 or 1.
    step: usize,
    /// Rows, and columns, of zeros before the first.
    padding: [usize; 2],
    /// Rows of a phase from one tile to the next: outputs of a tile along a side.
    apart: usize,
}

impl Side {
    fn phases(&self) -> usize {
        self.step * self.step
    }

    /// Channels of all phases: columns of a matrix of this side's tiles.
    fn columns(&self) -> usize {
        self.channels * self.phases()
    }

    /// Where in the image the `i`-th row, or column, of a tile of a phase lies, if inside.
    fn place(&self, d: usize, tile: usize, phase: usize, i: usize) -> Option<usize> {
        let at = (self.step * (self.apart * tile + i) + phase).checked_sub(self.padding[d])?;
        (at < self.size[d]).then_some(at)
    }

    /// For every tile and phase the places of its `n` × `n` pixels in the image; one behind the last for those outside.
    fn places(&self, tiles: [usize; 2], n: usize) -> Vec<u32> {
        let mut places = Vec::with_capacity(area(tiles) * self.phases() * n * n);
        for tile in 0..area(tiles) {
            for phase in 0..self.phases() {
                for pixel in 0..n * n {
                    let y = self.place(0, tile / tiles[1], phase / self.step, pixel / n);
                    let x = self.place(1, tile % tiles[1], phase % self.step, pixel % n);
                    let inside = y.zip(x).map(|(y, x)| y * self.size[1] + x);
                    places.push(inside.unwrap_or(area(self.size)) as u32);
                }
            }
        }
        places
    }
}

/// What the three products have in common: the layer's two sides and the tiles of an image.
struct Layer {
    filter: &'static Filter,
    /// The side with the phases, as convolved, and the other.
    wide: Side,
    narrow: Side,
    tiles: [usize; 2],
}

impl Layer {
    /// None where there is no such filtering.
    fn new(shape: &Conv2d) -> Option<Self> {
        let filter = Filter::of(shape)?;
        let (output, apart) = (shape.output(), filter.outputs);
        let Conv2d { in_channels, out_channels, input, padding, .. } = *shape;
        Some(Layer {
            filter,
            wide: Side { channels: in_channels, size: input, step: filter.step, padding, apart },
            narrow: Side { channels: out_channels, size: output, step: 1, padding: [0, 0], apart },
            tiles: output.map(|n| n.div_ceil(apart)),
        })
    }
}

/// Whether a layer is of such a kind, and large enough.
pub(super) fn suits(shape: &Conv2d) -> bool {
    let Some(layer) = Layer::new(shape) else {
        return false;
    };
    let whole = shape.in_channels.is_multiple_of(LANES) && shape.out_channels.is_multiple_of(LANES);
    if !whole || tiles().columns() < LANES || shape.output().contains(&0) || shape.input.contains(&0) {
        return false;
    }
    // Multiplications saved, with room for what the transforms take; and tiles enough to transform weights for.
    let (tiles, phases) = (area(layer.tiles), layer.wide.phases());
    let pays = 10 * layer.filter.kernel * area(shape.output()) >= 13 * phases * POINTS * tiles;
    pays && shape.batch * tiles >= 64 && shape.in_channels * shape.out_channels >= 1024
}

/// A matrix for each point: rows of `columns` numbers, and between two of them a cache line, so that they do not all
/// begin in the same set of the cache.
#[derive(Clone, Copy)]
struct Matrices {
    columns: usize,
    apart: usize,
}

impl Matrices {
    fn new(rows: usize, columns: usize) -> Self {
        Self { columns, apart: rows * columns + LANES }
    }

    fn len(&self) -> usize {
        POINTS * self.apart
    }
}

/// What was computed, if all of it is finite. An infinity or NaN in an operand, and a transform that overflows, reach
/// numbers of the tile that they have no part in: then the layer has to be computed by its definition.
fn finite(out: Vec<f32>) -> Option<Vec<f32>> {
    is_finite(&out).then_some(out)
}

/// See [`super::conv2d`]; none where there is no such filtering, or an element would not be finite.
pub(super) fn forward(shape: &Conv2d, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Option<Vec<f32>> {
    let layer = Layer::new(shape)?;
    finite(match layer.filter.outputs {
        4 => convolved::<IN, OfInput, 4, ToOutput, 2>(shape.batch, &layer, true, x, w, bias),
        _ => convolved::<IN, OfInput, 3, ToOutput, 3>(shape.batch, &layer, true, x, w, bias),
    })
}

/// See [`super::conv2d_grad_input`]; none as above.
pub(super) fn grad_input(shape: &Conv2d, g: &[f32], w: &[f32]) -> Option<Vec<f32>> {
    let layer = Layer::new(shape)?;
    finite(match layer.filter.outputs {
        4 => convolved::<4, OfOutput, IN, ToInput, 2>(shape.batch, &layer, false, g, w, None),
        _ => convolved::<3, OfOutput, IN, ToInput, 3>(shape.batch, &layer, false, g, w, None),
    })
}

/// From the images of one side those of the other, forward from the wide one, in tiles of `N` × `N` and of `M` × `M`
/// pixels, with `T` × `T` taps.
fn convolved<const N: usize, Of: Along<N, IN>, const M: usize, To: Along<IN, M>, const T: usize>(
    batch: usize,
    layer: &Layer,
    forward: bool,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32>
where
    OfTaps: Along<T, IN>,
{
    let [from, to] = if forward { [layer.wide, layer.narrow] } else { [layer.narrow, layer.wide] };
    let (terms, columns) = (from.columns(), to.columns());
    let weights = Matrices::new(terms, columns);
    let of_image = area(layer.tiles);
    let images = (ROWS / of_image).max(1);
    // The caller's: what one thread packs the others read.
    let kinds = tiles();
    let read = Tiles { side: from, of_image, places: &from.places(layer.tiles, N) };
    let write = Tiles { side: to, of_image, places: &to.places(layer.tiles, M) };
    // SAFETY: every number of the weights' matrices but the lines between them, and every pixel of the result, is
    // written; tasks write to different images.
    unsafe {
        let u = filled(weights.len(), |u| transform_weights::<T>(kinds, layer, forward, w, u));
        filled(batch * to.channels * area(to.size), |out| {
            let out = Shared::new(out);
            run(batch.div_ceil(images), &|task| {
                let images = task * images..((task + 1) * images).min(batch);
                let rows = images.len() * of_image;
                let (v, m) = (Matrices::new(rows, terms), Matrices::new(rows, columns));
                let pixels = (area(from.size) + 1).max(area(to.size) + 1);
                with_room(v.len() + m.len() + LANES * pixels, |room| {
                    let (inputs, room) = room.split_at_mut(v.len());
                    let (products, room) = room.split_at_mut(m.len());
                    let pixels = room.as_chunks_mut().0;
                    let to_inputs = Shared::new(inputs);
                    for (i, image) in images.clone().enumerate() {
                        let x = &x[image * from.channels * area(from.size)..][..from.channels * area(from.size)];
                        let to = to_inputs.at(i * of_image * terms);
                        dispatch(Transformed::<N, Of> { tiles: read, x, pixels, to, into: v, kind: PhantomData });
                    }
                    multiply(kinds, rows, [terms, columns], inputs, &u, products);
                    for (i, image) in images.enumerate() {
                        let len = to.channels * area(to.size);
                        let y = out.range(image * len..(image + 1) * len);
                        let from = &mut products[i * of_image * columns..];
                        dispatch(Back::<M, To> { tiles: write, from, of: m, pixels, bias, y, kind: PhantomData });
                    }
                });
            });
        })
    }
}

/// `m = v · u` at each point, with packed `u`.
///
/// # Safety
/// The matrices have their rows and columns.
unsafe fn multiply(kinds: &Kinds, rows: usize, [terms, columns]: [usize; 2], v: &[f32], u: &[f32], m: &mut [f32]) {
    let apart = [terms, columns].map(|columns| Matrices::new(rows, columns).apart);
    let weights = Matrices::new(terms, columns).apart;
    for point in 0..POINTS {
        let (v, u, m) = (&v[point * apart[0]..], &u[point * weights..], &mut m[point * apart[1]..]);
        for first in (0..columns).step_by(kinds.columns()) {
            let width = kinds.columns().min(columns - first);
            for term in (0..terms).step_by(TERMS) {
                let count = TERMS.min(terms - term);
                let packed = u[(first * terms + term * width)..][..count * width].as_ptr();
                for rows in tile_rows(kinds, &(0..rows)) {
                    let tile = kinds.tile(rows.len(), width / kinds.lanes);
                    let start = v[rows.start * terms + term..].as_ptr();
                    let left = Left { start, row_stride: terms, term_stride: 1, terms: count };
                    let c = m[rows.start * columns + first..].as_mut_ptr();
                    // SAFETY: the contract; the panel has these terms, and the tile lies inside of the result.
                    unsafe { tile(left, packed, c, columns, std::ptr::null(), term > 0, &Ahead::NOTHING) };
                }
            }
        }
    }
}

/// The tiles of an image on one side.
#[derive(Clone, Copy)]
struct Tiles<'a> {
    side: Side,
    of_image: usize,
    /// See [`Side::places`].
    places: &'a [u32],
}

/// Transforms all tiles of an image, of `N` × `N` pixels: its channels into the columns of matrices, whose first rows
/// begin at `to`.
struct Transformed<'a, const N: usize, T> {
    tiles: Tiles<'a>,
    x: &'a [f32],
    /// Room for the image of sixteen channels, and a pixel.
    pixels: &'a mut [Lanes],
    to: Shared<f32>,
    into: Matrices,
    kind: PhantomData<T>,
}

impl<const N: usize, T: Along<N, IN>> Kernel for Transformed<'_, N, T> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { tiles: Tiles { side, of_image, places }, x, pixels, to, into, .. } = self;
        let plane = area(side.size);
        let pixels = &mut pixels[..=plane];
        assert!(to.len() >= (POINTS - 1) * into.apart + of_image * into.columns);
        assert!(x.len() == side.channels * plane && side.columns() == into.columns);
        for (block, x) in x.chunks_exact(LANES * plane).enumerate() {
            // SAFETY: sixteen planes, and as many lanes for each pixel.
            unsafe { transpose(x.as_ptr(), plane, LANES, plane, pixels.as_mut_ptr().cast(), LANES) };
            pixels[plane] = ZERO;
            for (index, places) in places.chunks_exact(N * N).enumerate() {
                let (tile, phase) = (index / side.phases(), index % side.phases());
                let start = tile * into.columns + phase * side.channels + block * LANES;
                let to = Strided(to.start().wrapping_add(start), into.apart);
                // SAFETY: places are at most `plane`; the rows are there, by the assertion, and nobody else's.
                unsafe { both::<N, IN, false, T>(Listed(pixels.as_mut_ptr(), places), to) };
            }
        }
    }
}

/// The image whose tiles, of `N` × `N` pixels, are the first rows of matrices.
struct Back<'a, const N: usize, T> {
    tiles: Tiles<'a>,
    from: &'a mut [f32],
    of: Matrices,
    pixels: &'a mut [Lanes],
    bias: Option<&'a [f32]>,
    y: &'a mut [MaybeUninit<f32>],
    kind: PhantomData<T>,
}

impl<const N: usize, T: Along<IN, N>> Kernel for Back<'_, N, T> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { tiles: Tiles { side, of_image, places }, from, of, pixels, bias, y, .. } = self;
        let plane = area(side.size);
        let pixels = &mut pixels[..=plane];
        assert!(from.len() >= (POINTS - 1) * of.apart + of_image * of.columns);
        assert!(y.len() == side.channels * plane && side.columns() == of.columns);
        for (block, y) in y.chunks_exact_mut(LANES * plane).enumerate() {
            let channel = block * LANES;
            pixels.fill(bias.map_or(ZERO, |bias| lanes(|l| bias[channel + l])));
            for (index, places) in places.chunks_exact(N * N).enumerate() {
                let (tile, phase) = (index / side.phases(), index % side.phases());
                let start = tile * of.columns + phase * side.channels + channel;
                let from = Strided(from.as_mut_ptr().wrapping_add(start), of.apart);
                // SAFETY: the rows are there, by the assertion; places are at most `plane`.
                unsafe { both::<IN, N, true, T>(from, Listed(pixels.as_mut_ptr(), places)) };
            }
            // SAFETY: as many lanes for each pixel as there are planes.
            unsafe { transpose(pixels.as_ptr().cast(), LANES, plane, LANES, y.as_mut_ptr().cast(), plane) };
        }
    }
}

/// See [`super::conv2d_grad_weight`]; none as above.
pub(super) fn grad_weight(shape: &Conv2d, x: &[f32], g: &[f32]) -> Option<Vec<f32>> {
    let layer = Layer::new(shape)?;
    match layer.filter.outputs {
        4 => weights_of::<4, 2>(shape, &layer, x, g),
        _ => weights_of::<3, 3>(shape, &layer, x, g),
    }
}

/// By tiles of `O` × `O` outputs and `T` × `T` taps.
fn weights_of<const O: usize, const T: usize>(shape: &Conv2d, layer: &Layer, x: &[f32], g: &[f32]) -> Option<Vec<f32>>
where
    OfOutput: Along<O, IN>,
    ToTaps: Along<IN, T>,
{
    let of_image = area(layer.tiles);
    let [outputs, inputs] = [layer.narrow, layer.wide].map(|side| side.columns());
    let sums = Matrices::new(outputs, inputs);
    // SAFETY: the first images' products overwrite the sums but for the lines between them; the transforms write all
    // points of all tiles of the images.
    let s = unsafe {
        filled(sums.len(), |s| {
            let s = Shared::new(s).cast();
            let images = (MANY_ROWS / of_image).clamp(1, shape.batch);
            for first in (0..shape.batch).step_by(images) {
                let images = first..(first + images).min(shape.batch);
                add_products::<O>(layer, images, x, g, s);
            }
        })
    };
    // SAFETY: the transforms write all weights.
    let out = unsafe {
        filled(shape.weight_len(), |w| {
            let w = Shared::new(w);
            let (filter, row) = (layer.filter, layer.filter.kernel * shape.in_channels);
            run(outputs, &|output| {
                let w = w.range(output * row..(output + 1) * row);
                dispatch(ToWeights::<T> { filter, inputs: shape.in_channels, s: &s[output * inputs..], sums, w });
            });
        })
    };
    finite(out)
}

/// The products of some images at each point: written to the sums if they are the first, else added.
///
/// # Safety
/// Nobody else uses the sums.
unsafe fn add_products<'a, const O: usize>(
    layer: &Layer,
    images: std::ops::Range<usize>,
    x: &'a [f32],
    g: &'a [f32],
    s: Shared<f32>,
) where
    OfOutput: Along<O, IN>,
{
    let of_image = area(layer.tiles);
    let rows = images.len() * of_image;
    let sides = [layer.narrow, layer.wide];
    let matrices = sides.map(|side| Matrices::new(rows, side.columns()));
    let room = |matrices: Matrices| Vec::<f32>::with_capacity(matrices.len());
    let mut room = matrices.map(room);
    let shared = room.each_mut().map(|room| Shared::new(room.spare_capacity_mut()));
    let [outputs, inputs] = sides;
    let tiles = [
        Tiles { side: outputs, of_image, places: &outputs.places(layer.tiles, O) },
        Tiles { side: inputs, of_image, places: &inputs.places(layer.tiles, IN) },
    ];
    run(images.len(), &|i| {
        let pixels = sides.map(|side| area(side.size) + 1);
        with_room(LANES * pixels[0].max(pixels[1]), |room| {
            let pixels = room.as_chunks_mut().0;
            let image = |k: usize, all: &'a [f32]| {
                let len = sides[k].channels * area(sides[k].size);
                let to: Shared<f32> = shared[k].cast();
                (&all[(images.start + i) * len..][..len], to.at(i * of_image * matrices[k].columns))
            };
            let ((planes, to), kind) = (image(0, g), PhantomData);
            let into = matrices[0];
            dispatch(Transformed::<O, OfOutput> { tiles: tiles[0], x: planes, pixels: &mut *pixels, to, into, kind });
            let ((planes, to), kind) = (image(1, x), PhantomData);
            let into = matrices[1];
            dispatch(Transformed::<IN, OfInput> { tiles: tiles[1], x: planes, pixels, to, into, kind });
        });
    });
    let [outputs, inputs] = matrices.map(|m| m.columns);
    let sums = Matrices::new(outputs, inputs);
    run(POINTS, &|point| {
        // SAFETY: the transforms have written all rows; every task has sums of its own.
        unsafe {
            let of = |k: usize| {
                let Matrices { columns, apart } = matrices[k];
                let start = shared[k].cast().start().add(point * apart);
                Mat::rows(std::slice::from_raw_parts(start, rows * columns), columns)
            };
            let c = s.start().add(point * sums.apart);
            let add = images.start > 0;
            let target =
                Target { c, row_stride: inputs, column: |j| j, rows: 0..outputs, columns: 0..inputs, add, bias: None };
            product(rows, of(0).transposed(), &of(1), &target);
        }
    });
}
