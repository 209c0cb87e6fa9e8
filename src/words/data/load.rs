//! Words that give data sets: those that travel with the program, and those in files.

use super::super::tensor::{fails, opt, runs, value};
use super::bar::DownloadBar;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Example, Opt, Ty};
use saddle_data::{Dataset, Famous, Places, Split, Watch};
use saddle_fault::{Fault, Result};
use std::path::Path;

pub static ENTRIES: &[&Entry] = &[&DIGITS, &MNIST_5000, &MNIST, &FASHION_MNIST, &CIFAR10];

pub(super) const FLAT: Opt = opt(
    "flat",
    Ty::Bool,
    "true",
    "samples as rows of pixels, [m, 64]; false: as pictures, [m, channels, height, width]",
);
pub(super) const RANGE: Opt =
    opt("range", Ty::Array, "[0, 1]", "the values of the faintest and the strongest pixel; [-1, 1] suits tanh");

static DIGITS: Entry = Entry {
    name: "digits",
    group: "data",
    summary: "1,797 handwritten digits of 8 × 8 pixels, with labels; they travel with the program",
    options: &[FLAT, RANGE],
    returns: Ty::Of("dataset"),
    shapes: "samples are [m, 64]; with flat: false, [m, 1, 8, 8]",
    errors: &["a range that is not two numbers, the lower first"],
    source: "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0)",
    examples: &[
        value("how many", "digits().len", "1797"),
        value("a minibatch", "digits().sample(64).shape", "[64, 64]"),
        value(
            "pictures for convolutions, for a generator that ends in tanh",
            "digits(#{ flat: false, range: [-1, 1] }).sample(64).shape",
            "[64, 1, 8, 8]",
        ),
        runs("one picture", "digits()[0]"),
    ],
    call: |call| pictures(call, saddle_data::digits()?),
    ..ENTRY
};

static MNIST_5000: Entry = Entry {
    name: "mnist_5000",
    group: "data",
    summary: "5,000 of MNIST's training digits, 500 of each class, of 28 × 28 pixels, with labels; they travel with the program",
    options: &[FLAT, RANGE],
    returns: Ty::Of("dataset"),
    shapes: FILE_SHAPES,
    errors: &["a range that is not two numbers, the lower first"],
    source: "Y. LeCun, C. Cortes: the MNIST database of handwritten digits (CC BY-SA 3.0); the first 500 of each class",
    examples: &[
        value("how many", "mnist_5000().len", "5000"),
        value("of one class", "mnist_5000().with_label(7).len", "500"),
        value(
            "pictures for convolutions",
            "mnist_5000(#{ flat: false, range: [-1, 1] }).sample(64).shape",
            "[64, 1, 28, 28]",
        ),
        runs("one picture", "mnist_5000()[0]"),
    ],
    call: |call| pictures(call, saddle_data::mnist_5000()?),
    ..ENTRY
};

/// A data set of pictures, as the options ask for it.
pub(super) fn pictures(call: &Call, data: Dataset) -> Result<Dynamic> {
    let data = match (call.options.bool("flat", true)?, data.picture()) {
        (false, Some(picture)) => data.with_shape(&picture)?,
        _ => data,
    };
    let data = match call.options.numbers("range")?.as_deref() {
        None => data,
        Some(&[lo, hi]) if lo < hi && lo.is_finite() && hi.is_finite() => data.with_range(lo as f32, hi as f32),
        Some(other) => {
            return Err(Fault::value(format!(
                "{}: range must be two numbers, the lower first, got {other:?}",
                call.entry.name
            ))
            .hint("range: [-1, 1]"));
        }
    };
    Ok(Dynamic::from(data))
}

const FOLDER: Opt = opt(
    "folder",
    Ty::Text,
    "where data are kept",
    "where the files are, under any of their usual names, packed with gzip or not. Without it: the folder of this name in $SADDLE_DATA, then the user's cache folder; found in neither, they are downloaded",
);
const FILES: &[Opt] =
    &[opt("split", Ty::Text, "\"train\"", "`train`: 60,000 samples; `test`: 10,000 others"), FOLDER, FLAT, RANGE];
