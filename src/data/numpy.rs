//! NumPy's files: one array (`.npy`) or several in a zip archive (`.npz`). Read only.
//!
//! The format is that of `numpy.lib.format`, versions 1 to 3.

use super::files::{Watch, describe, open};
use super::zip;
use crate::fault::{Fault, Result};
use std::io::Read;
use std::path::Path;

/// An array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Values,
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// f16, f32 and f64, which is rounded.
    Floats(Vec<f32>),
    /// Whole numbers within 32 bits.
    Ints(Vec<i32>),
    Bools(Vec<bool>),
}

const MAGIC: &[u8] = b"\x93NUMPY";
/// Headers are a few dozen letters long.
const MOST_HEADER: usize = 64 << 10;

/// The array in a `.npy` file.
///
/// # Errors
/// A file that is missing, damaged, truncated or too long; elements that are not numbers or do not fit into 32 bits.
pub fn npy(path: &Path, watch: &mut Watch) -> Result<Array> {
    let mut bytes = Vec::new();
    let mut file = open(path)?;
    loop {
        watch.check()?;
        match file.by_ref().take(1 << 22).read_to_end(&mut bytes) {
            Ok(0) => break,
            Ok(_) => (),
            Err(error) => return Err(describe(path, "read", &error)),
        }
    }
    parse(&bytes).map_err(|what| Fault::file(format!("{}: {what}", path.display())))
}

/// The arrays in a `.npz` file, by name.
///
/// # Errors
/// As [`npy`]; a damaged archive.
pub fn npz(path: &Path, watch: &mut Watch) -> Result<Vec<(String, Array)>> {
    let told = |what: String| Fault::file(format!("{}: {what}", path.display()));
    let mut file = open(path)?;
    let entries = zip::entries(&mut file).map_err(told)?;
    let mut arrays = Vec::new();
    for entry in &entries {
        watch.check()?;
        let bytes = zip::content(&mut file, entry).map_err(told)?;
        let name = entry.name.trim_end_matches(".npy").to_string();
        let array = parse(&bytes).map_err(|what| told(format!("{name}: {what}")))?;
        arrays.push((name, array));
    }
    Ok(arrays)
}

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

fn parse(bytes: &[u8]) -> Result<Array, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or("not a NumPy file: its first bytes are others")?;
    let early = || "the file ends too early".to_string();
    let (&[major, _], rest) = rest.split_first_chunk().ok_or_else(early)?;
    let (length, rest) = match major {
        1 => {
            let (n, rest) = rest.split_first_chunk().ok_or_else(early)?;
            (usize::from(u16::from_le_bytes(*n)), rest)
        }
        2 | 3 => {
            let (n, rest) = rest.split_first_chunk().ok_or_else(early)?;
            (u32::from_le_bytes(*n) as usize, rest)
        }
        other => return Err(format!("version {other} of the format is not known")),
    };
    if length > MOST_HEADER {
        return Err(format!("a header of {length} bytes is not credible"));
    }
    let (head, data) = rest.split_at_checked(length).ok_or_else(early)?;
    let head = std::str::from_utf8(head).map_err(|_| "the header is not text")?;
    let header = header(head).ok_or_else(|| format!("the header is damaged: {}", head.trim()))?;
    elements(&header, data)
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn header(text: &str) -> Option<Header> {
    let after = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}'"))?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    let descr = after("descr")?.strip_prefix('\'')?.split_once('\'')?.0;
    let order = after("fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return None;
    }
    let (sizes, _) = after("shape")?.strip_prefix('(')?.split_once(')')?;
    let shape = sizes
        .split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(|s| s.parse().ok())
        .collect::<Option<_>>()?;
    Some(Header {
        descr: descr.into(),
        fortran,
        shape,
    })
}

