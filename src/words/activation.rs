//! Activation functions, each in all its forms: the function of a tensor or of a number, `relu(x)`, and the layer,
//! `relu()`.

use crate::convert::wrap;
use crate::network::value::made;
use crate::tensor::math::X_OR_NUMBER;
use crate::tensor::operators::Side;
use crate::tensor::{self, X};
use crate::{cite, types};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Example, Maybe, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_nn::Network;
use saddle_nn::layers::Prelu;
use saddle_nn::layers::activation::{self, Activate, Activation};
use saddle_tensor::{Device, Tensor, check_shape};

/// The function: its value for a tensor, and for a number by `of_number`; without that through a tensor of one element,
/// with its precision.
fn apply(call: &Call, activation: &Activation, of_number: Option<fn(f64) -> f64>) -> Result<Dynamic> {
    match (X_OR_NUMBER.of(call)?, of_number) {
        (Side::Tensor(x), _) => (activation.of)(&x, 0.0).map(wrap),
        (x, Some(f)) => Ok(f(x.number()).into()),
        // Plain numbers are not worth a trip to another device.
        (x, None) => tensor::value::item(&(activation.of)(&Tensor::full(x.number() as f32, &[], &Device::Cpu), 0.0)?),
    }
}

/// The layer.
fn layer(activation: &'static Activation, setting: Option<f64>) -> Result<Dynamic> {
    made(Network::of(Activate::new(activation, setting.map(|v| v as f32))))
}

/// The record of the function.
const fn function(name: &'static str, summary: &'static str, examples: &'static [Example]) -> Entry {
    Entry {
        name,
        group: "math",
        summary,
        params: const { &[X_OR_NUMBER.param()] },
        returns: Ty::TensorLike,
        shapes: "as x; a number gives a number",
        examples,
        ..ENTRY
    }
}

/// The record of the layer.
const fn of_layer(name: &'static str, summary: &'static str, examples: &'static [Example]) -> Entry {
    let returns = Ty::Of("network");
    Entry { name, group: "layer", summary, returns, shapes: "unchanged", examples, ..ENTRY }
}

/// Activations without a setting, each with the records of both forms, and the list of all records.
macro_rules! activations {
    ($($id:ident {
        function: $summary:literal, $examples:expr, $of_number:expr;
        layer: $of_layer:literal, $as_layer:expr;
        source: $source:expr;
    })*) => {
        $(static $id: [Entry; 2] = [
            Entry {
                source: $source,
                call: |call| apply(call, &activation::$id, $of_number),
                ..function(activation::$id.name, $summary, $examples)
            },
            Entry {
                source: $source,
                call: |_| layer(&activation::$id, None),
                ..of_layer(activation::$id.name, $of_layer, $as_layer)
            },
        ];)*

        pub static ENTRIES: &[&Entry] = &[
            $(&$id[0], &$id[1],)*
            &LEAKY_RELU[0], &LEAKY_RELU[1], &ELU[0], &ELU[1], &PRELU, &SOFTMAX, &LOG_SOFTMAX,
        ];
    };
}

activations! {
    RELU {
        function: "max(x, 0); its gradient at 0 is 0",
            &[value("both signs", "relu(tensor([-1, 2])).to_array()", "[0.0, 2.0]")], Some(|v| v.max(0.0));
        layer: "the layer max(x, 0)", &[value("as a layer", "relu()(tensor([-1, 2])).to_array()", "[0.0, 2.0]")];
        source: &[];
    }
    GELU {
        function: "x · Φ(x) with the distribution function Φ of the standard normal",
            &[value("far out", "gelu(tensor([0, 100])).to_array()", "[0.0, 100.0]")], None;
        layer: "the layer x · Φ(x)", &[value("as a layer", "gelu()(tensor([0])).to_array()", "[0.0]")];
        source: &[cite::HENDRYCKS_2016, ", exact form"];
    }
    SILU {
        function: "x · sigmoid(x), also called swish",
            &[value("at 0 and far out", "silu(tensor([0, 100])).to_array()", "[0.0, 100.0]")],
            Some(|v| v / (1.0 + (-v).exp()));
        layer: "the layer x · σ(x)", &[value("as a layer", "silu()(tensor([0])).to_array()", "[0.0]")];
        source: &[];
    }
    TANH {
        function: "the hyperbolic tangent, in [−1, 1]",
            &[
                value("far out", "tanh(tensor([-100, 0, 100])).to_array()", "[-1.0, 0.0, 1.0]"),
                value("of a number", "tanh(1)", "0.7615941559557649"),
            ],
            Some(f64::tanh);
        layer: "the layer tanh(x)", &[value("as a layer", "tanh()(tensor([0])).to_array()", "[0.0]")];
        source: &[];
    }
    SIGMOID {
        function: "1 / (1 + e⁻ˣ), in [0, 1]: a logit as a probability",
            &[
                value("at 0", "sigmoid(tensor([0])).to_array()", "[0.5]"),
                value("of a number", "sigmoid(0)", "0.5"),
            ],
            // Never the exponential of a large positive number.
            Some(|x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) });
        layer: "the layer 1 / (1 + e⁻ˣ)", &[value("as a layer", "sigmoid()(tensor([0])).to_array()", "[0.5]")];
        source: &[];
    }
    SOFTPLUS {
        function: "log(1 + eˣ), without overflow",
            &[value("far out", "softplus(tensor([1000, -1000])).to_array()", "[1000.0, 0.0]")], Some(softplus);
        layer: "the layer log(1 + eˣ)",
            &[value("as a layer", "softplus()(tensor([0])).item() - log(2) < 1e-6", "true")];
        source: &[];
    }
    LOG_SIGMOID {
        function: "log(1 / (1 + e⁻ˣ)), without overflow: the logarithm of a probability from its logit",
            &[value("far out", "log_sigmoid(tensor([-1000])).to_array()", "[-1000.0]")], Some(|v| -softplus(-v));
        layer: "the layer log σ(x)",
            &[value("as a layer", "log_sigmoid()(tensor([0])).item() + log(2) < 1e-6", "true")];
        source: &[];
    }
}

