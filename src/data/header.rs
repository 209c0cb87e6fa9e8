//! Whether the first line of a table names its columns, where the user does not say so.

/// Names that columns of labels usually have.
const LABELS: [&str; 8] = ["label", "labels", "class", "target", "y", "species", "kind", "category"];
/// What stands for a number that is missing, in any case: what pandas writes and takes for it, and UCI's question mark.
const MISSING: [&str; 9] = ["", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "?"];
/// So many columns are not numbered 0, 1, 2, … by chance.
const MANY: usize = 8;
/// So many lines, and each label in several of them, tell that a text which is none of them is no label.
const ENOUGH: usize = 10;

/// What follows the first line.
pub struct Body<'a> {
    pub values: &'a [f32],
    pub labels: &'a [String],
}

/// What a first line is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    pub is_header: bool,
    /// Whether it might be otherwise, so that the user has to be told.
    pub is_doubtful: bool,
}

/// Whether a cell stands for a number that is missing.
pub fn is_missing(cell: &str) -> bool {
    MISSING.iter().any(|m| m.eq_ignore_ascii_case(cell.trim()))
}

/// Whether a cell is a text, neither number nor missing.
pub fn is_text(cell: &str) -> bool {
    !is_missing(cell) && cell.trim().parse::<f32>().is_err()
}

/// What a first line is whose cells beside that of the label (in the column `label`) are numbers or missing. Numbers
/// name columns where they count them, as in tables that pandas has written, and where what follows speaks against a
/// sample.
pub fn guess(first: &[String], label: Option<usize>, body: &Body) -> Guess {
    let title = label.map(|at| first[at].as_str()).filter(|t| is_text(t));
    let start = counted_from(first, label.filter(|_| title.is_some()));
    let is_counted = start.is_some_and(|start| (-1..=1).contains(&start));
    let is_alone = title.is_none_or(|t| !body.labels.iter().any(|l| l == t));
    let fraction = || body.values.iter().any(|v| v.fract() != 0.0);
    let customary = || title.is_some_and(|t| LABELS.iter().any(|l| l.eq_ignore_ascii_case(t)));
    let counts = || is_counted && (customary() || first.len() > MANY || fraction());
    let by_labels = || match title {
        Some(_) => has_numbers_only(body.labels) || is_of_classes(body.labels),
        None => false,
    };
    let goes_on = || goes_on(first, label, body.values);
    let is_header = !body.values.is_empty() && is_alone && !goes_on() && (counts() || by_labels());
    Guess { is_header, is_doubtful: is_header || (start.is_some() && is_alone && !body.values.is_empty()) }
}

/// From where the cells count, if they do: columns from −1 (an index without a name before them), 0 or 1, years from
/// others.
fn counted_from(cells: &[String], except: Option<usize>) -> Option<i64> {
    let beyond = |(i, cell): (usize, &String)| Some(cell.parse::<i64>().ok()? - i as i64);
    let given = cells.iter().enumerate();
    let mut starts = given.filter(|(i, cell)| Some(*i) != except && !cell.is_empty()).map(beyond);
    let first = starts.next().flatten();
    let mut count = 1;
    let is_same = starts.all(|start| {
        count += 1;
        start == first
    });
    first.filter(|_| is_same && count > 1)
}

/// Whether the second line counts on where the first ends, as in a table of 0, 1, 2, …
fn goes_on(first: &[String], label: Option<usize>, values: &[f32]) -> bool {
    let mut from_the_end = first.iter().enumerate().rev();
    let last = from_the_end.find(|(i, _)| Some(*i) != label);
    let last = last.and_then(|(_, cell)| cell.parse::<f32>().ok());
    last.is_some_and(|last| values.first() == Some(&(last + 1.0)))
}

fn has_numbers_only(labels: &[String]) -> bool {
    !labels.is_empty() && labels.iter().all(|l| l.parse::<f32>().is_ok())
}

/// Whether there are enough labels, and each stands there several times.
fn is_of_classes(labels: &[String]) -> bool {
    let mut sorted: Vec<&String> = labels.iter().collect();
    sorted.sort();
    labels.len() >= ENOUGH && sorted.chunk_by(|a, b| a == b).all(|same| same.len() > 1)
}
