//! Axes of numbers: which values get a tick, what is written at it, and where a value lies between the ends.

use std::ops::RangeInclusive;

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Base ten; only values above 0 can be drawn.
    Log,
}

impl Scale {
    /// Whether the scale has a place for `v`.
    pub fn holds(self, v: f64) -> bool {
        v.is_finite() && (self == Scale::Linear || v > 0.0)
    }

    fn warp(self, v: f64) -> f64 {
        match self {
            Scale::Linear => v,
            Scale::Log => v.log10(),
        }
    }

    /// Where `v` lies between `low` (0) and `high` (1).
    pub fn fraction(self, v: f64, (low, high): (f64, f64)) -> f64 {
        let (low, high) = (self.warp(low), self.warp(high));
        (self.warp(v) - low) / (high - low)
    }

    /// The range widened by `share` of its extent on both sides; a range of no extent gets one.
    pub fn padded(self, (low, high): (f64, f64), share: f64) -> (f64, f64) {
        match self {
            Scale::Linear => {
                let extent = high - low;
                // A constant: half its size to either side, and never less than floating point can tell apart.
                if extent <= 1e-12 * low.abs().max(high.abs()) || extent == 0.0 {
                    let half = if low == 0.0 { 0.5 } else { low.abs() / 2.0 };
                    return (low - half, high + half);
                }
                (low - share * extent, high + share * extent)
            }
            Scale::Log => {
                let (l, h) = (low.log10(), high.log10());
                let pad = if h - l < 1e-9 { 0.5 } else { share * (h - l) };
                (10f64.powf(l - pad).max(f64::MIN_POSITIVE), 10f64.powf(h + pad).min(f64::MAX))
            }
        }
    }

    /// About `wanted` ticks between the ends, at values that people like to read.
    pub fn ticks(self, range: (f64, f64), wanted: usize) -> Vec<Tick> {
        match self {
            Scale::Linear => linear(range, wanted.max(1)),
            Scale::Log => log(range, wanted.max(1)),
        }
    }
}

/// A value with its label; an empty label is a minor tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
}

/// The step of 1, 2 or 5 times a power of ten that gives at most `wanted` intervals or so.
fn step(extent: f64, wanted: usize) -> f64 {
    let raw = extent / wanted as f64;
    let power = 10f64.powf(raw.log10().floor());
    let lead = raw / power;
    // The limits are the geometric means of neighbours: the nearest of them in ratio.
    let nice = if lead < 2f64.sqrt() {
        1.0
    } else if lead < 10f64.sqrt() {
        2.0
    } else if lead < 50f64.sqrt() {
        5.0
    } else {
        10.0
    };
    nice * power
}

fn linear((low, high): (f64, f64), wanted: usize) -> Vec<Tick> {
    let extent = high - low;
    if !(extent > 0.0 && extent.is_finite()) {
        return Vec::new();
    }
    let step = step(extent, wanted);
    let slack = 1e-9 * extent / step;
    let (first, last) = ((low / step - slack).ceil(), (high / step + slack).floor());
    if (last - first).is_nan() || last - first > 100.0 {
        return Vec::new();
    }
    // Adding 0.0 turns −0 into 0.
    let values: Vec<f64> = (0..=(last - first) as i64).map(|i| (first + i as f64) * step + 0.0).collect();
    let labels = labels(&values, step);
    values.into_iter().zip(labels).map(|(at, label)| Tick { at, label }).collect()
}

/// Labels with as many decimals as the step needs; powers of ten for the very large and the very small.
fn labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0f64, |m, v| m.max(v.abs()));
    let exponent = largest.log10().floor();
    if largest > 0.0 && (exponent >= 6.0 || exponent <= -4.0) {
        let unit = 10f64.powf(exponent);
        let decimals = decimals(step / unit);
        return values
            .iter()
            .map(|&v| {
                if v == 0.0 {
                    "0".into()
                } else {
                    format!("{}·{}", fixed(v / unit, decimals), power_of_ten(exponent as i32))
                }
            })
            .collect();
    }
    let decimals = decimals(step);
    values.iter().map(|&v| fixed(v, decimals)).collect()
}

