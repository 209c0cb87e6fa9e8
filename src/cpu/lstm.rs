//! A long short-term memory (Hochreiter and Schmidhuber 1997, with a forget gate) along whole sequences, and its
//! gradient.
//!
//! Sequences do not depend on one another, so each thread takes some of them from the first step to the last, and no
//! step waits for another thread. The recurrent weights are packed once for all steps; what lies between two products
//! is one pass over a step's numbers. The gradient of the weights is one product over the steps of all sequences.

use std::ops::Range;

use super::buffer::filled;
use super::math::{sigmoid, tanh};
use super::packed::Packed;
use super::parallel::{Shared, divided, run, threads};
use super::simd::{Arith, Kernel, dispatch};
use super::tile::prefetch;
use super::{Mat, linear};

/// Multiplications that one thread should have at least, for another to be worth waking.
const GRAIN: usize = 1 << 18;
/// Sequences of a part at least, where there are more parts than threads: fewer leave the weights too little to do.
const LEAST: usize = 8;
/// Numbers by which rows lie further apart than they are long: rows whose distance is a power of two meet in few places
/// of the first-level cache.
const GAP: usize = 16;
/// Numbers that are worked on at a time.
const LANES: usize = 64;

/// An LSTM along sequences. The gates are i, f, g, o: `c' = σ(f)·c + σ(i)·tanh(g)`, `h' = σ(o)·tanh(c')`.
#[derive(Clone, Copy, Debug)]
pub struct Lstm<'a> {
    /// Sequences, steps of each, numbers of h.
    pub sizes: [usize; 3],
    /// From the last step to the first.
    pub reverse: bool,
    /// What the inputs give to the gates, `[sequences, steps, 4 · hidden]`.
    pub given: &'a [f32],
    /// What h gives to the gates, `[4 · hidden, hidden]`.
    pub weight: &'a [f32],
    /// The state before the first step, h and then c: `[sequences, 2 · hidden]`.
    pub state: &'a [f32],
}

/// The states of all steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Unrolled {
    /// h after each step, `[sequences, steps, hidden]`.
    pub h: Vec<f32>,
    /// c after each step, of the same shape.
    pub c: Vec<f32>,
    /// σ(i), σ(f), tanh(g) and σ(o) of each step, `[sequences, steps, 4 · hidden]`; nothing where they are not kept.
    pub gates: Vec<f32>,
}

/// Gradients with respect to the operands.
#[derive(Clone, Debug, PartialEq)]
pub struct LstmGrads {
    /// With respect to what the inputs gave.
    pub given: Vec<f32>,
    /// With respect to the weight, transposed, where it was asked for: `[hidden, 4 · hidden]`.
    pub weight: Option<Vec<f32>>,
    /// With respect to the state before the first step, where it was asked for.
    pub state: Option<Vec<f32>>,
}

