//! How a worker ended and what went with it, in the user's terms.

use super::process::Exit;
use saddle_fault::{Fault, Kind};
use saddle_session::{Checkpoint, Failure};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// How many names are listed.
const MAX_NAMES: usize = 20;
/// How much of unexplained last words is shown, lines.
const MAX_LAST_LINES: usize = 4;

/// The end of a worker.
#[derive(Clone, Debug)]
pub struct Loss {
    pub exit: Exit,
    pub cause: Cause,
    /// The names that were defined when the last cell ended.
    pub names: Vec<String>,
    pub checkpoint: Option<LastCheckpoint>,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Its exit says why.
    #[default]
    Itself,
    /// We ended it, because a cell did not hear an interrupt.
    Abandoned,
    /// We ended it, because what it sent could not be read: its memory must have been damaged.
    Garbled,
}

/// A checkpoint, and when it was written.
#[derive(Clone, Debug)]
pub struct LastCheckpoint {
    pub file: Checkpoint,
    pub at: Instant,
}

impl Loss {
    /// The failure of the cell that was running.
    pub fn failure(&self) -> Failure {
        let (what, advice) = self.what();
        let mut fault = if self.cause == Cause::Abandoned {
            let message = "the cell did not stop, so the process that ran it was ended";
            Fault::new(Kind::Interrupt, message)
        } else {
            let message = format!("the process that ran the cell {what}");
            Fault::new(Kind::Lost, message)
        };
        let hints: Vec<String> = [advice, self.remedy()].into_iter().flatten().collect();
        if !hints.is_empty() {
            fault = fault.hint(hints.join("; "));
        }
        let mut failure = Failure::of(&fault);
        // Between the message and the hint.
        failure.traceback.splice(1..1, self.details());
        failure
    }

    /// What the next cell says when the worker ended while nothing ran.
    pub fn note(&self) -> String {
        let (what, _) = self.what();
        let mut text = format!("the process that held the variables {what}; a fresh one runs this cell\n");
        for line in self.details() {
            text.push_str(&format!("{line}\n"));
        }
        if let Some(remedy) = self.remedy() {
            text.push_str(&format!("hint: {remedy}\n"));
        }
        text
    }

    /// What happened to the process, and what to try against it.
    fn what(&self) -> (String, Option<String>) {
        let Exit { status, peak, last_words } = &self.exit;
        match self.cause {
            Cause::Itself => {}
            Cause::Abandoned => return ("was ended, because a cell did not stop".into(), None),
            Cause::Garbled => return ("was ended, because it had damaged its memory".into(), None),
        }
        let Some(signal) = status.signal() else {
            let code = status.code().unwrap_or_default();
            return (format!("ended by itself with exit status {code}"), None);
        };
        let name = signal_name(signal);
        let smaller =
            || Some("smaller tensors or batches need less; `%memory` lists the largest variables".to_string());
        match signal {
            libc::SIGKILL => {
                let held = size(*peak);
                let what = format!("was killed by the system, probably for memory ({name}; it held up to {held})");
                (what, smaller())
            }
            libc::SIGABRT if let Some(bytes) = refused_bytes(last_words) => {
                let asked = size(bytes);
                let what = format!("ran out of memory: {asked} more were asked for and not given ({name})");
                (what, smaller())
            }
            libc::SIGABRT if last_words.contains("has overflowed its stack") => {
                let what = format!("overflowed its stack ({name})");
                (what, Some("a function may call itself without end".to_string()))
            }
            libc::SIGABRT | libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE => {
                (format!("crashed in native code ({name})"), None)
            }
            _ => (format!("was ended from outside ({name})"), None),
        }
    }

