//! Finding the programs of a Rust toolchain.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The PATH, with the folder that rustup puts its programs into: a kernel started from a desktop may lack it.
pub fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let folders = std::env::split_paths(&path).chain(cargo.map(|cargo| cargo.join("bin")));
    std::env::join_paths(folders).unwrap_or(path)
}

/// The first program of that name in the folders of `path`.
pub fn on_path(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}
