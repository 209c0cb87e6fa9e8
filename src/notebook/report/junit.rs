//! The report for a build server: JUnit's XML, a suite for each notebook and a case for each of its code cells.

use super::{Entry, NotebookResult, count, first_line, text};
use crate::compare::Verdict;
use crate::trial::Trial;
use saddle_session::output::strip_ansi;
use std::fmt::Write as _;
use std::path::Path;

/// The document.
pub fn junit(entries: &[Entry]) -> String {
    let mut suites = String::new();
    let mut sums = Sums::default();
    for entry in entries {
        let (cases, found) = match &entry.outcome {
            NotebookResult::Ran(trial) => ran(entry, trial),
            NotebookResult::Refused(fault) => {
                let problem = format!("<error message=\"{}\"/>", escape(&fault.message));
                let found = Sums { tests: 1, errors: 1, ..Sums::default() };
                (case(entry, "the file", 0.0, &problem), found)
            }
        };
        let name = escape(&entry.name);
        let _ = writeln!(suites, "  <testsuite name=\"{name}\" {found}>\n{cases}  </testsuite>");
        sums.add(&found);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"saddle test\" {sums}>\n{suites}</testsuites>\n"
    )
}

/// The attributes of a suite.
#[derive(Default)]
struct Sums {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    seconds: f64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.seconds += other.seconds;
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tests, failures, errors, skipped, seconds } = self;
        write!(
            f,
            "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\""
        )
    }
}

fn ran(entry: &Entry, trial: &Trial) -> (String, Sums) {
    let mut cases = String::new();
    let mut found = Sums { seconds: trial.total.as_secs_f64(), ..Sums::default() };
    for judged in &trial.cells {
        let name = format!("cell {}: {}", judged.index + 1, first_line(&trial.stored, judged));
        let seconds = trial.took.get(&judged.index).map_or(0.0, |took| took.as_secs_f64());
        found.tests += 1;
        let problem = match &judged.verdict {
            Verdict::Same | Verdict::Ignored => String::new(),
            Verdict::NotRun(why) => {
                found.skipped += 1;
                format!("<skipped message=\"{}\"/>", escape(why))
            }
            // What has been stored anew is no failure any more.
            Verdict::Differs(_) if entry.updated.is_some() => String::new(),
            Verdict::Differs(differences) => {
                found.failures += 1;
                let what = count(differences.len(), "output") + " different";
                let mut lines = String::new();
                // Writing into a `String` cannot fail.
                let _ = text::cell(&mut lines, trial, judged);
                problem("failure", "Difference", &what, &lines)
            }
            Verdict::Failed(failure, _) => {
                found.errors += 1;
                let trace = strip_ansi(&failure.traceback.join("\n"));
                problem("error", &failure.name, &failure.value, &trace)
            }
        };
        cases.push_str(&case(entry, &name, seconds, &problem));
    }
    (cases, found)
}

fn problem(element: &str, kind: &str, message: &str, body: &str) -> String {
    format!(
        "<{element} type=\"{}\" message=\"{}\">{}</{element}>",
        escape(kind),
        escape(message),
        escape(body).replace("&#10;", "\n")
    )
}

/// One case; its class is the notebook, in the form that build servers group by.
fn case(entry: &Entry, name: &str, seconds: f64, problem: &str) -> String {
    let path = Path::new(&entry.name).with_extension("");
    let class = path.to_string_lossy().replace(['/', '\\'], ".");
    let class = escape(class.trim_start_matches('.'));
    let name = escape(name);
    let case = format!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\"");
    if problem.is_empty() { case + "/>\n" } else { format!("{case}>{problem}</testcase>\n") }
}

/// Text for XML; characters that XML 1.0 has no way to write become U+FFFD.
fn escape(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\r' | '\t' => {
                let _ = write!(xml, "&#{};", u32::from(c));
            }
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(c),
        }
    }
    xml
}
