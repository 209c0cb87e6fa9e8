//! Pages: what they hold after unpacking. A value is where it lies: nothing is copied.

use super::snappy;
use super::thrift::Struct;
use flate2::read::MultiGzDecoder;
use std::io::Read as _;
use std::ops::Range;

/// What packed 1,032 bytes at most; no page has more than this.
const MOST_INFLATION: usize = 1032;
const MOST_PAGE: usize = 1 << 30;

/// How a column's pages are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Plain,
    Snappy,
    Gzip,
}

impl Codec {
    /// # Errors
    /// The name of one that cannot be read.
    pub fn of(number: i64) -> Result<Self, &'static str> {
        match number {
            0 => Ok(Codec::Plain),
            1 => Ok(Codec::Snappy),
            2 => Ok(Codec::Gzip),
            4 => Err("brotli"),
            6 => Err("zstd"),
            5 | 7 => Err("lz4"),
            _ => Err("an unknown codec"),
        }
    }

    fn unpack(self, packed: &[u8], size: usize) -> Option<Vec<u8>> {
        if size > MOST_PAGE || size > packed.len().saturating_mul(MOST_INFLATION).saturating_add(64) {
            return None;
        }
        match self {
            Codec::Plain => (packed.len() == size).then(|| packed.to_vec()),
            Codec::Snappy => snappy::unpack(packed, size),
            Codec::Gzip => {
                let mut out = Vec::new();
                MultiGzDecoder::new(packed).take(size as u64 + 1).read_to_end(&mut out).ok()?;
                (out.len() == size).then_some(out)
            }
        }
    }
}

