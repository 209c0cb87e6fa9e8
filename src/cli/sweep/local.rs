//! Runs as processes of this machine. Its cores are shared out evenly; a further run starts only where there is as much
//! memory left as the largest run so far has needed.

#![expect(unsafe_code, reason = "runs between fork and exec; asks what ended processes used")]

use super::super::signal;
use super::{EngineSettings, Tell, last_words};
use rustix::process::{Pid, Signal, kill_process};
use saddle_fault::{Fault, Result};
use std::collections::VecDeque;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(30);

/// The processes that run: Ctrl-C is passed on to them.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// From now on Ctrl-C ends the running cells of all runs, and no further one starts; a second Ctrl-C ends their
/// processes.
pub fn listen() {
    signal::on_interrupt(|press| {
        if let Ok(running) = RUNNING.lock() {
            running.iter().for_each(|&id| interrupt(id));
        }
        if press.number > 2 {
            std::process::exit(130);
        }
    });
}

#[cfg(unix)]
fn interrupt(id: u32) {
    // A child that has not been waited for: its number is still its own.
    if let Some(process) = Pid::from_raw(id as i32) {
        let _ = kill_process(process, Signal::INT);
    }
}

/// Runs these runs, some at a time.
///
/// # Errors
/// A process cannot be started.
pub fn run(settings: &EngineSettings<'_>, runs: &[usize], tell: &mut Tell<'_>) -> Result<()> {
    let cores = saddle_cpu::threads();
    let jobs = settings.jobs.unwrap_or(cores).min(runs.len().max(1));
    let threads = settings.threads.unwrap_or((cores / jobs).max(1));
    let mut waiting: VecDeque<usize> = runs.iter().copied().collect();
    let mut running: Vec<(usize, Child)> = Vec::new();
    loop {
        while running.len() < jobs
            && !signal::pressed()
            && (running.is_empty() || memory_left() > largest_so_far())
            && let Some(number) = waiting.pop_front()
        {
            let child = start(settings, number, threads)?;
            if let Ok(mut ids) = RUNNING.lock() {
                ids.push(child.id());
            }
            running.push((number, child));
        }
        if running.is_empty() {
            return Ok(());
        }
        let mut still = Vec::new();
        for (number, mut child) in running {
            match child.try_wait() {
                Ok(None) => still.push((number, child)),
                Ok(Some(status)) => {
                    if let Ok(mut ids) = RUNNING.lock() {
                        ids.retain(|id| *id != child.id());
                    }
                    if !tell(number, death(settings, number, status)) {
                        waiting.clear();
                    }
                }
                Err(error) => return Err(Fault::file(format!("run {number} cannot be waited for: {error}"))),
            }
        }
        running = still;
        std::thread::sleep(LOOK);
    }
}

fn start(settings: &EngineSettings<'_>, number: usize, threads: usize) -> Result<Child> {
    let cannot = |error: std::io::Error| Fault::file(format!("run {number} cannot be started: {error}"));
    let log = std::fs::File::create(settings.folder.run(number).join("log")).map_err(cannot)?;
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = Command::new(program);
    command.arg("sweep-run").arg(&settings.folder.path).arg(number.to_string());
    command.env("SADDLE_THREADS", threads.to_string());
    // A group of its own: Ctrl-C reaches it once, from here.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
    tie(&mut command);
    command.spawn().map_err(cannot)
}

/// Ends the process with this one, also when this one is killed.
fn tie(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec this makes system calls, and no others; the mask that it sets is one that it has
    // emptied.
    unsafe {
        command.pre_exec(|| {
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
            // The mask that `listen` has set would be the child's, too.
            let mut none = std::mem::MaybeUninit::uninit();
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
            Ok(())
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Of what a process has died; `None` if it ended by itself with an outcome.
fn death(settings: &EngineSettings<'_>, number: usize, status: ExitStatus) -> Option<String> {
    if let Some(signal) = status.signal() {
        return Some(format!("its process was killed by signal {signal}"));
    }
    // 2: the run could not be carried out, and said why.
    (status.code() == Some(2)).then(|| {
        last_words(&settings.folder.run(number).join("log")).unwrap_or_else(|| "it could not be carried out".into())
    })
}

/// The memory that this machine can still give, in bytes.
fn memory_left() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    // Where it cannot be known, it is no limit.
    kilobytes.map_or(u64::MAX, |n| n * 1024)
}

/// The memory of the largest process that has run and ended under this one, in bytes.
fn largest_so_far() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is valid memory for a `rusage`, which the call fills; zeroes are a valid one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    usage.ru_maxrss.unsigned_abs() * unit
}
