//! In what precision graphics processors multiply: matrix products and convolutions may run on half-precision factors, which
//! cards compute several times as fast; sums are theirs in f32, and so is everything else.
//!
//! Gradients can be too small for f16, whose smallest number is 6·10⁻⁸: an optimizer's gradients are computed of a multiple
//! of the loss ([`loss_scale`]) and divided afterwards (Micikevicius et al. 2018).

use super::{Device, Raw, Tensor, no_grad};
use saddle_fault::{Fault, Kind, Result};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::{DType, FloatDType};
use std::cell::Cell;

/// What the factors of products are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    F32,
    F16,
}

/// Large enough for gradients of 10⁻¹⁰, small enough that those of 50 do not overflow.
const LOSS_SCALE: f32 = 1024.0;

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::F32) };
}

pub fn current() -> Precision {
    CURRENT.get()
}

/// From now on products on graphics processors are computed so.
///
/// # Errors
/// Half precision on a device that has none.
pub fn set(precision: Precision, device: &Device) -> Result<()> {
    if precision == Precision::F16 {
        let has = *device != Device::Cpu
            && burn::tensor::Device::new(device.burn()).supports_dtype(DType::F16);
        if !has {
            return Err(Fault::new(
                Kind::Device,
                format!("precision: {device} has no half precision"),
            )
            .hint("it is for graphics processors: `device(\"wgpu\")` first; `precision(\"f32\")` works everywhere"));
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
        let finite = gradient
            .abs()?
            .le(&Tensor::full(f32::MAX, &[], &gradient.device()))?;
        finite.choose(&gradient.mul_scalar(1.0 / scale)?, &zero)
    })
}

impl Raw {
    /// A factor of a product on a device.
    pub(super) fn factor(&self) -> DispatchTensor {
        match current() {
            Precision::F16 if self.device() != Device::Cpu => {
                Dispatch::float_cast(self.prim(), FloatDType::F16)
            }
            _ => self.prim(),
        }
    }

    /// A product of [`Raw::factor`]s.
    pub(super) fn product(prim: DispatchTensor) -> Self {
        match current() {
            Precision::F16 => Raw::float(Dispatch::float_cast(prim, FloatDType::F32)),
            Precision::F32 => Raw::float(prim),
        }
    }
}
