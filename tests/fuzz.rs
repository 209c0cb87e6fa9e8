//! Damaged notebook files and what is made of them (pages, comparisons of stored pictures), messages of widgets, checkpoints, folders of
//! sweeps, and cells, to which completion, inspection and rewriting are applied: none makes a reader panic, takes long or much memory.
//! Files of data are in `src/data/tests/fuzz.rs`, connection files and frames in `src/wire/tests/fuzz.rs`, devices elsewhere in
//! `src/remote/fuzz.rs`, the history and kernelspecs in `src/serve/fuzz.rs`, files of parameters in `src/cli/parameters.rs`.
//!
//! For how long each target is tried, and what the environment can set, stands in `src/data/tests/damage/mutants.rs`.
//!
//! In a process of its own, whose allocator counts.

#[path = "../src/data/tests/damage/mod.rs"]
mod damage;
#[path = "../src/data/tests/damage/folder.rs"]
mod folder;
#[path = "../src/data/tests/damage/png.rs"]
mod png;

use damage::{Random, hammer};
use folder::Folder;
use saddle_cell::RhaiSession;
use saddle_fault::Kind;
use saddle_notebook::compare::{Limits, compare};
use saddle_notebook::document::Document;
use saddle_notebook::{html, parameters};
use saddle_session::output::{Comm, CommStep, Output};
use saddle_session::{Cell, Detail, Frontend, Reply, Session};
use saddle_sweep::{figures, page, plan, table};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// No reader may hold more at once, in bytes; what is read has a few kilobytes.
const MOST: usize = 48 << 20;
/// Nor to compare pictures, which takes twenty times the pixels; a kilobyte may hold 8 million of them.
const MOST_OF_PICTURES: usize = 1 << 30;

/// Which reader gets the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Notebook,
    /// A notebook as a web page: Markdown, formulas, the colours of a terminal.
    Page,
    /// A picture that a notebook stores, against itself and another one.
    StoredPicture,
    Comm,
    Cell,
    /// A cell that begins with a magic, which runs.
    Magic,
    /// The header of a checkpoint, with its notes.
    Checkpoint,
    /// What a folder of a sweep holds.
    Plan,
    Result,
    Figures,
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
    folder: Folder,
    /// A whole checkpoint.
    checkpoint: Vec<u8>,
    /// Of the same size and type, for each picture.
    pictures: Vec<Vec<u8>>,
}

