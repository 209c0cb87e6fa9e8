//! In what precision graphics processors multiply: matrix products and convolutions may run on half-precision factors,
//! which cards compute several times as fast; sums are theirs in f32, and so is everything else.
//!
//! Gradients can be too small for f16, whose smallest number is 6·10⁻⁸: an optimizer's gradients are computed of a
//! multiple of the loss ([`loss_scale`]) and divided afterwards (Micikevicius et al. 2018).

use super::{Device, Raw, Tensor, no_grad};
use crate::raw::Far;
use saddle_backend::Op;
use saddle_fault::{Fault, Kind, Result};
use std::cell::Cell;

/// What the factors of products are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As tensors are stored.
    #[default]
    F32,
    /// Halved to 16 bits, summed in 32.
    F16,
}

/// Large enough for gradients of 10⁻¹⁰, small enough that those of 50 do not overflow.
const LOSS_SCALE: f32 = 1024.0;

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::F32) };
}

/// Of this thread now.
pub fn current() -> Precision {
    CURRENT.get()
}

/// From now on products on graphics processors are computed so.
///
/// # Errors
/// Half precision on a device that has none.
pub fn set(precision: Precision, device: &Device) -> Result<()> {
    if precision == Precision::F16 {
        let has = device.has_f16();
        if !has {
            return Err(Fault::new(Kind::Device, format!("precision: {device} has no half precision")).hint(
                "it is for graphics processors: `device(\"wgpu\")` first; `precision(\"f32\")` works everywhere",
            ));
        }
    }
    CURRENT.set(precision);
    Ok(())
}

/// By how much an optimizer multiplies the loss, if it has to.
pub fn loss_scale(loss: &Tensor) -> Option<f32> {
    (current() == Precision::F16 && loss.device() != Device::Cpu).then_some(LOSS_SCALE)
}

/// The gradient of the loss from that of its multiple; what has overflowed counts as 0.
///
/// # Errors
/// A device's own.
pub fn unscaled(gradient: &Tensor, scale: f32) -> Result<Tensor> {
    no_grad(|| {
        let zero = Tensor::full(0.0, &[], &gradient.device());
        let finite = gradient.abs()?.le(&Tensor::full(f32::MAX, &[], &gradient.device()))?;
        finite.choose(&gradient.mul_scalar(1.0 / scale)?, &zero)
    })
}

impl Raw {
    /// A factor of a product on a device.
    pub(super) fn factor(&self) -> Far {
        match current() {
            Precision::F16 => crate::raw::one(Op::IntoF16, self.far()),
            Precision::F32 => self.far().clone(),
        }
    }

    /// A product of [`Raw::factor`]s.
    pub(super) fn product(far: Far) -> Self {
        match current() {
            Precision::F16 => Raw::float(crate::raw::one(Op::IntoF32, &far)),
            Precision::F32 => Raw::float(far),
        }
    }
}
