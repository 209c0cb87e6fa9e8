//! Normalisations. Statistics are recorded values, so gradients pass through them to any order.

use super::{Layer, Mode, Pass, Start};
use crate::onnx::{Attribute, Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Tensor, no_grad, shown};

/// What a description adds of a normalisation without gain and shift.
fn unless_affine(affine: bool) -> &'static str {
    if affine { "" } else { ", affine: false" }
}

/// Gain and shift of a normalisation, one for each channel, if it has them.
fn params_if(affine: bool, channels: usize, gain: Init) -> Vec<Param> {
    if affine { affine_params(channels, gain) } else { vec![] }
}

/// Gain and shift of a normalisation, one for each channel.
pub(super) fn affine_params(channels: usize, gain: Init) -> Vec<Param> {
    let ones = gain.draw(&[channels], channels, channels);
    vec![Param::new("weight", ones), Param::new("bias", Init::Constant(0.0).draw(&[channels], 1, 1))]
}

/// The gain and shift of an ONNX operator, which must be given both: ones and zeros where there are none.
fn gain_and_shift(params: &[Tensor], shape: &[usize]) -> [Tensor; 2] {
    match params {
        [gain, shift, ..] => [gain.clone(), shift.clone()],
        _ => [1.0, 0.0].map(|value| Tensor::full(value, shape, &Device::Cpu)),
    }
}

/// `(x − mean) / √(var + ε) · gain + shift`, the channel axis being `1` of `rank` axes.
pub(super) fn normalise(x: &Tensor, mean: &Tensor, var: &Tensor, eps: f32, params: &[Tensor]) -> Result<Tensor> {
    scaled(&x.sub(mean)?.div(&var.add_scalar(eps)?.sqrt()?)?, params)
}

/// `hat · gain + shift`, if there are such, the channel axis being `1`.
fn scaled(hat: &Tensor, params: &[Tensor]) -> Result<Tensor> {
    match params {
        [gain, shift, ..] => {
            let mut shape = vec![1; hat.rank()];
            shape[1] = gain.len();
            hat.mul(&gain.reshape(&shape)?)?.add(&shift.reshape(&shape)?)
        }
        _ => Ok(hat.clone()),
    }
}

/// Batch normalisation (Ioffe and Szegedy 2015) of `[n, c]` or `[n, c, h, w]`: each channel over the batch (and space).
pub struct BatchNorm {
    /// Channels, the size of dim 1.
    pub channels: usize,
    /// Added to the variance: 1e-5 as in PyTorch (0.8 is a known mistake of many GAN examples).
    pub eps: f32,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f32,
    /// How the gain starts.
    pub gain: Init,
    /// Whether a gain and a shift are trained.
    pub affine: bool,
    /// Takes the statistics over the batches of all processes of a run; `None`: each over its own.
    pub across: Option<Across>,
}

/// What all processes of a run do together.
#[derive(Clone, Copy)]
pub struct Across {
    /// How many they are.
    pub size: fn() -> Result<usize>,
    /// Replaces numbers by their means over all of them. Each has to call it as often.
    pub mean: fn(&mut [f32]) -> Result<()>,
}

impl Across {
    /// The mean of a tensor of all processes. The loss is the mean of theirs, so that the gradient is the mean of
    /// theirs, too.
    fn mean_of(self, x: &Tensor) -> Result<Tensor> {
        let mut numbers = x.to_floats()?;
        (self.mean)(&mut numbers)?;
        let mean = Tensor::from_floats(numbers, &x.shape(), &x.device());
        Ok(Tensor::custom(&[x], &mean, move |_, _, gradient| Ok(vec![Some(self.mean_of(gradient)?)])))
    }
}

impl BatchNorm {
    fn check(&self, x: &Tensor) -> Result<()> {
        let shape = x.shape();
        if shape.len() < 2 || shape[1] != self.channels {
            return Err(Fault::shape(format!(
                "batch_norm: input must be [n, {0}] or [n, {0}, h, w], got {1}",
                self.channels,
                shown(&shape)
            )));
        }
        Ok(())
    }

