//! Known data sets: found, read, refused. The real files are taken from `SADDLE_DATA`, or from `../shared/data` beside
//! the repository; without them the tests that need them say so.

use super::famous::{FASHION_MNIST, Famous, MNIST, Places, Split};
use super::files::{Watch, testing::Folder};
use flate2::{Compression, write::GzEncoder};
use saddle_fault::Kind;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder with the real files, or a visible line about what is not tested.
fn real(famous: &Famous) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let own = std::env::var_os("SADDLE_DATA").map(PathBuf::from);
    let folder = own.into_iter().chain([beside]).find(|folder| folder.join(famous.name).is_dir());
    if folder.is_none() {
        // Written past the test harness, which would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: no {} in $SADDLE_DATA or ../shared/data", famous.name);
    }
    folder
}

fn places(own: &Path, cache: &Path) -> saddle_fault::Result<Places> {
    Ok(Places { own: Some(own.into()), cache: cache.into() })
}

/// Mean and standard deviation of the pixels as the field quotes them (0.1307 and 0.3081 for MNIST, 0.2860 and 0.3530
/// for Fashion-MNIST), counts of each label from the data sets' pages.
#[test]
fn the_real_files_are_read() {
    let mnist_counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    let cases = [(&MNIST, 0.1307, 0.3081, mnist_counts), (&FASHION_MNIST, 0.2860, 0.3530, [6000; 10])];
    for (famous, mean, std, counts) in cases {
        let Some(own) = real(famous) else { continue };
        let cache = Folder::new();
        let load = |split| famous.load(split, None, || places(&own, cache.path()), &mut Watch::none()).unwrap();
        let train = load(Split::Train);
        assert_eq!((train.len(), train.picture()), (60_000, Some([1, 28, 28])));
        let labels = train.gather_labels(0..60_000).unwrap();
        let count = |class| labels.iter().filter(|&&l| l == class).count();
        assert_eq!((0..10).map(count).collect::<Vec<_>>(), counts);
        let pixels = train.gather(0..60_000).unwrap();
        let n = pixels.len() as f64;
        let m = pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / n;
        let v = pixels.iter().map(|&p| (f64::from(p) - m).powi(2)).sum::<f64>() / n;
        assert!((m - mean).abs() < 5e-5 && (v.sqrt() - std).abs() < 5e-5, "{m} {}", v.sqrt());
        assert_eq!(load(Split::Test).len(), 10_000);
    }
}

/// Files directly in `SADDLE_DATA` are taken for what they are, not for the other data set whose files have the same
/// names.
#[test]
fn files_without_a_folder_are_told_by_their_content() {
    let (Some(own), cache) = (real(&MNIST), Folder::new()) else {
        return;
    };
    let own = own.join(MNIST.name);
    let mut stop = || Err(saddle_fault::Fault::new(Kind::Interrupt, "would download"));
    let mut watch = Watch { stop: &mut stop, step: &mut |_| (), note: &mut |_| () };
    let fashion = FASHION_MNIST.load(Split::Test, None, || places(&own, cache.path()), &mut watch);
    assert_eq!(fashion.unwrap_err().message, "would download");
    let mnist = MNIST.load(Split::Test, None, || places(&own, cache.path()), &mut Watch::none());
    assert_eq!(mnist.unwrap().len(), 10_000);
}

/// An IDX file of these sizes, its bytes all 1.
fn idx(sizes: &[u32]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
    file.extend(vec![1; sizes.iter().product::<u32>() as usize]);
    file
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let folder = Folder::new();
    folder.write("train-images-idx3-ubyte", &idx(&[3, 28, 28]));
    let labels = folder.write("train-labels-idx1-ubyte", &idx(&[2]));
    let load = || MNIST.load(Split::Train, Some(folder.path()), Places::of_the_user, &mut Watch::none());
    let fault = load().unwrap_err();
    assert!(fault.message.contains("2 labels for 3 rows"), "{fault}");
    std::fs::write(&labels, idx(&[3])).unwrap();
    let data = load().unwrap();
    assert_eq!((data.len(), data.gather_labels(0..3)), (3, Some(vec![1, 1, 1])));
    assert_eq!(data.gather(0..1).unwrap()[0], 1.0 / 255.0);
    std::fs::remove_file(&labels).unwrap();
    let fault = load().unwrap_err();
    assert!(fault.message.contains("has no file train-labels"), "{fault}");
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let folder = Folder::new();
    let missing = folder.path().join("none");
    let load = MNIST.load(Split::Train, Some(&missing), Places::of_the_user, &mut Watch::none());
    assert!(load.unwrap_err().message.contains("there is no folder"));
}

/// As the page of MNIST has them, as Windows unpacks them, as torchvision keeps them, as Kaggle's archive unpacks.
#[test]
fn files_have_several_usual_names() {
    let cases = [
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte"],
        ["train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte.gz"],
        ["raw/train-images-idx3-ubyte", "raw/train-labels-idx1-ubyte.gz"],
        ["MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/train-labels-idx1-ubyte"],
        ["train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels.idx1-ubyte"],
    ];
    for [images, labels] in cases {
        let folder = Folder::new();
        for (name, content) in [(images, idx(&[3, 28, 28])), (labels, idx(&[3]))] {
            let content = match name.ends_with(".gz") {
                true => {
                    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
                    packed.write_all(&content).unwrap();
                    packed.finish().unwrap()
                }
                false => content,
            };
            folder.write(name, &content);
        }
        let data = MNIST.load(Split::Train, Some(folder.path()), Places::of_the_user, &mut Watch::none());
        assert_eq!(data.map(|d| d.len()), Ok(3), "{images}");
    }
}

/// Counts and the sum of the pixels as NumPy gives them for the first 500 of each class of the published training files
/// (MD5 6bbc9ace… and a25bea73…).
#[test]
fn the_embedded_digits_are_the_first_of_mnist() {
    let digits = super::mnist_5000().unwrap();
    assert_eq!((digits.len(), digits.shape(), digits.picture()), (5000, &[784][..], Some([1, 28, 28])));
    let labels = digits.gather_labels(0..5000).unwrap();
    assert_eq!(labels[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    for digit in 0..10 {
        assert_eq!(labels.iter().filter(|&&l| l == digit).count(), 500);
    }
    let total: f64 = digits.gather(0..5000).unwrap().iter().map(|&p| (f64::from(p) * 255.0).round()).sum();
    assert_eq!(total, 131_267_102.0);
}
