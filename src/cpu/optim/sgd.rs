//! Stochastic gradient descent with momentum: v ← μ·v + (1 − dampening)·g; p ← p − lr·v, or p − lr·(g + μ·v) with
//! Nesterov.

use super::{Formula, Quantity, descent, sign};

/// Its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f32,
    /// How much of the last step goes on.
    pub momentum: f32,
    /// How much less of the new gradient counts.
    pub dampening: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
    /// Whether it looks ahead along the momentum.
    pub nesterov: bool,
}

impl Sgd {
    /// The step without momentum, whatever the settings say.
    pub fn plain(self, ascend: bool) -> Plain {
        Plain { lr: self.lr, decay: self.weight_decay, sign: sign(ascend) }
    }

    /// The step with momentum; at the `first` the velocity becomes the gradient itself, undampened.
    pub fn with_momentum(self, first: bool, ascend: bool) -> WithMomentum {
        let (keep, take) = if first { (0.0, 1.0) } else { (self.momentum, 1.0 - self.dampening) };
        // With Nesterov's rule the step is g + momentum · velocity, else the velocity.
        let (from_gradient, from_velocity) = if self.nesterov { (1.0, self.momentum) } else { (0.0, 1.0) };
        let (lr, decay, sign) = (self.lr, self.weight_decay, sign(ascend));
        WithMomentum { lr, decay, sign, keep, take, from_gradient, from_velocity }
    }
}

/// A step of [`Sgd::plain`].
#[derive(Clone, Copy)]
pub struct Plain {
    lr: f32,
    decay: f32,
    sign: f32,
}

impl Formula<0> for Plain {
    #[inline(always)]
    fn step<Q: Quantity>(self, p: &Q, g: &Q, _: &mut [Q; 0]) -> Result<Q, Q::Error> {
        p.minus(self.lr, &descent(self.sign, g, self.decay, p)?)
    }
}

/// A step of [`Sgd::with_momentum`].
#[derive(Clone, Copy)]
pub struct WithMomentum {
    lr: f32,
    decay: f32,
    sign: f32,
    keep: f32,
    take: f32,
    from_gradient: f32,
    from_velocity: f32,
}

impl Formula<1> for WithMomentum {
    #[inline(always)]
    fn step<Q: Quantity>(self, p: &Q, g: &Q, [velocity]: &mut [Q; 1]) -> Result<Q, Q::Error> {
        let g = descent(self.sign, g, self.decay, p)?;
        *velocity = Q::blend(self.keep, velocity, self.take, &g)?;
        p.minus(self.lr, &Q::blend(self.from_gradient, &g, self.from_velocity, velocity)?)
    }
}
