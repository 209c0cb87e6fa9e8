//! A notebook session: runs cells of Rhai, keeps their variables and functions, and says what went wrong where.
//!
//! [`RhaiSession`] is a handle for any thread. Behind it one engine thread owns the Rhai engine, the notebook's scope
//! and the words' [`Host`](saddle_catalog::Host); what another thread may ask while a cell runs (Tab, Shift-Tab) is
//! answered from the catalog and from a snapshot of the notebook's names (`view::View`).
//!
//! | file | owns |
//! |---|---|
//! | `engine_thread` | the engine thread: one cell after the other, statement by statement |
//! | `callback` | functions of cells that are called when a widget changes |
//! | `parts` | what a cell is made of: code, magics, questions |
//! | `magic` | lines that start with `%`, and `name?` |
//! | `rust` | `%%rust`: cells of Rust code, and what they export as words |
//! | `scripts` | `%save` and `%load` |
//! | `parameters` | what a cell of parameters declares, values as the language writes them |
//! | `memory` | what the kernel and each variable hold in memory |
//! | `engine` | the Rhai engine: words, and where names are looked up |
//! | `grammar`, `numbers`, `arrays` | where the language differs from Rhai's: grammar; arithmetic of plain numbers; methods of arrays that take a function |
//! | `tokens`, `rewrite`, `edits` | calls of values, `D(x)`, as calls that Rhai knows; columns mapped back for errors |
//! | `variables` | the notebook's variables, seen by every cell, function and closure |
//! | `functions` | the notebook's functions, replaced when they are defined again |
//! | `explain`, `hints`, `foreign`, `failure` | errors in the user's terms; what to try, read off the line; shown with cell, line and caret |
//! | `defects` | panics below the words, kept for a bug report |
//! | `display` | values as a cell shows them |
//! | `view` | the snapshot that other threads read |
//! | `complete`, `paths`, `letters`, `inspect`, `whole` | Tab (names, files, letters by their LaTeX names), Shift-Tab, and whether code is a whole cell: answered on any thread |
//!
//! `engine_thread`, `magic`, `scripts` and `rust` name each other: the thread runs a cell's magics, and a magic is a
//! function of the thread, whose code, variables and outputs it works on. An interface between them would have one user
//! on each side.

#![forbid(unsafe_code)]

mod arrays;
mod callback;
mod complete;
mod defects;
mod display;
mod edits;
mod engine;
mod engine_thread;
mod explain;
mod failure;
mod foreign;
mod functions;
mod grammar;
mod hints;
mod inspect;
mod letters;
mod magic;
mod memory;
mod numbers;
pub mod parameters;
mod parts;
mod paths;
mod rewrite;
mod rust;
mod scripts;
mod tokens;
mod variables;
mod view;
mod whole;

#[cfg(test)]
mod tests;

use engine_thread::EngineThread;
use saddle_catalog::Catalog;
use saddle_fault::{Fault, Kind};
use saddle_session::output::{Bundle, Comm};
use saddle_session::{Cell, CommReply, Completeness, Completions, Detail, Failure, Frontend, Reply, Session};
use saddle_words::widget::Widgets;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use view::View;

/// Address space reserved for the engine thread's stack. Deep recursion ends at the engine's own limits long before;
/// pages that are never touched cost nothing.
const STACK: usize = 1 << 30;

/// A handle to a running notebook.
pub struct RhaiSession {
    jobs: Mutex<Sender<Job>>,
    stop: Arc<AtomicBool>,
    view: Arc<Mutex<View>>,
    catalog: &'static Catalog,
    widgets: Widgets,
    questions: rust::Questions,
}

/// The reference page of the whole language, in Markdown, made from the catalog.
pub fn reference() -> String {
    saddle_catalog::help::reference(saddle_words::catalog())
}

/// What the engine thread is asked to do.
enum Job {
    Execute(Cell, Arc<dyn Frontend>, Sender<Reply>),
    CallBack(String, Arc<dyn Frontend>, Sender<Reply>),
    Evaluate(String, Sender<Result<Bundle, Failure>>),
}

