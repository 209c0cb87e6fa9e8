//! Layers without parameters: `relu()` beside the function `relu(x)`, dropout, noise, rearrangement.

use super::super::tensor::{fails, opt, optional, param, runs, value};
use super::value::made;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_nn::Network;
use saddle_nn::layers::{Activate, Activation, Dropout, Flatten, GaussianNoise, PixelShuffle, Reshape, Upsample};

pub static ENTRIES: &[&Entry] = &[
    &RELU,
    &LEAKY_RELU,
    &ELU,
    &GELU,
    &SILU,
    &TANH,
    &SIGMOID,
    &SOFTPLUS,
    &LOG_SIGMOID,
    &SOFTMAX,
    &LOG_SOFTMAX,
    &DROPOUT,
    &GAUSSIAN_NOISE,
    &FLATTEN,
    &RESHAPE,
    &UPSAMPLE,
    &PIXEL_SHUFFLE,
];

const NET: Ty = Ty::Of("network");

fn layer(activation: Activation) -> Result<Dynamic> {
    made(Network::of(Activate(activation)))
}

/// A layer without settings.
macro_rules! plain {
    ($($id:ident, $name:literal, $summary:literal, $code:literal, $gives:literal, $activation:expr;)*) => { $(
        static $id: Entry = Entry {
            name: $name,
            group: "layer",
            summary: $summary,
            returns: NET,
            shapes: "unchanged",
            examples: &[value("as a layer", $code, $gives)],
            call: |_| layer($activation),
            ..ENTRY
        };
    )* };
}

plain! {
    RELU, "relu", "the layer max(x, 0)", "relu()(tensor([-1, 2])).to_array()", "[0.0, 2.0]", Activation::Relu;
    GELU, "gelu", "the layer x · Φ(x)", "gelu()(tensor([0])).to_array()", "[0.0]", Activation::Gelu;
    SILU, "silu", "the layer x · σ(x)", "silu()(tensor([0])).to_array()", "[0.0]", Activation::Silu;
    TANH, "tanh", "the layer tanh(x)", "tanh()(tensor([0])).to_array()", "[0.0]", Activation::Tanh;
    SIGMOID, "sigmoid", "the layer 1 / (1 + e⁻ˣ)", "sigmoid()(tensor([0])).to_array()", "[0.5]", Activation::Sigmoid;
    SOFTPLUS, "softplus", "the layer log(1 + eˣ)", "softplus()(tensor([0])).item() - log(2) < 1e-6", "true", Activation::Softplus;
    LOG_SIGMOID, "log_sigmoid", "the layer log σ(x)", "log_sigmoid()(tensor([0])).item() + log(2) < 1e-6", "true", Activation::LogSigmoid;
    SOFTMAX, "softmax", "the layer eˣ / Σ eˣ along the last dim", "softmax()(tensor([0, 0])).to_array()", "[0.5, 0.5]", Activation::Softmax;
    LOG_SOFTMAX, "log_softmax", "the layer x − log Σ eˣ along the last dim", "exp(log_softmax()(tensor([0, 0]))).to_array()", "[0.5, 0.5]", Activation::LogSoftmax;
}

static LEAKY_RELU: Entry = Entry {
    name: "leaky_relu",
    group: "layer",
    summary: "the layer x where x > 0, else slope · x",
    params: &[optional("slope", Ty::Number, "0.01", "slope of the lower part; DCGAN: 0.2")],
    returns: NET,
    shapes: "unchanged",
    source: "Maas et al. 2013",
    examples: &[value("as a layer", "leaky_relu(0.5)(tensor([-1, 2])).to_array()", "[-0.5, 2.0]")],
    call: |call| layer(Activation::LeakyRelu(number_or(call, 0.01)?)),
    ..ENTRY
};

static ELU: Entry = Entry {
    name: "elu",
    group: "layer",
    summary: "the layer x where x > 0, else α · (eˣ − 1)",
    params: &[optional("alpha", Ty::Number, "1.0", "what the lower part tends to, negated")],
    returns: NET,
    shapes: "unchanged",
    source: "Clevert et al. 2016",
    examples: &[value("as a layer", "elu()(tensor([0, 2])).to_array()", "[0.0, 2.0]")],
    call: |call| layer(Activation::Elu(number_or(call, 1.0)?)),
    ..ENTRY
};

fn number_or(call: &Call, default: f32) -> Result<f32> {
    if call.args.has(0) { Ok(call.args.number(0)? as f32) } else { Ok(default) }
}

