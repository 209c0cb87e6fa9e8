//! Tells `saddle doctor` the versions of what the program is built with, which only the lock file knows, and the linker that the
//! program lies at a fixed address.

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
    // At a fixed address no pointer has to be put right at each start, in either of a notebook's two processes: 6 of 27 MB less for an
    // idle notebook, and a fifth less time to begin. Libraries, heap and stacks still lie at random addresses.
    let of = |key| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if of("OS") == "linux" && of("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}

/// The version of a package in a lock file.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}
