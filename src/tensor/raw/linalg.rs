//! Matrix products of values.

use super::Raw;
use crate::cpu::{self, Mat};
use burn::backend::Dispatch;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;

impl Raw {
    /// The last two axes as a matrix for `cpu`, if this is a matrix on the CPU.
    fn mat(&self) -> Option<Mat<'_>> {
        let (data, strides) = self.strided()?;
        match strides.as_slice() {
            &[row_stride, col_stride] => Some(Mat {
                data,
                row_stride,
                col_stride,
            }),
            _ => None,
        }
    }

    /// `[.., m, k] @ [.., k, n]`, where an operand whose flag is set is given with its last two axes exchanged; the
    /// leading axes are equal.
    pub fn matmul(&self, [ta, tb]: [bool; 2], other: &Raw) -> Raw {
        if let (Some(a), Some(b)) = (self.mat(), other.mat()) {
            let (sa, sb) = (self.shape(), other.shape());
            let (a, m, k) = match ta {
                false => (a, sa[0], sa[1]),
                true => (a.transposed(), sa[1], sa[0]),
            };
            let (b, n) = match tb {
                false => (b, sb[1]),
                true => (b.transposed(), sb[0]),
            };
            return Raw::cpu(cpu::linear(m, k, n, a, b, None), Shape::new([m, n]));
        }
        let turned = |x: &Raw, turn: bool| match turn {
            true => {
                let rank = x.shape().num_dims();
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(rank - 2, rank - 1);
                x.permute(&axes).prim()
            }
            false => x.prim(),
        };
        Raw::float(Dispatch::float_matmul(turned(self, ta), turned(other, tb)))
    }

    /// `x [m, in] · wᵀ + bias` for `w [out, in]`, in one pass.
    pub fn linear(&self, w: &Raw, bias: Option<&Raw>) -> Raw {
        let (m, k, n) = (self.shape()[0], self.shape()[1], w.shape()[0]);
        let wt = w.permute(&[1, 0]);
        let bias_cpu = bias.map(|b| b.contiguous());
        if let (Some(x), Some(wt)) = (self.mat(), wt.mat())
            && let Some(b) = bias_cpu
                .as_ref()
                .map_or(Some(None), |b| b.slice().map(Some))
        {
            return Raw::cpu(cpu::linear(m, k, n, x, wt, b), Shape::new([m, n]));
        }
        let product = Dispatch::float_matmul(self.prim(), wt.prim());
        Raw::float(match bias {
            Some(b) => Dispatch::float_add(
                product,
                b.reshape(Shape::new([1, n]))
                    .expand(Shape::new([m, n]))
                    .prim(),
            ),
            None => product,
        })
    }
}
