//! The kind `dataset`: what can be read from it, and words that draw from it or take a part of it.

use super::super::world::own_places;
use super::{Notebook, count};
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, FnPtr, Map};
use saddle_catalog::{
    Call, ENTRY, Entry, Field, Items, KIND, Kind, Param, Ty, fails, param, runs, type_of, value as gives,
};
use saddle_data::{Dataset, Source};
use saddle_fault::{Fault, Kind as Wrong, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Tensor, device};
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&SAMPLE, &SAMPLE_LABELLED, &LEN, &SPLIT, &FILTER, &WITH_LABEL, &TAKE];

pub(super) const DATA: Ty = Ty::Of("dataset");
pub(super) const SELF: Param<Dataset> = param("data", types::DATASET, "the data set");
pub(super) const M: Param<i64> = param("m", types::INT, "how many, at least 1");

pub static DATASET: Kind = Kind {
    name: "dataset",
    summary: "samples of one shape, with labels or without",
    id: TypeId::of::<Dataset>,
    show: |v| Bundle::text(v.read_lock::<Dataset>().map_or(String::new(), |d| describe(&d))),
    fields: &[
        Field { name: "len", ty: Ty::Int, doc: "the number of samples", get: |v| Ok((read(v)?.len() as i64).into()) },
        Field {
            name: "shape",
            ty: Ty::Array,
            doc: "the number of samples and the shape of one, as `images` has them",
            get: |v| {
                let data = read(v)?;
                let sizes = [&[data.len()], data.shape()].concat();
                Ok(sizes.into_iter().map(|n| Dynamic::from(n as i64)).collect::<Array>().into())
            },
        },
        Field {
            name: "images",
            ty: Ty::Tensor,
            doc: "all samples in one tensor, in the shape that `sample` gives them",
            get: |v| read(v).and_then(|data| all(&data)).map(wrap),
        },
        Field {
            name: "features",
            ty: Ty::Tensor,
            doc: "the same as `images`, for samples that are not pictures",
            get: |v| read(v).and_then(|data| all(&data)).map(wrap),
        },
        Field {
            name: "labels",
            ty: Ty::Tensor,
            doc: "the label of each sample: an int tensor",
            get: |v| {
                let data = read(v)?;
                labels(&data, 0..data.len(), "labels").map(wrap)
            },
        },
        Field {
            name: "classes",
            ty: Ty::Array,
            doc: "what each label means, in a text",
            get: |v| {
                let data = read(v)?;
                Ok(data.classes().iter().map(|c| Dynamic::from(c.clone())).collect::<Array>().into())
            },
        },
        Field {
            name: "picture",
            ty: Ty::Array,
            doc: "channels, height and width of a sample; () where samples are not pictures",
            get: |v| {
                Ok(read(v)?
                    .picture()
                    .map_or(Dynamic::UNIT, |p| p.iter().map(|&n| Dynamic::from(n as i64)).collect::<Array>().into()))
            },
        },
    ],
    index: Some(index),
    iter: Some(samples),
    bytes: Some(|v| v.read_lock::<Dataset>().map_or(0, |data| data.bytes())),
    ..KIND
};

fn describe(data: &Dataset) -> String {
    let mut text = format!("dataset {}: {} samples of shape {:?}", data.name(), data.len(), data.shape());
    if let Some([channels, height, width]) = data.picture() {
        text += &match channels {
            1 => format!(", pictures of {height} × {width}"),
            _ => format!(", pictures of {height} × {width} with {channels} channels"),
        };
    }
    if let Some((lo, hi)) = data.range() {
        text += &format!(" in [{lo}, {hi}]");
    }
    if data.has_labels() {
        text += &format!(", {} classes", data.classes().len());
    }
    text
}

fn read(value: &Dynamic) -> Result<Dataset> {
    value
        .read_lock::<Dataset>()
        .map(|d| d.clone())
        .ok_or_else(|| Fault::type_(format!("expected a data set, got {}", type_of(value))))
}

/// The samples at `places`, [m, …].
///
/// # Errors
/// As [`Dataset::gather`].
pub(super) fn gather(data: &Dataset, places: impl ExactSizeIterator<Item = usize>) -> Result<Tensor> {
    let shape = [&[places.len()], data.shape()].concat();
    Ok(Tensor::from_floats(data.gather(places)?, &shape, &device::current()))
}

fn all(data: &Dataset) -> Result<Tensor> {
    gather(data, 0..data.len())
}

/// The labels at `places`: `[m]`.
pub(super) fn labels(data: &Dataset, places: impl Iterator<Item = usize>, word: &str) -> Result<Tensor> {
    let labels = data.gather_labels(places).ok_or_else(|| no_labels(data, word))?;
    let n = labels.len();
    Ok(Tensor::from_ints(labels.into_iter().collect(), &[n], &device::current()))
}

fn no_labels(data: &Dataset, word: &str) -> Fault {
    Fault::value(format!("{word}: {} has no labels", data.name()))
}

