//! Distributions that samples are drawn from: mixtures of Gaussians, which have a density and modes, and two curves in
//! the plane, which have not.

use super::Source;
use saddle_fault::{Fault, Result};
use std::f64::consts::TAU;

/// A Gaussian whose coordinates are independent.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// The mean, one number for each dimension.
    pub mean: Vec<f64>,
    /// The standard deviations, above 0.
    pub std: Vec<f64>,
}

/// Gaussians of one dimension, each with its share of the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    parts: Vec<Gaussian>,
    /// The shares; they add up to 1.
    weights: Vec<f64>,
    /// The sums of the first shares: part k is drawn by a uniform number from `ends[k - 1]` to below `ends[k]`.
    ends: Vec<f64>,
}

/// What samples can be drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// A Gaussian is a mixture of one.
    Mixture(Mixture),
    /// A spiral in the plane that turns from radius ≈ 0.35 to 1, with Gaussian noise of standard deviation `noise`.
    SwissRoll {
        /// Standard deviation in each direction.
        noise: f64,
    },
    /// Two interleaved half circles in the plane, with Gaussian noise of standard deviation `noise`.
    Moons {
        /// Standard deviation in each direction.
        noise: f64,
    },
}

impl Gaussian {
    /// The Gaussian of that mean and those standard deviations; one of them stands for all where the other has more.
    ///
    /// # Errors
    /// A standard deviation that is not above 0; numbers that are not finite; lengths that do not fit.
    pub fn new(mean: Vec<f64>, std: Vec<f64>) -> Result<Self> {
        let d = mean.len().max(std.len());
        let spread = |v: Vec<f64>, what: &str| match v.len() {
            0 => Err(Fault::value(format!("gaussian: {what} is empty"))),
            1 => Ok(vec![v[0]; d]),
            n if n == d => Ok(v),
            n => Err(Fault::shape(format!("gaussian: {what} has {n} numbers, the other has {d}"))),
        };
        let (mean, std) = (spread(mean, "mu")?, spread(std, "sigma")?);
        if let Some(bad) = mean.iter().find(|v| !v.is_finite()) {
            return Err(Fault::value(format!("gaussian: mu cannot be {bad}")));
        }
        if let Some(bad) = std.iter().find(|&&v| !(v > 0.0 && v.is_finite())) {
            return Err(Fault::value(format!("gaussian: sigma must be above 0, got {bad}"))
                .hint("sigma is a standard deviation"));
        }
        Ok(Self { mean, std })
    }
}

impl Mixture {
    /// The mixture of those parts. Equal shares where no weights are given; weights need not add up to 1.
    ///
    /// # Errors
    /// No parts; parts of different dimensions; a weight below 0, weights that are all 0 or not one for each part.
    pub fn new(parts: Vec<Gaussian>, weights: Option<Vec<f64>>) -> Result<Self> {
        let Some(first) = parts.first() else {
            return Err(Fault::value("mixture: needs at least one part"));
        };
        let d = first.mean.len();
        if let Some(other) = parts.iter().find(|p| p.mean.len() != d) {
            return Err(Fault::shape(format!("mixture: its parts have {d} and {} dimensions", other.mean.len())));
        }
        let weights = weights.unwrap_or_else(|| vec![1.0; parts.len()]);
        if weights.len() != parts.len() {
            return Err(Fault::shape(format!("mixture: {} weights for {} parts", weights.len(), parts.len())));
        }
        if let Some(bad) = weights.iter().find(|&&w| !(w >= 0.0 && w.is_finite())) {
            return Err(Fault::value(format!("mixture: a weight must be ≥ 0, got {bad}")));
        }
        let total: f64 = weights.iter().sum();
        if total == 0.0 {
            return Err(Fault::value("mixture: the weights add up to 0"));
        }
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let mut end = 0.0;
        let ends = weights
            .iter()
            .map(|w| {
                end += w;
                end
            })
            .collect();
        Ok(Self { parts, weights, ends })
    }

    /// The mixture whose parts are those of `mixtures`, each by its share.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(mixtures: &[Mixture], weights: Option<Vec<f64>>) -> Result<Self> {
        let weights = weights.unwrap_or_else(|| vec![1.0; mixtures.len()]);
        if weights.len() != mixtures.len() {
            return Err(Fault::shape(format!("mixture: {} weights for {} parts", weights.len(), mixtures.len())));
        }
        let shares =
            mixtures.iter().zip(&weights).flat_map(|(m, w)| m.weights.iter().map(move |share| share * w)).collect();
        let parts = mixtures.iter().flat_map(|m| m.parts.clone()).collect();
        Self::new(parts, Some(shares))
    }

    /// The components.
    pub fn parts(&self) -> &[Gaussian] {
        &self.parts
    }

    /// The shares of the parts; they add up to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The part of each of `n` samples.
    fn choose(&self, n: usize, source: &mut dyn Source) -> Vec<usize> {
        let last = self.weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
        let part = |u: f32| self.ends.partition_point(|&end| end <= f64::from(u)).min(last);
        match self.parts.len() {
            1 => vec![0; n],
            _ => source.uniform(n).into_iter().map(part).collect(),
        }
    }
}

impl Distribution {
    /// The Gaussian of that mean and those standard deviations.
    ///
    /// # Errors
    /// As [`Gaussian::new`].
    pub fn gaussian(mean: Vec<f64>, std: Vec<f64>) -> Result<Self> {
        Mixture::new(vec![Gaussian::new(mean, std)?], None).map(Self::Mixture)
    }