    /// The output, mean and variance of a batch of which every process has an equal part.
    fn synchronised(&self, across: Across, params: &[Tensor], x: &Tensor) -> Result<[Tensor; 3]> {
        let dims: Vec<isize> = (0..x.rank() as isize).filter(|&dim| dim != 1).collect();
        let mean = across.mean_of(&x.mean_dims(&dims, true)?)?;
        let var = across.mean_of(&x.sub(&mean)?.square()?.mean_dims(&dims, true)?)?;
        let y = normalise(x, &mean, &var, self.eps, params)?;
        Ok([y, mean.reshape(&[self.channels])?, var.reshape(&[self.channels])?])
    }

    fn remember(&self, buffers: &[Param], mean: &Tensor, var: &Tensor, n: usize) -> Result<()> {
        // The running variance is the unbiased one, as PyTorch keeps it.
        let unbiased = var.detach().mul_scalar(n as f32 / (n.max(2) - 1) as f32)?;
        for (buffer, new) in buffers.iter().zip([mean.detach(), unbiased]) {
            let new = new.mul_scalar(self.momentum)?;
            buffer.set(buffer.value().mul_scalar(1.0 - self.momentum)?.add(&new)?.detach());
        }
        Ok(())
    }
}

impl Layer for BatchNorm {
    fn describe(&self) -> String {
        format!("batch_norm({}{})", self.channels, unless_affine(self.affine))
    }

    fn start(&self) -> Start {
        let stat = |name: &str, value| Param::new(name, Init::Constant(value).draw(&[self.channels], 1, 1));
        Start {
            params: params_if(self.affine, self.channels, self.gain),
            buffers: vec![stat("running_mean", 0.0), stat("running_var", 1.0)],
        }
    }

    fn forward(&self, params: &[Tensor], buffers: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.check(x)?;
        if pass.mode == Mode::Eval {
            let mut shape = vec![1; x.rank()];
            shape[1] = self.channels;
            let (mean, var) = (buffers[0].value().reshape(&shape)?, buffers[1].value().reshape(&shape)?);
            return normalise(x, &mean, &var, self.eps, params);
        }
        let size = self.across.map_or(Ok(1), |across| (across.size)())?;
        let n = size * x.len() / self.channels.max(1);
        if let (Some(across), 2..) = (self.across, size) {
            let [y, mean, var] = self.synchronised(across, params, x)?;
            no_grad(|| self.remember(buffers, &mean, &var, n))?;
            return Ok(y);
        }
        if n < 2 {
            return Err(Fault::value(format!(
                "batch_norm: one value a channel has no variance, input {}",
                shown(&x.shape())
            ))
            .hint("use a batch of at least 2 in train mode, or eval()"));
        }
        let normed = match params {
            [gain, shift, ..] => x.batch_norm(gain, shift, self.eps)?,
            // `affine: false`; a conditional normalisation has gains and shifts of its own.
            _ => {
                let all = |v| Tensor::full(v, &[self.channels], &x.device());
                x.batch_norm(&all(1.0), &all(0.0), self.eps)?
            }
        };
        no_grad(|| self.remember(buffers, &normed.mean, &normed.var, n))?;
        Ok(normed.y)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], buffers: &[Param], x: &Edge) -> Result<Edge> {
        let [gain, shift] = gain_and_shift(params, &[self.channels]);
        let held = [
            graph.weight("weight", &gain)?,
            graph.weight("bias", &shift)?,
            graph.weight("running_mean", &buffers[0].value())?,
            graph.weight("running_var", &buffers[1].value())?,
        ];
        let [a, b, c, d] = &held;
        let eps = vec![("epsilon", Attribute::Float(self.eps))];
        Ok(graph.add("BatchNormalization", &[x, a, b, c, d], eps, x.rank()))
    }
}

