//! Recorded operations that take parts, put them back, join and sort.

use super::{axis, floats, one, unary, whole};
use crate::tape::{Grads, Op, Ranges};
use crate::{Device, Dtype, Raw, Shape, Tensor, check_shape, shown};
use saddle_fault::{Fault, Kind, Result};
use std::ops::Range;

impl Tensor {
    /// The part within `ranges`; axes beyond them stay whole.
    ///
    /// # Errors
    /// More ranges than axes; a range that ends outside.
    pub fn slice(&self, ranges: &[Range<usize>]) -> Result<Tensor> {
        let shape = self.shape();
        if ranges.len() > shape.len() {
            return Err(Fault::new(Kind::Index, format!("slice: {} ranges for shape {}", ranges.len(), shown(&shape))));
        }
        for (i, (r, &n)) in ranges.iter().zip(shape.iter()).enumerate() {
            if r.start > r.end || r.end > n {
                return Err(Fault::new(
                    Kind::Index,
                    format!("slice: {}..{} is outside dim {i} of {}", r.start, r.end, shown(&shape)),
                ));
            }
        }
        let mut all = ranges.to_vec();
        all.extend(shape[ranges.len()..].iter().map(|&n| 0..n));
        let raw = self.raw().slice_ranges(&all);
        if self.dtype() != Dtype::F32 {
            return Ok(Tensor::constant(raw));
        }
        let part: Ranges = all.into();
        let op = Op { name: "slice", parents: &[self], saved: &[], keep_output: false };
        Ok(op.done_from(part.clone(), raw, move |b| Ok(one(b.grad.embed(&shape, &part)?))))
    }

    /// Zeros of `shape` with this tensor in `ranges`: what slicing undoes.
    fn embed(&self, shape: &Shape, ranges: &[Range<usize>]) -> Result<Tensor> {
        let raw = self.raw().embed(shape.clone(), ranges);
        let ranges = ranges.to_vec();
        Ok(unary("slice", self, raw, &[], false, move |b| b.grad.slice(&ranges)))
    }

    /// The range `from..to` along one axis.
    pub fn narrow(&self, dim: isize, range: Range<usize>) -> Result<Tensor> {
        let at = axis("slice", self, dim)?;
        let shape = self.shape();
        let ranges: Vec<_> = (0..=at).map(|i| if i == at { range.clone() } else { 0..shape[i] }).collect();
        self.slice(&ranges)
    }

    /// The slice at `index` of the first axis (negative: from the end), without that axis.
    ///
    /// # Errors
    /// A single number has no elements; an index outside.
    pub fn at(&self, index: i64) -> Result<Tensor> {
        let shape = self.shape();
        let Some(&n) = shape.first() else {
            return Err(Fault::new(Kind::Index, "a single number cannot be indexed").hint("t.item() gives its value"));
        };
        let i = if index < 0 { index + n as i64 } else { index };
        if !(0..n as i64).contains(&i) {
            return Err(Fault::new(Kind::Index, format!("index {index} is outside dim 0 of {}", shown(&shape))));
        }
        let i = i as usize;
        self.slice(std::slice::from_ref(&(i..i + 1)))?.reshape(&shape[1..])
    }

    /// A margin around: `pads` holds (before, after) for each of the last axes, filled with `value`.
    pub fn pad(&self, pads: &[(usize, usize)], value: f32) -> Result<Tensor> {
        let x = floats(self);
        let from = x.shape();
        let (shape, ranges) = Self::padded(&from, pads)?;
        let padded = x.embed(&shape, &ranges)?;
        if value == 0.0 {
            return Ok(padded);
        }
        let inside = Tensor::full(1.0, &from, &x.device()).embed(&shape, &ranges)?.cast(Dtype::Bool);
        inside.choose(&padded, &Tensor::full(value, &[], &x.device()))
    }

