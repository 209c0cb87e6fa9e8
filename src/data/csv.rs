//! Tables of numbers as text: one line a sample, one column a feature, and perhaps a column with labels.

use super::files::{Watch, describe, open};
use super::{Dataset, Features};
use saddle_fault::{Fault, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// How to read a table.
#[derive(Clone, Debug, Default)]
pub struct Csv {
    /// The column with labels, if there is one.
    pub label: Option<Column>,
    /// Between two columns; a comma where nothing is said.
    pub separator: Option<char>,
}

/// A column, by its place (negative: from the end) or by its name in the first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    At(i64),
    Named(String),
}

/// Lines between two looks at whether to stop.
const POLL: usize = 1 << 12;

/// The table as far as it has been read.
#[derive(Default)]
struct Table {
    /// Columns; 0 before the first line.
    columns: usize,
    /// The place of the labels.
    label: Option<usize>,
    values: Vec<f32>,
    answers: Vec<String>,
}

/// Reads a table. A first line with anything but numbers in it names the columns; empty lines and lines that begin with
/// `#` are left out. Labels are whole numbers from 0, or any texts, which are then numbered in their alphabetical order.
///
/// # Errors
/// A file that is missing, empty or no text; a line with another number of columns; a cell that is not a finite number; a
/// label column that does not exist.
pub fn csv(path: &Path, how: &Csv, watch: &mut Watch) -> Result<Dataset> {
    let name = path
        .file_name()
        .map_or("csv".into(), |n| n.to_string_lossy());
    let mut table = Table::default();
    for (i, line) in BufReader::new(open(path)?).lines().enumerate() {
        if i % POLL == 0 {
            watch.check()?;
        }
        let line = line.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Fault::file(format!("{}: line {} is not text", path.display(), i + 1))
            }
            _ => describe(path, "read", &error),
        })?;
        table
            .line(line.trim_start_matches('\u{feff}'), how)
            .map_err(|what| Fault::file(format!("{}, line {}: {what}", path.display(), i + 1)))?;
    }
    if table.values.is_empty() {
        return Err(Fault::file(format!(
            "{}: there are no numbers in it",
            path.display()
        )));
    }
    let features = table.columns - usize::from(table.label.is_some());
    let data = Dataset::new(&name, Features::Floats(table.values.into()), &[features])?;
    if table.label.is_none() {
        return Ok(data);
    }
    let (labels, classes) = classes(&table.answers);
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    data.with_labels(labels, &classes)
}

impl Table {
    fn line(&mut self, line: &str, how: &Csv) -> Result<(), String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let cells: Vec<&str> = line
            .split(how.separator.unwrap_or(','))
            .map(|cell| cell.trim().trim_matches('"'))
            .collect();
        if self.columns == 0 {
            self.columns = cells.len();
            let names =
                cells.iter().any(|c| c.parse::<f32>().is_err()) && self.is_header(&cells, how);
            self.label = how
                .label
                .as_ref()
                .map(|l| place(l, &cells, names))
                .transpose()?;
            if self.label.is_some() && self.columns == 1 {
                return Err("there is no column besides the labels".into());
            }
            if names {
                return Ok(());
            }
        }
        if cells.len() != self.columns {
            return Err(format!(
                "{} columns, where the first line has {}",
                cells.len(),
                self.columns
            ));
        }
        for (i, cell) in cells.iter().enumerate() {
            if Some(i) == self.label {
                self.answers.push(cell.to_string());
                continue;
            }
            match cell.parse::<f32>() {
                Ok(v) if v.is_finite() => self.values.push(v),
                _ => return Err(format!("\"{cell}\" in column {} is not a number", i + 1)),
            }
        }
        Ok(())
    }

    /// Whether a first line that is not all numbers names the columns. A text in the label's column alone does not make
    /// it a line of names.
    fn is_header(&self, cells: &[&str], how: &Csv) -> bool {
        let label = how.label.as_ref().and_then(|l| place(l, cells, false).ok());
        cells
            .iter()
            .enumerate()
            .any(|(i, cell)| Some(i) != label && cell.parse::<f32>().is_err())
    }
}

