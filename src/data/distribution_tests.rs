//! Samples against the moments and curves that define each distribution.

use super::{Distribution, Gaussian, Mixture, Source};
use std::f64::consts::{PI, TAU};

/// SplitMix64 (Steele, Lea, Flood 2014) with the Box–Muller transform: a source that shares nothing with the kernel's.
struct Plain(u64);

impl Plain {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Source for Plain {
    fn normal(&mut self, n: usize) -> Vec<f32> {
        let mut one = || (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos();
        (0..n).map(|_| one() as f32).collect()
    }

    fn uniform(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.unit() as f32 * (1.0 - f32::EPSILON)).collect()
    }

    fn integers(&mut self, n: usize, below: usize) -> Vec<usize> {
        (0..n).map(|_| (self.unit() * below as f64) as usize).collect()
    }

    fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            let other = self.integers(1, last + 1)[0];
            order.swap(last, other);
        }
        order
    }
}

const N: usize = 100_000;

/// Mean and variance of one coordinate.
fn moments(x: &[f32], dim: usize, coordinate: usize) -> (f64, f64) {
    let column: Vec<f64> = x.iter().skip(coordinate).step_by(dim).map(|&v| f64::from(v)).collect();
    let mean = column.iter().sum::<f64>() / column.len() as f64;
    let squares = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, squares / column.len() as f64)
}

/// The tolerances are five standard errors: σ/√N of a mean, σ²√(2/N) of a variance.
#[test]
fn a_gaussian_has_its_mean_and_variance() {
    let p = Distribution::gaussian(vec![4.0, -1.0, 0.0], vec![0.5, 2.0, 1.0]).unwrap();
    let (x, _) = p.sample(N, &mut Plain(1));
    assert_eq!(x.len(), 3 * N);
    for (i, (mean, std)) in [(4.0, 0.5), (-1.0, 2.0), (0.0, 1.0_f64)].into_iter().enumerate() {
        let (m, v) = moments(&x, 3, i);
        assert!((m - mean).abs() < 5.0 * std / (N as f64).sqrt(), "{m}");
        assert!((v - std * std).abs() < 5.0 * std * std * (2.0 / N as f64).sqrt(), "{v}");
    }
}

/// E x = Σ wμ; Var x = Σ w(σ² + μ²) − (E x)².
#[test]
fn a_mixture_has_its_shares_and_moments() {
    let part = |mean: f64, std: f64| Gaussian::new(vec![mean], vec![std]).unwrap();
    let parts = vec![part(-2.0, 0.5), part(0.0, 1.0), part(3.0, 0.1)];
    let p = Distribution::Mixture(Mixture::new(parts, Some(vec![1.0, 0.0, 3.0])).unwrap());
    let (x, from) = p.sample(N, &mut Plain(2));
    let share = |part: usize| from.iter().filter(|&&f| f == part).count() as f64 / N as f64;
    assert!((share(0) - 0.25).abs() < 5.0 * (0.25 * 0.75 / N as f64).sqrt());
    assert_eq!(share(1), 0.0);
    let (mean, variance) = moments(&x, 1, 0);
    assert!((mean - 1.75).abs() < 0.04, "{mean}");
    let expected = 0.25 * (0.25 + 4.0) + 0.75 * (0.01 + 9.0) - 1.75 * 1.75;
    assert!((variance - expected).abs() < 0.06, "{variance} {expected}");
}

fn modes(p: &Distribution) -> Vec<[f64; 2]> {
    match p {
        Distribution::Mixture(m) => m.parts().iter().map(|g| [g.mean[0], g.mean[1]]).collect(),
        _ => vec![],
    }
}

#[test]
fn a_ring_has_distinct_modes_on_its_circle() {
    let p = Distribution::ring(8, 2.0, 0.02).unwrap();
    let modes = modes(&p);
    assert_eq!(modes.len(), 8);
    let half = 2.0_f64.sqrt();
    for (mode, expected) in modes.iter().zip([[2.0, 0.0], [half, half], [0.0, 2.0], [-half, half]]) {
        assert!((mode[0] - expected[0]).hypot(mode[1] - expected[1]) < 1e-12);
    }
    // Neighbours are 2r·sin(π/8) apart, and no two are closer.
    for (i, a) in modes.iter().enumerate() {
        for b in &modes[..i] {
            assert!((a[0] - b[0]).hypot(a[1] - b[1]) > 4.0 * (PI / 8.0).sin() - 1e-9);
        }
    }
    // Within 3σ of a mode lie 1 − e^(−4.5) = 98.889 % of the samples in the plane.
    let (x, from) = p.sample(N, &mut Plain(3));
    let near = x.chunks(2).zip(&from).filter(|(x, from)| {
        let mode = modes[**from];
        (f64::from(x[0]) - mode[0]).hypot(f64::from(x[1]) - mode[1]) < 0.06
    });
    let share = near.count() as f64 / N as f64;
    assert!((share - 0.98889).abs() < 5.0 * (0.0111 * 0.9889 / N as f64).sqrt(), "{share}");
}

