//! Devices: their names in the language, the one on which new tensors are created, and what this machine offers.

#[cfg(feature = "wgpu")]
use super::adapter;
use saddle_fault::{Fault, Kind, Result};
#[cfg(feature = "wgpu")]
use burn::backend::CubeDevice;
use burn::backend::{DispatchDevice, FlexDevice};
use burn::tensor::{BoolDType, ExecutionError};
use std::cell::RefCell;
use std::fmt;

/// Where a tensor lives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Device {
    /// This machine's processor: Burn's `flex`, with the kernels of `cpu` over it.
    #[default]
    Cpu,
    /// This machine's processor by Burn's `ndarray`: slower, a second opinion.
    #[cfg(feature = "ndarray")]
    Ndarray,
    /// A graphics processor through Vulkan, Metal or DirectX 12, by its place among this machine's adapters.
    #[cfg(feature = "wgpu")]
    Wgpu(usize),
    /// An NVIDIA graphics processor through CUDA, by its number.
    #[cfg(feature = "cuda")]
    Cuda(usize),
}

/// What `devices()` and `saddle doctor` tell of one device.
pub struct DeviceInfo {
    /// The name that `device(…)` takes.
    pub name: String,
    /// The adapter, its instruction set or its driver.
    pub detail: String,
}

/// The kinds of devices that a build may have, each with the cargo feature that it needs.
const KINDS: [(&str, &str, bool); 6] = [
    ("ndarray", "ndarray", cfg!(feature = "ndarray")),
    ("wgpu", "wgpu", cfg!(feature = "wgpu")),
    ("vulkan", "wgpu", cfg!(feature = "wgpu")),
    ("metal", "wgpu", cfg!(feature = "wgpu")),
    ("dx12", "wgpu", cfg!(feature = "wgpu")),
    ("cuda", "cuda", cfg!(feature = "cuda")),
];

impl Device {
    /// The device of that name, opened: `cpu`, `ndarray`, `wgpu`, `cuda`, or an interface of wgpu's (`vulkan`, `metal`, `dx12`); where there may be several, with a number as in `wgpu:1`.
    ///
    /// # Errors
    /// A name that no device of this build has, a number that no device of this machine has, a device that does not open;
    /// the hint says what there is.
    pub fn parse(name: &str) -> Result<Self> {
        let device = Self::open(name)?;
        match device.probe() {
            // It may have been open for long, and lost since.
            #[cfg(feature = "wgpu")]
            Err(_) if let Device::Wgpu(place) = device => {
                adapter::lost(place);
                let device = Self::open(name)?;
                device.probe().map(|()| device)
            }
            works => works.map(|()| device),
        }
    }

    fn open(name: &str) -> Result<Self> {
        let (kind, number) = match name.split_once(':') {
            Some((kind, digits)) => (kind, digits.parse().map_err(|_| unknown(name))?),
            None => (name, 0),
        };
        match kind {
            "cpu" if number == 0 => Ok(Device::Cpu),
            #[cfg(feature = "ndarray")]
            "ndarray" if number == 0 => Ok(Device::Ndarray),
            #[cfg(feature = "wgpu")]
            "wgpu" => adapter::open(None, number).map(Device::Wgpu),
            #[cfg(feature = "wgpu")]
            _ if adapter::interface(kind).is_some() => {
                adapter::open(Some(kind), number).map(Device::Wgpu)
            }
            #[cfg(feature = "cuda")]
            "cuda" => {
                super::tuning::prepare("cuda", false);
                Ok(Device::Cuda(number))
            }
            _ => Err(unknown(name)),
        }
    }

    /// Takes the device away, as when a card is unplugged: what is still to be computed on it fails. For tests.
    #[cfg(feature = "wgpu")]
    pub fn destroy(&self) {
        if let Device::Wgpu(place) = self {
            adapter::destroy(*place);
        }
    }

