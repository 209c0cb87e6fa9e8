//! The folder of a session's Rust cells: what evcxr compiles in, the crate that cells use, the socket.
//!
//! It is removed when the session ends. A session that is killed leaves its folder behind: the next one of this user
//! removes it, since no process holds its lock any more.

use super::prelude;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable with the folder's path, for the host.
pub const FOLDER: &str = "SADDLE_RUST_FOLDER";

/// A socket's path may not be longer.
const MAX_SOCKET_PATH: usize = 100;

/// A folder that is younger may belong to a session that has not locked it yet.
const YOUNG: Duration = Duration::from_secs(60);

/// The folder of one session.
#[derive(Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one, with the crate that cells use; what earlier sessions have left is removed.
    ///
    /// # Errors
    /// The folder of temporary files cannot be written to, or belongs to someone else.
    pub fn create() -> io::Result<Self> {
        let all = home(&std::env::temp_dir())?;
        sweep(&all);
        let own = all.join(&uuid::Uuid::new_v4().simple().to_string()[..12]);
        private_folder(&own)?;
        File::create(own.join("lock"))?;
        let source = own.join("saddle/src");
        fs::create_dir_all(&source)?;
        fs::write(own.join("saddle/Cargo.toml"), prelude::MANIFEST)?;
        for (name, text) in prelude::SOURCE {
            fs::write(source.join(name), text)?;
        }
        fs::create_dir_all(own.join("library/core"))?;
        Ok(Self(own))
    }

    /// That of this process's session, in the host; locked from now on.
    ///
    /// # Errors
    /// This process is no host.
    pub fn of_host() -> io::Result<(Self, File)> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no folder was given");
        let folder = Self(std::env::var_os(FOLDER).ok_or_else(missing)?.into());
        let lock = File::options().write(true).open(folder.0.join("lock"))?;
        lock.try_lock()?;
        Ok((folder, lock))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the worker is reached.
    pub fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    /// The crate that cells use.
    pub fn prelude(&self) -> PathBuf {
        self.0.join("saddle")
    }

    /// Where evcxr compiles.
    pub fn workshop(&self) -> PathBuf {
        self.0.join("cells")
    }

    /// What stands for the source of the standard library where that is missing: rust-analyzer would download it.
    pub fn no_source(&self) -> PathBuf {
        self.0.join("library")
    }

    /// Removes it with all that is in it.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder of all sessions of this user.
fn home(temporary: &Path) -> io::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let name = format!("saddlepoint-rust-{user}");
    let mut all = temporary.join(&name);
    if all.as_os_str().len() + 20 > MAX_SOCKET_PATH {
        all = Path::new("/tmp").join(name);
    }
    match private_folder(&all) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    let about = fs::symlink_metadata(&all)?;
    // Whoever may write here may run code as this user.
    match about.is_dir() && about.uid() == user && about.mode() & 0o022 == 0 {
        true => Ok(all),
        false => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} belongs to someone else", all.display())))
        }
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Removes the folders whose session has ended.
fn sweep(all: &Path) {
    for folder in fs::read_dir(all).into_iter().flatten().flatten() {
        let is_old = folder.metadata().and_then(|about| about.modified());
        let is_old = is_old.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > YOUNG));
        let lock = File::options().write(true).open(folder.path().join("lock"));
        // Without a lock it is half removed.
        let is_free = lock.map_or(true, |lock| lock.try_lock().is_ok());
        if is_old && is_free {
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}
