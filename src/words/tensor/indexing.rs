//! `x[.., 0..10]`: one index for each dim; `x[i] = v`: a tensor with some of its elements replaced; steps of ranges.

use super::value::{index, range};
use crate::convert::{coerce_beside, nested, wrap};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{ENTRY, Entry, KIND, Kind, Param, Ty, fails, param, type_of, value};
use saddle_fault::{Fault, Kind as Wrong, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Device, Dtype, Identity, Tensor, shown};
use std::any::TypeId;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

pub static ENTRIES: &[&Entry] = &[&STEP];
pub static KINDS: &[&Kind] = &[&STRIDE];

/// The indices of several dims, as a cell writes them: `x[a, b]`.
#[derive(Clone)]
pub struct Places(pub Vec<Dynamic>);

/// Every `step`-th place of a range; the range as it was written, since its ends may depend on the dim.
#[derive(Clone)]
pub struct Stride {
    range: Dynamic,
    step: i64,
}

static STRIDE: Kind = Kind {
    name: "stride",
    summary: "every k-th place of a range, to index a tensor with: t[(..).step(2)]",
    id: || TypeId::of::<Stride>(),
    show: |v| {
        Bundle::text(v.read_lock::<Stride>().map_or_else(String::new, |s| format!("({}).step({})", s.range, s.step)))
    },
    ..KIND
};

impl Stride {
    /// The places along a dim of `n` elements.
    fn places(&self, n: usize) -> Result<Vec<i64>> {
        let Range { start, end } = range(&self.range, n as i64).unwrap_or(0..n);
        if end > n || start > end {
            return Err(Fault::new(Wrong::Index, format!("{start}..{end} is outside a dim of size {n}")));
        }
        let places = (start as i64..end as i64).step_by(self.step.unsigned_abs() as usize);
        Ok(match self.step > 0 {
            true => places.collect(),
            false => (start as i64..end as i64).rev().step_by(self.step.unsigned_abs() as usize).collect(),
        })
    }
}

const RANGE: Param<Dynamic> = param("range", types::any(Ty::Any), "such as (..), (1..) or (0..10), in brackets");
const K: Param<i64> = param("k", types::INT, "not 0");
static STEP: Entry = Entry {
    name: "step",
    group: "index",
    summary: "every k-th place of a range, for an index of a tensor; below 0: from the end to the front",
    params: &[RANGE.param(), K.param()],
    returns: Ty::Of("stride"),
    errors: &["something that is not a range", "a step of 0"],
    source: &["Python's x[::k]"],
    examples: &[
        value("every second", "arange(6)[(..).step(2)].to_array()", "[0, 2, 4]"),
        value("backwards, of each row", "tensor([[1, 2, 3]])[.., (..).step(-1)].to_array()", "[[3.0, 2.0, 1.0]]"),
        fails("no step", "(0..4).step(0)", "must not be 0"),
    ],
    call: |call| {
        let (given, step) = (RANGE.value(call).clone(), K.of(call)?);
        if range(&given, 0).is_none() {
            return Err(Fault::type_(format!("step: needs a range such as (0..10), got {}", type_of(&given))));
        }
        match step {
            0 => Err(Fault::value("step: k must not be 0")),
            _ => Ok(Dynamic::from(Stride { range: given, step })),
        }
    },
    ..ENTRY
};

/// How many parts are remembered: more than one chain of indices has.
const REMEMBERED: usize = 16;

thread_local! {
    /// The parts that were last taken out of tensors: the tensor, the index, the part.
    static TAKEN: RefCell<VecDeque<(Identity, Dynamic, Identity)>> = const { RefCell::new(VecDeque::new()) };
}

/// Remembers that a part was taken out of a tensor by an index. See [`is_taken`].
pub fn taken(whole: &Dynamic, at: &Dynamic, part: &Dynamic) {
    let (Some(whole), Some(part)) = (whole.read_lock::<Tensor>(), part.read_lock::<Tensor>()) else { return };
    TAKEN.with_borrow_mut(|all| {
        if all.len() == REMEMBERED {
            all.pop_front();
        }
        all.push_back((whole.identity(), at.flatten_clone(), part.identity()));
    });
}

