//! The user's own copy of the notebooks, which JupyterLab opens: made at the first start, and brought up to date at
//! later ones without losing anything that the user wrote.
//!
//! | the copy holds | and the notebooks that came with this program | then |
//! |---|---|---|
//! | nothing of that name | | it is put there |
//! | what was put there, run or not | are newer | it is replaced |
//! | what the user has changed | are newer | it is kept, and the newer one is put beside it, named after its version |
//! | what the user has changed | are as they were | it is kept |
//!
//! So a notebook that was deleted or renamed is there again, as it was, after the next start.

use super::folders;
use saddle_fault::{Fault, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// In the copy: the fingerprint of each file as it was put there last.
const RECORD: &str = ".saddlepoint.json";

/// What bringing a copy up to date changed: names of files, relative to the copy.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Put there for the first time, or again.
    pub added: Vec<String>,
    /// Replaced by newer ones.
    pub replaced: Vec<String>,
    /// Kept, because the user had changed them; each with the name of the newer one beside it.
    pub kept: Vec<(String, String)>,
}

/// Brings the copy in the folder `own` up to date with the notebooks in `shipped`, which are of `version`.
///
/// # Errors
/// A folder or a file cannot be read or written.
pub fn renew(shipped: &Path, own: &Path, version: &str) -> Result<Renewal> {
    let mut record = read_record(own);
    let mut renewal = Renewal::default();
    for name in files_in(shipped)? {
        let newest = read(&shipped.join(&name))?
            .ok_or_else(|| Fault::file(format!("{} has gone", shipped.join(&name).display())))?;
        let (target, mark) = (own.join(&name), fingerprint(&name, &newest));
        let last = record.get(&name);
        match read(&target)?.map(|bytes| fingerprint(&name, &bytes)) {
            Some(present) if present == mark => (),
            // Changed by the user, who has been given the newest.
            Some(_) if last == Some(&mark) => (),
            Some(present) if last != Some(&present) => {
                let beside = free_name(own, &name, version);
                write(&own.join(&beside), &newest)?;
                renewal.kept.push((name.clone(), beside));
            }
            present => {
                write(&target, &newest)?;
                match present {
                    Some(_) => renewal.replaced.push(name.clone()),
                    None => renewal.added.push(name.clone()),
                }
            }
        }
        record.insert(name, mark);
    }
    write_record(own, &record)?;
    Ok(renewal)
}

impl Renewal {
    /// What a user wants to know about it: a line each; nothing where nothing changed.
    pub fn lines(&self, own: &Path) -> Vec<String> {
        let own = own.display();
        let count = |names: &[String]| match names {
            [name] => name.clone(),
            names => format!("{} files", names.len()),
        };
        let mut lines = Vec::new();
        if !self.added.is_empty() {
            lines.push(format!("put {} into {own}", count(&self.added)));
        }
        if !self.replaced.is_empty() {
            lines.push(format!("renewed {} in {own}", count(&self.replaced)));
        }
        for (name, beside) in &self.kept {
            lines.push(format!("kept your {name}; the newer one is {beside} in {own}"));
        }
        lines
    }
}

/// What makes a file another one than it was: its bytes; of a notebook the sources of its cells, for running it is not
/// changing it.
fn fingerprint(name: &str, bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    match sources(name, bytes) {
        Some(cells) => cells.iter().for_each(|(kind, source)| {
            hash.update(format!("{kind} {}\n", source.len()));
            hash.update(source);
        }),
        None => hash.update(bytes),
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Kind and source of each cell of a notebook; `None` for what is none.
fn sources(name: &str, bytes: &[u8]) -> Option<Vec<(String, String)>> {
    if !name.ends_with(".ipynb") {
        return None;
    }
    let notebook: Value = serde_json::from_slice(bytes).ok()?;
    let cells = notebook["cells"].as_array()?;
    let cell = |cell: &Value| {
        let source = match &cell["source"] {
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
            source => source.as_str()?.to_string(),
        };
        Some((cell["cell_type"].as_str()?.to_string(), source))
    };
    cells.iter().map(cell).collect()
}

/// The files below a folder that are not hidden, by their names relative to it, in order.
fn files_in(folder: &Path) -> Result<Vec<String>> {
    let cannot = |error| Fault::file(format!("cannot read {}: {error}", folder.display()));
    let (mut names, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(within) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&within)).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = within.join(entry.file_name());
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Follows links: what a packager has linked is a file all the same.
            match entry.path().is_dir() {
                true => folders.push(name),
                false => names.extend(name.to_str().map(String::from)),
            }
        }
    }
    names.sort();
    Ok(names)
}

/// A name beside that of a file, with the version, which nothing has yet: `a.ipynb`, `a-0.2.0.ipynb`,
/// `a-0.2.0-2.ipynb`.
fn free_name(own: &Path, name: &str, version: &str) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let numbered = (2..).map(|n| format!("{stem}-{version}-{n}{extension}"));
    std::iter::once(format!("{stem}-{version}{extension}"))
        .chain(numbered)
        .find(|name| !own.join(name).exists())
        .unwrap_or_default()
}

/// What stands in the record; nothing where there is none, or a damaged one: then what is there counts as the user's.
fn read_record(own: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read(own.join(RECORD)).unwrap_or_default();
    let record: Value = serde_json::from_slice(&text).unwrap_or_default();
    let files = record["files"].as_object().into_iter().flatten();
    files.filter_map(|(name, mark)| Some((name.clone(), mark.as_str()?.to_string()))).collect()
}

