//! What the author of a cell says about running and comparing it: cell tags and comments, those of nbval and nbclient
//! and three of our own.

use super::document::Cell;

/// How a cell is to be run and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Markers {
    /// Whether its outputs are compared, where it says: `nbval-ignore-output`, `nbval-check-output`.
    pub compared: Option<bool>,
    /// It may fail, and the notebook goes on: `raises-exception`, `nbval-raises-exception`.
    pub may_fail: bool,
    /// It is not run when the notebook is tested: `nbval-skip`.
    pub skip_in_test: bool,
    /// It is never run without a person: `skip-execution`.
    pub skip: bool,
    /// How far its numbers may differ, as a fraction: `saddle-tolerance-0.05`.
    pub tolerance: Option<f64>,
    /// How similar its pictures have to be, up to 1: `saddle-similarity-0.8`.
    pub similarity: Option<f64>,
    /// How alike the looks of its pictures have to be, up to 1, where chance decides what they show: `saddle-look-0.8`.
    pub look: Option<f64>,
}

impl Markers {
    /// Reads the tags of the cell and then the comment lines of its code, which win: `// NBVAL_IGNORE_OUTPUT` says what
    /// the tag `nbval-ignore-output` says, `// SADDLE_TOLERANCE 0.05` what `saddle-tolerance-0.05` says. A comment
    /// counts when it is alone on its line, after `//` or after `#` (which real nbval needs; inside Rhai's `/* … */`
    /// both can be had).
    pub fn of(cell: &Cell) -> Self {
        let mut markers = Self::default();
        cell.tags().for_each(|tag| markers.apply(tag));
        for line in cell.source.lines() {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix("//").or_else(|| line.strip_prefix('#')) {
                let word = comment.trim_start_matches(['/', '#']).trim();
                let ours = ["NBVAL_", "PYTEST_VALIDATE_", "SADDLE_"];
                if ours.iter().any(|prefix| word.starts_with(prefix)) {
                    let words: Vec<_> = word.split_whitespace().collect();
                    markers.apply(&words.join("-").to_lowercase().replace('_', "-"));
                }
            }
        }
        markers
    }

    /// Whether the cell says how far its figures or pictures may differ.
    pub fn has_limits(&self) -> bool {
        self.tolerance.is_some() || self.similarity.is_some() || self.look.is_some()
    }

    fn apply(&mut self, tag: &str) {
        match tag {
            "nbval-ignore-output" | "pytest-validate-ignore-output" => self.compared = Some(false),
            "nbval-check-output" => self.compared = Some(true),
            "raises-exception" | "nbval-raises-exception" => self.may_fail = true,
            "nbval-skip" => self.skip_in_test = true,
            "skip-execution" => self.skip = true,
            _ => {
                let number = |prefix| tag.strip_prefix(prefix)?.parse::<f64>().ok();
                let set = |value: Option<f64>| value.filter(|value| *value >= 0.0);
                self.tolerance = set(number("saddle-tolerance-")).or(self.tolerance);
                self.similarity = set(number("saddle-similarity-")).or(self.similarity);
                self.look = set(number("saddle-look-")).or(self.look);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

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
        let ignore = Markers { compared: Some(false), ..Markers::default() };
        assert_eq!(markers("1", &["nbval-ignore-output"]), ignore);
        assert_eq!(markers("// NBVAL_IGNORE_OUTPUT\n1", &[]), ignore);
        assert_eq!(markers("/*\n# NBVAL_IGNORE_OUTPUT\n*/\n1", &[]), ignore);
        assert_eq!(markers("# PYTEST_VALIDATE_IGNORE_OUTPUT", &[]), ignore);
        assert_eq!(markers("let s = \"// NBVAL_IGNORE_OUTPUT\"", &[]), Markers::default());
        assert!(markers("//NBVAL_RAISES_EXCEPTION", &[]).may_fail);
        assert!(markers("1", &["raises-exception"]).may_fail);
        assert!(markers("// NBVAL_SKIP", &[]).skip_in_test);
        assert_eq!(markers("// NBVAL_CHECK_OUTPUT", &["nbval-ignore-output"]).compared, Some(true));
    }

    #[test]
    fn a_cell_may_have_limits_of_its_own() {
        let limits = |source: &str, tags: &[&str]| {
            let markers = markers(source, tags);
            (markers.tolerance, markers.similarity)
        };
        let both = limits("// SADDLE_TOLERANCE 1e-2\n//SADDLE_SIMILARITY  0.7", &[]);
        assert_eq!(both, (Some(0.01), Some(0.7)));
        let both = limits("1", &["saddle-tolerance-0.5", "saddle-similarity-0.25"]);
        assert_eq!(both, (Some(0.5), Some(0.25)));
        assert_eq!(markers("1", &["saddle-look-0.8"]).look, Some(0.8));
        assert_eq!(limits("// SADDLE_TOLERANCE much", &["saddle-tolerance--1"]), (None, None));
    }
}
