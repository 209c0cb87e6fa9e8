//! Parameters and options as typed values: one constant is what a word's record declares and what its adapter reads, so
//! that the type that is checked is the type that is read, and the default that is shown is the default that counts.
//!
//! ```
//! use saddle_catalog::{AnyParam, Call, Maybe, Opt, Param, param, types};
//!
//! const N: Param<usize> = param("n", types::SIZE, "how many");
//! const SLOPE: Param<f64> = param("slope", types::NUMBER, "below 0").or(0.01);
//! const EPS: Param<f64> = param("eps", types::NUMBER, "added to the variance").or(1e-5);
//! const LIMIT: Maybe<f64> = param("limit", types::NUMBER, "the largest").maybe("none");
//!
//! const PARAMS: &[AnyParam] = &[N.param(), SLOPE.param()];
//! const OPTIONS: &[Opt] = &[EPS.opt(), LIMIT.opt()];
//! assert_eq!(OPTIONS[0].default.to_string(), "1e-5");
//!
//! fn adapter(call: &Call) -> saddle_fault::Result<f64> {
//!     let limit: Option<f64> = LIMIT.of(call)?;
//!     Ok((SLOPE.of(call)? * N.of(call)? as f64 + EPS.of(call)?).min(limit.unwrap_or(f64::INFINITY)))
//! }
//! ```

use super::types::{Given, Type};
use super::{Call, Ty};
use rhai::{Array, Dynamic};
use saddle_fault::{Fault, Result};
use std::any::TypeId;
use std::fmt;

/// What a parameter or an option is when it is not given. Its [`Display`](fmt::Display) is the text in help and
/// reference, as a cell would write it.
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
    /// A text.
    Text(&'static str),
    /// An array of numbers.
    Numbers(&'static [f64]),
    /// An array of texts.
    Texts(&'static [&'static str]),
}

impl DefaultValue {
    /// The value, as if it had been given; `None` for one in words.
    pub fn value(self) -> Option<Dynamic> {
        Some(match self {
            Self::Words(_) => return None,
            Self::Number(v) => v.into(),
            Self::Int(n) => n.into(),
            Self::Bool(b) => b.into(),
            Self::Text(text) => text.into(),
            Self::Numbers(all) => all.iter().map(|v| Dynamic::from(*v)).collect::<Array>().into(),
            Self::Texts(all) => all.iter().map(|text| Dynamic::from(*text)).collect::<Array>().into(),
        })
    }
}

impl fmt::Display for DefaultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Words(text) => f.write_str(text),
            Self::Number(v) => f.write_str(&written(v)),
            Self::Int(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Numbers(all) => write!(f, "[{}]", all.iter().map(|v| written(*v)).collect::<Vec<_>>().join(", ")),
            Self::Texts(all) => write!(f, "{all:?}"),
        }
    }
}

/// `10`, `0.001`, `1e-8`.
fn written(v: f64) -> String {
    match v.fract() == 0.0 && v.abs() < 1e6 {
        true => format!("{v}"),
        false => format!("{v:?}"),
    }
}

/// A positional parameter or a named option whose value is a `T`.
pub struct Param<T: 'static> {
    name: &'static str,
    of: Type<T>,
    default: Option<DefaultValue>,
    doc: &'static str,
}

impl<T> Clone for Param<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Param<T> {}

/// A parameter or an option that may be left out, and is `None` then: the word finds another value itself.
pub struct Maybe<T: 'static>(Param<T>);

impl<T> Clone for Maybe<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Maybe<T> {}

/// A parameter that must be given: its name, its type, and what it is, without its name.
pub const fn param<T>(name: &'static str, of: Type<T>, doc: &'static str) -> Param<T> {
    Param { name, of, default: None, doc }
}

impl<T> Param<T> {
    /// Its default as a value. Which values fit is what `or` of each type says.
    pub const fn with_default(self, default: DefaultValue) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The same that may be left out, with what it is then in words: "none", "as init".
    pub const fn maybe(self, words: &'static str) -> Maybe<T> {
        Maybe(self.with_default(DefaultValue::Words(words)))
    }

