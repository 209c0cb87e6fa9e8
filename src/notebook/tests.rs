//! What the tests of this room share: a session with a language of four words, and notebooks to run in it.

use super::document::Document;
use saddle_session::output::{Bundle, Comm, Output, Stream};
use saddle_session::{Cell, CommReply, Completeness, Completions, Detail, Failure, Frontend, Reply, Session};
use std::sync::Arc;

/// A front end that shows nothing and is asked nothing.
pub struct Deaf;

impl Frontend for Deaf {
    fn show(&self, _: Output) {}

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

/// A session whose cells are `print TEXT`, `show TEXT`, `fail TEXT` or `interrupt`.
pub struct Echo;

impl Session for Echo {
    fn execute(&self, cell: Cell, frontend: Arc<dyn Frontend>) -> Reply {
        let (word, rest) = cell.code.split_once(' ').unwrap_or((&cell.code, ""));
        let failure = |name: &str| {
            Reply::Failed(Failure { name: name.into(), value: rest.into(), traceback: vec![format!("{name}: {rest}")] })
        };
        match word {
            "print" => frontend.show(Output::Text { stream: Stream::Stdout, text: format!("{rest}\n") }),
            "show" => frontend.show(Output::Result { bundle: Bundle::text(rest) }),
            "interrupt" => return failure("KeyboardInterrupt"),
            _ => return failure("ValueError"),
        }
        Reply::Done
    }

    fn complete(&self, _: &str, _: usize) -> Completions {
        Completions::default()
    }

    fn inspect(&self, _: &str, _: usize, _: Detail) -> Option<Bundle> {
        None
    }

    fn is_complete(&self, _: &str) -> Completeness {
        Completeness::Complete
    }

    fn interrupt(&self) {}

    fn comm(&self, _: Comm) -> CommReply {
        CommReply::default()
    }

    fn call_back(&self, _: &str, _: Arc<dyn Frontend>) -> Reply {
        Reply::Done
    }

    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        Ok(Bundle::text(expression))
    }
}

/// A notebook of code cells: their sources and tags.
pub fn notebook(cells: &[(&str, &[&str])]) -> Document {
    let cells: Vec<_> = cells
        .iter()
        .map(|(source, tags)| {
            serde_json::json!({
                "cell_type": "code", "source": source, "metadata": { "tags": tags },
                "execution_count": null, "outputs": [],
            })
        })
        .collect();
    let notebook = serde_json::json!({ "nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells });
    Document::parse(&notebook.to_string()).expect("a notebook")
}
