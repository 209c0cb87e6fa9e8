//! Layers whose weight is computed at each pass from what is trained: masks, spectral norm, weight norm. Each owns the
//! layer that it changes.

use super::{Layer, Mode, Pass, Start};
use crate::network::{Network, Slot};
use crate::onnx::{Axis, Edge, Graph};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, no_grad};
use std::collections::HashMap;
use std::rc::Rc;

/// How the weight of the inner layer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parametrization {
    /// Times a fixed mask (a buffer).
    Mask,
    /// Divided by an estimate of its largest singular value, kept up by power iterations on the buffers u and v
    /// (Miyato et al. 2018; details as in PyTorch's `parametrizations.spectral_norm`).
    Spectral { iterations: usize },
    /// g·v/‖v‖, a length for each output (Salimans and Kingma 2016).
    Length,
}

/// A layer with another weight.
struct Reweighted {
    inner: Rc<dyn Layer>,
    rule: Parametrization,
}

impl Parametrization {
    /// How many parameters stand in the place of the weight, and how many buffers are the rule's own.
    fn places(self) -> (usize, usize) {
        match self {
            Parametrization::Mask => (1, 1),
            Parametrization::Spectral { .. } => (1, 2),
            Parametrization::Length => (2, 0),
        }
    }

    fn weight(self, params: &[Tensor], buffers: &[Param], output_dim: isize, mode: Mode) -> Result<Tensor> {
        match self {
            Parametrization::Mask => params[0].mul(&buffers[0].value()),
            Parametrization::Spectral { iterations } => {
                let matrix = as_matrix(&params[0], output_dim)?;
                if mode == Mode::Train {
                    no_grad(|| power_iterations(&matrix, buffers, iterations))?;
                }
                let (u, v) = (buffers[0].value(), buffers[1].value());
                let sigma = u.mul(&times(&matrix, &v)?)?.sum()?;
                params[0].div(&sigma)
            }
            Parametrization::Length => params[1].weight_norm(&params[0]),
        }
    }
}

impl Layer for Reweighted {
    fn describe(&self) -> String {
        let inner = self.inner.describe();
        match self.rule {
            Parametrization::Mask => format!("masked {inner}"),
            Parametrization::Spectral { .. } => format!("spectral_norm({inner})"),
            Parametrization::Length => format!("weight_norm({inner})"),
        }
    }

    fn forward(&self, params: &[Tensor], buffers: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let (weights, own) = self.rule.places();
        let weight = self.rule.weight(params, buffers, self.inner.output_dim(), pass.mode)?;
        let mut inner: smallvec::SmallVec<[Tensor; 4]> = smallvec::smallvec![weight];
        inner.extend(params[weights..].iter().cloned());
        self.inner.forward(&inner, &buffers[own..], x, pass)
    }

    fn onnx_input(&self) -> Option<Vec<Axis>> {
        self.inner.onnx_input()
    }

    fn takes_ints(&self) -> bool {
        self.inner.takes_ints()
    }

    /// The layer with the weight that it has now.
    fn onnx(&self, graph: &mut Graph, params: &[Tensor], buffers: &[Param], x: &Edge) -> Result<Edge> {
        let (weights, own) = self.rule.places();
        let weight = no_grad(|| self.rule.weight(params, buffers, self.inner.output_dim(), Mode::Eval))?;
        let mut inner = vec![weight];
        inner.extend_from_slice(&params[weights..]);
        self.inner.onnx(graph, &inner, &buffers[own..], x)
    }

    fn is_conditional(&self) -> bool {
        self.inner.is_conditional()
    }

    fn output_dim(&self) -> isize {
        self.inner.output_dim()
    }
}

/// The weight as a matrix with a row for each output.
fn as_matrix(w: &Tensor, output_dim: isize) -> Result<Tensor> {
    w.transpose(0, output_dim)?.flatten(1)
}

/// Matrix times vector.
fn times(matrix: &Tensor, v: &Tensor) -> Result<Tensor> {
    matrix.matmul(&v.unsqueeze(1)?)?.squeeze(Some(1))
}

/// A vector of length 1.
fn unit(v: &Tensor) -> Result<Tensor> {
    let length = v.square()?.sum()?.sqrt()?.clamp(1e-12, f32::MAX)?;
    v.div(&length)
}

