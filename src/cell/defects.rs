//! Panics below the words: kept for a bug report instead of being printed over the notebook.

use std::panic;
use std::sync::{Mutex, Once};

static LAST: Mutex<Option<String>> = Mutex::new(None);

/// The name of the thread whose panics are caught.
pub const ENGINE_THREAD: &str = "engine";

/// Whether a thread of that name works for the words: the engine's, and those on which Burn drives a device, `DSD-0-0`.
fn is_below(name: &str) -> bool {
    name == ENGINE_THREAD || name.starts_with("DSD-") || name.starts_with("DSU-")
}

/// From now on, panics on the engine thread, and on a device's threads and the unnamed ones of a pool under it, are
/// recorded, not printed.
pub fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let name = std::thread::current().name().map(str::to_string);
            if name.as_deref().is_none_or(is_below) {
                if let Ok(mut last) = LAST.lock() {
                    *last = Some(format!("{info}"));
                }
            } else {
                before(info);
            }
        }));
    });
}

/// The last panic that was recorded.
pub fn last() -> Option<String> {
    LAST.lock().ok()?.clone()
}
