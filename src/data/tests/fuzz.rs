//! Every reader of files that a user did not write, on damaged ones: none panics, none takes long, and none allocates what
//! a file only claims. Each target is a kind of file; `damage/mutants.rs` says for how long each is tried.
//! `SADDLE_FUZZ_SECONDS=300` tries each for as long, `SADDLE_FUZZ_TARGET=parquet` that one alone. The mutants are the same in each run:
//! `SADDLE_FUZZ_FROM=307191` begins with that one.
//!
//! In a process of its own, whose allocator counts.

mod damage;
#[path = "damage/folder.rs"]
mod folder;
#[path = "damage/png.rs"]
mod png;

use damage::{Random, hammer};
use flate2::{Compression, write::GzEncoder};
use folder::Folder;
use image::{ImageFormat, Rgb, RgbImage};
use png::mend_checksums;
use saddle_data::safetensors::Named;
use saddle_data::{Array, Column, Columns, Csv, FolderOptions, MNIST, Missing, Places, Split, Values, Watch};
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

/// No reader may hold more at once, in bytes; the files are a few kilobytes.
const MOST: usize = 48 << 20;

/// Which reader gets a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Npy,
    Npz,
    Safetensors,
    Torch,
    Events,
    Csv,
    Idx,
    /// An archive of tar, which is packed for the reader.
    Cifar,
    Picture,
    /// A table of pictures.
    Parquet,
    /// An archive of pictures.
    Zip,
}

/// Lets a reader read, with one of its sets of options; whether it took the file.
fn read(reader: Reader, file: &[u8], way: usize, folder: &Path) -> bool {
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |_| () };
    let written = |name: &str| {
        let path = folder.join(name);
        fs::write(&path, file).unwrap();
        path
    };
    let places = || -> saddle_fault::Result<Places> { unreachable!("a folder is given") };
    match reader {
        Reader::Npy => saddle_data::numpy::decode_npy("x", file).is_ok_and(|a| whole(&a)),
        Reader::Npz => saddle_data::numpy::decode_npz("x", file).is_ok_and(|all| all.iter().all(|(_, a)| whole(a))),
        Reader::Safetensors => Named::decode("x", file).is_ok_and(|all| all.arrays.iter().all(|(_, a)| whole(a))),
        Reader::Torch => saddle_data::torch::decode("x", file).is_ok(),
        Reader::Events => saddle_data::events::decode("x", file).is_ok_and(|all| !all.is_empty()),
        Reader::Csv => {
            let how = Csv {
                label: [Some(Column::At(-1)), None][way & 1].clone(),
                missing: [Missing::Skip, Missing::Fill(0.0)][way >> 1 & 1],
                header: [None, Some(true), Some(false), None][way >> 2 & 3],
                separator: None,
            };
            saddle_data::csv(&written("table.csv"), &how, &mut watch).is_ok()
        }
        Reader::Idx => {
            written("t10k-images.idx3-ubyte");
            MNIST.load(Split::Test, Some(folder), places, &mut watch).is_ok()
        }
        Reader::Cifar => {
            fs::write(folder.join("cifar-10-binary.tar.gz"), gzip(file)).unwrap();
            saddle_data::cifar10(Split::Test, Some(folder), places, &mut watch).is_ok()
        }
        Reader::Picture => {
            written("pictures/a.png");
            pictures(&folder.join("pictures"), way)
        }
        Reader::Parquet => pictures(&written("table.parquet"), way),
        Reader::Zip => pictures(&written("archive.zip"), way),
    }
}

/// Reads pictures, all at once or each when it is drawn, and draws the first, the last and one between.
fn pictures(path: &Path, way: usize) -> bool {
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |_| () };
    let labels = [None, Some("class"), Some("label"), Some("id")][way >> 4 & 3];
    let look = FolderOptions {
        size: [None, Some(5)][way & 1],
        grey: way & 2 > 0,
        skip_unreadable: way & 12 == 4,
        stream: way & 8 > 0,
        columns: Columns { image: None, label: labels.map(Into::into) },
        ..FolderOptions::default()
    };
    saddle_data::image_folder(path, &look, &mut watch).is_ok_and(|data| {
        let last = data.len() - 1;
        for at in [last, 0, last / 2] {
            let row = data.gather(at..at + 1);
            assert!(row.is_err() || row.is_ok_and(|row| row.len() == data.shape().iter().product::<usize>()));
            if data.has_labels() {
                let label = data.gather_labels(at..at + 1).unwrap()[0];
                assert!(usize::try_from(label).is_ok_and(|label| label < data.classes().len()));
            }
        }
        true
    })
}

