//! Maxout: the largest of several linear maps for each unit.

use super::{Layer, Pass, Start};
use crate::onnx::{Attribute, Axis, Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, shown};

/// Goodfellow et al. 2013: `pieces` linear maps for each unit, of which the largest counts. `[n, in] → [n, units]`.
pub struct Maxout {
    /// Features, or channels, of the input.
    pub inputs: usize,
    /// Features of the output.
    pub units: usize,
    /// Linear maps for each of them.
    pub pieces: usize,
    /// How weights start.
    pub init: Init,
}

impl Layer for Maxout {
    fn describe(&self) -> String {
        format!("maxout({} → {}, {} pieces)", self.inputs, self.units, self.pieces)
    }

    fn start(&self) -> Start {
        let wide = self.units * self.pieces;
        let bias = self.init.of_bias();
        let weight = Param::new("weight", self.init.draw(&[wide, self.inputs], self.inputs, wide));
        Start { params: vec![weight, Param::new("bias", bias.draw(&[wide], self.inputs, wide))], buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        if x.rank() != 2 {
            return Err(Fault::shape(format!("maxout: input must be [n, {}], got {}", self.inputs, shown(&x.shape()))));
        }
        let pieces = x.linear(&params[0], params.get(1))?.reshape(&[x.shape()[0], self.units, self.pieces])?;
        Ok(pieces.extreme_dim(2, false, true)?.values)
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Open("n"), Axis::Size(self.inputs)])
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let wide = graph.linear(x, &params[0], params.get(1))?;
        let pieces = graph.reshape(&wide, &[0, self.units as i64, self.pieces as i64]);
        let attributes = vec![("axes", Attribute::Ints(vec![2])), ("keepdims", Attribute::Int(0))];
        Ok(graph.add("ReduceMax", &[&pieces], attributes, Some(2)))
    }
}