const CIFAR_FILES: &[Opt] =
    &[opt("split", Ty::Text, "\"train\"", "`train`: 50,000 samples; `test`: 10,000 others"), FOLDER, FLAT, RANGE];
const FILE_SHAPES: &str = "samples are [m, 784]; with flat: false, [m, 1, 28, 28]";
const FILE_ERRORS: &[&str] = &[
    "files that are missing and cannot be downloaded, or are damaged",
    "a split that is neither train nor test",
    "a range that is not two numbers, the lower first",
];

static MNIST: Entry = Entry {
    name: "mnist",
    group: "data",
    summary: "MNIST: 70,000 handwritten digits of 28 × 28 pixels, with labels, downloaded at the first use (`mnist_5000` needs no files)",
    options: FILES,
    returns: Ty::Of("dataset"),
    shapes: FILE_SHAPES,
    errors: FILE_ERRORS,
    source: "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998",
    examples: &[NO_FOLDER_MNIST, fails("no such part", "mnist(#{ split: \"valid\" })", "train or test")],
    call: |call| famous(call, &saddle_data::MNIST),
    ..ENTRY
};
const NO_FOLDER_MNIST: Example = fails(
    "files of one's own",
    "mnist(#{ folder: \"no/such/folder\", flat: false, range: [-1, 1] })",
    "no/such/folder",
);

static FASHION_MNIST: Entry = Entry {
    name: "fashion_mnist",
    group: "data",
    summary: "Fashion-MNIST: ten kinds of clothing in pictures of 28 × 28 pixels, with labels",
    options: FILES,
    returns: Ty::Of("dataset"),
    shapes: FILE_SHAPES,
    errors: FILE_ERRORS,
    source: "Xiao, Rasul, Vollgraf: Fashion-MNIST, 2017",
    examples: &[fails("files of one's own", "fashion_mnist(#{ folder: \"no/such/folder\" })", "no/such/folder")],
    call: |call| famous(call, &saddle_data::FASHION_MNIST),
    ..ENTRY
};

static CIFAR10: Entry = Entry {
    name: "cifar10",
    group: "data",
    summary: "CIFAR-10: colour photographs of 32 × 32 pixels in ten classes",
    options: CIFAR_FILES,
    returns: Ty::Of("dataset"),
    shapes: "samples are [m, 3072]; with flat: false, [m, 3, 32, 32]",
    errors: FILE_ERRORS,
    source: "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
    examples: &[fails("files of one's own", "cifar10(#{ folder: \"no/such/folder\" })", "no/such/folder")],
    call: |call| {
        load(call, saddle_data::CIFAR_10, |split, folder, watch| {
            saddle_data::cifar10(split, folder, Places::of_the_user, watch)
        })
    },
    ..ENTRY
};

fn famous(call: &Call, set: &Famous) -> Result<Dynamic> {
    load(call, set.name, |split, folder, watch| set.load(split, folder, Places::of_the_user, watch))
}

/// Loads the part that the options ask for, with a bar while it is downloaded.
fn load(
    call: &Call,
    name: &str,
    load: impl FnOnce(Split, Option<&Path>, &mut Watch) -> Result<Dataset>,
) -> Result<Dynamic> {
    let split = match call.options.text("split")?.as_deref() {
        None | Some("train") => Split::Train,
        Some("test") => Split::Test,
        Some(other) => {
            return Err(Fault::value(format!("{}: split must be train or test, got \"{other}\"", call.entry.name)));
        }
    };
    let folder = call.options.text("folder")?;
    let mut bar = DownloadBar::new(call.host, name);
    let mut watch =
        Watch { stop: &mut || call.host.check_interrupt(), step: &mut |step| bar.step(step), note: &mut |_| () };
    let data = load(split, folder.as_deref().map(Path::new), &mut watch)?;
    pictures(call, data)
}
