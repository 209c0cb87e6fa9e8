//! Optimizer steps on values, with PyTorch's formulas: fused on the CPU, composed of Burn's operations elsewhere.

use super::{Raw, Tensor};
use saddle_fault::Result;

/// Which formula, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Gradient descent, with momentum.
    Sgd(Sgd),
    /// Adam and AdamW.
    Adam(Adam),
    /// RMSProp.
    RmsProp(RmsProp),
    /// Adagrad.
    Adagrad(Adagrad),
}

/// Gradient descent with momentum: v ← μ·v + (1 − dampening)·g; p ← p − lr·v (or lr·(g + μ·v) with Nesterov).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f32,
    /// How much of the last step goes on.
    pub momentum: f32,
    /// How much less of the new gradient counts.
    pub dampening: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
    /// Looks ahead along the momentum.
    pub nesterov: bool,
}

/// Kingma and Ba 2015; `decoupled` weight decay is AdamW (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the running mean and of the running mean square.
    pub betas: [f32; 2],
    /// Added to the root.
    pub eps: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
    /// Decay apart from the gradient.
    pub decoupled: bool,
}

/// Tieleman and Hinton 2012, as PyTorch: p ← p − lr·g / (√s + ε), s ← α·s + (1 − α)·g².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the running mean square.
    pub alpha: f32,
    /// Added to the root.
    pub eps: f32,
    /// How much of the last step goes on.
    pub momentum: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
}

/// Duchi et al. 2011: s ← s + g²; p ← p − lr·g / (√s + ε).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Learning rate.
    pub lr: f32,
    /// Added to the root.
    pub eps: f32,
    /// Weight of ½‖p‖² in the loss.
    pub weight_decay: f32,
}

impl Rule {
    /// Its learning rate.
    pub fn lr(&self) -> f32 {
        match self {
            Rule::Sgd(o) => o.lr,
            Rule::Adam(o) => o.lr,
            Rule::RmsProp(o) => o.lr,
            Rule::Adagrad(o) => o.lr,
        }
    }

    /// Sets its learning rate.
    pub fn set_lr(&mut self, lr: f32) {
        match self {
            Rule::Sgd(o) => o.lr = lr,
            Rule::Adam(o) => o.lr = lr,
            Rule::RmsProp(o) => o.lr = lr,
            Rule::Adagrad(o) => o.lr = lr,
        }
    }

    /// Sets the momentum of the rules that have one.
    pub fn set_momentum(&mut self, momentum: f32) -> bool {
        match self {
            Rule::Sgd(o) => o.momentum = momentum,
            Rule::RmsProp(o) => o.momentum = momentum,
            Rule::Adam(o) => o.betas[0] = momentum,
            Rule::Adagrad(_) => return false,
        }
        true
    }
}

/// What a rule remembers of one parameter: how many steps, and up to two running tensors of its shape.
#[derive(Clone, Default)]
pub struct State {
    /// Steps taken.
    pub steps: u64,
    /// Running tensors: velocity, or mean and mean square.
    pub moments: [Option<Moment>; 2],
}

/// A running tensor: a plain buffer on the CPU, so that a step can write into it.
#[derive(Clone)]
pub enum Moment {
    /// On the CPU.
    Cpu(Vec<f32>),
    /// On another device.
    Device(Raw),
}

impl Moment {
    /// The values, wherever they are.
    pub fn to_floats(&self) -> Result<Vec<f32>> {
        match self {
            Moment::Cpu(v) => Ok(v.clone()),
            Moment::Device(raw) => raw.to_floats(),
        }
    }
}

/// The parameter after one step. `p` itself is not changed: graphs that hold it stay valid.
///
/// # Errors
/// None on the CPU; a device's own.
pub fn step(rule: &Rule, state: &mut State, p: &Tensor, g: &Tensor, ascend: bool) -> Result<Tensor> {
    state.steps += 1;
    let g = g.raw().contiguous();
    let p = p.raw().contiguous();
    if let (Some(p_old), Some(g)) = (p.slice(), g.slice()) {
        let p_new = on_cpu(rule, state, p_old, g, ascend);
        return Ok(Tensor::constant(Raw::from_floats(p_new, p.shape(), &super::Device::Cpu)));
    }
    super::no_grad(|| on_device(rule, state, &Tensor::constant(p), &Tensor::constant(g), ascend))
}

/// The running buffer `i`, zeros at first.
fn buffer(state: &mut Option<Moment>, n: usize) -> &mut [f32] {
    if !matches!(state, Some(Moment::Cpu(v)) if v.len() == n) {
        *state = Some(Moment::Cpu(vec![0.0; n]));
    }
    match state {
        Some(Moment::Cpu(v)) => v,
        _ => &mut [],
    }
}

