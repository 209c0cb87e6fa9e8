//! Networks as ONNX files (operator set 17), which onnxruntime and others run: what each layer is in ONNX's operators.
//!
//! | file | owns |
//! |---|---|
//! | `mod` | the graph that layers add their operators to, and the walk through a network |
//! | `proto` | the file: `onnx.proto` in the encoding of Protocol Buffers |
//!
//! A file holds the network as it is used, not as it is trained: as after `eval()`.

mod proto;

use crate::network::{Body, Network};
use crate::param::Param;
use saddle_fault::{Fault, Kind, Result};
use saddle_tensor::{Tensor, no_grad};

/// A value that flows between operators: its name, and how many axes it has where that is known.
#[derive(Clone, Debug)]
pub struct Edge {
    name: String,
    rank: Option<usize>,
}

impl Edge {
    /// An input that is left out.
    pub fn none() -> Self {
        Self { name: String::new(), rank: None }
    }

    /// How many axes it has, where that is known.
    pub fn rank(&self) -> Option<usize> {
        self.rank
    }
}

/// An attribute of an operator.
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A word.
    Text(&'static str),
}

/// An operator with its inputs, outputs and attributes.
struct Node {
    operator: &'static str,
    inputs: Vec<String>,
    output: String,
    attributes: Vec<(&'static str, Attribute)>,
}

/// A constant.
struct Constant {
    name: String,
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// An input or the output: its name, its axes (`Err` is the name of one whose size is open), whether it holds whole
/// numbers.
struct Port {
    name: String,
    axes: Option<Vec<std::result::Result<usize, String>>>,
    whole: bool,
}

/// What a file holds, as layers build it.
pub struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Constant>,
    inputs: Vec<Port>,
    output: Option<Port>,
    /// The second input, for conditional layers.
    condition: Option<Edge>,
    /// Where in the network the walk is, as parameters are called: `3.`.
    place: String,
}

/// An axis of a network's input.
pub enum Axis {
    /// So many.
    Size(usize),
    /// As many as there are, by this name.
    Open(&'static str),
}

impl Graph {
    /// An operator's value. `rank` says how many axes it has.
    pub fn add(
        &mut self,
        operator: &'static str,
        inputs: &[&Edge],
        attributes: Vec<(&'static str, Attribute)>,
        rank: Option<usize>,
    ) -> Edge {
        let output = format!("{}{}_{}", self.place, operator, self.nodes.len());
        let inputs = inputs.iter().map(|edge| edge.name.clone()).collect();
        self.nodes.push(Node { operator, inputs, output: output.clone(), attributes });
        Edge { name: output, rank }
    }

    /// An operator that keeps the axes of its first input.
    pub fn apply(&mut self, operator: &'static str, inputs: &[&Edge]) -> Edge {
        self.add(operator, inputs, Vec::new(), inputs[0].rank)
    }

    /// A tensor that the network holds, under its name in the layer.
    ///
    /// # Errors
    /// The device's.
    pub fn weight(&mut self, name: &str, value: &Tensor) -> Result<Edge> {
        let name = self.fresh(name);
        let shape = value.shape().to_vec();
        let edge = Edge { name: name.clone(), rank: Some(shape.len()) };
        self.constants.push(Constant { name, shape, values: Values::Floats(value.to_floats()?) });
        Ok(edge)
    }

    /// Whole numbers: sizes, axes.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> Edge {
        let name = self.fresh(name);
        self.constants.push(Constant {
            name: name.clone(),
            shape: vec![values.len()],
            values: Values::Ints(values.to_vec()),
        });
        Edge { name, rank: Some(1) }
    }

    /// A number.
    pub fn number(&mut self, value: f32) -> Edge {
        let name = self.fresh("number");
        self.constants.push(Constant { name: name.clone(), shape: vec![], values: Values::Floats(vec![value]) });
        Edge { name, rank: Some(0) }
    }

    fn fresh(&self, name: &str) -> String {
        let name = format!("{}{name}", self.place);
        match self.constants.iter().any(|c| c.name == name) {
            true => format!("{name}_{}", self.constants.len()),
            false => name,
        }
    }

    /// `x` in another shape; 0 keeps a size, −1 is what is left.
    pub fn reshape(&mut self, x: &Edge, shape: &[i64]) -> Edge {
        let shape_edge = self.ints("shape", shape);
        self.add("Reshape", &[x, &shape_edge], Vec::new(), Some(shape.len()))
    }