fn elements(header: &Header, data: &[u8]) -> Result<Array, String> {
    let Header { descr, shape, .. } = header;
    let kind = descr.trim_start_matches(['<', '>', '=', '|']);
    let size: usize = kind
        .get(1..)
        .and_then(|n| n.parse().ok())
        .filter(|n| *n > 0)
        .ok_or_else(|| unknown(descr))?;
    let count = shape
        .iter()
        .try_fold(1_usize, |n, &s| n.checked_mul(s))
        .filter(|n| n.checked_mul(size).is_some())
        .ok_or_else(|| format!("the sizes {shape:?} are impossible"))?;
    if data.len() != count * size {
        return Err(format!(
            "{} bytes of data, where {count} elements of {size} bytes are announced",
            data.len()
        ));
    }
    // The bytes of each element in little-endian order.
    let swap = descr.starts_with('>');
    let each = data.chunks_exact(size).map(|bytes| {
        let mut padded = [0; 8];
        for (i, b) in bytes.iter().take(8).enumerate() {
            padded[if swap { size.min(8) - 1 - i } else { i }] = *b;
        }
        u64::from_le_bytes(padded)
    });
    let values = values(kind, each).map_err(|what| what.unwrap_or_else(|| unknown(descr)))?;
    Ok(match header.fortran {
        false => Array {
            shape: shape.clone(),
            values,
        },
        true => row_major(shape, values),
    })
}

fn unknown(descr: &str) -> String {
    format!("elements of the type {descr} are not numbers that can be read")
}

/// The values of elements given as bits. The error is `None` where the type is not known.
fn values(kind: &str, bits: impl Iterator<Item = u64>) -> Result<Values, Option<String>> {
    let whole = |v: i128| {
        i32::try_from(v)
            .map_err(|_| Some(format!("the whole number {v} does not fit into 32 bits")))
    };
    Ok(match kind {
        "f2" => Values::Floats(bits.map(|b| half(b as u16)).collect()),
        "f4" => Values::Floats(bits.map(|b| f32::from_bits(b as u32)).collect()),
        "f8" => Values::Floats(bits.map(|b| f64::from_bits(b) as f32).collect()),
        "b1" => Values::Bools(bits.map(|b| b != 0).collect()),
        "i1" => Values::Ints(bits.map(|b| i32::from(b as i8)).collect()),
        "u1" => Values::Ints(bits.map(|b| i32::from(b as u8)).collect()),
        "i2" => Values::Ints(bits.map(|b| i32::from(b as i16)).collect()),
        "u2" => Values::Ints(bits.map(|b| i32::from(b as u16)).collect()),
        "i4" => Values::Ints(bits.map(|b| b as i32).collect()),
        "u4" => Values::Ints(
            bits.map(|b| whole(i128::from(b as u32)))
                .collect::<Result<_, _>>()?,
        ),
        "i8" => Values::Ints(
            bits.map(|b| whole(i128::from(b as i64)))
                .collect::<Result<_, _>>()?,
        ),
        "u8" => Values::Ints(
            bits.map(|b| whole(i128::from(b)))
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err(None),
    })
}

/// The number in the bits of IEEE 754's binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

/// An array whose elements come in column-major order.
fn row_major(shape: &[usize], values: Values) -> Array {
    fn reorder<T: Copy>(shape: &[usize], from: &[T]) -> Vec<T> {
        let mut index = vec![0; shape.len()];
        let mut out = Vec::with_capacity(from.len());
        for _ in 0..from.len() {
            let place = index
                .iter()
                .zip(shape)
                .rev()
                .fold(0, |at, (i, n)| at * n + i);
            out.push(from[place]);
            for (i, &n) in index.iter_mut().zip(shape).rev() {
                *i += 1;
                if *i < n {
                    break;
                }
                *i = 0;
            }
        }
        out
    }
    let values = match values {
        Values::Floats(v) => Values::Floats(reorder(shape, &v)),
        Values::Ints(v) => Values::Ints(reorder(shape, &v)),
        Values::Bools(v) => Values::Bools(reorder(shape, &v)),
    };
    Array {
        shape: shape.to_vec(),
        values,
    }
}
