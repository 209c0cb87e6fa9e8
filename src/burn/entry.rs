//! The function by which the library is called. Panics end here: they become a status and a text.

use crate::device::{self, On};
use crate::operation::{self, Arguments};
use crate::value::{AnyTensor, Holds, Value};
use burn_backend::ExecutionError;
use saddle_backend::{Call, Entry, Made, Op, Reply, Status};
use saddle_fault::Fault;
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Where `saddle-backend` finds the rest.
// The name is that of `saddle_backend::ENTRY`.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static saddle_burn: Entry = Entry { identity, call, release };

extern "C" fn identity(len: *mut usize) -> *const u8 {
    let identity = saddle_component::identity();
    // SAFETY: the caller's own variable.
    unsafe { *len = identity.len() };
    identity.as_ptr()
}

/// # Safety
/// A handle that this library has made, which is not used any more.
unsafe extern "C" fn release(handle: *const c_void) {
    // SAFETY: made by `AnyTensor::made`, and given back once.
    let held = unsafe { Box::from_raw(handle.cast_mut().cast::<AnyTensor>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(held)));
}

/// # Safety
/// `call` and `reply` as `saddle-backend` makes them.
unsafe extern "C" fn call(call: *const Call, reply: *mut Reply) -> Status {
    // Said by whoever waits for the answer, not on the standard error.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    // SAFETY: they live for this call.
    let (call, reply) = unsafe { (&*call, &mut *reply) };
    match catch_unwind(AssertUnwindSafe(|| answer(call, reply))) {
        Ok(Ok(())) => Status::Done,
        Ok(Err(NoAnswer::Fault(fault))) => {
            let hint = fault.hint.unwrap_or_default();
            write(reply, format!("{}\0{hint}", fault.message).as_bytes());
            Status::Refused
        }
        Ok(Err(NoAnswer::Device(error))) => {
            write(reply, error.reason().as_bytes());
            match error.is_device_poisoned() {
                true => Status::Lost,
                false => Status::Failed,
            }
        }
        Err(panic) => {
            write(reply, panic_message(&*panic).as_bytes());
            Status::Panicked
        }
    }
}

/// What a panic says.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let fixed = || panic.downcast_ref::<&str>().copied();
    owned.or_else(fixed).unwrap_or("it does not say why")
}

/// Why a question has no answer.
pub enum NoAnswer {
    Fault(Fault),
    Device(ExecutionError),
}

impl From<Fault> for NoAnswer {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ExecutionError> for NoAnswer {
    fn from(error: ExecutionError) -> Self {
        Self::Device(error)
    }
}

/// Gives bytes to whoever asked.
pub fn write(reply: &mut Reply, bytes: &[u8]) {
    (reply.write)(reply.to, bytes.as_ptr(), bytes.len());
}

fn answer(call: &Call, reply: &mut Reply) -> Result<(), NoAnswer> {
    match call.op {
        Op::Upload | Op::Full => {
            let held = match device::on(call)? {
                #[cfg(feature = "cube")]
                On::Cube(device) => AnyTensor::Cube(create(call, &device)),
                #[cfg(feature = "ndarray")]
                On::Ndarray(device) => AnyTensor::Ndarray(create(call, &device)),
            };
            reply.made[0] = held.made();
            Ok(())
        }
        op if (op as u32) >= Op::Adapters as u32 => device::answer(call, reply),
        op => {
            let handles = call.tensors.get();
            // SAFETY: handles of tensors that the caller holds.
            let first = unsafe { &*handles[0].cast::<AnyTensor>() };
            match (op, first) {
                #[cfg(feature = "cube")]
                (Op::Read, AnyTensor::Cube(value)) => write(reply, &operation::read(value.clone())?),
                #[cfg(feature = "ndarray")]
                (Op::Read, AnyTensor::Ndarray(value)) => write(reply, &operation::read(value.clone())?),
                #[cfg(feature = "cube")]
                (_, AnyTensor::Cube(_)) => reply.made = compute::<burn_cubecl::Cube>(call),
                #[cfg(feature = "ndarray")]
                (_, AnyTensor::Ndarray(_)) => reply.made = compute::<burn_ndarray::NdArray>(call),
                #[cfg(not(any(feature = "cube", feature = "ndarray")))]
                _ => {}
            }
            Ok(())
        }
    }
}

/// A tensor of what the call holds, on a device.
fn create<B: Holds>(call: &Call, device: &burn_backend::tensor::Device<B>) -> Value<B> {
    let sizes = &call.ints.get()[2..];
    match call.op {
        Op::Full => operation::full(call.floats.get()[0], sizes, device),
        _ => operation::upload(call.kind, call.data.get(), sizes, device),
    }
}

fn compute<B: Holds>(call: &Call) -> [Made; 2] {
    let tensor = |&handle: &*const c_void| {
        // SAFETY: handles of tensors that the caller holds.
        let held = unsafe { &*handle.cast::<AnyTensor>() };
        B::of(held).cloned().expect("all tensors of an operation are on one device")
    };
    let tensors: Vec<Value<B>> = call.tensors.get().iter().map(tensor).collect();
    let arguments = Arguments { tensors: tensors.into_iter(), ints: call.ints.get(), floats: call.floats.get() };
    let (one, other) = operation::compute::<B>(call.op, arguments);
    [B::held(one).made(), other.map_or(Made::NOTHING, |v| B::held(v).made())]
}
