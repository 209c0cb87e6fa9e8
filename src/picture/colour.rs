//! Colours: the ink of every picture, the palette of series, and the maps from numbers to colours.
//!
//! Series use the palette of Okabe and Ito (<https://jfly.uni-koeln.de/color/>), which readers with any common form of
//! colour blindness can tell apart. Maps are interpolated in OKLab (<https://bottosson.github.io/posts/oklab/>), in
//! which equal steps look equal.

/// An sRGB colour with straight (not premultiplied) alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// Opacity.
    pub a: u8,
}

impl Colour {
    /// An opaque colour from `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        Self { r: (rgb >> 16) as u8, g: (rgb >> 8) as u8, b: rgb as u8, a: 255 }
    }

    /// The same colour with another opacity, in [0, 1].
    pub fn alpha(self, opacity: f32) -> Self {
        Self { a: (opacity.clamp(0.0, 1.0) * 255.0).round() as u8, ..self }
    }

    /// An opaque grey: 0 is black, 255 white.
    pub const fn grey(v: u8) -> Self {
        Self { r: v, g: v, b: v, a: 255 }
    }
}

pub const BLUE: Colour = Colour::hex(0x0072B2);
pub const VERMILLION: Colour = Colour::hex(0xD55E00);
pub const GREEN: Colour = Colour::hex(0x009E73);
pub const PURPLE: Colour = Colour::hex(0xCC79A7);
pub const ORANGE: Colour = Colour::hex(0xE69F00);
pub const SKY: Colour = Colour::hex(0x56B4E9);
pub const YELLOW: Colour = Colour::hex(0xF0E442);
pub const BLACK: Colour = Colour::hex(0x000000);
pub const WHITE: Colour = Colour::hex(0xFFFFFF);

/// What lies under a picture where it draws nothing: the page, in its light or its dark theme.
pub const NOTHING: Colour = Colour { a: 0, ..BLACK };
/// Titles and labels. Pictures have no ground of their own, and a PNG does not know the page's theme: so it is the grey
/// that stands off equally from white and from JupyterLab's dark #111111, with a contrast above 4 to either.
pub const INK: Colour = Colour::hex(0x75797E);
/// Tick labels, axis lines and notes.
pub const MUTED: Colour = Colour::hex(0x808489);
/// Grid lines behind the data.
pub const RULE: Colour = Colour { a: 46, ..Colour::grey(128) };

/// The colour of the `i`-th series. Yellow and black are left out: each is lost in one of the themes.
pub fn series(i: usize) -> Colour {
    const PALETTE: [Colour; 7] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK];
    PALETTE[i % PALETTE.len()]
}

/// The colour that a name or a `#rrggbb` stands for, in the palette's terms.
pub fn named(name: &str) -> Option<Colour> {
    let colour = match name {
        "blue" => BLUE,
        "vermillion" | "red" => VERMILLION,
        "green" => GREEN,
        "purple" | "pink" => PURPLE,
        "orange" => ORANGE,
        "sky" | "cyan" => SKY,
        "yellow" => YELLOW,
        // Black would be lost in the dark theme.
        "black" => INK,
        "grey" | "gray" => Colour::hex(0x9CA0A5),
        "white" => WHITE,
        _ => {
            let digits = name.strip_prefix('#').filter(|d| d.len() == 6)?;
            return u32::from_str_radix(digits, 16).ok().map(Colour::hex);
        }
    };
    Some(colour)
}

/// A map from [0, 1] to colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Map {
    /// Dark violet over teal to yellow, the lightness rising evenly: for quantities with a low and a high end.
    #[default]
    Viridis,
    /// Blue over white to vermillion: for quantities with a middle, such as D(x) around 1/2.
    Diverging,
    /// Black to white.
    Grey,
}

impl Map {
    /// The map of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "viridis" => Some(Self::Viridis),
            "diverging" => Some(Self::Diverging),
            "grey" | "gray" => Some(Self::Grey),
            _ => None,
        }
    }

    /// The colour at `t`; outside [0, 1] that of the nearest end. Not for NaN.
    pub fn at(self, t: f32) -> Colour {
        let anchors: &[u32] = match self {
            Self::Viridis => &[0x440154, 0x3B528B, 0x21918C, 0x5EC962, 0xFDE725],
            Self::Diverging => &[0x005A96, 0x4B9CCB, 0xF4F3F0, 0xE8935A, 0xA84300],
            Self::Grey => &[0x000000, 0xFFFFFF],
        };
        let t = t.clamp(0.0, 1.0);
        if self == Self::Grey {
            return Colour::grey((t * 255.0).round() as u8);
        }
        let position = t * (anchors.len() - 1) as f32;
        let i = (position as usize).min(anchors.len() - 2);
        let (low, high) = (oklab(Colour::hex(anchors[i])), oklab(Colour::hex(anchors[i + 1])));
        let f = position - i as f32;
        srgb(std::array::from_fn(|k| low[k] + f * (high[k] - low[k])))
    }

    /// 256 colours from end to end, for maps over many values.
    pub fn table(self) -> Vec<Colour> {
        (0..256).map(|i| self.at(i as f32 / 255.0)).collect()
    }
}

