//! Errors as they are shown: the message, the calls that led there, each with its cell, line and caret, and the hint.

use super::explain::{Names, explain};
use super::functions::is_closure;
use super::hints::hint_from_line;
use rhai::{EvalAltResult, Position};
use saddle_fault::Fault;
use saddle_session::{Failure, PLAIN, RED};

/// A place in the notebook.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `In[3]`
    pub cell: String,
    /// The function that was running there, if any.
    pub function: Option<String>,
    pub position: Position,
}

impl Place {
    /// A line and a column of a cell, both counted from 1.
    pub fn new(cell: &str, line: usize, column: usize) -> Self {
        let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        Self {
            cell: cell.to_string(),
            function: None,
            position: match line {
                0 => Position::NONE,
                line => Position::new(short(line), short(column)),
            },
        }
    }
}

/// Where the text of a cell is found when an error points into it.
pub trait Sources {
    /// The line (counted from 1), and the column in what the user wrote for a column in what the engine ran.
    fn line(&self, cell: &str, position: Position) -> Option<(String, usize)>;
}

/// The failure to show for an error of the cell named `cell`.
pub fn failure(error: &EvalAltResult, cell: &str, names: &Names, sources: &dyn Sources) -> Failure {
    let mut places = Vec::new();
    let leaf = walk(error, Place { cell: cell.into(), function: None, position: error.position() }, &mut places);
    let (name, mut fault) = explain(leaf, names);
    let line = places.last().and_then(|place| sources.line(&place.cell, place.position));
    if let Some(hint) = line.and_then(|(line, column)| hint_from_line(leaf, &line, column)) {
        fault = fault.hint(hint);
    }
    show(&name, &fault, &places, sources)
}

/// A failure that belongs to no place in a cell.
pub fn plain(fault: &Fault) -> Failure {
    show(fault.kind.name(), fault, &[], &NoSources)
}

struct NoSources;

impl Sources for NoSources {
    fn line(&self, _: &str, _: Position) -> Option<(String, usize)> {
        None
    }
}

/// Follows an error inwards through the calls; the places are those of the calls and of the error itself.
fn walk<'e>(error: &'e EvalAltResult, place: Place, places: &mut Vec<Place>) -> &'e EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(function, cell, inner, _) => {
            let cell = if cell.is_empty() { place.cell.clone() } else { cell.clone() };
            let function = if is_closure(function) { "a closure".into() } else { format!("`{function}`") };
            places.push(place);
            walk(inner, Place { cell, function: Some(function), position: inner.position() }, places)
        }
        leaf => {
            places.push(place);
            leaf
        }
    }
}

const BLUE: &str = "\x1b[34m";

/// The lines that are shown: kind and message, each place with its line and a caret, the hint.
pub fn show(name: &str, fault: &Fault, places: &[Place], sources: &dyn Sources) -> Failure {
    let mut lines = Vec::new();
    // Endless recursion passes the same place again and again: the ends say it all.
    const MAX_FRAMES: usize = 8;
    for (i, place) in places.iter().enumerate() {
        let skipped = places.len().saturating_sub(MAX_FRAMES);
        if skipped > 0 && i == MAX_FRAMES / 2 {
            lines.push(format!("  … {skipped} more calls …"));
        }
        if skipped > 0 && (MAX_FRAMES / 2..MAX_FRAMES / 2 + skipped).contains(&i) {
            continue;
        }
        lines.extend(show_place(place, sources));
    }
    let mut failure = Failure::named(name, fault);
    // Between the message and the hint.
    failure.traceback.splice(1..1, lines);
    failure
}

fn show_place(place: &Place, sources: &dyn Sources) -> Vec<String> {
    let inside = place.function.as_ref().map_or_else(String::new, |f| format!("in {f}, "));
    let Some(number) = place.position.line() else {
        return vec![format!("  {inside}{BLUE}{}{PLAIN}", place.cell)];
    };
    let mut lines = vec![format!("  {inside}{BLUE}{}, line {number}{PLAIN}", place.cell)];
    if let Some((text, column)) = sources.line(&place.cell, place.position) {
        let (text, column) = window(&text, column);
        let margin = format!("{number:>5} | ");
        // Tabs stay tabs under the text, so that the caret stands below its letter.
        let before: String =
            text.chars().take(column.saturating_sub(1)).map(|c| if c == '\t' { c } else { ' ' }).collect();
        lines.push(format!("{margin}{text}"));
        lines.push(format!("{}{before}{RED}^{PLAIN}", " ".repeat(margin.len())));
    }
    lines
}

/// The part of a very long line around a column.
fn window(text: &str, column: usize) -> (String, usize) {
    const WIDEST: usize = 160;
    if text.chars().count() <= WIDEST {
        return (text.trim_end().to_string(), column);
    }
    let start = column.saturating_sub(WIDEST / 2);
    let part: String = text.chars().skip(start).take(WIDEST).collect();
    (format!("…{part}…"), column - start + 1)
}
