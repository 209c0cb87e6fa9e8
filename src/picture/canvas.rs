//! A surface to draw on, measured in CSS pixels from the top left, with `density` device pixels to each.
//!
//! Shapes are anti-aliased by tiny-skia; small dots and text are blended here, because a path for each would cost
//! a hundred times more.

use super::colour::Colour;
use super::text::{self, Style};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, StrokeDash, Transform};

/// A rectangle in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

impl Rect {
    pub fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    pub fn right(self) -> f32 {
        self.x + self.w
    }

    pub fn bottom(self) -> f32 {
        self.y + self.h
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    pub colour: Colour,
    pub width: f32,
    pub dashed: bool,
}

impl Stroke {
    pub fn new(colour: Colour, width: f32) -> Self {
        Self { colour, width, dashed: false }
    }
}

/// The surface.
pub struct Canvas {
    map: Pixmap,
    density: f32,
}

impl Canvas {
    /// A transparent surface of `width` × `height` CSS pixels. Sizes are limited to 1..=8192 device pixels.
    pub fn new(width: f32, height: f32, density: f32) -> Self {
        let device = |v: f32| ((v * density).round() as u32).clamp(1, 8192);
        let map = Pixmap::new(device(width), device(height)).expect("sizes between 1 and 8192 are valid");
        Self { map, density }
    }

    pub fn density(&self) -> f32 {
        self.density
    }

    /// Width and height in device pixels.
    pub fn device_size(&self) -> (u32, u32) {
        (self.map.width(), self.map.height())
    }

    /// RGBA bytes with straight alpha, row by row.
    pub fn into_rgba(self) -> Vec<u8> {
        let length = 4 * self.map.width() as usize;
        let mut rgba = self.map.take();
        // Where the opaque row stands that was looked at last: most rows are like the one above.
        let mut opaque: Option<usize> = None;
        for start in (0..rgba.len()).step_by(length) {
            let (above, rest) = rgba.split_at_mut(start);
            let row = &mut rest[..length];
            if opaque.is_some_and(|at| above[at..at + length] == *row) {
                continue;
            }
            // There straight and premultiplied are the same.
            if Seen::of(row).is_opaque() {
                opaque = Some(start);
                continue;
            }
            for pixel in row.chunks_exact_mut(4) {
                let opacity = u32::from(pixel[3]);
                if matches!(opacity, 0 | 255) {
                    continue;
                }
                for value in &mut pixel[..3] {
                    *value = ((u32::from(*value) * 255 + opacity / 2) / opacity).min(255) as u8;
                }
            }
        }
        rgba
    }

    /// Fills a rectangle; its edges are rounded to device pixels, so that they are crisp.
    pub fn fill_rect(&mut self, r: Rect, colour: Colour) {
        let d = self.density;
        let (x0, y0) = ((r.x * d).round(), (r.y * d).round());
        let (x1, y1) = ((r.right() * d).round(), (r.bottom() * d).round());
        if let Some(rect) = tiny_skia::Rect::from_ltrb(x0, y0, x1, y1) {
            self.map.fill_rect(rect, &paint(colour, false), Transform::identity(), None);
        }
    }

    /// Fills a rectangle with rounded corners.
    pub fn fill_rounded(&mut self, r: Rect, radius: f32, colour: Colour) {
        self.fill(rounded(r, radius), colour);
    }

    pub fn stroke_rounded(&mut self, r: Rect, radius: f32, stroke: Stroke) {
        self.stroke(rounded(r, radius), stroke);
    }

    /// Fills the polygon through `points`.
    pub fn fill_polygon(&mut self, points: &[(f32, f32)], colour: Colour) {
        self.fill(polygon(points, true), colour);
    }

    /// Draws the line through `points`.
    pub fn polyline(&mut self, points: &[(f32, f32)], stroke: Stroke) {
        self.stroke(polygon(points, false), stroke);
    }

    /// Draws many separate segments at once.
    pub fn segments(&mut self, segments: &[[(f32, f32); 2]], stroke: Stroke) {
        let mut path = PathBuilder::with_capacity(2 * segments.len(), 2 * segments.len());
        for [a, b] in segments {
            path.move_to(a.0, a.1);
            path.line_to(b.0, b.1);
        }
        self.stroke(path.finish(), stroke);
    }

    /// A horizontal or vertical hairline whose device pixels are all of one strength.
    pub fn rule(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: Colour) {
        let d = self.density;
        let thick = (width * d).round().max(1.0) / d;
        let snap = |v: f32| (v * d).round() / d;
        let (x0, x1) = (snap(from.0.min(to.0)), snap(from.0.max(to.0)));
        let (y0, y1) = (snap(from.1.min(to.1)), snap(from.1.max(to.1)));
        self.fill_rect(Rect::new(x0, y0, (x1 - x0).max(thick), (y1 - y0).max(thick)), colour);
    }

