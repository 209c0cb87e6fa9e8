//! `saddle-rust-host`: compiles and runs the cells of Rust code of a notebook, through evcxr. `saddle` starts it at the
//! first such cell, and has it built before where it is missing.
//!
//! | file | owns |
//! |---|---|
//! | `host` | the host process: evcxr, and the compiler's errors |
//! | `child` | the process that runs the cells' code, which is this program again: its connections, its calls |
//! | `process_tree` | the processes below one |

#![allow(unsafe_code, reason = "memory and descriptors shared with the worker")]

mod child;
mod host;
mod process_tree;

use saddle_rust::protocol::{IDENTITY, SERVE};
use std::process::ExitCode;

fn main() -> ExitCode {
    // In a process that is to run cells, or to stand before the compiler, this does not return.
    child::prepare();
    evcxr::runtime_hook();
    match std::env::args().nth(1).as_deref() {
        Some(IDENTITY) => {
            println!("{}", saddle_component::identity());
            ExitCode::SUCCESS
        }
        Some(SERVE) => match host::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&format!("this command cannot serve: {error}")),
        },
        _ => complain("this program does nothing by itself"),
    }
}

fn complain(what: &str) -> ExitCode {
    eprintln!("saddle-rust-host: {what}\nhint: a cell of saddle that starts with %%rust starts it");
    ExitCode::from(2)
}
