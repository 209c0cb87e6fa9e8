//! Parts of values: ranges, rows by index, gather and scatter, joining, reversing, sorting.

use super::reduce::around;
use super::{Dtype, FLOAT, INT, Raw};
use burn::backend::Dispatch;
use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::tensor::{IndexingUpdateOp, Shape, Slice};
use std::ops::Range;

fn slices(ranges: &[Range<usize>]) -> Vec<Slice> {
    ranges
        .iter()
        .map(|r| Slice::new(r.start as isize, Some(r.end as isize), 1))
        .collect()
}

impl Raw {
    /// The part within `ranges`, one for each axis.
    pub fn slice_ranges(&self, ranges: &[Range<usize>]) -> Raw {
        let at = slices(ranges);
        let prim = match self.dtype() {
            Dtype::F32 => Dispatch::float_slice(self.prim(), &at),
            Dtype::Int => Dispatch::int_slice(self.prim(), &at),
            Dtype::Bool => Dispatch::bool_slice(self.prim(), &at),
        };
        Raw::wrap(prim, self.dtype()).within(self.bounds())
    }

    /// Zeros of `shape` with this float tensor written into `ranges`.
    pub fn embed(&self, shape: Shape, ranges: &[Range<usize>]) -> Raw {
        let zeros = Raw::full(0.0, shape, &self.device());
        if self.is_empty() {
            return zeros;
        }
        Raw::float(Dispatch::float_slice_assign(
            zeros.prim(),
            &slices(ranges),
            self.prim(),
        ))
    }

    /// The slices along `axis` at `indices` (an int tensor of rank 1).
    pub fn select(&self, axis: usize, indices: &Raw) -> Raw {
        let at = indices.prim();
        let prim = match self.dtype() {
            Dtype::F32 => Dispatch::float_select(self.prim(), axis, at),
            Dtype::Int => Dispatch::int_select(self.prim(), axis, at),
            Dtype::Bool => Dispatch::bool_select(self.prim(), axis, at),
        };
        Raw::wrap(prim, self.dtype()).within(self.bounds())
    }

    /// Zeros of `shape` with this float tensor's slices added along `axis` at `indices`.
    pub fn select_add(&self, shape: Shape, axis: usize, indices: &Raw) -> Raw {
        if self.is_empty() {
            return self.nothing(shape);
        }
        let zeros = Dispatch::float_zeros(shape, &self.device().burn(), FLOAT);
        Raw::float(Dispatch::float_select_assign(
            zeros,
            axis,
            indices.prim(),
            self.prim(),
            IndexingUpdateOp::Add,
        ))
    }

    /// The element along `axis` named by each element of `indices`.
    pub fn gather(&self, axis: usize, indices: &Raw) -> Raw {
        let prim = match self.dtype() {
            Dtype::F32 => Dispatch::float_gather(axis, self.prim(), indices.prim()),
            Dtype::Int => Dispatch::int_gather(axis, self.prim(), indices.prim()),
            Dtype::Bool => Dispatch::bool_gather(axis, self.prim(), indices.prim()),
        };
        Raw::wrap(prim, self.dtype()).within(self.bounds())
    }

    /// Zeros of `shape` with each element of this float tensor added at its index along `axis`.
    pub fn scatter_add(&self, shape: Shape, axis: usize, indices: &Raw) -> Raw {
        let (x, at) = (self.contiguous(), indices.contiguous());
        if let (Some(data), Some(at)) = (x.slice(), at.whole_slice()) {
            let (outer, count, inner) = around(&x.shape(), axis);
            let out = saddle_cpu::scatter_add(data, at, [outer, count, inner], shape[axis]);
            return Raw::cpu(out, shape);
        }
        if self.is_empty() {
            return self.nothing(shape);
        }
        let zeros = Dispatch::float_zeros(shape, &self.device().burn(), FLOAT);
        Raw::float(Dispatch::float_scatter(
            axis,
            zeros,
            indices.prim(),
            self.prim(),
            IndexingUpdateOp::Add,
        ))
    }

    /// Tensors of one dtype joined along `axis`.
    pub fn cat(parts: &[Raw], axis: usize) -> Raw {
        let dtype = parts[0].dtype();
        let prims: Vec<_> = parts.iter().map(|p| p.prim()).collect();
        let prim = match dtype {
            Dtype::F32 => Dispatch::float_cat(prims, axis),
            Dtype::Int => Dispatch::int_cat(prims, axis),
            Dtype::Bool => Dispatch::bool_cat(prims, axis),
        };
        let mut bounds = parts.iter().map(Raw::bounds);
        let first = bounds.next().flatten();
        let both = |a: Option<(i32, i32)>, b: Option<(i32, i32)>| {
            let (a, b) = (a?, b?);
            Some((a.0.min(b.0), a.1.max(b.1)))
        };
        Raw::wrap(prim, dtype).within(bounds.fold(first, both))
    }

    /// Reversed along `axes`.
    pub fn flip(&self, axes: &[usize]) -> Raw {
        // flex would start a reversed view one element before an empty storage.
        if self.is_empty() || axes.is_empty() {
            return self.clone();
        }
        let prim = match self.dtype() {
            Dtype::F32 => Dispatch::float_flip(self.prim(), axes),
            Dtype::Int => Dispatch::int_flip(self.prim(), axes),
            Dtype::Bool => Dispatch::bool_flip(self.prim(), axes),
        };
        Raw::wrap(prim, self.dtype()).within(self.bounds())
    }

    /// For each place along `axis`, the index of the element that sorting puts there.
    pub fn argsort(&self, axis: usize, descending: bool) -> Raw {
        if let Some(home) = self.too_long_for(self.shape()[axis]) {
            return self.on_cpu().argsort(axis, descending).to_device(&home);
        }
        let prim = match self.dtype() {
            Dtype::F32 => Dispatch::float_argsort(self.prim(), axis, descending, INT),
            _ => Dispatch::int_argsort(self.prim(), axis, descending),
        };
        Raw::wrap(prim, Dtype::Int).within(self.places(axis))
    }
}
