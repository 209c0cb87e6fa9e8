//! Random numbers that are a function of a key and a counter: Philox 4×32-10 (Salmon et al., "Parallel random
//! numbers: as easy as 1, 2, 3", SC 2011).
//!
//! The numbers of a stream depend on its key and counter alone, so any part of a tensor can be filled by any thread.
//! Counters are used in groups of [`LANES`]: the words of a group are ordered by word first, then by counter, which is
//! the order in which vector registers hold them.

use std::mem::MaybeUninit;

use super::buffer::filled;
use super::math;
use super::parallel::{BLOCK, over_parts};
use super::simd::{Arith, Kernel, dispatch};

/// Counters in a group.
pub(super) const LANES: usize = 16;
/// Words of 32 bits in a group.
const WORDS: usize = 4 * LANES;
// Threads' parts begin at multiples of `BLOCK`, which have to be beginnings of groups.
const _: () = assert!(BLOCK.is_multiple_of(WORDS));
/// Elements that one thread should have at least.
const GRAIN: usize = 8 << 10;

/// A stream of random numbers. Its whole state is its two numbers: the stream goes on identically from a copy of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The seed's key.
    pub key: u64,
    /// Groups of numbers drawn so far.
    pub counter: u64,
}

impl Stream {
    /// The stream of a seed, from its beginning. Different seeds give independent streams.
    pub fn new(seed: u64) -> Self {
        Self { key: seed, counter: 0 }
    }

    /// A new stream that is independent of this one, which goes on.
    pub fn split(&mut self) -> Stream {
        Stream::new(self.next_u64())
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, _, _] = philox(self.counter, self.key);
        self.counter = self.counter.wrapping_add(1);
        u64::from(a) | u64::from(b) << 32
    }

    /// `n` numbers, uniform in [0, 1), multiples of 2^-24.
    pub fn uniform(&mut self, n: usize) -> Vec<f32> {
        self.fill(n, Uniform)
    }

    /// `n` numbers from the standard normal distribution.
    pub fn normal(&mut self, n: usize) -> Vec<f32> {
        self.fill(n, Normal)
    }

    /// `n` numbers that are `scale` with probability `keep`, else 0: a dropout mask.
    pub fn bernoulli_mask(&mut self, n: usize, keep: f32, scale: f32) -> Vec<f32> {
        let below = (f64::from(keep).clamp(0.0, 1.0) * f64::from(1 << 24)).round() as u32;
        self.fill(n, Mask { below, scale })
    }

    /// `n` whole numbers, uniform in `lo..hi`. `lo` is below `hi`.
    pub fn integers(&mut self, n: usize, lo: i64, hi: i64) -> Vec<i64> {
        debug_assert!(lo < hi, "integers: {lo} is not below {hi}");
        let range = hi.wrapping_sub(lo) as u64;
        (0..n).map(|_| lo.wrapping_add(self.below(range) as i64)).collect()
    }

    /// The numbers 0 … n − 1 in random order, each order equally likely.
    pub fn permutation(&mut self, n: usize) -> Vec<i64> {
        let mut order: Vec<i64> = (0..n as i64).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last as u64 + 1) as usize);
        }
        order
    }

    /// Uniform in `0..range`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    fn below(&mut self, range: u64) -> u64 {
        loop {
            let product = u128::from(self.next_u64()) * u128::from(range);
            let low = product as u64;
            if low >= range || low >= range.wrapping_neg() % range.max(1) {
                return (product >> 64) as u64;
            }
        }
    }

    /// `n` numbers made of the stream's next words.
    pub(super) fn fill(&mut self, n: usize, distribution: impl Distribution) -> Vec<f32> {
        let (key, start) = (self.key, self.counter);
        self.counter = start.wrapping_add((n.div_ceil(WORDS) * LANES) as u64);
        // SAFETY: `over_parts` covers the slice, and `Fill` writes all that it is given.
        unsafe {
            filled(n, |out| {
                over_parts(out, GRAIN, |range, out| {
                    // Parts begin at multiples of 64 elements, so at the beginning of a group.
                    let counter = start.wrapping_add((range.start / WORDS * LANES) as u64);
                    dispatch(Fill { key, counter, out, distribution });
                });
            })
        }
    }
}

