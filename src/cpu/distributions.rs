//! Random numbers of other distributions than the uniform and the normal one.

use super::random::{Distribution, LANES, Stream};
use super::simd::Arith;

/// Steps of 2^-32.
const STEP: f64 = 1.0 / 4_294_967_296.0;

/// The part of a normal distribution with mean 0 and standard deviation 1 that lies between two ends.
#[derive(Clone, Copy, Debug)]
pub struct Between {
    /// Below `high`; may be −∞.
    pub low: f64,
    /// May be +∞.
    pub high: f64,
}

impl Stream {
    /// `n` numbers from the exponential distribution with mean 1: from 1.2e-10 to 22.9.
    pub fn exponential(&mut self, n: usize) -> Vec<f32> {
        self.fill(n, Exponential)
    }

    /// `n` numbers from the standard Gumbel distribution, whose mean is Euler's constant: from -3.1 to 22.9.
    pub fn gumbel(&mut self, n: usize) -> Vec<f32> {
        self.fill(n, Gumbel)
    }

    /// `n` numbers from the standard normal distribution between two ends, as far out as they may lie.
    pub fn truncated_normal(&mut self, n: usize, ends: Between) -> Vec<f64> {
        let proposal = Proposal::new(ends);
        (0..n).map(|_| proposal.accepted(self)).collect()
    }

