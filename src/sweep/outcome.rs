//! How a run ended: what `saddle run --json` prints and a sweep keeps for each of its runs.

use crate::figures::Figure;
use saddle_fault::{Fault, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every cell ran, every check held.
    Done,
    /// A cell failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// Its process died: killed, out of memory, or its machine is gone.
    Lost,
}

impl Status {
    /// As it stands in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Interrupted => "interrupted",
            Status::Lost => "lost",
        }
    }

    /// The exit status of `saddle run`.
    pub fn exit(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed | Status::Lost => 1,
            Status::Interrupted => 130,
        }
    }
}

/// The error that ended a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    /// The cell among all cells of the notebook, from 1; 0: none of them.
    pub cell: usize,
    /// `ShapeError`, `CheckFailed`, …
    pub name: String,
    /// The first line that the user sees.
    pub message: String,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The path of the notebook, as it was given.
    pub notebook: String,
    /// How it ended.
    pub status: Status,
    /// The exit status of `saddle run`.
    pub exit: u8,
    /// From the start of its process to its end.
    pub seconds: f64,
    /// Those that it was run with.
    pub parameters: Map<String, Value>,
    /// In the order in which they were stated.
    pub figures: Vec<Figure>,
    /// What ended it, where it did not run to its end.
    pub error: Option<Failing>,
}

impl RunResult {
    /// As JSON, with its final line end.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads what a run has left; `None` where there is nothing yet.
    ///
    /// # Errors
    /// A damaged file, or one that cannot be read: taken for none, what a run has found would be deleted, to be run anew.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let again = "delete it, and that run is run again";
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Fault::file(format!("{} cannot be read: {error}", path.display())).hint(again));
            }
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| Fault::file(format!("{} is damaged: {error}", path.display())).hint(again))
    }
}
