//! Reductions of values along one axis or over everything.

use super::far::{along, compute_two, one};
use super::math::overflow;
use super::{Dtype, Raw};
use crate::shape::Shape;
use crate::view::Element;
use saddle_backend::Op;
use saddle_fault::Result;

/// A shape seen from one axis: how many blocks before it, its size, how many elements behind it.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

fn kept(shape: &Shape, axis: usize) -> Shape {
    let mut shape = shape.clone();
    shape[axis] = 1;
    shape
}

impl Raw {
    /// The sum of all elements of a float tensor, of rank 0.
    pub fn sum_all(&self) -> Raw {
        if self.view().is_some()
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
        Raw::float(one(Op::Sum, self.far())).reshape(Shape::new([]))
    }

    /// Whether a float on the CPU is infinite or NaN; elsewhere nobody looks.
    pub fn overflows(&self) -> bool {
        self.slice().is_some_and(|all| all.iter().any(|v| !v.is_finite()))
    }

    /// Sums along `axis`, which stays with size 1.
    pub fn sum_axis(&self, axis: usize) -> Raw {
        let shape = self.shape();
        if self.view().is_some()
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
        Raw::float(along(Op::SumDim, self.far(), axis))
    }

    /// The largest (or smallest) element along `axis` and its index; the axis stays with size 1. NaN counts as extreme.
    pub fn extreme_axis(&self, axis: usize, largest: bool) -> (Raw, Raw) {
        let shape = self.shape();
        if self.view().is_some()
            && let Some(x) = self.contiguous().slice()
        {
            let (outer, n, inner) = around(&shape, axis);
            let (values, at) = if largest {
                saddle_cpu::max_axis(x, outer, n, inner)
            } else {
                saddle_cpu::min_axis(x, outer, n, inner)
            };
            let out = kept(&shape, axis);
            return (Raw::cpu(values, out.clone()), Raw::cpu(at.into_iter().map(i64::from).collect(), out));
        }
        if let Some(home) = self.too_long_for(shape[axis]) {
            let (values, at) = self.on_cpu().extreme_axis(axis, largest);
            return (values.to_device(&home), at.to_device(&home));
        }
        let op = if largest { Op::MaxDim } else { Op::MinDim };
        let (values, at) = compute_two(op, &[self.far()], &[axis as i64]);
        let at = Raw::wrap(at, Dtype::Int).within(self.places(axis));
        (Raw::float(values), at)
    }

    /// Between which numbers the indices along `axis` lie, on a device other than the CPU.
    pub(super) fn places(&self, axis: usize) -> Option<(i64, i64)> {
        let last = i64::try_from(self.shape()[axis]).ok()?.checked_sub(1)?;
        self.view().is_none().then_some((0, last))
    }

    /// Zeros of `shape` where this is: sums of no elements, of which Burn's kernels for graphics processors leave what
    /// was in memory before.
    pub(super) fn nothing(&self, shape: Shape) -> Raw {
        // Uploaded: a fill may be fused with operations on no elements, and then nothing is filled.
        Raw::from_floats(vec![0.0; shape.num_elements()], shape, &self.device())
    }

    /// Running sums along `axis`. On the CPU summed in double precision: of 2·10⁷ ones the last is 2·10⁷.
    pub fn cumsum(&self, axis: usize) -> Raw {
        if self.view().is_some() {
            let mut sum = 0.0;
            return self
                .running(axis, |v: f32, first| {
                    sum = if first { 0.0 } else { sum } + f64::from(v);
                    Some(sum as f32)
                })
                .unwrap_or_else(|| self.clone());
        }
        if let Some(home) = self.too_long_for(self.shape()[axis]) {
            return self.on_cpu().cumsum(axis).to_device(&home);
        }
        Raw::float(along(Op::CumSum, self.far(), axis))
    }

    /// Running sums of an int tensor along `axis`; on another device by way of the CPU.
    ///
    /// # Errors
    /// A sum of more than 64 bits.
    pub fn int_cumsum(&self, axis: usize) -> Result<Raw> {
        let here = self.on_cpu();
        let mut sum = 0i64;
        let sums = here.running(axis, |v: i64, first| {
            sum = if first { 0 } else { sum }.checked_add(v)?;
            Some(sum)
        });
        Ok(sums.ok_or_else(overflow)?.to_device(&self.device()))
    }

