//! The kind `initializer`: how a layer's parameters start.

use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, KIND, Kind, Maybe, Param, Ty, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_nn::Init;
use saddle_session::output::Bundle;
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&NORMAL, &UNIFORM, &CONSTANT, &XAVIER, &KAIMING, &ORTHOGONAL];

/// How parameters start, as a value.
#[derive(Clone)]
pub(crate) struct Initializer(pub(crate) Init);

pub static INITIALIZER: Kind = Kind {
    name: "initializer",
    summary: "how a layer's parameters start, for the option `init`",
    id: || TypeId::of::<Initializer>(),
    show: |v| Bundle::text(v.read_lock::<Initializer>().map(|i| format!("{:?}", i.0)).unwrap_or_default()),
    ..KIND
};

fn made(init: Init) -> Result<Dynamic> {
    Ok(Dynamic::from(Initializer(init)))
}

/// How a vector (a bias, a gain) starts in a call, if the call says so.
pub(super) fn of_vector(call: &Call, option: Maybe<Init>) -> Result<Option<Init>> {
    match option.of(call)? {
        Some(Init::Orthogonal(_)) => {
            Err(Fault::value(format!("{}: {} starts a vector, orthogonal() a matrix", call.entry.name, option.name()))
                .hint("constant(value), or normal(mean, std)"))
        }
        init => Ok(init),
    }
}

const MEAN: Param<f64> = param("mean", types::NUMBER, "their mean");
const STD: Param<f64> = param("std", types::NUMBER, "their standard deviation, ≥ 0");
static NORMAL: Entry = Entry {
    name: "normal",
    group: "initializer",
    summary: "starts parameters with normal numbers",
    params: &[MEAN.param(), STD.param()],
    returns: Ty::Of("initializer"),
    errors: &["a negative standard deviation"],
    source: &[cite::RADFORD_2016, " (DCGAN): N(0, 0.02)"],
    examples: &[runs("DCGAN's weights", "let layer = linear(100, 64, #{ init: normal(0, 0.02) });")],
    call: |call| {
        let (mean, std) = (MEAN.of(call)?, STD.not_negative(call)?);
        made(Init::Normal(mean as f32, std as f32))
    },
    ..ENTRY
};

const LOW: Param<f64> = param("low", types::NUMBER, "lower bound");
const HIGH: Param<f64> = param("high", types::NUMBER, "upper bound");
static UNIFORM: Entry = Entry {
    name: "uniform",
    group: "initializer",
    summary: "starts parameters with uniform numbers between two bounds",
    params: &[LOW.param(), HIGH.param()],
    returns: Ty::Of("initializer"),
    source: &[cite::GOODFELLOW_2014, ": U(−0.05, 0.05)"],
    examples: &[runs("the first GAN's weights", "let layer = linear(100, 64, #{ init: uniform(-0.05, 0.05) });")],
    call: |call| made(Init::Uniform(LOW.of(call)? as f32, HIGH.of(call)? as f32)),
    ..ENTRY
};

const VALUE: Param<f64> = param("value", types::NUMBER, "the value");
static CONSTANT: Entry = Entry {
    name: "constant",
    group: "initializer",
    summary: "starts parameters with one value",
    params: &[VALUE.param()],
    returns: Ty::Of("initializer"),
    examples: &[runs("ones", "let layer = linear(2, 1, #{ init: constant(1) });")],
    call: |call: &mut Call| made(Init::Constant(VALUE.of(call)? as f32)),
    ..ENTRY
};

static XAVIER: Entry = Entry {
    name: "xavier",
    group: "initializer",
    summary: "starts parameters uniformly within ±√(6 / (inputs + outputs))",
    returns: Ty::Of("initializer"),
    source: &[cite::GLOROT_2010],
    examples: &[runs("a tanh layer", "let layer = linear(100, 64, #{ init: xavier() });")],
    call: |_| made(Init::Xavier),
    ..ENTRY
};

static KAIMING: Entry = Entry {
    name: "kaiming",
    group: "initializer",
    summary: "starts parameters with normal numbers of standard deviation √(2 / inputs)",
    returns: Ty::Of("initializer"),
    source: &[cite::HE_2015],
    examples: &[runs("a relu layer", "let layer = linear(100, 64, #{ init: kaiming() });")],
    call: |_| made(Init::Kaiming),
    ..ENTRY
};

const GAIN: Param<f64> = param("gain", types::NUMBER, "a factor; √2 before relu").or(1.0);
static ORTHOGONAL: Entry = Entry {
    name: "orthogonal",
    group: "initializer",
    summary: "starts a weight with orthonormal rows (or columns, if they are fewer), times gain: no direction is stretched more than another",
    params: &[GAIN.param()],
    returns: Ty::Of("initializer"),
    shapes: "a kernel [outputs, inputs, h, w] is the matrix [outputs, inputs · h · w]",
    errors: &["where a bias or a gain is to start so: they are vectors"],
    source: &[cite::SAXE_2014, "; as in PyTorch"],
    examples: &[
        value(
            "W·Wᵀ is the unit matrix, times gain²",
            "let W = linear(5, 3, #{ init: orthogonal(2) }).params()[0];\nmax(abs(W @ W.t() - 4 * eye(3))).item() < 1e-5",
            "true",
        ),
        fails(
            "a bias",
            "linear(3, 2, #{ bias_init: orthogonal() })",
            "bias_init starts a vector, orthogonal() a matrix",
        ),
    ],
    call: |call| made(Init::Orthogonal(GAIN.of(call)? as f32)),
    ..ENTRY
};
