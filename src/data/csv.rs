//! Tables of numbers as text: one record a sample, one column a feature, and perhaps a column with labels.

use super::files::{Watch, describe, foreign, unpacked};
use super::header::{self, Body, is_missing, is_text};
use super::records::{self, Between, Comments, Record, RecordError, Records};
use super::{Dataset, Features};
use saddle_fault::{Fault, Result};
use std::io::BufRead;
use std::path::Path;

/// How to read a table.
#[derive(Clone, Debug, Default)]
pub struct Csv {
    /// The column with labels, if there is one.
    pub label: Option<Column>,
    /// Between two columns, a blank standing for any number of blanks and tabs; guessed where nothing is said.
    pub separator: Option<char>,
    /// Whether the first line names the columns; guessed where nothing is said.
    pub header: Option<bool>,
    /// What to do about fields without a value.
    pub missing: Missing,
}

/// What to do about a number that is missing: an empty cell, or `NA`, `nan`, `null`, `None` or `?`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Missing {
    /// It is an error.
    #[default]
    Refuse,
    /// Its line is left out.
    Skip,
    /// This stands in its place.
    Fill(f32),
}

/// A column, by its place (negative: from the end) or by its name in the first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By its place, from 0, or from −1 at the end.
    At(i64),
    /// By the name in the first line.
    Named(String),
}

/// Records between two looks at whether to stop.
const POLL: usize = 1 << 12;
/// Cells of the first line that are shown.
const SHOWN: usize = 6;

/// The table as far as it has been read.
struct Table<'a> {
    how: &'a Csv,
    /// Columns; 0 before the first line.
    columns: usize,
    /// The names of the columns, where they have any.
    names: Vec<String>,
    /// The place of the labels.
    label: Option<usize>,
    /// The first line, while it is open whether it names the columns, and where it stands.
    first: Option<(usize, Vec<String>)>,
    values: Vec<f32>,
    answers: Vec<String>,
    /// Lines that are left out.
    skipped: usize,
    /// The first whole number that a float does not hold, and its column.
    rounded: Option<(usize, String)>,
    /// The place of a last column that has neither a name nor a value: each line ends with a separator.
    empty_end: Option<usize>,
}

/// Reads a table, by RFC 4180; what gzip has packed is unpacked. A first line with anything but numbers in it names the
/// columns, and one with numbers where the rest of the table tells so, if [`Csv::header`] does not; empty lines and
/// lines that begin with `#` are left out. Labels are whole numbers from 0, or any texts, which are then numbered in
/// their alphabetical order. What had to be guessed or is left out is told in a note.
///
/// # Errors
/// A file that is missing, empty or no text; a separator that is no character of ASCII; a quote that is never closed; a
/// line with another number of columns; a cell that is missing or not a finite number; a label column that does not
/// exist.
pub fn csv(path: &Path, how: &Csv, watch: &mut Watch) -> Result<Dataset> {
    let name = path.file_name().map_or("csv".into(), |n| n.to_string_lossy());
    let told = |e| describe(path, "read", &e);
    let mut input = unpacked(path)?;
    let start = input.fill_buf().map_err(told)?;
    if let Some(fault) = no_table(path, start) {
        return Err(fault);
    }
    if records::is_utf16(start) {
        input = records::from_utf16(input).map_err(told)?;
    }
    // Excel says in a line of its own what stands between the columns.
    let said = records::stated_separator(input.fill_buf().map_err(told)?);
    let between = match (how.separator, said) {
        (Some(separator), _) => one(separator)?,
        (None, Some(byte)) => Between::One(byte),
        (None, None) => records::guess(input.fill_buf().map_err(told)?),
    };
    let mut records = Records::new(input, between).map_err(told)?;
    let mut table = Table::new(how);
    let mut record = Record::default();
    let mut begins = None;
    let at = |line: usize, fault: Fault| Fault {
        message: format!("{}, line {line}: {}", path.display(), fault.message),
        ..fault
    };
    for i in 0.. {
        if i % POLL == 0 {
            watch.check()?;
        }
        match records.next(&mut record) {
            Ok(true) => (),
            Ok(false) => break,
            Err(RecordError::Read(error)) => return Err(told(error)),
            Err(RecordError::Text(line, what)) => return Err(at(line, Fault::file(what))),
        }
        let cells = record.cells().ok_or_else(|| {
            Fault::file(format!("{}, line {}: is not text", path.display(), record.line))
                .hint("a table is text in UTF-8")
        })?;
        if said.is_some() && i == 0 {
            continue;
        }
        begins.get_or_insert(record.line);
        table.record(record.line, &cells).map_err(|fault| at(record.line, fault))?;
    }
    let columns = table.columns;
    let doubt = table.finish().map_err(|(line, fault)| at(line, fault))?.map(|what| format!("{name}: {what}"));
    table.without_empty_end();
    // One such line above a table is how np.savetxt names the columns; others may be samples, as a colour is: #ff0000.
    let comments = records.comments_of(columns).filter(|c| c.lines > 1 || begins.is_some_and(|line| c.first > line));
    let comments = comments.filter(|_| columns > 1).map(|c| left_out(&name, c));
    for note in doubt.into_iter().chain(table.notes(&name, between, how)).chain(comments) {
        (watch.note)(&note);
    }
    table.dataset(path, &name)
}

