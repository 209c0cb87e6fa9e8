//! The process in which one notebook is run again: it says on stdout, a JSON value a line, what happens, and is told on
//! stdin to stop. It ends when the other side does.

use super::super::{Outcome, run, session};
use saddlepoint::fault::{Fault, Result};
use saddlepoint::notebook::document::Document;
use saddlepoint::notebook::run::{End, Event, Failed, Options as How, run as run_document};
use saddlepoint::output::Output;
use saddlepoint::session::{Failure, Frontend, Notebook};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// A cell is about to run, the `number`th of `total`; it stands at `index` among all cells.
    Starts {
        number: usize,
        total: usize,
        index: usize,
    },
    Ends {
        index: usize,
        seconds: f64,
    },
    /// The last word: how the run ended, and what each code cell shows.
    Finished {
        end: Ending,
        cells: Vec<Shown>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Ending {
    Done,
    Failed(Error),
    Interrupted(Error),
}

/// The error with which the cell at `index` ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Error {
    pub index: usize,
    pub name: String,
    pub value: String,
    pub traceback: Vec<String>,
}

/// What the cell at `index` shows in the end.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shown {
    pub index: usize,
    pub count: Option<usize>,
    pub outputs: Vec<Value>,
}

/// The line on stdin that stops the running cell.
pub const INTERRUPT: &str = "interrupt";

/// Runs the notebook and tells about it.
///
/// # Errors
/// The notebook cannot be read, or the session cannot be started.
pub fn work(file: &Path) -> Result<Outcome> {
    let mut document = run::read_notebook(file)?;
    let notebook = session::open()?;
    run::enter_folder_of(file)?;
    let stopping = notebook.clone();
    std::thread::spawn(move || listen(stopping.as_ref()));
    let how = How {
        testing: true,
        ..How::default()
    };
    let end = run_document(
        &mut document,
        notebook.as_ref(),
        Arc::new(Silent),
        how,
        |event| match event {
            Event::Starts {
                number,
                total,
                index,
                ..
            } => say(&Message::Starts {
                number,
                total,
                index,
            }),
            Event::Fails(_) => {}
            Event::Ends { index, took } => say(&Message::Ends {
                index,
                seconds: took.as_secs_f64(),
            }),
        },
    );
    say(&Message::Finished {
        end: ending(end),
        cells: shown(&document),
    });
    Ok(Outcome::Done)
}

fn ending(end: End) -> Ending {
    let error = |failed: Failed| {
        let Failure {
            name,
            value,
            traceback,
        } = failed.failure;
        Error {
            index: failed.index,
            name,
            value,
            traceback,
        }
    };
    match end {
        End::Done => Ending::Done,
        End::Failed(failed) => Ending::Failed(error(failed)),
        End::Interrupted(failed) => Ending::Interrupted(error(failed)),
    }
}

fn shown(document: &Document) -> Vec<Shown> {
    let cells = document.code_cells();
    cells
        .map(|(index, cell)| Shown {
            index,
            count: cell.count,
            outputs: cell.outputs.clone(),
        })
        .collect()
}

/// Obeys the other side, and ends with it: no run outlives the command that asked for it.
fn listen(notebook: &dyn Notebook) {
    for line in std::io::stdin().lock().lines() {
        match line {
            Ok(line) if line == INTERRUPT => notebook.interrupt(),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    std::process::exit(1);
}

fn say(message: &Message) {
    let mut stdout = std::io::stdout().lock();
    let sent = serde_json::to_writer(&mut stdout, message)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(stdout))
        .and_then(|()| stdout.flush());
    if sent.is_err() {
        std::process::exit(1);
    }
}

/// A front end at which no one sits.
struct Silent;

impl Frontend for Silent {
    fn show(&self, _: Output) {}

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

/// Reads a line of the worker.
///
/// # Errors
/// It is none of its messages.
pub fn read(line: &str) -> Result<Message> {
    serde_json::from_str(line).map_err(|error| {
        Fault::file(format!(
            "the process that ran the notebook said what is no message ({error}): {line}"
        ))
    })
}
