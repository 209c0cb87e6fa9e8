//! Softmax and its logarithm over some axes of a tensor of values.

use super::Raw;
use crate::shape::Shape;
use saddle_cpu::{Binary, Unary};

impl Raw {
    /// eˣ / Σ eˣ over `axes`, or its logarithm. The maximum is taken off first, which is exact where it matters. Over
    /// ∞, NaN or nothing but −∞ it is NaN.
    pub fn softmax(&self, axes: &[usize], log: bool) -> Raw {
        if self.view().is_none() {
            return self.softmax_in_steps(axes, log);
        }
        let shape = self.shape();
        let Rows { order, back, rows, columns } = Rows::along(axes, &shape);
        let moved = self.permute(&order).contiguous();
        let x = moved.slice().unwrap_or_default();
        let y = match log {
            false => saddle_cpu::softmax_rows(x, rows, columns),
            true => saddle_cpu::log_softmax_rows(x, rows, columns),
        };
        Raw::cpu(y, moved.shape()).permute(&back)
    }

    /// The gradient of the softmax over `axes` for its result and the gradient `g` of that; `None` where the device has
    /// no kernel for it.
    pub fn softmax_grad(&self, g: &Raw, axes: &[usize]) -> Option<Raw> {
        self.view()?;
        let Rows { order, back, rows, columns } = Rows::along(axes, &self.shape());
        let [y, g] = [self, g].map(|x| x.permute(&order).contiguous());
        let out = saddle_cpu::softmax_grad_rows(y.slice()?, g.slice()?, rows, columns);
        Some(Raw::cpu(out, y.shape()).permute(&back))
    }

    fn softmax_in_steps(&self, axes: &[usize], log: bool) -> Raw {
        let shape: Shape = self.shape();
        if self.is_empty() {
            return self.clone();
        }
        let top = axes.iter().fold(self.clone(), |raw, &a| raw.extreme_axis(a, true).0);
        let shifted = self.binary(Binary::Sub, &top, &shape);
        let terms = shifted.unary(Unary::Exp);
        let total = axes.iter().fold(terms.clone(), |raw, &a| raw.sum_axis(a));
        match log {
            false => terms.binary(Binary::Div, &total, &shape),
            true => shifted.binary(Binary::Sub, &total.unary(Unary::Log), &shape),
        }
    }
}

/// The axes in an order in which every row is one softmax: those that stay come first.
struct Rows {
    order: Vec<usize>,
    /// The axes back in their places.
    back: Vec<usize>,
    rows: usize,
    columns: usize,
}

impl Rows {
    fn along(axes: &[usize], shape: &Shape) -> Self {
        let mut order: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
        let rows = order.iter().map(|&a| shape[a]).product();
        order.extend_from_slice(axes);
        let columns = axes.iter().map(|&a| shape[a]).product();
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        Self { order, back, rows, columns }
    }
}
