//! Grids of images: sample sheets of a generator, tiles of a data set.

use super::canvas::{Canvas, Rect, Stroke};
use super::colour::{BLACK, Colour, MUTED, VERMILLION, WHITE, YELLOW};
use super::text::{self, Style};
use super::ticks::fixed;
use saddle_fault::{Fault, Result};

/// More tiles than this are not drawn; a note says how many were left out.
const MOST_TILES: usize = 1024;
/// A sheet wider or higher than this many CSS pixels gets smaller tiles.
const WIDEST: f32 = 900.0;
const HIGHEST: f32 = 1400.0;
/// Tiles stand apart: digits that fill their tiles run into one another otherwise.
const GAP: f32 = 6.0;
/// A hairline round each tile, by which a black one stands off from a dark page and a white one from a light page.
const FRAME: f32 = 1.0;
const FRAME_COLOUR: Colour = Colour::grey(112);
const PADDING: f32 = 8.0;
const TITLE: f32 = 22.0;
const NOTE: f32 = 18.0;
const LABEL_SIZE: f32 = 10.5;
const LABEL: f32 = 15.0;

/// Which values are black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// These two values.
    Fixed(f32, f32),
    /// From the smallest to the largest finite value of all images.
    Auto,
}

/// Images side by side, each pixel a crisp square.
#[derive(Clone, Debug)]
pub struct Grid {
    pixels: Vec<f32>,
    count: usize,
    channels: usize,
    height: usize,
    width: usize,
    /// Above the images; empty: none.
    pub title: String,
    /// Tiles in a row; `None`: chosen from the number of images.
    pub cols: Option<usize>,
    /// Which values are black and white.
    pub range: Range,
    /// Written below the tiles, in order. May be shorter than the images.
    pub labels: Vec<String>,
    /// The tiles with a yellow frame (nearest neighbours, in the manner of the GAN paper).
    pub outlined: Vec<usize>,
    /// Width of a tile in CSS pixels; `None`: about 48. Rounded to a whole number of pixels per pixel.
    pub tile: Option<u32>,
}

/// Sizes of one sheet, in CSS pixels but for `zoom` and `shrink`.
struct Sheet {
    cols: usize,
    rows: usize,
    shown: usize,
    /// Device pixels per image pixel.
    zoom: usize,
    /// Image pixels per device pixel: large images are averaged down.
    shrink: usize,
    tile: (f32, f32),
    label: f32,
}

impl Grid {
    /// `shape` is `[n, d]` with square grey images of d pixels, `[n, h, w]` grey, or `[n, c, h, w]` with c = 1 or 3.
    ///
    /// # Errors
    /// Shape: another rank, d that is not a square, another number of channels, or not as many values as the shape
    /// says.
    pub fn new(pixels: Vec<f32>, shape: &[usize]) -> Result<Self> {
        let (count, channels, height, width) = match *shape {
            [n, d] if d.isqrt().pow(2) == d => (n, 1, d.isqrt(), d.isqrt()),
            [_, d] => {
                return Err(Fault::shape(format!("images {shape:?}: {d} pixels are not a square image"))
                    .hint("reshape to [n, height, width]"));
            }
            [n, h, w] => (n, 1, h, w),
            [n, c @ (1 | 3), h, w] => (n, c, h, w),
            [_, c, _, _] => {
                return Err(Fault::shape(format!("images {shape:?}: {c} channels; 1 (grey) or 3 (RGB) can be shown"))
                    .hint("the order is [n, channels, height, width]"));
            }
            _ => {
                return Err(Fault::shape(format!("images of shape {shape:?} cannot be shown"))
                    .hint("use [n, height, width], [n, 3, height, width], or [n, d] with d a square number"));
            }
        };
        if pixels.len() != count * channels * height * width {
            return Err(Fault::shape(format!("images {shape:?}: got {} values", pixels.len())));
        }
        Ok(Self {
            pixels,
            count,
            channels,
            height,
            width,
            title: String::new(),
            cols: None,
            range: Range::Fixed(0.0, 1.0),
            labels: Vec::new(),
            outlined: Vec::new(),
            tile: None,
        })
    }

    /// "grid 4×8 of 8×8 images".
    pub fn describe(&self) -> String {
        let sheet = self.sheet();
        let kind = if self.channels == 3 { " colour" } else { "" };
        let image =
            if self.count == 1 { format!("{}×{}{kind} image", self.height, self.width) } else { String::new() };
        match self.count {
            0 => "grid of no images".into(),
            1 => image,
            _ => format!("grid {}×{} of {}×{}{kind} images", sheet.rows, sheet.cols, self.height, self.width),
        }
    }

