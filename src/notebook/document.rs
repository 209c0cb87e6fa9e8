//! A notebook file (`.ipynb`, nbformat 4): reading, its cells, and writing. Fields that we do not know are kept.

use super::json;
use saddle_fault::{Fault, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A notebook.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// Everything beside the cells: `metadata`, `nbformat`, `nbformat_minor`, and what else the file held.
    rest: Map<String, Value>,
}

/// What a cell is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Code, which is run.
    Code,
    /// Text.
    Markdown,
    /// Neither: left as it is.
    Raw,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What kind of cell it is.
    pub kind: CellKind,
    /// Its text.
    pub source: String,
    /// `In[n]`, where the cell has been run. Code cells only.
    pub count: Option<usize>,
    /// The outputs in nbformat's terms, texts joined to one string. Code cells only.
    pub outputs: Vec<Value>,
    /// The remaining fields: `id`, `metadata`, `attachments`, …
    rest: Map<String, Value>,
}

impl Document {
    /// Reads a notebook file.
    ///
    /// # Errors
    /// A file that cannot be read, is not JSON, is not a notebook, or is older than nbformat 4.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Fault::file(format!("cannot read {}: {error}", path.display())))?;
        Self::parse(&text).map_err(|fault| Fault { message: format!("{}: {}", path.display(), fault.message), ..fault })
    }

    /// Reads the text of a notebook file.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn parse(text: &str) -> Result<Self> {
        // A byte order mark, as some editors put before what they save.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Fault::file(format!("this is not a notebook: not valid JSON ({error})"))
                .hint("a script needs the ending .rhai; a damaged notebook has to be restored from a backup")
        })?;
        let Value::Object(mut rest) = value else {
            return Err(Fault::file("this is not a notebook: the outermost value is not an object"));
        };
        match rest.get("nbformat").and_then(Value::as_u64) {
            Some(4) => {}
            Some(version) => {
                return Err(Fault::file(format!("the notebook has format {version}; only format 4 is read"))
                    .hint("open it in JupyterLab and save it: that brings it to format 4"));
            }
            None => {
                return Err(Fault::file("this is not a notebook: it has no field \"nbformat\""));
            }
        }
        let Some(Value::Array(cells)) = rest.remove("cells") else {
            return Err(Fault::file("the notebook has no list of cells"));
        };
        let cells =
            cells.into_iter().enumerate().map(|(index, cell)| Cell::from_json(index, cell)).collect::<Result<_>>()?;
        Ok(Self { cells, rest })
    }

    /// A notebook of one code cell, as `saddle run` makes of a script.
    pub fn script(source: &str) -> Self {
        Self::of_one_cell(Cell::code("script", source, &[]))
    }

    /// A notebook of one Markdown cell, as `saddle export` makes of a text.
    pub fn markdown(source: &str) -> Self {
        Self::of_one_cell(Cell { kind: CellKind::Markdown, ..Cell::code("text", source, &[]) })
    }

    fn of_one_cell(cell: Cell) -> Self {
        let rest = json!({
            "metadata": { "kernelspec": { "display_name": "Saddlepoint", "language": "rhai", "name": "saddle" } },
            "nbformat": 4,
            "nbformat_minor": 5,
        });
        Self { cells: vec![cell], rest: object(rest) }
    }

    /// Sets a field of the notebook's metadata.
    pub fn set_metadata(&mut self, key: &str, value: Value) {
        let metadata = self.rest.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(metadata) = metadata {
            metadata.insert(key.into(), value);
        }
    }

    /// The language that the notebook says its cells are in, in lower case.
    pub fn language(&self) -> Option<String> {
        let metadata = self.rest.get("metadata")?;
        let named = [&metadata["kernelspec"]["language"], &metadata["language_info"]["name"]];
        named.into_iter().find_map(Value::as_str).map(str::to_lowercase)
    }

    /// The title: the first heading of the first markdown cell that has one.
    pub fn title(&self) -> Option<&str> {
        let prose = self.cells.iter().filter(|cell| cell.kind == CellKind::Markdown);
        prose.flat_map(|cell| cell.source.lines()).find_map(|line| line.strip_prefix("# ")).map(str::trim)
    }

    /// The code cells that have something to run, with their places in the notebook.
    pub fn code_cells(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code && !cell.source.trim().is_empty())
    }

    /// The text of the file, as `nbformat.write` would write it. What its version of the format demands is there: an id
    /// of each cell from 4.5 on, and none before, where it is not allowed.
    pub fn text(&self) -> String {
        let mut root = self.rest.clone();
        let metadata = root.entry("metadata").or_insert_with(|| json!({}));
        if let Value::Object(metadata) = metadata {
            // nbformat drops these when it writes: they belong to a session, not to a file.
            for key in ["orig_nbformat", "orig_nbformat_minor", "signature"] {
                metadata.remove(key);
            }
        }
        let minor = self.minor();
        root.insert("nbformat_minor".into(), minor.into());
        let mut cells: Vec<Value> = self.cells.iter().map(Cell::to_json).collect();
        match minor >= MINOR_WITH_IDS {
            true => name_cells(&mut cells),
            false => cells.iter_mut().filter_map(Value::as_object_mut).for_each(|cell| drop(cell.remove("id"))),
        }
        root.insert("cells".into(), Value::Array(cells));
        json::to_string(Value::Object(root))
    }

    /// The minor version that the file is written with: its own, or where outputs hold JSON, which 4.0 and 4.1 do not
    /// know, the next that differs in nothing else.
    fn minor(&self) -> u64 {
        let own = self.rest.get("nbformat_minor").and_then(Value::as_u64).unwrap_or(0);
        let outputs = self.cells.iter().flat_map(|cell| &cell.outputs);
        let mut data = outputs.filter_map(|output| output.get("data")?.as_object()).flatten();
        match data.any(|(mime, _)| is_json(mime)) {
            true => own.max(2),
            false => own,
        }
    }
}

