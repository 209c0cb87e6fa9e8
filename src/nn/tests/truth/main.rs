//! The tensor and nn rooms against PyTorch (values, first and second order gradients, trajectories of optimizers).
//! The gradients of Burn's own Autodiff are compared in `src/burn/tests`.
//!
//! `make.py` wrote the fixtures beside this file and says what they hold.

mod fixture;
mod layers;
mod operations;
mod optimizers;