    /// Width and height in CSS pixels.
    pub fn size(&self) -> (f32, f32) {
        let sheet = self.sheet();
        let title = Style::new(13.0).bold();
        let mut width = sheet.cols as f32 * (sheet.tile.0 + GAP) - GAP;
        width = width.max(text::width(&self.title, title));
        for note in self.notes(&sheet) {
            width = width.max(text::width(&note, Style::new(LABEL_SIZE)).min(420.0));
        }
        let rows = sheet.rows as f32 * (sheet.tile.1 + sheet.label + GAP) - GAP;
        let notes = self.notes(&sheet).len() as f32 * NOTE;
        let title = if self.title.is_empty() { 0.0 } else { TITLE };
        (width.max(24.0) + 2.0 * PADDING, rows.max(0.0) + title + notes + 2.0 * PADDING)
    }

    /// Draws the sheet into `area`, from its top left.
    pub fn draw(&self, canvas: &mut Canvas, area: Rect) {
        let sheet = self.sheet();
        let (low, high) = self.limits();
        let (left, mut top) = (area.x + PADDING, area.y + PADDING);
        if !self.title.is_empty() {
            canvas.text(left, top + 13.0, &self.title, Style::new(13.0).bold());
            top += TITLE;
        }
        let position = |i: usize| {
            let (row, col) = (i / sheet.cols, i % sheet.cols);
            (left + col as f32 * (sheet.tile.0 + GAP), top + row as f32 * (sheet.tile.1 + sheet.label + GAP))
        };
        for i in 0..sheet.shown {
            let (x, y) = position(i);
            let (width, height) = (sheet.tile.0 + 2.0 * FRAME, sheet.tile.1 + 2.0 * FRAME);
            canvas.fill_rect(Rect::new(x - FRAME, y - FRAME, width, height), FRAME_COLOUR);
            self.draw_tile(canvas, &sheet, i, (x, y), (low, high));
            if let Some(label) = self.labels.get(i) {
                let style = Style::new(LABEL_SIZE).colour(MUTED).middle();
                let label = text::fitted(label, style, sheet.tile.0);
                canvas.text(x + sheet.tile.0 / 2.0, y + sheet.tile.1 + 11.0, &label, style);
            }
        }
        // After all tiles: a frame lies over the gaps.
        for &i in self.outlined.iter().filter(|&&i| i < sheet.shown) {
            let (x, y) = position(i);
            let frame = |grow: f32| Rect::new(x - grow, y - grow, sheet.tile.0 + 2.0 * grow, sheet.tile.1 + 2.0 * grow);
            canvas.stroke_rounded(frame(0.0), 1.5, Stroke::new(BLACK, 4.0));
            canvas.stroke_rounded(frame(0.0), 1.5, Stroke::new(YELLOW, 3.0));
        }
        let mut y = top + (sheet.rows as f32 * (sheet.tile.1 + sheet.label + GAP) - GAP).max(0.0) + 14.0;
        for note in self.notes(&sheet) {
            canvas.text(left, y, &note, Style::new(LABEL_SIZE).colour(MUTED));
            y += NOTE;
        }
    }

    fn draw_tile(&self, canvas: &mut Canvas, sheet: &Sheet, i: usize, (x, y): (f32, f32), range: (f32, f32)) {
        let colours = self.colours(i, sheet.shrink, range);
        let columns = self.width.div_ceil(sheet.shrink);
        let rows = self.height.div_ceil(sheet.shrink);
        if let Some(colours) = colours.iter().copied().collect::<Option<Vec<_>>>() {
            return canvas.squares(x, y, sheet.zoom, columns, &colours);
        }
        let zoom = sheet.zoom as u32;
        canvas.pixels(x, y, columns as u32 * zoom, rows as u32 * zoom, |column, row| {
            match colours[(row / zoom) as usize * columns + (column / zoom) as usize] {
                Some(colour) => colour,
                None => hatch(column, row),
            }
        });
    }

    /// The colours of image `i`, row by row, averaged over squares of `shrink` pixels; `None` where a value is not
    /// finite.
    fn colours(&self, i: usize, shrink: usize, (low, high): (f32, f32)) -> Vec<Option<Colour>> {
        let plane = self.height * self.width;
        let image = &self.pixels[i * self.channels * plane..(i + 1) * self.channels * plane];
        let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
        let byte = |c: usize, row: usize, column: usize| {
            let (mut sum, mut n) = (0.0, 0);
            for y in row * shrink..((row + 1) * shrink).min(self.height) {
                for x in column * shrink..((column + 1) * shrink).min(self.width) {
                    sum += image[c * plane + y * self.width + x];
                    n += 1;
                }
            }
            let mean = sum / n as f32;
            mean.is_finite().then(|| ((mean - low) * scale).round().clamp(0.0, 255.0) as u8)
        };
        let mut out = Vec::with_capacity(plane / (shrink * shrink));
        for row in 0..self.height.div_ceil(shrink) {
            for column in 0..self.width.div_ceil(shrink) {
                out.push(match self.channels {
                    1 => byte(0, row, column).map(Colour::grey),
                    _ => match (byte(0, row, column), byte(1, row, column), byte(2, row, column)) {
                        (Some(r), Some(g), Some(b)) => Some(Colour { r, g, b, a: 255 }),
                        _ => None,
                    },
                });
            }
        }
        out
    }

