//! Layers that only rearrange.

use super::{Layer, Pass};
use crate::Param;
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, shown};

/// All axes but the first in one: `[n, ..] → [n, size]`.
pub struct Flatten;

impl Layer for Flatten {
    fn describe(&self) -> String {
        "flatten()".into()
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.flatten(1)
    }
}

/// Each sample in another shape: `[n, ..] → [n, shape..]`.
pub struct Reshape(pub Vec<usize>);

impl Layer for Reshape {
    fn describe(&self) -> String {
        format!("reshape({})", shown(&self.0))
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let mut shape = vec![x.shape().first().copied().unwrap_or(1)];
        shape.extend(&self.0);
        x.reshape(&shape)
    }
}

/// Every pixel `factor × factor` times (nearest neighbour): `[n, c, h, w] → [n, c, h·factor, w·factor]`.
pub struct Upsample(pub usize);

impl Layer for Upsample {
    fn describe(&self) -> String {
        format!("upsample({})", self.0)
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.upsample(self.0)
    }
}

/// Shi et al. 2016: `[n, c·f², h, w] → [n, c, h·f, w·f]`.
pub struct PixelShuffle(pub usize);

impl Layer for PixelShuffle {
    fn describe(&self) -> String {
        format!("pixel_shuffle({})", self.0)
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let f = self.0;
        let shape = x.shape();
        let &[n, c, h, w] = &shape[..] else {
            return Err(Fault::shape(format!("pixel_shuffle: input must be [n, c, h, w], got {}", shown(&shape))));
        };
        if f == 0 || c % (f * f) != 0 {
            return Err(Fault::shape(format!("pixel_shuffle: {c} channels are not a multiple of {f}²")));
        }
        let c = c / (f * f);
        x.reshape(&[n, c, f, f, h, w])?.permute(&[0, 1, 4, 2, 5, 3])?.reshape(&[n, c, h * f, w * f])
    }
}
