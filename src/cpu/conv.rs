//! Two-dimensional convolution and its two gradients, as matrix products whose right operand is read from the image
//! while it is packed (implicit im2col). Nothing of the size of an unfolded image is ever stored.
//!
//! A transposed convolution is the gradient with respect to the input, with the roles of input and output exchanged.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::Mat;
use super::buffer::{filled, zeroed};
use super::parallel::{Shared, over_rows, run, threads};
use super::product::{Right, Target, product};
use super::transpose::transpose_four;

/// The shape of a convolution: `[batch, in_channels, input…]` to `[batch, out_channels, output()…]` with weights of
/// `[out_channels, in_channels / groups, kernel…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    pub batch: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Divides both numbers of channels.
    pub groups: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Zeros on both sides.
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
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
        let reach = [0, 1].map(|d| {
            (output[d].max(1) - 1) * self.stride[d] + (self.kernel[d] - 1) * self.dilation[d] + 1
        });
        let before = self.padding;
        let after = [0, 1].map(|d| reach[d].saturating_sub(before[d] + self.input[d]));
        Padded::new(
            x,
            self.batch * self.in_channels,
            self.input,
            before,
            after,
            self.stride[1],
        )
    }

    /// Where in a padded input the taps of each channel of a group lie, in the order of the weights.
    fn tap_offsets(&self, padded: &Padded) -> Vec<usize> {
        let [taps_y, taps_x] = self.kernel;
        let mut offsets = Vec::with_capacity(self.group_inputs() * area(self.kernel));
        for channel in 0..self.group_inputs() {
            for y in 0..taps_y {
                for x in 0..taps_x {
                    let at = padded.at(y * self.dilation[0], x * self.dilation[1]);
                    offsets.push(channel * padded.plane + at);
                }
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
    let padded = shape.padded_input(x);
    let offsets = shape.tap_offsets(&padded);
    let image_len = shape.out_channels * pixels;
    let mut out = Vec::with_capacity(shape.output_len());
    let slots = &mut out.spare_capacity_mut()[..shape.output_len()];
    if let Some(bias) = bias {
        assert_eq!(bias.len(), shape.out_channels, "conv2d: length of bias");
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
        let into = Into {
            c: c.at(group * channels * pixels),
            row_stride: pixels,
            column,
            add: bias.is_some(),
        };
        in_parts(
            channels,
            offsets.len(),
            shape.batch * pixels,
            |rows, columns| {
                // Safety: groups and parts write to different places, all inside `out`, and into each once.
                unsafe {
                    into.product(
                        offsets.len(),
                        Mat::rows(weights, offsets.len()),
                        &patches,
                        rows,
                        columns,
                    )
                }
            },
        );
    }
    // Safety: every group, image, channel and pixel has been written.
    unsafe { out.set_len(shape.output_len()) };
    out
}

/// The gradient with respect to the input, `[batch, in_channels, input…]`, from the output's gradient `g`. It is the
/// transposed convolution of `g` with `w`, where `shape` is that of the convolution from the result to `g`.
pub fn conv2d_grad_input(shape: &Conv2d, g: &[f32], w: &[f32]) -> Vec<f32> {
    assert_eq!(
        g.len(),
        shape.output_len(),
        "conv2d_grad_input: length of g"
    );
    assert_eq!(
        w.len(),
        shape.weight_len(),
        "conv2d_grad_input: length of w"
    );
    if g.is_empty() || shape.input_len() == 0 {
        return vec![0.0; shape.input_len()];
    }
    // Input pixels that are a stride apart see the same taps, so each phase of the stride is a convolution by itself,
    // of step 1 in the output.
    let phases: Vec<Phase> = (0..shape.stride[0])
        .flat_map(|y| (0..shape.stride[1]).map(move |x| [y, x]))
        .filter(|at| at[0] < shape.input[0] && at[1] < shape.input[1])
        .map(|at| Phase::new(shape, at))
        .collect();
    let output = shape.output();
    let taps = || {
        phases
            .iter()
            .flat_map(|phase| phase.taps.iter().map(move |tap| (phase, tap)))
    };
    let before = [0, 1].map(|d| {
        taps()
            .map(|(_, tap)| -tap.shift[d])
            .max()
            .unwrap_or(0)
            .max(0) as usize
    });
    let after = [0, 1].map(|d| {
        let last = taps()
            .map(|(phase, tap)| phase.grid[d] as isize - 1 + tap.shift[d])
            .max()
            .unwrap_or(0);
        (last + 1 - output[d] as isize).max(0) as usize
    });
    let padded = Padded::new(
        g,
        shape.batch * shape.out_channels,
        output,
        before,
        after,
        1,
    );
    let mut out = Vec::with_capacity(shape.input_len());
    let c = Shared::new(&mut out.spare_capacity_mut()[..shape.input_len()]).cast();
    for group in 0..shape.groups {
        for phase in &phases {
            phase.product(shape, group, &padded, before, w, c);
        }
    }
    // Safety: every pixel belongs to a phase, every channel to a group, and both have been written for all images.
    unsafe { out.set_len(shape.input_len()) };
    out
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
        for y in 0..shape.kernel[0] {
            for x in 0..shape.kernel[1] {
                if let (Some(dy), Some(dx)) = (shift(0, y), shift(1, x)) {
                    taps.push(Tap {
                        index: y * shape.kernel[1] + x,
                        shift: [dy, dx],
                    });
                }
            }
        }
        Phase { at, grid, taps }
    }

    /// Writes the gradient at this phase's pixels of a group's channels, for all images.
    fn product(
        &self,
        shape: &Conv2d,
        group: usize,
        padded: &Padded,
        before: [usize; 2],
        w: &[f32],
        c: Shared<f32>,
    ) {
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
            let (y, x) = (
                self.at[0] + y * shape.stride[0],
                self.at[1] + x * shape.stride[1],
            );
            image * shape.in_channels * plane + y * width + x
        };
        let into = Into {
            c: c.at(group * inputs * plane),
            row_stride: plane,
            column,
            add: false,
        };
        in_parts(inputs, terms, shape.batch * pixels, |rows, columns| {
            // Safety: phases, groups and parts write to different places, all inside the result.
            unsafe { into.product(terms, Mat::rows(&weights, terms), &patches, rows, columns) }
        });
    }
}

