//! Zip archives, as far as NumPy writes them: entries stored or deflated, sizes of 32 or 64 bits, no encryption.
//!
//! Source: APPNOTE.TXT of PKWARE, 4.3 and 4.5.

use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::io::{Read, Seek, SeekFrom};

/// A file in an archive.
pub struct Entry {
    pub name: String,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where its local header begins.
    offset: u64,
}

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// The end record is 22 bytes, with a comment of at most 65,535 behind it.
const LONGEST_END: u64 = 22 + 65_535;
/// Stands for "see the 64-bit field".
const SEE_64: u64 = 0xffff_ffff;

const DAMAGED: &str = "the archive is damaged";

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    let b = bytes.get(at..at + 2)?;
    Some(u64::from(u16::from_le_bytes(b.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    let b = bytes.get(at..at + 4)?;
    Some(u64::from(u32::from_le_bytes(b.try_into().ok()?)))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let b = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(b.try_into().ok()?))
}

/// `length` bytes from `offset` on. Never takes more memory than the file is long.
fn piece(file: &mut (impl Read + Seek), offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.by_ref().take(length).read_to_end(&mut bytes))
        .map_err(|error| format!("{DAMAGED} ({error})"))?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(format!("{DAMAGED}: it ends too early")),
    }
}

/// The list of the files in an archive.
pub fn entries(file: &mut (impl Read + Seek)) -> Result<Vec<Entry>, String> {
    let length = file
        .seek(SeekFrom::End(0))
        .map_err(|e| format!("{DAMAGED} ({e})"))?;
    if length == 0 {
        return Err("the file is empty".into());
    }
    let tail = length.min(LONGEST_END);
    let end = piece(file, length - tail, tail)?;
    let at = end
        .windows(END.len())
        .rposition(|w| w == END)
        .ok_or("not a zip archive")?;
    let (size, offset) = directory(file, &end[at..], length - tail + at as u64)?;
    let list = piece(file, offset, size)?;
    let mut rest = &list[..];
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, used) = entry(rest).ok_or(DAMAGED)?;
        entries.push(entry);
        rest = rest.get(used..).ok_or(DAMAGED)?;
    }
    Ok(entries)
}

/// Size and offset of the list, from the record at the end, which begins at `at` in the file.
fn directory(file: &mut (impl Read + Seek), end: &[u8], at: u64) -> Result<(u64, u64), String> {
    let (size, offset) = u32_at(end, 12).zip(u32_at(end, 16)).ok_or(DAMAGED)?;
    if size != SEE_64 && offset != SEE_64 {
        return Ok((size, offset));
    }
    let locator = piece(file, at.checked_sub(20).ok_or(DAMAGED)?, 20)?;
    let record = piece(file, u64_at(&locator, 8).ok_or(DAMAGED)?, 56)?;
    if !record.starts_with(END_64) {
        return Err(DAMAGED.into());
    }
    u64_at(&record, 40)
        .zip(u64_at(&record, 48))
        .ok_or(DAMAGED.into())
}

/// The first entry of the list, and how many bytes it takes there.
fn entry(list: &[u8]) -> Option<(Entry, usize)> {
    if !list.starts_with(CENTRAL) {
        return None;
    }
    let (name, extra, comment) = (u16_at(list, 28)?, u16_at(list, 30)?, u16_at(list, 32)?);
    let name_end = 46 + name as usize;
    let extra_end = name_end + extra as usize;
    let mut entry = Entry {
        name: String::from_utf8_lossy(list.get(46..name_end)?).into_owned(),
        method: u16_at(list, 10)? as u16,
        crc: u32_at(list, 16)? as u32,
        packed: u32_at(list, 20)?,
        size: u32_at(list, 24)?,
        offset: u32_at(list, 42)?,
    };
    large(&mut entry, list.get(name_end..extra_end)?)?;
    Some((entry, extra_end + comment as usize))
}

/// Takes the sizes that need 64 bits from the extra field 1: those that say so, in this order.
fn large(entry: &mut Entry, mut extra: &[u8]) -> Option<()> {
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0)?, u16_at(extra, 2)? as usize);
        let mut field = extra.get(4..4 + length)?;
        if id == 1 {
            for value in [&mut entry.size, &mut entry.packed, &mut entry.offset] {
                if *value == SEE_64 {
                    *value = u64_at(field, 0)?;
                    field = &field[8..];
                }
            }
        }
        extra = &extra[4 + length..];
    }
    Some(())
}

/// The content of a file in an archive, with its checksum tested.
pub fn content(file: &mut (impl Read + Seek), entry: &Entry) -> Result<Vec<u8>, String> {
    let local = piece(file, entry.offset, 30)?;
    let header = u16_at(&local, 26)
        .zip(u16_at(&local, 28))
        .filter(|_| local.starts_with(LOCAL))
        .map(|(name, extra)| 30 + name + extra)
        .ok_or(DAMAGED)?;
    let start = entry.offset.checked_add(header).ok_or(DAMAGED)?;
    let packed = piece(file, start, entry.packed)?;
    let bytes = match entry.method {
        0 => packed,
        8 => {
            let mut bytes = Vec::new();
            // One more than announced, to see that there is not more.
            DeflateDecoder::new(&packed[..])
                .take(entry.size.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(|error| format!("{}: {DAMAGED} ({error})", entry.name))?;
            bytes
        }
        other => {
            return Err(format!(
                "{}: packed by method {other}, which is not known",
                entry.name
            ));
        }
    };
    let mut crc = Crc::new();
    crc.update(&bytes);
    match bytes.len() as u64 == entry.size && crc.sum() == entry.crc {
        true => Ok(bytes),
        false => Err(format!("{}: {DAMAGED}: its checksum differs", entry.name)),
    }
}
