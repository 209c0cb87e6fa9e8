//! Steps of optimizers as values, for training that is differentiated through.

use super::optimizer::{ADAM_RATE, BETAS, EPS};
use crate::cite;
use crate::convert::wrap_all;
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_nn::steps::{AdamState, adam_step, momentum_step, sgd_step};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&SGD_STEP, &MOMENTUM_STEP, &ADAM_STEP];

const PARAMS: Param<Vec<Tensor>> = param("params", types::TENSORS, "the parameters: tensors");
const GRADS: Param<Vec<Tensor>> =
    param("grads", types::TENSORS, "their gradients, taken with create_graph for unrolling");
const STATE: Param<Dynamic> = param(
    "state",
    types::any(Ty::OneOf(&[Ty::Nothing, Ty::Map, Ty::Array])),
    "what the last step returned; () at first",
);

const LR: Param<f64> = param("lr", types::NUMBER, "learning rate");
static SGD_STEP: Entry = Entry {
    name: "sgd_step",
    group: "optimizer",
    summary: "one step of gradient descent as values: new parameters through which gradients pass",
    params: &[PARAMS.param(), GRADS.param(), LR.param()],
    returns: Ty::Array,
    errors: &["arrays of different length"],
    source: &[cite::METZ_2017, "; slide 65"],
    examples: &[value(
        "through one step: d/dw of (w − lr·2w)² at w = 1",
        "let w = tensor(1.0);\nlet g = grad(w * w, w, #{ create_graph: true });\nlet after = sgd_step([w], [g], 0.25)[0];\ngrad(after * after, w).item()",
        "0.5",
    )],
    call: |call| {
        let new = sgd_step(&PARAMS.of(call)?, &GRADS.of(call)?, LR.of(call)? as f32)?;
        Ok(wrap_all(new))
    },
    ..ENTRY
};

const ADAM_LR: Param<f64> = param("lr", types::NUMBER, "learning rate").or(ADAM_RATE);
const MOMENTUM_LR: Param<f64> = param("lr", types::NUMBER, "learning rate").or(0.01);
const MOMENTUM: Param<f64> = param("momentum", types::NUMBER, "how much of the last step goes on").or(0.9);

/// A map of the step's results.
fn results(entries: [(&str, Dynamic); 2]) -> Dynamic {
    let map: Map = entries.into_iter().map(|(k, v)| (k.into(), v)).collect();
    map.into()
}

/// The tensors in a value.
fn list(call: &Call, value: &Dynamic) -> Result<Vec<Tensor>> {
    let tensors = value.read_lock::<Array>().and_then(|all| {
        let each = all.iter().map(|v| v.read_lock::<Tensor>().map(|t| t.clone()));
        each.collect::<Option<Vec<_>>>()
    });
    tensors.ok_or_else(|| {
        Fault::type_(format!("{}: this state is not one that the word returned", call.entry.name))
            .hint("() at first, then what the last step returned")
    })
}

const VELOCITY: Param<Dynamic> =
    param("velocity", types::any(Ty::OneOf(&[Ty::Nothing, Ty::Array])), "what the last step returned; () at first");
static MOMENTUM_STEP: Entry = Entry {
    name: "momentum_step",
    group: "optimizer",
    summary: "one step of gradient descent with momentum as values: #{ params, velocity }",
    params: &[PARAMS.param(), GRADS.param(), VELOCITY.param()],
    options: &[MOMENTUM_LR.opt(), MOMENTUM.opt()],
    returns: Ty::Map,
    errors: &["arrays of different length"],
    examples: &[value(
        "two steps along a slope of 1",
        "let s = momentum_step([tensor(0.0)], [tensor(1.0)], (), #{ lr: 1, momentum: 0.5 });\ns = momentum_step(s.params, [tensor(1.0)], s.velocity, #{ lr: 1, momentum: 0.5 });\ns.params[0].item()",
        "-2.5",
    )],
    call: |call| {
        let velocity = match VELOCITY.value(call) {
            v if v.is_unit() => None,
            v => Some(list(call, v)?),
        };
        let (params, velocity) = momentum_step(
            &PARAMS.of(call)?,
            &GRADS.of(call)?,
            velocity.as_deref(),
            MOMENTUM_LR.of(call)? as f32,
            MOMENTUM.of(call)? as f32,
        )?;
        Ok(results([("params", wrap_all(params)), ("velocity", wrap_all(velocity))]))
    },
    ..ENTRY
};

/// Adam's state as a map of the language.
fn shown(state: AdamState) -> Dynamic {
    let mut map = Map::new();
    map.insert("mean".into(), wrap_all(state.mean));
    map.insert("square".into(), wrap_all(state.square));
    map.insert("t".into(), i64::from(state.t).into());
    map.into()
}

/// Adam's state from the map that [`shown`] made.
fn adam_state(call: &Call, value: &Dynamic) -> Result<Option<AdamState>> {
    if value.is_unit() {
        return Ok(None);
    }
    let map: Map = value.clone().try_cast().unwrap_or_default();
    let part = |key: &str| list(call, map.get(key).unwrap_or(&Dynamic::UNIT));
    Ok(Some(AdamState {
        mean: part("mean")?,
        square: part("square")?,
        t: map.get("t").and_then(|t| t.as_int().ok()).and_then(|t| i32::try_from(t).ok()).unwrap_or(0),
    }))
}

static ADAM_STEP: Entry = Entry {
    name: "adam_step",
    group: "optimizer",
    summary: "one step of adam as values: #{ params, state }",
    params: &[PARAMS.param(), GRADS.param(), STATE.param()],
    options: &[ADAM_LR.opt(), BETAS.opt(), EPS.opt()],
    returns: Ty::Map,
    errors: &["arrays of different length", "a state of other parameters"],
    source: &[cite::KINGMA_2015, "; ", cite::METZ_2017, " unroll D with it"],
    examples: &[
        value(
            "the first step has the size of the learning rate",
            "adam_step([tensor(1.0)], [tensor(3.0)], (), #{ lr: 0.5 }).params[0].item()",
            "0.5",
        ),
        runs(
            "unrolled steps of a discriminator",
            "let D = linear(2, 1); let x = randn([8, 2]); let state = ();\nlet D_k = D;\nfor i in 0..3 {\n    let s = adam_step(D_k.params(), grad(mean(D_k(x) ** 2), D_k, #{ create_graph: true }), state, #{ lr: 0.01 });\n    D_k = D.with(s.params); state = s.state;\n}\nlet through = grad(mean(D_k(x)), D);",
        ),
        fails(
            "a state that is none",
            "adam_step([tensor(1.0)], [tensor(3.0)], #{ a: 1 })",
            "not one that the word returned",
        ),
    ],
    call: |call| {
        let betas = match BETAS.of(call)?[..] {
            [a, b] => [a as f32, b as f32],
            ref other => {
                return Err(Fault::value(format!("adam_step: betas must be two numbers, got {other:?}")));
            }
        };
        let (params, state) = adam_step(
            &PARAMS.of(call)?,
            &GRADS.of(call)?,
            adam_state(call, STATE.value(call))?.as_ref(),
            ADAM_LR.of(call)? as f32,
            betas,
            EPS.of(call)? as f32,
        )?;
        Ok(results([("params", wrap_all(params)), ("state", shown(state))]))
    },
    ..ENTRY
};
