//! Opening a session. The only place of this binary that knows which language the cells are in.

use super::signal;
use saddlepoint::cell::Session;
use saddlepoint::fault::{Fault, Kind, Result};
use saddlepoint::session::Notebook;
use std::sync::{Arc, OnceLock};

/// What a second Ctrl-C does, when the first has not stopped the cell yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Insisting {
    /// It ends the process.
    EndsProcess,
    /// It asks the cell once more.
    AsksAgain,
}

/// A new session.
///
/// # Errors
/// The operating system gives no thread.
pub fn open() -> Result<Arc<dyn Notebook>> {
    let session = Session::start().map_err(|error| {
        Fault::new(
            Kind::Device,
            format!("the session cannot start its thread: {error}"),
        )
    })?;
    Ok(Arc::new(session))
}

/// A new session whose running cell Ctrl-C stops. Must be called before other threads are started.
///
/// # Errors
/// As [`open`].
pub fn open_with_interrupt(insisting: Insisting) -> Result<Arc<dyn Notebook>> {
    let session: Arc<OnceLock<Arc<dyn Notebook>>> = Arc::default();
    let running = session.clone();
    signal::on_interrupt(move |count| {
        match running.get() {
            Some(notebook) if count == 1 || insisting == Insisting::AsksAgain => {
                notebook.interrupt()
            }
            _ => std::process::exit(130),
        };
    });
    let notebook = open()?;
    Ok(session.get_or_init(|| notebook).clone())
}

/// The reference of the language, as Markdown.
pub fn reference() -> String {
    saddlepoint::cell::reference()
}
