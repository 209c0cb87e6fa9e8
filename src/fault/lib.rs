//! The one error type of every room below the cell: what went wrong, in the user's terms, and what to try.
//!
//! A fault knows nothing of cells or lines: the cell adds those when it shows the error. Beside it stand two helpers that rooms without
//! another one in common share: [`lock`], and [`write_whole`] for files.

#![forbid(unsafe_code)]

mod whole;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
pub use whole::write_whole;

/// What sort of thing went wrong. The name is what Jupyter shows as `ename`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Shapes that do not fit together.
    Shape,
    /// A value of the wrong type.
    Type,
    /// A value of the right type that is not allowed here.
    Value,
    /// An index or a key that does not exist.
    Index,
    /// An option that the word does not have.
    Option,
    /// A name that is not defined.
    Name,
    /// A file that is missing, damaged or not permitted.
    File,
    /// A device that is missing, out of memory or lost; or tensors of two devices in one operation.
    Device,
    /// A `check` that did not hold.
    Check,
    /// The user interrupted the cell.
    Interrupt,
    /// A panic in the Rust code of a cell.
    Panic,
    /// The session ended under the cell, and its variables with it.
    Lost,
    /// A defect of ours, caught before it could reach the user as a panic.
    Internal,
}

impl Kind {
    /// The name shown to the user, in the style of Python's exceptions, which notebook users know.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Shape => "ShapeError",
            Kind::Type => "TypeError",
            Kind::Value => "ValueError",
            Kind::Index => "IndexError",
            Kind::Option => "OptionError",
            Kind::Name => "NameError",
            Kind::File => "FileError",
            Kind::Device => "DeviceError",
            Kind::Check => "CheckFailed",
            Kind::Interrupt => "KeyboardInterrupt",
            Kind::Panic => "Panic",
            Kind::Lost => "SessionLost",
            Kind::Internal => "InternalError",
        }
    }
}

/// An error in the terms of the user's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which of the few kinds of error it is: the name that the user sees.
    pub kind: Kind,
    /// One line: what was asked, what was got, with shapes. No final full stop.
    pub message: String,
    /// What to try, where there is something to try.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same fault with advice: what to try.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shapes that do not fit together.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(Kind::Shape, message)
    }

    /// A value that cannot be used here.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new(Kind::Value, message)
    }

    /// A value of the wrong type.
    pub fn type_(message: impl Into<String>) -> Self {
        Self::new(Kind::Type, message)
    }

    /// A file that cannot be read or written.
    pub fn file(message: impl Into<String>) -> Self {
        Self::new(Kind::File, message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// Locks what stays whole when a thread that holds it panics.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every room below the cell returns.
pub type Result<T, E = Fault> = std::result::Result<T, E>;
