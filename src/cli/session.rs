//! Opening a session. The only place of this binary that knows which language the cells are in.

use super::signal;
use saddlepoint::cell::Session;
use saddlepoint::fault::{Fault, Kind, Result};
use saddlepoint::session::Notebook;
use saddlepoint::worker::{self, Isolated};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// The sub-command of a worker.
pub const WORKER: &str = "worker";

/// What a second Ctrl-C does, when the first has not stopped the cell yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Insisting {
    /// It ends the process.
    EndsProcess,
    /// It asks the cell once more.
    AsksAgain,
}

/// A new session, in a process of its own.
///
/// # Errors
/// The operating system gives no thread.
pub fn open() -> Result<Arc<Isolated>> {
    open_in(Path::new(""))
}

/// A new session, in a process of its own whose relative paths start at `folder` (empty: where this process is).
///
/// # Errors
/// The operating system gives no thread.
pub fn open_in(folder: &Path) -> Result<Arc<Isolated>> {
    let folder = folder.to_path_buf();
    let program = move || {
        let mut command = worker_program()?;
        if !folder.as_os_str().is_empty() {
            command.current_dir(&folder);
        }
        Ok(command)
    };
    let session = Isolated::start(program).map_err(|error| no_thread(&error))?;
    Ok(Arc::new(session))
}

/// This program, told to be a worker.
fn worker_program() -> std::io::Result<Command> {
    // The file that runs, also when a newer one has taken its place: both sides must speak the same language.
    let mut command = match cfg!(target_os = "linux") {
        true => Command::new("/proc/self/exe"),
        false => Command::new(std::env::current_exe()?),
    };
    command.arg0("saddle").arg(WORKER);
    Ok(command)
}

/// `saddle worker`: holds a session for the process that started this one.
///
/// # Errors
/// Another process than a supervisor has started this.
pub fn work() -> Result<()> {
    let session = Session::start().map_err(|error| no_thread(&error))?;
    let session: Arc<dyn Notebook> = Arc::new(session);
    worker::serve(&session).map_err(|error| {
        Fault::value(format!("`saddle {WORKER}` cannot serve: {error}"))
            .hint("the other commands of saddle start it when they need it")
    })
}

fn no_thread(error: &std::io::Error) -> Fault {
    let message = format!("the session cannot start its thread: {error}");
    Fault::new(Kind::Device, message)
}

/// A new session whose running cell Ctrl-C stops. Must be called before other threads are started.
///
/// # Errors
/// As [`open`].
pub fn open_with_interrupt(insisting: Insisting) -> Result<Arc<Isolated>> {
    let session: Arc<OnceLock<Arc<Isolated>>> = Arc::default();
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
