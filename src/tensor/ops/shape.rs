//! Recorded operations that only rearrange elements.

use super::{axis, unary};
use crate::{Dtype, Raw, Shape, Tensor, check_shape, shown};
use saddle_fault::{Fault, Kind, Result};

/// The result of a rearrangement: recorded for floats, a constant for labels and masks.
fn arranged(name: &'static str, x: &Tensor, raw: Raw, rule: impl Fn(&Tensor) -> Result<Tensor> + 'static) -> Tensor {
    match x.dtype() {
        Dtype::F32 => unary(name, x, raw, &[], false, move |b| rule(b.grad)),
        _ => Tensor::constant(raw),
    }
}

impl Tensor {
    /// The same elements in another shape.
    ///
    /// # Errors
    /// The sizes differ.
    pub fn reshape(&self, shape: &[usize]) -> Result<Tensor> {
        let from = self.shape();
        if &from[..] == shape {
            return Ok(self.clone());
        }
        let size: usize = shape.iter().product();
        if size != self.len() {
            return Err(Fault::shape(format!(
                "reshape: {} has {} elements, {} has {size}",
                shown(&from),
                self.len(),
                shown(shape)
            ))
            .hint("one size may be −1: it is then worked out"));
        }
        Ok(arranged("reshape", self, self.raw().reshape(Shape::from(shape)), move |g| g.reshape(&from)))
    }

    /// As [`Tensor::reshape`], where one size may be −1.
    ///
    /// # Errors
    /// Two sizes are −1; the rest does not divide the number of elements.
    pub fn reshape_infer(&self, shape: &[i64]) -> Result<Tensor> {
        let known: i64 = shape.iter().filter(|&&n| n >= 0).product();
        let open = shape.iter().filter(|&&n| n < 0).count();
        if open > 1 || shape.iter().any(|&n| n < -1) {
            return Err(Fault::value(format!("reshape: only one size of {shape:?} may be −1, and none below")));
        }
        let fits = known > 0 && self.len() as i64 % known == 0;
        if open == 1 && !fits {
            return Err(Fault::shape(format!(
                "reshape: {} has {} elements, which {known} does not divide",
                shown(&self.shape()),
                self.len()
            )));
        }
        let sizes: Vec<usize> =
            shape.iter().map(|&n| if n < 0 { self.len() / known as usize } else { n as usize }).collect();
        self.reshape(&sizes)
    }

    /// All axes from `start` on in one.
    pub fn flatten(&self, start: isize) -> Result<Tensor> {
        let shape = self.shape();
        if shape.is_empty() {
            return self.reshape(&[1]);
        }
        let start = axis("flatten", self, start)?;
        let mut out = shape[..start].to_vec();
        out.push(shape[start..].iter().product());
        self.reshape(&out)
    }

    /// The axes in another order.
    ///
    /// # Errors
    /// `axes` is not an order of all axes.
    pub fn permute(&self, axes: &[isize]) -> Result<Tensor> {
        let order = axes.iter().map(|&d| axis("permute", self, d)).collect::<Result<Vec<_>>>()?;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (0..self.rank()).collect::<Vec<_>>() {
            return Err(Fault::shape(format!(
                "permute: {axes:?} is not an order of the dims of {}",
                shown(&self.shape())
            )));
        }
        let mut back = vec![0isize; order.len()];
        for (to, &from) in order.iter().enumerate() {
            back[from] = to as isize;
        }
        Ok(arranged("permute", self, self.raw().permute(&order), move |g| g.permute(&back)))
    }

    /// Two axes exchanged.
    pub fn transpose(&self, a: isize, b: isize) -> Result<Tensor> {
        let (a, b) = (axis("transpose", self, a)?, axis("transpose", self, b)?);
        let mut order: Vec<isize> = (0..self.rank() as isize).collect();
        order.swap(a, b);
        self.permute(&order)
    }

