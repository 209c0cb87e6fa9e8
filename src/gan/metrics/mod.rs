//! Measures of generated samples, as the literature defines them: numbers about [`Samples`], never part of a graph.
//!
//! | file | owns |
//! |---|---|
//! | `samples` | [`Samples`]: rows of finite numbers, what every measure is about |
//! | `pairs` | squared distances of all pairs, in blocks of bounded memory |
//! | [`parzen`] | the log-likelihood under Gaussian kernels at the samples, and the choice of their width |
//! | [`modes`] | which modes of a mixture are found, and the share of samples near one |
//! | [`neighbours`] | the nearest neighbours of each sample |
//! | [`manifold`] | precision and recall, density and coverage |
//! | [`frechet`] | the Fréchet distance of Gaussians (FID); [`spectrum`], the linear algebra under it |
//! | [`kernel`] | the maximum mean discrepancy of a cubic kernel (KID) |
//! | [`inception`] | the inception score |
//! | [`divergence`] | KL and Jensen–Shannon divergence, the Wasserstein distance on the line |
//!
//! Whatever may take long asks `poll` between its steps whether to stop.

pub mod divergence;
pub mod frechet;
pub mod inception;
pub mod kernel;
pub mod manifold;
pub mod modes;
pub mod neighbours;
mod pairs;
pub mod parzen;
mod samples;
pub mod spectrum;

pub use samples::Samples;

use saddle_fault::Result;

/// Gives an error when the work should stop.
pub type Poll<'a> = &'a dyn Fn() -> Result<()>;

#[cfg(test)]
mod tests;
