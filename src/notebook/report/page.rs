//! The report as one self-contained web page: each differing cell with both values side by side and, for pictures, a
//! third one that marks where they differ. No script, nothing fetched, light and dark.

use super::{Entry, NotebookResult, count, first_line, remark};
use crate::compare::{Change, Content, Difference, Judged, Picture, Tolerance, Verdict, changes};
use crate::html::{STYLE, ansi, highlight};
use crate::trial::Trial;
use base64::Engine as _;
use saddle_session::output::escape_html as escape;
use std::fmt::Write as _;

const REPORT_STYLE: &str = include_str!("report.css");

/// The page.
pub fn page(entries: &[Entry]) -> String {
    let passed = entries.iter().filter(|entry| entry.passed()).count();
    let title = if passed == entries.len() {
        format!("{} as stored", count(passed, "notebook"))
    } else {
        format!("{passed} of {} notebooks as stored", entries.len())
    };
    let mut body = format!("<h1>{title}</h1>\n{}", overview(entries));
    for (at, entry) in entries.iter().enumerate() {
        let _ = write!(body, "<section class=\"notebook\" id=\"n{at}\">\n{}</section>\n", notebook(entry));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{REPORT_STYLE}</style>\n</head>\n<body>\n<main class=\"report\">\n{body}</main>\n</body>\n</html>\n"
    )
}

/// A line for each notebook.
fn overview(entries: &[Entry]) -> String {
    let mut table = String::from(
        "<table class=\"overview\">\n<tr><th></th><th>notebook</th><th>same</th><th>different</th><th>failed</th>\
         <th>not compared</th><th>not run</th><th>time</th></tr>\n",
    );
    for (at, entry) in entries.iter().enumerate() {
        let name = format!("<a href=\"#n{at}\">{}</a>", escape(&entry.name));
        let _ = match &entry.outcome {
            NotebookResult::Refused(_) => writeln!(
                table,
                "<tr><td>{}</td><td>{name}</td><td colspan=\"6\">could not be run</td></tr>",
                mark(entry)
            ),
            NotebookResult::Ran(trial) => {
                let counts = trial.counts();
                let numbers = [counts.same, counts.differ, counts.failed, counts.ignored, counts.not_run];
                let cells = numbers.map(|n| match n {
                    0 => "<td class=\"none\">0</td>".to_string(),
                    n => format!("<td>{n}</td>"),
                });
                let time = trial.total.as_secs_f64();
                writeln!(
                    table,
                    "<tr><td>{}</td><td>{name}</td>{}<td>{time:.1} s</td></tr>",
                    mark(entry),
                    cells.concat()
                )
            }
        };
    }
    table + "</table>\n"
}

/// A sign that does not rest on colour alone.
fn mark(entry: &Entry) -> &'static str {
    if entry.passed() {
        "<span class=\"good\" title=\"as stored\">✓</span>"
    } else {
        "<span class=\"bad\" title=\"not as stored\">✗</span>"
    }
}

fn notebook(entry: &Entry) -> String {
    let mut html = format!("<h2>{} {}</h2>\n", mark(entry), escape(&entry.name));
    match &entry.outcome {
        NotebookResult::Refused(fault) => {
            let _ = writeln!(html, "<pre class=\"error\">{}</pre>", escape(&fault.to_string()));
        }
        NotebookResult::Ran(trial) => {
            let mut quiet = true;
            for judged in &trial.cells {
                if matches!(judged.verdict, Verdict::Differs(_) | Verdict::Failed(..)) {
                    html.push_str(&cell(trial, judged));
                    quiet = false;
                }
            }
            if let Some(n) = entry.updated.filter(|n| *n > 0) {
                let _ = writeln!(html, "<p>The new outputs of {} have been stored.</p>", count(n, "cell"));
            } else if trial.interrupted {
                html.push_str("<p>The run was interrupted.</p>\n");
            } else if quiet {
                html.push_str("<p class=\"dim\">Every cell that was compared shows what is stored.</p>\n");
            }
        }
    }
    html
}

/// A cell that failed or differs: its code, and what is wrong with it.
fn cell(trial: &Trial, judged: &Judged) -> String {
    let source = trial.stored.cells[judged.index].source.trim_end();
    let mut html = format!(
        "<section class=\"cell\">\n<h3>Cell {}</h3>\n<details{}><summary><code>{}</code></summary>\
         <pre class=\"source\">{}</pre></details>\n",
        judged.index + 1,
        if source.lines().count() <= 12 { " open" } else { "" },
        escape(&first_line(&trial.stored, judged)),
        highlight::code(source)
    );
    if let Verdict::Failed(failure, _) = &judged.verdict {
        let text = if failure.traceback.is_empty() {
            format!("{}: {}", failure.name, failure.value)
        } else {
            failure.traceback.join("\n")
        };
        let _ = writeln!(html, "<pre class=\"error\">{}</pre>", ansi::html(&text));
    }
    for difference in judged.verdict.differences() {
        html.push_str(&side_by_side(difference, judged));
    }
    html + "</section>\n"
}

/// The stored value and the new one; for two pictures of one size also where they differ.
fn side_by_side(difference: &Difference, judged: &Judged) -> String {
    let remark = remark(difference, judged);
    let what = escape(&difference.what);
    let mut html = format!("<h4>{what}</h4>\n");
    if !remark.is_empty() {
        let _ = writeln!(html, "<p>{}</p>", escape(&remark));
    }
    let (stored, new) = match (&difference.stored, &difference.new) {
        (Content::Text(old), Content::Text(new)) => marked(old, new, &judged.limits.numbers),
        (old, new) => (content(old), content(new)),
    };
    let mut figures = vec![("stored", stored), ("now", new)];
    if let Some(likeness) = &difference.likeness {
        let base64 = base64::engine::general_purpose::STANDARD.encode(&likeness.map);
        figures.push(("where they differ", image("image/png", &base64, "the places that differ, in red")));
    }
    html.push_str("<div class=\"sides\">\n");
    for (caption, shown) in figures {
        let _ = writeln!(html, "<figure><figcaption>{caption}</figcaption>{shown}</figure>");
    }
    html + "</div>\n"
}

fn content(content: &Content) -> String {
    match content {
        Content::Nothing => "<p class=\"dim\">nothing</p>".into(),
        Content::Text(text) => format!("<pre>{}</pre>", ansi::html(text)),
        Content::Picture(Picture { mime, base64, .. }) => image(mime, base64, "a picture"),
        Content::Unreadable(mime) => {
            format!("<p class=\"dim\">a damaged {}</p>", escape(mime))
        }
    }
}

fn image(mime: &str, base64: &str, alt: &str) -> String {
    // Only what the picture's reader accepted gets here: base64, and one of three types.
    format!("<img alt=\"{alt}\" src=\"data:{mime};base64,{base64}\">")
}

/// Both texts, with the lines that differ marked.
fn marked(stored: &str, new: &str, tolerance: &Tolerance) -> (String, String) {
    let (mut left, mut right) = (String::from("<pre>"), String::from("<pre>"));
    for (change, line) in changes(stored, new, tolerance) {
        let line = ansi::html(line);
        if change != Change::New {
            left.push_str(&marked_line(&line, change, "del"));
        }
        if change != Change::Gone {
            right.push_str(&marked_line(&line, change, "ins"));
        }
    }
    (left + "</pre>", right + "</pre>")
}

fn marked_line(line: &str, change: Change, element: &str) -> String {
    match change {
        Change::Same => format!("{line}\n"),
        Change::Gone | Change::New => format!("<{element}>{line}</{element}>\n"),
    }
}
