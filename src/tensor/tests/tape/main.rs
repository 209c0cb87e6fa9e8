//! The tape against outside truths: finite differences of every recorded operation at first and second order, closed
//! forms, and what a graph may cost.

mod check;
mod elementwise;
mod graph;
mod structure;

use saddle_tensor::{Tensor, device};

/// A device that does not open leaves the suite on the CPU, where it would pass for another.
#[test]
fn it_runs_on_the_device_that_was_asked_for() {
    let wanted = std::env::var("SADDLE_DEVICE").unwrap_or_else(|_| "cpu".into());
    assert_eq!(device::current().to_string(), wanted);
    assert_eq!(Tensor::scalar(1.0).device().to_string(), wanted);
}