/// The gradient with respect to the weights, from the input and the output's gradient `g`.
pub fn conv2d_grad_weight(shape: &Conv2d, x: &[f32], g: &[f32]) -> Vec<f32> {
    assert_eq!(
        x.len(),
        shape.input_len(),
        "conv2d_grad_weight: length of x"
    );
    assert_eq!(
        g.len(),
        shape.output_len(),
        "conv2d_grad_weight: length of g"
    );
    let mut out = vec![0.0; shape.weight_len()];
    if x.is_empty() || g.is_empty() {
        return out;
    }
    let pixels = area(shape.output());
    let channels = shape.group_outputs();
    let padded = shape.padded_input(x);
    let offsets = shape.tap_offsets(&padded);
    let c = Shared::new(&mut out);
    for group in 0..shape.groups {
        let into = Into {
            c: c.at(group * channels * offsets.len()),
            row_stride: offsets.len(),
            column: |j| j,
            add: true,
        };
        in_parts(
            channels,
            shape.batch * pixels,
            offsets.len(),
            |rows, columns| {
                for image in 0..shape.batch {
                    let start =
                        (image * shape.in_channels + group * shape.group_inputs()) * padded.plane;
                    let patches = Patches {
                        data: &padded.data[start..],
                        image: 0,
                        row: shape.stride[0] * padded.row,
                        grid: shape.output(),
                        offsets: &offsets,
                    };
                    let start = (image * shape.out_channels + group * channels) * pixels;
                    let g = Mat::rows(&g[start..start + channels * pixels], pixels);
                    // Safety: groups and parts write to different places, all inside `out`.
                    unsafe {
                        into.product(pixels, g, &Turned(&patches), rows.clone(), columns.clone())
                    }
                }
            },
        );
    }
    out
}

/// Sets every pixel of a channel to the channel's bias.
fn fill_channels(out: &mut [MaybeUninit<f32>], bias: &[f32], pixels: usize) {
    over_rows(out, pixels, pixels, 128 << 10, |row, out| {
        out.fill(MaybeUninit::new(bias[row % bias.len()]));
    });
}

/// Multiplications that one thread should have at least, for another to be worth waking.
const GRAIN: usize = 1 << 19;

