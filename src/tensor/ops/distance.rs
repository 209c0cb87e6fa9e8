//! Recorded distances of all rows of two matrices.

use super::{floats, same_device};
use crate::tape::{Back, Grads, Op, is_recording};
use crate::{Tensor, shown};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// The Euclidean distance of every row from every row of `other`: `[n, d], [m, d] → [n, m]`, from differences. The
    /// gradient at 0 is 0, as PyTorch's.
    ///
    /// # Errors
    /// Tensors that are not matrices; rows of different length; tensors of two devices.
    pub fn cdist(&self, other: &Tensor) -> Result<Tensor> {
        let (x, y) = (floats(self), floats(other));
        match (&x.shape()[..], &y.shape()[..]) {
            ([n, a], [m, b]) if a == b && n * m == 0 => return Ok(Tensor::full(0.0, &[*n, *m], &x.device())),
            ([_, a], [_, b]) if a == b => {}
            (a, b) => {
                let fault = format!("cdist: needs rows of one length, got shapes {} and {}", shown(a), shown(b));
                return Err(Fault::shape(fault).hint("x.flatten(1) makes rows of images"));
            }
        }
        same_device("cdist", &x, &y)?;
        let Some(raw) = x.raw().distances(y.raw()) else {
            return differences(&x, &y)?.norm(&[2], false);
        };
        let op = Op { name: "cdist", parents: &[&x, &y], saved: &[&x, &y], keep_output: true };
        Ok(op.done(raw, gradients))
    }
}

/// `[n, m, d]`
fn differences(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    x.unsqueeze(1)?.sub(&y.unsqueeze(0)?)
}

/// Each distance pulls its two rows along their difference, divided by the distance.
fn gradients(b: &Back) -> Result<Grads> {
    let [x, y] = b.saved else {
        return Ok(Grads::new());
    };
    // To be differentiated once more it has to be made of what is recorded.
    let apart = is_recording().then(|| differences(x, y)).transpose()?;
    let distance = match &apart {
        Some(apart) => apart.norm(&[2], false)?,
        None => b.output()?.clone(),
    };
    let same = distance.detach().le(&Tensor::full(0.0, &[], &x.device()))?;
    let pull = b.grad.div(&distance.away_from(&same)?)?.zero_at(&same)?;
    if let Some(apart) = apart {
        let along = pull.unsqueeze(2)?.mul(&apart)?;
        let of_x = b.needs[0].then(|| along.sum_dims(&[1], false)).transpose()?;
        let of_y = b.needs[1].then(|| along.sum_dims(&[0], false)?.neg()).transpose()?;
        return Ok(Grads::from_iter([of_x, of_y]));
    }
    let (x, y, c) = (x.raw(), y.raw(), pull.raw());
    let of_x = b.needs[0].then(|| x.distances_grad(y, c)).flatten();
    let of_y = b.needs[1].then(|| y.distances_grad(x, &c.permute(&[1, 0]))).flatten();
    Ok(Grads::from_iter([of_x, of_y].map(|raw| raw.map(Tensor::constant))))
}
