//! Penalties on the gradient of D with respect to its input. Each is a value on the tape: its own gradient reaches D's
//! parameters, which is the whole point and is often lost.

use saddle_fault::{Fault, Result};
use saddle_tensor::{GradOptions, Tensor, grad, random, shown, tape};

/// D as a function.
pub type Critic<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;

/// ∂ΣD(x)/∂x at `x`, recorded.
fn input_gradient(word: &str, critic: Critic, x: &Tensor) -> Result<Tensor> {
    let x = x.detach();
    // Also inside no_grad the penalty needs its own graph.
    tape::with_recording(true, || {
        let y = critic(&x)?.sum()?;
        let found = grad(&y, &[&x], None, GradOptions { create_graph: true })?.pop().flatten();
        found.ok_or_else(|| {
            Fault::value(format!("{word}: D's output does not depend on its input"))
                .hint("is there a detach or no_grad inside D?")
        })
    })
}

/// Every axis but the first.
fn per_sample(x: &Tensor) -> Vec<isize> {
    (1..x.rank() as isize).collect()
}

/// WGAN-GP: E (‖∇D(x̂)‖ − 1)² at points drawn uniformly between pairs of real and generated samples (Gulrajani et al.
/// 2017).
///
/// # Errors
/// Shapes that differ; a D that ignores its input.
pub fn gradient_penalty(critic: Critic, real: &Tensor, fake: &Tensor, target: f32) -> Result<Tensor> {
    let (sr, sf) = (real.shape(), fake.shape());
    if sr != sf || sr.is_empty() {
        return Err(Fault::shape(format!(
            "gradient_penalty: real samples are {}, generated ones {}",
            shown(&sr),
            shown(&sf)
        )));
    }
    let mut per_row = vec![1; sr.len()];
    per_row[0] = sr[0];
    let e = random::uniform(&per_row).to_device(&real.device());
    let between = e.mul(&real.detach())?.add(&e.rsub_scalar(1.0)?.mul(&fake.detach())?)?;
    let g = input_gradient("gradient_penalty", critic, &between)?;
    g.norm(&per_sample(&g), false)?.add_scalar(-target)?.square()?.mean()
}

/// R1 at real samples, R2 at generated ones: E ‖∇D(x)‖² (Mescheder et al. 2018). Weigh it with γ/2.
///
/// # Errors
/// A D that ignores its input.
pub fn squared(word: &str, critic: Critic, x: &Tensor) -> Result<Tensor> {
    let g = input_gradient(word, critic, x)?;
    g.square()?.sum_dims(&per_sample(&g), false)?.mean()
}
