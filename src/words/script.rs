//! Words about the notebook itself: waiting, the clock, questions to the person, checks.

use super::format::significant;
use crate::types;
use rhai::{Dynamic, FnPtr, ImmutableString};
use saddle_catalog::{Call, ENTRY, Entry, Example, Gives, Maybe, Param, Ty, did_you_mean, help, number, param};
use saddle_fault::{Fault, Kind, Result};
use saddle_sweep::figures::{self, Figure};
use std::cmp::Ordering;
use std::time::{Duration, Instant};

pub static ENTRIES: &[&Entry] = &[&CHECK, &REPORT, &EPRINT, &SLEEP, &CLOCK, &INPUT, &PASSWORD, &HELP];

const BELOW: Maybe<f64> = param("below", types::NUMBER, "the value must be less than this").maybe("none");
const ABOVE: Maybe<f64> = param("above", types::NUMBER, "the value must be greater than this").maybe("none");
const NEAR: Maybe<f64> = param("near", types::NUMBER, "the value must lie within `tol` of this").maybe("none");
const TOL: Param<f64> = param("tol", types::NUMBER, "how far from `near` it may lie").or(1e-6);

const WHAT: Param<String> = param("what", types::TEXT, "what is claimed, in words");
const VALUE: Param<Dynamic> = param(
    "value",
    types::any(Ty::OneOf(&[Ty::Bool, Ty::Number, Ty::Of("tensor")])),
    "a truth, or the number that was measured (a tensor with one element counts as a number)",
);
static CHECK: Entry = Entry {
    name: "check",
    group: "notebook",
    summary: "states what must hold; the cell fails where it does not",
    params: &[WHAT.param(), VALUE.param()],
    options: &[BELOW.opt(), ABOVE.opt(), NEAR.opt(), TOL.opt()],
    returns: Ty::Nothing,
    errors: &["the claim does not hold (CheckFailed)", "a number is given without `below`, `above` or `near`"],
    examples: &[
        Example { what: "a truth", code: "check(\"two and two\", 2 + 2 == 4)", gives: Gives::Runs },
        Example {
            what: "a bound",
            code: "check(\"loss\", 0.7, #{ below: 0.5 })",
            gives: Gives::Error("loss: 0.7 is not below 0.5"),
        },
        Example {
            what: "a neighbourhood",
            code: "check(\"pi\", 3.14, #{ near: 3.1416, tol: 0.01 })",
            gives: Gives::Runs,
        },
    ],
    call: check,
    ..ENTRY
};

fn check(call: &mut Call) -> Result<Dynamic> {
    let what = WHAT.of(call)?;
    if let Ok(holds) = VALUE.value(call).as_bool() {
        figures::note(&Figure { value: holds.into(), holds: Some(holds), ..Figure::new(&what, 0.0) })?;
        let failed = |text: String| Err(Fault::new(Kind::Check, text));
        super::files::log::checked(&what, f64::from(u8::from(holds)));
        return if holds { passed(call, &what, "true") } else { failed(format!("{what}: does not hold")) };
    }
    let value = match number(VALUE.value(call)) {
        Some(value) => value,
        None => item(call, VALUE)?,
    };
    super::files::log::checked(&what, value);
    let (below, above, near) = (BELOW.of(call)?, ABOVE.of(call)?, NEAR.of(call)?);
    let tol = TOL.of(call)?;
    if below.is_none() && above.is_none() && near.is_none() {
        return Err(Fault::value(format!("{what}: got the number {value}, but nothing to compare it with"))
            .hint("give `below`, `above` or `near`, or a comparison such as `x < 1`"));
    }
    let broken = broken(value, below, above, near, tol);
    let holds = Some(broken.is_none());
    let tolerance = near.map(|_| tol);
    figures::note(&Figure { holds, below, above, near, tol: tolerance, ..Figure::new(&what, value) })?;
    if let Some(bound) = broken {
        return Err(Fault::new(Kind::Check, format!("{what}: {value} is {bound}")));
    }
    let mut bounds = String::new();
    for (sign, bound) in [("<", below), (">", above)] {
        if let Some(bound) = bound {
            bounds += &format!("  {sign} {}", written(bound));
        }
    }
    if let Some(target) = near {
        bounds += &format!("  = {} ± {}", measured(target), written(tol));
    }
    passed(call, &what, &format!("{}{bounds}", measured(value)))
}

