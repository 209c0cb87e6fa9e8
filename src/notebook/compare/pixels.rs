//! Pictures of raster graphics: reading them, and whether two of them look the same.

use super::similarity::{self, Part, Plane};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::{
    AnimationDecoder as _, DynamicImage, Frames, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    RgbaImage,
};
use std::io::Cursor;

/// An animation is read up to here; a longer one is compared by its beginning.
const FRAMES: usize = 200;
/// So are its pixels, in bytes.
const MAX_DECODED_BYTES: u64 = 256 << 20;
/// No frame has more: to compare two takes twenty times as many.
const MAX_FRAME_BYTES: u64 = 64 << 20;
/// What a decoder may take for any picture, in bytes.
const MIN_DECODER_BYTES: u64 = 1 << 20;
/// No format makes more bytes of one: deflate makes 1032, and each may be eight indices of four channels.
const MOST_INFLATION: u64 = 1032 * 32;

/// A picture as a notebook stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its mime type.
    pub mime: String,
    /// Without line ends.
    pub base64: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// More than one in an animation.
    pub frames: usize,
}

/// How alike two pictures of one size are.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// The mean structural similarity; 1 is the same picture.
    pub overall: f64,
    /// The mean of the least similar part.
    pub least: f64,
    /// The part that decided.
    pub part: Part,
    /// By how much of full brightness the mean colour of a part is off, at most.
    pub tone: f64,
    /// How alike the two look where chance decides what they show: `look`.
    pub look: f64,
    /// The frame that is least alike, from 0.
    pub frame: usize,
    /// The new frame, faded, with the places that differ in red, as a PNG.
    pub map: Vec<u8>,
}

impl Likeness {
    /// Whether the pictures count as the same where the least similar part has to reach `wanted`: in structure, and in
    /// its mean colour, to which structure is all but blind.
    pub fn reaches(&self, wanted: f64) -> bool {
        self.least >= wanted && 1.0 - self.tone >= wanted
    }
}

/// Whether pictures of this type are compared by their pixels.
pub fn is_picture(mime: &str) -> bool {
    matches!(mime, "image/png" | "image/gif" | "image/jpeg")
}

impl Picture {
    /// Reads the header of a picture; `None` where it is damaged.
    pub fn read(mime: &str, base64: &str) -> Option<Self> {
        let base64: String = base64.split_whitespace().collect();
        let bytes = STANDARD.decode(&base64).ok()?;
        let (width, height) = ImageReader::new(Cursor::new(&bytes))
            .with_guessed_format()
            .ok()?
            .into_dimensions()
            .ok()
            .filter(|(width, height)| *width > 0 && *height > 0)?;
        let frames = frames(&bytes)?.try_fold(0, |n, frame| frame.map(|_| n + 1))?;
        Some(Self { mime: mime.to_string(), base64, width, height, frames })
    }

    /// How alike this stored picture and `new` are; `None` where their sizes or numbers of frames differ.
    pub fn likeness(&self, new: &Self) -> Option<Likeness> {
        if (self.width, self.height, self.frames) != (new.width, new.height, new.frames) {
            return None;
        }
        let (old, new) = (STANDARD.decode(&self.base64).ok()?, STANDARD.decode(&new.base64).ok()?);
        let pairs = frames(&old)?.zip(frames(&new)?).enumerate();
        let compared = pairs.map(|(frame, (old, new))| Some(compare_frames(frame, &old?, &new?)));
        let found: Vec<_> = compared.collect::<Option<_>>()?;
        let look = found.iter().map(|frame| frame.look).fold(1.0, f64::min);
        let worst = found.into_iter().min_by(|a, b| (a.least - a.tone).total_cmp(&(b.least - b.tone)));
        worst.map(|likeness| Likeness { look, ..likeness })
    }
}

/// The frames of a picture, as they are read; one, where it does not move. A size that is only claimed takes no memory.
fn frames(bytes: &[u8]) -> Option<Box<dyn Iterator<Item = Option<RgbaImage>> + '_>> {
    let most = (bytes.len() as u64).saturating_mul(MOST_INFLATION).clamp(MIN_DECODER_BYTES, MAX_FRAME_BYTES);
    let mut limits = Limits::default();
    limits.max_alloc = Some(most);
    let moving = |frames: Frames<'static>| -> Box<dyn Iterator<Item = Option<RgbaImage>>> { Box::new(up_to(frames)) };
    let one = |picture: DynamicImage| Box::new(std::iter::once(Some(picture.to_rgba8())));
    match image::guess_format(bytes).ok()? {
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(Cursor::new(bytes.to_vec())).ok()?;
            decoder.set_limits(limits).ok()?;
            Some(moving(decoder.into_frames()))
        }
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes.to_vec()), limits).ok()?;
            if decoder.is_apng().ok()? {
                return Some(moving(decoder.apng().ok()?.into_frames()));
            }
            Some(one(within(decoder, most)?))
        }
        _ => {
            let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
            reader.limits(limits);
            Some(one(within(reader.into_decoder().ok()?, most)?))
        }
    }
}

