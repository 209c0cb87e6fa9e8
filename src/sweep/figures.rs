//! What `check` and `report` say, as numbers: a line of JSON each, appended to the file that the environment variable
//! [`FIGURES`] names. The text in the notebook is rounded for people; and lines that are written at once survive a
//! killed process.

use saddle_fault::{Fault, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// The variable that names the file; without it nothing is written.
pub const FIGURES: &str = "SADDLE_FIGURES";

/// One number or truth that a cell has stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What the cell calls it.
    pub what: String,
    /// A number, `true` or `false`; `"NaN"`, `"inf"` and `"-inf"`, which JSON has no numbers for, are texts.
    pub value: Value,
    /// Of a check: whether it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// Of a check: the bar that it has to stay below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Of a check: the bar that it has to lie above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Of a check: the value that it has to be near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<f64>,
    /// Of a check: how near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tol: Option<f64>,
}

impl Figure {
    /// A number without bounds.
    pub fn new(what: &str, value: f64) -> Self {
        Self { what: what.into(), value: stored(value), holds: None, below: None, above: None, near: None, tol: None }
    }

    /// The value as a number: a truth counts 1 or 0.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Bool(holds) => Some(f64::from(u8::from(*holds))),
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// A number as JSON holds it.
pub fn stored(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

/// Appends a figure to the file that the variable names, if it names one.
///
/// # Errors
/// The file cannot be written.
pub fn note(figure: &Figure) -> Result<()> {
    match std::env::var_os(FIGURES) {
        Some(path) if !path.is_empty() => append(Path::new(&path), figure),
        _ => Ok(()),
    }
}

fn append(path: &Path, figure: &Figure) -> Result<()> {
    let cannot = |error: std::io::Error| {
        Fault::file(format!("the figure \"{}\" cannot be written to {}: {error}", figure.what, path.display()))
    };
    let mut line = serde_json::to_string(figure).unwrap_or_default();
    line.push('\n');
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(cannot)
}

/// The figures in a file; a line that a killed process left half is no figure.
pub fn read(path: &Path) -> Vec<Figure> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
