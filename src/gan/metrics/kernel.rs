//! The squared maximum mean discrepancy under the kernel (x·y/d + 1)³, unbiased: KID, where the samples are features of
//! a classifier (Bińkowski et al. 2018).

use super::{Poll, Samples};
use saddle_cpu::{Mat, gemm64};
use saddle_fault::{Fault, Result};
use saddle_tensor::random::with_stream;

/// The mean over subsets, and their standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kid {
    /// Mean over the subsets.
    pub mean: f64,
    /// Standard deviation over the subsets.
    pub std: f64,
}

/// The mean over `subsets` random subsets of `size` samples of each set, drawn from the current stream of random
/// numbers. Where neither set has more than `size` samples there is one subset: everything.
///
/// # Errors
/// Features of different size; fewer than two samples, or a size below 2; no subsets.
pub fn kid(a: &Samples, b: &Samples, subsets: usize, size: usize, poll: Poll) -> Result<Kid> {
    Samples::check_dims("kid", a, b)?;
    let fewest = a.count().min(b.count()).min(size);
    if fewest < 2 || subsets == 0 {
        return Err(Fault::value(format!(
            "kid: at least 2 samples of each and one subset are needed, got {} and {} in {subsets} subsets of {size}",
            a.count(),
            b.count()
        )));
    }
    if a.count().max(b.count()) <= size {
        let mean = squared_discrepancy(a, b, poll)?;
        return Ok(Kid { mean, std: 0.0 });
    }
    let mut each = Vec::with_capacity(subsets);
    for _ in 0..subsets {
        let (a, b) = (subset(a, size), subset(b, size));
        each.push(squared_discrepancy(&a, &b, poll)?);
    }
    let n = each.len() as f64;
    let mean = each.iter().sum::<f64>() / n;
    let variance = each.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    Ok(Kid { mean, std: variance.sqrt() })
}

/// `size` samples, or all, chosen without replacement.
fn subset(samples: &Samples, size: usize) -> Samples {
    let order = with_stream(|s| s.permutation(samples.count()));
    let places: Vec<usize> = order.iter().take(size).map(|&i| i as usize).collect();
    samples.select(&places)
}

/// E k(x, x′) + E k(y, y′) − 2 E k(x, y), over different x and x′, y and y′.
fn squared_discrepancy(a: &Samples, b: &Samples, poll: Poll) -> Result<f64> {
    poll()?;
    let (x, y) = (doubles(a), doubles(b));
    let (within_x, diagonal_x) = kernel_sums(&x, &x, a.dim());
    poll()?;
    let (within_y, diagonal_y) = kernel_sums(&y, &y, a.dim());
    poll()?;
    let (between, _) = kernel_sums(&x, &y, a.dim());
    let (m, n) = (a.count() as f64, b.count() as f64);
    Ok((within_x - diagonal_x) / (m * (m - 1.0)) + (within_y - diagonal_y) / (n * (n - 1.0)) - 2.0 * between / (m * n))
}

fn doubles(samples: &Samples) -> Vec<f64> {
    samples.values().iter().map(|&v| f64::from(v)).collect()
}

/// Σᵢⱼ k(xᵢ, yⱼ), and Σᵢ k(xᵢ, yᵢ).
fn kernel_sums(x: &[f64], y: &[f64], dim: usize) -> (f64, f64) {
    let (m, n) = (x.len() / dim, y.len() / dim);
    let products = gemm64(m, dim, n, Mat::rows(x, dim), Mat::rows(y, dim).transposed());
    let kernel = |product: &f64| (product / dim as f64 + 1.0).powi(3);
    (products.iter().map(kernel).sum(), products.iter().step_by(n + 1).map(kernel).sum())
}
