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

struct Case {
    sizes: [usize; 3],
    reverse: bool,
    /// What is given, the weight, the state.
    operands: [Vec<f64>; 3],
}

impl Case {
    fn new(sizes: [usize; 3], reverse: bool) -> Self {
        let [n, steps, hidden] = sizes;
        let lengths = [n * steps * 4 * hidden, 4 * hidden * hidden, n * 2 * hidden];
        Self { sizes, reverse, operands: [0, 1, 2].map(|i| numbers(lengths[i], 3 + i as u32)) }
    }

    /// All h and all c by the formulas, number by number in double precision.
    fn by_hand(&self, [given, weight, state]: &[Vec<f64>; 3]) -> [Vec<f64>; 2] {
        let [n, steps, hidden] = self.sizes;
        let mut all = [0, 1].map(|_| vec![0.0; n * steps * hidden]);
        for row in 0..n {
            let (h, c) = state[row * 2 * hidden..][..2 * hidden].split_at(hidden);
            let (mut h, mut c) = (h.to_vec(), c.to_vec());
            for i in 0..steps {
                let t = row * steps + if self.reverse { steps - 1 - i } else { i };
                let gate = |k: usize| {
                    let own: f64 = (0..hidden).map(|p| weight[k * hidden + p] * h[p]).sum();
                    given[t * 4 * hidden + k] + own
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
        let [given, weight, state] =
            self.operands.each_ref().map(|x| x.iter().map(|&x| x as f32).collect::<Vec<f32>>());
        body(&Lstm { sizes: self.sizes, reverse: self.reverse, given: &given, weight: &weight, state: &state })
    }

    /// The gradients of Σ a·h + b·c, without `b` of Σ a·h.
    fn gradients(&self, kept: &Unrolled, [a, b]: [&[f32]; 2]) -> LstmGrads {
        let along = Along { h: a, c: (!b.is_empty()).then_some(b) };
        self.with(|lstm| lstm.grad([&kept.h, &kept.c, &kept.gates], along, [true, true]))
    }
}

const SIZES: [[usize; 3]; 5] = [[1, 1, 1], [2, 3, 5], [3, 2, 17], [13, 4, 3], [2, 2, 70]];

#[test]
fn states_are_those_in_double_precision() {
    for (sizes, reverse) in SIZES.into_iter().flat_map(|sizes| [(sizes, false), (sizes, true)]) {
        let case = Case::new(sizes, reverse);
        let [h, c] = case.by_hand(&case.operands);
        at_each_level(|level| {
            let got = case.with(|lstm| lstm.unroll(false));
            assert!(got.gates.is_empty());
            for (got, exact) in [(&got.h, &h), (&got.c, &c)] {
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
        let case = Case::new(sizes, reverse);
        let len = sizes.iter().product();
        let (a, b) = (sample(len, 31), sample(len, 32));
        for b in [&b[..], &[]] {
            let total = |operands: &[Vec<f64>; 3]| -> f64 {
                let [h, c] = case.by_hand(operands);
                let along = |x: &[f64], w: &[f32]| x.iter().zip(w).map(|(x, &w)| x * f64::from(w)).sum::<f64>();
                along(&h, &a) + along(&c, b)
            };
            at_each_level(|level| {
                let kept = case.with(|lstm| lstm.unroll(true));
                let LstmGrads { given, weight, state } = case.gradients(&kept, [&a, b]);
                let hidden = sizes[2];
                let weight = contiguous(&weight.unwrap(), &[1, 4 * hidden], &[4 * hidden, hidden]);
                for (i, got) in [given, weight, state.unwrap()].iter().enumerate() {
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
    let case = Case::new([2, 3, 4], false);
    let kept = case.with(|lstm| lstm.unroll(true));
    let a = sample(24, 5);
    let all = case.gradients(&kept, [&a, &[]]);
    let few = case.with(|lstm| lstm.grad([&kept.h, &kept.c, &kept.gates], Along { h: &a, c: None }, [false, false]));
    assert_eq!(few, LstmGrads { weight: None, state: None, ..all });
}

/// So large that threads share it: the bits are the same whatever their number, and for each sequence by itself.
#[test]
fn results_do_not_depend_on_the_division() {
    let sizes @ [n, steps, hidden] = [37, 5, 96];
    let case = Case::new(sizes, false);
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
        let (row, width) = (n - 1, steps * hidden);
        let given = &lstm.given[row * 4 * width..];
        Lstm { sizes: [1, steps, hidden], given, state: &lstm.state[row * 2 * hidden..], ..*lstm }.unroll(false)
    });
    assert_eq!(single.h, one.0.h[(n - 1) * steps * hidden..]);
}
