//! The picture of the rooms, in `src/main.rs` and in the README, is what the `Cargo.toml`s say: an arrow for each dependency between
//! rooms, no other, and a row for each room. And the number of the version is one.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// From each room to those that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Every room may use these; the picture says so once.
const LEAVES: [&str; 2] = ["fault", "session"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The name of a room's package as the picture has it; `None` for packages of others.
fn room(package: &str) -> Option<String> {
    match package {
        "saddlepoint" => Some("saddle".into()),
        other => other.strip_prefix("saddle-").map(str::to_string),
    }
}

/// The packages of the workspace as cargo knows them.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The arrows as cargo knows them, but for those to leaves.
fn declared() -> Arrows {
    let packages = packages();
    let arrows = packages.iter().filter_map(|package| {
        let needed = package["dependencies"].as_array()?.iter();
        let in_programs = needed.filter(|d| d["kind"].is_null());
        let rooms = in_programs.filter_map(|d| room(d["name"].as_str()?));
        let rooms = rooms.filter(|name| !LEAVES.contains(&name.as_str()));
        Some((room(package["name"].as_str()?)?, rooms.collect()))
    });
    arrows.collect()
}

/// The arrows in a file's picture: lines such as `words ─► catalog, gan`.
fn drawn(file: &Path) -> Arrows {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| line.trim_start_matches("//!").trim());
    let arrows = lines.filter_map(|line| line.split_once("─►"));
    let names = |list: &str| list.split(',').map(|name| name.trim().to_string()).collect();
    arrows.map(|(from, to)| (from.trim().to_string(), names(to))).collect()
}

#[test]
fn the_pictures_are_what_the_packages_declare() {
    let mut declared = declared();
    assert!(declared["cell"].contains("words"), "{declared:?}");
    declared.retain(|_, to| !to.is_empty());
    for file in ["src/main.rs", "README.md"] {
        assert_eq!(drawn(&root().join(file)), declared, "{file}");
    }
}

#[test]
fn the_table_says_what_every_room_owns() {
    let text = fs::read_to_string(root().join("src/main.rs")).unwrap();
    for room in declared().keys().filter(|room| *room != "saddle") {
        assert!(text.contains(&format!("//! | `{room}` | ")), "src/main.rs has no row for `{room}`");
    }
}

#[test]
fn the_number_of_the_version_is_one() {
    let version = env!("CARGO_PKG_VERSION");
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert_eq!(package["version"].as_str(), Some(version), "{name}");
        for needed in package["dependencies"].as_array().unwrap() {
            let other = needed["name"].as_str().unwrap();
            if room(other).is_some() {
                assert_eq!(needed["req"], format!("^{version}"), "{name} asks for {other}: `workspace.dependencies`");
            }
        }
    }
    let papermill = fs::read_to_string(root().join("kernel/pyproject.toml")).unwrap();
    let line = format!("version = \"{version}\"");
    assert!(papermill.lines().any(|one| one == line), "kernel/pyproject.toml has no line {line}");
}
