//! What every measure is about: rows of finite numbers.

use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Tensor, shown};

/// The largest magnitude of a number: squares and their sums stay far from overflow.
const MAX_MAGNITUDE: f32 = 1e15;

/// The largest magnitude of numbers of which squares of differences may vanish in single precision.
const TINY: f32 = 1e-6;

/// Points of one dimension, at least one, row by row. All numbers are finite.
#[derive(Clone)]
pub struct Samples {
    values: Vec<f32>,
    count: usize,
    dim: usize,
    /// Where products of these samples are computed.
    device: Device,
}

impl Samples {
    /// The rows of a tensor, each with all that it holds: pictures `[n, 1, 28, 28]` are n points of 784 coordinates,
    /// and a tensor `[n]` is n points on the line. `word` and `what` name them in errors: "fid: real samples are …".
    ///
    /// # Errors
    /// A tensor that is a single number or empty; NaN, infinity, or numbers beyond 1e15.
    pub fn read(word: &str, what: &str, t: &Tensor) -> Result<Self> {
        let shape = t.shape();
        if shape.is_empty() || t.is_empty() {
            return Err(Fault::shape(format!("{word}: {what} are needed, got shape {}", shown(&shape)))
                .hint("one row for each: [n, features]"));
        }
        let count = shape[0];
        let dim = t.len() / count;
        let values = t.to_floats()?;
        if let Some(at) = values.iter().position(|v| v.is_nan() || v.abs() > MAX_MAGNITUDE) {
            return Err(Fault::value(format!(
                "{word}: {what} must be finite and moderate, but number {} is {}",
                at / dim,
                values[at]
            )));
        }
        Ok(Self { values, count, dim, device: t.device() })
    }

    /// Two sets multiplied by the same power of two, by which comparisons of distances do not change, where their
    /// numbers are so small that squares would vanish.
    pub fn enlarged(a: &Self, b: &Self) -> Option<[Self; 2]> {
        let top = a.values.iter().chain(&b.values).fold(0f32, |top, v| top.max(v.abs()));
        if top >= TINY || top == 0.0 {
            return None;
        }
        // In two steps: the whole factor may be beyond single precision.
        let half = 2f32.powi((-top.log2() / 2.0) as i32);
        Some([a, b].map(|set| {
            let values = set.values.iter().map(|v| v * half * half).collect();
            Self { values, device: set.device.clone(), ..*set }
        }))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many coordinates each has.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Where the tensor lay that they were read from.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// All numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The `i`-th sample.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// All samples, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }

    /// The samples at those places.
    pub fn select(&self, places: &[usize]) -> Self {
        Self {
            values: places.iter().flat_map(|&i| self.row(i)).copied().collect(),
            count: places.len(),
            dim: self.dim,
            device: self.device.clone(),
        }
    }

    /// The mean of each coordinate.
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim];
        for row in self.rows() {
            mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v));
        }
        mean.iter_mut().for_each(|m| *m /= self.count as f64);
        mean
    }

    /// An error unless both have points of the same dimension.
    pub fn check_dims(word: &str, a: &Self, b: &Self) -> Result<()> {
        if a.dim == b.dim {
            return Ok(());
        }
        Err(Fault::shape(format!("{word}: samples of {} and of {} numbers each cannot be compared", a.dim, b.dim)))
    }
}

/// The squared distance of two points, in double precision.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}
