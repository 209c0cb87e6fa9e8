//! What a notebook shows now against what it showed when it was stored: text and numbers, and the size of pictures.

use super::document::{Cell, Document};
use super::markers::Markers;
use base64::Engine as _;
use serde_json::Value;
use std::fmt::{self, Write as _};
use std::io::Cursor;

pub use super::tolerance::{DEFAULT as DEFAULT_TOLERANCE, Tolerance};

/// One way in which a cell shows something else than it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What differs: `stdout`, `display 2, text/plain`, `error`, …
    pub what: String,
    pub stored: String,
    pub new: String,
}

/// What became of one code cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Same,
    /// Its outputs are not to be compared.
    Ignored,
    /// It was not run, because it is marked so or because an earlier cell failed.
    NotRun,
    Differs(Vec<Difference>),
}

/// Compares each code cell of `stored` with its twin in `new`, by its place. The index is the cell's place among all
/// cells, from 0.
pub fn compare(stored: &Document, new: &Document, tolerance: &Tolerance) -> Vec<(usize, Verdict)> {
    let pairs = stored.code_cells().zip(new.code_cells());
    pairs
        .map(|((index, old), (_, new))| {
            let markers = Markers::of(old);
            let verdict = if new.count.is_none() || markers.skip || markers.skip_in_test {
                Verdict::NotRun
            } else if markers.ignore_output {
                Verdict::Ignored
            } else {
                match differences(old, new, tolerance) {
                    found if found.is_empty() => Verdict::Same,
                    found => Verdict::Differs(found),
                }
            };
            (index, verdict)
        })
        .collect()
}

/// Everything in which the outputs of two cells differ.
fn differences(stored: &Cell, new: &Cell, tolerance: &Tolerance) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |what: String, stored: String, new: String| {
        found.push(Difference { what, stored, new });
    };
    for stream in ["stdout", "stderr"] {
        let (old, new) = (stream_text(stored, stream), stream_text(new, stream));
        if !tolerance.texts_agree(&old, &new) {
            note(stream.into(), old, new);
        }
    }
    let (old_error, new_error) = (error(stored), error(new));
    if !tolerance.texts_agree(&old_error, &new_error) {
        note("error".into(), old_error, new_error);
    }
    let (old, new) = (displays(stored), displays(new));
    for place in 0..old.len().max(new.len()) {
        let name = format!("display {}", place + 1);
        match (old.get(place), new.get(place)) {
            (Some(old), Some(new)) => compare_displays(&name, old, new, tolerance, &mut note),
            (old, new) => note(
                name,
                old.map_or_else(nothing, |o| plain(o)),
                new.map_or_else(nothing, |o| plain(o)),
            ),
        }
    }
    found
}

/// Compares two displays (or results), one mime type after the other.
fn compare_displays(
    name: &str,
    old: &Value,
    new: &Value,
    tolerance: &Tolerance,
    note: &mut impl FnMut(String, String, String),
) {
    let empty = serde_json::Map::new();
    let data = |output: &'_ Value| output["data"].as_object().unwrap_or(&empty).clone();
    let (old, new) = (data(old), data(new));
    for (mime, stored) in &old {
        let what = format!("{name}, {mime}");
        let Some(now) = new.get(mime) else {
            note(what, shown(mime, stored), nothing());
            continue;
        };
        let same = match (picture_size(mime, stored), picture_size(mime, now)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => tolerance.values_agree(stored, now),
            _ => false,
        };
        if !same {
            note(what, shown(mime, stored), shown(mime, now));
        }
    }
    for (mime, now) in new.iter().filter(|(mime, _)| !old.contains_key(*mime)) {
        note(format!("{name}, {mime}"), nothing(), shown(mime, now));
    }
}

/// All that a cell printed to one stream.
fn stream_text(cell: &Cell, name: &str) -> String {
    let texts = cell.outputs.iter().filter(|output| output["name"] == name);
    texts.filter_map(|output| output["text"].as_str()).collect()
}