/// That lines which begin with `#` were taken for comments.
fn left_out(name: &str, Comments { lines, first }: Comments) -> String {
    let are = if lines == 1 { "line that begins" } else { "lines that begin" };
    format!(
        "{name}: {lines} {are} with # left out, the first of them line {first}; within quotes, \"#…\", a cell is read"
    )
}

/// The error of a file that begins as no table does.
fn no_table(path: &Path, start: &[u8]) -> Option<Fault> {
    let fault = foreign(&format!("{}: not a table as text", path.display()), start);
    fault.hint.is_some().then_some(fault)
}

/// The separator that the user names.
fn one(separator: char) -> Result<Between> {
    match separator {
        ' ' => Ok(Between::Blanks),
        '"' | '\r' | '\n' => Err(Fault::value(format!("csv: {separator:?} cannot stand between two columns"))),
        _ => {
            u8::try_from(separator).ok().filter(u8::is_ascii).map(Between::One).ok_or_else(|| {
                Fault::value(format!("csv: separator must be a character of ASCII, got \"{separator}\""))
            })
        }
    }
}

impl<'a> Table<'a> {
    fn new(how: &'a Csv) -> Self {
        Self {
            how,
            columns: 0,
            names: Vec::new(),
            label: None,
            first: None,
            values: Vec::new(),
            answers: Vec::new(),
            skipped: 0,
            rounded: None,
            empty_end: None,
        }
    }

    fn record(&mut self, line: usize, cells: &[&str]) -> Result<()> {
        if self.columns == 0 {
            return self.begin(line, cells);
        }
        if cells.len() != self.columns {
            return Err(Fault::file(format!("{} columns, where the first line has {}", cells.len(), self.columns))
                .hint(
                    "`separator` names what stands between two columns; a cell that holds it is written within quotes",
                ));
        }
        let before = self.values.len();
        for (i, cell) in cells.iter().enumerate() {
            let is_label = Some(i) == self.label;
            // `None` and `NA` may be classes.
            match (Some(i) == self.empty_end, cell.is_empty()) {
                (true, true) => {
                    self.values.push(0.0);
                    continue;
                }
                // It has values from the start, so only its name is missing.
                (true, false) if before == 0 => self.empty_end = None,
                (true, false) => return Err(Fault::file(format!("{} is empty in the lines before", self.column(i)))),
                _ => (),
            }
            let is_missing = match is_label {
                true => cell.trim().is_empty() || cell.trim().eq_ignore_ascii_case("nan"),
                false => is_missing(cell),
            };
            match (is_missing, self.how.missing) {
                (true, Missing::Skip) => {
                    self.values.truncate(before);
                    self.skipped += 1;
                    return Ok(());
                }
                (true, Missing::Fill(value)) if !is_label => self.values.push(value),
                (true, _) => return Err(self.missing(i, cell, is_label)),
                (false, _) if is_label => (),
                (false, _) => match cell.trim().parse::<f32>() {
                    Ok(v) if v.is_finite() => {
                        if self.rounded.is_none() && is_rounded(cell, v) {
                            self.rounded = Some((i, cell.trim().to_string()));
                        }
                        self.values.push(v);
                    }
                    _ => {
                        return Err(self.no_number(i, cell));
                    }
                },
            }
        }
        self.answers.extend(self.label.map(|at| cells[at].to_string()));
        Ok(())
    }

