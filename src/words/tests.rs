//! What the sources of the records show: an adapter reads what its record declares.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of the words") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.extend(path.extension().is_some_and(|e| e == "rs").then_some(path)),
        }
    }
}

/// The constants in a list such as `params: &[X.param(), SLOPE.param()]`; `None` where it stands elsewhere, under a
/// name.
fn listed<'a>(record: &'a str, field: &str) -> Option<BTreeSet<&'a str>> {
    let Some((_, rest)) = record.split_once(&format!("\n    {field}: ")) else {
        // Built upon a record other than the empty one, it has the list of that.
        let own = record.rsplit_once("\n    ..").is_none_or(|(_, base)| base.starts_with("ENTRY"));
        return own.then(BTreeSet::new);
    };
    let list = rest.strip_prefix("&[")?.split(']').next()?;
    let constants = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    constants.map(|item| item.split_once('.').map(|(name, _)| name)).collect()
}

/// The constants that an adapter reads: `SLOPE` of `SLOPE.of(call)`.
fn read(record: &str) -> BTreeSet<&str> {
    let calls = [".of(call)", ".value(call)", ".given(call)", ".is_given(call)", ".not_negative(call)"];
    let names = calls.iter().flat_map(|read| record.match_indices(read)).map(|(at, _)| {
        let before = &record[..at];
        let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |i| i + 1);
        &before[start..]
    });
    names.filter(|name| name.starts_with(|c: char| c.is_uppercase())).collect()
}

/// The compiler sees the types; that a constant stands in the record is seen when it is read, and here beforehand.
#[test]
fn an_adapter_reads_what_its_record_declares() {
    let mut files = Vec::new();
    sources(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    let (mut records, mut complaints) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        for part in text.split("\nstatic ").skip(1) {
            let Some((name, rest)) = part.split_once(": Entry = Entry {") else { continue };
            let record = rest.split("\n};").next().unwrap_or(rest);
            let (Some(params), Some(options)) = (listed(record, "params"), listed(record, "options")) else { continue };
            records += 1;
            let undeclared = read(record).into_iter().filter(|c| !params.contains(c) && !options.contains(c));
            complaints.extend(undeclared.map(|c| format!("{}: {name} reads {c}", file.display())));
        }
    }
    assert!(records > 200, "only {records} records were found");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
