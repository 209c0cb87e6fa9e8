//! An LSTM along sequences of values, where the device has it in one piece.

use super::Raw;
use crate::shape::Shape;
use saddle_cpu::{Along, Lstm, Needs};

/// The operands of an LSTM, in row-major order: the inputs, their weight, the recurrent weight, the bias, the first
/// state.
#[derive(Clone)]
pub struct Sequences {
    operands: [Raw; 5],
    reverse: bool,
}

/// The states of all steps, and what the gradient reads.
pub struct Unrolled {
    pub h: Raw,
    unrolled: saddle_cpu::Unrolled,
}

impl Unrolled {
    /// c after each step, `[n, steps, hidden]`.
    pub fn c(&self) -> Raw {
        let of_h = self.h.shape();
        Raw::cpu(self.unrolled.c.clone(), Shape::new([of_h[1], of_h[0], of_h[2]])).permute(&[1, 0, 2])
    }
}

impl Sequences {
    pub fn new(operands: [&Raw; 5], reverse: bool) -> Self {
        Self { operands: operands.map(Raw::contiguous), reverse }
    }

    /// `None` where the device has no kernel for it.
    fn lstm(&self) -> Option<Lstm<'_>> {
        let [x, weight_ih, weight_hh, bias, state] = &self.operands;
        let (of_x, of_weight) = (x.shape(), weight_hh.shape());
        Some(Lstm {
            sizes: [of_x[0], of_x[1], of_weight[1]],
            inputs: of_x[2],
            reverse: self.reverse,
            x: x.slice()?,
            weight_ih: weight_ih.slice()?,
            weight_hh: weight_hh.slice()?,
            bias: bias.slice()?,
            state: state.slice()?,
        })
    }

    /// The states of all steps; `None` where the device has no kernel for it. What the gradient reads is kept where one
    /// may be asked for.
    pub fn unroll(&self, keep: bool) -> Option<Unrolled> {
        let lstm = self.lstm()?;
        let mut unrolled = lstm.unroll(keep);
        let h = Raw::cpu(std::mem::take(&mut unrolled.h), Shape::new(lstm.sizes));
        Some(Unrolled { h, unrolled })
    }

    /// The gradients with respect to the operands, where asked for, for those of h and, where it is used, of c.
    pub fn grad(&self, kept: &Unrolled, h: &Raw, c: Option<&Raw>, needs: &[bool]) -> Option<[Option<Raw>; 5]> {
        let (h, c) = (h.contiguous(), c.map(Raw::contiguous));
        let along = Along { h: h.slice()?, c: c.as_ref().and_then(Raw::slice) };
        let &[x, weight_ih, weight_hh, bias, state] = needs else {
            return None;
        };
        let needs = Needs { x, weights: weight_ih || weight_hh || bias, state };
        let lstm = self.lstm()?;
        let grads = lstm.grad(&kept.unrolled, along, needs);
        let ([n, steps, hidden], inputs) = (lstm.sizes, lstm.inputs);
        let rows = hidden + inputs + 1;
        let weights = grads.weights.map(|v| Raw::cpu(v, Shape::new([rows, 4 * hidden])));
        let of = |rows: std::ops::Range<usize>| weights.as_ref().map(|all| all.slice_ranges(&[rows, 0..4 * hidden]));
        let turned = |part: Option<Raw>| part.map(|part| part.permute(&[1, 0]));
        Some([
            grads.x.map(|v| Raw::cpu(v, Shape::new([steps, n, inputs])).permute(&[1, 0, 2])),
            turned(of(hidden..rows - 1)).filter(|_| weight_ih),
            turned(of(0..hidden)).filter(|_| weight_hh),
            of(rows - 1..rows).map(|row| row.reshape(Shape::new([4 * hidden]))).filter(|_| bias),
            grads.state.map(|v| Raw::cpu(v, self.operands[4].shape())),
        ])
    }
}
