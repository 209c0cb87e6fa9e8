//! The words of the language, one file per family, and the list of all families.

pub mod number;
pub mod script;

use crate::catalog::{Catalog, Entry, Kind};
use std::sync::OnceLock;

/// One line per family.
pub(crate) const FAMILIES: &[&[&Entry]] = &[script::ENTRIES, number::ENTRIES];

/// One line per file that has kinds of values.
const KINDS: &[&[&Kind]] = &[];

/// Every word and kind of the language.
pub fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::new(FAMILIES, &KINDS.concat()))
}
