//! TensorBoard's event files: figures and pictures by name and step. Written by hand, since the format is small:
//! records framed as TensorFlow's `lib/io/record_writer.cc` does (length, its checksum, data, their checksum: CRC-32C,
//! masked), each an `Event` of `tensorboard/compat/proto/event.proto` in the encoding of Protocol Buffers.

use saddle_fault::{Fault, Result};

/// One event of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Seconds since 1970.
    pub time: f64,
    /// The step of training that it tells of.
    pub step: i64,
    /// What it logs, each under its name.
    pub values: Vec<(String, Logged)>,
}

/// What is logged under a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Logged {
    /// A number: a loss, a metric.
    Figure(f32),
    /// A PNG.
    Picture {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// The file's bytes.
        png: Vec<u8>,
    },
}

/// The record with which each file begins.
pub fn head(time: f64) -> Vec<u8> {
    let mut event = Vec::new();
    fixed64(&mut event, 1, time.to_bits());
    bytes(&mut event, 3, b"brain.Event:2");
    record(&event)
}

/// An event as a record of the file.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, logged) in &event.values {
        let mut value = Vec::new();
        bytes(&mut value, 1, tag.as_bytes());
        match logged {
            Logged::Figure(x) => {
                key(&mut value, 2, 5);
                value.extend(x.to_le_bytes());
            }
            Logged::Picture { width, height, png } => {
                let mut image = Vec::new();
                number(&mut image, 1, u64::from(*height));
                number(&mut image, 2, u64::from(*width));
                // RGB
                number(&mut image, 3, 3);
                bytes(&mut image, 4, png);
                bytes(&mut value, 4, &image);
            }
        }
        bytes(&mut summary, 1, &value);
    }
    let mut out = Vec::new();
    fixed64(&mut out, 1, event.time.to_bits());
    number(&mut out, 2, event.step as u64);
    bytes(&mut out, 5, &summary);
    record(&out)
}

/// The events in a file, up to one that was cut off while it was written: a run that goes on can be read.
///
/// # Errors
/// No event file; a record whose checksum differs.
pub fn decode(what: &str, mut file: &[u8]) -> Result<Vec<Event>> {
    let damaged = || Fault::file(format!("{what}: is no event file of TensorBoard's, or is damaged"));
    let mut events = Vec::new();
    while let Some((length, rest)) = file.split_first_chunk::<8>() {
        let Some((sum, rest)) = rest.split_first_chunk::<4>() else { break };
        if !is_sum(*sum, length) {
            return Err(damaged());
        }
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let Some(record) = length.checked_add(4).and_then(|end| rest.get(..end)) else { break };
        let Some((data, sum)) = record.split_last_chunk::<4>() else { break };
        if !is_sum(*sum, data) {
            return Err(damaged());
        }
        events.extend(event(data).ok_or_else(damaged)?);
        file = &rest[record.len()..];
    }
    Ok(events)
}

/// Width and height of a PNG, as its header says; `None` of fewer bytes than that has.
pub fn png_size(png: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    Some((side(16)?, side(20)?))
}

/// An event with values; `Some(None)` for another, such as a file's head.
#[expect(clippy::option_option, reason = "damaged, of no interest, and an event are three things")]
fn event(data: &[u8]) -> Option<Option<Event>> {
    let mut event = Event { time: 0.0, step: 0, values: Vec::new() };
    for field in Fields(data) {
        match field? {
            (1, Field::Fixed64(bits)) => event.time = f64::from_bits(bits),
            (2, Field::Number(step)) => event.step = step as i64,
            (5, Field::Bytes(summary)) => {
                for field in Fields(summary) {
                    if let (1, Field::Bytes(value)) = field? {
                        event.values.extend(value_of(value)?);
                    }
                }
            }
            _ => (),
        }
    }
    Some(Some(event).filter(|event| !event.values.is_empty()))
}

#[expect(clippy::option_option, reason = "as above")]
fn value_of(data: &[u8]) -> Option<Option<(String, Logged)>> {
    let (mut tag, mut logged) = (String::new(), None);
    for field in Fields(data) {
        match field? {
            (1, Field::Bytes(name)) => tag = String::from_utf8_lossy(name).into_owned(),
            (2, Field::Fixed32(bits)) => logged = Some(Logged::Figure(f32::from_bits(bits))),
            (4, Field::Bytes(image)) => {
                let (mut width, mut height, mut png) = (0, 0, Vec::new());
                for field in Fields(image) {
                    match field? {
                        (1, Field::Number(n)) => height = n as u32,
                        (2, Field::Number(n)) => width = n as u32,
                        (4, Field::Bytes(bytes)) => png = bytes.to_vec(),
                        _ => (),
                    }
                }
                logged = Some(Logged::Picture { width, height, png });
            }
            _ => (),
        }
    }
    Some(logged.map(|logged| (tag, logged)))
}

/// A message's fields: numbers and values.
struct Fields<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    /// `None`: damaged.
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, field))
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            n |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(n);
            }
        }
        None
    }
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n > 127 {
        out.push(n as u8 | 128);
        n >>= 7;
    }
    out.push(n as u8);
}

fn key(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

fn number(out: &mut Vec<u8>, field: u64, n: u64) {
    key(out, field, 0);
    varint(out, n);
}

fn fixed64(out: &mut Vec<u8>, field: u64, bits: u64) {
    key(out, field, 1);
    out.extend(bits.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    key(out, field, 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend(masked(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked(data).to_le_bytes());
    out
}

/// Whether it is the data's checksum; `tests/guided_fuzz` looks past it.
fn is_sum(sum: [u8; 4], data: &[u8]) -> bool {
    cfg!(fuzzing) || sum == masked(data).to_le_bytes()
}

/// CRC-32C (Castagnoli's polynomial, reflected), masked as TensorFlow does, so that the checksum of a text that holds
/// checksums is a good one.
fn masked(data: &[u8]) -> u32 {
    let crc = crc32c(data);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc32c(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut crc, mut bit) = (i as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    !data.iter().fold(!0, |crc, &b| TABLE[usize::from(crc as u8 ^ b)] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, appendix B.4.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&rising), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_is_written_is_read_up_to_a_cut() {
        let picture = Logged::Picture { width: 2, height: 3, png: vec![1, 2, 3] };
        let events = [(0, "J(D)", Logged::Figure(0.5)), (300, "samples", picture), (-1, "ℒ", Logged::Figure(f32::NAN))];
        let events = events.map(|(step, tag, logged)| Event { time: 1e9, step, values: vec![(tag.into(), logged)] });
        let mut file = head(1e9);
        events.iter().for_each(|event| file.extend(encode(event)));
        let read = decode("x", &file).unwrap();
        assert_eq!(read[..2], events[..2]);
        assert!(matches!(&read[2].values[0], (tag, Logged::Figure(x)) if tag == "ℒ" && x.is_nan()));
        assert_eq!(decode("x", &file[..file.len() - 1]).unwrap().len(), 2);
        file[30] ^= 1;
        assert!(decode("x", &file).is_err());
        assert!(decode("x", b"not an event file of any kind").is_err());
    }
}
