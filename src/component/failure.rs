//! Why a build failed, and the way out.

use super::Component;
use saddle_fault::{Fault, Kind};
use std::path::Path;

/// What cargo says when it cannot get a crate.
const NO_NETWORK: [&str; 6] = [
    "failed to download",
    "Could not resolve",
    "Couldn't resolve",
    "Couldn't connect",
    "failed to query replaced source",
    "network failure",
];

/// What the system says when there is no space.
const NO_SPACE: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// What cargo says when the compiler is older than the sources ask for.
const TOO_OLD: [&str; 2] = ["requires rustc", "is not supported by the following"];

/// There is no cargo.
pub fn no_cargo(component: &Component) -> Fault {
    let Component { name, needs, .. } = component;
    Fault::file(format!(
        "{needs} need {name}, which is not built yet, and there is no `cargo` on the PATH to build it with"
    ))
    .hint("get Rust from https://rustup.rs and restart the kernel, or install a package of saddle that brings it built")
}

/// The system gives no process, or no folder.
pub fn no_start(component: &Component, error: &std::io::Error) -> Fault {
    Fault::file(format!("{} cannot be built: cargo does not start: {error}", component.name)).hint(by_hand(component))
}

/// Cargo has ended with an error, after these lines, when it built in the folder `target`.
pub fn of_cargo(component: &Component, lines: &[String], target: &Path) -> Fault {
    let name = component.name;
    let line_with = |signs: &[&str]| {
        let has = |line: &&String| signs.iter().any(|sign| line.contains(sign));
        lines.iter().find(has).map(|line| line.trim())
    };
    if let Some(line) = line_with(&NO_SPACE) {
        let place = target.display();
        return Fault::file(format!("{name} cannot be built: the disk is full: {line}"))
            .hint(format!("free two gigabytes where {place} lies, and run the cell again"));
    }
    if let Some(line) = line_with(&NO_NETWORK) {
        return Fault::file(format!("{name} cannot be built: its crates cannot be downloaded: {line}"))
            .hint(format!("run the cell again when there is a network; {}", by_hand(component)));
    }
    if let Some(line) = line_with(&TOO_OLD) {
        return Fault::value(format!("{name} cannot be built: Rust is too old: {line}"))
            .hint("`rustup update` gets the newest; then run the cell again");
    }
    let first = lines.iter().position(|line| line.starts_with("error"));
    let errors = lines[first.unwrap_or(lines.len().saturating_sub(SHOWN))..].iter();
    let errors: Vec<&str> = errors.map(|line| line.trim_end()).take(SHOWN).collect();
    let said = match errors.is_empty() {
        true => "cargo does not say why".to_string(),
        false => errors.join("\n"),
    };
    Fault::new(Kind::Value, format!("{name} cannot be built: {said}")).hint(by_hand(component))
}

/// The most lines of cargo's that are shown.
const SHOWN: usize = 8;

/// Cargo has ended well, and the file is not where it should be.
pub fn not_there(component: &Component, file: &Path) -> Fault {
    Fault::file(format!("{} was built, and yet there is no {}", component.name, file.display()))
        .hint("a `build.target` in cargo's configuration puts it elsewhere: copy it there, or build without")
}

fn by_hand(component: &Component) -> String {
    format!("`{}` in the folder of the sources builds it by hand", component.command())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RUST_HOST;

    /// What is said about the end of a build that said this.
    fn fault(text: &str) -> Fault {
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        of_cargo(&RUST_HOST, &lines, Path::new("/t"))
    }

    #[test]
    fn failures_are_told_in_the_users_terms() {
        let network =
            fault("error: failed to download from `https://host/x`\n\nCaused by:\n  [6] Could not resolve host: host");
        assert!(network.message.contains("cannot be downloaded"), "{network}");
        assert!(network.hint.unwrap().contains("cargo build --release -p saddle-rust-host"));
        let space = fault(
            "error: could not compile `x` (lib)\nerror: failed to write /t/x: No space left on device (os error 28)",
        );
        assert!(space.message.contains("the disk is full"), "{space}");
        assert!(space.hint.unwrap().contains("/t"));
        let old = fault(
            "error: rustc 1.80.0 is not supported by the following packages:\n  saddle-rust-host@0.1.0 requires rustc 1.95",
        );
        assert!(old.message.contains("too old"), "{old}");
        let wrong = fault("   Compiling x v1\nerror[E0308]: mismatched types\n --> src/lib.rs:1:1\n");
        assert_eq!(
            wrong.message,
            "the host of Rust cells cannot be built: error[E0308]: mismatched types\n --> src/lib.rs:1:1"
        );
        assert!(fault("").message.ends_with("cargo does not say why"));
    }
}
