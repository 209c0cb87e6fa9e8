//! The tensor and nn rooms against PyTorch (values, first and second order gradients, trajectories of optimizers).
//! The gradients of Burn's own Autodiff are compared in `src/burn/tests`.
//!
//! `make.py` wrote the fixtures beside this file and says what they hold.

mod fixture;
mod layers;
mod operations;
mod optimizers;

/// Else these suites would prove nothing of it.
#[test]
fn the_device_that_was_asked_for_computes() {
    if let Ok(name) = std::env::var("SADDLE_DEVICE") {
        assert_eq!(saddle_tensor::device::current().to_string(), name);
    }
}
