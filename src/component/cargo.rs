//! Building a component: cargo as a process that is watched, and ended with all that it has started.

#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "runs between fork and exec"))]

use super::{Component, Progress, failure, place, program};
use rustix::process::{Pid, Signal, kill_process_group};
use saddle_fault::{Fault, Kind, Result};
use std::ffi::OsStr;
use std::io::{Read as _, Result as IoResult};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often the watcher is asked at least.
const PACE: Duration = Duration::from_millis(100);

/// How many of cargo's last lines are kept.
const KEPT: usize = 400;

/// Builds a component from the sources that this program was built from; where it lies then. `watch` hears how far it
/// is, at least ten times a second, and says whether to go on. Another process that builds at the same time is waited
/// for.
///
/// # Errors
/// No cargo; the sources are gone or others than those of this program; no network, no space, a compiler that is too
/// old, what does not compile; an interrupt, when `watch` says no.
pub fn build(component: &Component, watch: &mut dyn FnMut(&Progress) -> bool) -> Result<PathBuf> {
    let path = program::search_path();
    let cargo = program::on_path(&path, "cargo").ok_or_else(|| failure::no_cargo(component))?;
    let sources = place::sources(component)?;
    let target = place::target()?;
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--locked", "-p", component.package])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&sources)
        .env("PATH", path);
    let (succeeded, lines) = run(command, watch).map_err(|error| match error {
        NoEnd::Interrupted => Fault::new(Kind::Interrupt, "interrupted"),
        NoEnd::System(error) => failure::no_start(component, &error),
    })?;
    let file = built(&target, component);
    match (succeeded, file.is_file()) {
        (true, true) => Ok(file),
        (true, false) => Err(failure::not_there(component, &file)),
        (false, _) => Err(failure::of_cargo(component, &lines, &target)),
    }
}

/// Where cargo puts it.
fn built(target: &Path, component: &Component) -> PathBuf {
    target.join("release").join(component.file())
}

/// Why there is no end to report.
#[derive(Debug)]
enum NoEnd {
    Interrupted,
    System(std::io::Error),
}

/// Runs cargo to its end: whether that was a good one, and what it said last.
fn run(mut command: Command, watch: &mut dyn FnMut(&Progress) -> bool) -> Result<(bool, Vec<String>), NoEnd> {
    for (name, _) in std::env::vars_os() {
        if belongs_to_a_package(&name) {
            command.env_remove(name);
        }
    }
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        // A user's toolchain is not ours to change.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let (mut cargo, stderr) = Running::start(command).map_err(NoEnd::System)?;
    let (says, heard) = channel();
    std::thread::Builder::new().name("cargo says".into()).spawn(move || read(stderr, &says)).map_err(NoEnd::System)?;
    let lines = listen(&mut cargo, &heard, watch).ok_or(NoEnd::Interrupted)?;
    let status = cargo.0.wait().map_err(NoEnd::System)?;
    Ok((status.success(), lines))
}