/// How a group's words become numbers.
pub(super) trait Distribution: Copy + Sync {
    fn numbers<A: Arith>(self, words: &[[u32; LANES]; 4], out: &mut [[f32; LANES]; 4]);
}

#[derive(Clone, Copy)]
struct Uniform;

impl Distribution for Uniform {
    #[inline(always)]
    fn numbers<A: Arith>(self, words: &[[u32; LANES]; 4], out: &mut [[f32; LANES]; 4]) {
        for (out, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            *out = (word >> 8) as i32 as f32 * (1.0 / 16_777_216.0);
        }
    }
}

#[derive(Clone, Copy)]
struct Mask {
    below: u32,
    scale: f32,
}

impl Distribution for Mask {
    #[inline(always)]
    fn numbers<A: Arith>(self, words: &[[u32; LANES]; 4], out: &mut [[f32; LANES]; 4]) {
        for (out, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            // Both fit in 24 bits, so they compare as signed numbers, which every instruction set can.
            let kept = ((word >> 8) as i32) < self.below as i32;
            *out = if kept { self.scale } else { 0.0 };
        }
    }
}

#[derive(Clone, Copy)]
struct Normal;

impl Distribution for Normal {
    /// Box and Muller's transform: the words of a pair give the radius and the angle of a point in the plane.
    #[inline(always)]
    fn numbers<A: Arith>(self, words: &[[u32; LANES]; 4], out: &mut [[f32; LANES]; 4]) {
        let [a, b, c, d] = out;
        for i in 0..LANES {
            (a[i], b[i]) = normal_pair::<A>(words[0][i], words[1][i]);
        }
        for i in 0..LANES {
            (c[i], d[i]) = normal_pair::<A>(words[2][i], words[3][i]);
        }
    }
}

#[inline(always)]
fn normal_pair<A: Arith>(radius: u32, angle: u32) -> (f32, f32) {
    // In (0, 1], in steps of 2^-32 near 0, where the large normals come from: they reach 6.7.
    let high = (radius >> 8) as i32 as f32 * (1.0 / 16_777_216.0);
    let low = ((radius & 255) as i32 as f32 + 0.5) * (1.0 / 4_294_967_296.0);
    let r = (-2.0 * math::log::<A>(high + low)).max(0.0).sqrt();
    let (c, s) = math::unit_circle::<A>(angle);
    (r * c, r * s)
}

struct Fill<'a, L> {
    key: u64,
    counter: u64,
    out: &'a mut [MaybeUninit<f32>],
    distribution: L,
}

impl<L: Distribution> Kernel for Fill<'_, L> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Fill { key, mut counter, out, distribution } = self;
        let mut numbers = [[0.0; LANES]; 4];
        for chunk in out.chunks_mut(WORDS) {
            distribution.numbers::<A>(&philox_group(counter, key), &mut numbers);
            chunk.write_copy_of_slice(&numbers.as_flattened()[..chunk.len()]);
            counter = counter.wrapping_add(LANES as u64);
        }
    }
}

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// One round of Philox 4×32 with round key `key`.
#[inline(always)]
fn philox_round([c0, c1, c2, c3]: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let product0 = u64::from(MULTIPLIERS[0]) * u64::from(c0);
    let product1 = u64::from(MULTIPLIERS[1]) * u64::from(c2);
    [(product1 >> 32) as u32 ^ c1 ^ key[0], product1 as u32, (product0 >> 32) as u32 ^ c3 ^ key[1], product0 as u32]
}

/// The round keys that follow from `key`.
#[inline(always)]
fn round_keys(key: u64) -> [[u32; 2]; ROUNDS] {
    let mut keys = [[key as u32, (key >> 32) as u32]; ROUNDS];
    let mut round = 1;
    while round < ROUNDS {
        let [a, b] = keys[round - 1];
        keys[round] = [a.wrapping_add(KEY_STEPS[0]), b.wrapping_add(KEY_STEPS[1])];
        round += 1;
    }
    keys
}

