//! Whole files. Written beside the old one, flushed to the disk, and put in its place in one step: whatever happens,
//! the path holds the old content or the new. What a link leads to is written, and a file that is replaced keeps its
//! permissions.

use saddle_fault::{Fault, Result};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
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
    let named = path(name);
    let target = named.canonicalize().unwrap_or(named);
    let before = fs::metadata(&target).ok();
    if before.as_ref().is_some_and(|it| !it.is_file() && !it.is_dir()) {
        // A pipe or a device: in its place a file would be in everybody's way (`/dev/null`).
        let written = OpenOptions::new().write(true).open(&target).and_then(|mut it| it.write_all(content));
        return written.map_err(failed);
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    if !folder.is_dir() {
        return Err(Fault::file(format!("{word}: there is no folder `{}`", folder.display())));
    }
    let file = target.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{file}.{}.part", uuid::Uuid::new_v4().simple()));
    let permissions = before.filter(fs::Metadata::is_file).map(|it| it.permissions());
    let written = whole(&beside, content, permissions).and_then(|()| fs::rename(&beside, &target));
    if let Err(e) = written {
        // What is left of the attempt is of no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&beside);
        return Err(failed(e));
    }
    // So that the new name survives a crash, too. Not every system lets a folder be flushed.
    if let Ok(folder) = File::open(&folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn whole(path: &Path, content: &[u8], permissions: Option<Permissions>) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // Before the content: what only its owner may read is at no moment read by others.
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.sync_all()
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