    /// What is gone, what is left, and what the process said that nothing else explains.
    fn details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.names.is_empty() {
            let more = self.names.len().saturating_sub(MAX_NAMES);
            let mut gone = self.names[..self.names.len() - more].join(", ");
            if more > 0 {
                gone.push_str(&format!(" and {more} more"));
            }
            lines.push(format!("  gone: {gone}"));
        }
        if let Some(kept) = &self.checkpoint {
            let (path, ago) = (&kept.file.path, age(kept.at.elapsed()));
            lines.push(format!("  last checkpoint: `{path}`, written {ago} ago"));
        }
        let words = &self.exit.last_words;
        let explained = refused_bytes(words).is_some() || words.contains("has overflowed its stack");
        if !explained && self.cause == Cause::Itself {
            let all: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = &all[all.len().saturating_sub(MAX_LAST_LINES)..];
            lines.extend(last.iter().map(|line| format!("  it said: {}", line.trim())));
        }
        lines
    }

    /// How to go on.
    fn remedy(&self) -> Option<String> {
        let again = "run the cells again that define what is gone";
        match &self.checkpoint {
            Some(LastCheckpoint { file, .. }) => {
                let entries: Vec<String> = file.names.iter().map(|n| format!("{n}: {n}")).collect();
                let map = match entries.as_slice() {
                    [] => "#{}".to_string(),
                    entries => format!("#{{ {} }}", entries.join(", ")),
                };
                Some(format!("{again}, and go on from the checkpoint with `resume({:?}, {map})`", file.path))
            }
            None if self.names.is_empty() => None,
            None => Some(again.to_string()),
        }
    }
}

/// The failure of a cell for which no worker could be started.
pub fn no_worker(error: &str) -> Failure {
    let message = format!("the process that runs the cells cannot be started: {error}");
    let fault = Fault::new(Kind::Lost, message);
    Failure::of(&fault.hint("run the cell again to try once more; restart the kernel if that does not help"))
}

/// How much memory was asked for in vain, where that ended the process: Rust's own last words.
fn refused_bytes(words: &str) -> Option<u64> {
    let (_, rest) = words.split_once("memory allocation of ")?;
    rest.split_once(" bytes failed")?.0.parse().ok()
}

fn signal_name(signal: i32) -> String {
    let known = match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGKILL => "SIGKILL",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        other => return format!("signal {other}"),
    };
    known.to_string()
}

/// A size with one decimal: `14.2 GB`.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b => format!("{:.1} MB", b / 1e6),
    }
}

fn age(time: Duration) -> String {
    match time.as_secs() {
        s if s < 100 => format!("{s} s"),
        s if s < 100 * 60 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    fn loss(status: i32, last_words: &str) -> Loss {
        Loss {
            exit: Exit { status: ExitStatus::from_raw(status), peak: 14_200_000_000, last_words: last_words.into() },
            cause: Cause::Itself,
            names: Vec::new(),
            checkpoint: None,
        }
    }

    #[test]
    fn each_end_is_named() {
        let refused = "thread 'engine' says:\nmemory allocation of 160000000000 bytes failed";
        let overflow = "thread 'engine' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting";
        // A wait status holds a signal in its low bits and an exit status above them.
        for (status, words, expected) in [
            (libc::SIGKILL, "", "was killed by the system, probably for memory (SIGKILL; it held up to 14.2 GB)"),
            (libc::SIGABRT, refused, "ran out of memory: 160.0 GB more were asked for and not given (SIGABRT)"),
            (libc::SIGABRT, overflow, "overflowed its stack (SIGABRT)"),
            (libc::SIGSEGV, "", "crashed in native code (SIGSEGV)"),
            (libc::SIGTERM, "", "was ended from outside (SIGTERM)"),
            (40, "", "was ended from outside (signal 40)"),
            (7 << 8, "", "ended by itself with exit status 7"),
        ] {
            let failure = loss(status, words).failure();
            assert_eq!(failure.name, "SessionLost");
            assert_eq!(failure.value, format!("the process that ran the cell {expected}"));
        }
    }

    #[test]
    fn it_says_what_is_gone_and_how_to_go_on() {
        let mut loss = loss(libc::SIGSEGV, "free(): invalid pointer\n");
        loss.names = (0..MAX_NAMES + 2).map(|i| format!("v{i}")).collect();
        loss.checkpoint = Some(LastCheckpoint {
            file: Checkpoint { path: "gan.ckpt".into(), names: vec!["G".into(), "opt".into()] },
            at: Instant::now(),
        });
        let lines = loss.failure().traceback;
        assert!(lines[1].starts_with("  gone: v0, v1, ") && lines[1].ends_with("v19 and 2 more"), "{lines:?}");
        assert_eq!(lines[2], "  last checkpoint: `gan.ckpt`, written 0 s ago");
        assert_eq!(lines[3], "  it said: free(): invalid pointer");
        assert!(lines[4].ends_with("`resume(\"gan.ckpt\", #{ G: G, opt: opt })`"), "{lines:?}");
        assert_eq!(lines.len(), 5);
        loss.cause = Cause::Abandoned;
        let failure = loss.failure();
        assert_eq!((failure.name.as_str(), failure.traceback.len()), ("KeyboardInterrupt", 4));
    }
}
