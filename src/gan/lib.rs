//! What makes a network pair a GAN: the losses of both players, penalties on D, and measures of the result. No language, no
//! pixels: networks come in as functions from tensors to tensors.
//!
//! | file | owns |
//! |---|---|
//! | [`loss`] | what D and G minimise, from the 2014 paper to relativistic losses |
//! | [`metrics`] | measures of samples: Parzen windows, modes, FID, precision and recall, … |
//! | [`penalty`] | gradient penalties on D, differentiable themselves |

pub mod loss;
pub mod metrics;
pub mod penalty;