    /// One sum, so that a device that cannot work says so here and not later.
    fn probe(&self) -> Result<()> {
        match self.one_and_one() {
            Some(Ok(2.0)) => Ok(()),
            Some(Err(e)) => Err(self.failed(e.reason(), e.is_device_poisoned())),
            _ => Err(Fault::new(
                Kind::Device,
                format!("device: \"{self}\" does not work: 1 + 1 could not be computed on it"),
            )
            .hint("its driver may be missing or too old; `device(\"cpu\")` always works")),
        }
    }

    /// Whether it can compute anything. What it says of why not is not looked at.
    fn answers(&self) -> bool {
        matches!(self.one_and_one(), Some(Ok(2.0)))
    }

    /// A sum, what the device says of why there is none, or `None` if it broke off.
    fn one_and_one(&self) -> Option<Result<f32, ExecutionError>> {
        if *self == Device::Cpu {
            return Some(Ok(2.0));
        }
        let sum = || {
            let one = super::Tensor::full(1.0, &[1], self);
            let two = one.add(&one).ok()?;
            let sum = two.raw.read().map(|data| data.iter::<f32>().sum());
            Some(sum)
        };
        std::panic::catch_unwind(sum).ok().flatten()
    }

    /// How it holds truth values: kernels of graphics processors know no type of one bit or byte.
    pub(super) fn bools(&self) -> BoolDType {
        match self {
            #[cfg(feature = "wgpu")]
            Device::Wgpu(_) => BoolDType::U32,
            #[cfg(feature = "cuda")]
            Device::Cuda(_) => BoolDType::U32,
            _ => BoolDType::Native,
        }
    }

    pub(super) fn burn(&self) -> DispatchDevice {
        match self {
            Device::Cpu => DispatchDevice::Flex(FlexDevice),
            #[cfg(feature = "ndarray")]
            Device::Ndarray => DispatchDevice::NdArray(Default::default()),
            #[cfg(feature = "wgpu")]
            Device::Wgpu(place) => DispatchDevice::Cube(CubeDevice::Wgpu(adapter::burn(*place))),
            #[cfg(feature = "cuda")]
            Device::Cuda(number) => DispatchDevice::Cube(burn::backend::CubeDevice::Cuda(
                burn::backend::CudaDevice::new(*number),
            )),
        }
    }

    pub(super) fn from_burn(device: &DispatchDevice) -> Self {
        match device {
            #[cfg(feature = "ndarray")]
            DispatchDevice::NdArray(_) => Device::Ndarray,
            #[cfg(feature = "wgpu")]
            DispatchDevice::Cube(CubeDevice::Wgpu(device)) => Device::Wgpu(adapter::place(device)),
            #[cfg(feature = "cuda")]
            DispatchDevice::Cube(burn::backend::CubeDevice::Cuda(device)) => {
                Device::Cuda(device.index)
            }
            #[allow(unreachable_patterns)]
            _ => Device::Cpu,
        }
    }
}