    /// Takes the first line: the names of the columns, a sample, or open until the rest is known.
    fn begin(&mut self, line: usize, cells: &[&str]) -> Result<()> {
        self.columns = cells.len();
        let is_named = |label: &Column| matches!(label, Column::Named(n) if cells.contains(&n.as_str()));
        let at = match &self.how.label {
            Some(label @ Column::At(_)) => Some(place(label, cells, false)?),
            _ => None,
        };
        let mut others = cells.iter().enumerate().filter(|(i, _)| Some(*i) != at);
        let has_names = match self.how.header {
            Some(given) => given,
            None => others.any(|(_, c)| is_text(c)) || self.how.label.as_ref().is_some_and(is_named),
        };
        let label = self.how.label.as_ref();
        self.label = label.map(|l| place(l, cells, has_names)).transpose()?;
        if self.label.is_some() && self.columns == 1 {
            return Err(Fault::file("there is no column besides the labels"));
        }
        let last = self.columns - 1;
        self.empty_end = (self.columns > 1 && cells[last].is_empty() && self.label != Some(last)).then_some(last);
        let owned = || cells.iter().map(|c| c.to_string()).collect::<Vec<_>>();
        match (has_names, self.how.header) {
            (true, _) => self.names = owned(),
            (false, None) => self.first = Some((line, owned())),
            (false, _) => return self.record(line, cells),
        }
        Ok(())
    }

    /// Decides about a first line that was left open; what to tell about it. An error comes with the line.
    fn finish(&mut self) -> Result<Option<String>, (usize, Fault)> {
        let Some((line, first)) = self.first.take() else {
            return Ok(None);
        };
        let body = Body { values: &self.values, labels: &self.answers };
        let guess = header::guess(&first, self.label, &body);
        let (taken, otherwise) = match guess.is_header {
            true => ("the names of the columns", "header: false reads it as a sample"),
            false => ("a sample", "header: true reads it as the names of the columns"),
        };
        let more = if first.len() > SHOWN { ", …" } else { "" };
        let shown = first[..first.len().min(SHOWN)].join(", ");
        let note = format!("the first line ({shown}{more}) was taken for {taken}; {otherwise}");
        if !guess.is_header {
            let cells: Vec<&str> = first.iter().map(String::as_str).collect();
            let (values, answers) = (self.values.len(), self.answers.len());
            self.record(line, &cells).map_err(|fault| (line, fault))?;
            // It was read last and comes first.
            let new = [self.values.len() - values, self.answers.len() - answers];
            self.values.rotate_right(new[0]);
            self.answers.rotate_right(new[1]);
        }
        Ok(guess.is_doubtful.then_some(note))
    }

    /// What else there is to tell.
    fn notes(&self, name: &str, between: Between, how: &Csv) -> Vec<String> {
        let between = match between {
            Between::One(b',') => None,
            _ if how.separator.is_some() => None,
            Between::One(b'\t') => Some("tabs".to_string()),
            Between::One(byte) => Some(format!("\"{}\"", char::from(byte))),
            Between::Blanks => Some("blanks".to_string()),
        };
        let between = between.map(|b| format!("{name}: {b} were taken for what stands between two columns"));
        let skipped = (self.skipped > 0).then(|| {
            let lines = if self.skipped == 1 { "line" } else { "lines" };
            format!("{name}: {} {lines} with missing values left out", self.skipped)
        });
        let index = self.is_index_first().then(|| {
            format!("{name}: the first column has no name and counts the lines, as pandas writes its index; it is a feature here: x[.., 1..] leaves it out")
        });
        let rounded = self.rounded.as_ref().map(|(at, number)| {
            format!("{name}: {} has whole numbers of more digits than a float holds, about seven, such as {number}; they are rounded", self.column(*at))
        });
        between.into_iter().chain(skipped).chain(index).chain(rounded).collect()
    }

    /// Takes a last column out that has neither a name nor a value.
    fn without_empty_end(&mut self) {
        let features = self.columns - usize::from(self.label.is_some());
        if self.empty_end.is_none() || features < 2 {
            return;
        }
        let mut at = 0;
        self.values.retain(|_| {
            at += 1;
            at % features != 0
        });
        self.columns -= 1;
    }

    /// Whether the first column has no name and counts the lines, as pandas writes its index.
    fn is_index_first(&self) -> bool {
        let features = self.columns - usize::from(self.label.is_some());
        let is_unnamed = self.names.first().is_some_and(|name| name.is_empty() || name == "Unnamed: 0");
        is_unnamed
            && features > 1
            && self.label != Some(0)
            && self.values.iter().step_by(features).zip(0..).all(|(v, i)| *v == i as f32)
    }

