//! `detect_anomaly(true)`: reports the first operation whose result holds a NaN or an infinity.

use super::Raw;
use std::cell::RefCell;

/// Takes the one report: "log gave 3 infinite of 64 values, shape [64, 1]".
type Report = Box<dyn FnOnce(&str)>;

thread_local! {
    static REPORT: RefCell<Option<Report>> = const { RefCell::new(None) };
}

/// Turns the watch on or off. It ends by itself with its first report.
pub fn detect(on: bool, report: impl FnOnce(&str) + 'static) {
    let report: Option<Report> = if on { Some(Box::new(report)) } else { None };
    REPORT.with(|r| *r.borrow_mut() = report);
}

pub(super) fn inspect(op: &'static str, raw: &Raw) {
    if REPORT.with(|r| r.borrow().is_none()) {
        return;
    }
    let Ok(values) = raw.to_floats() else { return };
    let nans = values.iter().filter(|v| v.is_nan()).count();
    let infinities = values.iter().filter(|v| v.is_infinite()).count();
    if nans + infinities == 0 {
        return;
    }
    let kinds = [(nans, "NaN"), (infinities, "infinite")];
    let kinds: Vec<_> = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let text =
        format!("{op} gave {} of {} values, shape {}", kinds.join(" and "), values.len(), super::shown(&raw.shape()));
    if let Some(report) = REPORT.with(|r| r.borrow_mut().take()) {
        report(&text);
    }
}
