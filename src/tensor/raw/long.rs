//! What a processor that plays a graphics processor cannot be left to compute: kernels with long loops, which its
//! driver breaks off without a word, so that a sum of 100,000 elements is one of the first 65,535. They are computed on
//! the CPU, which is the same processor.

use super::Raw;
use crate::device::{self, Device};

impl Raw {
    /// The device to bring the result back to, if a kernel of so many iterations has to be computed on the CPU.
    pub(super) fn too_long_for(&self, iterations: usize) -> Option<Device> {
        if self.view().is_some() {
            return None;
        }
        let device = self.device();
        let most = device::most_iterations(&device)?;
        (iterations > most).then_some(device)
    }

    pub(super) fn on_cpu(&self) -> Raw {
        self.to_device(&Device::Cpu)
    }
}
