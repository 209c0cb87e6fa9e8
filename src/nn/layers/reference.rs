//! Normalisation by a fixed reference batch, which passes through the network together with every input
//! ([`Network::referenced`](crate::Network::referenced)): its rows come first. Nothing is detached: gradients pass
//! through the reference batch's statistics, too.

use super::norm::{affine_params, normalise};
use super::{Layer, Pass, Start};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, no_grad, shown};

/// Normalisation of `[n, c]` or `[n, c, h, w]` by the statistics of the reference batch, alone or together with each
/// example.
pub struct ReferenceNorm {
    /// Channels, the size of dim 1.
    pub channels: usize,
    /// Added to the variance.
    pub eps: f32,
    /// How the gain starts.
    pub gain: Init,
    /// Whether each example counts in its own statistics: virtual batch norm (Salimans et al. 2016, section 3.4).
    pub with_example: bool,
}

impl ReferenceNorm {
    fn name(&self) -> &'static str {
        match self.with_example {
            true => "virtual_batch_norm",
            false => "reference_batch_norm",
        }
    }

    fn check(&self, x: &Tensor, reference: usize) -> Result<()> {
        let (name, shape) = (self.name(), x.shape());
        if shape.len() < 2 || shape[1] != self.channels {
            return Err(Fault::shape(format!(
                "{name}: input must be [n, {0}] or [n, {0}, h, w], got {1}",
                self.channels,
                shown(&shape)
            )));
        }
        if reference == 0 {
            return Err(Fault::value(format!("{name}: there is no reference batch"))
                .hint("with_reference(D, x_ref) makes the network that has one: call that"));
        }
        if shape[0] < reference {
            return Err(Fault::shape(format!(
                "{name}: the reference batch has {reference} rows, but only {} arrive here",
                shape[0]
            )));
        }
        Ok(())
    }

    /// Mean and variance for each example, from those of the reference batch and its own.
    fn of_examples(&self, x: &Tensor, mean: &Tensor, var: &Tensor, n: usize) -> Result<(Tensor, Tensor)> {
        if !self.with_example {
            return Ok((mean.clone(), var.clone()));
        }
        // With d = x − m_R: mean = m_R + E d / (n + 1), and the mean square about m_R is (E d² + n·var_R) / (n + 1).
        // The same as the paper's sums of means and mean squares, without their loss of digits.
        let space: Vec<isize> = (2..x.rank() as isize).collect();
        let over_space = |t: Tensor| match space.is_empty() {
            true => Ok(t),
            false => t.mean_dims(&space, true),
        };
        let share = 1.0 / (n + 1) as f32;
        let d = x.sub(mean)?;
        let shift = over_space(d.clone())?.mul_scalar(share)?;
        let square = over_space(d.square()?)?.add(&var.mul_scalar(n as f32)?)?;
        let var = square.mul_scalar(share)?.sub(&shift.square()?)?;
        Ok((mean.add(&shift)?, var))
    }
}

impl Layer for ReferenceNorm {
    fn describe(&self) -> String {
        format!("{}({})", self.name(), self.channels)
    }

    fn start(&self) -> Start {
        Start { params: affine_params(self.channels, self.gain), buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let n = pass.reference;
        self.check(x, n)?;
        let rows = x.shape()[0];
        let dims: Vec<isize> = (0..x.rank() as isize).filter(|&d| d != 1).collect();
        // What is normalised does not depend on a common offset: without it no digits are lost.
        let x = &x.sub(&no_grad(|| x.narrow(0, 0..n)?.mean_dims(&dims, true))?)?;
        let reference = x.narrow(0, 0..n)?;
        let mean = reference.mean_dims(&dims, true)?;
        let var = reference.sub(&mean)?.square()?.mean_dims(&dims, true)?;
        let normal_reference = normalise(&reference, &mean, &var, self.eps, params)?;
        if rows == n {
            return Ok(normal_reference);
        }
        let examples = x.narrow(0, n..rows)?;
        let (mean, var) = self.of_examples(&examples, &mean, &var, n)?;
        let normal = normalise(&examples, &mean, &var, self.eps, params)?;
        Tensor::cat(&[normal_reference, normal], 0)
    }
}
