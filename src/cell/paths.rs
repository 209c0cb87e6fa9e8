//! What Tab offers inside the text of a path: the files and folders that are there.

use super::tokens::{Placed, innermost};
use rhai::Token;
use saddle_catalog::Catalog;
use saddle_session::{Completions, Match};
use saddle_words::files::disk;
use std::path::Path;

/// Parameters and options with these names hold paths.
const PATHS: [&str; 3] = ["path", "folder", "file"];
/// More names than this help no one.
const MAX_MATCHES: usize = 500;

/// The files that the unfinished text at the end of `before` could mean, where it is the path that a word takes;
/// `tokens` end with that text.
pub fn at(catalog: &Catalog, tokens: &[Placed], before: &[char]) -> Option<Completions> {
    if !takes_path(catalog, &tokens[..tokens.len().checked_sub(1)?])? {
        return None;
    }
    let quote = before.iter().rposition(|c| *c == '"')?;
    let typed: String = before[quote + 1..].iter().collect();
    let (folder, prefix) = typed.rsplit_once('/').map_or(("", typed.as_str()), |(folder, prefix)| (folder, prefix));
    let folder = match (folder, typed.starts_with('/')) {
        ("", true) => "/",
        ("", false) => ".",
        (folder, _) => folder,
    };
    Some(Completions {
        start: before.len() - prefix.chars().count(),
        end: before.len(),
        matches: inside(&disk::path(&format!("{folder}/")), prefix),
    })
}

/// Whether what comes after these tokens is a path; `None` outside of a call of a word.
fn takes_path(catalog: &Catalog, tokens: &[Placed]) -> Option<bool> {
    let open = innermost(tokens, tokens.len())?;
    if tokens[open].is(&Token::MapStart) {
        let [.., key, colon] = tokens else {
            return None;
        };
        return Some(colon.is(&Token::Colon) && PATHS.contains(&key.name()?));
    }
    if !tokens[open].is(&Token::LeftParen) {
        return None;
    }
    let word = tokens[open.checked_sub(1)?].name()?;
    let commas =
        (open + 1..tokens.len()).filter(|i| tokens[*i].is(&Token::Comma) && innermost(tokens, *i) == Some(open));
    let place = commas.count();
    let named = |name: &str| PATHS.contains(&name);
    let entries = catalog.find(word).iter();
    Some(entries.filter_map(|entry| entry.params.get(place)).any(|param| named(param.name)))
}

/// The names in a folder that begin with `prefix`, in order; folders end in `/`.
fn inside(folder: &Path, prefix: &str) -> Vec<Match> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut matches: Vec<Match> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !prefix.starts_with('.');
            if hidden || !name.starts_with(prefix) || name.contains('"') {
                return None;
            }
            let (text, signature) = match entry.path().is_dir() {
                true => (name + "/", "folder"),
                false => (name, "file"),
            };
            Some(Match { text, kind: "path".into(), signature: signature.into() })
        })
        .take(MAX_MATCHES)
        .collect();
    matches.sort_by(|a, b| a.text.cmp(&b.text));
    matches
}
