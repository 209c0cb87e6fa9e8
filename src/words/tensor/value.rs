//! The kind `tensor`: how it is shown, its fields, `t[i]`, loops over it; and what takes values out of one or changes
//! their type.

use super::{X, create, indexing};
use crate::convert::{nested, wrap};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Field, Items, KIND, Kind, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Kind as Wrong, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Device, Dtype, Tensor, shown};
use std::any::TypeId;
use std::ops::Range;

pub static ENTRIES: &[&Entry] = &[&ITEM, &TO_ARRAY, &LEN, &INT, &FLOAT, &BOOL];
pub static KINDS: &[&Kind] = &[&TENSOR];

static TENSOR: Kind = Kind {
    name: "tensor",
    summary: "numbers on a device, of rank 0 to 6: f32, int or bool; only f32 carries gradients. t[2], t[-1], t[1..], t[[0, 2]] and t[t > 0] read along the first dim, t[.., 0..10] has an index for each; t[0, 1] = 3 sets elements of this variable alone",
    id: TypeId::of::<Tensor>,
    show: |v| Bundle::text(v.read_lock::<Tensor>().map_or_else(String::new, |t| t.describe())),
    fields: &[
        Field { name: "shape", ty: Ty::Array, doc: "the sizes, one for each dim", get: |v| read(v, |t| Ok(sizes(t))) },
        Field {
            name: "rank",
            ty: Ty::Int,
            doc: "the number of dims",
            get: |v| read(v, |t| Ok((t.rank() as i64).into())),
        },
        Field {
            name: "len",
            ty: Ty::Int,
            doc: "the size of the first dim, as the length of an array",
            get: |v| read(v, |t| length(t).map(Dynamic::from)),
        },
        Field {
            name: "numel",
            ty: Ty::Int,
            doc: "the number of elements",
            get: |v| read(v, |t| Ok((t.len() as i64).into())),
        },
        Field {
            name: "dtype",
            ty: Ty::Text,
            doc: "`f32`, `int` or `bool`",
            get: |v| read(v, |t| Ok(t.dtype().name().into())),
        },
        Field {
            name: "device",
            ty: Ty::Text,
            doc: "where it lives",
            get: |v| read(v, |t| Ok(t.device().to_string().into())),
        },
    ],
    index: Some(|value, at| {
        let part = index(value, at)?;
        indexing::taken(value, at, &part);
        Ok(part)
    }),
    set_index: Some(|value, at, v| {
        if indexing::is_taken(value, at, v) {
            return Ok(());
        }
        let new = read(value, |t| indexing::assigned(t, at, v))?;
        *value = wrap(new);
        Ok(())
    }),
    iter: Some(rows),
    bytes: Some(|v| v.read_lock::<Tensor>().map_or(0, |t| t.bytes())),
    ..KIND
};

/// Reads the tensor in a value of the kind.
fn read<R>(value: &Dynamic, f: impl FnOnce(&Tensor) -> Result<R>) -> Result<R> {
    match value.read_lock::<Tensor>() {
        Some(t) => f(&t),
        None => Err(Fault::type_(format!("expected a tensor, got {}", saddle_catalog::type_of(value)))),
    }
}

fn sizes(t: &Tensor) -> Dynamic {
    let shape = t.shape();
    let sizes = shape.iter().map(|&n| Dynamic::from(n as i64));
    sizes.collect::<Array>().into()
}

fn length(t: &Tensor) -> Result<i64> {
    match t.shape().first() {
        Some(&n) => Ok(n as i64),
        None => {
            Err(Fault::shape("len: a single number has no length").hint("t.numel is the number of elements, 1 here"))
        }
    }
}

