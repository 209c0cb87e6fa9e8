//! A library of devices, the loaded one or one elsewhere: where it is found, its tensors as values that are given back
//! when nobody holds them any more, and its errors as ours.

use crate::border::{Call, ENTRY, Entry, Kind, Made, Op, Reply, Span, Status};
use saddle_component::BURN;
use saddle_fault::{Fault, Kind as Fails, Result};
use std::ffi::c_void;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A library of devices: this machine's, once it is loaded, or another machine's.
pub struct Library {
    reach: &'static dyn Reach,
}

/// How a library is reached.
pub trait Reach: Send + Sync {
    /// Has it answer a call.
    fn call(&self, op: Op, with: &With) -> CallResult;

    /// Gives a tensor's handle back.
    fn release(&self, handle: *const c_void);
}

/// What came of a call.
pub struct CallResult {
    /// How it ended.
    pub status: Status,
    /// Handles of the tensors that it made, with their sizes.
    pub made: [Made; 2],
    /// The numbers that it gave.
    pub ints: [i64; 4],
    /// The bytes that it gave; why it failed.
    pub bytes: Vec<u8>,
}

/// The library that is loaded in this process.
struct Loaded(&'static Entry);

static LIBRARY: OnceLock<Library> = OnceLock::new();

/// The library, if it has been loaded: before, there is no tensor outside of this processor.
pub fn loaded() -> Option<&'static Library> {
    LIBRARY.get()
}

/// The library, loaded now if it was not before.
///
/// # Errors
/// It is not there; the system does not load it.
pub fn library() -> Result<&'static Library> {
    find()?.ok_or_else(missing)
}

/// The library, loaded now if it was not before; `None` if it is not there, or only one that was built from other
/// sources.
///
/// # Errors
/// The system does not load it.
pub fn find() -> Result<Option<&'static Library>> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = loaded() {
        return Ok(Some(library));
    }
    let mut refused = None;
    for path in saddle_component::candidates(&BURN) {
        match load(&path) {
            Ok(Some(entry)) => {
                let reach: &'static Loaded = Box::leak(Box::new(Loaded(entry)));
                return Ok(Some(LIBRARY.get_or_init(|| Library { reach })));
            }
            Ok(None) => {}
            Err(error) => refused = Some(error),
        }
    }
    refused.map_or(Ok(None), Err)
}

fn missing() -> Fault {
    let message = "device: the library of devices other than the processor has not been compiled";
    Fault::new(Fails::Device, message).hint(format!("`{}` does it; `device(\"cpu\")` always works", BURN.command()))
}

/// The entry of the library in a file; `None` if it was built from other sources.
fn load(path: &Path) -> Result<Option<&'static Entry>> {
    let cannot = |error: libloading::Error| {
        Fault::new(Fails::Device, format!("the library of devices, {}, cannot be loaded: {error}", path.display()))
            .hint("`device(\"cpu\")` always works")
    };
    // SAFETY: it is our own library: what runs when it is loaded are the initialisers of Rust's standard library.
    let library = unsafe { libloading::Library::new(path) }.map_err(cannot)?;
    // SAFETY: the symbol of that name is a static of that type in all versions of the library; it only grows at its
    // end.
    let entry: *const Entry = *unsafe { library.get::<*const Entry>(ENTRY) }.map_err(cannot)?;
    // Threads of its own go on running: it is never unloaded.
    std::mem::forget(library);
    // SAFETY: a static of the library, which stays.
    let entry = unsafe { &*entry };
    let mut len = 0;
    let start = (entry.identity)(&mut len);
    // SAFETY: it gives the bytes of a string that stays.
    let identity = unsafe { std::slice::from_raw_parts(start, len) };
    Ok((identity == saddle_component::identity().as_bytes()).then_some(entry))
}

/// Why a device did not do what it was told.
#[derive(Clone, Debug)]
pub struct Failure {
    /// In its own words.
    pub reason: String,
    /// Whether it will not compute again.
    pub lost: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A tensor of the library's.
pub struct Tensor {
    made: Made,
    reach: &'static dyn Reach,
}

impl Tensor {
    /// The size of each axis.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        let sizes = &self.made.sizes[..self.made.rank as usize];
        sizes.iter().map(|&n| n as usize)
    }

    /// What the library knows it by.
    pub fn handle(&self) -> *const c_void {
        self.made.handle
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        self.reach.release(self.made.handle);
    }
}

/// What an answer holds.
#[derive(Default)]
pub struct Answer {
    /// The tensors that it made.
    pub made: [Option<Tensor>; 2],
    /// The numbers that it gave.
    pub ints: [i64; 4],
    /// The bytes that it gave.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// What was written, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What a call holds beside its operation.
#[derive(Clone, Copy, Default)]
pub struct With<'a> {
    /// The operands.
    pub tensors: &'a [&'a Tensor],
    /// Axes, sizes, counts.
    pub ints: &'a [i64],
    /// Scalars.
    pub floats: &'a [f32],
    /// The elements of an upload.
    pub data: &'a [u8],
    /// The type of the elements, where it is not that of the operands.
    pub kind: Option<Kind>,
}

