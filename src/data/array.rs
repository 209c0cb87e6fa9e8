//! Arrays as files hold them: a shape, and numbers of one of many element types, read as f32, i64 or bool.

use saddle_fault::{Fault, Result};

/// Numbers with a shape, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The size of each dim.
    pub shape: Vec<usize>,
    /// The elements, row by row.
    pub values: Values,
}

/// The numbers of an [`Array`].
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Floats.
    F32(Vec<f32>),
    /// Whole numbers.
    Int(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

/// The element types that files may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// One byte, 0 or 1.
    Bool,
    /// Signed, of so many bytes.
    Int(usize),
    /// Unsigned, of so many bytes.
    Unsigned(usize),
    /// IEEE floats of 2, 4 or 8 bytes.
    Float(usize),
    /// The upper half of an f32.
    BFloat16,
}

impl Array {
    /// The array in `bytes`, which hold exactly the elements of `shape`.
    ///
    /// # Errors
    /// More or fewer bytes than the shape needs; whole numbers beyond 64 bits with a sign; floats beyond single
    /// precision.
    pub fn decode(what: &str, shape: &[usize], element: Element, bytes: &[u8], big_endian: bool) -> Result<Self> {
        let size = element.size();
        let needed = shape.iter().try_fold(size, |n, &d| n.checked_mul(d)).filter(|&n| n == bytes.len());
        if needed.is_none() {
            return Err(Fault::file(format!(
                "{what}: shape {shape:?} does not fit the {} bytes of data; the file is damaged or cut off",
                bytes.len()
            )));
        }
        let each = bytes.chunks_exact(size);
        let values = match element {
            Element::Bool => Values::Bool(bytes.iter().map(|&b| b != 0).collect()),
            Element::Float(8) => {
                let singles = each.map(|b| single(what, f64::from_bits(word(b, big_endian))));
                Values::F32(singles.collect::<Result<_>>()?)
            }
            Element::Float(_) | Element::BFloat16 => {
                Values::F32(each.map(|b| float(element, word(b, big_endian))).collect())
            }
            Element::Int(_) | Element::Unsigned(_) => {
                let signed = matches!(element, Element::Int(_));
                let ints = each.map(|b| {
                    let word = word(b, big_endian);
                    whole(word, size, signed).ok_or_else(|| {
                        Fault::file(format!("{what}: holds whole numbers beyond 64 bits with a sign, such as {word}"))
                    })
                });
                Values::Int(ints.collect::<Result<Vec<_>>>()?)
            }
        };
        Ok(Self { shape: shape.to_vec(), values })
    }

    /// The elements as little-endian bytes: f32, i64 or one byte for a truth value.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::Int(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::Bool(v) => v.iter().map(|&b| u8::from(b)).collect(),
        }
    }
}

impl Element {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Element::Bool => 1,
            Element::BFloat16 => 2,
            Element::Int(n) | Element::Unsigned(n) | Element::Float(n) => n,
        }
    }
}

/// Up to 8 bytes as one number.
fn word(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |n: u64, &b: &u8| n << 8 | u64::from(b);
    match big_endian {
        true => bytes.iter().fold(0, add),
        false => bytes.iter().rev().fold(0, add),
    }
}

fn whole(word: u64, size: usize, signed: bool) -> Option<i64> {
    let unused = 64 - 8 * size as u32;
    match signed {
        true => Some(((word << unused) as i64) >> unused),
        false => i64::try_from(word).ok(),
    }
}

/// A float of double precision in single precision.
fn single(what: &str, v: f64) -> Result<f32> {
    match (v as f32).is_infinite() && v.is_finite() {
        true => Err(Fault::file(format!("{what}: holds numbers beyond single precision, such as {v:e}"))
            .hint("divide them by a scale before they are saved, or cut them: np.clip(a, -1e38, 1e38)")),
        false => Ok(v as f32),
    }
}

fn float(element: Element, word: u64) -> f32 {
    match element {
        Element::Float(2) => half(word as u16),
        Element::BFloat16 => f32::from_bits((word as u32) << 16),
        _ => f32::from_bits(word as u32),
    }
}

/// An IEEE half float.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}
