//! `detect_anomaly(true)`: remembers the first operation whose result holds a NaN or an infinity.

use super::Raw;
use std::cell::{Cell, RefCell};

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static FOUND: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Turns the watch on or off, and forgets what was found.
pub fn detect(on: bool) {
    ON.with(|c| c.set(on));
    FOUND.with(|f| f.borrow_mut().take());
}

/// What was found since the last call: "log gave 3 infinities among 64 values, shape [64, 1]".
pub fn take() -> Option<String> {
    FOUND.with(|f| f.borrow_mut().take())
}

pub(super) fn inspect(op: &'static str, raw: &Raw) {
    if !ON.with(Cell::get) || FOUND.with(|f| f.borrow().is_some()) {
        return;
    }
    let Ok(values) = raw.to_floats() else { return };
    let nans = values.iter().filter(|v| v.is_nan()).count();
    let infinities = values.iter().filter(|v| v.is_infinite()).count();
    if nans + infinities == 0 {
        return;
    }
    let kinds = [(nans, "NaN"), (infinities, "infinite")];
    let kinds: Vec<_> = kinds
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    let text = format!(
        "{op} gave {} of {} values, shape {}",
        kinds.join(" and "),
        values.len(),
        super::shown(&raw.shape())
    );
    FOUND.with(|f| *f.borrow_mut() = Some(text));
}