    fn limits(&self) -> (f32, f32) {
        match self.range {
            Range::Fixed(low, high) => (low, high),
            Range::Auto => {
                let finite = self.pixels.iter().filter(|v| v.is_finite());
                finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)))
            }
        }
    }

    fn notes(&self, sheet: &Sheet) -> Vec<String> {
        let mut notes = Vec::new();
        if self.count * self.height * self.width == 0 {
            notes.push(format!("no images: shape [{}, {}, {}]", self.count, self.height, self.width));
        }
        if self.count > sheet.shown {
            notes.push(format!("the first {} of {} images", fixed(sheet.shown as f64, 0), fixed(self.count as f64, 0)));
        }
        match self.pixels.iter().filter(|v| !v.is_finite()).count() {
            0 => {}
            1 => notes.push("1 pixel is not finite: hatched".into()),
            bad => notes.push(format!("{} pixels are not finite: hatched", fixed(bad as f64, 0))),
        }
        notes
    }

    fn sheet(&self) -> Sheet {
        let empty = self.height * self.width == 0;
        let shown = if empty { 0 } else { self.count.min(MOST_TILES) };
        let cols = self.cols.unwrap_or_else(|| default_cols(shown)).clamp(1, shown.max(1));
        let rows = shown.div_ceil(cols);
        let label = if self.labels.is_empty() { 0.0 } else { LABEL };
        let wanted = self.tile.map_or(if self.count == 1 { 160.0 } else { 48.0 }, |t| t as f32);
        let side = self.height.max(self.width).max(1) as f32;
        // In device pixels per image pixel; even ones stay crisp on a screen of one device pixel per CSS pixel too.
        let mut zoom = (wanted / side).round().max(1.0) * 2.0;
        if self.tile.is_none() {
            let room = ((WIDEST / cols as f32 - GAP) / self.width.max(1) as f32)
                .min((HIGHEST / rows.max(1) as f32 - GAP - label) / self.height.max(1) as f32);
            zoom = zoom.min(2.0 * room);
        }
        let (zoom, shrink) = if zoom >= 2.0 {
            ((zoom / 2.0).floor() * 2.0, 1.0)
        } else if zoom >= 1.0 {
            (1.0, 1.0)
        } else {
            (1.0, (1.0 / zoom.max(1e-4)).ceil())
        };
        let css = |n: usize| (n as f32 / shrink).ceil() * zoom / 2.0;
        let tile = (css(self.width), css(self.height));
        Sheet { cols, rows, shown, zoom: zoom as usize, shrink: shrink as usize, tile, label }
    }
}

/// Up to ten in one row, multiples of ten by tens, else rows of eight, and for many a square.
fn default_cols(n: usize) -> usize {
    match n {
        0..=10 => n,
        20 | 30 | 40 | 50 | 60 | 70 | 80 | 90 | 100 => 10,
        11..=64 => 8,
        _ => (n as f64).sqrt().ceil() as usize,
    }
}

