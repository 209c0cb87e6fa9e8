//! Files by the names that a notebook gives them.

use saddle_fault::{Fault, Result, write_whole};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The path that a user wrote: `~/` is the home folder.
pub fn path(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(text),
    }
}

/// The file's content.
///
/// # Errors
/// A file that is missing or may not be read.
pub fn read(word: &str, name: &str) -> Result<Vec<u8>> {
    fs::read(path(name)).map_err(|e| {
        let fault = Fault::file(format!("{word}: `{name}` cannot be read: {}", plain(&e)));
        match (e.kind(), std::env::current_dir()) {
            (ErrorKind::NotFound, Ok(here)) if Path::new(name).is_relative() => {
                fault.hint(format!("looked for in {}", here.display()))
            }
            _ => fault,
        }
    })
}

/// Writes the file, or leaves what was there.
///
/// # Errors
/// A folder that is missing or may not be written; a full disk.
pub fn write(word: &str, name: &str, content: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| Fault::file(format!("{word}: `{name}` cannot be written: {}", plain(&e)));
    let target = path(name);
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(Fault::file(format!("{word}: there is no folder `{}`", folder.display())));
    }
    write_whole(&target, content).map_err(failed)
}

/// An error of the system in plain words.
pub fn plain(e: &std::io::Error) -> String {
    match e.kind() {
        ErrorKind::NotFound => "it does not exist".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::IsADirectory => "it is a folder".into(),
        ErrorKind::StorageFull => "the disk is full".into(),
        ErrorKind::ReadOnlyFilesystem => "what lies there can only be read".into(),
        _ => e.to_string(),
    }
}
