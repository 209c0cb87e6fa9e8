//! Optimizer steps: one pass over a parameter, its gradient and its state, which is changed in place. The rules are
//! PyTorch's. The new parameters are a new vector, because graphs may still hold the old ones.

use std::mem::MaybeUninit;

use super::buffer::filled;
use super::parallel::{Shared, part, parts, run};
use super::simd::{Arith, Kernel, dispatch};

/// Elements that one thread should have at least.
const GRAIN: usize = 8 << 10;

/// Adam, and AdamW with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the running mean.
    pub beta1: f32,
    /// Decay of the running mean square.
    pub beta2: f32,
    /// Added to the root of the mean square.
    pub eps: f32,
    /// Weight of ½‖p‖² in the loss, or share taken off each parameter where decay is decoupled.
    pub weight_decay: f32,
    /// Whether weights decay by themselves (AdamW) instead of through the gradient (Adam).
    pub decoupled: bool,
    /// Number of this step, from 1.
    pub step: u64,
    /// Ascend instead of descend.
    pub maximize: bool,
}

/// One step of Adam: parameters `p`, gradient `g`, first and second moment `m` and `v`, all of one length.
pub fn adam_step(cfg: &Adam, p: &[f32], g: &[f32], m: &mut [f32], v: &mut [f32]) -> Vec<f32> {
    let step = cfg.step as f64;
    let correction1 = 1.0 - f64::from(cfg.beta1).powf(step);
    let correction2 = 1.0 - f64::from(cfg.beta2).powf(step);
    let rule = AdamRule {
        beta1: cfg.beta1,
        beta2: cfg.beta2,
        rest1: (1.0 - f64::from(cfg.beta1)) as f32,
        rest2: (1.0 - f64::from(cfg.beta2)) as f32,
        step_size: (f64::from(cfg.lr) / correction1) as f32,
        scale2: (1.0 / correction2.sqrt()) as f32,
        eps: cfg.eps,
        keep: if cfg.decoupled { (1.0 - f64::from(cfg.lr) * f64::from(cfg.weight_decay)) as f32 } else { 1.0 },
        decay: if cfg.decoupled { 0.0 } else { cfg.weight_decay },
        sign: if cfg.maximize { -1.0 } else { 1.0 },
    };
    update(rule, p, g, [m, v])
}

/// Stochastic gradient descent with momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f32,
    /// How much of the last step goes on.
    pub momentum: f32,
    /// How much less of the new gradient counts.
    pub dampening: f32,
    /// Weight of ½‖p‖² in the loss, or share taken off each parameter where decay is decoupled.
    pub weight_decay: f32,
    /// Whether it looks ahead along the momentum.
    pub nesterov: bool,
    /// Ascend instead of descend.
    pub maximize: bool,
    /// Whether this is the first step, at which the velocity becomes the gradient itself, undampened.
    pub first: bool,
}

/// One step of SGD: parameters `p`, gradient `g` and velocity, all of one length. Without a velocity there is no
/// momentum, whatever `cfg` says.
pub fn sgd_step(cfg: &Sgd, p: &[f32], g: &[f32], velocity: Option<&mut [f32]>) -> Vec<f32> {
    let sign = if cfg.maximize { -1.0 } else { 1.0 };
    match velocity {
        None => update(PlainRule { lr: cfg.lr, decay: cfg.weight_decay, sign }, p, g, []),
        Some(velocity) => {
            let (keep, take) = if cfg.first { (0.0, 1.0) } else { (cfg.momentum, 1.0 - cfg.dampening) };
            // With Nesterov's rule the step is g + momentum · velocity, else the velocity.
            let (from_gradient, from_velocity) = if cfg.nesterov { (1.0, cfg.momentum) } else { (0.0, 1.0) };
            let rule =
                MomentumRule { lr: cfg.lr, decay: cfg.weight_decay, sign, keep, take, from_gradient, from_velocity };
            update(rule, p, g, [velocity])
        }
    }
}

/// RMSprop (Hinton's lecture 6e), with PyTorch's option of momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rmsprop {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the running mean square.
    pub alpha: f32,
    /// Added to the root of the mean square.
    pub eps: f32,
    /// Weight of ½‖p‖² in the loss, or share taken off each parameter where decay is decoupled.
    pub weight_decay: f32,
    /// How much of the last step goes on.
    pub momentum: f32,
    /// Ascend instead of descend.
    pub maximize: bool,
}

/// One step of RMSprop: parameters `p`, gradient `g`, running mean `square` of the squared gradient, and the buffer of
/// the momentum where it is not 0, all of one length.
pub fn rmsprop_step(cfg: &Rmsprop, p: &[f32], g: &[f32], square: &mut [f32], buffer: Option<&mut [f32]>) -> Vec<f32> {
    let rule = RmspropRule {
        lr: cfg.lr,
        alpha: cfg.alpha,
        rest: (1.0 - f64::from(cfg.alpha)) as f32,
        eps: cfg.eps,
        decay: cfg.weight_decay,
        sign: if cfg.maximize { -1.0 } else { 1.0 },
        momentum: cfg.momentum,
    };
    match buffer {
        None => update(rule, p, g, [square]),
        Some(buffer) => update(rule, p, g, [square, buffer]),
    }
}

