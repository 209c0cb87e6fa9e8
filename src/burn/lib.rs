//! The devices that Burn computes on, behind the border that `saddle-backend` describes: graphics processors, and
//! Burn's other backend on the processor. Built as a library that is loaded when a notebook first asks for such a
//! device.
//!
//! | file | owns |
//! |---|---|
//! | `entry` | the function by which it is called: panics end here, errors become text |
//! | `value` | tensors of one backend, of any dtype |
//! | `operation` | what each operation is in Burn's own |
//! | `device` | questions about devices |
//! | `idle` | how little an open device does while nothing is to be done |
//! | `adapter` | graphics processors as wgpu sees them |
//! | `tuning` | what a graphics processor prepares at its first use, and where that is kept |

#![allow(unsafe_code, reason = "the border to the program, in C's calling convention")]
// Deprecated by Burn as a backend for programs; here it is a second opinion.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

#[cfg(feature = "wgpu")]
mod adapter;
mod device;
mod entry;
#[cfg(feature = "cube")]
mod idle;
mod operation;
#[cfg(feature = "cube")]
mod tuning;
mod value;
