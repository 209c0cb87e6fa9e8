//! Element-wise functions: of tensors and of plain numbers.

use super::{X, coerce_beside, fails, is_whole, opt, optional, param, tensor, value, wrap};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Example, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Dtype, Tensor};

pub static ENTRIES: &[&Entry] = &[
    &EXP,
    &LOG,
    &LOG1P,
    &EXPM1,
    &SQRT,
    &SQUARE,
    &ABS,
    &SIGN,
    &SIN,
    &COS,
    &TANH,
    &SIGMOID,
    &SOFTPLUS,
    &LOG_SIGMOID,
    &ERF,
    &RELU,
    &GELU,
    &SILU,
    &LEAKY_RELU,
    &ELU,
    &FLOOR,
    &CEIL,
    &ROUND,
    &CLAMP,
    &MAXIMUM,
    &MINIMUM,
];

const X_OR_NUMBER: Param = param("x", Ty::TensorLike, "a tensor, or a number");

/// The record of a function of each element. Numbers have words of the same name in `number`.
const fn elementwise(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry { name, group: "math", summary, params: &[X], returns: Ty::Tensor, shapes: "as x", examples, call, ..ENTRY }
}

/// The record of a function of each element of a tensor, or of a plain number.
const fn of_both(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        params: &[X_OR_NUMBER],
        returns: Ty::TensorLike,
        shapes: "as x; a number gives a number",
        ..elementwise(name, summary, examples, call)
    }
}

