//! What the two processes say to each other. To add something that a notebook can be asked: a [`Call`], its [`Value`],
//! the method of `Isolated` and the arm of `server::answer`; the compiler names the places.

use saddle_session::output::{Bundle, Comm, Output};
use saddle_session::{Cell, Checkpoint, CommReply, Completeness, Completions, Detail, Failure, Reply};
use serde::{Deserialize, Serialize};

/// Which call something belongs to. Later calls have greater tickets.
pub type Ticket = u64;

/// To the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    Call {
        ticket: Ticket,
        call: Call,
    },
    /// The call is to end soon.
    Interrupt {
        ticket: Ticket,
    },
    /// What the person answered; `None` when no one can be asked.
    Answer {
        ticket: Ticket,
        text: Option<String>,
    },
}

/// A method of the notebook, with what it is called with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Call {
    Execute(Cell),
    Evaluate {
        expression: String,
    },
    Complete {
        code: String,
        cursor: usize,
    },
    Inspect {
        code: String,
        cursor: usize,
        detail: Detail,
    },
    IsComplete {
        code: String,
    },
    Comm(Comm),
    /// The session runs what waits for the messages of a comm.
    Respond {
        comm: String,
    },
}

impl Call {
    /// Whether it runs code, one call at a time. The others are answered at once, beside the one that runs.
    pub fn runs_code(&self) -> bool {
        matches!(self, Call::Execute(_) | Call::Evaluate { .. } | Call::Respond { .. })
    }
}

/// What a call returned.
#[derive(Debug, Serialize, Deserialize)]
pub enum Value {
    Executed(Reply),
    Evaluated(Result<Bundle, Failure>),
    Completed(Completions),
    Inspected(Option<Bundle>),
    Judged(Completeness),
    Answered(CommReply),
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Event {
    /// The call runs from now on.
    Begun {
        ticket: Ticket,
    },
    Output {
        ticket: Ticket,
        output: Output,
    },
    Question {
        ticket: Ticket,
        prompt: String,
        password: bool,
    },
    Checkpoint(Checkpoint),
    /// The notebook's names from now on.
    Names(Vec<String>),
    Returned {
        ticket: Ticket,
        value: Value,
    },
}
