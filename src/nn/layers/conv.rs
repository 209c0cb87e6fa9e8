//! Convolution layers.

use super::{Layer, Pass, Start, masked};
use crate::onnx::{Attribute, Axis, Edge, Graph};
use crate::{Init, Network, Param};
use saddle_fault::Result;
use saddle_tensor::{Geometry, Tensor, device};

/// Two-dimensional convolution, `[n, in, h, w] → [n, out, h', w']`, kernels `[out, in/groups, kh, kw]`.
pub struct Conv2d {
    /// Features, or channels, of the input.
    pub inputs: usize,
    /// Features, or channels, of the output.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Stride, padding, dilation and groups.
    pub geometry: Geometry,
    /// Whether a bias is added.
    pub bias: bool,
    /// How weights start.
    pub init: Init,
}

/// Transposed convolution, kernels `[in, out/groups, kh, kw]`.
pub struct ConvTranspose2d {
    /// Features, or channels, of the input.
    pub inputs: usize,
    /// Features, or channels, of the output.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Stride, padding, dilation and groups.
    pub geometry: Geometry,
    /// Rows and columns added at the far side of the output.
    pub output_padding: [usize; 2],
    /// Whether a bias is added.
    pub bias: bool,
    /// How weights start.
    pub init: Init,
}

fn start(shape: [usize; 4], outputs: usize, fan_in: usize, bias: bool, init: Init) -> Start {
    let fan_out = shape[0] * shape[2] * shape[3];
    let mut params = vec![Param::new("weight", init.draw(&shape, fan_in, fan_out))];
    if bias {
        let init = init.of_bias();
        params.push(Param::new("bias", init.draw(&[outputs], fan_in, fan_out)));
    }
    Start { params, buffers: vec![] }
}

fn described(name: &str, inputs: usize, outputs: usize, kernel: [usize; 2], g: &Geometry) -> String {
    let pair = |p: [usize; 2]| {
        if p[0] == p[1] { p[0].to_string() } else { format!("{}×{}", p[0], p[1]) }
    };
    format!(
        "{name}({inputs} → {outputs}, kernel {}, stride {}, padding {})",
        pair(kernel),
        pair(g.stride),
        pair(g.padding)
    )
}

impl Layer for Conv2d {
    fn describe(&self) -> String {
        described("conv2d", self.inputs, self.outputs, self.kernel, &self.geometry)
    }

    fn start(&self) -> Start {
        let per_group = self.inputs / self.geometry.groups.max(1);
        let fan_in = per_group * self.kernel[0] * self.kernel[1];
        start([self.outputs, per_group, self.kernel[0], self.kernel[1]], self.outputs, fan_in, self.bias, self.init)
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.conv2d_with_bias(&params[0], params.get(1), &self.geometry)
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        images(self.inputs)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        exported(graph, "Conv", attributes(self.kernel, &self.geometry), params, x)
    }
}

/// Stride, padding on both sides, dilation and groups as ONNX has them.
fn attributes(kernel: [usize; 2], g: &Geometry) -> Vec<(&'static str, Attribute)> {
    let pair = |p: [usize; 2]| Attribute::Ints(p.map(|n| n as i64).to_vec());
    let [top, left] = g.padding.map(|n| n as i64);
    vec![
        ("kernel_shape", pair(kernel)),
        ("strides", pair(g.stride)),
        ("pads", Attribute::Ints(vec![top, left, top, left])),
        ("dilations", pair(g.dilation)),
        ("group", Attribute::Int(g.groups as i64)),
    ]
}

fn exported(
    graph: &mut Graph,
    operator: &'static str,
    attributes: Vec<(&'static str, Attribute)>,
    params: &[Tensor],
    x: &Edge,
) -> Result<Edge> {
    let mut inputs = vec![x.clone(), graph.weight("weight", &params[0])?];
    if let Some(bias) = params.get(1) {
        inputs.push(graph.weight("bias", bias)?);
    }
    let inputs: Vec<&Edge> = inputs.iter().collect();
    Ok(graph.add(operator, &inputs, attributes, Some(4)))
}

fn images(channels: usize) -> Option<Vec<Axis>> {
    Some(vec![Axis::Open("n"), Axis::Size(channels), Axis::Open("height"), Axis::Open("width")])
}

/// A convolution layer of a square kernel of odd size in which each pixel sees those before it in reading order, and of
/// itself the colours before the output's own, with that colour if `with_own`. A pixel's channels are those of its
/// `colours`, one after the other, as many for each; so both numbers of channels must be multiples of `colours`.
///
/// Source: van den Oord et al. 2016, section 3.4: masks A and B.
pub fn autoregressive(mut layer: Conv2d, colours: usize, with_own: bool) -> Network {
    let (outputs, inputs, [k, _]) = (layer.outputs, layer.inputs, layer.kernel);
    let centre = (k / 2) * k + k / 2;
    // At least one, so that there is a kernel.
    layer.geometry.taps = Some((centre + usize::from(with_own || colours > 1)).max(1));
    let mut mask = Vec::with_capacity(outputs * inputs * k * k);
    for output in 0..outputs {
        for input in 0..inputs {
            let (own, seen) = (output * colours / outputs, input * colours / inputs);
            let sees_centre = seen < own || (with_own && seen == own);
            let sees = |i: usize| i < centre || (i == centre && sees_centre);
            mask.extend((0..k * k).map(|i| f32::from(u8::from(sees(i)))));
        }
    }
    masked(layer, &Tensor::from_floats(mask, &[outputs, inputs, k, k], &device::current()))
}

impl Layer for ConvTranspose2d {
    fn describe(&self) -> String {
        described("conv_transpose2d", self.inputs, self.outputs, self.kernel, &self.geometry)
    }

    fn start(&self) -> Start {
        let per_group = self.outputs / self.geometry.groups.max(1);
        // PyTorch counts the fan of a transposed convolution on its second axis.
        let fan_in = per_group * self.kernel[0] * self.kernel[1];
        start([self.inputs, per_group, self.kernel[0], self.kernel[1]], self.outputs, fan_in, self.bias, self.init)
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        x.conv_transpose2d_with_bias(&params[0], params.get(1), &self.geometry, self.output_padding)
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        images(self.inputs)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let mut all = attributes(self.kernel, &self.geometry);
        all.push(("output_padding", Attribute::Ints(self.output_padding.map(|n| n as i64).to_vec())));
        exported(graph, "ConvTranspose", all, params, x)
    }

    fn output_dim(&self) -> isize {
        1
    }
}
