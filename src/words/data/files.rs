//! Words that make data sets and tensors of one's own: of files and of tensors.

use super::load::{FLAT, RANGE, pictures};
use crate::convert::{coerce, held_by_floats, wrap};
use crate::files::disk;
use crate::types;
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, fails, param, value as gives};
use saddle_data::{Column, Columns, Csv, Dataset, Features, FolderOptions, Missing, Watch};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, check_shape, device, shown};
use std::path::PathBuf;

pub static ENTRIES: &[&Entry] = &[&DATASET, &CSV, &NPY, &NPZ, &IMAGE_FOLDER];

const SET: Ty = Ty::Of("dataset");
const PATH: Param<String> = param(
    "path",
    types::TEXT,
    "of the file; relative paths start from the notebook's folder, and what is not there is looked for in $SADDLE_DATA",
);
const FILE_ERRORS: &[&str] = &["a file that is missing or damaged"];

/// Runs a load that can be interrupted; what it notes stands on the cell's standard error.
fn watched<T>(call: &Call, load: impl FnOnce(&mut Watch) -> Result<T>) -> Result<T> {
    load(&mut Watch {
        stop: &mut || call.host.check_interrupt(),
        step: &mut |_| (),
        note: &mut |note| call.host.eprint(&format!("{}: {note}\n", call.entry.name)),
    })
}

/// The path that was given; a relative one that does not exist, in the folder that `SADDLE_DATA` names, if it is there.
fn path(call: &Call) -> Result<PathBuf> {
    let given = PATH.of(call).map(|text| disk::path(&text))?;
    let own = std::env::var_os("SADDLE_DATA").filter(|_| !given.exists());
    // `join` gives an absolute path as it is.
    let there = own.map(|own| PathBuf::from(own).join(&given)).filter(|there| there.exists());
    Ok(there.unwrap_or(given))
}

const X: Param<Dynamic> =
    param("x", types::any(Ty::OneOf(&[Ty::Tensor, Ty::Array])), "the samples, along the first dim");
const Y: Maybe<Tensor> = param("y", types::WHOLE, "the label of each sample: whole numbers from 0").maybe("none");
static DATASET: Entry = Entry {
    name: "dataset",
    group: "data",
    summary: "a data set of a tensor's rows, with labels or without",
    params: &[X.param(), Y.param()],
    returns: SET,
    shapes: "x: [n, …]; y: [n]",
    errors: &["no samples", "another number of labels than samples", "a negative label"],
    examples: &[
        gives(
            "points with their classes",
            "dataset([[0, 0], [1, 1], [2, 2]], [0, 1, 1]).with_label(1).images.to_array()",
            "[[1.0, 1.0], [2.0, 2.0]]",
        ),
        fails("a label too few", "dataset(zeros([3, 2]), [0, 1])", "2 labels for 3 rows"),
    ],
    call: |call| {
        let x = coerce(X.value(call), &device::current())?.ok_or_else(|| X.wrong(call))?;
        let shape = x.shape();
        if shape.is_empty() || x.is_empty() {
            return Err(Fault::shape(format!(
                "dataset: x must have samples along its first dim, got shape {}",
                shown(&shape)
            )));
        }
        if x.dtype() == Dtype::Int {
            let held = held_by_floats("dataset", &x.to_ints()?);
            held.map_err(|fault| fault.hint("float(x) rounds them to about seven digits"))?;
        }
        // Of rank 1, each number is a sample.
        let row = if shape.len() == 1 { &[1][..] } else { &shape[1..] };
        let data = Dataset::new("dataset", Features::Floats(x.to_floats()?.into()), row)?;
        match Y.of(call)? {
            None => Ok(Dynamic::from(data)),
            Some(y) => labelled(data, &y).map(Dynamic::from),
        }
    },
    ..ENTRY
};

