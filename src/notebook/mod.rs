//! A notebook file drives a session: reading and writing `.ipynb`, running it with no Jupyter at hand (`saddle run`),
//! comparing what it shows with what it showed (`saddle test`), and a web page of it.
//!
//! | file | owns |
//! |---|---|
//! | [`document`] | a notebook file: cells, reading, writing |
//! | `json` | JSON in the spelling of Python's `nbformat` |
//! | `record` | outputs as a file stores them: joined, updated, cleared |
//! | `markers` | what tags and comments say about running and comparing a cell |
//! | [`run`] | running the cells in order |
//! | [`compare`] | stored outputs against new ones |
//! | `tolerance` | when two texts say the same |
//! | [`html`] | a self-contained web page of a notebook |

pub mod compare;
pub mod document;
pub mod html;
mod json;
mod markers;
mod record;
pub mod run;
mod tolerance;

#[cfg(test)]
mod tests;
