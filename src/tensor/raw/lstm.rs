//! An LSTM along sequences of values, where the device has it in one piece.

use super::Raw;
use crate::shape::Shape;
use saddle_cpu::{Along, Lstm};

/// The operands of an LSTM, in row-major order: what the inputs give to the gates, the recurrent weight, the first
/// state.
#[derive(Clone)]
pub struct Sequences {
    given: Raw,
    weight: Raw,
    state: Raw,
    reverse: bool,
}

/// The states of all steps, as `saddle_cpu::Unrolled`.
#[derive(Clone)]
pub struct Unrolled {
    pub h: Raw,
    pub c: Raw,
    gates: Raw,
}

impl Sequences {
    pub fn new([given, weight, state]: [&Raw; 3], reverse: bool) -> Self {
        let [given, weight, state] = [given, weight, state].map(Raw::contiguous);
        Self { given, weight, state, reverse }
    }

    /// `None` where the device has no kernel for it.
    fn lstm(&self) -> Option<Lstm<'_>> {
        let shape = self.given.shape();
        Some(Lstm {
            sizes: [shape[0], shape[1], shape[2] / 4],
            reverse: self.reverse,
            given: self.given.slice()?,
            weight: self.weight.slice()?,
            state: self.state.slice()?,
        })
    }

    /// The states of all steps; `None` where the device has no kernel for it. The gates are kept where a gradient may
    /// be asked for.
    pub fn unroll(&self, keep: bool) -> Option<Unrolled> {
        let lstm = self.lstm()?;
        let unrolled = lstm.unroll(keep);
        let states = |v| Raw::cpu(v, Shape::new(lstm.sizes));
        let gates = unrolled.gates.len();
        Some(Unrolled {
            h: states(unrolled.h),
            c: states(unrolled.c),
            gates: Raw::cpu(unrolled.gates, Shape::new([gates])),
        })
    }

    /// The gradients with respect to what is given, the weight and the first state, for those of h and, where it is
    /// used, of c; those of the last two where asked for.
    pub fn grad(&self, kept: &Unrolled, h: &Raw, c: Option<&Raw>, needs: [bool; 2]) -> Option<[Option<Raw>; 3]> {
        let (h, c) = (h.contiguous(), c.map(Raw::contiguous));
        let along = Along { h: h.slice()?, c: c.as_ref().and_then(Raw::slice) };
        let grads = self.lstm()?.grad([kept.h.slice()?, kept.c.slice()?, kept.gates.slice()?], along, needs);
        let weight = self.weight.shape();
        let transposed = Shape::new([weight[1], weight[0]]);
        Some([
            Some(Raw::cpu(grads.given, self.given.shape())),
            grads.weight.map(|v| Raw::cpu(v, transposed).permute(&[1, 0])),
            grads.state.map(|v| Raw::cpu(v, self.state.shape())),
        ])
    }
}
