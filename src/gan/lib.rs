//! What makes a network pair a GAN: penalties on D, and measures of the result; the losses of both players stand beside
//! the others, in `saddle_nn::loss`. No language, no pixels: networks come in as functions from tensors to tensors.
//!
//! | file | owns |
//! |---|---|
//! | [`augment`] | DiffAugment: random changes that D sees on real and generated images alike |
//! | [`metrics`] | measures of samples: Parzen windows, modes, FID, precision and recall, … |
//! | [`penalty`] | gradient penalties on D, differentiable themselves |
//! | [`similarity`] | how like two images are: PSNR, SSIM |

#![forbid(unsafe_code)]

pub mod augment;
pub mod metrics;
pub mod penalty;
pub mod similarity;
