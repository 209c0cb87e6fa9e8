//! Two-dimensional convolution and its two gradients, as matrix products whose right operand is read from the image
//! while it is packed (implicit im2col). No more than one image is ever stored unfolded, and that only where there are
//! few channels.
//!
//! A transposed convolution is the gradient with respect to the input, with the roles of input and output exchanged.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

use super::parallel::{Shared, divided, over_rows, run, threads};
use super::product::{Right, Target, product};
use super::{Mat, Unary, contiguous, unary_in_place};
use patches::{Padded, Patches, Transposed};

mod depthwise;
mod grad_input;
mod patches;
mod winograd;

pub use grad_input::conv2d_grad_input;

/// The shape of a convolution: `[batch, in_channels, input…]` to `[batch, out_channels, output()…]` with weights of
/// `[out_channels, in_channels / groups, kernel…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images in the batch.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Divides both numbers of channels.
    pub groups: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between two places of the kernel, down and across.
    pub stride: [usize; 2],
    /// Zeros on both sides.
    pub padding: [usize; 2],
    /// Steps between two taps of the kernel, down and across.
    pub dilation: [usize; 2],
    /// How many of the kernel's taps are used, in reading order. Those behind them, as behind the centre of an
    /// autoregressive kernel, are passed over whatever their weights, and have a gradient of 0.
    pub taps: usize,
}

impl Conv2d {
    /// Height and width of the output; 0 where the kernel is larger than the padded input.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|d| {
            let reach = self.dilation[d] * (self.kernel[d].max(1) - 1) + 1;
            match (self.input[d] + 2 * self.padding[d]).checked_sub(reach) {
                Some(rest) => rest / self.stride[d] + 1,
                None => 0,
            }
        })
    }

    fn input_len(&self) -> usize {
        self.batch * self.in_channels * area(self.input)
    }

    fn output_len(&self) -> usize {
        self.batch * self.out_channels * area(self.output())
    }

    fn weight_len(&self) -> usize {
        self.out_channels * self.group_inputs() * area(self.kernel)
    }

    /// Whether every tap of the kernel is used.
    fn is_whole(&self) -> bool {
        self.taps == area(self.kernel)
    }

    /// Products of which an element of the output is the sum.
    fn terms(&self) -> usize {
        self.group_inputs() * self.taps
    }

    /// The weights of the taps that are used, `[out_channels, terms()]`.
    fn used<'a>(&self, w: &'a [f32]) -> Cow<'a, [f32]> {
        match self.is_whole() {
            true => Cow::Borrowed(w),
            false => w.chunks_exact(area(self.kernel)).flat_map(|kernel| &kernel[..self.taps]).copied().collect(),
        }
    }

    /// Weights of all taps from those of the taps that are used, and 0 elsewhere.
    fn spread(&self, used: Vec<f32>) -> Vec<f32> {
        if self.is_whole() {
            return used;
        }
        let mut all = vec![0.0; self.weight_len()];
        for (kernel, used) in all.chunks_exact_mut(area(self.kernel)).zip(used.chunks_exact(self.taps)) {
            kernel[..self.taps].copy_from_slice(used);
        }
        all
    }

    /// Input channels of a group.
    fn group_inputs(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels of a group.
    fn group_outputs(&self) -> usize {
        self.out_channels / self.groups
    }

    /// The input with its padding, ready to be read at the positions that the kernel's taps see.
    fn padded_input(&self, x: &[f32]) -> Padded {
        let output = self.output();
        let reach =
            [0, 1].map(|d| (output[d].max(1) - 1) * self.stride[d] + (self.kernel[d] - 1) * self.dilation[d] + 1);
        let before = self.padding;
        let after = [0, 1].map(|d| reach[d].saturating_sub(before[d] + self.input[d]));
        Padded::new(x, self.batch * self.in_channels, self.input, before, after, self.stride[1])
    }

    /// Where in a padded input the taps that are used lie, for each channel of a group, in the order of the weights.
    fn tap_offsets(&self, padded: &Padded) -> Vec<usize> {
        let mut offsets = Vec::with_capacity(self.terms());
        for channel in 0..self.group_inputs() {
            for tap in 0..self.taps {
                let (y, x) = (tap / self.kernel[1], tap % self.kernel[1]);
                let at = padded.at(y * self.dilation[0], x * self.dilation[1]);
                offsets.push(channel * padded.plane + at);
            }
        }
        offsets
    }
}

