//! Graphics processors as wgpu sees them: which there are, and how one is opened.
//!
//! Nothing of wgpu is touched before someone asks: [`all`] looks for adapters, [`open`] opens one.

use crate::tuning;
use cubecl::wgpu::wgpu::{self, AdapterInfo, Backend, DeviceType};
use cubecl::wgpu::{RuntimeOptions, WgpuDevice, WgpuSetup, try_init_device};
use saddle_fault::{Fault, Kind, Result};
use std::pin::pin;
use std::sync::{OnceLock, RwLock};
use std::task::{Context, Poll, Waker};

/// One adapter on one interface.
pub struct Adapter {
    info: AdapterInfo,
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
}

/// The interfaces to look for adapters, best first, with the names by which one can be asked for.
const INTERFACES: [(Backend, &str, &str); 3] =
    [(Backend::Vulkan, "vulkan", "Vulkan"), (Backend::Metal, "metal", "Metal"), (Backend::Dx12, "dx12", "DirectX 12")];

impl Adapter {
    /// Its name, kind, interface and memory.
    pub fn describe(&self) -> String {
        let kind = match self.info.device_type {
            DeviceType::DiscreteGpu => "graphics card",
            DeviceType::IntegratedGpu => "integrated graphics",
            DeviceType::VirtualGpu => "virtual graphics card",
            DeviceType::Cpu => "software on the processor, slow",
            DeviceType::Other => "adapter",
        };
        let interface = INTERFACES.iter().find(|(b, ..)| *b == self.info.backend);
        let interface = interface.map_or("WebGPU", |(.., title)| title);
        let memory = self.memory().map_or_else(String::new, |bytes| format!(", {:.1} GiB of memory", gibibytes(bytes)));
        format!("{}, {kind}, {interface}{memory}, tensors up to {:.1} GiB", self.info.name, gibibytes(self.largest()))
    }

    /// The most bytes of one tensor.
    fn largest(&self) -> u64 {
        let limits = self.adapter.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// Its own memory in bytes, where the interface tells.
    #[cfg(any(target_os = "linux", target_os = "windows"))]
    fn memory(&self) -> Option<u64> {
        use wgpu::hal::api::Vulkan;
        const DEVICE_LOCAL: u32 = 1;
        // SAFETY: the handle is only read, and not kept beyond this function.
        let adapter = unsafe { self.adapter.as_hal::<Vulkan>() }?;
        let instance = adapter.shared_instance().raw_instance();
        // SAFETY: the physical device belongs to this instance, which lives as long as the adapter.
        let properties = unsafe { instance.get_physical_device_memory_properties(adapter.raw_physical_device()) };
        let heaps = &properties.memory_heaps[..properties.memory_heap_count as usize];
        let own = heaps.iter().filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0);
        own.map(|heap| heap.size).max()
    }

    #[cfg(not(any(target_os = "linux", target_os = "windows")))]
    fn memory(&self) -> Option<u64> {
        None
    }

    /// A new device on it, with everything that the adapter has.
    fn open(&self) -> Result<(WgpuDevice, wgpu::Device)> {
        let refused = |why: &dyn std::fmt::Display| {
            Fault::new(Kind::Device, format!("device: {} cannot be opened: {why}", self.info.name))
                .hint("a newer driver may help; `device(\"cpu\")` always works")
        };
        let request = self.adapter.request_device(&wgpu::DeviceDescriptor {
            label: None,
            // Mapped buffers slow a device with memory of its own down.
            required_features: self.adapter.features().difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
            required_limits: self.adapter.limits(),
            // Burn pools its memory itself.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            trace: wgpu::Trace::Off,
            // SAFETY: Burn's kernels use subgroups and shared memory as its own devices do, which are opened the same
            // way.
            experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        });
        let (device, queue) =
            at_once(request).ok_or_else(|| refused(&"it does not answer"))?.map_err(|e| refused(&e))?;
        let about = format!("{} {}", self.info.name, self.info.driver_info);
        tuning::prepare(&about, self.info.device_type == DeviceType::Cpu);
        let options = RuntimeOptions::try_default().map_err(|e| refused(&e))?;
        let setup = WgpuSetup {
            instance: self.instance.clone(),
            adapter: self.adapter.clone(),
            device: device.clone(),
            queue,
            backend: self.info.backend,
        };
        let burn = try_init_device(setup, options).map_err(|e| refused(&e))?;
        Ok((burn, device))
    }
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// The adapters of this machine on every interface, and how many of them are on the best one. Looked for once.
struct Adapters {
    all: Vec<Adapter>,
    /// These come first: the others are the same cards again.
    listed: usize,
}

fn adapters() -> &'static Adapters {
    static ALL: OnceLock<Adapters> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut found: Vec<Vec<Adapter>> = INTERFACES.iter().map(|(api, ..)| on(*api)).collect();
        found.retain(|adapters| !adapters.is_empty());
        let hardware = |adapters: &Vec<Adapter>| {
            let mut kinds = adapters.iter().map(|a| a.info.device_type);
            kinds.any(|kind| kind != DeviceType::Cpu)
        };
        if let Some(best) = found.iter().position(hardware) {
            let best = found.remove(best);
            found.insert(0, best);
        }
        Adapters { listed: found.first().map_or(0, Vec::len), all: found.into_iter().flatten().collect() }
    })
}