/// Divides a product's result among threads. Each element is computed as a whole by one thread.
fn in_parts(m: usize, k: usize, n: usize, body: impl Fn(Range<usize>, Range<usize>) + Sync) {
    let worthwhile = (m * n * k / GRAIN).clamp(1, threads());
    // The right operand is the one that is costly to pack: only if it is too narrow does each thread pack all of it.
    let by_columns = n >= 64 * worthwhile;
    let (len, unit) = if by_columns { (n, 32) } else { (m, 12) };
    let parts = worthwhile.min(len.div_ceil(unit));
    let cut = |i: usize| (len.div_ceil(unit) * i / parts * unit).min(len);
    run(parts, &|part| {
        let range = cut(part)..cut(part + 1);
        if by_columns {
            body(0..m, range)
        } else {
            body(range, 0..n)
        }
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
    unsafe fn product(
        &self,
        terms: usize,
        a: Mat,
        b: &impl Right,
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        let Into {
            c,
            row_stride,
            ref column,
            add,
        } = *self;
        let target = Target {
            c: c.start(),
            row_stride,
            column,
            rows,
            columns,
            add,
            bias: None,
        };
        // Safety: the caller's contract.
        unsafe { product(terms, a, b, &target) }
    }
}

/// Images with zeros around them, whose rows are ordered by their columns' remainder modulo a step: pixels that are a
/// step apart lie side by side.
struct Padded {
    data: Vec<f32>,
    /// Numbers in a row, and in a plane of one channel.
    row: usize,
    plane: usize,
    step: usize,
    /// Numbers of one remainder in a row.
    lane: usize,
}

/// Numbers that may be read, but not used, beyond the end of a run.
const SLACK: usize = 8;

impl Padded {
    fn new(
        x: &[f32],
        planes: usize,
        size: [usize; 2],
        before: [usize; 2],
        after: [usize; 2],
        step: usize,
    ) -> Self {
        let [height, width] = [0, 1].map(|d| before[d] + size[d] + after[d]);
        let lane = width.div_ceil(step);
        let row = lane * step;
        let mut padded = Padded {
            data: Vec::new(),
            row,
            plane: height * row,
            step,
            lane,
        };
        // Safety: `zeroed` writes everything.
        padded.data = unsafe {
            filled(planes * padded.plane + SLACK, |out| {
                let (out, slack) = out.split_at_mut(planes * padded.plane);
                zeroed(slack);
                over_rows(out, padded.plane, padded.plane, 64 << 10, |plane, out| {
                    let out = zeroed(out);
                    let x = &x[plane * area(size)..(plane + 1) * area(size)];
                    for (y, x) in x.chunks_exact(size[1]).enumerate() {
                        padded.fill_row(&mut out[(before[0] + y) * row..][..row], before[1], x);
                    }
                });
            })
        };
        padded
    }

    /// Writes a row of the image behind `before` zeros.
    fn fill_row(&self, out: &mut [f32], before: usize, x: &[f32]) {
        if self.step == 1 {
            return out[before..before + x.len()].copy_from_slice(x);
        }
        for (remainder, out) in out.chunks_exact_mut(self.lane).enumerate() {
            // The first column of the image that has this remainder, and its place in the lane.
            let first = (remainder + self.step - before % self.step) % self.step;
            let place = (before + first) / self.step;
            for (out, &x) in out[place..]
                .iter_mut()
                .zip(x.iter().skip(first).step_by(self.step))
            {
                *out = x;
            }
        }
    }

    /// Where pixel (y, x) of a plane lies, counted with the padding.
    fn at(&self, y: usize, x: usize) -> usize {
        y * self.row + x % self.step * self.lane + x / self.step
    }
}

/// What the taps of a kernel see at the pixels of a grid: element (term, column) is
/// `data[offsets[term] + image · image_len + y · row + x]` for column (image, y, x).
struct Patches<'a> {
    data: &'a [f32],
    image: usize,
    row: usize,
    grid: [usize; 2],
    offsets: &'a [usize],
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
                let run = Run {
                    start: next - first,
                    len: (width - x).min(end - next),
                    at,
                };
                next += run.len;
                run
            })
        })
    }

    /// Panics unless all that `runs` see at any of `offsets` is there, and the slack behind it.
    fn check(&self, runs: impl Iterator<Item = Run>, offsets: &[usize]) {
        let last = runs.map(|run| run.at + run.len).max().unwrap_or(0);
        let reach = offsets.iter().max().copied().unwrap_or(0);
        assert!(
            last + reach + SLACK <= self.data.len(),
            "convolution: a patch reaches beyond the image"
        );
    }
}

