//! Penalties on D's gradient.

use super::super::tensor::{fails, param, runs, value, wrap};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Setting, Ty};
use saddle_fault::{Fault, Result};
use saddle_gan::penalty;
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&GRADIENT_PENALTY, &R1, &R2];

const D: Param =
    param("D", Ty::OneOf(&[Ty::Of("network"), Ty::Function]), "the discriminator: a network or a function");

/// D as a function from tensors to tensors.
fn critic<'a>(call: &'a Call) -> impl Fn(&Tensor) -> Result<Tensor> + 'a {
    |x| {
        let y = call.apply(call.args.any(0), vec![wrap(x.clone())])?;
        y.try_cast::<Tensor>().ok_or_else(|| Fault::type_(format!("{}: D must give a tensor", call.entry.name)))
    }
}

const TARGET: Setting<f64> = Setting::number("target", 1.0, "the norm that costs nothing");

static GRADIENT_PENALTY: Entry = Entry {
    name: "gradient_penalty",
    group: "penalty",
    summary: "E (‖∇D(x̂)‖ − 1)² at points between real and generated samples; weigh it with 10",
    params: &[D, param("x", Ty::Tensor, "real samples"), param("x_fake", Ty::Tensor, "as many generated ones")],
    options: &[TARGET.opt()],
    returns: Ty::Tensor,
    errors: &["shapes that differ", "a D whose output does not depend on its input"],
    source: "Gulrajani et al. 2017 (WGAN-GP)",
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
        let (x, fake): (Tensor, Tensor) = (call.args.get(1)?, call.args.get(2)?);
        let target = TARGET.of(call)? as f32;
        Ok(wrap(penalty::gradient_penalty(&critic(call), &x, &fake, target)?))
    },
    ..ENTRY
};

fn squared(call: &Call) -> Result<Dynamic> {
    let x: Tensor = call.args.get(1)?;
    Ok(wrap(penalty::squared(call.entry.name, &critic(call), &x)?))
}

static R1: Entry = Entry {
    name: "r1",
    group: "penalty",
    summary: "E ‖∇D(x)‖² at real samples; weigh it with γ/2",
    params: &[D, param("x", Ty::Tensor, "real samples")],
    returns: Ty::Tensor,
    errors: &["a D whose output does not depend on its input"],
    source: "Mescheder et al. 2018",
    examples: &[value("a linear D of slope 3", "r1(linear(1, 1, #{ init: constant(3) }), ones([4, 1])).item()", "9.0")],
    call: |call| squared(call),
    ..ENTRY
};

static R2: Entry = Entry {
    name: "r2",
    group: "penalty",
    summary: "E ‖∇D(x)‖² at generated samples; weigh it with γ/2",
    params: &[D, param("x_fake", Ty::Tensor, "generated samples")],
    returns: Ty::Tensor,
    errors: R1.errors,
    source: "Mescheder et al. 2018",
    examples: &[runs("beside r1", "let D = linear(2, 1);\nlet penalty = r1(D, randn([4, 2])) + r2(D, randn([4, 2]));")],
    call: |call| squared(call),
    ..ENTRY
};
