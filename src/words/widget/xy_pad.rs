//! `xy_pad`: a square on the page in which the pointer or the arrow keys choose a point.
//!
//! On the page it is a box of two of ipywidgets' own widgets, as `paint` is: a canvas (`xy_pad.js`, started by the load
//! of an image) and a hidden text whose value is the point.

use super::store::Domain;
use super::value::{Control, Face, Widget, say};
use super::{model, session};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{ENTRY, Entry, Host, Maybe, Param, Ty, fails, numbers, param, runs, value};
use saddle_fault::Fault;
use saddle_session::output::escape_html;
use serde_json::json;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&XY_PAD];

/// Its side on the page, pixels.
const SIDE: usize = 240;

/// A pad whose axes have these names.
pub(super) fn xy_pad(host: &Rc<Host>, names: [&str; 2], [min, max]: [f64; 2], start: [f64; 2]) -> Widget {
    let (rule, widgets) = (Domain::Point { min, max }, session(host));
    let (canvas, mut opened) = widgets.open(model::html(&canvas(names, min, max)), Domain::Still);
    let (wire, more) = widgets.open(model::live_text(&written(start)), rule.clone());
    opened.extend(more);
    // The class by which the page hides the text.
    let view = model::of_class(model::column(&[canvas, wire.clone()]), "saddle-paint");
    let (view, more) = widgets.open(view, Domain::Still);
    opened.extend(more);
    say(host, opened);
    let face = Face::Plane { view, label: names.join(", ") };
    Widget(Rc::new(Control::new(host, wire, "xy_pad", rule, Vec::new(), Some(face))))
}

/// A point as the text that crosses.
pub(super) fn written([x, y]: [f64; 2]) -> String {
    format!("{x} {y}")
}

/// The point that a text is.
pub(super) fn point(text: &str) -> Option<[f64; 2]> {
    let (x, y) = text.split_once(' ')?;
    let read = |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite());
    Some([read(x)?, read(y)?])
}

const STYLE: &str = "<style>\
    .jupyter-widgets.saddle-paint { display: grid; justify-items: start; align-items: start; overflow: visible; }\
    .saddle-paint > * { grid-area: 1 / 1; line-height: normal; height: auto; }\
    .saddle-paint > .widget-text { display: none; }\
    .saddle-xy canvas { display: block; touch-action: none; cursor: crosshair; outline: 1px solid #888; }\
    .saddle-xy canvas:focus-visible { outline: 2px solid #0072b2; }\
    .saddle-xy div { padding: 4px 0; font: 12px sans-serif; color: var(--jp-ui-font-color1, inherit); }\
    </style>";

/// The canvas, and the line that says where the point is.
fn canvas([x, y]: [&str; 2], min: f64, max: f64) -> String {
    let about = escape_html(&json!({ "min": min, "max": max, "x": x, "y": y }).to_string());
    let (names, script) = (escape_html(&format!("{x}, {y}")), escape_html(include_str!("xy_pad.js")));
    format!(
        "{STYLE}<div class=\"saddle-xy\" data-xy=\"{about}\" data-lm-suppress-shortcuts=\"true\">\
         <canvas width=\"{SIDE}\" height=\"{SIDE}\" tabindex=\"0\" role=\"application\" aria-label=\"{names}: arrow keys move the \
         point, with Shift farther; Home leads back\"></canvas><div name=\"said\" aria-live=\"polite\"></div>\
         <img hidden alt=\"\" src=\"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7\" onload=\"{script}\">\
         </div>"
    )
}

/// Two finite numbers of an array or a tensor.
pub(super) fn pair(given: &Dynamic) -> Option<[f64; 2]> {
    match numbers(given)?[..] {
        [x, y] if x.is_finite() && y.is_finite() => Some([x, y]),
        _ => None,
    }
}

const X: Param<String> = param("x", types::TEXT, "the name of the axis to the right");
const Y: Param<String> = param("y", types::TEXT, "the name of the axis upwards");
const MIN: Param<f64> = param("min", types::NUMBER, "where both begin");
const MAX: Param<f64> = param("max", types::NUMBER, "where both end");
const VALUE: Maybe<Array> =
    param("value", types::ARRAY, "where the point is at first").maybe("[0, 0], or the middle where that is outside");
static XY_PAD: Entry = Entry {
    name: "xy_pad",
    group: "widget",
    summary: "a square on the page in which the pointer chooses a point, or the arrow keys do (Shift: farther, Home: back); `.value` is \
              [x, y], also while a cell runs",
    params: &[X.param(), Y.param(), MIN.param(), MAX.param()],
    options: &[VALUE.opt()],
    returns: Ty::Of("widget"),
    errors: &["min is not below max", "a value outside"],
    examples: &[
        runs(
            "two latent variables at once",
            "let G = sequential([linear(2, 64), sigmoid()]);\ninteract([xy_pad(\"z0\", \"z1\", -3, 3)], |z| show_grid(G(tensor([z]))))",
        ),
        value("where it is", "let p = xy_pad(\"z0\", \"z1\", -3, 3, #{ value: [1, 2] });\np.value", "[1.0, 2.0]"),
        fails("the wrong way round", "xy_pad(\"z0\", \"z1\", 3, -3)", "needs min < max"),
        fails("outside", "xy_pad(\"z0\", \"z1\", -3, 3, #{ value: [4, 0] })", "value [4.0, 0.0] is not in -3 … 3"),
    ],
    call: |call| {
        let (x, y) = (X.of(call)?, Y.of(call)?);
        let (min, max) = (MIN.of(call)?, MAX.of(call)?);
        if !(min.is_finite() && max.is_finite() && min < max) {
            return Err(Fault::value(format!("xy_pad: needs min < max, got {min} and {max}")));
        }
        let middle = if min > 0.0 || max < 0.0 { min + (max - min) / 2.0 } else { 0.0 };
        let start = match VALUE.given(call) {
            None => [middle; 2],
            Some(given) => pair(given).ok_or_else(|| VALUE.wrong(call))?,
        };
        if start.iter().any(|v| !(min..=max).contains(v)) {
            return Err(Fault::value(format!("xy_pad: value {start:?} is not in {min} … {max}")));
        }
        Ok(Dynamic::from(xy_pad(call.host, [&x, &y], [min, max], start)))
    },
    ..ENTRY
};

/// A point as the language has it.
pub(super) fn array([x, y]: [f64; 2]) -> Dynamic {
    Array::from([Dynamic::from(x), Dynamic::from(y)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_two_numbers_and_nothing_else() {
        assert_eq!(point(&written([0.5, -3.0])), Some([0.5, -3.0]));
        for wrong in ["", "1", "1 2 3", "NaN 0", "inf 0", "a b", "1,2"] {
            assert_eq!(point(wrong), None, "{wrong}");
        }
        let rule = Domain::Point { min: -1.0, max: 1.0 };
        assert_eq!(rule.read(&json!("7 -0.5")), Some(json!("1 -0.5")), "brought inside");
        assert_eq!(rule.read(&json!("NaN 0")), None);
        assert_eq!(rule.read(&json!(3)), None);
    }

    #[test]
    fn names_and_script_stand_in_attributes_and_end_nowhere_in_them() {
        let html = canvas(["<b>\"x\"", "y"], -1.0, 1.0);
        assert!(!html.contains("<b>"), "{html}");
        let script = html.split("onload=\"").nth(1).and_then(|s| s.split('"').next()).unwrap_or_default();
        assert!(script.starts_with("//") && script.ends_with("100);\n"), "{script}");
        assert!(!script.contains('<') && !script.contains('>'));
    }
}
