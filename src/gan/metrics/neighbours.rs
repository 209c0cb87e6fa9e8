//! The nearest neighbours of samples in a set of points: whether a model has learned its training data by heart.

use super::pairs::Pairs;
use super::samples::squared_distance;
use super::{Poll, Samples};
use saddle_fault::{Fault, Result};

/// Candidates kept beyond the number asked for, because the first distances are in single precision.
const SPARE: usize = 8;

/// What a first squared distance can be wrong by, as a part of it, with a margin.
const SLACK: f64 = 1e-4;

/// A point and its Euclidean distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which sample it is.
    pub index: usize,
    /// How far it is, Euclidean.
    pub distance: f64,
}

/// The `k` points of `data` nearest to each of `x`, nearest first; of equally near ones the first. Distances are in
/// double precision: that of a copy is 0.
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
        let exact = |index: usize| Neighbour { index, distance: squared_distance(x.row(i), data.row(index)).sqrt() };
        let found = first(nearest.kept.iter().map(|kept| exact(kept.1)).collect(), k);
        // A point that was not kept can be nearer than the last of these: then only all distances tell.
        let certain = nearest.kept.len() == data.count()
            || found.last().is_some_and(|last| last.distance.powi(2) < f64::from(nearest.limit()) * (1.0 - SLACK));
        match certain {
            true => found,
            false => first((0..data.count()).map(exact).collect(), k),
        }
    };
    Ok(all.iter().enumerate().map(refine).collect())
}

/// The `k` nearest, nearest first; of equally near ones the first.
fn first(mut all: Vec<Neighbour>, k: usize) -> Vec<Neighbour> {
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index)));
    all.truncate(k);
    all
}

/// An error unless 1 ≤ k ≤ n.
pub(super) fn check_k(word: &str, k: usize, n: usize) -> Result<()> {
    match (1..=n).contains(&k) {
        true => Ok(()),
        false => Err(Fault::value(format!("{word}: k must be from 1 to {n}, the number of points, got {k}"))),
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
        Self { size, kept: Vec::new() }
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
