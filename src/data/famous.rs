//! Data sets that everybody knows, in files: MNIST and Fashion-MNIST. They are looked for, and downloaded where they
//! are not found.

use super::digits::NAMES;
use super::download::{Checksum, Remote, download, md5_inside};
use super::files::Watch;
use super::idx::{self, Idx};
use super::{Dataset, Features};
use etcetera::BaseStrategy;
use flate2::read::GzDecoder;
use saddle_fault::{Fault, Kind, Result};
use std::env;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Which part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The samples to train on.
    Train,
    /// Those held out.
    Test,
}

/// A data set in IDX files: its name, where to get it, the names and checksums of its files.
pub struct Famous {
    /// The name of its folder.
    pub name: &'static str,
    mirrors: &'static [&'static str],
    /// Images and labels, each with the MD5 of the IDX inside the gzip.
    train: [(&'static str, &'static str); 2],
    test: [(&'static str, &'static str); 2],
    classes: [&'static str; 10],
}

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte.gz";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte.gz";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte.gz";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte.gz";

/// 70,000 handwritten digits of 28 × 28 pixels: Y. LeCun, C. Cortes, C. Burges.
pub static MNIST: Famous = Famous {
    name: "mnist",
    mirrors: &["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
    train: [(TRAIN_IMAGES, "6bbc9ace898e44ae57da46a324031adb"), (TRAIN_LABELS, "a25bea736e30d166cdddb491f175f624")],
    test: [(TEST_IMAGES, "2646ac647ad5339dbf082846283269ea"), (TEST_LABELS, "27ae3e4e09519cfbb04c329615203637")],
    classes: NAMES,
};

/// The first 500 of each class of MNIST's training digits: images and labels (`data/README.md` says whose they are).
static FEW_IMAGES: &[u8] = include_bytes!("mnist-5000-images-idx3-ubyte.gz");
static FEW_LABELS: &[u8] = include_bytes!("mnist-5000-labels-idx1-ubyte.gz");

/// 5,000 of MNIST's training digits, which travel with the program: pixels in [0, 1], as rows of 784, with labels.
///
/// Source: Y. LeCun, C. Cortes: the MNIST database of handwritten digits (CC BY-SA 3.0).
pub fn mnist_5000() -> Result<Dataset> {
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |_| () };
    let mut read = |file, rank| {
        idx::parse(BufReader::new(GzDecoder::new(file)), rank, &mut watch).map_err(|_| {
            Fault::new(Kind::Internal, "mnist_5000: the digits inside this program are damaged")
                .hint("install it again")
        })
    };
    let (pixels, labels) = (read(FEW_IMAGES, 3)?, read(FEW_LABELS, 1)?);
    dataset("mnist_5000", pixels, labels, &NAMES)
}

/// A data set of pictures in [0, 1], as rows of pixels, with labels.
fn dataset(name: &str, pixels: Idx, labels: Idx, classes: &[&str; 10]) -> Result<Dataset> {
    let &[_, height, width] = &pixels.shape[..] else {
        return Err(Fault::file(format!("{name}: no pictures")));
    };
    let features = Features::Bytes { bytes: pixels.bytes.into(), full: 255, lo: 0.0, hi: 1.0 };
    let labels = labels.bytes.into_iter().map(i32::from).collect();
    Dataset::new(name, features, &[height * width])?.with_picture([1, height, width])?.with_labels(labels, classes)
}

/// 70,000 articles of clothing of 28 × 28 pixels: H. Xiao, K. Rasul, R. Vollgraf, 2017.
pub static FASHION_MNIST: Famous = Famous {
    name: "fashion-mnist",
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ],
    train: [(TRAIN_IMAGES, "f4a8712d7a061bf5bd6d2ca38dc4d50a"), (TRAIN_LABELS, "9018921c3c673c538a1fc5bad174d6f9")],
    test: [(TEST_IMAGES, "8181f5470baa50b63fa0f6fddb340f0a"), (TEST_LABELS, "15d484375f8d13e6eb1aabb0c3f46965")],
    classes: ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
};

/// Where files are looked for and kept.
pub struct Places {
    /// The folder that the user names in `SADDLE_DATA`.
    pub own: Option<PathBuf>,
    /// Where downloads are kept.
    pub cache: PathBuf,
}

impl Places {
    /// The folder in `SADDLE_DATA`, and the user's cache folder.
    ///
    /// # Errors
    /// `SADDLE_DATA` is not a folder; the user has no home folder.
    pub fn of_the_user() -> Result<Self> {
        let own = env::var_os("SADDLE_DATA").filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(own) = own.as_ref().filter(|own| !own.is_dir()) {
            return Err(Fault::file(format!("SADDLE_DATA names {}, which is not a folder", own.display()))
                .hint("set it to the folder of your data sets, or unset it"));
        }
        let cache = etcetera::choose_base_strategy()
            .map_err(|_| {
                Fault::file("the home folder is not known")
                    .hint("set the environment variable HOME, or SADDLE_DATA to a folder with data")
            })?
            .cache_dir()
            .join("saddlepoint");
        Ok(Self { own, cache })
    }
}

