//! A long short-term memory (Hochreiter and Schmidhuber 1997, with a forget gate) along whole sequences, and its
//! gradient.
//!
//! Sequences do not depend on one another, so each thread takes some of them from the first step to the last, and no
//! step waits for another thread. The weights are packed once for all steps; a step is one product of its operands (h,
//! the input, 1) with them, and one pass over its numbers: what the inputs give to the gates is never written for all
//! steps at once, which would be four times as much as all states. The gradient of all weights is one product of the
//! operands of all steps. What the steps keep lies step after step, and in each sequence after sequence, so that a step
//! goes along memory.

mod back;

use std::ops::Range;

use super::Mat;
use super::buffer::all_filled;
use super::math::{sigmoid, tanh};
use super::packed::Packed;
use super::parallel::{Shared, divided, run, threads};
use super::simd::{Arith, Kernel, dispatch};
use super::tile::prefetch;

pub use back::{Along, LstmGrads, Needs};

/// Multiplications that one thread should have at least, for another to be worth waking.
const GRAIN: usize = 1 << 18;
/// Sequences of a part at least, where there are more parts than threads: fewer leave the weights too little to do.
const LEAST: usize = 8;
/// Numbers that are worked on at a time.
const LANES: usize = 64;

/// An LSTM along sequences. The gates are i, f, g, o: `c' = σ(f)·c + σ(i)·tanh(g)`, `h' = σ(o)·tanh(c')`.
#[derive(Clone, Copy, Debug)]
pub struct Lstm<'a> {
    /// Sequences, steps of each, numbers of h.
    pub sizes: [usize; 3],
    /// Numbers of an input.
    pub inputs: usize,
    /// From the last step to the first.
    pub reverse: bool,
    /// The inputs, `[sequences, steps, inputs]`.
    pub x: &'a [f32],
    /// What an input gives to the gates, `[4 · hidden, inputs]`.
    pub weight_ih: &'a [f32],
    /// What h gives to the gates, `[4 · hidden, hidden]`.
    pub weight_hh: &'a [f32],
    /// What is added to the gates, `[4 · hidden]`.
    pub bias: &'a [f32],
    /// The state before the first step, h and then c: `[sequences, 2 · hidden]`.
    pub state: &'a [f32],
}

/// The states of all steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Unrolled {
    /// h after each step, `[sequences, steps, hidden]`.
    pub h: Vec<f32>,
    /// c after each step, `[steps, sequences, hidden]`.
    pub c: Vec<f32>,
    /// What the gradient reads besides; nothing where it was not to be kept.
    pub kept: Kept,
}

/// What the gradient reads of each step, `[steps, sequences, …]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// σ(i), σ(f), tanh(g) and σ(o), `4 · hidden`.
    pub gates: Vec<f32>,
    /// What the gates were made of: h before the step, the input, 1, and zeros.
    pub operands: Vec<f32>,
}

/// Numbers from one row to the next, where each has `len`: whole lines of the cache, and an odd number of them, since rows
/// whose distance is a power of two meet in few places of the first-level cache.
fn stride(len: usize) -> usize {
    len.next_multiple_of(32) + 16
}

/// Rows of steps, one for each sequence; where there are fewer places than steps, the first ones are used again.
#[derive(Clone, Copy)]
struct Steps {
    numbers: Shared<f32>,
    places: usize,
    sequences: usize,
    stride: usize,
}

impl Steps {
    /// The rows of these sequences at a step.
    ///
    /// # Safety
    /// As for [`Shared::range`].
    #[allow(clippy::mut_from_ref)]
    unsafe fn rows(&self, step: usize, rows: &Range<usize>) -> &mut [f32] {
        let at = step % self.places * self.sequences;
        // SAFETY: by the contract.
        unsafe { self.numbers.range((at + rows.start) * self.stride..(at + rows.end) * self.stride) }
    }
}

