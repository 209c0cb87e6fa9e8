//! The kind `widget`: a handle to a control, with its value, label and whether it can be used.

use super::paint::Pad;
use super::store::{Domain, Widgets};
use super::{session, xy_pad};
use crate::convert::wrap;
use rhai::{Dynamic, ImmutableString};
use saddle_catalog::{Field, Host, KIND, Kind, Ty, type_of};
use saddle_fault::{Fault, Result};
use saddle_picture::Pace;
use saddle_session::output::{Bundle, Comm, Data, Output};
use saddle_tensor::Tensor;
use serde_json::{Value, json};
use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// A control on the page. Clones are the same control.
#[derive(Clone)]
pub struct Widget(pub(super) Rc<Control>);

pub(super) struct Control {
    pub id: String,
    /// `slider`, `dropdown`, …
    pub noun: &'static str,
    pub rule: Domain,
    /// What a dropdown chooses from.
    pub options: Vec<Dynamic>,
    /// What stands on the page in the place of the control itself, where there is more of it.
    pub face: Option<Face>,
    widgets: Widgets,
    host: Rc<Host>,
    /// How often the front ends are told what cells set.
    pace: RefCell<Pace>,
    /// Whether the end of the running cell will tell them the last.
    watched: Cell<bool>,
}

/// What a page shows of a control that is hidden in a box.
pub(super) enum Face {
    /// What a `paint` paints on.
    Pad(Pad),
    /// The square of an `xy_pad`: its box, and the names of its axes.
    Plane { view: String, label: String },
}

impl Control {
    pub fn new(
        host: &Rc<Host>,
        id: String,
        noun: &'static str,
        rule: Domain,
        options: Vec<Dynamic>,
        face: Option<Face>,
    ) -> Self {
        let (widgets, host) = (session(host), host.clone());
        Self { id, noun, rule, options, face, widgets, host, pace: Default::default(), watched: Default::default() }
    }

    /// The model that a page shows: the control's own, or that of the box it is in.
    pub fn view(&self) -> &str {
        match &self.face {
            Some(Face::Pad(pad)) => &pad.view,
            Some(Face::Plane { view, .. }) => view,
            None => &self.id,
        }
    }

    fn pad(&self) -> Option<&Pad> {
        match &self.face {
            Some(Face::Pad(pad)) => Some(pad),
            _ => None,
        }
    }
}

/// What a front end needs to show a widget.
pub(super) fn view(id: &str, text: String) -> Bundle {
    let view = json!({ "version_major": 2, "version_minor": 0, "model_id": id });
    Bundle::text(text).with("application/vnd.jupyter.widget-view+json", Data::Json(view))
}

/// What a front end without widgets shows.
pub(super) const MISSING: &str = "to use it, run the cell; if JupyterLab then shows none, pip install ipywidgets";

impl Widget {
    /// The widget in a value.
    pub fn read(value: &Dynamic) -> Option<Self> {
        value.read_lock::<Self>().map(|widget| widget.clone())
    }

    /// The value now, as the front ends see it: the place of a dropdown's choice, the clicks of a button.
    pub(super) fn state(&self) -> Value {
        self.0.widgets.value(&self.0.id).unwrap_or_default()
    }

    pub(super) fn label(&self) -> String {
        if let Some(Face::Plane { label, .. }) = &self.0.face {
            return label.clone();
        }
        match self.0.widgets.get(&self.0.id, "description") {
            Some(Value::String(label)) => label,
            _ => String::new(),
        }
    }

