//! The kind `initializer`: how a layer's parameters start.

use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, KIND, Kind, Param, Ty, param, runs};
use saddle_fault::Result;
use saddle_nn::Init;
use saddle_session::output::Bundle;
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&NORMAL, &UNIFORM, &CONSTANT, &XAVIER, &KAIMING];

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
