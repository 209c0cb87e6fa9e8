//! The widgets of a session: their states, shared by the thread that runs cells and the one that hears front ends, and
//! their side of the messages.
//!
//! A front end's change is applied where it is heard, at once: a running cell reads it from then on. Only the functions
//! that cells want called wait for the engine.

use super::super::picture::display::fresh_id;
use super::model::{self, PROTOCOL, State};
use super::xy_pad;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use saddle_session::CommReply;
use saddle_session::output::{Comm, CommStep};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The target of widgets.
const WIDGET: &str = "jupyter.widget";
/// The target by which a page that has been loaded again asks for all states.
const CONTROL: &str = "jupyter.widget.control";

/// What a widget's value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    Int {
        min: i64,
        max: i64,
    },
    Float {
        min: f64,
        max: f64,
    },
    /// The place in a list of this length.
    Choice {
        options: usize,
    },
    Bool,
    Text,
    /// What was painted: so many bytes in base64, or nothing.
    Paint {
        bytes: usize,
    },
    /// Two numbers in a text, each inside the bounds.
    Point {
        min: f64,
        max: f64,
    },
    /// How often it was clicked: counted here, not sent.
    Clicks,
    /// Nothing to set: boxes, places for outputs.
    Still,
}

impl Domain {
    /// The key of the state that holds the value.
    pub fn key(&self) -> &'static str {
        match self {
            Domain::Choice { .. } => "index",
            Domain::Clicks => "clicks",
            _ => "value",
        }
    }

    /// The value that is meant by `given`: brought inside the bounds; `None` for what cannot be meant.
    pub fn read(&self, given: &Value) -> Option<Value> {
        match self {
            Domain::Int { min, max } => {
                let value = given.as_i64().or_else(|| given.as_f64().map(|v| v.round() as i64));
                value.map(|v| v.clamp(*min, *max).into())
            }
            Domain::Float { min, max } => given.as_f64().map(|v| v.clamp(*min, *max).into()),
            Domain::Choice { options } => given.as_u64().filter(|i| (*i as usize) < *options).map(Value::from),
            Domain::Bool => given.as_bool().map(Value::from),
            Domain::Text => given.as_str().map(Value::from),
            Domain::Paint { bytes } => {
                let text = given.as_str()?;
                let whole = text.is_empty() || STANDARD.decode(text).is_ok_and(|given| given.len() == *bytes);
                whole.then(|| text.into())
            }
            Domain::Point { min, max } => {
                let point = xy_pad::point(given.as_str()?)?;
                Some(xy_pad::written(point.map(|v| v.clamp(*min, *max))).into())
            }
            Domain::Clicks | Domain::Still => None,
        }
    }
}

/// The widgets of one session. Clones are the same.
#[derive(Clone, Default)]
pub struct Widgets(Arc<Mutex<Store>>);

#[derive(Default)]
struct Store {
    models: BTreeMap<String, Model>,
    /// The comms by which pages ask for all states.
    controls: BTreeSet<String>,
    /// The models that many others share: layout, and a style for each kind of control.
    shared: BTreeMap<String, String>,
}

struct Model {
    state: State,
    rule: Domain,
    clicks: i64,
    /// Closed by a front end: its value stays, and nothing more is said.
    closed: bool,
    /// Whether a function of a cell is to be called when the value changes.
    watched: bool,
    /// Whether a cell has set the value since the functions were called.
    set: bool,
    /// Whether a page has asked for the state since it was opened: then that page does not know the displays of the
    /// cells.
    asked_for: bool,
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A message that sets some of a model's state.
fn update(id: &str, state: State) -> Comm {
    let data = json!({ "method": "update", "state": state, "buffer_paths": [] });
    Comm::new(id, CommStep::Message, object(data))
}

impl Widgets {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a widget; its id and the messages that open it, and what it needs, in the front ends.
    pub fn open(&self, state: State, rule: Domain) -> (String, Vec<Comm>) {
        self.lock().open(state, rule)
    }

