//! Words that give data sets: those that travel with the program, and those in files.

use super::super::tensor::{opt, runs, value};
use crate::catalog::{Call, ENTRY, Entry, Opt, Ty};
use crate::data::{self, Dataset};
use crate::fault::{Fault, Result};
use rhai::Dynamic;

pub static ENTRIES: &[&Entry] = &[&DIGITS];

const FLAT: Opt = opt(
    "flat",
    Ty::Bool,
    "true",
    "samples as rows of pixels, [m, 64]; false: as pictures, [m, channels, height, width]",
);
const RANGE: Opt = opt(
    "range",
    Ty::Array,
    "[0, 1]",
    "the values of the faintest and the strongest pixel; [-1, 1] suits tanh",
);

static DIGITS: Entry = Entry {
    name: "digits",
    group: "data",
    summary: "1,797 handwritten digits of 8 × 8 pixels, with labels; they travel with the program",
    options: &[FLAT, RANGE],
    returns: Ty::Of("dataset"),
    shapes: "samples are [m, 64]; with flat: false, [m, 1, 8, 8]",
    errors: &["a range that is not two numbers, the lower first"],
    source: "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0)",
    examples: &[
        value("how many", "digits().len", "1797"),
        value("a minibatch", "digits().sample(64).shape", "[64, 64]"),
        value(
            "pictures for convolutions, for a generator that ends in tanh",
            "digits(#{ flat: false, range: [-1, 1] }).sample(64).shape",
            "[64, 1, 8, 8]",
        ),
        runs("one picture", "digits()[0]"),
    ],
    call: |call| pictures(call, data::digits()?),
    ..ENTRY
};

/// A data set of pictures, as the options ask for it.
fn pictures(call: &Call, data: Dataset) -> Result<Dynamic> {
    let data = match (call.options.bool("flat", true)?, data.picture()) {
        (false, Some(picture)) => data.with_shape(&picture)?,
        _ => data,
    };
    let data = match call.options.numbers("range")?.as_deref() {
        None => data,
        Some(&[lo, hi]) if lo < hi && lo.is_finite() && hi.is_finite() => {
            data.with_range(lo as f32, hi as f32)
        }
        Some(other) => {
            return Err(Fault::value(format!(
                "{}: range must be two numbers, the lower first, got {other:?}",
                call.entry.name
            ))
            .hint("range: [-1, 1]"));
        }
    };
    Ok(Dynamic::from(data))
}
