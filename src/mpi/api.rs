//! Open MPI's C interface (its handles are addresses of symbols of its library), as far as it is used. The library is
//! never unloaded.

#![expect(unsafe_code, reason = "calls of the MPI library, in C's calling convention")]

use super::failed;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use saddle_fault::{Fault, Kind, Result};
use std::ffi::{c_int, c_void};
use std::ptr;

/// A handle: the address of a symbol.
type Handle = *const c_void;

type Reduce = unsafe extern "C" fn(*const c_void, *mut c_void, c_int, Handle, Handle, Handle) -> c_int;
type Broadcast = unsafe extern "C" fn(*mut c_void, c_int, Handle, c_int, Handle) -> c_int;
type Gather = unsafe extern "C" fn(*const c_void, c_int, Handle, *mut c_void, c_int, Handle, Handle) -> c_int;
type Number = unsafe extern "C" fn(Handle, *mut c_int) -> c_int;
type Initialize = unsafe extern "C" fn(*mut c_int, *mut c_void, c_int, *mut c_int) -> c_int;
type Finalize = unsafe extern "C" fn() -> c_int;

/// The names that the library has: Open MPI's, by its version.
const NAMES: [&str; 3] = ["libmpi.so.40", "libmpi.so", "libmpi.dylib"];
/// `MPI_IN_PLACE` in Open MPI.
const IN_PLACE: *const c_void = ptr::without_provenance(1);
/// `MPI_THREAD_SERIALIZED`: several threads, but one at a time.
const ONE_AT_A_TIME: c_int = 2;
/// Numbers of one call; longer buffers go in several, for counts are 32-bit.
const MOST_NUMBERS: usize = 1 << 28;

#[derive(Clone, Copy)]
pub enum Op {
    Sum,
    Min,
    Max,
}

/// The loaded library.
pub struct Api {
    initialize: Initialize,
    finalize: Finalize,
    rank: Number,
    size: Number,
    reduce: Reduce,
    broadcast: Broadcast,
    gather: Gather,
    everyone: Handle,
    float: Handle,
    double: Handle,
    sum: Handle,
    min: Handle,
    max: Handle,
}

// SAFETY: the handles are addresses of constants of a library that is never unloaded. The calls themselves are made one
// at a time, which the mode asked for in `initialize` allows from any thread.
unsafe impl Send for Api {}
// SAFETY: as above.
unsafe impl Sync for Api {}

impl Api {
    /// Loads the library.
    ///
    /// # Errors
    /// There is none, or none of Open MPI.
    pub fn load() -> Result<Self> {
        let own = std::env::var("SADDLE_MPI").ok();
        let names = own.as_deref().into_iter().chain(NAMES);
        let mut refused = String::from("no library");
        for name in names {
            // SAFETY: what runs is the library's own initialisers. Global, since Open MPI's plugins look for its
            // symbols.
            match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) } {
                Ok(library) => return Self::of(Box::leak(Box::new(library))),
                Err(error) => refused = error.to_string(),
            }
        }
        Err(Fault::new(Kind::Device, format!("mpirun has started this, and MPI's library cannot be loaded: {refused}"))
            .hint("on Debian and Ubuntu: apt install libopenmpi3; SADDLE_MPI names another path of libmpi.so"))
    }

    fn of(library: &'static Library) -> Result<Self> {
        let wrong = |error: libloading::Error| {
            Fault::new(Kind::Device, format!("this MPI library is not Open MPI's: {error}"))
                .hint("Open MPI is what is known here; run with its mpirun, and its libmpi.so in SADDLE_MPI")
        };
        // SAFETY: MPI's functions of these names have these types in every version of the standard since 2.0.
        unsafe {
            let address = |name: &[u8]| {
                library.get::<*mut c_void>(name).map(|symbol| symbol.as_raw_ptr().cast_const()).map_err(wrong)
            };
            Ok(Self {
                initialize: *library.get::<Initialize>(b"MPI_Init_thread\0").map_err(wrong)?,
                finalize: *library.get::<Finalize>(b"MPI_Finalize\0").map_err(wrong)?,
                rank: *library.get::<Number>(b"MPI_Comm_rank\0").map_err(wrong)?,
                size: *library.get::<Number>(b"MPI_Comm_size\0").map_err(wrong)?,
                reduce: *library.get::<Reduce>(b"MPI_Allreduce\0").map_err(wrong)?,
                broadcast: *library.get::<Broadcast>(b"MPI_Bcast\0").map_err(wrong)?,
                gather: *library.get::<Gather>(b"MPI_Allgather\0").map_err(wrong)?,
                everyone: address(b"ompi_mpi_comm_world\0")?,
                float: address(b"ompi_mpi_float\0")?,
                double: address(b"ompi_mpi_double\0")?,
                sum: address(b"ompi_mpi_op_sum\0")?,
                min: address(b"ompi_mpi_op_min\0")?,
                max: address(b"ompi_mpi_op_max\0")?,
            })
        }
    }

    pub fn initialize(&self) -> Result<()> {
        let mut provided = 0;
        // SAFETY: the program's arguments may be null since MPI 2.0; `provided` is a live number.
        done("MPI_Init_thread", unsafe {
            (self.initialize)(ptr::null_mut(), ptr::null_mut(), ONE_AT_A_TIME, &raw mut provided)
        })
    }

    pub fn finalize(&self) -> Result<()> {
        // SAFETY: takes no memory.
        done("MPI_Finalize", unsafe { (self.finalize)() })
    }

    pub fn rank(&self) -> Result<usize> {
        self.number("MPI_Comm_rank", self.rank)
    }

    pub fn size(&self) -> Result<usize> {
        self.number("MPI_Comm_size", self.size)
    }

    fn number(&self, name: &str, function: Number) -> Result<usize> {
        let mut number = 0;
        // SAFETY: `number` is a live number.
        done(name, unsafe { function(self.everyone, &raw mut number) })?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    pub fn reduce(&self, numbers: &mut [f32], op: Op) -> Result<()> {
        let op = match op {
            Op::Sum => self.sum,
            Op::Min => self.min,
            Op::Max => self.max,
        };
        for part in numbers.chunks_mut(MOST_NUMBERS) {
            // SAFETY: the buffer holds as many floats as are counted, and is ours alone.
            done("MPI_Allreduce", unsafe {
                (self.reduce)(IN_PLACE, part.as_mut_ptr().cast(), part.len() as c_int, self.float, op, self.everyone)
            })?;
        }
        Ok(())
    }

    pub fn broadcast(&self, numbers: &mut [f32]) -> Result<()> {
        for part in numbers.chunks_mut(MOST_NUMBERS) {
            // SAFETY: as in `reduce`.
            done("MPI_Bcast", unsafe {
                (self.broadcast)(part.as_mut_ptr().cast(), part.len() as c_int, self.float, 0, self.everyone)
            })?;
        }
        Ok(())
    }

    /// The number of each process, in their order; `all` has a place for each.
    pub fn gather(&self, own: f64, all: &mut [f64]) -> Result<()> {
        // SAFETY: one number is read, and one for each process is written, for which there is a place.
        done("MPI_Allgather", unsafe {
            let (from, to) = ((&raw const own).cast(), all.as_mut_ptr().cast());
            (self.gather)(from, 1, self.double, to, 1, self.double, self.everyone)
        })
    }
}

fn done(what: &str, code: c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(failed(what, code)) }
}
