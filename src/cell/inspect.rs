//! What a name is: a word, a variable, a function, a kind of value or a magic.

use super::complete::RHAI;
use super::magic::MAGICS;
use super::view::View;
use saddle_catalog::{Catalog, help};
use saddle_session::Detail;
use saddle_session::output::{Bundle, Data};

/// The help for the name at a cursor (in code points), or for the call whose brackets the cursor is in.
pub fn at(catalog: &Catalog, view: &View, code: &str, cursor: usize, detail: Detail) -> Option<Bundle> {
    let letters: Vec<char> = code.chars().collect();
    let cursor = cursor.min(letters.len());
    let touched = name_at(&letters, cursor);
    if let Some(bundle) = touched.and_then(|name| describe(catalog, view, &name, detail)) {
        return Some(bundle);
    }
    let name = enclosing_call(&letters[..cursor])?;
    describe(catalog, view, &name, detail)
}

/// The name that touches the cursor, a magic's `%` included.
fn name_at(letters: &[char], cursor: usize) -> Option<String> {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    let start = letters[..cursor].iter().rposition(|c| !is_part(c)).map_or(0, |i| i + 1);
    let end = letters[cursor..].iter().position(|c| !is_part(c)).map_or(letters.len(), |i| cursor + i);
    let percents = letters[..start].iter().rev().take_while(|c| **c == '%').count().min(2);
    let name: String = letters[start - percents..end].iter().collect();
    if start < end { Some(name) } else { operator_at(letters, cursor) }
}

/// The operator before the cursor.
fn operator_at(letters: &[char], cursor: usize) -> Option<String> {
    let letter = letters[..cursor].last()?;
    "@+-*/".contains(*letter).then(|| letter.to_string())
}

/// The name before the innermost bracket that is still open.
fn enclosing_call(before: &[char]) -> Option<String> {
    let mut depth = 0;
    for (i, letter) in before.iter().enumerate().rev() {
        match letter {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth > 0 => depth -= 1,
            '(' => {
                let end = before[..i].iter().rposition(|c| !c.is_whitespace())? + 1;
                if let Some(name) = name_at(&before[..end], end) {
                    return Some(name);
                }
            }
            _ => (),
        }
    }
    None
}

/// What a name is, as text and Markdown.
pub fn describe(catalog: &Catalog, view: &View, name: &str, detail: Detail) -> Option<Bundle> {
    if let Some(variable) = view.variables.get(name) {
        let text = format!("{name}: {}\n{}", variable.kind, variable.value);
        let kind = catalog.kind(&variable.kind).filter(|_| detail == Detail::Full);
        return Some(shown(match kind {
            Some(kind) => format!("{text}\n\n{}", help::kind(kind)),
            None => text,
        }));
    }
    if let Some(function) = view.functions.get(name) {
        let text = format!("{}\n{}", function.signatures.join("\n"), function.doc);
        return Some(shown(text.trim_end().to_string()));
    }
    let entries = catalog.find(name);
    if !entries.is_empty() {
        let text = |show: fn(&saddle_catalog::Entry) -> String| {
            entries.iter().map(|e| show(e)).collect::<Vec<_>>().join("\n\n")
        };
        let markdown = entries.iter().map(|e| help::markdown(e, 4)).collect::<Vec<_>>().join("\n");
        let plain = text(if detail == Detail::Full { help::full } else { help::signature_and_summary });
        return Some(Bundle::text(plain).with("text/markdown", Data::Text(markdown)));
    }
    if let Some((_, signature, summary)) = RHAI.iter().find(|(own, ..)| *own == name) {
        return Some(shown(format!("{signature}\n{summary}")));
    }
    if let Some(magic) = MAGICS.iter().find(|magic| magic.name == name) {
        return Some(shown(format!("{} {}\n{}", magic.name, magic.usage, magic.summary)));
    }
    catalog.kind(name).map(|kind| shown(help::kind(kind)))
}

/// Plain text, with the same as preformatted Markdown.
fn shown(text: String) -> Bundle {
    let markdown = format!("```\n{text}\n```");
    Bundle::text(text).with("text/markdown", Data::Text(markdown))
}
