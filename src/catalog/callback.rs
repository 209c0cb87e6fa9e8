//! Calls into the script from code that a word runs but that knows nothing of calls: a backward rule that a cell wrote,
//! run by the tape while some word (`grad`, `opt.descend`, …) differentiates.

#![expect(
    unsafe_code,
    reason = "the context of the running word is reached through a pointer, for the length of its call"
)]

use super::Host;
use rhai::{Dynamic, FnPtr, NativeCallContext};
use saddle_fault::{Fault, Kind, Result};
use std::cell::Cell;
use std::ptr::NonNull;

thread_local! {
    /// The context of the innermost word that is running on this thread.
    static RUNNING: Cell<Option<NonNull<NativeCallContext<'static>>>> = const { Cell::new(None) };
}

/// Runs a word's adapter: while it runs, [`call_back`] calls through its context.
pub(super) fn running<R>(context: &NativeCallContext, adapter: impl FnOnce() -> R) -> R {
    struct Restore(Option<NonNull<NativeCallContext<'static>>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUNNING.set(self.0);
        }
    }
    let here = NonNull::from(context).cast::<NativeCallContext<'static>>();
    let _restore = Restore(RUNNING.replace(Some(here)));
    adapter()
}

/// Calls a function value of the script from below the word that is running.
///
/// # Errors
/// The function's own; no word is running.
pub fn call_back(host: &Host, f: &FnPtr, args: Vec<Dynamic>) -> Result<Dynamic> {
    let Some(context) = RUNNING.get() else {
        return Err(Fault::new(Kind::Internal, "a function of a cell was called while no cell runs"));
    };
    // SAFETY: `running` put the pointer there from a reference that lives as long as its frame, and takes it away
    // before that frame ends, also when the adapter panics; this thread is still inside the adapter. Only a shared
    // reference is made, and it does not leave this function.
    let context: &NativeCallContext<'_> = unsafe { context.as_ref() };
    f.call_raw(context, None, args).map(Dynamic::flatten).map_err(|error| host.keep_script_error(error))
}
