//! Zip archives, as far as `.npz`, `.pt` and archives of pictures need them: stored and deflated files (PKWARE's APPNOTE, section 4.3).

use flate2::Crc;
use flate2::read::DeflateDecoder;
use saddle_fault::{Fault, Result};
use std::io::Read;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Bytes of the fixed part of each record.
const END_SIZE: usize = 22;
const LOCAL_SIZE: usize = 30;
const CENTRAL_SIZE: usize = 46;
/// 1980-01-01, the first day that the format knows: the same content gives the same file.
const DATE: u16 = 0x21;
/// Deflate makes at most 1032 bytes of one.
const MOST_INFLATION: usize = 1032;

/// Files by name as an archive, uncompressed.
///
/// # Errors
/// More than 4 GiB.
pub(super) fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = Crc::new();
        crc.update(bytes);
        let (size, offset) = (small(bytes.len())?, small(out.len())?);
        let mut record = Vec::new();
        // Version needed, flags (UTF-8 names), stored, time, date.
        for field in [20, 1 << 11, 0, 0, DATE] {
            record.extend(field.to_le_bytes());
        }
        for field in [crc.sum(), size, size] {
            record.extend(field.to_le_bytes());
        }
        record.extend((name.len() as u16).to_le_bytes());
        record.extend([0, 0]);
        out.extend(LOCAL.to_le_bytes());
        out.extend(&record);
        out.extend(name.as_bytes());
        out.extend(bytes);
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(20u16.to_le_bytes());
        directory.extend(&record);
        // Comment, disk, attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = small(out.len())?;
    let count = u16::try_from(files.len()).map_err(|_| Fault::value("an archive holds at most 65,535 files"))?;
    out.extend(&directory);
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(small(directory.len())?.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    Ok(out)
}

fn small(n: usize) -> Result<u32> {
    u32::try_from(n)
        .map_err(|_| Fault::value("an archive holds at most 4 GiB").hint("save the arrays in several files"))
}

/// The files in an archive, by the list at its end.
///
/// # Errors
/// A damaged archive; a compression other than deflate; more than 4 GiB.
pub(super) fn unpack(what: &str, archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let damaged = || Fault::file(format!("{what}: is not a whole zip archive"));
    let last = archive.len().checked_sub(END_SIZE).ok_or_else(damaged)?;
    // The end record may be followed by a comment of up to 65,535 bytes.
    let end =
        (last.saturating_sub(0xffff)..=last).rev().find(|&at| u32_at(archive, at) == Some(END)).ok_or_else(damaged)?;
    let count = u16_at(archive, end + 10).ok_or_else(damaged)?;
    let mut at = u32_at(archive, end + 16).ok_or_else(damaged)? as usize;
    let mut files = Vec::new();
    let mut packed = 0;
    for _ in 0..count {
        let entry = entry(what, archive, at, archive.len() - packed)?.ok_or_else(damaged)?;
        files.push(entry.file);
        packed += entry.packed;
        at = entry.next;
    }
    Ok(files)
}

/// One file of an archive.
struct Entry {
    /// Its name and its content.
    file: (String, Vec<u8>),
    /// Its size in the archive.
    packed: usize,
    /// Where the record of the next one stands.
    next: usize,
}

/// The file whose record in the list stands at `at`. It has at most `left` bytes in the archive: many records for the
/// same bytes would fill any memory.
fn entry(what: &str, archive: &[u8], at: usize, left: usize) -> Result<Option<Entry>> {
    let read = || {
        (u32_at(archive, at)? == CENTRAL).then_some(())?;
        let field = |offset| u32_at(archive, at + offset).map(|n| n as usize);
        let length = |offset| u16_at(archive, at + offset).map(usize::from);
        let (crc, packed, size) = (u32_at(archive, at + 16)?, field(20)?, field(24)?);
        let method = u16_at(archive, at + 10)?;
        (packed <= left).then_some(())?;
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let from = at + CENTRAL_SIZE;
        let title = String::from_utf8_lossy(archive.get(from..from + name)?).into_owned();
        let start = field(42)?;
        (u32_at(archive, start)? == LOCAL).then_some(())?;
        let before = LOCAL_SIZE + usize::from(u16_at(archive, start + 26)?) + usize::from(u16_at(archive, start + 28)?);
        let data = archive.get(start.checked_add(before)?..)?.get(..packed)?;
        Some((title, method, crc, size, data, from + name + extra + comment))
    };
    let Some((name, method, crc, size, data, next)) = read() else {
        return Ok(None);
    };
    let bytes = match method {
        0 => data.to_vec(),
        8 if size <= data.len().saturating_mul(MOST_INFLATION) => {
            let mut bytes = Vec::new();
            let inflated = DeflateDecoder::new(data).take(size as u64 + 1).read_to_end(&mut bytes);
            if inflated.is_err() {
                return Ok(None);
            }
            bytes
        }
        8 => return Ok(None),
        other => {
            return Err(Fault::file(format!("{what}: {name} is compressed by method {other}, which cannot be read")));
        }
    };
    let mut sum = Crc::new();
    sum.update(&bytes);
    if bytes.len() != size || sum.sum() != crc {
        return Err(Fault::file(format!("{what}: {name} is damaged: its checksum differs")));
    }
    Ok(Some(Entry { file: (name, bytes), packed: data.len(), next }))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(two.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}