/// Whether a part that is to be put into a tensor is what the same index has just taken out of it: after `x[0].item()`
/// Rhai puts `x[0]` back, in case the method changed it. No method changes a tensor, and putting it back would copy all
/// of `x`.
pub fn is_taken(whole: &Dynamic, at: &Dynamic, part: &Dynamic) -> bool {
    let (Some(whole), Some(part)) = (whole.read_lock::<Tensor>(), part.read_lock::<Tensor>()) else { return false };
    TAKEN.with_borrow(|all| {
        all.iter().any(|(of, from, taken)| taken.is(&part) && of.is(&whole) && is_same_index(from, at))
    })
}

/// Whether two indices name the same places, as far as that is seen without looking at elements of tensors.
fn is_same_index(a: &Dynamic, b: &Dynamic) -> bool {
    let all = |a: &[Dynamic], b: &[Dynamic]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_index(a, b));
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Range<i64>>(), b.read_lock::<Range<i64>>()) {
        return *a == *b;
    }
    if let (Some(a), Some(b)) = (a.read_lock::<RangeInclusive<i64>>(), b.read_lock::<RangeInclusive<i64>>()) {
        return *a == *b;
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Places>(), b.read_lock::<Places>()) {
        return all(&a.0, &b.0);
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Stride>(), b.read_lock::<Stride>()) {
        return a.step == b.step && is_same_index(&a.range, &b.range);
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Tensor>(), b.read_lock::<Tensor>()) {
        return a.same(&b);
    }
    match (a.read_lock::<Array>(), b.read_lock::<Array>()) {
        (Some(a), Some(b)) => all(&a, &b),
        _ => false,
    }
}

/// What a stride picks along the first dim, as places.
pub fn strided(t: &Tensor, stride: &Stride) -> Result<Tensor> {
    let n = t.shape().first().copied().unwrap_or(0);
    along(t, 0, places_of(&stride.places(n)?, &t.device()))
}

fn places_of(places: &[i64], device: &Device) -> Tensor {
    Tensor::from_ints(places.to_vec(), &[places.len()], device)
}

fn along(t: &Tensor, dim: usize, places: Tensor) -> Result<Tensor> {
    t.index_select(dim as isize, &places)
}

/// `t[a, b, …]`: a whole number takes one place of its dim, a range a part, an array or a tensor of places or a mask
/// some.
pub fn several(t: &Tensor, places: &[Dynamic]) -> Result<Tensor> {
    if places.len() > t.rank() {
        return Err(Fault::new(
            Wrong::Index,
            format!("{} indices for a tensor of shape {}", places.len(), shown(&t.shape())),
        )
        .hint("one index for each dim, at most; .. takes all of a dim"));
    }
    let lists = places.iter().filter(|at| is_list(at)).count();
    if lists > 1 {
        return Err(Fault::new(Wrong::Index, format!("{lists} lists of places in one index")).hint(
            "x[rows, ..][.., columns] takes the rows and then the columns; gather(x, dim, index) takes single elements",
        ));
    }
    // Ranges of several dims are one part, of which the gradient is one, too.
    let sizes = t.shape();
    let parts: Vec<Option<Range<usize>>> = places.iter().zip(&*sizes).map(|(at, &n)| part_of(at, n)).collect();
    let ranges: Vec<Range<usize>> = parts.iter().zip(&*sizes).map(|(p, &n)| p.clone().unwrap_or(0..n)).collect();
    let is_whole = ranges.iter().zip(&*sizes).all(|(range, &n)| *range == (0..n));
    let mut out = if is_whole { t.clone() } else { t.slice(&ranges)? };
    let mut dim = 0;
    for (place, at) in places.iter().enumerate() {
        if parts[place].is_some() {
            dim += 1;
            continue;
        }
        // Indexing works along the first dim: the dim is brought there and back.
        let front = out.transpose(0, dim)?;
        let here = format!("dim 0 of {}", shown(&front.shape()));
        let part = index(&wrap(front), at).map_err(|mut fault| {
            // The first dim here is the user's dim of this place.
            fault.message = fault.message.replace(&here, &format!("dim {place} of {}", shown(&t.shape())));
            fault
        })?;
        let part = part.try_cast::<Tensor>();
        let part = part.ok_or_else(|| Fault::new(Wrong::Internal, "an index that gave no tensor"))?;
        match part.rank() < out.rank() {
            // The dims before the one that is gone stand one place off, the first of them in its place.
            true => out = restored(&part, dim)?,
            false => {
                out = part.transpose(0, dim)?;
                dim += 1;
            }
        }
    }
    Ok(out)
}

