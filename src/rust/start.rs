//! How the host is started: which program, built first where there is none, and with what it has to know of the
//! machine.

use super::access::NotebookAccess;
use super::folder::{FOLDER, Folder};
use super::protocol::{IDENTITY, SERVE};
use super::toolchain::Toolchain;
use saddle_component::{RUST_HOST, build_telling, candidates, identity};
use saddle_fault::{Fault, Kind, Result};
use saddle_session::output::Stream;
use saddle_worker::process::{self, Process};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A host that has been started.
pub struct Started {
    pub process: Process,
    /// To the host.
    pub control: UnixStream,
    /// Where host and cells connect to.
    pub listener: UnixListener,
    pub folder: Folder,
    /// Whether the source of the standard library is there.
    pub has_source: bool,
}

/// Starts a host, and builds it first where there is none of this build.
///
/// # Errors
/// A missing toolchain; what keeps the host from being built; an interrupt meanwhile; what the system refuses.
pub fn start(notebook: &mut dyn NotebookAccess) -> Result<Started> {
    let tools = Toolchain::find()?;
    let program = match host() {
        Some(program) => program,
        None => compile(notebook)?,
    };
    notebook.print(Stream::Stdout, "starting Rust, about 5 s\n");
    let cannot =
        |what: &str, error: std::io::Error| Fault::new(Kind::File, format!("%%rust cannot start: {what}: {error}"));
    let folder = Folder::create().map_err(|e| cannot("no folder for temporary files", e))?;
    let listener = UnixListener::bind(folder.socket()).map_err(|e| cannot("no socket", e))?;
    let command = host_command(&program, &tools, &folder);
    let started = process::start_freely(command).map_err(|e| cannot("no process", e))?;
    let (process, control) = started;
    Ok(Started { process, control, listener, folder, has_source: tools.has_source })
}

/// The program of the host, where there is one of the same build as this program.
pub fn host() -> Option<PathBuf> {
    candidates(&RUST_HOST).find(|program| is_of_this_build(program))
}

fn is_of_this_build(program: &Path) -> bool {
    let asked = Command::new(program).arg(IDENTITY).stdin(Stdio::null()).output();
    asked.is_ok_and(|said| said.status.success() && said.stdout.trim_ascii() == identity().as_bytes())
}

/// Builds the host, and shows how far that is.
fn compile(notebook: &mut dyn NotebookAccess) -> Result<PathBuf> {
    let program = build_telling(&RUST_HOST, "%%rust", &mut |line| {
        if line.is_some() {
            notebook.status(line);
        }
        !notebook.stopped()
    })?;
    notebook.status(None);
    if is_of_this_build(&program) {
        return Ok(program);
    }
    let (place, command) = (program.display(), RUST_HOST.command());
    Err(Fault::file(format!("%%rust cannot start: {place} is not of the same build as this saddle")).hint(format!(
        "run `cargo build --release` and `{command}` in the folder of the sources, and restart the kernel"
    )))
}

/// The host's program, with what it has to know.
fn host_command(program: &Path, tools: &Toolchain, folder: &Folder) -> Command {
    let mut command = Command::new(program);
    command
        .arg(SERVE)
        .env("PATH", &tools.path)
        .env(FOLDER, folder.path())
        .env("EVCXR_TMPDIR", folder.workshop())
        .env("RUSTUP_AUTO_INSTALL", "0")
        .env("LD_LIBRARY_PATH", library_path(tools));
    if !tools.has_source {
        command.env("RUST_SRC_PATH", folder.no_source());
    }
    command
}

/// Where the cells' code finds the standard library.
fn library_path(tools: &Toolchain) -> std::ffi::OsString {
    let given = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let given = std::env::split_paths(&given).filter(|path| !path.as_os_str().is_empty());
    let all = std::iter::once(tools.libraries.clone()).chain(given);
    std::env::join_paths(all).unwrap_or_else(|_| tools.libraries.clone().into())
}
