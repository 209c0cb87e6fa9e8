//! One notebook run again in a fresh worker: following it, and stopping it when a cell takes too long or the user has
//! had enough.

use super::super::{run, session, signal};
use saddle_fault::Result;
use saddle_notebook::compare::Limits;
use saddle_notebook::document::Document;
use saddle_notebook::run::{End, Event, Failed, Options as How, run as run_document};
use saddle_notebook::trial::Trial;
use saddle_session::output::Output;
use saddle_session::{Failure, Frontend, Session};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the user's Ctrl-C and the clock are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long an interrupted cell has to end before its process is.
const GRACE: Duration = Duration::from_secs(8);

/// How a notebook is tested.
pub struct TestJob<'a> {
    pub file: &'a Path,
    pub limits: Limits,
    /// How long a cell may take.
    pub timeout: Option<Duration>,
}

/// Runs the notebook and judges it. `step` is told which cell runs: its number, of how many, and its place.
///
/// # Errors
/// The notebook cannot be read, or the system gives no thread.
pub fn test(order: &TestJob<'_>, mut step: impl FnMut(usize, usize, &Document, usize)) -> Result<Trial> {
    let stored = run::read_notebook(order.file)?;
    let start = Instant::now();
    let folder = order.file.parent().unwrap_or(Path::new(""));
    let notebook = session::open_in(folder)?;
    let mut new = stored.clone();
    let mut took = HashMap::new();
    let how = How { testing: true, ..How::default() };
    let watch = Watch::default();
    let end = std::thread::scope(|scope| {
        scope.spawn(|| watch.over(notebook.as_ref(), order.timeout));
        let _finish = Finish(&watch);
        run_document(&mut new, notebook.as_ref(), Arc::new(Silent), how, |event| match event {
            Event::Starts { number, total, index, .. } => {
                step(number, total, &stored, index);
                watch.lock().since = Some(Instant::now());
            }
            Event::Fails(_) => {}
            Event::Ends { index, took: time } => {
                watch.lock().since = None;
                took.insert(index, time);
            }
        })
    });
    let by_clock = watch.lock().by_clock;
    let failed = match end {
        End::Failed(failed) => Some(failed),
        End::Interrupted(failed) => by_clock.map(|limit| too_slow(failed.index, limit)),
        End::Done => None,
    };
    let total = start.elapsed();
    let mut trial = Trial::judge(stored, new, &order.limits, failed.as_ref(), took, total);
    trial.interrupted = signal::pressed();
    Ok(trial)
}

/// What is known of the running cell to the thread that watches over it.
#[derive(Default)]
struct Watch(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    /// When the running cell began.
    since: Option<Instant>,
    /// The limit that a cell exceeded.
    by_clock: Option<Duration>,
    /// When the running cell was told to stop.
    stopped: Option<Instant>,
    finished: bool,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the cell when the user says so or it exceeds `limit`, by force where it does not listen; until the run is
    /// over.
    fn over(&self, notebook: &dyn Session, limit: Option<Duration>) {
        loop {
            {
                let mut watched = self.lock();
                if watched.finished {
                    return;
                }
                let late = limit.filter(|limit| watched.since.is_some_and(|at| at.elapsed() > *limit));
                if watched.stopped.is_none() && (late.is_some() || signal::pressed()) {
                    watched.by_clock = late;
                    watched.stopped = Some(Instant::now());
                    notebook.interrupt();
                }
                if watched.stopped.is_some_and(|at| at.elapsed() > GRACE) {
                    notebook.abandon();
                }
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Tells the watch that the run is over, however it ended.
struct Finish<'a>(&'a Watch);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.lock().finished = true;
    }
}

fn too_slow(index: usize, limit: Duration) -> Failed {
    let value = format!("the cell ran for more than {} s (--timeout)", limit.as_secs_f64());
    Failed { index, failure: Failure { name: "Timeout".into(), value, traceback: Vec::new() } }
}

/// A front end at which no one sits.
struct Silent;

impl Frontend for Silent {
    fn show(&self, _: Output) {}

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}
