//! Opening a session. The only place of this binary that knows which language the cells are in.

use super::signal;
use saddle_cell::RhaiSession;
use saddle_fault::{Fault, Kind, Result};
use saddle_session::Session;
use saddle_sweep::figures::FIGURES;
use saddle_worker::Isolated;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// The sub-command of a worker.
pub const WORKER: &str = "worker";

/// What further Ctrl-C do, when the first has not stopped the cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Insisting {
    /// The second ends the cell by force, the third the process.
    EndsProcess,
    /// One that comes a second or more after the first ends the cell by force, and with it the variables.
    EndsCell,
}

/// A second Ctrl-C that comes sooner may be a finger that slipped.
const PATIENCE: Duration = Duration::from_secs(1);

/// A new session, in a process of its own.
///
/// # Errors
/// The operating system gives no thread.
pub fn open() -> Result<Arc<Isolated>> {
    open_with(Path::new(""), Vec::new())
}

/// A new session, in a process of its own whose relative paths start at `folder` (empty: where this process is).
///
/// # Errors
/// The operating system gives no thread.
pub fn open_in(folder: &Path) -> Result<Arc<Isolated>> {
    open_with(folder, Vec::new())
}

/// The same, with these variables in the environment of its process.
fn open_with(folder: &Path, environment: Vec<(&'static str, OsString)>) -> Result<Arc<Isolated>> {
    let folder = folder.to_path_buf();
    let program = move || {
        let mut command = worker_program()?;
        if !folder.as_os_str().is_empty() {
            command.current_dir(&folder);
        }
        // Those of a run that has started this one are not ours.
        command.env_remove(FIGURES);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    };
    let session = Isolated::start(program).map_err(|error| no_thread(&error))?;
    Ok(Arc::new(session))
}

/// The variable that holds what runs the worker, for profilers: a program and its arguments, apart by spaces, before
/// the worker's own, as in `valgrind --tool=callgrind --log-file=counts`.
const UNDER: &str = "SADDLE_WORKER_UNDER";

/// This program, told to be a worker.
fn worker_program() -> std::io::Result<Command> {
    let under = std::env::var(UNDER).unwrap_or_default();
    let mut words = under.split_whitespace();
    if let Some(profiler) = words.next() {
        let mut command = Command::new(profiler);
        command.args(words).arg(std::env::current_exe()?).arg(WORKER);
        return Ok(command);
    }
    // The file that runs, also when a newer one has taken its place: both sides must speak the same language.
    let mut command = match cfg!(target_os = "linux") {
        true => Command::new("/proc/self/exe"),
        false => Command::new(std::env::current_exe()?),
    };
    command.arg0("saddle").arg(WORKER);
    keep_small_chunks(&mut command);
    Ok(command)
}

/// Lets the worker's allocator keep more of what a step frees for the next one. By default glibc keeps seven chunks of a size where it
/// can give them out at once; a recorded step has thousands, and without this an eighth of a small step is spent in `malloc`.
fn keep_small_chunks(command: &mut Command) {
    const TUNABLES: &str = "GLIBC_TUNABLES";
    if cfg!(target_env = "gnu") && std::env::var_os(TUNABLES).is_none() {
        command.env(TUNABLES, "glibc.malloc.tcache_count=1000");
    }
}

/// `saddle worker`: holds a session for the process that started this one.
///
/// # Errors
/// Another process than a supervisor has started this.
pub fn work() -> Result<()> {
    let session = RhaiSession::start().map_err(|error| no_thread(&error))?;
    let session: Arc<dyn Session> = Arc::new(session);
    saddle_worker::serve(&session).map_err(|error| {
        Fault::value(format!("`saddle {WORKER}` cannot serve: {error}"))
            .hint("the other commands of saddle start it when they need it")
    })
}

fn no_thread(error: &std::io::Error) -> Fault {
    let message = format!("the session cannot start its thread: {error}");
    Fault::new(Kind::Device, message)
}

/// A new session whose running cell Ctrl-C stops, with these variables in the environment of its process. Must be
/// called before other threads are started.
///
/// # Errors
/// As [`open`].
pub fn open_with_interrupt(insisting: Insisting, environment: Vec<(&'static str, OsString)>) -> Result<Arc<Isolated>> {
    // The session ends with the last who uses it, and its process with it: this one hears only that.
    let session: Arc<OnceLock<Weak<Isolated>>> = Arc::default();
    let running = session.clone();
    signal::on_interrupt(move |press| {
        let Some(notebook) = running.get().and_then(Weak::upgrade) else { std::process::exit(130) };
        match (press.number, insisting) {
            (1, _) => notebook.interrupt(),
            (2, Insisting::EndsProcess) => notebook.abandon(),
            (_, Insisting::EndsProcess) => std::process::exit(130),
            (_, Insisting::EndsCell) if press.after >= PATIENCE => notebook.abandon(),
            (_, Insisting::EndsCell) => {}
        }
    });
    let notebook = open_with(Path::new(""), environment)?;
    session.get_or_init(|| Arc::downgrade(&notebook));
    Ok(notebook)
}

/// The reference of the language, as Markdown.
pub fn reference() -> String {
    saddle_cell::reference()
}