    /// Sums of an int tensor along `axis`, which stays with size 1; on another device by way of the CPU.
    ///
    /// # Errors
    /// A sum of more than 64 bits.
    pub fn int_sum_axis(&self, axis: usize) -> Result<Raw> {
        let (shape, data) = (self.shape(), self.to_ints()?);
        let (outer, n, inner) = around(&shape, axis);
        let sum = |start: usize| {
            let mut line = (0..n).map(|k| data[start + k * inner]);
            line.try_fold(0i64, i64::checked_add)
        };
        let starts = (0..outer).flat_map(|o| (0..inner).map(move |i| o * n * inner + i));
        let sums: Option<Vec<i64>> = starts.map(sum).collect();
        let sums = sums.ok_or_else(overflow)?;
        Ok(Raw::from_ints(sums, kept(&shape, axis), &self.device()))
    }

    /// As [`Raw::extreme_axis`], of an int tensor; on another device by way of the CPU.
    ///
    /// # Errors
    /// The device's.
    pub fn int_extreme_axis(&self, axis: usize, largest: bool) -> Result<(Raw, Raw)> {
        let (shape, data) = (self.shape(), self.to_ints()?);
        let (outer, n, inner) = around(&shape, axis);
        let (mut values, mut places) = (Vec::new(), Vec::new());
        for start in (0..outer).flat_map(|o| (0..inner).map(move |i| o * n * inner + i)) {
            let value = |k: usize| data[start + k * inner];
            let wins = |k: usize, best: usize| match largest {
                true => value(k) > value(best),
                false => value(k) < value(best),
            };
            let best = (1..n).fold(0, |best, k| if wins(k, best) { k } else { best });
            values.push(value(best));
            places.push(best as i64);
        }
        let (out, device) = (kept(&shape, axis), self.device());
        let values = Raw::from_ints(values, out.clone(), &device);
        Ok((values, Raw::from_ints(places, out, &device)))
    }

    /// `f` of each element along `axis`, in order, and whether it is the first of its line; `None` where `f` gives
    /// none.
    fn running<T: Element>(&self, axis: usize, mut f: impl FnMut(T, bool) -> Option<T>) -> Option<Raw> {
        let shape = self.shape();
        let mut data: Vec<T> = self.view()?.to_vec()?;
        let (outer, n, inner) = around(&shape, axis);
        for line in (0..outer).flat_map(|o| (0..inner).map(move |i| o * n * inner + i)) {
            for k in 0..n {
                let at = line + k * inner;
                data[at] = f(data[at], k == 0)?;
            }
        }
        Some(Raw::cpu(data, shape))
    }

    /// The sum of an int tensor, of rank 0.
    ///
    /// # Errors
    /// A sum of more than 64 bits.
    pub fn int_sum_all(&self) -> Result<Raw> {
        // A device would wrap what its bits do not hold.
        let sum = self.to_ints()?.into_iter().try_fold(0i64, i64::checked_add);
        let sum = sum.ok_or_else(overflow)?;
        Ok(Raw::from_ints(vec![sum], Shape::new([]), &self.device()))
    }

    /// Whether every element (or any) of a bool tensor is true, of rank 0.
    pub fn truth(&self, all: bool) -> Raw {
        if let Some(view) = self.view() {
            let values = view.to_vec::<bool>().unwrap_or_default();
            let holds = if all { values.iter().all(|&v| v) } else { values.iter().any(|&v| v) };
            return Raw::cpu(vec![holds], Shape::new([]));
        }
        if self.is_empty() {
            return Raw::from_bools(vec![all], Shape::new([]), &self.device());
        }
        if let Some(home) = self.too_long_for(self.len()) {
            return self.on_cpu().truth(all).to_device(&home);
        }
        let op = if all { Op::All } else { Op::Any };
        Raw::wrap(one(op, self.far()), Dtype::Bool).reshape(Shape::new([]))
    }
}
