//! The same elements in other shapes and orders: views on the CPU, operations on other devices.

use super::{Raw, far, held};
use crate::shape::Shape;
use far::numbers;
use saddle_backend::Op;

impl Raw {
    /// The same elements, in row-major order, in another shape of the same size.
    pub fn reshape(&self, shape: Shape) -> Self {
        if let Some(view) = self.view() {
            return Self::viewed(view.reshape(shape), self.dtype);
        }
        let far = far::compute(Op::Reshape, &[self.far()], &numbers(&held(&shape)), &[]);
        Self::wrap(far, self.dtype).within(self.bounds).of(&shape)
    }

    /// The axes in another order.
    pub fn permute(&self, axes: &[usize]) -> Self {
        if axes.is_empty() {
            return self.clone();
        }
        if let Some(view) = self.view() {
            return Self::viewed(view.permute(axes), self.dtype);
        }
        let shape = self.shape();
        if shape.iter().any(|&n| n <= 1) {
            return self.permute_long(axes, &shape);
        }
        let far = far::compute(Op::Permute, &[self.far()], &numbers(axes), &[]);
        Self::wrap(far, self.dtype).within(self.bounds)
    }

    /// As [`Raw::permute`], for axes of which some have one element: only the others change places. Burn 0.22.1 fuses
    /// operations on a tensor whose axis of one element has a smaller stride than its place would give it, and then
    /// takes the wrong elements of the other operands.
    fn permute_long(&self, axes: &[usize], shape: &Shape) -> Self {
        let sizes = |axes: &[usize]| -> Vec<usize> { axes.iter().map(|&a| shape[a]).collect() };
        let permuted = Shape::from(sizes(axes));
        if self.is_empty() {
            return Self::empty(&permuted, self.dtype, &self.device());
        }
        let long: Vec<usize> = (0..axes.len()).filter(|&a| shape[a] > 1).collect();
        let place = |axis: usize| long.iter().position(|&a| a == axis);
        let order: Vec<usize> = axes.iter().filter_map(|&a| place(a)).collect();
        match order.is_sorted() {
            true => self.reshape(permuted),
            false => self.reshape(Shape::from(sizes(&long))).permute(&order).reshape(permuted),
        }
    }

    /// A new tensor without the strides that [`Raw::permute_long`] speaks of: Burn's convolutions permute their
    /// results.
    pub(super) fn straightened(self) -> Self {
        let shape = self.shape();
        match self.view().is_none() && shape.contains(&1) {
            true => self.reshape(Shape::new([shape.num_elements()])).reshape(shape),
            false => self,
        }
    }

    /// Broadcast to `shape`, without a copy where the device can.
    pub fn expand(&self, shape: Shape) -> Self {
        if shape.is_empty() {
            return self.clone();
        }
        if let Some(view) = self.view() {
            return Self::viewed(view.expand(&shape), self.dtype);
        }
        if let Some(none) = self.unless_any(&shape, self.dtype) {
            return none;
        }
        let far = far::compute(Op::Expand, &[self.far()], &numbers(&shape), &[]);
        Self::wrap(far, self.dtype).within(self.bounds)
    }
}