impl Right for Patches<'_> {
    fn pack(&self, terms: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        let count = columns.len();
        let offsets = &self.offsets[terms];
        self.check(self.runs(columns.clone()), offsets);
        let mut runs = [Run {
            start: 0,
            len: 0,
            at: 0,
        }; 32];
        let mut number = 0;
        for (to, run) in runs.iter_mut().zip(self.runs(columns)) {
            *to = run;
            number += 1;
        }
        for (p, &offset) in offsets.iter().enumerate() {
            for run in &runs[..number] {
                copy_run(
                    &self.data[offset + run.at..],
                    run.len,
                    &mut out[p * width + run.start..],
                );
            }
            out[p * width + count..(p + 1) * width].fill(0.0);
        }
    }
}

/// Copies `len` numbers; may overwrite up to [`SLACK`] behind them, which are written later, and so costs no call.
#[inline(always)]
fn copy_run(from: &[f32], len: usize, to: &mut [f32]) {
    if to.len() < len.next_multiple_of(8) || from.len() < len.next_multiple_of(8) {
        return to[..len].copy_from_slice(&from[..len]);
    }
    for i in (0..len).step_by(8) {
        to[i..i + 8].copy_from_slice(&from[i..i + 8]);
    }
}

/// The transpose: rows are the pixels of one image, columns what the taps see there.
struct Turned<'a>(&'a Patches<'a>);

impl Right for Turned<'_> {
    fn pack(&self, terms: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        let Turned(patches) = *self;
        let offsets = &patches.offsets[columns];
        assert_eq!(out.len(), terms.len() * width);
        patches.check(patches.runs(terms.clone()), offsets);
        if offsets.len() < width {
            out.fill(0.0);
        }
        for run in patches.runs(terms) {
            let quads = offsets.chunks_exact(4);
            let rest = quads.remainder();
            for (q, quad) in quads.enumerate() {
                let from = [0, 1, 2, 3].map(|i| &patches.data[quad[i] + run.at..][..run.len]);
                turn_four(from, &mut out[run.start * width + 4 * q..], width);
            }
            for (j, offset) in rest.iter().enumerate() {
                let from = &patches.data[offset + run.at..][..run.len];
                let column = offsets.len() - rest.len() + j;
                for (p, &x) in from.iter().enumerate() {
                    out[(run.start + p) * width + column] = x;
                }
            }
        }
    }
}

