//! Divergences of two distributions over the same values, of two Gaussians in closed form, and the Wasserstein distance
//! on the line.

use saddle_fault::{Fault, Result};

/// Weights ≥ 0 of at least one value, divided by their sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    /// The distribution of these weights: probabilities, or counts.
    ///
    /// # Errors
    /// A weight below 0 or not finite; weights that add up to 0.
    pub fn new(word: &str, weights: Vec<f64>) -> Result<Self> {
        if let Some(bad) = weights.iter().find(|&&w| !(w >= 0.0 && w.is_finite())) {
            return Err(Fault::value(format!("{word}: probabilities or counts must be ≥ 0, got {bad}")));
        }
        let total: f64 = weights.iter().sum();
        if total == 0.0 {
            return Err(Fault::value(format!("{word}: probabilities or counts that add up to 0")));
        }
        Ok(Self(weights.iter().map(|w| w / total).collect()))
    }
}

/// p log(p/q), with 0 log 0 = 0.
pub(super) fn term(p: f64, q: f64) -> f64 {
    if p == 0.0 { 0.0 } else { p * (p / q).ln() }
}

fn check_lengths(word: &str, p: &Distribution, q: &Distribution) -> Result<()> {
    match p.0.len() == q.0.len() {
        true => Ok(()),
        false => Err(Fault::shape(format!(
            "{word}: distributions over {} and over {} values cannot be compared",
            p.0.len(),
            q.0.len()
        ))),
    }
}

/// KL(p ‖ q) = Σ p log(p/q) in nats; infinite where q is 0 and p is not.
///
/// # Errors
/// Distributions over different numbers of values.
pub fn kl(p: &Distribution, q: &Distribution) -> Result<f64> {
    check_lengths("kl", p, q)?;
    let sum: f64 = p.0.iter().zip(&q.0).map(|(&p, &q)| term(p, q)).sum();
    Ok(sum.max(0.0))
}

/// ½ KL(p ‖ m) + ½ KL(q ‖ m) with m half way between: from 0 to log 2.
///
/// # Errors
/// Distributions over different numbers of values.
pub fn js(p: &Distribution, q: &Distribution) -> Result<f64> {
    check_lengths("js", p, q)?;
    let each = p.0.iter().zip(&q.0).map(|(&p, &q)| {
        let m = 0.5 * (p + q);
        0.5 * (term(p, m) + term(q, m))
    });
    Ok(each.sum::<f64>().max(0.0))
}

/// KL of two Gaussians with independent coordinates, each given by its means and standard deviations.
///
/// # Errors
/// Gaussians of different dimensions.
pub fn kl_gaussian(p: (&[f64], &[f64]), q: (&[f64], &[f64])) -> Result<f64> {
    if p.0.len() != q.0.len() {
        return Err(Fault::shape(format!(
            "kl: Gaussians of {} and of {} dimensions cannot be compared",
            p.0.len(),
            q.0.len()
        )));
    }
    let coordinate = |i: usize| {
        let (ratio, apart) = (p.1[i] / q.1[i], (p.0[i] - q.0[i]) / q.1[i]);
        0.5 * (ratio * ratio + apart * apart - 1.0) - ratio.ln()
    };
    Ok((0..p.0.len()).map(coordinate).sum())
}

/// The least mean distance over which the mass of one set of numbers is moved onto the other: the area between their
/// distribution functions. Both sets have at least one number; all are finite.
pub fn wasserstein_1d(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    // Along the mass, in units of 1 / (|a| |b|): between two steps of either quantile function both are constant.
    let (m, n) = (a.len() as u64, b.len() as u64);
    let (mut i, mut j, mut at, mut sum) = (0, 0, 0, 0.0);
    while i < m && j < n {
        let (end_i, end_j) = ((i + 1) * n, (j + 1) * m);
        let end = end_i.min(end_j);
        sum += (end - at) as f64 * (a[i as usize] - b[j as usize]).abs();
        at = end;
        i += u64::from(end == end_i);
        j += u64::from(end == end_j);
    }
    sum / (m as f64 * n as f64)
}
