//! Element-wise activation functions as layers, and softmax; none has parameters (`prelu` does). Each is one constant:
//! its name, what it computes, and how ONNX writes it.

use super::{Layer, Pass};
use crate::Param;
use crate::onnx::{Attribute, Edge, Graph};
use saddle_fault::Result;
use saddle_tensor::Tensor;

/// An activation function.
pub struct Activation {
    /// As cells write it.
    pub name: &'static str,
    /// Its value for each element of `x`; the number is the setting of those that have one.
    pub of: fn(x: &Tensor, setting: f32) -> Result<Tensor>,
    onnx: fn(graph: &mut Graph, x: &Edge, setting: f32) -> Edge,
    /// The slope below 0 of a function that is x above 0 and a line below.
    slope: Option<fn(setting: f32) -> f32>,
}

/// An activation of which ONNX has the operator, without a setting.
const fn plain(
    name: &'static str,
    of: fn(&Tensor, f32) -> Result<Tensor>,
    onnx: fn(&mut Graph, &Edge, f32) -> Edge,
) -> Activation {
    Activation { name, of, onnx, slope: None }
}

/// max(x, 0).
pub const RELU: Activation =
    Activation { slope: Some(|_| 0.0), ..plain("relu", |x, _| x.relu(), |graph, x, _| graph.apply("Relu", &[x])) };
/// x above 0, the setting · x below.
pub const LEAKY_RELU: Activation = Activation {
    slope: Some(|slope| slope),
    ..plain("leaky_relu", Tensor::leaky_relu, |graph, x, slope| with_alpha(graph, "LeakyRelu", x, slope))
};
/// x above 0, α·(eˣ − 1) below, α being the setting.
pub const ELU: Activation = plain("elu", Tensor::elu, |graph, x, alpha| with_alpha(graph, "Elu", x, alpha));
/// tanh x.
pub const TANH: Activation = plain("tanh", |x, _| x.tanh(), |graph, x, _| graph.apply("Tanh", &[x]));
/// σ(x) = 1 / (1 + e⁻ˣ).
pub const SIGMOID: Activation = plain("sigmoid", |x, _| x.sigmoid(), |graph, x, _| graph.apply("Sigmoid", &[x]));
/// log(1 + eˣ).
pub const SOFTPLUS: Activation = plain("softplus", |x, _| x.softplus(), |graph, x, _| graph.apply("Softplus", &[x]));
/// Along the last dim.
pub const SOFTMAX: Activation = plain("softmax", |x, _| x.softmax(-1), |graph, x, _| along_last(graph, "Softmax", x));
/// Its logarithm, along the last dim.
pub const LOG_SOFTMAX: Activation =
    plain("log_softmax", |x, _| x.log_softmax(-1), |graph, x, _| along_last(graph, "LogSoftmax", x));
/// x·σ(x).
pub const SILU: Activation = plain(
    "silu",
    |x, _| x.silu(),
    |graph, x, _| {
        let gate = graph.apply("Sigmoid", &[x]);
        graph.apply("Mul", &[x, &gate])
    },
);
/// log σ(x).
pub const LOG_SIGMOID: Activation = plain(
    "log_sigmoid",
    |x, _| x.log_sigmoid(),
    |graph, x, _| {
        let flipped = graph.apply("Neg", &[x]);
        let soft = graph.apply("Softplus", &[&flipped]);
        graph.apply("Neg", &[&soft])
    },
);
/// x·Φ(x).
pub const GELU: Activation = plain(
    "gelu",
    |x, _| x.gelu(),
    |graph, x, _| {
        // x · (1 + erf(x / √2)) / 2
        let (root, one, half) = (graph.number(std::f32::consts::FRAC_1_SQRT_2), graph.number(1.0), graph.number(0.5));
        let scaled = graph.apply("Mul", &[x, &root]);
        let erf = graph.apply("Erf", &[&scaled]);
        let share = graph.apply("Add", &[&erf, &one]);
        let twice = graph.apply("Mul", &[x, &share]);
        graph.apply("Mul", &[&twice, &half])
    },
);

fn with_alpha(graph: &mut Graph, operator: &'static str, x: &Edge, alpha: f32) -> Edge {
    graph.add(operator, &[x], vec![("alpha", Attribute::Float(alpha))], x.rank())
}

fn along_last(graph: &mut Graph, operator: &'static str, x: &Edge) -> Edge {
    graph.add(operator, &[x], vec![("axis", Attribute::Int(-1))], x.rank())
}

/// The layer that applies an [`Activation`].
pub struct Activate {
    activation: &'static Activation,
    setting: Option<f32>,
}

impl Activate {
    /// The layer of an activation, with its setting where it has one.
    pub fn new(activation: &'static Activation, setting: Option<f32>) -> Self {
        Self { activation, setting }
    }
}

impl Layer for Activate {
    fn describe(&self) -> String {
        match self.setting {
            Some(v) => format!("{}({v})", self.activation.name),
            None => format!("{}()", self.activation.name),
        }
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        (self.activation.of)(x, self.setting.unwrap_or(0.0))
    }

    fn onnx(&self, graph: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        Ok((self.activation.onnx)(graph, x, self.setting.unwrap_or(0.0)))
    }

    fn rectifier(&self) -> Option<f32> {
        self.activation.slope.map(|slope| slope(self.setting.unwrap_or(0.0))).filter(|slope| *slope >= 0.0)
    }
}