/// The kind and message of the error with which a cell ended; the traceback's line numbers and colours may change freely.
fn error(cell: &Cell) -> String {
    let error = cell
        .outputs
        .iter()
        .find(|output| output["output_type"] == "error");
    let field = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_string();
    error.map_or_else(String::new, |e| {
        format!("{}: {}", field(e, "ename"), field(e, "evalue"))
    })
}

/// The displays and results of a cell, in order.
fn displays(cell: &Cell) -> Vec<&Value> {
    cell.outputs
        .iter()
        .filter(|output| output.get("data").is_some())
        .collect()
}

/// Width and height of a picture of raster graphics; `None` for any other type, and for one that cannot be read.
fn picture_size(mime: &str, content: &Value) -> Option<(u32, u32)> {
    if !matches!(mime, "image/png" | "image/gif") {
        return None;
    }
    let base64: String = content.as_str()?.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(base64)
        .ok()?;
    image::ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?
        .into_dimensions()
        .ok()
}

/// A representation as a report shows it.
fn shown(mime: &str, content: &Value) -> String {
    match (picture_size(mime, content), content) {
        (Some((width, height)), _) => format!("a picture of {width}×{height} pixels"),
        (None, Value::String(_)) if mime.starts_with("image/") && mime != "image/svg+xml" => {
            "a picture that cannot be read".into()
        }
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    }
}

fn plain(output: &Value) -> String {
    output["data"]["text/plain"]
        .as_str()
        .unwrap_or("a display with no text")
        .to_string()
}

fn nothing() -> String {
    "nothing".into()
}

/// How many lines of each side a report shows.
const LINES_SHOWN: usize = 8;

impl fmt::Display for Difference {
    /// The lines that differ: `-` stored, `+` now. Lines alike at the start and the end are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.what)?;
        let (old, new): (Vec<_>, Vec<_>) =
            (self.stored.lines().collect(), self.new.lines().collect());
        let head = old
            .iter()
            .zip(&new)
            .take_while(|(a, b)| DEFAULT_TOLERANCE.texts_agree(a, b))
            .count();
        let (old, new) = (&old[head..], &new[head..]);
        let tail = old.iter().rev().zip(new.iter().rev());
        let tail = tail
            .take_while(|(a, b)| DEFAULT_TOLERANCE.texts_agree(a, b))
            .count();
        for (sign, lines) in [
            ('-', &old[..old.len() - tail]),
            ('+', &new[..new.len() - tail]),
        ] {
            for line in lines.iter().take(LINES_SHOWN) {
                writeln!(f, "  {sign} {line}")?;
            }
            if lines.len() > LINES_SHOWN {
                writeln!(f, "  {sign} … {} more lines", lines.len() - LINES_SHOWN)?;
            }
        }
        Ok(())
    }
}