/// One step of Adagrad (Duchi et al. 2011): parameters `p`, gradient `g`, sum of squared gradients, all of one length.
/// `lr` is the rate after any decay.
pub fn adagrad_step(
    lr: f32,
    eps: f32,
    weight_decay: f32,
    maximize: bool,
    p: &[f32],
    g: &[f32],
    sum: &mut [f32],
) -> Vec<f32> {
    let sign = if maximize { -1.0 } else { 1.0 };
    update(AdagradRule { lr, eps, decay: weight_decay, sign }, p, g, [sum])
}

/// What an optimizer does to one number, with `N` numbers of state.
trait Rule<const N: usize>: Copy + Sync {
    /// The new parameter, after the state has been brought up to date.
    fn step(self, p: f32, g: f32, state: &mut [f32; N]) -> f32;
}

/// The gradient that is descended along: of the loss plus the penalty on the weights.
#[inline(always)]
fn descent(g: f32, sign: f32, decay: f32, p: f32) -> f32 {
    g * sign + decay * p
}

#[derive(Clone, Copy)]
struct AdamRule {
    beta1: f32,
    beta2: f32,
    rest1: f32,
    rest2: f32,
    step_size: f32,
    scale2: f32,
    eps: f32,
    keep: f32,
    decay: f32,
    sign: f32,
}

impl Rule<2> for AdamRule {
    #[inline(always)]
    fn step(self, p: f32, g: f32, [m, v]: &mut [f32; 2]) -> f32 {
        let g = descent(g, self.sign, self.decay, p);
        *m = self.beta1 * *m + self.rest1 * g;
        *v = self.beta2 * *v + self.rest2 * (g * g);
        p * self.keep - self.step_size * *m / (v.sqrt() * self.scale2 + self.eps)
    }
}

#[derive(Clone, Copy)]
struct PlainRule {
    lr: f32,
    decay: f32,
    sign: f32,
}

impl Rule<0> for PlainRule {
    #[inline(always)]
    fn step(self, p: f32, g: f32, _: &mut [f32; 0]) -> f32 {
        p - self.lr * descent(g, self.sign, self.decay, p)
    }
}

#[derive(Clone, Copy)]
struct MomentumRule {
    lr: f32,
    decay: f32,
    sign: f32,
    keep: f32,
    take: f32,
    from_gradient: f32,
    from_velocity: f32,
}

impl Rule<1> for MomentumRule {
    #[inline(always)]
    fn step(self, p: f32, g: f32, [velocity]: &mut [f32; 1]) -> f32 {
        let g = descent(g, self.sign, self.decay, p);
        *velocity = self.keep * *velocity + self.take * g;
        p - self.lr * (self.from_gradient * g + self.from_velocity * *velocity)
    }
}

#[derive(Clone, Copy)]
struct RmspropRule {
    lr: f32,
    alpha: f32,
    rest: f32,
    eps: f32,
    decay: f32,
    sign: f32,
    momentum: f32,
}

impl Rule<1> for RmspropRule {
    #[inline(always)]
    fn step(self, p: f32, g: f32, [square]: &mut [f32; 1]) -> f32 {
        let g = descent(g, self.sign, self.decay, p);
        *square = self.alpha * *square + self.rest * (g * g);
        p - self.lr * (g / (square.sqrt() + self.eps))
    }
}

impl Rule<2> for RmspropRule {
    #[inline(always)]
    fn step(self, p: f32, g: f32, [square, buffer]: &mut [f32; 2]) -> f32 {
        let g = descent(g, self.sign, self.decay, p);
        *square = self.alpha * *square + self.rest * (g * g);
        *buffer = self.momentum * *buffer + g / (square.sqrt() + self.eps);
        p - self.lr * *buffer
    }
}

#[derive(Clone, Copy)]
struct AdagradRule {
    lr: f32,
    eps: f32,
    decay: f32,
    sign: f32,
}

impl Rule<1> for AdagradRule {
    #[inline(always)]
    fn step(self, p: f32, g: f32, [sum]: &mut [f32; 1]) -> f32 {
        let g = descent(g, self.sign, self.decay, p);
        *sum += g * g;
        p - self.lr * (g / (sum.sqrt() + self.eps))
    }
}

/// Applies a rule to every element, in parallel where there are many.
fn update<const N: usize, R: Rule<N>>(rule: R, p: &[f32], g: &[f32], state: [&mut [f32]; N]) -> Vec<f32> {
    let len = p.len();
    assert_eq!(len, g.len(), "optimizer: lengths of parameter and gradient differ");
    assert!(state.iter().all(|state| state.len() == len), "optimizer: length of the state differs");
    let parts = parts(len, GRAIN);
    // Safety: `Update` writes all that it is given, and the parts are all of it; ranges of different parts do not
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

impl<const N: usize, R: Rule<N>> Kernel for Update<'_, R, N> {
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
            out[i].write(rule.step(p[i], g[i], &mut now));
            for (state, now) in state.iter_mut().zip(now) {
                state[i] = now;
            }
        }
    }
}

#[cfg(test)]
mod tests;
