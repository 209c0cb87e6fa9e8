//! Words on plain numbers, int or float, and on arrays of them. Where a tensor word has the same name, the argument decides.

use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Example, Gives, Param, Ty, number, numbers};
use saddle_fault::{Fault, Result};
use std::cmp::Ordering;

pub static ENTRIES: &[&Entry] = &[
    &ABS, &SQRT, &EXP, &LOG, &LOG2, &LOG10, &SIN, &COS, &TAN, &TANH, &SIGMOID, &FLOOR, &CEIL, &ROUND, &SIGN, &MIN,
    &MAX, &POW, &DIV, &CLAMP, &INT, &FLOAT, &SUM_OF, &MEAN_OF, &MIN_OF, &MAX_OF,
];

const X: &[Param] = &[param("x", "the number")];
const TWO: &[Param] = &[param("a", "a number"), param("b", "another number")];
const MANY: &[Param] = &[Param { name: "xs", ty: Ty::Array, default: None, doc: "an array of numbers, not empty" }];

const fn param(name: &'static str, doc: &'static str) -> Param {
    Param { name, ty: Ty::Number, default: None, doc }
}

/// A word from numbers to a number.
const fn word(
    name: &'static str,
    summary: &'static str,
    params: &'static [Param],
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry { name, group: "number", summary, params, returns: Ty::Number, examples, call, ..ENTRY }
}

const fn shows(code: &'static str, value: &'static str) -> Example {
    Example { what: "a value", code, gives: Gives::Value(value) }
}

const fn fails(code: &'static str, message: &'static str) -> Example {
    Example { what: "outside of its domain", code, gives: Gives::Error(message) }
}

/// A function of one real number.
fn real(call: &Call, f: fn(f64) -> f64) -> Result<Dynamic> {
    Ok(f(call.args.number(0)?).into())
}

/// A function that gives a whole number for a whole number.
fn whole_or(call: &Call, whole: fn(i64) -> i64, f: fn(f64) -> f64) -> Result<Dynamic> {
    match call.args.any(0).as_int() {
        Ok(n) => Ok(whole(n).into()),
        Err(_) => real(call, f),
    }
}

/// How two numbers are ordered: whole numbers by every digit.
fn order(a: &Dynamic, b: &Dynamic) -> Option<Ordering> {
    match (a.as_int(), b.as_int()) {
        (Ok(a), Ok(b)) => Some(a.cmp(&b)),
        _ => number(a)?.partial_cmp(&number(b)?),
    }
}

/// A function of one real number above a limit.
fn above(call: &Call, limit: f64, inclusive: bool, f: fn(f64) -> f64) -> Result<Dynamic> {
    let x = call.args.number(0)?;
    if x < limit || (x == limit && !inclusive) {
        let relation = if inclusive { "≥" } else { ">" };
        return Err(Fault::value(format!("{}: x must be {relation} {limit}, got {x:?}", call.entry.name)));
    }
    Ok(f(x).into())
}

static ABS: Entry =
    word("abs", "the magnitude of a number", X, &[shows("abs(-3)", "3"), shows("abs(-2.5)", "2.5")], |call| match call
        .args
        .int(0)
    {
        Ok(n) => n
            .checked_abs()
            .map(Dynamic::from)
            .ok_or_else(|| Fault::value(format!("abs: {n} has no magnitude in an int"))),
        Err(_) => real(call, f64::abs),
    });
static SQRT: Entry = Entry {
    errors: &["x < 0"],
    ..word(
        "sqrt",
        "the square root",
        X,
        &[shows("sqrt(2)", "1.4142135623730951"), fails("sqrt(-1)", "x must be ≥ 0")],
        |call| above(call, 0.0, true, f64::sqrt),
    )
};
static EXP: Entry =
    word("exp", "e to the power of x", X, &[shows("exp(1)", "2.718281828459045")], |call| real(call, f64::exp));
static LOG: Entry = Entry {
    errors: &["x ≤ 0"],
    ..word(
        "log",
        "the natural logarithm",
        X,
        &[shows("log(2)", "0.6931471805599453"), fails("log(0)", "x must be > 0")],
        |call| above(call, 0.0, false, f64::ln),
    )
};
static LOG2: Entry = Entry {
    errors: &["x ≤ 0"],
    ..word("log2", "the logarithm to base 2", X, &[shows("log2(8)", "3.0")], |call| above(call, 0.0, false, f64::log2))
};
static LOG10: Entry = Entry {
    errors: &["x ≤ 0"],
    ..word("log10", "the logarithm to base 10", X, &[shows("log10(1000)", "3.0")], |call| {
        above(call, 0.0, false, f64::log10)
    })
};
static SIN: Entry =
    word("sin", "the sine of an angle in radians", X, &[shows("sin(0)", "0.0")], |call| real(call, f64::sin));
static COS: Entry =
    word("cos", "the cosine of an angle in radians", X, &[shows("cos(0)", "1.0")], |call| real(call, f64::cos));
