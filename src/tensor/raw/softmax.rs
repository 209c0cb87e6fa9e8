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
        let lines = Lines::along(axes, &self.shape());
        let x = lines.ordered(self);
        let y = saddle_cpu::softmax(x.slice().unwrap_or_default(), lines.sizes, log);
        lines.back(Raw::cpu(y, x.shape()))
    }

    /// The gradient of the softmax over `axes` for its result and the gradient `g` of that; `None` where the device has
    /// no kernel for it.
    pub fn softmax_grad(&self, g: &Raw, axes: &[usize]) -> Option<Raw> {
        self.view()?;
        let lines = Lines::along(axes, &self.shape());
        let [y, g] = [self, g].map(|x| lines.ordered(x));
        let out = saddle_cpu::softmax_grad(y.slice()?, g.slice()?, lines.sizes);
        Some(lines.back(Raw::cpu(out, y.shape())))
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

/// What softmax goes along: the middle axis of three, after axes that do not lie side by side have been moved to the end.
struct Lines {
    sizes: [usize; 3],
    /// The order of the axes in which they lie side by side, and the axes back in their places; nothing where they do.
    moved: Option<[Vec<usize>; 2]>,
}

impl Lines {
    fn along(axes: &[usize], shape: &Shape) -> Self {
        let size = |axes: &[usize]| -> usize { axes.iter().map(|&a| shape[a]).product() };
        let all: Vec<usize> = (0..shape.len()).collect();
        if let (Some(&first), Some(&last)) = (axes.first(), axes.last())
            && axes.iter().copied().eq(first..=last)
        {
            return Self { sizes: [size(&all[..first]), size(axes), size(&all[last + 1..])], moved: None };
        }
        let mut order: Vec<usize> = all.into_iter().filter(|a| !axes.contains(a)).collect();
        let sizes = [size(&order), size(axes), 1];
        order.extend_from_slice(axes);
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        Self { sizes, moved: Some([order, back]) }
    }

    fn ordered(&self, x: &Raw) -> Raw {
        match &self.moved {
            Some([order, _]) => x.permute(order).contiguous(),
            None => x.contiguous(),
        }
    }

    fn back(&self, y: Raw) -> Raw {
        match &self.moved {
            Some([_, back]) => y.permute(back),
            None => y,
        }
    }
}