impl Lstm<'_> {
    fn check(&self) {
        let [n, steps, hidden] = self.sizes;
        assert_eq!(self.given.len(), n * steps * 4 * hidden, "lstm: length of what is given");
        assert_eq!(self.weight.len(), 4 * hidden * hidden, "lstm: length of the weight");
        assert_eq!(self.state.len(), n * 2 * hidden, "lstm: length of the state");
    }

    /// The place of the `i`-th step.
    fn place(&self, i: usize) -> usize {
        if self.reverse { self.sizes[1] - 1 - i } else { i }
    }

    /// The numbers of sequence `row` at step `t`, of `width` each.
    fn at(&self, row: usize, t: usize, width: usize) -> Range<usize> {
        let at = (row * self.sizes[1] + t) * width;
        at..at + width
    }

    /// Divides the sequences among threads. What a sequence gives does not depend on the division.
    fn in_parts(&self, body: impl Fn(Range<usize>) + Sync) {
        let [n, steps, hidden] = self.sizes;
        let work = n * steps * 4 * hidden * hidden / GRAIN;
        let least = work.min(n).clamp(1, threads());
        let parts = divided(work).min(n / LEAST).max(least);
        run(parts, &|i| body(n * i / parts..n * (i + 1) / parts));
    }

    /// The states of all steps; the gates are kept for the gradient, if it will be asked for.
    pub fn unroll(&self, keep: bool) -> Unrolled {
        self.check();
        let [n, steps, hidden] = self.sizes;
        let weight = Packed::new(Mat::rows(self.weight, hidden).transposed(), hidden, 4 * hidden);
        let (mut c, mut gates) = (Vec::new(), Vec::new());
        let len = n * steps * hidden;
        let kept = if keep { 4 * len } else { 0 };
        // SAFETY: every part writes all of its sequences, and each sequence is in one part.
        let h = unsafe {
            filled(len, |h| {
                c = filled(len, |c| {
                    gates = filled(kept, |gates| {
                        let [h, c, gates] = [h, c, gates].map(|all| Shared::new(all).cast());
                        self.in_parts(|rows| {
                            let own = |width: usize| rows.start * steps * width..rows.end * steps * width;
                            let gates = gates.range(own(if keep { 4 * hidden } else { 0 }));
                            self.unroll_part(
                                &weight,
                                rows.clone(),
                                [h.range(own(hidden)), c.range(own(hidden)), gates],
                            );
                        });
                    });
                });
            })
        };
        Unrolled { h, c, gates }
    }

    /// As [`unroll`](Self::unroll), for these sequences, of which the slices are.
    fn unroll_part(&self, weight: &Packed, rows: Range<usize>, [all_h, all_c, all_gates]: [&mut [f32]; 3]) {
        let [_, steps, hidden] = self.sizes;
        let count = rows.len();
        let (h_stride, own_stride) = (hidden + GAP, weight.width() + GAP);
        let (mut h, mut own) = (vec![0.0; count * h_stride], vec![0.0; count * own_stride]);
        let mut c = vec![0.0; count * hidden];
        for (r, row) in rows.clone().enumerate() {
            let (first_h, first_c) = self.state[row * 2 * hidden..][..2 * hidden].split_at(hidden);
            h[r * h_stride..][..hidden].copy_from_slice(first_h);
            c[r * hidden..][..hidden].copy_from_slice(first_c);
        }
        for t in (0..steps).map(|i| self.place(i)) {
            weight.times(count, (&h, h_stride), (&mut own, own_stride));
            for (r, row) in rows.clone().enumerate() {
                fetch(self.given, self.at(row + 1, t, 4 * hidden));
                let (h, c) = (&mut h[r * h_stride..][..hidden], &mut c[r * hidden..][..hidden]);
                dispatch(Step {
                    given: &self.given[self.at(row, t, 4 * hidden)],
                    own: &own[r * own_stride..][..4 * hidden],
                    gates: all_gates.get_mut(self.at(r, t, 4 * hidden)),
                    h: &mut *h,
                    c: &mut *c,
                });
                all_h[self.at(r, t, hidden)].copy_from_slice(h);
                all_c[self.at(r, t, hidden)].copy_from_slice(c);
            }
        }
    }

    /// The gradients for that of each h, and of each c where it is used, of what was unrolled with its gates kept.
    pub fn grad(&self, [h, c, gates]: [&[f32]; 3], along: Along, [weight, state]: [bool; 2]) -> LstmGrads {
        self.check();
        let [n, steps, hidden] = self.sizes;
        let len = n * steps * hidden;
        assert_eq!([h.len(), c.len(), gates.len()], [len, len, 4 * len], "lstm: lengths of what was kept");
        assert_eq!(along.h.len(), len, "lstm: length of the gradient of h");
        assert_eq!(along.c.map_or(len, <[f32]>::len), len, "lstm: length of the gradient of c");
        let back = Back { lstm: self, h, c, gates, along };
        let packed = Packed::new(Mat::rows(self.weight, hidden), 4 * hidden, hidden);
        let mut first = vec![0.0; if state { n * 2 * hidden } else { 0 }];
        let mut before = Vec::new();
        let of_weight = if weight { hidden } else { 0 };
        let of_state = if state { 2 * hidden } else { 0 };
        // SAFETY: every part writes all of its sequences, and each sequence is in one part.
        let given = unsafe {
            filled(4 * len, |given| {
                before = filled(n * steps * of_weight, |before| {
                    let first = Shared::new(&mut first);
                    let [given, before] = [given, before].map(|all| Shared::new(all).cast());
                    self.in_parts(|rows| {
                        let own = |each: usize| rows.start * each..rows.end * each;
                        let first = first.range(own(of_state));
                        let given = given.range(own(steps * 4 * hidden));
                        let before = before.range(own(steps * of_weight));
                        back.part(&packed, rows.clone(), given, first);
                        back.before(rows, before);
                    });
                });
            })
        };
        // The transpose, since a product is the faster one with the longer side of its result across.
        let weight = weight.then(|| {
            let before = Mat::rows(&before, hidden).transposed();
            linear(hidden, n * steps, 4 * hidden, before, Mat::rows(&given, 4 * hidden), None)
        });
        LstmGrads { given, weight, state: state.then_some(first) }
    }
}

/// The gradients that arrive at the states.
#[derive(Clone, Copy, Debug)]
pub struct Along<'a> {
    /// At each h, `[sequences, steps, hidden]`.
    pub h: &'a [f32],
    /// At each c, where it is an output, too.
    pub c: Option<&'a [f32]>,
}

/// What the way back reads.
struct Back<'a> {
    lstm: &'a Lstm<'a>,
    h: &'a [f32],
    c: &'a [f32],
    gates: &'a [f32],
    along: Along<'a>,
}

