//! The Fréchet distance between Gaussians fitted to two sets of features: FID, where the features are those of a
//! classifier (Heusel et al. 2017). All in double precision.

use super::spectrum::trace_of_root;
use super::{Poll, Samples};
use saddle_cpu::{Mat, gemm64};
use saddle_fault::{Fault, Result};

/// Samples whose products are added up at once.
const BLOCK: usize = 1024;

/// A Gaussian: its mean and its covariance, row-major.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// The mean, `[d]`.
    pub mean: Vec<f64>,
    /// The covariance, `[d, d]`, row by row.
    pub covariance: Vec<f64>,
}

impl Gaussian {
    /// The Gaussian with the mean and the unbiased covariance of samples.
    ///
    /// # Errors
    /// A single sample.
    pub fn fitted(samples: &Samples, poll: Poll) -> Result<Self> {
        let (n, d) = (samples.count(), samples.dim());
        if n < 2 {
            return Err(Fault::value("fid: one sample has no covariance: at least 2 are needed, better 10,000"));
        }
        let mean = samples.mean();
        let mut covariance = vec![0.0; d * d];
        for block in samples.values().chunks(BLOCK * d) {
            poll()?;
            let centred: Vec<f64> = block
                .chunks_exact(d)
                .flat_map(|row| row.iter().zip(&mean).map(|(&v, mean)| f64::from(v) - mean))
                .collect();
            let x = Mat::rows(&centred, d);
            let part = gemm64(d, block.len() / d, d, x.transposed(), x);
            covariance.iter_mut().zip(part).for_each(|(c, p)| *c += p);
        }
        covariance.iter_mut().for_each(|c| *c /= (n - 1) as f64);
        Ok(Self { mean, covariance })
    }

    fn trace(&self) -> f64 {
        self.covariance.iter().step_by(self.mean.len() + 1).sum()
    }
}

/// ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½): the squared Wasserstein-2 distance of two Gaussians of one dimension.
///
/// # Errors
/// When `poll` gives one.
pub fn distance(a: &Gaussian, b: &Gaussian, poll: Poll) -> Result<f64> {
    let apart: f64 = a.mean.iter().zip(&b.mean).map(|(a, b)| (a - b).powi(2)).sum();
    let root = trace_of_root(&a.covariance, &b.covariance, a.mean.len(), poll)?;
    Ok((apart + a.trace() + b.trace() - 2.0 * root).max(0.0))
}

/// The Fréchet distance between the Gaussians fitted to two sets of features.
///
/// # Errors
/// Features of different size; fewer than two samples.
pub fn fid(a: &Samples, b: &Samples, poll: Poll) -> Result<f64> {
    Samples::check_dims("fid", a, b)?;
    distance(&Gaussian::fitted(a, poll)?, &Gaussian::fitted(b, poll)?, poll)
}