/// The first minor version whose cells have ids (JEP 62).
const MINOR_WITH_IDS: u64 = 5;

/// Gives each cell an id that no other has, where it has none that the format allows: 1 to 64 letters, digits, `-` and
/// `_`.
fn name_cells(cells: &mut [Value]) {
    let mut taken = std::collections::HashSet::new();
    let allowed = |id: &str| {
        let letters = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        letters && (1..=64).contains(&id.len())
    };
    let ids: Vec<Option<String>> = cells
        .iter()
        .map(|cell| cell["id"].as_str().filter(|id| allowed(id) && taken.insert(id.to_string())).map(str::to_string))
        .collect();
    for (i, (cell, id)) in cells.iter_mut().zip(ids).enumerate() {
        let id = id.or_else(|| {
            let mut names =
                (0..).map(|n| if n == 0 { format!("cell-{}", i + 1) } else { format!("cell-{}-{n}", i + 1) });
            names.find(|name| taken.insert(name.clone()))
        });
        cell["id"] = id.into();
    }
}

impl Cell {
    /// A code cell that has not been run.
    pub fn code(id: &str, source: &str, tags: &[&str]) -> Self {
        let metadata = if tags.is_empty() { json!({}) } else { json!({ "tags": tags }) };
        let rest = object(json!({ "id": id, "metadata": metadata }));
        Self { kind: CellKind::Code, source: source.to_string(), count: None, outputs: Vec::new(), rest }
    }

    /// The tags of the cell (JupyterLab's "Cell Tags").
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = self.rest.get("metadata").map(|metadata| &metadata["tags"]);
        tags.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The files attached to the cell: name → mime type → base64.
    pub fn attachments(&self) -> Option<&Map<String, Value>> {
        self.rest.get("attachments")?.as_object()
    }

    fn from_json(index: usize, value: Value) -> Result<Self> {
        let broken = |what: &str| Fault::file(format!("cell {} of the notebook {what}", index + 1));
        let Value::Object(mut rest) = value else {
            return Err(broken("is not an object"));
        };
        let kind = match rest.remove("cell_type").as_ref().and_then(Value::as_str) {
            Some("code") => CellKind::Code,
            Some("markdown") => CellKind::Markdown,
            Some("raw") => CellKind::Raw,
            _ => return Err(broken("has no known \"cell_type\"")),
        };
        let source =
            rest.remove("source").as_ref().and_then(json::joined).ok_or_else(|| broken("has no \"source\""))?;
        let mut cell = Self { kind, source, count: None, outputs: Vec::new(), rest };
        if kind == CellKind::Code {
            let count = cell.rest.remove("execution_count");
            cell.count = count.as_ref().and_then(Value::as_u64).map(|n| n as usize);
            if let Some(Value::Array(outputs)) = cell.rest.remove("outputs") {
                cell.outputs = outputs;
                cell.outputs.iter_mut().for_each(join_output);
            }
        }
        Ok(cell)
    }

    fn to_json(&self) -> Value {
        let mut node = self.rest.clone();
        let metadata = node.entry("metadata").or_insert_with(|| json!({}));
        if let Value::Object(metadata) = metadata {
            metadata.remove("trusted");
        }
        let kind = match self.kind {
            CellKind::Code => "code",
            CellKind::Markdown => "markdown",
            CellKind::Raw => "raw",
        };
        node.insert("cell_type".into(), kind.into());
        node.insert("source".into(), json::split_lines(&self.source));
        if self.kind == CellKind::Code {
            node.insert("execution_count".into(), json!(self.count));
            let mut outputs = self.outputs.clone();
            outputs.iter_mut().for_each(split_output);
            node.insert("outputs".into(), Value::Array(outputs));
        }
        Value::Object(node)
    }
}

