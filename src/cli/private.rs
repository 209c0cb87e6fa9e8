//! The private JupyterLab: installed once into the user's data folder, where a user has none of their own.

use super::folders;
use super::python::Python;
use indicatif::{ProgressBar, ProgressStyle};
use saddle_fault::{Fault, Result};
use std::fs::File;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its exact versions.
const CONSTRAINTS: &str = include_str!("lab-constraints.txt");

/// What JupyterLab needs to show sliders and buttons.
const WIDGETS: &str = "ipywidgets";

/// Holds the constraints of a finished installation.
const READY: &str = "saddle-ready.txt";

/// What an installation takes on the disk, with what pip unpacks on the way.
const ROOM: u64 = 500 << 20;

/// Its folder: one for each version of JupyterLab.
pub fn folder() -> Result<PathBuf> {
    Ok(folders::data()?.join(format!("lab-{}", pinned_version())))
}

/// The private JupyterLab, where it has been installed completely.
pub fn installed(folder: &Path) -> Option<Python> {
    let ready = std::fs::read_to_string(folder.join(READY)).ok()?;
    let python = Python::ask(&folder.join("bin/python"))?;
    (ready == CONSTRAINTS && python.lab.is_some()).then_some(python)
}

fn pinned_version() -> &'static str {
    let line = CONSTRAINTS.lines().find_map(|line| line.strip_prefix("jupyterlab=="));
    line.unwrap_or_default().trim()
}

/// Installs the private JupyterLab with a Python, in a folder beside its own that takes its place in the end: whatever
/// happens on the way, there is the former one or none.
///
/// # Errors
/// The folder cannot be written, Python cannot make environments, pip cannot have the packages.
pub fn install(python: &Python, folder: &Path) -> Result<Python> {
    let cannot = |error: std::io::Error| unwritable(folder, &error);
    std::fs::create_dir_all(folder.parent().unwrap_or(folder)).map_err(cannot)?;
    // Two first starts at once: the second waits, and then finds the work done.
    let lock = File::create(folder.with_extension("lock")).map_err(cannot)?;
    if lock.try_lock().is_err() {
        say("another saddle is installing JupyterLab; waiting for it");
        lock.lock().map_err(cannot)?;
    }
    if let Some(python) = installed(folder) {
        return Ok(python);
    }
    let part = Part(sibling(folder, "part"));
    part.remove().map_err(cannot)?;
    room_for(folder)?;
    fill(python, &part.0, folder)?;
    put_in_place(&part.0, folder).map_err(cannot)?;
    installed(folder).ok_or_else(|| {
        Fault::file(format!("the JupyterLab in {} does not start", folder.display()))
            .hint("remove that folder and start again")
    })
}

/// Makes an environment with JupyterLab in `part`, which is to become `folder`.
fn fill(python: &Python, part: &Path, folder: &Path) -> Result<()> {
    let cannot = |error: std::io::Error| unwritable(folder, &error);
    let version = pinned_version();
    let line =
        Progress::new(&format!("installing JupyterLab {version} into {} (once, a minute or less)", folder.display()));
    let environment = python.make_environment(part)?;
    let constraints = part.join("constraints.txt");
    std::fs::write(&constraints, CONSTRAINTS).map_err(cannot)?;
    let package = format!("jupyterlab=={version}");
    environment.pip_install(&constraints, &[&package, WIDGETS], |text| line.tell(text))?;
    rename_within(part, folder).map_err(cannot)?;
    std::fs::write(part.join(READY), CONSTRAINTS).map_err(cannot)?;
    line.done(&format!("installed JupyterLab {version}"));
    Ok(())
}

/// Puts a finished folder in the place of the one before it.
fn put_in_place(part: &Path, folder: &Path) -> std::io::Result<()> {
    let former = Part(sibling(folder, "former"));
    former.remove()?;
    if folder.exists() {
        std::fs::rename(folder, &former.0)?;
    }
    std::fs::rename(part, folder)
}

