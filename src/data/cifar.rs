//! CIFAR-10 in its binary version: colour photographs of 32 × 32 pixels in ten classes.

use super::download::{Checksum, Remote, download};
use super::famous::{Places, Split};
use super::files::{Watch, describe, open};
use super::{Dataset, Features};
use flate2::read::GzDecoder;
use saddle_fault::{Fault, Result};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The name of its folder where data sets are kept.
pub const CIFAR_10: &str = "cifar-10";
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
/// The folder inside the archive.
const INSIDE: &str = "cifar-10-batches-bin";
const MIRRORS: &[&str] = &["https://www.cs.toronto.edu/~kriz/"];
const MD5: &str = "c32a1d4ab5d03f1284b67883e8d87530";

const TRAIN: &[&str] =
    &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
const TEST: &[&str] = &["test_batch.bin"];
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// Three planes: red, green, blue.
const PIXELS: usize = 3 * 32 * 32;
/// A label and the pixels.
const RECORD: usize = 1 + PIXELS;
/// The files hold 10,000 records each; nothing much larger is read.
const MAX_FILE_BYTES: u64 = 100_000 * RECORD as u64;

/// One part of CIFAR-10, pixels in [0, 1], as rows of 3,072, with labels. `folder`: where its archive or its files are;
/// otherwise they are looked for in `places`, and the archive is downloaded where they are not found.
///
/// # Errors
/// Files that are damaged or can neither be found nor downloaded.
pub fn cifar10(
    split: Split,
    folder: Option<&Path>,
    places: impl FnOnce() -> Result<Places>,
    watch: &mut Watch,
) -> Result<Dataset> {
    let names = match split {
        Split::Train => TRAIN,
        Split::Test => TEST,
    };
    let kept = match folder {
        Some(folder) => OnDisk::inside(folder, names).ok_or_else(|| {
            Fault::file(format!("{CIFAR_10}: {} has neither {ARCHIVE} nor {}", folder.display(), names[0]))
        })?,
        None => find(&places()?, names, watch)?,
    };
    let records = match kept {
        OnDisk::Files(paths) => whole_files(&paths, watch)?,
        OnDisk::Archive(path) => from_archive(&path, names, watch)?,
    };
    dataset(&records)
}

/// In what form the data set is on the disk.
enum OnDisk {
    Files(Vec<PathBuf>),
    Archive(PathBuf),
}

impl OnDisk {
    fn inside(folder: &Path, names: &[&str]) -> Option<Self> {
        for folder in [folder.to_path_buf(), folder.join(INSIDE)] {
            let paths: Vec<PathBuf> = names.iter().map(|n| folder.join(n)).collect();
            if paths.iter().all(|p| p.is_file()) {
                return Some(OnDisk::Files(paths));
            }
        }
        let archive = folder.join(ARCHIVE);
        archive.is_file().then_some(OnDisk::Archive(archive))
    }
}

fn find(places: &Places, names: &[&str], watch: &mut Watch) -> Result<OnDisk> {
    let cache = places.cache.join(CIFAR_10);
    let own = places.own.as_deref();
    let folders = own.map(|own| [own.join(CIFAR_10), own.to_path_buf()]);
    let folders = folders.into_iter().flatten().chain([cache.clone()]);
    let kept = folders.into_iter().find_map(|f| OnDisk::inside(&f, names));
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let remote = Remote { name: ARCHIVE, mirrors: MIRRORS, md5: Checksum::Outside(MD5) };
    download(&remote, &cache, watch).map(OnDisk::Archive).map_err(|fault| match fault.kind {
        saddle_fault::Kind::File => fault.hint(format!(
            "put {ARCHIVE} into {}, or into the folder {CIFAR_10} of a folder that SADDLE_DATA names",
            cache.display()
        )),
        _ => fault,
    })
}

fn whole_files(paths: &[PathBuf], watch: &mut Watch) -> Result<Vec<u8>> {
    let mut records = Vec::new();
    for path in paths {
        watch.check()?;
        let mut file = open(path)?.take(MAX_FILE_BYTES);
        let n = file.read_to_end(&mut records).map_err(|e| describe(path, "read", &e))?;
        check_size(n).map_err(|what| Fault::file(format!("{}: {what}", path.display())))?;
    }
    Ok(records)
}

fn check_size(bytes: usize) -> Result<(), String> {
    match bytes > 0 && bytes.is_multiple_of(RECORD) {
        true => Ok(()),
        false => Err(format!("{bytes} bytes are not a whole number of records of {RECORD} bytes")),
    }
}

