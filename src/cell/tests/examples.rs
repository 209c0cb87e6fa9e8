//! Every example of every word, run in a session of its own.

use super::{Notes, plain};
use crate::catalog::{Entry, Gives};

/// What is wrong with an example; nothing when it gives what its record says.
fn judge(entry: &Entry, code: &str, gives: &Gives) -> Option<String> {
    let outcome = Notes::with(crate::words::catalog()).run(code);
    let complaint = match (gives, outcome) {
        (Gives::Value(expected), Ok(shown)) if shown.trim_end() != *expected => {
            format!("shows {shown:?}, not {expected:?}")
        }
        (Gives::Error(part), Err(failure)) if !failure.value.contains(part) => {
            format!("fails with {:?}", failure.value)
        }
        (Gives::Error(_), Ok(shown)) => format!("does not fail, but shows {shown:?}"),
        (Gives::Value(_) | Gives::Runs, Err(failure)) => format!("fails: {}", plain(&failure)),
        _ => return None,
    };
    Some(format!("{}: {code}\n    {complaint}", entry.name))
}

#[test]
fn every_example_gives_what_it_says() {
    let mut complaints = Vec::new();
    for entry in crate::words::catalog().entries() {
        complaints.extend(
            entry
                .examples
                .iter()
                .filter_map(|e| judge(entry, e.code, &e.gives)),
        );
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A record without a summary, a family, an example or the doc of a parameter is no help to anyone.
#[test]
fn every_record_is_complete() {
    let mut complaints = Vec::new();
    for entry in crate::words::catalog().entries() {
        let mut missing = Vec::new();
        missing.extend(entry.group.is_empty().then_some("group"));
        missing.extend(entry.summary.is_empty().then_some("summary"));
        missing.extend(entry.examples.is_empty().then_some("example"));
        missing.extend(
            entry
                .params
                .iter()
                .filter(|p| p.doc.is_empty())
                .map(|p| p.name),
        );
        missing.extend(
            entry
                .options
                .iter()
                .filter(|o| o.doc.is_empty())
                .map(|o| o.key),
        );
        if !missing.is_empty() {
            complaints.push(format!("{}: lacks {}", entry.name, missing.join(", ")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
