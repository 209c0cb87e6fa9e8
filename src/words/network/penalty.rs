//! Penalties on D's gradient.

use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_gan::penalty;
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&GRADIENT_PENALTY, &R1, &R2];

const D: Param<Dynamic> =
    param("D", types::any(Ty::OneOf(&[Ty::Of("network"), Ty::Function])), "the discriminator: a network or a function");

/// D as a function from tensors to tensors.
fn critic<'a>(call: &'a Call) -> impl Fn(&Tensor) -> Result<Tensor> + 'a {
    |x| {
        let y = call.apply(D.value(call), vec![wrap(x.clone())])?;
        y.try_cast::<Tensor>().ok_or_else(|| Fault::type_(format!("{}: D must give a tensor", call.entry.name)))
    }
}

const TARGET: Param<f64> = param("target", types::NUMBER, "the norm that costs nothing").or(1.0);

const X: Param<Tensor> = param("x", types::TENSOR, "real samples");
const X_FAKE: Param<Tensor> = param("x_fake", types::TENSOR, "as many generated ones");
static GRADIENT_PENALTY: Entry = Entry {
    name: "gradient_penalty",
    group: "penalty",
    summary: "E (‖∇D(x̂)‖ − 1)² at points between real and generated samples; weigh it with 10",
    params: &[D.param(), X.param(), X_FAKE.param()],
    options: &[TARGET.opt()],
    returns: Ty::Tensor,
    errors: &["shapes that differ", "a D whose output does not depend on its input"],
    source: &[cite::GULRAJANI_2017, " (WGAN-GP)"],
    examples: &[
        value(
            "a linear D of slope 3: (3 − 1)²",
            "let D = linear(1, 1, #{ init: constant(3) });\ngradient_penalty(D, ones([4, 1]), zeros([4, 1])).item()",
            "4.0",
        ),
        fails(
            "batches that differ",
            "gradient_penalty(linear(1, 1), ones([4, 1]), zeros([5, 1]))",
            "real samples are [4, 1]",
        ),
    ],
    call: |call| {
        let (x, fake) = (X.of(call)?, X_FAKE.of(call)?);
        let target = TARGET.of(call)? as f32;
        Ok(wrap(penalty::gradient_penalty(&critic(call), &x, &fake, target)?))
    },
    ..ENTRY
};

fn squared(call: &Call, x: Param<Tensor>) -> Result<Dynamic> {
    Ok(wrap(penalty::squared(call.entry.name, &critic(call), &x.of(call)?)?))
}

static R1: Entry = Entry {
    name: "r1",
    group: "penalty",
    summary: "E ‖∇D(x)‖² at real samples; weigh it with γ/2",
    params: &[D.param(), X.param()],
    returns: Ty::Tensor,
    errors: &["a D whose output does not depend on its input"],
    source: &[cite::MESCHEDER_2018],
    examples: &[value("a linear D of slope 3", "r1(linear(1, 1, #{ init: constant(3) }), ones([4, 1])).item()", "9.0")],
    call: |call| squared(call, X),
    ..ENTRY
};

const R2_X_FAKE: Param<Tensor> = param("x_fake", types::TENSOR, "generated samples");
static R2: Entry = Entry {
    name: "r2",
    group: "penalty",
    summary: "E ‖∇D(x)‖² at generated samples; weigh it with γ/2",
    params: &[D.param(), R2_X_FAKE.param()],
    returns: Ty::Tensor,
    errors: R1.errors,
    source: &[cite::MESCHEDER_2018],
    examples: &[runs("beside r1", "let D = linear(2, 1);\nlet penalty = r1(D, randn([4, 2])) + r2(D, randn([4, 2]));")],
    call: |call| squared(call, R2_X_FAKE),
    ..ENTRY
};
