//! How many crates each build compiles, and how many the lock file holds, is what `build_budget.txt` says with a reason: every
//! crate costs whoever builds it time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What is allowed: a line each, a name, a number, and why it last grew.
fn allowed() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("tests/build_budget.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let budget = lines.map(|line| {
        let mut words = line.split_whitespace();
        let (name, count) = (words.next().unwrap(), words.next().unwrap());
        assert!(words.next().is_some(), "{name}: why is it allowed {count}?");
        (name.to_string(), count.parse().unwrap())
    });
    budget.collect()
}

/// The crates that a package is built from on the machines that most builds run on, its own included.
fn crates(package: &str) -> usize {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let tree = ["tree", "--offline", "--locked", "-e", "normal,build", "--prefix", "none"];
    let output = Command::new(cargo)
        .args(tree)
        .args(["--target", "x86_64-unknown-linux-gnu", "-f", "{p}", "-p", package])
        .current_dir(ROOT)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    names.collect::<BTreeSet<_>>().len()
}

#[test]
fn builds_have_as_many_crates_as_their_budget_says() {
    let mut counted = BTreeMap::new();
    for package in ["saddlepoint", "saddle-rust-host", "saddle-burn"] {
        counted.insert(package.to_string(), crates(package));
    }
    let lock = std::fs::read_to_string(Path::new(ROOT).join("Cargo.lock")).unwrap();
    let locked = lock.lines().filter(|line| line.starts_with("name = ")).count();
    counted.insert("Cargo.lock".into(), locked);
    assert_eq!(counted, allowed(), "change tests/build_budget.txt with the reason, or do without the crate");
}
