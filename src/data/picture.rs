//! One picture in a file: its format by its content, upright, never larger than its file can hold; and its luma.

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// No picture has more pixels, in bytes.
const MAX_DECODED_BYTES: u64 = 512 << 20;
/// What a decoder may take for any file, in bytes.
const MIN_DECODER_BYTES: u64 = 1 << 20;

/// The picture in a file, turned and mirrored as its Exif data say.
///
/// # Errors
/// What is wrong: a file that is missing, that is no picture, damaged, or that claims more pixels than its bytes can
/// hold.
pub fn open(path: &Path) -> Result<DynamicImage, String> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| unreadable(&name, &e.to_string()))?;
    decode(&name, &bytes)
}

fn unreadable(name: &str, what: &str) -> String {
    format!("{name}: not a picture that can be read ({what})")
}

/// The picture that a file called `name` holds.
///
/// # Errors
/// As [`open`].
pub fn decode(name: &str, bytes: &[u8]) -> Result<DynamicImage, String> {
    let told = |what: String| unreadable(name, &what);
    let size = bytes.len() as u64;
    if size == 0 {
        return Err(told("the file is empty".into()));
    }
    // Names lie: many a .png is a JPEG.
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| told(e.to_string()))?;
    let most = most(size, reader.format());
    // What the decoder takes beside the pixels, as for a frame of a GIF that is larger than its screen.
    let mut limits = Limits::default();
    limits.max_alloc = Some(most);
    reader.limits(limits);
    let read = || {
        let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
        let (width, height) = decoder.dimensions();
        if width == 0 || height == 0 {
            return Err(format!("{width} × {height} has no pixels"));
        }
        if decoder.total_bytes() > most {
            return Err(format!("{width} × {height} pixels are more than its {size} bytes can hold"));
        }
        // Exif data that are damaged say nothing of the pixels.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
        picture.apply_orientation(orientation);
        Ok(picture)
    };
    // Some decoders of others panic at damaged data.
    let read = catch_unwind(AssertUnwindSafe(read));
    read.unwrap_or_else(|_| Err("its data are damaged".into())).map_err(told)
}

/// The bytes of pixels that `size` bytes of a file can hold at most.
fn most(size: u64, format: Option<ImageFormat>) -> u64 {
    let inflation = match format {
        // A block of 8 × 8 takes a bit at least, and at most 8 × 4 blocks of brightness share two of colour.
        Some(ImageFormat::Jpeg) => 2048,
        // A code of 12 bits stands for 4,096 indices at most, and an index for four channels.
        Some(ImageFormat::Gif) => 4096 * 4,
        // Deflate makes at most 1032 bytes of one, and a byte may be eight indices of four channels.
        _ => 1032 * 32,
    };
    size.saturating_mul(inflation).clamp(MIN_DECODER_BYTES, MAX_DECODED_BYTES)
}

