//! The session in a process of its own: the *worker*. What drives it, the *supervisor*, holds everything that must
//! outlive a crash (sockets, history, counts; the notebook file of `saddle run`) and sees an ordinary [`Session`].
//!
//! Why a process: a panic can be caught, but not a kill for lack of memory, an abort (Rhai's `pad([], 1e10, 0)` asks
//! for more memory than there is), a stack that overflows, or a loop in native code that looks at no flag. Here each of
//! these costs the variables and nothing else: the running cell fails with one error that says what happened, which
//! names are gone and from which checkpoint training can go on, and the next cell runs in a fresh worker.
//!
//! | file | owns |
//! |---|---|
//! | `message` | what the two processes say to each other |
//! | [`frame`] | messages on a stream: a length and `postcard`'s format, bytes as they are |
//! | [`process`] | the worker as a process: start, end, last words, no orphans |
//! | `loss` | how a worker ended and what went with it, in the user's terms |
//! | `isolated` | the supervisor's side: [`Isolated`], a session that sends what it is asked |
//! | `keeper` | the thread that starts workers, reads what they send, and says how they ended |
//! | `outbox` | the worker's way out: at once, or gathered in a flood |
//! | `server` | the worker's side: drives the real session |
//!
//! ```text
//!   supervisor                                                 worker (the same binary)
//!   Isolated ── calls, interrupts, answers ──► writer ═══════► reader ──► runner   execute, evaluate
//!            ◄── outputs, questions, values ── keeper ◄═══════ outbox ◄── side     complete, inspect, is_complete
//!                                              one socket pair
//! ```
//!
//! Reasons for what may look odd:
//! * **Outputs are written by the thread that makes them**, not handed to another: what a cell showed before it crashed
//!   has left the worker when it crashes. Only a flood that the supervisor cannot keep up with is gathered, up to a
//!   bound; then the cell waits, and nothing piles up.
//! * **Nothing ever waits to tell the worker something**: a thread of its own writes to it, and the worker's reader
//!   only hands on. So an interrupt gets through while outputs are blocked, and a worker that was stopped (SIGSTOP)
//!   blocks no one.
//! * **Interrupts name what they stop**, so that one that comes late does not stop the next cell.
//! * **The worker says when it begins a call**: one that it had not begun when it died is given to the next worker.
//! * **The socket is the worker's standard input**: no file on the disk, no number to pass on, nothing for others to
//!   inherit.
//! * **No orphans**: Linux kills the worker when the supervisor's keeper thread ends, however it ends; everywhere, the
//!   worker's reader leaves when the socket says that the other side is gone, also while native code runs.
//! * **Ctrl-C** reaches both processes, which share a process group so that Ctrl-Z stops both; the worker ignores it
//!   and stops when the supervisor says so.

pub mod frame;
mod isolated;
mod keeper;
mod loss;
mod message;
mod outbox;
pub mod process;
mod server;

pub use isolated::Isolated;
pub use outbox::NO_SIGNAL;
pub use server::serve;

#[cfg(doc)]
use saddle_session::Session;