    /// As [`Tensor::pad`], of whole numbers with a whole one.
    pub fn pad_ints(&self, pads: &[(usize, usize)], value: i64) -> Result<Tensor> {
        let (shape, ranges) = Self::padded(&self.shape(), pads)?;
        Ok(Tensor::constant(whole("pad", "elements", self)?.int_embed(&shape, &ranges, value)?))
    }

    /// The shape with a margin, and where in it the tensor stands.
    fn padded(from: &Shape, pads: &[(usize, usize)]) -> Result<(Shape, Vec<Range<usize>>)> {
        if pads.len() > from.len() {
            return Err(Fault::shape(format!("pad: {} pairs for shape {}", pads.len(), shown(from))));
        }
        let lead = from.len() - pads.len();
        let wide: Vec<usize> =
            (0..pads.len()).map(|i| from[lead + i].saturating_add(pads[i].0).saturating_add(pads[i].1)).collect();
        check_shape("pad", &[&from[..lead], &wide].concat())?;
        let pad = |i: usize| if i < lead { (0, 0) } else { pads[i - lead] };
        let shape = Shape::from((0..from.len()).map(|i| from[i] + pad(i).0 + pad(i).1).collect::<Vec<_>>());
        let ranges: Vec<_> = (0..from.len()).map(|i| pad(i).0..pad(i).0 + from[i]).collect();
        Ok((shape, ranges))
    }

    /// The slices along `dim` at `indices` (ints, of rank 1), in their order; an index may come again.
    ///
    /// # Errors
    /// Indices that are not whole numbers, not of rank 1, or outside.
    pub fn index_select(&self, dim: isize, indices: &Tensor) -> Result<Tensor> {
        let at = axis("index_select", self, dim)?;
        let index = whole("index_select", "indices", indices)?;
        if indices.rank() != 1 {
            return Err(Fault::shape(format!(
                "index_select: indices must be of rank 1, got {}",
                shown(&indices.shape())
            )));
        }
        check_indices("index_select", indices, self, at)?;
        let raw = self.raw().select(at, &index);
        if self.dtype() != Dtype::F32 {
            return Ok(Tensor::constant(raw));
        }
        let shape = self.shape();
        Ok(unary("index_select", self, raw, &[indices], false, move |b| b.grad.index_add(&shape, at, &b.saved[0])))
    }

    /// Zeros of `shape` with slices added at `indices`: what `index_select` undoes.
    fn index_add(&self, shape: &Shape, at: usize, indices: &Tensor) -> Result<Tensor> {
        let raw = self.raw().select_add(shape.clone(), at, indices.raw());
        Ok(unary("index_select", self, raw, &[indices], false, move |b| b.grad.index_select(at as isize, &b.saved[0])))
    }

    /// For each element of `indices` (ints of the same rank), the element of this tensor with that index along `dim`.
    ///
    /// # Errors
    /// As [`gather_axis`](Self::gather_axis).
    pub fn gather(&self, dim: isize, indices: &Tensor) -> Result<Tensor> {
        let at = self.gather_axis("gather", dim, indices)?;
        let (shape, raw) = (self.shape(), self.raw().gather(at, indices.raw()));
        if self.dtype() != Dtype::F32 {
            return Ok(Tensor::constant(raw));
        }
        Ok(unary("gather", self, raw, &[indices], false, move |b| b.grad.scatter_add(&shape, at, &b.saved[0])))
    }

    /// The axis that `dim` means, where `indices` are such as [`gather`](Self::gather) takes. Errors name the `operation`.
    ///
    /// # Errors
    /// There is no such dim; indices that are not ints, lie outside, are on another device, or have another shape except
    /// along `dim`.
    pub fn gather_axis(&self, operation: &str, dim: isize, indices: &Tensor) -> Result<usize> {
        let at = axis(operation, self, dim)?;
        whole(operation, "indices", indices)?;
        let (shape, got) = (self.shape(), indices.shape());
        if shape.len() != got.len() || (0..shape.len()).any(|i| i != at && got[i] != shape[i]) {
            return Err(Fault::shape(format!(
                "{operation}: indices {} must have the shape {} except along dim {at}",
                shown(&got),
                shown(&shape)
            )));
        }
        check_indices(operation, indices, self, at)?;
        Ok(at)
    }

