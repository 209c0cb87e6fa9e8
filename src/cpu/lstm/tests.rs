use super::super::simd::testing::at_each_level;
use super::super::testing::sample;
use super::super::{contiguous, set_threads};
use super::*;

fn sigma(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Numbers in ±1 that single precision holds.
fn numbers(n: usize, seed: u32) -> Vec<f64> {
    sample(n, seed).into_iter().map(|x| f64::from(x) / 2.0).collect()
}

/// `[steps, sequences, width]` as `[sequences, steps, width]`.
fn by_sequence(x: &[f32], [n, steps, _]: [usize; 3], width: usize) -> Vec<f32> {
    contiguous(x, &[width, n * width, 1], &[n, steps, width])
}

struct Case {
    sizes: [usize; 3],
    inputs: usize,
    reverse: bool,
    /// The inputs, their weight, the recurrent weight, the bias, the state.
    operands: [Vec<f64>; 5],
}

impl Case {
    fn new(sizes: [usize; 3], inputs: usize, reverse: bool) -> Self {
        let [n, steps, hidden] = sizes;
        let lengths = [n * steps * inputs, 4 * hidden * inputs, 4 * hidden * hidden, 4 * hidden, n * 2 * hidden];
        Self { sizes, inputs, reverse, operands: [0, 1, 2, 3, 4].map(|i| numbers(lengths[i], 3 + i as u32)) }
    }

    /// All h and all c by the formulas, number by number in double precision.
    fn by_hand(&self, [x, weight_ih, weight_hh, bias, state]: &[Vec<f64>; 5]) -> [Vec<f64>; 2] {
        let ([n, steps, hidden], inputs) = (self.sizes, self.inputs);
        let mut all = [0, 1].map(|_| vec![0.0; n * steps * hidden]);
        for row in 0..n {
            let (h, c) = state[row * 2 * hidden..][..2 * hidden].split_at(hidden);
            let (mut h, mut c) = (h.to_vec(), c.to_vec());
            for i in 0..steps {
                let t = row * steps + if self.reverse { steps - 1 - i } else { i };
                let gate = |k: usize| {
                    let of_x: f64 = (0..inputs).map(|p| weight_ih[k * inputs + p] * x[t * inputs + p]).sum();
                    let of_h: f64 = (0..hidden).map(|p| weight_hh[k * hidden + p] * h[p]).sum();
                    of_x + of_h + bias[k]
                };
                let gates: Vec<f64> = (0..4 * hidden).map(gate).collect();
                for u in 0..hidden {
                    let [i, f, g, o] = [0, 1, 2, 3].map(|k| gates[k * hidden + u]);
                    c[u] = sigma(f) * c[u] + sigma(i) * g.tanh();
                    h[u] = sigma(o) * c[u].tanh();
                }
                all[0][t * hidden..][..hidden].copy_from_slice(&h);
                all[1][t * hidden..][..hidden].copy_from_slice(&c);
            }
        }
        all
    }

    fn with<R>(&self, body: impl FnOnce(&Lstm) -> R) -> R {
        let operands = self.operands.each_ref().map(|x| x.iter().map(|&x| x as f32).collect::<Vec<f32>>());
        let [x, weight_ih, weight_hh, bias, state] = operands.each_ref().map(Vec::as_slice);
        let (sizes, inputs, reverse) = (self.sizes, self.inputs, self.reverse);
        body(&Lstm { sizes, inputs, reverse, x, weight_ih, weight_hh, bias, state })
    }

    /// The gradients of Σ a·h + b·c, without `b` of Σ a·h.
    fn gradients(&self, kept: &Unrolled, [a, b]: [&[f32]; 2]) -> LstmGrads {
        let along = Along { h: a, c: (!b.is_empty()).then_some(b) };
        self.with(|lstm| lstm.grad(kept, along, ALL))
    }
}

const ALL: Needs = Needs { x: true, weights: true, state: true };
/// Sizes, and numbers of an input.
const CASES: [([usize; 3], usize); 6] =
    [([1, 1, 1], 1), ([2, 3, 5], 4), ([3, 2, 17], 20), ([13, 4, 3], 1), ([2, 2, 70], 33), ([2, 2, 3], 0)];

#[test]
fn states_are_those_in_double_precision() {
    for ((sizes, inputs), reverse) in CASES.into_iter().flat_map(|case| [(case, false), (case, true)]) {
        let case = Case::new(sizes, inputs, reverse);
        let [h, c] = case.by_hand(&case.operands);
        at_each_level(|level| {
            let got = case.with(|lstm| lstm.unroll(false));
            assert_eq!(got.kept, Kept::default());
            let got = [got.h, by_sequence(&got.c, sizes, sizes[2])];
            for (got, exact) in got.iter().zip([&h, &c]) {
                assert_eq!(got.len(), exact.len());
                for (got, exact) in got.iter().zip(exact) {
                    assert!((f64::from(*got) - exact).abs() < 5e-6, "{level:?} {sizes:?}: {got} for {exact}");
                }
            }
        });
    }
}

#[test]
fn gradients_are_the_slopes_in_double_precision() {
    for (sizes, reverse) in [([2, 3, 5], false), ([2, 3, 5], true), ([1, 4, 2], false), ([3, 1, 17], false)] {
        let inputs = 4;
        let case = Case::new(sizes, inputs, reverse);
        let len = sizes.iter().product();
        let (a, b) = (sample(len, 31), sample(len, 32));
        for b in [&b[..], &[]] {
            let total = |operands: &[Vec<f64>; 5]| -> f64 {
                let [h, c] = case.by_hand(operands);
                let along = |x: &[f64], w: &[f32]| x.iter().zip(w).map(|(x, &w)| x * f64::from(w)).sum::<f64>();
                along(&h, &a) + along(&c, b)
            };
            at_each_level(|level| {
                let kept = case.with(|lstm| lstm.unroll(true));
                let LstmGrads { x, weights, state } = case.gradients(&kept, [&a, b]);
                let (hidden, weights) = (sizes[2], weights.unwrap());
                let (of_h, rest) = weights.split_at(hidden * 4 * hidden);
                let (of_x, bias) = rest.split_at(inputs * 4 * hidden);
                let turned = |of: &[f32], rows: usize| contiguous(of, &[1, 4 * hidden], &[4 * hidden, rows]);
                let x = by_sequence(&x.unwrap(), sizes, inputs);
                let all = [x, turned(of_x, inputs), turned(of_h, hidden), bias.to_vec(), state.unwrap()];
                for (i, got) in all.iter().enumerate() {
                    assert_eq!(got.len(), case.operands[i].len());
                    for (j, &got) in got.iter().enumerate() {
                        let moved = |by: f64| {
                            let mut operands = case.operands.clone();
                            operands[i][j] += by;
                            total(&operands)
                        };
                        let exact = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                        assert!((f64::from(got) - exact).abs() < 1e-5, "{level:?} {i} {j}: {got} for {exact}");
                    }
                }
            });
        }
    }
}

#[test]
fn gradients_that_nobody_asks_for_are_left_out() {
    let case = Case::new([2, 3, 4], 5, false);
    let kept = case.with(|lstm| lstm.unroll(true));
    let a = sample(24, 5);
    let all = case.gradients(&kept, [&a, &[]]);
    let few = |needs| case.with(|lstm| lstm.grad(&kept, Along { h: &a, c: None }, needs));
    let none = Needs { x: false, weights: false, state: false };
    assert_eq!(few(none), LstmGrads { x: None, weights: None, state: None });
    assert_eq!(few(Needs { x: true, ..none }), LstmGrads { weights: None, state: None, ..all.clone() });
    assert_eq!(few(Needs { weights: true, ..none }), LstmGrads { x: None, state: None, ..all.clone() });
    assert_eq!(few(Needs { state: true, ..none }), LstmGrads { x: None, weights: None, ..all });
}

/// So large that threads share it: the bits are the same whatever their number, and for each sequence by itself.
#[test]
fn results_do_not_depend_on_the_division() {
    let sizes @ [n, steps, hidden] = [37, 5, 96];
    let case = Case::new(sizes, 29, false);
    let a = sample(sizes.iter().product(), 6);
    let run = |threads: usize| {
        set_threads(threads);
        let kept = case.with(|lstm| lstm.unroll(true));
        let grads = case.gradients(&kept, [&a, &[]]);
        (kept, grads)
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
    set_threads(0);
    let single = case.with(|lstm| {
        let x = &lstm.x[(n - 1) * steps * lstm.inputs..];
        Lstm { sizes: [1, steps, hidden], x, state: &lstm.state[(n - 1) * 2 * hidden..], ..*lstm }.unroll(false)
    });
    assert_eq!(single.h, one.0.h[(n - 1) * steps * hidden..]);
}
