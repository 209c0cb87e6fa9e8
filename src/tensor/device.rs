//! Devices: their names in the language, the one on which new tensors are created, and what this machine offers.

use crate::raw;
use saddle_backend::{Answer, Api, Failure, Library, Op, With};
use saddle_fault::{Fault, Kind, Result};
use saddle_remote as remote;
use std::cell::RefCell;
use std::fmt;

mod failure;

pub use failure::failure;

/// Where a tensor lives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Device {
    /// This machine's processor, with the kernels of `saddle-cpu`.
    #[default]
    Cpu,
    /// This machine's processor by Burn's `ndarray`: slower, a second opinion.
    Ndarray,
    /// A graphics processor through Vulkan, Metal or DirectX 12, by its place among this machine's adapters.
    Wgpu(usize),
    /// An NVIDIA graphics processor through CUDA, by its number.
    Cuda(usize),
    /// One of another machine.
    Elsewhere(Elsewhere),
}

/// A device of another machine, where `saddle serve-device` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The number of its server among those that this process has spoken to.
    server: usize,
    api: Api,
    /// Its place there.
    place: usize,
}

thread_local! {
    /// Those that have been opened and not been lost.
    static ELSEWHERE: RefCell<Vec<Elsewhere>> = const { RefCell::new(Vec::new()) };
}

/// What `devices()` and `saddle doctor` tell of one device.
pub struct DeviceInfo {
    /// The name that `device(…)` takes.
    pub name: String,
    /// The adapter, its instruction set or its driver.
    pub detail: String,
}

/// The kinds of devices that the library has, each with the interface that it opens.
const KINDS: [(&str, Api); 6] = [
    ("ndarray", Api::Ndarray),
    ("wgpu", Api::Wgpu),
    ("vulkan", Api::Wgpu),
    ("metal", Api::Wgpu),
    ("dx12", Api::Wgpu),
    ("cuda", Api::Cuda),
];

/// Whether a device of that name is one that the library has as it is built when it is first needed. The others need a
/// cargo feature of its own, which is said where they are opened.
pub fn needs_library(name: &str) -> bool {
    let kind = name.split(':').next().unwrap_or(name);
    KINDS.iter().any(|(known, api)| *known == kind && *api == Api::Wgpu)
}

impl Device {
    /// The device of that name, opened: `cpu`, `ndarray`, `wgpu`, `cuda`, or an interface of wgpu's (`vulkan`, `metal`,
    /// `dx12`); where there may be several, with a number as in `wgpu:1`. `tcp://HOST:PORT` is one of another machine.
    ///
    /// # Errors
    /// A name that no device has, a number that no device of this machine has, the library is missing, a device that
    /// does not open; the hint says what there is.
    pub fn parse(name: &str) -> Result<Self> {
        Self::parse_with(name, None)
    }

    /// The same, with the token of the server of another machine's device.
    ///
    /// # Errors
    /// As [`Device::parse`]; of a server: see [`remote::connect`].
    pub fn parse_with(name: &str, token: Option<&str>) -> Result<Self> {
        let open = || match remote::is_elsewhere(name) {
            true => Self::open_elsewhere(name, token),
            false => Self::open(name),
        };
        let device = open()?;
        match device.probe() {
            // It may have been open for long, and lost since.
            Err(_) if device.can_be_lost() => {
                device.forget();
                let device = open()?;
                device.probe().map(|()| device)
            }
            works => works.map(|()| device),
        }
    }

    fn open_elsewhere(name: &str, token: Option<&str>) -> Result<Self> {
        let (server, there) = remote::connect(name, token)?;
        let (api, interface, number) = kind_of(&there).ok_or_else(|| {
            Fault::new(Kind::Device, format!("device: {} has no device \"{there}\"", remote::address(server)))
                .hint("\"wgpu\", \"wgpu:1\", \"ndarray\", \"cuda\", as on that machine; without one its server chooses")
        })?;
        let with = With { ints: &[api as i64, number], data: interface.as_bytes(), ..With::default() };
        let answer = remote::library(server).ask(Op::Open, with).map_err(|fault| {
            let message = format!("{}: {}", remote::address(server), fault.message);
            Fault { message, ..fault }
        })?;
        let device = Elsewhere { server, api, place: answer.ints[0] as usize };
        ELSEWHERE.with_borrow_mut(|all| {
            if !all.contains(&device) {
                all.push(device);
            }
        });
        Ok(Device::Elsewhere(device))
    }