    /// Ends all widgets; the messages that say so.
    pub fn close_all(&self) -> Vec<Comm> {
        let store = std::mem::take(&mut *self.lock());
        let open = store.models.into_iter().filter(|(_, model)| !model.closed);
        open.map(|(id, _)| Comm::new(id, CommStep::Close, Map::new())).collect()
    }

    /// The value now; `None` once all widgets have been forgotten.
    pub fn value(&self, id: &str) -> Option<Value> {
        let store = self.lock();
        let model = store.models.get(id)?;
        match model.rule {
            Domain::Clicks => Some(model.clicks.into()),
            _ => model.state.get(model.rule.key()).cloned(),
        }
    }

    /// A part of the state now.
    pub fn get(&self, id: &str, key: &str) -> Option<Value> {
        self.lock().models.get(id)?.state.get(key).cloned()
    }

    /// Sets a part of the state from a cell; whether that changed anything.
    pub fn set(&self, id: &str, key: &str, value: Value) -> bool {
        let mut store = self.lock();
        let Some(model) = store.models.get_mut(id) else {
            return false;
        };
        let changed = model.state.get(key) != Some(&value);
        model.set |= changed && key == model.rule.key();
        model.state.insert(key.to_string(), value);
        changed
    }

    /// The message that tells the front ends the present state under these keys.
    pub fn state_message(&self, id: &str, keys: &[&str]) -> Option<Comm> {
        let store = self.lock();
        let model = store.models.get(id).filter(|model| !model.closed)?;
        let said = keys.iter().filter_map(|key| {
            let value = model.state.get(*key)?;
            Some((key.to_string(), value.clone()))
        });
        Some(update(id, said.collect()))
    }

    /// From now on changes of the value are to be told to the engine.
    pub fn watch(&self, id: &str) {
        if let Some(model) = self.lock().models.get_mut(id) {
            model.watched = true;
        }
    }

    /// The watched widgets whose value cells have set since the last call.
    pub fn take_set(&self) -> Vec<String> {
        let mut store = self.lock();
        let mut set = Vec::new();
        for (id, model) in &mut store.models {
            if std::mem::take(&mut model.set) && model.watched {
                set.push(id.clone());
            }
        }
        set
    }

    /// Whether a page that was loaded after the widget was made shows it.
    pub fn is_asked_for(&self, id: &str) -> bool {
        let store = self.lock();
        store.models.get(id).is_some_and(|model| model.asked_for)
    }

    /// Takes a front end's message.
    pub fn hear(&self, message: Comm) -> CommReply {
        let mut store = self.lock();
        match &message.step {
            CommStep::Open { target } if target == CONTROL => {
                store.controls.insert(message.id);
                CommReply::default()
            }
            // The protocol wants a comm closed that nobody here understands. Widgets are made by cells only.
            CommStep::Open { .. } => {
                CommReply { messages: vec![Comm::new(message.id, CommStep::Close, Map::new())], callback: false }
            }
            CommStep::Close => {
                store.controls.remove(&message.id);
                if let Some(model) = store.models.get_mut(&message.id) {
                    model.closed = true;
                }
                CommReply::default()
            }
            CommStep::Message if store.controls.contains(&message.id) => store.answer_page(&message),
            CommStep::Message => store.take(message),
        }
    }
}

impl Store {
    fn open(&mut self, mut state: State, rule: Domain) -> (String, Vec<Comm>) {
        let mut said = Vec::new();
        let name = state["_model_name"].as_str().unwrap_or_default().to_string();
        let layout = self.share("LayoutModel", || Some(model::layout()), &mut said);
        let style = self.share(&name, || model::style(&name), &mut said);
        for (key, id) in [("layout", layout), ("style", style)] {
            if let Some(id) = id {
                state.insert(key.into(), model::reference(&id));
            }
        }
        let id = self.insert(state, rule, &mut said);
        (id, said)
    }

    /// The model that all of one kind share, made at the first use.
    fn share(&mut self, kind: &str, make: impl FnOnce() -> Option<State>, said: &mut Vec<Comm>) -> Option<String> {
        if let Some(id) = self.shared.get(kind) {
            return Some(id.clone());
        }
        let id = self.insert(make()?, Domain::Still, said);
        self.shared.insert(kind.to_string(), id.clone());
        Some(id)
    }