/// The luma of each pixel, (299 R + 587 G + 114 B) / 1000, rounded: with the weights in 65,536ths that PIL uses.
pub fn luma(picture: &RgbImage) -> impl Iterator<Item = u8> {
    picture.pixels().map(|pixel| {
        let [r, g, b] = pixel.0.map(u32::from);
        ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;
    use image::{Rgb, codecs::jpeg::JpegEncoder};

    /// The bytes of a picture in some format.
    fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    /// PIL's `convert("L")` gives 76, 150, 29 for pure red, green and blue; grey stays what it is.
    #[test]
    fn luma_is_that_of_pil() {
        let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3], [77; 3], [0; 3]];
        let picture = RgbImage::from_fn(6, 1, |x, _| Rgb(colours[x as usize]));
        let grey: Vec<u8> = luma(&picture).collect();
        assert_eq!(grey, [76, 150, 29, 255, 77, 0]);
        let (r, g, b) = (11.0, 222.0, 133.0);
        let exact: f64 = (299.0 * r + 587.0 * g + 114.0 * b) / 1000.0;
        let one = RgbImage::from_pixel(1, 1, Rgb([11, 222, 133]));
        assert_eq!(luma(&one).collect::<Vec<_>>(), [exact.round() as u8]);
    }

    /// A JPEG of 16 × 32 pixels, white above and black below, with an orientation of Exif (TIFF 6.0, tag 274).
    fn oriented(orientation: u8) -> Vec<u8> {
        let picture = RgbImage::from_fn(16, 32, |_, y| Rgb([if y < 16 { 255 } else { 0 }; 3]));
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 95).encode_image(&picture).unwrap();
        // Big-endian TIFF with one field: the tag, a short, once, its value.
        let tiff = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0]]
            .concat();
        let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
        let segment = [&[0xff, 0xe1][..], &length, b"Exif\0\0", &tiff].concat();
        jpeg.splice(2..2, segment);
        jpeg
    }

    /// Where the stored row 0 is seen, from the table of Exif 2.3: 1 top, 3 bottom, 6 right, 8 left.
    #[test]
    fn pictures_are_upright_as_exif_says() {
        let folder = Folder::new();
        // Size as shown, and a pixel that is white.
        let cases = [(1, (16, 32), (8, 4)), (3, (16, 32), (8, 27)), (6, (32, 16), (27, 8)), (8, (32, 16), (4, 8))];
        for (orientation, size, (x, y)) in cases {
            let path = folder.write("a.jpg", &oriented(orientation));
            let picture = open(&path).unwrap().to_rgb8();
            assert_eq!(picture.dimensions(), size, "{orientation}");
            assert!(picture.get_pixel(x, y)[0] > 240, "{orientation}");
            let (x, y) = (size.0 - 1 - x, size.1 - 1 - y);
            assert!(picture.get_pixel(x, y)[0] < 15, "{orientation}");
        }
    }

    #[test]
    fn the_content_tells_the_format() {
        let picture = RgbImage::from_pixel(16, 16, Rgb([51, 102, 204]));
        let folder = Folder::new();
        let path = folder.write("a.png", &encoded(&picture, ImageFormat::Jpeg));
        assert_eq!(open(&path).unwrap().width(), 16);
    }

    /// Headers that claim up to 2⁶² pixels.
    #[test]
    fn a_size_that_is_only_claimed_is_refused() {
        let picture = RgbImage::from_pixel(16, 16, Rgb([51, 102, 204]));
        let folder = Folder::new();
        let sizes: [&[u8]; 3] = [&[0x7f, 0xff, 0xff, 0xff], &[0, 1, 0, 0], &[0, 0, 0x40, 0]];
        for size in sizes {
            // The chunk IHDR: its type, width and height at 12, its checksum at 29.
            let mut png = encoded(&picture, ImageFormat::Png);
            png[16..20].copy_from_slice(size);
            png[20..24].copy_from_slice(size);
            let mut crc = flate2::Crc::new();
            crc.update(&png[12..29]);
            png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
            let error = open(&folder.write("a.png", &png)).unwrap_err();
            assert!(!error.contains("CRC"), "{error}");
        }
        let mut gif = encoded(&picture, ImageFormat::Gif);
        gif[6..10].copy_from_slice(&[0xff; 4]);
        let error = open(&folder.write("a.gif", &gif)).unwrap_err();
        assert!(error.contains("can hold"), "{error}");
        // A frame that is larger than its screen, after the graphic control extension.
        let mut gif = encoded(&picture, ImageFormat::Gif);
        let frame = 8 + gif.windows(3).position(|w| w == [0x21, 0xf9, 4]).unwrap();
        assert_eq!(gif[frame], 0x2c);
        gif[frame + 5..frame + 9].copy_from_slice(&[0xff, 0x0f, 0xff, 0x0f]);
        let error = open(&folder.write("a.gif", &gif)).unwrap_err();
        assert!(error.contains("limit"), "{error}");
        let mut jpeg = encoded(&picture, ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
        let error = open(&folder.write("a.jpg", &jpeg)).unwrap_err();
        assert!(error.contains("can hold"), "{error}");
    }

    /// Four billion rows without a pixel, which a decoder would go through one by one.
    #[test]
    fn a_picture_without_pixels_is_refused() {
        let folder = Folder::new();
        for size in ["0 4294967295", "4294967295 0", "0 0"] {
            let error = open(&folder.write("a.pbm", format!("P4\n{size}\n").as_bytes())).unwrap_err();
            assert!(error.contains("a.pbm") && error.contains("has no pixels"), "{error}");
        }
    }

    /// A JPEG with a scan of brightness alone, whose frame claims eight times as many samples of a colour.
    #[test]
    fn a_decoder_that_gives_up_says_no_more_than_that_the_file_is_damaged() {
        let folder = Folder::new();
        let mut jpeg = encoded(&RgbImage::from_pixel(255, 1, Rgb([51, 102, 204])), ImageFormat::Jpeg);
        let marker = |jpeg: &[u8], kind| jpeg.windows(2).position(|w| w == [0xff, kind]).unwrap();
        let sampling = marker(&jpeg, 0xc0) + 14;
        assert_eq!(jpeg[sampling - 1..=sampling], [2, 0x11]);
        jpeg[sampling] = 0x42;
        let scan = marker(&jpeg, 0xda);
        jpeg.splice(scan + 2..scan + 14, [0, 8, 1, 1, 0, 0, 63, 0]);
        let error = open(&folder.write("a.jpg", &jpeg)).unwrap_err();
        assert!(error.contains("a.jpg") && error.contains("damaged"), "{error}");
    }

    /// A picture of one colour is packed as tightly as any.
    #[test]
    fn what_is_packed_tightly_is_read() {
        let folder = Folder::new();
        let picture = RgbImage::new(3000, 2000);
        for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::Jpeg] {
            let path = folder.write("a", &encoded(&picture, format));
            assert_eq!(open(&path).map(|p| p.height()), Ok(2000), "{format:?}");
        }
    }
}