/// The bound that a value breaks, in words. NaN is neither below nor above nor near anything.
fn broken(value: f64, below: Option<f64>, above: Option<f64>, near: Option<f64>, tol: f64) -> Option<String> {
    if let Some(limit) = below.filter(|limit| value.partial_cmp(limit) != Some(Ordering::Less)) {
        return Some(format!("not below {limit}"));
    }
    if let Some(limit) = above.filter(|limit| value.partial_cmp(limit) != Some(Ordering::Greater)) {
        return Some(format!("not above {limit}"));
    }
    let far = |target: &f64| matches!((value - target).abs().partial_cmp(&tol), None | Some(Ordering::Greater));
    near.filter(far).map(|target| format!("not within {tol} of {target}"))
}

/// The number in a tensor with one element.
fn item(call: &Call, parameter: Param<Dynamic>) -> Result<f64> {
    let value = call.apply_word("item", vec![parameter.value(call).clone()])?;
    number(&value).ok_or_else(|| parameter.wrong(call))
}

/// A measured number with four significant digits: more would be noise, and change from machine to machine.
fn measured(v: f64) -> String {
    significant(v, 4)
}

/// A bar as it stands in the cell; one that was computed (a control's figure, a standard error) as a measured number,
/// since its other digits say nothing.
fn written(v: f64) -> String {
    let plain = v.to_string();
    match plain.len() <= 10 {
        true => plain,
        false => measured(v),
    }
}

fn passed(call: &Call, what: &str, value: &str) -> Result<Dynamic> {
    call.host.print(&format!("✓ {what}: {value}\n"));
    Ok(Dynamic::UNIT)
}

const REPORT_WHAT: Param<String> = param("what", types::TEXT, "what the number is, in words");
const REPORT_VALUE: Param<Dynamic> =
    param("value", types::any(Ty::OneOf(&[Ty::Number, Ty::Of("tensor")])), "the number, or a tensor with one element");
