//! Saddlepoint: a Jupyter kernel whose cells are Rhai and whose values are tensors, made for generative adversarial networks.
//!
//! The rooms and the only arrows between them (an arrow is an import; `tests/rooms.rs` fails on any other):
//!
//! ```text
//!   main ─┬─► serve ─► wire                          a Jupyter client drives the session
//!         ├─► notebook                               a file drives the session (run, test)
//!         └─► cell ─► words ─► catalog
//!                       ├────► gan ─► nn ─► tensor ─► cpu
//!                       ├────► data
//!                       └────► picture
//!   leaves that every room may use: session, output, fault
//! ```
//!
//! | room | owns |
//! |---|---|
//! | [`session`] | what a notebook session is to whoever drives it: the trait that `cell` implements and `serve` and `notebook` drive |
//! | [`output`] | the one list of things that a cell can show |
//! | [`catalog`] | one record for each word: registration, checking, help and completion come from it |
//! | [`words`] | the words, one file per family |
//! | [`cell`] | the engine thread: runs cells, keeps variables and functions, shows errors with cell, line and caret |
//! | [`fault`] | the one error type: kind, message, hint |

pub mod catalog;
pub mod cell;
pub mod cpu;
pub mod data;
pub mod fault;
pub mod gan;
pub mod nn;
pub mod notebook;
pub mod output;
pub mod picture;
pub mod serve;
pub mod session;
pub mod tensor;
pub mod wire;
pub mod words;
