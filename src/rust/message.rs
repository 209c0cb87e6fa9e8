//! What the worker and the host of Rust cells say to each other, as frames (`saddle_worker::frame`).

use serde::{Deserialize, Serialize};

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum HostOrder {
    /// Compile and run a cell.
    Run {
        /// Goes in front of its first statement.
        head: String,
        /// The cell.
        code: String,
    },
    /// Put a fresh process in the place of the cells' dead one.
    Revive {
        /// What is run in it first.
        code: String,
    },
    /// Say how the process of the cells has ended.
    DescribeDeath,
    /// Stop the cell that is being carried out: where it runs, with its process; before that, what compiles it.
    Interrupt {
        /// Whether it runs by now.
        running: bool,
    },
    /// End the process of the cells, which runs a call.
    Kill,
    /// What the person has answered.
    Answer(String),
}

/// From the host.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The first process of the cells is there.
    Ready,
    /// Nothing can be compiled: why.
    Failed(String),
    /// What the cell has printed: mostly a line.
    Printed(String),
    /// The cell asks the person.
    Asked {
        /// What stands before the field.
        prompt: String,
        /// Whether what is typed stays hidden.
        password: bool,
    },
    /// An order has been carried out.
    Done(CellResult),
}

/// How an order ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum CellResult {
    /// To its end, by a panic, or by a `?`: the process of the cells has said which.
    Ran {
        /// What it showed, by mime type.
        shown: Vec<(String, String)>,
        /// The names of the variables there are now.
        variables: Vec<String>,
    },
    /// It does not compile.
    Wrong(Vec<Mistake>),
    /// It cannot be run, for a reason that has no place in it.
    Refused(String),
    /// The process of the cells has ended: what it said last.
    Died(String),
}

/// One error of the compiler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// What the compiler says, in one line.
    pub message: String,
    /// The compiler's number of it: `E0308`.
    pub code: Option<String>,
    /// Where it is in the cell; the first place is the error's own.
    pub places: Vec<Spot>,
    /// What to try.
    pub helps: Vec<String>,
}

/// A place in a cell, with what the compiler says about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Counted from 1.
    pub line: usize,
    /// In letters, counted from 1.
    pub column: usize,
    /// What the compiler says of the place; may be empty.
    pub label: String,
}

/// What is asked while no cell may be running, over a connection of its own. Cursors are counted in bytes.
#[derive(Debug, Serialize, Deserialize)]
pub enum Question {
    /// What could stand at the cursor.
    Complete {
        /// The cell.
        code: String,
        /// Where it is.
        cursor: usize,
    },
    /// What the name at the cursor is.
    Describe {
        /// The cell.
        code: String,
        /// Where it is.
        cursor: usize,
    },
}

/// What the host answers to a question.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The question's number.
    pub ticket: u64,
    /// What could stand there: text, kind, signature.
    pub matches: Vec<(String, String, String)>,
    /// The part that it replaces, in bytes.
    pub start: usize,
    /// Where that part ends.
    pub end: usize,
    /// What the name is: plain text, and HTML.
    pub described: Option<(String, String)>,
}

/// What a connection to the worker's socket is for: its first byte. Before it come the four bytes of the caller's
/// process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The worker asks the host about code.
    Questions = 1,
    /// The cells ask the notebook.
    Requests = 2,
    /// The notebook calls the cells' functions.
    Calls = 3,
    /// What cells say on stderr.
    Stderr = 4,
    /// What calls print.
    Stdout = 5,
}

impl Role {
    /// The role that a byte stands for.
    pub fn of(byte: u8) -> Option<Self> {
        let all = [Self::Questions, Self::Requests, Self::Calls, Self::Stderr, Self::Stdout];
        all.into_iter().find(|role| *role as u8 == byte)
    }
}