    /// The same with another type that its reader reads as well.
    pub const fn accepting(self, ty: Ty) -> Self {
        Self { of: self.of.accepting(ty), ..self }
    }

    /// The positional parameter for a word's record.
    pub const fn param(&self) -> AnyParam {
        AnyParam { name: self.name, ty: self.of.ty, default: self.default, doc: self.doc, id: TypeId::of::<T> }
    }

    /// The option for a word's record. Without a default it does not compile.
    pub const fn opt(&self) -> Opt {
        match self.default {
            Some(default) => Opt { key: self.name, ty: self.of.ty, default, doc: self.doc, id: TypeId::of::<T> },
            None => panic!("an option needs a default: `.or(…)`, or `.maybe(\"none\")`"),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is none of its type.
    pub fn of(&self, call: &Call) -> Result<T> {
        let (given, is_option) = self.find(call);
        if let Some(value) = given {
            return self.of.read(&self.reading(call, value, is_option));
        }
        match self.default.and_then(DefaultValue::value) {
            Some(value) => self.of.read(&self.reading(call, &value, is_option)),
            None => left_out(call, self.name),
        }
    }

    /// Whether the call gives it.
    pub fn is_given(&self, call: &Call) -> bool {
        self.given(call).is_some()
    }

    /// Whether the record of the word that is called has it, for what several words read in one way.
    pub fn is_declared(&self, call: &Call) -> bool {
        declared(call, self.name, TypeId::of::<T>()).is_some()
    }

    /// Its value in a call as it is, `None` where it is left out.
    pub fn given<'a>(&self, call: &'a Call) -> Option<&'a Dynamic> {
        self.find(call).0
    }

    /// The value as it is of a parameter that must be given.
    pub fn value<'a>(&self, call: &'a Call) -> &'a Dynamic {
        self.find(call).0.unwrap_or_else(|| left_out(call, self.name))
    }

    /// The error "this has the wrong type" about what the call gives for it.
    pub fn wrong(&self, call: &Call) -> Fault {
        let (value, is_option) = self.find(call);
        self.reading(call, value.unwrap_or(&Dynamic::UNIT), is_option).wrong()
    }

    fn reading<'a>(&self, call: &Call, value: &'a Dynamic, is_option: bool) -> Given<'a> {
        Given { entry: call.entry, catalog: call.catalog, name: self.name, ty: self.of.ty, is_option, value }
    }

    /// What the call gives for it, and whether the record declares it as an option.
    fn find<'a>(&self, call: &'a Call) -> (Option<&'a Dynamic>, bool) {
        declared(call, self.name, TypeId::of::<T>()).unwrap_or_else(|| undeclared(call, self.name))
    }
}

/// What the call gives for the parameter or the option of this name and type, and whether it is an option; `None` where
/// the record of the word declares no such. Compiled once, not for each type.
fn declared<'a>(call: &'a Call, name: &str, of: TypeId) -> Option<(Option<&'a Dynamic>, bool)> {
    let own = |its: &str, id: fn() -> TypeId| its == name && id() == of;
    if let Some(i) = call.entry.params.iter().position(|p| own(p.name, p.id)) {
        return Some((call.args.get(i).map(|v| &**v), false));
    }
    let is_option = call.entry.options.iter().any(|o| own(o.key, o.id));
    is_option.then(|| (call.options.get(name), true))
}

/// A defect of the word, which every call of it meets: it is shown as one, and tests of all words find it.
fn undeclared(call: &Call, name: &str) -> ! {
    panic!("{}: reads `{name}`, which its record does not declare so", call.entry.name)
}

/// A defect of the word, as [`undeclared`].
fn left_out(call: &Call, name: &str) -> ! {
    panic!("{}: reads `{name}`, which may be left out, as one that must be given", call.entry.name)
}

impl Param<f64> {
    /// Its value in a call, where that has to be at least 0.
    ///
    /// # Errors
    /// It is no number, negative, or NaN.
    pub fn not_negative(&self, call: &Call) -> Result<f64> {
        not_negative(call, self.name, self.of(call)?)
    }
}

impl<T> Maybe<T> {
    /// The same with other words for what it is when it is left out.
    pub const fn or_words(self, words: &'static str) -> Self {
        self.0.maybe(words)
    }

