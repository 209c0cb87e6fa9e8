//! The worker as a process: how it starts, how it ends, and what it said last on its standard error.

#![expect(unsafe_code, reason = "runs between fork and exec; process-wide settings; `wait4`, which rustix lacks")]

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Error, PipeReader, Read, Result, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much of what it said last is kept, bytes.
const WORDS: usize = 4096;

/// How long to wait for last words after the end: they are there at once, unless a process that the worker had started
/// still holds its standard error.
const LISTEN: Duration = Duration::from_millis(200);

/// A worker that was started. It must be [waited](Process::wait) for.
pub struct Process {
    pid: libc::pid_t,
    words: Arc<Mutex<Vec<u8>>>,
    /// Hears that all words are there.
    said: Receiver<()>,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// Exit status, or the signal that ended it.
    pub status: ExitStatus,
    /// The most memory that it held, bytes.
    pub peak: u64,
    /// The end of what it wrote to its standard error, with what it printed.
    pub last_words: String,
}

/// Starts a worker; its process and our end of the socket pair. The calling thread must live as long as the worker may:
/// Linux takes the end of the thread for the end of the parent.
///
/// # Errors
/// The system gives no process, no thread or no more open files; the program is gone.
pub fn start(command: Command) -> Result<(Process, UnixStream)> {
    start_as(command, true)
}

/// Starts a process that ends by itself when its socket says that this one is gone, since it has something to clean up
/// then.
///
/// # Errors
/// As [`start`].
pub fn start_freely(mut command: Command) -> Result<(Process, UnixStream)> {
    // Who ends this process may end its whole group.
    command.process_group(0);
    start_as(command, false)
}

fn start_as(mut command: Command, tied: bool) -> Result<(Process, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let (pipe, stderr) = io::pipe()?;
    let words = Arc::new(Mutex::new(Vec::new()));
    let (done, said) = channel();
    let kept = words.clone();
    std::thread::Builder::new().name("last words".into()).spawn(move || {
        listen(pipe, &kept);
        let _ = done.send(());
    })?;
    command.stdin(OwnedFd::from(theirs)).stdout(stderr.try_clone()?).stderr(stderr);
    let supervisor = rustix::process::getpid();
    // SAFETY: between fork and exec, `prepare` makes only calls that are allowed there, and does not allocate.
    unsafe { command.pre_exec(move || prepare(tied.then_some(supervisor))) };
    let child = command.spawn()?;
    let pid = libc::pid_t::try_from(child.id()).unwrap_or_default();
    Ok((Process { pid, words, said }, ours))
}

/// In the new process, before it becomes the worker: Ctrl-C is the supervisor's, and its end, where one is given, is
/// the worker's.
fn prepare(supervisor: Option<Pid>) -> Result<()> {
    // SAFETY: sets a disposition that outlives exec; no handler is involved.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    #[cfg(target_os = "linux")]
    if supervisor.is_some() {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before we asked to be told.
        if rustix::process::getppid() != supervisor {
            return Err(rustix::io::Errno::SRCH.into());
        }
    }
    Ok(())
}

/// Keeps the end of what is said; copies it to our own standard error where `SADDLE_LOG` is set.
fn listen(mut pipe: PipeReader, words: &Mutex<Vec<u8>>) {
    let copied = std::env::var_os("SADDLE_LOG").is_some_and(|value| !value.is_empty());
    let mut chunk = [0; WORDS];
    while let Ok(length @ 1..) = pipe.read(&mut chunk) {
        let heard = &chunk[..length];
        if copied {
            let _ = io::stderr().write_all(heard);
        }
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend_from_slice(heard);
        let too_many = words.len().saturating_sub(WORDS);
        words.drain(..too_many);
    }
}

impl Process {
    /// Its number, by which it can be ended.
    pub fn id(&self) -> Id {
        Id(self.pid)
    }

    /// Waits for its end and takes it off the system's list.
    pub fn wait(self) -> Exit {
        let mut status = 0;
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both pointers are to live values, and `rusage` is plain numbers, valid as zeros.
        let usage = unsafe {
            while libc::wait4(self.pid, &raw mut status, 0, usage.as_mut_ptr()) == -1
                && Error::last_os_error().kind() == io::ErrorKind::Interrupted
            {}
            usage.assume_init()
        };
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        let _ = self.said.recv_timeout(LISTEN);
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        Exit {
            status: ExitStatus::from_raw(status),
            peak: u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit,
            last_words: String::from_utf8_lossy(&words).trim().to_string(),
        }
    }
}

/// The number of a process that has not been waited for yet: no other process can have it.
#[derive(Clone, Copy, Debug)]
pub struct Id(libc::pid_t);

impl Id {
    /// Ends the process, whatever it is doing.
    pub fn kill(self) {
        if let Some(process) = Pid::from_raw(self.0) {
            // The process is ours and has not been waited for.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// In the worker: its end of the socket pair, which was its standard input. That is empty from now on, and `ps` and
/// `top` tell the worker from its supervisor by `name`.
///
/// # Errors
/// Standard input is no socket: someone other than the supervisor has started this.
pub fn inherited(name: &CStr) -> Result<UnixStream> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.peer_addr()?;
    #[cfg(target_os = "linux")]
    // SAFETY: reads the name, which ends in a zero byte, and takes no other memory.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
    }
    let nothing = File::open("/dev/null")?;
    // SAFETY: two open descriptors. Nothing reads standard input at this time.
    match unsafe { libc::dup2(nothing.as_raw_fd(), libc::STDIN_FILENO) } {
        -1 => Err(Error::last_os_error()),
        _ => Ok(stream),
    }
}

/// In the worker: ends it at once, whatever its other threads do.
pub fn leave() -> ! {
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(0) }
}
