//! The words of the language, one file per family, and the list of all families.
//!
//! | file | owns |
//! |---|---|
//! | [`tensor`] | words about tensors |
//! | [`number`] | words on plain numbers and arrays of them |
//! | [`activation`] | activation functions, each as function and as layer |
//! | [`network`] | layers, networks, optimizers, losses, penalties |
//! | [`metric`] | measures of samples |
//! | [`data`], [`files`] | data sets and distributions; files that are read and written |
//! | [`picture`], [`widget`] | pictures; controls on the page |
//! | [`script`], [`mod@format`], [`table`] | the notebook itself: checks, the clock, questions; numbers as text; tables |
//! | [`runs`], [`sweep`], [`world`] | several seeds; what a sweep has left; several processes under `mpirun` |
//! | `types`, `convert`, `cite` | types of parameters; tensors as values and back; publications |

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a record documents itself")]
#![allow(
    clippy::needless_update,
    reason = "every record ends in `..ENTRY`, so that a new field of records does not touch those that lack none"
)]

pub mod activation;
pub(crate) mod cite;
pub(crate) mod convert;
pub mod data;
pub mod files;
pub mod format;
pub mod metric;
pub mod network;
pub mod number;
pub mod picture;
pub mod runs;
pub mod script;
pub mod sweep;
pub mod table;
pub mod tensor;
pub(crate) mod types;
pub mod widget;
pub mod world;

use saddle_catalog::{Catalog, Entry, Kind};
use std::sync::OnceLock;

/// One line per family.
pub(crate) const FAMILIES: &[&[&Entry]] = &[
    script::ENTRIES,
    number::ENTRIES,
    format::ENTRIES,
    table::ENTRIES,
    runs::ENTRIES,
    tensor::value::ENTRIES,
    tensor::create::ENTRIES,
    tensor::random::ENTRIES,
    tensor::noise::ENTRIES,
    tensor::operators::ENTRIES,
    tensor::comparison::ENTRIES,
    tensor::math::ENTRIES,
    activation::ENTRIES,
    tensor::reduce::ENTRIES,
    tensor::quantile::ENTRIES,
    tensor::shape::ENTRIES,
    tensor::join::ENTRIES,
    tensor::index::ENTRIES,
    tensor::indexing::ENTRIES,
    tensor::linalg::ENTRIES,
    tensor::determinant::ENTRIES,
    tensor::conv::ENTRIES,
    tensor::gradient::ENTRIES,
    tensor::finite_difference::ENTRIES,
    tensor::device::ENTRIES,
    data::load::ENTRIES,
    data::files::ENTRIES,
    data::dataset::ENTRIES,
    data::batches::ENTRIES,
    data::augment::ENTRIES,
    data::distribution::ENTRIES,
    data::density::ENTRIES,
    network::value::ENTRIES,
    network::custom::ENTRIES,
    network::gradient::ENTRIES,
    network::ema::ENTRIES,
    network::layers::ENTRIES,
    network::conv::ENTRIES,
    network::recurrent::ENTRIES,
    network::likelihood::ENTRIES,
    network::norm::ENTRIES,
    network::stateless::ENTRIES,
    network::init::ENTRIES,
    network::optimizer::ENTRIES,
    network::descent::ENTRIES,
    network::steps::ENTRIES,
    network::schedule::ENTRIES,
    network::game::ENTRIES,
    network::loss::ENTRIES,
    network::penalty::ENTRIES,
    files::save::ENTRIES,
    files::checkpoint::ENTRIES,
    files::log::ENTRIES,
    metric::likelihood::ENTRIES,
    metric::coverage::ENTRIES,
    metric::neighbours::ENTRIES,
    metric::features::ENTRIES,
    metric::judge::ENTRIES,
    metric::divergence::ENTRIES,
    picture::audio::ENTRIES,
    metric::similarity::ENTRIES,
    picture::value::ENTRIES,
    picture::display::ENTRIES,
    picture::plot::ENTRIES,
    picture::bars::ENTRIES,
    picture::field::ENTRIES,
    picture::grid::ENTRIES,
    picture::live::ENTRIES,
    widget::control::ENTRIES,
    widget::paint::ENTRIES,
    widget::xy_pad::ENTRIES,
    widget::callback::ENTRIES,
    widget::interact::ENTRIES,
    widget::explore::ENTRIES,
    sweep::ENTRIES,
    world::ENTRIES,
];

/// One line per file that has kinds of values.
const KINDS: &[&[&Kind]] = &[
    tensor::value::KINDS,
    tensor::indexing::KINDS,
    tensor::random::KINDS,
    network::KINDS,
    picture::KINDS,
    metric::KINDS,
    table::KINDS,
    runs::KINDS,
    tensor::gradient::KINDS,
    data::KINDS,
    widget::KINDS,
    sweep::KINDS,
];

/// Every word and kind of the language.
pub fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::new(FAMILIES, &KINDS.concat()))
}

#[cfg(test)]
mod tests;