#[test]
fn a_grid_lies_around_the_origin() {
    let modes = modes(&Distribution::grid(5, 2.0, 0.05).unwrap());
    let side = [-4.0, -2.0, 0.0, 2.0, 4.0];
    let expected: Vec<[f64; 2]> = side.iter().flat_map(|&a| side.map(|b| [a, b])).collect();
    assert_eq!(modes, expected);
}

#[test]
fn curves_without_noise_lie_on_themselves() {
    let (x, half) = Distribution::Moons { noise: 0.0 }.sample(1000, &mut Plain(4));
    for (p, half) in x.chunks(2).zip(&half) {
        let (x, y) = (f64::from(p[0]), f64::from(p[1]));
        let (dx, dy) = if *half == 0 { (x, y) } else { (1.0 - x, 0.5 - y) };
        assert!((dx.hypot(dy) - 1.0).abs() < 1e-6 && dy >= -1e-6);
    }
    let (x, _) = Distribution::SwissRoll { noise: 0.0 }.sample(1000, &mut Plain(5));
    for p in x.chunks(2) {
        let (x, y) = (f64::from(p[0]), f64::from(p[1]));
        // The radius grows by 1 in 4.5π: its angle is its radius times that, up to whole turns.
        let turns = (x.hypot(y) * 4.5 * PI - y.atan2(x)) / TAU;
        assert!((turns - turns.round()).abs() < 1e-5, "{turns}");
    }
    // Across a curve, noise has the second moment σ².
    let (x, half) = Distribution::Moons { noise: 0.1 }.sample(N, &mut Plain(6));
    let across = x
        .chunks(2)
        .zip(&half)
        .filter(|(_, h)| **h == 0)
        .map(|(p, _)| (f64::from(p[0]).hypot(f64::from(p[1])) - 1.0).powi(2));
    let all: Vec<f64> = across.collect();
    let second = all.iter().sum::<f64>() / all.len() as f64;
    assert!((second - 0.01).abs() < 0.001, "{second}");
}

#[test]
fn what_is_no_distribution_is_told() {
    let told = |p: saddle_fault::Result<Distribution>, part: &str| {
        let fault = p.unwrap_err();
        assert!(fault.message.contains(part), "{fault} lacks {part:?}");
    };
    told(Distribution::gaussian(vec![0.0], vec![0.0]), "above 0");
    told(Distribution::gaussian(vec![f64::NAN], vec![1.0]), "NaN");
    told(Distribution::gaussian(vec![0.0; 2], vec![1.0; 3]), "2 numbers, the other has 3");
    told(Distribution::gaussian(vec![], vec![1.0]), "empty");
    told(Distribution::ring(0, 1.0, 0.1), "at least one part");
    let one = Gaussian::new(vec![0.0], vec![1.0]).unwrap();
    let mix = |weights| Mixture::new(vec![one.clone()], Some(weights)).map(Distribution::Mixture);
    told(mix(vec![0.0]), "add up to 0");
    told(mix(vec![-1.0]), "≥ 0");
    told(mix(vec![1.0, 1.0]), "2 weights for 1 parts");
}

#[test]
fn a_picture_is_a_density_with_its_upper_row_at_the_top() {
    // Three quarters of the mass at the top right, the rest at the bottom left, over −2 … 2: pixels are 2 wide.
    let p = Distribution::picture(&[0.0, 0.75, 0.25, 0.0], &[2, 2], [-2.0, 2.0]).unwrap();
    let (x, _) = p.sample(N, &mut Plain(7));
    // E x = .75 − .25, and the variance is that of the centres and of a Gaussian of half a pixel: 1 − .25 + 1.
    for coordinate in 0..2 {
        let (mean, variance) = moments(&x, 2, coordinate);
        assert!((mean - 0.5).abs() < 0.02 && (variance - 1.75).abs() < 0.03, "{mean} {variance}");
    }
    let both = x.chunks(2).map(|p| f64::from(p[0]) * f64::from(p[1])).sum::<f64>() / N as f64;
    assert!((both - 1.0).abs() < 0.03, "both coordinates have the same sign: {both}");
    for (pixels, part) in
        [(vec![0.0; 4], "no mass"), (vec![-1.0, 0.0, 0.0, 0.0], "must be ≥ 0"), (vec![f32::NAN; 4], "must be ≥ 0")]
    {
        let fault = Distribution::picture(&pixels, &[2, 2], [-1.0, 1.0]).unwrap_err();
        assert!(fault.message.contains(part), "{fault}");
    }
}