fn labelled(data: Dataset, y: &Tensor) -> Result<Dataset> {
    /// More classes than these are no classes.
    const MAX_CLASSES: i64 = 1 << 20;
    let labels = y.to_ints()?;
    if let Some(bad) = labels.iter().find(|l| !(0..MAX_CLASSES).contains(*l)) {
        return Err(Fault::value(format!("dataset: a label is a whole number from 0, got {bad}")));
    }
    let classes = labels.iter().max().map_or(0, |m| m + 1);
    let names: Vec<String> = (0..classes).map(|c| c.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    data.with_labels(labels.into_iter().map(|l| l as i32).collect(), &names)
}

const LABEL: Maybe<Dynamic> = param(
    "label",
    types::any(Ty::OneOf(&[Ty::Text, Ty::Int])),
    "the column with the labels: its name, or its place, −1 being the last; whole numbers or texts",
)
.maybe("none");
const SEPARATOR: Maybe<String> = param("separator", types::TEXT, "between two columns: one character; \" \" is any number of blanks and tabs. Guessed: a comma, semicolon or tab, or blanks").maybe("guessed");
const HEADER: Maybe<bool> = param("header", types::BOOL, "whether the first line names the columns. Guessed: it does where it has texts beside the label; where its numbers count the columns, the rest of the table tells, and a note says what was guessed").maybe("guessed");
const MISSING: Maybe<Dynamic> = param("missing", types::any(Ty::OneOf(&[Ty::Text, Ty::Number])), "what to do about an empty cell, or NA, nan, null, None, ?: `error`; `skip` leaves its line out; a number stands in its place").maybe("\"error\"");
static CSV: Entry = Entry {
    name: "csv",
    group: "data",
    summary: "a table of numbers in a text file, packed with gzip or not: a line is a sample; a first line with names is recognised",
    params: &[PATH.param()],
    options: &[LABEL.opt(), SEPARATOR.opt(), HEADER.opt(), MISSING.opt()],
    returns: SET,
    shapes: "samples are [m, columns], the labels' column left out",
    errors: &[
        "a file that is missing, empty or no text in UTF-8",
        "a quote that is opened and never closed",
        "a line with another number of columns, or with a cell that is missing or not a number",
        "a column of labels that does not exist",
    ],
    source: &["RFC 4180"],
    examples: &[
        fails("no file", "csv(\"no/such.csv\", #{ label: \"kind\", missing: \"skip\" })", "no/such.csv does not exist"),
        fails(
            "no such choice",
            "csv(\"no/such.csv\", #{ separator: \" \", header: false, missing: \"drop\" })",
            "missing must be error, skip or a number",
        ),
    ],
    call: |call| {
        let label = LABEL.given(call).map(|v| match v.as_int() {
            Ok(i) => Column::At(i),
            Err(_) => Column::Named(v.to_string()),
        });
        let how = Csv { label, separator: separator(call)?, header: HEADER.of(call)?, missing: missing(call)? };
        let path = path(call)?;
        watched(call, |watch| saddle_data::csv(&path, &how, watch)).map(Dynamic::from)
    },
    ..ENTRY
};

/// The option `separator` of `csv`.
fn separator(call: &Call) -> Result<Option<char>> {
    let Some(text) = SEPARATOR.of(call)? else {
        return Ok(None);
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) => Ok(Some(one)),
        _ => Err(Fault::value(format!("csv: separator must be one character, got \"{text}\""))),
    }
}

/// The option `missing` of `csv`.
fn missing(call: &Call) -> Result<Missing> {
    let Some(given) = MISSING.given(call) else {
        return Ok(Missing::Refuse);
    };
    let number = saddle_catalog::number(given).map(|v| v as f32);
    match (given.to_string().as_str(), number) {
        ("error", None) => Ok(Missing::Refuse),
        ("skip", None) => Ok(Missing::Skip),
        (_, Some(number)) if number.is_finite() => Ok(Missing::Fill(number)),
        (other, _) => Err(Fault::value(format!("csv: missing must be error, skip or a number, got {other}"))),
    }
}

static NPY: Entry = Entry {
    name: "npy",
    group: "data",
    summary: "the array in a file of NumPy (.npy) as a tensor",
    params: &[PATH.param()],
    returns: Ty::Tensor,
    errors: &[
        "a file that is missing or damaged",
        "elements that are not numbers, or that are beyond single precision, or beyond 64 bits with a sign",
    ],
    source: &["numpy.lib.format"],
    examples: &[fails("no file", "npy(\"no/such.npy\")", "no/such.npy does not exist")],
    call: |call| {
        let path = path(call)?;
        let array = watched(call, |watch| saddle_data::npy(&path, watch))?;
        tensor(call, array)
    },
    ..ENTRY
};

static NPZ: Entry = Entry {
    name: "npz",
    group: "data",
    summary: "the arrays in an archive of NumPy (.npz): a map of tensors",
    params: &[PATH.param()],
    returns: Ty::Map,
    errors: FILE_ERRORS,
    source: &["numpy.lib.format"],
    examples: &[fails("no file", "npz(\"no/such.npz\")", "no/such.npz does not exist")],
    call: |call| {
        let path = path(call)?;
        let arrays = watched(call, |watch| saddle_data::npz(&path, watch))?;
        let named = arrays.into_iter().map(|(name, array)| Ok((name.into(), tensor(call, array)?)));
        Ok(named.collect::<Result<Map>>()?.into())
    },
    ..ENTRY
};

