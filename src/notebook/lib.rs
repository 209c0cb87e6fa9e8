//! A notebook file drives a session: reading and writing `.ipynb`, running it with no Jupyter at hand (`saddle run`),
//! comparing what it shows with what it showed (`saddle test`), and a web page of it.
//!
//! | file | owns |
//! |---|---|
//! | [`document`] | a notebook file: cells, reading, writing |
//! | `json` | JSON in the spelling of Python's `nbformat` |
//! | `record` | outputs as a file stores them: joined, updated, cleared |
//! | `markers` | what tags and comments say about running and comparing a cell |
//! | [`parameters`] | parameters as papermill keeps them |
//! | [`run`] | running the cells in order |
//! | [`compare`] | stored outputs against new ones |
//! | [`trial`] | a notebook put to the test: the verdict on each cell, what an update stores |
//! | [`report`] | what a person or a build server is told of it |
//! | [`html`] | a self-contained web page of a notebook |

#![forbid(unsafe_code)]

pub mod compare;
pub mod document;
pub mod html;
mod json;
mod markers;
pub mod parameters;
mod record;
pub mod report;
pub mod run;
pub mod trial;

#[cfg(test)]
mod tests;
