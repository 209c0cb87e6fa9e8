//! Folders of pictures: one folder for each class, or all pictures in one folder.

use super::files::{Watch, describe};
use super::picture;
use super::{Dataset, Features};
use image::DynamicImage;
use image::imageops::FilterType;
use saddle_fault::{Fault, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The ends of the names of the pictures that can be read.
const ENDS: [&str; 10] = ["png", "gif", "jpg", "jpeg", "jfif", "bmp", "ppm", "pgm", "pbm", "pnm"];
/// Those of pictures that cannot.
const FOREIGN: [&str; 10] = ["webp", "tif", "tiff", "heic", "heif", "avif", "jxl", "svg", "ico", "tga"];
/// Folders that systems keep for themselves.
const OF_THE_SYSTEM: [&str; 6] =
    ["$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir", "__MACOSX", "__pycache__"];

/// How pictures are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// The side, in pixels, to which the middle square of each picture is brought; `None`: as they are.
    pub size: Option<u32>,
    /// One channel instead of three: the luma of ITU-R BT.601, as PIL's mode `L`.
    pub grey: bool,
    /// Leaves out pictures that cannot be read, and notes which; else they are an error.
    pub skip_unreadable: bool,
}

/// Unreadable pictures that a note names.
const NAMED: usize = 5;

