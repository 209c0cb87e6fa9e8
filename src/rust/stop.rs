//! The ways in which a cell or a call does not end well.

use super::message::Mistake;
use saddle_fault::Fault;

/// Why a cell or a call did not end well.
#[derive(Debug)]
pub enum Stop {
    /// It does not compile.
    Wrong(Vec<Mistake>),
    /// A panic: what it said, and the line of code where, if that is known.
    Panic {
        /// What it said.
        message: String,
        /// The line of code where, if that is known.
        line: Option<String>,
    },
    /// A `?` at the top of a cell met an error, which says this.
    Early(String),
    /// The user has interrupted; these variables were lost with the process that had to be ended.
    Interrupted {
        /// The variables that were lost.
        lost: Vec<String>,
    },
    /// The process of the cells has ended: how, and which variables went with it.
    Died {
        /// Its last words.
        how: String,
        /// The variables that were lost.
        lost: Vec<String>,
    },
    /// The host itself has ended, and everything with it.
    Lost(String),
    /// Anything else.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// How a cell said that it ended early.
pub(super) enum EarlyEnd {
    Panic { message: String, line: u32 },
    Early,
}
