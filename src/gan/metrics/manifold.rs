//! Fidelity and diversity apart. The balls around the points of a set that reach to their k-th nearest neighbours stand
//! for where that set lives: precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

use super::neighbours::Nearest;
use super::pairs::Pairs;
use super::{Poll, Samples};
use saddle_fault::{Fault, Result};

/// Shares in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Of the generated samples, those in the ball of a real one.
    pub precision: f64,
    /// Of the real samples, those in the ball of a generated one.
    pub recall: f64,
    /// How many real samples have k copies: in their balls lies nothing but a copy.
    pub empty: usize,
}

/// Density and coverage (Naeem et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityCoverage {
    /// In how many balls of real samples a generated one lies on average, over k: about 1 for a perfect model.
    pub density: f64,
    /// The share of real samples in whose ball there is a generated one.
    pub coverage: f64,
    /// How many real samples have k copies: their balls have no inside, and nothing counts there.
    pub empty: usize,
}

/// Precision and recall with closed balls.
///
/// # Errors
/// Samples of different dimensions; `k` below 1, or not below the number of samples of each set.
pub fn precision_recall(real: &Samples, fake: &Samples, k: usize, poll: Poll) -> Result<PrecisionRecall> {
    let word = "precision_recall";
    if let Some([real, fake]) = Samples::enlarged(real, fake) {
        return precision_recall(&real, &fake, k, poll);
    }
    let pairs = Pairs::new(word, fake, real)?;
    let (around_real, around_fake) = (radii(word, real, k, poll)?, radii(word, fake, k, poll)?);
    let mut precise = vec![false; fake.count()];
    let mut recalled = vec![false; real.count()];
    pairs.squares(poll, |block| {
        let radii = &around_real[block.columns.clone()];
        for (i, squares) in block.each_row() {
            let recalled = &mut recalled[block.columns.clone()];
            for ((square, radius), recalled) in squares.iter().zip(radii).zip(recalled) {
                precise[i] |= square <= radius;
                *recalled |= *square <= around_fake[i];
            }
        }
    })?;
    Ok(PrecisionRecall { precision: share(&precise), recall: share(&recalled), empty: empty(&around_real) })
}

/// Density and coverage with open balls, as in the authors' code: a copy of the real samples has density 1.
///
/// # Errors
/// Samples of different dimensions; `k` below 1, or not below the number of real samples.
pub fn density_coverage(real: &Samples, fake: &Samples, k: usize, poll: Poll) -> Result<DensityCoverage> {
    let word = "density_coverage";
    if let Some([real, fake]) = Samples::enlarged(real, fake) {
        return density_coverage(&real, &fake, k, poll);
    }
    let pairs = Pairs::new(word, fake, real)?;
    let radii = radii(word, real, k, poll)?;
    let mut covered = vec![false; real.count()];
    let mut inside = 0usize;
    pairs.squares(poll, |block| {
        let radii = &radii[block.columns.clone()];
        for (_, squares) in block.each_row() {
            let covered = &mut covered[block.columns.clone()];
            for ((square, radius), covered) in squares.iter().zip(radii).zip(covered) {
                let is_inside = square < radius;
                inside += usize::from(is_inside);
                *covered |= is_inside;
            }
        }
    })?;
    Ok(DensityCoverage {
        density: inside as f64 / (k * fake.count()) as f64,
        coverage: share(&covered),
        empty: empty(&radii),
    })
}

fn empty(radii: &[f32]) -> usize {
    radii.iter().filter(|&&radius| radius == 0.0).count()
}

fn share(flags: &[bool]) -> f64 {
    flags.iter().filter(|&&flag| flag).count() as f64 / flags.len() as f64
}

/// The squared distance of each sample to the k-th nearest of the others.
fn radii(word: &str, samples: &Samples, k: usize, poll: Poll) -> Result<Vec<f32>> {
    let n = samples.count();
    if k == 0 || k >= n {
        return Err(Fault::value(format!(
            "{word}: k must be at least 1 and below the number of samples, {n}, got {k}"
        )));
    }
    let mut all = vec![Nearest::new(k); n];
    Pairs::new(word, samples, samples)?.squares(poll, |block| {
        let start = block.columns.start;
        for (i, row) in block.each_row() {
            // Itself is no neighbour.
            match i.checked_sub(start).filter(|&at| at < row.len()) {
                None => all[i].offer(start, row),
                Some(at) => {
                    all[i].offer(start, &row[..at]);
                    all[i].offer(start + at + 1, &row[at + 1..]);
                }
            }
        }
    })?;
    Ok(all.iter().map(Nearest::limit).collect())
}
