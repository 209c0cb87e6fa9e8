//! Convolutions of values: the three products that are each other's gradients.

use super::Raw;
use super::far;
use crate::shape::Shape;
use saddle_backend::Op;
use saddle_cpu::{Binary, Conv2d};

/// How a two-dimensional convolution walks: each pair is (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    /// How many of a kernel's taps are not 0, in reading order; `None` if all may be. The others are passed over where
    /// that is cheaper, and what is said of their gradient is not defined: it is for kernels that were multiplied by a
    /// mask.
    pub taps: Option<usize>,
}

impl ConvGeometry {
    /// The size of the output along axis `i` for an input of `size` and a kernel of `kernel`; `None` if the kernel does
    /// not fit.
    pub fn output(&self, i: usize, size: usize, kernel: usize) -> Option<usize> {
        let reach = self.dilation[i] * (kernel - 1) + 1;
        (size + 2 * self.padding[i]).checked_sub(reach).map(|rest| rest / self.stride[i] + 1)
    }

    /// As it crosses the border.
    fn numbers(&self) -> Vec<i64> {
        let pairs = [self.stride, self.padding, self.dilation];
        let all = pairs.into_iter().flatten().chain([self.groups]);
        all.map(|n| n as i64).collect()
    }

    /// The convolution from an input `[n, c, height, width]` with kernels `[out, c/groups, kh, kw]`, as `cpu` takes it.
    fn on_cpu(&self, input: [usize; 4], kernels: &Shape) -> Conv2d {
        Conv2d {
            batch: input[0],
            in_channels: input[1],
            out_channels: kernels[0],
            groups: self.groups,
            input: [input[2], input[3]],
            kernel: [kernels[2], kernels[3]],
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            taps: self.taps.unwrap_or(usize::MAX).min(kernels[2] * kernels[3]),
        }
    }
}

/// The four sizes of an image batch's shape.
fn four(shape: &Shape) -> [usize; 4] {
    [shape[0], shape[1], shape[2], shape[3]]
}

impl Raw {
    /// `x [n, c, h, w]` with kernels `w [out, c/groups, kh, kw]`, plus `bias [out]`.
    pub fn conv2d(&self, w: &Raw, bias: Option<&Raw>, g: &ConvGeometry) -> Raw {
        let (x, w) = (self.contiguous(), w.contiguous());
        if let (Some(image), Some(kernels)) = (x.slice(), w.slice()) {
            let shape = g.on_cpu(four(&x.shape()), &w.shape());
            let [height, width] = shape.output();
            let out = Shape::new([shape.batch, shape.out_channels, height, width]);
            let bias = bias.map(Raw::contiguous);
            let bias = bias.as_ref().and_then(Raw::slice);
            return Raw::cpu(saddle_cpu::conv2d(&shape, image, kernels, bias), out);
        }
        let terms: usize = w.shape()[1..].iter().product();
        match x.too_long_for(terms) {
            Some(home) => x.on_cpu().conv2d(&w.on_cpu(), None, g).to_device(&home),
            None => x.conv2d_burn(&w, g),
        }
        .plus_bias(bias)
    }

    /// Plus `bias [c]` for each channel of `[n, c, h, w]`.
    fn plus_bias(self, bias: Option<&Raw>) -> Raw {
        match bias {
            Some(bias) => {
                let per_channel = bias.reshape(Shape::new([1, bias.len(), 1, 1]));
                self.binary(Binary::Add, &per_channel, &self.shape())
            }
            None => self,
        }
    }

    fn conv2d_burn(&self, w: &Raw, g: &ConvGeometry) -> Raw {
        Raw::product(far::compute(Op::Conv2d, &[&self.factor(), &w.factor()], &g.numbers(), &[])).straightened()
    }

