//! Where a picture that has a name stands: the first time in a run of a cell it is a new display, after that it is updated
//! in place.

use crate::catalog::Host;
use crate::output::{Bundle, Output};
use std::collections::HashMap;
use std::rc::Rc;

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
    let (id, known) = host.with_slot(|mut displays: std::cell::RefMut<Displays>| {
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
        host.with_slot(|mut displays: std::cell::RefMut<Displays>| displays.ids.remove(name));
    });
    host.show(Output::Display {
        bundle,
        id: Some(id),
    });
}
