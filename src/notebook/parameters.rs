//! Parameters as papermill keeps them: a cell tagged `parameters` holds the defaults, one tagged `injected-parameters`
//! behind it the values of this run.

use super::document::{Cell, Document};
use serde_json::Value;

const DEFAULTS: &str = "parameters";
const INJECTED: &str = "injected-parameters";

fn has_tag(cell: &Cell, tag: &str) -> bool {
    cell.tags().any(|found| found == tag)
}

/// The code of the cell with the defaults.
pub fn defaults(document: &Document) -> Option<&str> {
    document.cells.iter().find(|cell| has_tag(cell, DEFAULTS)).map(|cell| cell.source.as_str())
}

/// Puts a cell with `code` behind the one with the defaults, in the place of one that an earlier run has left.
pub fn inject(document: &mut Document, code: &str) {
    document.cells.retain(|cell| !has_tag(cell, INJECTED));
    let after = document.cells.iter().position(|cell| has_tag(cell, DEFAULTS)).map_or(0, |at| at + 1);
    document.cells.insert(after, Cell::code(INJECTED, code, &[INJECTED]));
}

/// Notes in the notebook's metadata what papermill notes there.
pub fn note(document: &mut Document, record: Value) {
    document.set_metadata("papermill", record);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::notebook;

    #[test]
    fn values_stand_behind_the_defaults_and_take_the_place_of_older_ones() {
        let mut document = notebook(&[("// text", &[]), ("let k = 1;", &["parameters"]), ("k", &[])]);
        assert_eq!(defaults(&document), Some("let k = 1;"));
        for value in [5, 6] {
            inject(&mut document, &format!("let k = {value};"));
            let sources: Vec<_> = document.cells.iter().map(|cell| cell.source.clone()).collect();
            assert_eq!(sources, ["// text", "let k = 1;", &format!("let k = {value};"), "k"]);
        }
        assert_eq!(document.cells[2].tags().collect::<Vec<_>>(), ["injected-parameters"]);
        note(&mut document, serde_json::json!({ "parameters": { "k": 6 } }));
        let text = document.text();
        assert!(text.contains("\"papermill\": {"), "{text}");
        assert_eq!(defaults(&notebook(&[("1", &[])])), None);
    }
}