fn within(decoder: impl ImageDecoder, most: u64) -> Option<DynamicImage> {
    if decoder.total_bytes() > most { None } else { DynamicImage::from_decoder(decoder).ok() }
}

/// The frames up to which an animation is read.
fn up_to(frames: Frames<'static>) -> impl Iterator<Item = Option<RgbaImage>> {
    let mut bytes = 0;
    let frames = frames.take(FRAMES).map(|frame| Some(frame.ok()?.into_buffer()));
    frames.take_while(move |frame| {
        bytes += frame.as_ref().map_or(0, |frame| frame.as_raw().len() as u64);
        bytes <= MAX_DECODED_BYTES
    })
}

fn compare_frames(frame: usize, old: &RgbaImage, new: &RgbaImage) -> Likeness {
    let (old_planes, new_planes) = (colours(old), colours(new));
    let mut map =
        Plane { width: old.width() as usize, height: old.height() as usize, values: vec![0.0; old.pixels().len()] };
    let mut known: Option<(usize, Plane)> = None;
    for channel in 0..3 {
        // The channels of a grey picture are the same: one of them says it all.
        let repeats = known
            .as_ref()
            .is_some_and(|(of, _)| old_planes[*of] == old_planes[channel] && new_planes[*of] == new_planes[channel]);
        if !repeats {
            known = Some((channel, channel_map(&old_planes[channel], &new_planes[channel])));
        }
        known.iter().for_each(|(_, plane)| map.add(plane));
    }
    map.values.iter_mut().for_each(|value| *value /= 3.0);
    // What is white on nothing shows on a dark page.
    map.lower_to(&channel_map(&opacity(old), &opacity(new)));
    let tone = |part: Part| {
        let pairs = old_planes.iter().zip(&new_planes);
        let off = pairs.map(|(a, b)| (a.mean_of(part) - b.mean_of(part)).abs() / 255.0);
        off.fold(0.0, f64::max)
    };
    // A picture has at least one part, so the fallback is never taken.
    let parts: Vec<_> = map.parts();
    let judged = parts.iter().map(|&part| (part, map.mean_of(part), tone(part)));
    let least = judged.clone().map(|(_, mean, _)| mean).fold(1.0, f64::min);
    let tone = judged.clone().map(|(_, _, tone)| tone).fold(0.0, f64::max);
    let part = judged
        .min_by(|(_, a, x), (_, b, y)| (a - x).total_cmp(&(b - y)))
        .map_or(Part { x: 0, y: 0, width: map.width, height: map.height }, |(part, ..)| part);
    let look = old_planes.iter().zip(&new_planes).map(|(a, b)| look(a, b)).fold(1.0, f64::min);
    Likeness { overall: map.mean_inside(), least, part, tone, look, frame, map: drawn(&map, new, part) }
}

/// How alike two pictures look that show other things of one kind, as two grids of samples do: the structural
/// similarity without its term of structure, of each quarter, as large windows. 1 where brightness and contrast are the
/// same in every quarter, near 0 where one of the two is empty or flat.
fn look(a: &Plane, b: &Plane) -> f64 {
    let quarters = a.quarters().into_iter().map(|part| {
        let (mean_a, mean_b) = (a.mean_of(part), b.mean_of(part));
        let (std_a, std_b) = (a.std_of(part), b.std_of(part));
        similarity::luminance(mean_a, mean_b) * similarity::contrast(std_a, std_b)
    });
    quarters.fold(1.0, f64::min)
}

fn channel_map(old: &Plane, new: &Plane) -> Plane {
    if old == new {
        return Plane { values: vec![1.0; old.values.len()], ..*old };
    }
    similarity::map(old, new)
}

/// Red, green and blue on a white page.
fn colours(picture: &RgbaImage) -> [Plane; 3] {
    [0, 1, 2].map(|channel| plane(picture, |pixel| on_white(pixel, channel)))
}

