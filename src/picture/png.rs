//! A finished picture, and its encoding as PNG.

use super::canvas::{Canvas, Seen};
use super::palette;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// A picture ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The encoded image: PNG, an animated one where it moves.
    pub bytes: Vec<u8>,
    /// Width on the page, in CSS pixels; a PNG holds twice as many.
    pub width: u32,
    /// Height on the page, in CSS pixels.
    pub height: u32,
    /// One short line that says what it is, the same for the same data.
    pub text: String,
}

/// The drawing as PNG, in the smallest of the pixel formats that hold it: with a palette, grey or colour, with or without
/// alpha.
pub fn encode(canvas: Canvas) -> Vec<u8> {
    let (width, height) = canvas.device_size();
    let rgba = canvas.into_rgba();
    if let Some(bytes) = palette::encode(&rgba, width, height) {
        return bytes;
    }
    let (pixels, colour, filter) = packed(rgba);
    let mut bytes = Vec::with_capacity(pixels.len() / 8 + 1024);
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, filter);
    encoder
        .write_image(&pixels, width, height, colour)
        .expect("the buffer matches its size, and memory takes all bytes");
    bytes
}

/// Drops the channels that say nothing.
fn packed(rgba: Vec<u8>) -> (Vec<u8>, ExtendedColorType, FilterType) {
    let seen = Seen::of(&rgba);
    // `Up` makes rows of equal pixels, of which upscaled images and plots are full, into zeros.
    let filter = FilterType::Up;
    match (seen.is_grey(), seen.is_opaque()) {
        (true, true) => (kept(&rgba, |p| [p[0]]), ExtendedColorType::L8, filter),
        (true, false) => (
            kept(&rgba, |p| [p[0], p[3]]),
            ExtendedColorType::La8,
            filter,
        ),
        (false, true) => (
            kept(&rgba, |p| [p[0], p[1], p[2]]),
            ExtendedColorType::Rgb8,
            filter,
        ),
        (false, false) => (rgba, ExtendedColorType::Rgba8, filter),
    }
}

/// Some of the channels of each pixel.
fn kept<const N: usize>(rgba: &[u8], pick: impl Fn(&[u8]) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0; rgba.len() / 4 * N];
    for (to, pixel) in bytes.chunks_exact_mut(N).zip(rgba.chunks_exact(4)) {
        to.copy_from_slice(&pick(pixel));
    }
    bytes
}