    /// As [`Param::param`].
    pub const fn param(&self) -> AnyParam {
        self.0.param()
    }

    /// As [`Param::opt`].
    pub const fn opt(&self) -> Opt {
        self.0.opt()
    }

    /// As [`Param::accepting`].
    pub const fn accepting(self, ty: Ty) -> Self {
        Self(self.0.accepting(ty))
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.0.name
    }

    /// Its value in a call.
    ///
    /// # Errors
    /// It is none of its type.
    pub fn of(&self, call: &Call) -> Result<Option<T>> {
        let (value, is_option) = self.0.find(call);
        value.map(|value| self.0.of.read(&self.0.reading(call, value, is_option))).transpose()
    }

    /// Its value in a call of a word whose record may lack it; `None` then, too.
    ///
    /// # Errors
    /// It is none of its type.
    pub fn if_declared(&self, call: &Call) -> Result<Option<T>> {
        if self.0.is_declared(call) { self.of(call) } else { Ok(None) }
    }

    /// As [`Param::is_given`].
    pub fn is_given(&self, call: &Call) -> bool {
        self.0.is_given(call)
    }

    /// As [`Param::given`].
    pub fn given<'a>(&self, call: &'a Call) -> Option<&'a Dynamic> {
        self.0.given(call)
    }

    /// As [`Param::wrong`].
    pub fn wrong(&self, call: &Call) -> Fault {
        self.0.wrong(call)
    }
}

impl Maybe<f64> {
    /// Its value in a call, where that has to be at least 0.
    ///
    /// # Errors
    /// It is no number, negative, or NaN.
    pub fn not_negative(&self, call: &Call) -> Result<Option<f64>> {
        self.of(call)?.map(|v| not_negative(call, self.0.name, v)).transpose()
    }
}

/// `or` for one type: the default as a constant of it.
macro_rules! defaults {
    ($($ty:ty, $from:ty, $default:ident => $value:expr;)*) => { $(
        impl Param<$ty> {
            /// The same that may be left out, and is this then.
            pub const fn or(self, $default: $from) -> Self {
                self.with_default($value)
            }
        }
    )* };
}

defaults! {
    f64, f64, default => DefaultValue::Number(default);
    i64, i64, default => DefaultValue::Int(default);
    usize, usize, default => DefaultValue::Int(default as i64);
    isize, isize, default => DefaultValue::Int(default as i64);
    bool, bool, default => DefaultValue::Bool(default);
    String, &'static str, default => DefaultValue::Text(default);
    Vec<f64>, &'static [f64], default => DefaultValue::Numbers(default);
    [f64; 2], &'static [f64; 2], default => DefaultValue::Numbers(default);
    [usize; 2], usize, default => DefaultValue::Int(default as i64);
}

fn not_negative(call: &Call, name: &str, v: f64) -> Result<f64> {
    match v < 0.0 || v.is_nan() {
        true => Err(Fault::value(format!("{}: {name} must not be negative, got {v}", call.entry.name))),
        false => Ok(v),
    }
}

/// A positional parameter in a record, its type known by name.
#[derive(Clone, Copy)]
pub struct AnyParam {
    /// Its name in signatures and messages.
    pub name: &'static str,
    /// What it accepts.
    pub ty: Ty,
    /// What it is when it is left out; `None`: must be given.
    pub default: Option<DefaultValue>,
    /// What it is, without its name.
    pub doc: &'static str,
    id: fn() -> TypeId,
}

/// A named option in a record.
#[derive(Clone, Copy)]
pub struct Opt {
    /// Its key in the map.
    pub key: &'static str,
    /// What it accepts.
    pub ty: Ty,
    /// What it is when it is not given.
    pub default: DefaultValue,
    /// What it does, without its name.
    pub doc: &'static str,
    id: fn() -> TypeId,
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
            (DefaultValue::Text("f32"), "\"f32\""),
            (DefaultValue::Numbers(&[0.9, 0.999]), "[0.9, 0.999]"),
            (DefaultValue::Texts(&["seed"]), "[\"seed\"]"),
            (DefaultValue::Words("none"), "none"),
        ] {
            assert_eq!(default.to_string(), text);
        }
    }
}
