//! Element-wise operations, with broadcasting.

use super::check::{Case, Values, against_differences, one, two};
use Values::{Apart, AwayFromZero, Between};
use saddle_fault::Result;
use saddle_tensor::Tensor;

const SHAPE: &[usize] = &[2, 3];
const WIDE: Values = Between(-1.5, 1.5);
const POSITIVE: Values = Between(0.8, 2.0);

type Function = fn(&Tensor) -> Result<Tensor>;

fn functions() -> Vec<(&'static str, Values, Function)> {
    vec![
        ("exp", WIDE, Tensor::exp),
        ("expm1", WIDE, Tensor::expm1),
        ("log", POSITIVE, Tensor::log),
        ("log2", POSITIVE, Tensor::log2),
        ("log10", POSITIVE, Tensor::log10),
        ("log1p", Between(-0.2, 1.5), Tensor::log1p),
        ("sqrt", POSITIVE, Tensor::sqrt),
        ("square", WIDE, Tensor::square),
        ("recip", POSITIVE, Tensor::recip),
        ("abs", AwayFromZero, Tensor::abs),
        ("sin", WIDE, Tensor::sin),
        ("cos", WIDE, Tensor::cos),
        ("tan", Between(-0.9, 0.9), Tensor::tan),
        ("tanh", WIDE, Tensor::tanh),
        ("sigmoid", WIDE, Tensor::sigmoid),
        ("softplus", WIDE, Tensor::softplus),
        ("log_sigmoid", WIDE, Tensor::log_sigmoid),
        ("relu", AwayFromZero, Tensor::relu),
        ("gelu", WIDE, Tensor::gelu),
        ("silu", WIDE, Tensor::silu),
        ("erf", WIDE, Tensor::erf),
        ("neg", WIDE, Tensor::neg),
        ("add_scalar", WIDE, |x| x.add_scalar(0.7)),
        ("mul_scalar", WIDE, |x| x.mul_scalar(-1.3)),
        ("rsub_scalar", WIDE, |x| x.rsub_scalar(0.4)),
        ("rdiv_scalar", POSITIVE, |x| x.rdiv_scalar(0.6)),
        ("pow_scalar 2.5", POSITIVE, |x| x.pow_scalar(2.5)),
        ("pow_scalar 3", WIDE, |x| x.pow_scalar(3.0)),
        ("pow_scalar 2", WIDE, |x| x.pow_scalar(2.0)),
        ("pow_scalar 1", WIDE, |x| x.pow_scalar(1.0)),
        ("pow_scalar 0", WIDE, |x| x.pow_scalar(0.0)),
        ("pow_scalar -1", POSITIVE, |x| x.pow_scalar(-1.0)),
        ("rpow_scalar", WIDE, |x| x.rpow_scalar(1.7)),
        ("leaky_relu", AwayFromZero, |x| x.leaky_relu(0.2)),
        ("elu", AwayFromZero, |x| x.elu(0.8)),
        ("clamp", Apart, |x| x.clamp(-0.6, 0.4)),
        ("straight_through", WIDE, |x| x.mul_scalar(2.0)?.straight_through(&x.mul_scalar(2.0)?)),
        ("upper half of where", AwayFromZero, |x| {
            let zero = Tensor::scalar(0.0);
            x.gt(&zero)?.choose(&x.square()?, &x.mul_scalar(0.5)?)
        }),
    ]
}

#[test]
fn functions_of_one_operand() {
    let cases: Vec<Case> = functions().into_iter().map(|(name, values, f)| one(name, SHAPE, values, f)).collect();
    against_differences(&cases);
}

#[test]
fn shapes_with_0_and_1() {
    for (name, values, f) in functions() {
        against_differences(&[one(name, &[], values, f), one(name, &[1], values, f), one(name, &[1, 1, 2], values, f)]);
        against_differences(&[one(name, &[0], values, f), one(name, &[3, 0, 2], values, f)]);
    }
    for (name, values, f) in pairs() {
        for (a, b) in [(&[0][..], &[0][..]), (&[2, 0], &[0]), (&[1], &[0]), (&[], &[3, 0])] {
            against_differences(&[two(name, (a, values), (b, values), f), two(name, (b, values), (a, values), f)]);
        }
    }
}

type Pair = fn(&Tensor, &Tensor) -> Result<Tensor>;

fn pairs() -> Vec<(&'static str, Values, Pair)> {
    vec![
        ("add", WIDE, Tensor::add),
        ("sub", WIDE, Tensor::sub),
        ("mul", WIDE, Tensor::mul),
        ("div", POSITIVE, Tensor::div),
        ("pow", POSITIVE, Tensor::pow),
        ("maximum", Apart, |a, b| a.maximum(&b.add_scalar(0.125)?)),
        ("minimum", Apart, |a, b| a.minimum(&b.add_scalar(0.125)?)),
        ("where", AwayFromZero, |a, b| a.gt(&Tensor::scalar(0.0))?.choose(a, b)),
        ("rem", Between(0.3, 0.7), |a, b| a.add_scalar(2.0)?.rem(&b.add_scalar(1.0)?.mul_scalar(10.0)?)),
    ]
}

#[test]
fn two_operands_broadcast_in_both_directions() {
    let shapes: &[(&[usize], &[usize])] = &[
        (&[2, 3], &[2, 3]),
        (&[2, 3], &[3]),
        (&[3], &[2, 3]),
        (&[2, 1], &[1, 3]),
        (&[1, 3], &[2, 1]),
        (&[], &[2, 3]),
        (&[2, 3], &[]),
        (&[2, 1, 2], &[3, 1]),
        (&[1], &[1]),
    ];
    for (name, values, f) in pairs() {
        let cases: Vec<Case> = shapes.iter().map(|&(a, b)| two(name, (a, values), (b, values), f)).collect();
        against_differences(&cases);
    }
}

#[test]
fn a_tensor_with_itself() {
    against_differences(&[
        one("x · x", SHAPE, WIDE, |x| x.mul(x)),
        one("x / x²", SHAPE, POSITIVE, |x| x.div(&x.square()?)),
        one("xˣ", SHAPE, POSITIVE, |x| x.pow(x)),
    ]);
}
