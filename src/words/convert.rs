//! Tensors as values of the language and back: what the words of all families need of each other.

use rhai::{Array, Dynamic};
use saddle_catalog::{number, range, type_of};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Dtype, Tensor, check_shape};

/// A tensor as a value of the language.
pub(crate) fn wrap(t: Tensor) -> Dynamic {
    Dynamic::from(t)
}

/// Tensors as an array of the language.
pub(crate) fn wrap_all(tensors: impl IntoIterator<Item = Tensor>) -> Dynamic {
    tensors.into_iter().map(wrap).collect::<Array>().into()
}

/// The tensor in a value; a number or an array becomes one, on `device`.
pub(crate) fn coerce(value: &Dynamic, device: &Device) -> Result<Option<Tensor>> {
    if let Some(t) = value.read_lock::<Tensor>() {
        return Ok(Some(t.clone()));
    }
    if let Some(v) = number(value) {
        return Ok(Some(Tensor::full(v as f32, &[], device)));
    }
    match value.is_array() || range(value).is_some() {
        true => nested(value, None, device).map(Some),
        false => Ok(None),
    }
}

/// As [`coerce`], where a whole number stays one if `whole` says that it stands beside whole numbers.
pub(crate) fn coerce_beside(value: &Dynamic, whole: bool, device: &Device) -> Result<Option<Tensor>> {
    match value.as_int() {
        Ok(n) if whole => Ok(Some(Tensor::from_ints(vec![n], &[], device))),
        _ => coerce(value, device),
    }
}

/// A tensor read from a value, on the device of what it stands beside unless it was given as a tensor: only that has a device of its own.
pub(crate) fn beside(read: Tensor, given: &Dynamic, device: &Device) -> Tensor {
    if given.is::<Tensor>() { read } else { read.to_device(device) }
}

/// Whether a value is a tensor of whole numbers or truth values.
pub(crate) fn is_whole(value: &Dynamic) -> bool {
    value.read_lock::<Tensor>().is_some_and(|t| t.dtype() != Dtype::F32)
}

/// The ints in an array of whole numbers of either sign; `None` for anything else.
pub(crate) fn ints(value: &Dynamic) -> Option<Vec<i64>> {
    value.read_lock::<Array>()?.iter().map(|v| v.as_int().ok()).collect()
}

/// The numbers and the shape in nested arrays, being read.
#[derive(Default)]
struct Nested {
    shape: Vec<usize>,
    values: Vec<f64>,
    /// The same as whole numbers, as long as they are such.
    whole: Vec<i64>,
    all_bool: bool,
}

/// A tensor of the numbers in nested arrays; tensors of one shape among them are stacked, and keep their past.
///
/// # Errors
/// Ragged arrays; anything that is not a number; whole numbers asked for and not given, or beyond ±2⁵³.
pub(crate) fn nested(value: &Dynamic, dtype: Option<Dtype>, on: &Device) -> Result<Tensor> {
    if let Some(items) = value.read_lock::<Array>()
        && items.iter().any(|v| v.is::<Tensor>())
    {
        return stacked(&items, on);
    }
    let mut all = Nested { all_bool: true, ..Nested::default() };
    all.read(value, 0)?;
    check_shape("tensor", &all.shape)?;
    let Nested { shape, values, whole, all_bool } = all;
    let is_bool = all_bool && !values.is_empty();
    match dtype.unwrap_or(if is_bool { Dtype::Bool } else { Dtype::F32 }) {
        Dtype::F32 => {
            if dtype.is_none() && whole.len() == values.len() {
                held_by_floats("tensor", &whole)?;
            }
            let values = values.into_iter().map(|v| v as f32).collect();
            Ok(Tensor::from_floats(values, &shape, on))
        }
        Dtype::Bool => {
            let values = values.into_iter().map(|v| v != 0.0).collect();
            Ok(Tensor::from_bools(values, &shape, on))
        }
        Dtype::Int if whole.len() == values.len() => Ok(Tensor::from_ints(whole, &shape, on)),
        Dtype::Int => {
            let values = values.into_iter().map(whole_number).collect::<Result<Vec<_>>>()?;
            Ok(Tensor::from_ints(values, &shape, on))
        }
    }
}

/// That floats hold every digit of whole numbers of which they are to be made without its being asked for.
pub(crate) fn held_by_floats(word: &str, whole: &[i64]) -> Result<()> {
    match whole.iter().find(|&&v| i128::from(v) != (v as f32) as i128) {
        Some(v) => Err(Fault::value(format!("{word}: floats do not hold every digit of the whole number {v}"))
            .hint("#{ dtype: \"int\" } keeps whole numbers, #{ dtype: \"f32\" } rounds them to about seven digits")),
        None => Ok(()),
    }
}

