//! Cells of Rust code, `%%rust`, through evcxr: what they compile to runs in a process of its own, beside the notebook.
//!
//! | file | owns |
//! |---|---|
//! | `client` | the worker's side: [`Rust`] runs cells and calls what they export |
//! | `access`, `stop` | what cells may ask of the notebook; how cells and calls end that do not end well |
//! | `start`, `requests` | starting the host, building it first; answering what the cells ask |
//! | `connections` | what the worker receives, over all connections, in its order |
//! | `host/` | a package of its own, `saddle-rust-host`: the host process with evcxr, and the process that runs the cells' code |
//! | `prelude` | the crate `saddle`, which the cells use; `pack` and `abi` are shared by both sides |
//! | `payload`, `link`, `message` | values; messages with shared memory; what worker and host say |
//! | `layout` | a cell's text: commands, the first statement, which are items |
//! | `toolchain`, `folder` | what is on the machine; temporary files |
//!
//! ```text
//!   worker (Rhai, tensors)               host (evcxr, rust-analyzer)          cells (the user's code)
//!   Rust ── orders, answers ───────────► reader ──► evcxr ──► cargo, rustc
//!        ◄─ output, errors ───────────── printer     └──── evcxr's own ────► main thread: cells
//!        ◄─ get, put, export!, stderr ──────────────────────────────────────  any thread
//!        ── calls of exported functions ────────────────────────────────────► a thread for calls
//! ```
//!
//! Reasons for what may look odd:
//! * **Three processes.** evcxr with rust-analyzer holds some hundred megabytes, so it starts at the first such cell,
//!   outside of the worker. The cells' code must be able to crash: its process is evcxr's child, which is the host's
//!   binary again.
//! * **Two binaries.** evcxr and rust-analyzer are a hundred crates, and few notebooks have such cells: the host is a
//!   component, built when the first of them runs.
//! * **The worker speaks to the cells without the host**: a call is two messages over one socket, and tensors lie in
//!   memory that both sides map.
//! * **Nobody waits for two things with two threads**: the engine's thread polls, so a call costs no switch within the
//!   worker.
//! * **A cell begins with a statement of ours** (`prelude/cell.rs`): evcxr says "well" about a cell that panicked or
//!   left by a `?`, and does not say when a cell stops compiling and starts running, which is what an interrupt has to
//!   know.
//! * **The host is not killed with the worker but ends by itself**, when its socket says that the worker is gone:
//!   somebody has to end cargo and remove the temporary files. The cells are killed with the host.

#![allow(unsafe_code, reason = "memory and descriptors shared with the process of the cells")]

mod access;
mod client;
mod connections;
mod folder;
mod layout;
mod link;
mod message;
mod payload;
mod prelude;
mod requests;
mod start;
mod stop;
mod toolchain;

pub use access::NotebookAccess;
pub use client::{Export, Rust, Shown};
pub use connections::Questions;
pub use layout::dependencies;
pub use message::{Answer, Mistake, Question, Spot};
pub use payload::{Payload, Value};
pub use start::host;
pub use stop::Stop;
pub use toolchain::Toolchain;

use prelude::pack;

/// What `saddle-rust-host` shares with the worker's side. Nothing else needs it.
pub mod protocol {
    pub use crate::client::HEAD;
    pub use crate::folder::Folder;
    pub use crate::layout::{Layout, without_commands};
    pub use crate::link::{LONGEST_SPARE, Link, Message, Spares};
    pub use crate::message::{Answer, CellResult, HostOrder, Mistake, Question, Report, Role, Spot};
    pub use crate::prelude::abi;
    pub use crate::prelude::pack::Writer;

    /// The word that has the host's program serve the worker that has started it.
    pub const SERVE: &str = "serve";

    /// The option by which the host's program prints of which build it is.
    pub const IDENTITY: &str = "--identity";
}
