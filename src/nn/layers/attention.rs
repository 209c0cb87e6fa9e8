//! Self-attention of images.

use super::{Layer, Pass, Start};
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
        let taken = v.matmul(&attention.transpose(1, 2)?)?;
        x.add(&taken.mul(&params[3])?.reshape(&[n, c, h, w])?)
    }
}

impl SelfAttention {
    fn wrong(&self, shape: &[usize]) -> Fault {
        Fault::shape(format!("self_attention: input must be [n, {}, h, w], got {}", self.channels, shown(shape)))
    }
}
