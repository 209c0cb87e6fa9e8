//! The inception score: samples that a classifier is sure about, of all classes alike (Salimans et al. 2016).

use super::Samples;
use saddle_fault::{Fault, Result};

/// How far from 1 probabilities of one sample may add up.
const SLACK: f64 = 1e-3;

/// Changes of the class to be expected by chance below which their number says nothing.
const FEWEST_CHANGES: f64 = 10.0;

/// The mean over parts of the samples, and their standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean over the splits.
    pub mean: f64,
    /// Standard deviation over the splits.
    pub std: f64,
}

/// exp E KL(p(y|x) ‖ p(y)), from 1 to the number of classes, for each of `splits` equal parts of the samples.
/// `probabilities` holds p(y|x), a row for each sample.
///
/// # Errors
/// A row that is not a distribution; more parts than samples, or none.
pub fn score(probabilities: &Samples, splits: usize) -> Result<Score> {
    for (i, row) in probabilities.rows().enumerate() {
        let total: f64 = row.iter().map(|&p| f64::from(p)).sum();
        if (total - 1.0).abs() > SLACK || row.iter().any(|&p| p < 0.0) {
            return Err(Fault::value(format!(
                "inception_score: row {i} is no distribution over classes: it adds up to {total:.3}"
            ))
            .hint("for logits: #{ logits: true }"));
        }
    }
    let n = probabilities.count();
    if splits == 0 || splits > n {
        return Err(Fault::value(format!("inception_score: {n} samples cannot be divided into {splits} parts")));
    }
    let each: Vec<f64> =
        (0..splits).map(|part| of_part(probabilities, part * n / splits, (part + 1) * n / splits)).collect();
    let mean = each.iter().sum::<f64>() / splits as f64;
    let variance = each.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / splits as f64;
    Ok(Score { mean, std: variance.sqrt() })
}

/// Whether the samples stand in the order of their classes, so that the parts hold few classes each and the score is
/// too low: neighbours are of different classes in less than half as many places as by chance.
pub fn in_order_of_classes(probabilities: &Samples) -> bool {
    let likeliest =
        |row: &[f32]| row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class);
    let classes: Vec<usize> = probabilities.rows().map(likeliest).collect();
    let mut counts = vec![0usize; probabilities.dim()];
    classes.iter().for_each(|&class| counts[class] += 1);
    let n = classes.len() as f64;
    let pairs = n * n - counts.iter().map(|&c| (c as f64).powi(2)).sum::<f64>();
    // Of n − 1 places the share of pairs that differ.
    let by_chance = pairs / n;
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
    by_chance >= FEWEST_CHANGES && changes < 0.5 * by_chance
}

/// The score of the samples from `start` to `end`.
fn of_part(probabilities: &Samples, start: usize, end: usize) -> f64 {
    let n = (end - start) as f64;
    let rows = || (start..end).map(|i| probabilities.row(i));
    let mut marginal = vec![0.0; probabilities.dim()];
    for row in rows() {
        marginal.iter_mut().zip(row).for_each(|(m, &p)| *m += f64::from(p) / n);
    }
    let divergences = rows()
        .map(|row| row.iter().zip(&marginal).map(|(&p, m)| super::divergence::term(f64::from(p), *m)).sum::<f64>());
    (divergences.sum::<f64>() / n).exp()
}
