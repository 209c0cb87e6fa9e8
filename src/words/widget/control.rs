//! The controls: `slider`, `dropdown`, `checkbox`, `text_box`, `button`.

use super::model::{self, State};
use super::session;
use super::store::Domain;
use super::value::{Control, Widget, say};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Host, Maybe, Param, Ty, fails, number, param, runs, value};
use saddle_fault::{Fault, Result};
use serde_json::Value;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&SLIDER, &DROPDOWN, &CHECKBOX, &TEXT_BOX, &BUTTON];

/// Makes a control, known to the front ends from now on.
fn make(host: &Rc<Host>, noun: &'static str, state: State, rule: Domain, options: Vec<Dynamic>) -> Widget {
    let (id, opened) = session(host).open(state, rule.clone());
    say(host, opened);
    Widget(Rc::new(Control::new(host, id, noun, rule, options, None)))
}

/// What a slider runs over: whole numbers where all that is given is whole.
pub(super) struct Span {
    pub min: Dynamic,
    pub max: Dynamic,
    pub step: Option<Dynamic>,
    pub value: Option<Dynamic>,
}

/// A slider; `word` is named in errors.
pub(super) fn slider(host: &Rc<Host>, word: &str, label: &str, span: Span) -> Result<Widget> {
    let given = [Some(&span.min), Some(&span.max), span.step.as_ref(), span.value.as_ref()];
    let read = |v: &Dynamic| number(v).unwrap_or(f64::NAN);
    let (min, max) = (read(&span.min), read(&span.max));
    if !(min.is_finite() && max.is_finite() && min < max) {
        return Err(Fault::value(format!("{word}: needs min < max, got {min} and {max}")));
    }
    let (value, step) = (span.value.as_ref().map(read), span.step.as_ref().map(read));
    if let Some(step) = step.filter(|step| !(*step > 0.0 && step.is_finite())) {
        return Err(Fault::value(format!("{word}: step must be > 0, got {step}")));
    }
    if let Some(value) = value.filter(|value| !(min..=max).contains(value)) {
        return Err(Fault::value(format!("{word}: value {value} is not in {min} … {max}")));
    }
    let middle = min + (max - min) / 2.0;
    if given.into_iter().flatten().all(|v| v.is_int()) {
        let whole = |v: f64| v.floor() as i64;
        let numbers = [value.unwrap_or(middle), min, max, step.unwrap_or(1.0)];
        let state = model::slider(label, numbers.map(|v| whole(v).into()), "d");
        let rule = Domain::Int { min: whole(min), max: whole(max) };
        return Ok(make(host, "slider", state, rule, Vec::new()));
    }
    let step = step.unwrap_or_else(|| round_step((max - min) / 100.0));
    let format = format!(".{}f", (-step.log10()).ceil().clamp(1.0, 8.0));
    let numbers = [value.unwrap_or(middle), min, max, step].map(Value::from);
    let state = model::slider(label, numbers, &format);
    Ok(make(host, "slider", state, Domain::Float { min, max }, Vec::new()))
}

/// The largest of 1, 2 and 5 times a power of ten that is not above `step`.
fn round_step(step: f64) -> f64 {
    let power = step.log10().floor();
    let first = step / 10f64.powf(power);
    let digit = [5.0, 2.0, 1.0].into_iter().find(|d| *d <= first + 1e-9).unwrap_or(1.0);
    // Written and read, so that 0.05 is the float that is written so.
    format!("{digit}e{power}").parse().unwrap_or(step)
}

/// A dropdown that chooses from `options`, the first at the start where `chosen` is none.
pub(super) fn dropdown(
    host: &Rc<Host>,
    word: &str,
    label: &str,
    options: Array,
    chosen: Option<&Dynamic>,
) -> Result<Widget> {
    let options: Vec<Dynamic> = options.into_iter().map(Dynamic::flatten).collect();
    let labels: Vec<String> = options.iter().map(Dynamic::to_string).collect();
    if options.is_empty() {
        return Err(Fault::value(format!("{word}: there are no options to choose from")));
    }
    let place = |chosen: &Dynamic| {
        let chosen = chosen.to_string();
        labels.iter().position(|label| *label == chosen).ok_or_else(|| {
            Fault::value(format!("{word}: `{chosen}` is not among the options"))
                .hint(format!("options: {}", labels.join(", ")))
        })
    };
    let index = chosen.map_or(Ok(0), place)?;
    let state = model::dropdown(label, &labels, index);
    let rule = Domain::Choice { options: labels.len() };
    Ok(make(host, "dropdown", state, rule, options))
}

pub(super) fn checkbox(host: &Rc<Host>, label: &str, value: bool) -> Widget {
    make(host, "checkbox", model::checkbox(label, value), Domain::Bool, Vec::new())
}

pub(super) fn text_box(host: &Rc<Host>, label: &str, value: &str) -> Widget {
    make(host, "text box", model::text(label, value), Domain::Text, Vec::new())
}

pub(super) fn button(host: &Rc<Host>, label: &str) -> Widget {
    make(host, "button", model::button(label), Domain::Clicks, Vec::new())
}

