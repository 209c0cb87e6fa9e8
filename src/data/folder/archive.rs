//! Archives of pictures: read as the folder that was packed.

use super::{ENDS, FOREIGN, Found, ImageSource, named, nothing, some};
use crate::files::Watch;
use crate::zip::Archive;
use saddle_fault::{Fault, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an archive has beside the pictures that are read.
struct LeftOut {
    /// Folders below those of the classes.
    below: Vec<PathBuf>,
    /// Pictures beside the folders of the classes.
    beside: Vec<PathBuf>,
    /// Pictures of formats that are not read.
    foreign: Vec<PathBuf>,
}

/// As in the folder that was packed; folders around everything are not looked at.
pub fn in_archive(path: &Path, watch: &mut Watch) -> Result<Found> {
    let archive = Arc::new(Archive::open(path)?);
    let names = names(&archive);
    let mut found: Vec<usize> = (0..names.len()).filter(|&i| ends_in(&names[i], &ENDS)).collect();
    found.sort_by(|a, b| names[*a].cmp(&names[*b]));
    let folder = |i: &usize| names[*i].rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut folders: Vec<&str> = found.iter().map(folder).collect();
    // Those of a folder do not always stand together: `cat/1.png`, `cat.png`, `cat/a.png`.
    folders.sort_unstable();
    folders.dedup();
    let around = common(&folders);
    let within = |folder: &str| folder.get(around..).unwrap_or("").to_string();
    // Of a picture beside the folders, as of one in the folder itself, nothing says what it is.
    let named_so = |folder: &str| Some(within(folder)).filter(|class| !class.is_empty() && !class.contains('/'));
    let is_below = |folder: &str| folders.len() > 1 && within(folder).contains('/');
    let classes: Vec<String> = match folders.len() {
        0 | 1 => vec![],
        _ => folders.iter().filter_map(|folder| named_so(folder)).collect(),
    };
    let mut left_out = LeftOut {
        below: folders.iter().filter(|f| is_below(f)).map(|f| PathBuf::from(within(f))).collect(),
        beside: Vec::new(),
        foreign: names.iter().filter(|name| ends_in(name, &FOREIGN)).map(PathBuf::from).collect(),
    };
    let mut pictures = Vec::new();
    // `train/cat` and `test/cat` are not two classes.
    for i in found.into_iter().filter(|i| !is_below(folder(i))) {
        // In order, as the folders are.
        let class = || classes.binary_search(&named_so(folder(&i))?).ok();
        match if classes.is_empty() { Some(0) } else { class() } {
            Some(class) => pictures.push((ImageSource::Packed(archive.clone(), i), class as i32)),
            None => left_out.beside.push(PathBuf::from(&names[i])),
        }
    }
    left_out.tell(path, pictures.is_empty(), watch)?;
    Ok(Found { pictures, classes })
}

fn ends_in(name: &str, ends: &[&str]) -> bool {
    let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    let end = name.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    !hidden && end.is_some_and(|end| ends.contains(&end.as_str()))
}

/// The paths of an archive's entries. .NET once packed folders with backslashes, and some programs say that all begins in this
/// folder.
fn names(archive: &Archive) -> Vec<String> {
    let entries = archive.entries.iter().map(|entry| &entry.name);
    match entries.clone().any(|name| name.contains('/')) {
        true => entries.map(|name| name.trim_start_matches("./").to_string()).collect(),
        false => entries.map(|name| name.replace('\\', "/")).collect(),
    }
}

impl LeftOut {
    /// Says what is left out; that nothing is left is an error.
    fn tell(&self, path: &Path, nothing_left: bool, watch: &mut Watch) -> Result<()> {
        let below = some(&self.below, |p| p.display().to_string());
        if nothing_left && !self.below.is_empty() {
            return Err(Fault::file(format!("{}: there are no pictures in it but in {below}", path.display()))
                .hint("the folders of the classes have to lie in one folder: unpack it and name that one"));
        }
        if nothing_left && !self.foreign.is_empty() {
            return Err(nothing(path, &self.foreign));
        }
        if !self.below.is_empty() {
            (watch.note)(&format!("left out the pictures in {below}, below the folders of the classes"));
        }
        if !self.beside.is_empty() {
            (watch.note)(&format!("left out {} beside the folders, which are the classes", named(&self.beside)));
        }
        if !self.foreign.is_empty() {
            (watch.note)(&format!("left out {}, of formats that are not read", named(&self.foreign)));
        }
        Ok(())
    }
}

/// The length of the folders, with their last slash, that all paths begin with.
fn common(folders: &[&str]) -> usize {
    let Some(first) = folders.first() else { return 0 };
    let slashes = first.match_indices('/').map(|(at, _)| at + 1).rev();
    let all = |at: &usize| folders.iter().all(|folder| folder.get(..*at) == first.get(..*at));
    let whole = folders.iter().all(|folder| *folder == *first || folder.starts_with(&format!("{first}/")));
    match whole && folders.len() > 1 && !first.is_empty() {
        // Pictures beside the folders of classes.
        true if folders.iter().skip(1).all(|folder| folder.len() > first.len()) => first.len() + 1,
        _ => slashes.into_iter().find(all).unwrap_or(0),
    }
}
