//! Networks as values: layers, initialisers, parameters, optimizers, losses.
//!
//! A layer is a description without state; a network pairs descriptions with parameters. So the same network can be
//! called with its own parameters, or with others that a step of some optimizer has just computed ([`Network::with`]):
//! that is how a discriminator is unrolled and differentiated through.
//!
//! | file | owns |
//! |---|---|
//! | [`param`] | one parameter: a named cell that holds a tensor |
//! | [`network`] | layers with their parameters, called in order or by a function of the user's own |
//! | `tree` | walks through a network's parts |
//! | `summary` | the table of a network's layers |
//! | [`layers`] | what each layer computes |
//! | [`init`] | how parameters start |
//! | [`optim`] | optimizers over a network's parameters |
//! | [`steps`] | their steps as differentiable values |
//! | [`schedule`] | settings that change with the step |
//! | [`game`] | gradients adjusted to the dynamics of a game |
//! | [`checkpoint`] | what is kept of networks and optimizers in files |
//! | [`onnx`] | networks as files that onnxruntime runs |
//! | [`loss`] | losses on predictions and targets, and those of the two players of a GAN |

#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod game;
pub mod init;
pub mod layers;
pub mod loss;
pub mod network;
pub mod onnx;
pub mod optim;
pub mod param;
pub mod schedule;
pub mod steps;
mod summary;
mod tree;

pub use init::Init;
pub use layers::{Layer, Mode, Pass};
pub use network::{Caller, Network, Part};
pub use optim::{Algorithm, Optimizer};
pub use param::Param;