/// The pictures in a folder, in the order of their names, pixels in [0, 1], as flat rows, upright as their Exif data say.
/// Where it holds folders with pictures, each of them is a class, in the order of their names. What is hidden, its name
/// beginning with a dot, is left out.
///
/// # Errors
/// A folder that is missing or without pictures; a picture that cannot be read, unless [`Look::skip_unreadable`]; pictures
/// of different sizes, where no size is given.
pub fn image_folder(path: &Path, look: Look, watch: &mut Watch) -> Result<Dataset> {
    if !path.is_dir() {
        return Err(match path.exists() {
            true => Fault::file(format!("{} is a file, not a folder", path.display())),
            false => Fault::file(format!("there is no folder {}", path.display())),
        });
    }
    let mut classes = Vec::new();
    let mut found = Vec::new();
    let mut foreign = Vec::new();
    for folder in entries(path)?.into_iter().filter(|p| p.is_dir()) {
        let inside = pictures(&folder, &mut foreign)?;
        if !inside.is_empty() {
            let class = classes.len() as i32;
            found.extend(inside.into_iter().map(|p| (p, class)));
            classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    let beside = pictures(path, &mut foreign)?;
    match classes.is_empty() {
        true => found = beside.into_iter().map(|p| (p, 0)).collect(),
        false if beside.is_empty() => (),
        false => (watch.note)(&format!("left out {} beside the folders, which are the classes", named(&beside))),
    }
    if found.is_empty() {
        return Err(nothing(path, &foreign));
    }
    if !foreign.is_empty() {
        (watch.note)(&format!("left out {}, of formats that are not read", named(&foreign)));
    }
    let (bytes, [channels, height, width]) = pixels(path, &mut found, look, watch)?;
    let features = Features::Bytes { bytes: bytes.into(), full: 255, lo: 0.0, hi: 1.0 };
    let name = path.file_name().map_or("image_folder".into(), |n| n.to_string_lossy());
    let data = Dataset::new(&name, features, &[channels * height * width])?.with_picture([channels, height, width])?;
    if classes.is_empty() {
        return Ok(data);
    }
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    data.with_labels(found.into_iter().map(|(_, class)| class).collect(), &names)
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

/// The pictures in a folder; those of other formats go to `foreign`.
fn pictures(folder: &Path, foreign: &mut Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let ends_in = |p: &PathBuf, ends: &[&str]| {
        let end = p.extension().map(|e| e.to_string_lossy().to_lowercase());
        end.is_some_and(|e| ends.contains(&e.as_str())) && p.is_file()
    };
    let all = entries(folder)?;
    foreign.extend(all.iter().filter(|p| ends_in(p, &FOREIGN)).cloned());
    Ok(all.into_iter().filter(|p| ends_in(p, &ENDS)).collect())
}

/// Some files by name, and how many more there are.
fn named(files: &[PathBuf]) -> String {
    let name = |p: &PathBuf| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
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
        inside.take(NAMED).any(|p| pictures(&p, &mut Vec::new()).is_ok_and(|all| !all.is_empty()))
    });
    match deeper.next() {
        Some(folder) => fault.hint(format!("there are some in the folders of {}: name that one", folder.display())),
        None => fault.hint(format!("pictures end in .{}", ENDS.join(", ."))),
    }
}

/// All pixels, plane after plane, and the shape of a picture. What is not read is taken out of `found`.
fn pixels(
    folder: &Path,
    found: &mut Vec<(PathBuf, i32)>,
    look: Look,
    watch: &mut Watch,
) -> Result<(Vec<u8>, [usize; 3])> {
    let mut all = Vec::new();
    let mut shape = None;
    let (mut unreadable, mut read) = (Vec::new(), Vec::new());
    for (path, class) in found.drain(..) {
        watch.check()?;
        let picture = match picture::open(&path) {
            Ok(picture) => picture,
            Err(what) if look.skip_unreadable => {
                unreadable.push(what);
                continue;
            }
            Err(what) => {
                return Err(Fault::file(what).hint("#{ skip_unreadable: true } leaves such pictures out"));
            }
        };
        let picture = match look.size {
            Some(size) => square(&picture, size),
            None => picture,
        };
        let this = [if look.grey { 1 } else { 3 }, picture.height() as usize, picture.width() as usize];
        if *shape.get_or_insert(this) != this {
            return Err(Fault::file(format!(
                "{}: a picture of {} × {}, where the first has another size",
                path.display(),
                this[1],
                this[2]
            ))
            .hint("#{ size: 64 } brings all to the same size"));
        }
        match look.grey {
            true => all.extend(picture::luma(&picture.to_rgb8())),
            false => {
                let rgb = picture.to_rgb8().into_raw();
                (0..3).for_each(|c| all.extend(rgb.iter().skip(c).step_by(3)));
            }
        }
        read.push((path, class));
    }
    *found = read;
    note(&unreadable, watch);
    let shape = shape.ok_or_else(|| match unreadable.first() {
        Some(first) => Fault::file(format!("{}: none of its pictures can be read; {first}", folder.display())),
        None => nothing(folder, &[]),
    })?;
    Ok((all, shape))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;
    use image::{Rgb, RgbImage};

    fn paint(folder: &Folder, name: &str, size: (u32, u32), colour: [u8; 3]) {
        let path = folder.write(name, b"");
        RgbImage::from_pixel(size.0, size.1, Rgb(colour)).save(path).unwrap();
    }

    fn read(folder: &Folder, size: Option<u32>, grey: bool) -> Result<Dataset> {
        let look = Look { size, grey, ..Look::default() };
        image_folder(folder.path(), look, &mut Watch::none())
    }

    #[test]
    fn folders_are_classes_and_planes_follow_each_other() {
        let folder = Folder::new();
        paint(&folder, "red/b.png", (2, 2), [255, 0, 51]);
        paint(&folder, "red/a.PNG", (2, 2), [0, 255, 0]);
        paint(&folder, "blue/1.png", (2, 2), [0, 0, 255]);
        folder.write("red/notes.txt", b"no picture");
        folder.write("empty/none", b"");
        let data = read(&folder, None, false).unwrap();
        assert_eq!((data.len(), data.picture()), (3, Some([3, 2, 2])));
        assert_eq!(data.classes(), ["blue", "red"]);
        assert_eq!(data.gather_labels(0..3).unwrap(), [0, 1, 1]);
        let expected = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2, 0.2, 0.2];
        assert_eq!(data.gather(2..3), expected);
    }

    #[test]
    fn sizes_are_made_equal_and_colours_grey() {
        let folder = Folder::new();
        paint(&folder, "a.png", (5, 3), [255, 255, 255]);
        paint(&folder, "b.png", (2, 8), [0, 0, 0]);
        let fault = read(&folder, None, false).unwrap_err();
        assert!(fault.message.contains("8 × 2"), "{fault}");
        let data = read(&folder, Some(4), true).unwrap();
        assert_eq!((data.shape(), data.has_labels()), (&[16][..], false));
        assert_eq!(data.gather(0..2), [[1.0; 16], [0.0; 16]].concat());
    }

    /// What Jupyter, macOS and Windows leave in folders is neither class nor picture.
    #[test]
    fn hidden_files_and_folders_are_left_out() {
        let folder = Folder::new();
        for name in ["cat/1.png", "dog/1.png", ".ipynb_checkpoints/1.png"] {
            paint(&folder, name, (2, 2), [255, 0, 51]);
        }
        paint(&folder, "cat/.ipynb_checkpoints/1.png", (3, 3), [0, 0, 0]);
        for name in ["cat/._1.png", "cat/Thumbs.db", ".DS_Store", "__MACOSX/._1.png"] {
            folder.write(name, b"no picture");
        }
        let data = read(&folder, None, false).unwrap();
        assert_eq!(data.classes(), ["cat", "dog"]);
        assert_eq!(data.gather_labels(0..data.len()).unwrap(), [0, 1]);
    }

    #[test]
    fn what_cannot_be_read_is_named_or_skipped_with_its_label() {
        let folder = Folder::new();
        paint(&folder, "cat/1.png", (2, 2), [255, 0, 51]);
        paint(&folder, "dog/2.png", (2, 2), [0, 0, 51]);
        folder.write("cat/2.png", b"no picture");
        folder.write("dog/1.jpg", b"");
        let fault = read(&folder, None, false).unwrap_err();
        assert!(fault.message.contains("2.png"), "{fault}");
        assert!(fault.hint.is_some_and(|h| h.contains("skip_unreadable")));
        let mut notes = Vec::new();
        let mut watch =
            Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
        let look = Look { skip_unreadable: true, ..Look::default() };
        let data = image_folder(folder.path(), look, &mut watch).unwrap();
        assert_eq!(data.gather_labels(0..data.len()).unwrap(), [0, 1]);
        assert_eq!(data.gather(1..2)[0], 0.0);
        assert_eq!(notes.len(), 1);
        for name in ["2.png", "1.jpg"] {
            assert!(notes[0].contains(name), "{notes:?}");
        }
    }

    /// JPEG keeps even colours to within rounding.
    #[test]
    fn photographs_are_read() {
        let folder = Folder::new();
        paint(&folder, "a.jpg", (16, 16), [51, 102, 204]);
        let data = read(&folder, None, false).unwrap();
        let first = data.gather(0..1);
        for (at, expected) in [(0, 0.2), (256, 0.4), (512, 0.8)] {
            assert!((first[at] - expected).abs() < 0.015, "{}", first[at]);
        }
    }

    /// What systems leave in folders, pictures of other formats, pictures beside the classes, data sets one folder deeper.
    #[test]
    fn what_is_left_out_is_told() {
        let folder = Folder::new();
        paint(&folder, "cat/a.png", (2, 2), [255, 0, 51]);
        paint(&folder, "cat/b.bmp", (2, 2), [255, 0, 51]);
        paint(&folder, "loose.png", (2, 2), [0; 3]);
        for junk in ["$RECYCLE.BIN/a.png", "@eaDir/a.png", "__MACOSX/a.png", "lost+found/a.png"] {
            folder.write(junk, b"no picture");
        }
        folder.write("cat/c.webp", b"RIFF");
        let mut notes = Vec::new();
        let mut watch =
            Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
        let data = image_folder(folder.path(), Look::default(), &mut watch).unwrap();
        assert_eq!((data.len(), data.classes()), (2, &["cat".to_string()][..]));
        assert_eq!(
            notes,
            [
                "left out loose.png beside the folders, which are the classes",
                "left out c.webp, of formats that are not read"
            ]
        );
        let hint = |folder: &Folder| read(folder, None, false).unwrap_err().hint.unwrap_or_default();
        let folder = Folder::new();
        folder.write("a.heic", b"ftyp");
        assert!(hint(&folder).contains("a.heic cannot be read"), "{}", hint(&folder));
        let folder = Folder::new();
        paint(&folder, "train/cat/a.png", (2, 2), [0; 3]);
        assert!(hint(&folder).contains("train: name that one"), "{}", hint(&folder));
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let folder = Folder::new();
        let fault = read(&folder, None, false).unwrap_err();
        assert!(fault.message.contains("no pictures"), "{fault}");
        folder.write("a.png", b"no picture");
        let fault = read(&folder, None, false).unwrap_err();
        assert!(fault.message.contains("a.png"), "{fault}");
        let missing = image_folder(&folder.path().join("none"), Look::default(), &mut Watch::none());
        assert!(missing.unwrap_err().message.contains("no folder"));
    }
}
