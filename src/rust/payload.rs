//! Values as the worker sends and receives them.

use super::link::{Message, Spares, shared_memory};
use super::pack::{INLINE, Item, Reader, Writer};
use saddle_fault::{Fault, Kind, Result};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

/// A message that is being put together.
#[derive(Default)]
pub struct Payload {
    /// Where values are written.
    pub writer: Writer,
    files: Vec<OwnedFd>,
    /// Where tensors are written; without it each gets memory of its own, which the other side may keep.
    spares: Option<Spares>,
}

impl Payload {
    /// A call of an exported function with so many arguments to come. Their tensors lie in `spares`.
    pub fn call(name: &str, arguments: usize, spares: Spares) -> Self {
        let mut payload = Self { spares: Some(spares), ..Self::default() };
        // An exported name is no longer than this: `export!` was told so.
        let name = &name.as_bytes()[..name.len().min(255)];
        payload.writer.bytes.push(name.len() as u8);
        payload.writer.bytes.extend(name);
        payload.writer.list(arguments);
        payload
    }

    /// A tensor.
    ///
    /// # Errors
    /// There is no memory to share.
    pub fn tensor(&mut self, shape: &[usize], numbers: &[f32]) -> Result<()> {
        if numbers.len() <= INLINE {
            self.writer.short(shape, numbers);
            return Ok(());
        }
        // SAFETY: floats as the bytes that they are.
        let bytes = unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast::<u8>(), size_of_val(numbers)) };
        let shared = match &mut self.spares {
            Some(spares) => spares.hold(bytes),
            None => {
                shared_memory(bytes.len() as u64).and_then(|file| file.write_all_at(bytes, 0).map(|()| file.into()))
            }
        };
        let file = shared.map_err(|error| no_memory(bytes.len(), &error))?;
        self.files.push(file);
        self.writer.long(shape, self.files.len() - 1);
        Ok(())
    }

    /// The spares of a call, to be rewound when it was answered.
    pub fn take_spares(&mut self) -> Spares {
        self.spares.take().unwrap_or_default()
    }

    /// The message, ready to be sent.
    pub fn message(self) -> Message {
        Message { bytes: self.writer.bytes, files: self.files }
    }
}

fn no_memory(bytes: usize, error: &std::io::Error) -> Fault {
    let what = format!("a tensor of {bytes} bytes cannot be shared with Rust: {error}");
    Fault::new(Kind::Device, what)
}

/// A value that has come.
#[derive(Debug, PartialEq)]
pub enum Value {
    /// `()`.
    Nothing,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A tensor of floats.
    Tensor {
        /// Its sizes.
        shape: Vec<usize>,
        /// Its elements in row-major order.
        numbers: Vec<f32>,
    },
}

impl Value {
    /// The next value of a message with these files; `None` where there is none.
    pub fn read(reader: &mut Reader, files: &[OwnedFd]) -> Option<Self> {
        Some(match reader.item()? {
            Item::Nothing => Self::Nothing,
            Item::Bool(value) => Self::Bool(value),
            Item::Int(value) => Self::Int(value),
            Item::Float(value) => Self::Float(value),
            Item::Text(text) => Self::Text(text.to_string()),
            Item::List(n) => {
                let items: Option<_> = (0..n).map(|_| Self::read(reader, files)).collect();
                Self::List(items?)
            }
            Item::Short(shape, bytes) => {
                let (numbers, _) = bytes.as_chunks::<4>();
                let numbers: Vec<f32> = numbers.iter().map(|x| f32::from_ne_bytes(*x)).collect();
                Self::tensor(shape, numbers)?
            }
            Item::Long(shape, block) => {
                let len = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size))?;
                Self::tensor(shape, numbers(files.get(block)?, len)?)?
            }
        })
    }

    fn tensor(shape: Vec<usize>, numbers: Vec<f32>) -> Option<Self> {
        let len = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        (len? == numbers.len()).then_some(Self::Tensor { shape, numbers })
    }
}

/// The first floats in a file.
fn numbers(file: &OwnedFd, len: usize) -> Option<Vec<f32>> {
    let size = len.checked_mul(4)?;
    let there = File::from(file.try_clone().ok()?).metadata().ok()?.len();
    if there < size as u64 {
        return None;
    }
    let mut numbers = Vec::<f32>::with_capacity(len);
    let start = numbers.as_mut_ptr().cast::<u8>();
    let mut have = 0;
    while have < size {
        let at = libc::off_t::try_from(have).ok()?;
        // SAFETY: writes at most to the end of the space, of which any bytes are floats.
        match unsafe { libc::pread(file.as_raw_fd(), start.add(have).cast(), size - have, at) } {
            -1 if Error::last_os_error().kind() == ErrorKind::Interrupted => {}
            read => have += usize::try_from(read).ok().filter(|n| *n > 0)?,
        }
    }
    // SAFETY: all of them have been written.
    unsafe { numbers.set_len(len) };
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_as_they_were_written() {
        let long: Vec<f32> = (0..3 * 5_000).map(|i| i as f32 / 7.0).collect();
        let short = [f32::NAN, -0.0, f32::INFINITY, 1e-45, 3.0, 0.1];
        let mut payload = Payload::default();
        payload.writer.list(8);
        payload.writer.nothing();
        payload.writer.bool(true);
        payload.writer.int(i64::MIN);
        payload.writer.float(-0.1);
        payload.writer.text("ä😀");
        payload.tensor(&[2, 3], &short).unwrap();
        payload.tensor(&[3, 5_000], &long).unwrap();
        payload.tensor(&[0, 4], &[]).unwrap();
        let message = payload.message();
        let mut reader = Reader(&message.bytes);
        let Some(Value::List(values)) = Value::read(&mut reader, &message.files) else {
            panic!("no list");
        };
        assert_eq!(reader.item(), None);
        assert_eq!(
            values[..5],
            [Value::Nothing, Value::Bool(true), Value::Int(i64::MIN), Value::Float(-0.1), Value::Text("ä😀".into()),]
        );
        let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        match &values[5..] {
            [
                Value::Tensor { shape: a, numbers: x },
                Value::Tensor { shape: b, numbers: y },
                Value::Tensor { shape: c, numbers: z },
            ] => {
                assert_eq!((a.as_slice(), bits(x)), (&[2, 3][..], bits(&short)));
                assert_eq!((b.as_slice(), bits(y)), (&[3, 5_000][..], bits(&long)));
                assert_eq!((c.as_slice(), z.len()), (&[0, 4][..], 0));
            }
            other => panic!("{other:?}"),
        }
    }

    /// Bytes that end anywhere, and bytes that say anything, are no value; nothing is read beyond them.
    #[test]
    fn wrong_bytes_are_no_value() {
        let mut payload = Payload::default();
        payload.writer.list(2);
        payload.writer.text("text");
        payload.tensor(&[2], &[1.0, 2.0]).unwrap();
        let bytes = payload.writer.bytes;
        for end in 0..bytes.len() {
            assert_eq!(Value::read(&mut Reader(&bytes[..end]), &[]), None, "{end}");
        }
        for at in 0..bytes.len() {
            for byte in [0, 1, 7, 255] {
                let mut wrong = bytes.clone();
                wrong[at] = byte;
                let _ = Value::read(&mut Reader(&wrong), &[]);
            }
        }
    }
}
