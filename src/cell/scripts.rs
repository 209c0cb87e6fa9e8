//! `%save` and `%load`: cells as a script in a file, and a file's text in a cell.

use super::engine_thread::EngineThread;
use super::parts::{CellResult, MagicCall, Part, at_statement_start, parts};
use rhai::Engine;
use saddle_fault::{Fault, Result};
use saddle_session::output::Output;
use saddle_words::files::disk;

/// `%save path`: the cells that have run to their end so far, without their magics, in the order in which they ran.
pub fn save(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    let script = script(thread.engine(), thread.cells());
    let saved = path(call).and_then(|path| {
        if script.is_empty() {
            return Err(Fault::value("%save: no cell has run to its end yet"));
        }
        disk::write("%save", path, script.as_bytes())
    });
    saved.map(|()| None).map_err(|fault| thread.fail(&fault))
}

/// `%load path`: the text of a file in the place of the cell that asks for it.
pub fn load(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    let loaded = path(call).and_then(|path| {
        let bytes = disk::read("%load", path)?;
        String::from_utf8(bytes).map_err(|_| Fault::file(format!("%load: `{path}` is not a text")))
    });
    match loaded {
        Ok(text) => {
            thread.host().show(Output::NextInput { text });
            Ok(None)
        }
        Err(fault) => Err(thread.fail(&fault)),
    }
}

/// The path after the magic, with or without quotes.
fn path<'a>(call: &MagicCall<'a>) -> Result<&'a str> {
    match call.rest.trim().trim_matches('"') {
        "" => Err(Fault::value("the path of a file is missing").hint("`%save script.rhai`")),
        path => Ok(path),
    }
}

/// The cells as one script: what ended a cell without `;` ends with one, so that the next can follow.
fn script(engine: &Engine, cells: &[String]) -> String {
    let mut script = Vec::new();
    for cell in cells {
        let code = parts(engine, cell).into_iter().filter_map(|part| match part {
            Part::Code(code) => Some(code.trim().to_string()),
            _ => None,
        });
        for mut code in code {
            if !at_statement_start(engine, &code) {
                // On a line of its own where a comment would hide it.
                let comment = code.lines().next_back().is_some_and(|l| l.contains("//"));
                code.push_str(if comment { "\n;" } else { ";" });
            }
            script.push(code + "\n");
        }
    }
    script.join("\n")
}