/// How many decimals a step of 1, 2 or 5 times a power of ten needs.
fn decimals(step: f64) -> usize {
    (-(step * 1.000_001).log10().floor()).clamp(0.0, 12.0) as usize
}

fn log((low, high): (f64, f64), wanted: usize) -> Vec<Tick> {
    let (l, h) = (low.log10(), high.log10());
    if !(low > 0.0 && h > l && h.is_finite()) {
        return Vec::new();
    }
    let (first, last) = ((l - 1e-9).ceil() as i32, (h + 1e-9).floor() as i32);
    if last <= first || last == first + 1 && h - l < 2.0 {
        // Not three powers of ten to label, and less than two decades: 1, 2 and 5 times them, and where these are few,
        // plain numbers. Two labels alone leave a reader to guess where 20 lies.
        let ticks = one_two_five((low, high), first - 1..=last);
        let labelled = ticks.iter().filter(|tick| !tick.label.is_empty()).count();
        return if labelled < 3 { linear((low, high), wanted) } else { ticks };
    }
    let every = ((last - first) as usize / wanted + 1) as i32;
    let mut ticks = Vec::new();
    for exponent in first - 1..=last {
        for lead in 1..10 {
            let at = lead as f64 * 10f64.powi(exponent);
            if at < low * (1.0 - 1e-9) || at > high * (1.0 + 1e-9) {
                continue;
            }
            let labelled = lead == 1 && (exponent - first) % every == 0;
            if labelled || every == 1 {
                ticks.push(Tick { at, label: if labelled { power(exponent) } else { String::new() } });
            }
        }
    }
    ticks
}

/// A tick at every digit times a power of ten between the ends, and labels at 1, 2 and 5.
fn one_two_five((low, high): (f64, f64), exponents: RangeInclusive<i32>) -> Vec<Tick> {
    let at = exponents.flat_map(|exponent| (1..10).map(move |lead| (lead, lead as f64 * 10f64.powi(exponent))));
    let inside = at.filter(|(_, at)| *at >= low * (1.0 - 1e-9) && *at <= high * (1.0 + 1e-9));
    let label = |lead, at| if matches!(lead, 1 | 2 | 5) { short(at) } else { String::new() };
    inside.map(|(lead, at)| Tick { at, label: label(lead, at) }).collect()
}

/// A power of ten on a logarithmic axis: plain where it is short.
fn power(exponent: i32) -> String {
    match exponent {
        -2..=3 => fixed(10f64.powi(exponent), (-exponent).max(0) as usize),
        _ => power_of_ten(exponent),
    }
}

fn power_of_ten(exponent: i32) -> String {
    let digits: String = exponent
        .to_string()
        .chars()
        .map(|c| {
            if c == '-' {
                '⁻'
            } else {
                ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][c.to_digit(10).unwrap_or(0) as usize]
            }
        })
        .collect();
    format!("10{digits}")
}