static DROPOUT: Entry = Entry {
    name: "dropout",
    group: "layer",
    summary: "in train mode sets each element to 0 with probability p and scales the others up",
    params: &[param("p", Ty::Number, "probability of 0, in [0, 1)")],
    options: &[opt("scale", Ty::Number, "1 / (1 − p)", "factor of the elements that stay")],
    returns: NET,
    shapes: "unchanged",
    errors: &["p outside [0, 1)"],
    source: "Srivastava et al. 2014; D of the 2014 paper keeps .8 of the input and .5 of hidden units",
    examples: &[
        value("eval mode passes everything", "dropout(0.5).eval()(ones([3])).to_array()", "[1.0, 1.0, 1.0]"),
        fails("a probability above 1", "dropout(20)", "p must be in [0, 1)"),
    ],
    call: |call| {
        let p = call.args.number(0)?;
        if !(0.0..1.0).contains(&p) {
            return Err(Fault::value(format!("dropout: p must be in [0, 1), got {p}"))
                .hint("p is the probability with which an element becomes 0, as in PyTorch"));
        }
        let scale = call.options.number("scale", 1.0 / (1.0 - p))?;
        made(Network::of(Dropout { p: p as f32, scale: scale as f32 }))
    },
};

static GAUSSIAN_NOISE: Entry = Entry {
    name: "gaussian_noise",
    group: "layer",
    summary: "in train mode adds normal noise",
    params: &[param("std", Ty::Number, "its standard deviation, ≥ 0")],
    returns: NET,
    shapes: "unchanged",
    errors: &["a negative standard deviation"],
    source: "Salimans et al. 2016: .3 on the input of D, .5 on hidden units",
    examples: &[value("eval mode passes everything", "gaussian_noise(0.3).eval()(ones([2])).to_array()", "[1.0, 1.0]")],
    call: |call| match call.args.number(0)? {
        std if std < 0.0 || std.is_nan() => {
            Err(Fault::value(format!("gaussian_noise: std must not be negative, got {std}")))
        }
        std => made(Network::of(GaussianNoise { std: std as f32 })),
    },
    ..ENTRY
};

static FLATTEN: Entry = Entry {
    name: "flatten",
    group: "layer",
    summary: "the layer that puts all dims but the first in one",
    returns: NET,
    shapes: "[n, ..] → [n, size]",
    examples: &[value("images to rows", "flatten()(ones([2, 1, 8, 8])).shape", "[2, 64]")],
    call: |_| made(Network::of(Flatten)),
    ..ENTRY
};

static RESHAPE: Entry = Entry {
    name: "reshape",
    group: "layer",
    summary: "the layer that gives each sample another shape",
    params: &[param("shape", Ty::Shape, "the shape of one sample, without the batch")],
    returns: NET,
    shapes: "[n, ..] → [n, shape..]",
    errors: &["when called: sizes that differ"],
    examples: &[value("rows to images", "reshape([1, 8, 8])(ones([2, 64])).shape", "[2, 1, 8, 8]")],
    call: |call| made(Network::of(Reshape(call.args.shape(0)?))),
    ..ENTRY
};

const FACTOR: Param = param("factor", Ty::Int, "how many times larger, ≥ 1");

static UPSAMPLE: Entry = Entry {
    name: "upsample",
    group: "layer",
    summary: "the layer that repeats every pixel factor × factor times",
    params: &[FACTOR],
    returns: NET,
    shapes: "[n, c, h, w] → [n, c, h·factor, w·factor]",
    errors: &["when called: an input that is not [n, c, h, w]"],
    examples: &[value("shapes", "upsample(2)(ones([1, 3, 4, 4])).shape", "[1, 3, 8, 8]")],
    call: |call| made(Network::of(Upsample(call.args.size(0)?))),
    ..ENTRY
};

static PIXEL_SHUFFLE: Entry = Entry {
    name: "pixel_shuffle",
    group: "layer",
    summary: "the layer that turns channels into pixels",
    params: &[FACTOR],
    returns: NET,
    shapes: "[n, c·factor², h, w] → [n, c, h·factor, w·factor]",
    errors: &["when called: channels that are not a multiple of factor²"],
    source: "Shi et al. 2016",
    examples: &[
        value("shapes", "pixel_shuffle(2)(ones([1, 12, 4, 4])).shape", "[1, 3, 8, 8]"),
        runs(
            "at the end of a generator",
            "let up = sequential([conv2d(8, 12, 3, #{ padding: 1 }), pixel_shuffle(2)]);",
        ),
    ],
    call: |call| made(Network::of(PixelShuffle(call.args.size(0)?))),
    ..ENTRY
};