/// Stripes that no image has, for values that are not numbers.
pub fn hatch(column: u32, row: u32) -> Colour {
    if ((column + row) / 3).is_multiple_of(2) { VERMILLION } else { WHITE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Figure;
    use image::GenericImageView;

    fn decoded(grid: Grid) -> image::DynamicImage {
        image::load_from_memory(&Figure::from(grid).picture().bytes).unwrap()
    }

    #[test]
    fn known_pixels_stand_where_they_should() {
        // Two 2×2 images; at 48 CSS pixels a tile, an image pixel is 48 device pixels wide.
        let grid = Grid::new(vec![0.0, 1.0, 0.5, 0.25, 1.0, 0.0, 2.0, -1.0], &[2, 2, 2]).unwrap();
        let picture = decoded(grid);
        assert_eq!(picture.dimensions(), (2 * (48 * 2 + 6 + 16), 2 * (48 + 16)));
        let tile = |i: u32, row: u32, column: u32| {
            let (x, y) = (16 + i * 108 + column * 48, 16 + row * 48);
            // All 48 × 48 device pixels are of one colour: nothing is smeared.
            let first = picture.get_pixel(x, y);
            for (dx, dy) in [(47, 0), (0, 47), (47, 47), (24, 24)] {
                assert_eq!(picture.get_pixel(x + dx, y + dy), first);
            }
            first.0
        };
        assert_eq!(tile(0, 0, 0), [0, 0, 0, 255]);
        assert_eq!(tile(0, 0, 1), [255, 255, 255, 255]);
        assert_eq!(tile(0, 1, 0), [128, 128, 128, 255]);
        assert_eq!(tile(0, 1, 1), [64, 64, 64, 255]);
        assert_eq!(tile(1, 1, 0), [255, 255, 255, 255], "2 is clipped to white");
        assert_eq!(tile(1, 1, 1), [0, 0, 0, 255], "−1 is clipped to black");
        // A hairline, and between two of them the page.
        let beside = |x: u32| picture.get_pixel(x, 60).0;
        assert_eq!([beside(14), beside(112), beside(122)], [[112, 112, 112, 255]; 3]);
        assert_eq!([beside(12)[3], beside(114)[3], beside(120)[3]], [0; 3]);
    }

    #[test]
    fn colour_images_keep_their_channels_apart() {
        let picture = decoded(Grid::new(vec![1.0, 0.0, 0.5], &[1, 3, 1, 1]).unwrap());
        assert_eq!(picture.get_pixel(100, 100).0, [255, 0, 128, 255]);
    }

    #[test]
    fn automatic_range_spans_the_values() {
        let mut grid = Grid::new(vec![-3.0, 5.0, 1.0, f32::NAN], &[1, 2, 2]).unwrap();
        grid.range = Range::Auto;
        let picture = decoded(grid);
        assert_eq!(picture.get_pixel(20, 20).0, [0, 0, 0, 255]);
        assert_eq!(picture.get_pixel(300, 20).0, [255, 255, 255, 255]);
        assert_eq!(picture.get_pixel(20, 300).0, [128, 128, 128, 255]);
        // The NaN is hatched: both colours of the hatch are there.
        let hatched: Vec<_> = (250..330).map(|x| picture.get_pixel(x, 250).0).collect();
        assert!(hatched.contains(&[0xD5, 0x5E, 0, 255]) && hatched.contains(&[255, 255, 255, 255]));
    }

    #[test]
    fn outlined_tiles_are_yellow_at_their_edge() {
        let mut grid = Grid::new(vec![0.0; 4 * 64], &[4, 64]).unwrap();
        grid.outlined = vec![1];
        let picture = decoded(grid);
        assert_eq!(picture.get_pixel(16 + 108, 60).0, [0xF0, 0xE4, 0x42, 255]);
        assert_eq!(picture.get_pixel(16, 60).0, [0, 0, 0, 255]);
    }

    #[test]
    fn large_images_are_averaged_to_fit() {
        // A fine chessboard of 4,000 × 4,000 averages to grey.
        let board = (0..4000 * 4000).map(|i| ((i % 4000 + i / 4000) % 2) as f32).collect();
        let grid = Grid::new(board, &[1, 4000, 4000]).unwrap();
        let picture = decoded(grid);
        assert!(picture.width() <= 2 * 920, "{}", picture.width());
        let p = picture.get_pixel(500, 500).0[0];
        assert!((100..=156).contains(&p), "{p}");
    }

    #[test]
    fn numbers_of_columns() {
        for (n, cols) in [(1, 1), (10, 10), (16, 8), (32, 8), (64, 8), (100, 10), (144, 12)] {
            assert_eq!(default_cols(n), cols, "{n}");
        }
        let grid = Grid::new(vec![0.0; 32 * 64], &[32, 8, 8]).unwrap();
        assert_eq!(grid.describe(), "grid 4×8 of 8×8 images");
    }

    #[test]
    fn what_cannot_be_shown_says_why() {
        let fault = Grid::new(vec![0.0; 20], &[2, 10]).unwrap_err();
        assert_eq!(fault.message, "images [2, 10]: 10 pixels are not a square image");
        assert!(Grid::new(vec![0.0; 16], &[1, 4, 2, 2]).unwrap_err().message.contains("4 channels"));
        assert!(Grid::new(vec![0.0; 3], &[1, 2, 2]).unwrap_err().message.contains("got 3 values"));
        assert!(Grid::new(vec![0.0; 3], &[3]).is_err());
    }

    #[test]
    fn no_images_and_too_many_are_said() {
        let none = Grid::new(Vec::new(), &[0, 8, 8]).unwrap();
        assert_eq!(none.notes(&none.sheet()), ["no images: shape [0, 8, 8]"]);
        decoded(none);
        let many = Grid::new(vec![0.0; 5000 * 4], &[5000, 2, 2]).unwrap();
        assert_eq!(many.notes(&many.sheet()), ["the first 1024 of 5000 images"]);
    }
}