/// How a call can end badly.
pub enum CallError {
    /// An error of the user's.
    Refused(Fault),
    /// The device does not compute.
    Failed(Failure),
    /// The library broke off.
    Panicked(String),
}

extern "C" fn append(to: *mut c_void, bytes: *const u8, len: usize) {
    // SAFETY: `to` is the vector of the answer that waits, `bytes` what the library lends for this call.
    let (to, bytes) = unsafe { (&mut *to.cast::<Vec<u8>>(), std::slice::from_raw_parts(bytes, len)) };
    to.extend_from_slice(bytes);
}

impl Reach for Loaded {
    fn call(&self, op: Op, with: &With) -> CallResult {
        let handles: Vec<*const c_void> = with.tensors.iter().map(|t| t.made.handle).collect();
        let call = Call {
            op,
            kind: with.kind.unwrap_or(Kind::F32),
            tensors: Span::from(handles.as_slice()),
            ints: Span::from(with.ints),
            floats: Span::from(with.floats),
            data: Span::from(with.data),
        };
        let mut bytes = Vec::new();
        let mut reply = Reply { made: [Made::NOTHING; 2], ints: [0; 4], write: append, to: (&raw mut bytes).cast() };
        // SAFETY: both live for the call; the handles are the library's own, of tensors that are borrowed here.
        let status = unsafe { (self.0.call)(&call, &mut reply) };
        CallResult { status, made: reply.made, ints: reply.ints, bytes }
    }

    fn release(&self, handle: *const c_void) {
        // SAFETY: the library's own handle, given back once.
        unsafe { (self.0.release)(handle) }
    }
}

impl Library {
    /// A library that is reached in another way than by loading it.
    pub fn over(reach: &'static dyn Reach) -> Self {
        Self { reach }
    }

    /// Has the library answer.
    ///
    /// # Errors
    /// How it ended, if not well.
    pub fn answer(&self, op: Op, with: With) -> std::result::Result<Answer, CallError> {
        let CallResult { status, made, ints, bytes } = self.reach.call(op, &with);
        let reach = self.reach;
        // Made only where there is one: what is dropped is released.
        let tensor = |made: Made| (!made.handle.is_null()).then(|| Tensor { made, reach });
        let answer = Answer { made: made.map(tensor), ints, bytes };
        let reason = || answer.text();
        match status {
            Status::Done => Ok(answer),
            Status::Refused => {
                let text = reason();
                let (message, hint) = text.split_once('\0').unwrap_or((&text, ""));
                let fault = Fault::new(Fails::Device, message);
                Err(CallError::Refused(match hint {
                    "" => fault,
                    hint => fault.hint(hint),
                }))
            }
            Status::Failed => Err(CallError::Failed(Failure { reason: reason(), lost: false })),
            Status::Lost => Err(CallError::Failed(Failure { reason: reason(), lost: true })),
            Status::Panicked => Err(CallError::Panicked(reason())),
        }
    }

    /// As if Burn were part of this program: who catches panics of native code asks the devices what happened.
    fn call(&self, op: Op, with: With) -> std::result::Result<Answer, CallError> {
        self.answer(op, with).map_err(|ended| match ended {
            CallError::Panicked(reason) => std::panic::resume_unwind(Box::new(reason)),
            other => other,
        })
    }

    /// An operation on tensors, which gives one, or two.
    ///
    /// # Panics
    /// Where Burn does: a device that fails within an operation.
    pub fn compute(&self, op: Op, with: With) -> [Option<Tensor>; 2] {
        match self.call(op, with) {
            Ok(answer) => answer.made,
            Err(CallError::Failed(Failure { reason, .. }) | CallError::Panicked(reason)) => {
                std::panic::resume_unwind(Box::new(reason))
            }
            Err(CallError::Refused(fault)) => std::panic::resume_unwind(Box::new(fault.message)),
        }
    }

    /// What a device answers that may fail.
    ///
    /// # Errors
    /// Why it failed.
    pub fn try_ask(&self, op: Op, with: With) -> std::result::Result<Answer, Failure> {
        self.call(op, with).map_err(|ended| match ended {
            CallError::Failed(failure) => failure,
            CallError::Refused(fault) => Failure { reason: fault.message, lost: false },
            CallError::Panicked(reason) => Failure { reason, lost: false },
        })
    }

    /// What the library is asked about devices.
    ///
    /// # Errors
    /// Its own, in the user's terms.
    pub fn ask(&self, op: Op, with: With) -> Result<Answer> {
        self.call(op, with).map_err(|ended| match ended {
            CallError::Refused(fault) => fault,
            CallError::Failed(Failure { reason, .. }) | CallError::Panicked(reason) => {
                Fault::new(Fails::Device, reason)
            }
        })
    }
}
