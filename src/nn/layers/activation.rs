//! Element-wise activation functions as layers, and softmax; none has parameters.

use super::{Layer, Pass};
use crate::Param;
use saddle_fault::Result;
use saddle_tensor::Tensor;

/// An element-wise function as a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    Relu,
    LeakyRelu(f32),
    Elu(f32),
    Gelu,
    Silu,
    Tanh,
    Sigmoid,
    Softplus,
    LogSigmoid,
    /// Along the last dim.
    Softmax,
    LogSoftmax,
}

impl Activation {
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu(_) => "leaky_relu",
            Activation::Elu(_) => "elu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Softplus => "softplus",
            Activation::LogSigmoid => "log_sigmoid",
            Activation::Softmax => "softmax",
            Activation::LogSoftmax => "log_softmax",
        }
    }

    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Relu => x.relu(),
            Activation::LeakyRelu(slope) => x.leaky_relu(slope),
            Activation::Elu(alpha) => x.elu(alpha),
            Activation::Gelu => x.gelu(),
            Activation::Silu => x.silu(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Softplus => x.softplus(),
            Activation::LogSigmoid => x.log_sigmoid(),
            Activation::Softmax => x.softmax(-1),
            Activation::LogSoftmax => x.log_softmax(-1),
        }
    }
}

/// The layer that applies an [`Activation`].
pub struct Activate(pub Activation);

impl Layer for Activate {
    fn describe(&self) -> String {
        match self.0 {
            Activation::LeakyRelu(v) | Activation::Elu(v) => format!("{}({v})", self.0.name()),
            other => format!("{}()", other.name()),
        }
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        self.0.apply(x)
    }

    fn rectifier(&self) -> Option<f32> {
        match self.0 {
            Activation::Relu => Some(0.0),
            Activation::LeakyRelu(slope) if slope >= 0.0 => Some(slope),
            _ => None,
        }
    }
}
