//! Where a picture that has a name stands: the first time in a run of a cell it is a new display, after that it is
//! updated in place, ten times a second unless it asks for more; the last state is always shown. And the word that
//! clears what a cell has shown.

use super::value::drawn;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{ENTRY, Entry, Host, Param, param, runs};
use saddle_picture::{Figure, Pace};
use saddle_session::output::{Bundle, Output};
use std::cell::RefMut;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub static ENTRIES: &[&Entry] = &[&CLEAR_OUTPUT];

/// The displays of the cell that runs, by name.
#[derive(Default)]
struct Displays(HashMap<String, Slot>);

#[derive(Default)]
struct Slot {
    id: String,
    shown: bool,
    pace: Pace,
    /// The newest figure, if it came too soon to be drawn.
    waiting: Option<Figure>,
}

/// An id that no other display has, in this kernel or another.
pub fn fresh_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn with_place<R>(host: &Rc<Host>, name: &str, f: impl FnOnce(&mut Slot) -> R) -> R {
    host.with_slot(|mut displays: RefMut<Displays>| {
        if !displays.0.contains_key(name) {
            let place = Slot { id: fresh_id(), ..Slot::default() };
            displays.0.insert(name.to_string(), place);
            leave(host, name);
        }
        f(displays.0.entry(name.to_string()).or_default())
    })
}

/// At the end of the cell what waits is drawn, and the name is free: a later run of the cell makes a picture of its
/// own.
fn leave(host: &Rc<Host>, name: &str) {
    let (end, name) = (host.clone(), name.to_string());
    host.at_cell_end(move || {
        let place = end.with_slot(|mut displays: RefMut<Displays>| displays.0.remove(&name));
        if let Some(mut place) = place
            && let Some(figure) = place.waiting.take()
        {
            end.show(place.output(drawn(&figure)));
        }
    });
}

impl Slot {
    fn output(&mut self, bundle: Bundle) -> Output {
        let id = self.id.clone();
        match std::mem::replace(&mut self.shown, true) {
            true => Output::Update { bundle, id },
            false => Output::Display { bundle, id: Some(id) },
        }
    }
}

/// Shows `bundle` under `name` now.
pub fn show(host: &Rc<Host>, name: &str, bundle: Bundle) {
    let output = with_place(host, name, |place| {
        place.waiting = None;
        place.output(bundle)
    });
    host.show(output);
}

/// Shows `bundle` in the place of what stands under `name`, if something still does.
pub fn replace_shown(host: &Rc<Host>, name: &str, bundle: Bundle) {
    let output = host.with_slot(|mut displays: RefMut<Displays>| {
        let place = displays.0.get_mut(name).filter(|place| place.shown);
        place.map(|place| place.output(bundle))
    });
    if let Some(output) = output {
        host.show(output);
    }
}

/// How many times a second a figure is drawn unless it asks for more: smooth to the eye, and a burden for nobody.
pub const FPS: f64 = 10.0;

/// Shows a figure under `name`, at most `fps` times a second: drawn now, or a little later where the last one was drawn
/// a moment ago.
pub fn show_figure(host: &Rc<Host>, name: &str, figure: Figure, fps: f64) {
    let every = Duration::from_secs_f64((1.0 / fps).min(60.0));
    let now = with_place(host, name, |place| match place.pace.due_every(every, Instant::now()) {
        true => Some(figure),
        false => {
            place.waiting = Some(figure);
            None
        }
    });
    if let Some(figure) = now {
        show(host, name, drawn(&figure));
    }
}

const WAIT: Param<bool> = param(
    "wait",
    types::BOOL,
    "only when the next output arrives, so that a picture that follows another does not flicker",
)
.or(false);
static CLEAR_OUTPUT: Entry = Entry {
    name: "clear_output",
    group: "picture",
    summary: "removes what the running cell has shown so far",
    options: &[WAIT.opt()],
    examples: &[runs(
        "one picture in the place of another",
        "for i in 1..4 { clear_output(#{ wait: true }); show(plot([0, i])); }",
    )],
    call: |call| {
        let wait = WAIT.of(call)?;
        // What is shown under a name after this needs a new place: there is nothing left to update.
        call.host.with_slot(|mut displays: RefMut<Displays>| displays.0.clear());
        call.host.show(Output::Clear { wait });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_picture::Axes;
    use saddle_session::Frontend;
    use std::sync::{Arc, Mutex};

    struct Outputs(Mutex<Vec<Output>>);

    impl Frontend for Outputs {
        fn show(&self, output: Output) {
            self.0.lock().expect("no test panics while it holds this").push(output);
        }

        fn ask(&self, _: &str, _: bool) -> Option<String> {
            None
        }
    }

    #[test]
    fn a_burst_is_drawn_once_and_its_last_state_at_the_end() {
        let host = Rc::new(Host::default());
        let outputs = Arc::new(Outputs(Mutex::default()));
        host.attach(Some(outputs.clone()));
        for i in 0..1000 {
            let axes = Axes { title: i.to_string(), ..Axes::default() };
            show_figure(&host, "samples", Figure::Plot(axes), FPS);
        }
        host.end_cell();
        let outputs = outputs.0.lock().expect("no test panics while it holds this");
        assert!(outputs.len() < 100, "{} pictures", outputs.len());
        let Some(Output::Display { bundle, id: Some(first) }) = outputs.first() else { panic!("{outputs:?}") };
        assert!(bundle.plain().contains("“0”"));
        let Some(Output::Update { bundle, id }) = outputs.last() else { panic!("{outputs:?}") };
        assert!(bundle.plain().contains("“999”"));
        assert_eq!(id, first);
    }
}
