//! Convolution of sequences, plain and causal.

use super::{Layer, Pass, Start};
use crate::onnx::{Attribute, Axis, Edge, Graph};
use crate::{Init, Param};
use saddle_fault::Result;
use saddle_tensor::{Geometry, Tensor};

/// One-dimensional convolution, `[n, in, length] → [n, out, length']`, kernels `[out, in/groups, kernel]`. The second
/// numbers of the geometry count.
pub struct Conv1d {
    /// Features, or channels, of the input.
    pub inputs: usize,
    /// Features, or channels, of the output.
    pub outputs: usize,
    /// Length of the kernel.
    pub kernel: usize,
    /// Stride, padding, dilation and groups.
    pub geometry: Geometry,
    /// Which places an output sees.
    pub sight: Sight,
    /// Whether a bias is added.
    pub bias: bool,
    /// How weights start.
    pub init: Init,
}

/// What the output at a place sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Both sides, as far as the kernel and the padding reach.
    Around,
    /// The input at this place and before it; the length stays (van den Oord et al. 2016, WaveNet).
    Causal,
    /// The input before this place only, as the first layer of a model that predicts each place from those before.
    Before,
}

impl Layer for Conv1d {
    fn describe(&self) -> String {
        let g = &self.geometry;
        let (name, ends) = match self.sight {
            Sight::Around => ("conv1d", format!("stride {}, padding {}", g.stride[1], g.padding[1])),
            Sight::Causal => ("causal_conv1d", format!("dilation {}", g.dilation[1])),
            Sight::Before => ("causal_conv1d", format!("dilation {}, strict", g.dilation[1])),
        };
        format!("{name}({} → {}, kernel {}, {ends})", self.inputs, self.outputs, self.kernel)
    }

    fn start(&self) -> Start {
        let per_group = self.inputs / self.geometry.groups.max(1);
        let (fan_in, fan_out) = (per_group * self.kernel, self.outputs * self.kernel);
        let shape = [self.outputs, per_group, self.kernel];
        let mut params = vec![Param::new("weight", self.init.draw(&shape, fan_in, fan_out))];
        if self.bias {
            let init = self.init.of_bias();
            params.push(Param::new("bias", init.draw(&[self.outputs], fan_in, fan_out)));
        }
        Start { params, buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let past = (self.kernel - 1) * self.geometry.dilation[1];
        let y = match self.sight {
            Sight::Around => x.conv1d(&params[0], &self.geometry)?,
            Sight::Causal => x.pad(&[(past, 0)], 0.0)?.conv1d(&params[0], &self.geometry)?,
            Sight::Before => {
                let y = x.pad(&[(past + 1, 0)], 0.0)?.conv1d(&params[0], &self.geometry)?;
                let length = y.shape()[2];
                y.narrow(2, 0..length - 1)?
            }
        };
        match params.get(1) {
            Some(b) => y.add(&b.reshape(&[1, b.len(), 1])?),
            None => Ok(y),
        }
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        Some(vec![Axis::Open("n"), Axis::Size(self.inputs), Axis::Open("length")])
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let g = &self.geometry;
        let past = ((self.kernel - 1) * g.dilation[1]) as i64;
        let pads = match self.sight {
            Sight::Around => vec![g.padding[1] as i64; 2],
            Sight::Causal => vec![past, 0],
            Sight::Before => vec![past + 1, 0],
        };
        let one = |n: usize| Attribute::Ints(vec![n as i64]);
        let attributes = vec![
            ("kernel_shape", one(self.kernel)),
            ("strides", one(g.stride[1])),
            ("pads", Attribute::Ints(pads)),
            ("dilations", one(g.dilation[1])),
            ("group", Attribute::Int(g.groups as i64)),
        ];
        let mut inputs = vec![x.clone(), graph.weight("weight", &params[0])?];
        if let Some(bias) = params.get(1) {
            inputs.push(graph.weight("bias", bias)?);
        }
        let y = graph.add("Conv", &inputs.iter().collect::<Vec<_>>(), attributes, Some(3));
        if self.sight != Sight::Before {
            return Ok(y);
        }
        let (start, end, axis) = (graph.ints("start", &[0]), graph.ints("end", &[-1]), graph.ints("axis", &[2]));
        Ok(graph.add("Slice", &[&y, &start, &end, &axis], vec![], Some(3)))
    }
}