    /// The transposed convolution: the gradient of `conv2d` with respect to an input of `height × width`, which that
    /// convolution would take to the size of `self`.
    /// `self [n, out, h', w']`, `w [out, c/groups, kh, kw]`, `bias [c]` → `[n, c, height, width]`.
    pub fn conv2d_transposed(&self, w: &Raw, bias: Option<&Raw>, g: &ConvGeometry, size: [usize; 2]) -> Raw {
        let (y, w) = (self.contiguous(), w.contiguous());
        if let (Some(image), Some(kernels)) = (y.slice(), w.slice()) {
            let (n, kernel) = (y.shape()[0], w.shape());
            let input = [n, kernel[1] * g.groups, size[0], size[1]];
            let shape = g.on_cpu(input, &kernel);
            let mut x = saddle_cpu::conv2d_grad_input(&shape, image, kernels);
            let bias = bias.map(Raw::contiguous);
            if let Some(bias) = bias.as_ref().and_then(Raw::slice) {
                saddle_cpu::add_to_channels(&mut x, size[0] * size[1], bias);
            }
            return Raw::cpu(x, Shape::new(input));
        }
        let kernel = w.shape();
        match y.too_long_for(kernel[0] * kernel[2] * kernel[3]) {
            Some(home) => {
                let x = y.on_cpu().conv2d_transposed(&w.on_cpu(), None, g, size);
                x.to_device(&home)
            }
            None => y.conv2d_transposed_burn(&w, g, size),
        }
        .plus_bias(bias)
    }

    fn conv2d_transposed_burn(&self, w: &Raw, g: &ConvGeometry, size: [usize; 2]) -> Raw {
        let (shape, kernel) = (self.shape(), w.shape());
        // What the strides leave over at the end: output padding of the transposed convolution.
        let padding_out = [0, 1].map(|i| {
            let base = (shape[i + 2] - 1) * g.stride[i] + g.dilation[i] * (kernel[i + 2] - 1) + 1;
            size[i] + 2 * g.padding[i] - base
        });
        let mut walk = g.numbers();
        walk.extend(padding_out.map(|n| n as i64));
        let tensors = [&self.factor(), &w.factor()];
        Raw::product(far::compute(Op::ConvTranspose2d, &tensors, &walk, &[])).straightened()
    }

    /// The gradient of `conv2d` with respect to kernels of the shape of `like`, for input `self` and output gradient
    /// `grad`.
    pub fn conv2d_kernel_grad(&self, grad: &Raw, like: &Raw, g: &ConvGeometry) -> Raw {
        let (x, y) = (self.contiguous(), grad.contiguous());
        if let (Some(image), Some(gradient)) = (x.slice(), y.slice()) {
            let kernels = like.shape();
            let shape = g.on_cpu(four(&x.shape()), &kernels);
            return Raw::cpu(saddle_cpu::conv2d_grad_weight(&shape, image, gradient), kernels);
        }
        let out = y.shape();
        match x.too_long_for(out[0] * out[2] * out[3]) {
            Some(home) => {
                let gradient = x.on_cpu().conv2d_kernel_grad(&y.on_cpu(), like, g);
                gradient.to_device(&home)
            }
            None => x.conv2d_kernel_grad_burn(&y, like, g),
        }
    }

