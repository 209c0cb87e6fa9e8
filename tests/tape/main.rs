//! The tape against outside truths: finite differences of every recorded operation at first and second order, closed
//! forms, and what a graph may cost.

mod check;
mod elementwise;
mod graph;
mod structure;
