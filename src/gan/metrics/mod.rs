//! Measures of generated samples, as the literature defines them: numbers about [`Samples`], never part of a graph.
//!
//! | file | owns |
//! |---|---|
//! | `samples` | [`Samples`]: rows of finite numbers, what every measure is about |
//! | `pairs` | squared distances of all pairs, in blocks of bounded memory |
//! | [`parzen`] | the log-likelihood under Gaussian kernels at the samples, and the choice of their width |
//! | [`modes`] | which modes of a mixture are found, and the share of samples near one |
//! | [`neighbours`] | the nearest neighbours of each sample |
//!
//! Whatever may take long asks `poll` between its steps whether to stop.

pub mod modes;
pub mod neighbours;
mod pairs;
pub mod parzen;
mod samples;

pub use samples::Samples;

use crate::fault::Result;

/// Gives an error when the work should stop.
pub type Poll<'a> = &'a dyn Fn() -> Result<()>;

#[cfg(test)]
mod tests;
