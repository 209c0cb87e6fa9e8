//! Pictures in folders (one folder for each class, or all pictures in one folder), in zip archives and in Parquet
//! files: all read at once, or each when it is drawn.

mod archive;

use super::files::{Watch, describe};
use super::parquet::{self, Columns, Label, Parquet};
use super::picture;
use super::zip::Archive;
use super::{Dataset, Features};
use image::DynamicImage;
use image::imageops::FilterType;
use saddle_fault::{Fault, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The ends of the names of the pictures that can be read.
const ENDS: [&str; 10] = ["png", "gif", "jpg", "jpeg", "jfif", "bmp", "ppm", "pgm", "pbm", "pnm"];
/// Those of pictures that cannot.
const FOREIGN: [&str; 10] = ["webp", "tif", "tiff", "heic", "heif", "avif", "jxl", "svg", "ico", "tga"];
/// Folders that systems keep for themselves.
const OF_THE_SYSTEM: [&str; 6] =
    ["$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir", "__MACOSX", "__pycache__"];

/// How pictures are read.
#[derive(Clone, Debug, Default)]
pub struct FolderOptions {
    /// The side, in pixels, to which the middle square of each picture is brought; `None`: as they are.
    pub size: Option<u32>,
    /// One channel instead of three: the luma of ITU-R BT.601, as PIL's mode `L`.
    pub grey: bool,
    /// Leaves out pictures that cannot be read, and notes which; else they are an error.
    pub skip_unreadable: bool,
    /// Decodes pictures when they are drawn, instead of keeping all their pixels.
    pub stream: bool,
    /// Columns of Parquet files.
    pub columns: Columns,
    /// Which Parquet files of a folder: those whose name begins so.
    pub split: Option<String>,
}

/// Unreadable pictures that a note names.
const NAMED: usize = 5;

/// Pictures with the number of each one's class, and what the classes are called.
struct Found {
    pictures: Vec<(ImageSource, i32)>,
    classes: Vec<String>,
}

/// The pictures in a folder, in the order of their names, pixels in [0, 1], as flat rows, upright as their Exif data
/// say. Where it holds folders with pictures, each of them is a class, in the order of their names. What is hidden, its
/// name beginning with a dot, is left out. A zip archive is read as the folder that was packed; Parquet files, one or a
/// folder of them, by their column of pictures.
///
/// # Errors
/// A folder that is missing or without pictures; a picture that cannot be read, unless
/// [`FolderOptions::skip_unreadable`]; pictures of different sizes, where no size is given.
pub fn image_folder(path: &Path, look: &FolderOptions, watch: &mut Watch) -> Result<Dataset> {
    if look.stream && look.skip_unreadable {
        return Err(Fault::value(
            "image_folder: stream decodes pictures when they are drawn, so skip_unreadable cannot know them before",
        )
        .hint("without stream all are read at once"));
    }
    let Found { mut pictures, classes } = find(path, look, watch)?;
    let name = path.file_name().map_or("image_folder".into(), |n| n.to_string_lossy());
    let (features, picture) = match look.stream {
        true => streamed(path, &pictures, look)?,
        false => {
            let (bytes, picture) = pixels(path, &mut pictures, look, watch)?;
            (Features::Bytes { bytes: bytes.into(), full: 255, lo: 0.0, hi: 1.0 }, picture)
        }
    };
    let data = Dataset::new(&name, features, &[picture.iter().product()])?.with_picture(picture)?;
    if classes.is_empty() {
        return Ok(data);
    }
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    data.with_labels(pictures.into_iter().map(|(_, class)| class).collect(), &names)
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(end))
}

fn find(path: &Path, look: &FolderOptions, watch: &mut Watch) -> Result<Found> {
    if path.is_file() && ends_with(path, "zip") {
        return archive::in_archive(path, watch);
    }
    if path.is_file() && ends_with(path, "parquet") {
        return in_parquet(&[path.to_path_buf()], look, watch);
    }
    if !path.is_dir() {
        return Err(match path.exists() {
            true => Fault::file(format!("{}: is neither a folder, nor a .zip or .parquet file", path.display())),
            false => Fault::file(format!("there is no folder {}", path.display())),
        });
    }
    let tables = tables(path, look.split.as_deref())?;
    match tables.is_empty() {
        false => in_parquet(&tables, look, watch),
        true => in_folder(path, watch),
    }
}

