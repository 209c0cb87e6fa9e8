//! A folder for the files that readers are given.

use std::fs;
use std::path::{Path, PathBuf};

/// A new folder, removed in the end. In memory where the system has such a place: on a disk a loop tries a thirtieth of the mutants.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let chosen = std::env::var_os("TMPDIR").is_some() || !memory.is_dir();
        let root = if chosen { std::env::temp_dir() } else { memory.into() };
        let path = root.join(format!("saddlepoint-fuzz-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
