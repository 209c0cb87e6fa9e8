//! When two texts say the same: character for character, except that numbers may differ by a little.

use serde_json::Value;

/// How far two numbers may be apart and still count as the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of the larger magnitude of the two.
    pub relative: f64,
    /// Whatever their magnitude; for values that are zero but for rounding.
    pub absolute: f64,
    /// Whole numbers may differ too, and the blanks and rules that align them in a table.
    pub loose: bool,
}

/// What a sum of some thousand `f32` products loses when its order changes, with room to spare. A figure that depends
/// on more than that (a trained network's loss) belongs in a `check` line, which is compared by what the check allows
/// (`checks`).
pub const DEFAULT: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-6, loose: false };

/// From this many printed digits on, one unit in the last of them is taken for rounding.
const DIGITS_THAT_ROUND: usize = 4;

impl Tolerance {
    /// Any number counts as any other; what is compared is what stands between them.
    pub const ANY_NUMBER: Self = Self { relative: f64::INFINITY, absolute: f64::INFINITY, loose: true };

    /// The tolerance of a fraction that the user names: who asks for less than the default asks for less of what is zero
    /// but for rounding, too, and of rounding.
    pub fn of(relative: f64) -> Self {
        Self { relative, absolute: DEFAULT.absolute * (relative / DEFAULT.relative).min(1.0), ..DEFAULT }
    }

    /// Whether two texts are the same but for their numbers, and those are the same within the tolerance. A whole
    /// number (no decimal point, no exponent) must be equal, unless the tolerance is loose.
    pub fn texts_agree(&self, a: &str, b: &str) -> bool {
        if self.loose { self.aligned_texts_agree(&unaligned(a), &unaligned(b)) } else { self.aligned_texts_agree(a, b) }
    }

    fn aligned_texts_agree(&self, a: &str, b: &str) -> bool {
        let (mut a, mut b) = (Pieces(a), Pieces(b));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || self.pieces_agree(a, b) => {}
                _ => return false,
            }
        }
    }

    /// The same for JSON values; the order of an object's keys does not matter.
    pub fn values_agree(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(x), Value::Number(y)) => {
                x == y || (x.is_f64() || y.is_f64()) && self.numbers_agree(x.as_f64(), y.as_f64())
            }
            (Value::String(x), Value::String(y)) => self.texts_agree(x, y),
            (Value::Array(x), Value::Array(y)) => {
                x.len() == y.len() && x.iter().zip(y).all(|(x, y)| self.values_agree(x, y))
            }
            (Value::Object(x), Value::Object(y)) => {
                x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| self.values_agree(x, y)))
            }
            _ => a == b,
        }
    }

    fn numbers_agree(&self, a: Option<f64>, b: Option<f64>) -> bool {
        let (Some(a), Some(b)) = (a, b) else {
            return false;
        };
        (a - b).abs() <= self.absolute.max(self.relative * a.abs().max(b.abs()))
    }

    fn pieces_agree(&self, a: Piece<'_>, b: Piece<'_>) -> bool {
        let (Piece::Number(a), Piece::Number(b)) = (a, b) else {
            return false;
        };
        if !self.loose && !is_real(a) && !is_real(b) {
            return false;
        }
        let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else {
            return false;
        };
        if self.numbers_agree(Some(x), Some(y)) {
            return true;
        }
        let digits = significant_digits(a).min(significant_digits(b));
        let step = last_place(a).max(last_place(b));
        // The printed steps are decimal, their difference is not: hence a hundredth more.
        self.relative > 0.0 && digits >= DIGITS_THAT_ROUND && (x - y).abs() <= step * 1.01
    }
}

/// A text without what aligns it: one blank for each run of blanks, one line of a rule for each run of such.
fn unaligned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !(matches!(c, ' ' | '─') && out.ends_with(c)) {
            out.push(c);
        }
    }
    out
}

/// A text cut into numbers and what stands between them.
struct Pieces<'a>(&'a str);

#[derive(Clone, Copy, PartialEq)]
enum Piece<'a> {
    Number(&'a str),
    Other(&'a str),
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let length = number_length(self.0);
        let (piece, rest) = if length > 0 {
            let (number, rest) = self.0.split_at(length);
            (Piece::Number(number), rest)
        } else {
            let starts = self.0.char_indices().map(|(at, _)| at).skip(1);
            let end = starts.into_iter().find(|&at| number_length(&self.0[at..]) > 0).unwrap_or(self.0.len());
            let (other, rest) = self.0.split_at(end);
            (Piece::Other(other), rest)
        };
        self.0 = rest;
        Some(piece)
    }
}