/// `t[2]`, `t[-1]`, `t[1..4]`, `t[[0, 2]]`, `t[labels]`, `t[mask]`: along the first dim; `t[a, b]`: along several.
pub(super) fn index(value: &Dynamic, at: &Dynamic) -> Result<Dynamic> {
    let t = read(value, |t| Ok(t.clone()))?;
    if let Some(places) = at.read_lock::<indexing::Places>() {
        return indexing::several(&t, &places.0).map(wrap);
    }
    if t.rank() == 0 {
        // It has no elements to pick from, however that is asked: it says so.
        return t.at(0).map(wrap);
    }
    if let Some(stride) = at.read_lock::<indexing::Stride>() {
        return indexing::strided(&t, &stride).map(wrap);
    }
    if let Ok(i) = at.as_int() {
        return t.at(i).map(wrap);
    }
    // A single whole number, such as argmax gives, counts as one.
    let single = at.read_lock::<Tensor>().filter(|i| i.dtype() == Dtype::Int && i.rank() == 0).map(|i| i.to_ints());
    if let Some(i) = single {
        return t.at(i?[0]).map(wrap);
    }
    let n = length(&t)?;
    if let Some(part) = range(at, n) {
        let inside = part.start <= part.end && part.end <= n as usize;
        return if inside { t.slice(&[part]).map(wrap) } else { Err(outside(at, &t, 0)) };
    }
    if let Some(mask) = at.read_lock::<Tensor>().filter(|m| m.dtype() == Dtype::Bool) {
        return where_true(&t, &mask).map(wrap);
    }
    let at = match at.read_lock::<Tensor>() {
        Some(at) => at.clone(),
        None if at.is_array() => nested(at, Some(Dtype::Int), &t.device())?,
        None => {
            return Err(Fault::new(
                Wrong::Index,
                format!(
                    "a tensor is indexed by a whole number, a range, an array or a tensor, not by {}",
                    saddle_catalog::type_of(at)
                ),
            )
            .hint("t[0], t[-1], t[1..4], t[[0, 2]], t[t > 0]; t[.., 0..10] has an index for each dim"));
        }
    };
    t.index_select(0, &from_the_front(at, n)?).map(wrap)
}

/// Places of which those below 0 count from the end of a dim of size `n`, where the processor can look at them.
fn from_the_front(places: Tensor, n: i64) -> Result<Tensor> {
    if places.dtype() != Dtype::Int || places.device() != Device::Cpu {
        return Ok(places);
    }
    let all = places.to_ints()?;
    if all.iter().all(|&i| i >= 0) {
        return Ok(places);
    }
    let all = all.into_iter().map(|i| if (-n..0).contains(&i) { i + n } else { i }).collect();
    Ok(Tensor::from_ints(all, &places.shape(), &Device::Cpu))
}

/// The rows for which a mask of rank 1 holds; with a mask of the tensor's shape, the elements.
fn where_true(t: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let rows = match mask.rank() == 1 && t.shape().first() == mask.shape().first() {
        true => t.clone(),
        false if mask.shape() == t.shape() => t.reshape(&[t.len()])?,
        false => {
            return Err(Fault::shape(format!(
                "a mask of shape {} does not fit a tensor of shape {}",
                shown(&mask.shape()),
                shown(&t.shape())
            )));
        }
    };
    let holds = mask.to_ints()?;
    let at: Vec<i32> = (0..).zip(&holds).filter(|(_, v)| **v != 0).map(|(i, _)| i).collect();
    let n = at.len();
    rows.index_select(0, &Tensor::from_ints(at, &[n], &t.device()))
}

/// A range of the language along a dim of `n` elements; ends below 0 count from the end, and `3..` goes to it. `None`
/// for anything else.
pub(crate) fn range(value: &Dynamic, n: i64) -> Option<Range<usize>> {
    let (from, to) = match value.read_lock::<Range<i64>>() {
        // What has no end has the largest of all.
        Some(r) if r.end == i64::MAX => (r.start, n),
        Some(r) => (r.start, r.end),
        None => {
            let r = value.read_lock::<std::ops::RangeInclusive<i64>>()?;
            (*r.start(), r.end().checked_add(1).filter(|&end| end != 0).unwrap_or(n))
        }
    };
    let from_end = |i: i64| if i < 0 { i + n } else { i };
    // What still lies outside is for `slice` to refuse, with its shape.
    let place = |i: i64| usize::try_from(from_end(i)).unwrap_or(usize::MAX);
    Some(place(from)..place(to))
}

