//! Batch normalisation: each channel of `[batch, channels, inner]` brought to mean 0 and variance 1, and its gradient.
//! A channel is worked on as a whole by one thread, so that it comes from memory once.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::buffer::filled;
use super::layout::contiguous;
use super::parallel::{Shared, parts, run};
use super::reduce::{LANES, SUM_BLOCK};
use super::simd::{Arith, Kernel, dispatch};

/// Elements that one thread should have at least.
const GRAIN: usize = 16 << 10;
/// Elements of a vector, where fewer than [`LANES`] are left.
const VECTOR: usize = 16;

/// `x` normalised, and what it was normalised with.
#[derive(Clone, Debug, PartialEq)]
pub struct Normed {
    /// The output, of the shape of the input.
    pub y: Vec<f32>,
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// What the rounding of the mean lost: at an offset of 10⁸ that is as large as the spread.
    pub rest: Vec<f32>,
    /// The variance of each channel, divided by the number of elements.
    pub var: Vec<f32>,
    /// 1 / √(variance + eps), also where the variance itself is too large for single precision.
    pub inverse: Vec<f32>,
}

/// Gradients with respect to the input, the gain and the shift.
#[derive(Clone, Debug, PartialEq)]
pub struct NormGrads {
    /// With respect to the input.
    pub x: Vec<f32>,
    /// With respect to the gain, one for each channel.
    pub gain: Vec<f32>,
    /// With respect to the shift, one for each channel.
    pub shift: Vec<f32>,
}

/// `(x − mean) / √(var + eps) · gain + shift` with the mean and the variance of each channel of `x`, `[batch, channels,
/// inner]`.
pub fn batch_norm(x: &[f32], shape: [usize; 3], eps: f32, gain: &[f32], shift: &[f32]) -> Normed {
    let [batch, channels, inner] = shape;
    assert_eq!(x.len(), batch * channels * inner, "batch_norm: length of x");
    assert_eq!(gain.len(), channels, "batch_norm: length of the gain");
    assert_eq!(shift.len(), channels, "batch_norm: length of the shift");
    if inner == 1 && batch > 1 {
        // Channel by channel is the better order.
        let x = contiguous(x, &[1, channels], &[channels, batch]);
        let normed = batch_norm(&x, [1, channels, batch], eps, gain, shift);
        let y = contiguous(&normed.y, &[1, batch], &[batch, channels]);
        return Normed { y, ..normed };
    }
    let planes = Planes::new(shape);
    let mut stats = [const { Vec::new() }; 4].map(|_: Vec<f32>| vec![0.0; channels]);
    let to_stats = stats.each_mut().map(|all| Shared::new(all));
    let on_channel = |channel: usize, y: Shared<MaybeUninit<f32>>| {
        let Stats { mean, rest, var, inverse } = planes.stats(channel, x, eps);
        let scale = gain[channel] * inverse;
        let shift = shift[channel] - rest * scale;
        // SAFETY: (of `Zip` as well) each channel is visited once, and what belongs to different channels does not
        // overlap.
        unsafe {
            for (all, stat) in to_stats.iter().zip([mean, rest, var, inverse]) {
                all.range(channel..channel + 1)[0] = stat;
            }
            let (planes, f) = (planes.of(channel), move |x, _| (x - mean) * scale + shift);
            dispatch(Zip { planes, a: x, b: x, out: y, f });
        }
    };
    // SAFETY: every plane of every channel is written.
    let y = unsafe {
        filled(x.len(), |y| {
            let y = Shared::new(y);
            planes.each_channel(|channel| on_channel(channel, y));
        })
    };
    let [mean, rest, var, inverse] = stats;
    Normed { y, mean, rest, var, inverse }
}

/// What a channel is normalised with.
struct Stats {
    mean: f32,
    rest: f32,
    var: f32,
    inverse: f32,
}

impl Stats {
    /// The statistics of a mean and a variance, to which `eps` is added.
    fn new(mean: f64, var: f64, eps: f32) -> Self {
        let rounded = mean as f32;
        Self {
            mean: rounded,
            rest: (mean - f64::from(rounded)) as f32,
            var: var as f32,
            inverse: (1.0 / (var + f64::from(eps)).sqrt()) as f32,
        }
    }
}

