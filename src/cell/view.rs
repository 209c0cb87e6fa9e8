//! The snapshot of a notebook's names that other threads read while a cell runs.

use std::collections::BTreeMap;

/// The notebook's variables and functions, as of the last finished statement.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub variables: BTreeMap<String, Variable>,
    pub functions: BTreeMap<String, Function>,
}

impl View {
    /// The names of all variables, and of all functions as `name()`.
    pub fn names(&self) -> Vec<String> {
        let functions = self.functions.keys().map(|name| format!("{name}()"));
        self.variables.keys().cloned().chain(functions).collect()
    }
}

/// One variable.
#[derive(Clone, Debug, Default)]
pub struct Variable {
    /// `int`, `array`, `tensor`, …
    pub kind: String,
    /// Its value on one line, shortened.
    pub value: String,
    /// The keys of a map.
    pub keys: Vec<String>,
}

/// One function, with the parameters of each of its definitions.
#[derive(Clone, Debug, Default)]
pub struct Function {
    pub signatures: Vec<String>,
    /// The `///` comments above it.
    pub doc: String,
}