const LABEL: Param<String> = param("label", types::TEXT, "what stands beside it");
const MIN: Param<f64> = param("min", types::NUMBER, "its lower end");
const MAX: Param<f64> = param("max", types::NUMBER, "its upper end");
const VALUE: Maybe<f64> = param("value", types::NUMBER, "where it stands at first").maybe("the middle");
const STEP: Maybe<f64> = param("step", types::NUMBER, "how far apart its values are").maybe("1, or about a hundredth");
static SLIDER: Entry = Entry {
    name: "slider",
    group: "widget",
    summary: "a slider on the page; a running cell reads where it stands now. Whole numbers where all that is given is whole",
    params: &[LABEL.param(), MIN.param(), MAX.param()],
    options: &[VALUE.opt(), STEP.opt()],
    returns: Ty::Of("widget"),
    errors: &["min is not below max", "the value is not between them", "step is not above 0"],
    examples: &[
        runs("a latent variable", "let s = slider(\"z0\", -3.0, 3.0);\nlet z = tensor([[s.value, 0.0]]);\ns"),
        value("whole numbers", "let n = slider(\"layers\", 1, 8, #{ value: 3 }); n.value", "3"),
        fails("the wrong way round", "slider(\"z0\", 3, -3)", "needs min < max"),
    ],
    call: |call| {
        let span = Span {
            min: MIN.value(call).clone(),
            max: MAX.value(call).clone(),
            step: STEP.given(call).cloned(),
            value: VALUE.given(call).cloned(),
        };
        slider(call.host, "slider", &LABEL.of(call)?, span).map(Dynamic::from)
    },
    ..ENTRY
};

const OPTIONS: Param<Array> = param("options", types::ARRAY, "what there is to choose: texts, numbers, anything");
const DROPDOWN_VALUE: Maybe<Dynamic> =
    param("value", types::any(Ty::Any), "what is chosen at first").maybe("the first");
static DROPDOWN: Entry = Entry {
    name: "dropdown",
    group: "widget",
    summary: "a choice of one from several on the page",
    params: &[LABEL.param(), OPTIONS.param()],
    options: &[DROPDOWN_VALUE.opt()],
    returns: Ty::Of("widget"),
    errors: &["there are no options", "the value is not among them"],
    examples: &[
        value("a loss", "let loss = dropdown(\"loss\", [\"minimax\", \"non-saturating\"]); loss.value", "\"minimax\""),
        value("numbers", "let m = dropdown(\"batch\", [16, 64], #{ value: 64 }); m.value * 2", "128"),
        fails("what is not there", "dropdown(\"batch\", [16, 64], #{ value: 32 })", "is not among the options"),
    ],
    call: |call| {
        let (label, options) = (LABEL.of(call)?, OPTIONS.of(call)?);
        let chosen = DROPDOWN_VALUE.given(call);
        dropdown(call.host, "dropdown", &label, options, chosen).map(Dynamic::from)
    },
    ..ENTRY
};

const CHECKBOX_VALUE: Param<bool> = param("value", types::BOOL, "whether it is set at first").or(false);
static CHECKBOX: Entry = Entry {
    name: "checkbox",
    group: "widget",
    summary: "a yes or no on the page",
    params: &[LABEL.param(), CHECKBOX_VALUE.param()],
    returns: Ty::Of("widget"),
    examples: &[value("averaged weights or not", "let ema = checkbox(\"ema\", true); ema.value", "true")],
    call: |call: &mut Call| {
        let value = CHECKBOX_VALUE.is_given(call) && CHECKBOX_VALUE.of(call)?;
        Ok(Dynamic::from(checkbox(call.host, &LABEL.of(call)?, value)))
    },
    ..ENTRY
};

const TEXT_BOX_VALUE: Param<String> = param("value", types::TEXT, "what stands in it at first").or("");
static TEXT_BOX: Entry = Entry {
    name: "text_box",
    group: "widget",
    summary: "a line of text on the page; its value follows when Enter is pressed or the box is left",
    params: &[LABEL.param(), TEXT_BOX_VALUE.param()],
    returns: Ty::Of("widget"),
    examples: &[value("a name", "let run = text_box(\"run\", \"first\"); run.value", "\"first\"")],
    call: |call| {
        let value = match TEXT_BOX_VALUE.is_given(call) {
            true => TEXT_BOX_VALUE.of(call)?,
            false => String::new(),
        };
        Ok(Dynamic::from(text_box(call.host, &LABEL.of(call)?, &value)))
    },
    ..ENTRY
};

const BUTTON_LABEL: Param<String> = param("label", types::TEXT, "what is written on it");
static BUTTON: Entry = Entry {
    name: "button",
    group: "widget",
    summary: "a button on the page; `on_click` says what it does, `.value` how often it was clicked",
    params: &[BUTTON_LABEL.param()],
    returns: Ty::Of("widget"),
    examples: &[runs("a new sample", "let b = button(\"resample\");\non_click(b, || show(randn([4, 8, 8])));\nb")],
    call: |call| Ok(Dynamic::from(button(call.host, &BUTTON_LABEL.of(call)?))),
    ..ENTRY
};
