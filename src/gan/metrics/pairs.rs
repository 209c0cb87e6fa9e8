//! Squared distances between all points of two sets, in blocks of bounded memory.
//!
//! Points of few coordinates are subtracted. For the others ‖x − y‖² = ‖x‖² + ‖y‖² − 2 x·y, so that the work is a matrix
//! product. That loses what the norms exceed the distance by: hence both sets are moved first, so that the mean of one is
//! the origin, and the norms are summed in double precision. The rest is about 1e-6 of ‖x‖² + ‖y‖².

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

/// Two sets of points of one dimension.
pub struct Pairs {
    from: usize,
    to: usize,
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
                0..=FEW => Way::Difference(Plain::new(from, to)),
                _ => {
                    let origin = to.mean();
                    let centred = |set| Centred::new(set, &origin, from.device());
                    Way::Product(Box::new([centred(from), centred(to)]))
                }
            },
        })
    }

    /// Gives `body` the squared distances, for all columns of some rows, then for the next rows. They are the same to the
    /// last bit whichever of the two points is in a row.
    pub fn squares(&self, poll: Poll, mut body: impl FnMut(Block)) -> Result<()> {
        self.each_block(poll, |rows, columns| {
            let values = match &self.way {
                Way::Difference(points) => {
                    let mut values = points.exponents(&rows, &columns);
                    values.iter_mut().for_each(|v| *v *= -2.0);
                    values
                }
                Way::Product(sets) => {
                    let [x, y] = &**sets;
                    let mut values = x.products(&rows, y, &columns, None)?;
                    let halves: Vec<f32> = singles(&y.halves[columns.clone()]).collect();
                    let each = values.chunks_exact_mut(columns.len());
                    for (row, half_x) in each.zip(singles(&x.halves[rows.clone()])) {
                        for (v, half_y) in row.iter_mut().zip(&halves) {
                            *v = (2.0 * (half_x + half_y - *v)).max(0.0);
                        }
                    }
                    values
                }
            };
            body(Block {
                rows,
                columns,
                values,
            });
            Ok(())
        })
    }

    /// Gives `body` −½‖x − y‖² + cₓ in blocks, with the numbers cₓ, one for each row of the block: the exponents of Gaussian
    /// kernels, with one pass less over memory than distances.
    pub fn exponents(&self, poll: Poll, mut body: impl FnMut(Block, &[f64])) -> Result<()> {
        let zeros = vec![0.0; self.from];
        self.each_block(poll, |rows, columns| {
            let (values, shifts) = match &self.way {
                Way::Difference(points) => (points.exponents(&rows, &columns), &zeros),
                Way::Product(sets) => {
                    let [x, y] = &**sets;
                    let bias = singles(&y.halves[columns.clone()]).map(|v| -v).collect();
                    (x.products(&rows, y, &columns, Some(bias))?, &x.halves)
                }
            };
            let shifts = &shifts[rows.clone()];
            let block = Block {
                rows,
                columns,
                values,
            };
            body(block, shifts);
            Ok(())
        })
    }

    fn each_block(
        &self,
        poll: Poll,
        mut body: impl FnMut(Range<usize>, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let pairs = (WORK / self.dim).clamp(SIDE * SIDE, PAIRS);
        let width = self.to.min(COLUMNS).min(pairs / SIDE);
        let height = pairs / width;
        for top in (0..self.from).step_by(height) {
            for left in (0..self.to).step_by(width) {
                poll()?;
                let rows = top..self.from.min(top + height);
                body(rows, left..self.to.min(left + width))?;
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
        Self {
            x: from.values().to_vec(),
            y: (0..dim).flat_map(coordinate).collect(),
            dim,
        }
    }

    /// −½‖x − y‖².
    fn exponents(&self, rows: &Range<usize>, columns: &Range<usize>) -> Vec<f32> {
        let n = self.y.len() / self.dim;
        let mut values = vec![0.0; rows.len() * columns.len()];
        let points = self.x[rows.start * self.dim..].chunks_exact(self.dim);
        for (x, row) in points.zip(values.chunks_exact_mut(columns.len())) {
            for (k, &x) in x.iter().enumerate() {
                let y = &self.y[k * n..(k + 1) * n][columns.clone()];
                for (sum, &y) in row.iter_mut().zip(y) {
                    *sum -= 0.5 * (y - x) * (y - x);
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
        Self {
            points: Tensor::from_floats(values, &shape, device),
            halves,
        }
    }

    /// x·y, plus a number for each column.
    fn products(
        &self,
        rows: &Range<usize>,
        other: &Self,
        columns: &Range<usize>,
        bias: Option<Vec<f32>>,
    ) -> Result<Vec<f32>> {
        no_grad(|| {
            let x = self.points.narrow(0, rows.clone())?;
            let y = other.points.narrow(0, columns.clone())?;
            let device = self.points.device();
            let bias = bias.map(|bias| Tensor::from_floats(bias, &[columns.len()], &device));
            x.linear(&y, bias.as_ref())?.to_floats()
        })
    }
}
