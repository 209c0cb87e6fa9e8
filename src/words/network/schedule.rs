//! The kind `schedule`: a number for each step.

use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, KIND, Kind, Maybe, Param, Ty, param, value};
use saddle_fault::{Fault, Result};
use saddle_nn::schedule::Schedule;
use saddle_session::output::Bundle;
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&LINEAR_SCHEDULE, &COSINE_SCHEDULE, &EXPONENTIAL_SCHEDULE];

pub static SCHEDULE: Kind = Kind {
    name: "schedule",
    summary: "a number for each step: the option lr or momentum of an optimizer, or called with the step",
    id: || TypeId::of::<Schedule>(),
    show: |v| {
        let text = v.read_lock::<Schedule>().map(|s| describe(&s));
        Bundle::text(text.unwrap_or_default())
    },
    call: Some(&AT),
    ..KIND
};

pub(super) fn describe(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Linear { from, to, steps } => format!("linear_schedule({from}, {to}, {steps})"),
        Schedule::Cosine { from, to, steps } => format!("cosine_schedule({from}, {to}, {steps})"),
        Schedule::Exponential { from, factor, limit } => match limit.is_finite() {
            true => format!("exponential_schedule({from}, {factor}, #{{ limit: {limit} }})"),
            false => format!("exponential_schedule({from}, {factor})"),
        },
    }
}

const AT_SCHEDULE: Param<Schedule> = param("schedule", types::SCHEDULE, "the schedule");
const STEP: Param<f64> = param("step", types::NUMBER, "counted from 0");
static AT: Entry = Entry {
    name: "schedule",
    group: "optimizer",
    summary: "the value at a step",
    params: &[AT_SCHEDULE.param(), STEP.param()],
    returns: Ty::Number,
    examples: &[value("half way", "let lr = linear_schedule(1, 0, 10);\nlr(5)", "0.5")],
    call: |call| {
        let schedule = AT_SCHEDULE.of(call)?;
        Ok(schedule.at(STEP.of(call)?).into())
    },
    ..ENTRY
};

const FROM: Param<f64> = param("from", types::NUMBER, "the value at step 0");
const TO: Param<f64> = param("to", types::NUMBER, "the value at the end and after it");
const STEPS: Param<f64> = param("steps", types::NUMBER, "how many steps, above 0");

/// Start, end and length of the way.
fn way(call: &Call) -> Result<(f64, f64, f64)> {
    let steps = STEPS.of(call)?;
    if steps.is_nan() || steps <= 0.0 {
        return Err(Fault::value(format!("{}: steps must be above 0, got {steps}", call.entry.name)));
    }
    Ok((FROM.of(call)?, TO.of(call)?, steps))
}

static LINEAR_SCHEDULE: Entry = Entry {
    name: "linear_schedule",
    group: "optimizer",
    summary: "from one value to another in a straight line",
    params: &[FROM.param(), TO.param(), STEPS.param()],
    returns: Ty::Of("schedule"),
    errors: &["steps of 0 or below"],
    source: &["the 2014 recipe raises the momentum from .5 to .7 over 250 epochs"],
    examples: &[value(
        "a momentum ramp",
        "let ramp = linear_schedule(0.5, 0.75, 250);\n[ramp(0), ramp(125), ramp(1000)]",
        "[0.5, 0.625, 0.75]",
    )],
    call: |call| {
        let (from, to, steps) = way(call)?;
        Ok(Dynamic::from(Schedule::Linear { from, to, steps }))
    },
    ..ENTRY
};

static COSINE_SCHEDULE: Entry = Entry {
    name: "cosine_schedule",
    group: "optimizer",
    summary: "from one value to another along half a cosine wave: slow, fast, slow",
    params: &[FROM.param(), TO.param(), STEPS.param()],
    returns: Ty::Of("schedule"),
    errors: &["steps of 0 or below"],
    source: &[cite::LOSHCHILOV_2017],
    examples: &[value(
        "start, middle, end",
        "let lr = cosine_schedule(1, 0, 10);\n[lr(0), lr(5), lr(10)]",
        "[1.0, 0.5, 0.0]",
    )],
    call: |call| {
        let (from, to, steps) = way(call)?;
        Ok(Dynamic::from(Schedule::Cosine { from, to, steps }))
    },
    ..ENTRY
};

const LIMIT: Maybe<f64> = param("limit", types::NUMBER, "the value beyond which it does not go").maybe("none");

const FACTOR: Param<f64> = param("factor", types::NUMBER, "of each step, above 0");
static EXPONENTIAL_SCHEDULE: Entry = Entry {
    name: "exponential_schedule",
    group: "optimizer",
    summary: "multiplied by a factor at each step",
    params: &[FROM.param(), FACTOR.param()],
    options: &[LIMIT.opt()],
    returns: Ty::Of("schedule"),
    errors: &["a factor of 0 or below"],
    source: &["the 2014 recipe divides lr by 1.000004 at every update, down to 1e-6"],
    examples: &[
        value(
            "halved at each step, down to 0.2",
            "let lr = exponential_schedule(1, 0.5, #{ limit: 0.2 });\n[lr(0), lr(1), lr(2), lr(3)]",
            "[1.0, 0.5, 0.25, 0.2]",
        ),
        value("the 2014 recipe", "exponential_schedule(0.1, 1 / 1.000004, #{ limit: 1e-6 })(1e9)", "1e-6"),
    ],
    call: |call| {
        let (from, factor) = (FROM.of(call)?, FACTOR.of(call)?);
        if factor.is_nan() || factor <= 0.0 {
            return Err(Fault::value(format!("exponential_schedule: factor must be above 0, got {factor}")));
        }
        let none = if factor < 1.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        let limit = LIMIT.of(call)?.unwrap_or(none);
        Ok(Dynamic::from(Schedule::Exponential { from, factor, limit }))
    },
    ..ENTRY
};
