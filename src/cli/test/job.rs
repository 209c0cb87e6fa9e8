//! One notebook run again in a process of its own: starting it, following it, stopping it when it takes too long or the
//! user has had enough, and telling what became of it when it dies.

use super::super::{run, signal};
use super::worker::{Ending, Error, INTERRUPT, Message, Shown, read};
use saddlepoint::fault::{Fault, Result};
use saddlepoint::notebook::compare::Limits;
use saddlepoint::notebook::document::Document;
use saddlepoint::notebook::run::Failed;
use saddlepoint::notebook::trial::Trial;
use saddlepoint::session::Failure;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the user's Ctrl-C and the clock are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long an interrupted cell has to end before its process is.
const GRACE: Duration = Duration::from_secs(8);
/// How much of what the process wrote to stderr is kept, in bytes.
const LAST_WORDS: usize = 4096;

/// How a notebook is tested.
pub struct Order<'a> {
    pub file: &'a Path,
    pub limits: Limits,
    /// How long a cell may take.
    pub timeout: Option<Duration>,
}

/// Runs the notebook and judges it. `step` is told which cell runs: its number, of how many, and its place.
///
/// # Errors
/// The notebook cannot be read, or the process cannot be started.
pub fn test(order: &Order<'_>, step: impl FnMut(usize, usize, &Document, usize)) -> Result<Trial> {
    let stored = run::read_notebook(order.file)?;
    let start = Instant::now();
    let mut worker = Worker::start(order.file)?;
    let mut followed = worker.follow(order, &stored, step);
    let status = worker.end();
    let mut new = stored.clone();
    for shown in followed.cells.take().unwrap_or_default() {
        let cell = &mut new.cells[shown.index];
        (cell.count, cell.outputs) = (shown.count, shown.outputs);
    }
    if followed.end.is_none() {
        // It died: what its cells showed is not known.
        new.cells.iter_mut().for_each(|cell| cell.count = None);
        let first = stored.code_cells().next().map_or(0, |(index, _)| index);
        let index = followed.running.or(followed.last).unwrap_or(first);
        let error = worker.obituary(index, &status?, followed.stopped.as_ref());
        followed.end = Some(Ending::Failed(error));
    }
    let (failed, interrupted) = match followed.end {
        Some(Ending::Failed(error)) => (Some(failed(error)), false),
        Some(Ending::Interrupted(error)) => match followed.stopped {
            Some(Stopped::ByClock(limit)) => (Some(failed(too_slow(error.index, limit))), false),
            _ => (None, true),
        },
        Some(Ending::Done) | None => (None, false),
    };
    let mut trial = Trial::judge(
        stored,
        new,
        &order.limits,
        failed.as_ref(),
        followed.took,
        start.elapsed(),
    );
    trial.interrupted = interrupted || signal::pressed();
    Ok(trial)
}

/// What was seen of a run.
#[derive(Default)]
struct Followed {
    took: HashMap<usize, Duration>,
    /// The cell that runs, and the one that ran last.
    running: Option<usize>,
    last: Option<usize>,
    stopped: Option<Stopped>,
    end: Option<Ending>,
    cells: Option<Vec<Shown>>,
}

/// Why a run was stopped.
enum Stopped {
    ByUser,
    /// A cell took longer than this.
    ByClock(Duration),
}

/// The process.
struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Result<Message>>,
    last_words: Option<JoinHandle<String>>,
}

