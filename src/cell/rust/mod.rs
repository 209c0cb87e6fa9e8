//! Cells of Rust code in the notebook: `%%rust`, and the functions that they export as words.
//!
//! | file | owns |
//! |---|---|
//! | `notebook` | what the Rust side may want of the notebook: variables, text, answers |
//! | `word` | an exported function as a word, with its gradient |
//! | `explain` | how a cell of Rust ended, in the user's terms |
//! | `ask` | Tab and Shift-Tab |

mod ask;
mod explain;
mod notebook;
mod word;

pub use ask::{complete, describe};
pub use saddle_rust::Questions;

use super::engine_thread::EngineThread;
use super::functions::Native;
use super::parts::{CellResult, MagicCall};
use base64::Engine as _;
use notebook::RhaiNotebook;
use saddle_fault::Fault;
use saddle_rust::{Export, Rust, Shown};
use saddle_session::output::{Bundle, Data};
use std::cell::RefCell;
use std::rc::Rc;

/// The Rust side of a notebook, from the first such cell on. The words of exported functions share it.
#[derive(Clone)]
pub struct RustCells {
    running: Rc<RefCell<Option<Rust>>>,
    questions: Questions,
}

impl RustCells {
    /// `questions` is what other threads ask.
    pub fn new(questions: Questions) -> Self {
        let running = Rc::default();
        Self { running, questions }
    }

    /// Ends it, and all that it holds.
    pub fn end(&self) {
        drop(self.running.take());
    }
}

/// `%%rust`: compiles and runs the cell.
pub fn run(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    let first = call.rest.lines().next().unwrap_or("");
    if !first.trim().is_empty() {
        let fault = Fault::value(format!("%%rust: takes no options, got `{}`", first.trim()))
            .hint("the code starts on the next line");
        return Err(thread.fail(&fault));
    }
    let cells = thread.rust().clone();
    let mut notebook = RhaiNotebook::new(thread.host(), thread.known_variables(), thread.catalog());
    let started = match cells.running.take().filter(|rust| !rust.is_lost()) {
        Some(rust) => Ok(rust),
        None => Rust::start(&mut notebook, cells.questions.clone()),
    };
    let mut rust = started.map_err(|stop| explain::cell(thread, call.cell, stop, false))?;
    for name in saddle_rust::dependencies(&call.placed) {
        let text = format!("getting and compiling `{name}`: the first time may take a minute\n");
        thread.host().print(&text);
    }
    let ran = rust.run(&call.placed, &mut notebook);
    let has_source = rust.has_source();
    // Exports of a cell that panicked later count, too.
    let exports = rust.newest().to_vec();
    *cells.running.borrow_mut() = Some(rust);
    thread.take_over();
    for export in exports {
        define(thread, call, &export);
    }
    match ran {
        Ok(shown) => Ok(bundle(shown)),
        Err(stop) => Err(explain::cell(thread, call.cell, stop, has_source)),
    }
}

/// Makes an exported function a function of the notebook.
fn define(thread: &mut EngineThread, call: &MagicCall, export: &Export) {
    let (signature, doc) = written(call.rest, &export.name);
    let module = word::Word::new(thread, export.clone()).module();
    let native = Native { name: export.name.clone(), params: export.parameters.clone(), signature, doc, module };
    thread.define_native(call.cell, native);
}

/// The signature of a function and the `///` comments above it, as they stand in the code.
fn written(code: &str, name: &str) -> (Option<String>, String) {
    let start = format!("fn {name}");
    let Some(at) = code.match_indices(&start).map(|(at, _)| at).find(|at| {
        let after = code[at + start.len()..].trim_start();
        after.starts_with(['(', '<'])
    }) else {
        return (None, String::new());
    };
    let head = &code[at + "fn ".len()..];
    let head = head.split(['{', ';']).next().unwrap_or(head);
    let signature = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let above: Vec<&str> = code[..at].lines().collect();
    // The last piece is what stands before `fn` on its own line.
    let above = match code[..at].ends_with('\n') {
        true => &above[..],
        false => &above[..above.len().saturating_sub(1)],
    };
    let mut doc: Vec<&str> = above
        .iter()
        .rev()
        .map(|line| line.trim())
        .take_while(|line| line.starts_with("///") || line.starts_with("#["))
        .filter_map(|line| line.strip_prefix("///"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    doc.reverse();
    (Some(signature), doc.join("\n"))
}

/// What the cell showed: plain text first, the richest last.
fn bundle(shown: Shown) -> Option<Bundle> {
    let mut shown: Vec<_> = shown.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    shown.sort_by_key(|(mime, _)| match mime.as_str() {
        "text/plain" => 0,
        mime if mime.starts_with("text/") => 1,
        _ => 2,
    });
    if !shown.iter().any(|(mime, _)| mime == "text/plain") {
        let (mime, _) = shown.last()?;
        shown.insert(0, ("text/plain".into(), mime.clone()));
    }
    let bundle = shown.into_iter().fold(Bundle::default(), |bundle, (mime, text)| {
        let data = data(&mime, text);
        bundle.with(&mime, data)
    });
    Some(bundle)
}

/// evcxr's protocol has only text: pictures in base64, JSON as it is written.
fn data(mime: &str, text: String) -> Data {
    let is_json = mime == "application/json" || mime.ends_with("+json");
    if is_json && let Ok(value) = serde_json::from_str(&text) {
        return Data::Json(value);
    }
    if mime.starts_with("image/") && mime != "image/svg+xml" {
        let letters: String = text.split_whitespace().collect();
        if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(letters) {
            return Data::Bytes(bytes);
        }
    }
    Data::Text(match mime {
        "text/plain" => text.trim_end().to_string(),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_and_the_comments_of_a_function_are_found() {
        let code = "\nfn other() {}\n/// Scales x.\n///\n/// More.\n#[inline]\nfn scale(\n    x: &Tensor,\n    by: f64,\n) -> Tensor {\n";
        let (signature, doc) = written(code, "scale");
        assert_eq!(signature.unwrap(), "scale( x: &Tensor, by: f64, ) -> Tensor");
        assert_eq!(doc, "Scales x.\n\nMore.");
        assert_eq!(written("fn scaled(x: f64) {}", "scale"), (None, String::new()));
        assert_eq!(written("pub fn f<T>(x: T) {}", "f").0.unwrap(), "f<T>(x: T)");
    }

    #[test]
    fn what_is_shown_has_plain_text_and_bytes() {
        assert_eq!(bundle(Vec::new()), None);
        let shown = vec![("image/png".to_string(), "AAEC\n/w==".to_string())];
        let bundle = bundle(shown).unwrap();
        assert_eq!(bundle.plain(), "image/png");
        assert_eq!(bundle.get("image/png"), Some(&Data::Bytes(vec![0, 1, 2, 255])));
    }
}
