//! The nearest neighbours of samples in a set of points: whether a model has learned its training data by heart.

use super::pairs::Pairs;
use super::samples::squared_distance;
use super::{Poll, Samples};
use saddle_fault::{Fault, Result};

/// Candidates kept beyond the number asked for, because the first distances are in single precision.
const SPARE: usize = 8;

/// A point and its Euclidean distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub index: usize,
    pub distance: f64,
}

/// The `k` points of `data` nearest to each of `x`, nearest first; of equally near ones the first. Distances are in double
/// precision: that of a copy is 0.
///
/// # Errors
/// Points of different dimensions; `k` is 0 or more than there are points.
pub fn nearest(x: &Samples, data: &Samples, k: usize, poll: Poll) -> Result<Vec<Vec<Neighbour>>> {
    check_k("nearest_neighbours", k, data.count())?;
    let mut all = vec![Nearest::new(k + SPARE); x.count()];
    Pairs::new("nearest_neighbours", x, data)?.squares(poll, |block| {
        for (i, row) in block.each_row() {
            all[i].offer(block.columns.start, row);
        }
    })?;
    let refine = |(i, nearest): (usize, &Nearest)| {
        let exact = |&(_, index): &(f32, usize)| Neighbour {
            index,
            distance: squared_distance(x.row(i), data.row(index)).sqrt(),
        };
        let mut found: Vec<Neighbour> = nearest.kept.iter().map(exact).collect();
        found.sort_by(|a, b| {
            a.distance
                .total_cmp(&b.distance)
                .then(a.index.cmp(&b.index))
        });
        found.truncate(k);
        found
    };
    Ok(all.iter().enumerate().map(refine).collect())
}

/// An error unless 1 ≤ k ≤ n.
pub(super) fn check_k(word: &str, k: usize, n: usize) -> Result<()> {
    match (1..=n).contains(&k) {
        true => Ok(()),
        false => Err(Fault::value(format!(
            "{word}: k must be from 1 to {n}, the number of points, got {k}"
        ))),
    }
}

/// The smallest values offered so far, with their places; the smallest first, of equal ones the first offered.
#[derive(Clone)]
pub(super) struct Nearest {
    size: usize,
    kept: Vec<(f32, usize)>,
}

impl Nearest {
    pub fn new(size: usize) -> Self {
        Self {
            size,
            kept: Vec::new(),
        }
    }

    /// The values at the places `start`, `start + 1`, ….
    pub fn offer(&mut self, start: usize, values: &[f32]) {
        let mut limit = self.limit();
        for (j, &value) in values.iter().enumerate() {
            if value < limit {
                let at = self.kept.partition_point(|kept| kept.0 <= value);
                self.kept.truncate(self.size - 1);
                self.kept.insert(at, (value, start + j));
                limit = self.limit();
            }
        }
    }

    /// What a value must be below to be kept: the last one kept, once there are enough.
    pub fn limit(&self) -> f32 {
        match self.kept.last() {
            Some(last) if self.kept.len() == self.size => last.0,
            _ => f32::INFINITY,
        }
    }
}
