//! Element-wise functions: of tensors and of plain numbers.

use super::X;
use super::operators::{SIDE, Side};
use crate::convert::wrap;
use crate::number::{self, above, of_number, outside, real, shows, whole_or};
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Example, Maybe, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Dtype, Tensor};

pub static ENTRIES: &[&Entry] = &[
    &EXP[0], &EXP[1], &LOG[0], &LOG[1], &LOG2[0], &LOG2[1], &LOG10[0], &LOG10[1], &LOG1P, &EXPM1, &SQRT[0], &SQRT[1],
    &SQUARE, &ABS[0], &ABS[1], &SIGN[0], &SIGN[1], &SIN[0], &SIN[1], &COS[0], &COS[1], &TAN[0], &TAN[1], &ERF,
    &FLOOR[0], &FLOOR[1], &CEIL[0], &CEIL[1], &ROUND[0], &ROUND[1], &CLAMP, &MAXIMUM, &MINIMUM,
];

pub(crate) const X_OR_NUMBER: Param<Side> = param("x", SIDE, "a tensor, or a number");

/// The two records of a word: of a number, which it may refuse or leave whole, and of a tensor.
const fn both(number: Entry, tensor: Entry) -> [Entry; 2] {
    [Entry { name: tensor.name, ..number }, tensor]
}

/// The record of a function of each element.
const fn elementwise(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        name,
        group: "math",
        summary,
        params: const { &[X.param()] },
        returns: Ty::Tensor,
        shapes: "as x",
        examples,
        call,
        ..ENTRY
    }
}

/// The record of a function of each element of a tensor, or of a plain number.
const fn of_both(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        params: const { &[X_OR_NUMBER.param()] },
        returns: Ty::TensorLike,
        shapes: "as x; a number gives a number",
        ..elementwise(name, summary, examples, call)
    }
}

