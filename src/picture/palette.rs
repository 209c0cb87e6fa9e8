//! Pictures of at most 256 colours as PNG with a palette: one byte a pixel. Grids of grey images and most plots are such;
//! with every pixel of an image several device pixels wide they shrink to a tenth of what they take as colours.

use super::apng::{SIGNATURE, chunk};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

const COLOURS: usize = 256;
/// Slots of the table in which colours are looked up: a power of two, four times as many as there are colours.
const SLOTS: usize = 1024;

/// The filters of PNG that are used: a byte minus the one on its left, or minus the one above.
const SUB: u8 = 1;
const UP: u8 = 2;

/// The picture with a palette; `None` where it has more colours than that holds.
pub fn encode(rgba: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let mut palette = Palette::new();
    let lines = lines(rgba, width as usize, &mut palette)?;
    let mut zlib = ZlibEncoder::new(Vec::with_capacity(lines.len() / 16), Compression::fast());
    // Memory takes all bytes.
    let data = zlib.write_all(&lines).and_then(|()| zlib.finish()).ok()?;

    let mut file = SIGNATURE.to_vec();
    let (depth, indexed) = (8, 3);
    let rest = [depth, indexed, 0, 0, 0];
    chunk(
        &mut file,
        b"IHDR",
        &[&width.to_be_bytes(), &height.to_be_bytes(), &rest],
    );
    let colours = palette.colours.iter().map(|colour| colour.to_le_bytes());
    let rgb: Vec<u8> = colours.clone().flat_map(|[r, g, b, _]| [r, g, b]).collect();
    chunk(&mut file, b"PLTE", &[&rgb]);
    let opacity: Vec<u8> = colours.map(|[_, _, _, opacity]| opacity).collect();
    if opacity.iter().any(|&opacity| opacity < 255) {
        chunk(&mut file, b"tRNS", &[&opacity]);
    }
    chunk(&mut file, b"IDAT", &[&data]);
    chunk(&mut file, b"IEND", &[]);
    Some(file)
}

/// The filtered lines: what repeats, along a line or from line to line, becomes zeros.
fn lines(rgba: &[u8], width: usize, palette: &mut Palette) -> Option<Vec<u8>> {
    let mut lines = Vec::with_capacity(rgba.len() / 4 + rgba.len() / (4 * width));
    let mut above: &[u8] = &[];
    let (mut before, mut now) = (vec![0u8; width], vec![0u8; width]);
    for row in rgba.chunks_exact(4 * width) {
        if row == above {
            lines.push(UP);
            lines.resize(lines.len() + width, 0);
            continue;
        }
        above = row;
        palette.read(row, &mut now)?;
        let left = |x: usize| if x == 0 { 0 } else { now[x - 1] };
        let by_left = (0..width).filter(|&x| now[x] != left(x)).count();
        let by_above = now.iter().zip(&before).filter(|(a, b)| a != b).count();
        if by_left < by_above {
            lines.push(SUB);
            lines.extend((0..width).map(|x| now[x].wrapping_sub(left(x))));
        } else {
            lines.push(UP);
            lines.extend(now.iter().zip(&before).map(|(a, b)| a.wrapping_sub(*b)));
        }
        std::mem::swap(&mut before, &mut now);
    }
    Some(lines)
}

/// The colours so far, each RGBA with red in the lowest byte, and where each is found.
struct Palette {
    colours: Vec<u32>,
    /// One more than a colour's number, 0 for none; a colour stands at its hash or behind.
    slots: [u16; SLOTS],
}

impl Palette {
    fn new() -> Self {
        Self {
            colours: Vec::with_capacity(COLOURS),
            slots: [0; SLOTS],
        }
    }

    /// The numbers of the colours of a row of pixels.
    fn read(&mut self, row: &[u8], numbers: &mut [u8]) -> Option<()> {
        let mut last = None;
        for (pixel, number) in row.chunks_exact(4).zip(numbers) {
            let colour = u32::from_le_bytes([pixel[0], pixel[1], pixel[2], pixel[3]]);
            *number = match last {
                Some((same, number)) if same == colour => number,
                _ => self.number(colour)?,
            };
            last = Some((colour, *number));
        }
        Some(())
    }

    fn number(&mut self, colour: u32) -> Option<u8> {
        // Fibonacci hashing: the upper bits of a product depend on all bits of the colour.
        let mut at = (colour.wrapping_mul(0x9E37_79B1) >> 22) as usize % SLOTS;
        loop {
            match self.slots[at] {
                0 if self.colours.len() == COLOURS => return None,
                0 => {
                    self.colours.push(colour);
                    self.slots[at] = self.colours.len() as u16;
                    return Some((self.colours.len() - 1) as u8);
                }
                taken if self.colours[taken as usize - 1] == colour => {
                    return Some((taken - 1) as u8);
                }
                _ => at = (at + 1) % SLOTS,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a decoder not written by us makes of it.
    fn decoded(png: &[u8]) -> Vec<u8> {
        image::load_from_memory(png)
            .expect("a PNG")
            .to_rgba8()
            .into_raw()
    }

    fn picture(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels.flat_map(|(x, y)| colour(x, y)).collect()
    }

    #[test]
    fn pictures_come_back_pixel_by_pixel() {
        let grey = |v: u32| [v as u8, v as u8, v as u8, 255];
        let cases = [
            (1, 1, picture(1, 1, |_, _| [1, 2, 3, 4])),
            (
                40,
                24,
                picture(40, 24, |x, y| grey((x / 4 * 7 + y / 4 * 31) % 256)),
            ),
            (
                33,
                9,
                picture(33, 9, |x, y| {
                    if x < 2 || y < 1 {
                        [0, 0, 0, 0]
                    } else {
                        [9, 80, 200, 128]
                    }
                }),
            ),
            (256, 2, picture(256, 2, |x, _| [x as u8, 7, 0, 255])),
            (16, 16, picture(16, 16, |x, y| grey(x * 16 + y))),
        ];
        for (width, height, rgba) in cases {
            let png = encode(&rgba, width, height).expect("at most 256 colours");
            assert_eq!(decoded(&png), rgba, "{width}×{height}");
        }
    }

    #[test]
    fn more_colours_than_a_palette_holds_are_left_to_others() {
        let all = |n: u32| picture(n, 1, |x, _| [(x % 256) as u8, (x / 256) as u8, 0, 255]);
        assert!(encode(&all(256), 256, 1).is_some());
        assert!(encode(&all(257), 257, 1).is_none());
    }

    #[test]
    fn an_image_drawn_four_times_as_large_takes_little_more_than_its_pixels() {
        let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 13;
        let small = 64 * 64;
        let rgba = picture(256, 256, |x, y| {
            let v = noise(x / 4, y / 4) as u8;
            [v, v, v, 255]
        });
        let png = encode(&rgba, 256, 256).expect("grey");
        assert!(
            png.len() < 3 * small,
            "{} bytes for {small} pixels",
            png.len()
        );
    }
}
