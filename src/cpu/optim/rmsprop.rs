//! RMSprop (Tieleman and Hinton 2012), as PyTorch has it, with its option of momentum: s ← α·s + (1 − α)·g²; p ← p −
//! lr·g / (√s + ε).

use super::{Formula, Quantity, descent, sign};

/// Its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the running mean square.
    pub alpha: f32,
    /// Added to the root of the mean square.
    pub eps: f32,
    /// How much of the last step goes on.
    pub momentum: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
}

impl RmsProp {
    /// The step, with one quantity of state, or with a second for the momentum.
    pub fn rule(self, ascend: bool) -> Step {
        Step {
            lr: self.lr,
            alpha: self.alpha,
            rest: (1.0 - f64::from(self.alpha)) as f32,
            eps: self.eps,
            decay: self.weight_decay,
            sign: sign(ascend),
            momentum: self.momentum,
        }
    }
}

/// A step of [`RmsProp`].
#[derive(Clone, Copy)]
pub struct Step {
    lr: f32,
    alpha: f32,
    rest: f32,
    eps: f32,
    decay: f32,
    sign: f32,
    momentum: f32,
}

impl Step {
    /// g / (√s + ε), after s has been brought up to date.
    #[inline(always)]
    fn normalised<Q: Quantity>(self, p: &Q, g: &Q, square: &mut Q) -> Result<Q, Q::Error> {
        let g = descent(self.sign, g, self.decay, p)?;
        *square = Q::blend(self.alpha, square, self.rest, &g.square()?)?;
        g.over(1.0, &square.root(1.0, self.eps)?)
    }
}

impl Formula<1> for Step {
    #[inline(always)]
    fn step<Q: Quantity>(self, p: &Q, g: &Q, [square]: &mut [Q; 1]) -> Result<Q, Q::Error> {
        p.minus(self.lr, &self.normalised(p, g, square)?)
    }
}

impl Formula<2> for Step {
    #[inline(always)]
    fn step<Q: Quantity>(self, p: &Q, g: &Q, [square, velocity]: &mut [Q; 2]) -> Result<Q, Q::Error> {
        *velocity = Q::blend(self.momentum, velocity, 1.0, &self.normalised(p, g, square)?)?;
        p.minus(self.lr, velocity)
    }
}