impl RhaiSession {
    /// Starts a notebook with the whole language.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        Self::with(saddle_words::catalog())
    }

    /// Starts a notebook with the words of `catalog`.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn with(catalog: &'static Catalog) -> std::io::Result<Self> {
        defects::record();
        let (jobs, inbox) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let view = Arc::new(Mutex::new(View::default()));
        let widgets = Widgets::default();
        let questions = rust::Questions::default();
        let (thread_stop, thread_view, shared) = (stop.clone(), view.clone(), widgets.clone());
        let asked = questions.clone();
        std::thread::Builder::new()
            .name(defects::ENGINE_THREAD.into())
            .stack_size(STACK)
            .spawn(move || serve(EngineThread::new(catalog, thread_stop, thread_view, shared, asked), &inbox))?;
        Ok(Self { jobs: Mutex::new(jobs), stop, view, catalog, widgets, questions })
    }

    /// The notebook's names, as of the last finished statement.
    fn view(&self) -> View {
        self.view.lock().map(|view| view.clone()).unwrap_or_default()
    }

    /// Hands a job to the engine thread and waits for its answer; `None` when the thread is gone.
    fn ask<T>(&self, job: impl FnOnce(Sender<T>) -> Job) -> Option<T> {
        let (answer, wait) = channel();
        self.jobs.lock().ok()?.send(job(answer)).ok()?;
        wait.recv().ok()
    }
}

/// The engine thread's life: until the last handle is gone.
fn serve(mut thread: EngineThread, inbox: &Receiver<Job>) {
    for job in inbox {
        // An answer that no one waits for any more is no error.
        let _ = match job {
            Job::Execute(cell, frontend, answer) => answer.send(thread.execute(&cell, frontend)).is_ok(),
            Job::CallBack(comm, frontend, answer) => answer.send(thread.call_back(&comm, frontend)).is_ok(),
            Job::Evaluate(expression, answer) => answer.send(thread.evaluate(&expression)).is_ok(),
        };
    }
}

/// The answer when the engine thread no longer exists.
fn engine_stopped() -> Failure {
    Failure::of(&Fault::new(Kind::Internal, "the engine has stopped; restart the kernel"))
}

impl Session for RhaiSession {
    fn execute(&self, cell: Cell, frontend: Arc<dyn Frontend>) -> Reply {
        // Cleared here, not on the engine thread: an interrupt sent right after this call must not get lost.
        self.stop.store(false, Ordering::SeqCst);
        self.ask(|answer| Job::Execute(cell, frontend, answer)).unwrap_or_else(|| Reply::Failed(engine_stopped()))
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        rust::complete(&self.questions, code, cursor)
            .unwrap_or_else(|| complete::at(self.catalog, &self.view(), code, cursor))
    }

    fn inspect(&self, code: &str, cursor: usize, detail: Detail) -> Option<Bundle> {
        rust::describe(&self.questions, code, cursor)
            .unwrap_or_else(|| inspect::at(self.catalog, &self.view(), code, cursor, detail))
    }

    fn is_complete(&self, code: &str) -> Completeness {
        whole::completeness(code, &self.view())
    }

    fn interrupt(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    fn comm(&self, message: Comm) -> CommReply {
        self.widgets.hear(message)
    }

    fn call_back(&self, comm: &str, frontend: Arc<dyn Frontend>) -> Reply {
        self.stop.store(false, Ordering::SeqCst);
        self.ask(|answer| Job::CallBack(comm.to_string(), frontend, answer))
            .unwrap_or_else(|| Reply::Failed(engine_stopped()))
    }

    fn names(&self) -> Vec<String> {
        self.view.lock().map_or_else(|_| Vec::new(), |view| view.names())
    }

    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        self.stop.store(false, Ordering::SeqCst);
        self.ask(|answer| Job::Evaluate(expression.to_string(), answer)).unwrap_or_else(|| Err(engine_stopped()))
    }
}
