//! The kernel as a process: SIGINT is an interrupt, and the end of the parent process is the end of the kernel.

#![expect(unsafe_code, reason = "installs a signal handler")]

#[cfg(unix)]
use rustix::{
    io::Errno,
    process::{Pid, getppid, test_kill_process},
};
use std::sync::atomic::{AtomicBool, Ordering};

/// The process that started the kernel, by Jupyter's `JPY_PARENT_PID`.
pub struct Parent {
    #[cfg(unix)]
    pid: Option<Pid>,
    /// Whether it is our direct parent; a wrapper (`conda run`, a container's init) may stand between.
    #[cfg(unix)]
    direct: bool,
}

#[cfg(unix)]
impl Parent {
    pub fn new() -> Self {
        let pid = std::env::var("JPY_PARENT_PID").ok().and_then(|pid| pid.trim().parse().ok()).filter(|pid| *pid > 1);
        let pid = pid.and_then(Pid::from_raw);
        let direct = pid.is_some() && pid == getppid();
        Self { pid, direct }
    }

    /// Whether it has ended. Never true where Jupyter did not name it.
    pub fn has_ended(&mut self) -> bool {
        let Some(pid) = self.pid else { return false };
        if self.direct {
            // A child whose parent has ended is given another one, also while the old one is a zombie.
            return Some(pid) != getppid();
        }
        match test_kill_process(pid) {
            Ok(()) => is_zombie(pid),
            Err(error) => error == Errno::SRCH,
        }
    }
}

/// Whether the process has ended and its own parent has not asked how yet. It may have ended before we looked for the
/// first time, and stays so for as long as its parent likes.
#[cfg(unix)]
fn is_zombie(pid: Pid) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) else {
        return false;
    };
    // `12 (name, which may hold anything) Z 1 …`
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

#[cfg(not(unix))]
impl Parent {
    pub fn new() -> Self {
        Self {}
    }

    /// Elsewhere than on Unix, Jupyter ends its kernels itself.
    pub fn has_ended(&mut self) -> bool {
        false
    }
}

/// Whether a SIGINT has come that no one has asked about yet.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether SIGINT has come since the last call. Asked before a cell is taken, so that one that came before the cell
/// does not stop it.
pub fn interrupted() -> bool {
    INTERRUPTED.swap(false, Ordering::SeqCst)
}

/// Calls `wake`, on a thread of its own, after each SIGINT from now on: there is something to [ask](interrupted).
#[cfg(unix)]
pub fn on_sigint(wake: impl Fn() + Send + 'static) {
    use std::io::Read;
    use std::os::fd::IntoRawFd;
    use std::sync::atomic::AtomicI32;

    /// The end of the pipe that the handler writes to. A handler may do no more than that.
    static PIPE: AtomicI32 = AtomicI32::new(-1);

    extern "C" fn handler(_: libc::c_int) {
        INTERRUPTED.store(true, Ordering::SeqCst);
        let byte = 0_u8;
        // SAFETY: write is safe in a signal handler; the pipe stays open for the life of the process.
        unsafe { libc::write(PIPE.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
    }

    let Ok((mut reader, writer)) = std::io::pipe() else {
        return;
    };
    PIPE.store(writer.into_raw_fd(), Ordering::Relaxed);
    let spawned = std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() {
            wake();
        }
    });
    if spawned.is_ok() {
        // SAFETY: the handler is installed once, calls only what is allowed in one, and restores nothing.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut());
        }
    }
}

#[cfg(not(unix))]
pub fn on_sigint(_wake: impl Fn() + Send + 'static) {}