fn softplus(v: f64) -> f64 {
    v.max(0.0) + (-v.abs()).exp().ln_1p()
}

const SLOPE: Param<f64> = param("slope", types::NUMBER, "the slope below 0; DCGAN: 0.2").or(0.01);
static LEAKY_RELU: [Entry; 2] = [
    Entry {
        name: "leaky_relu",
        group: "math",
        summary: "x where x > 0, else slope · x (`leaky_relu(slope)` alone is the layer)",
        params: &[X.param(), SLOPE.param()],
        returns: Ty::Tensor,
        shapes: "as x",
        source: &[cite::MAAS_2013],
        examples: &[value("both signs", "leaky_relu(tensor([-2, 3]), 0.25).to_array()", "[-0.5, 3.0]")],
        call: |call| X.of(call)?.leaky_relu(SLOPE.of(call)? as f32).map(wrap),
        ..ENTRY
    },
    Entry {
        params: &[SLOPE.param()],
        source: &[cite::MAAS_2013],
        call: |call| layer(&activation::LEAKY_RELU, Some(SLOPE.of(call)?)),
        ..of_layer(
            "leaky_relu",
            "the layer x where x > 0, else slope · x",
            &[value("as a layer", "leaky_relu(0.5)(tensor([-1, 2])).to_array()", "[-0.5, 2.0]")],
        )
    },
];

const ALPHA: Param<f64> = param("alpha", types::NUMBER, "minus the limit at −∞").or(1.0);
static ELU: [Entry; 2] = [
    Entry {
        name: "elu",
        group: "math",
        summary: "x where x > 0, else alpha · (eˣ − 1) (`elu(alpha)` alone is the layer)",
        params: &[X.param(), ALPHA.param()],
        returns: Ty::Tensor,
        shapes: "as x",
        source: &[cite::CLEVERT_2016],
        examples: &[value("far out", "elu(tensor([-1000, 3]), 2).to_array()", "[-2.0, 3.0]")],
        call: |call| X.of(call)?.elu(ALPHA.of(call)? as f32).map(wrap),
        ..ENTRY
    },
    Entry {
        params: &[ALPHA.param()],
        source: &[cite::CLEVERT_2016],
        call: |call| layer(&activation::ELU, Some(ALPHA.of(call)?)),
        ..of_layer(
            "elu",
            "the layer x where x > 0, else α · (eˣ − 1)",
            &[value("as a layer", "elu()(tensor([0, 2])).to_array()", "[0.0, 2.0]")],
        )
    },
];

const CHANNELS: Maybe<usize> =
    param("channels", types::SIZE, "a slope for each of so many channels, dim 1").maybe("one slope for all");
static PRELU: Entry = Entry {
    options: &[CHANNELS.opt()],
    errors: &["channels below 1", "when called, with channels: another number of them"],
    source: &[cite::HE_2015, "; as in PyTorch"],
    call: |call| {
        let channels = CHANNELS.of(call)?;
        if channels == Some(0) {
            return Err(Fault::value("prelu: channels must be at least 1"));
        }
        check_shape("prelu", &[channels.unwrap_or(1)])?;
        made(Network::of(Prelu { channels }))
    },
    ..of_layer(
        "prelu",
        "the layer x where x > 0, else slope · x, with a trained slope that starts at 0.25",
        &[
            value("it starts as leaky_relu(0.25)", "prelu()(tensor([-2, 3])).to_array()", "[-0.5, 3.0]"),
            value(
                "slopes of two channels",
                "let f = prelu(#{ channels: 2 }).with([tensor([0.5, 2])]);\nf(tensor([[-1, -1], [3, 3]])).to_array()",
                "[[-0.5, -2.0], [3.0, 3.0]]",
            ),
            fails("other channels", "prelu(#{ channels: 2 })(ones([4, 3]))", "input must be [n, 2]"),
        ],
    )
};

// Along a dim the functions are reductions: `tensor::reduce`.
static SOFTMAX: Entry = Entry {
    call: |_| layer(&activation::SOFTMAX, None),
    ..of_layer(
        "softmax",
        "the layer eˣ / Σ eˣ along the last dim",
        &[value("as a layer", "softmax()(tensor([0, 0])).to_array()", "[0.5, 0.5]")],
    )
};
static LOG_SOFTMAX: Entry = Entry {
    call: |_| layer(&activation::LOG_SOFTMAX, None),
    ..of_layer(
        "log_softmax",
        "the layer x − log Σ eˣ along the last dim",
        &[value("as a layer", "exp(log_softmax()(tensor([0, 0]))).to_array()", "[0.5, 0.5]")],
    )
};