const WIDGETS: &str = r#"
    let s = slider("a", 0.0, 1.0); let d = dropdown("b", ["x", "y"]); let c = checkbox("c");
    let t = text_box("d"); let b = button("e"); let seen = [];
    on_change(s, |v| seen.push(v)); on_change(d, |v| seen.push(v)); on_change(t, |v| seen.push(v)); on_click(b, || 1);
    let D = sequential([linear(2, 1)]); let conf = #{ rate: 1 };
    let G = sequential([linear(2, 3), batch_norm(3), linear(3, 1)]); let stream = rng(7);
    let opts = [adam(G), sgd(G, #{ momentum: 0.9 }), rmsprop(G), adagrad(G)];
    fn turn(G, opts) { for opt in opts { opt.descend(G(randn([4, 2])).square().mean()); } }
    turn(G, opts);
"#;
const KEPT: &str = "#{ G: G, adam: opts[0], sgd: opts[1], rmsprop: opts[2], adagrad: opts[3], rng: stream";

impl Bench {
    fn new() -> Self {
        let session = RhaiSession::start().unwrap();
        let page = Arc::new(Page::default());
        let cell = Cell { number: 1, code: WIDGETS.into(), silent: false };
        let done = |reply| match reply {
            Reply::Done => (),
            Reply::Failed(failure) => panic!("{failure:?}"),
        };
        done(session.execute(cell, page.clone()));
        let folder = Folder::new("root");
        fs::create_dir_all(folder.path().join("runs/0001")).unwrap();
        let path = folder.path().join("whole.ckpt");
        let values =
            "step: 250, best: 0.1, rows: [[1, ()], true], name: \"a/b\", map: #{ k: -1e-300 }, x: tensor([1, 2])";
        let code = format!("checkpoint({:?}, {KEPT}, {values} }})", path.display().to_string());
        done(session.execute(Cell { number: 2, code, silent: false }, page.clone()));
        let checkpoint = fs::read(path).unwrap();
        Self { session, page, folder, checkpoint, pictures: pictures() }
    }

    /// Runs a cell; whether it came to its end. No error may be a defect of ours.
    fn run(&self, code: String) -> bool {
        match self.session.execute(Cell { number: 2, code, silent: true }, self.page.clone()) {
            Reply::Done => true,
            Reply::Failed(failure) => {
                assert_ne!(failure.name, Kind::Internal.name(), "{failure:?}");
                false
            }
        }
    }

    /// Lets a reader read; whether it took the bytes.
    fn read(&self, reader: Reader, bytes: &[u8], way: usize) -> bool {
        match reader {
            Reader::Notebook => notebook(&String::from_utf8_lossy(bytes)),
            Reader::Comm => self.comm(bytes, way),
            Reader::Cell => self.cell(&String::from_utf8_lossy(bytes), way),
            Reader::Magic => self.magic(&String::from_utf8_lossy(bytes)),
            Reader::Page => Document::parse(&notebook_of(&String::from_utf8_lossy(bytes), way))
                .is_ok_and(|document| html::page(&document, "x").len() > bytes.len()),
            Reader::StoredPicture => self.picture(bytes),
            Reader::Checkpoint => self.resume(bytes),
            Reader::Plan => self.sweep("sweep.json", bytes),
            Reader::Result => self.sweep("runs/0001/result.json", bytes),
            Reader::Figures => {
                let path = self.folder.path().join("figures");
                fs::write(&path, bytes).unwrap();
                figures::read(&path).iter().filter_map(figures::Figure::number).count() > 0
            }
        }
    }

    /// What stands in a folder of a sweep, as tables and pages.
    fn sweep(&self, name: &str, bytes: &[u8]) -> bool {
        for (name, text) in [("sweep.json", PLAN), ("runs/0001/result.json", RESULT)] {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
        fs::write(self.folder.path().join(name), bytes).unwrap();
        let all = || -> saddle_fault::Result<()> {
            let folder = plan::Folder::open(self.folder.path())?;
            folder.pending(true)?;
            let table = table::Table::gather(&folder)?;
            let over = table.replicate();
            table.csv();
            table.summary_csv(&over)?;
            page::page("x", &table, &over, &page::Pictures::new())?;
            page::text(&table, &over).map(drop)
        };
        all().is_ok()
    }

    /// Goes on from a checkpoint whose header was damaged, and trains.
    fn resume(&self, header: &[u8]) -> bool {
        let data = 8 + u64::from_le_bytes(self.checkpoint[..8].try_into().unwrap()) as usize;
        let file = [&(header.len() as u64).to_le_bytes()[..], header, &self.checkpoint[data..]].concat();
        let path = self.folder.path().join("damaged.ckpt");
        fs::write(&path, file).unwrap();
        let taken = self.run(format!("resume({:?}, {KEPT} }})", path.display().to_string()));
        if taken {
            self.run("stream.randn([3]); turn(G, opts)".into());
        }
        taken
    }

    /// A stored picture is compared with itself, and with a whole one.
    fn picture(&self, bytes: &[u8]) -> bool {
        let mime = ["image/png", "image/gif", "image/jpeg"];
        let mime =
            mime[[b"\x89PNG", b"GIF8", b"\xff\xd8\xff\xe0"].iter().position(|m| bytes.starts_with(*m)).unwrap_or(0)];
        let notebook = |base64: String| {
            let output = json!({ "output_type": "display_data", "metadata": {}, "data": { mime: base64 } });
            let cell = json!({ "cell_type": "code", "execution_count": 1, "metadata": {}, "source": "1", "outputs": [output] });
            let all = json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell] });
            Document::parse(&all.to_string()).unwrap()
        };
        let stored = notebook(base64(bytes));
        // The same in another spelling: equal texts are not looked into.
        let again = compare(&stored, &notebook(base64(bytes) + "\n"), &Limits::default(), None);
        for other in &self.pictures {
            compare(&stored, &notebook(base64(other)), &Limits::default(), None);
        }
        again.iter().all(|judged| judged.verdict.differences().is_empty())
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
        self.run(format!("throw 0;\n{code}"))
    }

    /// A cell whose first line is a magic that touches nothing outside, or a question: that line alone runs.
    fn magic(&self, code: &str) -> bool {
        const HARMLESS: [&str; 8] = ["%time", "%%time", "%who", "%memory", "%seed", "%lines", "%debug", "%lsmagic"];
        let (first, rest) = code.split_once('\n').unwrap_or((code, ""));
        let name = first.split_whitespace().next().unwrap_or_default();
        (HARMLESS.contains(&name) || name.ends_with('?')) && self.run(format!("{first}\nthrow 0;\n{rest}"))
    }
}

