//! Ctrl-C, and readers that go away.

#![expect(unsafe_code, reason = "signal masks, which no library of ours sets")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often Ctrl-C has been pressed since [`clear`].
static PRESSED: AtomicUsize = AtomicUsize::new(0);

/// One press of Ctrl-C.
#[derive(Clone, Copy, Debug)]
pub struct Press {
    /// Counts from 1 since [`clear`].
    pub number: usize,
    /// How long after the first of them.
    pub after: Duration,
}

/// Calls `action` on a thread of its own at every Ctrl-C, instead of ending the process.
///
/// Must be called before any other thread is started: those inherit the signal mask that this sets.
pub fn on_interrupt(action: impl Fn(Press) + Send + 'static) {
    let mut signals = empty_set();
    // SAFETY: the set is a valid, initialised `sigset_t` that outlives the calls.
    unsafe {
        libc::sigaddset(&mut signals, libc::SIGINT);
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut());
    }
    std::thread::spawn(move || {
        let mut first = Instant::now();
        loop {
            let mut signal = 0;
            // SAFETY: both pointers are to live values of this thread.
            if unsafe { libc::sigwait(&signals, &mut signal) } != 0 {
                return;
            }
            let number = PRESSED.fetch_add(1, Ordering::SeqCst) + 1;
            if number == 1 {
                first = Instant::now();
            }
            let after = first.elapsed();
            action(Press { number, after });
        }
    });
}

/// Forgets an earlier Ctrl-C.
pub fn clear() {
    PRESSED.store(0, Ordering::SeqCst);
}

/// Whether Ctrl-C has been pressed since [`clear`].
pub fn pressed() -> bool {
    PRESSED.load(Ordering::SeqCst) > 0
}

/// Lets a closed pipe end the process, as it ends other commands (`saddle reference | head`), instead of turning every
/// write into an error.
pub fn end_quietly_when_no_one_reads() {
    // SAFETY: sets a default disposition; no handler is involved.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

fn empty_set() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set it is given.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}