/// The place of a column.
fn place(column: &Column, cells: &[&str], are_names: bool) -> Result<usize, String> {
    match column {
        Column::At(i) => {
            let from_end = if *i < 0 { i + cells.len() as i64 } else { *i };
            usize::try_from(from_end)
                .ok()
                .filter(|&i| i < cells.len())
                .ok_or_else(|| format!("there is no column {i} among {}", cells.len()))
        }
        Column::Named(name) => cells
            .iter()
            .position(|cell| are_names && cell == name)
            .ok_or_else(|| match are_names {
                true => format!(
                    "there is no column \"{name}\"; there are {}",
                    cells.join(", ")
                ),
                false => format!("the columns have no names, so none is \"{name}\""),
            }),
    }
}

/// The number of each answer, and what the numbers mean.
fn classes(answers: &[String]) -> (Vec<i32>, Vec<String>) {
    /// Whole numbers beyond this are names rather than classes.
    const MOST: i32 = 100_000;
    let whole = |a: &String| -> Option<i32> {
        let v: f64 = a.parse().ok()?;
        (v.fract() == 0.0 && v >= 0.0 && v < f64::from(MOST)).then_some(v as i32)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;

    fn read(text: &str, label: Option<Column>) -> Result<Dataset> {
        let folder = Folder::new();
        let path = folder.write("table.csv", text.as_bytes());
        let how = Csv {
            label,
            separator: None,
        };
        csv(&path, &how, &mut Watch::none())
    }

    #[test]
    fn numbers_names_and_labels() {
        let data = read("# iris\r\nlength,width,kind\r\n5.1,3.5,setosa\r\n\r\n6,-2e-1,virginica\r\n1,2,\"setosa\"", Some(Column::Named("kind".into()))).unwrap();
        assert_eq!((data.len(), data.shape()), (3, &[2][..]));
        assert_eq!(data.gather(0..3), [5.1, 3.5, 6.0, -0.2, 1.0, 2.0]);
        assert_eq!(data.gather_labels(0..3).unwrap(), [0, 1, 0]);
        assert_eq!(data.classes(), ["setosa", "virginica"]);
        let data = read("1,2,a\n3,4,b\n", Some(Column::At(-1))).unwrap();
        assert_eq!(data.len(), 2, "a text among the labels is no line of names");
        let data = read("\u{feff}0,7\n2,8\n", Some(Column::At(0))).unwrap();
        assert_eq!(data.gather(0..2), [7.0, 8.0]);
        assert_eq!(data.classes(), ["0", "1", "2"]);
        assert_eq!(read("a,b\n1,2", None).unwrap().gather(0..1), [1.0, 2.0]);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let named = |n: &str| Some(Column::Named(n.into()));
        let cases = [
            ("", None, "no numbers in it"),
            ("a,b\n", None, "no numbers in it"),
            (
                "1,2\n3\n",
                None,
                "line 2: 1 columns, where the first line has 2",
            ),
            (
                "1,2\n3,\n",
                None,
                "line 2: \"\" in column 2 is not a number",
            ),
            ("1,2\n3,nan\n", None, "line 2: \"nan\" in column 2"),
            ("a,b\n1,2\n", named("c"), "there are a, b"),
            ("1,2\n", named("c"), "no names"),
            ("1,2\n", Some(Column::At(2)), "no column 2 among 2"),
            ("1\n", Some(Column::At(0)), "no column besides"),
        ];
        for (text, label, part) in cases {
            let fault = read(text, label).unwrap_err();
            assert!(fault.message.contains(part), "{fault} lacks {part:?}");
        }
        let folder = Folder::new();
        let path = folder.write("binary", &[0xff, 0xfe, 0x00]);
        let fault = csv(&path, &Csv::default(), &mut Watch::none()).unwrap_err();
        assert!(fault.message.contains("line 1 is not text"), "{fault}");
    }
}
