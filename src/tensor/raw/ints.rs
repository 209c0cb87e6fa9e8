//! Values of whole numbers that have no kernel of their own: loops over the CPU's 64 bits, on another device by way of
//! the CPU.

use super::Raw;
use super::math::overflow;
use super::reduce::around;
use crate::shape::Shape;
use saddle_fault::Result;
use std::ops::Range;

impl Raw {
    /// The matrix products of int tensors `[.., m, k] @ [.., k, n]` of equal leading axes.
    ///
    /// # Errors
    /// A sum of more than 64 bits; the device's.
    pub fn int_matmul(&self, other: &Raw) -> Result<Raw> {
        let (mut shape, sb) = (self.shape(), other.shape());
        let rank = shape.num_dims();
        let (m, k, n) = (shape[rank - 2], shape[rank - 1], sb[rank - 1]);
        shape[rank - 1] = n;
        let (a, b) = (self.to_ints()?, other.to_ints()?);
        let mut out = Vec::with_capacity(shape.num_elements());
        for at in 0..shape.num_elements() {
            let (row, column) = (at / n, at % n);
            let (left, right) = (row * k, row / m * k * n + column);
            let sum = (0..k).try_fold(0i64, |sum, i| sum.checked_add(a[left + i].checked_mul(b[right + i * n])?));
            out.push(sum.ok_or_else(overflow)?);
        }
        Ok(Raw::from_ints(out, shape, &self.device()))
    }

    /// A tensor of `shape` that is this in `ranges` and `margin` around it.
    ///
    /// # Errors
    /// The device's.
    pub fn int_embed(&self, shape: &Shape, ranges: &[Range<usize>], margin: i64) -> Result<Raw> {
        let inner = self.shape();
        let mut out = vec![margin; shape.num_elements()];
        for (at, value) in self.to_ints()?.into_iter().enumerate() {
            let (mut rest, mut place, mut step) = (at, 0, 1);
            for axis in (0..shape.num_dims()).rev() {
                place += (rest % inner[axis] + ranges[axis].start) * step;
                rest /= inner[axis];
                step *= shape[axis];
            }
            out[place] = value;
        }
        Ok(Raw::from_ints(out, shape.clone(), &self.device()))
    }

    /// This with each element of `source` at its index along `axis`, in place of what is there or added to it. Indices
    /// lie within.
    ///
    /// # Errors
    /// A sum of more than 64 bits; the device's.
    pub fn int_scatter(&self, axis: usize, index: &Raw, source: &Raw, add: bool) -> Result<Raw> {
        let (shape, from) = (self.shape(), index.shape());
        let (_, n, inner) = around(&shape, axis);
        let (_, count, _) = around(&from, axis);
        let mut out = self.to_ints()?;
        for (at, (to, value)) in index.to_ints()?.into_iter().zip(source.to_ints()?).enumerate() {
            let (block, behind) = (at / (count * inner), at % inner);
            let place = (block * n + to as usize) * inner + behind;
            out[place] = if add { out[place].checked_add(value).ok_or_else(overflow)? } else { value };
        }
        Ok(Raw::from_ints(out, shape, &self.device()))
    }
}
