//! The gradient of an LSTM.

use std::ops::Range;

use super::{LANES, Lstm, Packed, Steps, Unrolled, block, fetch, put, stride};
use crate::buffer::filled;
use crate::math::tanh;
use crate::parallel::Shared;
use crate::simd::{Arith, Kernel, dispatch};
use crate::{Mat, linear};

/// Gradients with respect to the operands, where they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct LstmGrads {
    /// With respect to the inputs, `[steps, sequences, inputs]`.
    pub x: Option<Vec<f32>>,
    /// With respect to the weights and the bias, transposed and one below the other: `hidden` rows of the recurrent
    /// weight, `inputs` rows of the other one, one row of the bias; each of `4 · hidden` numbers.
    pub weights: Option<Vec<f32>>,
    /// With respect to the state before the first step.
    pub state: Option<Vec<f32>>,
}

/// Which gradients are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Of the inputs.
    pub x: bool,
    /// Of the weights and the bias.
    pub weights: bool,
    /// Of the state before the first step.
    pub state: bool,
}

/// The gradients that arrive at the states.
#[derive(Clone, Copy, Debug)]
pub struct Along<'a> {
    /// At each h, `[sequences, steps, hidden]`.
    pub h: &'a [f32],
    /// At each c, where it is an output, too.
    pub c: Option<&'a [f32]>,
}

impl Lstm<'_> {
    /// The gradients for that of each h, and of each c where it is used, of what was unrolled and kept.
    pub fn grad(&self, unrolled: &Unrolled, along: Along, needs: Needs) -> LstmGrads {
        self.check();
        let [n, steps, hidden] = self.sizes;
        let (len, width) = (n * steps * hidden, self.width());
        let lengths = [&unrolled.c, &unrolled.kept.gates, &unrolled.kept.operands].map(Vec::len);
        assert_eq!(lengths, [len, 4 * len, n * steps * stride(width)], "lstm: lengths of what was kept");
        assert_eq!(along.h.len(), len, "lstm: length of the gradient of h");
        assert_eq!(along.c.map_or(len, <[f32]>::len), len, "lstm: length of the gradient of c");
        let back = Back { lstm: self, unrolled, along };
        let packed = Packed::new(&[(Mat::rows(self.weight_hh, hidden), 4 * hidden)], hidden);
        let own = stride(4 * hidden);
        let mut first = vec![0.0; if needs.state { n * 2 * hidden } else { 0 }];
        // SAFETY: every part writes all of its sequences, and each sequence is in one part.
        let sums = unsafe {
            filled(n * steps * own, |sums| {
                let numbers = Shared::new(sums).cast();
                let sums = Steps { numbers, places: steps, sequences: n, stride: own };
                let first = Shared::new(&mut first);
                let of_state = if needs.state { 2 * hidden } else { 0 };
                self.in_parts(|rows| {
                    let first = first.range(rows.start * of_state..rows.end * of_state);
                    back.part(&packed, rows, sums, first);
                });
            })
        };
        let sums = Mat { data: &sums, row_stride: own, col_stride: 1 };
        // The transpose, since a product is the faster one with the longer side of its result across.
        let weights = needs.weights.then(|| {
            let operands = Mat { data: &unrolled.kept.operands, row_stride: stride(width), col_stride: 1 };
            linear(width, n * steps, 4 * hidden, operands.transposed(), sums, None)
        });
        let of_x = Mat::rows(self.weight_ih, self.inputs);
        let x = needs.x.then(|| linear(n * steps, 4 * hidden, self.inputs, sums, of_x, None));
        LstmGrads { x, weights, state: needs.state.then_some(first) }
    }
}

/// What the way back reads.
struct Back<'a> {
    lstm: &'a Lstm<'a>,
    unrolled: &'a Unrolled,
    along: Along<'a>,
}

