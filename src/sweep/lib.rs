//! Runs of one notebook with different parameters: which there are, what each has left in the sweep's folder, and the
//! tables made of it. Knows neither how a notebook runs nor on which machines; `saddle sweep` does.
//!
//! | file | owns |
//! |---|---|
//! | [`figures`] | what `check` and `report` say, beside what they print: exact numbers, in a file that the run names |
//! | [`plan`] | the grid of a sweep, and that a folder holds one sweep |
//! | [`outcome`] | how a run ended |
//! | [`table`] | all runs: rows, mean and spread over seeds, CSV |
//! | [`page`] | the same as HTML |

#![forbid(unsafe_code)]

pub mod figures;
pub mod outcome;
pub mod page;
pub mod plan;
pub mod table;

#[cfg(test)]
mod tests;

use saddle_fault::{Fault, Result, write_whole};
use std::path::Path;

/// Writes a whole file beside its place and puts it there when the disk has it: a full disk or a crash leaves the old
/// file or none, never half a one.
///
/// # Errors
/// A folder that may not be written; a full disk.
pub fn write(path: &Path, text: &str) -> Result<()> {
    write_whole(path, text.as_bytes()).map_err(|error| {
        Fault::file(format!("cannot write {}: {error}", path.display()))
            .hint("what is finished stays; once there is room, the same command goes on")
    })
}
