//! Parzen windows: the log-likelihood of test points under the mixture of equal Gaussians at a model's samples, which
//! is how Goodfellow et al. 2014 compared generative models. LL(x) = log 1/n Σⱼ exp(−½‖x − μⱼ‖²/σ²) − d·log(σ√(2π)).

use super::pairs::Pairs;
use super::{Poll, Samples};
use saddle_cpu::log_sum_exp_rows;
use saddle_fault::{Fault, Result};
use std::f64::consts::TAU;

const WORD: &str = "parzen";

/// The mean log-likelihood of test points, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean log-likelihood of a test sample, nats.
    pub mean: f64,
    /// The standard error of that mean.
    pub standard_error: f64,
}

/// The width chosen from a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Width {
    /// The bandwidth.
    pub sigma: f64,
    /// It is the smallest or largest of the grid: the best one may lie outside.
    pub at_edge: bool,
}

/// Ten widths from 0.1 to 1, evenly spaced in their logarithm: the grid of Goodfellow et al. 2014.
pub fn usual_grid() -> Vec<f64> {
    (0..10).map(|i| 10f64.powf(f64::from(i) / 9.0 - 1.0)).collect()
}

/// The mean log-likelihood of the points `x` for kernels of width `sigma` at `samples`.
///
/// # Errors
/// Points of different dimensions; a width that is not above 0, or beyond single precision.
pub fn score(samples: &Samples, x: &Samples, sigma: f64, poll: Poll) -> Result<Score> {
    let each = log_likelihoods(samples, x, &[sigma], poll)?;
    let n = x.count() as f64;
    let mean = each[0].iter().sum::<f64>() / n;
    let variance = each[0].iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    Ok(Score { mean, standard_error: (variance / n).sqrt() })
}

/// The width of `grid` under which the points `validation`, which must not be those of the test, are most likely.
///
/// # Errors
/// An empty grid; as [`score`].
pub fn choose_width(samples: &Samples, validation: &Samples, grid: &[f64], poll: Poll) -> Result<Width> {
    let each = log_likelihoods(samples, validation, grid, poll)?;
    let totals = each.iter().map(|all| all.iter().sum::<f64>());
    let best = grid
        .iter()
        .zip(totals)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(&sigma, _)| sigma)
        .ok_or_else(|| Fault::value(format!("{WORD}: the grid of widths is empty")))?;
    let at_edge = !(grid.iter().any(|&s| s < best) && grid.iter().any(|&s| s > best));
    Ok(Width { sigma: best, at_edge })
}

/// The log-likelihood of each point, for each width.
fn log_likelihoods(samples: &Samples, x: &Samples, sigmas: &[f64], poll: Poll) -> Result<Vec<Vec<f64>>> {
    for &sigma in sigmas {
        let inverse = (1.0 / (sigma * sigma)) as f32;
        if !(sigma > 0.0 && inverse.is_normal()) {
            return Err(Fault::value(format!("{WORD}: a width must be above 0 and moderate, got {sigma}")));
        }
    }
    let mut sums = vec![vec![f64::NEG_INFINITY; x.count()]; sigmas.len()];
    Pairs::new(WORD, x, samples)?.squares(poll, |mut block| {
        block.values.iter_mut().for_each(|v| *v *= -0.5);
        for (sums, sigma) in sums.iter_mut().zip(sigmas) {
            let inverse = 1.0 / (sigma * sigma);
            let (rows, columns) = (block.rows.len(), block.columns.len());
            let part = log_sum_exp_rows(&block.values, rows, columns, inverse as f32);
            for (sum, part) in sums[block.rows.clone()].iter_mut().zip(part) {
                *sum = log_add(*sum, part);
            }
        }
    })?;
    for (sums, sigma) in sums.iter_mut().zip(sigmas) {
        let per_coordinate = sigma.ln() + 0.5 * TAU.ln();
        let constant = (samples.count() as f64).ln() + samples.dim() as f64 * per_coordinate;
        sums.iter_mut().for_each(|sum| *sum -= constant);
    }
    Ok(sums)
}

/// log(eᵃ + eᵇ).
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    match low == f64::NEG_INFINITY {
        true => high,
        false => high + (low - high).exp().ln_1p(),
    }
}