/// The files `names` out of a tar archive that is packed with gzip.
fn from_archive(path: &Path, names: &[&str], watch: &mut Watch) -> Result<Vec<u8>> {
    let told = |what: &str| {
        Fault::file(format!("{}: {what}", path.display())).hint("remove the file, and it is downloaded again")
    };
    let broken = |e: std::io::Error| told(&format!("the archive is damaged ({e})"));
    let mut tar = GzDecoder::new(open(path)?);
    let mut found: Vec<Vec<u8>> = vec![Vec::new(); names.len()];
    loop {
        watch.check()?;
        let mut header = [0; 512];
        match tar.read_exact(&mut header) {
            Ok(()) if header[0] != 0 => (),
            Ok(()) => break,
            Err(e) => return Err(broken(e)),
        }
        let size = octal(&header[124..136]).ok_or_else(|| told("the archive is damaged"))?;
        let mut content = Vec::new();
        let name = String::from_utf8_lossy(&header[..100]);
        let name = name.trim_end_matches('\0').rsplit('/').next().unwrap_or_default();
        let padded = size.checked_next_multiple_of(512).unwrap_or(u64::MAX);
        match names.iter().position(|n| *n == name) {
            Some(at) if size <= MAX_FILE_BYTES => {
                tar.by_ref().take(padded).read_to_end(&mut content).map_err(broken)?;
                if (content.len() as u64) < size {
                    return Err(told("the archive ends too early"));
                }
                content.truncate(size as usize);
                check_size(content.len()).map_err(|what| told(&what))?;
                found[at] = content;
            }
            _ => {
                std::io::copy(&mut tar.by_ref().take(padded), &mut std::io::sink()).map_err(broken)?;
            }
        }
    }
    match found.iter().position(Vec::is_empty) {
        Some(missing) => Err(told(&format!("{} is not in it", names[missing]))),
        None => Ok(found.concat()),
    }
}

/// A number in a field of a tar header.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

fn dataset(records: &[u8]) -> Result<Dataset> {
    let mut pixels = Vec::with_capacity(records.len());
    let mut labels = Vec::with_capacity(records.len() / RECORD);
    for record in records.chunks_exact(RECORD) {
        labels.push(i32::from(record[0]));
        pixels.extend_from_slice(&record[1..]);
    }
    let features = Features::Bytes { bytes: pixels.into(), full: 255, lo: 0.0, hi: 1.0 };
    Dataset::new(CIFAR_10, features, &[PIXELS])?.with_picture([3, 32, 32])?.with_labels(labels, &CLASSES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;

    /// A file with one record: the label, then pixels that are all `ink`.
    fn record(label: u8, ink: u8) -> Vec<u8> {
        [vec![label], vec![ink; PIXELS]].concat()
    }

    fn load(folder: &Path, split: Split) -> Result<Dataset> {
        cifar10(split, Some(folder), Places::of_the_user, &mut Watch::none())
    }

    #[test]
    fn files_are_read_in_their_order() {
        let folder = Folder::new();
        for (i, name) in TRAIN.iter().enumerate() {
            folder.write(&format!("{INSIDE}/{name}"), &record(i as u8, 51));
        }
        let data = load(folder.path(), Split::Train).unwrap();
        assert_eq!((data.len(), data.picture()), (5, Some([3, 32, 32])));
        assert_eq!(data.gather_labels(0..5).unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(data.gather(0..1).unwrap()[0], 0.2);
        let fault = load(folder.path(), Split::Test).unwrap_err();
        assert!(fault.message.contains("neither"), "{fault}");
    }

    /// The archive is made by the tar of the system.
    #[test]
    fn the_archive_is_read_without_unpacking() {
        let folder = Folder::new();
        folder.write(&format!("{INSIDE}/readme.html"), b"not this");
        folder.write(&format!("{INSIDE}/test_batch.bin"), &[record(9, 0), record(3, 255)].concat());
        let archive = folder.path().join("new").join(ARCHIVE);
        std::fs::create_dir(folder.path().join("new")).unwrap();
        let packed = std::process::Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(folder.path())
            .arg(INSIDE)
            .status()
            .unwrap();
        assert!(packed.success());
        let data = load(archive.parent().unwrap(), Split::Test).unwrap();
        assert_eq!(data.gather_labels(0..2).unwrap(), [9, 3]);
        let fault = load(archive.parent().unwrap(), Split::Train).unwrap_err();
        assert!(fault.message.contains("data_batch_1.bin is not in it"), "{fault}");
        let bytes = std::fs::read(&archive).unwrap();
        std::fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
        let fault = load(archive.parent().unwrap(), Split::Test).unwrap_err();
        assert!(fault.message.contains("damaged") || fault.message.contains("early"), "{fault}");
    }

    #[test]
    fn a_file_of_another_size_is_refused() {
        let folder = Folder::new();
        folder.write("test_batch.bin", &record(1, 1)[1..]);
        let fault = load(folder.path(), Split::Test).unwrap_err();
        assert!(fault.message.contains("3072 bytes"), "{fault}");
    }
}