/// Samples with their labels: `#{ x, y }`.
pub(super) fn labelled(data: &Dataset, places: &[usize], word: &str) -> Result<Dynamic> {
    let y = labels(data, places.iter().copied(), word)?;
    let x = gather(data, places.iter().copied())?;
    Ok(Map::from([("x".into(), wrap(x)), ("y".into(), wrap(y))]).into())
}

/// `data[2]`, `data[-1]`, `data[1..4]`: samples as a tensor.
fn index(value: &Dynamic, at: &Dynamic) -> Result<Dynamic> {
    let data = read(value)?;
    let n = data.len();
    if let Ok(i) = at.as_int() {
        let from_end = if i < 0 { i + n as i64 } else { i };
        let place = usize::try_from(from_end)
            .ok()
            .filter(|&p| p < n)
            .ok_or_else(|| Fault::new(Wrong::Index, format!("sample {i} is outside a data set of {n}")))?;
        let row = data.gather(std::iter::once(place))?;
        return Ok(wrap(Tensor::from_floats(row, data.shape(), &device::current())));
    }
    match super::super::tensor::value::range(at, n as i64) {
        Some(range) if range.start <= range.end && range.end <= n => gather(&data, range).map(wrap),
        Some(_) => Err(Fault::new(Wrong::Index, format!("the range is outside a data set of {n}"))),
        None => Err(Fault::new(
            Wrong::Index,
            format!("a data set is indexed by a whole number or a range, not by {}", type_of(at)),
        )
        .hint("data[0], data[-1], data[0..10]; data.filter(|x, y| …) chooses by content")),
    }
}

/// One sample after the other.
fn samples(value: Dynamic) -> Items {
    match read(&value) {
        Ok(data) => Box::new((0..data.len()).map(move |place| {
            let row = data.gather(std::iter::once(place))?;
            Ok(wrap(Tensor::from_floats(row, data.shape(), &device::current())))
        })),
        Err(fault) => Box::new(std::iter::once(Err(fault))),
    }
}

/// The data set of a call.
pub(super) fn dataset(call: &Call) -> Result<Dataset> {
    SELF.of(call)
}

static SAMPLE: Entry = Entry {
    name: "sample",
    group: "data",
    summary: "a minibatch: samples drawn independently, each equally likely; under `mpirun` this rank's part of it, m / world() of them",
    params: &[SELF.param(), M.param()],
    returns: Ty::Tensor,
    shapes: "[m, …], the rest as one sample",
    errors: &["m below 1", "a data set without samples", "under `mpirun`: m is no multiple of world()"],
    examples: &[
        gives("a minibatch of digits", "digits().sample(64).shape", "[64, 64]"),
        gives(
            "drawn from the notebook's stream",
            "let d = digits(); seed(3); let a = d.sample(8); seed(3); sum(abs(a - d.sample(8))).item()",
            "0.0",
        ),
        fails("nothing asked for", "digits().sample(0)", "at least 1"),
    ],
    call: |call| {
        let data = dataset(call)?;
        let m = count(call, data.shape())?;
        let places = own_places("sample", data.draw(m, &mut Notebook)?)?;
        gather(&data, places.into_iter()).map(wrap)
    },
    ..ENTRY
};

static SAMPLE_LABELLED: Entry = Entry {
    name: "sample_labelled",
    group: "data",
    summary: "a minibatch with its labels: a map of the samples x and the labels y",
    params: &[SELF.param(), M.param()],
    returns: Ty::Map,
    shapes: "x: [m, …]; y: [m], whole numbers",
    errors: &["m below 1", "a data set without samples or without labels"],
    examples: &[
        gives(
            "the digits with what they mean",
            "let b = digits().sample_labelled(32); [b.x.shape, b.y.shape]",
            "[[32, 64], [32]]",
        ),
        runs("for a conditional model", "let b = digits().sample_labelled(32); one_hot(b.y, 10)"),
    ],
    call: |call| {
        let data = dataset(call)?;
        let m = count(call, data.shape())?;
        let places = own_places("sample_labelled", data.draw(m, &mut Notebook)?)?;
        labelled(&data, &places, call.entry.name)
    },
    ..ENTRY
};

static LEN: Entry = Entry {
    name: "len",
    group: "data",
    summary: "the number of samples",
    params: &[SELF.param()],
    returns: Ty::Int,
    examples: &[gives("the digits", "len(digits())", "1797")],
    call: |call| Ok((dataset(call)?.len() as i64).into()),
    ..ENTRY
};

const PART: Param<f64> =
    param("part", types::NUMBER, "of the first part: a share between 0 and 1 (0.8), or a number of samples (1500)");
