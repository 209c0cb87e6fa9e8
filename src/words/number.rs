//! Words on plain numbers, int or float, and on arrays of them. Where a tensor word has the same name, the argument
//! decides.

use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Example, Gives, Param, Ty, number, numbers, param};
use saddle_fault::{Fault, Result};
use std::cmp::Ordering;

pub static ENTRIES: &[&Entry] = &[&MIN, &MAX, &POW, &DIV, &CLAMP, &INT, &FLOAT, &SUM_OF, &MEAN_OF, &MIN_OF, &MAX_OF];

pub(crate) const X: Param<f64> = param("x", types::NUMBER, "the number");
const A: Param<f64> = param("a", types::NUMBER, "a number");
const B: Param<f64> = param("b", types::NUMBER, "another number");
const XS: Param<Array> = param("xs", types::ARRAY, "an array of numbers, not empty");
const ONE: &[AnyParam] = &[X.param()];
const TWO: &[AnyParam] = &[A.param(), B.param()];
const MANY: &[AnyParam] = &[XS.param()];

/// The form for a number of a word that tensors have, too.
pub(crate) const fn of_number(
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    word("", summary, ONE, examples, call)
}

/// A word from numbers to a number.
const fn word(
    name: &'static str,
    summary: &'static str,
    params: &'static [AnyParam],
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry { name, group: "number", summary, params, returns: Ty::Number, examples, call, ..ENTRY }
}

pub(crate) const fn shows(code: &'static str, value: &'static str) -> Example {
    Example { what: "a value", code, gives: Gives::Value(value) }
}

pub(crate) const fn outside(code: &'static str, message: &'static str) -> Example {
    Example { what: "outside of its domain", code, gives: Gives::Error(message) }
}

/// A function of one real number.
pub(crate) fn real(call: &Call, f: fn(f64) -> f64) -> Result<Dynamic> {
    Ok(f(X.of(call)?).into())
}

/// A function that gives a whole number for a whole number.
pub(crate) fn whole_or(call: &Call, whole: fn(i64) -> i64, f: fn(f64) -> f64) -> Result<Dynamic> {
    match X.value(call).as_int() {
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
pub(crate) fn above(call: &Call, limit: f64, inclusive: bool, f: fn(f64) -> f64) -> Result<Dynamic> {
    let x = X.of(call)?;
    if x < limit || (x == limit && !inclusive) {
        let relation = if inclusive { "≥" } else { ">" };
        return Err(Fault::value(format!("{}: x must be {relation} {limit}, got {x:?}", call.entry.name)));
    }
    Ok(f(x).into())
}

static MIN: Entry =
    word("min", "the smaller of two numbers", TWO, &[shows("min(1, 2.5)", "1")], |call| pick(call, Ordering::is_le));
static MAX: Entry =
    word("max", "the larger of two numbers", TWO, &[shows("max(1, 2.5)", "2.5"), shows("max(1, 2)", "2")], |call| {
        pick(call, Ordering::is_ge)
    });

/// The first argument where `keeps` holds, otherwise the second; NaN wins over both.
fn pick(call: &Call, keeps: fn(Ordering) -> bool) -> Result<Dynamic> {
    let (a, b) = (A.value(call), B.value(call));
    let keep = A.of(call)?.is_nan() || order(a, b).is_some_and(keeps);
    Ok(if keep { a } else { b }.clone())
}

static POW: Entry = word(
    "pow",
    "a to the power of b, as `a ** b`",
    TWO,
    &[shows("pow(2, -1)", "0.5"), shows("pow(2, 10)", "1024")],
    |call| Ok(power(A.value(call), B.value(call))),
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
        &[shows("div(7, 2)", "3"), shows("div(-7, 2)", "-4"), outside("div(1, 0)", "division by zero")],
        |call| {
            let (a, b) = (A.of(call)?, B.of(call)?);
            if b == 0.0 {
                return Err(Fault::value("div: division by zero"));
            }
            match (A.value(call).as_int(), B.value(call).as_int()) {
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
const LOW: Param<f64> = param("low", types::NUMBER, "the smallest value");
const HIGH: Param<f64> = param("high", types::NUMBER, "the largest value");
static CLAMP: Entry = Entry {
    errors: &["low > high"],
    ..word(
        "clamp",
        "x moved into [low, high]",
        &[X.param(), LOW.param(), HIGH.param()],
        &[shows("clamp(1.5, 0, 1)", "1.0"), shows("clamp(-2, 0, 1)", "0")],
        |call| {
            let (x, low, high) = (X.of(call)?, LOW.of(call)?, HIGH.of(call)?);
            if low > high {
                return Err(Fault::value(format!("clamp: low {low} is above high {high}")));
            }
            match [X, LOW, HIGH].map(|p| p.value(call).as_int()) {
                [Ok(x), Ok(low), Ok(high)] => Ok(x.max(low).min(high).into()),
                _ => Ok(x.max(low).min(high).into()),
            }
        },
    )
};

const NUMBER_OR_TEXT_X: Param<Dynamic> = param(
    "x",
    types::any(Ty::OneOf(&[Ty::Number, Ty::Text, Ty::Bool])),
    "a number, a truth, or a text that holds a number",
);
const NUMBER_OR_TEXT: &[AnyParam] = &[NUMBER_OR_TEXT_X.param()];

static INT: Entry = Entry {
    errors: &["a text that holds no whole number", "a float that is not finite or too large"],
    returns: Ty::Int,
    ..word(
        "int",
        "the whole number towards zero",
        NUMBER_OR_TEXT,
        &[shows("int(2.9)", "2"), shows("int(\"42\")", "42"), outside("int(\"x\")", "is not a whole number")],
        |call| {
            let value = NUMBER_OR_TEXT_X.value(call);
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
            match value.as_int() {
                Ok(n) => Ok(n.into()),
                Err(_) => {
                    let text = NUMBER_OR_TEXT_X.value(call).to_string();
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
        &[shows("float(2)", "2.0"), shows("float(\"1e-3\")", "0.001"), outside("float(\"x\")", "is not a number")],
        |call| {
            if let Ok(b) = NUMBER_OR_TEXT_X.value(call).as_bool() {
                return Ok(f64::from(u8::from(b)).into());
            }
            match number(NUMBER_OR_TEXT_X.value(call)) {
                Some(x) => Ok(x.into()),
                None => {
                    let text = NUMBER_OR_TEXT_X.value(call).to_string();
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
        let items = XS.of(call)?;
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
    &[shows("mean([1, 2])", "1.5"), outside("mean([])", "the array is empty")],
    |call| {
        let xs = some(call)?;
        let sum = exact_sum(&XS.of(call)?).map_or_else(|| xs.iter().sum::<f64>(), |sum| sum as f64);
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
    numbers(XS.value(call))
        .ok_or_else(|| Fault::type_(format!("{}: the array must hold numbers only", call.entry.name)))
}

/// The numbers of an array that must not be empty.
fn some(call: &Call) -> Result<Vec<f64>> {
    let xs = all(call)?;
    if xs.is_empty() { Err(Fault::value(format!("{}: the array is empty", call.entry.name))) } else { Ok(xs) }
}

/// The element that `beats` all before it; NaN beats everything.
fn extreme(call: &Call, beats: fn(Ordering) -> bool) -> Result<Dynamic> {
    let (xs, items) = (some(call)?, XS.of(call)?);
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
