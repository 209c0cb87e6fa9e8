//! Steps of optimizers as values: new parameters through which gradients pass to the old ones, to the gradients and to
//! the state. With them a loop of training is itself differentiable.

use saddle_fault::{Fault, Result};
use saddle_tensor::Tensor;

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

/// Gradient descent: `p − lr·g`.
///
/// # Errors
/// Another number of gradients than parameters; shapes that do not fit.
pub fn sgd_step(params: &[Tensor], grads: &[Tensor], lr: f32) -> Result<Vec<Tensor>> {
    pairs("sgd_step", params, grads)?;
    let steps = params.iter().zip(grads);
    steps.map(|(p, g)| p.sub(&g.mul_scalar(lr)?)).collect()
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
    let velocity = running("momentum_step", params, velocity)?
        .iter()
        .zip(grads)
        .map(|(v, g)| v.mul_scalar(momentum)?.add(g))
        .collect::<Result<Vec<_>>>()?;
    Ok((sgd_step(params, &velocity, lr)?, velocity))
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
    let mut new = AdamState { mean: vec![], square: vec![], t };
    let mut moved = vec![];
    for (i, (p, g)) in params.iter().zip(grads).enumerate() {
        let blend = |old: &Tensor, new: &Tensor, beta: f32| old.mul_scalar(beta)?.add(&new.mul_scalar(1.0 - beta)?);
        let m = blend(&mean[i], g, betas[0])?;
        let v = blend(&square[i], &g.square()?, betas[1])?;
        // √ has no derivative at 0, where a gradient of exactly 0 would put it.
        let root = v.mul_scalar(1.0 / (1.0 - betas[1].powi(t)))?.add_scalar(1e-30)?.sqrt()?.add_scalar(eps)?;
        moved.push(p.sub(&m.div(&root)?.mul_scalar(lr / (1.0 - betas[0].powi(t)))?)?);
        new.mean.push(m);
        new.square.push(v);
    }
    Ok((moved, new))
}