fn apply(call: &Call, f: fn(&Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    f(&tensor(call, 0)?).map(wrap)
}

/// Applies a function to a tensor, or its twin to a number.
fn apply_both(call: &Call, to_tensor: fn(&Tensor) -> Result<Tensor>, to_number: fn(f64) -> f64) -> Result<Dynamic> {
    match call.args.any(0).read_lock::<Tensor>() {
        Some(x) => to_tensor(&x).map(wrap),
        None => Ok(to_number(call.args.number(0)?).into()),
    }
}

/// A function that has no twin for numbers: through a tensor of one element, with its precision.
fn through_tensor(call: &Call, f: fn(&Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    match call.args.any(0).read_lock::<Tensor>() {
        Some(x) => f(&x).map(wrap),
        // Plain numbers are not worth a trip to another device.
        None => {
            let number = Tensor::full(call.args.number(0)? as f32, &[], &Device::Cpu);
            super::value::item(&f(&number)?)
        }
    }
}

static EXP: Entry = elementwise(
    "exp",
    "eˣ; infinite above 88.7",
    &[value("at 0 and below", "exp(tensor([0, -1000])).to_array()", "[1.0, 0.0]")],
    |call| apply(call, Tensor::exp),
);

static LOG: Entry = elementwise(
    "log",
    "the natural logarithm; −∞ at 0, NaN below",
    &[value("at 1 and 0", "log(tensor([1, 0])).to_array()", "[0.0, -inf]")],
    |call| apply(call, Tensor::log),
);

static LOG1P: Entry =
    of_both("log1p", "log(1 + x), exact for small x", &[value("small", "log1p(1e-20)", "1e-20")], |call| {
        apply_both(call, Tensor::log1p, f64::ln_1p)
    });

static EXPM1: Entry =
    of_both("expm1", "eˣ − 1, exact for small x", &[value("small", "expm1(1e-20)", "1e-20")], |call| {
        apply_both(call, Tensor::expm1, f64::exp_m1)
    });

static SQRT: Entry = elementwise(
    "sqrt",
    "the square root; NaN below 0; its gradient at 0 is infinite",
    &[value("of squares", "sqrt(tensor([4, 9])).to_array()", "[2.0, 3.0]")],
    |call| apply(call, Tensor::sqrt),
);

static SQUARE: Entry =
    of_both("square", "x²", &[value("of negatives too", "square(tensor([-3, 2])).to_array()", "[9.0, 4.0]")], |call| {
        apply_both(call, Tensor::square, |v| v * v)
    });

static ABS: Entry = elementwise(
    "abs",
    "|x|; its gradient at 0 is 0",
    &[value("both signs", "abs(tensor([-1.5, 2])).to_array()", "[1.5, 2.0]")],
    |call| apply(call, Tensor::abs),
);

static SIGN: Entry = elementwise(
    "sign",
    "−1, 0 or 1; its gradient is 0",
    &[value("all three", "sign(tensor([-5, 0, 5])).to_array()", "[-1.0, 0.0, 1.0]")],
    |call| apply(call, Tensor::sign),
);

static SIN: Entry =
    elementwise("sin", "the sine, of radians", &[value("at 0", "sin(tensor([0])).to_array()", "[0.0]")], |call| {
        apply(call, Tensor::sin)
    });

static COS: Entry =
    elementwise("cos", "the cosine, of radians", &[value("at 0", "cos(tensor([0])).to_array()", "[1.0]")], |call| {
        apply(call, Tensor::cos)
    });

static TANH: Entry = elementwise(
    "tanh",
    "the hyperbolic tangent, in [−1, 1]",
    &[value("far out", "tanh(tensor([-100, 0, 100])).to_array()", "[-1.0, 0.0, 1.0]")],
    |call| apply(call, Tensor::tanh),
);

static SIGMOID: Entry = elementwise(
    "sigmoid",
    "1 / (1 + e⁻ˣ), in [0, 1]: a logit as a probability",
    &[value("at 0", "sigmoid(tensor([0])).to_array()", "[0.5]")],
    |call| apply(call, Tensor::sigmoid),
);

fn softplus(v: f64) -> f64 {
    v.max(0.0) + (-v.abs()).exp().ln_1p()
}

static SOFTPLUS: Entry = of_both(
    "softplus",
    "log(1 + eˣ), without overflow",
    &[value("far out", "softplus(tensor([1000, -1000])).to_array()", "[1000.0, 0.0]")],
    |call| apply_both(call, Tensor::softplus, softplus),
);

static LOG_SIGMOID: Entry = of_both(
    "log_sigmoid",
    "log(1 / (1 + e⁻ˣ)), without overflow: the logarithm of a probability from its logit",
    &[value("far out", "log_sigmoid(tensor([-1000])).to_array()", "[-1000.0]")],
    |call| apply_both(call, Tensor::log_sigmoid, |v| -softplus(-v)),
);

static ERF: Entry = of_both(
    "erf",
    "the error function 2/√π ∫₀ˣ e^(−t²) dt",
    &[value("far out", "erf(tensor([-10, 0, 10])).to_array()", "[-1.0, 0.0, 1.0]")],
    |call| through_tensor(call, Tensor::erf),
);

static RELU: Entry = of_both(
    "relu",
    "max(x, 0); its gradient at 0 is 0",
    &[value("both signs", "relu(tensor([-1, 2])).to_array()", "[0.0, 2.0]")],
    |call| apply_both(call, Tensor::relu, |v| v.max(0.0)),
);

static GELU: Entry = Entry {
    source: "Hendrycks and Gimpel 2016, exact form",
    ..of_both(
        "gelu",
        "x · Φ(x) with the distribution function Φ of the standard normal",
        &[value("far out", "gelu(tensor([0, 100])).to_array()", "[0.0, 100.0]")],
        |call| through_tensor(call, Tensor::gelu),
    )
};

static SILU: Entry = of_both(
    "silu",
    "x · sigmoid(x), also called swish",
    &[value("at 0 and far out", "silu(tensor([0, 100])).to_array()", "[0.0, 100.0]")],
    |call| apply_both(call, Tensor::silu, |v| v / (1.0 + (-v).exp())),
);

static FLOOR: Entry = elementwise(
    "floor",
    "the largest whole number not above; its gradient is 0",
    &[value("both signs", "floor(tensor([-1.5, 1.5])).to_array()", "[-2.0, 1.0]")],
    |call| apply(call, Tensor::floor),
);

static CEIL: Entry = elementwise(
    "ceil",
    "the smallest whole number not below; its gradient is 0",
    &[value("both signs", "ceil(tensor([-1.5, 1.5])).to_array()", "[-1.0, 2.0]")],
    |call| apply(call, Tensor::ceil),
);

static ROUND: Entry = elementwise(
    "round",
    "the nearest whole number, halves to even; its gradient is 0",
    &[value("halves", "round(tensor([0.5, 1.5, 2.6])).to_array()", "[0.0, 2.0, 3.0]")],
    |call| apply(call, Tensor::round),
);

static LEAKY_RELU: Entry = Entry {
    name: "leaky_relu",
    group: "math",
    summary: "x where x > 0, else slope · x (`leaky_relu(slope)` alone is the layer)",
    params: &[param("x", Ty::Tensor, "the tensor"), optional("slope", Ty::Number, "0.01", "the slope below 0")],
    returns: Ty::Tensor,
    shapes: "as x",
    source: "Maas, Hannun and Ng 2013",
    examples: &[value("both signs", "leaky_relu(tensor([-2, 3]), 0.25).to_array()", "[-0.5, 3.0]")],
    call: |call| {
        let slope = if call.args.has(1) { call.args.number(1)? } else { 0.01 };
        tensor(call, 0)?.leaky_relu(slope as f32).map(wrap)
    },
    ..ENTRY
};

static ELU: Entry = Entry {
    name: "elu",
    group: "math",
    summary: "x where x > 0, else alpha · (eˣ − 1) (`elu(alpha)` alone is the layer)",
    params: &[param("x", Ty::Tensor, "the tensor"), optional("alpha", Ty::Number, "1.0", "minus the limit at −∞")],
    returns: Ty::Tensor,
    shapes: "as x",
    source: "Clevert, Unterthiner and Hochreiter 2015",
    examples: &[value("far out", "elu(tensor([-1000, 3]), 2).to_array()", "[-2.0, 3.0]")],
    call: |call| {
        let alpha = if call.args.has(1) { call.args.number(1)? } else { 1.0 };
        tensor(call, 0)?.elu(alpha as f32).map(wrap)
    },
    ..ENTRY
};

static CLAMP: Entry = Entry {
    name: "clamp",
    group: "math",
    summary: "cut to the range from `low` to `high`, or at one end only; the gradient passes where x lies between",
    params: &[
        X,
        optional("low", Ty::Number, "none", "the least value"),
        optional("high", Ty::Number, "none", "the largest value"),
    ],
    options: &[
        opt("min", Ty::Number, "low", "the least value, alone"),
        opt("max", Ty::Number, "high", "the largest value, alone"),
    ],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &["no limit at all", "`low` above `high`"],
    examples: &[
        value("both ends", "clamp(tensor([-2, 0.5, 2]), -1, 1).to_array()", "[-1.0, 0.5, 1.0]"),
        value("one end", "clamp(tensor([-2, 0.5, 2]), #{ max: 1 }).to_array()", "[-2.0, 0.5, 1.0]"),
        value(
            "whole numbers stay whole",
            "clamp(tensor([3, 7, 9], #{ dtype: \"int\" }), 0, 8).to_array()",
            "[3, 7, 8]",
        ),
        fails("no end", "clamp(tensor([1]))", "give `low` and `high`"),
        fails("ends exchanged", "clamp(tensor([1]), 1, 0)", "low 1 is above high 0"),
    ],
    call: clamp,
    ..ENTRY
};

fn clamp(call: &mut Call) -> Result<Dynamic> {
    let limit = |i: usize, key: &str, none: f64| match call.args.has(i) {
        true => call.args.number(i),
        false => call.options.number(key, none),
    };
    let low = limit(1, "min", f64::NEG_INFINITY)?;
    let high = limit(2, "max", f64::INFINITY)?;
    if low == f64::NEG_INFINITY && high == f64::INFINITY {
        return Err(Fault::value("clamp: give `low` and `high`, or one of the options `min` and `max`")
            .hint("for example clamp(x, 0, 1), or clamp(x, #{ min: 0 })"));
    }
    if low.is_nan() || high.is_nan() || low > high {
        return Err(Fault::value(format!("clamp: low {low} is above high {high}")));
    }
    let x = tensor(call, 0)?;
    let stays = |v: f64| v.fract() == 0.0 || v.is_infinite();
    if x.dtype() == Dtype::Int && stays(low) && stays(high) {
        // An int keeps every digit; an infinite limit saturates at the end of the whole numbers.
        let whole = |i: usize, key: &str, v: f64| match call.args.has(i) {
            true => call.args.int(i).unwrap_or(v as i64),
            false => call.options.int(key, v as i64).unwrap_or(v as i64),
        };
        return x.clamp_ints(whole(1, "min", low), whole(2, "max", high)).map(wrap);
    }
    x.clamp(low as f32, high as f32).map(wrap)
}

const PAIR: &[Param] = &[X_OR_NUMBER, param("y", Ty::TensorLike, "a tensor, or a number; shapes broadcast")];

/// The record of a choice between two operands, element by element.
const fn chosen(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        params: PAIR,
        shapes: "shapes broadcast",
        errors: &["shapes that do not broadcast", "tensors of two devices"],
        ..of_both(name, summary, examples, call)
    }
}

fn choose(
    call: &Call,
    of_tensors: fn(&Tensor, &Tensor) -> Result<Tensor>,
    of_numbers: fn(f64, f64) -> f64,
) -> Result<Dynamic> {
    let (x, y) = (call.args.any(0), call.args.any(1));
    let device = match (x.read_lock::<Tensor>(), y.read_lock::<Tensor>()) {
        (Some(t), _) | (_, Some(t)) => t.device(),
        _ => return Ok(of_numbers(call.args.number(0)?, call.args.number(1)?).into()),
    };
    let whole = is_whole(x) || is_whole(y);
    let read = |i| coerce_beside(call.args.any(i), whole, &device)?.ok_or_else(|| call.args.wrong(i));
    of_tensors(&read(0)?, &read(1)?).map(wrap)
}

static MAXIMUM: Entry = chosen(
    "maximum",
    "the larger of each pair; where they are equal both get half the gradient",
    &[value("at least 0", "maximum(tensor([-1, 2]), 0).to_array()", "[0.0, 2.0]")],
    |call| choose(call, Tensor::maximum, f64::max),
);

static MINIMUM: Entry = chosen(
    "minimum",
    "the smaller of each pair; where they are equal both get half the gradient",
    &[value("at most 1", "minimum(tensor([-1, 2]), 1).to_array()", "[-1.0, 1.0]")],
    |call| choose(call, Tensor::minimum, f64::min),
);
