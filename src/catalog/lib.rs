//! The catalog: one static record for each word of the language, and one for each type of value.
//!
//! Registration with Rhai, Tab, Shift-Tab, the checking of arguments and options, the reference page and one test per
//! example all come from these records. What a word computes lives in `words`; here is only how words are described,
//! found and called.
//!
//! | file | owns |
//! |---|---|
//! | `param`, [`types`] | parameters and options as typed constants; what each type accepts, and how it is read |
//! | `record` | what the examples of a record are made with |
//! | `index` | all words and kinds of a language, found by name and by type |
//! | `register` | words and kinds as Rhai knows them |
//! | `dispatch` | from a call in a cell to the adapter of a word, and from a fault back |
//! | `call` | one call of a word: its arguments and options |
//! | `callback` | calls into the script from code that a word runs |
//! | `host` | what a word may ask of the session that runs it |
//! | [`help`] | Shift-Tab, `name?`, the reference page |
//! | `suggest` | "did you mean" |

mod call;
mod callback;
mod dispatch;
pub mod help;
mod host;
mod index;
mod param;
mod record;
mod register;
mod suggest;
pub mod types;

pub use call::{Call, number, numbers, range, shape};
pub use callback::call_back;
pub use dispatch::{CALL, CALL_NAMED, call_value, is_callable, member, raise};
pub use host::Host;
pub use index::Catalog;
pub use param::{AnyParam, DefaultValue, Maybe, Opt, Param, param};
pub use record::{fails, runs, value};
pub use register::{inner_name, outer_name, register};
pub use suggest::{did_you_mean, suggest};
pub use types::{Given, Type};

use rhai::Dynamic;
use saddle_fault::Result;
use saddle_session::output::Bundle;
use std::any::TypeId;

/// One word of the language.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name typed in a cell: `leaky_relu`, or an operator such as `@`.
    pub name: &'static str,
    /// The family it belongs to, as the reference page groups them: `math`, `loss`, `optimizer`, …
    pub group: &'static str,
    /// One sentence, without the name.
    pub summary: &'static str,
    /// Positional parameters, in order. Those with a default may be left out from the end.
    pub params: &'static [AnyParam],
    /// Named options, given as a map in the last place: `adam(G, #{ lr: 2e-4 })`.
    pub options: &'static [Opt],
    /// The type of the value.
    pub returns: Ty,
    /// How the shapes relate: `[n, in] → [n, out]`. Empty where there is nothing to say.
    pub shapes: &'static str,
    /// Each condition under which it is an error.
    pub errors: &'static [&'static str],
    /// Paper, section or slide, in pieces, so that a paper is named by a constant. Empty where it is common knowledge.
    pub source: &'static [&'static str],
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
    source: &[],
    examples: &[],
    call: |_| Ok(Dynamic::UNIT),
};

/// What a parameter accepts. The catalog checks it before the word's adapter runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// No value, `()`.
    Nothing,
    /// Every value.
    Any,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// An int or a float.
    Number,
    /// A text.
    Text,
    /// An array.
    Array,
    /// A range of whole numbers, `0..5` or `1..=5`.
    Range,
    /// A map `#{ … }`.
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
#[derive(Clone, Copy)]
pub struct Example {
    /// What it shows, in a few words.
    pub what: &'static str,
    /// A whole cell.
    pub code: &'static str,
    /// What it must give.
    pub gives: Gives,
}

/// What an example must give.
#[derive(Clone, Copy)]
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
    /// What such a value is, in a few words.
    pub summary: &'static str,
    /// Rust's type of its values.
    pub id: fn() -> TypeId,
    /// What is shown when a cell ends with such a value. Always holds `text/plain`.
    pub show: fn(&Dynamic) -> Bundle,
    /// Its `text/plain`, where that takes less than the rest: a figure has to be drawn to be shown.
    pub text: Option<fn(&Dynamic) -> String>,
    /// Fields that can be read as `value.field`.
    pub fields: &'static [Field],
    /// What `value.field = …` does, by the field's name; `None`: fields are only read.
    pub set: Option<Setter>,
    /// What `value(x, …)` does. The entry's first parameter is the value itself.
    pub call: Option<&'static Entry>,
    /// The part of this name that a value has: what `value.name(x)` calls, where it can be called. Asked at each call of a word on such a
    /// value, so that no error is made of a name that it does not have.
    pub part: Option<fn(&Dynamic, &str) -> Option<Dynamic>>,
    /// What `value[i]` gives, for an int, a range (`1..4`) or anything else the kind accepts.
    pub index: Option<fn(&Dynamic, &Dynamic) -> Result<Dynamic>>,
    /// What `value[i] = v` does; `None`: elements are only read.
    pub set_index: Option<IndexSetter>,
    /// What `for x in value` runs through.
    pub iter: Option<fn(Dynamic) -> Items>,
    /// How much memory a value holds, in bytes, told without computing; storage shared between values counts for each.
    pub bytes: Option<fn(&Dynamic) -> usize>,
}

impl Kind {
    /// What a value of this kind is as text.
    pub fn plain(&self, value: &Dynamic) -> String {
        match self.text {
            Some(text) => text(value),
            None => (self.show)(value).plain().to_string(),
        }
    }
}

