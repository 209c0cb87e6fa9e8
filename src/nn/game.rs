//! Gradients adjusted to the dynamics of a game, in which each player descends a loss of its own.
//!
//! The players' gradients make a vector field v on all parameters. Where its Jacobian J is not symmetric, plain descent
//! rotates round a solution instead of falling into it. Both adjustments here need second derivatives only.

use saddle_fault::{Fault, Result};
use saddle_tensor::{GradOptions, Tensor, grad, no_grad};

/// A player: its loss, and the parameters that it alone changes.
pub struct Player {
    /// What the player lowers.
    pub loss: Tensor,
    /// What the player moves.
    pub params: Vec<Tensor>,
}

const GRAPH: GradOptions = GradOptions { create_graph: true };

/// The gradients of `y`, zeros where it does not depend on a parameter.
fn gradients(y: &Tensor, wrt: &[Tensor], options: GradOptions) -> Result<Vec<Tensor>> {
    let grads = grad(y, &wrt.iter().collect::<Vec<_>>(), None, options)?;
    let with_zeros = grads.into_iter().zip(wrt);
    Ok(with_zeros.map(|(g, p)| g.unwrap_or_else(|| p.zeros_like())).collect())
}

/// The sum of all products of elements.
fn inner(a: &[Tensor], b: &[Tensor]) -> Result<Tensor> {
    let mut sum = None;
    for (x, y) in a.iter().zip(b) {
        let part = x.mul(y)?.sum()?;
        sum = Some(match sum {
            Some(sum) => part.add(&sum)?,
            None => part,
        });
    }
    Ok(sum.unwrap_or_else(|| Tensor::scalar(0.0)))
}

fn detached(tensors: &[Tensor]) -> Vec<Tensor> {
    tensors.iter().map(Tensor::detach).collect()
}

/// The field v of all players, to be differentiated again, and all parameters.
fn field(word: &str, players: &[Player]) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    let (mut v, mut params) = (vec![], vec![]);
    for (i, player) in players.iter().enumerate() {
        if player.loss.len() != 1 {
            return Err(Fault::shape(format!(
                "{word}: loss {i} must be a single number, got shape {}",
                player.loss.shape()
            )));
        }
        v.extend(gradients(&player.loss, &player.params, GRAPH)?);
        params.extend(player.params.iter().cloned());
    }
    Ok((v, params))
}

/// One list for each player.
fn by_player(players: &[Player], all: Vec<Tensor>) -> Vec<Vec<Tensor>> {
    let mut all = all.into_iter();
    let of = |p: &Player| all.by_ref().take(p.params.len()).collect();
    players.iter().map(of).collect()
}

/// `v + by·a`, without a graph.
fn adjusted(v: &[Tensor], by: f32, a: &[Tensor]) -> Result<Vec<Tensor>> {
    no_grad(|| {
        let sums = v.iter().zip(a);
        sums.map(|(v, a)| Ok(v.add(&a.mul_scalar(by)?)?.detach())).collect()
    })
}

/// Consensus optimisation (Mescheder et al. 2017): v + γ·∇½‖v‖².
///
/// # Errors
/// A loss that is not a single number.
pub fn consensus(players: &[Player], gamma: f32) -> Result<Vec<Vec<Tensor>>> {
    let (v, params) = field("consensus", players)?;
    let energy = inner(&v, &v)?.mul_scalar(0.5)?;
    let pull = gradients(&energy, &params, GradOptions::default())?;
    Ok(by_player(players, adjusted(&v, gamma, &pull)?))
}

/// Symplectic gradient adjustment (Balduzzi et al. 2018): v + λ·Aᵀv with A = ½(J − Jᵀ). With `align`, λ changes its
/// sign where the adjustment would push away from a stable point (their section 3.5).
///
/// # Errors
/// A loss that is not a single number.
pub fn symplectic(players: &[Player], lambda: f32, align: bool) -> Result<Vec<Vec<Tensor>>> {
    let (v, params) = field("symplectic", players)?;
    let still = detached(&v);
    let transposed = gradients(&inner(&v, &still)?, &params, GradOptions::default())?;
    // Jv by two products from the left: Jᵀu is linear in u, and its gradient along v is Jv.
    let u: Vec<Tensor> = params.iter().map(|p| p.zeros_like().detach()).collect();
    let of_u = gradients(&inner(&v, &u)?, &params, GRAPH)?;
    let forward = gradients(&inner(&of_u, &still)?, &u, GradOptions::default())?;
    let rotation = no_grad(|| {
        let differences = transposed.iter().zip(&forward);
        let half = differences.map(|(t, f)| t.sub(f)?.mul_scalar(0.5));
        half.collect::<Result<Vec<_>>>()
    })?;
    let mut lambda = lambda;
    if align {
        let n: usize = params.iter().map(Tensor::len).sum();
        let product = no_grad(|| inner(&still, &transposed)?.mul(&inner(&rotation, &transposed)?)?.to_floats())?;
        let agreement = product.first().copied().unwrap_or(0.0) / n.max(1) as f32 + 0.1;
        lambda *= agreement.signum();
    }
    Ok(by_player(players, adjusted(&v, lambda, &rotation)?))
}
