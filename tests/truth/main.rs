//! The tensor and nn rooms against PyTorch (values, first and second order gradients, trajectories of optimizers)
//! and against Burn's own Autodiff (first order).
//!
//! `make.py` wrote the fixtures beside this file and says what they hold.

mod burn;
mod fixture;
mod layers;
mod operations;
mod optimizers;
