//! Matrix products of values.

use super::Raw;
use super::far::two;
use crate::shape::Shape;
use saddle_backend::Op;
use saddle_cpu::{Binary, Mat, Then, Unary};
use smallvec::SmallVec;

impl Raw {
    /// This as a matrix for `saddle-cpu`, if it is one on the CPU.
    fn mat(&self) -> Option<Mat<'_>> {
        let (data, strides) = self.strided()?;
        match strides.as_slice() {
            &[row_stride, col_stride] => Some(Mat { data, row_stride, col_stride }),
            _ => None,
        }
    }

    /// On the CPU, the matrices in the last two axes: the first one, and the distance from one to the next, if that is
    /// the same for all. Nothing is copied for operands that are transposed or repeated.
    fn mats(&self) -> Option<(Mat<'_>, usize)> {
        let (data, strides) = self.strided()?;
        let (&[ref lead @ .., step, row_stride, col_stride], shape) = (strides.as_slice(), self.shape()) else {
            return None;
        };
        let even = lead.iter().enumerate().all(|(i, &stride)| {
            let next = if i + 1 < lead.len() { lead[i + 1] } else { step };
            stride == shape[i + 1] * next
        });
        even.then_some((Mat { data, row_stride, col_stride }, step))
    }

    /// On the CPU, the products of the matrices in the last two axes; the leading axes are equal.
    fn products(&self, [ta, tb]: [bool; 2], other: &Raw) -> Option<Raw> {
        let (whole_a, whole_b);
        let (a, b) = match (self.mats(), other.mats()) {
            (Some(_), Some(_)) => (self, other),
            _ => {
                (whole_a, whole_b) = (self.contiguous(), other.contiguous());
                (&whole_a, &whole_b)
            }
        };
        let ((x, x_step), (y, y_step)) = (a.mats()?, b.mats()?);
        let (mut shape, sb) = (a.shape(), b.shape());
        let rank = shape.num_dims();
        let [rows_a, columns_a, rows_b, columns_b] = [shape[rank - 2], shape[rank - 1], sb[rank - 2], sb[rank - 1]];
        let (x, m, k) = if ta { (x.transposed(), columns_a, rows_a) } else { (x, rows_a, columns_a) };
        let (y, n) = if tb { (y.transposed(), rows_b) } else { (y, columns_b) };
        shape[rank - 2] = m;
        shape[rank - 1] = n;
        let count = shape[..rank - 2].iter().product();
        if k == 0 {
            return Some(Raw::cpu(vec![0.0; shape.num_elements()], shape));
        }
        Some(Raw::cpu(saddle_cpu::products(count, [m, k, n], [x, y], [x_step, y_step]), shape))
    }

    /// On the CPU, the product of two matrices, see [`Raw::matmul`], and what becomes of it.
    fn matrix_product(&self, [ta, tb]: [bool; 2], other: &Raw, then: &[Then]) -> Option<Raw> {
        let (a, b, sa, sb) = (self.mat()?, other.mat()?, self.shape(), other.shape());
        let (a, m, k) = match ta {
            false => (a, sa[0], sa[1]),
            true => (a.transposed(), sa[1], sa[0]),
        };
        let (b, n) = match tb {
            false => (b, sb[1]),
            true => (b.transposed(), sb[0]),
        };
        Some(Raw::cpu(saddle_cpu::linear_then(m, k, n, a, b, None, then), Shape::new([m, n])))
    }

    /// [`Raw::matmul`], and one operation after the other of each element of the product and the one at its place in a tensor, in one
    /// pass.
    pub fn matmul_onto(&self, flags: [bool; 2], other: &Raw, beside: &[(Binary, Raw)]) -> Raw {
        // A row that is repeated is read as it is.
        let row = |raw: &Raw| raw.strided().is_some_and(|(_, strides)| strides[..] == [0, 1]);
        let whole = |raw: &Raw| if row(raw) { raw.clone() } else { raw.contiguous() };
        let beside: SmallVec<[_; 2]> = beside.iter().map(|(op, raw)| (*op, whole(raw))).collect();
        let then = beside.iter().map(|(op, raw)| match raw.strided()? {
            (data, strides) if strides[..] == [0, 1] => Some(Then::Row(*op, &data[..raw.shape()[1]])),
            _ => Some(Then::Binary(*op, raw.slice()?)),
        });
        let then: Option<SmallVec<[_; 2]>> = then.collect();
        match then.and_then(|then| self.matrix_product(flags, other, &then)) {
            Some(product) => product,
            None => beside.iter().fold(self.matmul(flags, other), |product, (op, raw)| product.onto(*op, raw)),
        }
    }

    /// `[.., m, k] @ [.., k, n]`, where an operand whose flag is set is given with its last two axes exchanged; the
    /// leading axes are equal.
    pub fn matmul(&self, [ta, tb]: [bool; 2], other: &Raw) -> Raw {
        if let Some(product) = self.matrix_product([ta, tb], other, &[]) {
            return product;
        }
        if let Some(products) = self.products([ta, tb], other) {
            return products;
        }
        if self.is_empty() || other.is_empty() {
            let (mut out, sb) = (self.shape(), other.shape());
            let rank = out.num_dims();
            out[rank - 2] = out[if ta { rank - 1 } else { rank - 2 }];
            out[rank - 1] = sb[if tb { rank - 2 } else { rank - 1 }];
            return self.nothing(out);
        }
        let sb = other.shape();
        let terms = sb[sb.num_dims() - if tb { 1 } else { 2 }];
        if let Some(home) = self.too_long_for(terms) {
            let product = self.on_cpu().matmul([ta, tb], &other.on_cpu());
            return product.to_device(&home);
        }
        let transposed = |x: &Raw, transpose: bool| match transpose {
            true => {
                let rank = x.shape().num_dims();
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(rank - 2, rank - 1);
                x.permute(&axes).factor()
            }
            false => x.factor(),
        };
        Raw::product(two(Op::Matmul, &transposed(self, ta), &transposed(other, tb)))
    }

    /// The distances of the rows, `[n, d]`, from those of another, `[m, d]`: `[n, m]`; `None` where the device has no
    /// kernel for them.
    pub fn distances(&self, other: &Raw) -> Option<Raw> {
        let (x, y) = (self.contiguous(), other.contiguous());
        let (n, m, d) = (x.shape()[0], y.shape()[0], x.shape()[1]);
        Some(Raw::cpu(saddle_cpu::distances(x.slice()?, y.slice()?, [n, m, d]), Shape::new([n, m])))
    }

    /// `Σ_j c_ij (x_i − y_j)` for weights `c [n, m]`: `[n, d]`; `None` where the device has no kernel for it.
    pub fn distances_grad(&self, other: &Raw, c: &Raw) -> Option<Raw> {
        let (x, y, c) = (self.contiguous(), other.contiguous(), c.contiguous());
        let (n, m, d) = (x.shape()[0], y.shape()[0], x.shape()[1]);
        Some(Raw::cpu(saddle_cpu::distances_grad(x.slice()?, y.slice()?, c.slice()?, [n, m, d]), x.shape()))
    }

    /// `x [m, in] · wᵀ + bias` for `w [out, in]`, in one pass; with a slope, through the rectifier of that slope.
    pub fn linear(&self, w: &Raw, bias: Option<&Raw>, slope: Option<f32>) -> Raw {
        let (m, k, n) = (self.shape()[0], self.shape()[1], w.shape()[0]);
        let bias_cpu = bias.map(|b| b.contiguous());
        let then = slope.map(|slope| rectifier(slope).0);
        if let (Some(x), Some(w)) = (self.mat(), w.mat())
            && let Some(b) = bias_cpu.as_ref().map_or(Some(None), |b| b.slice().map(Some))
        {
            let y = saddle_cpu::linear_then(m, k, n, x, w.transposed(), b, then.map(Then::Unary).as_slice());
            return Raw::cpu(y, Shape::new([m, n]));
        }
        let product = self.matmul([false, true], w);
        let y = match bias {
            Some(b) => {
                let row = b.reshape(Shape::new([1, n]));
                product.binary(Binary::Add, &row, &Shape::new([m, n]))
            }
            None => product,
        };
        then.map_or(y.clone(), |then| y.unary(then))
    }
}

/// The function that is x where x > 0, else `slope` · x, and its backward.
pub fn rectifier(slope: f32) -> (Unary, Binary) {
    match slope {
        0.0 => (Unary::Relu, Binary::ReluGrad),
        _ => (Unary::LeakyRelu(slope), Binary::LeakyReluGrad(slope)),
    }
}