/// The gradients of [`batch_norm`] for the gradient `g` of its result; `mean`, `rest` and `inverse` are those of `x`.
pub fn batch_norm_grad(
    x: &[f32],
    g: &[f32],
    shape: [usize; 3],
    gain: &[f32],
    [mean, rest, inverse]: [&[f32]; 3],
) -> NormGrads {
    let [batch, channels, inner] = shape;
    assert_eq!(x.len(), batch * channels * inner, "batch_norm: length of x");
    assert_eq!(g.len(), x.len(), "batch_norm: length of the gradient");
    if inner == 1 && batch > 1 {
        let transposed = |x| contiguous(x, &[1, channels], &[channels, batch]);
        let shape = [1, channels, batch];
        let grads = batch_norm_grad(&transposed(x), &transposed(g), shape, gain, [mean, rest, inverse]);
        let x = contiguous(&grads.x, &[1, batch], &[batch, channels]);
        return NormGrads { x, ..grads };
    }
    let planes = Planes::new(shape);
    let (mut gains, mut shifts) = (vec![0.0; channels], vec![0.0; channels]);
    let (to_gains, to_shifts) = (Shared::new(&mut gains), Shared::new(&mut shifts));
    let on_channel = |channel: usize, dx: Shared<MaybeUninit<f32>>| {
        let [mean, rest, inverse] = [mean, rest, inverse].map(|all| all[channel]);
        let hat = move |x: f32| ((x - mean) - rest) * inverse;
        let [sum, along] = planes.sums(channel, g, x, move |g, x| [g, g * hat(x)]);
        let scale = gain[channel] * inverse;
        let (off, slope) = (sum / planes.count(), along / planes.count());
        // SAFETY: as in `batch_norm`.
        unsafe {
            to_gains.range(channel..channel + 1)[0] = along;
            to_shifts.range(channel..channel + 1)[0] = sum;
            let f = move |g, x| (g - off - hat(x) * slope) * scale;
            dispatch(Zip { planes: planes.of(channel), a: g, b: x, out: dx, f });
        }
    };
    // SAFETY: every plane of every channel is written.
    let dx = unsafe {
        filled(x.len(), |dx| {
            let dx = Shared::new(dx);
            planes.each_channel(|channel| on_channel(channel, dx));
        })
    };
    NormGrads { x: dx, gain: gains, shift: shifts }
}

/// Where the elements of a channel lie: `batch` planes of `inner`.
#[derive(Clone, Copy)]
struct Planes {
    batch: usize,
    channels: usize,
    inner: usize,
}

impl Planes {
    fn new([batch, channels, inner]: [usize; 3]) -> Self {
        Self { batch, channels, inner }
    }

    /// The number of elements of a channel.
    fn count(self) -> f32 {
        (self.batch * self.inner) as f32
    }

    /// The planes of a channel, piece by piece.
    fn of(self, channel: usize) -> Pieces {
        let Self { batch, channels, inner } = self;
        Pieces { start: channel * inner, step: channels * inner, batch, inner }
    }

    /// Calls `body` once for each channel, on several threads where it is worthwhile.
    fn each_channel(self, body: impl Fn(usize) + Sync) {
        let Self { channels, .. } = self;
        let parts = parts(self.batch * channels * self.inner, GRAIN).min(channels);
        run(parts, &|part| {
            (channels * part / parts..channels * (part + 1) / parts).for_each(&body);
        });
    }

    /// The statistics of a channel. The rough mean is taken off first: what is left has a mean of its own, which is
    /// what the rounding lost.
    fn stats(self, channel: usize, x: &[f32], eps: f32) -> Stats {
        let [sum] = self.sums(channel, x, x, |x, _| [x]);
        let rough = sum / self.count();
        let [off, squares] = self.sums(channel, x, x, |x, _| [x - rough, (x - rough) * (x - rough)]);
        let (off, square) = (f64::from(off / self.count()), f64::from(squares / self.count()));
        let mean = f64::from(rough) + off;
        // Seldom: what is lost is as large as the spread, or squares leave the range of single precision.
        if !square.is_finite() || off * off > square / 64.0 {
            return self.careful_stats(channel, x, eps);
        }
        Stats::new(mean, square - off * off, eps)
    }

    /// The same in double precision, in two passes.
    fn careful_stats(self, channel: usize, x: &[f32], eps: f32) -> Stats {
        let pieces = self.of(channel);
        let all = || (0..self.batch).flat_map(move |image| &x[pieces.of_image(image)]).map(|&v| f64::from(v));
        let count = (self.batch * self.inner) as f64;
        let mean = all().sum::<f64>() / count;
        let var = all().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
        Stats::new(mean, var, eps)
    }

    /// The sums over a channel of what `f` makes of the elements of `a` and `b`. Blocks of bounded length are added up
    /// in double precision, so that the error does not grow with the batch.
    fn sums<const N: usize>(
        self,
        channel: usize,
        a: &[f32],
        b: &[f32],
        f: impl Fn(f32, f32) -> [f32; N] + Copy,
    ) -> [f32; N] {
        let mut total = [0.0; N];
        dispatch(Sums { planes: self.of(channel), a, b, f, total: &mut total });
        total.map(|v| v as f32)
    }
}

