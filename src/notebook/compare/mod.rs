//! What a notebook shows now against what it showed when it was stored: text and numbers, pictures by their looks.
//!
//! | file | owns |
//! |---|---|
//! | `tolerance` | when two texts say the same |
//! | `pixels`, `similarity` | when two pictures look the same |
//! | `checks` | what the checks of a cell claim, and how far their figures may differ |
//! | `lines` | which lines of two texts differ |

mod checks;
mod lines;
mod pixels;
mod similarity;
mod tolerance;

#[cfg(test)]
mod tests;

use super::document::{Cell, Document};
use super::markers::Markers;
use super::record::on_screen;
use super::run::Failed;
use saddle_session::Failure;
use serde_json::Value;

pub use lines::{Change, changes};
pub use pixels::{Likeness, Picture};
pub use tolerance::{DEFAULT as DEFAULT_TOLERANCE, Tolerance};

/// What still counts as the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// For numbers in text.
    pub numbers: Tolerance,
    /// The structural similarity that the least similar part of a picture has to reach, up to 1.
    pub similarity: f64,
    /// For pictures that chance decides, in the place of `similarity`: how alike their looks have to be, up to 1.
    pub look: Option<f64>,
    /// Only cells marked `nbval-check-output` are compared.
    pub lax: bool,
}

/// Rounding reaches 0.99 and more, a curve that has moved by its own width stays below 0.8.
pub const DEFAULT_SIMILARITY: f64 = 0.9;

impl Default for Limits {
    fn default() -> Self {
        Self { numbers: DEFAULT_TOLERANCE, similarity: DEFAULT_SIMILARITY, look: None, lax: false }
    }
}

impl Limits {
    /// These limits as the marks of one cell change them.
    fn of(&self, markers: &Markers) -> Self {
        let own = |relative| Tolerance { relative, loose: true, ..self.numbers };
        Self {
            numbers: markers.tolerance.map_or(self.numbers, own),
            similarity: markers.similarity.unwrap_or(self.similarity),
            look: markers.look.or(self.look),
            ..*self
        }
    }
}

/// One side of a difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing is shown.
    Nothing,
    /// Text.
    Text(String),
    /// A picture.
    Picture(Picture),
    /// A picture of this type whose bytes are damaged.
    Unreadable(String),
}

/// One way in which a cell shows something else than it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What differs: `stdout`, `display 2, text/plain`, `error`, …
    pub what: String,
    /// What the notebook holds.
    pub stored: Content,
    /// What the run showed.
    pub new: Content,
    /// Between two pictures of one size.
    pub likeness: Option<Likeness>,
}

/// What became of one code cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Within the tolerances.
    Same,
    /// Its outputs are not to be compared, and its checks hold as they did.
    Ignored,
    /// It was not run, and why.
    NotRun(&'static str),
    /// Not within them: where.
    Differs(Vec<Difference>),
    /// It ended the run with an error that it is not marked for.
    Failed(Failure, Vec<Difference>),
}

impl Verdict {
    /// What differs; empty where nothing does or nothing was compared.
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::Differs(differences) | Self::Failed(_, differences) => differences,
            _ => &[],
        }
    }
}

/// The verdict on one code cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Its place among all cells of the notebook, from 0.
    pub index: usize,
    /// How the comparison ended.
    pub verdict: Verdict,
    /// What was allowed to it.
    pub limits: Limits,
}

