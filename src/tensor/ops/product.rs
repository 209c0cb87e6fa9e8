//! Products of elements: along dims, and running.

use super::{axis, floats};
use crate::{Device, Tensor, no_grad};
use saddle_fault::Result;

impl Tensor {
    /// The product along `dims`, folded in halves so that every order differentiates, also through zeros. It overflows
    /// where the product itself does, not where that of some of the elements would.
    ///
    /// # Errors
    /// A dim that the shape does not have; whole numbers of more than 64 bits.
    pub fn prod_dims(&self, dims: &[isize], keep: bool) -> Result<Tensor> {
        let x = if self.is_empty() { floats(self) } else { self.cast_truths() };
        let mut axes = dims.iter().map(|&d| axis("prod", &x, d)).collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        let kept = x.kept_shape(dims)?;
        let product = match axes[..] {
            [] => x,
            [at] => x.fold(at)?,
            // As one dim: the product along one of them may overflow where that along all does not.
            _ => {
                let others = (0..x.rank()).filter(|i| !axes.contains(i));
                let order: Vec<isize> = others.chain(axes.iter().copied()).map(|i| i as isize).collect();
                let count = axes.iter().map(|&i| x.shape()[i]).product();
                let left: usize = kept.iter().product();
                x.permute(&order)?.reshape(&[left, count])?.fold(1)?
            }
        };
        let product = product.reshape(&kept)?;
        if keep { Ok(product) } else { product.drop_axes(&axes) }
    }

    /// The product along one axis, which stays with size 1.
    fn fold(&self, at: usize) -> Result<Tensor> {
        let mut n = self.shape()[at];
        if n == 0 {
            let mut shape = self.shape();
            shape[at] = 1;
            return Ok(Tensor::full(1.0, &shape, &self.device()));
        }
        let mut x = self.clone();
        if n > 2 && !x.is_whole() {
            for factor in levelling(&x, at)?.iter().flatten() {
                x = x.mul(factor)?;
            }
        }
        while n > 1 {
            let (half, dim) = (n / 2, at as isize);
            let halves = x.narrow(dim, 0..half)?.mul(&x.narrow(dim, half..2 * half)?)?;
            x = match n % 2 {
                0 => halves,
                _ => Tensor::cat(&[halves, x.narrow(dim, n - 1..n)?], dim)?,
            };
            n = half + n % 2;
        }
        Ok(x)
    }

    /// Running products along `dim`, one after the other: without a division, so that gradients of every order are right
    /// at zeros, and without products of other parts, which could overflow where these do not.
    ///
    /// # Errors
    /// A dim that the shape does not have; whole numbers of more than 64 bits.
    pub fn cumprod(&self, dim: isize) -> Result<Tensor> {
        let x = self.cast_truths();
        let at = axis("cumprod", &x, dim)?;
        let (n, dim) = (x.shape()[at], at as isize);
        if x.is_empty() || n == 1 {
            return Ok(x);
        }
        let mut product = x.narrow(dim, 0..1)?;
        let mut products = vec![product.clone()];
        for i in 1..n {
            product = product.mul(&x.narrow(dim, i..i + 1)?)?;
            products.push(product.clone());
        }
        Tensor::cat(&products, dim)
    }
}

/// The sizes, as powers of two, that all elements of a product may have together without its parts leaving the range of
/// single precision.
const SAFE: f32 = 120.0;

/// Constant factors, two for each element, after which the elements along `at` are about equally large and have the same
/// product: then no part of it, and none of its gradients, leaves the range of single precision where the whole does not.
/// They are powers of two, and their product is 1; two, since one alone may be beyond that range. `None` where the CPU sees
/// that there is no need; other devices would have to stand still to be asked.
fn levelling(x: &Tensor, at: usize) -> Result<Option<[Tensor; 2]>> {
    let (n, dim) = (x.shape()[at], at as isize);
    if matches!(x.device(), Device::Cpu) && !x.with_floats(|v| wide(v, n))? {
        return Ok(None);
    }
    no_grad(|| {
        let full = |v: f32| Tensor::full(v, &[], &x.device());
        // Zeros, infinities and NaNs stay what they are.
        let size = x.abs()?;
        let counted = size.gt(&full(0.0))?.and(&size.le(&full(f32::MAX))?)?;
        let log = counted.choose(&size, &full(1.0))?.log2()?.floor()?;
        // Whole numbers that differ by one at most and have the sum of the logarithms: what is added from one multiple of
        // the mean to the next, each rounded.
        let counted = floats(&counted);
        let [sum, count] = [log.sum_dims(&[dim], true)?, counted.sum_dims(&[dim], true)?];
        let mean = sum.div(&count.maximum(&full(1.0))?)?;
        let place = counted.cumsum(dim)?;
        let level = place.mul(&mean)?.round()?.sub(&place.sub(&counted)?.mul(&mean)?.round()?)?;
        let moved = log.abs()?.sum_dims(&[dim], true)?.gt(&full(SAFE))?;
        let shift = level.sub(&log)?.mul(&floats(&moved))?;
        let half = shift.mul_scalar(0.5)?.floor()?;
        let two = full(2.0);
        Ok(Some([two.pow(&half)?.detach(), two.pow(&shift.sub(&half)?)?.detach()]))
    })
}

/// Whether products of some of `n` such elements may leave the range of single precision.
fn wide(elements: &[f32], n: usize) -> bool {
    let [mut least, mut most] = [f32::MAX, f32::MIN_POSITIVE];
    for &x in elements {
        let size = x.abs();
        // What is not counted is 1: zeros, infinities, NaNs.
        let size = if size > 0.0 && size <= f32::MAX { size } else { 1.0 };
        (least, most) = (least.min(size), most.max(size));
    }
    most.log2().max(-least.log2()) * n as f32 > SAFE
}
