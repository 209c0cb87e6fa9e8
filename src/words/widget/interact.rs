//! `interact`: a function's arguments as controls, and what it shows below them, redrawn when one is moved.

use super::super::picture::display::fresh_id;
use crate::types;

use super::area::Area;
use super::callback::{Handler, On, register};
use super::control::{Span, checkbox, dropdown, slider, text_box};
use super::store::Domain;
use super::value::{MISSING, Widget, say, view};
use super::{model, session};
use rhai::{Array, Dynamic, FnPtr, Map};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, did_you_mean, fails, number, param, runs};
use saddle_fault::{Fault, Result};
use saddle_session::output::Output;
use std::cell::RefCell;

pub static ENTRIES: &[&Entry] = &[&INTERACT, &INTERACT_WITH];

/// The slider of a parameter of which nothing is said: where a normally distributed latent variable lies, all but
/// surely.
const LATENT: [f64; 2] = [-3.0, 3.0];

/// The control that a value stands for, as a parameter's control is written: `[0, 1]`, `["a", "b"]`, `true`, `0.5`, a
/// widget.
fn control(call: &Call, label: &str, given: &Dynamic) -> Result<Widget> {
    if let Some(widget) = Widget::read(given) {
        return Ok(widget);
    }
    let host = call.host;
    let span = |min: Dynamic, max: Dynamic, step: Option<Dynamic>, value: Option<Dynamic>| {
        let span = Span { min, max, step, value };
        slider(host, &format!("interact: {label}"), label, span)
    };
    if let Some(items) = given.read_lock::<Array>() {
        let all_numbers = items.iter().all(|item| number(item).is_some());
        return match items.as_slice() {
            [min, max] if all_numbers => span(min.clone(), max.clone(), None, None),
            [min, max, step] if all_numbers => span(min.clone(), max.clone(), Some(step.clone()), None),
            _ => dropdown(host, &format!("interact: {label}"), label, items.clone(), None),
        };
    }
    if let Ok(value) = given.as_bool() {
        return Ok(checkbox(host, label, value));
    }
    if let Ok(text) = given.as_immutable_string_ref() {
        return Ok(text_box(host, label, &text));
    }
    let Some(value) = number(given) else {
        let got = call.catalog.got(given);
        return Err(Fault::type_(format!("interact: no control for {label} is made of {got}"))
            .hint("[min, max], [min, max, step], an array of choices, true or false, a text, a number, or a widget"));
    };
    // As in ipywidgets: a number is in the middle of a slider that reaches to its negative, and as far beyond.
    let (min, max) = match value {
        0.0 => (0.0, 1.0),
        v if v > 0.0 => (-v, 3.0 * v),
        v => (3.0 * v, -v),
    };
    let end = |v: f64| match given.is_int() {
        true => Dynamic::from(v as i64),
        false => Dynamic::from(v),
    };
    span(end(min), end(max), None, Some(given.clone()))
}

/// A control for each parameter of the function.
fn controls(call: &Call, f: &FnPtr, given: &Map) -> Result<Vec<Widget>> {
    let Some(names) = call.host.parameters(f) else {
        return Err(Fault::type_("interact: the parameters of this function are not known")
            .hint("interact([slider(…), …], f), or a closure: interact(|z0, z1| f(z0, z1))"));
    };
    if let Some(unknown) = given.keys().find(|key| !names.iter().any(|name| name == key.as_str())) {
        let meant = did_you_mean(unknown, names.iter().map(String::as_str));
        return Err(Fault::value(format!("interact: the function has no parameter `{unknown}`{meant}"))
            .hint(format!("its parameters: {}", names.join(", "))));
    }
    let latent: Array = LATENT.map(Dynamic::from).into();
    let latent = Dynamic::from(latent);
    let made = names.iter().map(|name| {
        let given = given.get(name.as_str()).map(Dynamic::flatten_clone);
        control(call, name, given.as_ref().unwrap_or(&latent))
    });
    made.collect()
}

