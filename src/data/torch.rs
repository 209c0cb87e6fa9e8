//! PyTorch's files (`torch.save`, the zip format of PyTorch 1.6 and later): tensors, and what dicts, lists, numbers and
//! texts lie around them. The archive holds `NAME/data.pkl` (see `pickle`) and each storage's bytes as `NAME/data/KEY`;
//! `NAME/byteorder` tells how they lie.

use super::array::{Array, Values};
use super::pickle::{Machine, Value, View, Writer, strides};
use super::zip;
use saddle_fault::{Fault, Result};
use std::collections::{HashMap, HashSet};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A tensor of any number of dims.
    Tensor(Array),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Python's `None`.
    None,
    /// A tuple, too.
    List(Vec<Item>),
    /// In the order of the file.
    Dict(Vec<(String, Item)>),
}

/// How deep dicts and lists may lie in one another, and how many values may be in a file: more are no model's.
const DEEPEST: usize = 32;
const MOST_VALUES: usize = 1 << 20;
/// Tensors may share bytes (tied weights, `expand`): so many times the file's own size may come out of it.
const MOST_SHARING: usize = 16;

/// The content of a file; `what` names it in errors.
///
/// # Errors
/// Code, or objects other than tensors; the format of before 1.6, TorchScript; a damaged or cut off file; elements
/// that are no plain numbers; whole numbers beyond 64 bits.
pub fn decode(what: &str, file: &[u8]) -> Result<Item> {
    if !file.starts_with(b"PK") {
        return Err(Fault::file(format!("{what}: is not in PyTorch's zip format"))
            .hint("PyTorch before 1.6 wrote another: load it there and torch.save it again"));
    }
    let files = zip::unpack(what, file)?;
    if let Some((name, _)) = files.iter().find(|(name, _)| name.contains("/code/") || name.ends_with("/constants.pkl"))
    {
        return Err(Fault::file(format!("{what}: holds a program of TorchScript (`{name}`), which is never run"))
            .hint("torch.save(model.state_dict(), \"model.pt\") writes the tensors alone"));
    }
    let (name, pickle) = files
        .iter()
        .find(|(name, _)| name == "data.pkl" || name.ends_with("/data.pkl"))
        .ok_or_else(|| Fault::file(format!("{what}: is a zip archive without `data.pkl`, not a file of PyTorch's")))?;
    let folder = &name[..name.len() - "data.pkl".len()];
    let held: HashMap<&str, &[u8]> =
        files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(folder)?, &bytes[..]))).collect();
    let (machine, value) = Machine::read(what, pickle)?;
    let big_endian = held.get("byteorder").is_some_and(|order| order.starts_with(b"big"));
    let left = file.len().saturating_mul(MOST_SHARING);
    let mut reader = Reader { what, machine, held, big_endian, values: MOST_VALUES, bytes: left };
    reader.item(value, "", 0)
}

struct Reader<'a> {
    what: &'a str,
    machine: Machine<'a>,
    held: HashMap<&'a str, &'a [u8]>,
    big_endian: bool,
    /// How many values and bytes may still come.
    values: usize,
    bytes: usize,
}