fn unknown(name: &str) -> Fault {
    let kind = name.split(':').next().unwrap_or(name);
    if let Some((_, feature, _)) = KINDS.iter().find(|(k, _, built)| *k == kind && !built) {
        return Fault::new(
            Kind::Device,
            format!("device: this build of saddle has no \"{kind}\""),
        )
        .hint(format!(
            "build it with `cargo build --release --features {feature}`"
        ));
    }
    let names: Vec<String> = list().into_iter().map(|d| d.name).collect();
    Fault::new(
        Kind::Device,
        format!("device: there is no device \"{name}\""),
    )
    .hint(format!("this build has: {}", names.join(", ")))
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            #[cfg(feature = "ndarray")]
            Device::Ndarray => f.write_str("ndarray"),
            #[cfg(feature = "wgpu")]
            Device::Wgpu(place) => f.write_str(&adapter::name(*place)),
            #[cfg(feature = "cuda")]
            Device::Cuda(0) => f.write_str("cuda"),
            #[cfg(feature = "cuda")]
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// Every device that this build can open on this machine, as far as can be said without opening it.
pub fn list() -> Vec<DeviceInfo> {
    #[allow(unused_mut)]
    let mut all = vec![DeviceInfo {
        name: "cpu".into(),
        detail: format!(
            "{} threads, {}",
            saddle_cpu::threads(),
            saddle_cpu::simd_level()
        ),
    }];
    #[cfg(feature = "ndarray")]
    all.push(DeviceInfo {
        name: Device::Ndarray.to_string(),
        detail: "the processor by Burn's ndarray backend".into(),
    });
    #[cfg(feature = "wgpu")]
    all.extend(
        adapter::listed()
            .iter()
            .enumerate()
            .map(|(i, adapter)| DeviceInfo {
                name: Device::Wgpu(i).to_string(),
                detail: adapter.describe(),
            }),
    );
    #[cfg(feature = "cuda")]
    all.push(DeviceInfo {
        name: Device::Cuda(0).to_string(),
        detail: "NVIDIA's own interface, where its libraries are".into(),
    });
    all
}

thread_local! {
    static TROUBLE: RefCell<Option<Fault>> = const { RefCell::new(None) };
    static CURRENT: RefCell<Device> = RefCell::new(first());
}

/// Where the first tensors are created: the device that the environment variable `SADDLE_DEVICE` names, else the CPU.
fn first() -> Device {
    let Ok(name) = std::env::var("SADDLE_DEVICE") else {
        return Device::Cpu;
    };
    Device::parse(&name).unwrap_or_else(|fault| {
        let message = format!("SADDLE_DEVICE: {}", fault.message);
        TROUBLE.set(Some(Fault { message, ..fault }));
        Device::Cpu
    })
}

/// Why the device that `SADDLE_DEVICE` names is not the current one; said once.
pub fn trouble() -> Option<Fault> {
    current();
    TROUBLE.take()
}

/// The device on which tensors are created.
pub fn current() -> Device {
    CURRENT.with_borrow(Device::clone)
}

/// From now on tensors are created on `device`.
pub fn set_current(device: Device) {
    CURRENT.set(device);
}

impl Device {
    /// What went wrong on it, in the user's terms. A lost device is taken off the list of those that are open.
    ///
    /// A loss is noticed at some time after it, by a thread of the driver's: before that its operations fail for reasons of all
    /// kinds. Where nothing is `lost` yet, one more operation tells.
    pub(super) fn failed(&self, reason: &str, lost: bool) -> Fault {
        // The cause may have been told elsewhere: what fails later only knows that a value is missing.
        #[cfg(feature = "cube")]
        let told = super::tuning::warnings();
        #[cfg(not(feature = "cube"))]
        let told: Vec<String> = Vec::new();
        let all = || told.iter().map(String::as_str).chain([reason]);
        let first = cause(reason);
        let scarce = all().any(speaks_of_memory);
        if lost || !scarce && !self.answers() {
            #[cfg(feature = "wgpu")]
            if let Device::Wgpu(place) = self {
                adapter::lost(*place);
            }
            return Fault::new(Kind::Device, format!("the device {self} was lost: {first}"))
                .hint(reopen(self));
        }
        if scarce {
            return Fault::new(Kind::Device, format!("{self} is out of memory")).hint(
                "smaller batches or networks need less; `%memory` shows what holds how much, `%reset` frees all",
            );
        }
        after_a_loss().unwrap_or_else(|| {
            Fault::new(Kind::Device, format!("an operation on {self} failed: {first}")).hint(
                "what it computed is lost, everything else is not; `device(\"cpu\")` can do all operations",
            )
        })
    }
}

fn reopen(lost: &Device) -> String {
    format!(
        "`device(\"{lost}\")` opens it again; `resume` brings a checkpoint back to networks made anew"
    )
}

/// The line of a device's report that says what happened: around it stands how it came to be known.
fn cause(report: &str) -> &str {
    const AROUND: [&str; 8] = [
        "Caused by:",
        "Asked at:",
        "No backtrace",
        "Several failures at once",
        "The bytes were never written",
        "The device is poisoned",
        "A launch error happened",
        "An IO error happened",
    ];
    let says = |line: &&str| !line.is_empty() && !AROUND.iter().any(|a| line.starts_with(a));
    let mut lines = report.lines().map(str::trim);
    let line = lines.find(says).unwrap_or("it does not say why");
    line.trim_end_matches(':')
}

fn speaks_of_memory(report: &str) -> bool {
    let report = report.to_lowercase();
    let words = ["out of memory", "out of device memory", "can't allocate"];
    words.iter().any(|w| report.contains(w))
}

/// Why a graphics processor made an operation break off, if one did: asked for after a panic under the words.
pub fn failure() -> Option<Fault> {
    #[cfg(feature = "cube")]
    for device in opened() {
        let answer = std::panic::catch_unwind(|| burn::tensor::Device::new(device.burn()).sync());
        match answer {
            Ok(Ok(())) if device.answers() => {}
            Ok(Ok(())) => return Some(device.failed("it does not answer", false)),
            Ok(Err(e)) => return Some(device.failed(e.reason(), e.is_device_poisoned())),
            Err(_) => return Some(device.failed("it does not answer", true)),
        }
    }
    #[cfg(feature = "cube")]
    {
        let mut told = super::tuning::warnings();
        told.reverse();
        if !told.is_empty() {
            return Some(current().failed(&told.join("\n"), false));
        }
    }
    after_a_loss()
}

/// What is to blame for a failure after a device was lost: tensors from before.
fn after_a_loss() -> Option<Fault> {
    #[cfg(feature = "wgpu")]
    if let Some(place) = adapter::last_lost() {
        let device = Device::Wgpu(place);
        let message = format!("the device {device} was lost, and tensors that were on it with it");
        return Some(Fault::new(Kind::Device, message).hint(reopen(&device)));
    }
    None
}

/// What a device's allocator holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// By tensors.
    pub used: u64,
    /// With what is kept for later ones.
    pub reserved: u64,
}

