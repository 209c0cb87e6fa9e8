//! The rectifier whose slope below 0 is trained.

use super::{Layer, Pass, Start};
use crate::onnx::{Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, shown};

/// The slope before training, of He et al. 2015 and PyTorch.
const FIRST_SLOPE: f32 = 0.25;

/// x where x > 0, slope · x elsewhere, with a trained slope (He et al. 2015): of any shape, or of `[n, channels, ..]` with
/// a slope for each channel.
pub struct Prelu {
    /// How many slopes there are, one for each of the channels in dim 1; `None`: one for all.
    pub channels: Option<usize>,
}

impl Layer for Prelu {
    fn describe(&self) -> String {
        match self.channels {
            Some(channels) => format!("prelu({channels} slopes)"),
            None => "prelu()".into(),
        }
    }

    fn start(&self) -> Start {
        let slope = Init::Constant(FIRST_SLOPE).draw(&[self.channels.unwrap_or(1)], 1, 1);
        Start { params: vec![Param::new("weight", slope)], buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let mut of_slope = vec![1; x.rank()];
        if let Some(channels) = self.channels {
            if x.shape().get(1) != Some(&channels) {
                return Err(Fault::shape(format!(
                    "prelu: input must be [n, {channels}] or [n, {channels}, h, w], got {}",
                    shown(&x.shape())
                )));
            }
            of_slope[1] = channels;
        }
        let slope = params[0].reshape(&of_slope)?;
        let zero = Tensor::full(0.0, &[], &x.device());
        // What is above 0 does not meet the slope, so that it cannot overflow there. At 0 the gradient is the slope, as in
        // PyTorch: relu gives 0 there, this 1.
        let below = x.gt(&zero)?.choose(&zero, x)?;
        x.relu()?.add(&below.mul(&slope)?)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let slope = match self.channels {
            Some(_) => graph.of_channels("weight", &params[0], x)?,
            None => graph.weight("weight", &params[0])?,
        };
        Ok(graph.apply("PRelu", &[x, &slope]))
    }
}
