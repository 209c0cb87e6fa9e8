//! What a notebook session is to whoever drives it. `cell` implements [`Session`]; `serve` (a Jupyter client) and
//! `notebook` (a file) drive it, and know nothing of the language behind it.
//!
//! Every position in code is counted in Unicode code points, as Jupyter counts them.

#![forbid(unsafe_code)]

pub mod output;

use crate::output::{Bundle, Comm, Output};
use saddle_fault::{Fault, Kind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where a running cell's outputs go, and where its questions are answered. One ordered way for all of them.
pub trait Frontend: Send + Sync {
    /// Takes one output. Must not block for long: the cell's thread is calling.
    fn show(&self, output: Output);

    /// Asks the person a question and waits for the answer; `None` when no one can be asked.
    fn ask(&self, prompt: &str, password: bool) -> Option<String>;

    /// Hears that a file has been written from which training can go on, should the session be lost. Nothing is shown.
    fn checkpoint(&self, _: Checkpoint) {}
}

/// A file from which training can go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// As the user wrote it.
    pub path: String,
    /// The names under which `resume` sets networks, optimizers and random streams again.
    pub names: Vec<String>,
}

/// One cell to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// The number that the cell carries as `In[n]`; errors name it.
    pub number: usize,
    /// The text of the cell.
    pub code: String,
    /// Run without showing a result (Jupyter's `silent`).
    pub silent: bool,
}

/// How a cell ended. Its outputs have all been pushed by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It ran to its end.
    Done,
    /// It stopped at an error.
    Failed(Failure),
}

/// An error as Jupyter shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind: `ShapeError`, `NameError`, `KeyboardInterrupt`, …
    pub name: String,
    /// The message alone, one line.
    pub value: String,
    /// The lines to show: kind and message, cell and line with a caret, hint. ANSI colours allowed.
    pub traceback: Vec<String>,
}

/// What colours the name of an error, and what ends a colour.
pub const RED: &str = "\x1b[1;31m";
/// See [`RED`].
pub const PLAIN: &str = "\x1b[0m";

impl Failure {
    /// The failure of a fault that belongs to no place in a cell.
    pub fn of(fault: &Fault) -> Self {
        Self::named(fault.kind.name(), fault)
    }

    /// The same, under another name than its kind's: `CompileError` of a `%%rust` cell.
    pub fn named(name: &str, fault: &Fault) -> Self {
        let name = name.to_string();
        let mut traceback = vec![format!("{RED}{name}{PLAIN}: {}", fault.message)];
        traceback.extend(fault.hint.iter().map(|hint| format!("hint: {hint}")));
        Self { name, value: fault.message.clone(), traceback }
    }

    /// The failure of a cell that the user stopped before it began.
    pub fn interrupted() -> Self {
        Self::of(&Fault::new(Kind::Interrupt, "interrupted"))
    }
}

/// What Tab offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Completions {
    /// The part of the code that a match replaces.
    pub start: usize,
    /// The first code point behind that part.
    pub end: usize,
    /// What may stand there, best first.
    pub matches: Vec<Match>,
}

/// One completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// What is inserted.
    pub text: String,
    /// `function`, `variable`, `option`, `keyword`, `magic`, `path`, …: JupyterLab shows an icon for it.
    pub kind: String,
    /// `(x, shape) → tensor`, or the type of a variable.
    pub signature: String,
}

/// Whether a prompt should run the code or wait for more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Completeness {
    /// It can run.
    Complete,
    /// More is needed; the next line starts with `indent`.
    Incomplete {
        /// White space that the next line begins with.
        indent: String,
    },
    /// It can never become valid.
    Invalid,
}

/// How much Shift-Tab shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Signature and summary.
    Brief,
    /// Everything: parameters, options, errors, a runnable example.
    Full,
}

/// What a session does about a comm message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommReply {
    /// Said to all front ends at once: echoes, states, the end of a comm that no one wants.
    pub messages: Vec<Comm>,
    /// A function of a cell waits for this: [`Session::call_back`] is to be called for the comm, once, after what runs.
    pub callback: bool,
}

/// A notebook session: variables and functions that persist from cell to cell.
///
/// A handle that may be shared between threads. `execute` and `call_back` are called from one thread at a time; every
/// other method may be called while a cell runs and must answer at once.
pub trait Session: Send + Sync {
    /// Runs a cell to its end; its outputs go to `frontend` while it runs.
    fn execute(&self, cell: Cell, frontend: Arc<dyn Frontend>) -> Reply;

    /// What could stand at `cursor`.
    fn complete(&self, code: &str, cursor: usize) -> Completions;

    /// What the name at `cursor` is; `None` where there is nothing to say.
    fn inspect(&self, code: &str, cursor: usize, detail: Detail) -> Option<Bundle>;

    /// Whether `code` is a whole cell.
    fn is_complete(&self, code: &str) -> Completeness;

    /// Stops the running cell; variables keep their values. Does nothing when no cell runs.
    fn interrupt(&self);

    /// Takes a front end's comm message. The value of a widget is set when this returns: a running cell reads it from
    /// then on.
    fn comm(&self, message: Comm) -> CommReply;

    /// Runs what the cells want done about the messages of a comm so far, as a silent cell runs. Many moves of one
    /// slider are one call, with its newest value.
    fn call_back(&self, comm: &str, frontend: Arc<dyn Frontend>) -> Reply;

    /// Ends the running cell by force, and with it all that the session holds: for a cell that does not hear
    /// interrupts. A session that cannot do that does nothing.
    fn abandon(&self) {}

    /// The names that a user would miss if the session were lost: variables, and functions as `name()`.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The value of each expression, evaluated silently in the notebook (Jupyter's `user_expressions`).
    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure>;
}