    fn open(name: &str) -> Result<Self> {
        if name == "cpu" || name == "cpu:0" {
            return Ok(Device::Cpu);
        }
        let (api, interface, number) = kind_of(name).ok_or_else(|| unknown(name))?;
        let kind = name.split(':').next().unwrap_or(name);
        let library = load().map_err(|fault| match api {
            Api::Wgpu => fault,
            _ => fault.hint(format!(
                "`cargo build --release -p saddle-burn --features {kind}` compiles it with \"{kind}\"; `device(\"cpu\")` always works"
            )),
        })?;
        let with = With { ints: &[api as i64, number], data: interface.as_bytes(), ..With::default() };
        let place = library.ask(Op::Open, with)?.ints[0] as usize;
        Ok(match api {
            Api::Ndarray => Device::Ndarray,
            Api::Wgpu => Device::Wgpu(place),
            Api::Cuda => Device::Cuda(place),
        })
    }

    /// As it crosses the border: its interface and its place.
    pub(crate) fn numbers(&self) -> [i64; 2] {
        match *self {
            Device::Cpu => unreachable!("the CPU is not one of the library's devices"),
            Device::Ndarray => [Api::Ndarray as i64, 0],
            Device::Wgpu(place) => [Api::Wgpu as i64, place as i64],
            Device::Cuda(number) => [Api::Cuda as i64, number as i64],
            Device::Elsewhere(Elsewhere { api, place, .. }) => [api as i64, place as i64],
        }
    }

    /// The library that computes on it.
    pub(crate) fn library(&self) -> &'static Library {
        match self {
            Device::Elsewhere(there) => remote::library(there.server),
            _ => raw::library(),
        }
    }

    /// What the library answers about this device.
    fn ask(&self, op: Op) -> std::result::Result<Answer, Failure> {
        let ints = self.numbers();
        let with = With { ints: &ints, ..With::default() };
        self.library().try_ask(op, with)
    }

    /// Whether it is a graphics processor that wgpu sees, of this machine or of another.
    fn is_wgpu(&self) -> bool {
        matches!(self, Device::Wgpu(_) | Device::Elsewhere(Elsewhere { api: Api::Wgpu, .. }))
    }

    fn can_be_lost(&self) -> bool {
        matches!(self, Device::Wgpu(_) | Device::Elsewhere(_))
    }

    /// Takes a lost device off the list of those that are open.
    fn forget(&self) {
        if self.is_wgpu() {
            self.tell(Op::Lost);
        }
        if let Device::Elsewhere(lost) = self {
            ELSEWHERE.with_borrow_mut(|all| all.retain(|there| there.server != lost.server));
            let _ = remote::trouble();
        }
    }

    /// Tells the library something that has no answer.
    fn tell(&self, op: Op) {
        let _ = self.ask(op);
    }

    /// Of how many bits its whole numbers are.
    pub fn whole_bits(&self) -> usize {
        match self {
            Device::Cpu | Device::Ndarray | Device::Elsewhere(Elsewhere { api: Api::Ndarray, .. }) => 64,
            // Kernels of graphics processors count in 32.
            _ => 32,
        }
    }

    /// Whether one of its whole numbers can be this.
    pub(crate) fn holds_whole(&self, value: i64) -> bool {
        self.whole_bits() == 64 || i32::try_from(value).is_ok()
    }

    /// Whether it computes in half precision, too.
    pub(crate) fn has_f16(&self) -> bool {
        *self != Device::Cpu && self.ask(Op::HasF16).is_ok_and(|answer| answer.ints[0] == 1)
    }

    /// Takes the device away, as when a card is unplugged: what is still to be computed on it fails. For tests.
    pub fn destroy(&self) {
        if let Device::Wgpu(_) = self {
            self.tell(Op::Destroy);
        }
    }

    /// One sum, so that a device that cannot work says so here and not later.
    fn probe(&self) -> Result<()> {
        match self.one_and_one() {
            Some(Ok(2.0)) => Ok(()),
            Some(Err(e)) => Err(self.failed(&e.reason, e.lost)),
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
    fn one_and_one(&self) -> Option<std::result::Result<f32, Failure>> {
        if *self == Device::Cpu {
            return Some(Ok(2.0));
        }
        let sum = || {
            let one = super::Tensor::full(1.0, &[1], self);
            let two = one.add(&one).ok()?;
            Some(two.raw.read_sum())
        };
        std::panic::catch_unwind(sum).ok().flatten()
    }
}

/// The library of devices, loaded; what it has to tell is heard from then on.
///
/// # Errors
/// It is not there, or does not load.
fn load() -> Result<&'static Library> {
    if let Some(library) = saddle_backend::loaded() {
        return Ok(library);
    }
    let library = saddle_backend::library()?;
    crate::tuning::begin();
    Ok(library)
}

/// What a device's name says: how it is reached, the interface if one is named, its number.
fn kind_of(name: &str) -> Option<(Api, &str, i64)> {
    let (kind, number) = match name.split_once(':') {
        Some((kind, digits)) => (kind, digits.parse().ok()?),
        None => (name, 0i64),
    };
    let (_, api) = KINDS.iter().find(|(known, _)| *known == kind)?;
    let interface = if kind == "wgpu" || *api != Api::Wgpu { "" } else { kind };
    Some((*api, interface, number))
}

