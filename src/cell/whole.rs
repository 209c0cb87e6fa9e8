//! Whether code is a whole cell, as a prompt needs to know.

use super::grammar::with_parser;
use super::rewrite::rewrite;
use super::tokens::tokens;
use super::view::View;
use rhai::{Engine, LexError, ParseError, ParseErrorType, Token};
use saddle_session::Completeness;

/// One step of indentation.
const STEP: &str = "    ";

pub fn completeness(code: &str, view: &View) -> Completeness {
    if let Some(rest) = code.trim_start().strip_prefix("%%") {
        // A cell magic without its cell waits for it; after that a blank line ends it, as in IPython.
        let body = rest.split_once('\n').map_or("", |(_, body)| body);
        return if body.trim().is_empty() {
            more(String::new())
        } else if rest.trim_start().starts_with("rust") {
            with_parser(|engine| match indent(engine, body) {
                // Its grammar is not known here: brackets are counted.
                open if open.is_empty() => Completeness::Complete,
                open => more(open),
            })
        } else {
            completeness(body, view)
        };
    }
    if code.trim_start().starts_with('%') || code.trim_end().ends_with('?') {
        return Completeness::Complete;
    }
    if in_comment(code) {
        return more(String::new());
    }
    with_parser(|engine| {
        let rewritten = rewrite(engine, code, &|name| view.variables.contains_key(name));
        match engine.compile(&rewritten.text) {
            Ok(_) => Completeness::Complete,
            Err(error) if at_end(&error, engine, code) => more(indent(engine, code)),
            Err(_) => Completeness::Invalid,
        }
    })
}

fn more(indent: String) -> Completeness {
    Completeness::Incomplete { indent }
}

/// Whether the parser stumbled over the end of the code, so that more of it could still be right.
fn at_end(error: &ParseError, engine: &Engine, code: &str) -> bool {
    match &*error.0 {
        ParseErrorType::UnexpectedEOF => true,
        // Only a text in back-ticks goes over lines.
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            let line = error.1.line().and_then(|line| code.lines().nth(line - 1));
            let start = line.and_then(|line| line.chars().nth(error.1.position()?.saturating_sub(1)));
            start == Some('`') || inside_back_ticks(engine, code)
        }
        _ => {
            let last = tokens(engine, code).last().map_or((0, 0), |t| (t.line, t.column));
            let here = (error.1.line().unwrap_or(0), error.1.position().unwrap_or(0));
            // A column of the rewritten code only grows, and the last token keeps its line.
            here.0 > last.0
                || (here.0 == last.0 && here.1 > last.1 && !matches!(&*error.0, ParseErrorType::BadInput(_)))
        }
    }
}

/// Whether the text that does not end goes on after `${ … }`.
fn inside_back_ticks(engine: &Engine, code: &str) -> bool {
    tokens(engine, code).iter().any(|t| matches!(t.token, Token::InterpolatedString(_)))
}

/// One step for each bracket that is still open.
fn indent(engine: &Engine, code: &str) -> String {
    let depth = tokens(engine, code).iter().fold(0usize, |depth, t| match t.token {
        Token::LeftBrace | Token::MapStart | Token::LeftParen | Token::LeftBracket | Token::QuestionBracket => {
            depth + 1
        }
        Token::RightBrace | Token::RightParen | Token::RightBracket => depth.saturating_sub(1),
        _ => depth,
    });
    STEP.repeat(depth)
}

/// Whether a `/*` is still open at the end. (Rhai's parser takes the end of the code for its end.)
fn in_comment(code: &str) -> bool {
    let mut letters = code.chars().peekable();
    let mut depth = 0;
    let mut text: Option<char> = None;
    while let Some(letter) = letters.next() {
        match (text, letter, letters.peek().copied()) {
            (Some(_), '\\', _) => {
                letters.next();
            }
            (Some(end), _, _) => text = (letter != end).then_some(end),
            (None, '/', Some('*')) => {
                letters.next();
                depth += 1;
            }
            (None, '*', Some('/')) if depth > 0 => {
                letters.next();
                depth -= 1;
            }
            (None, '/', Some('/')) if depth == 0 => {
                letters.by_ref().find(|c| *c == '\n');
            }
            (None, '"' | '`', _) if depth == 0 => text = Some(letter),
            _ => (),
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_unfinished_and_wrong() {
        let view = View::default();
        for code in
            ["1 + 1", "let x = 1;", "fn f() { 1 }", "", "%who", "x?", "// /*", "\"/*\"", "a[0](1)", "`a ${1} b`"]
        {
            assert_eq!(completeness(code, &view), Completeness::Complete, "{code}");
        }
        for (code, steps) in [
            ("fn f() {", 1),
            ("for i in 0..3 {\n    if i > 1 {", 2),
            ("f(1,", 1),
            ("let x =", 0),
            ("1 +", 0),
            ("let m = #{ a: 1,", 1),
            ("/* open", 0),
            ("`line", 0),
            ("`a ${1} b", 0),
            ("%%time", 0),
            ("%%time\nfor i in 0..3 {", 1),
        ] {
            assert_eq!(completeness(code, &view), more(STEP.repeat(steps)), "{code}");
        }
        for code in ["let a = 1\nlet b = 2", ")", "let x = \"open", "1 +* 2", "fn 3() { }"] {
            assert_eq!(completeness(code, &view), Completeness::Invalid, "{code}");
        }
    }
}
