//! The catalog: one static record for each word of the language, and one for each type of value.
//!
//! Registration with Rhai, Tab, Shift-Tab, the checking of arguments and options, the reference page and one test per
//! example all come from these records. What a word computes lives in `words`; here is only how words are described,
//! found and called.

mod call;
mod host;

pub use call::{Args, Call, Options};
pub use host::Host;

use crate::fault::Result;
use crate::output::Bundle;
use rhai::Dynamic;
use std::any::TypeId;

/// One word of the language.
pub struct Entry {
    /// The name typed in a cell: `leaky_relu`, or an operator such as `@`.
    pub name: &'static str,
    /// The family it belongs to, as the reference page groups them: `activation`, `loss`, `optimizer`, …
    pub group: &'static str,
    /// One sentence, without the name.
    pub summary: &'static str,
    /// Positional parameters, in order. Those with a default may be left out from the end.
    pub params: &'static [Param],
    /// Named options, given as a map in the last place: `adam(G, #{ lr: 2e-4 })`.
    pub options: &'static [Opt],
    /// The type of the value.
    pub returns: Ty,
    /// How the shapes relate: `[n, in] → [n, out]`. Empty where there is nothing to say.
    pub shapes: &'static str,
    /// Each condition under which it is an error.
    pub errors: &'static [&'static str],
    /// Paper, section or slide. Empty where it is common knowledge.
    pub source: &'static str,
    /// Shown by Shift-Tab and run by a test.
    pub examples: &'static [Example],
    /// The thin adapter: reads the arguments, calls the room that computes, wraps the result.
    pub call: fn(&mut Call) -> Result<Dynamic>,
}

/// An entry with everything empty, to build others from: `Entry { name: "exp", …, ..ENTRY }`.
pub const ENTRY: Entry = Entry {
    name: "",
    group: "",
    summary: "",
    params: &[],
    options: &[],
    returns: Ty::Nothing,
    shapes: "",
    errors: &[],
    source: "",
    examples: &[],
    call: |_| Ok(Dynamic::UNIT),
};

/// One positional parameter.
pub struct Param {
    pub name: &'static str,
    pub ty: Ty,
    /// As written in a cell; `None`: must be given.
    pub default: Option<&'static str>,
    pub doc: &'static str,
}

/// One named option.
pub struct Opt {
    pub key: &'static str,
    pub ty: Ty,
    /// As written in a cell, or in words ("none").
    pub default: &'static str,
    pub doc: &'static str,
}

/// What a parameter accepts. The catalog checks it before the word's adapter runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    Nothing,
    Any,
    Bool,
    /// A whole number.
    Int,
    /// An int or a float.
    Number,
    Text,
    Array,
    Map,
    /// A closure, a function pointer or a function's name.
    Function,
    /// An array of whole numbers ≥ 0.
    Shape,
    /// A tensor only.
    Tensor,
    /// A tensor or a number.
    TensorLike,
    /// A value of a type registered as a [`Kind`], by its name: `Ty::Of("network")`.
    Of(&'static str),
    /// One of several, described in words by the parameter's doc; the adapter checks.
    OneOf(&'static [Ty]),
}

/// A use of a word that is shown and tested.
pub struct Example {
    /// What it shows, in a few words.
    pub what: &'static str,
    /// A whole cell.
    pub code: &'static str,
    pub gives: Gives,
}

/// What an example must give.
pub enum Gives {
    /// The `text/plain` of its last expression, exactly.
    Value(&'static str),
    /// An error whose message contains this.
    Error(&'static str),
    /// It runs without an error.
    Runs,
}

/// One type of value that cells can hold.
pub struct Kind {
    /// As shown to the user and used in [`Ty::Of`]: `tensor`, `network`, `optimizer`.
    pub name: &'static str,
    pub summary: &'static str,
    pub id: fn() -> TypeId,
    /// What is shown when a cell ends with such a value. Always holds `text/plain`.
    pub show: fn(&Dynamic) -> Bundle,
    /// Fields that can be read as `value.field`.
    pub fields: &'static [Field],
}

/// One readable field of a kind.
pub struct Field {
    pub name: &'static str,
    pub ty: Ty,
    pub doc: &'static str,
    pub get: fn(&Dynamic) -> Result<Dynamic>,
}

impl Ty {
    /// The type as an error message names it: "a number", "a tensor".
    pub fn described(self) -> String {
        match self {
            Ty::Nothing => "nothing".into(),
            Ty::Any => "any value".into(),
            Ty::Bool => "true or false".into(),
            Ty::Int => "a whole number".into(),
            Ty::Number => "a number".into(),
            Ty::Text => "a text".into(),
            Ty::Array => "an array".into(),
            Ty::Map => "a map #{ … }".into(),
            Ty::Function => "a function".into(),
            Ty::Shape => "a shape such as [64, 100]".into(),
            Ty::Tensor => "a tensor".into(),
            Ty::TensorLike => "a tensor or a number".into(),
            Ty::Of(name) => format!(
                "{} {name}",
                if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
                    "an"
                } else {
                    "a"
                }
            ),
            Ty::OneOf(types) => types
                .iter()
                .map(|t| t.described())
                .collect::<Vec<_>>()
                .join(" or "),
        }
    }
}

/// The type of a value as the user knows it: "int", "float", "tensor", "network".
pub fn type_of(value: &Dynamic) -> String {
    match value.type_name() {
        "()" => "nothing".into(),
        "i64" => "an int".into(),
        "f64" => "a float".into(),
        "string" => "a text".into(),
        "Fn" => "a function".into(),
        other => other.rsplit("::").next().unwrap_or(other).to_lowercase(),
    }
}