impl Famous {
    /// One part of the data set, pixels in [0, 1], as rows of 784, with labels. `folder`: where its files are;
    /// otherwise they are looked for in `places` and downloaded where they are not found.
    ///
    /// # Errors
    /// Files that are damaged, that do not belong together, that can neither be found nor downloaded.
    pub fn load(
        &self,
        split: Split,
        folder: Option<&Path>,
        places: impl FnOnce() -> Result<Places>,
        watch: &mut Watch,
    ) -> Result<Dataset> {
        let files = match split {
            Split::Train => &self.train,
            Split::Test => &self.test,
        };
        let [images, labels] = match folder {
            Some(folder) => self.inside(files, folder)?,
            None => self.find(files, &places()?, watch)?,
        };
        let mut read = |path, rank| {
            idx::read(path, rank, watch).map_err(|fault| match folder {
                Some(_) if fault.kind == Kind::File => {
                    fault.hint("put a good copy in its place, or leave `folder` out to have it downloaded")
                }
                _ => fault,
            })
        };
        let (pixels, answers) = (read(&images, 3)?, read(&labels, 1)?);
        dataset(self.name, pixels, answers, &self.classes).map_err(|fault| {
            fault.hint(format!("the files in {} do not belong together", images.parent().unwrap_or(&images).display()))
        })
    }

    /// The files in a folder that the user names.
    fn inside(&self, files: &[(&str, &str); 2], folder: &Path) -> Result<[PathBuf; 2]> {
        if !folder.is_dir() {
            let (name, place) = (self.name, folder.display());
            let fault = match folder.exists() {
                true => Fault::file(format!("{name}: {place} is a file, not a folder")),
                false => Fault::file(format!("{name}: there is no folder {place}")),
            };
            return Err(fault.hint("leave `folder` out to have the files downloaded"));
        }
        let find = |name: &str| {
            present(folder, name, self.torchvision()).ok_or_else(|| {
                Fault::file(format!("{}: {} has no file {name}", self.name, folder.display())).hint(format!(
                    "it needs {} and {}, with or without .gz, with - or . before idx",
                    files[0].0, files[1].0
                ))
            })
        };
        Ok([find(files[0].0)?, find(files[1].0)?])
    }

    /// The files where data sets are kept; downloaded where they are missing.
    fn find(&self, files: &[(&str, &str); 2], places: &Places, watch: &mut Watch) -> Result<[PathBuf; 2]> {
        let mut find = |(name, md5): (&str, &str)| {
            let cache = places.cache.join(self.name);
            if let Some(path) = self.kept(name, md5, places) {
                return Ok(path);
            }
            let remote = Remote { name, mirrors: self.mirrors, md5: Checksum::Inside(md5) };
            download(&remote, &cache, watch).map_err(|fault| self.absent(fault, &cache, files))
        };
        Ok([find(files[0])?, find(files[1])?])
    }

    /// The folder that torchvision keeps it in.
    fn torchvision(&self) -> &'static str {
        if self.name == "mnist" { "MNIST" } else { "FashionMNIST" }
    }

    fn kept(&self, name: &str, md5: &str, places: &Places) -> Option<PathBuf> {
        let own = places.own.as_deref();
        let named = own.and_then(|own| present(&own.join(self.name), name, self.torchvision()));
        // Other data sets have files of the same names: without a folder of its name, the content must tell.
        let bare = || {
            own.and_then(|own| present(own, name, self.torchvision()))
                .filter(|p| md5_inside(p).is_ok_and(|sum| sum == md5))
        };
        let cached = || present(&places.cache.join(self.name), name, self.torchvision());
        named.or_else(bare).or_else(cached)
    }

    /// What to do about a download that failed. An interrupt stays what it is.
    fn absent(&self, fault: Fault, cache: &Path, files: &[(&str, &str); 2]) -> Fault {
        if fault.kind != Kind::File {
            return fault;
        }
        let instead = if self.name == "mnist" { "; mnist_5000() has 5,000 digits without a download" } else { "" };
        Fault { message: format!("{}: {}", self.name, fault.message), ..fault }.hint(format!(
            "put {} and {} into {}, or into the folder {} of a folder that SADDLE_DATA names{instead}",
            files[0].0,
            files[1].0,
            cache.display(),
            self.name
        ))
    }
}

/// The file of that name in a folder, under one of its usual names: compressed or not, with `-` or `.` before `idx`; in
/// the folder itself, in `raw` or `torchvision/raw` as torchvision keeps it, or in a folder of its own name as some
/// archives unpack.
fn present(folder: &Path, name: &str, torchvision: &str) -> Option<PathBuf> {
    let dotted = name.replace("-idx", ".idx");
    let plain = |name: &str| name.trim_end_matches(".gz").to_string();
    let names = [name.into(), plain(name), plain(&dotted), dotted];
    let within = |folder: PathBuf| {
        names.iter().flat_map(move |name| [folder.join(name), folder.join(name).join(name)]).find(|path| path.is_file())
    };
    ["", "raw", torchvision]
        .iter()
        .find_map(|part| within(folder.join(part)))
        .or_else(|| within(folder.join(torchvision).join("raw")))
}
