//! What Tab offers: words, variables, functions, keywords; after a dot what the value has; inside `#{ … }` a word's
//! options; after `%` magics; after `\` letters; in the text of a path what is there (`paths`).

use super::grammar::with_parser;
use super::letters::LETTERS;
use super::magic::MAGICS;
use super::paths;
use super::tokens::{Placed, innermost, tokens};
use super::view::View;
use rhai::Token;
use saddle_catalog::{Catalog, Entry, Ty};
use saddle_session::{Completions, Match};

const KEYWORDS: [&str; 21] = [
    "let", "const", "fn", "if", "else", "switch", "for", "in", "while", "loop", "do", "until", "break", "continue",
    "return", "throw", "try", "catch", "true", "false", "this",
];

/// Functions of Rhai's own that a notebook uses: name, signature, what it does.
pub const RHAI: [(&str, &str, &str); 4] = [
    ("print", "print(x, …)", "prints values in one line, with blanks between"),
    ("debug", "debug(x)", "prints a value as it would be written, on the standard error stream"),
    ("range", "range(from, to, step = 1)", "whole numbers to run through, without `to`; a step below 0 counts down"),
    ("type_of", "type_of(x)", "the name of a value's type, as a text"),
];

/// Methods of Rhai's own values.
const ARRAY: [&str; 22] = [
    "len", "push", "pop", "shift", "insert", "remove", "clear", "map", "filter", "reduce", "for_each", "all", "some",
    "find", "index_of", "contains", "sort", "reverse", "extract", "splice", "truncate", "is_empty",
];
const MAP: [&str; 8] = ["keys", "values", "contains", "remove", "len", "is_empty", "mixin", "clear"];
const TEXT: [&str; 14] = [
    "len",
    "split",
    "trim",
    "replace",
    "contains",
    "starts_with",
    "ends_with",
    "to_upper",
    "to_lower",
    "sub_string",
    "index_of",
    "chars",
    "pad",
    "is_empty",
];

/// The completions at `cursor`, in code points.
pub fn at(catalog: &Catalog, view: &View, code: &str, cursor: usize) -> Completions {
    let before: Vec<char> = code.chars().take(cursor).collect();
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    let start = before.iter().rposition(|c| !is_part(c)).map_or(0, |i| i + 1);
    let prefix: String = before[start..].iter().collect();
    if let Some(letters) = letters(&before, start, &prefix) {
        return letters;
    }
    if let Some(magics) = magics(&before, start, &prefix) {
        return magics;
    }
    let text: String = before[..start].iter().collect();
    let tokens = with_parser(|engine| tokens(engine, &text));
    let inside_text = tokens.last().is_some_and(|t| matches!(t.token, Token::LexError(_)));
    let found = if inside_text {
        if let Some(paths) = paths::at(catalog, &tokens, &before) {
            return paths;
        }
        Vec::new()
    } else {
        candidates(catalog, view, &tokens)
    };
    Completions { start, end: before.len(), matches: narrowed(found, &prefix) }
}

/// What fits what has been typed: as it is written, or, if nothing does, without regard to capitals.
fn narrowed(found: Vec<Match>, prefix: &str) -> Vec<Match> {
    let exact: Vec<Match> = found.iter().filter(|m| m.text.starts_with(prefix)).cloned().collect();
    if !exact.is_empty() {
        return exact;
    }
    let prefix = prefix.to_lowercase();
    found.into_iter().filter(|m| m.text.to_lowercase().starts_with(&prefix)).collect()
}

/// `\\sigma` and Tab: the letter, as in Julia's kernel; of a name that is not whole yet, the names that begin so.
fn letters(before: &[char], start: usize, prefix: &str) -> Option<Completions> {
    if prefix.is_empty() || start.checked_sub(1).is_none_or(|i| before[i] != '\\') {
        return None;
    }
    let begins: Vec<_> = LETTERS.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
    let whole =
        begins.iter().find(|(name, _)| *name == prefix).or(if begins.len() == 1 { begins.first() } else { None });
    let matches = match whole {
        Some((name, letter)) => vec![entry(letter, "letter", &format!("\\{name}"))],
        None => begins.iter().map(|(name, letter)| entry(&format!("\\{name}"), "letter", letter)).collect(),
    };
    (!matches.is_empty()).then(|| Completions { start: start - 1, end: before.len(), matches })
}

fn magics(before: &[char], start: usize, prefix: &str) -> Option<Completions> {
    let percents = before[..start].iter().rev().take_while(|c| **c == '%').count();
    let line_start = before[..start - percents].iter().rev().take_while(|c| **c != '\n').all(|c| c.is_whitespace());
    if percents == 0 || !line_start {
        return None;
    }
    let typed = format!("{}{prefix}", "%".repeat(percents));
    let matches =
        MAGICS.iter().filter(|m| m.name.starts_with(&typed)).map(|m| entry(m.name, "magic", m.summary)).collect();
    Some(Completions { start: start - percents, end: before.len(), matches })
}

fn entry(text: &str, kind: &str, signature: &str) -> Match {
    Match { text: text.into(), kind: kind.into(), signature: signature.into() }
}