static TAN: Entry =
    word("tan", "the tangent of an angle in radians", X, &[shows("tan(0)", "0.0")], |call| real(call, f64::tan));
static TANH: Entry =
    word("tanh", "the hyperbolic tangent", X, &[shows("tanh(1)", "0.7615941559557649")], |call| real(call, f64::tanh));
static SIGMOID: Entry = word("sigmoid", "1 / (1 + e^-x)", X, &[shows("sigmoid(0)", "0.5")], |call| {
    // Never the exponential of a large positive number.
    real(call, |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) })
});
static FLOOR: Entry = word(
    "floor",
    "the largest whole number not above x",
    X,
    &[shows("floor(-1.5)", "-2.0"), shows("floor(3)", "3")],
    |call| whole_or(call, |n| n, f64::floor),
);
static CEIL: Entry = word(
    "ceil",
    "the smallest whole number not below x",
    X,
    &[shows("ceil(1.2)", "2.0"), shows("ceil(3)", "3")],
    |call| whole_or(call, |n| n, f64::ceil),
);
static ROUND: Entry = word(
    "round",
    "the nearest whole number; a half goes to the even one, as in PyTorch",
    X,
    &[shows("round(2.5)", "2.0"), shows("round(-1.6)", "-2.0")],
    |call| whole_or(call, |n| n, f64::round_ties_even),
);
static SIGN: Entry = word("sign", "-1, 0 or 1", X, &[shows("sign(-3)", "-1"), shows("sign(-0.5)", "-1.0")], |call| {
    whole_or(call, i64::signum, |x| if x == 0.0 { 0.0 } else { x.signum() })
});

static MIN: Entry =
    word("min", "the smaller of two numbers", TWO, &[shows("min(1, 2.5)", "1")], |call| pick(call, Ordering::is_le));
static MAX: Entry =
    word("max", "the larger of two numbers", TWO, &[shows("max(1, 2.5)", "2.5"), shows("max(1, 2)", "2")], |call| {
        pick(call, Ordering::is_ge)
    });

/// The first argument where `keeps` holds, otherwise the second; NaN wins over both.
fn pick(call: &Call, keeps: fn(Ordering) -> bool) -> Result<Dynamic> {
    let (a, _) = (call.args.number(0)?, call.args.number(1)?);
    let keep = a.is_nan() || order(call.args.any(0), call.args.any(1)).is_some_and(keeps);
    Ok(call.args.any(usize::from(!keep)).clone())
}

static POW: Entry = word(
    "pow",
    "a to the power of b, as `a ** b`",
    TWO,
    &[shows("pow(2, -1)", "0.5"), shows("pow(2, 10)", "1024")],
    |call| Ok(power(call.args.any(0), call.args.any(1))),
);

/// `a ** b`: an int where both are ints and the result is one, otherwise a float.
pub fn power(a: &Dynamic, b: &Dynamic) -> Dynamic {
    let exact = match (a.as_int(), b.as_int()) {
        (Ok(a), Ok(b)) => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        _ => None,
    };
    exact.map_or_else(|| number(a).unwrap_or(f64::NAN).powf(number(b).unwrap_or(f64::NAN)).into(), Dynamic::from)
}

static DIV: Entry = Entry {
    errors: &["b is 0"],
    ..word(
        "div",
        "how often b fits into a, rounded down: Python's `//` (which begins a comment here)",
        TWO,
        &[shows("div(7, 2)", "3"), shows("div(-7, 2)", "-4"), fails("div(1, 0)", "division by zero")],
        |call| {
            let (a, b) = (call.args.number(0)?, call.args.number(1)?);
            if b == 0.0 {
                return Err(Fault::value("div: division by zero"));
            }
            match (call.args.int(0), call.args.int(1)) {
                (Ok(a), Ok(b)) => {
                    let down = i64::from(a.wrapping_rem(b) != 0 && (a < 0) != (b < 0));
                    a.checked_div(b)
                        .map(|q| (q - down).into())
                        .ok_or_else(|| Fault::value("div: the result does not fit into an int"))
                }
                _ => Ok((a / b).floor().into()),
            }
        },
    )
};
static CLAMP: Entry = Entry {
    errors: &["low > high"],
    ..word(
        "clamp",
        "x moved into [low, high]",
        &[param("x", "the number"), param("low", "the smallest value"), param("high", "the largest value")],
        &[shows("clamp(1.5, 0, 1)", "1.0"), shows("clamp(-2, 0, 1)", "0")],
        |call| {
            let (x, low, high) = (call.args.number(0)?, call.args.number(1)?, call.args.number(2)?);
            if low > high {
                return Err(Fault::value(format!("clamp: low {low} is above high {high}")));
            }
            match [0, 1, 2].map(|i| call.args.any(i).as_int()) {
                [Ok(x), Ok(low), Ok(high)] => Ok(x.max(low).min(high).into()),
                _ => Ok(x.max(low).min(high).into()),
            }
        },
    )
};

