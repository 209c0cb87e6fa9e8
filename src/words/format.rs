//! Numbers as people read them: `format`, and the one way in which figures are written in checks and tables.

use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, fails, number, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&FORMAT];

/// Double precision has no more.
const MOST_DIGITS: usize = 17;

const X: Param<Dynamic> =
    param("x", types::any(Ty::OneOf(&[Ty::TensorLike, Ty::Array])), "a number, or a tensor or an array of them");
const DIGITS: Param<usize> =
    param("digits", types::SIZE, "significant digits, 1 to 17; zeros at the end are left out").or(4);
const DECIMALS: Maybe<usize> =
    param("decimals", types::SIZE, "digits after the point, zeros too, in place of significant ones").maybe("none");
const PERCENT: Param<bool> = param("percent", types::BOOL, "100 x and a percent sign").or(false);
const SIGN: Param<bool> = param("sign", types::BOOL, "a plus before numbers above 0").or(false);
static FORMAT: Entry = Entry {
    name: "format",
    group: "number",
    summary: "a number as text, rounded to so many significant digits, or to decimals",
    params: &[X.param(), DIGITS.param()],
    options: &[DECIMALS.opt(), PERCENT.opt(), SIGN.opt()],
    returns: Ty::Text,
    errors: &["digits outside 1 to 17", "something that is not numbers"],
    examples: &[
        value("three digits", "format(2.0 / 3, 3)", "\"0.667\""),
        value(
            "within a text",
            "`V = ${format(-log(4))}, ${format(0.0321, 2, #{ percent: true })} wrong`",
            "\"V = -1.386, 3.2 % wrong\"",
        ),
        value("two decimals", "format(1.5, #{ decimals: 2, sign: true })", "\"+1.50\""),
        value("small ones", "format(0.000012345, 3)", "\"1.23e-5\""),
        value("several", "format([0.123456, 2, 1e9], 2)", "\"[0.12, 2, 1.0e9]\""),
        fails("too many", "format(1.5, 30)", "digits must be 1 to 17, got 30"),
    ],
    call: |call| {
        let look = NumberFormat::read(call)?;
        look.of(call, X.value(call)).map(Dynamic::from)
    },
    ..ENTRY
};

/// How numbers are written.
struct NumberFormat {
    digits: usize,
    decimals: Option<usize>,
    percent: bool,
    sign: bool,
}

impl NumberFormat {
    fn read(call: &Call) -> Result<Self> {
        let digits = DIGITS.of(call)?;
        let decimals = DECIMALS.of(call)?;
        let most = |what: &str, n: usize, least: usize| match (least..=MOST_DIGITS).contains(&n) {
            true => Ok(()),
            false => Err(Fault::value(format!("format: {what} must be {least} to {MOST_DIGITS}, got {n}"))),
        };
        most("digits", digits, 1)?;
        most("decimals", decimals.unwrap_or(0), 0)?;
        Ok(Self { digits, decimals, percent: PERCENT.of(call)?, sign: SIGN.of(call)? })
    }

    fn of(&self, call: &Call, x: &Dynamic) -> Result<String> {
        if let Ok(n) = x.as_int().map_err(|_| ()).and_then(|n| if self.whole() { Ok(n) } else { Err(()) }) {
            return Ok(format!("{}{n}", if self.sign && n > 0 { "+" } else { "" }));
        }
        if let Some(v) = number(x) {
            return Ok(self.one(v));
        }
        if let Some(t) = x.read_lock::<Tensor>() {
            let all = call.apply_word("to_array", vec![Dynamic::from(t.clone())])?;
            return self.of(call, &all);
        }
        let items = x.read_lock::<Array>().ok_or_else(|| X.wrong(call))?;
        let texts = items.iter().map(|v| self.of(call, v)).collect::<Result<Vec<_>>>()?;
        Ok(format!("[{}]", texts.join(", ")))
    }

    /// Whether ints are written as they are.
    fn whole(&self) -> bool {
        self.decimals.is_none() && !self.percent
    }

    fn one(&self, v: f64) -> String {
        let v = if self.percent { 100.0 * v } else { v };
        let text = match self.decimals {
            Some(n) if v.is_finite() => format!("{v:.n$}"),
            _ => significant(v, self.digits),
        };
        let sign = if self.sign && v > 0.0 { "+" } else { "" };
        let percent = if self.percent { " %" } else { "" };
        format!("{sign}{text}{percent}")
    }
}

/// A number with so many significant digits, without zeros at the end; in powers of ten below 1e-4 and from 1e6 on.
pub fn significant(v: f64, digits: usize) -> String {
    let size = v.abs().log10().floor();
    match v != 0.0 && v.is_finite() && (-4.0..6.0).contains(&size) {
        true => {
            let text = format!("{v:.*}", (digits as f64 - 1.0 - size).max(0.0) as usize);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
                false => text,
            }
        }
        false if v == 0.0 => "0".into(),
        false => format!("{v:.*e}", digits - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::significant;

    /// What C's `%.4g` writes, but for its exponents of two digits.
    #[test]
    fn significant_digits_are_those_of_printf() {
        for (v, text) in
            [(0.1, "0.1"), (1234.5678, "1235"), (-0.000123456, "-0.0001235"), (0.0, "0"), (99.999, "100"), (12.0, "12")]
        {
            assert_eq!(significant(v, 4), text);
        }
        assert_eq!(significant(1.25e-7, 2), "1.2e-7");
        assert_eq!(significant(f64::NAN, 3), "NaN");
    }
}
