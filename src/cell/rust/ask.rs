//! Tab and Shift-Tab in a cell of Rust: answered by rust-analyzer in the host, when it has time.

use super::Questions;
use saddle_rust::Question;
use saddle_session::output::{Bundle, Data};
use saddle_session::{Completions, Match};

/// The first word of such a cell.
const MAGIC: &str = "%%rust";

/// The code of a cell of Rust, each letter in its place; `None` for other cells, and where `cursor` stands before it.
fn code(cell: &str, cursor: usize) -> Option<String> {
    let start = cell.len() - cell.trim_start().len();
    let rest = cell[start..].strip_prefix(MAGIC)?;
    let is_inside = byte(cell, cursor) > start + MAGIC.len();
    (is_inside && rest.starts_with('\n')).then(|| {
        let blanks = " ".repeat(MAGIC.len());
        format!("{}{blanks}{rest}", &cell[..start])
    })
}

/// What could stand at `cursor` (in letters); `None` where the cell is not of Rust.
pub fn complete(questions: &Questions, cell: &str, cursor: usize) -> Option<Completions> {
    let code = code(cell, cursor)?;
    let nothing = Completions { start: cursor, end: cursor, matches: Vec::new() };
    let cursor = byte(&code, cursor);
    let question = Question::Complete { code: code.clone(), cursor };
    let Some(answer) = questions.ask(question) else {
        return Some(nothing);
    };
    let letters = |byte: usize| code.get(..byte).map(|before| before.chars().count());
    let (Some(start), Some(end)) = (letters(answer.start), letters(answer.end)) else {
        return Some(nothing);
    };
    let typed = code.get(answer.start..cursor).unwrap_or("");
    let matches = answer.matches.into_iter().filter(|(text, ..)| text.starts_with(typed));
    let matches = matches.map(|(text, kind, signature)| Match { text, kind, signature });
    Some(Completions { start, end, matches: matches.collect() })
}

/// What the name at `cursor` is; `None` where the cell is not of Rust.
pub fn describe(questions: &Questions, cell: &str, cursor: usize) -> Option<Option<Bundle>> {
    let code = code(cell, cursor)?;
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let after = byte(&code, cursor);
    // What is asked about ends at the cursor: it is moved to the end of its name.
    let rest = code[after..].chars().take_while(|c| is_part(*c));
    let cursor = after + rest.map(char::len_utf8).sum::<usize>();
    let answer = questions.ask(Question::Describe { code, cursor });
    let described = answer.and_then(|answer| answer.described);
    Some(described.map(|(text, html)| Bundle::text(text).with("text/html", Data::Text(html))))
}

fn byte(text: &str, letters: usize) -> usize {
    text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cells_of_rust_are_asked_about() {
        assert_eq!(code("%%rust\nlet x", 7), Some("      \nlet x".into()));
        assert_eq!(code("\n%%rust\nä", 8), Some("\n      \nä".into()));
        for cell in ["let x = 1", "%%rusty\nx = 1", "%%rust", "%%time\nx + 1"] {
            assert_eq!(code(cell, 8), None, "{cell}");
        }
        // The magic itself is explained as others are.
        assert_eq!(code("%%rust\nlet x", 6), None);
    }
}
