//! Reductions of values along one axis or over everything.

use super::{Dtype, INT, Raw};
use burn::backend::Dispatch;
use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::tensor::Shape;

/// A shape seen from one axis: how many blocks before it, its size, how many elements behind it.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (
        shape[..axis].iter().product(),
        shape[axis],
        shape[axis + 1..].iter().product(),
    )
}

fn kept(shape: &Shape, axis: usize) -> Shape {
    let mut shape = shape.clone();
    shape[axis] = 1;
    shape
}

impl Raw {
    /// The sum of all elements of a float tensor, of rank 0.
    pub fn sum_all(&self) -> Raw {
        if self.flex().is_some()
            && let Some(x) = self.contiguous().slice()
        {
            return Raw::cpu(vec![saddle_cpu::sum_all(x)], Shape::new([]));
        }
        if self.is_empty() {
            return self.nothing(Shape::new([]));
        }
        if let Some(home) = self.too_long_for(self.len()) {
            return self.on_cpu().sum_all().to_device(&home);
        }
        Raw::float(Dispatch::float_sum(self.prim())).reshape(Shape::new([]))
    }

    /// Sums along `axis`, which stays with size 1.
    pub fn sum_axis(&self, axis: usize) -> Raw {
        let shape = self.shape();
        if self.flex().is_some()
            && let Some(x) = self.contiguous().slice()
        {
            let (outer, n, inner) = around(&shape, axis);
            return Raw::cpu(saddle_cpu::sum_axis(x, outer, n, inner), kept(&shape, axis));
        }
        if self.is_empty() {
            return self.nothing(kept(&shape, axis));
        }
        if let Some(home) = self.too_long_for(shape[axis]) {
            return self.on_cpu().sum_axis(axis).to_device(&home);
        }
        Raw::float(Dispatch::float_sum_dim(self.prim(), axis))
    }

    /// The largest (or smallest) element along `axis` and its index; the axis stays with size 1. NaN counts as extreme.
    pub fn extreme_axis(&self, axis: usize, largest: bool) -> (Raw, Raw) {
        let shape = self.shape();
        if self.flex().is_some()
            && let Some(x) = self.contiguous().slice()
        {
            let (outer, n, inner) = around(&shape, axis);
            let (values, at) = if largest {
                saddle_cpu::max_axis(x, outer, n, inner)
            } else {
                saddle_cpu::min_axis(x, outer, n, inner)
            };
            let out = kept(&shape, axis);
            return (
                Raw::cpu(values, out.clone()),
                Raw::from_ints(at, out, &self.device()),
            );
        }
        if let Some(home) = self.too_long_for(shape[axis]) {
            let (values, at) = self.on_cpu().extreme_axis(axis, largest);
            return (values.to_device(&home), at.to_device(&home));
        }
        let (values, at) = if largest {
            Dispatch::float_max_dim_with_indices(self.prim(), axis, INT)
        } else {
            Dispatch::float_min_dim_with_indices(self.prim(), axis, INT)
        };
        let at = Raw::wrap(at, Dtype::Int).within(self.places(axis));
        (Raw::float(values), at)
    }

    /// Between which numbers the indices along `axis` lie, on a device other than the CPU.
    pub(super) fn places(&self, axis: usize) -> Option<(i32, i32)> {
        let last = i32::try_from(self.shape()[axis]).ok()?.checked_sub(1)?;
        self.flex().is_none().then_some((0, last))
    }

    /// Zeros of `shape` where this is: sums of no elements, of which Burn's kernels for graphics processors leave what was in
    /// memory before.
    pub(super) fn nothing(&self, shape: Shape) -> Raw {
        // Uploaded: a fill may be fused with operations on no elements, and then nothing is filled.
        Raw::from_floats(vec![0.0; shape.num_elements()], shape, &self.device())
    }

    /// Running sums along `axis`.
    pub fn cumsum(&self, axis: usize) -> Raw {
        if let Some(home) = self.too_long_for(self.shape()[axis]) {
            return self.on_cpu().cumsum(axis).to_device(&home);
        }
        Raw::float(Dispatch::float_cumsum(self.prim(), axis))
    }

    /// The sum of an int tensor, of rank 0.
    pub fn int_sum_all(&self) -> Raw {
        if self.is_empty() {
            return Raw::from_ints(vec![0], Shape::new([]), &self.device());
        }
        if let Some(home) = self.too_long_for(self.len()) {
            return self.on_cpu().int_sum_all().to_device(&home);
        }
        Raw::wrap(Dispatch::int_sum(self.prim()), Dtype::Int).reshape(Shape::new([]))
    }

    /// Whether every element (or any) of a bool tensor is true, of rank 0.
    pub fn truth(&self, all: bool) -> Raw {
        if self.is_empty() {
            return Raw::from_bools(vec![all], Shape::new([]), &self.device());
        }
        if let Some(home) = self.too_long_for(self.len()) {
            return self.on_cpu().truth(all).to_device(&home);
        }
        let prim = if all {
            Dispatch::bool_all(self.prim())
        } else {
            Dispatch::bool_any(self.prim())
        };
        Raw::wrap(prim, Dtype::Bool).reshape(Shape::new([]))
    }
}
