//! Optimizer steps on values, with PyTorch's formulas ([`saddle_cpu::optim`]): fused on the CPU, elsewhere, and where
//! gradients pass through a step, the same formulas over tensors.

use super::{Raw, Tensor, tape};
use saddle_cpu::optim::{Quantity, advance};
use saddle_fault::{Fault, Result};

pub use saddle_cpu::optim::{Adagrad, Adam, Formula, RmsProp, Sgd};

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
    let (steps, p, g) = (state.steps, p.raw().contiguous(), g.raw().contiguous());
    match *rule {
        Rule::Sgd(o) if o.momentum == 0.0 => stepped(o.plain(ascend), state, p, g),
        Rule::Sgd(o) => stepped(o.with_momentum(steps == 1, ascend), state, p, g),
        Rule::Adam(o) => stepped(o.at(steps, ascend), state, p, g),
        Rule::RmsProp(o) if o.momentum == 0.0 => stepped::<1>(o.rule(ascend), state, p, g),
        Rule::RmsProp(o) => stepped::<2>(o.rule(ascend), state, p, g),
        Rule::Adagrad(o) => stepped(o.rule(ascend), state, p, g),
    }
}

/// A step with the first `N` moments.
fn stepped<const N: usize>(formula: impl Formula<N>, state: &mut State, p: Raw, g: Raw) -> Result<Tensor> {
    let moments = state.moments.first_chunk_mut::<N>().ok_or_else(|| Fault::value("a rule with too many moments"))?;
    if let (Some(p_old), Some(g)) = (p.slice(), g.slice()) {
        let p_new = advance(formula, p_old, g, moments.each_mut().map(|m| buffer(m, p_old.len())));
        return Ok(Tensor::constant(Raw::from_floats(p_new, p.shape(), &super::Device::Cpu)));
    }
    super::no_grad(|| {
        let (p, g) = (Tensor::constant(p), Tensor::constant(g));
        let mut values = moments.each_ref().map(|m| match m {
            Some(Moment::Device(raw)) => Tensor::constant(raw.clone()),
            _ => p.zeros_like(),
        });
        let new = formula.step(&p, &g, &mut values)?;
        for (moment, value) in moments.iter_mut().zip(&values) {
            *moment = Some(Moment::Device(value.raw().clone()));
        }
        Ok(new)
    })
}

/// A running buffer, zeros at first.
fn buffer(moment: &mut Option<Moment>, n: usize) -> &mut [f32] {
    if !matches!(moment, Some(Moment::Cpu(v)) if v.len() == n) {
        *moment = Some(Moment::Cpu(vec![0.0; n]));
    }
    match moment {
        Some(Moment::Cpu(v)) => v,
        _ => &mut [],
    }
}

/// Terms that a factor makes 0 are left out, and factors of 1: each operation is a pass over memory.
impl Quantity for Tensor {
    type Error = Fault;

    fn blend(a: f32, x: &Tensor, b: f32, y: &Tensor) -> Result<Tensor> {
        match (a == 0.0, b == 0.0) {
            (true, _) => y.scaled(b),
            (_, true) => x.scaled(a),
            _ => x.scaled(a)?.add(&y.scaled(b)?),
        }
    }

    fn minus(&self, by: f32, other: &Tensor) -> Result<Tensor> {
        self.sub(&other.scaled(by)?)
    }

    fn scaled(&self, by: f32) -> Result<Tensor> {
        if by == 1.0 { Ok(self.clone()) } else { self.mul_scalar(by) }
    }

    /// The quotient first: at Adam's first step it is ±1, and the step exactly the learning rate.
    fn over(&self, by: f32, below: &Tensor) -> Result<Tensor> {
        self.div(below)?.scaled(by)
    }

    fn square(&self) -> Result<Tensor> {
        Tensor::square(self)
    }

    fn root(&self, by: f32, shift: f32) -> Result<Tensor> {
        // √ has no derivative at 0, where a gradient of exactly 0 would put it.
        let inside = if tape::is_recording() { self.add_scalar(1e-30)? } else { self.clone() };
        inside.sqrt()?.scaled(by)?.add_scalar(shift)
    }
}