/// Compares each code cell of `stored` with its twin in `new`, by its place; `failed` is the cell that ended the run.
pub fn compare(stored: &Document, new: &Document, limits: &Limits, failed: Option<&Failed>) -> Vec<Judged> {
    let pairs = stored.code_cells().zip(new.code_cells());
    pairs
        .map(|((index, old), (_, new))| {
            let markers = Markers::of(old);
            let limits = limits.of(&markers);
            let failed = failed.filter(|failed| failed.index == index);
            let verdict = if let Some(failed) = failed {
                Verdict::Failed(failed.failure.clone(), differences(old, new, &limits))
            } else if markers.skip || markers.skip_in_test {
                Verdict::NotRun("it is marked to be skipped")
            } else if new.count.is_none() {
                Verdict::NotRun("the notebook did not get this far")
            } else if !markers.compared.unwrap_or(!limits.lax) {
                match unseen_by_nbval(old, new, &limits, &markers) {
                    found if found.is_empty() && !markers.has_limits() => Verdict::Ignored,
                    found if found.is_empty() => Verdict::Same,
                    found => Verdict::Differs(found),
                }
            } else {
                match differences(old, new, &limits) {
                    found if found.is_empty() => Verdict::Same,
                    found => Verdict::Differs(found),
                }
            };
            Judged { index, verdict, limits }
        })
        .collect()
}

/// Whether two outputs of a cell, in nbformat's terms, show the same.
pub(super) fn outputs_agree(stored: &Value, new: &Value, limits: &Limits) -> bool {
    if stored["output_type"] != new["output_type"] || stored["name"] != new["name"] {
        return false;
    }
    let mut found = Vec::new();
    compare_displays("", stored, new, limits, &mut found);
    found.is_empty()
        && limits.numbers.texts_agree(&text_of(stored), &text_of(new))
        && limits.numbers.texts_agree(&error_of(stored), &error_of(new))
}

/// In what a cell differs whose outputs nbval does not compare: the claims of its checks, always; its texts within the
/// tolerance and its pictures by the similarity that the cell itself gives, if it does. A cell that gives a look has
/// the same outputs and the same words, whatever their numbers, and pictures of that look.
fn unseen_by_nbval(stored: &Cell, new: &Cell, limits: &Limits, markers: &Markers) -> Vec<Difference> {
    let claims = |cell: &Cell| checks::claims(&stream_text(cell, "stdout"));
    let (old, now) = (claims(stored), claims(new));
    let mut found = Vec::new();
    if old != now {
        found.push(Difference { what: "checks".into(), stored: text(old), new: text(now), likeness: None });
    }
    if limits.look.is_some() {
        let numbers = if markers.tolerance.is_some() { limits.numbers } else { Tolerance::ANY_NUMBER };
        found.extend(differences(stored, new, &Limits { numbers, ..*limits }));
    } else if markers.has_limits() {
        let is_picture = |content: &Content| matches!(content, Content::Picture(_) | Content::Unreadable(_));
        let wanted = |d: &Difference| match (is_picture(&d.stored), is_picture(&d.new)) {
            (true, true) => markers.similarity.is_some(),
            (false, false) => markers.tolerance.is_some(),
            // One that is gone, or new, is within no limit.
            _ => true,
        };
        found.extend(differences(stored, new, limits).into_iter().filter(wanted));
    }
    found
}

/// Everything in which the outputs of two cells differ.
fn differences(stored: &Cell, new: &Cell, limits: &Limits) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut texts = |what: &str, stored: String, new: String| {
        if !limits.numbers.texts_agree(&stored, &checks::settled(&stored, &new)) {
            found.push(Difference { what: what.into(), stored: text(stored), new: text(new), likeness: None });
        }
    };
    for stream in ["stdout", "stderr"] {
        texts(stream, stream_text(stored, stream), stream_text(new, stream));
    }
    texts("error", error(stored), error(new));
    let (old, new) = (displays(stored), displays(new));
    for place in 0..old.len().max(new.len()) {
        let name = format!("display {}", place + 1);
        let (old, new) = (old.get(place), new.get(place));
        if let (Some(old), Some(new)) = (old, new) {
            compare_displays(&name, old, new, limits, &mut found);
        } else {
            found.push(Difference {
                what: name,
                stored: old.map_or(Content::Nothing, |output| best(output)),
                new: new.map_or(Content::Nothing, |output| best(output)),
                likeness: None,
            });
        }
    }
    found
}