    fn insert(&mut self, state: State, rule: Domain, said: &mut Vec<Comm>) -> String {
        let id = fresh_id();
        let target = WIDGET.to_string();
        let data = json!({ "state": state, "buffer_paths": [] });
        let mut opened = Comm::new(&id, CommStep::Open { target }, object(data));
        opened.metadata.insert("version".into(), PROTOCOL.into());
        said.push(opened);
        let model = Model { state, rule, clicks: 0, closed: false, watched: false, set: false, asked_for: false };
        self.models.insert(id.clone(), model);
        id
    }

    /// What a page says on its own comm: `request_states`.
    fn answer_page(&mut self, message: &Comm) -> CommReply {
        if message.data.get("method").and_then(Value::as_str) != Some("request_states") {
            return CommReply::default();
        }
        let states: Map<String, Value> = self
            .models
            .iter_mut()
            .filter(|(_, model)| !model.closed)
            .map(|(id, model)| {
                model.asked_for = true;
                (id.clone(), model.described())
            })
            .collect();
        let data = json!({ "method": "update_states", "states": states, "buffer_paths": [] });
        CommReply { messages: vec![Comm::new(&message.id, CommStep::Message, object(data))], callback: false }
    }

    /// What a front end says to a widget.
    fn take(&mut self, message: Comm) -> CommReply {
        let Some(model) = self.models.get_mut(&message.id) else {
            // One of a session that was lost, say: a page that still shows it learns that no one hears it.
            return CommReply { messages: vec![Comm::new(message.id, CommStep::Close, Map::new())], callback: false };
        };
        match message.data.get("method").and_then(Value::as_str) {
            Some("update") => model.change(message),
            Some("request_state") => {
                model.asked_for = true;
                CommReply { messages: vec![update(&message.id, model.state.clone())], callback: false }
            }
            Some("custom") => CommReply { messages: Vec::new(), callback: model.click(&message.data) },
            _ => CommReply::default(),
        }
    }
}

impl Model {
    /// The state with the model's name outside of it, as pages want it that ask for all.
    fn described(&self) -> Value {
        let mut state = self.state.clone();
        let mut take = |key: &str| state.remove(key).unwrap_or_default();
        let (name, module) = (take("_model_name"), take("_model_module"));
        let version = take("_model_module_version");
        json!({
            "model_name": name,
            "model_module": module,
            "model_module_version": version,
            "state": state,
        })
    }

    /// Takes over what a front end has changed: echoed to all front ends as it came, and corrected where it cannot be
    /// meant.
    fn change(&mut self, message: Comm) -> CommReply {
        let mut corrected = State::new();
        let mut changed = false;
        let given = message.data.get("state").and_then(Value::as_object);
        for (key, value) in given.into_iter().flatten() {
            let Some(now) = self.state.get(key) else {
                continue;
            };
            // Front ends have no reason to change anything else: names of models and views, bounds, labels.
            let meant = match key.as_str() {
                "_view_count" => Some(value.clone()),
                key if key == self.rule.key() => self.rule.read(value),
                _ => None,
            };
            let meant = meant.unwrap_or_else(|| now.clone());
            // 1 and 1.0 are the same number.
            let same = match (meant.as_f64(), value.as_f64()) {
                (Some(meant), Some(given)) => meant == given,
                _ => meant == *value,
            };
            if !same {
                corrected.insert(key.clone(), meant.clone());
            }
            changed |= key == self.rule.key() && meant != *now;
            self.state.insert(key.clone(), meant);
        }
        let mut echo = message.clone();
        echo.metadata = Map::new();
        echo.data.insert("method".into(), "echo_update".into());
        let mut messages = vec![echo];
        if !corrected.is_empty() {
            messages.push(update(&message.id, corrected));
        }
        CommReply { messages, callback: changed && self.watched }
    }