    /// A filled circle, blended pixel by pixel.
    pub fn dot(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        let d = self.density;
        let (cx, cy, r) = (x * d, y * d, radius * d);
        if !(cx.is_finite() && cy.is_finite()) {
            return;
        }
        let (x0, x1) = ((cx - r - 1.0).floor() as i32, (cx + r + 1.0).ceil() as i32);
        let (y0, y1) = ((cy - r - 1.0).floor() as i32, (cy + r + 1.0).ceil() as i32);
        for py in y0..y1 {
            for px in x0..x1 {
                let distance = (px as f32 + 0.5 - cx).hypot(py as f32 + 0.5 - cy);
                let coverage = (r + 0.5 - distance).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    self.blend(px, py, colour, coverage);
                }
            }
        }
    }

    /// Writes `text`; `x` and `y` are where its anchor's baseline lies (see [`Style`]).
    pub fn text(&mut self, x: f32, y: f32, text: &str, style: Style) {
        let d = self.density;
        let offset = match style.anchor {
            text::Anchor::Start => 0.0,
            text::Anchor::Middle => text::width(text, style) / 2.0,
            text::Anchor::End => text::width(text, style),
        };
        let colour = style.colour;
        if style.upright {
            // Turned a quarter to the left: along the text is upwards, below the baseline is to the right.
            let (ox, oy) = ((x * d).round() as i32, ((y + offset) * d).round() as i32);
            text::coverage(text, style, d, |px, py, c| self.blend(ox + py, oy - 1 - px, colour, c));
        } else {
            let (ox, oy) = (((x - offset) * d).round() as i32, (y * d).round() as i32);
            text::coverage(text, style, d, |px, py, c| self.blend(ox + px, oy + py, colour, c));
        }
    }

    /// Lays another canvas of the same density over this one.
    pub fn paste(&mut self, other: &Canvas, x: f32, y: f32) {
        let (px, py) = ((x * self.density).round() as i32, (y * self.density).round() as i32);
        self.map.draw_pixmap(px, py, other.map.as_ref(), &PixmapPaint::default(), Transform::identity(), None);
    }

    /// Sets device pixels to opaque colours: `colour(column, row)` for a block of `w` × `h` device pixels whose top
    /// left is at the CSS position (`x`, `y`). What lies outside is left out.
    pub fn pixels(&mut self, x: f32, y: f32, w: u32, h: u32, mut colour: impl FnMut(u32, u32) -> Colour) {
        let (ox, oy) = ((x * self.density).round() as i64, (y * self.density).round() as i64);
        let (width, height) = (self.map.width() as i64, self.map.height() as i64);
        let columns = (-ox).clamp(0, w as i64)..(width - ox).clamp(0, w as i64);
        let rows = (-oy).clamp(0, h as i64)..(height - oy).clamp(0, h as i64);
        let data = self.map.data_mut();
        for row in rows {
            let start = (oy + row) * width + ox;
            for column in columns.clone() {
                let c = colour(column as u32, row as u32);
                let i = 4 * (start + column) as usize;
                data[i..i + 4].copy_from_slice(&[c.r, c.g, c.b, 255]);
            }
        }
    }

    /// Sets squares of `zoom` × `zoom` device pixels to opaque colours, row by row with `columns` in each; the top left
    /// of the first is at the CSS position (`x`, `y`). What lies outside is left out. Much faster than
    /// [`Canvas::pixels`].
    pub fn squares(&mut self, x: f32, y: f32, zoom: usize, columns: usize, colours: &[Colour]) {
        let (ox, oy) = ((x * self.density).round() as i64, (y * self.density).round() as i64);
        let (width, height) = (self.map.width() as i64, self.map.height() as i64);
        let across = (columns * zoom) as i64;
        let (from, to) = ((-ox).clamp(0, across), (width - ox).clamp(0, across));
        if columns == 0 || from >= to {
            return;
        }
        let data = self.map.data_mut();
        let mut line = Vec::with_capacity(4 * columns * zoom);
        for (row, colours) in colours.chunks_exact(columns).enumerate() {
            line.clear();
            for c in colours {
                for _ in 0..zoom {
                    line.extend_from_slice(&[c.r, c.g, c.b, 255]);
                }
            }
            let seen = &line[4 * from as usize..4 * to as usize];
            let first = oy + (row * zoom) as i64;
            for y in first.max(0)..(first + zoom as i64).min(height) {
                let start = 4 * (y * width + ox + from) as usize;
                data[start..start + seen.len()].copy_from_slice(seen);
            }
        }
    }

