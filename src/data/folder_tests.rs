//! Folders, archives and tables of pictures.

use super::files::Watch;
use super::{Dataset, FolderOptions, image_folder};
use crate::files::testing::Folder;
use image::{Rgb, RgbImage};
use saddle_fault::Result;

fn paint(folder: &Folder, name: &str, size: (u32, u32), colour: [u8; 3]) {
    let path = folder.write(name, b"");
    RgbImage::from_pixel(size.0, size.1, Rgb(colour)).save(path).unwrap();
}

fn read(folder: &Folder, size: Option<u32>, grey: bool) -> Result<Dataset> {
    let look = FolderOptions { size, grey, ..FolderOptions::default() };
    image_folder(folder.path(), &look, &mut Watch::none())
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
    assert_eq!(data.gather(2..3).unwrap(), expected);
}

/// torchvision's ImageFolder takes what lies deeper, too, and refuses a folder without pictures: who comes from there is
/// told of both.
#[test]
fn what_lies_deeper_and_folders_without_pictures_are_told() {
    let folder = Folder::new();
    for name in ["cat/1.png", "cat/more/2.png", "dog/1.png"] {
        paint(&folder, name, (2, 2), [255, 0, 51]);
    }
    folder.write("bird/none", b"");
    let mut notes = Vec::new();
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
    let data = image_folder(folder.path(), &FolderOptions::default(), &mut watch).unwrap();
    assert_eq!((data.len(), data.classes().len()), (2, 2));
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("cat/more") && notes[1].starts_with("bird "), "{notes:?}");
}

/// An archive with a picture under each of these names.
fn packed(names: &[&str]) -> (Result<Dataset>, Vec<String>) {
    let folder = Folder::new();
    paint(&folder, "one.png", (2, 2), [255, 0, 51]);
    let picture = std::fs::read(folder.path().join("one.png")).unwrap();
    let files: Vec<(String, Vec<u8>)> = names.iter().map(|name| (name.to_string(), picture.clone())).collect();
    let path = folder.write("a.zip", &crate::zip::pack(&files).unwrap());
    let mut notes = Vec::new();
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
    let data = image_folder(&path, &FolderOptions::default(), &mut watch);
    (data, notes)
}

#[test]
fn an_archive_is_read_as_the_folder_that_was_packed() {
    // Nothing says that the cats of both folders are one class.
    let fault = packed(&["test/cat/1.png", "test/dog/1.png", "train/cat/1.png", "train/dog/1.png"]).0.unwrap_err();
    assert!(fault.message.contains("train/dog"), "{fault}");
    let (data, notes) = packed(&["r/cat/1.png", "r/cat/more/2.png", "r/dog/1.png", "r/dog/2.webp"]);
    assert_eq!(data.unwrap().classes(), ["cat", "dog"]);
    assert!(notes.len() == 2 && notes[0].contains("cat/more") && notes[1].contains("2.webp"), "{notes:?}");
    for names in [["cat\\1.png", "dog\\1.png"], ["./cat/1.png", "./dog/1.png"], ["cat/1.png", "dog/1.png"]] {
        let (data, notes) = packed(&names);
        assert_eq!(data.unwrap().classes(), ["cat", "dog"]);
        assert!(notes.is_empty(), "{notes:?}");
    }
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
    assert_eq!(data.gather(0..2).unwrap(), [[1.0; 16], [0.0; 16]].concat());
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
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
    let look = FolderOptions { skip_unreadable: true, ..FolderOptions::default() };
    let data = image_folder(folder.path(), &look, &mut watch).unwrap();
    assert_eq!(data.gather_labels(0..data.len()).unwrap(), [0, 1]);
    assert_eq!(data.gather(1..2).unwrap()[0], 0.0);
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
    let first = data.gather(0..1).unwrap();
    for (at, expected) in [(0, 0.2), (256, 0.4), (512, 0.8)] {
        assert!((first[at] - expected).abs() < 0.015, "{}", first[at]);
    }
}

#[test]
fn what_is_no_picture_is_told() {
    let folder = Folder::new();
    let fault = read(&folder, None, false).unwrap_err();
    assert!(fault.message.contains("no pictures"), "{fault}");
    folder.write("a.png", b"no picture");
    let fault = read(&folder, None, false).unwrap_err();
    assert!(fault.message.contains("a.png"), "{fault}");
    let missing = image_folder(&folder.path().join("none"), &FolderOptions::default(), &mut Watch::none());
    assert!(missing.unwrap_err().message.contains("no folder"));
}

