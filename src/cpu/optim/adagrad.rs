//! Adagrad (Duchi et al. 2011): s ← s + g²; p ← p − lr·g / (√s + ε).

use super::{Formula, Quantity, descent, sign};

/// Its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Learning rate, after any decay.
    pub lr: f32,
    /// Added to the root.
    pub eps: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
}

impl Adagrad {
    /// The step.
    pub fn rule(self, ascend: bool) -> Step {
        Step { lr: self.lr, eps: self.eps, decay: self.weight_decay, sign: sign(ascend) }
    }
}

/// A step of [`Adagrad`].
#[derive(Clone, Copy)]
pub struct Step {
    lr: f32,
    eps: f32,
    decay: f32,
    sign: f32,
}

impl Formula<1> for Step {
    #[inline(always)]
    fn step<Q: Quantity>(self, p: &Q, g: &Q, [sum]: &mut [Q; 1]) -> Result<Q, Q::Error> {
        let g = descent(self.sign, g, self.decay, p)?;
        *sum = Q::blend(1.0, sum, 1.0, &g.square()?)?;
        p.minus(self.lr, &g.over(1.0, &sum.root(1.0, self.eps)?)?)
    }
}