/// Layer normalisation (Ba et al. 2016) over the last `shape.len()` axes.
pub struct LayerNorm {
    /// The dims, last ones, that are normalised together.
    pub shape: Vec<usize>,
    /// Added to the variance.
    pub eps: f32,
    /// Whether a gain and a shift are trained.
    pub affine: bool,
}

impl Layer for LayerNorm {
    fn describe(&self) -> String {
        format!("layer_norm({}{})", shown(&self.shape), unless_affine(self.affine))
    }

    fn start(&self) -> Start {
        if !self.affine {
            return Start::default();
        }
        let params = vec![
            Param::new("weight", Init::Constant(1.0).draw(&self.shape, 1, 1)),
            Param::new("bias", Init::Constant(0.0).draw(&self.shape, 1, 1)),
        ];
        Start { params, buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let shape = x.shape();
        if !shape.ends_with(&self.shape) {
            return Err(Fault::shape(format!(
                "layer_norm: input must end with {}, got {}",
                shown(&self.shape),
                shown(&shape)
            )));
        }
        let hat = x.normalised(self.shape.len(), self.eps)?;
        match params {
            [gain, shift, ..] => hat.mul(gain)?.add(shift),
            _ => Ok(hat),
        }
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let axis = Attribute::Int(-(self.shape.len() as i64));
        let attributes = vec![("axis", axis), ("epsilon", Attribute::Float(self.eps))];
        let [gain, shift] = gain_and_shift(params, &self.shape);
        let (gain, shift) = (graph.weight("weight", &gain)?, graph.weight("bias", &shift)?);
        Ok(graph.add("LayerNormalization", &[x, &gain, &shift], attributes, x.rank()))
    }
}

/// Instance normalisation of `[n, c, h, w]`: each channel of each sample over its own space.
pub struct InstanceNorm {
    /// Channels, the size of dim 1.
    pub channels: usize,
    /// Added to the variance.
    pub eps: f32,
    /// Whether a gain and a shift are trained.
    pub affine: bool,
}

impl Layer for InstanceNorm {
    fn describe(&self) -> String {
        format!("instance_norm({}{})", self.channels, unless_affine(self.affine))
    }

    fn start(&self) -> Start {
        Start { params: params_if(self.affine, self.channels, Init::Constant(1.0)), buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let shape = x.shape();
        if shape.len() < 3 || shape[1] != self.channels {
            return Err(Fault::shape(format!(
                "instance_norm: input must be [n, {}, h, w], got {}",
                self.channels,
                shown(&shape)
            )));
        }
        scaled(&x.normalised(x.rank() - 2, self.eps)?, params)
    }

    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let [gain, shift] = gain_and_shift(params, &[self.channels]);
        let (gain, shift) = (graph.weight("weight", &gain)?, graph.weight("bias", &shift)?);
        let eps = vec![("epsilon", Attribute::Float(self.eps))];
        Ok(graph.add("InstanceNormalization", &[x, &gain, &shift], eps, x.rank()))
    }
}

/// Group normalisation (Wu and He 2018) of `[n, c, ..]`: each sample's channels in `groups` equal parts, each over its
/// own channels and space.
pub struct GroupNorm {
    /// How many groups the channels are in.
    pub groups: usize,
    /// A multiple of `groups`.
    pub channels: usize,
    /// Added to each variance.
    pub eps: f32,
    /// Whether a gain and a shift are trained, one for each channel.
    pub affine: bool,
}

impl Layer for GroupNorm {
    fn describe(&self) -> String {
        format!("group_norm({} of {}{})", self.groups, self.channels, unless_affine(self.affine))
    }