impl Reader<'_> {
    fn item(&mut self, value: Value, name: &str, depth: usize) -> Result<Item> {
        self.values = self.values.checked_sub(1).filter(|_| depth < DEEPEST).ok_or_else(|| {
            Fault::file(format!(
                "{}: its dicts and lists lie too deep or hold too many values for a model's",
                self.what
            ))
        })?;
        Ok(match value {
            Value::None => Item::None,
            Value::Bool(b) => Item::Bool(b),
            Value::Int(n) => Item::Int(n),
            Value::Float(x) => Item::Float(x),
            Value::Text(place) => Item::Text(self.machine.text(place)),
            Value::Tensor(index) => Item::Tensor(self.tensor(index, name)?),
            Value::Tuple(index) | Value::List(index) => {
                let values = self.machine.held(index).to_vec();
                let each = values.into_iter().enumerate();
                Item::List(
                    each.map(|(i, v)| self.item(v, &joined(name, &i.to_string()), depth + 1)).collect::<Result<_>>()?,
                )
            }
            Value::Dict(index) => {
                let values = self.machine.held(index).to_vec();
                let (mut entries, mut keys) = (Vec::with_capacity(values.len() / 2), HashSet::new());
                for pair in values.chunks_exact(2) {
                    let key = self.key(pair[0])?;
                    // 1 and "1" are two keys in Python.
                    if !keys.insert(key.clone()) {
                        return Err(Fault::file(format!("{}: a dict has the key `{key}` twice", self.what)));
                    }
                    let item = self.item(pair[1], &joined(name, &key), depth + 1)?;
                    entries.push((key, item));
                }
                Item::Dict(entries)
            }
            Value::Known(_) | Value::Storage(_) | Value::Mark => {
                return Err(Fault::file(format!("{}: `{name}` is neither a tensor nor a plain value", self.what)));
            }
        })
    }

    fn key(&self, key: Value) -> Result<String> {
        match key {
            Value::Text(place) => Ok(self.machine.text(place)),
            Value::Int(n) => Ok(n.to_string()),
            _ => Err(Fault::file(format!("{}: a dict has a key that is neither a text nor a whole number", self.what))),
        }
    }

    fn tensor(&mut self, index: usize, name: &str) -> Result<Array> {
        let what = format!("{}, `{name}`", self.what);
        let view = self.machine.tensors[index].clone();
        let storage = self.machine.storages[view.storage].clone();
        let path = format!("data/{}", storage.key);
        let bytes = self.held.get(&path[..]).copied();
        let bytes =
            bytes.ok_or_else(|| Fault::file(format!("{what}: the archive has no `{path}` with its numbers")))?;
        let size = storage.element.size();
        let short = || Fault::file(format!("{what}: needs more numbers than the file has; it is damaged or cut off"));
        let count = count(&view, bytes.len() / size).ok_or_else(short)?;
        let taken = count.checked_mul(size).and_then(|taken| self.bytes.checked_sub(taken));
        self.bytes = taken.ok_or_else(|| {
            Fault::file(format!("{what}: its views make more than {MOST_SHARING} times the file's size of it"))
                .hint("x.clone() before torch.save writes an expanded tensor as it is seen")
        })?;
        let from = view.offset * size;
        let signed = |array| if view.negated { negated(array) } else { array };
        if view.stride == strides(&view.size) || count == 0 {
            let whole = if count == 0 { &[][..] } else { &bytes[from..from + count * size] };
            return Array::decode(&what, &view.size, storage.element, whole, self.big_endian).map(signed);
        }
        let mut gathered = Vec::with_capacity(count * size);
        let mut index = vec![0; view.size.len()];
        for _ in 0..count {
            let at: usize = index.iter().zip(&view.stride).map(|(i, s)| i * s).sum();
            gathered.extend(&bytes[from + at * size..from + (at + 1) * size]);
            for (i, size) in index.iter_mut().zip(&view.size).rev() {
                *i += 1;
                if *i < *size {
                    break;
                }
                *i = 0;
            }
        }
        Array::decode(&what, &view.size, storage.element, &gathered, self.big_endian).map(signed)
    }
}

/// The array with the other sign.
fn negated(array: Array) -> Array {
    let values = match array.values {
        Values::F32(v) => Values::F32(v.into_iter().map(|x| -x).collect()),
        Values::Int(v) => Values::Int(v.into_iter().map(i64::wrapping_neg).collect()),
        truths @ Values::Bool(_) => truths,
    };
    Array { values, ..array }
}

/// How many elements a view has, if all of them lie in a storage of so many. `expand` makes more of them than it has.
fn count(view: &View, held: usize) -> Option<usize> {
    let count = view.size.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    if count == 0 {
        return Some(0);
    }
    let reach = view
        .size
        .iter()
        .zip(&view.stride)
        .try_fold(view.offset, |last, (&d, &s)| (d - 1).checked_mul(s).and_then(|n| n.checked_add(last)))?;
    (reach < held).then_some(count)
}

fn joined(name: &str, key: &str) -> String {
    if name.is_empty() { key.to_string() } else { format!("{name}.{key}") }
}

/// Tensors by name as a file that `torch.load` reads, with `weights_only=True` as well. Whole numbers become 64 bits
/// wide, as PyTorch has them.
///
/// # Errors
/// More than 4 GiB, or more than 65,000 tensors.
pub fn encode(arrays: &[(String, Array)]) -> Result<Vec<u8>> {
    let mut pickle = Writer::new();
    let mut storages = Vec::with_capacity(arrays.len());
    for (i, (name, array)) in arrays.iter().enumerate() {
        let (storage, bytes) = match &array.values {
            Values::F32(_) => ("FloatStorage", array.bytes()),
            Values::Int(_) => ("LongStorage", array.bytes()),
            Values::Bool(_) => ("BoolStorage", array.bytes()),
        };
        let key = i.to_string();
        pickle.tensor(name, storage, &key, &array.shape);
        storages.push((format!("archive/data/{key}"), bytes));
    }
    let mut files = vec![
        ("archive/data.pkl".to_string(), pickle.finish()),
        ("archive/byteorder".to_string(), b"little".to_vec()),
        ("archive/version".to_string(), b"3\n".to_vec()),
    ];
    files.extend(storages);
    zip::pack(&files)
}