/// That an array has the numbers that its shape says.
fn whole(array: &Array) -> bool {
    let n = match &array.values {
        Values::F32(v) => v.len(),
        Values::Int(v) => v.len(),
        Values::Bool(v) => v.len(),
    };
    assert_eq!(array.shape.iter().product::<usize>(), n);
    true
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn idx(sizes: &[u32]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
    file.extend((0..sizes.iter().product::<u32>()).map(|i| i as u8));
    file
}

/// An archive of tar (POSIX ustar) with one record of CIFAR-10.
fn tar() -> Vec<u8> {
    let mut header = [0; 512];
    let name = b"cifar-10-batches-bin/test_batch.bin";
    header[..name.len()].copy_from_slice(name);
    let content = 3073_usize;
    header[124..136].copy_from_slice(format!("{content:011o}\0").as_bytes());
    let mut file = header.to_vec();
    file.extend((0..content).map(|i| (i % 10) as u8));
    file.resize(512 + content.next_multiple_of(512) + 1024, 0);
    file
}

/// Whole files, with the reader that each is for.
fn seeds() -> Vec<(String, Reader, Vec<u8>)> {
    let mut seeds = Vec::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    for folder in ["files", "numpy", "torch", "pictures"] {
        for entry in fs::read_dir(tests.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let reader = match path.extension().and_then(|e| e.to_str()) {
                Some("npy") => Reader::Npy,
                Some("npz") => Reader::Npz,
                Some("safetensors") => Reader::Safetensors,
                Some("pt") => Reader::Torch,
                Some("parquet") => Reader::Parquet,
                Some("zip") => Reader::Zip,
                _ => continue,
            };
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            seeds.push((name, reader, fs::read(&path).unwrap()));
        }
    }
    let figure = |step| saddle_data::events::Event {
        time: 1e9,
        step,
        values: vec![("J".into(), saddle_data::events::Logged::Figure(0.5))],
    };
    let run = [
        saddle_data::events::head(1e9),
        saddle_data::events::encode(&figure(1)),
        saddle_data::events::encode(&figure(300)),
    ];
    seeds.push(("run".into(), Reader::Events, run.concat()));
    let tables = [
        "x,y,name\r\n1,2,\"Smith, John\"\r\n3,4,\"O\"\"Brien\nof Cork\"\r\n",
        "  1.5   2  a\n 3 \t 4 b\n",
        "\u{feff}# x\n0,1,2,label\n0.5,NA,0.25,7\n1e3,-2,nan,0\n",
        "sep=|\nx|y\n1|2\n3|4\n",
    ];
    let wide: Vec<u8> = "\u{feff}x\ty\r\n1\t2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    seeds.push(("wide table".into(), Reader::Csv, wide));
    for (i, table) in tables.iter().enumerate() {
        seeds.push((format!("table {i}"), Reader::Csv, table.as_bytes().to_vec()));
    }
    let packed = gzip(tables[0].as_bytes());
    seeds.push(("packed table".into(), Reader::Csv, packed));
    let pictures = idx(&[4, 3, 3]);
    seeds.push(("packed idx".into(), Reader::Idx, gzip(&pictures)));
    seeds.push(("idx".into(), Reader::Idx, pictures));
    seeds.push(("tar".into(), Reader::Cifar, tar()));
    let picture = RgbImage::from_fn(16, 12, |x, y| Rgb([x as u8 * 16, y as u8 * 20, 99]));
    for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Pnm] {
        for (kind, picture) in [
            ("colour", image::DynamicImage::from(picture.clone())),
            ("grey", image::DynamicImage::from(picture.clone()).grayscale()),
        ] {
            let mut bytes = Cursor::new(Vec::new());
            if picture.write_to(&mut bytes, format).is_ok() {
                let name = format!("{kind} {format:?}");
                seeds.push((name, Reader::Picture, bytes.into_inner()));
            }
        }
    }
    seeds.sort_by(|a, b| a.0.cmp(&b.0));
    seeds
}

#[test]
fn damaged_files_do_no_harm() {
    let kept = Folder::new("data");
    let folder = kept.path();
    fs::create_dir_all(folder.join("pictures")).unwrap();
    fs::write(folder.join("t10k-labels.idx1-ubyte"), idx(&[4])).unwrap();
    let seeds = seeds();
    // Some are there because no reader takes them: text, complex numbers; of PyTorch's, code, a
    // module, a program, complex numbers and the format of before 1.6; of tables, those without
    // pictures, with lists of them, with a row that has none, and packed by zstd.
    let taken = seeds.iter().filter(|(_, r, file)| read(*r, file, 0, folder));
    assert_eq!(taken.count(), seeds.len() - 11);
    let seeds: Vec<_> = seeds.into_iter().map(|(_, reader, file)| (reader, file)).collect();
    let mend = |reader, file: &mut Vec<u8>, random: &mut Random| {
        if reader == Reader::Picture && random.below(4) > 0 {
            mend_checksums(file);
        }
    };
    hammer(&seeds, MOST, mend, |reader, file, way| read(reader, file, way, folder));
}