fn apply(call: &Call, f: fn(&Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    f(&X.of(call)?).map(wrap)
}

/// Applies a function to a tensor, or its twin to a number.
fn apply_both(call: &Call, to_tensor: fn(&Tensor) -> Result<Tensor>, to_number: fn(f64) -> f64) -> Result<Dynamic> {
    match X_OR_NUMBER.of(call)? {
        Side::Tensor(x) => to_tensor(&x).map(wrap),
        x => Ok(to_number(x.number()).into()),
    }
}

/// A function that has no twin for numbers: through a tensor of one element, with its precision.
fn through_tensor(call: &Call, f: fn(&Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    match X_OR_NUMBER.of(call)? {
        Side::Tensor(x) => f(&x).map(wrap),
        // Plain numbers are not worth a trip to another device.
        x => super::value::item(&f(&Tensor::full(x.number() as f32, &[], &Device::Cpu))?),
    }
}

static EXP: [Entry; 2] = both(
    of_number("e to the power of x", &[shows("exp(1)", "2.718281828459045")], |call| real(call, f64::exp)),
    elementwise(
        "exp",
        "eˣ; infinite above 88.7",
        &[value("at 0 and below", "exp(tensor([0, -1000])).to_array()", "[1.0, 0.0]")],
        |call| apply(call, Tensor::exp),
    ),
);

static LOG: [Entry; 2] = both(
    Entry {
        errors: &["x ≤ 0"],
        ..of_number(
            "the natural logarithm",
            &[shows("log(2)", "0.6931471805599453"), outside("log(0)", "x must be > 0")],
            |call| above(call, 0.0, false, f64::ln),
        )
    },
    elementwise(
        "log",
        "the natural logarithm; −∞ at 0, NaN below",
        &[value("at 1 and 0", "log(tensor([1, 0])).to_array()", "[0.0, -inf]")],
        |call| apply(call, Tensor::log),
    ),
);

static LOG2: [Entry; 2] = both(
    Entry {
        errors: &["x ≤ 0"],
        ..of_number(
            "the logarithm to base 2",
            &[shows("log2(8)", "3.0"), outside("log2(0)", "x must be > 0")],
            |call| above(call, 0.0, false, f64::log2),
        )
    },
    elementwise(
        "log2",
        "the logarithm to base 2; −∞ at 0, NaN below",
        &[
            value("at 1 and 0", "log2(tensor([1, 0])).to_array()", "[0.0, -inf]"),
            value("of a power", "abs(log2(tensor([8])).item() - 3) < 1e-6", "true"),
        ],
        |call| apply(call, Tensor::log2),
    ),
);

static LOG10: [Entry; 2] = both(
    Entry {
        errors: &["x ≤ 0"],
        ..of_number(
            "the logarithm to base 10",
            &[shows("log10(1000)", "3.0"), outside("log10(0)", "x must be > 0")],
            |call| above(call, 0.0, false, f64::log10),
        )
    },
    elementwise(
        "log10",
        "the logarithm to base 10; −∞ at 0, NaN below",
        &[
            value("at 1 and 0", "log10(tensor([1, 0])).to_array()", "[0.0, -inf]"),
            value("of a power", "abs(log10(tensor([1000])).item() - 3) < 1e-6", "true"),
        ],
        |call| apply(call, Tensor::log10),
    ),
);

static LOG1P: Entry =
    of_both("log1p", "log(1 + x), exact for small x", &[value("small", "log1p(1e-20)", "1e-20")], |call| {
        apply_both(call, Tensor::log1p, f64::ln_1p)
    });

static EXPM1: Entry =
    of_both("expm1", "eˣ − 1, exact for small x", &[value("small", "expm1(1e-20)", "1e-20")], |call| {
        apply_both(call, Tensor::expm1, f64::exp_m1)
    });

static SQRT: [Entry; 2] = both(
    Entry {
        errors: &["x < 0"],
        ..of_number(
            "the square root",
            &[shows("sqrt(2)", "1.4142135623730951"), outside("sqrt(-1)", "x must be ≥ 0")],
            |call| above(call, 0.0, true, f64::sqrt),
        )
    },
    elementwise(
        "sqrt",
        "the square root; NaN below 0; its gradient at 0 is infinite",
        &[value("of squares", "sqrt(tensor([4, 9])).to_array()", "[2.0, 3.0]")],
        |call| apply(call, Tensor::sqrt),
    ),
);

static SQUARE: Entry =
    of_both("square", "x²", &[value("of negatives too", "square(tensor([-3, 2])).to_array()", "[9.0, 4.0]")], |call| {
        apply_both(call, Tensor::square, |v| v * v)
    });

static ABS: [Entry; 2] = both(
    of_number("the magnitude of a number", &[shows("abs(-3)", "3"), shows("abs(-2.5)", "2.5")], |call| match number::X
        .value(call)
        .as_int()
    {
        Ok(n) => n
            .checked_abs()
            .map(Dynamic::from)
            .ok_or_else(|| Fault::value(format!("abs: {n} has no magnitude in an int"))),
        Err(_) => real(call, f64::abs),
    }),
    elementwise(
        "abs",
        "|x|; its gradient at 0 is 0",
        &[value("both signs", "abs(tensor([-1.5, 2])).to_array()", "[1.5, 2.0]")],
        |call| apply(call, Tensor::abs),
    ),
);

static SIGN: [Entry; 2] = both(
    of_number("-1, 0 or 1", &[shows("sign(-3)", "-1"), shows("sign(-0.5)", "-1.0")], |call| {
        whole_or(call, i64::signum, |x| if x == 0.0 { 0.0 } else { x.signum() })
    }),
    elementwise(
        "sign",
        "−1, 0 or 1; its gradient is 0",
        &[value("all three", "sign(tensor([-5, 0, 5])).to_array()", "[-1.0, 0.0, 1.0]")],
        |call| apply(call, Tensor::sign),
    ),
);

static SIN: [Entry; 2] = both(
    of_number("the sine of an angle in radians", &[shows("sin(0)", "0.0")], |call| real(call, f64::sin)),
    elementwise("sin", "the sine, of radians", &[value("at 0", "sin(tensor([0])).to_array()", "[0.0]")], |call| {
        apply(call, Tensor::sin)
    }),
);

static COS: [Entry; 2] = both(
    of_number("the cosine of an angle in radians", &[shows("cos(0)", "1.0")], |call| real(call, f64::cos)),
    elementwise("cos", "the cosine, of radians", &[value("at 0", "cos(tensor([0])).to_array()", "[1.0]")], |call| {
        apply(call, Tensor::cos)
    }),
);

static TAN: [Entry; 2] = both(
    of_number("the tangent of an angle in radians", &[shows("tan(0)", "0.0")], |call| real(call, f64::tan)),
    elementwise(
        "tan",
        "the tangent, of radians",
        &[
            value("at 0", "tan(tensor([0])).to_array()", "[0.0]"),
            value("of 45 degrees", "abs(tan(tensor([PI() / 4])).item() - 1) < 1e-6", "true"),
        ],
        |call| apply(call, Tensor::tan),
    ),
);

static ERF: Entry = of_both(
    "erf",
    "the error function 2/√π ∫₀ˣ e^(−t²) dt",
    &[value("far out", "erf(tensor([-10, 0, 10])).to_array()", "[-1.0, 0.0, 1.0]")],
    |call| through_tensor(call, Tensor::erf),
);

static FLOOR: [Entry; 2] = both(
    of_number(
        "the largest whole number not above x",
        &[shows("floor(-1.5)", "-2.0"), shows("floor(3)", "3")],
        |call| whole_or(call, |n| n, f64::floor),
    ),
    elementwise(
        "floor",
        "the largest whole number not above; its gradient is 0",
        &[value("both signs", "floor(tensor([-1.5, 1.5])).to_array()", "[-2.0, 1.0]")],
        |call| apply(call, Tensor::floor),
    ),
);

static CEIL: [Entry; 2] = both(
    of_number("the smallest whole number not below x", &[shows("ceil(1.2)", "2.0"), shows("ceil(3)", "3")], |call| {
        whole_or(call, |n| n, f64::ceil)
    }),
    elementwise(
        "ceil",
        "the smallest whole number not below; its gradient is 0",
        &[value("both signs", "ceil(tensor([-1.5, 1.5])).to_array()", "[-1.0, 2.0]")],
        |call| apply(call, Tensor::ceil),
    ),
);

static ROUND: [Entry; 2] = both(
    of_number(
        "the nearest whole number; a half goes to the even one, as in PyTorch",
        &[shows("round(2.5)", "2.0"), shows("round(-1.6)", "-2.0")],
        |call| whole_or(call, |n| n, f64::round_ties_even),
    ),
    elementwise(
        "round",
        "the nearest whole number, halves to even; its gradient is 0",
        &[value("halves", "round(tensor([0.5, 1.5, 2.6])).to_array()", "[0.0, 2.0, 3.0]")],
        |call| apply(call, Tensor::round),
    ),
);

const LOW: Maybe<f64> = param("low", types::NUMBER, "the least value").maybe("none");
const HIGH: Maybe<f64> = param("high", types::NUMBER, "the largest value").maybe("none");
const MIN: Maybe<f64> = param("min", types::NUMBER, "the least value, alone").maybe("low");
const MAX: Maybe<f64> = param("max", types::NUMBER, "the largest value, alone").maybe("high");
static CLAMP: Entry = Entry {
    name: "clamp",
    group: "math",
    summary: "cut to the range from `low` to `high`, or at one end only; the gradient passes where x lies between",
    params: &[X.param(), LOW.param(), HIGH.param()],
    options: &[MIN.opt(), MAX.opt()],
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
    let limit = |own: Maybe<f64>, option: Maybe<f64>| Ok::<_, Fault>(own.of(call)?.or(option.of(call)?));
    let low = limit(LOW, MIN)?.unwrap_or(f64::NEG_INFINITY);
    let high = limit(HIGH, MAX)?.unwrap_or(f64::INFINITY);
    if low == f64::NEG_INFINITY && high == f64::INFINITY {
        return Err(Fault::value("clamp: give `low` and `high`, or one of the options `min` and `max`")
            .hint("for example clamp(x, 0, 1), or clamp(x, #{ min: 0 })"));
    }
    if low.is_nan() || high.is_nan() || low > high {
        return Err(Fault::value(format!("clamp: low {low} is above high {high}")));
    }
    let x = X.of(call)?;
    let stays = |v: f64| v.fract() == 0.0 || v.is_infinite();
    if x.dtype() == Dtype::Int && stays(low) && stays(high) {
        // An int keeps every digit; an infinite limit saturates at the end of the whole numbers.
        let whole = |own: Maybe<f64>, option: Maybe<f64>, v: f64| {
            let given = own.given(call).or(option.given(call));
            given.and_then(|given| given.as_int().ok()).unwrap_or(v as i64)
        };
        return x.clamp_ints(whole(LOW, MIN, low), whole(HIGH, MAX, high)).map(wrap);
    }
    x.clamp(low as f32, high as f32).map(wrap)
}

const Y: Param<Side> = param("y", SIDE, "a tensor, or a number; shapes broadcast");
const PAIR: &[AnyParam] = &[X_OR_NUMBER.param(), Y.param()];

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
    match (X_OR_NUMBER.of(call)?, Y.of(call)?) {
        (x, y) if x.is_number() && y.is_number() => Ok(of_numbers(x.number(), y.number()).into()),
        (x, y) => of_tensors(&x.beside(&y)?, &y.beside(&x)?).map(wrap),
    }
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