/// u before v, as PyTorch's `parametrizations.spectral_norm` has it; its older `nn.utils.spectral_norm` begins with v. Where
/// the weight has changed since the last pass, the two orders divide by different estimates.
fn power_iterations(matrix: &Tensor, buffers: &[Param], n: usize) -> Result<()> {
    for _ in 0..n {
        buffers[0].set(unit(&times(matrix, &buffers[1].value())?)?.detach());
        buffers[1].set(unit(&times(&matrix.t()?, &buffers[0].value())?)?.detach());
    }
    Ok(())
}

/// The length of each output's weights, of a shape that broadcasts against them.
fn lengths(v: &Tensor) -> Result<Tensor> {
    let dims: Vec<isize> = (1..v.rank() as isize).collect();
    v.square()?.sum_dims(&dims, true)?.sqrt()
}

/// A layer whose weight is multiplied by `mask`, a tensor of the weight's shape.
pub fn masked(layer: impl Layer + 'static, mask: &Tensor) -> Network {
    let Start { params, mut buffers } = layer.start();
    buffers.insert(0, Param::new("mask", mask.detach()));
    let layer = Reweighted { inner: Rc::new(layer), rule: Parametrization::Mask };
    Network::with_start(Rc::new(layer), Start { params, buffers })
}

/// The network with spectral norm on every layer that has a weight matrix or kernel. Parameters are shared with it.
///
/// # Errors
/// No layer has one.
pub fn spectral_norm(network: &Network, iterations: usize) -> Result<Network> {
    reweighted("spectral_norm", network, |slot| {
        let matrix = no_grad(|| as_matrix(&slot.params[0].value(), slot.layer.output_dim()))?;
        let shape = matrix.shape();
        let start = |name, n| {
            let drawn = Init::Normal(0.0, 1.0).draw(&[n], 1, 1).to_device(&matrix.device());
            no_grad(|| unit(&drawn)).map(|v| Param::new(name, v.detach()))
        };
        let own = [start("u", shape[0])?, start("v", shape[1])?];
        // As in PyTorch: the estimate is good from the first pass on.
        no_grad(|| power_iterations(&matrix, &own, 15))?;
        let params = slot.params.clone();
        Ok((Parametrization::Spectral { iterations }, params, own.to_vec()))
    })
}

/// The network with weight norm on every layer that has a weight matrix or kernel: new parameters `weight_g` and
/// `weight_v`, with which it computes the same as before.
///
/// # Errors
/// No layer has one.
pub fn weight_norm(network: &Network) -> Result<Network> {
    reweighted("weight_norm", network, |slot| {
        let v = slot.params[0].value().detach();
        let g = no_grad(|| lengths(&v))?.detach();
        let mut params = vec![Param::new("weight_g", g), Param::new("weight_v", v)];
        params.extend_from_slice(&slot.params[1..]);
        Ok((Parametrization::Length, params, vec![]))
    })
}

/// Parametrization, parameters and the rule's own buffers for a layer.
type Made = (Parametrization, Vec<Param>, Vec<Param>);

fn reweighted(word: &str, network: &Network, make: impl Fn(&Slot) -> Result<Made>) -> Result<Network> {
    // A layer that is used twice stays one layer.
    let mut done: HashMap<usize, Slot> = HashMap::new();
    let new = network.map_layers(&mut |slot| {
        let weight = slot.params.first().filter(|p| p.name() == "weight");
        let Some(weight) = weight.filter(|p| p.value().rank() > 1) else {
            return Ok(slot.clone());
        };
        if let Some(slot) = done.get(&weight.id()) {
            return Ok(slot.clone());
        }
        let (rule, params, mut buffers) = make(slot)?;
        buffers.extend_from_slice(&slot.buffers);
        let layer = Rc::new(Reweighted { inner: slot.layer.clone(), rule });
        let slot = Slot { layer, params, buffers };
        done.insert(weight.id(), slot.clone());
        Ok(slot)
    })?;
    match done.is_empty() {
        false => Ok(new),
        true => Err(Fault::value(format!("{word}: no layer here has a weight matrix"))
            .hint("linear and convolution layers have one")),
    }
}