fn write_record(own: &Path, record: &BTreeMap<String, String>) -> Result<()> {
    if *record == read_record(own) {
        return Ok(());
    }
    let text = json!({
        "about": "how `saddle lab` put each file here, by which it tells what you have changed",
        "files": record,
    });
    write(&own.join(RECORD), format!("{text:#}\n").as_bytes())
}

/// The bytes of a file; `None` where there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Fault::file(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Writes a file in one step: it is as before or as it is to be, never half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| saddle_fault::write_whole(path, bytes));
    written.map_err(|error| {
        Fault::file(format!("cannot write {}: {}", path.display(), folders::because(&error)))
            .hint("`saddle lab FOLDER` opens a folder of your own instead")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with what came with the program, and one with the user's copy, both removed in the end.
    struct Places {
        all: PathBuf,
        shipped: PathBuf,
        own: PathBuf,
    }

    impl Places {
        fn new(test: &str) -> Self {
            let name = format!("saddle-notebooks-{test}-{}", std::process::id());
            let all = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&all);
            let (shipped, own) = (all.join("shipped"), all.join("home/own"));
            fs::create_dir_all(shipped.join("full")).unwrap();
            fs::write(shipped.join("full/a.png"), [0, 159]).unwrap();
            fs::write(shipped.join("a.ipynb"), notebook("1 + 1", "")).unwrap();
            Self { all, shipped, own }
        }

        fn renew(&self) -> Renewal {
            renew(&self.shipped, &self.own, "0.2.0").unwrap()
        }

        fn own(&self, name: &str) -> String {
            fs::read_to_string(self.own.join(name)).unwrap()
        }
    }

    impl Drop for Places {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.all);
        }
    }

    fn notebook(source: &str, output: &str) -> String {
        let cell = json!({ "cell_type": "code", "source": [source], "outputs": [output] });
        json!({ "cells": [cell], "nbformat": 4 }).to_string()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn the_first_start_copies_all_and_the_second_changes_nothing() {
        let places = Places::new("first");
        assert_eq!(places.renew().added, names(&["a.ipynb", "full/a.png"]));
        assert_eq!(fs::read(places.own.join("full/a.png")).unwrap(), [0, 159]);
        let record = places.own(RECORD);
        assert_eq!(places.renew(), Renewal::default());
        assert_eq!(places.own(RECORD), record);
        // Nothing but the two, their folder and the record.
        assert_eq!(fs::read_dir(&places.own).unwrap().count(), 3);
    }

    #[test]
    fn what_was_only_run_is_renewed_and_what_was_changed_is_kept() {
        let places = Places::new("newer");
        fs::write(places.shipped.join("b.ipynb"), notebook("2", "")).unwrap();
        places.renew();
        let ran = notebook("1 + 1", "a picture");
        fs::write(places.own.join("a.ipynb"), ran).unwrap();
        let mine = notebook("2 + mine", "");
        fs::write(places.own.join("b.ipynb"), &mine).unwrap();
        assert_eq!(places.renew(), Renewal::default());
        assert!(places.own("a.ipynb").contains("a picture"));

        fs::write(places.shipped.join("a.ipynb"), notebook("1 + 1 + 1", "")).unwrap();
        fs::write(places.shipped.join("b.ipynb"), notebook("22", "")).unwrap();
        let renewal = places.renew();
        assert_eq!(renewal.replaced, names(&["a.ipynb"]));
        let pair = ("b.ipynb".to_string(), "b-0.2.0.ipynb".to_string());
        assert_eq!(renewal.kept, [pair]);
        assert!(places.own("a.ipynb").contains("1 + 1 + 1"));
        assert_eq!(places.own("b.ipynb"), mine);
        assert!(places.own("b-0.2.0.ipynb").contains("22"));
        // The newer one is put beside once, not at every start.
        assert_eq!(places.renew(), Renewal::default());

        fs::write(places.shipped.join("b.ipynb"), notebook("222", "")).unwrap();
        assert_eq!(places.renew().kept[0].1, "b-0.2.0-2.ipynb");
        assert!(places.own("b-0.2.0.ipynb").contains("22"));
    }

    #[test]
    fn new_notebooks_appear_and_deleted_ones_come_back() {
        let places = Places::new("deleted");
        places.renew();
        fs::write(places.own.join("mine.ipynb"), "not even JSON").unwrap();
        fs::remove_file(places.own.join("a.ipynb")).unwrap();
        fs::write(places.shipped.join("c.ipynb"), notebook("3", "")).unwrap();
        assert_eq!(places.renew().added, names(&["a.ipynb", "c.ipynb"]));
        assert_eq!(places.own("mine.ipynb"), "not even JSON");
    }

    /// A folder of that name which was there before, or whose record was lost: nothing in it is overwritten.
    #[test]
    fn without_a_record_everything_is_the_users() {
        let places = Places::new("foreign");
        fs::create_dir_all(&places.own).unwrap();
        fs::write(places.own.join("a.ipynb"), "a diary").unwrap();
        fs::write(places.own.join(RECORD), "{ damaged").unwrap();
        let renewal = places.renew();
        assert_eq!(places.own("a.ipynb"), "a diary");
        assert_eq!(renewal.kept[0].1, "a-0.2.0.ipynb");
        assert_eq!(renewal.added, names(&["full/a.png"]));
    }

    #[test]
    fn a_copy_that_cannot_be_written_says_what_else_can_be_opened() {
        let places = Places::new("unwritable");
        fs::create_dir_all(&places.all).unwrap();
        fs::write(places.all.join("home"), "in the way").unwrap();
        let fault = renew(&places.shipped, &places.own, "0.2.0").unwrap_err();
        assert!(fault.message.contains("a.ipynb"), "{fault:?}");
        assert!(fault.hint.is_some_and(|hint| hint.contains("saddle lab FOLDER")));
    }
}