/// Everything that could stand after these tokens.
fn candidates(catalog: &Catalog, view: &View, tokens: &[Placed]) -> Vec<Match> {
    match tokens.last().map(|t| &t.token) {
        Some(Token::Period | Token::Elvis) => {
            return members(catalog, view, &tokens[..tokens.len() - 1]);
        }
        Some(Token::MapStart | Token::Comma) => {
            if let Some(options) = options(catalog, tokens) {
                return options;
            }
        }
        // The name of something new.
        Some(Token::Let | Token::Const | Token::Fn) => return Vec::new(),
        _ => (),
    }
    names(catalog, view)
}

fn names(catalog: &Catalog, view: &View) -> Vec<Match> {
    let mut all: Vec<Match> = view.variables.iter().map(|(name, v)| entry(name, "variable", &v.kind)).collect();
    all.extend(view.functions.iter().map(|(name, f)| entry(name, "function", &f.signatures.join(", "))));
    let shadowed = |name: &str| view.variables.contains_key(name) || view.functions.contains_key(name);
    all.extend(catalog.words().filter(|(name, _)| is_name(name) && !shadowed(name)).map(|(_, entries)| word(entries)));
    let own = RHAI.iter().filter(|(name, ..)| !shadowed(name));
    all.extend(own.map(|(name, signature, _)| entry(name, "function", signature)));
    all.extend(KEYWORDS.iter().map(|keyword| entry(keyword, "keyword", "")));
    all
}

fn is_name(text: &str) -> bool {
    rhai::is_valid_identifier(text)
}

fn word(entries: &[&'static Entry]) -> Match {
    let signature = |e: &&Entry| format!("{} → {}", e.signature(), e.returns.short());
    let all: Vec<String> = entries.iter().map(signature).collect();
    entry(entries[0].name, "function", &all.join(" | "))
}

/// The options of the word in whose `#{ … }` the code ends, without those that are already given.
fn options(catalog: &Catalog, tokens: &[Placed]) -> Option<Vec<Match>> {
    let map = innermost(tokens, tokens.len())?;
    let call = innermost(tokens, map)?;
    if !tokens[map].is(&Token::MapStart) || !tokens[call].is(&Token::LeftParen) {
        return None;
    }
    let entries = catalog.find(tokens[call.checked_sub(1)?].name()?);
    let given: Vec<&str> =
        tokens[map..].windows(2).filter(|pair| pair[1].is(&Token::Colon)).filter_map(|pair| pair[0].name()).collect();
    let options = entries.iter().flat_map(|e| e.options).filter(|o| !given.contains(&o.key));
    let found: Vec<Match> = options
        .map(|o| entry(&format!("{}: ", o.key), "option", &format!("{} = {} — {}", o.ty.short(), o.default, o.doc)))
        .collect();
    (!found.is_empty()).then_some(found)
}

/// What the value at the end of `tokens` has: fields, keys, and words that take it first.
fn members(catalog: &Catalog, view: &View, tokens: &[Placed]) -> Vec<Match> {
    let Some(last) = tokens.last() else {
        return Vec::new();
    };
    let variable = last.name().and_then(|name| view.variables.get(name));
    let kind = match (variable, &last.token) {
        (Some(variable), _) => Some(variable.kind.clone()),
        (None, Token::RightParen) => returned(catalog, tokens),
        (None, Token::StringConstant(_)) => Some("text".into()),
        _ => None,
    };
    let mut all: Vec<Match> = Vec::new();
    all.extend(variable.iter().flat_map(|v| &v.keys).map(|key| entry(key, "field", "")));
    let methods = |names: &[&str]| names.iter().map(|name| entry(name, "method", "")).collect::<Vec<_>>();
    match kind.as_deref() {
        Some("array") => all.extend(methods(&ARRAY)),
        Some("map") => all.extend(methods(&MAP)),
        Some("text") => all.extend(methods(&TEXT)),
        _ => (),
    }
    let kinds = catalog.kinds().iter().filter(|k| kind.as_ref().is_none_or(|name| k.name == name));
    all.extend(kinds.flat_map(|k| k.fields).map(|f| entry(f.name, "field", &f.ty.short())));
    let takes = |e: &&&Entry| e.params.first().is_some_and(|p| kind.as_ref().is_none_or(|k| takes(p.ty, k)));
    let words = catalog.words().filter(|(name, entries)| is_name(name) && entries.iter().any(|e| takes(&e)));
    all.extend(words.map(|(_, entries)| word(entries)));
    all
}

/// Whether a parameter of this type is meant for a value of the kind (one that takes anything is meant for none).
fn takes(ty: Ty, kind: &str) -> bool {
    match ty {
        Ty::Of(name) => name == kind,
        Ty::Tensor | Ty::TensorLike => kind == "tensor",
        Ty::Array => kind == "array",
        Ty::OneOf(types) => types.iter().any(|ty| takes(*ty, kind)),
        _ => false,
    }
}

/// The kind that the call at the end of `tokens` gives.
fn returned(catalog: &Catalog, tokens: &[Placed]) -> Option<String> {
    let open = innermost(tokens, tokens.len() - 1)?;
    let entry = catalog.find(tokens[open.checked_sub(1)?].name()?).first()?;
    match entry.returns {
        Ty::Of(name) => Some(name.into()),
        Ty::Tensor | Ty::TensorLike => Some("tensor".into()),
        Ty::Array => Some("array".into()),
        Ty::Text => Some("text".into()),
        Ty::Map => Some("map".into()),
        _ => None,
    }
}
