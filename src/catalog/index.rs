//! All words and kinds of a language, found by name and by type.

use super::{Entry, Kind};
use rhai::Dynamic;
use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};

/// The words and kinds that cells can use.
pub struct Catalog {
    words: BTreeMap<&'static str, Vec<&'static Entry>>,
    kinds: Vec<&'static Kind>,
    by_type: HashMap<TypeId, &'static Kind>,
}

impl Catalog {
    /// A catalog of these families of words and these kinds. Entries of the same name are overloads: the first whose
    /// parameters accept the arguments is called.
    pub fn new(families: &[&'static [&'static Entry]], kinds: &[&'static Kind]) -> Self {
        let mut words: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in families.iter().flat_map(|family| family.iter()) {
            words.entry(entry.name).or_default().push(*entry);
        }
        let by_type = kinds.iter().map(|kind| ((kind.id)(), *kind)).collect();
        Self { words, kinds: kinds.to_vec(), by_type }
    }

    /// The words by name, each with its overloads.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, &[&'static Entry])> {
        self.words.iter().map(|(name, entries)| (*name, entries.as_slice()))
    }

    /// Every entry, by name.
    pub fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        self.words.values().flatten().copied()
    }

    /// The overloads of a word; empty where there is no such word.
    pub fn find(&self, name: &str) -> &[&'static Entry] {
        self.words.get(name).map_or(&[], Vec::as_slice)
    }

    /// All kinds of values.
    pub fn kinds(&self) -> &[&'static Kind] {
        &self.kinds
    }

    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().copied().find(|kind| kind.name == name)
    }

    /// The kind of a value; `None` for numbers, texts, arrays and what else Rhai itself knows.
    pub fn kind_of(&self, value: &Dynamic) -> Option<&'static Kind> {
        if !value.is_variant() {
            return None;
        }
        self.by_type.get(&value.type_id()).copied()
    }

    /// The type of a value as an error message names it: "an int", "a tensor".
    pub fn type_of(&self, value: &Dynamic) -> String {
        self.kind_of(value).map_or_else(|| super::type_of(value), |kind| super::articled(kind.name))
    }

    /// What was given where something else was asked for: the type, and the elements of a short array of numbers.
    pub fn got(&self, value: &Dynamic) -> String {
        let numbers = value
            .read_lock::<rhai::Array>()
            .filter(|items| (1..=8).contains(&items.len()) && items.iter().all(|v| v.is_int() || v.is_float()));
        match numbers {
            Some(items) => {
                let items: Vec<String> = items.iter().map(|v| v.to_string()).collect();
                format!("[{}]", items.join(", "))
            }
            None => self.type_of(value),
        }
    }
}
