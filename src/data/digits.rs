//! The 8 × 8 digits that travel with the program (`data/README.md` says whose they are).

use super::{Dataset, Features};
use flate2::read::GzDecoder;
use saddle_fault::{Fault, Kind, Result};
use std::io::Read;

static FILE: &[u8] = include_bytes!("digits.csv.gz");
const PIXELS: usize = 64;
/// The greatest value of a pixel.
const INK: u8 = 16;
pub(super) const NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// 1,797 handwritten digits of 8 × 8 pixels in [0, 1], as rows of 64, with the digit as label.
///
/// Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0).
pub fn digits() -> Result<Dataset> {
    let (pixels, labels) = parse(FILE).ok_or_else(|| {
        Fault::new(Kind::Internal, "digits: the digits inside this program are damaged").hint("install it again")
    })?;
    let features = Features::Bytes { bytes: pixels.into(), full: INK, lo: 0.0, hi: 1.0 };
    Dataset::new("digits", features, &[PIXELS])?.with_picture([1, 8, 8])?.with_labels(labels, &NAMES)
}

/// Pixels and labels; `None` for anything that is not such a file.
fn parse(file: &[u8]) -> Option<(Vec<u8>, Vec<i32>)> {
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).ok()?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let numbers: Vec<u8> = line.split(',').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let (label, row) = numbers.split_last()?;
        if row.len() != PIXELS || row.iter().any(|&p| p > INK) {
            return None;
        }
        pixels.extend_from_slice(row);
        labels.push(i32::from(*label));
    }
    Some((pixels, labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts and sums as `numpy` gives them for `sklearn.datasets.load_digits()`.
    #[test]
    fn the_digits_are_those_of_scikit_learn() {
        let digits = digits().unwrap();
        assert_eq!(digits.len(), 1797);
        assert_eq!(digits.shape(), [64]);
        let labels = digits.gather_labels(0..1797).unwrap();
        let count = |digit| labels.iter().filter(|&&l| l == digit).count();
        let counts: Vec<usize> = (0..10).map(count).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let pixels = digits.gather(0..1797).unwrap();
        let total: f64 = pixels.iter().map(|&p| f64::from(p) * 16.0).sum();
        assert_eq!(total, 561_718.0);
        assert_eq!(pixels[2] * 16.0, 5.0);
        assert_eq!(pixels.iter().copied().fold(0.0, f32::max), 1.0);
    }
}