/// Hears cargo to its end: its last lines. `None` when the watcher has had enough.
fn listen(
    cargo: &mut Running,
    heard: &Receiver<String>,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Option<Vec<String>> {
    let (mut lines, mut progress) = (Vec::new(), Progress::default());
    loop {
        match heard.recv_timeout(PACE) {
            Ok(line) => match Progress::read(&line) {
                Some(now) => progress = now,
                None => lines.push(line),
            },
            // Something that cargo has started may hold its standard error open beyond its end.
            Err(RecvTimeoutError::Timeout) if !cargo.has_ended() => {}
            Err(_) => return Some(lines),
        }
        if lines.len() > 2 * KEPT {
            lines.drain(..KEPT);
        }
        if !watch(&progress) {
            return None;
        }
    }
}

/// Sends the lines on. A bar of progress ends with a return to the start of its line.
fn read(mut stderr: ChildStderr, says: &Sender<String>) {
    let mut line = Vec::new();
    let mut chunk = [0; 1 << 12];
    while let Ok(length @ 1..) = stderr.read(&mut chunk) {
        for &byte in &chunk[..length] {
            if !matches!(byte, b'\r' | b'\n') {
                line.push(byte);
            } else if !line.is_empty() {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                // Without a listener cargo goes on to its end, which `Running` brings about.
                let _ = says.send(text);
            }
        }
    }
}

/// A cargo that runs; it ends with its value, and the compilers with it.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> IoResult<(Self, ChildStderr)> {
        command.process_group(0);
        #[cfg(target_os = "linux")]
        // SAFETY: between fork and exec this makes one system call, which touches no memory.
        unsafe {
            command.pre_exec(|| {
                // Nobody would wait for what a session that was ended has begun.
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                Ok(())
            });
        }
        let mut child = command.spawn()?;
        let stderr = child.stderr.take();
        let running = Self(child);
        match stderr {
            Some(stderr) => Ok((running, stderr)),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    /// What is half written is written anew by the next build: cargo notes only at its end that a crate is done.
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        // The group is that of a child which has not been waited for.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Whether a variable is what cargo tells a program of the package that it runs (`cargo run`, `cargo test`): build
/// scripts that read it would take the crates that are compiled already for others.
fn belongs_to_a_package(name: &OsStr) -> bool {
    const NAMES: [&str; 12] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_BUILD_TARGET",
        "CARGO_CRATE_NAME",
        "CARGO_MAKEFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "MAKEFLAGS",
        "OUT_DIR",
    ];
    const STARTS: [&str; 4] = ["CARGO_BIN_EXE_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PKG_"];
    const TERMINAL: &str = "CARGO_TERM_";
    let name = name.to_string_lossy();
    NAMES.contains(&&*name)
        || STARTS.iter().any(|start| name.starts_with(start))
        // How much cargo says, and in which colours, is not the user's business here.
        || name.starts_with(TERMINAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A shell in the place of cargo.
    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_build_is_watched_to_its_end() {
        let script = r"printf '   Compiling a v1\n    Building [> ] 1/9: a\r    Building [=>] 2/9: b, c\r' >&2
            sleep 0.3; printf '    Building [=>] 9/9: d\rerror: no\n' >&2; exit 101";
        let mut seen = Vec::new();
        let (succeeded, lines) = run(shell(script), &mut |progress| {
            seen.push(progress.to_string());
            true
        })
        .unwrap();
        seen.dedup();
        assert!(!succeeded);
        assert_eq!(lines, ["   Compiling a v1", "error: no"]);
        assert_eq!(seen, ["cargo starts", "1 of 9 crates: a", "2 of 9 crates: b", "9 of 9 crates: d"]);
    }

    #[test]
    fn an_interrupt_ends_the_compilers_too() {
        let start = Instant::now();
        let mut seen = String::new();
        // The grandchild holds standard error open, and is what would go on.
        let script = r"sleep 100 & printf '    Building [> ] %d/9: a\r' $! >&2; wait";
        let ended = run(shell(script), &mut |progress| {
            seen = progress.done.to_string();
            progress.done == 0
        });
        assert!(matches!(ended, Err(NoEnd::Interrupted)), "{ended:?}");
        assert!(start.elapsed() < Duration::from_secs(50));
        let grandchild: i32 = seen.parse().unwrap();
        // It is ended at once, and taken off the list by whoever has become its parent.
        let is_there = || {
            let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat"));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        while is_there() && start.elapsed() < Duration::from_secs(50) {
            std::thread::yield_now();
        }
        assert!(!is_there());
    }

    /// Otherwise a `saddle` under `cargo run` would compile everything anew.
    #[test]
    fn what_cargo_says_of_its_package_is_not_handed_on() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_TERM_QUIET"] {
            assert!(belongs_to_a_package(OsStr::new(name)), "{name}");
        }
        for name in
            ["CARGO_HOME", "CARGO_BUILD_BUILD_DIR", "CARGO_BUILD_JOBS", "CARGO_NET_OFFLINE", "RUSTFLAGS", "PATH"]
        {
            assert!(!belongs_to_a_package(OsStr::new(name)), "{name}");
        }
    }
}
