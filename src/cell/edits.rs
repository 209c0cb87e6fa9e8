//! Changes of a cell's text: letters put in or exchanged, and where each column of the changed text stood before.

use std::collections::HashMap;

/// One change of the text.
#[derive(Debug)]
pub enum Edit {
    /// Text put in before a column.
    Insert(String),
    /// The same, before all else that is put in there: a statement.
    First(String),
    /// One letter in the place of another.
    Replace(char),
}

/// From columns of the text that ran to columns of the text that the user wrote: per line, what was put in before which
/// of the user's columns, in order.
#[derive(Clone, Default)]
pub struct Columns(HashMap<usize, Vec<(usize, usize)>>);

impl Columns {
    /// Adds the columns of other lines.
    pub fn extend(&mut self, other: Columns) {
        self.0.extend(other.0);
    }

    /// The user's column for a column of the rewritten text.
    pub fn original(&self, line: usize, column: usize) -> usize {
        let mut shift = 0;
        for &(before, letters) in self.0.get(&line).map_or(&[][..], Vec::as_slice) {
            if column < before + shift {
                break;
            }
            if column < before + shift + letters {
                return before;
            }
            shift += letters;
        }
        column - shift
    }

    /// The column of the rewritten text for a column of the user's.
    pub fn rewritten(&self, line: usize, column: usize) -> usize {
        let put_in = self.0.get(&line).map_or(&[][..], Vec::as_slice);
        column + put_in.iter().filter(|(before, _)| *before <= column).map(|(_, letters)| letters).sum::<usize>()
    }
}

/// Makes the edits, line by line.
pub fn apply(code: &str, edits: Vec<(usize, usize, Edit)>) -> (String, Columns) {
    if edits.is_empty() {
        return (code.to_string(), Columns::default());
    }
    let mut by_line: HashMap<usize, Vec<(usize, Edit)>> = HashMap::new();
    for (line, column, edit) in edits {
        by_line.entry(line).or_default().push((column, edit));
    }
    let mut columns = Columns::default();
    let mut lines: Vec<String> = Vec::new();
    for (number, line) in code.split('\n').enumerate() {
        match by_line.remove(&(number + 1)) {
            None => lines.push(line.to_string()),
            Some(mut edits) => {
                // What was found later at the same place encloses what was found before.
                edits.reverse();
                edits.sort_by_key(|(column, edit)| (*column, !matches!(edit, Edit::First(_))));
                lines.push(apply_line(line, &edits));
                columns.0.insert(number + 1, inserted(&edits));
            }
        }
    }
    (lines.join("\n"), columns)
}

fn apply_line(line: &str, edits: &[(usize, Edit)]) -> String {
    let mut text = String::new();
    let mut edits = edits.iter().peekable();
    for (index, letter) in line.chars().enumerate() {
        let mut letter = letter;
        while let Some((_, edit)) = edits.next_if(|(column, _)| *column == index + 1) {
            match edit {
                Edit::Insert(insert) | Edit::First(insert) => text.push_str(insert),
                Edit::Replace(other) => letter = *other,
            }
        }
        text.push(letter);
    }
    text
}

fn inserted(edits: &[(usize, Edit)]) -> Vec<(usize, usize)> {
    let insert = |(column, edit): &(usize, Edit)| match edit {
        Edit::Insert(text) | Edit::First(text) => Some((*column, text.chars().count())),
        Edit::Replace(_) => None,
    };
    edits.iter().filter_map(insert).collect()
}