/// A range that ends outside a dim, as it was written: ends below 0 have no place that could be named.
pub(super) fn outside(range: &Dynamic, t: &Tensor, dim: usize) -> Fault {
    let range = range.to_string();
    let range = range.trim_end_matches(&i64::MAX.to_string());
    Fault::new(Wrong::Index, format!("{range} is outside dim {dim} of {}", shown(&t.shape())))
}

fn rows(value: Dynamic) -> Items {
    let t = read(&value, |t| Ok(t.clone()));
    match t.and_then(|t| Ok((length(&t)?, t))) {
        Ok((n, t)) => Box::new((0..n).map(move |i| t.at(i).map(wrap))),
        Err(fault) => Box::new(std::iter::once(Err(fault))),
    }
}

const ITEM_X: Param<Tensor> = param("x", types::TENSOR, "a tensor of one element, of any rank");
static ITEM: Entry = Entry {
    name: "item",
    group: "tensor",
    summary: "the number in a tensor of one element; waits for the device",
    params: &[ITEM_X.param()],
    returns: Ty::OneOf(&[Ty::Number, Ty::Bool]),
    errors: &["the tensor does not have exactly one element"],
    examples: &[
        value("a float", "tensor([[0.5]]).item()", "0.5"),
        value("an int", "argmax([3, 9, 4]).item()", "1"),
        fails("two elements", "tensor([1, 2]).item()", "2 elements"),
    ],
    call: |call| item(&ITEM_X.of(call)?),
    ..ENTRY
};

/// The number in a tensor of one element.
pub(crate) fn item(t: &Tensor) -> Result<Dynamic> {
    if t.len() != 1 {
        return Err(Fault::shape(format!(
            "item: needs a tensor of one element, got shape {} with {} elements",
            shown(&t.shape()),
            t.len()
        ))
        .hint("mean(t) or sum(t) makes one number of many; t.to_array() gives all"));
    }
    Ok(elements(t)?.swap_remove(0))
}

/// The elements in row-major order, as values of the language.
fn elements(t: &Tensor) -> Result<Vec<Dynamic>> {
    Ok(match t.dtype() {
        Dtype::F32 => t.to_floats()?.into_iter().map(|v| Dynamic::from(v as f64)).collect(),
        Dtype::Int => t.to_ints()?.into_iter().map(Dynamic::from).collect(),
        Dtype::Bool => t.to_ints()?.into_iter().map(|v| Dynamic::from(v != 0)).collect(),
    })
}

static TO_ARRAY: Entry = Entry {
    name: "to_array",
    group: "tensor",
    summary: "the elements as nested arrays of numbers; waits for the device",
    params: &[X.param()],
    returns: Ty::Any,
    shapes: "rank 0 → a number; [n] → an array of n numbers; [m, n] → m arrays of n numbers; …",
    examples: &[
        value("a matrix", "tensor([[1, 2], [3, 4]]).to_array()", "[[1.0, 2.0], [3.0, 4.0]]"),
        value("truth values", "(tensor([1, 5]) > 2).to_array()", "[false, true]"),
    ],
    call: |call| {
        let t = X.of(call)?;
        Ok(nest(&mut elements(&t)?.into_iter(), &t.shape()))
    },
    ..ENTRY
};

fn nest(elements: &mut impl Iterator<Item = Dynamic>, shape: &[usize]) -> Dynamic {
    match shape.split_first() {
        None => elements.next().unwrap_or(Dynamic::UNIT),
        Some((&n, rest)) => (0..n).map(|_| nest(elements, rest)).collect::<Array>().into(),
    }
}

