//! The Rust toolchain of this machine: what cells are compiled with.

use saddle_component::{on_path, search_path};
use saddle_fault::{Fault, Kind, Result};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The oldest that knows the edition of the cells.
const OLDEST: (u32, u32) = (1, 85);

/// What is there.
pub struct Toolchain {
    /// As `rustc` calls itself: `rustc 1.95.0 (…)`.
    pub version: String,
    /// Where programs are looked for.
    pub path: OsString,
    /// The folder of the standard library, which the cells' code is linked to as it runs.
    pub libraries: PathBuf,
    /// Whether the standard library's source is there, from which types are inferred and names completed.
    pub has_source: bool,
}

impl Toolchain {
    /// Looks for `cargo`, `rustc` and a linker.
    ///
    /// # Errors
    /// One is missing, too old, or does not run; the hint says how to get it.
    pub fn find() -> Result<Self> {
        let path = search_path();
        for program in ["cargo", "rustc"] {
            if on_path(&path, program).is_none() {
                return Err(missing(
                    &format!("`{program}`, of a Rust toolchain, which is not on the PATH"),
                    "install one from https://rustup.rs and restart the kernel; cells of Rhai need none",
                ));
            }
        }
        if ["cc", "gcc", "clang"].iter().all(|name| on_path(&path, name).is_none()) {
            return Err(missing(
                "a C linker: there is no `cc` on the PATH",
                "install gcc or clang (Debian and Ubuntu: `apt install gcc`; macOS: `xcode-select --install`); \
                 cells of Rhai need none",
            ));
        }
        let version = rustc(&path, &["--version"])?;
        if version_of(&version).is_some_and(|found| found < OLDEST) {
            let (major, minor) = OLDEST;
            return Err(missing(
                &format!("Rust {major}.{minor} or newer, and here is {version}"),
                "`rustup update` gets the newest",
            ));
        }
        let libraries = PathBuf::from(rustc(&path, &["--print", "target-libdir"])?);
        let root = PathBuf::from(rustc(&path, &["--print", "sysroot"])?);
        let own = std::env::var_os("RUST_SRC_PATH").map(PathBuf::from);
        let source = own.unwrap_or_else(|| root.join("lib/rustlib/src/rust/library"));
        Ok(Self { version, path, libraries, has_source: source.join("core").is_dir() })
    }
}

fn missing(what: &str, how: &str) -> Fault {
    Fault::new(Kind::Value, format!("%%rust needs {what}")).hint(how)
}

/// What `rustc` says.
fn rustc(path: &OsString, arguments: &[&str]) -> Result<String> {
    let program = on_path(path, "rustc").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        // A user's toolchain is not ours to change.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .output();
    let said =
        asked.map_err(|error| missing(&format!("`rustc`, which does not start: {error}"), "see https://rustup.rs"))?;
    if !said.status.success() {
        let why = String::from_utf8_lossy(&said.stderr);
        let why = why.lines().next().unwrap_or("it says nothing").trim();
        return Err(missing(
            &format!("a Rust toolchain, and `rustc` fails here: {why}"),
            "`rustup default stable` sets one up; cells of Rhai need none",
        ));
    }
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_string())
}

/// The numbers in `rustc 1.95.0 (…)`.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version_of("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert!(version_of("rustc 1.9.0").unwrap() < OLDEST);
        assert!(version_of("rustc 1.100.0-nightly").unwrap() > OLDEST);
        assert_eq!(version_of("nothing"), None);
    }
}