impl Worker {
    fn start(file: &Path) -> Result<Self> {
        let cannot =
            |error| Fault::file(format!("cannot start a process for the notebook: {error}"));
        let program = std::env::current_exe().map_err(cannot)?;
        let mut command = Command::new(program);
        command.args(["test", "--worker", "--"]).arg(file);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C is for this process, which passes it on.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(cannot)?;
        let (stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = stdout
                .into_iter()
                .flat_map(|stdout| BufReader::new(stdout).lines());
            for line in lines.map_while(std::io::Result::ok) {
                if sender.send(read(&line)).is_err() {
                    break;
                }
            }
        });
        let last_words = std::thread::spawn(move || stderr.as_mut().map_or_else(String::new, tail));
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            lines,
            last_words: Some(last_words),
        })
    }

    /// Listens to the end of the run, or of the process.
    fn follow(
        &mut self,
        order: &Order<'_>,
        stored: &Document,
        mut step: impl FnMut(usize, usize, &Document, usize),
    ) -> Followed {
        let mut seen = Followed::default();
        let mut since = Instant::now();
        let mut stopped_at = None;
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(Ok(Message::Starts {
                    number,
                    total,
                    index,
                })) => {
                    step(number, total, stored, index);
                    (seen.running, seen.last) = (Some(index), Some(index));
                    since = Instant::now();
                }
                Ok(Ok(Message::Ends { index, seconds })) => {
                    seen.running = None;
                    seen.took
                        .insert(index, Duration::from_secs_f64(seconds.max(0.0)));
                }
                Ok(Ok(Message::Finished { end, cells })) => {
                    (seen.end, seen.cells) = (Some(end), Some(cells));
                    return seen;
                }
                // A line of someone else's, on a stdout that was to be ours: not a reason to give up.
                Ok(Err(_)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return seen,
            }
            let late = order
                .timeout
                .filter(|limit| seen.running.is_some() && since.elapsed() > *limit);
            if seen.stopped.is_none() {
                seen.stopped = if signal::pressed() {
                    Some(Stopped::ByUser)
                } else {
                    late.map(Stopped::ByClock)
                };
                if seen.stopped.is_some() {
                    self.tell(INTERRUPT);
                    stopped_at = Some(Instant::now());
                }
            }
            if stopped_at.is_some_and(|at| at.elapsed() > GRACE) {
                // Its end is seen at the next turn.
                let _ = self.child.kill();
            }
        }
    }

    fn tell(&mut self, word: &str) {
        if let Some(stdin) = &mut self.stdin {
            // One that has gone has heard enough.
            let _ = writeln!(stdin, "{word}").and_then(|()| stdin.flush());
        }
    }

    /// Lets the process go and waits for its end.
    fn end(&mut self) -> Result<ExitStatus> {
        self.stdin = None;
        let status = self.child.wait();
        status.map_err(|error| {
            Fault::file(format!("cannot wait for the notebook's process: {error}"))
        })
    }

    /// What is told of a process that ended before its notebook did.
    fn obituary(&mut self, index: usize, status: &ExitStatus, stopped: Option<&Stopped>) -> Error {
        if let Some(Stopped::ByClock(limit)) = stopped {
            return too_slow(index, *limit);
        }
        let words = self.last_words.take().and_then(|thread| thread.join().ok());
        let words = words.unwrap_or_default();
        let mut traceback = vec!["the last it wrote to stderr:".to_string()];
        traceback.extend(words.lines().map(str::to_string));
        if words.trim().is_empty() {
            traceback.clear();
        }
        Error {
            index,
            name: "WorkerDied".into(),
            value: format!("the process that ran the notebook ended: {}", cause(status)),
            traceback,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends by itself when its stdin closes; this is for one that is too busy to see it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of what is read, as far as it is kept.
fn tail(stream: &mut impl Read) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        kept.extend_from_slice(&piece[..n]);
        if kept.len() > 2 * LAST_WORDS {
            kept.drain(..kept.len() - LAST_WORDS);
        }
    }
    let from = kept.len().saturating_sub(LAST_WORDS);
    String::from_utf8_lossy(&kept[from..]).into_owned()
}

fn cause(status: &ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        match status.signal() {
            Some(libc::SIGKILL) => {
                return "killed (signal 9), most likely by the system for want of memory".into();
            }
            Some(libc::SIGABRT) => return "aborted (signal 6), as a stack overflow does".into(),
            Some(signal) => return format!("signal {signal}"),
            None => {}
        }
    }
    status.code().map_or("it is not known why".into(), |code| {
        format!("exit status {code}")
    })
}

fn too_slow(index: usize, limit: Duration) -> Error {
    Error {
        index,
        name: "Timeout".into(),
        value: format!(
            "the cell ran for more than {} s (--timeout)",
            limit.as_secs_f64()
        ),
        traceback: Vec::new(),
    }
}

fn failed(error: Error) -> Failed {
    Failed {
        index: error.index,
        failure: Failure {
            name: error.name,
            value: error.value,
            traceback: error.traceback,
        },
    }
}