    fn start(&self) -> Start {
        Start { params: params_if(self.affine, self.channels, Init::Constant(1.0)), buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, _: &Pass) -> Result<Tensor> {
        let shape = x.shape();
        if shape.len() < 2 || shape[1] != self.channels {
            return Err(Fault::shape(format!(
                "group_norm: input must be [n, {0}] or [n, {0}, h, w], got {1}",
                self.channels,
                shown(&shape)
            )));
        }
        let of_sample: usize = shape[1..].iter().product();
        if of_sample == 0 {
            return Err(Fault::shape(format!("group_norm: the samples of {} have no elements", shown(&shape))));
        }
        let grouped = x.reshape(&[shape[0], self.groups, of_sample / self.groups])?;
        scaled(&grouped.normalised(1, self.eps)?.reshape(&shape)?, params)
    }

    /// Operator set 17 has none of its own: the groups are the channels of an instance normalisation.
    fn onnx(&self, graph: &mut Graph, params: &[Tensor], _: &[Param], x: &Edge) -> Result<Edge> {
        let grouped = graph.reshape(x, &[0, self.groups as i64, -1]);
        let [ones, zeros] = gain_and_shift(&[], &[self.groups]);
        let (ones, zeros) = (graph.weight("ones", &ones)?, graph.weight("zeros", &zeros)?);
        let eps = vec![("epsilon", Attribute::Float(self.eps))];
        let hat = graph.add("InstanceNormalization", &[&grouped, &ones, &zeros], eps, Some(3));
        let shape = graph.add("Shape", &[x], vec![], Some(1));
        let hat = graph.add("Reshape", &[&hat, &shape], vec![], x.rank());
        let [gain, shift, ..] = params else {
            return Ok(hat);
        };
        let (gain, shift) = (graph.of_channels("weight", gain, x)?, graph.of_channels("bias", shift, x)?);
        let scaled = graph.apply("Mul", &[&hat, &gain]);
        Ok(graph.apply("Add", &[&scaled, &shift]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition in double precision.
    #[test]
    fn groups_of_channels_are_normalised_over_channels_and_space() {
        let (n, c, hw, groups) = (3, 6, 4, 2);
        let data: Vec<f32> = (0..n * c * hw).map(|i| ((i * 37) % 23) as f32 * 0.3 - 2.0).collect();
        let x = Tensor::from_floats(data.clone(), &[n, c, 2, 2], &Device::Cpu);
        let gain = Tensor::from_floats((0..c).map(|i| 1.0 + i as f32).collect(), &[c], &Device::Cpu);
        let shift = Tensor::from_floats((0..c).map(|i| i as f32 * 0.1).collect(), &[c], &Device::Cpu);
        let layer = GroupNorm { groups, channels: c, eps: 1e-5, affine: true };
        let y = layer.forward(&[gain, shift], &[], &x, &Pass::of(Mode::Train)).unwrap().to_floats().unwrap();
        let part = c / groups * hw;
        for (at, y) in y.iter().enumerate() {
            let group: Vec<f64> = data[at / part * part..][..part].iter().map(|v| f64::from(*v)).collect();
            let mean = group.iter().sum::<f64>() / part as f64;
            let var = group.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / part as f64;
            let channel = (at / hw % c) as f64;
            let expected =
                (f64::from(data[at]) - mean) / (var + 1e-5).sqrt() * (1.0 + channel) + channel * f64::from(0.1f32);
            assert!((f64::from(*y) - expected).abs() < 1e-5, "{at}: {y} not {expected}");
        }
        for wrong in [[1, 5, 2, 2], [1, 6, 0, 2]] {
            let wrong = Tensor::full(0.0, &wrong, &Device::Cpu);
            assert!(layer.forward(&[], &[], &wrong, &Pass::of(Mode::Train)).is_err());
        }
        // A batch without samples, of which other layers make one, too.
        let (none, of_one) = (Tensor::full(0.0, &[0, 6, 2, 2], &Device::Cpu), Tensor::full(1.0, &[6], &Device::Cpu));
        let y = layer.forward(&[of_one.clone(), of_one], &[], &none, &Pass::of(Mode::Train)).unwrap();
        assert_eq!(y.shape(), none.shape());
    }
}
