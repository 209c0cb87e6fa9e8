//! Functions that are called when a widget changes: `on_change`, `on_click`, and what the engine calls for them.

use super::area::Area;
use super::store::Domain;
use super::value::{Widget, say, view};
use super::{model, session};
use crate::types;
use rhai::{Dynamic, FnPtr};
use saddle_catalog::{Call, ENTRY, Entry, Host, Param, fails, param, runs};
use saddle_fault::{Fault, Result};
use saddle_session::Failure;
use saddle_session::output::Output;
use serde_json::Value;
use std::cell::{RefCell, RefMut};
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&ON_CHANGE, &ON_CLICK];

/// The functions of the session that wait for widgets.
#[derive(Default)]
struct Handlers(Vec<Rc<Handler>>);

/// A function, and the widgets whose values it is called with.
pub(super) struct Handler {
    pub f: FnPtr,
    pub widgets: Vec<Widget>,
    pub area: Area,
    pub kind: On,
    /// The values of the widgets at the last call.
    pub seen: RefCell<Vec<Value>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Change,
    /// Called once for each click.
    Click,
    /// A function whose value is shown as well.
    Interact,
    /// The same of an explorer, which looks where its widgets stand by itself.
    Explore,
}

/// How a call ended.
pub type CallbackResult = std::result::Result<(), Failure>;

/// Calls a function of a cell with these arguments, or says why there are none; with `true`, shows its value.
pub type Caller<'a> = dyn Fn(&FnPtr, Result<Vec<Dynamic>>, bool) -> CallbackResult + 'a;

/// Who has set the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    Page,
    Cell,
}

/// Has a handler called from now on, in the place of one that a run of the same cell before has left.
pub(super) fn register(host: &Rc<Host>, handler: Handler) {
    let widgets = session(host);
    for widget in &handler.widgets {
        widgets.watch(&widget.0.id);
    }
    *handler.seen.borrow_mut() = handler.values();
    let handler = Rc::new(handler);
    host.with_slot(|mut handlers: RefMut<Handlers>| {
        handlers.0.retain(|other| !handler.replaces(other));
        handlers.0.push(handler);
    });
}

impl Handler {
    /// A widget has one function for a change; it may be part of several `interact`s, each of its own function.
    fn replaces(&self, other: &Handler) -> bool {
        self.kind == other.kind
            && self.ids().eq(other.ids())
            && (self.kind != On::Interact || self.f.fn_name() == other.f.fn_name())
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        self.widgets.iter().map(|widget| widget.0.id.as_str())
    }

    fn values(&self) -> Vec<Value> {
        self.widgets.iter().map(Widget::state).collect()
    }

    /// How often it is to be called for what has happened since the last call.
    fn due(&self) -> i64 {
        let now = self.values();
        let before = self.seen.replace(now.clone());
        match self.kind {
            On::Click => {
                let count = |values: &[Value]| values.first().and_then(Value::as_i64).unwrap_or(0);
                count(&now) - count(&before)
            }
            _ => i64::from(now != before),
        }
    }

    /// The arguments of a call: the values, as many as the function takes.
    pub fn arguments(&self, host: &Host) -> Result<Vec<Dynamic>> {
        let takes = match self.kind {
            On::Explore => 0,
            _ => host.parameters(&self.f).map_or(self.widgets.len(), |names| names.len()),
        };
        self.widgets.iter().take(takes).map(Widget::value).collect()
    }
}

/// Calls what waits for the widget `comm`, each function at most once for all changes since its last call. `call` calls
/// into the script; the value it gives back is shown for an `interact`.
pub fn run(host: &Rc<Host>, comm: &str, by: By, call: &Caller) -> CallbackResult {
    let handlers = host.with_slot(|handlers: RefMut<Handlers>| handlers.0.clone());
    let mut outcome = Ok(());
    for handler in handlers.iter().filter(|handler| handler.ids().any(|id| id == comm)) {
        for _ in 0..handler.due() {
            let result = handler.call(host, by, call);
            let stop = matches!(&result, Err(failure) if failure.name == "KeyboardInterrupt");
            outcome = outcome.and(result);
            if stop {
                return outcome;
            }
        }
    }
    outcome
}

