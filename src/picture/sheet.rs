//! Values over a rectangle, for maps and contours, and the ranges of values.

use saddle_fault::{Fault, Result};

/// Values over a rectangle: row 0 lies at `y.0`, column 0 at `x.0`.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// How many rows of values.
    pub rows: usize,
    /// How many columns of values.
    pub cols: usize,
    /// Row by row.
    pub values: Vec<f32>,
    /// Where the first and the last column lie.
    pub x: (f64, f64),
    /// Where the first and the last row lie.
    pub y: (f64, f64),
}

impl Sheet {
    /// # Errors
    /// Shape: `values` are not rows · cols.
    pub fn new(values: Vec<f32>, rows: usize, cols: usize, x: (f64, f64), y: (f64, f64)) -> Result<Self> {
        if values.len() != rows * cols {
            return Err(Fault::shape(format!(
                "a sheet of {rows}×{cols} has {} values, got {}",
                rows * cols,
                values.len()
            )));
        }
        Ok(Self { rows, cols, values, x, y })
    }

    /// The smallest and the largest finite value.
    pub fn limits(&self) -> Option<(f64, f64)> {
        limits(self.values.iter().map(|&v| v as f64))
    }
}

/// The smallest and the largest finite value.
pub fn limits(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) =
        values.filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    (low <= high).then_some((low, high))
}

/// The smallest range that holds both.
pub fn union(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
