//! The scanlines of a PNG: each less what stands on its left or above it, all deflated. What repeats, along a line or
//! from line to line, becomes zeros, and pictures of which each pixel was drawn several pixels large are full of both.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

/// The filters of PNG that are used: a byte minus that of the pixel on its left, or minus the one above.
const SUB: u8 = 1;
const UP: u8 = 2;

/// Lines, taken one after the other.
pub struct Scanlines {
    filtered: Vec<u8>,
    /// The line before, unfiltered: zeros at first.
    before: Vec<u8>,
    /// Bytes of a pixel.
    pixel: usize,
}

impl Scanlines {
    /// For `height` lines of `width` pixels, each of `pixel` bytes.
    pub fn new(width: usize, height: usize, pixel: usize) -> Self {
        let length = width * pixel;
        Self { filtered: Vec::with_capacity((length + 1) * height), before: vec![0; length], pixel }
    }

    /// The line before once more.
    pub fn repeat(&mut self) {
        self.filtered.push(UP);
        let end = self.filtered.len() + self.before.len();
        self.filtered.resize(end, 0);
    }

    /// A line, with the filter that leaves the fewer bytes other than zero.
    pub fn push(&mut self, line: &[u8]) {
        let (start, rest) = line.split_at(self.pixel.min(line.len()));
        let left = &line[..rest.len()];
        if start.len() + differing(rest, left) < differing(line, &self.before) {
            self.filtered.push(SUB);
            self.filtered.extend_from_slice(start);
            self.less(rest, left);
        } else {
            self.filtered.push(UP);
            let before = std::mem::take(&mut self.before);
            self.less(line, &before);
            self.before = before;
        }
        self.before.copy_from_slice(line);
    }

    fn less(&mut self, a: &[u8], b: &[u8]) {
        let bytes = a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b));
        self.filtered.extend(bytes);
    }

    /// What stands in the `IDAT` chunk.
    pub fn deflate(self, level: Compression) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::with_capacity(self.filtered.len() / 16), level);
        zlib.write_all(&self.filtered).and_then(|()| zlib.finish()).expect("memory takes all bytes")
    }
}

/// How many bytes of two lines of one length differ.
fn differing(a: &[u8], b: &[u8]) -> usize {
    // Counts of a byte each, which the compiler keeps in the lanes of a register.
    let few = usize::from(u8::MAX) - 15;
    let count = |(a, b): (&[u8], &[u8])| {
        let differ = a.iter().zip(b).map(|(a, b)| u8::from(a != b));
        usize::from(differ.sum::<u8>())
    };
    a.chunks(few).zip(b.chunks(few)).map(count).sum()
}
