//! The models of widgets as front ends draw them: the names and states of `@jupyter-widgets/controls` 2.0.0 and
//! `@jupyter-widgets/base` 2.0.0, and of `@jupyter-widgets/output` 1.0.0. Only JSON; the tests compare every state with
//! that of the Python package `ipywidgets`.

use serde_json::{Map, Value, json};

/// The version of the widgets' messages, in the metadata of `comm_open`.
pub const PROTOCOL: &str = "2.1.0";

const CONTROLS: &str = "@jupyter-widgets/controls";
const BASE: &str = "@jupyter-widgets/base";
const OUTPUT: &str = "@jupyter-widgets/output";

pub type State = Map<String, Value>;

/// How one model refers to another.
pub fn reference(id: &str) -> Value {
    format!("IPY_MODEL_{id}").into()
}

/// A state of `name`, which its module has as `nameModel` and `nameView`.
fn state(module: &str, version: &str, name: &str, rest: Value) -> State {
    let mut state = named(module, version, name, (module, version, &format!("{name}View")));
    state.extend([
        ("_dom_classes".to_string(), json!([])),
        ("tabbable".to_string(), Value::Null),
        ("tooltip".to_string(), Value::Null),
    ]);
    extend(state, rest)
}

fn named(module: &str, version: &str, name: &str, view: (&str, &str, &str)) -> State {
    let (view_module, view_version, view_name) = view;
    let state = json!({
        "_model_module": module,
        "_model_module_version": version,
        "_model_name": format!("{name}Model"),
        "_view_module": view_module,
        "_view_module_version": view_version,
        "_view_name": view_name,
        "_view_count": null,
    });
    extend(Map::new(), state)
}

fn extend(mut state: State, more: Value) -> State {
    if let Value::Object(more) = more {
        state.extend(more);
    }
    state
}

/// A control with a label in front of it.
fn control(name: &str, label: &str, rest: Value) -> State {
    let labelled = json!({ "description": label, "description_allow_html": false, "disabled": false });
    extend(state(CONTROLS, "2.0.0", name, labelled), rest)
}

/// A slider. `value`, `min`, `max` and `step` are whole numbers or floats alike; `format` shows the value.
pub fn slider(label: &str, [value, min, max, step]: [Value; 4], format: &str) -> State {
    let name = match value.is_i64() {
        true => "IntSlider",
        false => "FloatSlider",
    };
    let rest = json!({
        "behavior": "drag-tap",
        "continuous_update": true,
        "max": max,
        "min": min,
        "orientation": "horizontal",
        "readout": true,
        "readout_format": format,
        "step": step,
        "value": value,
    });
    control(name, label, rest)
}

pub fn dropdown(label: &str, options: &[String], index: usize) -> State {
    let rest = json!({ "_options_labels": options, "index": index });
    control("Dropdown", label, rest)
}

pub fn checkbox(label: &str, value: bool) -> State {
    control("Checkbox", label, json!({ "indent": true, "value": value }))
}

pub fn text(label: &str, value: &str) -> State {
    let rest = json!({ "continuous_update": false, "placeholder": "\u{200b}", "value": value });
    control("Text", label, rest)
}

pub fn button(label: &str) -> State {
    let rest = json!({ "button_style": "", "description": label, "disabled": false, "icon": "" });
    state(CONTROLS, "2.0.0", "Button", rest)
}

/// A piece of a page, as it is: nothing that a cell says may stand in it unescaped.
pub fn html(value: &str) -> State {
    let rest = json!({
        "description": "",
        "description_allow_html": false,
        "placeholder": "\u{200b}",
        "value": value,
    });
    state(CONTROLS, "2.0.0", "HTML", rest)
}

/// A state by which a page's style sheet knows the widget.
pub fn of_class(mut state: State, class: &str) -> State {
    state.insert("_dom_classes".into(), json!([class]));
    state
}

/// A text that follows every letter.
pub fn live_text(value: &str) -> State {
    extend(text("", value), json!({ "continuous_update": true }))
}

/// Widgets one below the other.
pub fn column(children: &[String]) -> State {
    let children: Vec<Value> = children.iter().map(|id| reference(id)).collect();
    let rest = json!({ "box_style": "", "children": children });
    state(CONTROLS, "2.0.0", "VBox", rest)
}

/// A place for outputs.
pub fn output() -> State {
    let rest = json!({ "msg_id": "", "outputs": [] });
    state(OUTPUT, "1.0.0", "Output", rest)
}

/// The size and place of widgets: the front end's choice.
pub fn layout() -> State {
    let mut state = named(BASE, "2.0.0", "Layout", (BASE, "2.0.0", "LayoutView"));
    let unset = LAYOUT.iter().map(|key| (key.to_string(), Value::Null));
    state.extend(unset);
    state
}

/// The style that the model named `model` needs; `None` where it has none.
pub fn style(model: &str) -> Option<State> {
    let (name, keys): (&str, &[&str]) = match model {
        "IntSliderModel" | "FloatSliderModel" => ("SliderStyle", &["handle_color"]),
        "DropdownModel" => ("DescriptionStyle", &[]),
        "CheckboxModel" => ("CheckboxStyle", &["background"]),
        "TextModel" => ("TextStyle", &["background", "font_size", "text_color"]),
        "HTMLModel" => ("HTMLStyle", &["background", "font_size", "text_color"]),
        "ButtonModel" => ("ButtonStyle", &BUTTON_STYLE),
        _ => return None,
    };
    let mut state = named(CONTROLS, "2.0.0", name, (BASE, "2.0.0", "StyleView"));
    state.extend(keys.iter().map(|key| (key.to_string(), Value::Null)));
    if name != "ButtonStyle" {
        state.insert("description_width".into(), "".into());
    }
    Some(state)
}

const BUTTON_STYLE: [&str; 8] = [
    "button_color",
    "font_family",
    "font_size",
    "font_style",
    "font_variant",
    "font_weight",
    "text_color",
    "text_decoration",
];

const LAYOUT: [&str; 39] = [
    "align_content",
    "align_items",
    "align_self",
    "border_bottom",
    "border_left",
    "border_right",
    "border_top",
    "bottom",
    "display",
    "flex",
    "flex_flow",
    "grid_area",
    "grid_auto_columns",
    "grid_auto_flow",
    "grid_auto_rows",
    "grid_column",
    "grid_gap",
    "grid_row",
    "grid_template_areas",
    "grid_template_columns",
    "grid_template_rows",
    "height",
    "justify_content",
    "justify_items",
    "left",
    "margin",
    "max_height",
    "max_width",
    "min_height",
    "min_width",
    "object_fit",
    "object_position",
    "order",
    "overflow",
    "padding",
    "right",
    "top",
    "visibility",
    "width",
];