/// Shows the controls and calls the function for the first time.
pub(super) fn start(call: &mut Call, f: FnPtr, controls: Vec<Widget>, kind: On) -> Result<Dynamic> {
    let widgets = session(call.host);
    let (output, mut opened) = widgets.open(model::output(), Domain::Still);
    let mut children: Vec<String> = controls.iter().map(|widget| widget.0.view().to_string()).collect();
    children.push(output.clone());
    let (column, more) = widgets.open(model::column(&children), Domain::Still);
    opened.extend(more);
    say(call.host, opened);
    let lines: Vec<String> = controls.iter().map(Widget::describe).collect();
    let text = format!("{}: {} ({MISSING})", call.entry.name, lines.join(", "));
    let bundle = view(&column, text);
    call.host.show(Output::Display { bundle, id: None });

    let area = Area::new(Some(fresh_id()), output, widgets);
    let handler = Handler { f: f.clone(), widgets: controls, area: area.clone(), kind, seen: RefCell::default() };
    let arguments = handler.arguments(call.host)?;
    register(call.host, handler);
    let go = || {
        let value = call.invoke(&f, arguments)?;
        match value.is_unit() {
            true => Ok(value),
            false => call.apply_word("show", vec![value]),
        }
    };
    let Some(page) = call.host.frontend() else {
        return go();
    };
    let collector = area.begin(page);
    let result = call.host.within(collector.clone(), go);
    // An error of the first call is the cell's.
    collector.finish(None);
    result.map(|_| Dynamic::UNIT)
}

const F: Param<FnPtr> =
    param("f", types::FUNCTION, "called with the values of the controls; what it shows or gives back is shown");
const CONTROLS: Maybe<Map> = param("controls", types::MAP, "by parameter: [min, max] or [min, max, step] for a slider, an array of choices, true or false, a text, a number, or \
             a widget; a parameter that is left out has a slider from -3 to 3").maybe("#{}");
static INTERACT: Entry = Entry {
    name: "interact",
    group: "widget",
    summary: "a control for each parameter of a function, by its name, and below them what the function shows, redrawn in place \
              when one is moved",
    params: &[F.param(), CONTROLS.param()],
    errors: &["a control for a parameter that the function does not have", "something that no control can be made of"],
    examples: &[
        runs(
            "a walk through latent space",
            "let G = sequential([linear(2, 64), sigmoid()]);\ninteract(|z0, z1| show(G(tensor([[z0, z1]])).reshape([8, 8])))",
        ),
        runs(
            "controls of several kinds",
            "interact(|n, noise, axes| show(plot(randn([n]).to_array())), #{ n: [10, 100, 10], noise: [\"normal\", \"uniform\"], axes: true })",
        ),
        fails(
            "a parameter that is not there",
            "interact(|z0| show(z0), #{ z1: [0, 1] })",
            "the function has no parameter `z1`; did you mean `z0`?",
        ),
    ],
    call: |call| {
        let f = F.of(call)?;
        let given = CONTROLS.of(call)?.unwrap_or_default();
        let controls = controls(call, &f, &given)?;
        start(call, f, controls, On::Interact)
    },
    ..ENTRY
};

const WIDGETS: Param<Array> = param("widgets", types::ARRAY, "the widgets");
const INTERACT_WITH_F: Param<FnPtr> =
    param("f", types::FUNCTION, "called with their values; what it shows or gives back is shown");
static INTERACT_WITH: Entry = Entry {
    name: "interact",
    group: "widget",
    summary: "the same with given widgets, one for each argument of the function",
    params: &[WIDGETS.param(), INTERACT_WITH_F.param()],
    errors: &["something that is no widget", "not as many widgets as the function has parameters"],
    examples: &[
        runs(
            "a slider and a dropdown",
            "interact([slider(\"n\", 1, 9), dropdown(\"word\", [\"a\", \"b\"])], |n, word| print(`${n} ${word}`))",
        ),
        fails(
            "a function of two",
            "interact([slider(\"n\", 1, 9)], |n, m| n)",
            "the function takes 2 arguments, and there is 1 widget",
        ),
    ],
    call: |call| {
        let (given, f) = (WIDGETS.of(call)?, INTERACT_WITH_F.of(call)?);
        let widget = |v: &Dynamic| {
            Widget::read(v).ok_or_else(|| {
                Fault::type_(format!("interact: needs widgets, got {}", call.catalog.type_of(v)))
                    .hint("interact([slider(\"z0\", -3.0, 3.0)], |z0| …)")
            })
        };
        let widgets = given.iter().map(widget).collect::<Result<Vec<_>>>()?;
        let takes = call.host.parameters(&f).map_or(widgets.len(), |names| names.len());
        if takes != widgets.len() {
            let some = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
            let is = if widgets.len() == 1 { "is" } else { "are" };
            let (takes, there) = (some(takes, "argument"), some(widgets.len(), "widget"));
            return Err(Fault::value(format!("interact: the function takes {takes}, and there {is} {there}")));
        }
        start(call, f, widgets, On::Interact)
    },
    ..ENTRY
};