    /// Zeros of `shape` with each element added at its index along axis `at`.
    pub fn scatter_add(&self, shape: &Shape, at: usize, indices: &Tensor) -> Result<Tensor> {
        let raw = self.raw().scatter_add(shape.clone(), at, indices.raw());
        Ok(unary("scatter", self, raw, &[indices], false, move |b| b.grad.gather(at as isize, &b.saved[0])))
    }

    /// Tensors joined along an existing axis.
    ///
    /// # Errors
    /// None given; shapes that differ elsewhere; floats joined with labels.
    pub fn cat(parts: &[Tensor], dim: isize) -> Result<Tensor> {
        let Some(first) = parts.first() else {
            return Err(Fault::value("cat: there is nothing to join"));
        };
        let at = axis("cat", first, dim)?;
        let shape = first.shape();
        for part in parts {
            let other = part.shape();
            if other.len() != shape.len() || (0..shape.len()).any(|i| i != at && other[i] != shape[i]) {
                return Err(Fault::shape(format!(
                    "cat: {} and {} differ outside dim {at}",
                    shown(&shape),
                    shown(&other)
                )));
            }
            super::same_device("cat", first, part)?;
        }
        let alike = parts.iter().all(|p| p.dtype() == first.dtype());
        let parts: Vec<Tensor> = if alike { parts.to_vec() } else { parts.iter().map(floats).collect() };
        let raws: Vec<Raw> = parts.iter().map(|p| p.raw().clone()).collect();
        let raw = Raw::cat(&raws, at);
        if raw.dtype() != Dtype::F32 {
            return Ok(Tensor::constant(raw));
        }
        let sizes: Vec<usize> = parts.iter().map(|p| p.shape()[at]).collect();
        let parents: Vec<&Tensor> = parts.iter().collect();
        let op = Op { name: "cat", parents: &parents, saved: &[], keep_output: false };
        Ok(op.done(raw, move |b| {
            let mut start = 0;
            let mut grads = Grads::new();
            for (&n, &needed) in sizes.iter().zip(b.needs) {
                grads.push(if needed { Some(b.grad.narrow(at as isize, start..start + n)?) } else { None });
                start += n;
            }
            Ok(grads)
        }))
    }

    /// Tensors of one shape along a new axis.
    pub fn stack(parts: &[Tensor], dim: isize) -> Result<Tensor> {
        let wide = parts.iter().map(|p| p.unsqueeze(dim)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&wide, dim)
    }

    /// Pieces of `size` along `dim`; the last may be smaller.
    pub fn split(&self, size: usize, dim: isize) -> Result<Vec<Tensor>> {
        let at = axis("split", self, dim)?;
        if size == 0 {
            return Err(Fault::value("split: the size of a piece must be at least 1"));
        }
        let n = self.shape()[at];
        (0..n).step_by(size).map(|i| self.narrow(at as isize, i..(i + size).min(n))).collect()
    }

    /// The order that sorts along `dim`: ints.
    pub fn argsort(&self, dim: isize, descending: bool) -> Result<Tensor> {
        let at = axis("sort", self, dim)?;
        Ok(Tensor::constant(self.counted().argsort(at, descending)))
    }

    /// The values, truth values as 0 and 1.
    fn counted(&self) -> Raw {
        match self.dtype() {
            Dtype::Bool => self.raw().cast(Dtype::Int),
            _ => self.raw().clone(),
        }
    }

    /// Sorted along `dim`: values (differentiable) and the indices they came from.
    pub fn sort(&self, dim: isize, descending: bool) -> Result<(Tensor, Tensor)> {
        let order = self.argsort(dim, descending)?;
        Ok((self.gather(dim, &order)?, order))
    }

