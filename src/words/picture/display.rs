//! Where a picture that has a name stands: the first time in a run of a cell it is a new display, after that it is updated
//! in place. And the word that clears what a cell has shown.

use super::super::tensor::{opt, runs};
use crate::catalog::{ENTRY, Entry, Host, Ty};
use crate::output::{Bundle, Output};
use rhai::Dynamic;
use std::cell::RefMut;
use std::collections::HashMap;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&CLEAR_OUTPUT];

/// The displays of the cell that runs, by name.
#[derive(Default)]
struct Displays {
    ids: HashMap<String, String>,
}

/// An id that no other display has, in this kernel or another.
pub fn fresh_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Shows `bundle` under `name`: in place if the running cell has shown that name before.
pub fn show(host: &Rc<Host>, name: &str, bundle: Bundle) {
    let (id, known) = host.with_slot(|mut displays: RefMut<Displays>| {
        let known = displays.ids.contains_key(name);
        (
            displays
                .ids
                .entry(name.to_string())
                .or_insert_with(fresh_id)
                .clone(),
            known,
        )
    });
    if known {
        return host.show(Output::Update { bundle, id });
    }
    // A later run of the cell makes a picture of its own.
    let forget = (host.clone(), name.to_string());
    host.at_cell_end(move || {
        let (host, name) = &forget;
        host.with_slot(|mut displays: RefMut<Displays>| displays.ids.remove(name));
    });
    host.show(Output::Display {
        bundle,
        id: Some(id),
    });
}

static CLEAR_OUTPUT: Entry = Entry {
    name: "clear_output",
    group: "picture",
    summary: "removes what the running cell has shown so far",
    options: &[opt(
        "wait",
        Ty::Bool,
        "false",
        "only when the next output arrives, so that a picture that follows another does not flicker",
    )],
    examples: &[runs(
        "one picture in the place of another",
        "for i in 1..4 { clear_output(#{ wait: true }); show(plot([0, i])); }",
    )],
    call: |call| {
        let wait = call.options.bool("wait", false)?;
        // What is shown under a name after this needs a new place: there is nothing left to update.
        call.host
            .with_slot(|mut displays: RefMut<Displays>| displays.ids.clear());
        call.host.show(Output::Clear { wait });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};