    /// The value now, as the language sees it.
    pub(super) fn value(&self) -> Result<Dynamic> {
        let state = self.state();
        let value = match &self.0.rule {
            Domain::Int { .. } | Domain::Clicks => state.as_i64().map(Dynamic::from),
            Domain::Float { .. } => state.as_f64().map(Dynamic::from),
            Domain::Bool => state.as_bool().map(Dynamic::from),
            Domain::Text => state.as_str().map(|text| Dynamic::from(ImmutableString::from(text))),
            Domain::Choice { .. } => {
                let chosen = state.as_u64().and_then(|i| self.0.options.get(i as usize));
                chosen.cloned()
            }
            Domain::Point { .. } => state.as_str().and_then(xy_pad::point).map(xy_pad::array),
            Domain::Paint { .. } => self.0.pad().filter(|_| !state.is_null()).map(|pad| wrap(pad.mask(&state))),
            Domain::Still => None,
        };
        value.ok_or_else(|| {
            Fault::value(format!("the {} was forgotten by %reset", self.0.noun))
                .hint("run the cell that makes it again")
        })
    }

    /// What `value` means as this control's state.
    fn state_of(&self, value: &Dynamic) -> Result<Value> {
        let wrong = |what: &str| {
            let got = type_of(value);
            Fault::type_(format!("the value of a {} must be {what}, got {got}", self.0.noun))
        };
        let number = || value.as_float().ok().or_else(|| value.as_int().ok().map(|n| n as f64));
        let (given, what) = match &self.0.rule {
            Domain::Int { .. } => (value.as_int().ok().map(Value::from), "a whole number"),
            Domain::Float { .. } => (number().filter(|x| x.is_finite()).map(Value::from), "a number"),
            Domain::Bool => (value.as_bool().ok().map(Value::from), "true or false"),
            Domain::Text => {
                let text = value.as_immutable_string_ref();
                (text.ok().map(|text| Value::from(text.as_str())), "a text")
            }
            Domain::Point { .. } => {
                (xy_pad::pair(value).map(|point| xy_pad::written(point).into()), "[x, y], two numbers")
            }
            Domain::Choice { .. } => return self.place_of(value),
            Domain::Paint { .. } => {
                let mask = value.read_lock::<Tensor>().ok_or_else(|| wrong("a mask, a tensor [h, w]"))?;
                return self.pad()?.state_of(&mask, &self.state());
            }
            Domain::Clicks | Domain::Still => {
                return Err(Fault::value(format!(
                    "the value of a {} cannot be set: it counts the clicks",
                    self.0.noun
                )));
            }
        };
        given.and_then(|given| self.0.rule.read(&given)).ok_or_else(|| wrong(what))
    }

    /// What is painted on, of a `paint`.
    fn pad(&self) -> Result<&Pad> {
        self.0.pad().ok_or_else(|| {
            Fault::type_(format!("a {} has no picture and no ink", self.0.noun)).hint("paint(image) has them")
        })
    }

    /// The place of `value` among the options, as texts compare.
    fn place_of(&self, value: &Dynamic) -> Result<Value> {
        let text = value.to_string();
        let options: Vec<String> = self.0.options.iter().map(Dynamic::to_string).collect();
        let place = options.iter().position(|option| *option == text);
        place.map(Value::from).ok_or_else(|| {
            Fault::value(format!("the dropdown has no option `{text}`"))
                .hint(format!("options: {}", options.join(", ")))
        })
    }

    /// Sets a part of the state from a cell, here at once and on the page at most ten times a second, the last state
    /// always.
    pub(super) fn set(&self, key: &'static str, value: Value) {
        let control = &self.0;
        if !control.widgets.set(&control.id, key, value) {
            return;
        }
        if control.pace.borrow_mut().due(Instant::now()) {
            return self.tell();
        }
        if !control.watched.replace(true) {
            let widget = self.clone();
            control.host.at_cell_end(move || {
                widget.0.watched.set(false);
                widget.tell();
            });
        }
    }

    fn tell(&self) {
        let keys = [self.0.rule.key(), "description", "disabled"];
        if let Some(said) = self.0.widgets.state_message(&self.0.id, &keys) {
            self.0.host.show(Output::Comm(said));
        }
    }

