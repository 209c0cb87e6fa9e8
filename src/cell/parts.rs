//! What a cell is made of: code, magics, questions; and what a part gives.

use super::tokens::tokens;
use rhai::{Engine, Token};
use saddle_session::output::Bundle;
use saddle_session::{Detail, Failure};

/// What a part of a cell shows as its result.
pub type CellResult = Result<Option<Bundle>, Failure>;

/// A magic as it stands in a cell.
pub struct MagicCall<'a> {
    /// The cell, `In[3]`.
    pub cell: &'a str,
    /// What stands after the name; for a cell magic, the rest of the cell.
    pub rest: &'a str,
    /// `rest` moved to its place, so that errors in it point to the right line and column.
    pub placed: String,
}

/// A part of a cell.
pub enum Part {
    /// Code, moved to its lines.
    Code(String),
    /// A line or cell magic: name, rest, and the rest moved to its place.
    Magic { name: String, rest: String, placed: String },
    /// `name?` or `name??`.
    Question { name: String, detail: Detail },
}

/// Whether `code` has a magic or question in it; most cells have none.
fn may_have_magic(code: &str) -> bool {
    code.lines().any(|line| line.trim_start().starts_with('%') || line.trim_end().ends_with('?'))
}

/// Splits a cell into its parts. A line is a magic only where a statement could start.
pub fn parts(engine: &Engine, code: &str) -> Vec<Part> {
    if !may_have_magic(code) {
        return vec![Part::Code(code.to_string())];
    }
    if let Some(first) = code.lines().find(|line| !line.trim().is_empty()).filter(|line| line.starts_with("%%")) {
        return vec![cell_magic(code, first)];
    }
    let mut parts = Vec::new();
    let mut pending = String::new();
    for (number, line) in code.lines().enumerate() {
        let part = if at_statement_start(engine, &pending) { line_part(line, number) } else { None };
        match part {
            Some(part) => {
                parts.push(Part::Code(std::mem::take(&mut pending)));
                parts.push(part);
                pending = "\n".repeat(number + 1);
            }
            None => {
                pending.push_str(line);
                pending.push('\n');
            }
        }
    }
    parts.push(Part::Code(pending));
    parts.retain(|part| !matches!(part, Part::Code(code) if code.trim().is_empty()));
    parts
}

fn cell_magic(code: &str, first: &str) -> Part {
    let at = code.find(first).unwrap_or(0);
    let name = first.split_whitespace().next().unwrap_or(first).to_string();
    let after = at + name.len();
    let blanks: String = code[..after].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    let rest = code[after..].to_string();
    Part::Magic { name, placed: format!("{blanks}{rest}"), rest }
}

/// A line as a magic or question, if it is one.
fn line_part(line: &str, number: usize) -> Option<Part> {
    let text = line.trim();
    if let Some(name) = text.strip_suffix('?') {
        let (name, detail) = match name.strip_suffix('?') {
            Some(name) => (name, Detail::Full),
            None => (name, Detail::Brief),
        };
        return rhai::is_valid_identifier(name).then(|| Part::Question { name: name.to_string(), detail });
    }
    if !text.starts_with('%') {
        return None;
    }
    let name = text.split_whitespace().next()?;
    let at = line.find(name)? + name.len();
    let blanks = " ".repeat(line[..at].chars().count());
    let placed = format!("{}{blanks}{}", "\n".repeat(number), &line[at..]);
    Some(Part::Magic { name: name.to_string(), rest: line[at..].trim().to_string(), placed })
}

/// Whether a new statement can start after `code`.
pub fn at_statement_start(engine: &Engine, code: &str) -> bool {
    if code.trim().is_empty() {
        return true;
    }
    let tokens = tokens(engine, code);
    let open = tokens.iter().fold(0i64, |depth, t| match t.token {
        Token::LeftBrace | Token::MapStart | Token::LeftParen | Token::LeftBracket | Token::QuestionBracket => {
            depth + 1
        }
        Token::RightBrace | Token::RightParen | Token::RightBracket => depth - 1,
        _ => depth,
    });
    open == 0 && tokens.last().is_none_or(|t| matches!(t.token, Token::SemiColon | Token::RightBrace))
}
