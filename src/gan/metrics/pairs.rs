//! Squared distances between all points of two sets, in blocks of bounded memory.
//!
//! Points of few coordinates are subtracted. For the others ‖x − y‖² = ‖x‖² + ‖y‖² − 2 x·y, so that the work is a
//! matrix product. That loses what the norms exceed the distance by: hence both sets are moved first, so that the mean
//! of one is the origin, the norms are summed in double precision, and pairs that are still much nearer to each other
//! than to the origin are subtracted in double precision after all.

use super::samples::squared_distance;
use super::{Poll, Samples};
use saddle_fault::Result;
use saddle_tensor::{Device, Tensor, no_grad};
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

/// Squared distances below this part of ‖x‖² + ‖y‖² are computed from the differences: a product in single precision is
/// wrong by about 1e-6 of that sum, so that no distance is wrong by more than some 1e-5 of itself.
const NEAR: f32 = 1.0 / 16.0;

/// Two sets of points of one dimension.
pub struct Pairs<'a> {
    from: &'a Samples,
    to: &'a Samples,
    dim: usize,
    way: Way,
}

enum Way {
    Difference(Plain),
    Product(Box<[Centred; 2]>),
}

/// Points as they are.
struct Plain {
    x: Vec<f32>,
    /// Coordinate by coordinate: all first ones, all second ones, …
    y: Vec<f32>,
    dim: usize,
}

/// Points moved by a common vector, and half their squared norms.
struct Centred {
    points: Tensor,
    halves: Vec<f64>,
}

/// What is known of the pairs of some points of one set with some of the other.
pub struct Block {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Block {
    /// One row: its place and its values.
    pub fn each_row(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let rows = self.values.chunks_exact(self.columns.len());
        self.rows.clone().zip(rows)
    }
}

impl<'a> Pairs<'a> {
    /// The pairs of a point of `from` and one of `to`.
    ///
    /// # Errors
    /// Points of different dimensions.
    pub fn new(word: &str, from: &'a Samples, to: &'a Samples) -> Result<Self> {
        Samples::check_dims(word, from, to)?;
        Ok(Self {
            from,
            to,
            dim: from.dim(),
            way: match from.dim() {
                0..=FEW => Way::Difference(Plain::new(from, to)),
                _ => {
                    let origin = to.mean();
                    let centred = |set| Centred::new(set, &origin, from.device());
                    Way::Product(Box::new([centred(from), centred(to)]))
                }
            },
        })
    }

    /// Gives `body` the squared distances, for all columns of some rows, then for the next rows. They are the same to
    /// the last bit whichever of the two points is in a row.
    pub fn squares(&self, poll: Poll, mut body: impl FnMut(Block)) -> Result<()> {
        self.each_block(poll, |rows, columns| {
            let values = match &self.way {
                Way::Difference(points) => points.squares(&rows, &columns),
                Way::Product(sets) => self.by_products(sets, &rows, &columns)?,
            };
            body(Block { rows, columns, values });
            Ok(())
        })
    }

    fn by_products(&self, [x, y]: &[Centred; 2], rows: &Range<usize>, columns: &Range<usize>) -> Result<Vec<f32>> {
        let mut values = x.products(rows, y, columns)?;
        let halves: Vec<f32> = singles(&y.halves[columns.clone()]).collect();
        let each = values.chunks_exact_mut(columns.len());
        for ((i, row), half_x) in rows.clone().zip(each).zip(singles(&x.halves[rows.clone()])) {
            for ((j, v), half_y) in columns.clone().zip(row).zip(&halves) {
                let both = half_x + half_y;
                let half = both - *v;
                *v = match half < NEAR * both {
                    true => squared_distance(self.from.row(i), self.to.row(j)) as f32,
                    false => 2.0 * half,
                };
            }
        }
        Ok(values)
    }

    fn each_block(&self, poll: Poll, mut body: impl FnMut(Range<usize>, Range<usize>) -> Result<()>) -> Result<()> {
        let pairs = (WORK / self.dim).clamp(SIDE * SIDE, PAIRS);
        let width = self.to.count().min(COLUMNS).min(pairs / SIDE);
        let height = pairs / width;
        for top in (0..self.from.count()).step_by(height) {
            for left in (0..self.to.count()).step_by(width) {
                poll()?;
                let rows = top..self.from.count().min(top + height);
                body(rows, left..self.to.count().min(left + width))?;
            }
        }
        Ok(())
    }
}

/// The numbers in single precision.
fn singles(values: &[f64]) -> impl Iterator<Item = f32> {
    values.iter().map(|&v| v as f32)
}

impl Plain {
    fn new(from: &Samples, to: &Samples) -> Self {
        let (n, dim) = (to.count(), to.dim());
        let coordinate = |k: usize| (0..n).map(move |j| to.values()[j * dim + k]);
        Self { x: from.values().to_vec(), y: (0..dim).flat_map(coordinate).collect(), dim }
    }

    fn squares(&self, rows: &Range<usize>, columns: &Range<usize>) -> Vec<f32> {
        let n = self.y.len() / self.dim;
        let mut values = vec![0.0; rows.len() * columns.len()];
        let points = self.x[rows.start * self.dim..].chunks_exact(self.dim);
        for (x, row) in points.zip(values.chunks_exact_mut(columns.len())) {
            for (k, &x) in x.iter().enumerate() {
                let y = &self.y[k * n..(k + 1) * n][columns.clone()];
                for (sum, &y) in row.iter_mut().zip(y) {
                    *sum += (y - x) * (y - x);
                }
            }
        }
        values
    }
}

impl Centred {
    fn new(samples: &Samples, origin: &[f64], device: &Device) -> Self {
        let mut values = samples.values().to_vec();
        let halves = values.chunks_exact_mut(samples.dim()).map(|row| {
            let mut sum = 0.0;
            for (v, mean) in row.iter_mut().zip(origin) {
                *v = (f64::from(*v) - mean) as f32;
                sum += f64::from(*v) * f64::from(*v);
            }
            0.5 * sum
        });
        let halves = halves.collect();
        let shape = [samples.count(), samples.dim()];
        Self { points: Tensor::from_floats(values, &shape, device), halves }
    }

    /// x·y.
    fn products(&self, rows: &Range<usize>, other: &Self, columns: &Range<usize>) -> Result<Vec<f32>> {
        no_grad(|| {
            let x = self.points.narrow(0, rows.clone())?;
            let y = other.points.narrow(0, columns.clone())?;
            x.linear(&y, None)?.to_floats()
        })
    }
}
