//! Questions about devices: which there are, opening one, what it holds, what went wrong on it.

#[cfg(feature = "wgpu")]
use crate::adapter;
use crate::entry::{NoAnswer, write};
#[cfg(feature = "cube")]
use crate::idle;
#[cfg(feature = "cube")]
use crate::tuning;
#[cfg(feature = "cube")]
use burn_backend::{Backend, DType};
#[cfg(feature = "cube")]
use burn_cubecl::{Cube, CubeDevice};
use saddle_backend::{Api, Call, DeviceId, Op, Reply};
use saddle_fault::{Fault, Kind};

/// A device as Burn knows it.
pub enum On {
    #[cfg(feature = "cube")]
    Cube(CubeDevice),
    #[cfg(feature = "ndarray")]
    Ndarray(burn_ndarray::NdArrayDevice),
}

/// The device that the first two numbers of a call name.
fn id(call: &Call) -> Result<DeviceId, Fault> {
    let ints = call.ints.get();
    let api = match ints[0] {
        0 => Api::Ndarray,
        1 => Api::Wgpu,
        _ => Api::Cuda,
    };
    let place = ints[1] as u32;
    Ok(DeviceId { api, place })
}

/// The device that a call speaks of.
///
/// # Errors
/// An interface that this library was built without.
pub fn on(call: &Call) -> Result<On, Fault> {
    known(id(call)?)
}

fn known(id: DeviceId) -> Result<On, Fault> {
    match id.api {
        #[cfg(feature = "ndarray")]
        Api::Ndarray => Ok(On::Ndarray(Default::default())),
        #[cfg(feature = "wgpu")]
        Api::Wgpu => Ok(On::Cube(CubeDevice::Wgpu(adapter::burn(id.place as usize)))),
        #[cfg(feature = "cuda")]
        Api::Cuda => Ok(On::Cube(CubeDevice::Cuda(cubecl::cuda::CudaDevice::new(id.place as usize)))),
        #[allow(unreachable_patterns)]
        other => Err(absent(other)),
    }
}

#[allow(dead_code)]
fn absent(api: Api) -> Fault {
    let feature = match api {
        Api::Ndarray => "ndarray",
        Api::Wgpu => "wgpu",
        Api::Cuda => "cuda",
    };
    Fault::new(Kind::Device, format!("device: the library of devices was built without \"{feature}\"")).hint(format!(
        "build it with `cargo build --release -p saddle-burn --features {feature}` and restart the kernel"
    ))
}

/// Answers a question about devices.
///
/// # Errors
/// A device that is not there or does not open; a device's own.
pub fn answer(call: &Call, reply: &mut Reply) -> Result<(), NoAnswer> {
    match call.op {
        Op::Open => {
            reply.ints[0] = open(call)? as i64;
            #[cfg(feature = "cube")]
            #[allow(irrefutable_let_patterns)]
            if let On::Cube(device) = known(DeviceId { place: reply.ints[0] as u32, ..id(call)? })? {
                // Its threads begin with its first work. What fails here fails again at the first operation, which says
                // so.
                let _ = Cube::sync(&device);
                idle::quieten();
            }
        }
        Op::Adapters | Op::Name | Op::About | Op::Destroy | Op::Lost | Op::LastLost | Op::Opened => {
            #[cfg(feature = "wgpu")]
            about_adapters(call, reply);
        }
        Op::Sync | Op::Memory | Op::Cleanup | Op::HasF16 => {
            #[cfg(feature = "cube")]
            about_memory(call, reply)?;
        }
        _ => {
            #[cfg(feature = "cube")]
            about_tuning(call, reply);
        }
    }
    Ok(())
}

fn open(call: &Call) -> Result<usize, Fault> {
    let id = id(call)?;
    match id.api {
        #[cfg(feature = "wgpu")]
        Api::Wgpu => {
            let interface = std::str::from_utf8(call.data.get()).unwrap_or_default();
            adapter::open(Some(interface).filter(|name| !name.is_empty()), id.place as usize)
        }
        #[cfg(feature = "cuda")]
        Api::Cuda => {
            tuning::prepare("cuda", false);
            Ok(id.place as usize)
        }
        #[cfg(feature = "ndarray")]
        Api::Ndarray => Ok(0),
        #[allow(unreachable_patterns)]
        other => Err(absent(other)),
    }
}

#[cfg(feature = "wgpu")]
fn about_adapters(call: &Call, reply: &mut Reply) {
    let place = call.ints.get().get(1).map_or(0, |&place| place as usize);
    match call.op {
        Op::Adapters => {
            for (place, adapter) in adapter::listed().iter().enumerate() {
                write(reply, format!("{}\t{}\n", adapter::name(place), adapter.describe()).as_bytes());
            }
        }
        Op::Name => write(reply, adapter::name(place).as_bytes()),
        Op::About => {
            reply.ints[0] = adapter::is_software(place).into();
            reply.ints[1] = adapter::largest(place).map_or(0, |bytes| bytes as i64);
        }
        Op::Destroy => adapter::destroy(place),
        Op::Lost => adapter::lost(place),
        Op::LastLost => {
            if let Some(place) = adapter::last_lost() {
                reply.ints[..2].copy_from_slice(&[1, place as i64]);
            }
        }
        _ => {
            for place in adapter::all_opened() {
                write(reply, format!("{place}\n").as_bytes());
            }
        }
    }
}

#[cfg(feature = "cube")]
fn about_memory(call: &Call, reply: &mut Reply) -> Result<(), NoAnswer> {
    #[allow(irrefutable_let_patterns)]
    let On::Cube(device) = on(call)? else {
        return Ok(());
    };
    match call.op {
        Op::Sync => Cube::sync(&device)?,
        Op::Memory => {
            if let Some(usage) = Cube::memory_pool_usage(&device) {
                reply.ints[..2].copy_from_slice(&[usage.bytes_in_use as i64, usage.bytes_reserved as i64]);
            }
        }
        Op::Cleanup => Cube::memory_cleanup(&device),
        _ => reply.ints[0] = Cube::supports_dtype(&device, DType::F16).into(),
    }
    Ok(())
}

#[cfg(feature = "cube")]
fn about_tuning(call: &Call, reply: &mut Reply) {
    match call.op {
        Op::Warnings => {
            for warning in tuning::warnings() {
                write(reply, format!("{warning}\0").as_bytes());
            }
        }
        Op::Listen => {
            let address = call.ints.get()[0] as usize;
            // SAFETY: the address of a function of this type, in a program that outlives its libraries.
            let hear = unsafe { std::mem::transmute::<usize, extern "C" fn(u64, u64)>(address) };
            tuning::listen(move |now| hear(now.kernels as u64, now.tuned as u64));
        }
        _ => {}
    }
}