/// A number with that many decimals, thousands grouped from five digits on, and a true minus sign.
pub fn fixed(v: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", v.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(w, f)| (w, f));
    let mut out = String::new();
    if v < 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0') {
        out.push('−');
    }
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && whole.len() > 4 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A number in as few characters as show three significant digits.
pub fn short(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return if v.is_nan() { "NaN".into() } else { fixed(v, 0) };
    }
    let exponent = v.abs().log10().floor() as i32;
    if !(-4..6).contains(&exponent) {
        let lead = v / 10f64.powi(exponent);
        return format!("{}·{}", trimmed(&fixed(lead, 2)), power_of_ten(exponent));
    }
    trimmed(&fixed(v, (2 - exponent).max(0) as usize)).to_string()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(scale: Scale, range: (f64, f64), wanted: usize) -> Vec<String> {
        scale.ticks(range, wanted).into_iter().map(|t| t.label).filter(|l| !l.is_empty()).collect()
    }

    /// What matplotlib's AutoLocator and ScalarFormatter put on the same ranges (with "−" as it writes it).
    #[test]
    fn known_linear_ranges() {
        assert_eq!(labels_of(Scale::Linear, (0.0, 1.0), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels_of(Scale::Linear, (-1.0, 1.0), 4), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(
            labels_of(Scale::Linear, (0.0, 2000.0), 8),
            ["0", "200", "400", "600", "800", "1000", "1200", "1400", "1600", "1800", "2000"]
        );
        assert_eq!(labels_of(Scale::Linear, (-3.3, 7.2), 5), ["−2", "0", "2", "4", "6"]);
        assert_eq!(labels_of(Scale::Linear, (0.0012, 0.0018), 3), ["0.0012", "0.0014", "0.0016", "0.0018"]);
    }

    #[test]
    fn large_and_small_numbers_have_powers_of_ten() {
        assert_eq!(labels_of(Scale::Linear, (0.0, 2e6), 4), ["0", "0.5·10⁶", "1.0·10⁶", "1.5·10⁶", "2.0·10⁶"]);
        assert_eq!(labels_of(Scale::Linear, (0.0, 30_000.0), 3), ["0", "10,000", "20,000", "30,000"]);
        assert_eq!(labels_of(Scale::Linear, (0.0, 4e-5), 4), ["0", "1·10⁻⁵", "2·10⁻⁵", "3·10⁻⁵", "4·10⁻⁵"]);
    }

    #[test]
    fn log_ticks_stand_at_powers_of_ten() {
        assert_eq!(labels_of(Scale::Log, (1e-4, 1.0), 5), ["10⁻⁴", "10⁻³", "0.01", "0.1", "1"]);
        let minor = Scale::Log.ticks((1.0, 100.0), 5);
        assert_eq!(minor.len(), 19, "1, 2, …, 9, 10, 20, …, 100");
        assert_eq!(labels_of(Scale::Log, (2.0, 6.0), 4), ["2", "3", "4", "5", "6"]);
        assert_eq!(labels_of(Scale::Log, (20.0, 900.0), 4), ["20", "50", "100", "200", "500"]);
        assert_eq!(labels_of(Scale::Log, (0.03, 0.6), 4), ["0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(labels_of(Scale::Log, (18.0, 1000.0), 4), ["20", "50", "100", "200", "500", "1000"]);
        assert_eq!(labels_of(Scale::Log, (0.9, 35.0), 4), ["1", "2", "5", "10", "20"]);
    }

    #[test]
    fn every_range_gets_sane_ticks() {
        for exponent in -12..13 {
            for lead in [1.0, 1.7, 2.3, 4.9, 9.9] {
                let extent = lead * 10f64.powi(exponent);
                let ticks = Scale::Linear.ticks((-0.3 * extent, 0.7 * extent), 6);
                assert!((3..=10).contains(&ticks.len()), "{extent}: {ticks:?}");
                assert!(ticks.iter().all(|t| t.at >= -0.3001 * extent && t.at <= 0.7001 * extent));
                assert!(ticks.windows(2).all(|w| w[0].label != w[1].label), "{ticks:?}");
            }
        }
        assert!(Scale::Linear.ticks((1.0, 1.0), 5).is_empty());
        assert!(Scale::Linear.ticks((f64::NAN, 1.0), 5).is_empty());
        assert!(Scale::Log.ticks((0.0, 1.0), 5).is_empty());
    }

    #[test]
    fn a_constant_gets_a_range() {
        assert_eq!(Scale::Linear.padded((0.0, 0.0), 0.1), (-0.5, 0.5));
        assert_eq!(Scale::Linear.padded((4.0, 4.0), 0.1), (2.0, 6.0));
        let (low, high) = Scale::Log.padded((1.0, 1.0), 0.1);
        assert!(low < 1.0 && high > 1.0);
    }

    #[test]
    fn short_numbers() {
        assert_eq!(short(std::f64::consts::LN_2), "0.693");
        assert_eq!(short(-1.5), "−1.5");
        assert_eq!(short(1234.5), "1234");
        assert_eq!(short(2.5e-7), "2.5·10⁻⁷");
        assert_eq!(short(0.0), "0");
    }
}