static REPORT: Entry = Entry {
    name: "report",
    group: "notebook",
    summary: "states a number that is no claim: a figure of this run, which `saddle sweep` gathers beside those of `check`",
    params: &[REPORT_WHAT.param(), REPORT_VALUE.param()],
    examples: &[
        Example { what: "a figure", code: "report(\"modes found\", 7)", gives: Gives::Runs },
        Example { what: "no batch", code: "report(\"losses\", ones([2]))", gives: Gives::Error("2 elements") },
    ],
    call: |call| {
        let what = REPORT_WHAT.of(call)?;
        let value = match number(REPORT_VALUE.value(call)) {
            Some(value) => value,
            None => item(call, REPORT_VALUE)?,
        };
        figures::note(&Figure::new(&what, value))?;
        call.host.print(&format!("{what}: {}\n", measured(value)));
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const EPRINT_VALUE: Param<Dynamic> = param("value", types::any(Ty::Any), "what to print, as `print` would");
static EPRINT: Entry = Entry {
    name: "eprint",
    group: "notebook",
    summary: "prints a line on the standard error stream, which notebooks show in a colour of its own",
    params: &[EPRINT_VALUE.param()],
    examples: &[Example { what: "a warning", code: "eprint(\"D has won: V is 0\")", gives: Gives::Runs }],
    call: |call| {
        let value = EPRINT_VALUE.value(call);
        let text = match (call.catalog.kind_of(value), value.as_immutable_string_ref()) {
            (Some(kind), _) => kind.plain(value),
            (None, Ok(text)) => text.to_string(),
            _ => call
                .context
                .call_fn::<ImmutableString>("to_string", (value.clone(),))
                .map_or_else(|_| value.to_string(), |text| text.to_string()),
        };
        call.host.eprint(&format!("{text}\n"));
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const SECONDS: Param<f64> = param("seconds", types::NUMBER, "how long, ≥ 0");
static SLEEP: Entry = Entry {
    name: "sleep",
    group: "notebook",
    summary: "waits; an interrupt ends it at once",
    params: &[SECONDS.param()],
    errors: &["`seconds` is negative or not finite"],
    examples: &[
        Example { what: "a short wait", code: "sleep(0.01)", gives: Gives::Runs },
        Example { what: "not in the past", code: "sleep(-1)", gives: Gives::Error("seconds must be ≥ 0") },
    ],
    call: |call| {
        let seconds = SECONDS.of(call)?;
        let length = Duration::try_from_secs_f64(seconds)
            .map_err(|_| Fault::value(format!("sleep: seconds must be ≥ 0 and finite, got {seconds}")))?;
        let start = Instant::now();
        while let Some(left) = length.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            call.host.check_interrupt()?;
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static CLOCK: Entry = Entry {
    name: "clock",
    group: "notebook",
    summary: "seconds on a clock that only runs forward, to measure how long something takes",
    returns: Ty::Number,
    examples: &[Example {
        what: "a duration",
        code: "let t0 = clock(); clock() - t0 >= 0",
        gives: Gives::Value("true"),
    }],
    call: |_| {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        Ok(Dynamic::from(START.get_or_init(Instant::now).elapsed().as_secs_f64()))
    },
    ..ENTRY
};

const PROMPT: Param<String> = param("prompt", types::TEXT, "what is asked").or("");
static INPUT: Entry = Entry {
    name: "input",
    group: "notebook",
    summary: "asks the person for a line of text and waits for it",
    params: &[PROMPT.param()],
    returns: Ty::Text,
    errors: &["no one can be asked (a headless run)"],
    examples: &[Example {
        what: "no one is there in a headless run",
        code: "input(\"name? \")",
        gives: Gives::Error("no one can be asked"),
    }],
    call: |call| ask(call, false),
    ..ENTRY
};

static PASSWORD: Entry = Entry {
    name: "password",
    group: "notebook",
    summary: "asks the person for a line of text without showing it",
    params: &[PROMPT.param()],
    returns: Ty::Text,
    errors: &["no one can be asked (a headless run)"],
    examples: &[Example {
        what: "no one is there in a headless run",
        code: "password(\"token: \")",
        gives: Gives::Error("no one can be asked"),
    }],
    call: |call| ask(call, true),
    ..ENTRY
};

fn ask(call: &mut Call, hidden: bool) -> Result<Dynamic> {
    let prompt = PROMPT.of(call)?;
    let answer = call.host.ask(&prompt, hidden);
    call.host.check_interrupt()?;
    answer.map(Dynamic::from).ok_or_else(|| {
        Fault::value(format!("{}: no one can be asked here", call.entry.name))
            .hint("run the notebook in JupyterLab, or set the value in the cell")
    })
}

const HELP_WHAT: Param<Dynamic> =
    param("what", types::any(Ty::Any), "a word (`help(check)`), its name as a text, or a value of a kind");
static HELP: Entry = Entry {
    name: "help",
    group: "notebook",
    summary: "shows what a word or a kind of value is: signature, options, errors, examples",
    params: &[HELP_WHAT.param()],
    errors: &["there is no such word"],
    examples: &[
        Example { what: "a word", code: "help(clock)", gives: Gives::Runs },
        Example {
            what: "a name that is no word",
            code: "help(\"clok\")",
            gives: Gives::Error("there is no word `clok`; did you mean `clock`?"),
        },
    ],
    call: |call| {
        let what = HELP_WHAT.value(call);
        let name = match what.read_lock::<FnPtr>() {
            Some(f) => f.fn_name().to_string(),
            None => what.clone().into_string().unwrap_or_default(),
        };
        let entries = call.catalog.find(&name);
        let text = match (call.catalog.kind_of(what), call.catalog.kind(&name)) {
            (Some(kind), _) => help::kind(kind),
            _ if !entries.is_empty() => entries.iter().map(|e| help::full(e)).collect::<Vec<_>>().join("\n\n"),
            (_, Some(kind)) => help::kind(kind),
            _ => {
                let meant = did_you_mean(&name, call.catalog.words().map(|(word, _)| word));
                return Err(Fault::new(Kind::Name, format!("help: there is no word `{name}`{meant}")));
            }
        };
        call.host.print(&format!("{text}\n"));
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_bar_that_was_computed_is_shortened() {
        for (bar, text) in [
            (0.032, "0.032"),
            (1e-6, "0.000001"),
            (-2.78, "-2.78"),
            (1000.0, "1000"),
            (0.07302967433402215, "0.07303"),
            (105.03176039129039, "105"),
            (f64::from(0.2f32), "0.2"),
        ] {
            assert_eq!(written(bar), text);
        }
    }
}
