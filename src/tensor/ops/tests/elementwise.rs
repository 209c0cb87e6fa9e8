//! Element-wise functions and their slopes from 1e-30 to 1e30, of either sign, against double precision.

use super::{gradients, values, vector};
use crate::Tensor;
use saddle_fault::Result;

type Word = fn(&Tensor) -> Result<Tensor>;
type Known = fn(f64) -> f64;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The word, its value, its slope, and the absolute error that single precision leaves to the slope: σ and tanh are
/// kept as results, of which 1 has lost how near to 1 it is, as in PyTorch.
const WORDS: [(&str, Word, Known, Known, f64); 12] = [
    ("exp", Tensor::exp, f64::exp, f64::exp, 0.0),
    ("expm1", Tensor::expm1, f64::exp_m1, f64::exp, 0.0),
    ("log", Tensor::log, f64::ln, |x| if x < 0.0 { f64::NAN } else { x.recip() }, 0.0),
    ("log1p", Tensor::log1p, f64::ln_1p, |x| if x < -1.0 { f64::NAN } else { 1.0 / (1.0 + x) }, 0.0),
    ("square", Tensor::square, |x| x * x, |x| 2.0 * x, 0.0),
    ("sqrt", Tensor::sqrt, f64::sqrt, |x| 0.5 / x.sqrt(), 0.0),
    ("recip", Tensor::recip, f64::recip, |x| -1.0 / (x * x), 0.0),
    ("abs", Tensor::abs, f64::abs, f64::signum, 0.0),
    ("sigmoid", Tensor::sigmoid, sigmoid, |x| sigmoid(x) * sigmoid(-x), 1e-7),
    ("tanh", Tensor::tanh, f64::tanh, |x| x.cosh().powi(-2), 1e-6),
    ("softplus", Tensor::softplus, softplus, sigmoid, 0.0),
    ("log_sigmoid", Tensor::log_sigmoid, |x| -softplus(-x), |x| sigmoid(-x), 0.0),
];

/// As close as single precision holds it: what is beyond its range is ∞, what is below its normal numbers is nearly 0.
fn close(got: f32, exact: f64, slack: f64) -> bool {
    let held = exact as f32;
    let error = (f64::from(got) - exact).abs();
    got == held || got.is_nan() && held.is_nan() || error <= 2e-6 * exact.abs() + slack + 2e-38
}

#[test]
fn values_and_slopes_are_those_of_double_precision() {
    let sizes = [1e-30f32, 1e-20, 1e-8, 1e-3, 0.5, 1.5, 5.0, 20.0, 80.0, 1e4, 1e8, 1e20, 1e30];
    let x: Vec<f32> = sizes.iter().flat_map(|&v| [v, -v]).collect();
    let t = vector(&x);
    let mut wrong = Vec::new();
    for (name, word, value, slope, slack) in WORDS {
        let got = values(&word(&t).unwrap());
        let slopes = gradients(|x| word(x).unwrap(), &t, 1).remove(0);
        for (i, &x) in x.iter().enumerate() {
            let exact = value(f64::from(x));
            if !close(got[i], exact, 0.0) {
                wrong.push(format!("{name}({x:e}) is {:e}, not {exact:e}", got[i]));
            }
            // Where there is no value there is no slope to speak of.
            if !exact.is_nan() {
                let exact = slope(f64::from(x));
                if !close(slopes[i], exact, slack) {
                    wrong.push(format!("{name}\'({x:e}) is {:e}, not {exact:e}", slopes[i]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