const NUMBER_OR_TEXT: &[Param] = &[Param {
    name: "x",
    ty: Ty::OneOf(&[Ty::Number, Ty::Text, Ty::Bool]),
    default: None,
    doc: "a number, a truth, or a text that holds a number",
}];

static INT: Entry = Entry {
    errors: &["a text that holds no whole number", "a float that is not finite or too large"],
    returns: Ty::Int,
    ..word(
        "int",
        "the whole number towards zero",
        NUMBER_OR_TEXT,
        &[shows("int(2.9)", "2"), shows("int(\"42\")", "42"), fails("int(\"x\")", "is not a whole number")],
        |call| {
            let value = call.args.any(0);
            if let Ok(x) = value.as_float() {
                let whole = x.trunc();
                let fits = whole.is_finite() && whole.abs() < 9.2e18;
                return if fits {
                    Ok((whole as i64).into())
                } else {
                    Err(Fault::value(format!("int: {x:?} does not fit into an int")))
                };
            }
            if let Ok(b) = value.as_bool() {
                return Ok(i64::from(b).into());
            }
            match call.args.int(0) {
                Ok(n) => Ok(n.into()),
                Err(_) => {
                    let text = call.args.text(0)?;
                    text.trim()
                        .parse::<i64>()
                        .map(Dynamic::from)
                        .map_err(|_| Fault::value(format!("int: {text:?} is not a whole number")))
                }
            }
        },
    )
};
static FLOAT: Entry = Entry {
    errors: &["a text that holds no number"],
    ..word(
        "float",
        "the number as a float",
        NUMBER_OR_TEXT,
        &[shows("float(2)", "2.0"), shows("float(\"1e-3\")", "0.001"), fails("float(\"x\")", "is not a number")],
        |call| {
            if let Ok(b) = call.args.bool(0) {
                return Ok(f64::from(u8::from(b)).into());
            }
            match call.args.number(0) {
                Ok(x) => Ok(x.into()),
                Err(_) => {
                    let text = call.args.text(0)?;
                    text.trim()
                        .parse::<f64>()
                        .map(Dynamic::from)
                        .map_err(|_| Fault::value(format!("float: {text:?} is not a number")))
                }
            }
        },
    )
};

static SUM_OF: Entry = word(
    "sum",
    "the sum of an array of numbers",
    MANY,
    &[shows("sum([1, 2, 3])", "6"), shows("sum([0.5, 1])", "1.5")],
    |call| {
        let items = call.args.array(0)?;
        match exact_sum(&items) {
            Some(sum) => i64::try_from(sum).map(Dynamic::from).map_err(|_| {
                Fault::value("sum: whole numbers of more than 64 bits")
                    .hint("with a float among them the sum is a float")
            }),
            None => Ok(all(call)?.iter().sum::<f64>().into()),
        }
    },
);
static MEAN_OF: Entry = word(
    "mean",
    "the mean of an array of numbers",
    MANY,
    &[shows("mean([1, 2])", "1.5"), fails("mean([])", "the array is empty")],
    |call| {
        let xs = some(call)?;
        let sum = exact_sum(&call.args.array(0)?).map_or_else(|| xs.iter().sum::<f64>(), |sum| sum as f64);
        Ok((sum / xs.len() as f64).into())
    },
);
static MIN_OF: Entry =
    word("min", "the smallest of an array of numbers", MANY, &[shows("min([3, 1.5, 2])", "1.5")], |call| {
        extreme(call, Ordering::is_lt)
    });
static MAX_OF: Entry =
    word("max", "the largest of an array of numbers", MANY, &[shows("max([3, 1.5, 2])", "3")], |call| {
        extreme(call, Ordering::is_gt)
    });

/// The numbers of the array.
fn all(call: &Call) -> Result<Vec<f64>> {
    numbers(call.args.any(0))
        .ok_or_else(|| Fault::type_(format!("{}: the array must hold numbers only", call.entry.name)))
}

/// The numbers of an array that must not be empty.
fn some(call: &Call) -> Result<Vec<f64>> {
    let xs = all(call)?;
    if xs.is_empty() { Err(Fault::value(format!("{}: the array is empty", call.entry.name))) } else { Ok(xs) }
}

/// The element that `beats` all before it; NaN beats everything.
fn extreme(call: &Call, beats: fn(Ordering) -> bool) -> Result<Dynamic> {
    let (xs, items) = (some(call)?, call.args.array(0)?);
    let mut best = 0;
    for (i, x) in xs.iter().enumerate() {
        if !xs[best].is_nan() && (x.is_nan() || order(&items[i], &items[best]).is_some_and(beats)) {
            best = i;
        }
    }
    Ok(items[best].clone())
}

/// The sum of an array of nothing but ints.
fn exact_sum(items: &[Dynamic]) -> Option<i128> {
    items.iter().try_fold(0i128, |sum, v| Some(sum + i128::from(v.as_int().ok()?)))
}