fn in_folder(path: &Path, watch: &mut Watch) -> Result<Found> {
    let (mut classes, mut found, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    let (mut below, mut empty) = (Vec::new(), Vec::new());
    for folder in entries(path)?.into_iter().filter(|p| p.is_dir()) {
        let mut deeper = Vec::new();
        let inside = pictures(&folder, &mut foreign, &mut deeper)?;
        let has_some = |p: &PathBuf| pictures(p, &mut Vec::new(), &mut Vec::new()).is_ok_and(|all| !all.is_empty());
        below.extend(deeper.into_iter().filter(has_some));
        match inside.is_empty() {
            true => empty.push(folder),
            false => {
                let class = classes.len() as i32;
                found.extend(inside.into_iter().map(|p| (ImageSource::File(p), class)));
                classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
    }
    let beside = pictures(path, &mut foreign, &mut Vec::new())?;
    match classes.is_empty() {
        true => found = beside.into_iter().map(|p| (ImageSource::File(p), 0)).collect(),
        false => {
            if !beside.is_empty() {
                (watch.note)(&format!("left out {} beside the folders, which are the classes", named(&beside)));
            }
            if !below.is_empty() {
                (watch.note)(&format!(
                    "left out the pictures in {}, below the folders of the classes",
                    placed(&below, path)
                ));
            }
            // The numbers of the classes after it are not those of a folder in which it has pictures.
            if !empty.is_empty() {
                (watch.note)(&format!("{} without pictures of its own is no class", placed(&empty, path)));
            }
        }
    }
    if found.is_empty() {
        return Err(nothing(path, &foreign));
    }
    if !foreign.is_empty() {
        (watch.note)(&format!("left out {}, of formats that are not read", named(&foreign)));
    }
    Ok(Found { pictures: found, classes })
}

/// The Parquet files of a folder, or of the folders in it.
fn tables(path: &Path, split: Option<&str>) -> Result<Vec<PathBuf>> {
    let here = |folder: &Path| -> Result<Vec<PathBuf>> {
        Ok(entries(folder)?.into_iter().filter(|p| p.is_file() && ends_with(p, "parquet")).collect())
    };
    let mut all = here(path)?;
    if all.is_empty() {
        for folder in entries(path)?.into_iter().filter(|p| p.is_dir()) {
            all.extend(here(&folder)?);
        }
    }
    let name = |p: &PathBuf| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // `train-00000-of-00002.parquet`
    let split_of = |p: &PathBuf| name(p).split(['-', '.', '_']).next().unwrap_or_default().to_string();
    let mut splits: Vec<String> = all.iter().map(split_of).collect();
    splits.sort();
    splits.dedup();
    let known = |split: &String| ["train", "test", "validation", "val"].contains(&split.as_str());
    match split {
        Some(wanted) => {
            all.retain(|p| name(p).starts_with(wanted));
            match all.is_empty() && !splits.is_empty() {
                true => Err(Fault::file(format!("{}: no Parquet file begins with `{wanted}`", path.display()))
                    .hint(format!("there are: {}", splits.join(", ")))),
                false => Ok(all),
            }
        }
        None if splits.len() > 1 && splits.iter().any(known) => {
            Err(Fault::file(format!("{}: it holds several splits: {}", path.display(), splits.join(", ")))
                .hint(format!("#{{ split: \"{}\" }} says which", splits[splits.len() - 1])))
        }
        None => Ok(all),
    }
}

fn in_parquet(files: &[PathBuf], look: &FolderOptions, watch: &mut Watch) -> Result<Found> {
    let (mut places, mut labels, mut names) = (Vec::new(), Vec::new(), None);
    for path in files {
        watch.check()?;
        let (file, own) = parquet::open(path, &look.columns)?;
        let differs = |what: &str| {
            Fault::file(format!("{}: {what} than in {}", path.display(), files[0].display()))
                .hint("image_folder(\"name.parquet\") reads each file by itself")
        };
        // Labels for some of the pictures would be none at all, and one number for two classes a wrong one.
        if !places.is_empty() && own.is_some() == labels.is_empty() {
            return Err(differs("other labels"));
        }
        let is_first = places.is_empty();
        let file = Arc::new(file);
        places.extend((0..file.rows()).map(|row| ImageSource::Row(file.clone(), row)));
        if let Some(own) = own {
            if !is_first && own.names != names {
                return Err(differs("other names of the classes"));
            }
            labels.extend(own.each);
            names = own.names;
        }
    }
    if labels.len() != places.len() {
        let pictures = places.into_iter().map(|place| (place, 0)).collect();
        return Ok(Found { pictures, classes: vec![] });
    }
    let (numbers, classes) = numbered(&labels, names)?;
    Ok(Found { pictures: places.into_iter().zip(numbers).collect(), classes })
}

/// Each label's number, and what the numbers mean.
fn numbered(labels: &[Label], names: Option<Vec<String>>) -> Result<(Vec<i32>, Vec<String>)> {
    /// More classes than these, and than there are pictures, are no classes.
    const MOST_CLASSES: usize = 1 << 17;
    let whole: Option<Vec<i64>> = labels
        .iter()
        .map(|label| match label {
            Label::Number(n) => Some(*n),
            Label::Text(_) => None,
        })
        .collect();
    if let Some(whole) = whole {
        let most = MOST_CLASSES.max(labels.len());
        if let Some(bad) = whole.iter().find(|n| !(0..most as i64).contains(*n)) {
            return Err(Fault::file(format!("a label is a whole number from 0 and below {most}, got {bad}"))
                .hint("−1 is how hubs mark a split without labels; #{ label: \"name\" } chooses another column"));
        }
        let most = whole.iter().max().map_or(0, |n| *n as usize + 1);
        let names = names.filter(|names| names.len() >= most);
        let classes = names.unwrap_or_else(|| (0..most).map(|n| n.to_string()).collect());
        return Ok((whole.into_iter().map(|n| n as i32).collect(), classes));
    }
    let texts: Vec<Arc<str>> = labels
        .iter()
        .map(|label| match label {
            Label::Number(n) => n.to_string().into(),
            Label::Text(text) => text.clone(),
        })
        .collect();
    let mut classes = texts.clone();
    classes.sort();
    classes.dedup();
    let number = |text: &Arc<str>| classes.binary_search(text).unwrap_or(0) as i32;
    Ok((texts.iter().map(number).collect(), classes.iter().map(|class| class.to_string()).collect()))
}

/// What is in a folder and not hidden, in the order of the names: `.ipynb_checkpoints` holds copies, and `._a.png` is
/// what macOS notes about `a.png`.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let told = |e| describe(folder, "read", &e);
    let mut paths = fs::read_dir(folder)
        .map_err(told)?
        .map(|entry| entry.map(|e| e.path()).map_err(told))
        .collect::<Result<Vec<_>>>()?;
    let is_hidden = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with('.') || OF_THE_SYSTEM.contains(&name.as_ref()))
    };
    paths.retain(|path| !is_hidden(path));
    paths.sort();
    Ok(paths)
}

