//! What a notebook session is to whoever drives it. `cell` implements [`Notebook`]; `serve` (a Jupyter client) and
//! `notebook` (a file) drive it, and know nothing of the language behind it.
//!
//! Every position in code is counted in Unicode code points, as Jupyter counts them.

use crate::output::{Bundle, Comm, Output};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where a running cell's outputs go, and where its questions are answered. One ordered way for all of them.
pub trait Frontend: Send + Sync {
    /// Takes one output. Must not block for long: the cell's thread is calling.
    fn show(&self, output: Output);

    /// Asks the person a question and waits for the answer; `None` when no one can be asked.
    fn ask(&self, prompt: &str, password: bool) -> Option<String>;
}

/// One cell to run.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The number that the cell carries as `In[n]`; errors name it.
    pub number: usize,
    pub code: String,
    /// Run without showing a result (Jupyter's `silent`).
    pub silent: bool,
}

/// How a cell ended. Its outputs have all been pushed by then.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Done,
    Failed(Failure),
}

/// An error as Jupyter shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind: `ShapeError`, `NameError`, `KeyboardInterrupt`, …
    pub name: String,
    /// The message alone, one line.
    pub value: String,
    /// The lines to show: kind and message, cell and line with a caret, hint. ANSI colours allowed.
    pub traceback: Vec<String>,
}

/// What Tab offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completions {
    /// The part of the code that a match replaces.
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Match>,
}

/// One completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub text: String,
    /// `function`, `variable`, `option`, `keyword`, `magic`, `path`, …: JupyterLab shows an icon for it.
    pub kind: String,
    /// `(x, shape) → tensor`, or the type of a variable.
    pub signature: String,
}

/// Whether a prompt should run the code or wait for more.
#[derive(Clone, Debug, PartialEq)]
pub enum Completeness {
    Complete,
    /// More is needed; the next line starts with `indent`.
    Incomplete {
        indent: String,
    },
    /// It can never become valid.
    Invalid,
}

/// How much Shift-Tab shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// A function of a cell waits for this: [`Notebook::call_back`] is to be called for the comm, once, after what runs.
    pub callback: bool,
}

/// A notebook session: variables and functions that persist from cell to cell.
///
/// A handle that may be shared between threads. `execute` and `call_back` are called from one thread at a time; every other method may be
/// called while a cell runs and must answer at once.
pub trait Notebook: Send + Sync {
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

    /// Takes a front end's comm message. The value of a widget is set when this returns: a running cell reads it from then on.
    fn comm(&self, message: Comm) -> CommReply;

    /// Runs what the cells want done about the messages of a comm so far, as a silent cell runs. Many moves of one slider are
    /// one call, with its newest value.
    fn call_back(&self, comm: &str, frontend: Arc<dyn Frontend>) -> Reply;

    /// The value of each expression, evaluated silently in the notebook (Jupyter's `user_expressions`).
    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure>;
}
