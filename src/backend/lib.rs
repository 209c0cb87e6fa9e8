//! The border between tensors and the library of devices that Burn computes on (graphics processors, and its other
//! backend on the processor). `tensor` calls, the library `saddle-burn` answers; it is loaded when a notebook first
//! asks for such a device.
//!
//! | file | owns |
//! |---|---|
//! | `border` | what crosses the border: one function in C's calling convention, a call and its answer |
//! | `library` | a library, the loaded one or one elsewhere: finding it, holding its tensors, its errors as ours |
//!
//! Why a library of its own: Burn with its kernels for graphics processors takes more time to compile than all of the
//! rest three times over, and most notebooks never open such a device. So the first build leaves it out, and a changed
//! line elsewhere does not link it again. Why C's calling convention: both sides are compiled from the same sources
//! (their identities are compared), but each has a standard library and an allocator of its own, so nothing is freed on
//! the other side, and no panic crosses.

#![allow(unsafe_code, reason = "the border to the library of devices, in C's calling convention")]

mod border;
mod library;

pub use border::{Api, Call, DeviceId, ENTRY, Entry, Kind, MOST_AXES, Made, Op, Reply, Span, Status};
pub use library::{Answer, CallError, CallResult, Failure, Library, Reach, Tensor, With, find, library, loaded};
