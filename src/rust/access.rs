//! What cells of Rust may ask of the notebook that runs them.

use super::payload::{Payload, Value};
use saddle_fault::Result;
use saddle_session::output::Stream;

/// What the Rust side may want of the notebook while it runs.
pub trait NotebookAccess {
    /// Writes the variable's value.
    ///
    /// # Errors
    /// There is no such variable; it has no value that Rust knows.
    fn get(&mut self, name: &str, to: &mut Payload) -> Result<()>;
    /// Sets a variable.
    ///
    /// # Errors
    /// It cannot have that name.
    fn put(&mut self, name: &str, value: Value) -> Result<()>;
    /// Whether a word may have that name.
    ///
    /// # Errors
    /// It may not.
    fn may_export(&mut self, name: &str) -> Result<()>;
    /// Shows text of the cells.
    fn print(&mut self, stream: Stream, text: &str);
    /// Shows how far something is that takes long, in the place of what this has shown before; `None`: it is done, and
    /// what is shown of it goes, so that the cell's outputs are those of every run.
    fn status(&mut self, text: Option<&str>);
    /// Asks the person.
    fn ask(&mut self, prompt: &str, password: bool) -> Option<String>;
    /// Whether the user has interrupted.
    fn stopped(&self) -> bool;
}
