//! Which lines of two texts differ.

use super::Tolerance;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// In both texts, the numbers within the tolerance.
    Same,
    /// Only in the stored text.
    Gone,
    /// Only in the new text.
    New,
}

/// Beyond this product of line counts the table of common lines is not worth its time.
const TABLE: usize = 1_000_000;

/// The lines of both texts in one order: a longest common subsequence, with what is only in one of them around it.
/// Lines that are the same are those of the stored text.
pub fn changes<'a>(stored: &'a str, new: &'a str, tolerance: &Tolerance) -> Vec<(Change, &'a str)> {
    let (old, new): (Vec<_>, Vec<_>) = (stored.lines().collect(), new.lines().collect());
    let same = |a: &str, b: &str| tolerance.texts_agree(a, b);
    let head = old.iter().zip(&new).take_while(|(a, b)| same(a, b)).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(|(a, b)| same(a, b)).count();
    let (old_middle, new_middle) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut changes: Vec<_> = old[..head].iter().map(|&line| (Change::Same, line)).collect();
    if old_middle.len() * new_middle.len() <= TABLE {
        changes.extend(middle(old_middle, new_middle, &same));
    } else {
        changes.extend(old_middle.iter().map(|&line| (Change::Gone, line)));
        changes.extend(new_middle.iter().map(|&line| (Change::New, line)));
    }
    changes.extend(old[old.len() - tail..].iter().map(|&line| (Change::Same, line)));
    changes
}

/// The same by the table of dynamic programming: `common[i][j]` is the length of the longest common subsequence of
/// `old[i..]` and `new[j..]`.
fn middle<'a>(old: &[&'a str], new: &[&'a str], same: &dyn Fn(&str, &str) -> bool) -> Vec<(Change, &'a str)> {
    let columns = new.len() + 1;
    let mut common = vec![0u32; (old.len() + 1) * columns];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * columns + j] = if same(old[i], new[j]) {
                common[(i + 1) * columns + j + 1] + 1
            } else {
                common[(i + 1) * columns + j].max(common[i * columns + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::with_capacity(old.len() + new.len());
    while i < old.len() || j < new.len() {
        let both = i < old.len() && j < new.len();
        if both && same(old[i], new[j]) {
            changes.push((Change::Same, old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (both && common[(i + 1) * columns + j] >= common[i * columns + j + 1]) {
            changes.push((Change::Gone, old[i]));
            i += 1;
        } else {
            changes.push((Change::New, new[j]));
            j += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_TOLERANCE;
    use super::*;

    fn marked(stored: &str, new: &str) -> String {
        let changes = changes(stored, new, &DEFAULT_TOLERANCE);
        let lines = changes.iter().map(|(change, line)| match change {
            Change::Same => format!(" {line}"),
            Change::Gone => format!("-{line}"),
            Change::New => format!("+{line}"),
        });
        lines.collect::<Vec<_>>().join("|")
    }

    /// The right-hand sides are what `diff -u` prints of the same lines, without its headers.
    #[test]
    fn only_what_differs_is_marked() {
        assert_eq!(marked("a\nb\nc", "a\nb\nc"), " a| b| c");
        assert_eq!(marked("a\nb\nc\nd\ne", "a\nx\nc\ne\nf"), " a|-b|+x| c|-d| e|+f");
        assert_eq!(marked("", "a"), "+a");
        assert_eq!(marked("a", ""), "-a");
        assert_eq!(marked("x 1.00001", "x 1.00002"), " x 1.00001", "within the tolerance");
    }
}