/// The pictures in a folder; those of other formats go to `foreign`, what is a folder itself to `folders`.
fn pictures(folder: &Path, foreign: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let end = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let ends_in = |ends: &[&str]| end.as_deref().is_some_and(|e| ends.contains(&e)) && path.is_file();
        if ends_in(&ENDS) {
            found.push(path);
        } else if ends_in(&FOREIGN) {
            foreign.push(path);
        } else if path.is_dir() {
            folders.push(path);
        }
    }
    Ok(found)
}

/// Some folders by their paths below `root`, and how many more there are.
fn placed(folders: &[PathBuf], root: &Path) -> String {
    some(folders, |p| p.strip_prefix(root).unwrap_or(p).display().to_string())
}

/// Some files by name, and how many more there are.
fn named(files: &[PathBuf]) -> String {
    some(files, |p| p.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn some(files: &[PathBuf], name: impl Fn(&PathBuf) -> String) -> String {
    let shown: Vec<String> = files.iter().take(NAMED).map(name).collect();
    match files.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The error of a folder without pictures, with what there is instead.
fn nothing(path: &Path, foreign: &[PathBuf]) -> Fault {
    let fault = Fault::file(format!("{}: there are no pictures in it", path.display()));
    if !foreign.is_empty() {
        return fault.hint(format!("{} cannot be read: save them as .png or .jpg", named(foreign)));
    }
    let folders = entries(path).unwrap_or_default().into_iter().filter(|p| p.is_dir());
    let mut deeper = folders.filter(|folder| {
        let inside = entries(folder).unwrap_or_default().into_iter().filter(|p| p.is_dir());
        inside.take(NAMED).any(|p| pictures(&p, &mut Vec::new(), &mut Vec::new()).is_ok_and(|all| !all.is_empty()))
    });
    match deeper.next() {
        Some(folder) => fault.hint(format!("there are some in the folders of {}: name that one", folder.display())),
        None => fault.hint(format!("pictures end in .{}", ENDS.join(", ."))),
    }
}

/// All pixels, plane after plane, and the shape of a picture. What is not read is taken out of `found`.
fn pixels(
    folder: &Path,
    found: &mut Vec<(ImageSource, i32)>,
    look: &FolderOptions,
    watch: &mut Watch,
) -> Result<(Vec<u8>, [usize; 3])> {
    let mut all = Vec::new();
    let mut shape = None;
    let (mut unreadable, mut read) = (Vec::new(), Vec::new());
    for (place, class) in found.drain(..) {
        watch.check()?;
        let picture = match place.picture() {
            Ok(picture) => picture,
            Err(what) if look.skip_unreadable => {
                unreadable.push(what);
                continue;
            }
            Err(what) => {
                return Err(Fault::file(what).hint("#{ skip_unreadable: true } leaves such pictures out"));
            }
        };
        let this = planes(&picture, look.size, look.grey, &mut all);
        fits(&place, *shape.get_or_insert(this), this)?;
        read.push((place, class));
    }
    *found = read;
    note(&unreadable, watch);
    let shape = shape.ok_or_else(|| match unreadable.first() {
        Some(first) => Fault::file(format!("{}: none of its pictures can be read; {first}", folder.display())),
        None => nothing(folder, &[]),
    })?;
    Ok((all, shape))
}

/// Pictures that are decoded when they are drawn, and the shape of one, which the first one tells.
fn streamed(folder: &Path, found: &[(ImageSource, i32)], look: &FolderOptions) -> Result<(Features, [usize; 3])> {
    let (first, _) = found.first().ok_or_else(|| nothing(folder, &[]))?;
    let picture = first.picture().map_err(Fault::file)?;
    let shape = planes(&picture, look.size, look.grey, &mut Vec::new());
    let places = found.iter().map(|(place, _)| place.clone()).collect();
    let stream = Stream { places, size: look.size, grey: look.grey, shape };
    Ok((Features::Stream { stream: Arc::new(stream), lo: 0.0, hi: 1.0 }, shape))
}

/// Appends a picture's planes at the size and in the colours that are wanted; their shape.
fn planes(picture: &DynamicImage, size: Option<u32>, grey: bool, to: &mut Vec<u8>) -> [usize; 3] {
    let sized;
    let picture = match size {
        Some(size) => {
            sized = square(picture, size);
            &sized
        }
        None => picture,
    };
    match grey {
        true => to.extend(picture::luma(&picture.to_rgb8())),
        false => {
            let rgb = picture.to_rgb8().into_raw();
            (0..3).for_each(|c| to.extend(rgb.iter().skip(c).step_by(3)));
        }
    }
    [if grey { 1 } else { 3 }, picture.height() as usize, picture.width() as usize]
}

fn fits(place: &ImageSource, expected: [usize; 3], this: [usize; 3]) -> Result<()> {
    match expected == this {
        true => Ok(()),
        false => Err(Fault::file(format!(
            "{}: a picture of {} × {}, where the first has another size",
            place.name(),
            this[1],
            this[2]
        ))
        .hint("#{ size: 64 } brings all to the same size")),
    }
}

/// Where a picture lies.
#[derive(Clone, Debug)]
enum ImageSource {
    File(PathBuf),
    /// In an archive, by its place in the list.
    Packed(Arc<Archive<'static>>, usize),
    /// In a row of a table.
    Row(Arc<Parquet>, usize),
}

impl ImageSource {
    fn name(&self) -> String {
        match self {
            ImageSource::File(path) => path.display().to_string(),
            ImageSource::Packed(archive, i) => archive.entries[*i].name.clone(),
            ImageSource::Row(file, row) => format!("{}, row {row}", file.path().display()),
        }
    }

    /// The picture, or why it cannot be read.
    fn picture(&self) -> Result<DynamicImage, String> {
        let bytes = match self {
            ImageSource::File(path) => return picture::open(path),
            ImageSource::Packed(archive, i) => archive.read(&archive.entries[*i]),
            ImageSource::Row(file, row) => file.picture(*row),
        };
        picture::decode(&self.name(), &bytes.map_err(|fault| fault.message)?)
    }
}

/// Pictures of one shape that stay where they are until they are drawn.
#[derive(Debug)]
pub struct Stream {
    places: Vec<ImageSource>,
    size: Option<u32>,
    grey: bool,
    shape: [usize; 3],
}

impl Stream {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// The numbers of one.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// The pixels of a picture, plane after plane.
    ///
    /// # Errors
    /// It cannot be read, or has another size than the first.
    pub fn row(&self, i: usize) -> Result<Vec<u8>> {
        let place = &self.places[i];
        let picture = place.picture().map_err(Fault::file)?;
        let mut pixels = Vec::with_capacity(self.width());
        fits(place, self.shape, planes(&picture, self.size, self.grey, &mut pixels))?;
        Ok(pixels)
    }
}

/// Tells what was left out.
fn note(unreadable: &[String], watch: &mut Watch) {
    if unreadable.is_empty() {
        return;
    }
    let named = unreadable[..unreadable.len().min(NAMED)].join("; ");
    let more = match unreadable.len() - unreadable.len().min(NAMED) {
        0 => String::new(),
        n => format!("; and {n} more"),
    };
    (watch.note)(&format!("left out {named}{more}"));
}

/// The middle square of a picture at another size.
fn square(picture: &DynamicImage, size: u32) -> DynamicImage {
    let side = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    picture.crop_imm(x, y, side, side).resize_exact(size, size, FilterType::CatmullRom)
}