impl Lstm<'_> {
    fn check(&self) {
        let [n, steps, hidden] = self.sizes;
        assert_eq!(self.x.len(), n * steps * self.inputs, "lstm: length of the inputs");
        assert_eq!(self.weight_ih.len(), 4 * hidden * self.inputs, "lstm: length of the inputs' weight");
        assert_eq!(self.weight_hh.len(), 4 * hidden * hidden, "lstm: length of the recurrent weight");
        assert_eq!(self.bias.len(), 4 * hidden, "lstm: length of the bias");
        assert_eq!(self.state.len(), n * 2 * hidden, "lstm: length of the state");
    }

    /// The place of the `i`-th step.
    fn place(&self, i: usize) -> usize {
        if self.reverse { self.sizes[1] - 1 - i } else { i }
    }

    /// Numbers of a step's operands.
    fn width(&self) -> usize {
        self.sizes[2] + self.inputs + 1
    }

    /// The numbers of sequence `row` at step `t`, of `width` each.
    fn at(&self, row: usize, t: usize, width: usize) -> Range<usize> {
        let at = (row * self.sizes[1] + t) * width;
        at..at + width
    }

    /// Divides the sequences among threads. What a sequence gives does not depend on the division.
    fn in_parts(&self, body: impl Fn(Range<usize>) + Sync) {
        let [n, steps, hidden] = self.sizes;
        let work = n * steps * 4 * hidden * (hidden + self.inputs) / GRAIN;
        let least = work.min(n).clamp(1, threads());
        let parts = divided(work).min(n / LEAST).max(least);
        run(parts, &|i| body(n * i / parts..n * (i + 1) / parts));
    }

    /// The states of all steps; what the gradient needs is kept, if it will be asked for.
    pub fn unroll(&self, keep: bool) -> Unrolled {
        self.check();
        let [n, steps, hidden] = self.sizes;
        let of_h = Mat::rows(self.weight_hh, hidden).transposed();
        let of_x = Mat::rows(self.weight_ih, self.inputs).transposed();
        let weights = Packed::new(&[(of_h, hidden), (of_x, self.inputs)], 4 * hidden);
        let mut bias = self.bias.to_vec();
        bias.resize(weights.width(), 0.0);
        // The operands of a step are needed until the next one, unless they are kept.
        let places = if keep { steps } else { steps.min(2) };
        let len = n * steps * hidden;
        let lens = [len, len, if keep { 4 * len } else { 0 }, n * places * stride(self.width())];
        // SAFETY: every part writes all of its sequences, and each sequence is in one part.
        let [h, c, gates, mut operands] = unsafe {
            all_filled(lens, |all| {
                let [h, c, gates, operands] = all.map(|all| Shared::new(all).cast());
                let part = Part {
                    lstm: self,
                    weights: &weights,
                    bias: &bias,
                    h,
                    c: Steps { numbers: c, places: steps, sequences: n, stride: hidden },
                    gates: keep.then_some(Steps { numbers: gates, places: steps, sequences: n, stride: 4 * hidden }),
                    operands: Steps { numbers: operands, places, sequences: n, stride: stride(self.width()) },
                };
                self.in_parts(|rows| part.unroll(rows));
            })
        };
        if !keep {
            operands = Vec::new();
        }
        Unrolled { h, c, kept: Kept { gates, operands } }
    }
}

/// What a part of the sequences is unrolled with.
struct Part<'a> {
    lstm: &'a Lstm<'a>,
    weights: &'a Packed,
    bias: &'a [f32],
    h: Shared<f32>,
    c: Steps,
    gates: Option<Steps>,
    operands: Steps,
}

