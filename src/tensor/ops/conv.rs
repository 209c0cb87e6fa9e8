//! Recorded convolutions. `conv2d`, its transpose and its kernel gradient are each other's gradients, so three rules
//! that name each other close the circle for every order.

use super::{floats, same_device, two};
use crate::raw::ConvGeometry;
use crate::tape::{Back, Grads, Op};
use crate::{Tensor, check_shape, shown};
use saddle_fault::{Fault, Result};
use smallvec::SmallVec;

/// How a convolution walks, pairs as (height, width).
pub type Geometry = ConvGeometry;

impl Default for ConvGeometry {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, taps: None }
    }
}

impl Tensor {
    /// `x [n, c, h, w]` with kernels `w [out, c/groups, kh, kw]` → `[n, out, h', w']`.
    ///
    /// # Errors
    /// Ranks other than 4; channels that do not fit the kernels and groups; a kernel larger than the padded input; a
    /// stride, dilation or number of groups of 0.
    pub fn conv2d(&self, w: &Tensor, g: &Geometry) -> Result<Tensor> {
        self.conv2d_with_bias(w, None, g)
    }

    /// As [`Tensor::conv2d`], plus `bias [out]` for each channel of the output.
    ///
    /// # Errors
    /// As there.
    pub fn conv2d_with_bias(&self, w: &Tensor, bias: Option<&Tensor>, g: &Geometry) -> Result<Tensor> {
        check(self, w, g, 1, "conv2d")?;
        conv(&floats(self), w, bias, *g)
    }

    /// The transposed convolution: `x [n, c, h, w]` with kernels `w [c, out/groups, kh, kw]` →
    /// `[n, out, (h − 1)·stride − 2·padding + dilation·(kh − 1) + output_padding + 1, …]`.
    ///
    /// # Errors
    /// As for `conv2d`; an output padding that is not smaller than the stride (or the dilation).
    pub fn conv_transpose2d(&self, w: &Tensor, g: &Geometry, output_padding: [usize; 2]) -> Result<Tensor> {
        self.conv_transpose2d_with_bias(w, None, g, output_padding)
    }

    /// As [`Tensor::conv_transpose2d`], plus `bias [out]` for each channel of the output.
    ///
    /// # Errors
    /// As there.
    pub fn conv_transpose2d_with_bias(
        &self,
        w: &Tensor,
        bias: Option<&Tensor>,
        g: &Geometry,
        output_padding: [usize; 2],
    ) -> Result<Tensor> {
        check(self, w, g, 0, "conv_transpose2d")?;
        let (sx, sw) = (self.shape(), w.shape());
        let mut size = [0; 2];
        for i in 0..2 {
            if output_padding[i] >= g.stride[i].max(g.dilation[i]) {
                return Err(Fault::value(format!(
                    "conv_transpose2d: output_padding {} must be smaller than the stride {} or the dilation {}",
                    output_padding[i], g.stride[i], g.dilation[i]
                )));
            }
            let full = (sx[i + 2].max(1) - 1) * g.stride[i] + g.dilation[i] * (sw[i + 2] - 1) + output_padding[i] + 1;
            size[i] = full.checked_sub(2 * g.padding[i]).filter(|&n| n > 0).ok_or_else(|| {
                Fault::shape(format!("conv_transpose2d: padding {} leaves nothing of {full} rows", g.padding[i]))
            })?;
        }
        check_shape("conv_transpose2d", &[sx[0], sw[1] * g.groups, size[0], size[1]])?;
        // With a dilation above the stride, the rows added at the end can hold places of the kernel for which there is
        // no input: zeros there make the result the gradient of a convolution, as every rule below wants it.
        let missing = |i: usize| (0, g.output(i, size[i], sw[i + 2]).unwrap_or(sx[i + 2]) - sx[i + 2]);
        let x = match [missing(0), missing(1)] {
            [(0, 0), (0, 0)] => floats(self),
            pads => self.pad(&pads, 0.0)?,
        };
        transposed(&x, w, bias, *g, size)
    }
}