/// A table or archive that `tests/pictures/make.py` wrote.
fn written(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pictures").join(name)
}

fn look_at(name: &str, look: &FolderOptions) -> Result<Dataset> {
    image_folder(&written(name), look, &mut Watch::none())
}

/// The pixels of the i-th picture, and its label.
fn expected(i: usize) -> (Vec<f32>, i32) {
    let colour = [20 * i, 255 - 20 * i, 7 * i];
    (colour.iter().flat_map(|&c| [c as f32 / 255.0; 4]).collect(), (i % 3) as i32)
}

/// What pyarrow and Python's zipfile wrote: Snappy, gzip and neither, pages of both versions, dictionaries, several
/// groups of rows, zip64.
#[test]
fn tables_and_archives_hold_the_pictures_that_were_put_into_them() {
    for stream in [false, true] {
        for (name, classes) in [
            ("hub.parquet", &["cat", "dog", "eel"][..]),
            ("plain.parquet", &["c", "d", "e"]),
            ("gzip.parquet", &["c", "d", "e"]),
            ("pages.parquet", &["c", "d", "e"]),
            ("deflated.zip", &["c", "d", "e"]),
            ("stored.zip", &[]),
        ] {
            let data = look_at(name, &FolderOptions { stream, ..FolderOptions::default() })
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!((data.len(), data.picture()), (7, Some([3, 2, 2])), "{name}");
            assert_eq!(data.classes(), classes, "{name}");
            // In the order of the names, so by class in the archive with folders; from the last to the first, as
            // samples jump.
            let order = if name == "deflated.zip" { [0, 3, 6, 1, 4, 2, 5] } else { [0, 1, 2, 3, 4, 5, 6] };
            for (at, &i) in order.iter().enumerate().rev() {
                let (pixels, label) = expected(i);
                assert_eq!(data.gather(at..at + 1).unwrap(), pixels, "{name}, {i}");
                if !classes.is_empty() {
                    assert_eq!(data.gather_labels(at..at + 1).unwrap(), [label], "{name}, {i}");
                }
            }
            let held = if stream { 0 } else { 7 * 12 };
            let labels = if classes.is_empty() { 0 } else { 7 * 4 };
            assert_eq!(data.bytes(), held + labels, "{name}");
        }
    }
}

#[test]
fn streamed_pictures_take_range_and_size_and_no_memory() {
    let look = FolderOptions { stream: true, size: Some(4), grey: true, ..FolderOptions::default() };
    let data = look_at("stored.zip", &look).unwrap().with_range(-1.0, 1.0);
    assert_eq!((data.shape(), data.range(), data.bytes()), (&[16][..], Some((-1.0, 1.0)), 0));
    // (299 · 0 + 587 · 255 + 114 · 0) / 1000 = 149.7
    assert_eq!(data.gather(0..1).unwrap(), [-1.0 + 2.0 * (150.0 / 255.0); 16]);
    let both = FolderOptions { stream: true, skip_unreadable: true, ..FolderOptions::default() };
    assert!(look_at("stored.zip", &both).unwrap_err().message.contains("skip_unreadable"));
}

#[test]
fn a_streamed_picture_that_goes_or_differs_is_one_error() {
    let folder = Folder::new();
    paint(&folder, "a.png", (2, 2), [1, 2, 3]);
    paint(&folder, "b.png", (3, 2), [1, 2, 3]);
    paint(&folder, "c.png", (2, 2), [1, 2, 3]);
    let data =
        image_folder(folder.path(), &FolderOptions { stream: true, ..FolderOptions::default() }, &mut Watch::none())
            .unwrap();
    let fault = data.gather(1..2).unwrap_err();
    assert!(fault.message.contains("b.png") && fault.message.contains("2 × 3"), "{fault}");
    std::fs::remove_file(folder.path().join("c.png")).unwrap();
    assert!(data.gather(2..3).unwrap_err().message.contains("c.png"));
    assert!(data.gather(0..1).is_ok());
}