    /// Uniform in (0, 1), in steps of 2^-52 from 2^-53 on.
    fn open(&mut self) -> f64 {
        ((self.next_u64() >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
    }
}

/// −ln u for u in (0, 1). In double precision both tails are whole: u is never 0, and never rounds to 1.
#[inline(always)]
fn exponential(word: u32) -> f64 {
    -((f64::from(word) + 0.5) * STEP).ln()
}

#[derive(Clone, Copy)]
struct Exponential;

impl Distribution for Exponential {
    #[inline(always)]
    fn numbers<A: Arith>(self, words: &[[u32; LANES]; 4], out: &mut [[f32; LANES]; 4]) {
        for (out, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            *out = exponential(word) as f32;
        }
    }
}

#[derive(Clone, Copy)]
struct Gumbel;

impl Distribution for Gumbel {
    #[inline(always)]
    fn numbers<A: Arith>(self, words: &[[u32; LANES]; 4], out: &mut [[f32; LANES]; 4]) {
        for (out, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            *out = -exponential(word).ln() as f32;
        }
    }
}

/// How candidates are made, so that a good share of them is accepted wherever the ends lie (Robert, "Simulation of
/// truncated normal variables", 1995).
enum Shape {
    /// Normal numbers, for wide ends around 0.
    Normal,
    /// Uniform numbers, for narrow ends; the density is greatest at `peak`.
    Uniform { peak: f64 },
    /// `low` plus exponential numbers, for ends above 0.
    Exponential { rate: f64 },
}

struct Proposal {
    ends: Between,
    shape: Shape,
    /// The ends lie below 0, and were exchanged with their mirror image.
    mirrored: bool,
}

impl Proposal {
    fn new(Between { low, high }: Between) -> Self {
        let mirrored = high < 0.0;
        let (low, high) = if mirrored { (-high, -low) } else { (low, high) };
        // Robert's rate of the exponential candidates.
        let rate = low / 2.0 + (low / 2.0).hypot(1.0);
        let shape = if low <= 0.0 {
            match high - low < (2.0 * std::f64::consts::PI).sqrt() {
                true => Shape::Uniform { peak: 0.0 },
                false => Shape::Normal,
            }
        } else if (high - low) * rate < 1.0 {
            Shape::Uniform { peak: low }
        } else {
            Shape::Exponential { rate }
        };
        Self { ends: Between { low, high }, shape, mirrored }
    }

    /// The next candidate that is accepted.
    fn accepted(&self, stream: &mut Stream) -> f64 {
        loop {
            if let Some(x) = self.candidate(stream) {
                let x = x.clamp(self.ends.low, self.ends.high);
                return if self.mirrored { -x } else { x };
            }
        }
    }

    fn candidate(&self, stream: &mut Stream) -> Option<f64> {
        let Between { low, high } = self.ends;
        let (x, chance) = match self.shape {
            Shape::Normal => {
                let radius = (-2.0 * stream.open().ln()).sqrt();
                let angle = 2.0 * std::f64::consts::PI * stream.open();
                (radius * angle.cos(), 1.0)
            }
            Shape::Uniform { peak } => {
                let x = low + (high - low) * stream.open();
                (x, ((peak - x) * (peak + x) / 2.0).exp())
            }
            Shape::Exponential { rate } => {
                let x = low - stream.open().ln() / rate;
                (x, (-(x - rate).powi(2) / 2.0).exp())
            }
        };
        ((low..=high).contains(&x) && (chance == 1.0 || stream.open() < chance)).then_some(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 1 << 20;

    /// The mean of `f` over the numbers is `exact`, up to six standard errors for the variance of one.
    fn near(numbers: &[f64], f: impl Fn(f64) -> f64, exact: f64, variance: f64) {
        let mean = numbers.iter().map(|&x| f(x)).sum::<f64>() / numbers.len() as f64;
        let bound = 6.0 * (variance / numbers.len() as f64).sqrt();
        assert!((mean - exact).abs() <= bound, "{mean}, not {exact} ± {bound}");
    }

    /// The share of the numbers above `t` is `exact`.
    fn share(numbers: &[f64], t: f64, exact: f64) {
        near(numbers, |x| f64::from(x > t), exact, exact * (1.0 - exact));
    }

    fn wide(numbers: Vec<f32>) -> Vec<f64> {
        numbers.into_iter().map(f64::from).collect()
    }

    #[test]
    fn exponential_numbers_have_their_moments_and_tail() {
        let x = wide(Stream::new(1).exponential(N));
        // E xᵏ = k!
        near(&x, |x| x, 1.0, 1.0);
        near(&x, |x| x * x, 2.0, 24.0 - 4.0);
        near(&x, |x| x.powi(3), 6.0, 720.0 - 36.0);
        for t in [0.01, 1.0, 5.0, 9.0f64] {
            share(&x, t, (-t).exp());
        }
        assert!(x.iter().all(|&x| x > 0.0 && x < 23.0));
    }

    #[test]
    fn gumbel_numbers_have_their_moments_and_tails() {
        let x = wide(Stream::new(2).gumbel(N));
        // The mean is Euler's constant, the variance π²/6, the fourth central moment 27/5 times its square.
        let (mean, variance) = (0.577_215_664_901_532_9, std::f64::consts::PI.powi(2) / 6.0);
        near(&x, |x| x, mean, variance);
        near(&x, |x| (x - mean).powi(2), variance, (5.4 - 1.0) * variance * variance);
        for t in [-2.0, -1.0, 0.0, 3.0, 8.0f64] {
            share(&x, t, 1.0 - (-(-t).exp()).exp());
        }
        assert!(x.iter().all(|x| x.is_finite()));
    }

    /// Moments of the normal distribution between a and b, with φ and Φ from tables: the mean is (φ(a) − φ(b)) / Z, the
    /// mean square 1 + (a φ(a) − b φ(b)) / Z.
    #[test]
    fn truncated_normal_numbers_have_their_moments_wherever_the_ends_lie() {
        let phi = |x: f64| match x.is_finite() {
            true => (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt(),
            false => 0.0,
        };
        let times = |x: f64| if x.is_finite() { x * phi(x) } else { 0.0 };
        let inf = f64::INFINITY;
        for (low, high, z) in [
            (-2.0, 2.0, 0.954_499_736_103_641_6),
            (-1.0, 1.0, 0.682_689_492_137_085_9),
            (-1.0, 3.0, 0.839_994_848_036_912_9),
            (-inf, inf, 1.0),
            (-inf, 0.0, 0.5),
            (1.0, inf, 0.158_655_253_931_457_05),
            (1.0, 1.5, 0.091_848_052_662_599_1),
            (2.0, 3.0, 0.021_400_233_916_549_1),
            (-3.0, -2.0, 0.021_400_233_916_549_1),
            (5.0, inf, 2.866_515_718_791_939e-7),
            (-inf, -5.0, 2.866_515_718_791_939e-7),
        ] {
            let x = Stream::new(3).truncated_normal(N / 4, Between { low, high });
            assert!(x.iter().all(|x| (low..=high).contains(x)), "{low} to {high}");
            let mean = (phi(low) - phi(high)) / z;
            let square = 1.0 + (times(low) - times(high)) / z;
            let variance = square - mean * mean;
            near(&x, |x| x, mean, variance);
            // The fourth moment lies between that of a uniform and that of an exponential distribution.
            near(&x, |x| (x - mean).powi(2), variance, 8.0 * variance * variance);
        }
    }

    #[test]
    fn ends_far_out_or_close_together_are_no_trouble() {
        for (low, high) in [(30.0, 31.0), (-1e6, -1e5), (3.0, 3.000_001), (1e8, f64::INFINITY), (1e200, 1e300)] {
            let x = Stream::new(4).truncated_normal(1000, Between { low, high });
            assert!(x.iter().all(|x| (low..=high).contains(x)), "{low} to {high}");
        }
    }

    #[test]
    fn a_stream_repeats_them() {
        let (mut a, mut b) = (Stream::new(5), Stream::new(5));
        let ends = Between { low: -1.0, high: 2.0 };
        assert_eq!(a.truncated_normal(9, ends), b.truncated_normal(9, ends));
        assert_eq!((a.gumbel(70), a.exponential(3)), (b.gumbel(70), b.exponential(3)));
        assert_eq!(a, b);
    }
}