/// The whole numbers in nested arrays without tensors among them, floats cut towards zero.
///
/// # Errors
/// As [`nested`]; floats that are not finite or beyond 64 bits.
pub(crate) fn nested_cut(value: &Dynamic, on: &Device) -> Result<Tensor> {
    let mut all = Nested { all_bool: true, ..Nested::default() };
    all.read(value, 0)?;
    check_shape("int", &all.shape)?;
    let Nested { shape, values, whole, .. } = all;
    let whole = match whole.len() == values.len() {
        true => whole,
        false => values.into_iter().map(cut).collect::<Result<Vec<_>>>()?,
    };
    Ok(Tensor::from_ints(whole, &shape, on))
}

/// A float cut towards zero.
///
/// # Errors
/// One that is not finite or beyond 64 bits.
pub(crate) fn cut(v: f64) -> Result<i64> {
    match (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&v) {
        true => Ok(v as i64),
        false => Err(Fault::value(format!("int: {v:?} does not fit into an int"))),
    }
}

fn stacked(items: &Array, on: &Device) -> Result<Tensor> {
    let parts = items
        .iter()
        .map(|v| {
            coerce(v, on)?
                .ok_or_else(|| Fault::type_(format!("tensor: expected numbers or tensors, not {}", type_of(v))))
        })
        .collect::<Result<Vec<_>>>()?;
    Tensor::stack(&parts, 0)
}

/// A whole number that was read as a float.
///
/// # Errors
/// A fraction; a number beyond ±2⁵³, of which a float does not hold every digit.
pub(crate) fn whole_number(v: f64) -> Result<i64> {
    const EXACT: f64 = (1u64 << 53) as f64;
    if v.fract() != 0.0 || v.is_nan() {
        return Err(
            Fault::type_(format!("expected whole numbers, got {v}")).hint("int(…) cuts floats to whole numbers")
        );
    }
    match (-EXACT..=EXACT).contains(&v) {
        true => Ok(v as i64),
        false => Err(Fault::value(format!("{v} is beyond the whole numbers that are read exactly, ±2^53"))),
    }
}

/// A range is written out to be read as an array is, at several times a tensor's memory: no more than that.
const LONGEST_RANGE: usize = 10_000_000;

impl Nested {
    fn read(&mut self, value: &Dynamic, depth: usize) -> Result<()> {
        if let Some(items) = value.read_lock::<Array>() {
            return self.read_row(&items, depth);
        }
        if let Some(span) = range(value) {
            let n = usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(0);
            if n > LONGEST_RANGE {
                return Err(Fault::value(format!("tensor: a range of {n} numbers, at most {LONGEST_RANGE} are read"))
                    .hint("arange(start, end) makes more of them"));
            }
            return self.read_row(&span.map(Dynamic::from).collect(), depth);
        }
        if depth < self.shape.len() {
            return Err(Fault::shape(format!(
                "tensor: a number stands where the first row has an array, at depth {depth}"
            )));
        }
        match (number(value), value.as_bool()) {
            (Some(v), _) => {
                self.all_bool = false;
                // From the first float on there are fewer of these.
                self.whole.extend(value.as_int().ok().filter(|_| self.whole.len() == self.values.len()));
                self.values.push(v);
            }
            (None, Ok(b)) => {
                self.whole.extend((self.whole.len() == self.values.len()).then_some(i64::from(b)));
                self.values.push(f64::from(u8::from(b)));
            }
            _ => {
                return Err(Fault::type_(format!("tensor: expected numbers, not {}", type_of(value))));
            }
        }
        Ok(())
    }

    fn read_row(&mut self, items: &Array, depth: usize) -> Result<()> {
        if depth == self.shape.len() {
            if !self.values.is_empty() {
                return Err(Fault::shape(format!(
                    "tensor: an array stands where the first row has a number, at depth {depth}"
                )));
            }
            self.shape.push(items.len());
        }
        let expected = self.shape[depth];
        if items.len() != expected {
            let plural = if items.len() == 1 { "" } else { "s" };
            return Err(Fault::shape(format!(
                "tensor: a row has {} element{plural} where the first row has {expected}",
                items.len()
            ))
            .hint("every row of a dim must have the same length"));
        }
        items.iter().try_for_each(|v| self.read(v, depth + 1))
    }
}
