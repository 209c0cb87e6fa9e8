//! Devices of another machine: the border to the library of devices (`saddle-backend`), carried over a socket.
//! `saddle serve-device` answers on the machine with the graphics processor, `device("tcp://HOST:PORT")` asks.
//!
//! | file | owns |
//! |---|---|
//! | `client` | connections to servers: calls sent ahead, answers waited for, what is said when one is lost |
//! | `server` | answering: the tensors of each client, errors that wait until someone reads |
//! | `greeting` | the first bytes of both sides: versions compared, the token proved without sending it |
//! | `wire` | numbers and lists as bytes; how a silent line is noticed |
//! | `shape` | the sizes of what an operation gives, so that nobody waits to be told |
//!
//! A call that gives tensors has no answer: the client names the results itself and knows their sizes, so a training
//! step is sent in one go and waits for the network only where it reads a number. What fails on the server is kept in
//! the place of the result, and told to whoever reads it or what was computed from it. Gradients are the tape's, as on
//! every device: the server knows of none.
//!
//! The token is proved by both sides with HMAC-SHA-256 of random numbers, and does not cross. What follows is neither
//! encrypted nor signed: beyond one machine it goes through `ssh -L`.

// The allocator of tests counts.
#![cfg_attr(not(test), forbid(unsafe_code))]

mod client;
#[cfg(test)]
#[path = "../data/tests/damage/mod.rs"]
mod damage;
#[cfg(test)]
mod fuzz;
mod greeting;
mod server;
mod shape;
mod wire;

pub use client::{SCHEME, STALE, TOKEN, address, connect, is_elsewhere, library, trouble};
pub use greeting::{FEWEST_LETTERS, fresh_token};
pub use server::{Server, serve};
