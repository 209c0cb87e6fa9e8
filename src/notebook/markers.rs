//! What the author of a cell says about running and comparing it: cell tags and comments, those of nbval and nbclient.

use super::document::Cell;

/// How a cell is to be run and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Markers {
    /// Its outputs are not compared: `nbval-ignore-output`, `NBVAL_IGNORE_OUTPUT`.
    pub ignore_output: bool,
    /// It may fail, and the notebook goes on: `raises-exception`, `nbval-raises-exception`, `NBVAL_RAISES_EXCEPTION`.
    pub may_fail: bool,
    /// It is not run when the notebook is tested: `nbval-skip`, `NBVAL_SKIP`.
    pub skip_in_test: bool,
    /// It is never run without a person: `skip-execution`.
    pub skip: bool,
}

impl Markers {
    /// Reads the tags of the cell and the comment lines of its code. A comment counts when it is alone on its line, after
    /// `//` or after `#` (which real nbval needs; inside Rhai's `/* … */` both can be had).
    pub fn of(cell: &Cell) -> Self {
        let mut markers = Self::default();
        cell.tags().for_each(|tag| markers.apply(tag));
        for line in cell.source.lines() {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix("//").or_else(|| line.strip_prefix('#')) {
                let word = comment.trim_start_matches(['/', '#']).trim();
                if word.starts_with("NBVAL_") {
                    markers.apply(&word.to_lowercase().replace('_', "-"));
                }
            }
        }
        markers
    }

    fn apply(&mut self, tag: &str) {
        match tag {
            "nbval-ignore-output" => self.ignore_output = true,
            "nbval-check-output" => self.ignore_output = false,
            "raises-exception" | "nbval-raises-exception" => self.may_fail = true,
            "nbval-skip" => self.skip_in_test = true,
            "skip-execution" => self.skip = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::document::Document;

    fn markers(source: &str, tags: &[&str]) -> Markers {
        let notebook = serde_json::json!({
            "nbformat": 4, "nbformat_minor": 4, "metadata": {},
            "cells": [{ "cell_type": "code", "source": source, "metadata": { "tags": tags } }],
        });
        let document = Document::parse(&notebook.to_string()).expect("a notebook");
        Markers::of(&document.cells[0])
    }

    #[test]
    fn tags_and_comments_mean_the_same() {
        let ignore = Markers {
            ignore_output: true,
            ..Markers::default()
        };
        assert_eq!(markers("1", &["nbval-ignore-output"]), ignore);
        assert_eq!(markers("// NBVAL_IGNORE_OUTPUT\n1", &[]), ignore);
        assert_eq!(markers("/*\n# NBVAL_IGNORE_OUTPUT\n*/\n1", &[]), ignore);
        assert_eq!(
            markers("let s = \"// NBVAL_IGNORE_OUTPUT\"", &[]),
            Markers::default()
        );
        assert!(markers("//NBVAL_RAISES_EXCEPTION", &[]).may_fail);
        assert!(markers("1", &["raises-exception"]).may_fail);
    }
}
