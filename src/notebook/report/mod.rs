//! Reports on notebooks that were run again: for a terminal, as a web page, for a build server.
//!
//! | file | owns |
//! |---|---|
//! | `text` | lines for a terminal |
//! | `page` | a self-contained web page with both values and both pictures |
//! | `junit` | JUnit's XML |

mod junit;
mod page;
mod text;

#[cfg(test)]
mod tests;

use super::compare::{Content, Difference, Judged};
use super::document::Document;
use super::trial::Trial;
use saddle_fault::Fault;

pub use junit::junit;
pub use page::page;
pub use text::text;

/// What became of one notebook file.
#[derive(Clone, Debug, PartialEq)]
pub enum NotebookResult {
    /// It ran, to its end or not.
    Ran(Box<Trial>),
    /// It could not be read or started.
    Refused(Fault),
}

/// One notebook file and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The file, as the user named it.
    pub name: String,
    /// How that ended.
    pub outcome: NotebookResult,
    /// How many cells `--update` has stored anew.
    pub updated: Option<usize>,
}

impl Entry {
    /// Whether the notebook is as it should be; one that has been updated is.
    pub fn passed(&self) -> bool {
        match &self.outcome {
            NotebookResult::Ran(trial) => trial.passed() || self.updated.is_some(),
            NotebookResult::Refused(_) => false,
        }
    }
}

/// The first line of a cell that has something on it.
fn first_line(document: &Document, judged: &Judged) -> String {
    let source = &document.cells[judged.index].source;
    let line = source.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or_default();
    if line.chars().count() <= 60 { line.to_string() } else { line.chars().take(59).chain(['…']).collect() }
}

/// What there is to say about a difference beside the two values; empty for texts.
fn remark(difference: &Difference, judged: &Judged) -> String {
    let wanted = judged.limits.similarity;
    match (&difference.stored, &difference.new, &difference.likeness) {
        (_, _, Some(likeness)) => {
            let part = likeness.part;
            let place = format!("the part of {}×{} pixels at ({}, {})", part.width, part.height, part.x, part.y);
            let mut remark = format!(
                "similarity {:.3} in {place}, {:.3} overall; at least {wanted} is wanted everywhere",
                likeness.least, likeness.overall
            );
            if let Some(look) = judged.limits.look {
                remark = format!(
                    "brightness and contrast of a quarter are alike by {:.3} only; at least {look} is wanted",
                    likeness.look
                );
            } else if likeness.least >= wanted {
                remark = format!(
                    "the mean colour of {place} is off by {:.0} %; at most {:.0} % is allowed",
                    likeness.tone * 100.0,
                    (1.0 - wanted) * 100.0
                );
            }
            if likeness.frame > 0 {
                remark.push_str(&format!(" (frame {})", likeness.frame + 1));
            }
            remark
        }
        (Content::Picture(old), Content::Picture(new), None) if old.frames != new.frames => {
            format!("{} frames are stored, now there are {}", old.frames, new.frames)
        }
        (Content::Picture(old), Content::Picture(new), None) => {
            format!("{}×{} pixels are stored, now there are {}×{}", old.width, old.height, new.width, new.height)
        }
        _ => String::new(),
    }
}

/// `1 cell`, `2 cells`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
