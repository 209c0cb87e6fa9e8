//! The loaded library: where it is found, its tensors as values that are given back when nobody holds them any more, and its
//! errors as ours.

use crate::border::{Call, ENTRY, Entry, Kind, Made, Op, Reply, Span, Status};
use saddle_component::BURN;
use saddle_fault::{Fault, Kind as Fails, Result};
use std::ffi::c_void;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The library, once it is loaded.
pub struct Library {
    entry: &'static Entry,
}

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

/// The library, loaded now if it was not before; `None` if it is not there, or only one that was built from other sources.
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
            Ok(Some(entry)) => return Ok(Some(LIBRARY.get_or_init(|| Library { entry }))),
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
    // SAFETY: the symbol of that name is a static of that type in all versions of the library; it only grows at its end.
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
    entry: &'static Entry,
}

impl Tensor {
    /// The size of each axis.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        let sizes = &self.made.sizes[..self.made.rank as usize];
        sizes.iter().map(|&n| n as usize)
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: the library's own handle, given back once.
        unsafe { (self.entry.release)(self.made.handle) }
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
enum Ended {
    Refused(Fault),
    Failed(Failure),
}

extern "C" fn append(to: *mut c_void, bytes: *const u8, len: usize) {
    // SAFETY: `to` is the vector of the answer that waits, `bytes` what the library lends for this call.
    let (to, bytes) = unsafe { (&mut *to.cast::<Vec<u8>>(), std::slice::from_raw_parts(bytes, len)) };
    to.extend_from_slice(bytes);
}

impl Library {
    fn call(&self, op: Op, with: With) -> std::result::Result<Answer, Ended> {
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
        let status = unsafe { (self.entry.call)(&call, &mut reply) };
        let entry = self.entry;
        // Made only where there is one: what is dropped is released.
        let tensor = |made: Made| (!made.handle.is_null()).then(|| Tensor { made, entry });
        let answer = Answer { made: reply.made.map(tensor), ints: reply.ints, bytes };
        let reason = || answer.text();
        match status {
            Status::Done => Ok(answer),
            Status::Refused => {
                let text = reason();
                let (message, hint) = text.split_once('\0').unwrap_or((&text, ""));
                let fault = Fault::new(Fails::Device, message);
                Err(Ended::Refused(match hint {
                    "" => fault,
                    hint => fault.hint(hint),
                }))
            }
            Status::Failed => Err(Ended::Failed(Failure { reason: reason(), lost: false })),
            Status::Lost => Err(Ended::Failed(Failure { reason: reason(), lost: true })),
            // As if Burn were part of this program: who catches panics of native code asks the devices what happened.
            Status::Panicked => std::panic::resume_unwind(Box::new(reason())),
        }
    }

    /// An operation on tensors, which gives one, or two.
    ///
    /// # Panics
    /// Where Burn does: a device that fails within an operation.
    pub fn compute(&self, op: Op, with: With) -> [Option<Tensor>; 2] {
        match self.call(op, with) {
            Ok(answer) => answer.made,
            Err(Ended::Failed(Failure { reason, .. })) => std::panic::resume_unwind(Box::new(reason)),
            Err(Ended::Refused(fault)) => std::panic::resume_unwind(Box::new(fault.message)),
        }
    }

    /// What a device answers that may fail.
    ///
    /// # Errors
    /// Why it failed.
    pub fn try_ask(&self, op: Op, with: With) -> std::result::Result<Answer, Failure> {
        self.call(op, with).map_err(|ended| match ended {
            Ended::Failed(failure) => failure,
            Ended::Refused(fault) => Failure { reason: fault.message, lost: false },
        })
    }

    /// What the library is asked about devices.
    ///
    /// # Errors
    /// Its own, in the user's terms.
    pub fn ask(&self, op: Op, with: With) -> Result<Answer> {
        self.call(op, with).map_err(|ended| match ended {
            Ended::Refused(fault) => fault,
            Ended::Failed(failure) => Fault::new(Fails::Device, failure.reason),
        })
    }
}
