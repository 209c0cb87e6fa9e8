//! Whole files: written beside the old one, flushed to the disk, and put in its place in one step.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes a file: whatever happens, the path holds the old content or the new. What a link leads to is written, and a file that is
/// replaced keeps its permissions. A pipe or a device is written to: in its place a file would be in everybody's way (`/dev/null`).
///
/// # Errors
/// A folder that is missing or may not be written; a full disk.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let before = fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|it| !it.is_file() && !it.is_dir()) {
        return OpenOptions::new().write(true).open(&path)?.write_all(content);
    }
    let draft = draft(&path);
    let permissions = before.filter(Metadata::is_file).map(|it| it.permissions());
    let written = draw_up(&draft, content, permissions).and_then(|()| fs::rename(&draft, &path));
    if written.is_err() {
        // What is left of the attempt is of no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&draft);
        return written;
    }
    // So that the new name survives a crash, too. Not every system lets a folder be flushed.
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// A name beside a file that no other process takes, on this machine or on another one that has the folder.
fn draft(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    path.with_file_name(format!(".{name}.{}-{now:x}.part", std::process::id()))
}

fn draw_up(path: &Path, content: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // Before the content: what only its owner may read is at no moment read by others.
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_content_stays_until_the_new_is_whole() {
        let folder = std::env::temp_dir().join(format!("saddle-whole-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // A folder in its place: an error, and nothing is left beside it.
        fs::create_dir(folder.join("b")).unwrap();
        assert!(write_whole(&folder.join("b"), b"new").is_err());
        assert!(write_whole(&folder.join("none").join("c"), b"new").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = std::env::temp_dir().join(format!("saddle-whole-links-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (path, link) = (folder.join("a"), folder.join("link"));
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        symlink("a", &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_dir_all(&folder).unwrap();
    }
}
