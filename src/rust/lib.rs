//! Cells of Rust code, `%%rust`, through evcxr: what they compile to runs in a process of its own, beside the notebook.
//!
//! | file | owns |
//! |---|---|
//! | `client` | the worker's side: [`Rust`] runs cells and calls what they export |
//! | `start`, `requests` | starting the host; what the cells may ask of the notebook |
//! | `ears` | what the worker hears, over all connections, in its order |
//! | `host` | the host process: evcxr, and the compiler's errors |
//! | `child` | the process that runs the cells' code: its connections, its calls |
//! | `prelude` | the crate `saddle`, which the cells use; `pack` and `abi` are shared by both sides |
//! | `parcel`, `link`, `message` | values; messages with shared memory; what worker and host say |
//! | `layout` | a cell's text: commands, the first statement, which are items |
//! | `toolchain`, `folder`, `family` | what is on the machine; temporary files; the processes below one |
//!
//! ```text
//!   worker (Rhai, Burn)                  host (evcxr, rust-analyzer)          cells (the user's code)
//!   Rust ── orders, answers ───────────► reader ──► evcxr ──► cargo, rustc
//!        ◄─ output, errors ───────────── printer     └──── evcxr's own ────► main thread: cells
//!        ◄─ get, put, export!, stderr ──────────────────────────────────────  any thread
//!        ── calls of exported functions ────────────────────────────────────► a thread for calls
//! ```
//!
//! Reasons for what may look odd:
//! * **Three processes.** evcxr with rust-analyzer holds some hundred megabytes, so it starts at the first such cell, outside
//!   of the worker. The cells' code must be able to crash: its process is evcxr's child, which is this binary again.
//! * **The worker speaks to the cells without the host**: a call is two messages over one socket, and tensors lie in memory
//!   that both sides map.
//! * **Nobody waits for two things with two threads**: the engine's thread polls, so a call costs no switch within the worker.
//! * **A cell begins with a statement of ours** (`prelude/cell.rs`): evcxr says "well" about a cell that panicked or left by a
//!   `?`, and does not say when a cell stops compiling and starts running, which is what an interrupt has to know.
//! * **The host is not killed with the worker but ends by itself**, when its socket says that the worker is gone: somebody has
//!   to end cargo and remove the temporary files. The cells are killed with the host.

mod child;
mod client;
mod ears;
mod family;
mod folder;
mod host;
mod layout;
mod link;
mod message;
mod parcel;
mod prelude;
mod requests;
mod start;
mod toolchain;

pub use client::{Desk, Export, Rust, Shown, Stop};
pub use ears::Questions;
pub use host::serve;
pub use layout::dependencies;
pub use message::{Answer, Mistake, Question, Spot};
pub use parcel::{Parcel, Value};
pub use start::HOST;
pub use toolchain::Toolchain;

use prelude::pack;

/// To be called first in `main`: in a process that is to run cells, or to stand before the compiler, it does not return.
pub fn hook() {
    child::prepare();
    evcxr::runtime_hook();
}
