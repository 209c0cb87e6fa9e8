//! The report on one notebook for a terminal.

use super::{Entry, NotebookResult, count, first_line, remark};
use crate::compare::{Change, Content, Difference, Judged, Verdict, changes};
use crate::trial::Trial;
use saddle_session::output::strip_ansi;
use std::fmt::Write as _;

/// How many lines of one difference are shown, and how many alike before and after those that differ.
const LINES: usize = 24;
const AROUND: usize = 1;

/// The lines of the report, each with its line end. Cells are numbered from 1, among all cells, as a reader counts them
/// in the file.
pub fn text(entry: &Entry) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    let _ = match &entry.outcome {
        NotebookResult::Refused(fault) => {
            let hint = fault.hint.iter().map(|hint| format!("\n  hint: {hint}"));
            writeln!(text, "{}: {}{}", entry.name, fault.message, hint.collect::<String>())
        }
        NotebookResult::Ran(trial) => ran(&mut text, entry, trial),
    };
    text
}

fn ran(text: &mut String, entry: &Entry, trial: &Trial) -> std::fmt::Result {
    writeln!(text, "{} ({:.1} s)", entry.name, trial.total.as_secs_f64())?;
    for judged in &trial.cells {
        cell(text, trial, judged)?;
    }
    writeln!(text, "  {}", summary(entry, trial))
}

/// What is wrong with one cell; nothing where nothing is.
pub(super) fn cell(text: &mut String, trial: &Trial, judged: &Judged) -> std::fmt::Result {
    if !matches!(judged.verdict, Verdict::Failed(..) | Verdict::Differs(_)) {
        return Ok(());
    }
    let line = first_line(&trial.stored, judged);
    writeln!(text, "  cell {}: {line}", judged.index + 1)?;
    if let Verdict::Failed(failure, _) = &judged.verdict {
        writeln!(text, "    failed with {}: {}", failure.name, failure.value)?;
        for line in strip_ansi(&failure.traceback.join("\n")).lines().skip(1) {
            writeln!(text, "    {line}")?;
        }
        return Ok(());
    }
    for difference in judged.verdict.differences() {
        shown(text, difference, judged)?;
    }
    Ok(())
}

/// `3 same, 1 different, 2 not compared`, and what was done about it.
fn summary(entry: &Entry, trial: &Trial) -> String {
    let counts = trial.counts();
    let mut summary = format!("{} same, {} different", counts.same, counts.differ);
    for (n, what) in [(counts.failed, "failed"), (counts.ignored, "not compared"), (counts.not_run, "not run")] {
        if n > 0 {
            let _ = write!(summary, ", {n} {what}");
        }
    }
    if trial.interrupted {
        summary.push_str("; interrupted");
    }
    match entry.updated {
        Some(0) => summary.push_str("; nothing to update"),
        Some(n) => {
            let _ = write!(summary, "; {} updated", count(n, "cell"));
        }
        None if trial.has_nothing_stored() && counts.differ > 0 => {
            summary.push_str("; the notebook has no stored outputs (saddle test --update stores them)")
        }
        None => {}
    }
    summary
}

/// One difference: `-` stored, `+` now.
fn shown(text: &mut String, difference: &Difference, judged: &Judged) -> std::fmt::Result {
    let remark = remark(difference, judged);
    if !remark.is_empty() {
        return writeln!(text, "    {}: {remark}", difference.what);
    }
    writeln!(text, "    {}:", difference.what)?;
    if let (Content::Text(old), Content::Text(new)) = (&difference.stored, &difference.new) {
        let mut left = LINES;
        let lines = changes(old, new, &judged.limits.numbers);
        for line in relevant(&lines) {
            if left == 0 {
                return writeln!(text, "      …");
            }
            left -= 1;
            match line {
                None => writeln!(text, "      …")?,
                Some((Change::Same, line)) => writeln!(text, "        {line}")?,
                Some((Change::Gone, line)) => writeln!(text, "      - {line}")?,
                Some((Change::New, line)) => writeln!(text, "      + {line}")?,
            }
        }
        return Ok(());
    }
    for (sign, content) in [('-', &difference.stored), ('+', &difference.new)] {
        for line in described(content).lines().take(LINES) {
            writeln!(text, "      {sign} {line}")?;
        }
    }
    Ok(())
}

/// The lines that differ and those next to them; `None` stands for what is left out between.
fn relevant<'a>(lines: &[(Change, &'a str)]) -> Vec<Option<(Change, &'a str)>> {
    let near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        let to = (at + AROUND + 1).min(lines.len());
        lines[from..to].iter().any(|(change, _)| *change != Change::Same)
    };
    let mut shown = Vec::new();
    for (at, &line) in lines.iter().enumerate() {
        if near(at) {
            shown.push(Some(line));
        } else if shown.last().is_some_and(Option::is_some) {
            shown.push(None);
        }
    }
    if shown.last().is_some_and(Option::is_none) {
        shown.pop();
    }
    shown
}

/// A content in words.
fn described(content: &Content) -> String {
    match content {
        Content::Nothing => "nothing".into(),
        Content::Text(text) => strip_ansi(text),
        Content::Picture(picture) => {
            format!("a picture of {}×{} pixels", picture.width, picture.height)
        }
        Content::Unreadable(mime) => format!("an {mime} that cannot be read"),
    }
}
