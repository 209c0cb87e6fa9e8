//! Runs the cells of a notebook file one after the other and keeps what they show in the document.

use super::document::{Cell, Document};
use super::markers::Markers;
use super::record::Recorder;
use saddle_session::{Failure, Frontend, Reply, Session};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a notebook is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Go on after a cell that failed.
    pub keep_going: bool,
    /// Leave out the cells that are marked `nbval-skip`.
    pub testing: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Every cell ran, and none failed but those that were allowed to.
    Done,
    /// A cell failed that was not allowed to. The rest was run only with [`Options::keep_going`].
    Failed(Failed),
    /// The user interrupted a cell, and the rest was not run.
    Interrupted(Failed),
}

/// A cell that failed, the first one.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// Its place among all cells of the notebook, from 0.
    pub index: usize,
    /// The error.
    pub failure: Failure,
}

/// What a run tells while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A cell is about to run, the `number`th (from 1) of `total`; it stands at `index` among all cells, from 0.
    Starts {
        /// Among the code cells, from 1.
        number: usize,
        /// How many code cells there are.
        total: usize,
        /// Among all cells, from 0.
        index: usize,
        /// The cell.
        cell: &'a Cell,
    },
    /// The cell that ran has failed, whether it was allowed to or not.
    Fails(&'a Failure),
    /// The cell at `index` has ended, however.
    Ends {
        /// Among all cells, from 0.
        index: usize,
        /// How long it ran.
        took: Duration,
    },
}

/// The name under which a session reports that the user interrupted a cell.
const INTERRUPTED: &str = "KeyboardInterrupt";

/// Runs `document` in `notebook`. Outputs go to `frontend` as they come, and into the document when the run has ended,
/// however it ended; the outputs of cells that were not reached are removed.
///
/// A cell tagged `raises-exception` may fail; one tagged `skip-execution` is left as it is.
pub fn run(
    document: &mut Document,
    notebook: &dyn Session,
    frontend: Arc<dyn Frontend>,
    options: Options,
    mut tell: impl FnMut(Event<'_>),
) -> End {
    let recorder = Arc::new(Recorder::new(frontend));
    let chosen: Vec<usize> =
        document.code_cells().filter(|(_, cell)| !left_out(cell, options)).map(|(index, _)| index).collect();
    let mut end = End::Done;
    let mut ran = 0;
    for (position, &index) in chosen.iter().enumerate() {
        let cell = &document.cells[index];
        ran = position + 1;
        tell(Event::Starts { number: ran, total: chosen.len(), index, cell });
        recorder.begin(ran);
        let start = Instant::now();
        let reply = notebook
            .execute(saddle_session::Cell { number: ran, code: cell.source.clone(), silent: false }, recorder.clone());
        let took = start.elapsed();
        let Reply::Failed(failure) = reply else {
            tell(Event::Ends { index, took });
            continue;
        };
        recorder.fail(&failure);
        tell(Event::Fails(&failure));
        tell(Event::Ends { index, took });
        if failure.name == INTERRUPTED {
            end = End::Interrupted(Failed { index, failure });
            break;
        }
        if Markers::of(cell).may_fail {
            continue;
        }
        if end == End::Done {
            end = End::Failed(Failed { index, failure });
        }
        if !options.keep_going {
            break;
        }
    }
    keep(document, &chosen, ran, recorder.outputs());
    end
}

/// Whether a cell is not run at all.
fn left_out(cell: &Cell, options: Options) -> bool {
    let markers = Markers::of(cell);
    markers.skip || (options.testing && markers.skip_in_test)
}

/// Puts the outputs of the first `ran` of the `chosen` cells into the document, and removes those of the others.
fn keep(document: &mut Document, chosen: &[usize], ran: usize, outputs: Vec<Vec<serde_json::Value>>) {
    let mut outputs = outputs.into_iter();
    for (position, &index) in chosen.iter().enumerate() {
        let cell = &mut document.cells[index];
        cell.outputs = outputs.next().unwrap_or_default();
        cell.count = (position < ran).then_some(position + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Deaf, Echo, notebook};

    fn counts(document: &Document) -> Vec<Option<usize>> {
        document.cells.iter().map(|cell| cell.count).collect()
    }

    #[test]
    fn cells_run_in_order_and_keep_their_outputs() {
        let mut document = notebook(&[("print a", &[]), ("show b", &[])]);
        let mut steps = Vec::new();
        let end = run(&mut document, &Echo, Arc::new(Deaf), Options::default(), |event| {
            if let Event::Starts { number, total, .. } = event {
                steps.push((number, total));
            }
        });
        assert_eq!(end, End::Done);
        assert_eq!(steps, [(1, 2), (2, 2)]);
        assert_eq!(document.cells[0].outputs[0]["text"], "a\n");
        assert_eq!(document.cells[1].outputs[0]["data"]["text/plain"], "b");
        assert_eq!(document.cells[1].outputs[0]["execution_count"], 2);
    }

    #[test]
    fn an_error_ends_the_run_and_old_outputs_do_not_survive_it() {
        let mut document = notebook(&[("print a", &[]), ("fail b", &[]), ("print c", &[])]);
        document.cells[2].outputs = vec![serde_json::json!({ "output_type": "stream" })];
        let end = run(&mut document, &Echo, Arc::new(Deaf), Options::default(), |_| {});
        assert!(matches!(end, End::Failed(Failed { index: 1, .. })), "{end:?}");
        assert_eq!(counts(&document), [Some(1), Some(2), None]);
        assert_eq!(document.cells[1].outputs[0]["evalue"], "b");
        assert!(document.cells[2].outputs.is_empty());
    }

    #[test]
    fn with_keep_going_all_cells_run_and_the_first_error_is_told() {
        let mut document = notebook(&[("fail a", &[]), ("fail b", &[]), ("print c", &[])]);
        let options = Options { keep_going: true, ..Options::default() };
        let mut failures = Vec::new();
        let end = run(&mut document, &Echo, Arc::new(Deaf), options, |event| {
            if let Event::Fails(failure) = event {
                failures.push(failure.value.clone());
            }
        });
        assert!(matches!(end, End::Failed(Failed { index: 0, .. })), "{end:?}");
        assert_eq!(failures, ["a", "b"]);
        assert_eq!(counts(&document), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn cells_that_may_fail_do_not_end_the_run_but_an_interrupt_does() {
        let mut document = notebook(&[("fail a", &["raises-exception"]), ("print b", &[])]);
        assert_eq!(run(&mut document, &Echo, Arc::new(Deaf), Options::default(), |_| {}), End::Done);
        assert_eq!(counts(&document), [Some(1), Some(2)]);
        let mut document = notebook(&[("interrupt", &["raises-exception"]), ("print b", &[])]);
        let end = run(&mut document, &Echo, Arc::new(Deaf), Options::default(), |_| {});
        assert!(matches!(end, End::Interrupted(_)), "{end:?}");
    }

    #[test]
    fn cells_marked_to_be_skipped_keep_what_they_have() {
        let mut document =
            notebook(&[("print a", &["skip-execution"]), ("print b", &["nbval-skip"]), ("print c", &[])]);
        let stored = vec![serde_json::json!({ "output_type": "stream", "name": "stdout", "text": "old" })];
        document.cells[0].outputs = stored.clone();
        let testing = Options { testing: true, ..Options::default() };
        run(&mut document, &Echo, Arc::new(Deaf), testing, |_| {});
        assert_eq!(document.cells[0].outputs, stored);
        assert_eq!(counts(&document), [None, None, Some(1)]);
    }
}
