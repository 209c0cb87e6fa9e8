//! Values as a cell shows them: like the code that would make them, shortened where they are long.

use rhai::{Array, Dynamic, Engine, FnPtr, Map};
use saddle_catalog::{Catalog, Kind, outer_name};
use saddle_session::output::Bundle;
use std::any::TypeId;

/// How much of a value is shown.
#[derive(Clone, Copy)]
struct DisplayLimits<'a> {
    catalog: &'a Catalog,
    /// Longer arrays show their first and last elements only.
    most: usize,
    /// Arrays and maps deeper inside are not opened.
    deepest: usize,
}

impl<'a> DisplayLimits<'a> {
    /// Under a cell.
    fn whole(catalog: &'a Catalog) -> Self {
        Self { catalog, most: 60, deepest: 8 }
    }

    /// In a list of variables.
    fn glance(catalog: &'a Catalog) -> Self {
        Self { catalog, most: 8, deepest: 1 }
    }
}

/// Wider values are spread over lines.
const WIDTH: usize = 100;
/// The most values that one `print` takes.
const MOST_PRINTED: usize = 12;

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
    let look = DisplayLimits::whole(catalog);
    let flat = line(value, look, 0);
    if flat.chars().count() <= WIDTH { flat } else { spread(value, look, 0) }
}

/// The value on one line of at most `width` letters, without computing anything.
pub fn short(value: &Dynamic, catalog: &Catalog, width: usize) -> String {
    let text = line(value, DisplayLimits::glance(catalog), 0).replace('\n', " ");
    match text.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The value as `print` writes it: texts without their quotes.
fn printed(value: &Dynamic, catalog: &Catalog) -> String {
    match (value.as_immutable_string_ref(), value.as_char(), catalog.kind_of(value)) {
        (Ok(text), ..) => text.to_string(),
        (_, Ok(letter), _) => letter.to_string(),
        (.., Some(kind)) => kind.plain(value),
        _ => text(value, catalog),
    }
}

/// Gives an engine these texts of values, and a `print` of any number of values.
pub fn register(engine: &mut Engine, catalog: &'static Catalog) {
    let types = [TypeId::of::<f64>(), TypeId::of::<Array>(), TypeId::of::<Map>(), TypeId::of::<FnPtr>()];
    for name in ["to_string", "to_debug", "print", "debug"] {
        for id in types {
            engine.register_raw_fn(name, [id], move |_, args| Ok(text(args[0], catalog)));
        }
    }
    for n in 2..=MOST_PRINTED {
        let any = vec![TypeId::of::<Dynamic>(); n];
        engine.register_raw_fn("print", any, move |_, args| {
            Ok(args.iter().map(|arg| printed(arg, catalog)).collect::<Vec<_>>().join(" "))
        });
    }
}

fn line(value: &Dynamic, look: DisplayLimits, depth: usize) -> String {
    if let Some(kind) = look.catalog.kind_of(value) {
        return inline_text(value, kind);
    }
    if let Some(items) = value.read_lock::<Array>() {
        return match depth > look.deepest && !items.is_empty() {
            true => "[…]".into(),
            false => format!("[{}]", shown(&items, look.most, |v| line(v, look, depth + 1)).join(", ")),
        };
    }
    if let Some(map) = value.read_lock::<Map>() {
        if depth > look.deepest && !map.is_empty() {
            return "#{…}".into();
        }
        let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{}: {}", key(k), line(v, look, depth + 1))).collect();
        return if pairs.is_empty() { "#{}".into() } else { format!("#{{ {} }}", pairs.join(", ")) };
    }
    scalar(value)
}

/// One element or pair a line, unless the whole fits.
fn spread(value: &Dynamic, look: DisplayLimits, depth: usize) -> String {
    let flat = line(value, look, depth);
    let indent = "  ".repeat(depth + 1);
    if depth > look.deepest || flat.chars().count() + indent.len() <= WIDTH {
        return flat;
    }
    if let Some(items) = value.read_lock::<Array>() {
        if items.iter().all(|v| v.is_int() || v.is_float() || v.is_bool()) {
            return format!("[\n{}\n{}]", wrap(&shown(&items, look.most, scalar), &indent), "  ".repeat(depth));
        }
        let rows = shown(&items, look.most, |v| spread(v, look, depth + 1));
        return format!("[\n{indent}{}\n{}]", rows.join(&format!(",\n{indent}")), "  ".repeat(depth));
    }
    if let Some(map) = value.read_lock::<Map>() {
        let rows: Vec<String> =
            map.iter().map(|(k, v)| format!("{indent}{}: {}", key(k), spread(v, look, depth + 1))).collect();
        return format!("#{{\n{}\n{}}}", rows.join(",\n"), "  ".repeat(depth));
    }
    flat
}

/// Words set in lines of the usual width.
fn wrap(words: &[String], indent: &str) -> String {
    let mut lines = vec![indent.to_string()];
    for (i, word) in words.iter().enumerate() {
        let word = if i + 1 < words.len() { format!("{word}, ") } else { word.clone() };
        let last = lines.last_mut().filter(|l| l.chars().count() + word.chars().count() <= WIDTH);
        match last {
            Some(last) => last.push_str(&word),
            None => lines.push(format!("{indent}{word}")),
        }
    }
    lines.iter().map(|l| l.trim_end()).collect::<Vec<_>>().join("\n")
}

/// The elements that are shown, with a note on those that are not.
fn shown(items: &[Dynamic], most: usize, show: impl Fn(&Dynamic) -> String) -> Vec<String> {
    if items.len() <= most {
        return items.iter().map(show).collect();
    }
    let edge = (most / 2).min(6);
    let mut all: Vec<String> = items[..edge].iter().map(&show).collect();
    all.push(format!("… {} more …", items.len() - 2 * edge));
    all.extend(items[items.len() - edge..].iter().map(show));
    all
}

/// A value of a kind inside another: its text where that is one short line, otherwise its name and shape.
fn inline_text(value: &Dynamic, kind: &Kind) -> String {
    let shape = kind.fields.iter().find(|f| f.name == "shape").and_then(|f| (f.get)(value).ok());
    // Of a single number the number says more than its shape.
    let is_single = |shape: &Dynamic| shape.read_lock::<Array>().is_some_and(|sizes| sizes.is_empty());
    match shape.filter(|shape| !is_single(shape)) {
        Some(shape) => format!("{} {shape}", kind.name),
        None => {
            let text = kind.plain(value);
            if text.lines().count() == 1 && text.chars().count() <= 40 { text } else { kind.name.to_string() }
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
        return if f.is_anonymous() { "closure".into() } else { format!("function {}", outer_name(f.fn_name())) };
    }
    value.to_string()
}

/// A key as it would be written: quoted only where it is no name.
fn key(name: &str) -> String {
    if rhai::is_valid_identifier(name) { name.to_string() } else { format!("{name:?}") }
}