impl Handler {
    fn call(&self, host: &Rc<Host>, by: By, call: &Caller) -> CallbackResult {
        let shows = matches!(self.kind, On::Interact | On::Explore);
        let go = || call(&self.f, self.arguments(host), shows);
        // What a cell causes is shown where the cell is; a click has no cell.
        let Some(page) = host.frontend().filter(|_| shows || by == By::Page) else {
            return go();
        };
        let collector = self.area.begin(page);
        let result = host.within(collector.clone(), go);
        collector.finish(result.as_ref().err());
        result
    }
}

/// A place for what a function shows, under the running cell: nothing is seen of it until then.
fn place(call: &Call, what: String) -> Area {
    let widgets = session(call.host);
    let (output, opened) = widgets.open(model::output(), Domain::Still);
    say(call.host, opened);
    let bundle = view(&output, what);
    call.host.show(Output::Display { bundle, id: None });
    Area::new(None, output, widgets)
}

fn handle(call: &mut Call, widget: Param<Widget>, kind: On) -> Result<Dynamic> {
    let (widget, f) = (widget.of(call)?, F.of(call)?);
    let word = call.entry.name;
    if (kind == On::Click) != (widget.0.rule == Domain::Clicks) {
        let other = if kind == On::Click { "on_change" } else { "on_click" };
        return Err(Fault::type_(format!("{word}: not for a {}", widget.0.noun)).hint(format!("use {other}")));
    }
    if let Some(names) = call.host.parameters(&f).filter(|names| names.len() > 1) {
        let got = names.len();
        return Err(Fault::type_(format!(
            "{word}: the function must take the value, or nothing; it takes {got} arguments"
        )));
    }
    let area = place(call, format!("{word} of the {} {}", widget.0.noun, widget.label()));
    let handler = Handler { f, widgets: vec![widget], area, kind, seen: RefCell::default() };
    register(call.host, handler);
    Ok(Dynamic::UNIT)
}

const WIDGET: Param<Widget> = param("widget", types::WIDGET, "a slider, dropdown, checkbox, text box or paint");
const F: Param<FnPtr> =
    param("f", types::FUNCTION, "takes the value, or nothing; what it shows stands under this cell");
static ON_CHANGE: Entry = Entry {
    name: "on_change",
    group: "widget",
    summary: "has a function called when a widget's value changes, with the newest value, after the cell that runs; it takes \
              the place of the one before",
    params: &[WIDGET.param(), F.param()],
    errors: &["the widget is a button", "the function takes more than one argument"],
    examples: &[
        runs(
            "a learning rate",
            "let lr = 1e-3;\nlet s = slider(\"log10 lr\", -5.0, -1.0);\non_change(s, |v| { lr = 10.0 ** v; });\ns.value = -2.0;",
        ),
        fails("a button has no value to change", "on_change(button(\"go\"), |v| print(v))", "not for a button"),
    ],
    call: |call| handle(call, WIDGET, On::Change),
    ..ENTRY
};

const BUTTON: Param<Widget> = param("button", types::WIDGET, "the button");
const ON_CLICK_F: Param<FnPtr> =
    param("f", types::FUNCTION, "takes nothing, or the number of clicks; what it shows stands under this cell");
static ON_CLICK: Entry = Entry {
    name: "on_click",
    group: "widget",
    summary: "has a function called for each click of a button, after the cell that runs; it takes the place of the one before",
    params: &[BUTTON.param(), ON_CLICK_F.param()],
    errors: &["the widget is no button", "the function takes more than one argument"],
    examples: &[
        runs("a new sample", "let b = button(\"resample\");\non_click(b, || show(randn([4, 8, 8])));\nb"),
        fails("a slider is not clicked", "on_click(slider(\"z\", 0, 1), || ())", "not for a slider"),
    ],
    call: |call| handle(call, BUTTON, On::Click),
    ..ENTRY
};