    pub(super) fn describe(&self) -> String {
        let Control { noun, rule, .. } = &*self.0;
        if let Some(pad) = self.0.pad() {
            return pad.describe(&self.state());
        }
        let value = match self.value() {
            Ok(value) if matches!(rule, Domain::Text) => format!("{:?}", value.to_string()),
            Ok(value) => value.to_string(),
            Err(_) => return format!("{noun} (forgotten)"),
        };
        let label = self.label();
        match rule {
            Domain::Int { min, max } => format!("{noun} {label} = {value} in {min} … {max}"),
            Domain::Float { min, max } | Domain::Point { min, max } => {
                format!("{noun} {label} = {value} in {min} … {max}")
            }
            Domain::Clicks => format!("{noun} {label}"),
            _ => format!("{noun} {label} = {value}"),
        }
    }
}

/// Opens messages go to the front ends before anything shows the widget.
pub(super) fn say(host: &Host, messages: Vec<Comm>) {
    for message in messages {
        host.show(Output::Comm(message));
    }
}

fn field(value: &Dynamic) -> Result<Widget> {
    Widget::read(value).ok_or_else(|| Fault::type_(format!("a widget was expected, got {}", type_of(value))))
}

pub static WIDGET: Kind = Kind {
    name: "widget",
    summary: "a control on the page: a slider, a dropdown, a checkbox, a text box, a button, a picture to paint on or a square to choose a point in",
    id: || TypeId::of::<Widget>(),
    show: |v| match Widget::read(v) {
        Some(widget) => {
            let text = format!("{} ({MISSING})", widget.describe());
            let shown = view(widget.0.view(), text);
            match widget.0.pad() {
                Some(pad) => pad.still(shown, &widget.state()),
                None => shown,
            }
        }
        None => Bundle::text("widget"),
    },
    fields: &[
        Field {
            name: "value",
            ty: Ty::Any,
            doc: "its value now, also while a cell runs; how often a button was clicked. Can be assigned",
            get: |v| field(v)?.value(),
        },
        Field {
            name: "label",
            ty: Ty::Text,
            doc: "what stands beside it. Can be assigned",
            get: |v| Ok(field(v)?.label().into()),
        },
        Field {
            name: "disabled",
            ty: Ty::Bool,
            doc: "whether it cannot be used. Can be assigned",
            get: |v| {
                let widget = field(v)?;
                let disabled = widget.0.widgets.get(&widget.0.id, "disabled");
                Ok(disabled.and_then(|d| d.as_bool()).unwrap_or(false).into())
            },
        },
        Field {
            name: "ink",
            ty: Ty::Tensor,
            doc: "of a `paint`: what was painted with, [h, w] or [3, h, w], 0 where nothing was",
            get: |v| {
                let widget = field(v)?;
                Ok(wrap(widget.pad()?.ink(&widget.state())))
            },
        },
        Field {
            name: "image",
            ty: Ty::Tensor,
            doc: "of a `paint`: the picture that is painted on. Can be assigned, at the same size",
            get: |v| Ok(wrap(field(v)?.pad()?.image())),
        },
    ],
    set: Some(|widget, name, value| {
        let widget = field(widget)?;
        let must = |what: &str| {
            let got = type_of(value);
            Fault::type_(format!("the {name} of a widget must be {what}, got {got}"))
        };
        match name {
            "value" => widget.set(widget.0.rule.key(), widget.state_of(value)?),
            "image" => {
                let image = value.read_lock::<Tensor>().ok_or_else(|| must("a tensor"))?;
                widget.pad()?.set_image(image.clone())?;
            }
            "ink" => {
                let ink = value.read_lock::<Tensor>().ok_or_else(|| must("a tensor"))?;
                widget.pad()?.keep_ink(&ink, &widget.state())?;
            }
            "label" if widget.0.face.is_some() => {
                return Err(Fault::value(format!("the label of this {} cannot be set", widget.0.noun))
                    .hint("print(…) or a Markdown cell says what it is for"));
            }
            "label" => {
                let label = value.clone().into_string().map_err(|_| must("a text"))?;
                widget.set("description", label.into());
            }
            _ => {
                let disabled = value.as_bool().map_err(|_| must("true or false"))?;
                widget.set("disabled", disabled.into());
            }
        }
        Ok(())
    }),
    ..KIND
};