/// The range that an index is, if it lies inside a dim of `n` elements.
fn part_of(at: &Dynamic, n: usize) -> Option<Range<usize>> {
    range(at, n as i64).filter(|part| part.start <= part.end && part.end <= n)
}

/// After `transpose(0, dim)` and one place of the first dim: the old first dim stands at `dim − 1` and goes to the
/// front.
fn restored(part: &Tensor, dim: isize) -> Result<Tensor> {
    if dim < 2 {
        return Ok(part.clone());
    }
    let mut order: Vec<isize> = (0..part.rank() as isize).filter(|d| *d != dim - 1).collect();
    order.insert(0, dim - 1);
    part.permute(&order)
}

/// Whether it picks a list of places of its dim.
fn is_list(at: &Dynamic) -> bool {
    at.is_array() || at.read_lock::<Tensor>().is_some_and(|t| t.rank() > 0)
}

/// `t[at] = v`: a tensor like `t` in which the elements at `at` are those of `v`, which broadcasts; the last one counts
/// where a place comes twice. Gradients reach both.
pub fn assigned(t: &Tensor, at: &Dynamic, v: &Dynamic) -> Result<Tensor> {
    let (shape, n) = (t.shape(), t.len());
    let numbers = Tensor::from_ints((0..n as i64).collect(), &shape, &t.device());
    let chosen = index(&wrap(numbers), at)?.try_cast::<Tensor>();
    let chosen = chosen.ok_or_else(|| Fault::new(Wrong::Internal, "an index that gave no tensor"))?;
    let whole = t.dtype() != Dtype::F32;
    let source = match whole && v.is_array() {
        true => Some(nested(v, Some(Dtype::Int), &t.device())?),
        false => coerce_beside(v, whole, &t.device())?,
    };
    let source = source.ok_or_else(|| Fault::type_(format!("elements of a tensor are numbers, got {}", type_of(v))))?;
    if whole && source.dtype() == Dtype::F32 {
        return Err(Fault::type_("elements of an int tensor are whole numbers").hint("float(t) makes floats of them"));
    }
    let fits = source.broadcast_to(&chosen.shape()).map_err(|_| {
        let (place, given) = (shown(&chosen.shape()), shown(&source.shape()));
        Fault::shape(format!("a value of shape {given} does not fit the place of shape {place}"))
    })?;
    if chosen.is_empty() {
        return Ok(t.clone());
    }
    let (mut taken, mut from) = (vec![false; n], vec![0i64; n]);
    for (i, place) in chosen.to_ints()?.into_iter().enumerate() {
        taken[place as usize] = true;
        from[place as usize] = i as i64;
    }
    let from = Tensor::from_ints(from, &[n], &t.device());
    let spread = fits.reshape(&[fits.len()])?.index_select(0, &from)?.reshape(&shape)?;
    Tensor::from_bools(taken, &shape, &t.device()).choose(&spread.cast(t.dtype()), t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_same_index_took_need_not_be_put_back() {
        let x = Tensor::from_floats(vec![1.0, 2.0, 3.0, 4.0], &[2, 2], &Device::Cpu);
        let (whole, other) = (wrap(x.clone()), wrap(Tensor::from_floats(vec![0.0; 4], &[2, 2], &Device::Cpu)));
        for at in [Dynamic::from(0_i64), (0_i64..1).into(), vec![Dynamic::from(1_i64)].into()] {
            let part = index(&whole, &at).unwrap();
            taken(&whole, &at, &part);
            assert!(is_taken(&whole, &at, &part), "{at:?}");
            assert!(!is_taken(&whole, &Dynamic::from(1_i64), &part), "{at:?}");
            assert!(!is_taken(&other, &at, &part), "{at:?}");
            assert!(!is_taken(&whole, &at, &index(&whole, &at).unwrap()), "{at:?}");
        }
    }
}
