//! Mode collapse in numbers: how many modes of a mixture the samples find, and how many samples are near one.

use super::Samples;
use saddle_fault::{Fault, Result};

/// What the samples say about the modes.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// For each mode, the samples that are near it and nearer to it than to any other.
    pub counts: Vec<usize>,
    /// The share of samples that are near a mode: of high quality.
    pub share: f64,
}

impl Found {
    /// The modes near which there is a sample.
    pub fn modes(&self) -> usize {
        self.counts.iter().filter(|&&n| n > 0).count()
    }
}

/// Assigns each sample to its nearest mode, in standard deviations, if it lies `within` so many of them (Srivastava et
/// al. 2017, Lin et al. 2018: 3). `centres` and `std` hold one row for each mode.
///
/// # Errors
/// Rows of different dimensions; as many standard deviations as centres are needed, all above 0; `within` not above 0.
pub fn found(samples: &Samples, centres: &Samples, std: &Samples, within: f64) -> Result<Found> {
    Samples::check_dims("modes", samples, centres)?;
    if (std.count(), std.dim()) != (centres.count(), centres.dim()) {
        return Err(Fault::shape(format!(
            "modes: {} centres of {} coordinates, but {} standard deviations of {}",
            centres.count(),
            centres.dim(),
            std.count(),
            std.dim()
        )));
    }
    if let Some(bad) = std.values().iter().find(|v| **v <= 0.0) {
        return Err(Fault::value(format!("modes: std must be above 0, got {bad}")));
    }
    if !(within > 0.0 && within.is_finite()) {
        return Err(Fault::value(format!("modes: within must be above 0, got {within}")));
    }
    let mut counts = vec![0; centres.count()];
    for x in samples.rows() {
        let squares = centres.rows().zip(std.rows()).map(|(centre, std)| standardised_square(x, centre, std));
        let nearest = squares.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((mode, square)) = nearest
            && square <= within * within
        {
            counts[mode] += 1;
        }
    }
    let near: usize = counts.iter().sum();
    Ok(Found { share: near as f64 / samples.count() as f64, counts })
}

/// ‖(x − centre) / std‖².
fn standardised_square(x: &[f32], centre: &[f32], std: &[f32]) -> f64 {
    let distance = |((&x, &c), &s): ((&f32, &f32), &f32)| (f64::from(x) - f64::from(c)) / f64::from(s);
    x.iter().zip(centre).zip(std).map(|v| distance(v).powi(2)).sum()
}
