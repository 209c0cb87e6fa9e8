//! Convolutions of values: the three products that are each other's gradients.

use super::Raw;
use burn::backend::Dispatch;
use burn::backend::ops::{ConvOptions, ConvTransposeOptions, ModuleOps};

/// How a two-dimensional convolution walks: each pair is (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

impl ConvGeometry {
    /// The size of the output along axis `i` for an input of `size` and a kernel of `kernel`; `None` if the kernel does
    /// not fit.
    pub fn output(&self, i: usize, size: usize, kernel: usize) -> Option<usize> {
        let reach = self.dilation[i] * (kernel - 1) + 1;
        (size + 2 * self.padding[i])
            .checked_sub(reach)
            .map(|rest| rest / self.stride[i] + 1)
    }

    fn options(&self) -> ConvOptions<2> {
        let padding = self.padding.map(|p| (p, p));
        ConvOptions {
            stride: self.stride,
            padding,
            dilation: self.dilation,
            groups: self.groups,
        }
    }
}

impl Raw {
    /// `x [n, c, h, w]` with kernels `w [out, c/groups, kh, kw]`.
    pub fn conv2d(&self, w: &Raw, g: &ConvGeometry) -> Raw {
        Raw::float(Dispatch::conv2d(
            self.contiguous().prim(),
            w.contiguous().prim(),
            None,
            g.options(),
        ))
    }

    /// The transposed convolution: the gradient of `conv2d` with respect to an input of `height × width`.
    /// `self [n, out, h', w']`, `w [out, c/groups, kh, kw]` → `[n, c, height, width]`.
    pub fn conv2d_transposed(&self, w: &Raw, g: &ConvGeometry, size: [usize; 2]) -> Raw {
        let (shape, kernel) = (self.shape(), w.shape());
        // What the strides leave over at the end: output padding of the transposed convolution.
        let padding_out = [0, 1].map(|i| {
            let base = (shape[i + 2] - 1) * g.stride[i] + g.dilation[i] * (kernel[i + 2] - 1) + 1;
            size[i] + 2 * g.padding[i] - base
        });
        let options = ConvTransposeOptions {
            stride: g.stride,
            padding: g.padding,
            padding_out,
            dilation: g.dilation,
            groups: g.groups,
        };
        Raw::float(Dispatch::conv_transpose2d(
            self.contiguous().prim(),
            w.contiguous().prim(),
            None,
            options,
        ))
    }

    /// The gradient of `conv2d` with respect to kernels of the shape of `like`, for input `self` and output gradient `grad`.
    pub fn conv2d_kernel_grad(&self, grad: &Raw, like: &Raw, g: &ConvGeometry) -> Raw {
        Raw::float(Dispatch::conv2d_weight_backward(
            self.contiguous().prim(),
            like.contiguous().prim(),
            grad.contiguous().prim(),
            g.options(),
        ))
    }
}