const SHUFFLE: Param<bool> = param(
    "shuffle",
    types::BOOL,
    "draw the parts at random from the notebook's stream; false: the first samples, then the rest",
)
.or(true);
static SPLIT: Entry = Entry {
    name: "split",
    group: "data",
    summary: "two parts of a data set: the share asked for, and the rest",
    params: &[SELF.param(), PART.param()],
    options: &[SHUFFLE.opt()],
    returns: Ty::Array,
    errors: &["a share outside 0 to 1", "more samples than there are"],
    examples: &[
        gives(
            "four fifths to train on, the rest to test on",
            "let parts = digits().split(0.8); [parts[0].len, parts[1].len]",
            "[1438, 359]",
        ),
        gives(
            "as they come",
            "digits().split(10, #{ shuffle: false })[0].labels.to_array()",
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
        ),
        fails("more than all", "digits().split(2000)", "2000 of 1797"),
    ],
    call: |call| {
        let data = dataset(call)?;
        let n = first_part(call, data.len())?;
        let order = match SHUFFLE.of(call)? {
            true => Notebook.permutation(data.len()),
            false => (0..data.len()).collect(),
        };
        let part = |places: &[usize]| Dynamic::from(data.part(places.iter().copied()));
        Ok(Array::from([part(&order[..n]), part(&order[n..])]).into())
    },
    ..ENTRY
};

/// The size of the first part of `len` samples: a float is a share, an int a number.
fn first_part(call: &Call, len: usize) -> Result<usize> {
    if let Ok(n) = PART.value(call).as_int() {
        return usize::try_from(n)
            .ok()
            .filter(|&n| n <= len)
            .ok_or_else(|| Fault::value(format!("split: cannot take {n} of {len} samples")));
    }
    let share = PART.of(call)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(Fault::value(format!("split: a share lies between 0 and 1, got {share}"))
            .hint("data.split(0.8); a whole number is a number of samples"));
    }
    Ok((share * len as f64).round() as usize)
}

const KEEP: Param<FnPtr> = param(
    "keep",
    types::FUNCTION,
    "of a sample and its label, |x, y|; of the sample alone where there are no labels, |x|",
);
static FILTER: Entry = Entry {
    name: "filter",
    group: "data",
    summary: "the part of a data set for which a function gives true",
    params: &[SELF.param(), KEEP.param()],
    returns: DATA,
    errors: &["a function that gives anything else than true or false"],
    examples: &[
        gives("two digits", "digits().filter(|x, y| y == 3 || y == 8).len", "357"),
        gives("by the ink", "digits().filter(|x, y| mean(x) > 0.4).len < 100", "true"),
    ],
    call: |call| {
        let data = dataset(call)?;
        let keep = KEEP.of(call)?;
        let mut places = Vec::new();
        for place in 0..data.len() {
            call.host.check_interrupt()?;
            let row = data.gather(std::iter::once(place))?;
            let mut args = vec![wrap(Tensor::from_floats(row, data.shape(), &device::current()))];
            if let Some(label) = data.gather_labels(std::iter::once(place)) {
                args.push(Dynamic::from(i64::from(label[0])));
            }
            let answer = call.invoke(&keep, args)?;
            match answer.as_bool() {
                Ok(true) => places.push(place),
                Ok(false) => (),
                Err(_) => {
                    return Err(Fault::type_(format!(
                        "filter: the function must give true or false, got {}",
                        call.catalog.type_of(&answer)
                    )));
                }
            }
        }
        Ok(Dynamic::from(data.part(places.into_iter())))
    },
    ..ENTRY
};

const LABEL: Param<Dynamic> =
    param("label", types::any(Ty::OneOf(&[Ty::Int, Ty::Array])), "a label, or an array of them");
static WITH_LABEL: Entry = Entry {
    name: "with_label",
    group: "data",
    summary: "the part of a data set with one label, or with one of several",
    params: &[SELF.param(), LABEL.param()],
    returns: DATA,
    errors: &["a data set without labels", "a label that is no class of the data set"],
    examples: &[
        gives("all threes", "digits().with_label(3).len", "183"),
        gives("threes and eights", "digits().with_label([3, 8]).len", "357"),
        fails("no such digit", "digits().with_label(10)", "0 to 9"),
    ],
    call: |call| {
        let data = dataset(call)?;
        let wanted = match LABEL.value(call).as_int() {
            Ok(label) => vec![label],
            Err(_) => crate::convert::ints(LABEL.value(call)).ok_or_else(|| LABEL.wrong(call))?,
        };
        if !data.has_labels() {
            return Err(no_labels(&data, "with_label"));
        }
        let classes = data.classes().len() as i64;
        if let Some(bad) = wanted.iter().find(|l| !(0..classes).contains(l)) {
            return Err(Fault::value(format!(
                "with_label: {} has the labels 0 to {}, not {bad}",
                data.name(),
                classes - 1
            )));
        }
        data.with_label(|l| wanted.contains(&i64::from(l)))
            .map(Dynamic::from)
            .ok_or_else(|| no_labels(&data, "with_label"))
    },
    ..ENTRY
};

const N: Param<usize> = param("n", types::SIZE, "how many; all where there are fewer");
static TAKE: Entry = Entry {
    name: "take",
    group: "data",
    summary: "the first n samples",
    params: &[SELF.param(), N.param()],
    returns: DATA,
    errors: &["n below 0"],
    examples: &[gives("a small set", "digits().take(100).len", "100")],
    call: |call| {
        let data = dataset(call)?;
        let n = N.of(call)?.min(data.len());
        Ok(Dynamic::from(data.part(0..n)))
    },
    ..ENTRY
};