#[test]
fn tables_without_pictures_are_one_error_that_says_what_they_hold() {
    let says = |name: &str, look: &FolderOptions| look_at(name, look).unwrap_err().message;
    let plain = FolderOptions::default();
    assert!(says("numbers.parquet", &plain).contains("there are no pictures: its columns are `id`, `class`"));
    assert!(says("lists.parquet", &plain).contains("there are no pictures"));
    assert!(says("zstd.parquet", &plain).contains("packed by zstd"));
    assert!(says("holes.parquet", &plain).contains("row 1 has no picture"));
    let columns = |image: Option<&str>, label: Option<&str>| FolderOptions {
        columns: crate::Columns { image: image.map(Into::into), label: label.map(Into::into) },
        ..FolderOptions::default()
    };
    assert!(says("hub.parquet", &columns(Some("photo"), None)).contains("no pictures in `photo`"));
    assert!(says("hub.parquet", &columns(None, Some("kind"))).contains("no labels in `kind`"));
    assert!(says("plain.parquet", &columns(Some("id"), None)).contains("no pictures in `id`"));
    let named = look_at("plain.parquet", &columns(Some("img"), Some("id"))).unwrap();
    assert_eq!(named.gather_labels(0..7).unwrap(), [0, 1, 2, 3, 4, 5, 6]);
    let skipping =
        look_at("holes.parquet", &FolderOptions { skip_unreadable: true, ..FolderOptions::default() }).unwrap();
    assert_eq!(skipping.len(), 2);
}

/// Two tables that mean other things by their labels, or of which one has none, are not one data set.
#[test]
fn tables_of_other_classes_are_not_joined() {
    let hub = std::fs::read(written("hub.parquet")).unwrap();
    let changed = |from: &[u8], to: &[u8]| {
        let mut bytes = hub.clone();
        let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
        bytes
    };
    for (other, what) in [(changed(b"\"cat\"", b"\"cow\""), "names"), (changed(b"label", b"lapel"), "labels")] {
        for order in [["a.parquet", "b.parquet"], ["b.parquet", "a.parquet"]] {
            let folder = Folder::new();
            folder.write(order[0], &hub);
            folder.write(order[1], &other);
            let fault = read(&folder, None, false).unwrap_err();
            assert!(fault.message.contains("b.parquet") && fault.message.contains(what), "{fault}");
        }
    }
}

#[test]
fn a_folder_of_tables_is_one_data_set_or_asks_for_the_split() {
    let folder = Folder::new();
    let table = std::fs::read(written("hub.parquet")).unwrap();
    for name in ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"] {
        folder.write(name, &table);
    }
    let read = |look: &FolderOptions| image_folder(folder.path(), look, &mut Watch::none());
    assert_eq!(read(&FolderOptions::default()).unwrap().len(), 14);
    folder.write("data/test-00000-of-00001.parquet", &table);
    let fault = read(&FolderOptions::default()).unwrap_err();
    assert!(fault.message.contains("several splits: test, train"), "{fault}");
    let of = |split: &str| FolderOptions { split: Some(split.into()), ..FolderOptions::default() };
    assert_eq!((read(&of("train")).unwrap().len(), read(&of("test")).unwrap().len()), (14, 7));
    assert!(read(&of("valid")).unwrap_err().message.contains("begins with `valid`"));
}

