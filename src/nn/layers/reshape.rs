//! Layers that only rearrange.

use super::{Layer, Pass};
use crate::Param;
use crate::onnx::{Attribute, Edge, Graph};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Tensor, shown};

/// All axes but the first in one: `[n, ..] → [n, size]`.
pub struct Flatten;

impl Layer for Flatten {
    fn describe(&self) -> String {
        "flatten()".into()
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.flatten(1)
    }

    fn onnx(&self, graph: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        Ok(graph.add("Flatten", &[x], vec![("axis", Attribute::Int(1))], Some(2)))
    }
}

/// Each sample in another shape: `[n, ..] → [n, shape..]`.
pub struct Reshape(pub Vec<usize>);

impl Layer for Reshape {
    fn describe(&self) -> String {
        format!("reshape({})", shown(&self.0))
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let mut shape = vec![x.shape().first().copied().unwrap_or(1)];
        shape.extend(&self.0);
        x.reshape(&shape)
    }

    fn onnx(&self, graph: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let sizes: Vec<i64> = std::iter::once(0).chain(self.0.iter().map(|n| *n as i64)).collect();
        Ok(graph.reshape(x, &sizes))
    }
}

/// Every pixel `factor × factor` times (nearest neighbour): `[n, c, h, w] → [n, c, h·factor, w·factor]`.
pub struct Upsample(pub usize);

impl Layer for Upsample {
    fn describe(&self) -> String {
        format!("upsample({})", self.0)
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.upsample(self.0)
    }

    fn onnx(&self, graph: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let f = self.0 as f32;
        let scales = graph.weight("scales", &Tensor::from_floats(vec![1.0, 1.0, f, f], &[4], &Device::Cpu))?;
        // Its second input, a region, is left out by an empty name.
        let attributes = vec![
            ("mode", Attribute::Text("nearest")),
            ("nearest_mode", Attribute::Text("floor")),
            ("coordinate_transformation_mode", Attribute::Text("asymmetric")),
        ];
        Ok(graph.add("Resize", &[x, &Edge::none(), &scales], attributes, Some(4)))
    }
}

/// Shi et al. 2016: `[n, c·f², h, w] → [n, c, h·f, w·f]`.
pub struct PixelShuffle(pub usize);

impl Layer for PixelShuffle {
    fn describe(&self) -> String {
        format!("pixel_shuffle({})", self.0)
    }

    fn forward(&self, _: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let f = self.0;
        let shape = x.shape();
        let &[n, c, h, w] = &shape[..] else {
            return Err(Fault::shape(format!("pixel_shuffle: input must be [n, c, h, w], got {}", shown(&shape))));
        };
        if f == 0 || c % (f * f) != 0 {
            return Err(Fault::shape(format!("pixel_shuffle: {c} channels are not a multiple of {f}²")));
        }
        let c = c / (f * f);
        x.reshape(&[n, c, f, f, h, w])?.permute(&[0, 1, 4, 2, 5, 3])?.reshape(&[n, c, h * f, w * f])
    }

    fn onnx(&self, graph: &mut Graph, _: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        // Column, row, depth: as PyTorch's.
        let attributes = vec![("blocksize", Attribute::Int(self.0 as i64)), ("mode", Attribute::Text("CRD"))];
        Ok(graph.add("DepthToSpace", &[x], attributes, Some(4)))
    }
}
