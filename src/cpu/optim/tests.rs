//! Optimizer steps against their rules in double precision.

use super::*;
use crate::testing::{assert_close, sample};

/// The steps as PyTorch's documentation writes them, in double precision, for one number.
struct Reference {
    p: f64,
    a: f64,
    b: f64,
}

const LENGTHS: [usize; 5] = [0, 1, 17, 1000, 200_003];
const STEPS: u64 = 4;

/// Runs `fast` on whole slices and `slow` on single numbers for a few steps, and compares the parameters.
fn compare(
    what: &str,
    mut fast: impl FnMut(u64, &[f32], &[f32], &mut [f32], &mut [f32]) -> Vec<f32>,
    slow: impl Fn(u64, &mut Reference, f64),
) {
    for len in LENGTHS {
        let mut p = sample(len, 1);
        let (mut a, mut b) = (vec![0.0; len], vec![0.0; len]);
        let mut reference: Vec<Reference> = p.iter().map(|&p| Reference { p: f64::from(p), a: 0.0, b: 0.0 }).collect();
        for step in 1..=STEPS {
            let g = sample(len, 10 + step as u32);
            p = fast(step, &p, &g, &mut a, &mut b);
            for (reference, &g) in reference.iter_mut().zip(&g) {
                slow(step, reference, f64::from(g));
            }
        }
        let expected: Vec<f32> = reference.iter().map(|r| r.p as f32).collect();
        println!("{what}, {len} elements"); // shown if the next line fails
        assert_close(&p, &expected, 1e-5);
    }
}

#[test]
fn adam_and_adamw() {
    for (decoupled, maximize, weight_decay) in [(false, false, 0.0), (false, true, 0.1), (true, false, 0.1)] {
        let cfg = Adam { lr: 0.01, betas: [0.5, 0.999], eps: 1e-8, weight_decay, decoupled };
        let (beta1, beta2, decay) = (0.5f64, f64::from(0.999f32), f64::from(weight_decay));
        compare(
            "adam",
            |step, p, g, m, v| advance(cfg.at(step, maximize), p, g, [m, v]),
            |step, r, g| {
                let mut g = if maximize { -g } else { g };
                if decoupled {
                    r.p -= 0.01 * decay * r.p;
                } else {
                    g += decay * r.p;
                }
                r.a = beta1 * r.a + (1.0 - beta1) * g;
                r.b = beta2 * r.b + (1.0 - beta2) * g * g;
                let m = r.a / (1.0 - beta1.powi(step as i32));
                let v = r.b / (1.0 - beta2.powi(step as i32));
                r.p -= 0.01 * m / (v.sqrt() + 1e-8);
            },
        );
    }
}

#[test]
fn the_first_step_of_adam_has_the_size_of_the_learning_rate() {
    let cfg = Adam { lr: 0.1, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
    let (p, mut m, mut v) = ([1.0, 1.0, 1.0], [0.0; 3], [0.0; 3]);
    let p = advance(cfg.at(1, false), &p, &[1e-3, -50.0, 0.0], [&mut m, &mut v]);
    assert_close(&p, &[0.9, 1.1, 1.0], 1e-5);
}

#[test]
fn sgd_with_and_without_momentum() {
    for (momentum, dampening, weight_decay, nesterov, maximize) in [
        (0.0, 0.0, 0.0, false, false),
        (0.0, 0.0, 0.1, false, true),
        (0.9, 0.0, 0.0, false, false),
        (0.5, 0.3, 0.1, false, false),
        (0.9, 0.0, 0.1, true, true),
    ] {
        let cfg = Sgd { lr: 0.1, momentum, dampening, weight_decay, nesterov };
        compare(
            "sgd",
            |step, p, g, velocity, _| match momentum == 0.0 {
                true => advance(cfg.plain(maximize), p, g, []),
                false => advance(cfg.with_momentum(step == 1, maximize), p, g, [velocity]),
            },
            |step, r, g| {
                let g = if maximize { -g } else { g } + f64::from(weight_decay) * r.p;
                let mu = f64::from(momentum);
                r.a = if step == 1 { g } else { mu * r.a + (1.0 - f64::from(dampening)) * g };
                r.p -= 0.1
                    * match (momentum == 0.0, nesterov) {
                        (true, _) => g,
                        (_, true) => g + mu * r.a,
                        (_, false) => r.a,
                    };
            },
        );
    }
}

#[test]
fn rmsprop_and_adagrad() {
    for momentum in [0.0f32, 0.7] {
        let cfg = RmsProp { lr: 0.01, alpha: 0.9, eps: 1e-3, weight_decay: 0.1, momentum };
        compare(
            "rmsprop",
            |_, p, g, square, buffer| match momentum > 0.0 {
                true => advance(cfg.rule(false), p, g, [square, buffer]),
                false => advance(cfg.rule(false), p, g, [square]),
            },
            |_, r, g| {
                let g = g + 0.1 * r.p;
                r.a = 0.9 * r.a + 0.1 * g * g;
                r.b = f64::from(momentum) * r.b + g / (r.a.sqrt() + 1e-3);
                r.p -= 0.01 * r.b;
            },
        );
    }
    compare(
        "adagrad",
        |_, p, g, sum, _| advance(Adagrad { lr: 0.1, eps: 1e-10, weight_decay: 0.0 }.rule(true), p, g, [sum]),
        |_, r, g| {
            r.a += g * g;
            r.p += 0.1 * g / (r.a.sqrt() + 1e-10);
        },
    );
}