impl Part<'_> {
    /// Writes all that belongs to these sequences.
    fn unroll(&self, rows: Range<usize>) {
        let lstm = self.lstm;
        let [_, steps, hidden] = lstm.sizes;
        let own = self.operands.stride;
        // SAFETY: no other part has these sequences, and different steps have different places.
        let operands_of = |i: usize| unsafe {
            let step = if self.gates.is_some() { lstm.place(i) } else { i };
            self.operands.rows(step, &rows)
        };
        let sum_stride = stride(self.weights.width());
        let mut sums = vec![0.0; rows.len() * sum_stride];
        for (row, to) in rows.clone().zip(operands_of(0).chunks_exact_mut(own)) {
            to[..hidden].copy_from_slice(&lstm.state[row * 2 * hidden..][..hidden]);
        }
        for i in 0..steps {
            let t = lstm.place(i);
            let operands = operands_of(i);
            for (row, to) in rows.clone().zip(operands.chunks_exact_mut(own)) {
                let (x, rest) = to[hidden..].split_at_mut(lstm.inputs);
                x.copy_from_slice(&lstm.x[lstm.at(row, t, lstm.inputs)]);
                rest.fill(0.0);
                rest[0] = 1.0;
            }
            self.weights.times(rows.len(), (operands, own), Some(self.bias), (&mut sums, sum_stride));
            // SAFETY: as above; the step before has been left.
            let (c, before, mut gates) = unsafe {
                let before = i.checked_sub(1).map(|i| &*self.c.rows(lstm.place(i), &rows));
                (self.c.rows(t, &rows), before, self.gates.as_ref().map(|gates| gates.rows(t, &rows)))
            };
            let mut next = (i + 1 < steps).then(|| operands_of(i + 1));
            for (r, row) in rows.clone().enumerate() {
                if let Some(gates) = &gates {
                    fetch(gates, (r + 1) * 4 * hidden..(r + 2) * 4 * hidden);
                }
                dispatch(Step {
                    sums: &sums[r * sum_stride..][..4 * hidden],
                    before: match before {
                        Some(before) => &before[r * hidden..][..hidden],
                        None => &lstm.state[row * 2 * hidden + hidden..][..hidden],
                    },
                    gates: gates.as_mut().map(|gates| &mut gates[r * 4 * hidden..][..4 * hidden]),
                    // SAFETY: as above.
                    h: unsafe { self.h.range(lstm.at(row, t, hidden)) },
                    next: next.as_mut().map(|next| &mut next[r * own..][..hidden]),
                    c: &mut c[r * hidden..][..hidden],
                });
            }
        }
    }
}

/// Asks for numbers that are needed soon: rows are as long as pages of memory, at which the processor's own looking ahead
/// ends.
#[inline]
fn fetch(all: &[f32], range: Range<usize>) {
    for line in range.step_by(16) {
        prefetch::<true>(all.as_ptr().wrapping_add(line));
    }
}

/// One step of one sequence.
struct Step<'a> {
    /// What the gates are made of.
    sums: &'a [f32],
    /// c before the step.
    before: &'a [f32],
    gates: Option<&'a mut [f32]>,
    h: &'a mut [f32],
    /// h again, as an operand of the next step.
    next: Option<&'a mut [f32]>,
    c: &'a mut [f32],
}

/// The numbers from `start` on, of which there are fewer than [`LANES`] at the end.
#[inline(always)]
fn block(from: &[f32], start: usize, len: usize) -> [f32; LANES] {
    let from = &from[start..start + len];
    // A whole one is copied by a few instructions, another one by a call.
    from.first_chunk().copied().unwrap_or_else(|| {
        let mut block = [0.0; LANES];
        block[..len].copy_from_slice(from);
        block
    })
}

/// The other way.
#[inline(always)]
fn put(block: &[f32; LANES], to: &mut [f32], start: usize, len: usize) {
    let to = &mut to[start..start + len];
    match to.first_chunk_mut() {
        Some(whole) => *whole = *block,
        None => to.copy_from_slice(&block[..len]),
    }
}

impl Kernel for Step<'_> {
    type Out = ();
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // lanes are indices of several arrays
    fn run<A: Arith>(mut self) {
        let hidden = self.h.len();
        for start in (0..hidden).step_by(LANES) {
            let len = LANES.min(hidden - start);
            let mut gates = [[0.0; LANES]; 4];
            for k in 0..4 {
                gates[k] = block(self.sums, k * hidden + start, len);
                for l in 0..LANES {
                    gates[k][l] = if k == 2 { tanh::<A>(gates[k][l]) } else { sigmoid::<A>(gates[k][l]) };
                }
                if let Some(kept) = &mut self.gates {
                    put(&gates[k], kept, k * hidden + start, len);
                }
            }
            let [i, f, g, o] = &gates;
            let mut c = block(self.before, start, len);
            let mut h = [0.0; LANES];
            for l in 0..LANES {
                c[l] = f[l] * c[l] + i[l] * g[l];
            }
            for l in 0..LANES {
                h[l] = o[l] * tanh::<A>(c[l]);
            }
            put(&c, self.c, start, len);
            put(&h, self.h, start, len);
            if let Some(next) = &mut self.next {
                put(&h, next, start, len);
            }
        }
    }
}

#[cfg(test)]
mod tests;
