//! Batch norm whose gain and shift depend on a label.

use super::{BatchNorm, Layer, Pass, Start};
use crate::onnx::{Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, shown};

/// Conditional batch norm (Dumoulin et al. 2017; Miyato and Koyama 2018): batch norm with a gain and a shift for each
/// of `classes`. The second input is a label for each row, or a row of weights of the classes.
pub struct ConditionalBatchNorm {
    /// The normalisation, without gain and shift.
    pub norm: BatchNorm,
    /// How many labels there are.
    pub classes: usize,
}

impl ConditionalBatchNorm {
    /// For each row the rows of a table that its label selects, shaped to broadcast against `x`.
    fn select(&self, table: &Tensor, labels: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (n, shape) = (x.shape()[0], labels.shape());
        let chosen = match (labels.dtype(), &shape[..]) {
            (Dtype::Int, &[rows]) if rows == n => table.index_select(0, labels)?,
            (Dtype::F32, &[rows, classes]) if rows == n && classes == self.classes => labels.matmul(table)?,
            _ => {
                return Err(Fault::shape(format!(
                    "conditional_batch_norm: {n} rows need {n} labels (ints), or weights [{n}, {}], got {} of shape {}",
                    self.classes,
                    labels.dtype().name(),
                    shown(&shape)
                )));
            }
        };
        let mut shape = vec![1; x.rank()];
        (shape[0], shape[1]) = (n, self.norm.channels);
        chosen.reshape(&shape)
    }
}

impl Layer for ConditionalBatchNorm {
    fn describe(&self) -> String {
        format!("conditional_batch_norm({}, {} classes)", self.norm.channels, self.classes)
    }

    fn start(&self) -> Start {
        let shape = [self.classes, self.norm.channels];
        let table = |name: &str, init: Init| Param::new(name, init.draw(&shape, 1, 1));
        Start {
            params: vec![table("weight", self.norm.gain), table("bias", Init::Constant(0.0))],
            buffers: self.norm.start().buffers,
        }
    }

    fn forward(&self, params: &[Tensor], buffers: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let Some(labels) = &pass.condition else {
            return Err(Fault::value("conditional_batch_norm: there are no labels")
                .hint("give them as the second input: G(z, labels)"));
        };
        let normal = self.norm.forward(&[], buffers, x, pass)?;
        let (gain, shift) = (self.select(&params[0], labels, x)?, self.select(&params[1], labels, x)?);
        normal.mul(&gain)?.add(&shift)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], buffers: &[Param], x: &Edge) -> Result<Edge> {
        let labels = graph.condition()?;
        let normal = self.norm.onnx(graph, &[], buffers, x)?;
        let mut shape = vec![1; graph.rank(x)?];
        (shape[0], shape[1]) = (-1, self.norm.channels as i64);
        let mut chosen = |name: &str, table: &Tensor| -> Result<Edge> {
            let table = graph.weight(name, table)?;
            let rows = graph.add("Gather", &[&table, &labels], vec![], Some(2));
            Ok(graph.reshape(&rows, &shape))
        };
        let (gain, shift) = (chosen("gains", &params[0])?, chosen("shifts", &params[1])?);
        let scaled = graph.apply("Mul", &[&normal, &gain]);
        Ok(graph.apply("Add", &[&scaled, &shift]))
    }

    fn is_conditional(&self) -> bool {
        true
    }
}