/// The report on one notebook: what differs, cell by cell, and a line that sums up. Cells are numbered from 1, among all
/// cells, as a reader counts them in the file.
pub fn report(verdicts: &[(usize, Verdict)]) -> String {
    let mut text = String::new();
    let mut counts = [0usize; 4];
    for (index, verdict) in verdicts {
        counts[match verdict {
            Verdict::Same => 0,
            Verdict::Differs(_) => 1,
            Verdict::Ignored => 2,
            Verdict::NotRun => 3,
        }] += 1;
        if let Verdict::Differs(differences) = verdict {
            for difference in differences {
                // Writing into a `String` cannot fail.
                let _ = write!(text, "cell {}: {difference}", index + 1);
            }
        }
    }
    let [same, differ, ignored, not_run] = counts;
    let _ = write!(text, "{same} same, {differ} different");
    if ignored > 0 {
        let _ = write!(text, ", {ignored} not compared");
    }
    if not_run > 0 {
        let _ = write!(text, ", {not_run} not run");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::tests::notebook;
    use serde_json::json;

    fn with_outputs(outputs: Value, tags: &[&str]) -> Document {
        let mut document = notebook(&[("cell", tags)]);
        document.cells[0].count = Some(1);
        document.cells[0].outputs = outputs.as_array().cloned().unwrap_or_default();
        document
    }

    fn verdict(stored: Value, new: Value, tags: &[&str]) -> Verdict {
        let verdicts = compare(
            &with_outputs(stored, tags),
            &with_outputs(new, tags),
            &DEFAULT_TOLERANCE,
        );
        verdicts.into_iter().next().expect("one cell").1
    }

    fn printed(text: &str) -> Value {
        json!([{ "output_type": "stream", "name": "stdout", "text": text }])
    }

    fn png(width: u32, height: u32) -> Value {
        let mut bytes = Cursor::new(Vec::new());
        let picture = image::DynamicImage::new_luma8(width, height);
        picture
            .write_to(&mut bytes, image::ImageFormat::Png)
            .expect("a picture");
        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes.into_inner());
        json!([{ "output_type": "display_data", "metadata": {}, "data": { "image/png": base64, "text/plain": "grid" } }])
    }

    #[test]
    fn text_and_numbers_are_compared_unless_marked() {
        assert_eq!(
            verdict(printed("V = 0.50000001"), printed("V = 0.5"), &[]),
            Verdict::Same
        );
        assert!(matches!(
            verdict(printed("V = 0.6"), printed("V = 0.5"), &[]),
            Verdict::Differs(_)
        ));
        assert_eq!(
            verdict(
                printed("V = 0.6"),
                printed("V = 0.5"),
                &["nbval-ignore-output"]
            ),
            Verdict::Ignored
        );
        assert_eq!(
            verdict(printed("V = 0.6"), printed("V = 0.5"), &["nbval-skip"]),
            Verdict::NotRun
        );
    }

    #[test]
    fn one_text_in_several_pieces_is_the_same_text() {
        let mut pieces = printed("a\n").as_array().cloned().unwrap_or_default();
        pieces.extend(printed("b\n").as_array().cloned().unwrap_or_default());
        assert_eq!(
            verdict(Value::Array(pieces), printed("a\nb\n"), &[]),
            Verdict::Same
        );
    }

    #[test]
    fn pictures_are_compared_by_their_size() {
        assert_eq!(verdict(png(4, 3), png(4, 3), &[]), Verdict::Same);
        let Verdict::Differs(found) = verdict(png(4, 3), png(4, 5), &[]) else {
            panic!("sizes differ")
        };
        assert_eq!(
            found[0].to_string(),
            "display 1, image/png:\n  - a picture of 4×3 pixels\n  + a picture of 4×5 pixels\n"
        );
    }

    #[test]
    fn a_missing_output_and_a_new_error_are_differences() {
        let Verdict::Differs(found) = verdict(png(4, 3), json!([]), &[]) else {
            panic!("one output is missing")
        };
        assert_eq!(
            (found[0].what.as_str(), found[0].new.as_str()),
            ("display 1", "nothing")
        );
        let error = json!([{ "output_type": "error", "ename": "ShapeError", "evalue": "[2] + [3]", "traceback": ["x"] }]);
        let other = json!([{ "output_type": "error", "ename": "ShapeError", "evalue": "[2] + [3]", "traceback": ["y"] }]);
        assert_eq!(verdict(error.clone(), other, &[]), Verdict::Same);
        assert!(matches!(
            verdict(json!([]), error, &[]),
            Verdict::Differs(_)
        ));
    }

    #[test]
    fn a_report_shows_only_the_lines_that_differ() {
        let verdicts = [
            (
                2,
                verdict(printed("a\nb 1\nc\n"), printed("a\nb 2\nc\n"), &[]),
            ),
            (3, Verdict::Ignored),
        ];
        assert_eq!(
            report(&verdicts),
            "cell 3: stdout:\n  - b 1\n  + b 2\n0 same, 1 different, 1 not compared"
        );
    }
}