fn unknown(name: &str) -> Fault {
    let names: Vec<String> = list().into_iter().map(|d| d.name).collect();
    Fault::new(Kind::Device, format!("device: there is no device \"{name}\""))
        .hint(format!("this machine has: {}", names.join(", ")))
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Ndarray => f.write_str("ndarray"),
            Device::Wgpu(_) => match self.ask(Op::Name) {
                Ok(answer) => f.write_str(&answer.text()),
                Err(_) => f.write_str("wgpu"),
            },
            Device::Cuda(0) => f.write_str("cuda"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
            Device::Elsewhere(there) => {
                let name = match there.api {
                    Api::Ndarray => "ndarray".to_string(),
                    Api::Wgpu => self.ask(Op::Name).map_or_else(|_| "wgpu".to_string(), |answer| answer.text()),
                    Api::Cuda => format!("cuda:{}", there.place),
                };
                write!(f, "{}{}/{name}", remote::SCHEME, remote::address(there.server))
            }
        }
    }
}

/// Every device of this machine, as far as can be said without opening it. Those of the library are looked for only
/// where it has been built.
pub fn list() -> Vec<DeviceInfo> {
    let mut all = vec![DeviceInfo {
        name: "cpu".into(),
        detail: format!("{} threads, {}", saddle_cpu::threads(), saddle_cpu::simd_level()),
    }];
    match saddle_backend::find() {
        Ok(Some(_)) => {
            let adapters = load().and_then(|library| library.ask(Op::Adapters, With::default()));
            let text = adapters.map_or_else(|_| String::new(), |answer| answer.text());
            all.extend(
                text.lines()
                    .filter_map(|line| line.split_once('\t'))
                    .map(|(name, detail)| DeviceInfo { name: name.into(), detail: detail.into() }),
            );
        }
        Ok(None) => all.push(DeviceInfo {
            name: "wgpu".into(),
            detail: "graphics processors: compiled at the first device(\"wgpu\")".into(),
        }),
        Err(fault) => all.push(DeviceInfo { name: "wgpu".into(), detail: fault.message }),
    }
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
    let report = |device: &Device| {
        let [used, reserved, ..] = device.ask(Op::Memory).ok()?.ints.map(|bytes| bytes as u64);
        Some((device.to_string(), Memory { used, reserved }))
    };
    opened().iter().filter_map(report).collect()
}

/// The most bytes of one tensor on the current device, where that is less than the machine's memory.
pub(super) fn largest() -> Option<u64> {
    let device = current();
    if !device.is_wgpu() {
        return None;
    }
    let bytes = device.ask(Op::About).ok()?.ints[1];
    (bytes > 0).then_some(bytes as u64)
}

thread_local! {
    /// What [`most_iterations`] has been told of the device that it was last asked about: it is asked at every
    /// operation.
    static ITERATIONS: RefCell<(Device, Option<usize>)> = const { RefCell::new((Device::Cpu, None)) };
}

/// How many iterations all loops of a kernel may take on a device before it breaks them off without a word: Mesa's
/// llvmpipe does.
pub(super) fn most_iterations(device: &Device) -> Option<usize> {
    if !device.is_wgpu() {
        return None;
    }
    ITERATIONS.with_borrow_mut(|(known, most)| {
        if known != device {
            let software = device.ask(Op::About).is_ok_and(|answer| answer.ints[0] == 1);
            (*known, *most) = (device.clone(), software.then_some(65_535));
        }
        *most
    })
}

/// Gives memory that no tensor uses any more back to the system and to the devices.
pub fn free_unused() {
    saddle_cpu::release_memory();
    for device in opened() {
        // What is still under way may use it. A device that fails has nothing to give back.
        if device.ask(Op::Sync).is_ok() {
            device.tell(Op::Cleanup);
        }
    }
}

/// The graphics processors that have been opened, here and elsewhere.
fn opened() -> Vec<Device> {
    let answer = saddle_backend::loaded().and_then(|library| library.try_ask(Op::Opened, With::default()).ok());
    let text = answer.map_or_else(String::new, |answer| answer.text());
    let here = text.lines().filter_map(|place| place.parse().ok()).map(Device::Wgpu);
    let elsewhere = ELSEWHERE.with_borrow(Vec::clone);
    here.chain(elsewhere.into_iter().map(Device::Elsewhere)).collect()
}

/// How many threads large operations on the CPU are shared among.
pub fn threads() -> usize {
    saddle_cpu::threads()
}

/// Changes that number from now on.
pub fn set_threads(count: usize) {
    saddle_cpu::set_threads(count);
}
