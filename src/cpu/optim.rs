//! Optimizer steps. The rules are PyTorch's, each in a file of its own and written once, as a [`Formula`] over whatever
//! can be computed with: single numbers, of which [`advance`] makes one pass over a parameter, its gradient and its
//! state, and tensors (`saddle-tensor`), on other devices and where gradients pass through the step.
//!
//! | file | owns |
//! |---|---|
//! | `sgd` | gradient descent, with momentum |
//! | `adam` | Adam and AdamW |
//! | `rmsprop` | RMSprop |
//! | `adagrad` | Adagrad |

mod adagrad;
mod adam;
mod rmsprop;
mod sgd;

use std::convert::Infallible;
use std::mem::MaybeUninit;

use super::buffer::filled;
use super::parallel::{Shared, part, parts, run};
use super::simd::{Arith, Kernel, dispatch};

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

/// Elements that one thread should have at least.
const GRAIN: usize = 8 << 10;

/// What a formula is computed with: a number, or a tensor of them.
pub trait Quantity: Sized {
    /// What can go wrong: nothing, with numbers.
    type Error;

    /// a·x + b·y.
    ///
    /// # Errors
    /// The quantity's own, as below.
    fn blend(a: f32, x: &Self, b: f32, y: &Self) -> Result<Self, Self::Error>;
    /// self − by·other.
    fn minus(&self, by: f32, other: &Self) -> Result<Self, Self::Error>;
    /// by·self.
    fn scaled(&self, by: f32) -> Result<Self, Self::Error>;
    /// by·self / below.
    fn over(&self, by: f32, below: &Self) -> Result<Self, Self::Error>;
    /// self².
    fn square(&self) -> Result<Self, Self::Error>;
    /// by·√self + shift.
    fn root(&self, by: f32, shift: f32) -> Result<Self, Self::Error>;
}

impl Quantity for f32 {
    type Error = Infallible;

    #[inline(always)]
    fn blend(a: f32, x: &f32, b: f32, y: &f32) -> Result<f32, Infallible> {
        Ok(a * x + b * y)
    }

    #[inline(always)]
    fn minus(&self, by: f32, other: &f32) -> Result<f32, Infallible> {
        Ok(self - by * other)
    }

    #[inline(always)]
    fn scaled(&self, by: f32) -> Result<f32, Infallible> {
        Ok(self * by)
    }

    #[inline(always)]
    fn over(&self, by: f32, below: &f32) -> Result<f32, Infallible> {
        Ok(by * self / below)
    }

    #[inline(always)]
    fn square(&self) -> Result<f32, Infallible> {
        Ok(self * self)
    }

    #[inline(always)]
    fn root(&self, by: f32, shift: f32) -> Result<f32, Infallible> {
        Ok(self.sqrt() * by + shift)
    }
}

/// What an optimizer does to a parameter, with `N` quantities of state.
pub trait Formula<const N: usize>: Copy + Sync {
    /// The new parameter, after the state has been brought up to date.
    ///
    /// # Errors
    /// The quantity's own.
    fn step<Q: Quantity>(self, p: &Q, g: &Q, state: &mut [Q; N]) -> Result<Q, Q::Error>;
}

/// The gradient that is descended along: of the loss plus the penalty ½·decay·‖p‖², or against it where `sign` is −1.
#[inline(always)]
fn descent<Q: Quantity>(sign: f32, g: &Q, decay: f32, p: &Q) -> Result<Q, Q::Error> {
    Q::blend(sign, g, decay, p)
}

/// −1 to ascend, 1 to descend.
fn sign(ascend: bool) -> f32 {
    if ascend { -1.0 } else { 1.0 }
}

/// One step of a rule: parameter, gradient and state, all of one length. The state is changed in place; the new
/// parameter is a new vector, because graphs may still hold the old one.
///
/// # Panics
/// Lengths that differ.
pub fn advance<const N: usize, R: Formula<N>>(rule: R, p: &[f32], g: &[f32], state: [&mut [f32]; N]) -> Vec<f32> {
    let len = p.len();
    assert_eq!(len, g.len(), "optimizer: lengths of parameter and gradient differ");
    assert!(state.iter().all(|state| state.len() == len), "optimizer: length of the state differs");
    let parts = parts(len, GRAIN);
    // SAFETY: `Update` writes all that it is given, and the parts are all of it; ranges of different parts do not
    // overlap, and the slices are different ones.
    unsafe {
        filled(len, |out| {
            if parts <= 1 {
                return dispatch(Update { rule, p, g, state, out });
            }
            let (out, state) = (Shared::new(out), state.map(Shared::new));
            run(parts, &|index| {
                let range = part(len, parts, index);
                dispatch(Update {
                    rule,
                    p: &p[range.clone()],
                    g: &g[range.clone()],
                    state: state.each_ref().map(|s| s.range(range.clone())),
                    out: out.range(range),
                });
            });
        })
    }
}

struct Update<'a, R, const N: usize> {
    rule: R,
    p: &'a [f32],
    g: &'a [f32],
    state: [&'a mut [f32]; N],
    out: &'a mut [MaybeUninit<f32>],
}

impl<const N: usize, R: Formula<N>> Kernel for Update<'_, R, N> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Update { rule, p, g, state, out } = self;
        let len = out.len();
        let (p, g) = (&p[..len], &g[..len]);
        let mut state = state.map(|state| &mut state[..len]);
        for i in 0..len {
            let mut now = [0.0; N];
            for (now, state) in now.iter_mut().zip(&state) {
                *now = state[i];
            }
            match rule.step(&p[i], &g[i], &mut now) {
                Ok(new) => out[i].write(new),
            };
            for (state, now) in state.iter_mut().zip(now) {
                state[i] = now;
            }
        }
    }
}

#[cfg(test)]
mod tests;
