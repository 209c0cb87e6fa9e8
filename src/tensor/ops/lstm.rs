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
    /// A long short-term memory along sequences, self being the inputs: `[n, steps, inputs] → [n, steps, hidden]`, or
    /// `[n, steps, 2·hidden]` with h and then c. The gates are i, f, g, o; the weights are those of the inputs
    /// `[4·hidden, inputs]`, of h `[4·hidden, hidden]`, and a bias `[4·hidden]`; the state before the first step is
    /// `[n, 2·hidden]`: h, then c.
    ///
    /// # Errors
    /// Shapes that do not fit; no steps.
    pub fn lstm(&self, weights: [&Tensor; 3], state: &Tensor, settings: Lstm) -> Result<Tensor> {
        let [weight_ih, weight_hh, bias] = weights;
        let shapes = [self, weight_ih, weight_hh, bias, state].map(Tensor::shape);
        let fits = match shapes.each_ref().map(|shape| &shape[..]) {
            [&[n, steps, inputs], of_x, &[rows, hidden], of_bias, of_state] => {
                steps > 0
                    && hidden > 0
                    && rows == 4 * hidden
                    && of_x == [rows, inputs]
                    && of_bias == [rows]
                    && of_state == [n, 2 * hidden]
            }
            _ => false,
        };
        if !fits {
            let [x, of_x, of_h, bias, state] = shapes.map(|shape| shown(&shape));
            let what = format!("inputs {x}, weights {of_x} and {of_h}, bias {bias} and state {state}");
            return Err(Fault::shape(format!("lstm: {what} do not fit together"))
                .hint("[n, steps ≥ 1, inputs], [4·hidden, inputs], [4·hidden, hidden], [4·hidden], [n, 2·hidden]"));
        }
        for other in [weight_ih, weight_hh, bias, state] {
            same_device("lstm", self, other)?;
        }
        let operands = [self, weight_ih, weight_hh, bias, state].map(floats);
        let sequences = Sequences::new(operands.each_ref().map(Tensor::raw), settings.reverse);
        let Some(kept) = sequences.unroll(is_recording()) else {
            return in_steps(&operands, settings);
        };
        let out = match settings.cells {
            true => crate::Raw::cat(&[kept.h.clone(), kept.c()], 2),
            false => kept.h.clone(),
        };
        let parents = operands.each_ref();
        let op = Op { name: "lstm", parents: &parents, saved: &parents, keep_output: false };
        Ok(op.done(out, move |b| gradients(b, &sequences, &kept, settings)))
    }
}

/// The gradients with respect to the inputs, the weights, the bias and the state.
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
    match sequences.grad(kept, h.raw(), c.as_ref().map(Tensor::raw), b.needs) {
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
    let [x, weight_ih, weight_hh, bias, state] = operands else {
        return Err(Fault::shape("lstm: five operands"));
    };
    let given = x.linear(weight_ih, Some(bias))?;
    let shape = given.shape();
    let (n, steps, hidden) = (shape[0], shape[1], shape[2] / 4);
    let part = |t: &Tensor, i: usize| t.narrow(1, i * hidden..(i + 1) * hidden);
    let (mut h, mut c) = (part(state, 0)?, part(state, 1)?);
    let mut outputs = Vec::with_capacity(steps);
    for i in 0..steps {
        let t = if settings.reverse { steps - 1 - i } else { i };
        let all = given.narrow(1, t..t + 1)?.reshape(&[n, 4 * hidden])?.add(&h.linear(weight_hh, None)?)?;
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