impl Back<'_> {
    /// The gradients of what these sequences were given, and of the states that they began with, where asked for.
    fn part(&self, weight: &Packed, rows: Range<usize>, all_given: &mut [f32], first: &mut [f32]) {
        let lstm = self.lstm;
        let [_, steps, hidden] = lstm.sizes;
        let count = rows.len();
        let (given_stride, h_stride) = (4 * hidden + GAP, weight.width() + GAP);
        let (mut given, mut h) = (vec![0.0; count * given_stride], vec![0.0; count * h_stride]);
        let mut c = vec![0.0; count * hidden];
        for i in (0..steps).rev() {
            let t = lstm.place(i);
            for (r, row) in rows.clone().enumerate() {
                fetch(self.gates, lstm.at(row + 1, t, 4 * hidden));
                fetch(self.c, lstm.at(row + 1, t, hidden));
                fetch(self.along.h, lstm.at(row + 1, t, hidden));
                let now = lstm.at(row, t, hidden);
                let to = &mut given[r * given_stride..][..4 * hidden];
                dispatch(StepBack {
                    gates: &self.gates[lstm.at(row, t, 4 * hidden)],
                    before: match i.checked_sub(1) {
                        Some(i) => &self.c[lstm.at(row, lstm.place(i), hidden)],
                        None => &lstm.state[row * 2 * hidden + hidden..][..hidden],
                    },
                    cell: &self.c[now.clone()],
                    along_h: &self.along.h[now.clone()],
                    along_c: self.along.c.map(|c| &c[now]),
                    h: &h[r * h_stride..][..hidden],
                    c: &mut c[r * hidden..][..hidden],
                    given: &mut *to,
                });
                all_given[lstm.at(r, t, 4 * hidden)].copy_from_slice(to);
            }
            if i > 0 || !first.is_empty() {
                weight.times(count, (&given, given_stride), (&mut h, h_stride));
            }
        }
        for (r, first) in first.chunks_exact_mut(2 * hidden.max(1)).enumerate() {
            first[..hidden].copy_from_slice(&h[r * h_stride..][..hidden]);
            first[hidden..].copy_from_slice(&c[r * hidden..][..hidden]);
        }
    }

    /// The h that each step of these sequences began with, where asked for.
    fn before(&self, rows: Range<usize>, before: &mut [f32]) {
        let [_, steps, hidden] = self.lstm.sizes;
        for (row, before) in rows.zip(before.chunks_exact_mut((steps * hidden).max(1))) {
            let first = &self.lstm.state[row * 2 * hidden..][..hidden];
            let all = &self.h[row * steps * hidden..][..steps * hidden];
            let (first_to, others_to, others) = match self.lstm.reverse {
                false => {
                    let (a, b) = before.split_at_mut(hidden);
                    (a, b, &all[..(steps - 1) * hidden])
                }
                true => {
                    let (b, a) = before.split_at_mut((steps - 1) * hidden);
                    (a, b, &all[hidden..])
                }
            };
            first_to.copy_from_slice(first);
            others_to.copy_from_slice(others);
        }
    }
}

/// Asks for numbers that are needed soon: a step lies far from the same step of the next sequence.
#[inline]
fn fetch(all: &[f32], range: Range<usize>) {
    for line in range.step_by(16) {
        prefetch(all.as_ptr().wrapping_add(line));
    }
}

/// One step of one sequence.
struct Step<'a> {
    given: &'a [f32],
    own: &'a [f32],
    gates: Option<&'a mut [f32]>,
    h: &'a mut [f32],
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
                gates[k] = block(self.given, k * hidden + start, len);
                let own = block(self.own, k * hidden + start, len);
                for l in 0..LANES {
                    gates[k][l] += own[l];
                }
                for l in 0..LANES {
                    gates[k][l] = if k == 2 { tanh::<A>(gates[k][l]) } else { sigmoid::<A>(gates[k][l]) };
                }
                if let Some(kept) = &mut self.gates {
                    put(&gates[k], kept, k * hidden + start, len);
                }
            }
            let [i, f, g, o] = &gates;
            let mut c = block(self.c, start, len);
            let mut h = [0.0; LANES];
            for l in 0..LANES {
                c[l] = f[l] * c[l] + i[l] * g[l];
            }
            for l in 0..LANES {
                h[l] = o[l] * tanh::<A>(c[l]);
            }
            put(&c, self.c, start, len);
            put(&h, self.h, start, len);
        }
    }
}

/// One step of one sequence, backwards: from the gradients of h and c after it to those of what the gates were given
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
    given: &'a mut [f32],
}

impl Kernel for StepBack<'_> {
    type Out = ();
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // lanes are indices of several arrays
    fn run<A: Arith>(self) {
        let hidden = self.h.len();
        for start in (0..hidden).step_by(LANES) {
            let len = LANES.min(hidden - start);
            let [i, f, g, o] = [0, 1, 2, 3].map(|k| block(self.gates, k * hidden + start, len));
            let [before, mut tanh_c, along, h, mut c] =
                [self.before, self.cell, self.along_h, self.h, self.c].map(|from| block(from, start, len));
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
                put(&to[k], self.given, k * hidden + start, len);
            }
            put(&c, self.c, start, len);
        }
    }
}

#[cfg(test)]
mod tests;
