//! Every example of every word, run in a session of its own.

use super::{Notes, plain};
use saddle_catalog::{Entry, Gives, Ty};
use std::path::Path;

/// What is wrong with an example; nothing when it gives what its record says. What it writes into `/tmp` goes into `folder`: there
/// another user's or another run's files may lie under the same names.
fn judge(entry: &Entry, code: &str, gives: &Gives, folder: &Path) -> Option<String> {
    let here = code.replace("/tmp/", &format!("{}/", folder.display()));
    let outcome = Notes::with(saddle_words::catalog()).result(&here);
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
    let folder = std::env::temp_dir().join(format!("saddle-examples-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut complaints = Vec::new();
    for entry in saddle_words::catalog().entries() {
        complaints.extend(entry.examples.iter().filter_map(|e| judge(entry, e.code, &e.gives, &folder)));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A record without a summary, a family, an example or the doc of a parameter is no help to anyone.
#[test]
fn every_record_is_complete() {
    let mut complaints = Vec::new();
    for entry in saddle_words::catalog().entries() {
        let mut missing = Vec::new();
        missing.extend(entry.group.is_empty().then_some("group"));
        missing.extend(entry.summary.is_empty().then_some("summary"));
        missing.extend(entry.examples.is_empty().then_some("example"));
        missing.extend(entry.params.iter().filter(|p| p.doc.is_empty()).map(|p| p.name));
        missing.extend(entry.options.iter().filter(|o| o.doc.is_empty()).map(|o| o.key));
        if !missing.is_empty() {
            complaints.push(format!("{}: lacks {}", entry.name, missing.join(", ")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A default stands for what is left out: it has to be what could have been given.
#[test]
fn every_default_is_of_its_type() {
    let catalog = saddle_words::catalog();
    let mut complaints = Vec::new();
    for entry in catalog.entries() {
        let params = entry.params.iter().filter_map(|p| Some((p.name, p.ty, p.default?)));
        let options = entry.options.iter().map(|o| (o.key, o.ty, o.default));
        for (name, ty, default) in params.chain(options) {
            let fits = default.value().is_none_or(|value| ty.accepts(&value, catalog));
            complaints.extend((!fits).then(|| format!("{}: {name} = {default} is not {}", entry.name, ty.described())));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The kinds that a type names.
fn kinds_in(ty: Ty, found: &mut Vec<&'static str>) {
    match ty {
        Ty::Of(name) => found.push(name),
        Ty::OneOf(types) => types.iter().for_each(|ty| kinds_in(*ty, found)),
        Ty::Tensor | Ty::TensorLike => found.push("tensor"),
        _ => (),
    }
}

/// A family may be listed and its kinds forgotten: then its values are shown as paths of Rust.
#[test]
fn every_kind_that_a_record_names_is_registered() {
    let catalog = saddle_words::catalog();
    let mut complaints = Vec::new();
    for entry in catalog.entries() {
        let mut named = Vec::new();
        entry.params.iter().for_each(|p| kinds_in(p.ty, &mut named));
        entry.options.iter().for_each(|o| kinds_in(o.ty, &mut named));
        kinds_in(entry.returns, &mut named);
        let unknown = named.into_iter().filter(|name| catalog.kind(name).is_none());
        complaints.extend(unknown.map(|name| format!("{}: {name}", entry.name)));
    }
    assert!(complaints.is_empty(), "not in KINDS of words/mod.rs:\n{}", complaints.join("\n"));
}