/// Cut off anywhere, or with any byte changed, a file is an error or other pictures, and never a panic.
#[test]
fn damaged_tables_and_archives_are_errors() {
    for name in ["hub.parquet", "gzip.parquet", "deflated.zip"] {
        let whole = std::fs::read(written(name)).unwrap();
        let folder = Folder::new();
        let read = |bytes: &[u8]| {
            let path = folder.write(name, bytes);
            let data = image_folder(&path, &FolderOptions::default(), &mut Watch::none());
            data.map(|data| data.len())
        };
        assert_eq!(read(&whole).unwrap(), 7);
        for end in (0..whole.len()).step_by(17) {
            assert!(read(&whole[..end]).is_err(), "{name} cut off at {end}");
        }
        for at in (0..whole.len()).step_by(3) {
            for mask in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= mask;
                let _ = read(&bytes);
            }
        }
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
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
    let data = image_folder(folder.path(), &FolderOptions::default(), &mut watch).unwrap();
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

/// Pictures beside the folders of classes have no class; a folder whose pictures do not stand together in the order of the names is one class.
#[test]
fn folders_of_an_archive_are_classes_once_and_what_lies_beside_them_is_left_out() {
    let folder = Folder::new();
    let png = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbImage::from_pixel(2, 2, Rgb([255, 0, 51])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let read = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| (name.to_string(), png.clone())).collect();
        let path = folder.write("a.zip", &crate::zip::pack(&files).unwrap());
        let mut notes = Vec::new();
        let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.into()) };
        let data = image_folder(&path, &FolderOptions::default(), &mut watch).unwrap();
        let labels = if data.has_labels() { data.gather_labels(0..data.len()).unwrap() } else { vec![] };
        (data.classes().to_vec(), labels, notes)
    };
    let beside = |name: &str| vec![format!("left out {name} beside the folders, which are the classes")];
    let names = |all: &[&str]| all.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let around = read(&["data/a.png", "data/cat/b.png", "data/dog/c.png"]);
    assert_eq!(around, (names(&["cat", "dog"]), vec![0, 1], beside("a.png")));
    // In the order of the names `data/b.png` stands between the folders.
    let between = read(&["data/a/1.png", "data/b.png", "data/c/2.png"]);
    assert_eq!(between, (names(&["a", "c"]), vec![0, 1], beside("b.png")));
    // `cat/kitten` stands within `cat`, and is no class of the folder that was packed.
    let within = read(&["cat/1.png", "cat/kitten/2.png", "cat/z.png", "dog/3.png"]);
    let below = "left out the pictures in cat/kitten, below the folders of the classes".to_string();
    assert_eq!(within, (names(&["cat", "dog"]), vec![0, 0, 1], vec![below]));
    assert_eq!(read(&["cat/1.png", "2.png"]), (names(&["cat"]), vec![0], beside("2.png")));
    assert_eq!(read(&["a/1.png", "a/2.png"]), (vec![], vec![], vec![]));
}

/// A header that claims more rows than the file has bytes, or pages that many groups share.
#[test]
fn rows_that_are_only_claimed_are_refused() {
    let varint = |mut n: u64| {
        let mut bytes = Vec::new();
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    };
    // Fields of Thrift's compact protocol, each one number after the last; ints are zigzag.
    let int = |n: u64| [vec![0x16], varint(2 * n)].concat();
    let skip = |by: u8, field: Vec<u8>| [vec![field[0] & 0xf | by << 4], field[1..].to_vec()].concat();
    let text = |t: &str| [vec![0x18], varint(t.len() as u64), t.as_bytes().to_vec()].concat();
    let inner = |fields: Vec<Vec<u8>>| [vec![0x1c], fields.concat(), vec![0]].concat();
    let list = |all: Vec<Vec<u8>>| {
        let each: Vec<Vec<u8>> = all.iter().map(|fields| [&fields[..], &[0]].concat()).collect();
        [vec![0x19, 0xfc], varint(all.len() as u64), each.concat()].concat()
    };
    // A page of `rows` nulls: a run of levels 0 takes no bytes of its own.
    let file = |rows: u64, groups: usize| {
        let run = varint(rows << 1);
        let levels = [(run.len() as u32 + 1).to_le_bytes().to_vec(), run, vec![0]].concat();
        let size = int(levels.len() as u64);
        let about = inner(vec![int(rows), int(0), int(3), int(3)]);
        let head = [int(0), size.clone(), size, skip(2, about), vec![0]].concat();
        let mut file = [b"PAR1".to_vec(), head, levels].concat();
        let schema =
            list(vec![[skip(4, text("root")), int(1)].concat(), [int(6), skip(2, int(1)), text("image")].concat()]);
        let meta = inner(vec![skip(4, int(0)), int(rows), skip(4, int(4))]);
        let group = list(vec![skip(3, meta)]);
        let footer = [int(1), schema, int(rows), list(vec![group; groups]), vec![0]].concat();
        file.extend(&footer);
        file.extend((footer.len() as u32).to_le_bytes());
        file.extend(b"PAR1");
        file
    };
    let folder = Folder::new();
    let read = |rows: u64, groups: usize| {
        let path = folder.write("a.parquet", &file(rows, groups));
        image_folder(&path, &FolderOptions::default(), &mut Watch::none()).unwrap_err().message
    };
    // As many as may be: the first has no picture.
    let few = read(60_000, 1);
    assert!(few.contains("row 0 has no picture"), "{few}");
    let claimed = read(1 << 40, 1);
    assert!(claimed.contains("more rows than they can have"), "{claimed}");
    let shared = read(10, 100);
    assert!(shared.contains("its pages lie on each other"), "{shared}");
}