/// sRGB → OKLab.
fn oklab(c: Colour) -> [f32; 3] {
    let linear = |v: u8| {
        let v = v as f32 / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    let (r, g, b) = (linear(c.r), linear(c.g), linear(c.b));
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

/// OKLab → sRGB, clipped to what a screen can show.
fn srgb([lightness, a, b]: [f32; 3]) -> Colour {
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let byte = |v: f32| {
        let v = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (v * 255.0).round().clamp(0.0, 255.0) as u8
    };
    Colour {
        r: byte(4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s),
        g: byte(-1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s),
        b: byte(-0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s),
        a: 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE L*, computed from luminance: a second opinion on lightness, independent of OKLab.
    fn cie_lightness(c: Colour) -> f32 {
        let linear = |v: u8| {
            let v = v as f32 / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let y = 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
        if y <= 0.008856 { 903.3 * y } else { 116.0 * y.cbrt() - 16.0 }
    }

    #[test]
    fn oklab_of_known_colours() {
        // Values of the author's table: white is (1, 0, 0), sRGB red is (0.628, 0.225, 0.126).
        for (colour, want) in [(WHITE, [1.0, 0.0, 0.0]), (Colour::hex(0xFF0000), [0.628, 0.225, 0.126])] {
            for (got, want) in oklab(colour).into_iter().zip(want) {
                assert!((got - want).abs() < 1e-3, "{colour:?}: {got} {want}");
            }
            assert_eq!(srgb(oklab(colour)), colour);
        }
    }

    #[test]
    fn viridis_rises_evenly_in_lightness() {
        let lightness: Vec<f32> = (0..=16).map(|i| cie_lightness(Map::Viridis.at(i as f32 / 16.0))).collect();
        let step = (lightness[16] - lightness[0]) / 16.0;
        for pair in lightness.windows(2) {
            let rise = pair[1] - pair[0];
            assert!(rise > 0.5 * step && rise < 1.5 * step, "{lightness:?}");
        }
        assert_eq!(Map::Viridis.at(0.0), Colour::hex(0x440154));
        assert_eq!(Map::Viridis.at(1.0), Colour::hex(0xFDE725));
    }

    #[test]
    fn diverging_is_lightest_and_neutral_in_the_middle() {
        let [_, a, b] = oklab(Map::Diverging.at(0.5));
        assert!(a.hypot(b) < 0.01);
        for t in [0.0, 0.25, 0.75, 1.0] {
            assert!(cie_lightness(Map::Diverging.at(t)) < cie_lightness(Map::Diverging.at(0.5)) - 15.0);
        }
        // Both arms are about equally dark at the same distance from the middle.
        for d in [0.25, 0.5] {
            let (low, high) = (cie_lightness(Map::Diverging.at(0.5 - d)), cie_lightness(Map::Diverging.at(0.5 + d)));
            assert!((low - high).abs() < 8.0, "{d}: {low} {high}");
        }
    }

    /// WCAG 2: (L + .05) of the lighter over that of the darker.
    fn contrast(a: Colour, b: Colour) -> f32 {
        let luminance = |c: Colour| ((cie_lightness(c) + 16.0) / 116.0).powi(3);
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    /// On JupyterLab's pages, white and #111111. WCAG asks 3 of graphics; the palette's orange and sky have 2.2 on
    /// white.
    #[test]
    fn everything_is_seen_in_both_themes() {
        for page in [WHITE, Colour::hex(0x111111)] {
            assert!(contrast(INK, page) > 4.0, "{}", contrast(INK, page));
            assert!(contrast(MUTED, page) > 3.5, "{}", contrast(MUTED, page));
            for i in 0..7 {
                assert!(contrast(series(i), page) > 2.1, "{i}: {}", contrast(series(i), page));
            }
        }
    }

    #[test]
    fn names() {
        assert_eq!(named("#0072b2"), Some(BLUE));
        assert_eq!(named("red"), Some(VERMILLION));
        assert_eq!(named("#12"), None);
        assert_eq!(named("nonsense"), None);
    }
}
