//! `%%rust` in a build without the feature `rust-cells`.

use super::magic::{Outcome, Spell};
use super::worker::Worker;
use crate::fault::{Fault, Kind};
use crate::output::Bundle;
use crate::session::Completions;

/// What other threads would ask.
#[derive(Clone, Default)]
pub struct Questions {}

/// The Rust side that there is not.
#[derive(Clone)]
pub struct RustCells;

impl RustCells {
    pub fn new(_: Questions) -> Self {
        Self
    }

    pub fn end(&self) {}
}

/// The one error of such a cell.
pub fn run(worker: &mut Worker, _: &Spell) -> Outcome {
    let fault = Fault::new(Kind::Value, "this saddle was built without cells of Rust").hint(
        "build it with the feature `rust-cells`, which is on by default; all other cells work",
    );
    Err(worker.fail(&fault))
}

pub fn complete(_: &Questions, _: &str, _: usize) -> Option<Completions> {
    None
}

pub fn describe(_: &Questions, _: &str, _: usize) -> Option<Option<Bundle>> {
    None
}