/// Where the elements of one channel lie.
#[derive(Clone, Copy)]
struct Pieces {
    start: usize,
    step: usize,
    batch: usize,
    inner: usize,
}

impl Pieces {
    #[inline(always)]
    fn of_image(self, image: usize) -> Range<usize> {
        let start = self.start + image * self.step;
        start..start + self.inner
    }
}

/// Adds what `f` makes of each pair of elements to `total`.
struct Sums<'a, F, const N: usize> {
    planes: Pieces,
    a: &'a [f32],
    b: &'a [f32],
    f: F,
    total: &'a mut [f64; N],
}

impl<const N: usize, F: Fn(f32, f32) -> [f32; N]> Kernel for Sums<'_, F, N> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { planes, a, b, f, total } = self;
        let (mut lanes, mut odd, mut held) = ([[0.0f32; LANES]; N], [0.0f32; N], 0);
        for plane in (0..planes.batch).map(|image| planes.of_image(image)) {
            for start in plane.clone().step_by(SUM_BLOCK) {
                let piece = start..plane.end.min(start + SUM_BLOCK);
                held += piece.len();
                let (a, b) = (&a[piece.clone()], &b[piece]);
                let whole = a.len() / LANES * LANES;
                let vectors = a.len() / VECTOR * VECTOR;
                for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
                    add::<LANES, N>(a, b, &f, &mut lanes, 0);
                }
                // What is left has vectors of its own, so that none waits for the one before.
                for at in (whole..vectors).step_by(VECTOR) {
                    let (a, b) = (&a[at..at + VECTOR], &b[at..at + VECTOR]);
                    add::<VECTOR, N>(a, b, &f, &mut lanes, at - whole);
                }
                for (&a, &b) in a[vectors..].iter().zip(&b[vectors..]) {
                    let terms = f(a, b);
                    for n in 0..N {
                        odd[n] += terms[n];
                    }
                }
                if held >= SUM_BLOCK {
                    fold(&mut lanes, &mut odd, total);
                    held = 0;
                }
            }
        }
        fold(&mut lanes, &mut odd, total);
    }
}

/// Adds what `f` makes of `L` pairs to the lanes from `first` on.
#[inline(always)]
fn add<const L: usize, const N: usize>(
    a: &[f32],
    b: &[f32],
    f: &impl Fn(f32, f32) -> [f32; N],
    lanes: &mut [[f32; LANES]; N],
    first: usize,
) {
    let mut terms = [[0.0; L]; N];
    for i in 0..L {
        let both = f(a[i], b[i]);
        for n in 0..N {
            terms[n][i] = both[n];
        }
    }
    for (lanes, terms) in lanes.iter_mut().zip(&terms) {
        for (lane, term) in lanes[first..first + L].iter_mut().zip(terms) {
            *lane += term;
        }
    }
}

/// Adds partial sums to the total, and begins them anew.
#[inline(always)]
fn fold<const N: usize>(lanes: &mut [[f32; LANES]; N], odd: &mut [f32; N], total: &mut [f64; N]) {
    for n in 0..N {
        total[n] += lanes[n].iter().map(|&v| f64::from(v)).sum::<f64>() + f64::from(odd[n]);
    }
    (*lanes, *odd) = ([[0.0; LANES]; N], [0.0; N]);
}

/// Writes what `f` makes of each pair of elements.
///
/// The planes of `out` can be written, and nobody else accesses them meanwhile. `f` holds its numbers itself: what it
/// referred to would be read anew for each element, since it might lie in `out`.
struct Zip<'a, F> {
    planes: Pieces,
    a: &'a [f32],
    b: &'a [f32],
    out: Shared<MaybeUninit<f32>>,
    f: F,
}