    /// `n` equal Gaussians on a circle, at the angles 2πk/n for k = 0 … n − 1.
    ///
    /// # Errors
    /// `n` is 0; a standard deviation that is not above 0.
    pub fn ring(n: usize, radius: f64, std: f64) -> Result<Self> {
        let at = |k: usize| {
            let angle = TAU * k as f64 / n as f64;
            Gaussian::new(vec![radius * angle.cos(), radius * angle.sin()], vec![std])
        };
        Mixture::new((0..n).map(at).collect::<Result<_>>()?, None).map(Self::Mixture)
    }

    /// `n × n` equal Gaussians on a square grid around the origin, `spacing` apart.
    ///
    /// # Errors
    /// `n` is 0; a standard deviation that is not above 0.
    pub fn grid(n: usize, spacing: f64, std: f64) -> Result<Self> {
        let place = |k: usize| spacing * (k as f64 - (n as f64 - 1.0) / 2.0);
        let at = |k: usize| Gaussian::new(vec![place(k / n), place(k % n)], vec![std]);
        Mixture::new((0..n * n).map(at).collect::<Result<_>>()?, None).map(Self::Mixture)
    }

    /// The density that a picture shows, `[h, w]` with its upper row at the top, over the square from `low` to `high`:
    /// a Gaussian on each pixel that has mass, of half a pixel's width.
    ///
    /// # Errors
    /// Another rank; a pixel below 0 or not finite; no mass at all; `low` not below `high`.
    pub fn picture(pixels: &[f32], shape: &[usize], [low, high]: [f64; 2]) -> Result<Self> {
        let [h, w] = *shape else {
            return Err(Fault::shape(format!("density: the picture must be [h, w], got {shape:?}")));
        };
        if !(low < high && (high - low).is_finite()) {
            return Err(Fault::value(format!(
                "density: bounds must be [low, high] with low < high, got [{low}, {high}]"
            )));
        }
        if let Some(bad) = pixels.iter().find(|&&v| !(v >= 0.0 && v.is_finite())) {
            return Err(Fault::value(format!("density: brightness must be ≥ 0, got {bad}")));
        }
        let side = [(high - low) / w as f64, (high - low) / h as f64];
        let with_mass = pixels.iter().enumerate().filter(|(_, v)| **v > 0.0);
        let at = |i: usize| {
            let place = [low + ((i % w) as f64 + 0.5) * side[0], high - ((i / w) as f64 + 0.5) * side[1]];
            Gaussian::new(place.into(), vec![side[0] / 2.0, side[1] / 2.0])
        };
        let (parts, weights): (Vec<_>, Vec<_>) = with_mass.map(|(i, v)| (at(i), f64::from(*v))).unzip();
        if parts.is_empty() {
            return Err(Fault::value("density: the picture has no mass: all of its pixels are 0")
                .hint("paint something first: p.ink of a `paint` is 0 where nothing was painted"));
        }
        Mixture::new(parts.into_iter().collect::<Result<_>>()?, Some(weights)).map(Self::Mixture)
    }

    /// The number of coordinates of a sample.
    pub fn dim(&self) -> usize {
        match self {
            Self::Mixture(m) => m.parts[0].mean.len(),
            _ => 2,
        }
    }

    /// `n` samples, one row of [`Self::dim`] numbers each, and the part (mode, half moon) that each comes from; the
    /// Swiss roll has one part.
    pub fn sample(&self, n: usize, source: &mut dyn Source) -> (Vec<f32>, Vec<usize>) {
        match self {
            Self::Mixture(m) => {
                let chosen = m.choose(n, source);
                let mut x = source.normal(n * self.dim());
                for (row, &part) in x.chunks_exact_mut(self.dim()).zip(&chosen) {
                    let Gaussian { mean, std } = &m.parts[part];
                    for ((v, mean), std) in row.iter_mut().zip(mean).zip(std) {
                        *v = (f64::from(*v) * std + mean) as f32;
                    }
                }
                (x, chosen)
            }
            Self::SwissRoll { noise } => {
                // One and a half turns, from a third of the radius outwards; evenly spread over the angle.
                let along = |u: f32, _| {
                    let angle = 1.5 * TAU / 2.0 * (1.0 + 2.0 * f64::from(u));
                    let radius = angle / (4.5 * TAU / 2.0);
                    [radius * angle.cos(), radius * angle.sin()]
                };
                (curve(n, *noise, source, &vec![0; n], along), vec![0; n])
            }
            Self::Moons { noise } => {
                let half = source.integers(n, 2);
                let along = |u: f32, half| {
                    let angle = TAU / 2.0 * f64::from(u);
                    match half {
                        0 => [angle.cos(), angle.sin()],
                        _ => [1.0 - angle.cos(), 0.5 - angle.sin()],
                    }
                };
                (curve(n, *noise, source, &half, along), half)
            }
        }
    }
}

/// `n` points of curves, at uniform places along them, with Gaussian noise.
fn curve(
    n: usize,
    noise: f64,
    source: &mut dyn Source,
    part: &[usize],
    along: impl Fn(f32, usize) -> [f64; 2],
) -> Vec<f32> {
    let u = source.uniform(n);
    let noises = source.normal(2 * n);
    let points = u.iter().zip(part).flat_map(|(&u, &part)| along(u, part));
    points.zip(noises).map(|(v, e)| (v + noise * f64::from(e)) as f32).collect()
}