fn area([height, width]: [usize; 2]) -> usize {
    height * width
}

/// Convolution of `x` with weights `w`, plus a bias for each output channel.
pub fn conv2d(shape: &Conv2d, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    assert_eq!(x.len(), shape.input_len(), "conv2d: length of x");
    assert_eq!(w.len(), shape.weight_len(), "conv2d: length of w");
    let pixels = area(shape.output());
    let channels = shape.group_outputs();
    if shape.output_len() == 0 {
        return Vec::new();
    }
    if let Some(bias) = bias {
        assert_eq!(bias.len(), shape.out_channels, "conv2d: length of bias");
    }
    if depthwise::suits(shape) {
        return depthwise::forward(shape, x, w, bias);
    }
    if winograd::suits(shape)
        && let Some(y) = winograd::forward(shape, x, w, bias)
    {
        return y;
    }
    let w = shape.used(w);
    let padded = shape.padded_input(x);
    let offsets = shape.tap_offsets(&padded);
    let image_len = shape.out_channels * pixels;
    let mut out = Vec::with_capacity(shape.output_len());
    let slots = &mut out.spare_capacity_mut()[..shape.output_len()];
    if let Some(bias) = bias {
        fill_channels(slots, bias, pixels);
    }
    let c = Shared::new(slots).cast();
    for group in 0..shape.groups {
        let patches = Patches {
            data: &padded.data[group * shape.group_inputs() * padded.plane..],
            image: shape.in_channels * padded.plane,
            row: shape.stride[0] * padded.row,
            grid: shape.output(),
            offsets: &offsets,
        };
        let weights = &w[group * channels * offsets.len()..][..channels * offsets.len()];
        let column = |j: usize| (j / pixels) * image_len + j % pixels;
        let into = Into { c: c.at(group * channels * pixels), row_stride: pixels, column, add: bias.is_some() };
        in_parts(channels, offsets.len(), shape.batch * pixels, |rows, columns| {
            // SAFETY: groups and parts write to different places, all inside `out`, and into each once.
            unsafe { into.product(offsets.len(), Mat::rows(weights, offsets.len()), &patches, rows, columns) }
        });
    }
    // SAFETY: every group, image, channel and pixel has been written.
    unsafe { out.set_len(shape.output_len()) };
    out
}

/// The gradient with respect to the weights, from the input and the output's gradient `g`.
pub fn conv2d_grad_weight(shape: &Conv2d, x: &[f32], g: &[f32]) -> Vec<f32> {
    assert_eq!(x.len(), shape.input_len(), "conv2d_grad_weight: length of x");
    assert_eq!(g.len(), shape.output_len(), "conv2d_grad_weight: length of g");
    if winograd::suits(shape)
        && let Some(w) = winograd::grad_weight(shape, x, g)
    {
        return w;
    }
    if x.is_empty() || g.is_empty() {
        return vec![0.0; shape.weight_len()];
    }
    if depthwise::suits(shape) {
        return depthwise::grad_weight(shape, x, g);
    }
    let mut out = vec![0.0; shape.out_channels * shape.terms()];
    let pixels = area(shape.output());
    let channels = shape.group_outputs();
    let padded = shape.padded_input(x);
    let offsets = shape.tap_offsets(&padded);
    let c = Shared::new(&mut out);
    // Long sums keep the result in registers: where images are small, all of them make one sum, for which the
    // gradient is brought into order by channel.
    let at_once = if pixels < LONG_SUM { shape.batch } else { 1 };
    let g = if at_once > 1 { Cow::from(by_channel(g, shape.batch, shape.out_channels, pixels)) } else { Cow::from(g) };
    let terms = at_once * pixels;
    for group in 0..shape.groups {
        let at = c.at(group * channels * offsets.len());
        in_parts(channels, shape.batch * pixels, offsets.len(), |rows, columns| {
            for image in (0..shape.batch).step_by(at_once) {
                let plane = image * shape.in_channels + group * shape.group_inputs();
                let patches = Patches {
                    data: &padded.data[plane * padded.plane..],
                    image: shape.in_channels * padded.plane,
                    row: shape.stride[0] * padded.row,
                    grid: shape.output(),
                    offsets: &offsets,
                };
                let first = (image * shape.out_channels + group * channels * at_once) * pixels;
                let g = Mat::rows(&g[first..first + channels * terms], terms);
                let into = Into { c: at, row_stride: offsets.len(), column: |j| j, add: image > 0 };
                // SAFETY: groups and parts write to different places, all inside `out`.
                unsafe { into.product(terms, g, &Transposed(&patches), rows.clone(), columns.clone()) }
            }
        });
    }
    shape.spread(out)
}