fn on_cpu(rule: &Rule, state: &mut State, p: &[f32], g: &[f32], ascend: bool) -> Vec<f32> {
    let n = p.len();
    let [first, second] = &mut state.moments;
    match *rule {
        Rule::Sgd(o) => {
            let cfg = saddle_cpu::Sgd {
                lr: o.lr,
                momentum: o.momentum,
                dampening: o.dampening,
                weight_decay: o.weight_decay,
                nesterov: o.nesterov,
                maximize: ascend,
                first: state.steps == 1,
            };
            let velocity = (o.momentum != 0.0).then(|| buffer(first, n));
            saddle_cpu::sgd_step(&cfg, p, g, velocity)
        }
        Rule::Adam(o) => {
            let cfg = saddle_cpu::Adam {
                lr: o.lr,
                beta1: o.betas[0],
                beta2: o.betas[1],
                eps: o.eps,
                weight_decay: o.weight_decay,
                decoupled: o.decoupled,
                step: state.steps,
                maximize: ascend,
            };
            saddle_cpu::adam_step(&cfg, p, g, buffer(first, n), buffer(second, n))
        }
        Rule::RmsProp(o) => {
            let cfg = saddle_cpu::Rmsprop {
                lr: o.lr,
                alpha: o.alpha,
                eps: o.eps,
                momentum: o.momentum,
                weight_decay: o.weight_decay,
                maximize: ascend,
            };
            let velocity = (o.momentum != 0.0).then(|| buffer(second, n));
            saddle_cpu::rmsprop_step(&cfg, p, g, buffer(first, n), velocity)
        }
        Rule::Adagrad(o) => saddle_cpu::adagrad_step(o.lr, o.eps, o.weight_decay, ascend, p, g, buffer(first, n)),
    }
}

fn on_device(rule: &Rule, state: &mut State, p: &Tensor, g: &Tensor, ascend: bool) -> Result<Tensor> {
    let g = if ascend { g.neg()? } else { g.clone() };
    let decayed = |g: &Tensor, decay: f32| {
        if decay == 0.0 { Ok(g.clone()) } else { g.add(&p.mul_scalar(decay)?) }
    };
    let get = |m: &Option<Moment>| match m {
        Some(Moment::Device(raw)) => Tensor::constant(raw.clone()),
        _ => p.zeros_like(),
    };
    let put = |m: &mut Option<Moment>, t: &Tensor| *m = Some(Moment::Device(t.raw().clone()));
    match *rule {
        Rule::Sgd(o) => {
            let g = decayed(&g, o.weight_decay)?;
            if o.momentum == 0.0 {
                return p.sub(&g.mul_scalar(o.lr)?);
            }
            let v = match state.steps {
                1 => g.clone(),
                _ => get(&state.moments[0]).mul_scalar(o.momentum)?.add(&g.mul_scalar(1.0 - o.dampening)?)?,
            };
            put(&mut state.moments[0], &v);
            let way = if o.nesterov { g.add(&v.mul_scalar(o.momentum)?)? } else { v };
            p.sub(&way.mul_scalar(o.lr)?)
        }
        Rule::Adam(o) => {
            let g = if o.decoupled { g } else { decayed(&g, o.weight_decay)? };
            let m = get(&state.moments[0]).mul_scalar(o.betas[0])?.add(&g.mul_scalar(1.0 - o.betas[0])?)?;
            let v = get(&state.moments[1]).mul_scalar(o.betas[1])?.add(&g.square()?.mul_scalar(1.0 - o.betas[1])?)?;
            put(&mut state.moments[0], &m);
            put(&mut state.moments[1], &v);
            let (c1, c2) = (1.0 - o.betas[0].powi(state.steps as i32), 1.0 - o.betas[1].powi(state.steps as i32));
            let below = v.mul_scalar(1.0 / c2)?.sqrt()?.add_scalar(o.eps)?;
            let kept = if o.decoupled { p.mul_scalar(1.0 - o.lr * o.weight_decay)? } else { p.clone() };
            kept.sub(&m.div(&below)?.mul_scalar(o.lr / c1)?)
        }
        Rule::RmsProp(o) => {
            let g = decayed(&g, o.weight_decay)?;
            let s = get(&state.moments[0]).mul_scalar(o.alpha)?.add(&g.square()?.mul_scalar(1.0 - o.alpha)?)?;
            put(&mut state.moments[0], &s);
            let mut way = g.div(&s.sqrt()?.add_scalar(o.eps)?)?;
            if o.momentum != 0.0 {
                way = get(&state.moments[1]).mul_scalar(o.momentum)?.add(&way)?;
                put(&mut state.moments[1], &way);
            }
            p.sub(&way.mul_scalar(o.lr)?)
        }
        Rule::Adagrad(o) => {
            let g = decayed(&g, o.weight_decay)?;
            let s = get(&state.moments[0]).add(&g.square()?)?;
            put(&mut state.moments[0], &s);
            p.sub(&g.div(&s.sqrt()?.add_scalar(o.eps)?)?.mul_scalar(o.lr)?)
        }
    }
}
