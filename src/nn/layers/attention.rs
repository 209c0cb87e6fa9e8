//! Self-attention of images.

use super::{Layer, Pass, Start};
use crate::onnx::{Attribute, Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, shown};

/// Zhang et al. 2019 (SAGAN): every pixel sees every other. `[n, c, h, w]`, unchanged:
/// `y = x + γ · V(x)·softmax(Q(x)ᵀK(x))`, where γ starts at 0.
pub struct SelfAttention {
    /// Channels, the size of dim 1.
    pub channels: usize,
    /// Channels of queries and keys.
    pub inner: usize,
    /// How weights start.
    pub init: Init,
}

impl Layer for SelfAttention {
    fn describe(&self) -> String {
        format!("self_attention({}, {} inner)", self.channels, self.inner)
    }

    fn start(&self) -> Start {
        let c = self.channels;
        let table = |name: &str, rows| {
            let table = self.init.draw(&[rows, c], c, rows);
            Param::new(format!("{name}.weight"), table)
        };
        let params = vec![
            table("query", self.inner),
            table("key", self.inner),
            table("value", c),
            Param::new("gamma", Init::Constant(0.0).draw(&[1], 1, 1)),
        ];
        Start { params, buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let shape = x.shape();
        let &[n, c, h, w] = &shape[..] else {
            return Err(self.wrong(&shape));
        };
        if c != self.channels {
            return Err(self.wrong(&shape));
        }
        let pixels = x.reshape(&[n, c, h * w])?;
        let (q, k, v) = (params[0].matmul(&pixels)?, params[1].matmul(&pixels)?, params[2].matmul(&pixels)?);
        // [n, from, to]: how much each pixel takes of each other.
        let attention = q.transpose(1, 2)?.matmul(&k)?.softmax(-1)?;
        let taken = v.matmul_transposed(&attention)?;
        x.add(&taken.mul(&params[3])?.reshape(&[n, c, h, w])?)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let pixels = graph.reshape(x, &[0, self.channels as i64, -1]);
        let mut seen = |name: &str, table: &Tensor| -> Result<Edge> {
            let table = graph.weight(name, table)?;
            Ok(graph.add("MatMul", &[&table, &pixels], vec![], Some(3)))
        };
        let (q, k) = (seen("query.weight", &params[0])?, seen("key.weight", &params[1])?);
        let v = seen("value.weight", &params[2])?;
        let permutation = || vec![("perm", Attribute::Ints(vec![0, 2, 1]))];
        let q = graph.add("Transpose", &[&q], permutation(), Some(3));
        let alike = graph.add("MatMul", &[&q, &k], vec![], Some(3));
        let attention = graph.add("Softmax", &[&alike], vec![("axis", Attribute::Int(-1))], Some(3));
        let attention = graph.add("Transpose", &[&attention], permutation(), Some(3));
        let taken = graph.add("MatMul", &[&v, &attention], vec![], Some(3));
        let gamma = graph.weight("gamma", &params[3])?;
        let taken = graph.apply("Mul", &[&taken, &gamma]);
        let shape = graph.add("Shape", &[x], vec![], Some(1));
        let taken = graph.add("Reshape", &[&taken, &shape], vec![], Some(4));
        Ok(graph.apply("Add", &[x, &taken]))
    }
}

impl SelfAttention {
    fn wrong(&self, shape: &[usize]) -> Fault {
        Fault::shape(format!("self_attention: input must be [n, {}, h, w], got {}", self.channels, shown(shape)))
    }
}
