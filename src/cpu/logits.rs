//! Binary cross-entropy of logits, in one pass each way.

use std::mem::MaybeUninit;

use super::buffer::filled;
use super::math;
use super::simd::{Arith, Kernel, dispatch};

const LANES: usize = 64;

/// The sum of log(1 + eᵃ) − t·a. There is one target for each logit, or one for all.
pub fn bce_with_logits(a: &[f32], t: &[f32]) -> f32 {
    dispatch(Cost(a, Targets::new(a, t)))
}

/// The gradient of `scale` times [`bce_with_logits`] with respect to each logit: (σ(a) − t) · `scale`.
pub fn bce_with_logits_grad(a: &[f32], t: &[f32], scale: f32) -> Vec<f32> {
    let t = Targets::new(a, t);
    // SAFETY: `Slope` writes all that it is given.
    unsafe {
        filled(a.len(), |out| {
            dispatch(Slope { a, t, scale, out });
        })
    }
}

#[expect(clippy::large_enum_variant, reason = "only one lives at a time, on the stack")]
#[derive(Clone, Copy)]
enum Targets<'a> {
    One([f32; LANES]),
    Each(&'a [f32]),
}

impl<'a> Targets<'a> {
    fn new(a: &[f32], t: &'a [f32]) -> Self {
        match t {
            &[one] => Targets::One([one; LANES]),
            _ => {
                assert_eq!(a.len(), t.len(), "bce_with_logits: lengths differ");
                Targets::Each(t)
            }
        }
    }

    /// Those of the `len` logits from `start` on, of which there are at most [`LANES`].
    #[inline(always)]
    fn at(&self, start: usize, len: usize) -> &[f32] {
        match self {
            Targets::One(one) => &one[..len],
            Targets::Each(t) => &t[start..start + len],
        }
    }
}

struct Cost<'a>(&'a [f32], Targets<'a>);

impl Kernel for Cost<'_> {
    type Out = f32;
    #[inline(always)]
    fn run<A: Arith>(self) -> f32 {
        let Cost(a, t) = self;
        let mut lanes = [0.0; LANES];
        for (i, a) in a.chunks(LANES).enumerate() {
            for ((lane, &a), &t) in lanes.iter_mut().zip(a).zip(t.at(i * LANES, a.len())) {
                // max(a, 0) − t·a and log(1 + e^−|a|): softplus(a) − t·a would round off what is left of a sure logit.
                let side = if a > 0.0 { 1.0 } else { 0.0 };
                *lane += math::softplus::<A>(-a.abs()) + (side - t) * a;
            }
        }
        lanes.iter().map(|&v| f64::from(v)).sum::<f64>() as f32
    }
}

struct Slope<'a> {
    a: &'a [f32],
    t: Targets<'a>,
    scale: f32,
    out: &'a mut [MaybeUninit<f32>],
}

impl Kernel for Slope<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Slope { a, t, scale, out } = self;
        for (i, (a, out)) in a.chunks(LANES).zip(out.chunks_mut(LANES)).enumerate() {
            for ((out, &a), &t) in out.iter_mut().zip(a).zip(t.at(i * LANES, a.len())) {
                out.write((math::sigmoid::<A>(a) - t) * scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::testing::at_each_level;
    use crate::testing::{assert_close, sample};

    /// The cost of a logit of 20 for the target 1 is log(1 + e⁻²⁰) = 2.06e-9, not 20 − 20.
    #[test]
    fn the_cost_of_a_sure_logit_keeps_its_digits() {
        let exact = (-20f64).exp().ln_1p() as f32;
        at_each_level(|_| {
            for (a, t) in [(20.0, 1.0), (-20.0, 0.0)] {
                let cost = bce_with_logits(&[a], &[t]);
                assert!((cost / exact - 1.0).abs() < 1e-5, "{cost} not {exact}");
            }
            assert_eq!(bce_with_logits(&[1e8], &[1.0]), 0.0);
        });
    }

    #[test]
    fn cost_and_slope_follow_their_definition() {
        for len in [1, 2, 63, 64, 65, 1000] {
            let a: Vec<f32> = sample(len, 1).iter().map(|v| v * 20.0).collect();
            for t in [vec![1.0], vec![0.3], sample(len, 2)] {
                let t_of = |i: usize| f64::from(t[i % t.len()]);
                let softplus = |a: f64| a.max(0.0) + (-a.abs()).exp().ln_1p();
                let each = |i: usize| softplus(f64::from(a[i])) - t_of(i) * f64::from(a[i]);
                let cost = (0..len).map(each).sum::<f64>() as f32;
                let slope: Vec<f32> =
                    (0..len).map(|i| ((1.0 / (1.0 + (-f64::from(a[i])).exp()) - t_of(i)) * 0.5) as f32).collect();
                at_each_level(|_| {
                    assert_close(&[bce_with_logits(&a, &t)], &[cost], 1e-5);
                    assert_close(&bce_with_logits_grad(&a, &t, 0.5), &slope, 1e-5);
                });
            }
        }
    }
}