/// What the header of a page says.
#[derive(Clone, Debug)]
pub struct Head {
    pub kind: PageKind,
    /// Values, nulls included.
    pub values: usize,
    /// Bytes in the file.
    pub packed: usize,
    size: usize,
    encoding: i64,
    /// Of a page of version 2: bytes of the levels, which are never packed, and whether the rest is.
    levels: Option<(usize, usize, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    Data,
    Dictionary,
    /// An index, or what later versions have.
    Other,
}

impl Head {
    pub fn of(head: &Struct) -> Option<Self> {
        let (size, packed) = (head.size(2)?, head.size(3)?);
        let plain = Head { kind: PageKind::Other, values: 0, packed, size, encoding: 0, levels: None };
        Some(match head.int(1)? {
            0 => {
                let data = head.inner(5)?;
                Head { kind: PageKind::Data, values: data.size(1)?, encoding: data.int(2)?, ..plain }
            }
            2 => {
                let data = head.inner(7)?;
                Head { kind: PageKind::Dictionary, values: data.size(1)?, encoding: data.int(2)?, ..plain }
            }
            3 => {
                let data = head.inner(8)?;
                let levels = Some((data.size(5)?, data.size(6)?, data.bool(7).unwrap_or(true)));
                Head { kind: PageKind::Data, values: data.size(1)?, encoding: data.int(4)?, levels, ..plain }
            }
            _ => plain,
        })
    }
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    Int32,
    Int64,
    Bytes,
}

/// An unpacked page: its bytes, and where each value lies in them, or in the dictionary's; `None` for a null.
#[derive(Debug)]
pub struct Page {
    pub bytes: Vec<u8>,
    pub values: Vec<Option<Range<usize>>>,
    /// The values lie in the dictionary.
    pub in_dictionary: bool,
}

/// Reads a page of a column whose values are null below `most_level`. The dictionary's values are given where there is
/// one. There are `most` values at most: runs of one value, or of nulls, take no bytes of their own.
pub fn read(
    head: &Head,
    packed: &[u8],
    codec: Codec,
    (physical, most_level): (Physical, u32),
    dictionary: Option<&Page>,
    most: usize,
) -> Option<Page> {
    let (levels, bytes, start) = unpacked(head, packed, codec, most_level)?;
    let is_dictionary = head.kind == PageKind::Dictionary;
    if head.values > if is_dictionary { bytes.len() } else { most } {
        return None;
    }
    let present: Vec<bool> = match levels {
        Some(levels) => hybrid(&levels, width(most_level), head.values)?.iter().map(|l| *l == most_level).collect(),
        None => vec![true; head.values],
    };
    let count = present.iter().filter(|there| **there).count();
    let mut in_dictionary = false;
    let places: Vec<Range<usize>> = match head.encoding {
        0 => plain(&bytes, start, physical, count)?,
        2 if is_dictionary => plain(&bytes, start, physical, count)?,
        2 | 8 => {
            in_dictionary = true;
            let all = &dictionary?.values;
            let bits = u32::from(*bytes.get(start).or(if count == 0 { Some(&0) } else { None })?);
            let indices = hybrid(bytes.get(start + 1..).unwrap_or(&[]), bits, count)?;
            indices.iter().map(|&i| all.get(i as usize).cloned().flatten()).collect::<Option<_>>()?
        }
        _ => return None,
    };
    let mut places = places.into_iter();
    let values = present.iter().map(|there| if *there { places.next() } else { None }).collect();
    Some(Page { bytes, values, in_dictionary })
}

/// The levels that say what is null, the bytes of the values, and where these begin.
fn unpacked(head: &Head, packed: &[u8], codec: Codec, most_level: u32) -> Option<(Option<Vec<u8>>, Vec<u8>, usize)> {
    if let Some((definition, repetition, is_packed)) = head.levels {
        let before = definition.checked_add(repetition)?;
        let levels = packed.get(repetition..before)?.to_vec();
        let rest = packed.get(before..)?;
        let codec = if is_packed { codec } else { Codec::Plain };
        let bytes = codec.unpack(rest, head.size.checked_sub(before)?)?;
        return Some(((most_level > 0).then_some(levels), bytes, 0));
    }
    let bytes = codec.unpack(packed, head.size)?;
    if most_level == 0 || head.kind == PageKind::Dictionary {
        return Some((None, bytes, 0));
    }
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let levels = bytes.get(4..length.checked_add(4)?)?.to_vec();
    Some((Some(levels), bytes, 4 + length))
}

/// Bits that a number up to `most` needs.
fn width(most: u32) -> u32 {
    32 - most.leading_zeros()
}

/// Values one after the other.
fn plain(bytes: &[u8], mut at: usize, physical: Physical, count: usize) -> Option<Vec<Range<usize>>> {
    let mut places = Vec::new();
    for _ in 0..count {
        let (start, length) = match physical {
            Physical::Int32 => (at, 4),
            Physical::Int64 => (at, 8),
            Physical::Bytes => {
                let length = bytes.get(at..at.checked_add(4)?)?;
                (at + 4, u32::from_le_bytes(length.try_into().ok()?) as usize)
            }
        };
        let end = start.checked_add(length).filter(|end| *end <= bytes.len())?;
        places.push(start..end);
        at = end;
    }
    Some(places)
}

/// Numbers in runs of one value and groups of eight of so many bits each.
fn hybrid(bytes: &[u8], bits: u32, count: usize) -> Option<Vec<u32>> {
    if bits > 32 {
        return None;
    }
    let mut numbers = Vec::new();
    let mut at = 0;
    while numbers.len() < count {
        let mut head = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *bytes.get(at)?;
            at += 1;
            head |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        let left = count - numbers.len();
        if head & 1 == 0 {
            let length = bits.div_ceil(8) as usize;
            let value = bytes.get(at..at + length)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
            at += length;
            let run = (head >> 1) as usize;
            if run == 0 {
                return None;
            }
            numbers.extend(std::iter::repeat_n(value, run.min(left)));
        } else {
            let groups = usize::try_from(head >> 1).ok()?;
            let length = groups.checked_mul(bits as usize)?;
            let packed = bytes.get(at..at.checked_add(length)?.min(bytes.len()))?;
            at += length;
            if groups == 0 {
                return None;
            }
            let bit = |i: usize| packed.get(i / 8).map(|byte| u32::from(byte >> (i % 8) & 1));
            for i in 0..groups.saturating_mul(8).min(left) {
                let value = (0..bits as usize).map(|b| bit(i * bits as usize + b).map(|v| v << b));
                numbers.push(value.sum::<Option<u32>>()?);
            }
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Parquet's `Encodings.md`: 0 to 7 in three bits each; and a run.
    #[test]
    fn runs_and_groups_of_bits() {
        assert_eq!(hybrid(&[3, 0b1000_1000, 0b1100_0110, 0b1111_1010], 3, 8).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(hybrid(&[10 << 1, 5], 3, 10).unwrap(), [5; 10]);
        assert_eq!(hybrid(&[], 0, 0).unwrap(), Vec::<u32>::new());
        assert!(hybrid(&[0, 0], 3, 1).is_none(), "a run of none would go on for ever");
        assert!(hybrid(&[3], 3, 8).is_none());
    }
}