/// Writes the folder's name to be into the environment's scripts, which begin with the path of their Python.
fn rename_within(part: &Path, folder: &Path) -> std::io::Result<()> {
    let (Some(old), Some(new)) = (part.to_str(), folder.to_str()) else {
        return Ok(());
    };
    for entry in std::fs::read_dir(part.join("bin"))? {
        let path = entry?.path();
        // What is no text, such as the link to Python itself, names no folder.
        if let Ok(text) = std::fs::read_to_string(&path)
            && text.contains(old)
        {
            std::fs::write(&path, text.replace(old, new))?;
        }
    }
    Ok(())
}

/// Whether the disk has room for an installation.
fn room_for(folder: &Path) -> Result<()> {
    let Some(free) = free_bytes(folder.parent().unwrap_or(folder)) else {
        return Ok(());
    };
    match free < ROOM {
        false => Ok(()),
        true => Err(Fault::file(format!(
            "the disk is full: JupyterLab takes {} MB in {}, and {} MB are free",
            ROOM >> 20,
            folder.display(),
            free >> 20
        ))
        .hint("make room, or set XDG_DATA_HOME to a folder on another disk")),
    }
}

/// The bytes that this user can still write to the disk of a folder; `None` where the system does not tell.
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Fault {
    Fault::file(format!("cannot write {}: {}", folder.display(), folders::because(error)))
        .hint("give yourself the right to write there, or set XDG_DATA_HOME to another folder")
}

fn sibling(folder: &Path, kind: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(format!(".{kind}"));
    name.into()
}

/// A folder that is only there while something is made: removed when it is not needed any more, or what it was needed
/// for failed.
struct Part(PathBuf);

impl Part {
    fn remove(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next attempt.
        let _ = self.remove();
    }
}

/// One line that shows what goes on; on anything but a terminal, one line at the start and one at the end.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new(what: &str) -> Self {
        say(what);
        if !stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.set_message("making a Python environment");
        Self(Some(bar))
    }

    /// Shows the step that a line of pip's announces.
    fn tell(&self, line: &str) {
        let announces = ["Collecting", "Downloading", "Using cached", "Installing"];
        if let Some(bar) = &self.0
            && announces.iter().any(|word| line.trim_start().starts_with(word))
        {
            bar.set_message(line.trim().to_string());
        }
    }

    fn done(&self, what: &str) {
        self.0.iter().for_each(ProgressBar::finish_and_clear);
        say(what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // An error comes on a line of its own.
        self.0.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// Prints a line to stderr; when that is gone there is no one left to tell.
pub fn say(what: &str) {
    let _ = writeln!(stderr(), "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_folder_takes_the_place_of_the_former() {
        let name = format!("saddle-private-{}", std::process::id());
        let all = Part(std::env::temp_dir().join(name));
        let folder = all.0.join("lab-4.6.6");
        for old_or_new in ["old", "new"] {
            let part = sibling(&folder, "part");
            std::fs::create_dir_all(part.join("bin")).unwrap();
            std::fs::write(part.join("bin/python"), [0x7f, 0xff]).unwrap();
            let script = format!("#!{}/bin/python\n{old_or_new}", part.display());
            std::fs::write(part.join("bin/jupyter"), script).unwrap();
            rename_within(&part, &folder).unwrap();
            put_in_place(&part, &folder).unwrap();
            let text = std::fs::read_to_string(folder.join("bin/jupyter")).unwrap();
            assert_eq!(text, format!("#!{}/bin/python\n{old_or_new}", folder.display()));
        }
        assert_eq!(std::fs::read_dir(&all.0).unwrap().count(), 1);
    }

    #[test]
    fn the_room_on_a_disk_is_known() {
        let free = free_bytes(&std::env::temp_dir()).unwrap();
        assert!(free > 1 << 20 && free < 1 << 60, "{free}");
        assert_eq!(free_bytes(Path::new("/no/such/folder")), None);
    }

    #[test]
    fn the_constraints_name_a_version() {
        assert!(pinned_version().starts_with("4."), "{}", pinned_version());
    }
}
