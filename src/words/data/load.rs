//! Words that give data sets: those that travel with the program, and those in files.

use super::bar::DownloadBar;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{
    Call, DefaultValue, ENTRY, Entry, Example, Maybe, Opt, Param, Ty, Type, fails, param, runs, value,
};
use saddle_data::{Dataset, Famous, Places, Split, Watch};
use saddle_fault::{Fault, Result};
use std::path::Path;

pub static ENTRIES: &[&Entry] = &[&DIGITS, &MNIST_5000, &MNIST, &FASHION_MNIST, &CIFAR10];

pub(super) const FLAT: Param<bool> =
    param("flat", types::BOOL, "samples as rows of pixels, [m, 64]; false: as pictures, [m, channels, height, width]")
        .or(true);
pub(super) const RANGE: Param<Vec<f64>> =
    param("range", types::NUMBERS, "the values of the faintest and the strongest pixel; [-1, 1] suits tanh")
        .or(&[0.0, 1.0]);
static DIGITS: Entry = Entry {
    name: "digits",
    group: "data",
    summary: "1,797 handwritten digits of 8 × 8 pixels, with labels; they travel with the program",
    options: &[FLAT.opt(), RANGE.opt()],
    returns: Ty::Of("dataset"),
    shapes: "samples are [m, 64]; with flat: false, [m, 1, 8, 8]",
    errors: &["a range that is not two numbers, the lower first"],
    source: &["E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0)"],
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
    options: &[FLAT.opt(), RANGE.opt()],
    returns: Ty::Of("dataset"),
    shapes: FILE_SHAPES,
    errors: &["a range that is not two numbers, the lower first"],
    source: &[
        "Y. LeCun, C. Cortes: the MNIST database of handwritten digits (CC BY-SA 3.0); the first 500 of each class",
    ],
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
    let data = match (FLAT.of(call)?, data.picture()) {
        (false, Some(picture)) => data.with_shape(&picture)?,
        _ => data,
    };
    let data = match RANGE.of(call)?[..] {
        [lo, hi] if (lo, hi) == (0.0, 1.0) => data,
        [lo, hi] if lo < hi && lo.is_finite() && hi.is_finite() => data.with_range(lo as f32, hi as f32),
        ref other => {
            return Err(Fault::value(format!(
                "{}: range must be two numbers, the lower first, got {other:?}",
                call.entry.name
            ))
            .hint("range: [-1, 1]"));
        }
    };
    Ok(Dynamic::from(data))
}

const FOLDER: Maybe<String> = param("folder", types::TEXT, "where the files are, under any of their usual names, packed with gzip or not. Without it: the folder of this name in $SADDLE_DATA, then the user's cache folder; found in neither, they are downloaded").maybe("where data are kept");
/// A part of a data set by its name.
const PART: Type<Split> = Type::new(Ty::Text, |given| match types::TEXT.read(given)?.as_str() {
    "train" => Ok(Split::Train),
    "test" => Ok(Split::Test),
    other => Err(Fault::value(format!("{}: split must be train or test, got \"{other}\"", given.word()))),
});
const SPLIT: Param<Split> =
    param("split", PART, "`train`: 60,000 samples; `test`: 10,000 others").with_default(DefaultValue::Text("train"));
const FILES: &[Opt] = &[SPLIT.opt(), FOLDER.opt(), FLAT.opt(), RANGE.opt()];
const CIFAR_FILES_SPLIT: Param<Split> =
    param("split", PART, "`train`: 50,000 samples; `test`: 10,000 others").with_default(DefaultValue::Text("train"));
const CIFAR_FILES: &[Opt] = &[CIFAR_FILES_SPLIT.opt(), FOLDER.opt(), FLAT.opt(), RANGE.opt()];
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
    source: &["LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998"],
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
    source: &["Xiao, Rasul, Vollgraf: Fashion-MNIST, 2017"],
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
    source: &["Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"],
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
    let split = SPLIT.of(call)?;
    let folder = FOLDER.of(call)?;
    let mut bar = DownloadBar::new(call.host, name);
    let mut watch =
        Watch { stop: &mut || call.host.check_interrupt(), step: &mut |step| bar.step(step), note: &mut |_| () };
    let data = load(split, folder.as_deref().map(Path::new), &mut watch)?;
    pictures(call, data)
}
