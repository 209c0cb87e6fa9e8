//! How the host is started: which program, with what it has to know of the machine.

use super::folder::{FOLDER, Folder};
use super::toolchain::Toolchain;
use saddle_fault::{Fault, Kind, Result};
use saddle_worker::process::{self, Process};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

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

/// Starts a host.
///
/// # Errors
/// A missing toolchain; what the system refuses.
pub fn start() -> Result<Started> {
    let tools = Toolchain::find()?;
    let cannot = |what: &str, error: std::io::Error| {
        Fault::new(Kind::File, format!("%%rust cannot start: {what}: {error}"))
    };
    let folder = Folder::create().map_err(|e| cannot("no folder for temporary files", e))?;
    let listener = UnixListener::bind(folder.socket()).map_err(|e| cannot("no socket", e))?;
    let command = host_program(&tools, &folder).map_err(|e| cannot("this program", e))?;
    let started = process::start_freely(command).map_err(|e| cannot("no process", e))?;
    let (process, control) = started;
    Ok(Started {
        process,
        control,
        listener,
        folder,
        has_source: tools.has_source,
    })
}

/// The sub-command of a host.
pub const HOST: &str = "rust-host";

/// This program, told to be a host.
fn host_program(tools: &Toolchain, folder: &Folder) -> std::io::Result<Command> {
    use std::os::unix::process::CommandExt as _;
    // The file that runs, also when a newer one has taken its place.
    let mut command = match cfg!(target_os = "linux") {
        true => Command::new("/proc/self/exe"),
        false => Command::new(std::env::current_exe()?),
    };
    command
        .arg0("saddle")
        .arg(HOST)
        .env("PATH", &tools.path)
        .env(FOLDER, folder.path())
        .env("EVCXR_TMPDIR", folder.workshop())
        .env("RUSTUP_AUTO_INSTALL", "0")
        .env("LD_LIBRARY_PATH", library_path(tools));
    if !tools.has_source {
        command.env("RUST_SRC_PATH", folder.no_source());
    }
    Ok(command)
}

/// Where the cells' code finds the standard library.
fn library_path(tools: &Toolchain) -> std::ffi::OsString {
    let given = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let given = std::env::split_paths(&given).filter(|path| !path.as_os_str().is_empty());
    let all = std::iter::once(tools.libraries.clone()).chain(given);
    std::env::join_paths(all).unwrap_or_else(|_| tools.libraries.clone().into())
}
