//! Calls through the [`Table`], and the memory that comes and goes with them.

use super::abi::{Block, Deliver, RawPayload, TABLE, Table};
use super::pack::Writer;
use std::ffi::c_void;
use std::sync::OnceLock;

/// The kernel's side.
///
/// # Panics
/// Outside of the kernel's process.
pub fn table() -> &'static Table {
    static FOUND: OnceLock<usize> = OnceLock::new();
    let address = *FOUND.get_or_init(|| {
        let address = std::env::var(TABLE).ok().and_then(|text| text.parse().ok());
        address.expect("this crate works only in a cell of a notebook")
    });
    // SAFETY: the kernel's side has put the address of a table there that is never freed, before any code of a cell
    // runs.
    unsafe { &*(address as *const Table) }
}

/// A message that is being put together: bytes, and blocks that are this value's until it is sent.
#[derive(Default)]
pub struct Packed {
    pub writer: Writer,
    blocks: Vec<Mapped>,
}

impl Packed {
    /// A copy of the numbers as a block of shared memory; its number in the message.
    ///
    /// # Errors
    /// No memory.
    pub fn block(&mut self, numbers: &[f32]) -> Result<usize, String> {
        let len = size_of_val(numbers);
        // SAFETY: the numbers live through the call.
        let block = unsafe { (table().share)(numbers.as_ptr().cast(), len) };
        if block.file < 0 {
            return Err(format!("there is no memory to share {len} bytes"));
        }
        self.blocks.push(Mapped(block));
        Ok(self.blocks.len() - 1)
    }

    /// Hands the message on.
    pub fn send<R>(self, to: impl FnOnce(RawPayload) -> R) -> R {
        let blocks: Vec<Block> = self.blocks.into_iter().map(Mapped::into_block).collect();
        to(RawPayload {
            bytes: self.writer.bytes.as_ptr(),
            len: self.writer.bytes.len(),
            blocks: blocks.as_ptr(),
            count: blocks.len(),
        })
    }
}

/// A block that is released when it is dropped.
pub struct Mapped(Block);

impl Mapped {
    /// Whether it is there only for the length of a call, and only to be read.
    pub fn is_lent(&self) -> bool {
        self.0.file < 0
    }
}

// SAFETY: the memory belongs to this value alone, whichever thread holds it.
unsafe impl Send for Mapped {}
// SAFETY: shared references only read it.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn into_block(self) -> Block {
        std::mem::ManuallyDrop::new(self).0
    }

    pub fn numbers(&self) -> &[f32] {
        // SAFETY: mapped, at the start of a page, and any bytes are floats.
        unsafe { std::slice::from_raw_parts(self.0.address.cast(), self.0.len / 4) }
    }

    pub fn numbers_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above; the pages are written to as copies of this process, and nobody else holds them.
        unsafe { std::slice::from_raw_parts_mut(self.0.address.cast(), self.0.len / 4) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: it came from the table, and is released once.
        unsafe { (table().release)(self.0) };
    }
}

/// What a payload holds: its bytes, and its blocks, each to be taken once.
///
/// # Safety
/// The payload is as `abi` says, and its blocks have not been taken.
pub unsafe fn open<'a>(payload: RawPayload) -> (&'a [u8], Vec<Option<Mapped>>) {
    // SAFETY: the caller's word; an empty list may have any pointer but null.
    unsafe {
        let bytes = match payload.len {
            0 => &[],
            n => std::slice::from_raw_parts(payload.bytes, n),
        };
        let blocks = match payload.count {
            0 => &[],
            n => std::slice::from_raw_parts(payload.blocks, n),
        };
        (bytes, blocks.iter().map(|block| Some(Mapped(*block))).collect())
    }
}

/// Calls `give` with a context under which what it delivers is read by `read`; what that gives.
pub fn receive<R>(
    give: impl FnOnce(*mut c_void, Deliver),
    read: impl FnOnce(&[u8], Vec<Option<Mapped>>) -> R,
) -> Option<R> {
    struct Slot<F, R>(Option<F>, Option<R>);
    /// # Safety
    /// `context` is the `Slot<F, R>` of the [`receive`] that waits; the payload is as `abi` says, and this takes its
    /// blocks.
    unsafe extern "C" fn deliver<F: FnOnce(&[u8], Vec<Option<Mapped>>) -> R, R>(
        context: *mut c_void,
        payload: RawPayload,
    ) {
        // SAFETY: `context` is the slot below, which lives until `give` returns; the payload is this function's to
        // open.
        let (slot, (bytes, blocks)) = unsafe { (&mut *context.cast::<Slot<F, R>>(), open(payload)) };
        slot.1 = slot.0.take().map(|read| read(bytes, blocks));
    }
    let mut slot = Slot(Some(read), None);
    give(std::ptr::from_mut(&mut slot).cast(), deliver_for(&slot));
    return slot.1;

    /// [`deliver`] for the types of a slot.
    fn deliver_for<F: FnOnce(&[u8], Vec<Option<Mapped>>) -> R, R>(_: &Slot<F, R>) -> Deliver {
        deliver::<F, R>
    }
}
