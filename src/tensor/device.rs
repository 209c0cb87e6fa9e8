//! Devices: their names in the language, the one on which new tensors are created, and what this machine offers.

use crate::fault::{Fault, Kind, Result};
use burn::backend::{DispatchDevice, FlexDevice};
use std::cell::RefCell;
use std::fmt;

/// Where a tensor lives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Device {
    /// This machine's processor: Burn's `flex`, with the kernels of `cpu` over it.
    #[default]
    Cpu,
}

/// What `devices()` and `saddle doctor` tell of one device.
pub struct DeviceInfo {
    /// The name that `device(…)` takes.
    pub name: String,
    /// The adapter, its instruction set or its driver.
    pub detail: String,
}

impl Device {
    /// The device of that name: `cpu`.
    ///
    /// # Errors
    /// A name that no device of this build has; the hint lists those there are.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Device::Cpu),
            _ => Err(Fault::new(
                Kind::Device,
                format!("device: there is no device \"{name}\""),
            )
            .hint(format!(
                "this build has: {}",
                list()
                    .iter()
                    .map(|d| d.name.clone())
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    pub(super) fn burn(&self) -> DispatchDevice {
        match self {
            Device::Cpu => DispatchDevice::Flex(FlexDevice),
        }
    }

    pub(super) fn from_burn(device: &DispatchDevice) -> Self {
        #[allow(unreachable_patterns)]
        match device {
            DispatchDevice::Flex(_) => Device::Cpu,
            _ => Device::Cpu,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
        }
    }
}

/// Every device that this build can open on this machine.
pub fn list() -> Vec<DeviceInfo> {
    vec![DeviceInfo {
        name: "cpu".into(),
        detail: format!(
            "{} threads, {}",
            crate::cpu::threads(),
            crate::cpu::simd_level()
        ),
    }]
}

thread_local! {
    static CURRENT: RefCell<Device> = const { RefCell::new(Device::Cpu) };
}

/// The device on which tensors are created.
pub fn current() -> Device {
    CURRENT.with(|d| d.borrow().clone())
}

/// From now on tensors are created on `device`.
pub fn set_current(device: Device) {
    CURRENT.with(|d| *d.borrow_mut() = device);
}

/// How many threads large operations on the CPU are shared among.
pub fn threads() -> usize {
    crate::cpu::threads()
}

/// Changes that number from now on.
pub fn set_threads(count: usize) {
    crate::cpu::set_threads(count);
}
