//! Convolutions of stride 1 in which each channel is by itself: a kernel for each, and no products of matrices.
//!
//! An image is padded, and its rows are read as one: the sum for every place of it is formed, many places at a time, and
//! those that lie beyond the end of a row are thrown away.

use super::{Conv2d, area};
use crate::buffer::filled;
use crate::parallel::{over_bands, over_rows};
use crate::product::with_room;
use crate::reduce::sum_of;
use crate::simd::{Arith, Kernel, dispatch};

/// Products that one thread should have at least.
const GRAIN: usize = 1 << 17;
/// Places that are summed in one go, in registers.
const WIDE: usize = 64;

/// Whether a layer is of this kind.
pub(super) fn suits(shape: &Conv2d) -> bool {
    let by_itself = shape.groups > 1 && shape.groups == shape.in_channels && shape.groups == shape.out_channels;
    by_itself && shape.stride == [1, 1] && shape.is_whole() && !shape.output().contains(&0) && shape.batch > 0
}

/// What is read of the padded images.
struct Read {
    /// Numbers in a row of a padded image.
    row: usize,
    /// Places from the first of an image that counts to the last.
    len: usize,
    /// Where the taps lie.
    offsets: Vec<usize>,
}

impl Read {
    fn new(shape: &Conv2d, padded: &super::Padded) -> Self {
        let [height, width] = shape.output();
        Self { row: padded.row, len: (height - 1) * padded.row + width, offsets: shape.tap_offsets(padded) }
    }
}

/// See [`super::conv2d`].
pub(super) fn forward(shape: &Conv2d, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let padded = shape.padded_input(x);
    let read = Read::new(shape, &padded);
    let ([height, width], taps) = (shape.output(), read.offsets.len());
    // SAFETY: every row of every plane is written.
    unsafe {
        filled(shape.output_len(), |out| {
            over_rows(out, height * width, height * width * taps, GRAIN, |plane, out| {
                let channel = plane % shape.groups;
                let (w, first) = (&w[channel * taps..][..taps], bias.map_or(0.0, |bias| bias[channel]));
                with_room(read.len, |room| {
                    let from = &padded.data[plane * padded.plane..];
                    dispatch(Places { from, offsets: &read.offsets, w, first, room: &mut *room });
                    for (out, row) in out.chunks_exact_mut(width).zip(room.chunks(read.row)) {
                        out.write_copy_of_slice(&row[..width]);
                    }
                });
            });
        })
    }
}

/// The sum over the taps at each place.
struct Places<'a> {
    from: &'a [f32],
    offsets: &'a [usize],
    w: &'a [f32],
    first: f32,
    room: &'a mut [f32],
}

impl Kernel for Places<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Places { from, offsets, w, first, room } = self;
        let (whole, rest) = room.as_chunks_mut::<WIDE>();
        let start = whole.len() * WIDE;
        for (i, sums) in whole.iter_mut().enumerate() {
            let mut all = [first; WIDE];
            for (&offset, &w) in offsets.iter().zip(w) {
                let from: &[f32; WIDE] = from[i * WIDE + offset..].first_chunk().expect("inside");
                for l in 0..WIDE {
                    all[l] = A::mul_add(w, from[l], all[l]);
                }
            }
            *sums = all;
        }
        rest.fill(first);
        for (&offset, &w) in offsets.iter().zip(w) {
            let from = &from[start + offset..][..rest.len()];
            rest.iter_mut().zip(from).for_each(|(sum, &x)| *sum = A::mul_add(w, x, *sum));
        }
    }
}

/// See [`super::conv2d_grad_input`]: the convolution of the gradient with the kernels turned round; none where the padding
/// is wider than the kernel reaches.
pub(super) fn grad_input(shape: &Conv2d, g: &[f32], w: &[f32]) -> Option<Vec<f32>> {
    let around = |d: usize| (shape.dilation[d] * (shape.kernel[d] - 1)).checked_sub(shape.padding[d]);
    let padding = [around(0)?, around(1)?];
    let turned: Vec<f32> = w.chunks_exact(area(shape.kernel)).flat_map(|kernel| kernel.iter().rev()).copied().collect();
    let back = Conv2d { input: shape.output(), padding, ..*shape };
    debug_assert_eq!(back.output(), shape.input);
    Some(forward(&back, g, &turned, None))
}

/// See [`super::conv2d_grad_weight`].
pub(super) fn grad_weight(shape: &Conv2d, x: &[f32], g: &[f32]) -> Vec<f32> {
    let padded = shape.padded_input(x);
    let read = Read::new(shape, &padded);
    let ([height, width], taps) = (shape.output(), read.offsets.len());
    let mut out = vec![0.0; shape.weight_len()];
    over_bands(&mut out, taps, shape.batch * height * width * taps, GRAIN, |channels, out| {
        // A gradient in the places of the padded image, zero between its rows.
        let mut spread = vec![0.0; read.len];
        for (channel, out) in channels.zip(out.chunks_exact_mut(taps)) {
            let mut sums = vec![0.0f64; taps];
            for image in 0..shape.batch {
                let plane = image * shape.groups + channel;
                let g = &g[plane * height * width..][..height * width];
                for (spread, g) in spread.chunks_mut(read.row).zip(g.chunks_exact(width)) {
                    spread[..width].copy_from_slice(g);
                }
                let from = &padded.data[plane * padded.plane..];
                for (sum, &offset) in sums.iter_mut().zip(&read.offsets) {
                    let from = &from[offset..][..read.len];
                    let part = f64::from(sum_of(&spread, from));
                    *sum += match part.is_finite() {
                        true => part,
                        // Zero times an infinity beyond the end of a row is no part of it.
                        false => (g.chunks_exact(width).zip(from.chunks(read.row)))
                            .map(|(g, from)| f64::from(sum_of(g, &from[..width])))
                            .sum(),
                    };
                }
            }
            out.iter_mut().zip(&sums).for_each(|(out, &sum)| *out = sum as f32);
        }
    });
    out
}
