//! The gradient of a convolution with respect to its input, which is also the transposed convolution.

use super::patches::{Padded, Patches};
use super::{Conv2d, GRAIN, Into, area, depthwise, in_parts, winograd};
use crate::parallel::{Shared, over_rows};
use crate::{Mat, gemm};

/// The gradient with respect to the input, `[batch, in_channels, input…]`, from the output's gradient `g`. It is the
/// transposed convolution of `g` with `w`, where `shape` is that of the convolution from the result to `g`.
pub fn conv2d_grad_input(shape: &Conv2d, g: &[f32], w: &[f32]) -> Vec<f32> {
    assert_eq!(g.len(), shape.output_len(), "conv2d_grad_input: length of g");
    assert_eq!(w.len(), shape.weight_len(), "conv2d_grad_input: length of w");
    if g.is_empty() || shape.input_len() == 0 {
        return vec![0.0; shape.input_len()];
    }
    if depthwise::suits(shape)
        && let Some(x) = depthwise::grad_input(shape, g, w)
    {
        return x;
    }
    if winograd::suits(shape)
        && let Some(x) = winograd::grad_input(shape, g, w)
    {
        return x;
    }
    if shape.group_inputs() < FEW_CHANNELS {
        return grad_of_few_channels(shape, g, w);
    }
    // Input pixels that are a stride apart see the same taps, so each phase of the stride is a convolution by itself,
    // of step 1 in the output.
    let phases: Vec<Phase> = (0..shape.stride[0])
        .flat_map(|y| (0..shape.stride[1]).map(move |x| [y, x]))
        .filter(|at| at[0] < shape.input[0] && at[1] < shape.input[1])
        .map(|at| Phase::new(shape, at))
        .collect();
    let output = shape.output();
    let taps = || phases.iter().flat_map(|phase| phase.taps.iter().map(move |tap| (phase, tap)));
    let before = [0, 1].map(|d| taps().map(|(_, tap)| -tap.shift[d]).max().unwrap_or(0).max(0) as usize);
    let after = [0, 1].map(|d| {
        let last = taps().map(|(phase, tap)| phase.grid[d] as isize - 1 + tap.shift[d]).max().unwrap_or(0);
        (last + 1 - output[d] as isize).max(0) as usize
    });
    let padded = Padded::new(g, shape.batch * shape.out_channels, output, before, after, 1);
    let mut out = Vec::with_capacity(shape.input_len());
    let c = Shared::new(&mut out.spare_capacity_mut()[..shape.input_len()]).cast();
    for group in 0..shape.groups {
        for phase in &phases {
            phase.product(shape, group, &padded, before, w, c);
        }
    }
    // SAFETY: every pixel belongs to a phase, every channel to a group, and both have been written for all images.
    unsafe { out.set_len(shape.input_len()) };
    out
}

/// With fewer channels a product by phases would spend its time on packing.
const FEW_CHANNELS: usize = 8;

/// The gradient with respect to an input of few channels: for each image one product gives what every tap contributes
/// at every output pixel, and the contributions are added up where they belong.
fn grad_of_few_channels(shape: &Conv2d, g: &[f32], w: &[f32]) -> Vec<f32> {
    let (inputs, outputs) = (shape.group_inputs(), shape.group_outputs());
    let (pixels, plane) = (area(shape.output()), area(shape.input));
    let (terms, w) = (shape.terms(), shape.used(w));
    let mut out = vec![0.0; shape.input_len()];
    // A group of an image is a unit of work.
    over_rows(&mut out, inputs * plane, terms * outputs * pixels, GRAIN, |unit, out| {
        let group = unit % shape.groups;
        let weights = Mat::rows(&w[group * outputs * terms..][..outputs * terms], terms).transposed();
        let g = Mat::rows(&g[unit * outputs * pixels..][..outputs * pixels], pixels);
        let mut seen = vec![0.0; terms * pixels];
        gemm(terms, outputs, pixels, weights, g, 0.0, &mut seen);
        for (term, seen) in seen.chunks_exact(pixels).enumerate() {
            let (channel, tap) = (term / shape.taps, term % shape.taps);
            add_tap(shape, tap, seen, &mut out[channel * plane..][..plane]);
        }
    });
    out
}

