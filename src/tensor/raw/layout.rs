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
        match shape.len() > 1 && shape.contains(&1) {
            true => self.in_a_row().shaped(&shape),
            false => self.shaped(&shape),
        }
    }

    /// Of another device's: [`Raw::reshape`] as the device does it.
    fn shaped(&self, shape: &Shape) -> Self {
        let far = far::compute(Op::Reshape, &[self.far()], &numbers(&held(shape)), &[]);
        Self::wrap(far, self.dtype).within(self.bounds).of(shape)
    }

    /// The elements of another device's tensor in one row, in which they lie one after the other.
    ///
    /// To a shape with an axis of one element a tensor goes by this. Burn 0.22.1 gives a permuted tensor another shape
    /// without a copy where it can, and such an axis then has a stride that its place would not give it; where
    /// operations on it are fused, they take the wrong elements of their other operands, without a word. A row that is
    /// in order costs nothing.
    fn in_a_row(&self) -> Self {
        self.shaped(&Shape::new([self.len()]))
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

    /// As [`Raw::permute`], for axes of which some have one element: only the others change places, for the reason at
    /// [`Raw::in_a_row`].
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

    /// A new tensor without the strides that [`Raw::in_a_row`] speaks of: Burn's convolutions permute their results.
    pub(super) fn straightened(self) -> Self {
        let shape = self.shape();
        match self.view().is_none() && shape.contains(&1) {
            true => self.reshape(shape),
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
