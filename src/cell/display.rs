//! Values as a cell shows them: like the code that would make them, shortened where they are long.

use crate::catalog::{Catalog, Kind};
use crate::output::Bundle;
use rhai::{Array, Dynamic, FnPtr, Map};

/// Longer arrays show their first and last elements.
const MOST_ELEMENTS: usize = 60;
const EDGE: usize = 6;
/// Deeper values are not opened.
const DEEPEST: usize = 8;
/// Wider values are spread over lines.
const WIDTH: usize = 100;

/// What `Out[n]` shows; `None` for `()`.
pub fn bundle(value: &Dynamic, catalog: &Catalog) -> Option<Bundle> {
    if value.is_unit() {
        return None;
    }
    Some(match catalog.kind_of(value) {
        Some(kind) => (kind.show)(value),
        None => Bundle::text(text(value, catalog)),
    })
}

/// The value over as many lines as it needs.
pub fn text(value: &Dynamic, catalog: &Catalog) -> String {
    let flat = line(value, catalog, 0);
    if flat.chars().count() <= WIDTH {
        flat
    } else {
        spread(value, catalog, 0)
    }
}

/// The value on one line of at most `width` letters.
pub fn short(value: &Dynamic, catalog: &Catalog, width: usize) -> String {
    let text = line(value, catalog, 0).replace('\n', " ");
    match text.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn line(value: &Dynamic, catalog: &Catalog, depth: usize) -> String {
    if depth > DEEPEST {
        return "…".into();
    }
    if let Some(kind) = catalog.kind_of(value) {
        return brief(value, kind);
    }
    if let Some(items) = value.read_lock::<Array>() {
        return format!(
            "[{}]",
            shown(&items, |v| line(v, catalog, depth + 1)).join(", ")
        );
    }
    if let Some(map) = value.read_lock::<Map>() {
        let pairs: Vec<String> = map
            .iter()
            .map(|(k, v)| format!("{}: {}", key(k), line(v, catalog, depth + 1)))
            .collect();
        return if pairs.is_empty() {
            "#{}".into()
        } else {
            format!("#{{ {} }}", pairs.join(", "))
        };
    }
    scalar(value)
}

/// One element or pair a line, unless the whole fits.
fn spread(value: &Dynamic, catalog: &Catalog, depth: usize) -> String {
    let flat = line(value, catalog, depth);
    let indent = "  ".repeat(depth + 1);
    if depth > DEEPEST || flat.chars().count() + indent.len() <= WIDTH {
        return flat;
    }
    if let Some(items) = value.read_lock::<Array>() {
        if items
            .iter()
            .all(|v| v.is_int() || v.is_float() || v.is_bool())
        {
            return format!(
                "[\n{}\n{}]",
                wrap(&shown(&items, scalar), &indent),
                "  ".repeat(depth)
            );
        }
        let rows = shown(&items, |v| {
            format!("{indent}{}", spread(v, catalog, depth + 1))
        });
        return format!("[\n{}\n{}]", rows.join(",\n"), "  ".repeat(depth));
    }
    if let Some(map) = value.read_lock::<Map>() {
        let rows: Vec<String> = map
            .iter()
            .map(|(k, v)| format!("{indent}{}: {}", key(k), spread(v, catalog, depth + 1)))
            .collect();
        return format!("#{{\n{}\n{}}}", rows.join(",\n"), "  ".repeat(depth));
    }
    flat
}

/// Words set in lines of the usual width.
fn wrap(words: &[String], indent: &str) -> String {
    let mut lines = vec![indent.to_string()];
    for (i, word) in words.iter().enumerate() {
        let word = if i + 1 < words.len() {
            format!("{word}, ")
        } else {
            word.clone()
        };
        let last = lines
            .last_mut()
            .filter(|l| l.chars().count() + word.chars().count() <= WIDTH);
        match last {
            Some(last) => last.push_str(&word),
            None => lines.push(format!("{indent}{word}")),
        }
    }
    lines
        .iter()
        .map(|l| l.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The elements that are shown, with a note on those that are not.
fn shown(items: &[Dynamic], show: impl Fn(&Dynamic) -> String) -> Vec<String> {
    if items.len() <= MOST_ELEMENTS {
        return items.iter().map(show).collect();
    }
    let mut all: Vec<String> = items[..EDGE].iter().map(&show).collect();
    all.push(format!("… {} more …", items.len() - 2 * EDGE));
    all.extend(items[items.len() - EDGE..].iter().map(show));
    all
}

/// A value of a kind inside another: its text where that is one short line, otherwise its name and shape.
fn brief(value: &Dynamic, kind: &Kind) -> String {
    let shape = kind
        .fields
        .iter()
        .find(|f| f.name == "shape")
        .and_then(|f| (f.get)(value).ok());
    match shape {
        Some(shape) => format!("{} {shape}", kind.name),
        None => {
            let text = (kind.show)(value).plain().to_string();
            if text.lines().count() == 1 && text.chars().count() <= 40 {
                text
            } else {
                kind.name.to_string()
            }
        }
    }
}

fn scalar(value: &Dynamic) -> String {
    if value.is_unit() {
        return "()".into();
    }
    if let Ok(x) = value.as_float() {
        return format!("{x:?}");
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return format!("{:?}", text.as_str());
    }
    if let Ok(letter) = value.as_char() {
        return format!("{letter:?}");
    }
    if let Some(f) = value.read_lock::<FnPtr>() {
        return if f.is_anonymous() {
            "closure".into()
        } else {
            format!("function {}", f.fn_name())
        };
    }
    value.to_string()
}

/// A key as it would be written: quoted only where it is no name.
fn key(name: &str) -> String {
    if rhai::is_valid_identifier(name) {
        name.to_string()
    } else {
        format!("{name:?}")
    }
}