    /// Repeated along axes of size 1, and along new axes in front, to `shape`.
    ///
    /// # Errors
    /// A size that is neither 1 nor that of `shape`.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Tensor> {
        let from = self.shape();
        if &from[..] == shape {
            return Ok(self.clone());
        }
        let fits = from.len() <= shape.len()
            && from.iter().rev().zip(shape.iter().rev()).all(|(&have, &want)| have == want || have == 1);
        if !fits {
            return Err(Fault::shape(format!("expand: {} does not expand to {}", shown(&from), shown(shape)))
                .hint("only dims of size 1 expand, and new dims are added in front"));
        }
        check_shape("expand", shape)?;
        Ok(arranged("expand", self, self.raw().expand(Shape::from(shape)), move |g| g.sum_to(&from)))
    }

    /// A new axis of size 1 at `dim`.
    pub fn unsqueeze(&self, dim: isize) -> Result<Tensor> {
        let rank = self.rank() as isize;
        let at = if dim < 0 { dim + rank + 1 } else { dim };
        if !(0..=rank).contains(&at) {
            return Err(Fault::new(Kind::Index, format!("unsqueeze: dim {dim} is outside {}", shown(&self.shape()))));
        }
        let mut shape = self.shape().to_vec();
        shape.insert(at as usize, 1);
        self.reshape(&shape)
    }

    /// Without the axis `dim` if its size is 1; without every axis of size 1 when no dim is given.
    pub fn squeeze(&self, dim: Option<isize>) -> Result<Tensor> {
        let at = dim.map(|d| axis("squeeze", self, d)).transpose()?;
        let shape: Vec<usize> = self
            .shape()
            .iter()
            .enumerate()
            .filter(|&(i, &n)| n != 1 || at.is_some_and(|a| a != i))
            .map(|(_, &n)| n)
            .collect();
        self.reshape(&shape)
    }

    /// Reversed along `dims`.
    pub fn flip(&self, dims: &[isize]) -> Result<Tensor> {
        let axes = dims.iter().map(|&d| axis("flip", self, d)).collect::<Result<Vec<_>>>()?;
        if let Some(i) = (1..axes.len()).find(|&i| axes[..i].contains(&axes[i])) {
            return Err(Fault::value(format!("flip: dim {} is given twice", dims[i])));
        }
        let dims = dims.to_vec();
        Ok(arranged("flip", self, self.raw().flip(&axes), move |g| g.flip(&dims)))
    }

    /// The whole tensor again and again: `times[i]` copies along axis i; more entries than axes add axes in front.
    pub fn repeat(&self, times: &[usize]) -> Result<Tensor> {
        let from = self.shape();
        if times.len() < from.len() {
            return Err(Fault::shape(format!("repeat: {times:?} needs at least {} numbers, one a dim", from.len())));
        }
        let mut sizes = vec![1; times.len() - from.len()];
        sizes.extend_from_slice(&from);
        let out: Vec<usize> = sizes.iter().zip(times).map(|(&n, &t)| n.saturating_mul(t)).collect();
        check_shape("repeat", &out)?;
        // No copies along one axis: those along the others need not be made first.
        if out.contains(&0) {
            return self.reshape(&[self.len()])?.narrow(0, 0..0)?.reshape(&out);
        }
        // One axis after the other, from the last, whose copies are the shortest: at once there would be twice the axes,
        // more than a tensor has. The axis with all behind it is seen as [1, row], expanded to [times, row].
        let mut x = self.reshape(&sizes)?;
        for at in (0..sizes.len()).rev().filter(|&at| times[at] != 1) {
            let before: usize = sizes[..at].iter().product();
            let row = sizes[at] * out[at + 1..].iter().product::<usize>();
            x = x.reshape(&[before, 1, row])?.broadcast_to(&[before, times[at], row])?;
        }
        x.reshape(&out)
    }

    /// Every pixel `factor × factor` times (nearest neighbour): `[n, c, h, w] → [n, c, h·factor, w·factor]`.
    ///
    /// # Errors
    /// Another rank; a factor of 0.
    pub fn upsample(&self, factor: usize) -> Result<Tensor> {
        let shape = self.shape();
        let &[n, c, h, w] = &shape[..] else {
            return Err(Fault::shape(format!("upsample: input must be [n, c, h, w], got {}", shown(&shape))));
        };
        if factor == 0 {
            return Err(Fault::value("upsample: the factor must be at least 1"));
        }
        let side = |n: usize| n.saturating_mul(factor);
        check_shape("upsample", &[n, c, side(h), side(w)])?;
        let wide = self.reshape(&[n, c, h, 1, w, 1])?.broadcast_to(&[n, c, h, factor, w, factor])?;
        wide.reshape(&[n, c, h * factor, w * factor])
    }
}
