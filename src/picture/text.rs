//! Text in pictures: DejaVu Sans, which has Greek, mathematical signs and superscripts, measured and rasterised.

use super::colour::{Colour, INK};
use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use std::sync::OnceLock;

/// Which point of the text lies at the given position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How text is written. `size` is in CSS pixels, as in CSS `font-size`.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub size: f32,
    pub bold: bool,
    pub colour: Colour,
    pub anchor: Anchor,
    /// Read from bottom to top, as the label of a vertical axis.
    pub upright: bool,
}

impl Style {
    pub fn new(size: f32) -> Self {
        Self { size, bold: false, colour: INK, anchor: Anchor::Start, upright: false }
    }

    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub fn colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    pub fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }

    pub fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }

    pub fn upright(self) -> Self {
        Self { upright: true, ..self }
    }
}

fn font(bold: bool) -> &'static FontRef<'static> {
    static REGULAR: OnceLock<FontRef<'static>> = OnceLock::new();
    static BOLD: OnceLock<FontRef<'static>> = OnceLock::new();
    let (slot, bytes): (_, fn() -> &'static [u8]) =
        if bold { (&BOLD, dejavu::sans::bold) } else { (&REGULAR, dejavu::sans::regular) };
    slot.get_or_init(|| FontRef::try_from_slice(bytes()).expect("the embedded font is valid"))
}

/// ab_glyph's scale is the height from ascent to descent; a CSS size is that of the em square.
fn scale(font: &FontRef<'_>, size: f32) -> PxScale {
    PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(2048.0))
}

/// The glyphs in a row from x = 0 on the baseline y = 0, and where the next would stand.
fn layout(text: &str, bold: bool, size: f32) -> (Vec<Glyph>, f32) {
    let font = font(bold);
    let scaled = font.as_scaled(scale(font, size));
    let mut x = 0.0;
    let mut last = None;
    let mut glyphs = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        let mut glyph = scaled.scaled_glyph(c);
        if let Some(last) = last {
            x += scaled.kern(last, glyph.id);
        }
        glyph.position = point(x, 0.0);
        x += scaled.h_advance(glyph.id);
        last = Some(glyph.id);
        glyphs.push(glyph);
    }
    (glyphs, x)
}

/// The width of `text` in CSS pixels.
pub fn width(text: &str, style: Style) -> f32 {
    layout(text, style.bold, style.size).1
}

/// Calls `put(x, y, coverage)` for every device pixel that the text touches; x runs along the text from its start, y
/// down from its baseline.
pub fn coverage(text: &str, style: Style, density: f32, mut put: impl FnMut(i32, i32, f32)) {
    let font = font(style.bold);
    for glyph in layout(text, style.bold, style.size * density).0 {
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            let (ox, oy) = (corner.x as i32, corner.y as i32);
            outline.draw(|x, y, c| put(ox + x as i32, oy + y as i32, c.min(1.0)));
        }
    }
}

/// `text`, cut short with an ellipsis where it is wider than `room` CSS pixels.
pub fn fitted(text: &str, style: Style, room: f32) -> String {
    if width(text, style) <= room {
        return text.to_string();
    }
    let mut short: Vec<char> = text.chars().collect();
    while short.pop().is_some() {
        let candidate: String = short.iter().collect::<String>().trim_end().to_string() + "…";
        if width(&candidate, style) <= room {
            return candidate;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greek_and_mathematics_are_in_the_font() {
        for c in "θφσμλαβγεℝ∇∑√≤≥≈±·×−½²³⁻⁰¹⁴⁵⁶⁷⁸⁹→←∞‖…‐πΔ".chars()
        {
            assert_ne!(font(false).glyph_id(c).0, 0, "{c} is missing");
        }
    }

    #[test]
    fn widths_follow_the_font() {
        // DejaVu Sans digits are all 1303 units wide in an em of 2048.
        let want = 4.0 * 1303.0 / 2048.0 * 12.0;
        assert!((width("1803", Style::new(12.0)) - want).abs() < 0.05);
        assert_eq!(width("", Style::new(12.0)), 0.0);
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        let style = Style::new(12.0);
        let short = fitted("a rather long label of a series", style, 60.0);
        assert!(short.ends_with('…') && width(&short, style) <= 60.0, "{short}");
        assert_eq!(fitted("V", style, 60.0), "V");
    }
}
