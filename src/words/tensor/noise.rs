//! Words that draw from other distributions than the uniform and the normal one.

use super::random::{SHAPE, STREAM, draw, from_either};
use crate::cite;
use crate::types;

use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Opt, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::random;
use std::cmp::Ordering;

pub static ENTRIES: &[&Entry] =
    &[&EXPONENTIAL[0], &EXPONENTIAL[1], &GUMBEL[0], &GUMBEL[1], &TRUNCATED_NORMAL[0], &TRUNCATED_NORMAL[1]];

static EXPONENTIAL: [Entry; 2] = from_either(
    Entry {
        name: "exponential",
        group: "random",
        summary: "exponential numbers with mean 1; divide by a rate for another mean",
        params: &[SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a size below 0"],
        examples: &[value(
            "none is negative, and half of them are below log 2",
            "seed(0); let x = exponential([100000]); min(x).item() > 0 && abs(mean(float(x < log(2.0))) - 0.5) < 0.01",
            "true",
        )],
        call: |call| draw(call, || Ok(random::exponential(&SHAPE.of(call)?))),
        ..ENTRY
    },
    &[STREAM.param(), SHAPE.param()],
    &[value(
        "the same seed, the same numbers",
        "sum(abs(rng(3).exponential([4]) - rng(3).exponential([4]))).item()",
        "0.0",
    )],
);

static GUMBEL: [Entry; 2] = from_either(
    Entry {
        name: "gumbel",
        group: "random",
        summary: "standard Gumbel numbers, −log(−log u): added to the logits of classes, the class of the greatest sum is drawn from their softmax",
        params: &[SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a size below 0"],
        source: &[cite::MADDISON_2014, "; for Gumbel-softmax: ", cite::JANG_2017],
        examples: &[
            value(
                "two classes, one three times as likely as the other",
                "seed(0); let drawn = argmax(log(tensor([1, 3])) + gumbel([100000, 2]), #{ dim: 1 });\n\
             abs(mean(float(drawn)) - 0.75) < 0.01",
                "true",
            ),
            value(
                "Gumbel-softmax: a relaxed choice, which has a gradient",
                "let y = softmax((zeros([5, 3]) + gumbel([5, 3])) / 0.5, #{ dim: 1 }); y.shape",
                "[5, 3]",
            ),
        ],
        call: |call| draw(call, || Ok(random::gumbel(&SHAPE.of(call)?))),
        ..ENTRY
    },
    &[STREAM.param(), SHAPE.param()],
    &[value("the same seed, the same numbers", "sum(abs(rng(3).gumbel([4]) - rng(3).gumbel([4]))).item()", "0.0")],
);

const LOW: Maybe<f64> = param("low", types::NUMBER, "the lower end; -inf for none").maybe("mean - 2 * std");
const HIGH: Maybe<f64> = param("high", types::NUMBER, "the upper end; inf for none").maybe("mean + 2 * std");
const MEAN: Param<f64> = param("mean", types::NUMBER, "the mean before truncation").or(0.0);
const STD: Param<f64> = param("std", types::NUMBER, "the standard deviation before truncation, above 0").or(1.0);
const ENDS: &[Opt] = &[LOW.opt(), HIGH.opt(), MEAN.opt(), STD.opt()];

static TRUNCATED_NORMAL: [Entry; 2] = from_either(
    Entry {
        name: "truncated_normal",
        group: "random",
        summary: "normal numbers, those beyond two ends drawn again",
        params: &[SHAPE.param()],
        options: ENDS,
        returns: Ty::Tensor,
        errors: &["a size below 0", "low not below high", "std not above 0"],
        source: &[cite::ROBERT_1995, "; the truncation trick: ", cite::BROCK_2019],
        examples: &[
            value("in range", "let z = truncated_normal([1000]); max(abs(z)) <= 2", "true"),
            value(
                "the truncation trick: noise that stays near its centre",
                "let z = truncated_normal([64, 100], #{ low: -0.5, high: 0.5 }); max(abs(z)) <= 0.5",
                "true",
            ),
            fails(
                "ends exchanged",
                "truncated_normal([3], #{ low: 1, high: -1 })",
                "low must be below high, got 1 and -1",
            ),
        ],
        call: truncated_normal,
        ..ENTRY
    },
    &[STREAM.param(), SHAPE.param()],
    &[value("in range", "min(rng(3).truncated_normal([100], #{ mean: 7, low: 7, high: 8 })).item() >= 7", "true")],
);

fn truncated_normal(call: &mut Call) -> Result<Dynamic> {
    let mean = MEAN.of(call)?;
    let std = STD.of(call)?;
    if !mean.is_finite() || !std.is_finite() || std <= 0.0 {
        return Err(Fault::value(format!(
            "truncated_normal: mean and std must be finite and std above 0, got {mean} and {std}"
        )));
    }
    let low = LOW.of(call)?.unwrap_or(mean - 2.0 * std);
    let high = HIGH.of(call)?.unwrap_or(mean + 2.0 * std);
    // NaN is no end either; and both ends may be too far out to count the way in `std`.
    let ordered = low.partial_cmp(&high) == Some(Ordering::Less);
    let far = |end: f64, side: f64| (end - mean) / std == side;
    if !ordered || far(low, f64::INFINITY) || far(high, f64::NEG_INFINITY) {
        return Err(Fault::value(format!("truncated_normal: low must be below high, got {low} and {high}")));
    }
    draw(call, || Ok(random::truncated_normal(&SHAPE.of(call)?, mean, std, low, high)))
}