/// The adapters on the best interface, graphics cards first, software last: adapter n is `wgpu:n`.
pub fn listed() -> &'static [Adapter] {
    let adapters = adapters();
    &adapters.all[..adapters.listed]
}

/// The adapters on one interface.
fn on(api: Backend) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: api.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = at_once(instance.enumerate_adapters(api.into())).unwrap_or_default();
    let mut adapters: Vec<Adapter> = found
        .into_iter()
        .map(|adapter| Adapter { info: adapter.get_info(), instance: instance.clone(), adapter })
        .collect();
    adapters.sort_by_key(|a| match a.info.device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    });
    adapters
}

/// What a future gives that waits for nothing: outside browsers wgpu's are done at once.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A device that has been opened: of which adapter, and as Burn and as wgpu know it.
struct Opened {
    place: usize,
    burn: WgpuDevice,
    wgpu: wgpu::Device,
    lost: bool,
}

static OPENED: RwLock<Vec<Opened>> = RwLock::new(Vec::new());

fn opened<T>(f: impl FnOnce(&[Opened]) -> T) -> T {
    f(&OPENED.read().unwrap_or_else(|e| e.into_inner()))
}

/// Opens adapter `number`, of one interface if one is named, unless it is open already: its place, which names it from
/// then on.
///
/// # Errors
/// There is no such adapter; it refuses: what wgpu says.
pub fn open(interface: Option<&str>, number: usize) -> Result<usize> {
    let api = INTERFACES.iter().find(|(_, word, _)| Some(*word) == interface);
    let mut places = adapters().all.iter().enumerate().filter(|(i, a)| match api {
        Some((api, ..)) => a.info.backend == *api,
        None => *i < adapters().listed,
    });
    let Some((place, adapter)) = places.clone().nth(number) else {
        let title = api.map_or("wgpu", |(.., title)| title);
        return Err(missing(title, number, places.by_ref().count()));
    };
    let mut all = OPENED.write().unwrap_or_else(|e| e.into_inner());
    if !all.iter().any(|o| o.place == place && !o.lost) {
        let (burn, wgpu) = adapter.open()?;
        all.push(Opened { place, burn, wgpu, lost: false });
    }
    Ok(place)
}

/// Takes the device of the adapter at a place away, as when a card is unplugged or its driver is started again.
pub fn destroy(place: usize) {
    opened(|all| {
        all.iter().filter(|o| o.place == place && !o.lost).for_each(|o| o.wgpu.destroy());
    });
}

/// The device of the adapter at a place does not work any more: the next [`open`] makes a new one.
pub fn lost(place: usize) {
    let mut all = OPENED.write().unwrap_or_else(|e| e.into_inner());
    all.iter_mut().filter(|o| o.place == place).for_each(|o| o.lost = true);
}

/// The most bytes of one tensor on the adapter at a place.
pub fn largest(place: usize) -> Option<u64> {
    adapters().all.get(place).map(Adapter::largest)
}

/// Whether the adapter at a place is this machine's processor.
pub fn is_software(place: usize) -> bool {
    let adapter = adapters().all.get(place);
    adapter.is_some_and(|a| a.info.device_type == DeviceType::Cpu)
}

/// The places of the adapters that are open.
pub fn all_opened() -> Vec<usize> {
    opened(|all| all.iter().filter(|o| !o.lost).map(|o| o.place).collect())
}

/// The place of the adapter whose device was lost last, if any was.
pub fn last_lost() -> Option<usize> {
    opened(|all| all.iter().rev().find(|o| o.lost).map(|o| o.place))
}

/// Burn's device of an adapter that has been opened.
pub fn burn(place: usize) -> WgpuDevice {
    // Not opened: Burn's default, which opens itself.
    opened(|all| {
        let last = all.iter().rev().find(|o| o.place == place);
        last.map(|o| o.burn.clone()).unwrap_or_default()
    })
}

/// The number of the adapter at a place on its interface, and that interface's name unless it is the best one.
pub fn name(place: usize) -> String {
    let all = &adapters().all;
    let api = all.get(place).map(|a| a.info.backend);
    let number = all[..place.min(all.len())].iter().filter(|a| Some(a.info.backend) == api).count();
    let word = match place < adapters().listed {
        true => "wgpu",
        false => INTERFACES.iter().find(|(b, ..)| Some(*b) == api).map_or("wgpu", |(_, word, _)| word),
    };
    match number {
        0 => word.to_string(),
        n => format!("{word}:{n}"),
    }
}

fn missing(title: &str, number: usize, found: usize) -> Fault {
    match found {
        0 => Fault::new(Kind::Device, format!("device: {title} finds no graphics adapter on this machine")).hint(
            "on Linux it needs the Vulkan driver of your graphics card: NVIDIA's driver brings it, for AMD, Intel and \
             software rendering it is the package mesa-vulkan-drivers (in a container also give it the card); \
             `device(\"cpu\")` always works",
        ),
        n => Fault::new(Kind::Device, format!("device: there is no adapter {number}; {title} finds {n}"))
            .hint("`devices()` lists them, counted from 0"),
    }
}
