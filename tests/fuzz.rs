//! Damaged notebook files, messages of widgets, and cells, to which completion, inspection and rewriting are applied: none makes a
//! reader panic, takes long or much memory. Files of data are in `src/data/tests/fuzz.rs`, connection files and frames in
//! `src/wire/tests/fuzz.rs`; `src/data/tests/damage/mod.rs` says what the environment can set.
//!
//! In a process of its own, whose allocator counts.

#[path = "../src/data/tests/damage/mod.rs"]
mod damage;

use damage::hammer;
use saddle_cell::RhaiSession;
use saddle_notebook::document::Document;
use saddle_session::output::{Comm, CommStep, Output};
use saddle_session::{Cell, Detail, Frontend, Reply, Session};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// No reader may hold more at once, in bytes; what is read has a few kilobytes.
const MOST: usize = 32 << 20;

/// Which reader gets the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Notebook,
    Comm,
    Cell,
}

/// Keeps the comms that a cell opens.
#[derive(Default)]
struct Page(Mutex<Vec<Comm>>);

impl Frontend for Page {
    fn show(&self, output: Output) {
        if let Output::Comm(comm) = output {
            self.0.lock().unwrap().push(comm);
        }
    }

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

/// What the readers need.
struct Bench {
    session: RhaiSession,
    page: Arc<Page>,
}

const WIDGETS: &str = r#"
    let s = slider("a", 0.0, 1.0); let d = dropdown("b", ["x", "y"]); let c = checkbox("c");
    let t = text_box("d"); let b = button("e"); let seen = [];
    on_change(s, |v| seen.push(v)); on_change(d, |v| seen.push(v)); on_change(t, |v| seen.push(v)); on_click(b, || 1);
    let D = sequential([linear(2, 1)]); let conf = #{ rate: 1 };
"#;

impl Bench {
    fn new() -> Self {
        let session = RhaiSession::start().unwrap();
        let page = Arc::new(Page::default());
        let cell = Cell { number: 1, code: WIDGETS.into(), silent: false };
        assert!(matches!(session.execute(cell, page.clone()), Reply::Done), "the widgets");
        Self { session, page }
    }

    /// Lets a reader read; whether it took the bytes.
    fn read(&self, reader: Reader, bytes: &[u8], way: usize) -> bool {
        match reader {
            Reader::Notebook => notebook(&String::from_utf8_lossy(bytes)),
            Reader::Comm => self.comm(bytes, way),
            Reader::Cell => self.cell(&String::from_utf8_lossy(bytes), way),
        }
    }

    /// A message to one of the widgets, and the callback that it asks for.
    fn comm(&self, bytes: &[u8], way: usize) -> bool {
        let Ok(Value::Object(data)) = serde_json::from_slice(bytes) else {
            return false;
        };
        let ids: Vec<String> = self.page.0.lock().unwrap().iter().map(|comm| comm.id.clone()).collect();
        let id = ids.get(way % (ids.len() + 1)).cloned().unwrap_or_default();
        let step = match way % 13 {
            0 => CommStep::Open { target: "jupyter.widget.control".into() },
            1 => CommStep::Open { target: "other".into() },
            _ => CommStep::Message,
        };
        let mut comm = Comm::new(&id, step, data);
        comm.buffers = vec![bytes.to_vec(); way % 3];
        if self.session.comm(comm).callback {
            self.session.call_back(&id, self.page.clone());
        }
        true
    }

    /// A cell at a cursor, and as one that ends before its first statement.
    fn cell(&self, code: &str, way: usize) -> bool {
        let cursor = way % (code.chars().count() + 2);
        self.session.complete(code, cursor);
        self.session.inspect(code, cursor, Detail::Full);
        self.session.is_complete(code);
        let code = format!("throw 0;\n{code}");
        matches!(self.session.execute(Cell { number: 2, code, silent: true }, self.page.clone()), Reply::Done)
    }
}

/// What is read as a notebook is written so that it is read as the same again.
fn notebook(text: &str) -> bool {
    let Ok(document) = Document::parse(text) else {
        return false;
    };
    let written = document.text();
    let again = Document::parse(&written).map(|d| d.text());
    assert_eq!(again.ok(), Some(written));
    document.title();
    document.language();
    document.cells.iter().for_each(|cell| assert!(cell.tags().count() < usize::MAX));
    true
}

/// Whole ones, each for its reader.
fn seeds() -> Vec<(Reader, Vec<u8>)> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut seeds = vec![(Reader::Notebook, fs::read(tests.join("notebooks/nbformat.ipynb")).unwrap())];
    let mut corpus: Vec<_> = fs::read_dir(tests.join("fuzz")).unwrap().map(|e| e.unwrap().path()).collect();
    corpus.sort();
    for path in corpus {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let reader = match name.split('-').next() {
            Some("notebook") => Reader::Notebook,
            Some("comm") => Reader::Comm,
            Some("cell") => Reader::Cell,
            _ => panic!("{name} says of no reader that it is for it"),
        };
        seeds.push((reader, fs::read(path).unwrap()));
    }
    for state in [json!({ "value": 0.5 }), json!({ "index": 1 }), json!({ "value": true }), json!({ "value": "ü" })] {
        let data = json!({ "method": "update", "state": state, "buffer_paths": [["value"]] });
        seeds.push((Reader::Comm, data.to_string().into_bytes()));
    }
    for data in [json!({ "method": "request_states" }), json!({ "method": "custom", "content": { "event": "click" } })]
    {
        seeds.push((Reader::Comm, data.to_string().into_bytes()));
    }
    seeds
}

#[test]
fn damaged_input_does_no_harm() {
    let (bench, seeds) = (Bench::new(), seeds());
    // Whole ones are taken; a cell ends by its `throw`.
    let refused = seeds.iter().filter(|(reader, bytes)| *reader != Reader::Cell && !bench.read(*reader, bytes, 2));
    assert_eq!(refused.count(), 0);
    hammer(&seeds, (20, MOST), |_, _, _| (), |reader, bytes, way| bench.read(reader, bytes, way));
}
