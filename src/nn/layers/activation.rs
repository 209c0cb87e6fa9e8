//! Element-wise activation functions as layers, and softmax; none has parameters.

use super::{Layer, Pass};
use crate::Param;
use crate::onnx::{Attribute, Edge, Graph};
use saddle_fault::Result;
use saddle_tensor::Tensor;

/// An element-wise function as a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x above 0, this slope below.
    LeakyRelu(f32),
    /// x above 0, α·(eˣ − 1) below.
    Elu(f32),
    /// x·Φ(x).
    Gelu,
    /// x·σ(x).
    Silu,
    /// tanh x.
    Tanh,
    /// σ(x) = 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// log(1 + eˣ).
    Softplus,
    /// log σ(x).
    LogSigmoid,
    /// Along the last dim.
    Softmax,
    /// Its logarithm, along the last dim.
    LogSoftmax,
}

impl Activation {
    /// As cells write it.
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

    /// Its value for each element of `x`.
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

    fn onnx(&self, graph: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let plain = |graph: &mut Graph, operator| Ok(graph.apply(operator, &[x]));
        let alpha = |graph: &mut Graph, operator, alpha| {
            Ok(graph.add(operator, &[x], vec![("alpha", Attribute::Float(alpha))], x.rank()))
        };
        let last =
            |graph: &mut Graph, operator| Ok(graph.add(operator, &[x], vec![("axis", Attribute::Int(-1))], x.rank()));
        match self.0 {
            Activation::Relu => plain(graph, "Relu"),
            Activation::LeakyRelu(slope) => alpha(graph, "LeakyRelu", slope),
            Activation::Elu(factor) => alpha(graph, "Elu", factor),
            Activation::Tanh => plain(graph, "Tanh"),
            Activation::Sigmoid => plain(graph, "Sigmoid"),
            Activation::Softplus => plain(graph, "Softplus"),
            Activation::Softmax => last(graph, "Softmax"),
            Activation::LogSoftmax => last(graph, "LogSoftmax"),
            Activation::Silu => {
                let gate = graph.apply("Sigmoid", &[x]);
                Ok(graph.apply("Mul", &[x, &gate]))
            }
            Activation::LogSigmoid => {
                let flipped = graph.apply("Neg", &[x]);
                let soft = graph.apply("Softplus", &[&flipped]);
                Ok(graph.apply("Neg", &[&soft]))
            }
            // x · (1 + erf(x / √2)) / 2
            Activation::Gelu => {
                let (root, one, half) =
                    (graph.number(std::f32::consts::FRAC_1_SQRT_2), graph.number(1.0), graph.number(0.5));
                let scaled = graph.apply("Mul", &[x, &root]);
                let erf = graph.apply("Erf", &[&scaled]);
                let share = graph.apply("Add", &[&erf, &one]);
                let twice = graph.apply("Mul", &[x, &share]);
                Ok(graph.apply("Mul", &[&twice, &half]))
            }
        }
    }

    fn rectifier(&self) -> Option<f32> {
        match self.0 {
            Activation::Relu => Some(0.0),
            Activation::LeakyRelu(slope) if slope >= 0.0 => Some(slope),
            _ => None,
        }
    }
}