/// Adds `bias`, one number for each channel, to all `pixels` of it, in every image of `x`.
pub fn add_to_channels(x: &mut [f32], pixels: usize, bias: &[f32]) {
    assert_eq!(x.len() % (pixels * bias.len()).max(1), 0, "add_to_channels: length of x");
    over_rows(x, pixels, pixels, 16 << 10, |row, x| {
        unary_in_place(Unary::AddScalar(bias[row % bias.len()]), x);
    });
}

/// Terms from which on a sum is long enough to be formed by itself.
const LONG_SUM: usize = 128;

/// `[batch, channels, pixels]` as `[channels, batch, pixels]`.
fn by_channel(x: &[f32], batch: usize, channels: usize, pixels: usize) -> Vec<f32> {
    contiguous(x, &[pixels, channels * pixels, 1], &[channels, batch, pixels])
}

/// Sets every pixel of a channel to the channel's bias.
fn fill_channels(out: &mut [MaybeUninit<f32>], bias: &[f32], pixels: usize) {
    over_rows(out, pixels, pixels, 16 << 10, |row, out| {
        out.fill(MaybeUninit::new(bias[row % bias.len()]));
    });
}

/// Multiplications that one thread should have at least, for another to be worth waking.
const GRAIN: usize = 1 << 19;

/// Divides a product's result among threads. Each element is computed as a whole by one thread.
fn in_parts(m: usize, k: usize, n: usize, body: impl Fn(Range<usize>, Range<usize>) + Sync) {
    let work = m * n * k / GRAIN;
    let worthwhile = work.clamp(1, threads());
    // The right operand is the one that is costly to pack: only if it is too narrow does each thread pack all of it.
    let by_columns = n >= 64 * worthwhile;
    let (len, unit) = if by_columns { (n, 32) } else { (m, 12) };
    let parts = match by_columns && worthwhile > 1 {
        true => divided(work).min(n / 64),
        false => worthwhile.min(len.div_ceil(unit)),
    };
    let cut = |i: usize| (len.div_ceil(unit) * i / parts * unit).min(len);
    run(parts, &|part| {
        let range = cut(part)..cut(part + 1);
        if by_columns { body(0..m, range) } else { body(range, 0..n) }
    });
}

/// Where a product goes.
struct Into<F> {
    c: Shared<f32>,
    row_stride: usize,
    column: F,
    add: bool,
}

impl<F: Fn(usize) -> usize> Into<F> {
    /// # Safety
    /// As [`product`].
    unsafe fn product(&self, terms: usize, a: Mat, b: &impl Right, rows: Range<usize>, columns: Range<usize>) {
        let Into { c, row_stride, ref column, add } = *self;
        let target = Target { c: c.start(), row_stride, column, rows, columns, add, bias: None };
        // SAFETY: the caller's contract.
        unsafe { product(terms, a, b, &target) }
    }
}

#[cfg(test)]
mod tests;
