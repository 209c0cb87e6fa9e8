//! Adam, and AdamW with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019): running means m of the
//! gradients and v of their squares, both corrected for their start at 0; p ← p − lr·m / (√v + ε).

use super::{Formula, Quantity, descent, sign};

/// Its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the running mean and of the running mean square.
    pub betas: [f32; 2],
    /// Added to the root of the mean square.
    pub eps: f32,
    /// Weight of ½‖p‖² in the loss, or share taken off each parameter where decay is decoupled.
    pub weight_decay: f32,
    /// Whether weights decay by themselves (AdamW) instead of through the gradient (Adam).
    pub decoupled: bool,
}

impl Adam {
    /// The step of this number, from 1.
    pub fn at(self, step: u64, ascend: bool) -> Step {
        let step = step as f64;
        let [beta1, beta2] = self.betas;
        let correction1 = 1.0 - f64::from(beta1).powf(step);
        let correction2 = 1.0 - f64::from(beta2).powf(step);
        let kept = (1.0 - f64::from(self.lr) * f64::from(self.weight_decay)) as f32;
        Step {
            beta1,
            beta2,
            rest1: (1.0 - f64::from(beta1)) as f32,
            rest2: (1.0 - f64::from(beta2)) as f32,
            step_size: (f64::from(self.lr) / correction1) as f32,
            scale2: (1.0 / correction2.sqrt()) as f32,
            eps: self.eps,
            keep: if self.decoupled { kept } else { 1.0 },
            decay: if self.decoupled { 0.0 } else { self.weight_decay },
            sign: sign(ascend),
        }
    }
}

/// A step of [`Adam`].
#[derive(Clone, Copy)]
pub struct Step {
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

impl Formula<2> for Step {
    #[inline(always)]
    fn step<Q: Quantity>(self, p: &Q, g: &Q, [m, v]: &mut [Q; 2]) -> Result<Q, Q::Error> {
        let g = descent(self.sign, g, self.decay, p)?;
        *m = Q::blend(self.beta1, m, self.rest1, &g)?;
        *v = Q::blend(self.beta2, v, self.rest2, &g.square()?)?;
        p.scaled(self.keep)?.minus(1.0, &m.over(self.step_size, &v.root(self.scale2, self.eps)?)?)
    }
}