impl<F: Fn(f32, f32) -> f32 + 'static> Kernel for Zip<'_, F> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { planes, a, b, out, f } = self;
        for plane in (0..planes.batch).map(|image| planes.of_image(image)) {
            // SAFETY: what is said of `out`.
            let out = unsafe { out.range(plane.clone()) };
            for ((out, &a), &b) in out.iter_mut().zip(&a[plane.clone()]).zip(&b[plane]) {
                out.write(f(a, b));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set_threads;
    use crate::simd::testing::at_each_level;
    use crate::testing::{assert_close, sample};

    const SHAPES: [[usize; 3]; 8] =
        [[2, 1, 1], [1, 3, 5], [7, 5, 1], [4, 3, 49], [5, 2, 64], [3, 4, 131], [64, 40, 49], [2, 3, 20_000]];

    /// The definition, and its gradient as Ioffe and Szegedy derive it, in double precision.
    fn defined(x: &[f32], g: &[f32], [n, c, inner]: [usize; 3], gain: &[f32], shift: &[f32]) -> [Vec<f32>; 5] {
        let mut out = [vec![0.0; x.len()], vec![0.0; c], vec![0.0; x.len()], vec![0.0; c], vec![0.0; c]];
        for k in 0..c {
            let at: Vec<usize> = (0..n).flat_map(|i| (0..inner).map(move |j| (i * c + k) * inner + j)).collect();
            let count = at.len() as f64;
            let mean = at.iter().map(|&i| f64::from(x[i])).sum::<f64>() / count;
            let var = at.iter().map(|&i| (f64::from(x[i]) - mean).powi(2)).sum::<f64>() / count;
            let hat = |i: usize| (f64::from(x[i]) - mean) / (var + 1e-5).sqrt();
            let sum = at.iter().map(|&i| f64::from(g[i])).sum::<f64>();
            let along = at.iter().map(|&i| f64::from(g[i]) * hat(i)).sum::<f64>();
            for &i in &at {
                out[0][i] = (hat(i) * f64::from(gain[k]) + f64::from(shift[k])) as f32;
                let inner = f64::from(g[i]) - sum / count - hat(i) * along / count;
                out[2][i] = (f64::from(gain[k]) / (var + 1e-5).sqrt() * inner) as f32;
            }
            out[1][k] = mean as f32;
            out[3][k] = along as f32;
            out[4][k] = sum as f32;
        }
        out
    }

    #[test]
    fn both_directions_follow_their_definition() {
        for shape in SHAPES {
            let (len, c) = (shape.iter().product(), shape[1]);
            // A mean far from 0 shows whether the variance is formed with care.
            let x: Vec<f32> = sample(len, 1).iter().map(|v| v + 30.0).collect();
            let (g, gain, shift) = (sample(len, 2), sample(c, 3), sample(c, 4));
            let [y, mean, dx, dgain, dshift] = defined(&x, &g, shape, &gain, &shift);
            at_each_level(|level| {
                println!("{level:?} {shape:?}"); // shown if one of these fails
                let normed = batch_norm(&x, shape, 1e-5, &gain, &shift);
                assert_close(&normed.y, &y, 1e-4);
                assert_close(&normed.mean, &mean, 1e-5);
                let stats = [&normed.mean[..], &normed.rest, &normed.inverse];
                let grads = batch_norm_grad(&x, &g, shape, &gain, stats);
                assert_close(&grads.x, &dx, 1e-3);
                assert_close(&grads.gain, &dgain, 1e-3);
                assert_close(&grads.shift, &dshift, 1e-3);
            });
        }
    }

    /// At offsets and scales at which single precision holds the values but not their sum of squares.
    #[test]
    fn offsets_and_scales_cost_no_digits() {
        let shape = [4, 3, 6];
        let (g, gain, shift) = (sample(72, 2), sample(3, 3), sample(3, 4));
        for (factor, offset) in
            [(8.0, 1e4), (64.0, -1e8), (1e20, 0.0), (1e30, 0.0), (1e-20, 0.0), (0.0, 1e8), (0.0, 0.1)]
        {
            let x: Vec<f32> = sample(72, 1).iter().map(|v| v * factor + offset).collect();
            let [y, _, dx, dgain, dshift] = defined(&x, &g, shape, &gain, &shift);
            let normed = batch_norm(&x, shape, 1e-5, &gain, &shift);
            let stats = [&normed.mean[..], &normed.rest, &normed.inverse];
            let grads = batch_norm_grad(&x, &g, shape, &gain, stats);
            println!("{factor} {offset}"); // shown if one of these fails
            assert_close(&normed.y, &y, 1e-5);
            let unit = |all: &[f32]| all.iter().map(|v| v / normed.inverse[0]).collect::<Vec<f32>>();
            assert_close(&unit(&grads.x), &unit(&dx), 1e-4);
            assert_close(&grads.gain, &dgain, 1e-4);
            assert_close(&grads.shift, &dshift, 1e-4);
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let shape = [64, 40, 49];
        let x = sample(shape.iter().product(), 1);
        let (gain, shift) = (sample(40, 3), sample(40, 4));
        let with = |threads| {
            set_threads(threads);
            let normed = batch_norm(&x, shape, 1e-5, &gain, &shift);
            let stats = [&normed.mean[..], &normed.rest, &normed.inverse];
            let grads = batch_norm_grad(&x, &normed.y, shape, &gain, stats);
            set_threads(0);
            (normed, grads)
        };
        assert!(with(1) == with(3));
    }
}
