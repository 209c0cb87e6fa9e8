//! Tells `saddle doctor` the versions of what the program is built with, which only the lock file knows.

use std::path::Path;
use std::{env, fs};

fn main() {
    let lock = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let versions: Vec<String> = ["rhai", "burn-backend", "zmq"]
        .into_iter()
        .filter_map(|package| Some(format!("{package} {}", version(&lock, package)?)))
        .collect();
    println!("cargo:rustc-env=SADDLE_BUILT_WITH={}", versions.join(","));
}

/// The version of a package in a lock file.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}
