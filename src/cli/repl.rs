//! `saddle repl`: the language of the cells at a prompt.

use super::session::{self, Insisting};
use super::terminal::Terminal;
use super::{CommandStatus, folders, signal};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use saddle_fault::{Fault, Result};
use saddle_session::output::Stream;
use saddle_session::{Cell, Completeness, Reply, Session};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

/// How many inputs the history file keeps.
const HISTORY: usize = 10_000;

pub fn repl() -> Result<CommandStatus> {
    let notebook = session::open_with_interrupt(Insisting::EndsCell, Vec::new())?;
    let pictures = std::env::temp_dir().join(format!("saddle-{}", std::process::id()));
    let terminal = Arc::new(Terminal::with_pictures(pictures));
    let mut editor = editor(notebook.clone())?;
    let history = history_file();
    if let Some(path) = &history {
        // There is none at the first start.
        let _ = editor.load_history(path);
    }
    let talking = std::io::stdin().is_terminal();
    if talking {
        let version = env!("CARGO_PKG_VERSION");
        terminal
            .line(Stream::Stdout, &format!("Saddlepoint {version}. Tab completes, Ctrl-C interrupts, Ctrl-D leaves."));
    }
    let mut failed = false;
    for number in 1.. {
        let Some(code) = read_cell(&mut editor, number)? else {
            break;
        };
        signal::clear();
        let cell = Cell { number, code, silent: false };
        let reply = notebook.execute(cell, terminal.clone());
        terminal.finish();
        if let Reply::Failed(failure) = reply {
            terminal.fail(&failure);
            failed = true;
        }
        if terminal.leaving() {
            break;
        }
    }
    if let Some(path) = &history {
        // A history that cannot be written is no reason to complain at the end.
        let _ = editor.append_history(path);
    }
    // At a prompt the person has seen the errors; a script that pipes code in has only the exit status.
    Ok(if failed && !talking { CommandStatus::Failed } else { CommandStatus::Done })
}

/// Reads one whole cell; `None` at the end of the input.
fn read_cell(editor: &mut Editor<Words, DefaultHistory>, number: usize) -> Result<Option<String>> {
    loop {
        match editor.readline(&format!("[{number}] ")) {
            Ok(code) if code.trim().is_empty() => {}
            Ok(code) => {
                // An input that repeats the last one is not added; that is no error.
                let _ = editor.add_history_entry(&code);
                return Ok(Some(code));
            }
            // Ctrl-C at the prompt gives up the line.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => {
                return Err(Fault::file(format!("cannot read from the terminal: {error}")));
            }
        }
    }
}

fn editor(notebook: Arc<dyn Session>) -> Result<Editor<Words, DefaultHistory>> {
    let broken = |error: ReadlineError| Fault::file(format!("cannot use the terminal: {error}"));
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(HISTORY)
        .map_err(broken)?
        .bracketed_paste(true)
        .tab_stop(4)
        .build();
    let mut editor = Editor::with_config(config).map_err(broken)?;
    editor.set_helper(Some(Words { notebook }));
    Ok(editor)
}

fn history_file() -> Option<PathBuf> {
    let folder = folders::state().ok()?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("repl-history"))
}

/// What the line editor asks the session.
struct Words {
    notebook: Arc<dyn Session>,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let cursor = line[..position].chars().count();
        let found = self.notebook.complete(line, cursor);
        let pairs = found.matches.into_iter().map(|found| Pair {
            display: format!("{} {}", found.text, found.signature).trim_end().to_string(),
            replacement: found.text,
        });
        Ok((byte_offset(line, found.start), pairs.collect()))
    }
}

/// Where the character `index` of `text` starts, in bytes.
fn byte_offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match self.notebook.is_complete(context.input()) {
            Completeness::Incomplete { .. } => ValidationResult::Incomplete,
            // What can never become valid is run, so that the session explains what is wrong with it.
            Completeness::Complete | Completeness::Invalid => ValidationResult::Valid(None),
        })
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::byte_offset;

    #[test]
    fn offsets_count_code_points() {
        assert_eq!(byte_offset("let 🦀 = x", 6), 9);
        assert_eq!(byte_offset("é", 1), 2);
        assert_eq!(byte_offset("é", 9), 2);
    }
}