    fn blend(&mut self, x: i32, y: i32, colour: Colour, coverage: f32) {
        let (width, height) = (self.map.width() as i32, self.map.height() as i32);
        if x < 0 || y < 0 || x >= width || y >= height {
            return;
        }
        let alpha = (coverage * colour.a as f32 + 0.5) as u32;
        let i = 4 * (y as usize * width as usize + x as usize);
        let pixel = &mut self.map.data_mut()[i..i + 4];
        for (p, c) in pixel.iter_mut().zip([colour.r, colour.g, colour.b, 255]) {
            *p = ((c as u32 * alpha + *p as u32 * (255 - alpha) + 127) / 255) as u8;
        }
    }

    fn fill(&mut self, path: Option<Path>, colour: Colour) {
        if let Some(path) = path {
            self.map.fill_path(&path, &paint(colour, true), FillRule::Winding, self.scale(), None);
        }
    }

    fn stroke(&mut self, path: Option<Path>, stroke: Stroke) {
        let Some(path) = path else { return };
        let dash = if stroke.dashed { StrokeDash::new(vec![5.0, 3.5], 0.0) } else { None };
        let style = tiny_skia::Stroke {
            width: stroke.width,
            line_join: LineJoin::Round,
            line_cap: if stroke.dashed { LineCap::Butt } else { LineCap::Round },
            dash,
            ..Default::default()
        };
        self.map.stroke_path(&path, &paint(stroke.colour, true), &style, self.scale(), None);
    }

    fn scale(&self) -> Transform {
        Transform::from_scale(self.density, self.density)
    }
}

/// What all pixels of some RGBA bytes have in common.
pub(super) struct Seen {
    /// Bits that are set in all of them, red in the lowest byte.
    in_all: u32,
    /// Bits in which red and green, or green and blue, differ anywhere.
    coloured: u32,
}

impl Seen {
    /// Looks at every pixel, eight at a time: the compiler puts them into one register.
    pub fn of(rgba: &[u8]) -> Self {
        let (mut in_all, mut coloured) = ([u32::MAX; 8], [0u32; 8]);
        let blocks = rgba.chunks_exact(32);
        let rest = blocks.remainder().chunks_exact(4);
        let mut look = |lane: usize, p: &[u8]| {
            let pixel = u32::from_le_bytes([p[0], p[1], p[2], p[3]]);
            in_all[lane] &= pixel;
            coloured[lane] |= (pixel ^ (pixel >> 8)) & 0xffff;
        };
        for block in blocks {
            for lane in 0..8 {
                look(lane, &block[4 * lane..4 * lane + 4]);
            }
        }
        rest.for_each(|pixel| look(0, pixel));
        Self {
            in_all: in_all.iter().fold(u32::MAX, |all, lane| all & lane),
            coloured: coloured.iter().fold(0, |any, lane| any | lane),
        }
    }

    /// What these and those have in common.
    pub fn and(self, other: Self) -> Self {
        Self { in_all: self.in_all & other.in_all, coloured: self.coloured | other.coloured }
    }

    pub fn is_opaque(&self) -> bool {
        self.in_all >> 24 == 255
    }

    pub fn is_grey(&self) -> bool {
        self.coloured == 0
    }
}

fn paint(colour: Colour, anti_alias: bool) -> Paint<'static> {
    let mut paint = Paint { anti_alias, ..Default::default() };
    paint.set_color_rgba8(colour.r, colour.g, colour.b, colour.a);
    paint
}

fn polygon(points: &[(f32, f32)], close: bool) -> Option<Path> {
    let mut path = PathBuilder::with_capacity(points.len() + 1, points.len());
    let (first, rest) = points.split_first()?;
    path.move_to(first.0, first.1);
    for p in rest {
        path.line_to(p.0, p.1);
    }
    if close {
        path.close();
    }
    path.finish()
}

fn rounded(r: Rect, radius: f32) -> Option<Path> {
    // The control points that bring a cubic closest to a quarter circle.
    let k = radius * (1.0 - 0.552_284_8);
    let (l, t, right, b) = (r.x, r.y, r.right(), r.bottom());
    let mut path = PathBuilder::new();
    path.move_to(l + radius, t);
    path.line_to(right - radius, t);
    path.cubic_to(right - k, t, right, t + k, right, t + radius);
    path.line_to(right, b - radius);
    path.cubic_to(right, b - k, right - k, b, right - radius, b);
    path.line_to(l + radius, b);
    path.cubic_to(l + k, b, l, b - k, l, b - radius);
    path.line_to(l, t + radius);
    path.cubic_to(l, t + k, l + k, t, l + radius, t);
    path.close();
    path.finish()
}