    fn conv2d_kernel_grad_burn(&self, grad: &Raw, like: &Raw, g: &ConvGeometry) -> Raw {
        let tensors = [&self.factor(), &like.factor(), &grad.factor()];
        Raw::product(far::compute(Op::Conv2dWeightGrad, &tensors, &g.numbers(), &[])).straightened()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    fn sample(shape: &[usize], seed: u64) -> Raw {
        let n = shape.iter().product();
        let data = saddle_cpu::Stream::new(seed).normal(n);
        Raw::from_floats(data, Shape::from(shape), &Device::Cpu)
    }

    /// Calls `f` with each pair of places that a convolution multiplies (in the input, the kernels and the output), by
    /// the definition.
    fn each_term(x: &[usize], w: &[usize], y: &[usize], g: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
        let (in_group, out_group) = (x[1] / g.groups, y[1] / g.groups);
        for (n, o, i, j) in indices([y[0], y[1], y[2], y[3]]) {
            let at_y = ((n * y[1] + o) * y[2] + i) * y[3] + j;
            for (c, u, v, _) in indices([in_group, w[2], w[3], 1]) {
                let row = (i * g.stride[0] + u * g.dilation[0]).checked_sub(g.padding[0]);
                let column = (j * g.stride[1] + v * g.dilation[1]).checked_sub(g.padding[1]);
                let (Some(row), Some(column)) = (row, column) else { continue };
                if row < x[2] && column < x[3] {
                    let channel = o / out_group * in_group + c;
                    let at_x = ((n * x[1] + channel) * x[2] + row) * x[3] + column;
                    f(at_x, ((o * in_group + c) * w[2] + u) * w[3] + v, at_y);
                }
            }
        }
    }

    fn indices([a, b, c, d]: [usize; 4]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
        let last = move |i, j, k| (0..d).map(move |l| (i, j, k, l));
        (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).flat_map(move |k| last(i, j, k))))
    }

    #[track_caller]
    fn assert_close(ours: &Raw, expected: &[f64], what: &str) {
        let ours = ours.to_floats().unwrap();
        assert_eq!(ours.len(), expected.len(), "{what}");
        for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
            let off = (f64::from(*a) - b).abs();
            assert!(off <= 1e-4 * (1.0 + b.abs()), "{what}: element {i} is {a}, not {b}");
        }
    }

    /// Sizes, strides, paddings, dilations and groups that leave rests at every edge, against the definition in double
    /// precision.
    #[test]
    fn convolutions_on_the_cpu_are_their_definition() {
        let walk = |stride, padding, dilation, groups| ConvGeometry { stride, padding, dilation, groups, taps: None };
        let cases = [
            ([1, 1, 1, 1], [1, 1, 1, 1], walk([1, 1], [0, 0], [1, 1], 1)),
            ([2, 3, 7, 5], [4, 3, 3, 3], walk([1, 1], [1, 1], [1, 1], 1)),
            ([3, 4, 9, 8], [6, 4, 4, 4], walk([2, 2], [1, 1], [1, 1], 1)),
            ([2, 6, 11, 7], [9, 2, 3, 2], walk([2, 3], [1, 2], [1, 1], 3)),
            ([2, 4, 6, 6], [4, 1, 3, 3], walk([1, 1], [1, 1], [1, 1], 4)),
            ([2, 2, 13, 12], [3, 2, 3, 3], walk([2, 1], [2, 3], [2, 3], 1)),
            ([1, 9, 10, 7], [5, 9, 2, 2], walk([4, 5], [1, 0], [1, 1], 1)),
            ([4, 16, 14, 14], [32, 16, 4, 4], walk([2, 2], [1, 1], [1, 1], 1)),
            ([2, 8, 5, 5], [4, 4, 5, 5], walk([3, 3], [2, 2], [1, 1], 2)),
        ];
        for (input, kernels, g) in cases {
            let what = format!("{input:?} with {kernels:?}, {g:?}");
            let (x, w) = (sample(&input, 1), sample(&kernels, 2));
            let y = x.conv2d(&w, None, &g);
            let size = [input[2], input[3]];
            let back = y.conv2d_transposed(&w, None, &g, size);
            let slope = x.conv2d_kernel_grad(&y, &w, &g);
            let doubles = |t: &Raw| -> Vec<f64> { t.to_floats().unwrap().into_iter().map(f64::from).collect() };
            let (xs, ws, ys) = (doubles(&x), doubles(&w), doubles(&y));
            let (mut out, mut to_x, mut to_w) = (vec![0.0; ys.len()], vec![0.0; xs.len()], vec![0.0; ws.len()]);
            each_term(&input, &kernels, &y.shape(), &g, |i, k, o| {
                out[o] += xs[i] * ws[k];
                to_x[i] += ys[o] * ws[k];
                to_w[k] += ys[o] * xs[i];
            });
            assert_close(&y, &out, &what);
            assert_close(&back, &to_x, &what);
            assert_close(&slope, &to_w, &what);
        }
    }

    #[test]
    fn operands_that_are_views_are_read_in_their_own_order() {
        let g = ConvGeometry::default();
        let x = sample(&[2, 5, 6, 3], 1).permute(&[0, 3, 2, 1]);
        let w = sample(&[3, 3, 4, 2], 2).permute(&[2, 0, 1, 3]);
        let copied = |t: &Raw| Raw::from_floats(t.to_floats().unwrap(), t.shape(), &Device::Cpu);
        let expected = copied(&x).conv2d(&copied(&w), None, &g).to_floats().unwrap();
        assert_eq!(x.conv2d(&w, None, &g).to_floats().unwrap(), expected);
    }
}