static LEN: Entry = Entry {
    name: "len",
    group: "tensor",
    summary: "the size of the first dim",
    params: &[X.param()],
    returns: Ty::Int,
    errors: &["a single number has no length"],
    examples: &[
        value("the rows of a matrix", "len(zeros([3, 5]))", "3"),
        fails("a single number", "len(tensor(1))", "has no length"),
    ],
    call: |call| length(&X.of(call)?).map(Dynamic::from),
    ..ENTRY
};

const SOURCE: Param<Tensor> = param("x", types::DATA, "a tensor, or an array to make one of");
static INT: Entry = Entry {
    name: "int",
    group: "tensor",
    summary: "whole numbers: floats are cut towards zero, true becomes 1; for labels and indices",
    params: &[SOURCE.param()],
    returns: Ty::Tensor,
    errors: &[
        "an array that is ragged or holds other things than numbers",
        "floats that are not finite or beyond 64 bits",
    ],
    examples: &[
        fails("infinite", "int(tensor([1]) / 0)", "does not fit into an int"),
        value("cut towards zero", "int(tensor([-1.7, 2.9])).to_array()", "[-1, 2]"),
        value("labels", "int([2, 0, 1]).dtype", "\"int\""),
    ],
    call: |call| cast(call, Dtype::Int),
    ..ENTRY
};

static FLOAT: Entry = Entry {
    name: "float",
    group: "tensor",
    summary: "floats: whole numbers and truth values as f32",
    params: &[SOURCE.param()],
    returns: Ty::Tensor,
    errors: &["an array that is ragged or holds other things than numbers"],
    examples: &[value("a mask as 0 and 1", "float(tensor([1, 5]) > 2).to_array()", "[0.0, 1.0]")],
    call: |call| cast(call, Dtype::F32),
    ..ENTRY
};

static BOOL: Entry = Entry {
    name: "bool",
    group: "tensor",
    summary: "truth values: everything but 0 is true",
    params: &[SOURCE.param()],
    returns: Ty::Tensor,
    errors: &["an array that is ragged or holds other things than numbers"],
    examples: &[value("not 0", "bool(tensor([0, 0.5, -1])).to_array()", "[false, true, true]")],
    call: |call| cast(call, Dtype::Bool),
    ..ENTRY
};

fn cast(call: &Call, to: Dtype) -> Result<Dynamic> {
    let value = SOURCE.value(call);
    if to == Dtype::Int && !value.is::<Tensor>() {
        return create::nested_whole(value, &saddle_tensor::device::current()).map(wrap);
    }
    converted(call.entry.name, &SOURCE.of(call)?, to).map(wrap)
}

/// A tensor as another dtype.
///
/// # Errors
/// Floats that are to be whole numbers, but are not finite or beyond the device's 64 or 32 bits.
pub(super) fn converted(word: &str, t: &Tensor, to: Dtype) -> Result<Tensor> {
    if (t.dtype(), to) != (Dtype::F32, Dtype::Int) {
        return Ok(t.cast(to));
    }
    let (is_here, is_wide) = (t.device() == Device::Cpu, t.device().whole_bits() == 64);
    let end: f32 = if is_wide { 9_223_372_036_854_775_808.0 } else { 2_147_483_648.0 };
    if let Some(beyond) = t.beyond(end)? {
        let place = if is_wide { "an int" } else { "the 32 bits of an int on this device" };
        return Err(Fault::value(format!("{word}: {beyond:?} does not fit into {place}")));
    }
    if is_here {
        return Ok(t.cast(to));
    }
    // Sent back as what they are, so that sums and products of them are known to fit or not.
    let whole = t.to_floats()?.into_iter().map(|v| v as i64).collect();
    Ok(Tensor::from_ints::<i64>(whole, &t.shape(), &t.device()))
}
