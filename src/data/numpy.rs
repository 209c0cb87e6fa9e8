//! NumPy's files: one array (`.npy`) or several by name (`.npz`). Format: NumPy enhancement proposal 1, versions 1
//! to 3.

use super::array::{Array, Element, Values};
use super::files::{Watch, describe, foreign, unpacked};
use super::zip;
use saddle_fault::{Fault, Result};
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The array in the `.npy` file at `path`.
///
/// # Errors
/// A file that cannot be read; as for [`decode_npy`].
pub fn npy(path: &Path, watch: &mut Watch) -> Result<Array> {
    decode_npy(&path.display().to_string(), &content(path, watch)?)
}

/// The arrays in the `.npz` file at `path`, by name.
///
/// # Errors
/// A file that cannot be read; as for [`decode_npz`].
pub fn npz(path: &Path, watch: &mut Watch) -> Result<Vec<(String, Array)>> {
    decode_npz(&path.display().to_string(), &content(path, watch)?)
}

/// A whole file, read in pieces between which an interrupt is noticed.
fn content(path: &Path, watch: &mut Watch) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = unpacked(path)?;
    loop {
        watch.check()?;
        match file.by_ref().take(1 << 22).read_to_end(&mut bytes) {
            Ok(0) => return Ok(bytes),
            Ok(_) => (),
            Err(error) => return Err(describe(path, "read", &error)),
        }
    }
}

/// An array as a `.npy` file.
pub fn encode_npy(array: &Array) -> Vec<u8> {
    let kind = match array.values {
        Values::F32(_) => "<f4",
        Values::Int(_) => "<i8",
        Values::Bool(_) => "|b1",
    };
    let mut shape: String = array.shape.iter().map(|d| format!("{d}, ")).collect();
    if array.shape.len() > 1 {
        shape.truncate(shape.len() - 2);
    }
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    // Magic, version, length and header together fill whole blocks of 64 bytes; the last byte is a line feed.
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header += &" ".repeat(unpadded.next_multiple_of(64) - unpadded);
    header.push('\n');
    let mut file = MAGIC.to_vec();
    file.extend([1, 0]);
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(array.bytes());
    file
}

/// The array in a `.npy` file; `what` names it in errors.
///
/// # Errors
/// Not a NumPy file, a damaged or cut off one, or an element type that is no number.
pub fn decode_npy(what: &str, file: &[u8]) -> Result<Array> {
    let told = |problem: &str| Fault::file(format!("{what}: {problem}"));
    if file.is_empty() {
        return Err(told("the file is empty"));
    }
    let short = || told("the file ends too early: it is cut off");
    let damaged = || told("the header is damaged");
    let rest = file.strip_prefix(MAGIC).ok_or_else(|| foreign(&format!("{what}: not a NumPy file"), file))?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let (length, rest) = match major {
        1 => {
            let (n, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
            (usize::from(u16::from_le_bytes(*n)), rest)
        }
        2 | 3 => {
            let (n, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            (u32::from_le_bytes(*n) as usize, rest)
        }
        other => return Err(told(&format!("NumPy format version {other} is not known"))),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header = std::str::from_utf8(header).map_err(|_| damaged())?;
    let descr = value_after(header, "'descr'").ok_or_else(damaged)?;
    if descr.starts_with(['[', '(']) {
        return Err(told("a structured array, whose elements are records, is not supported")
            .hint("save each field by itself: np.save(\"x.npy\", a[\"x\"])"));
    }
    let (element, big_endian) = element(what, text(descr).ok_or_else(damaged)?)?;
    let shape = shape(header).ok_or_else(damaged)?;
    let array = Array::decode(what, &shape, element, data, big_endian)?;
    match value_after(header, "'fortran_order'").ok_or_else(damaged)? {
        order if order.starts_with("True") => Ok(row_major(array)),
        _ => Ok(array),
    }
}

/// Arrays by name as a `.npz` file, as `numpy.savez` writes one.
///
/// # Errors
/// More than 4 GiB.
pub fn encode_npz(arrays: &[(String, Array)]) -> Result<Vec<u8>> {
    let files = arrays.iter().map(|(name, array)| (format!("{name}.npy"), encode_npy(array)));
    zip::pack(&files.collect::<Vec<_>>())
}

/// The arrays in a `.npz` file.
///
/// # Errors
/// As for [`decode_npy`], or an archive that is damaged.
pub fn decode_npz(what: &str, file: &[u8]) -> Result<Vec<(String, Array)>> {
    let files = zip::unpack(what, file)?.into_iter();
    files
        .map(|(name, bytes)| {
            let array = decode_npy(&format!("{what}, {name}"), &bytes)?;
            let name = name.strip_suffix(".npy").map(str::to_string).unwrap_or(name);
            Ok((name, array))
        })
        .collect()
}

/// The text that follows a key of the header.
fn value_after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(key)?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// The text within the quotes with which a value begins.
fn text(value: &str) -> Option<&str> {
    Some(value.strip_prefix('\'')?.split_once('\'')?.0)
}

fn shape(header: &str) -> Option<Vec<usize>> {
    let (sizes, _) = value_after(header, "'shape'")?.strip_prefix('(')?.split_once(')')?;
    let sizes = sizes.split(',').map(str::trim).filter(|d| !d.is_empty());
    // Python 2 wrote long whole numbers with an L.
    sizes.map(|d| d.strip_suffix('L').unwrap_or(d).parse().ok()).collect()
}

/// The element type of a NumPy description such as `<f4`, and whether it is big-endian.
fn element(what: &str, descr: &str) -> Result<(Element, bool)> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or(("", descr));
    let element = match kind {
        "b1" => Element::Bool,
        "i1" | "i2" | "i4" | "i8" => Element::Int(width(kind)),
        "u1" | "u2" | "u4" | "u8" => Element::Unsigned(width(kind)),
        "f2" | "f4" | "f8" => Element::Float(width(kind)),
        _ => {
            return Err(Fault::file(format!("{what}: holds elements of type `{descr}`, not numbers"))
                .hint("floats, whole numbers and truth values can be read"));
        }
    };
    Ok((element, order == ">"))
}

fn width(kind: &str) -> usize {
    kind[1..].parse().unwrap_or(1)
}

/// An array whose first dim runs fastest, with its last running fastest.
fn row_major(array: Array) -> Array {
    fn reorder<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
        let strides: Vec<usize> = (0..shape.len()).map(|i| shape[..i].iter().product()).collect();
        (0..values.len())
            .map(|mut at| {
                let mut from = 0;
                for (&d, &stride) in shape.iter().zip(&strides).rev() {
                    from += at % d * stride;
                    at /= d;
                }
                values[from]
            })
            .collect()
    }
    let values = match &array.values {
        Values::F32(v) => Values::F32(reorder(v, &array.shape)),
        Values::Int(v) => Values::Int(reorder(v, &array.shape)),
        Values::Bool(v) => Values::Bool(reorder(v, &array.shape)),
    };
    Array { values, ..array }
}
