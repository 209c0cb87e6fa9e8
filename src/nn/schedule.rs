//! How a setting changes with the step: learning rates, momentum.

use std::f64::consts::PI;

/// A number for each step, from step 0 on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// From one value to another in a straight line over so many steps, then the other.
    Linear {
        /// The first value.
        from: f64,
        /// The last.
        to: f64,
        /// Steps between them.
        steps: f64,
    },
    /// Half a cosine wave from one value to another (Loshchilov and Hutter 2017), then the other.
    Cosine {
        /// The first value.
        from: f64,
        /// The last.
        to: f64,
        /// Steps between them.
        steps: f64,
    },
    /// Multiplied by `factor` at each step, and never beyond `limit`.
    Exponential {
        /// The first value.
        from: f64,
        /// Of each step.
        factor: f64,
        /// The value beyond which it does not go.
        limit: f64,
    },
}

impl Schedule {
    /// The value at a step.
    pub fn at(&self, step: f64) -> f64 {
        match *self {
            Schedule::Linear { from, to, steps } => from + (to - from) * done(step, steps),
            Schedule::Cosine { from, to, steps } => to + (from - to) * (1.0 + (PI * done(step, steps)).cos()) / 2.0,
            Schedule::Exponential { from, factor, limit } => {
                let value = from * factor.powf(step.max(0.0));
                if factor < 1.0 { value.max(limit) } else { value.min(limit) }
            }
        }
    }
}

impl Schedule {
    /// The first value, and the one that it goes towards.
    pub fn ends(&self) -> (f64, f64) {
        match *self {
            Schedule::Linear { from, to, .. } | Schedule::Cosine { from, to, .. } => (from, to),
            // Beyond any limit it falls towards 0, or grows without end.
            Schedule::Exponential { from, .. } => (from, self.at(f64::MAX)),
        }
    }
}

/// How much of the way is behind, in [0, 1].
fn done(step: f64, steps: f64) -> f64 {
    if steps > 0.0 { (step / steps).clamp(0.0, 1.0) } else { 1.0 }
}
