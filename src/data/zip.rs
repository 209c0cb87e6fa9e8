//! Zip archives: `.npz`, `.pt` and pictures. Read from memory, or one file after the other from the disk: the list at
//! the end is kept, and each file is unpacked when it is wanted. Stored and deflated files, with zip64, so that an
//! archive may hold more than 65,535 files and 4 GiB; written without it (PKWARE's APPNOTE, sections 4.3 and 4.5.3).

use super::files::{self, describe};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use saddle_fault::{Fault, Result};
use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
/// Bytes of the fixed part of each record.
const END_SIZE: usize = 22;
const LOCATOR_SIZE: usize = 20;
const LOCAL_SIZE: usize = 30;
const CENTRAL_SIZE: usize = 46;
/// What stands in the place of a number that zip64 holds elsewhere.
const ELSEWHERE: u32 = u32::MAX;
/// The field of zip64 numbers.
const EXTRA_64: u16 = 1;
/// 1980-01-01, the first day that the format knows: the same content gives the same file.
const DATE: u16 = 0x21;
/// The most bytes of the list of files.
const MOST_LIST: u64 = 1 << 30;
/// Deflate makes at most 1032 bytes of one.
const MOST_INFLATION: u64 = 1032;

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

/// Where an archive's bytes are.
#[derive(Debug)]
enum Source<'a> {
    Disk { path: PathBuf, file: File, size: u64 },
    Memory(&'a [u8]),
}

/// An archive and the list of what is in it.
#[derive(Debug)]
pub struct Archive<'a> {
    /// For errors.
    name: String,
    source: Source<'a>,
    /// The files in the order of the list.
    pub entries: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name with its folders.
    pub name: String,
    method: u16,
    encrypted: bool,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

/// The files in an archive that is in memory.
///
/// # Errors
/// A damaged archive; an encrypted file; a compression other than deflate. `what` names the archive.
pub(super) fn unpack(what: &str, archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let archive = Archive::listed(what.into(), Source::Memory(archive))?;
    archive.entries.iter().map(|entry| Ok((entry.name.clone(), archive.read(entry)?))).collect()
}

impl Archive<'static> {
    /// Reads the list of an archive on the disk.
    ///
    /// # Errors
    /// A file that is missing, no archive, damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let file = files::open(path)?;
        let size = file.metadata().map_err(|e| describe(path, "read", &e))?.len();
        Self::listed(path.display().to_string(), Source::Disk { path: path.into(), file, size })
    }
}