/// Of a widget only the random name of its model is in the file.
const NEVER_COMPARED: &str = "application/vnd.jupyter.widget-view+json";

/// Compares two displays (or results), one mime type after the other.
fn compare_displays(name: &str, old: &Value, new: &Value, limits: &Limits, found: &mut Vec<Difference>) {
    let empty = serde_json::Map::new();
    let varies = |output: &Value| output["metadata"]["saddlepoint"]["varies"] == true;
    let varies = varies(old) || varies(new);
    let (old, new) = (old["data"].as_object().unwrap_or(&empty), new["data"].as_object().unwrap_or(&empty));
    let added = new.keys().filter(|mime| !old.contains_key(*mime));
    let compared = |mime: &&String| *mime != NEVER_COMPARED && (!varies || *mime == "text/plain");
    for mime in old.keys().chain(added).filter(compared) {
        let (before, now) = (old.get(mime), new.get(mime));
        if before == now {
            continue;
        }
        let (stored, new) = (content(mime, before), content(mime, now));
        let mut likeness = None;
        let same = match (&stored, &new) {
            (Content::Picture(a), Content::Picture(b)) => {
                likeness = a.likeness(b);
                likeness.as_ref().is_some_and(|found| match limits.look {
                    Some(look) => found.look >= look,
                    None => found.reaches(limits.similarity),
                })
            }
            (Content::Text(_), Content::Text(_)) => {
                let values = before.zip(now);
                values.is_some_and(|(a, b)| limits.numbers.values_agree(a, b))
            }
            _ => false,
        };
        if !same {
            found.push(Difference { what: format!("{name}, {mime}"), stored, new, likeness });
        }
    }
}

/// One representation of a display.
fn content(mime: &str, value: Option<&Value>) -> Content {
    match value {
        None => Content::Nothing,
        Some(Value::String(base64)) if pixels::is_picture(mime) => {
            Picture::read(mime, base64).map_or_else(|| Content::Unreadable(mime.into()), Content::Picture)
        }
        Some(Value::String(text)) => Content::Text(text.clone()),
        Some(other) => Content::Text(other.to_string()),
    }
}

/// The representation of a display that says most to a person.
fn best(output: &Value) -> Content {
    let data = &output["data"];
    let mimes = ["image/gif", "image/png", "image/jpeg", "text/plain"];
    let best = mimes.into_iter().find_map(|mime| Some((mime, data.get(mime)?)));
    best.map_or_else(|| Content::Text(data.to_string()), |(mime, value)| content(mime, Some(value)))
}

fn text(text: String) -> Content {
    if text.is_empty() { Content::Nothing } else { Content::Text(text) }
}

/// All that a cell printed to one stream, as a terminal would show it in the end.
fn stream_text(cell: &Cell, name: &str) -> String {
    let texts = cell.outputs.iter().filter(|output| output["name"] == name);
    let text: String = texts.filter_map(|output| output["text"].as_str()).collect();
    on_screen(&text)
}

fn text_of(output: &Value) -> String {
    on_screen(output["text"].as_str().unwrap_or_default())
}

/// The error with which a cell ended, empty for none.
fn error(cell: &Cell) -> String {
    cell.outputs.iter().map(error_of).collect()
}

/// The kind and message of an error; the traceback's line numbers and colours may change freely.
fn error_of(output: &Value) -> String {
    if output["output_type"] != "error" {
        return String::new();
    }
    let field = |key: &str| output[key].as_str().unwrap_or_default();
    format!("{}: {}", field("ename"), field("evalue"))
}

/// The displays and results of a cell, in order.
fn displays(cell: &Cell) -> Vec<&Value> {
    // A bar of progress says nothing once it is over; a sound varies in its bytes alone, and has a text to compare.
    let is_bar = |output: &Value| {
        output["metadata"]["saddlepoint"]["varies"] == true && output["data"].get("audio/wav").is_none()
    };
    cell.outputs.iter().filter(|output| output.get("data").is_some() && !is_bar(output)).collect()
}