/// Writes four runs of one length as four neighbouring columns of a matrix of `width` columns.
fn turn_four(from: [&[f32]; 4], to: &mut [f32], width: usize) {
    let len = from[0].len();
    let whole = len / 4 * 4;
    assert!(from.iter().all(|run| run.len() == len) && to.len() >= (len.max(1) - 1) * width + 4);
    for p in (0..whole).step_by(4) {
        // Safety: four numbers of each run and four of each row are there, by the assertion.
        unsafe {
            transpose_four(
                from.map(|run| run.as_ptr().add(p)),
                to.as_mut_ptr().add(p * width),
                width,
            )
        };
    }
    for p in whole..len {
        for (i, run) in from.iter().enumerate() {
            to[p * width + i] = run[p];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::set_threads;
    use super::super::simd::testing::at_each_level;
    use super::super::testing::{assert_close, sample};
    use super::*;

    /// Calls `visit(index of x, index of w, index of y)` for every product of the convolution, by its definition.
    fn each_product(s: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
        let [oh, ow] = s.output();
        let (ci, co) = (s.in_channels / s.groups, s.out_channels / s.groups);
        for n in 0..s.batch {
            for o in 0..s.out_channels {
                for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                    for c in 0..ci {
                        for (ky, kx) in
                            (0..s.kernel[0]).flat_map(|y| (0..s.kernel[1]).map(move |x| (y, x)))
                        {
                            let iy =
                                (y * s.stride[0] + ky * s.dilation[0]).wrapping_sub(s.padding[0]);
                            let ix =
                                (x * s.stride[1] + kx * s.dilation[1]).wrapping_sub(s.padding[1]);
                            if iy < s.input[0] && ix < s.input[1] {
                                let plane = n * s.in_channels + o / co * ci + c;
                                visit(
                                    (plane * s.input[0] + iy) * s.input[1] + ix,
                                    ((o * ci + c) * s.kernel[0] + ky) * s.kernel[1] + kx,
                                    ((n * s.out_channels + o) * oh + y) * ow + x,
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    fn shape(
        [batch, in_channels, out_channels, groups]: [usize; 4],
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
    ) -> Conv2d {
        Conv2d {
            batch,
            in_channels,
            out_channels,
            groups,
            input,
            kernel,
            stride,
            padding,
            dilation,
        }
    }

    fn shapes() -> Vec<Conv2d> {
        vec![
            shape([1, 1, 1, 1], [1, 1], [1, 1], [1, 1], [0, 0], [1, 1]),
            shape([2, 3, 4, 1], [5, 7], [3, 3], [1, 1], [1, 1], [1, 1]),
            shape([3, 4, 6, 1], [8, 8], [4, 4], [2, 2], [1, 1], [1, 1]),
            shape([2, 1, 16, 1], [28, 28], [4, 4], [2, 2], [1, 1], [1, 1]),
            shape([5, 6, 9, 3], [7, 9], [3, 2], [2, 3], [1, 2], [1, 1]),
            shape([2, 4, 4, 4], [6, 6], [3, 3], [1, 1], [1, 1], [1, 1]),
            shape([2, 2, 3, 1], [11, 12], [3, 3], [2, 1], [2, 3], [2, 3]),
            shape([1, 2, 2, 1], [9, 9], [1, 1], [3, 3], [0, 0], [1, 1]),
            shape([2, 3, 2, 1], [4, 4], [4, 4], [1, 1], [0, 0], [1, 1]),
            shape([1, 2, 2, 1], [2, 2], [3, 3], [2, 2], [0, 0], [1, 1]),
            shape([0, 2, 2, 1], [4, 4], [3, 3], [1, 1], [1, 1], [1, 1]),
            shape([2, 2, 3, 1], [7, 6], [2, 2], [4, 5], [1, 0], [1, 1]),
            shape([4, 40, 50, 1], [8, 8], [4, 4], [2, 2], [1, 1], [1, 1]),
        ]
    }

    fn rounded(x: &[f64]) -> Vec<f32> {
        x.iter().map(|&x| x as f32).collect()
    }

    #[test]
    fn convolution_and_gradients_follow_their_definition() {
        for s in shapes() {
            let (x, w) = (sample(s.input_len(), 1), sample(s.weight_len(), 2));
            let (g, bias) = (sample(s.output_len(), 3), sample(s.out_channels, 4));
            let (mut y, mut dx, mut dw) =
                (vec![0.0; g.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
            each_product(&s, |i, j, k| {
                y[k] += f64::from(x[i]) * f64::from(w[j]);
                dx[i] += f64::from(g[k]) * f64::from(w[j]);
                dw[j] += f64::from(g[k]) * f64::from(x[i]);
            });
            let with_bias: Vec<f64> = (y.iter().enumerate())
                .map(|(i, y)| y + f64::from(bias[i / area(s.output()) % s.out_channels]))
                .collect();
            at_each_level(|level| {
                println!("{level:?} {s:?}"); // shown if one of these fails
                assert_close(&conv2d(&s, &x, &w, None), &rounded(&y), 1e-4);
                assert_close(&conv2d(&s, &x, &w, Some(&bias)), &rounded(&with_bias), 1e-4);
                assert_close(&conv2d_grad_input(&s, &g, &w), &rounded(&dx), 1e-4);
                assert_close(&conv2d_grad_weight(&s, &x, &g), &rounded(&dw), 1e-4);
            });
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        for s in [
            shapes()[12],
            shape([16, 1, 64, 1], [28, 28], [4, 4], [2, 2], [1, 1], [1, 1]),
        ] {
            let (x, w, g) = (
                sample(s.input_len(), 1),
                sample(s.weight_len(), 2),
                sample(s.output_len(), 3),
            );
            let all = |threads| {
                set_threads(threads);
                let results = [
                    conv2d(&s, &x, &w, None),
                    conv2d_grad_input(&s, &g, &w),
                    conv2d_grad_weight(&s, &x, &g),
                ];
                set_threads(0);
                results
                    .concat()
                    .into_iter()
                    .map(f32::to_bits)
                    .collect::<Vec<_>>()
            };
            let one = all(1);
            assert!(one == all(2));
            assert!(one == all(5));
        }
    }
}