    /// The `k` largest (or smallest) along `dim`, in order.
    pub fn topk(&self, k: usize, dim: isize, largest: bool) -> Result<(Tensor, Tensor)> {
        let at = axis("topk", self, dim)?;
        let n = self.shape()[at];
        if k > n {
            return Err(Fault::value(format!("topk: {k} of {n} elements along dim {dim}")));
        }
        let order = Tensor::constant(self.counted().argsort_first(at, k, largest));
        Ok((self.gather(dim, &order)?, order))
    }

    /// The distinct elements in order, of rank 1 and of the same dtype, and how often each is there: ints. Every NaN
    /// counts for itself, as in PyTorch, and they come last. Waits for the device.
    ///
    /// # Errors
    /// The device's.
    pub fn unique(&self) -> Result<(Tensor, Tensor)> {
        let home = self.device();
        let (values, counts) = match self.dtype() {
            Dtype::F32 => {
                let all = self.detach().to_device(&Device::Cpu).reshape(&[self.len()])?;
                let (values, counts) = runs(&all.sort(0, false)?.0.to_floats()?);
                let n = values.len();
                (Tensor::from_floats(values, &[n], &home), counts)
            }
            kind => {
                let mut all = self.cast(Dtype::Int).to_ints()?;
                all.sort_unstable();
                let (values, counts) = runs(&all);
                let n = values.len();
                (Tensor::from_ints(values, &[n], &home).cast(kind), counts)
            }
        };
        let n = counts.len();
        Ok((values, Tensor::from_ints(counts, &[n], &home)))
    }

    /// Classes as rows of zeros with a single 1: `[..] → [.., classes]`.
    ///
    /// # Errors
    /// Labels that are not whole numbers in `0..classes`.
    pub fn one_hot(&self, classes: usize) -> Result<Tensor> {
        whole("one_hot", "labels", self)?;
        check_shape("one_hot", &[&self.shape()[..], &[classes]].concat())?;
        if let Some((low, high)) = self.raw().bounds()
            && low >= 0
            && (high as usize) < classes
        {
            let all = (0..classes as i32).collect();
            let all = Tensor::from_ints(all, &[classes], &self.device());
            return Ok(floats(&self.unsqueeze(-1)?.eq(&all)?));
        }
        let mut data = vec![0.0; self.len() * classes];
        for (i, label) in self.to_ints()?.into_iter().enumerate() {
            let at = usize::try_from(label).ok().filter(|&l| l < classes).ok_or_else(|| {
                Fault::value(format!("one_hot: label {label} is not one of the {classes} classes 0..{classes}"))
            })?;
            data[i * classes + at] = 1.0;
        }
        let mut shape = self.shape().to_vec();
        shape.push(classes);
        Ok(Tensor::from_floats(data, &shape, &self.device()))
    }
}

/// The first of each run of equal elements, and the lengths of the runs.
fn runs<T: Copy + PartialEq>(sorted: &[T]) -> (Vec<T>, Vec<i64>) {
    let (mut values, mut counts): (Vec<T>, Vec<i64>) = (Vec::new(), Vec::new());
    for &v in sorted {
        if values.last() == Some(&v)
            && let Some(count) = counts.last_mut()
        {
            *count += 1;
        } else {
            values.push(v);
            counts.push(1);
        }
    }
    (values, counts)
}

/// Every index must name an element: Burn's kernels do not check.
fn check_indices(name: &str, indices: &Tensor, x: &Tensor, at: usize) -> Result<()> {
    super::same_device(name, x, indices)?;
    let n = x.shape()[at] as i64;
    if let Some((low, high)) = indices.raw().bounds()
        && low >= 0
        && high < n
    {
        return Ok(());
    }
    match indices.to_ints()?.into_iter().find(|i| !(0..n).contains(i)) {
        Some(bad) => {
            Err(Fault::new(Kind::Index, format!("{name}: index {bad} is outside dim {at} of {}", shown(&x.shape()))))
        }
        None => Ok(()),
    }
}
