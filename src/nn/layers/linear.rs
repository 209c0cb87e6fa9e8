//! Layers whose heart is one matrix product.

use super::{Layer, Pass, Start};
use crate::onnx::{Axis, Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, shown};

/// `y = x·Wᵀ + b`, `[.., in] → [.., out]`, with W `[out, in]` as in PyTorch.
pub struct Linear {
    /// Features, or channels, of the input.
    pub inputs: usize,
    /// Features, or channels, of the output.
    pub outputs: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// How weights start.
    pub init: Init,
    /// How the bias starts; as `init` where not given.
    pub bias_init: Option<Init>,
}

impl Layer for Linear {
    fn describe(&self) -> String {
        format!("linear({} → {}{})", self.inputs, self.outputs, if self.bias { "" } else { ", no bias" })
    }

    fn start(&self) -> Start {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut params = vec![Param::new("weight", self.init.draw(&[outputs, inputs], inputs, outputs))];
        if self.bias {
            let init = self.bias_init.unwrap_or(self.init.of_bias());
            params.push(Param::new("bias", init.draw(&[outputs], inputs, outputs)));
        }
        Start { params, buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.linear(&params[0], params.get(1))
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Open("n"), Axis::Size(self.inputs)])
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        graph.linear(x, &params[0], params.get(1))
    }

    fn forward_rectified(&self, params: &[Tensor], x: &Tensor, slope: f32) -> Option<Result<Tensor>> {
        Some(x.linear_rectified(&params[0], params.get(1), slope))
    }
}

/// Rows of a table: ints `[..] → [.., size]`.
pub struct Embedding {
    /// Rows of the table.
    pub count: usize,
    /// Numbers in a row.
    pub size: usize,
    /// How weights start.
    pub init: Init,
}

impl Layer for Embedding {
    fn describe(&self) -> String {
        format!("embedding({} × {})", self.count, self.size)
    }

    fn start(&self) -> Start {
        let table = self.init.draw(&[self.count, self.size], self.size, self.count);
        Start { params: vec![Param::new("weight", table)], buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let mut shape = x.shape().to_vec();
        let rows = params[0].index_select(0, &x.reshape(&[x.len()])?)?;
        shape.push(self.size);
        rows.reshape(&shape)
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Open("n")])
    }

    fn takes_ints(&self) -> bool {
        true
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let table = graph.weight("weight", &params[0])?;
        let rank = x.rank().map(|rank| rank + 1);
        Ok(graph.add("Gather", &[&table, x], vec![], rank))
    }
}

/// Features by which a batch can see that its samples are too alike (Salimans et al. 2016, section 3.2):
/// `M_i = f(x_i)·T`, `o(x_i)_b = Σ_{j≠i} exp(−‖M_ib − M_jb‖₁) + bias_b`, appended to the input:
/// `[n, in] → [n, in + kernels]`.
pub struct MinibatchDiscrimination {
    /// Features, or channels, of the input.
    pub inputs: usize,
    /// Features appended.
    pub kernels: usize,
    /// Dimensions in which closeness is measured.
    pub dims: usize,
    /// How weights start.
    pub init: Init,
}

impl Layer for MinibatchDiscrimination {
    fn describe(&self) -> String {
        format!(
            "minibatch_discrimination({} → {}, {} × {})",
            self.inputs,
            self.inputs + self.kernels,
            self.kernels,
            self.dims
        )
    }

    fn start(&self) -> Start {
        let width = self.kernels * self.dims;
        let t = self.init.draw(&[self.inputs, width], self.inputs, width);
        let bias = Init::Constant(0.0).draw(&[self.kernels], 1, 1);
        Start { params: vec![Param::new("weight", t), Param::new("bias", bias)], buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        if x.rank() != 2 || x.shape()[1] != self.inputs {
            return Err(Fault::shape(format!(
                "minibatch_discrimination: input must be [n, {}], got {}",
                self.inputs,
                shown(&x.shape())
            )));
        }
        let n = x.shape()[0];
        // One dimension after the other, so that every operation runs along the kernels: a sum over a last axis of five
        // is slow.
        let m = x.matmul(&params[0])?.reshape(&[n, self.kernels, self.dims])?.permute(&[2, 0, 1])?;
        let along = |dim: usize| {
            let here = m.narrow(0, dim..dim + 1)?;
            here.sub(&here.permute(&[1, 0, 2])?)?.abs()
        };
        let apart = (1..self.dims).try_fold(along(0)?, |sum, dim| sum.add(&along(dim)?))?;
        // Each sample's distance to itself is 0 and adds exp(0) = 1: take that one off.
        let closeness = apart.neg()?.exp()?.sum_dims(&[1], false)?.add_scalar(-1.0)?;
        Tensor::cat(&[x.clone(), closeness.add(&params[1])?], 1)
    }
}