    fn dataset(self, path: &Path, name: &str) -> Result<Dataset> {
        if self.values.is_empty() {
            let what = match self.skipped {
                0 => "there are no numbers in it",
                _ => "something is missing in each of its lines",
            };
            return Err(Fault::file(format!("{}: {what}", path.display())));
        }
        let features = self.columns - usize::from(self.label.is_some());
        let data = Dataset::new(name, Features::Floats(self.values.into()), &[features])?;
        if self.label.is_none() {
            return Ok(data);
        }
        let (labels, classes) = classes(&self.answers);
        let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
        data.with_labels(labels, &classes)
    }

    /// The error of a cell that is no number.
    fn no_number(&self, at: usize, cell: &str) -> Fault {
        let shown = cell.escape_debug();
        let fault = Fault::file(format!("\"{shown}\" in {} is not a finite number", self.column(at)));
        let number = |text: &str| text.trim().parse::<f32>().is_ok();
        if number(&cell.replacen(',', ".", 1)) && cell.contains(',') {
            return fault.hint("numbers have a point and no commas: 1.5, 1000; Python's df.replace(\",\", \".\", regex=True) mends such columns");
        }
        match self.label {
            None if is_text(cell) && cell.chars().any(char::is_alphabetic) => fault
                .hint(format!("a column of texts can be the labels: #{{ label: {at} }}; others have to be numbers")),
            _ => fault,
        }
    }

    /// The error of a cell that is missing.
    fn missing(&self, at: usize, cell: &str, is_label: bool) -> Fault {
        let how = match cell.trim() {
            "" => "is empty".to_string(),
            other => format!("is missing (\"{other}\")"),
        };
        let fault = Fault::file(format!("{} {how}", self.column(at)));
        fault.hint(match is_label {
            true => "missing: \"skip\" leaves such lines out",
            false => "missing: \"skip\" leaves such lines out, missing: 0 reads such cells as 0",
        })
    }

    /// A column as errors name it: by its place from 1, and by its name.
    fn column(&self, at: usize) -> String {
        match self.names.get(at) {
            Some(name) if !name.is_empty() => format!("column {} ({name})", at + 1),
            _ => format!("column {}", at + 1),
        }
    }
}

/// Whether a cell is a whole number that is another one as a float: a name or a time rather than a measure.
fn is_rounded(cell: &str, v: f32) -> bool {
    const EXACT: f32 = (1u32 << f32::MANTISSA_DIGITS) as f32;
    v.abs() >= EXACT && cell.trim().parse::<i128>().is_ok_and(|whole| whole != v as i128)
}

/// The place of a column.
fn place(column: &Column, cells: &[&str], are_names: bool) -> Result<usize> {
    match column {
        Column::At(i) => {
            let from_end = if *i < 0 { i + cells.len() as i64 } else { *i };
            usize::try_from(from_end)
                .ok()
                .filter(|&i| i < cells.len())
                .ok_or_else(|| Fault::file(format!("there is no column {i} among {}", cells.len())))
        }
        Column::Named(name) => cells.iter().position(|cell| are_names && cell == name).ok_or_else(|| match are_names {
            true => Fault::file(format!("there is no column \"{name}\"; there are {}", cells.join(", "))),
            false => Fault::file(format!("the columns have no names, so none is \"{name}\"")),
        }),
    }
}

/// The number of each answer, and what the numbers mean.
fn classes(answers: &[String]) -> (Vec<i32>, Vec<String>) {
    /// Whole numbers beyond this are names rather than classes.
    const MAX_CLASS: i32 = 100_000;
    let whole = |a: &String| -> Option<i32> {
        let v: f64 = a.parse().ok()?;
        (v.fract() == 0.0 && v >= 0.0 && v < f64::from(MAX_CLASS)).then_some(v as i32)
    };
    if let Some(labels) = answers.iter().map(whole).collect::<Option<Vec<_>>>() {
        let count = labels.iter().max().map_or(0, |m| m + 1);
        return (labels, (0..count).map(|c| c.to_string()).collect());
    }
    let mut names = answers.to_vec();
    names.sort();
    names.dedup();
    let number = |a: &String| names.binary_search(a).map_or(0, |i| i as i32);
    (answers.iter().map(number).collect(), names)
}
