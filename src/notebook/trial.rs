//! A notebook put to the test: what is stored in it, what it shows now, the verdict on each cell; and storing what is
//! new.

use super::compare::{Judged, Limits, Verdict, compare, outputs_agree};
use super::document::Document;
use super::run::Failed;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// A notebook that has been run again.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The notebook as it is stored.
    pub stored: Document,
    /// The same after the run.
    pub new: Document,
    /// The verdict on each code cell, in order.
    pub cells: Vec<Judged>,
    /// How long each cell took, by its place.
    pub took: HashMap<usize, Duration>,
    /// The whole run, from starting the process on.
    pub total: Duration,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// How many code cells got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cells that show what is stored.
    pub same: usize,
    /// Cells that show something else.
    pub differ: usize,
    /// Cells that failed.
    pub failed: usize,
    /// Cells that are not compared.
    pub ignored: usize,
    /// Cells after the end of the run.
    pub not_run: usize,
}

impl Trial {
    /// Judges a run. `failed` is the cell whose error ended it.
    pub fn judge(
        stored: Document,
        new: Document,
        limits: &Limits,
        failed: Option<&Failed>,
        took: HashMap<usize, Duration>,
        total: Duration,
    ) -> Self {
        Self { cells: compare(&stored, &new, limits, failed), interrupted: false, stored, new, took, total }
    }

    /// How many cells ended in which way.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for cell in &self.cells {
            *match cell.verdict {
                Verdict::Same => &mut counts.same,
                Verdict::Differs(_) => &mut counts.differ,
                Verdict::Failed(..) => &mut counts.failed,
                Verdict::Ignored => &mut counts.ignored,
                Verdict::NotRun(_) => &mut counts.not_run,
            } += 1;
        }
        counts
    }

    /// Whether every cell that was compared shows what is stored, and the run came to its end.
    pub fn passed(&self) -> bool {
        let counts = self.counts();
        counts.differ + counts.failed == 0 && !self.interrupted
    }

    /// Whether the notebook has never been run: no output, no number of a cell is stored in it.
    pub fn has_nothing_stored(&self) -> bool {
        let mut cells = self.stored.code_cells();
        cells.all(|(_, cell)| cell.count.is_none() && cell.outputs.is_empty())
    }

    /// The stored notebook with the outputs that differ replaced by the new ones, and how many cells that changes.
    /// `None` where the run did not come to its end: a failure is not to become what is expected.
    ///
    /// An output that still agrees keeps its bytes, so that a picture which was merely rounded otherwise does not show
    /// up as a change.
    pub fn updated(&self) -> Option<(Document, usize)> {
        if self.interrupted || self.counts().failed > 0 {
            return None;
        }
        let mut document = self.stored.clone();
        let mut changed = 0;
        for judged in &self.cells {
            let (old, new) = (&mut document.cells[judged.index], &self.new.cells[judged.index]);
            if !matches!(judged.verdict, Verdict::Differs(_)) {
                continue;
            }
            old.outputs = merged(&old.outputs, &new.outputs, &judged.limits);
            old.count = old.count.or(new.count);
            changed += 1;
        }
        Some((document, changed))
    }
}

/// The new outputs, each in the stored form where the two agree; all of them new where their numbers differ.
fn merged(stored: &[Value], new: &[Value], limits: &Limits) -> Vec<Value> {
    if stored.len() != new.len() {
        return new.to_vec();
    }
    let pairs = stored.iter().zip(new);
    pairs
        .map(|(old, new)| {
            let keep = outputs_agree(old, new, limits);
            if keep { old.clone() } else { new.clone() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::notebook;
    use saddle_session::Failure;
    use serde_json::json;

    fn text(text: &str) -> Value {
        json!({ "output_type": "stream", "name": "stdout", "text": text })
    }

    fn result(text: &str) -> Value {
        json!({ "output_type": "execute_result", "execution_count": 7, "metadata": {}, "data": { "text/plain": text } })
    }

    fn trial(stored: &[&[Value]], new: &[&[Value]], failed: Option<&Failed>) -> Trial {
        let document = |cells: &[&[Value]]| {
            let mut document = notebook(&vec![("cell", &[][..]); cells.len()]);
            for (cell, outputs) in document.cells.iter_mut().zip(cells) {
                cell.outputs = outputs.to_vec();
                cell.count = Some(3);
            }
            document
        };
        let (took, total) = (HashMap::new(), Duration::ZERO);
        let limits = Limits::default();
        Trial::judge(document(stored), document(new), &limits, failed, took, total)
    }

    #[test]
    fn an_update_replaces_the_outputs_that_differ_and_no_others() {
        let stored: [&[Value]; 3] =
            [&[text("V = 0.5000000"), result("1.0")], &[text("same 0.5000000")], &[text("one")]];
        let new: [&[Value]; 3] =
            [&[text("V = 0.5000001"), result("2.0")], &[text("same 0.5000001")], &[text("one"), result("2")]];
        let trial = trial(&stored, &new, None);
        let (document, changed) = trial.updated().expect("a whole run");
        assert_eq!(changed, 2);
        assert_eq!(document.cells[0].outputs, [text("V = 0.5000000"), result("2.0")]);
        assert_eq!(document.cells[1].outputs, stored[1]);
        assert_eq!(document.cells[2].outputs, new[2]);
        assert_eq!(document.cells[0].count, Some(3));
        let counts = Counts { same: 1, differ: 2, ..Counts::default() };
        assert_eq!((trial.counts(), trial.passed()), (counts, false));
    }

    #[test]
    fn a_failed_run_updates_nothing() {
        let failure = Failure { name: "ValueError".into(), value: "boom".into(), traceback: Vec::new() };
        let failed = Failed { index: 0, failure };
        let trial = trial(&[&[text("a")], &[text("b")]], &[&[text("a")], &[text("c")]], Some(&failed));
        assert_eq!(trial.updated(), None);
        assert_eq!(trial.counts(), Counts { failed: 1, differ: 1, ..Counts::default() });
    }
}
