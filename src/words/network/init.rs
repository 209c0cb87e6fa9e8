//! The kind `initializer`: how a layer's parameters start.

use super::super::tensor::{param, runs};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, KIND, Kind, Options, Ty};
use saddle_fault::{Fault, Result};
use saddle_nn::Init;
use saddle_session::output::Bundle;
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&NORMAL, &UNIFORM, &CONSTANT, &XAVIER, &KAIMING];

/// How parameters start, as a value.
#[derive(Clone)]
struct Initializer(Init);

pub static INITIALIZER: Kind = Kind {
    name: "initializer",
    summary: "how a layer's parameters start, for the option `init`",
    id: || TypeId::of::<Initializer>(),
    show: |v| Bundle::text(v.read_lock::<Initializer>().map(|i| format!("{:?}", i.0)).unwrap_or_default()),
    ..KIND
};

/// The option `init` of a layer.
pub(super) fn option(options: &Options) -> Result<Init> {
    named(options, "init")
}

/// An option that holds an initializer.
pub(super) fn named(options: &Options, key: &str) -> Result<Init> {
    Ok(options.get::<Initializer>(key)?.map_or(Init::FanIn, |i| i.0))
}

fn made(init: Init) -> Result<Dynamic> {
    Ok(Dynamic::from(Initializer(init)))
}

static NORMAL: Entry = Entry {
    name: "normal",
    group: "initializer",
    summary: "starts parameters with normal numbers",
    params: &[param("mean", Ty::Number, "their mean"), param("std", Ty::Number, "their standard deviation, ≥ 0")],
    returns: Ty::Of("initializer"),
    errors: &["a negative standard deviation"],
    source: "Radford et al. 2016 (DCGAN): N(0, 0.02)",
    examples: &[runs("DCGAN's weights", "let layer = linear(100, 64, #{ init: normal(0, 0.02) });")],
    call: |call| {
        let (mean, std) = (call.args.number(0)?, call.args.number(1)?);
        if std < 0.0 {
            return Err(Fault::value(format!("normal: std must not be negative, got {std}")));
        }
        made(Init::Normal(mean as f32, std as f32))
    },
    ..ENTRY
};

static UNIFORM: Entry = Entry {
    name: "uniform",
    group: "initializer",
    summary: "starts parameters with uniform numbers between two bounds",
    params: &[param("low", Ty::Number, "lower bound"), param("high", Ty::Number, "upper bound")],
    returns: Ty::Of("initializer"),
    source: "Goodfellow et al. 2014: U(−0.05, 0.05)",
    examples: &[runs("the first GAN's weights", "let layer = linear(100, 64, #{ init: uniform(-0.05, 0.05) });")],
    call: |call| made(Init::Uniform(call.args.number(0)? as f32, call.args.number(1)? as f32)),
    ..ENTRY
};

static CONSTANT: Entry = Entry {
    name: "constant",
    group: "initializer",
    summary: "starts parameters with one value",
    params: &[param("value", Ty::Number, "the value")],
    returns: Ty::Of("initializer"),
    examples: &[runs("ones", "let layer = linear(2, 1, #{ init: constant(1) });")],
    call: |call: &mut Call| made(Init::Constant(call.args.number(0)? as f32)),
    ..ENTRY
};

static XAVIER: Entry = Entry {
    name: "xavier",
    group: "initializer",
    summary: "starts parameters uniformly within ±√(6 / (inputs + outputs))",
    returns: Ty::Of("initializer"),
    source: "Glorot and Bengio 2010",
    examples: &[runs("a tanh layer", "let layer = linear(100, 64, #{ init: xavier() });")],
    call: |_| made(Init::Xavier),
    ..ENTRY
};

static KAIMING: Entry = Entry {
    name: "kaiming",
    group: "initializer",
    summary: "starts parameters with normal numbers of standard deviation √(2 / inputs)",
    returns: Ty::Of("initializer"),
    source: "He et al. 2015",
    examples: &[runs("a relu layer", "let layer = linear(100, 64, #{ init: kaiming() });")],
    call: |_| made(Init::Kaiming),
    ..ENTRY
};
