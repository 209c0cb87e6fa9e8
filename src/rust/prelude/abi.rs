//! The border between the cells' code and the kernel's code in the process that runs them. Both are Rust, but with a
//! standard library and an allocator each: what crosses is plain C.
//!
//! Bytes are lent for the length of a call. Blocks change hands: who is given a payload releases its blocks.

use std::ffi::c_void;

/// The environment variable that holds the address of the [`Table`].
pub const TABLE: &str = "SADDLE_RUST_TABLE";

/// The line that the end of a cell prints; what stands before it on its line is text that the cell has not ended.
pub const LINE_END: &str = "\u{1e}saddle\u{1e}";

/// Memory that is shared between processes. One that was received is mapped at `address`; one that is to be sent has
/// only its file. It may be longer than what it holds.
///
/// A block without a file that was received is lent for the length of a call, and only to be read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Where it is mapped; null where it is not.
    pub address: *mut u8,
    /// Bytes.
    pub len: usize,
    /// The open file behind it; −1 where there is none.
    pub file: i32,
}

/// What is passed at once: a message in the form of `pack`, and the blocks that it speaks of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawPayload {
    /// The message.
    pub bytes: *const u8,
    /// Bytes of the message.
    pub len: usize,
    /// The first block.
    pub blocks: *const Block,
    /// How many blocks there are.
    pub count: usize,
}

/// Takes an answer.
pub type Deliver = unsafe extern "C" fn(context: *mut c_void, payload: RawPayload);

/// A function of a cell, called with its arguments; it delivers its result once.
pub type Exported = unsafe extern "C" fn(arguments: RawPayload, context: *mut c_void, deliver: Deliver);

/// What the kernel's side offers. Every function may be called from any thread.
#[repr(C)]
pub struct Table {
    /// Asks the notebook, and delivers its answer before it returns.
    pub ask: unsafe extern "C" fn(question: RawPayload, context: *mut c_void, deliver: Deliver),
    /// Makes a function callable under a name (UTF-8), in the place of an earlier one.
    pub export: unsafe extern "C" fn(name: *const u8, len: usize, function: Exported),
    /// A new block with a copy of these bytes, to be sent.
    pub share: unsafe extern "C" fn(bytes: *const u8, len: usize) -> Block,
    /// Gives a block back that was received.
    pub release: unsafe extern "C" fn(block: Block),
    /// Keeps what a panic said (UTF-8) and its line; false on a thread that runs neither a cell nor a call.
    pub panicked: unsafe extern "C" fn(message: *const u8, len: usize, line: u32) -> bool,
    /// Delivers what the last panic of this thread said: a list of text and line.
    pub last_panic: unsafe extern "C" fn(context: *mut c_void, deliver: Deliver),
}
