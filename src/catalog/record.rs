//! What the examples of a record are made with.

use super::{Example, Gives};

/// An example with a value that is known from outside.
pub const fn value(what: &'static str, code: &'static str, text: &'static str) -> Example {
    Example { what, code, gives: Gives::Value(text) }
}

/// An example of a mistake, and what is said about it.
pub const fn fails(what: &'static str, code: &'static str, part: &'static str) -> Example {
    Example { what, code, gives: Gives::Error(part) }
}

/// An example that is shown and must run.
pub const fn runs(what: &'static str, code: &'static str) -> Example {
    Example { what, code, gives: Gives::Runs }
}