/// What the graphics processors that are open hold, each by its name.
pub fn memory() -> Vec<(String, Memory)> {
    #[cfg(feature = "cube")]
    {
        let report = |device: &Device| {
            let usage = burn::tensor::Device::new(device.burn()).memory_pool_usage()?;
            let memory = Memory {
                used: usage.bytes_in_use,
                reserved: usage.bytes_reserved,
            };
            Some((device.to_string(), memory))
        };
        opened().iter().filter_map(report).collect()
    }
    #[cfg(not(feature = "cube"))]
    Vec::new()
}

/// The most bytes of one tensor on the current device, where that is less than the machine's memory.
pub(super) fn largest() -> Option<u64> {
    match current() {
        #[cfg(feature = "wgpu")]
        Device::Wgpu(place) => adapter::largest(place),
        _ => None,
    }
}

/// How many turns all loops of a kernel may take on a device before it breaks them off without a word: Mesa's llvmpipe does.
pub(super) fn most_turns(device: &Device) -> Option<usize> {
    match device {
        #[cfg(feature = "wgpu")]
        Device::Wgpu(place) if adapter::is_software(*place) => Some(65_535),
        _ => None,
    }
}

/// Gives memory that no tensor uses any more back to the devices.
pub fn free_unused() {
    #[cfg(feature = "cube")]
    for device in opened() {
        let device = burn::tensor::Device::new(device.burn());
        // What is still under way may use it. A device that fails has nothing to give back.
        if device.sync().is_ok() {
            device.memory_cleanup();
        }
    }
}

/// The graphics processors that have been opened.
#[cfg(feature = "cube")]
fn opened() -> Vec<Device> {
    #[allow(unused_mut)]
    let mut all: Vec<Device> = Vec::new();
    #[cfg(feature = "wgpu")]
    all.extend(adapter::all_opened().into_iter().map(Device::Wgpu));
    all
}

/// How many threads large operations on the CPU are shared among.
pub fn threads() -> usize {
    saddle_cpu::threads()
}

/// Changes that number from now on.
pub fn set_threads(count: usize) {
    saddle_cpu::set_threads(count);
}