/// Adds what a tap contributes at every output pixel to the pixels of the input plane that the tap sees.
fn add_tap(shape: &Conv2d, tap: usize, seen: &[f32], plane: &mut [f32]) {
    let [height, width] = shape.input;
    let [_, columns] = shape.output();
    let [ky, kx] = [tap / shape.kernel[1] * shape.dilation[0], tap % shape.kernel[1] * shape.dilation[1]];
    // Output columns whose input column x · stride + kx − padding is inside.
    let (stride, padding) = (shape.stride[1], shape.padding[1]);
    let first = padding.saturating_sub(kx).div_ceil(stride).min(columns);
    let end = (width + padding).saturating_sub(kx).div_ceil(stride).clamp(first, columns);
    for (y, seen) in seen.chunks_exact(columns).enumerate() {
        let line = (y * shape.stride[0] + ky).wrapping_sub(shape.padding[0]);
        if line < height && first < end {
            let row = &mut plane[line * width..][..width];
            let start = first * stride + kx - padding;
            for (to, x) in row[start..].iter_mut().step_by(stride).zip(&seen[first..end]) {
                *to += x;
            }
        }
    }
}

/// The input pixels `at`, `at + stride`, `at + 2 stride`, …
struct Phase {
    at: [usize; 2],
    /// How many there are.
    grid: [usize; 2],
    taps: Vec<Tap>,
}

/// A tap that pixels of a phase see.
struct Tap {
    /// Its index in the kernel.
    index: usize,
    /// The output pixel that it connects the phase's first pixel with.
    shift: [isize; 2],
}

impl Phase {
    fn new(shape: &Conv2d, at: [usize; 2]) -> Self {
        let grid = [0, 1].map(|d| (shape.input[d] - at[d]).div_ceil(shape.stride[d]));
        let shift = |d: usize, tap: usize| {
            let distance = (at[d] + shape.padding[d]) as isize - (tap * shape.dilation[d]) as isize;
            let stride = shape.stride[d] as isize;
            (distance % stride == 0).then_some(distance / stride)
        };
        let mut taps = Vec::new();
        for index in 0..shape.taps {
            let (y, x) = (index / shape.kernel[1], index % shape.kernel[1]);
            if let (Some(dy), Some(dx)) = (shift(0, y), shift(1, x)) {
                taps.push(Tap { index, shift: [dy, dx] });
            }
        }
        Phase { at, grid, taps }
    }

    /// Writes the gradient at this phase's pixels of a group's channels, for all images.
    fn product(&self, shape: &Conv2d, group: usize, padded: &Padded, before: [usize; 2], w: &[f32], c: Shared<f32>) {
        let (inputs, outputs) = (shape.group_inputs(), shape.group_outputs());
        let kernel = area(shape.kernel);
        let terms = outputs * self.taps.len();
        let mut offsets = Vec::with_capacity(terms);
        for channel in 0..outputs {
            for tap in &self.taps {
                let [y, x] = [0, 1].map(|d| (before[d] as isize + tap.shift[d]) as usize);
                offsets.push(channel * padded.plane + padded.at(y, x));
            }
        }
        // The weights of these taps, by input channel.
        let first = group * outputs * inputs * kernel;
        let mut weights = Vec::with_capacity(inputs * terms);
        for input in 0..inputs {
            for output in 0..outputs {
                let at = first + (output * inputs + input) * kernel;
                weights.extend(self.taps.iter().map(|tap| w[at + tap.index]));
            }
        }
        let patches = Patches {
            data: &padded.data[group * outputs * padded.plane..],
            image: shape.out_channels * padded.plane,
            row: padded.row,
            grid: self.grid,
            offsets: &offsets,
        };
        let plane = area(shape.input);
        let [_, width] = shape.input;
        let pixels = area(self.grid);
        let column = |j: usize| {
            let (image, pixel) = (j / pixels, j % pixels);
            let (y, x) = (pixel / self.grid[1], pixel % self.grid[1]);
            let (y, x) = (self.at[0] + y * shape.stride[0], self.at[1] + x * shape.stride[1]);
            image * shape.in_channels * plane + y * width + x
        };
        let into = Into { c: c.at(group * inputs * plane), row_stride: plane, column, add: false };
        in_parts(inputs, terms, shape.batch * pixels, |rows, columns| {
            // SAFETY: phases, groups and parts write to different places, all inside the result.
            unsafe { into.product(terms, Mat::rows(&weights, terms), &patches, rows, columns) }
        });
    }
}