fn opacity(picture: &RgbaImage) -> Plane {
    plane(picture, |pixel| f64::from(pixel[3]))
}

fn plane(picture: &RgbaImage, value: impl Fn([u8; 4]) -> f64) -> Plane {
    Plane {
        width: picture.width() as usize,
        height: picture.height() as usize,
        values: picture.pixels().map(|pixel| value(pixel.0)).collect(),
    }
}

fn on_white(pixel: [u8; 4], channel: usize) -> f64 {
    let opacity = f64::from(pixel[3]) / 255.0;
    f64::from(pixel[channel]) * opacity + 255.0 * (1.0 - opacity)
}

/// The new picture, pale, with red where the two differ and a frame about the part that decided.
fn drawn(map: &Plane, new: &RgbaImage, part: Part) -> Vec<u8> {
    let mut picture = RgbImage::new(new.width(), new.height());
    let grey = |pixel: [u8; 4]| {
        let sum: f64 = (0..3).map(|channel| on_white(pixel, channel)).sum();
        // Into the upper third, so that red stands out.
        170.0 + sum / 3.0 / 3.0
    };
    for ((to, from), value) in picture.pixels_mut().zip(new.pixels()).zip(&map.values) {
        let paper = grey(from.0);
        let red = (1.0 - value).clamp(0.0, 1.0).powf(0.7);
        let mix = |ink: f64| (paper + (ink - paper) * red) as u8;
        *to = Rgb([mix(200.0), mix(16.0), mix(46.0)]);
    }
    let edge = Rgb([0, 60, 160]);
    let (left, top) = (part.x as u32, part.y as u32);
    let (right, bottom) = (left + part.width as u32 - 1, top + part.height as u32 - 1);
    for x in left..=right {
        picture.put_pixel(x, top, edge);
        picture.put_pixel(x, bottom, edge);
    }
    for y in top..=bottom {
        picture.put_pixel(left, y, edge);
        picture.put_pixel(right, y, edge);
    }
    let mut png = Cursor::new(Vec::new());
    // Into memory, of a size that has just been read: there is nothing that could fail.
    let _ = picture.write_to(&mut png, ImageFormat::Png);
    png.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    fn stored(picture: &RgbaImage) -> Picture {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(picture.clone()).write_to(&mut bytes, ImageFormat::Png).expect("a picture");
        Picture::read("image/png", &STANDARD.encode(bytes.into_inner())).expect("a picture")
    }

    fn likeness(old: &RgbaImage, new: &RgbaImage) -> Likeness {
        stored(old).likeness(&stored(new)).expect("equal sizes")
    }

    /// Something like a plot: a white page, a frame, a curve.
    fn plot(shift: u32) -> RgbaImage {
        RgbaImage::from_fn(320, 200, |x, y| {
            let curve = 100.0 + 60.0 * (f64::from(x + shift) / 40.0).sin();
            let ink = (f64::from(y) - curve).abs() < 1.5 || x == 20 || y == 180;
            Rgba(if ink { [30, 80, 160, 255] } else { [255, 255, 255, 255] })
        })
    }

    /// A header of a kilobyte's picture that claims 65,535² pixels, of the screen or of a frame, and one that claims none.
    #[test]
    fn a_size_that_is_only_claimed_is_no_picture() {
        let still = RgbaImage::from_pixel(16, 12, Rgba([30, 80, 160, 255]));
        let encoded = |format| {
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::from(still.clone()).write_to(&mut bytes, format).expect("a picture");
            bytes.into_inner()
        };
        let read = |bytes: &[u8]| Picture::read("image/gif", &STANDARD.encode(bytes));
        let gif = encoded(ImageFormat::Gif);
        assert_eq!(read(&gif).map(|p| (p.width, p.height, p.frames)), Some((16, 12, 1)));
        let frame = 8 + gif.windows(3).position(|w| w == [0x21, 0xf9, 4]).expect("a graphic control extension");
        for at in [6, frame + 5] {
            for size in [0xff, 0x7f] {
                let mut large = gif.clone();
                large[at..at + 4].fill(size);
                assert_eq!(read(&large), None, "at {at}");
            }
        }
        let mut none = gif.clone();
        none[6..10].fill(0);
        assert_eq!(read(&none), None);
        let mut jpeg = encoded(ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).expect("a frame");
        jpeg[frame + 5..frame + 9].fill(0xff);
        assert_eq!(read(&jpeg), None);
    }

    #[test]
    fn rounding_is_not_seen_and_a_moved_curve_is() {
        let old = plot(0);
        let mut rounded = old.clone();
        for (i, pixel) in rounded.pixels_mut().enumerate() {
            pixel.0[i % 3] = pixel.0[i % 3].saturating_sub((i % 2) as u8);
        }
        let found = likeness(&old, &rounded);
        assert!(found.reaches(0.99) && found.least < 1.0, "{}", found.least);
        let found = likeness(&old, &plot(6));
        assert!(!found.reaches(0.9) && found.least < 0.6, "{}", found.least);
        assert!(found.overall > found.least);
    }

    #[test]
    fn one_changed_glyph_of_a_large_picture_is_seen_and_located() {
        let old = plot(0);
        let mut new = old.clone();
        for (x, y) in (0..5).flat_map(|x| (0..7).map(move |y| (x, y))) {
            new.put_pixel(270 + x, 10 + y, Rgba([30, 30, 30, 255]));
        }
        let found = likeness(&old, &new);
        assert!(found.overall > 0.99, "{}", found.overall);
        assert!(!found.reaches(0.9), "{}", found.least);
        let Part { x, y, width, height } = found.part;
        assert!((x..x + width).contains(&272) && (y..y + height).contains(&13), "{:?}", found.part);
    }

    #[test]
    fn a_flat_colour_that_changes_is_seen_though_it_has_no_structure() {
        let flat = |level: u8| RgbaImage::from_pixel(64, 64, Rgba([level, level, level, 255]));
        assert!(likeness(&flat(150), &flat(155)).reaches(0.9));
        let found = likeness(&flat(150), &flat(190));
        assert!(found.least > 0.9 && !found.reaches(0.9), "{found:?}");
    }

    #[test]
    fn a_look_tells_kinds_of_pictures_and_not_what_they_show() {
        // grids of strokes at random places: another draw looks alike, noise, fewer strokes and an empty half do not
        let strokes = |seed: u32, share: u32| {
            RgbaImage::from_fn(240, 160, |x, y| {
                let tile =
                    (x / 8 + 30 * (y / 8) + 1).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503));
                let ink = (tile >> 16) % 100 < share && (x % 8) < 4;
                Rgba(if ink { [255, 255, 255, 255] } else { [0, 0, 0, 255] })
            })
        };
        let old = strokes(1, 40);
        let again = likeness(&old, &strokes(77, 40));
        assert!(again.look > 0.9 && !again.reaches(0.9), "{again:?}");
        assert!(likeness(&old, &strokes(77, 8)).look < 0.8);
        let grey = RgbaImage::from_pixel(240, 160, Rgba([51, 51, 51, 255]));
        assert!(likeness(&old, &grey).look < 0.1);
        let mut half = old.clone();
        half.enumerate_pixels_mut().filter(|(x, ..)| *x >= 120).for_each(|(.., p)| *p = Rgba([0, 0, 0, 255]));
        assert!(likeness(&old, &half).look < 0.1);
        assert!((likeness(&old, &old).look - 1.0).abs() < 1e-12);
    }

    #[test]
    fn white_on_nothing_is_not_the_same_as_nothing() {
        let nothing = RgbaImage::from_pixel(40, 40, Rgba([255, 255, 255, 0]));
        let mut word = nothing.clone();
        for (x, y) in (10..30).flat_map(|x| (19..22).map(move |y| (x, y))) {
            word.put_pixel(x, y, Rgba([255, 255, 255, 255]));
        }
        assert!(!likeness(&nothing, &word).reaches(0.9));
        let page = RgbaImage::from_pixel(40, 40, Rgba([255, 255, 255, 255]));
        assert!(!likeness(&page, &nothing).reaches(0.9));
    }

    #[test]
    fn animations_are_compared_frame_by_frame() {
        let gif = |levels: &[u8]| {
            let mut bytes = Vec::new();
            let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
            for &level in levels {
                let frame = RgbaImage::from_fn(36, 36, |x, _| {
                    let level = if x % 6 < 3 { level } else { 255 - level };
                    Rgba([level, level, level, 255])
                });
                encoder.encode_frame(image::Frame::new(frame)).expect("a frame");
            }
            drop(encoder);
            Picture::read("image/gif", &STANDARD.encode(bytes)).expect("an animation")
        };
        let found = gif(&[0, 0, 0]).likeness(&gif(&[0, 255, 0])).expect("equal sizes");
        assert_eq!(found.frame, 1);
        assert!(found.least < 0.0, "a negative");
        assert!(gif(&[0, 0]).likeness(&gif(&[0])).is_none());
    }
}