impl<'a> Archive<'a> {
    fn listed(name: String, source: Source<'a>) -> Result<Self> {
        let mut archive = Self { name, source, entries: vec![] };
        archive.entries = archive.list()?;
        // Many records for the same bytes would fill any memory.
        let packed: u64 = archive.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.packed));
        match packed > archive.size() {
            true => Err(archive.damaged()),
            false => Ok(archive),
        }
    }

    fn damaged(&self) -> Fault {
        Fault::file(format!("{}: is not a whole zip archive", self.name))
    }

    fn size(&self) -> u64 {
        match &self.source {
            Source::Disk { size, .. } => *size,
            Source::Memory(bytes) => bytes.len() as u64,
        }
    }

    fn bytes(&self, at: u64, length: u64) -> Result<Cow<'a, [u8]>> {
        let end = at.checked_add(length).filter(|end| *end <= self.size()).ok_or_else(|| self.damaged())?;
        match &self.source {
            Source::Disk { path, file, .. } => {
                let mut bytes = vec![0; length as usize];
                file.read_exact_at(&mut bytes, at).map_err(|e| describe(path, "read", &e))?;
                Ok(bytes.into())
            }
            Source::Memory(bytes) => Ok(bytes[at as usize..end as usize].into()),
        }
    }

    fn list(&self) -> Result<Vec<Entry>> {
        // The end record may be followed by a comment of up to 65,535 bytes.
        let tail_size = self.size().min((END_SIZE + 0xffff + LOCATOR_SIZE) as u64);
        let tail = self.bytes(self.size() - tail_size, tail_size)?;
        let last = tail.len().checked_sub(END_SIZE).ok_or_else(|| self.damaged())?;
        let end = (0..=last).rev().find(|&at| u32_at(&tail, at) == Some(END)).ok_or_else(|| self.damaged())?;
        let plain = || {
            Some((u16_at(&tail, end + 10)?.into(), u32_at(&tail, end + 12)?.into(), u32_at(&tail, end + 16)?.into()))
        };
        let (mut count, mut length, mut start): (u64, u64, u64) = plain().ok_or_else(|| self.damaged())?;
        let locator = end.checked_sub(LOCATOR_SIZE).filter(|at| u32_at(&tail, *at) == Some(LOCATOR_64));
        if let Some(at) = locator.and_then(|at| u64_at(&tail, at + 8)) {
            let record = self.bytes(at, 56)?;
            if u32_at(&record, 0) != Some(END_64) {
                return Err(self.damaged());
            }
            let fields = || Some((u64_at(&record, 32)?, u64_at(&record, 40)?, u64_at(&record, 48)?));
            (count, length, start) = fields().ok_or_else(|| self.damaged())?;
        }
        if length > MOST_LIST || count > length / CENTRAL_SIZE as u64 {
            return Err(self.damaged());
        }
        let list = self.bytes(start, length)?;
        let mut at = 0;
        let mut entries = Vec::new();
        for _ in 0..count {
            let (entry, next) = entry(&list, at).ok_or_else(|| self.damaged())?;
            entries.push(entry);
            at = next;
        }
        Ok(entries)
    }

    /// The content of a file of the archive.
    ///
    /// # Errors
    /// It is damaged, encrypted, or compressed by another method than deflate.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        let fails = |what: &str| Fault::file(format!("{}: {} {what}", self.name, entry.name));
        if entry.encrypted {
            return Err(fails("is encrypted"));
        }
        let local = self.bytes(entry.offset, LOCAL_SIZE as u64)?;
        let before = || {
            (u32_at(&local, 0)? == LOCAL).then_some(())?;
            Some(LOCAL_SIZE as u64 + u64::from(u16_at(&local, 26)?) + u64::from(u16_at(&local, 28)?))
        };
        let before = before().ok_or_else(|| self.damaged())?;
        let packed = self.bytes(entry.offset.saturating_add(before), entry.packed)?;
        let bytes = match entry.method {
            0 => packed.into_owned(),
            8 if entry.size <= entry.packed.saturating_mul(MOST_INFLATION) => {
                let mut bytes = Vec::new();
                let unpacked = DeflateDecoder::new(&packed[..]).take(entry.size + 1).read_to_end(&mut bytes);
                unpacked.map_err(|_| fails("is damaged"))?;
                bytes
            }
            8 => return Err(fails("is damaged: it claims a size that it cannot have")),
            other => return Err(fails(&format!("is compressed by method {other}, which cannot be read"))),
        };
        let mut sum = Crc::new();
        sum.update(&bytes);
        // `tests/guided_fuzz` looks past checksums.
        match bytes.len() as u64 == entry.size && (cfg!(fuzzing) || sum.sum() == entry.crc) {
            true => Ok(bytes),
            false => Err(fails("is damaged: its checksum differs")),
        }
    }
}

/// The file whose record stands at `at`, and where the next one stands.
fn entry(list: &[u8], at: usize) -> Option<(Entry, usize)> {
    (u32_at(list, at)? == CENTRAL).then_some(())?;
    let length = |offset| u16_at(list, at + offset).map(usize::from);
    let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
    let from = at + CENTRAL_SIZE;
    let title = String::from_utf8_lossy(list.get(from..from + name)?).into_owned();
    let fields = list.get(from + name..from + name + extra)?;
    let (size, packed, offset) = (u32_at(list, at + 24)?, u32_at(list, at + 20)?, u32_at(list, at + 42)?);
    // Those numbers that do not fit stand in an extra field, in this order.
    let mut large = zip64(fields);
    let mut full = |number: u32| match number {
        ELSEWHERE => large.next(),
        fits => Some(u64::from(fits)),
    };
    let entry = Entry {
        name: title,
        method: u16_at(list, at + 10)?,
        encrypted: u16_at(list, at + 8)? & 1 == 1,
        crc: u32_at(list, at + 16)?,
        size: full(size)?,
        packed: full(packed)?,
        offset: full(offset)?,
    };
    Some((entry, from + name + extra + comment))
}

/// The numbers in the extra field of zip64.
fn zip64(mut fields: &[u8]) -> impl Iterator<Item = u64> {
    let mut numbers = Vec::new();
    while let (Some(id), Some(length)) = (u16_at(fields, 0), u16_at(fields, 2)) {
        let Some(content) = fields.get(4..4 + usize::from(length)) else { break };
        if id == EXTRA_64 {
            numbers = content.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        }
        fields = &fields[4 + usize::from(length)..];
    }
    numbers.into_iter()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
