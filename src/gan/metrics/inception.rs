//! The inception score: samples that a classifier is sure about, of all classes alike (Salimans et al. 2016).

use super::Samples;
use saddle_fault::{Fault, Result};

/// How far from 1 probabilities of one sample may add up.
const SLACK: f64 = 1e-3;

/// The mean over parts of the samples, and their standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    pub mean: f64,
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
        return Err(Fault::value(format!(
            "inception_score: {n} samples cannot be divided into {splits} parts"
        )));
    }
    let each: Vec<f64> = (0..splits)
        .map(|part| of_part(probabilities, part * n / splits, (part + 1) * n / splits))
        .collect();
    let mean = each.iter().sum::<f64>() / splits as f64;
    let variance = each.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / splits as f64;
    Ok(Score {
        mean,
        std: variance.sqrt(),
    })
}

/// The score of the samples from `start` to `end`.
fn of_part(probabilities: &Samples, start: usize, end: usize) -> f64 {
    let n = (end - start) as f64;
    let rows = || (start..end).map(|i| probabilities.row(i));
    let mut marginal = vec![0.0; probabilities.dim()];
    for row in rows() {
        marginal
            .iter_mut()
            .zip(row)
            .for_each(|(m, &p)| *m += f64::from(p) / n);
    }
    let divergences = rows().map(|row| {
        row.iter()
            .zip(&marginal)
            .map(|(&p, m)| super::divergence::term(f64::from(p), *m))
            .sum::<f64>()
    });
    (divergences.sum::<f64>() / n).exp()
}
