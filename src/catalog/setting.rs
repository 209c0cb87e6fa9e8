//! Options as typed values: one constant is the option in a word's record and what the word's adapter reads, so that the default
//! that is shown is the default that counts.
//!
//! ```
//! use saddle_catalog::{Call, Opt, Setting};
//!
//! const EPS: Setting<f64> = Setting::number("eps", 1e-5, "added to the variance");
//! const OPTIONS: &[Opt] = &[EPS.opt()];
//! assert_eq!(OPTIONS[0].default.to_string(), "1e-5");
//!
//! fn adapter(call: &Call) -> saddle_fault::Result<f64> {
//!     EPS.of(call)
//! }
//! ```

use super::{Call, Opt, Ty, number};
use saddle_fault::{Fault, Result};
use std::fmt;

/// What an option is when it is not given. Its [`Display`](fmt::Display) is the text in help and reference, as a cell would write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// In words, where it is no constant: "none", "as init".
    Words(&'static str),
    /// A number.
    Number(f64),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// An array of numbers.
    Numbers(&'static [f64]),
}

impl fmt::Display for DefaultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Words(text) => f.write_str(text),
            Self::Number(v) => write_number(f, v),
            Self::Int(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Numbers(all) => {
                f.write_str("[")?;
                for (i, v) in all.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    write_number(f, *v)?;
                }
                f.write_str("]")
            }
        }
    }
}

/// `10`, `0.001`, `1e-8`.
fn write_number(f: &mut fmt::Formatter<'_>, v: f64) -> fmt::Result {
    match v.fract() == 0.0 && v.abs() < 1e6 {
        true => write!(f, "{v}"),
        false => write!(f, "{v:?}"),
    }
}

/// A named option whose value is a `T`.
pub struct Setting<T: 'static> {
    key: &'static str,
    ty: Ty,
    shown: DefaultValue,
    doc: &'static str,
    default: T,
}

impl<T> Setting<T> {
    /// The option for a word's record.
    pub const fn opt(&self) -> Opt {
        Opt { key: self.key, ty: self.ty, default: self.shown, doc: self.doc }
    }

    /// Its name.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Whether the call gives it.
    pub fn is_given(&self, call: &Call) -> bool {
        call.options.has(self.key)
    }
}

impl Setting<f64> {
    /// An int or a float.
    pub const fn number(key: &'static str, default: f64, doc: &'static str) -> Self {
        Self { key, ty: Ty::Number, shown: DefaultValue::Number(default), doc, default }
    }

    /// The same option that accepts another type beside a number, which the adapter reads itself.
    pub const fn accepting(self, ty: Ty) -> Self {
        Self { ty, ..self }
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is no number.
    pub fn of(&self, call: &Call) -> Result<f64> {
        call.options.number(self.key, self.default)
    }

    /// Its value in a call, where that has to be at least 0.
    ///
    /// # Errors
    /// It is no number, negative, or NaN.
    pub fn not_negative(&self, call: &Call) -> Result<f64> {
        not_negative(call, self.key, self.of(call)?)
    }
}

impl Setting<Option<f64>> {
    /// A number that may be left out; then it is `None`.
    pub const fn maybe_number(key: &'static str, doc: &'static str) -> Self {
        Self { key, ty: Ty::Number, shown: DefaultValue::Words("none"), doc, default: None }
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is no number.
    pub fn of(&self, call: &Call) -> Result<Option<f64>> {
        match call.options.any(self.key) {
            None => Ok(self.default),
            Some(value) => number(value).map(Some).ok_or_else(|| call.options.wrong(self.key, value)),
        }
    }

    /// Its value in a call, where that has to be at least 0.
    ///
    /// # Errors
    /// It is no number, negative, or NaN.
    pub fn not_negative(&self, call: &Call) -> Result<Option<f64>> {
        self.of(call)?.map(|v| not_negative(call, self.key, v)).transpose()
    }
}

impl Setting<i64> {
    /// A whole number.
    pub const fn int(key: &'static str, default: i64, doc: &'static str) -> Self {
        Self { key, ty: Ty::Int, shown: DefaultValue::Int(default), doc, default }
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is no whole number.
    pub fn of(&self, call: &Call) -> Result<i64> {
        call.options.int(self.key, self.default)
    }
}

impl Setting<usize> {
    /// A whole number of at least 0.
    pub const fn size(key: &'static str, default: usize, doc: &'static str) -> Self {
        Self { key, ty: Ty::Int, shown: DefaultValue::Int(default as i64), doc, default }
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is no whole number, negative, or larger than a size can be.
    pub fn of(&self, call: &Call) -> Result<usize> {
        call.options.size(self.key, self.default)
    }
}

impl Setting<bool> {
    /// True or false.
    pub const fn flag(key: &'static str, default: bool, doc: &'static str) -> Self {
        Self { key, ty: Ty::Bool, shown: DefaultValue::Bool(default), doc, default }
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is neither true nor false.
    pub fn of(&self, call: &Call) -> Result<bool> {
        call.options.bool(self.key, self.default)
    }
}

impl Setting<&'static [f64]> {
    /// An array of numbers.
    pub const fn numbers(key: &'static str, default: &'static [f64], doc: &'static str) -> Self {
        Self { key, ty: Ty::Array, shown: DefaultValue::Numbers(default), doc, default }
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is no array of numbers.
    pub fn of(&self, call: &Call) -> Result<Vec<f64>> {
        Ok(call.options.numbers(self.key)?.unwrap_or_else(|| self.default.to_vec()))
    }
}

fn not_negative(call: &Call, key: &str, v: f64) -> Result<f64> {
    match v < 0.0 || v.is_nan() {
        true => Err(Fault::value(format!("{}: {key} must not be negative, got {v}", call.entry.name))),
        false => Ok(v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_shown_as_a_cell_writes_it() {
        for (default, text) in [
            (DefaultValue::Number(0.001), "0.001"),
            (DefaultValue::Number(1e-8), "1e-8"),
            (DefaultValue::Number(10.0), "10"),
            (DefaultValue::Number(0.0), "0"),
            (DefaultValue::Int(-1), "-1"),
            (DefaultValue::Bool(true), "true"),
            (DefaultValue::Numbers(&[0.9, 0.999]), "[0.9, 0.999]"),
            (DefaultValue::Words("none"), "none"),
        ] {
            assert_eq!(default.to_string(), text);
        }
    }
}
