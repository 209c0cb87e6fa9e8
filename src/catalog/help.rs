//! Help made from the records: what Shift-Tab and `name?` show, and the reference page.

use super::{Catalog, Entry, Example, Gives, Kind};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The language of the code blocks. Jupyter's page does not know Rhai, and takes `#{ … }` for an attribute of Rust and
/// all that follows for a part of it; as JavaScript the rest of the block is coloured as it is meant.
const COLOURED_AS: &str = "javascript";

/// How to write it, and the sentence about it.
pub fn signature_and_summary(entry: &Entry) -> String {
    format!("{} → {}\n{}", entry.signature(), entry.returns.short(), entry.summary)
}

/// Everything about a word, as plain text.
pub fn full(entry: &Entry) -> String {
    let mut text = signature_and_summary(entry);
    let section = |text: &mut String, title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = write!(text, "\n\n{title}\n  {}", lines.join("\n  "));
        }
    };
    section(
        &mut text,
        "Parameters",
        entry
            .params
            .iter()
            .map(|p| {
                let default = p.default.map_or_else(String::new, |d| format!(" (default {d})"));
                format!("{}: {} — {}{default}", p.name, p.ty.short(), p.doc)
            })
            .collect(),
    );
    section(
        &mut text,
        "Options",
        entry
            .options
            .iter()
            .map(|o| format!("{}: {} — {} (default {})", o.key, o.ty.short(), o.doc, o.default))
            .collect(),
    );
    section(&mut text, "Shapes", entry.shapes.lines().map(str::to_string).collect());
    section(&mut text, "Errors", entry.errors.iter().map(|e| e.to_string()).collect());
    let examples: Vec<String> =
        entry.examples.iter().flat_map(|e| example_lines(e, &format!("// {}", e.what))).collect();
    section(&mut text, "Examples", examples);
    section(&mut text, "Source", entry.source.concat().lines().map(str::to_string).collect());
    text
}

/// An example as code, with what it gives as a comment.
fn example_lines(example: &Example, title: &str) -> Vec<String> {
    let mut lines = vec![title.to_string()];
    lines.extend(example.code.lines().map(str::to_string));
    match &example.gives {
        Gives::Value(value) => lines.extend(value.lines().map(|line| format!("// → {line}"))),
        Gives::Error(message) => lines.push(format!("// error: {message}")),
        Gives::Runs => (),
    }
    lines
}

/// Everything about a word, as Markdown below a heading of level `level`.
pub fn markdown(entry: &Entry, level: usize) -> String {
    let mut text = format!("{} `{}`\n\n", "#".repeat(level), entry.name);
    let _ = writeln!(
        text,
        "```{COLOURED_AS}\n{} → {}\n```\n\n{}",
        entry.signature(),
        entry.returns.short(),
        capital(entry.summary)
    );
    if !entry.params.is_empty() {
        text.push_str("\n| parameter | type | default | |\n|---|---|---|---|\n");
        for p in entry.params {
            let default = p.default.map_or_else(String::new, |d| format!("`{d}`"));
            let _ = writeln!(text, "| `{}` | {} | {default} | {} |", p.name, cell(&p.ty.short()), cell(p.doc));
        }
    }
    if !entry.options.is_empty() {
        text.push_str("\n| option | type | default | |\n|---|---|---|---|\n");
        for o in entry.options {
            let _ = writeln!(text, "| `{}` | {} | `{}` | {} |", o.key, cell(&o.ty.short()), o.default, cell(o.doc));
        }
    }
    if !entry.shapes.is_empty() {
        let _ = writeln!(text, "\nShapes: {}", entry.shapes);
    }
    if !entry.errors.is_empty() {
        let _ = writeln!(text, "\nErrors: {}.", entry.errors.join("; "));
    }
    for example in entry.examples {
        let code = example_lines(example, &format!("// {}", example.what)).join("\n");
        let _ = writeln!(text, "\n```{COLOURED_AS}\n{code}\n```");
    }
    if !entry.source.is_empty() {
        let _ = writeln!(text, "\nSource: {}", entry.source.concat());
    }
    text
}

/// A kind of value, as plain text.
pub fn kind(kind: &Kind) -> String {
    let mut text = format!("{}: {}", kind.name, kind.summary);
    if let Some(call) = kind.call {
        let _ = write!(text, "\n\nCalled\n  {}", call.summary);
    }
    if !kind.fields.is_empty() {
        text.push_str("\n\nFields");
        for field in kind.fields {
            let _ = write!(text, "\n  .{}: {} — {}", field.name, field.ty.short(), field.doc);
        }
    }
    text
}

/// The reference page: every word by family, then every kind of value.
pub fn reference(catalog: &Catalog) -> String {
    let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in catalog.entries() {
        groups.entry(entry.group).or_default().push(entry);
    }
    let mut text = String::from(
        "# Reference\n\nMade from the catalog by `saddle reference`; every example is run as a test.\n\n| family | words |\n|---|---|\n",
    );
    for (group, entries) in &groups {
        let mut names: Vec<String> = entries.iter().map(|e| format!("`{}`", cell(e.name))).collect();
        names.dedup();
        let _ = writeln!(text, "| [{group}](#{}) | {} |", group.replace(' ', "-"), names.join(" "));
    }
    for (group, entries) in &groups {
        let _ = write!(text, "\n## {group}\n");
        for entry in entries {
            let _ = write!(text, "\n{}", markdown(entry, 3));
        }
    }
    text.push_str("\n## Kinds of values\n");
    for kind in catalog.kinds() {
        let _ = write!(text, "\n### {}\n\n{}\n", kind.name, capital(kind.summary));
        if !kind.fields.is_empty() {
            text.push_str("\n| field | type | |\n|---|---|---|\n");
            for field in kind.fields {
                let _ = writeln!(text, "| `.{}` | {} | {} |", field.name, cell(&field.ty.short()), cell(field.doc));
            }
        }
        if let Some(call) = kind.call {
            let _ = write!(text, "\nCalled like a function:\n\n{}", markdown(call, 4));
        }
    }
    text
}

/// Text that may stand in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
