//! Squared distances between all points of two sets, in blocks of bounded memory.
//!
//! Points of few coordinates are subtracted. For the others ‖x − y‖² = ‖x‖² + ‖y‖² − 2 x·y, so that the work is a matrix
//! product. That loses what the norms exceed the distance by: hence both sets are moved first, so that the mean of one is
//! the origin, and the norms are summed in double precision. The rest is about 1e-6 of ‖x‖² + ‖y‖².

use super::{Poll, Samples};
use crate::fault::Result;
use crate::tensor::{Tensor, no_grad};
use std::ops::Range;

/// Up to so many coordinates points are subtracted.
const FEW: usize = 16;
/// Pairs in a block, at most.
const PAIRS: usize = 1 << 22;
/// Products in a block, about: some tens of milliseconds of work, so that an interrupt is heard.
const WORK: usize = 1 << 32;
/// Rows and columns that a block has at least, where there are so many: below, products are slow.
const SIDE: usize = 512;
/// Columns in a block, at most.
const COLUMNS: usize = 1 << 14;

/// Two sets of points of one dimension.
pub struct Pairs {
    from: usize,
    to: usize,
    dim: usize,
    way: Way,
}

enum Way {
    Difference {
        x: Vec<f32>,
        /// Coordinate by coordinate: all first ones, all second ones, …
        y: Vec<f32>,
    },
    Product {
        x: Tensor,
        y: Tensor,
        /// ½‖x‖².
        half_x: Vec<f64>,
        /// −½‖y‖².
        minus_half_y: Tensor,
    },
}

/// For the points `rows` of one set and `columns` of the other: −½‖x − y‖² + offset of x, row by row.
pub struct Block {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub values: Vec<f32>,
    /// One for each row.
    pub offsets: Vec<f64>,
}

impl Block {
    /// One row: its place, its offset and its values.
    pub fn each_row(&self) -> impl Iterator<Item = (usize, f64, &[f32])> {
        let rows = self.values.chunks_exact(self.columns.len());
        self.rows
            .clone()
            .zip(rows)
            .zip(&self.offsets)
            .map(|((i, row), &offset)| (i, offset, row))
    }

    /// The squared distances of each row.
    pub fn squares(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = f32> + '_)> {
        self.each_row().map(|(i, offset, row)| {
            let double = 2.0 * offset as f32;
            (i, row.iter().map(move |v| (double - 2.0 * v).max(0.0)))
        })
    }
}

impl Pairs {
    /// The pairs of a point of `from` and one of `to`.
    ///
    /// # Errors
    /// Points of different dimensions.
    pub fn new(word: &str, from: &Samples, to: &Samples) -> Result<Self> {
        Samples::check_dims(word, from, to)?;
        Ok(Self {
            from: from.count(),
            to: to.count(),
            dim: from.dim(),
            way: match from.dim() {
                0..=FEW => Way::difference(from, to),
                _ => Way::product(from, to)?,
            },
        })
    }

    /// Calls `body` for blocks that together hold each pair once: for all columns of some rows, then for the next rows.
    pub fn each_block(&self, poll: Poll, mut body: impl FnMut(Block)) -> Result<()> {
        let pairs = (WORK / self.dim).clamp(SIDE * SIDE, PAIRS);
        let width = self.to.min(COLUMNS).min(pairs / SIDE);
        let height = pairs / width;
        for top in (0..self.from).step_by(height) {
            let rows = top..self.from.min(top + height);
            for left in (0..self.to).step_by(width) {
                poll()?;
                let columns = left..self.to.min(left + width);
                body(self.block(rows.clone(), columns)?);
            }
        }
        Ok(())
    }

    fn block(&self, rows: Range<usize>, columns: Range<usize>) -> Result<Block> {
        let (values, offsets) = match &self.way {
            Way::Difference { x, y } => {
                let x = &x[rows.start * self.dim..rows.end * self.dim];
                let values = minus_half_squares(x, y, self.dim, columns.clone());
                (values, vec![0.0; rows.len()])
            }
            Way::Product {
                x,
                y,
                half_x,
                minus_half_y,
            } => no_grad(|| {
                let x = x.narrow(0, rows.clone())?;
                let y = y.narrow(0, columns.clone())?;
                let bias = minus_half_y.narrow(0, columns.clone())?;
                let values = x.linear(&y, Some(&bias))?.to_floats()?;
                Ok::<_, crate::fault::Fault>((values, half_x[rows.clone()].to_vec()))
            })?,
        };
        Ok(Block {
            rows,
            columns,
            values,
            offsets,
        })
    }
}

impl Way {
    fn difference(from: &Samples, to: &Samples) -> Self {
        let (n, dim) = (to.count(), to.dim());
        let y = (0..dim)
            .flat_map(|k| (0..n).map(move |j| to.values()[j * dim + k]))
            .collect();
        Way::Difference {
            x: from.values().to_vec(),
            y,
        }
    }

    fn product(from: &Samples, to: &Samples) -> Result<Self> {
        let origin = to.mean();
        let moved = |samples: &Samples| -> (Vec<f32>, Vec<f64>) {
            let mut values = samples.values().to_vec();
            let halves = values.chunks_exact_mut(samples.dim()).map(|row| {
                let mut sum = 0.0;
                for (v, &mean) in row.iter_mut().zip(&origin) {
                    *v = (f64::from(*v) - mean) as f32;
                    sum += f64::from(*v) * f64::from(*v);
                }
                0.5 * sum
            });
            let halves = halves.collect();
            (values, halves)
        };
        let ((x, half_x), (y, half_y)) = (moved(from), moved(to));
        let minus_half_y = half_y.iter().map(|&v| -v as f32).collect();
        let device = from.device();
        Ok(Way::Product {
            x: Tensor::from_floats(x, &[from.count(), from.dim()], device),
            y: Tensor::from_floats(y, &[to.count(), to.dim()], device),
            half_x,
            minus_half_y: Tensor::from_floats(minus_half_y, &[to.count()], device),
        })
    }
}

/// −½‖x − y‖² for rows `x` and the points `columns` of `y`, which lies coordinate by coordinate.
fn minus_half_squares(x: &[f32], y: &[f32], dim: usize, columns: Range<usize>) -> Vec<f32> {
    let n = y.len() / dim;
    let mut values = vec![0.0; x.len() / dim * columns.len()];
    for (x, row) in x
        .chunks_exact(dim)
        .zip(values.chunks_exact_mut(columns.len()))
    {
        for (k, &x) in x.iter().enumerate() {
            let y = &y[k * n..(k + 1) * n][columns.clone()];
            for (sum, &y) in row.iter_mut().zip(y) {
                *sum -= 0.5 * (y - x) * (y - x);
            }
        }
    }
    values
}
