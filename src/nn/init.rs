//! How parameters start.

use saddle_tensor::{Tensor, random};

/// A distribution for starting values. `fan_in` and `fan_out` count a unit's inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// PyTorch's default for linear and convolution layers: uniform in ±1/√fan_in, weights and bias alike.
    FanIn,
    /// Normal with mean and standard deviation.
    Normal(f32, f32),
    /// Uniform between two bounds.
    Uniform(f32, f32),
    /// Every element this.
    Constant(f32),
    /// Glorot and Bengio 2010: uniform in ±√(6 / (fan_in + fan_out)).
    Xavier,
    /// He et al. 2015: normal with standard deviation √(2 / fan_in).
    Kaiming,
}

impl Init {
    /// How the bias starts beside weights that start so: PyTorch's default draws both, every other leaves the bias
    /// at 0.
    pub fn of_bias(self) -> Self {
        match self {
            Init::FanIn => Init::FanIn,
            _ => Init::Constant(0.0),
        }
    }

    /// A tensor of `shape` drawn from the current random stream, on the current device.
    pub fn draw(self, shape: &[usize], fan_in: usize, fan_out: usize) -> Tensor {
        let uniform = |lo: f32, hi: f32| scaled(random::uniform(shape), hi - lo, lo);
        let normal = |mean: f32, std: f32| scaled(random::normal(shape), std, mean);
        match self {
            Init::FanIn => {
                let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
                uniform(-bound, bound)
            }
            Init::Normal(mean, std) => normal(mean, std),
            Init::Uniform(lo, hi) => uniform(lo, hi),
            Init::Constant(value) => Tensor::full(value, shape, &saddle_tensor::device::current()),
            Init::Xavier => {
                let bound = (6.0 / (fan_in + fan_out).max(1) as f32).sqrt();
                uniform(-bound, bound)
            }
            Init::Kaiming => normal(0.0, (2.0 / fan_in.max(1) as f32).sqrt()),
        }
    }
}

/// `x · scale + shift` as a new leaf.
fn scaled(x: Tensor, scale: f32, shift: f32) -> Tensor {
    use saddle_tensor::affine;
    affine(&x, scale, shift)
}
