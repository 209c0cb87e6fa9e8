//! Keeps an open graphics device quiet while the notebook is idle.
//!
//! Each device has two threads of cubecl that carry out what is queued. With nothing to do they wait to be woken, but
//! for 150 µs at most, after which they look whether the device is still wanted: 6,000 times a second for both, 3 to
//! 12 % of a core. Work wakes them at once, so that only their notice of the end may come later: Linux lets a thread's
//! waits take longer by its *timer slack*.

use std::fs;

/// How much later a wait that nothing ends may return.
const SLACK_NS: &str = "50000000";

/// Sets the timer slack of cubecl's device threads, by their names, "DS…"; other systems, and a `/proc` that cannot be
/// written, keep theirs.
pub fn quieten() {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return };
    for thread in threads.flatten() {
        if fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("DS")) {
            let of_thread = format!("/proc/{}/timerslack_ns", thread.file_name().to_string_lossy());
            let _ = fs::write(of_thread, SLACK_NS);
        }
    }
}