/// The length of the number with which `text` starts, 0 where there is none: `-?digits[.digits][e[±]digits]`.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut end = sign + whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if end + 1 + sign < bytes.len() && digits(end + 1 + sign) > 0 {
            end += 1 + sign + digits(end + 1 + sign);
        }
    }
    end
}

/// Whether a number is written with a decimal point or an exponent.
fn is_real(number: &str) -> bool {
    number.contains(['.', 'e', 'E'])
}

/// Digits printed, leading zeros not counted.
fn significant_digits(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or("");
    let digits = mantissa.trim_start_matches(['-', '0', '.']);
    digits.bytes().filter(u8::is_ascii_digit).count()
}

/// One unit in the last printed place.
fn last_place(number: &str) -> f64 {
    let mut parts = number.split(['e', 'E']);
    let decimals = parts.next().and_then(|m| m.split_once('.')).map_or(0, |(_, d)| d.len());
    let exponent: i32 = parts.next().and_then(|e| e.parse().ok()).unwrap_or(0);
    10f64.powi(exponent - decimals as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn agree(a: &str, b: &str) -> bool {
        assert_eq!(DEFAULT.texts_agree(a, b), DEFAULT.texts_agree(b, a), "not symmetric: {a} {b}");
        DEFAULT.texts_agree(a, b)
    }

    #[test]
    fn words_and_whole_numbers_must_be_equal() {
        assert!(agree("step 100: ok", "step 100: ok"));
        assert!(!agree("step 100: ok", "step 100: OK"));
        assert!(!agree("1000000 parameters", "1000001 parameters"));
        assert!(!agree("[64, 100]", "[64, 101]"));
        assert!(!agree("a 1.0", "a 1.0 b"));
    }

    #[test]
    fn numbers_may_differ_by_one_part_in_ten_thousand() {
        assert!(agree("V = -1.386294", "V = -1.386295"));
        assert!(agree("V = -1.3863e0", "V = -1.38631"));
        assert!(!agree("V = -1.386294", "V = 1.386294"));
        assert!(!agree("loss 0.6931472", "loss 0.6941472"));
        assert!(agree("residue 3.1e-9", "residue -2.0e-8"));
    }

    #[test]
    fn the_last_printed_digit_may_round_either_way() {
        assert!(agree("0.6931", "0.6932"));
        assert!(!agree("0.6931", "0.6933"));
        assert!(!agree("0.69", "0.70"), "two digits are too few to call it rounding");
    }

    #[test]
    fn a_small_tolerance_is_one_for_small_numbers_too() {
        assert!(agree("lr 1e-7", "lr 9e-7"), "a millionth is nothing");
        assert!(!Tolerance::of(1e-6).texts_agree("lr 1e-7", "lr 9e-7"));
        assert!(!Tolerance::of(0.0).texts_agree("V 0.69315", "V 0.69316"));
        assert!(!Tolerance::of(0.0).texts_agree("V 1e-12", "V 0e0"));
        assert_eq!(Tolerance::of(DEFAULT.relative), DEFAULT);
        assert!(Tolerance::of(0.1).absolute <= DEFAULT.absolute);
    }

    #[test]
    fn a_loose_tolerance_takes_whole_numbers_and_aligned_tables() {
        let loose = Tolerance { relative: 0.1, loose: true, ..DEFAULT };
        assert!(loose.texts_agree("seen [100, 95]", "seen [98, 99]"));
        assert!(!loose.texts_agree("seen [100, 95]", "seen [98, 79]"));
        assert!(loose.texts_agree("G    1.18\n─────", "G  1.175\n──────"));
        assert!(Tolerance::ANY_NUMBER.texts_agree("modes [8, 3], t = -1.5e-7", "modes [1, 8], t = 40"));
        assert!(!Tolerance::ANY_NUMBER.texts_agree("modes [8, 3]", "modes [8, 3, 1]"));
        assert!(!Tolerance::ANY_NUMBER.texts_agree("loss 0.5", "loss NaN"));
    }

    #[test]
    fn json_is_compared_value_by_value() {
        let a = json!({ "x": [1, 2.0], "name": "loss 0.50000001" });
        assert!(DEFAULT.values_agree(&a, &json!({ "name": "loss 0.5", "x": [1, 2.0000001] })));
        assert!(!DEFAULT.values_agree(&a, &json!({ "name": "loss 0.5", "x": [2, 2.0] })));
    }
}
