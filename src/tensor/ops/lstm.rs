//! The recorded LSTM: in one piece where the device has a kernel for it and gradients are not differentiated again,
//! else composed of operations.

use super::{floats, same_device, unary};
use crate::raw::{Sequences, Unrolled};
use crate::tape::{Back, Grads, Op, is_recording};
use crate::{GradOptions, Tensor, grad, shown};
use saddle_fault::{Fault, Result};

/// How an LSTM goes through its sequences.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lstm {
    /// From the last step to the first; outputs stay at the places of their inputs.
    pub reverse: bool,
    /// Gives c beside h.
    pub cells: bool,
}

impl Tensor {
    /// A long short-term memory along sequences, self being what the inputs give to the gates i, f, g, o, biases
    /// included: `[n, steps, 4·hidden] → [n, steps, hidden]`, or `[n, steps, 2·hidden]` with h and then c.
    /// `weight` is `[4·hidden, hidden]`, the state before the first step `[n, 2·hidden]`: h, then c.
    ///
    /// # Errors
    /// Shapes that do not fit; no steps.
    pub fn lstm(&self, weight: &Tensor, state: &Tensor, settings: Lstm) -> Result<Tensor> {
        let (sx, sw) = (self.shape(), weight.shape());
        let fits = match (&sx[..], &sw[..]) {
            (&[n, steps, gates], &[rows, hidden]) => {
                steps > 0 && gates == 4 * hidden && rows == gates && state.shape()[..] == [n, 2 * hidden]
            }
            _ => false,
        };
        if !fits {
            let (x, w, s) = (shown(&sx), shown(&sw), shown(&state.shape()));
            return Err(Fault::shape(format!("lstm: gates {x}, weights {w} and state {s} do not fit together"))
                .hint("[n, steps ≥ 1, 4·hidden], [4·hidden, hidden], [n, 2·hidden]"));
        }
        same_device("lstm", self, weight)?;
        same_device("lstm", self, state)?;
        let operands = [floats(self), floats(weight), floats(state)];
        let sequences = Sequences::new(operands.each_ref().map(Tensor::raw), settings.reverse);
        let Some(kept) = sequences.unroll(is_recording()) else {
            return in_steps(&operands, settings);
        };
        let out = match settings.cells {
            true => crate::Raw::cat(&[kept.h.clone(), kept.c.clone()], 2),
            false => kept.h.clone(),
        };
        let [given, weight, state] = &operands;
        let parents = [given, weight, state];
        let op = Op { name: "lstm", parents: &parents, saved: &parents, keep_output: false };
        Ok(op.done(out, move |b| gradients(b, &sequences, &kept, settings)))
    }
}

/// The gradients with respect to what is given, the weight and the state.
fn gradients(b: &Back, sequences: &Sequences, kept: &Unrolled, settings: Lstm) -> Result<Grads> {
    if is_recording() {
        return gradients_in_steps(b, settings);
    }
    let hidden = kept.h.shape()[2];
    let part = |of: std::ops::Range<usize>| b.grad.narrow(2, of);
    let (h, c) = match settings.cells {
        true => (part(0..hidden)?, Some(part(hidden..2 * hidden)?)),
        false => (b.grad.clone(), None),
    };
    let needs = [b.needs[1], b.needs[2]];
    match sequences.grad(kept, h.raw(), c.as_ref().map(Tensor::raw), needs) {
        Some(grads) => Ok(grads.into_iter().map(|raw| raw.map(Tensor::constant)).collect()),
        None => gradients_in_steps(b, settings),
    }
}

/// The same, of the composed LSTM, so that they can be differentiated again.
fn gradients_in_steps(b: &Back, settings: Lstm) -> Result<Grads> {
    // By other names, since an operand may itself come from another one: what goes that way is the tape's to add.
    let alias = |x: &Tensor| unary("lstm", x, x.raw().clone(), &[], false, |b| Ok(b.grad.clone()));
    let operands: Vec<Tensor> = b.saved.iter().map(alias).collect();
    let y = in_steps(&operands, settings)?;
    let needed: Vec<&Tensor> = operands.iter().zip(b.needs).filter(|(_, needs)| **needs).map(|(x, _)| x).collect();
    let mut grads = grad(&y, &needed, Some(b.grad), GradOptions { create_graph: is_recording() })?.into_iter();
    Ok(b.needs.iter().map(|&needs| if needs { grads.next().flatten() } else { None }).collect())
}

/// The LSTM, composed of operations.
fn in_steps(operands: &[Tensor], settings: Lstm) -> Result<Tensor> {
    let [given, weight, state] = operands else {
        return Err(Fault::shape("lstm: three operands"));
    };
    let shape = given.shape();
    let (n, steps, hidden) = (shape[0], shape[1], shape[2] / 4);
    let part = |t: &Tensor, i: usize| t.narrow(1, i * hidden..(i + 1) * hidden);
    let (mut h, mut c) = (part(state, 0)?, part(state, 1)?);
    let mut outputs = Vec::with_capacity(steps);
    for i in 0..steps {
        let t = if settings.reverse { steps - 1 - i } else { i };
        let all = given.narrow(1, t..t + 1)?.reshape(&[n, 4 * hidden])?.add(&h.linear(weight, None)?)?;
        let open = |i: usize| part(&all, i)?.sigmoid();
        c = open(1)?.mul(&c)?.add(&open(0)?.mul(&part(&all, 2)?.tanh()?)?)?;
        h = open(3)?.mul(&c.tanh()?)?;
        outputs.push(match settings.cells {
            true => Tensor::cat(&[h.clone(), c.clone()], 1)?,
            false => h.clone(),
        });
    }
    if settings.reverse {
        outputs.reverse();
    }
    Tensor::stack(&outputs, 1)
}