const PLAN: &str = r#"{ "format": 1, "notebook": "a.ipynb", "code": "ab12", "grid": [
    { "name": "lr", "values": [0.001, "x,\"y"] }, { "name": "seed", "values": [0, 1, null] }] }"#;
const RESULT: &str = r#"{ "notebook": "a.ipynb", "status": "failed", "exit": 1, "seconds": 12.5,
    "parameters": { "lr": 0.001, "seed": 0 }, "figures": [{ "what": "FID", "value": 12.25 },
    { "what": "held < 1", "value": "-inf", "holds": false, "below": 1.0, "near": 0.5, "tol": 1e-9 }],
    "error": { "cell": 3, "name": "ShapeError", "message": "a & b" } }"#;

/// A notebook whose cells and outputs hold a text, in one of the forms that a page knows.
fn notebook_of(text: &str, way: usize) -> String {
    let mime = ["text/markdown", "text/latex", "text/plain", "image/svg+xml", "application/json"][way % 5];
    let tex = format!("${text}$");
    let outputs = json!([
        { "output_type": "stream", "name": "stdout", "text": text },
        { "output_type": "error", "ename": text, "evalue": text, "traceback": [text] },
        { "output_type": "display_data", "metadata": {}, "data": { mime: if mime == "text/latex" { &tex } else { text } } },
    ]);
    let cells = json!([
        { "cell_type": "markdown", "metadata": {}, "source": text, "attachments": { "a.png": { "image/png": "AAAA" } } },
        { "cell_type": "code", "metadata": {}, "execution_count": way, "source": text, "outputs": outputs },
    ]);
    json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells }).to_string()
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let group = |group: &[u8]| {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(group.get(i).copied().unwrap_or(0)));
        let letter = |i: usize| if i <= group.len() { letters[bits >> (18 - 6 * i) & 63] } else { '=' };
        (0..4).map(letter).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Small ones as notebooks store them: still and moving.
fn pictures() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let mut paths: Vec<_> = fs::read_dir(tests).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("picture-")));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
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
    html::page(&document, "x");
    // With parameters, as papermill leaves it, it is a notebook, too.
    let mut document = document;
    if let Some(defaults) = parameters::defaults(&document) {
        let _ = saddle_cell::parameters::declared(defaults);
    }
    parameters::inject(&mut document, "let seed = 1;");
    parameters::note(&mut document, json!({ "parameters": { "seed": 1 } }));
    assert!(Document::parse(&document.text()).is_ok());
    true
}

/// Whole ones, each for its reader.
fn seeds(bench: &Bench) -> Vec<(Reader, Vec<u8>)> {
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
            Some("magic") => Reader::Magic,
            Some("page") => Reader::Page,
            Some("picture") => Reader::StoredPicture,
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
    let header = 8 + u64::from_le_bytes(bench.checkpoint[..8].try_into().unwrap()) as usize;
    seeds.push((Reader::Checkpoint, bench.checkpoint[8..header].to_vec()));
    seeds.push((Reader::Plan, PLAN.as_bytes().to_vec()));
    seeds.push((Reader::Result, RESULT.as_bytes().to_vec()));
    let line =
        "{\"what\":\"FID\",\"value\":12.25}\n{\"what\":\"held\",\"value\":\"NaN\",\"holds\":true,\"above\":0.5}\n{\"wh";
    seeds.push((Reader::Figures, line.as_bytes().to_vec()));
    seeds
}

#[test]
fn damaged_input_does_no_harm() {
    let bench = Bench::new();
    let seeds = seeds(&bench);
    // Whole ones are taken; a cell ends by its `throw`.
    let ends = |reader| matches!(reader, Reader::Cell | Reader::Magic);
    let refused: Vec<_> = seeds
        .iter()
        .filter(|(reader, bytes)| !ends(*reader) && !bench.read(*reader, bytes, 2))
        .map(|(r, _)| r)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let mend = |reader, bytes: &mut Vec<u8>, random: &mut Random| {
        if reader == Reader::StoredPicture && random.below(4) > 0 {
            png::mend_checksums(bytes);
        }
    };
    let (pictures, others): (Vec<_>, Vec<_>) =
        seeds.into_iter().partition(|(reader, _)| *reader == Reader::StoredPicture);
    for (seeds, most) in [(others, MOST), (pictures, MOST_OF_PICTURES)] {
        hammer(&seeds, most, mend, |reader, bytes, way| bench.read(reader, bytes, way));
    }
}