/// Whether a mime type holds JSON values, which are never split into lines.
fn is_json(mime: &str) -> bool {
    mime == "application/json" || (mime.starts_with("application/") && mime.ends_with("+json"))
}

/// Whether `nbformat` stores the mime type as a list of lines.
fn is_split(mime: &str) -> bool {
    mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml"
}

/// Joins the texts of an output that a file holds as lists of lines.
fn join_output(output: &mut Value) {
    if let Some(text) = output.get_mut("text")
        && let Some(whole) = json::joined(text)
    {
        *text = Value::String(whole);
    }
    if let Some(Value::Object(data)) = output.get_mut("data") {
        for (mime, value) in data.iter_mut() {
            if !is_json(mime)
                && let Some(whole) = json::joined(value)
            {
                *value = Value::String(whole);
            }
        }
    }
}

/// The reverse of [`join_output`].
fn split_output(output: &mut Value) {
    if let Some(Value::String(text)) = output.get("text") {
        output["text"] = json::split_lines(text);
    }
    if let Some(Value::Object(data)) = output.get_mut("data") {
        for (mime, value) in data.iter_mut() {
            if let Value::String(text) = value
                && is_split(mime)
            {
                *value = json::split_lines(text);
            }
        }
    }
}

/// The map of a JSON object literal.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Python's nbformat 5.11; holds every kind of cell and output, and fields that no one knows.
    const BY_NBFORMAT: &str = include_str!("../../tests/notebooks/nbformat.ipynb");

    #[test]
    fn a_file_of_nbformat_comes_back_byte_for_byte() {
        let document = Document::parse(BY_NBFORMAT).expect("a notebook");
        assert_eq!(document.text(), BY_NBFORMAT);
        assert_eq!(document.language().as_deref(), Some("rhai"));
        assert_eq!(document.title(), Some("Title"));
        assert_eq!(document.cells[1].tags().collect::<Vec<_>>(), ["raises-exception"]);
        assert_eq!(document.code_cells().map(|(index, _)| index).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_notebook() {
        let marked = format!("\u{feff}{BY_NBFORMAT}");
        assert_eq!(Document::parse(&marked).expect("a notebook").text(), BY_NBFORMAT);
    }

    /// JEP 62: from 4.5 on each cell has an id that is its own, before it must not have one.
    #[test]
    fn cells_have_ids_where_the_format_wants_them() {
        let ids = |minor: u64, ids: [Value; 4]| -> Vec<Value> {
            let cell = |id: Value| match id {
                Value::Null => json!({ "cell_type": "raw", "source": "" }),
                id => json!({ "cell_type": "raw", "source": "", "id": id }),
            };
            let cells = ids.map(cell);
            let file = json!({ "nbformat": 4, "nbformat_minor": minor, "cells": cells }).to_string();
            let text = Document::parse(&file).expect("a notebook").text();
            let written: Value = serde_json::from_str(&text).expect("JSON");
            assert!(written["metadata"].is_object(), "{text}");
            let cells = written["cells"].as_array().expect("cells");
            assert!(cells.iter().all(|cell| cell["metadata"].is_object()), "{text}");
            cells.iter().map(|cell| cell["id"].clone()).collect()
        };
        let given = || [json!("a"), json!("a"), Value::Null, json!("not allowed")];
        assert_eq!(ids(5, given()), ["a", "cell-2", "cell-3", "cell-4"]);
        assert_eq!(ids(5, [json!("cell-2"), Value::Null, Value::Null, json!("")])[1], "cell-2-1");
        for minor in 0..5 {
            assert_eq!(ids(minor, given()), [Value::Null, Value::Null, Value::Null, Value::Null]);
        }
    }

    #[test]
    fn outputs_of_json_need_a_format_that_knows_them() {
        let data = json!({ "application/x+json": {} });
        let output = json!({ "output_type": "display_data", "metadata": {}, "data": data });
        let cell = json!({ "cell_type": "code", "source": "", "execution_count": null, "outputs": [output] });
        let file = json!({ "nbformat": 4, "nbformat_minor": 0, "cells": [cell] }).to_string();
        let text = Document::parse(&file).expect("a notebook").text();
        assert!(text.contains("\"nbformat_minor\": 2"), "{text}");
    }

    #[test]
    fn what_is_not_a_notebook_is_named() {
        for (text, message) in [
            ("let a = 1;", "not valid JSON"),
            ("[]", "not an object"),
            ("{}", "no field \"nbformat\""),
            (r#"{"nbformat": 3, "worksheets": []}"#, "format 3"),
            (r#"{"nbformat": 4}"#, "no list of cells"),
            (r#"{"nbformat": 4, "cells": [{"cell_type": "code"}]}"#, "cell 1 of the notebook has no \"source\""),
            (r#"{"nbformat": 4, "cells": [{"source": ""}]}"#, "no known \"cell_type\""),
        ] {
            let fault = Document::parse(text).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
        }
    }
}
