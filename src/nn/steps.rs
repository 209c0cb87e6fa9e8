//! Steps of optimizers as values: new parameters through which gradients pass to the old ones, to the gradients and to
//! the state. With them a loop of training is itself differentiable. The formulas are those of the optimizers
//! themselves (`saddle_cpu::optim`), over tensors that are recorded.

use saddle_fault::{Fault, Result};
use saddle_tensor::Tensor;
use saddle_tensor::update::{Adam, Formula, Sgd};

fn pairs(word: &str, params: &[Tensor], grads: &[Tensor]) -> Result<()> {
    if params.len() == grads.len() {
        return Ok(());
    }
    Err(Fault::value(format!("{word}: {} parameters, but {} gradients", params.len(), grads.len())))
}

/// One for each parameter: those given, or zeros.
fn running(word: &str, params: &[Tensor], state: Option<&[Tensor]>) -> Result<Vec<Tensor>> {
    match state {
        None => Ok(params.iter().map(Tensor::zeros_like).collect()),
        Some(state) if state.len() == params.len() => Ok(state.to_vec()),
        Some(state) => {
            Err(Fault::value(format!("{word}: {} parameters, but a state of {}", params.len(), state.len()))
                .hint("begin with (), then give the state that the last step returned"))
        }
    }
}

/// Gradient descent with momentum, and nothing else.
fn descent(lr: f32, momentum: f32) -> Sgd {
    Sgd { lr, momentum, dampening: 0.0, weight_decay: 0.0, nesterov: false }
}

/// Gradient descent: `p − lr·g`.
///
/// # Errors
/// Another number of gradients than parameters; shapes that do not fit.
pub fn sgd_step(params: &[Tensor], grads: &[Tensor], lr: f32) -> Result<Vec<Tensor>> {
    pairs("sgd_step", params, grads)?;
    let rule = descent(lr, 0.0).plain(false);
    params.iter().zip(grads).map(|(p, g)| rule.step(p, g, &mut [])).collect()
}

/// Gradient descent with momentum: `v ← μ·v + g`, `p − lr·v`. Gives parameters and velocity.
///
/// # Errors
/// As [`sgd_step`]; a velocity of other parameters.
pub fn momentum_step(
    params: &[Tensor],
    grads: &[Tensor],
    velocity: Option<&[Tensor]>,
    lr: f32,
    momentum: f32,
) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    pairs("momentum_step", params, grads)?;
    let rule = descent(lr, momentum).with_momentum(false, false);
    let velocity = running("momentum_step", params, velocity)?;
    let steps = params.iter().zip(grads).zip(velocity).map(|((p, g), velocity)| {
        let mut state = [velocity];
        let moved = rule.step(p, g, &mut state)?;
        let [velocity] = state;
        Ok((moved, velocity))
    });
    steps.collect()
}

/// Adam's running means of the gradients and of their squares, after `t` steps.
#[derive(Clone)]
pub struct AdamState {
    /// Running means of the gradients.
    pub mean: Vec<Tensor>,
    /// Running means of their squares.
    pub square: Vec<Tensor>,
    /// Steps taken.
    pub t: i32,
}

/// A step of Adam (Kingma and Ba 2015). Gives parameters and state.
///
/// # Errors
/// As [`sgd_step`]; a state of other parameters.
pub fn adam_step(
    params: &[Tensor],
    grads: &[Tensor],
    state: Option<&AdamState>,
    lr: f32,
    betas: [f32; 2],
    eps: f32,
) -> Result<(Vec<Tensor>, AdamState)> {
    pairs("adam_step", params, grads)?;
    let old = |part: fn(&AdamState) -> &[Tensor]| running("adam_step", params, state.map(part));
    let (mean, square) = (old(|s| &s.mean)?, old(|s| &s.square)?);
    let t = state.map_or(0, |s| s.t) + 1;
    let rule = Adam { lr, betas, eps, weight_decay: 0.0, decoupled: false }.at(t as u64, false);
    let mut new = AdamState { mean: vec![], square: vec![], t };
    let mut moved = vec![];
    for ((p, g), moments) in params.iter().zip(grads).zip(mean.into_iter().zip(square)) {
        let mut state = <[Tensor; 2]>::from(moments);
        moved.push(rule.step(p, g, &mut state)?);
        let [mean, square] = state;
        new.mean.push(mean);
        new.square.push(square);
    }
    Ok((moved, new))
}