fn check(x: &Tensor, w: &Tensor, g: &Geometry, channels_at: usize, name: &str) -> Result<()> {
    let (sx, sw) = (x.shape(), w.shape());
    let both = || format!("input {} and kernels {}", shown(&sx), shown(&sw));
    if sx.len() != 4 || sw.len() != 4 {
        return Err(Fault::shape(format!(
            "{name}: needs [n, channels, height, width] and four-dimensional kernels, got {}",
            both()
        ))
        .hint("reshape(x, [n, c, h, w]) first"));
    }
    if g.groups == 0 || g.stride.contains(&0) || g.dilation.contains(&0) {
        return Err(Fault::value(format!("{name}: stride, dilation and groups must be at least 1")));
    }
    let expected = if channels_at == 1 { sw[1] * g.groups } else { sw[0] };
    if sx[1] != expected || sw[0] % g.groups != 0 {
        return Err(Fault::shape(format!(
            "{name}: {} channels do not fit: {} with groups {} want {expected}",
            sx[1],
            both(),
            g.groups
        )));
    }
    if sx[1] == 0 || sw[0] == 0 || sw[1] == 0 {
        return Err(Fault::shape(format!("{name}: there are no channels: {}", both())));
    }
    if sw[2] == 0 || sw[3] == 0 {
        return Err(Fault::shape(format!("{name}: an empty kernel, {}", shown(&sw))));
    }
    if channels_at == 1 {
        let size = |i: usize| g.output(i, sx[i + 2], sw[i + 2]);
        let (Some(h), Some(w)) = (size(0), size(1)) else {
            return Err(Fault::shape(format!("{name}: the kernel is larger than the padded input: {}", both())));
        };
        check_shape(name, &[sx[0], sw[0], h, w])?;
    }
    same_device(name, x, w)
}

fn size_of(x: &Tensor) -> [usize; 2] {
    let shape = x.shape();
    [shape[2], shape[3]]
}

/// What a convolution was made of.
fn with_bias<'a>(x: &'a Tensor, w: &'a Tensor, bias: Option<&'a Tensor>) -> SmallVec<[&'a Tensor; 3]> {
    [Some(x), Some(w), bias].into_iter().flatten().collect()
}

/// The gradients of both operands, and of the bias where there is one.
fn three(b: &Back, left: impl Fn() -> Result<Tensor>, right: impl Fn() -> Result<Tensor>) -> Result<Grads> {
    let mut grads = Grads::new();
    grads.push(if b.needs[0] { Some(left()?) } else { None });
    grads.push(if b.needs[1] { Some(right()?) } else { None });
    if let Some(&needed) = b.needs.get(2) {
        grads.push(if needed { Some(b.grad.sum_dims(&[0, 2, 3], false)?) } else { None });
    }
    Ok(grads)
}

fn conv(x: &Tensor, w: &Tensor, bias: Option<&Tensor>, g: Geometry) -> Result<Tensor> {
    let op = Op { name: "conv2d", parents: &with_bias(x, w, bias), saved: &[x, w], keep_output: false };
    let raw = x.raw().conv2d(w.raw(), bias.map(Tensor::raw), &g);
    Ok(op.done(raw, move |b| {
        let (x, w) = (&b.saved[0], &b.saved[1]);
        three(b, || transposed(b.grad, w, None, g, size_of(x)), || kernel_grad(x, b.grad, w, g))
    }))
}

fn transposed(y: &Tensor, w: &Tensor, bias: Option<&Tensor>, g: Geometry, size: [usize; 2]) -> Result<Tensor> {
    let op = Op { name: "conv_transpose2d", parents: &with_bias(y, w, bias), saved: &[y, w], keep_output: false };
    let raw = y.raw().conv2d_transposed(w.raw(), bias.map(Tensor::raw), &g, size);
    Ok(op.done(raw, move |b| {
        let (y, w) = (&b.saved[0], &b.saved[1]);
        three(b, || conv(b.grad, w, None, g), || kernel_grad(b.grad, y, w, g))
    }))
}

/// The kernels' gradient for input `x` and output gradient `y`: bilinear in both; `like` gives its shape.
fn kernel_grad(x: &Tensor, y: &Tensor, like: &Tensor, g: Geometry) -> Result<Tensor> {
    let op = Op { name: "conv2d", parents: &[x, y], saved: &[x, y], keep_output: false };
    let raw = x.raw().conv2d_kernel_grad(y.raw(), like.raw(), &g);
    Ok(two(
        op,
        raw,
        move |b| transposed(&b.saved[1], b.grad, None, g, size_of(&b.saved[0])),
        move |b| conv(&b.saved[0], b.grad, None, g),
    ))
}