    /// `x · Wᵀ + b` along the last axis, with W `[out, in]`.
    ///
    /// # Errors
    /// The device's.
    pub fn linear(&mut self, x: &Edge, weight: &Tensor, bias: Option<&Tensor>) -> Result<Edge> {
        let w = self.weight("weight", &no_grad(|| weight.t())?)?;
        let y = self.add("MatMul", &[x, &w], Vec::new(), x.rank);
        Ok(match bias {
            Some(bias) => {
                let b = self.weight("bias", bias)?;
                self.apply("Add", &[&y, &b])
            }
            None => y,
        })
    }

    /// A value for each channel, shaped to broadcast against `x`, whose channels are axis 1.
    ///
    /// # Errors
    /// The device's; how many axes `x` has is not known.
    pub fn of_channels(&mut self, name: &str, value: &Tensor, x: &Edge) -> Result<Edge> {
        let mut shape = vec![1; self.rank(x)?];
        if let Some(channels) = shape.get_mut(1) {
            *channels = value.len();
        }
        self.weight(name, &no_grad(|| value.reshape(&shape))?)
    }

    /// How many axes a value has.
    ///
    /// # Errors
    /// It is not known.
    pub fn rank(&self, x: &Edge) -> Result<usize> {
        x.rank.ok_or_else(|| {
            Fault::value("onnx: how many axes the network's input has cannot be told from its first layer")
        })
    }

    /// The network's second input.
    ///
    /// # Errors
    /// There is none.
    pub fn condition(&self) -> Result<Edge> {
        self.condition
            .clone()
            .ok_or_else(|| Fault::new(Kind::Internal, "onnx: a conditional layer without second input"))
    }

    /// The refusal of what has no counterpart.
    pub fn no_operator(what: &str) -> Fault {
        Fault::value(format!("onnx: there is no operator for {what}")).hint(
            "linear, convolution, normalisation, embedding, attention and activation layers have one; the layers around it can be exported on \
             their own",
        )
    }
}

/// The content of a file with the network as it is used.
///
/// # Errors
/// A layer without a counterpart in ONNX, a forward function of the user's own; more than 2 GiB.
pub fn encode(network: &Network) -> Result<Vec<u8>> {
    let mut graph =
        Graph { nodes: vec![], constants: vec![], inputs: vec![], output: None, condition: None, place: String::new() };
    let first = first_layer(network);
    let axes = first.as_ref().and_then(|layer| layer.onnx_input());
    let whole = first.as_ref().is_some_and(|layer| layer.takes_ints());
    let rank = axes.as_ref().map(Vec::len);
    let axes = axes.map(|axes| {
        let each = axes.into_iter().map(|axis| match axis {
            Axis::Size(n) => Ok(n),
            Axis::Open(name) => Err(name.to_string()),
        });
        each.collect()
    });
    graph.inputs.push(Port { name: "x".into(), axes, whole });
    if network.is_conditional() {
        let axes = Some(vec![Err("n".to_string())]);
        graph.inputs.push(Port { name: "labels".into(), axes, whole: true });
        graph.condition = Some(Edge { name: "labels".into(), rank: Some(1) });
    }
    let last = walk(network, &mut graph, Edge { name: "x".into(), rank }, "")?;
    // A name of its own, however the last layer is called.
    graph.place.clear();
    graph.nodes.push(Node { operator: "Identity", inputs: vec![last.name], output: "y".into(), attributes: vec![] });
    let axes =
        last.rank.map(|rank| (0..rank).map(|i| Err(if i == 0 { "n".into() } else { format!("y{i}") })).collect());
    graph.output = Some(Port { name: "y".into(), axes, whole: false });
    proto::model(&graph)
}

fn first_layer(network: &Network) -> Option<std::rc::Rc<dyn crate::layers::Layer>> {
    match network.body() {
        Body::Layer(slot) => Some(slot.layer.clone()),
        Body::Sequence(parts) => parts.first().and_then(first_layer),
        Body::Custom(_) | Body::Referenced(..) => None,
    }
}

fn walk(network: &Network, graph: &mut Graph, x: Edge, place: &str) -> Result<Edge> {
    match network.body() {
        Body::Layer(slot) => {
            graph.place = place.to_string();
            let params: Vec<Tensor> = slot.params.iter().map(Param::value).collect();
            slot.layer.onnx(graph, &params, &slot.buffers, &x)
        }
        Body::Sequence(parts) => {
            let mut parts = parts.iter().enumerate();
            parts.try_fold(x, |x, (i, part)| walk(part, graph, x, &format!("{place}{i}.")))
        }
        Body::Custom(_) => {
            Err(Fault::value("onnx: a network with a forward function of its own is code, which ONNX cannot hold")
                .hint(
                    "its parts that are layers or sequences can be exported one by one: `save(\"part.onnx\", G.part)`",
                ))
        }
        Body::Referenced(..) => Err(Graph::no_operator("virtual batch norm, whose reference batch runs along")),
    }
}