/// Sets a field of a value of a [`Kind`]: the value, the field's name, what it is to be.
pub type Setter = fn(&Dynamic, &str, &Dynamic) -> Result<()>;

/// Sets an element of a value of a [`Kind`]: the value, the index, what is to stand there.
pub type IndexSetter = fn(&mut Dynamic, &Dynamic, &Dynamic) -> Result<()>;

/// What a `for` loop over a value of a [`Kind`] runs through.
pub type Items = Box<dyn Iterator<Item = Result<Dynamic>>>;

/// A kind that can only be shown, to build others from: `Kind { name: "tensor", …, ..KIND }`.
pub const KIND: Kind = Kind {
    name: "",
    summary: "",
    id: || TypeId::of::<()>(),
    show: |value| Bundle::text(value.to_string()),
    text: None,
    fields: &[],
    set: None,
    call: None,
    part: None,
    index: None,
    set_index: None,
    iter: None,
    bytes: None,
};

/// One readable field of a kind.
pub struct Field {
    /// As it is written after the dot.
    pub name: &'static str,
    /// The type of its value.
    pub ty: Ty,
    /// What it is.
    pub doc: &'static str,
    /// Reads it.
    pub get: fn(&Dynamic) -> Result<Dynamic>,
}

impl Ty {
    /// Whether a value may stand where this type is asked for.
    pub fn accepts(self, value: &Dynamic, catalog: &Catalog) -> bool {
        let is_kind = |name: &str| catalog.kind_of(value).is_some_and(|kind| kind.name == name);
        match self {
            Ty::Nothing => value.is_unit(),
            Ty::Any => true,
            Ty::Bool => value.is_bool(),
            Ty::Int => value.is_int(),
            Ty::Number => value.is_int() || value.is_float(),
            Ty::Text => value.is_string(),
            Ty::Array => value.is_array(),
            Ty::Range => range(value).is_some(),
            Ty::Map => value.is_map(),
            Ty::Function => value.is_fnptr(),
            Ty::Shape => shape(value).is_some(),
            Ty::Tensor => is_kind("tensor"),
            Ty::TensorLike => value.is_int() || value.is_float() || is_kind("tensor"),
            Ty::Of(name) => is_kind(name),
            Ty::OneOf(types) => types.iter().any(|ty| ty.accepts(value, catalog)),
        }
    }

    /// Whether an int or a float may stand where this type is asked for.
    pub fn is_numeric(self) -> bool {
        match self {
            Ty::Any | Ty::Int | Ty::Number | Ty::TensorLike => true,
            Ty::OneOf(types) => types.iter().any(|ty| ty.is_numeric()),
            _ => false,
        }
    }

    /// The type in a signature: `number`, `tensor`.
    pub fn short(self) -> String {
        match self {
            Ty::Nothing => "()".into(),
            Ty::Any => "any".into(),
            Ty::Bool => "bool".into(),
            Ty::Int => "int".into(),
            Ty::Number => "number".into(),
            Ty::Text => "text".into(),
            Ty::Array => "array".into(),
            Ty::Range => "range".into(),
            Ty::Map => "map".into(),
            Ty::Function => "function".into(),
            Ty::Shape => "shape".into(),
            Ty::Tensor => "tensor".into(),
            Ty::TensorLike => "tensor | number".into(),
            Ty::Of(name) => name.into(),
            Ty::OneOf(types) => types.iter().map(|t| t.short()).collect::<Vec<_>>().join(" | "),
        }
    }

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
            Ty::Range => "a range such as 0..5".into(),
            Ty::Map => "a map #{ … }".into(),
            Ty::Function => "a function".into(),
            Ty::Shape => "a shape such as [64, 100]".into(),
            Ty::Tensor => "a tensor".into(),
            Ty::TensorLike => "a tensor or a number".into(),
            Ty::Of(name) => articled(name),
            Ty::OneOf(types) => one_of(&types.iter().map(|t| t.described()).collect::<Vec<_>>()),
        }
    }
}

/// "a number, an array or a tensor".
fn one_of(choices: &[String]) -> String {
    match choices {
        [all @ .., before, last] if !all.is_empty() => format!("{}, {before} or {last}", all.join(", ")),
        few => few.join(" or "),
    }
}

/// The type of a value as the user knows it: "int", "float", "tensor", "network".
pub fn type_of(value: &Dynamic) -> String {
    type_name(value.type_name())
}

/// The user's name of a type from Rhai's or Rust's name of it: `i64` is "an int", `saddle_tensor::Tensor` is
/// "a tensor".
pub fn type_name(name: &str) -> String {
    match name.trim() {
        "()" => "nothing".into(),
        "i64" => "an int".into(),
        "f64" => "a float".into(),
        "bool" => "true or false".into(),
        "char" => "a character".into(),
        "string" | "&str | ImmutableString | String" => "a text".into(),
        "Fn" => "a function".into(),
        "array" => "an array".into(),
        "map" => "a map".into(),
        "range" | "range=" => "a range".into(),
        // A value shared with closures hides its type from Rhai's own messages.
        other if other.contains("RefCell") => "something else".into(),
        other if other.to_lowercase().contains("range") => "a range".into(),
        other => articled(&other.rsplit("::").next().unwrap_or(other).to_lowercase()),
    }
}

/// A noun with its article: "a tensor", "an optimizer".
pub fn articled(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