impl Back<'_> {
    /// The gradients of what the gates of these sequences were made of, and of the states that they began with, where
    /// asked for.
    fn part(&self, weight: &Packed, rows: Range<usize>, all_sums: Steps, first: &mut [f32]) {
        let lstm = self.lstm;
        let [n, steps, hidden] = lstm.sizes;
        let (c_of, gates_of) = (&self.unrolled.c, &self.unrolled.kept.gates);
        let (own, h_stride) = (all_sums.stride, stride(weight.width()));
        let mut h = vec![0.0; rows.len() * h_stride];
        let mut c = vec![0.0; rows.len() * hidden];
        for i in (0..steps).rev() {
            let t = lstm.place(i);
            // SAFETY: no other part has these sequences, and different steps have different places.
            let sums = unsafe { all_sums.rows(t, &rows) };
            for (r, row) in rows.clone().enumerate() {
                let next = lstm.at(row + 1, t, hidden);
                fetch(self.along.h, next.clone());
                self.along.c.inspect(|along| fetch(along, next));
                // The row behind, or the first one of the next step.
                let behind = match i.checked_sub(1) {
                    Some(i) if r + 1 == rows.len() => lstm.place(i) * n + rows.start,
                    _ => t * n + row + 1,
                };
                fetch(gates_of, behind * 4 * hidden..(behind + 1) * 4 * hidden);
                let (now, at) = (lstm.at(row, t, hidden), t * n + row);
                let (to, rest) = sums[r * own..][..own].split_at_mut(4 * hidden);
                rest.fill(0.0);
                dispatch(StepBack {
                    gates: &gates_of[at * 4 * hidden..][..4 * hidden],
                    before: match i.checked_sub(1) {
                        Some(i) => &c_of[(lstm.place(i) * n + row) * hidden..][..hidden],
                        None => &lstm.state[row * 2 * hidden + hidden..][..hidden],
                    },
                    cell: &c_of[at * hidden..][..hidden],
                    along_h: &self.along.h[now.clone()],
                    along_c: self.along.c.map(|c| &c[now]),
                    h: &h[r * h_stride..][..hidden],
                    c: &mut c[r * hidden..][..hidden],
                    sums: to,
                });
            }
            if i > 0 || !first.is_empty() {
                weight.times(rows.len(), (sums, own), None, (&mut h, h_stride));
            }
        }
        for (r, first) in first.chunks_exact_mut(2 * hidden.max(1)).enumerate() {
            first[..hidden].copy_from_slice(&h[r * h_stride..][..hidden]);
            first[hidden..].copy_from_slice(&c[r * hidden..][..hidden]);
        }
    }
}

/// One step of one sequence, backwards: from the gradients of h and c after it to those of what the gates were made of
/// and of c before it.
struct StepBack<'a> {
    gates: &'a [f32],
    before: &'a [f32],
    cell: &'a [f32],
    along_h: &'a [f32],
    along_c: Option<&'a [f32]>,
    /// That of h, from the step behind.
    h: &'a [f32],
    /// That of c: from the step behind, then for the one before.
    c: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for StepBack<'_> {
    type Out = ();
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // lanes are indices of several arrays
    fn run<A: Arith>(self) {
        let hidden = self.h.len();
        for start in (0..hidden).step_by(LANES) {
            let len = LANES.min(hidden - start);
            // One by one: what `map` is given may stay a function of its own, without vectors.
            let gate = |k: usize| k * hidden + start;
            let (i, f) = (block(self.gates, gate(0), len), block(self.gates, gate(1), len));
            let (g, o) = (block(self.gates, gate(2), len), block(self.gates, gate(3), len));
            let (before, mut tanh_c) = (block(self.before, start, len), block(self.cell, start, len));
            let (along, h) = (block(self.along_h, start, len), block(self.h, start, len));
            let mut c = block(self.c, start, len);
            if let Some(along) = self.along_c {
                let along = block(along, start, len);
                for l in 0..LANES {
                    c[l] += along[l];
                }
            }
            for l in 0..LANES {
                tanh_c[l] = tanh::<A>(tanh_c[l]);
            }
            let mut to = [[0.0; LANES]; 4];
            for l in 0..LANES {
                let h = along[l] + h[l];
                let cell = c[l] + h * o[l] * (1.0 - tanh_c[l] * tanh_c[l]);
                to[0][l] = cell * g[l] * i[l] * (1.0 - i[l]);
                to[1][l] = cell * before[l] * f[l] * (1.0 - f[l]);
                to[2][l] = cell * i[l] * (1.0 - g[l] * g[l]);
                to[3][l] = h * tanh_c[l] * o[l] * (1.0 - o[l]);
                c[l] = cell * f[l];
            }
            for k in 0..4 {
                put(&to[k], self.sums, gate(k), len);
            }
            put(&c, self.c, start, len);
        }
    }
}
