//! The values of a parameter on the command line: `seed=0..10`, `seed=0..=9`, `loss=minimax,hinge`,
//! `betas=[0,0.9],[0.5,0.9]`.

use super::super::parameters::{Known, split};
use saddle_fault::{Fault, Result};
use saddle_sweep::plan::{Axis, MOST_RUNS};
use serde_json::json;

/// One parameter with its values.
///
/// # Errors
/// An unknown parameter; values that are not of its type, or none; a range without end.
pub fn axis(text: &str, known: &Known) -> Result<Axis> {
    let (name, list) = split(text)?;
    let mut values = Vec::new();
    for item in items(list) {
        match range(item) {
            Some((start, end)) => {
                if end.saturating_sub(start) > MOST_RUNS as i64 {
                    return Err(Fault::value(format!("-p {text}: that is more than {MOST_RUNS} runs")));
                }
                for value in start..end {
                    values.push(known.checked(name, json!(value))?);
                }
            }
            None => values.push(known.read(name, item)?),
        }
    }
    if values.is_empty() {
        return Err(Fault::value(format!("-p {text}: there is no value in it"))
            .hint("0..10 is 0 to 9, 0..=9 is the same; 10..0 is nothing"));
    }
    if let Some(twice) = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)) {
        return Err(Fault::value(format!("-p {text}: the value {} is given twice", twice.1)));
    }
    Ok(Axis { name: name.to_string(), values })
}

/// A range of whole numbers: its first, and the one behind its last.
fn range(text: &str) -> Option<(i64, i64)> {
    let (start, end) = text.trim().split_once("..")?;
    let start = start.parse().ok()?;
    match end.strip_prefix('=') {
        Some(last) => Some((start, last.parse::<i64>().ok()?.checked_add(1)?)),
        None => Some((start, end.parse().ok()?)),
    }
}

/// The parts of a list at its commas; those inside brackets or quotes part nothing.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    let mut items = Vec::new();
    for (at, c) in list.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '[' | '{' | '(' if !quoted => depth += 1,
            ']' | '}' | ')' if !quoted => depth -= 1,
            ',' if depth == 0 && !quoted => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_notebook::document::Document;
    use serde_json::Value;

    fn known() -> Known {
        let source = "let seed = 0; let loss = \"minimax\"; let lr = 0.1; let betas = [0.5, 0.999];";
        let cell = json!({ "cell_type": "code", "source": source, "metadata": { "tags": ["parameters"] } });
        let notebook = json!({ "nbformat": 4, "metadata": {}, "cells": [cell] });
        Known::of(&Document::parse(&notebook.to_string()).unwrap()).unwrap()
    }

    fn values(text: &str) -> Value {
        Value::Array(axis(text, &known()).unwrap().values)
    }

    #[test]
    fn values_are_listed_or_counted() {
        assert_eq!(values("seed=0..3"), json!([0, 1, 2]));
        assert_eq!(values("seed=-1..=1"), json!([-1, 0, 1]));
        assert_eq!(values("seed=7,0..2"), json!([7, 0, 1]));
        assert_eq!(values("loss=minimax,hinge"), json!(["minimax", "hinge"]));
        assert_eq!(values("lr=1e-4,1"), json!([1e-4, 1.0]));
        assert_eq!(values("betas=[0,0.9],[0.5,0.999]"), json!([[0, 0.9], [0.5, 0.999]]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, says) in [
            ("seed", "NAME=VALUE"),
            ("sede=1", "no parameter `sede`"),
            ("seed=a", "a whole number"),
            ("seed=0.5", "a whole number"),
            ("loss=0..3", "a text"),
            ("seed=5..5", "no value"),
            ("seed=", "no value"),
            ("seed=1,1", "twice"),
            ("seed=0..1000000000", "more than"),
            ("betas=0.5", "an array"),
        ] {
            let fault = axis(text, &known()).unwrap_err();
            assert!(fault.message.contains(says), "{text}: {}", fault.message);
        }
        assert!(axis("sede=1", &known()).unwrap_err().hint.unwrap().contains("seed, loss, lr, betas"));
    }
}
