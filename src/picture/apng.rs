//! Animations as animated PNG: what shows a PNG shows them, in true colours, and what knows no animation shows the
//! first frame. Laid out as the PNG specification (third edition, 2025) says.

use super::canvas::Canvas;
use super::png::{Format, begun, chunk};
use super::scanlines::Scanlines;
use flate2::Compression;
use saddle_fault::Result;
use std::time::Duration;

/// Bytes of a pixel: every frame has the same format, and the card's corners are transparent.
const PIXEL: usize = 4;

/// A rectangle that differs from the frame before, in device pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Patch {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The canvases, `count` of one size, each shown for `delay`, again and again. After the first frame only the part that
/// changes is stored.
///
/// # Errors
/// The first that takes the place of a canvas.
pub fn encode(canvases: impl Iterator<Item = Result<Canvas>>, count: usize, delay: Duration) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut sequence = 0u32;
    let mut before: Vec<u8> = Vec::new();
    for (index, canvas) in canvases.enumerate() {
        let canvas = canvas?;
        let (width, height) = canvas.device_size();
        let now = canvas.into_rgba();
        let patch = patch(&before, &now, width as usize, height as usize);
        let data = deflated(&now, width as usize, patch);
        if index == 0 {
            file = begun(width, height, Format::Rgba);
            let forever = 0u32;
            let control = [(count as u32).to_be_bytes(), forever.to_be_bytes()];
            chunk(&mut file, b"acTL", &[&control.concat()]);
        }
        let control = frame_control(sequence, patch, delay);
        chunk(&mut file, b"fcTL", &[&control]);
        sequence += 1;
        if index == 0 {
            chunk(&mut file, b"IDAT", &[&data]);
        } else {
            chunk(&mut file, b"fdAT", &[&sequence.to_be_bytes(), &data]);
            sequence += 1;
        }
        before = now;
    }
    chunk(&mut file, b"IEND", &[]);
    Ok(file)
}

/// The smallest rectangle that holds every pixel that differs; all of the first frame, one pixel of a frame that
/// repeats.
fn patch(before: &[u8], now: &[u8], width: usize, height: usize) -> Patch {
    if before.len() != now.len() {
        return Patch { x: 0, y: 0, width, height };
    }
    let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
    let rows = before.chunks_exact(width * PIXEL).zip(now.chunks_exact(width * PIXEL));
    for (y, (old, new)) in rows.enumerate() {
        if old == new {
            continue;
        }
        let pixels = || old.chunks_exact(PIXEL).zip(new.chunks_exact(PIXEL));
        let differ = |(a, b): (&[u8], &[u8])| a != b;
        let first = pixels().position(differ).unwrap_or(0);
        let last = pixels().rposition(differ).unwrap_or(0);
        (left, right) = (left.min(first), right.max(last));
        (top, bottom) = (top.min(y), y);
    }
    if top > bottom {
        return Patch { x: 0, y: 0, width: 1, height: 1 };
    }
    Patch { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}

/// A part of a picture.
fn deflated(rgba: &[u8], width: usize, patch: Patch) -> Vec<u8> {
    let mut lines = Scanlines::new(patch.width, patch.height, PIXEL);
    let rows = rgba.chunks_exact(width * PIXEL);
    for row in rows.skip(patch.y).take(patch.height) {
        lines.push(&row[patch.x * PIXEL..(patch.x + patch.width) * PIXEL]);
    }
    lines.deflate(Compression::default())
}

/// The content of an `fcTL` chunk: this patch replaces what is there and stays.
fn frame_control(sequence: u32, patch: Patch, delay: Duration) -> Vec<u8> {
    let mut data = sequence.to_be_bytes().to_vec();
    for value in [patch.width, patch.height, patch.x, patch.y] {
        data.extend((value as u32).to_be_bytes());
    }
    // A fraction of a second; at most 60 seconds, so that the milliseconds fit.
    data.extend((delay.as_millis() as u16).to_be_bytes());
    data.extend(1000u16.to_be_bytes());
    let (leave_it, replace) = (0, 0);
    data.extend([leave_it, replace]);
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Rect;
    use crate::colour::{BLACK, WHITE};
    use image::codecs::png::PngDecoder;
    use image::{AnimationDecoder as _, Delay};
    use std::io::Cursor;

    /// A black square on a white page, at some place.
    fn square(at: f32) -> Canvas {
        let mut canvas = Canvas::new(40.0, 30.0, 1.0);
        canvas.fill_rect(Rect::new(1.0, 0.0, 38.0, 30.0), WHITE);
        canvas.fill_rect(Rect::new(at, at, 6.0, 5.0), BLACK);
        canvas
    }

    #[test]
    fn a_decoder_not_written_by_us_gets_every_frame_back() {
        let places = [2.0, 2.0, 9.0, 20.0];
        let bytes = encode(places.iter().map(|&at| Ok(square(at))), 4, Duration::from_millis(125))
            .expect("all canvases are there");
        let decoder = PngDecoder::new(Cursor::new(&bytes)).expect("a PNG");
        assert!(decoder.is_apng().expect("a PNG"));
        let frames = decoder.apng().expect("animated").into_frames();
        let frames = frames.collect_frames().expect("frames");
        assert_eq!(frames.len(), places.len());
        for (frame, at) in frames.iter().zip(places) {
            assert_eq!(frame.delay(), Delay::from_numer_denom_ms(125, 1));
            assert_eq!(frame.buffer().as_raw(), &square(at).into_rgba(), "{at}");
        }
        let still = image::load_from_memory(&bytes).expect("a PNG").to_rgba8();
        assert_eq!(still.as_raw(), &square(2.0).into_rgba(), "the first frame for those who know no others");
    }

    #[test]
    fn only_what_changes_is_stored() {
        let rgba = |at| square(at).into_rgba();
        let find = |a, b| patch(&rgba(a), &rgba(b), 40, 30);
        assert_eq!(find(2.0, 9.0), Patch { x: 2, y: 2, width: 13, height: 12 });
        assert_eq!(find(9.0, 9.0), Patch { x: 0, y: 0, width: 1, height: 1 });
        assert_eq!(patch(&[], &rgba(2.0), 40, 30), Patch { x: 0, y: 0, width: 40, height: 30 });
    }
}