/// The four words of one counter.
#[inline(always)]
fn philox(counter: u64, key: u64) -> [u32; 4] {
    philox_of([counter as u32, (counter >> 32) as u32, 0, 0], key)
}

#[inline(always)]
fn philox_of(counter: [u32; 4], key: u64) -> [u32; 4] {
    round_keys(key).into_iter().fold(counter, philox_round)
}

/// The words of `counter`, `counter + 1`, …: one counter a lane.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // a lane is the same index in four arrays
fn philox_group(counter: u64, key: u64) -> [[u32; LANES]; 4] {
    let [mut a, mut b, mut c, mut d] = [[0; LANES]; 4];
    let keys = round_keys(key);
    // All rounds of one lane in the loop's body: this is the form that is vectorised.
    for lane in 0..LANES {
        let counter = counter.wrapping_add(lane as u64);
        let mut words = [counter as u32, (counter >> 32) as u32, 0, 0];
        for key in keys {
            words = philox_round(words, key);
        }
        [a[lane], b[lane], c[lane], d[lane]] = words;
    }
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::super::set_threads;
    use super::super::simd::testing::at_each_level;
    use super::*;

    #[test]
    fn philox_gives_the_published_words() {
        // The known answers for philox4x32-10 that come with Random123 (kat_vectors): counter, key, result.
        assert_eq!(philox_of([0; 4], 0), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        assert_eq!(philox_of([u32::MAX; 4], u64::MAX), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
        // The digits of π.
        let counter = [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344];
        assert_eq!(philox_of(counter, 0x299F_31D0_A409_3822), [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]);
    }

    #[test]
    fn a_group_holds_the_words_of_its_counters() {
        // Across the carry into the second word of the counter.
        let (counter, key) = (u64::from(u32::MAX) - 5, 0x1234_5678_9ABC_DEF0);
        let group = philox_group(counter, key);
        for (lane, counter) in (counter..).take(LANES).enumerate() {
            let words = philox(counter, key);
            assert_eq!(words, [group[0][lane], group[1][lane], group[2][lane], group[3][lane]]);
        }
    }

    #[test]
    fn uniform_numbers_are_the_same_at_every_level_and_thread_count() {
        let expected: Vec<f32> = (0..1000)
            .map(|i| {
                let words = philox((i / WORDS * LANES + i % LANES) as u64, 9);
                (words[i % WORDS / LANES] >> 8) as f32 / 16_777_216.0
            })
            .collect();
        at_each_level(|level| assert_eq!(Stream::new(9).uniform(1000), expected, "{level:?}"));
        for threads in [1, 2, 5] {
            set_threads(threads);
            assert_eq!(Stream::new(9).uniform(200_000)[..1000], expected, "{threads} threads");
            set_threads(0);
        }
    }

    #[test]
    fn normal_numbers_do_not_depend_on_the_number_of_threads() {
        let normals = |threads| {
            set_threads(threads);
            let x = Stream::new(3).normal(300_007);
            set_threads(0);
            x
        };
        let one = normals(1);
        assert!(one == normals(2));
        assert!(one == normals(6));
    }

    #[test]
    fn normal_numbers_are_the_same_at_every_level_up_to_rounding() {
        let mut results = Vec::new();
        at_each_level(|_| results.push(Stream::new(5).normal(5000)));
        for other in &results {
            super::super::testing::assert_close(other, &results[0], 1e-6);
        }
    }

    #[test]
    fn moments_and_tails_of_the_normal_distribution() {
        let n = 1 << 22;
        let x = Stream::new(1).normal(n);
        let moment = |power: i32| x.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / n as f64;
        // Six standard errors of each moment: the variance of x^p is E x^2p − (E x^p)².
        let near = |got: f64, exact: f64, variance: f64| {
            let bound = 6.0 * (variance / n as f64).sqrt();
            assert!((got - exact).abs() <= bound, "{got} instead of {exact} ± {bound}");
        };
        near(moment(1), 0.0, 1.0);
        near(moment(2), 1.0, 2.0);
        near(moment(3), 0.0, 15.0);
        near(moment(4), 3.0, 96.0);
        near(moment(6), 15.0, 10_170.0);
        // Φ(−t), from tables.
        for (t, share) in
            [(0.0, 0.5), (1.0, 0.158_655_254), (2.0, 0.022_750_132), (3.0, 0.001_349_898), (4.0, 3.167_124e-5)]
        {
            for side in [-1.0, 1.0] {
                let beyond = x.iter().filter(|&&x| x * side > t).count() as f64 / n as f64;
                near(beyond, share, share * (1.0 - share));
            }
        }
        // Neighbours in memory, and the two of a pair, are uncorrelated.
        for lag in [1, LANES, 4 * LANES] {
            let covariance = x.iter().zip(&x[lag..]).map(|(a, b)| f64::from(a * b)).sum::<f64>() / n as f64;
            near(covariance, 0.0, 1.0);
        }
    }

    #[test]
    fn uniform_numbers_fill_their_interval_evenly() {
        let n = 1 << 20;
        let mut cells = [0u32; 64];
        for x in Stream::new(2).uniform(n) {
            assert!((0.0..1.0).contains(&x));
            cells[(x * 64.0) as usize] += 1;
        }
        let expected = n as f64 / 64.0;
        let chi2: f64 = cells.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
        // 63 degrees of freedom: 99.9999 % lie below 131, and 0.0001 % below 22.
        assert!((22.0..131.0).contains(&chi2), "chi² = {chi2}");
    }

    #[test]
    fn masks_keep_the_share_that_was_asked_for() {
        let mut stream = Stream::new(4);
        let n = 400_000;
        let kept = stream.bernoulli_mask(n, 0.8, 1.25);
        assert!(kept.iter().all(|&x| x == 0.0 || x == 1.25));
        let share = kept.iter().filter(|&&x| x > 0.0).count() as f64 / n as f64;
        assert!((share - 0.8).abs() < 6.0 * (0.16 / n as f64).sqrt(), "{share}");
        assert!(stream.bernoulli_mask(1000, 1.0, 1.0).iter().all(|&x| x == 1.0));
        assert!(stream.bernoulli_mask(1000, 0.0, 1.0).iter().all(|&x| x == 0.0));
    }

    #[test]
    fn integers_and_permutations() {
        let mut stream = Stream::new(6);
        let numbers = stream.integers(60_000, -2, 4);
        for value in -2..4 {
            let count = numbers.iter().filter(|&&x| x == value).count() as f64;
            assert!((count - 10_000.0).abs() < 6.0 * (10_000.0f64 * 5.0 / 6.0).sqrt(), "{value}: {count} of 60,000");
        }
        assert!(numbers.iter().all(|x| (-2..4).contains(x)));
        assert_eq!(stream.integers(3, 7, 8), [7, 7, 7]);
        assert!(stream.integers(100, i64::MIN, i64::MAX).iter().any(|&x| x < 0));
        let mut order = stream.permutation(1000);
        assert_ne!(order[..5], [0, 1, 2, 3, 4]);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..1000));
        assert_eq!((stream.permutation(0), stream.permutation(1)), (vec![], vec![0]));
    }

    #[test]
    fn a_stream_goes_on_where_its_two_numbers_say() {
        let mut stream = Stream::new(8);
        let first = stream.uniform(100);
        let mut copy = Stream { key: stream.key, counter: stream.counter };
        assert_eq!(stream.normal(70), copy.normal(70));
        assert_ne!(first, stream.uniform(100));
        let mut child = stream.split();
        assert_ne!(child.key, stream.key);
        assert_ne!(child.uniform(10), stream.uniform(10));
        assert_ne!(Stream::new(0).uniform(10), Stream::new(1).uniform(10));
    }
}
