//! Layers that add randomness while a network is trained.

use super::{Layer, Mode, Pass};
use crate::Param;
use crate::onnx::{Edge, Graph};
use saddle_fault::Result;
use saddle_tensor::{Tensor, random};

/// Sets each element to 0 with probability `p` and multiplies the others by `scale` (1/(1−p) keeps the expectation).
/// Passes everything unchanged in eval mode.
pub struct Dropout {
    /// Share of the elements that are dropped.
    pub p: f32,
    /// Factor of those that stay.
    pub scale: f32,
}

impl Layer for Dropout {
    fn describe(&self) -> String {
        format!("dropout({}, scale {})", self.p, self.scale)
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        match pass.mode {
            Mode::Train if self.p > 0.0 => x.mul(&random::mask(&x.shape(), 1.0 - self.p, self.scale, &x.device())),
            _ => Ok(x.clone()),
        }
    }

    fn onnx(&self, _: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        Ok(x.clone())
    }
}

/// Adds normal noise of standard deviation `std` in train mode.
pub struct GaussianNoise {
    /// Standard deviation of the noise.
    pub std: f32,
}

impl Layer for GaussianNoise {
    fn describe(&self) -> String {
        format!("gaussian_noise({})", self.std)
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        match pass.mode {
            Mode::Train => {
                let drawn = random::normal(&x.shape()).to_device(&x.device());
                x.add(&drawn.mul_scalar(self.std)?.detach())
            }
            Mode::Eval => Ok(x.clone()),
        }
    }

    fn onnx(&self, _: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        Ok(x.clone())
    }
}