    /// Counts a click of a button; whether it is watched.
    fn click(&mut self, data: &Map<String, Value>) -> bool {
        let event = data.get("content").and_then(|content| content.get("event"));
        let clicked = self.rule == Domain::Clicks && event.and_then(Value::as_str) == Some("click");
        self.clicks += i64::from(clicked);
        clicked && self.watched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(widgets: &Widgets, id: &str, data: Value) -> CommReply {
        widgets.hear(Comm::new(id, CommStep::Message, object(data)))
    }

    fn slider(widgets: &Widgets) -> String {
        let numbers = [0.0, -3.0, 3.0, 0.1].map(Value::from);
        let rule = Domain::Float { min: -3.0, max: 3.0 };
        let (id, opened) = widgets.open(model::slider("z", numbers, ".2f"), rule);
        // Layout and style before the slider that refers to them.
        assert_eq!(opened.len(), 3);
        assert_eq!(opened[2].id, id);
        assert_eq!(opened[2].metadata["version"], "2.1.0");
        assert_eq!(opened[2].data["state"]["style"], format!("IPY_MODEL_{}", opened[1].id));
        id
    }

    #[test]
    fn a_change_is_seen_at_once_echoed_and_wanted_by_who_watches() {
        let widgets = Widgets::default();
        let id = slider(&widgets);
        let moved = json!({ "method": "update", "state": { "value": 1 }, "buffer_paths": [] });
        let reply = say(&widgets, &id, moved.clone());
        assert_eq!(widgets.value(&id), Some(json!(1.0)));
        let echo = json!({ "method": "echo_update", "state": { "value": 1 }, "buffer_paths": [] });
        let echo = Comm::new(&id, CommStep::Message, object(echo));
        assert_eq!(reply.messages, [echo]);
        assert!(!reply.callback);

        widgets.watch(&id);
        assert!(!say(&widgets, &id, moved).callback, "nothing has changed");
        let far = json!({ "method": "update", "state": { "value": 99, "_model_name": "X", "new": 1 } });
        let reply = say(&widgets, &id, far);
        assert!(reply.callback);
        assert_eq!(reply.messages[1].data["state"], json!({ "_model_name": "FloatSliderModel", "value": 3.0 }));
        assert_eq!(widgets.value(&id), Some(json!(3.0)));
        assert_eq!(widgets.get(&id, "new"), None);
        let text = json!({ "method": "update", "state": { "value": "x" } });
        assert!(!say(&widgets, &id, text).callback);
        assert_eq!(widgets.value(&id), Some(json!(3.0)));
    }

    #[test]
    fn a_page_that_asks_gets_every_state() {
        let widgets = Widgets::default();
        let id = slider(&widgets);
        assert!(!widgets.is_asked_for(&id));
        let target = CONTROL.to_string();
        widgets.hear(Comm::new("page", CommStep::Open { target }, Map::new()));
        let reply = say(&widgets, "page", json!({ "method": "request_states" }));
        let states = reply.messages[0].data["states"].as_object().unwrap();
        assert_eq!(states.len(), 3);
        assert_eq!(states[&id]["model_name"], "FloatSliderModel");
        assert_eq!(states[&id]["state"]["max"], 3.0);
        assert!(widgets.is_asked_for(&id));

        assert_eq!(widgets.close_all().len(), 3);
        assert_eq!(widgets.value(&id), None);
    }

    #[test]
    fn clicks_are_counted_and_unknown_comms_closed() {
        let widgets = Widgets::default();
        let (id, _) = widgets.open(model::button("go"), Domain::Clicks);
        widgets.watch(&id);
        let click = json!({ "method": "custom", "content": { "event": "click" } });
        assert!(say(&widgets, &id, click.clone()).callback);
        assert_eq!(widgets.value(&id), Some(json!(1)));
        assert_eq!(say(&widgets, "nobody", click).messages[0].step, CommStep::Close);
        assert_eq!(say(&widgets, &id, json!({})), CommReply::default());
        let target = WIDGET.to_string();
        let reply = widgets.hear(Comm::new("theirs", CommStep::Open { target }, Map::new()));
        assert_eq!(reply.messages[0].step, CommStep::Close);
    }
}