/// An array of NumPy's on the current device.
fn tensor(call: &Call, array: saddle_data::Array) -> Result<Dynamic> {
    let (shape, device) = (&array.shape, &device::current());
    check_shape(call.entry.name, shape)?;
    Ok(wrap(match array.values {
        saddle_data::Values::F32(v) => Tensor::from_floats(v, shape, device),
        saddle_data::Values::Int(v) => Tensor::from_ints(v, shape, device),
        saddle_data::Values::Bool(v) => Tensor::from_bools(v, shape, device),
    }))
}

const IMAGE_FOLDER_PATH: Param<String> = param("path", types::TEXT, "of the folder, the .zip or the .parquet file");
const SIZE: Maybe<i64> =
    param("size", types::INT, "the side, in pixels, to which the middle square of each picture is brought")
        .maybe("as they are");
const GREY: Param<bool> =
    param("grey", types::BOOL, "one channel instead of three: 0.299 R + 0.587 G + 0.114 B, as PIL's mode L").or(false);
const SKIP_UNREADABLE: Param<bool> = param(
    "skip_unreadable",
    types::BOOL,
    "leaves out pictures that cannot be read, and names them in a note; else the first of them is an error",
)
.or(false);
const STREAM: Param<bool> = param("stream", types::BOOL, "pictures stay on the disk and are decoded each time they are drawn: for more than fit into memory. `data.batches` decodes \
             ahead of the training, on a thread of its own").or(false);
const IMAGE: Maybe<String> =
    param("image", types::TEXT, "of .parquet files: the column of pictures").maybe("the first that fits");
const IMAGE_FOLDER_LABEL: Maybe<String> =
    param("label", types::TEXT, "of .parquet files: the column of labels, numbers or texts")
        .maybe("label, labels, class, target or fine_label");
const SPLIT: Maybe<String> =
    param("split", types::TEXT, "of a folder of .parquet files: those whose names begin so, as \"train\"")
        .maybe("all, if there is one");
static IMAGE_FOLDER: Entry = Entry {
    name: "image_folder",
    group: "data",
    summary: "the pictures in a folder, upright as their Exif data say; folders inside it are classes, in the order of their names; what is \
              hidden (.ipynb_checkpoints, ._a.png) is left out. A .zip file is read as the folder that was packed; .parquet files, one or a \
              folder of them as hubs store data sets, by their columns of pictures and of labels",
    params: &[IMAGE_FOLDER_PATH.param()],
    options: &[
        SIZE.opt(),
        GREY.opt(),
        SKIP_UNREADABLE.opt(),
        STREAM.opt(),
        IMAGE.opt(),
        IMAGE_FOLDER_LABEL.opt(),
        SPLIT.opt(),
        FLAT.opt(),
        RANGE.opt(),
    ],
    returns: SET,
    shapes: "samples are rows of pixels; with flat: false, [m, channels, height, width]",
    errors: &[
        "a folder that is missing or without pictures",
        "a picture that cannot be read, unless skip_unreadable",
        "pictures of different sizes, where no size is given",
        "an archive that is damaged or encrypted; .parquet files without pictures, packed by zstd, brotli or lz4, or of several splits",
    ],
    source: &["PKWARE's APPNOTE; Apache Parquet's format; the layout of Hugging Face's data sets"],
    examples: &[
        fails(
            "no folder",
            "image_folder(\"no/such\", #{ size: 64, flat: false, skip_unreadable: true })",
            "there is no folder no/such",
        ),
        fails(
            "no table",
            "image_folder(\"no/such.parquet\", #{ stream: true, split: \"train\", image: \"image\", label: \"label\" })",
            "there is no folder no/such.parquet",
        ),
    ],
    call: |call| {
        /// No picture that is wanted has a longer side.
        const MAX_SIDE: i64 = 8192;
        let size = match SIZE.given(call) {
            None => None,
            Some(_) => {
                let size = SIZE.of(call)?.unwrap_or(0);
                if !(1..=MAX_SIDE).contains(&size) {
                    return Err(Fault::value(format!(
                        "image_folder: size must be between 1 and {MAX_SIDE} pixels, got {size}"
                    )));
                }
                Some(size as u32)
            }
        };
        let look = FolderOptions {
            size,
            grey: GREY.of(call)?,
            skip_unreadable: SKIP_UNREADABLE.of(call)?,
            stream: STREAM.of(call)?,
            columns: Columns { image: IMAGE.of(call)?, label: IMAGE_FOLDER_LABEL.of(call)? },
            split: SPLIT.of(call)?,
        };
        let path = path(call)?;
        let data = watched(call, |watch| saddle_data::image_folder(&path, &look, watch))?;
        pictures(call, data)
    },
    ..ENTRY
};
