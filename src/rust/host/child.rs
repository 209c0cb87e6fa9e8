//! The kernel's side of the process that runs the cells' code: a [`Table`] for the code, a thread that serves the
//! notebook's calls, and the connections to the worker. Everything here is set up before evcxr's own loop takes the
//! main thread.

use saddle_fault::lock;
use saddle_rust::protocol::abi::{Block, Deliver, Exported, RawPayload, TABLE, Table};
use saddle_rust::protocol::{LONGEST_SPARE, Link, Message, Role, Spares, Writer};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, Once, OnceLock};

/// The variable with the path of the worker's socket.
pub const SOCKET: &str = "SADDLE_RUST_SOCKET";

/// The stack of the thread that runs the notebook's calls: as large as a main thread's usually is.
const STACK: usize = 8 << 20;

thread_local! {
    /// Whether this thread runs cells or calls.
    static OURS: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread said, and its line.
    static PANIC: RefCell<(String, u32)> = const { RefCell::new((String::new(), 0)) };
    /// The memory in which this thread's tensors go to the worker.
    static SPARES: RefCell<Spares> = const { RefCell::new(Spares::new()) };
    /// The worker's own such memory, mapped here.
    static LENT: RefCell<VecDeque<Lent>> = const { RefCell::new(VecDeque::new()) };
}

/// A mapping of memory that comes again and again, with other numbers in it.
struct Lent {
    /// What tells it from others: the file's number on its device.
    file: (u64, u64),
    block: Block,
}

/// How many such mappings are kept from one call to the next.
const MOST_LENT: usize = 16;

/// What all threads share.
struct Shared {
    requests: Mutex<Link>,
    functions: Mutex<HashMap<String, Exported>>,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

static FUNCTIONS: Table = Table { ask, export, share, release, panicked, last_panic };

/// Sets everything up where this process is to run cells; does nothing in any other.
pub fn prepare() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return;
    };
    // SAFETY: there is no other thread yet. What the cells start is no such process.
    unsafe { std::env::remove_var(SOCKET) };
    if let Err(error) = connect(Path::new(&socket)) {
        // The host shows it.
        eprintln!("the process of the Rust cells cannot reach the notebook: {error}");
        std::process::exit(1);
    }
}

fn connect(socket: &Path) -> io::Result<()> {
    end_with_the_parent();
    let open = |role: Role| -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(&greeting(role))?;
        Ok(stream)
    };
    let requests = Mutex::new(Link::new(open(Role::Requests)?));
    let calls = Link::new(open(Role::Calls)?);
    let printed = open(Role::Stdout)?;
    put_in_place(&open(Role::Stderr)?, libc::STDERR_FILENO)?;
    let functions = Mutex::default();
    // Called once.
    let _ = SHARED.set(Shared { requests, functions });
    let address = std::ptr::from_ref(&FUNCTIONS) as usize;
    // SAFETY: there is no other thread yet.
    unsafe { std::env::set_var(TABLE, address.to_string()) };
    OURS.set(true);
    std::thread::Builder::new().name("calls".into()).stack_size(STACK).spawn(move || serve(calls, &printed))?;
    Ok(())
}

/// What a connection says first.
pub fn greeting(role: Role) -> [u8; 5] {
    let [a, b, c, d] = std::process::id().to_le_bytes();
    [a, b, c, d, role as u8]
}

/// The cells end with the host, whatever they do.
fn end_with_the_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: takes and touches no memory.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// A crash ends the process at once, as the signal that it is: evcxr's loop would say a screenful about this program
/// first.
fn reset_crash_handlers() {
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL] {
        // SAFETY: sets no handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a live value. A dump of the cells' memory helps no one.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

/// Makes `from` the standard stream of that number, too.
fn put_in_place(from: &impl AsRawFd, number: i32) -> io::Result<()> {
    // SAFETY: two numbers of open files.
    match unsafe { libc::dup2(from.as_raw_fd(), number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Runs the calls of the notebook, one after the other, until it is gone.
fn serve(mut calls: Link, printed: &UnixStream) {
    OURS.set(true);
    // SAFETY: a number of an open file; the new one is ours.
    let protocol = unsafe { libc::dup(libc::STDOUT_FILENO) };
    if protocol == -1 {
        return;
    }
    // SAFETY: as above.
    let protocol = unsafe { OwnedFd::from_raw_fd(protocol) };
    while let Ok(Some(message)) = calls.receive() {
        // Between cells, stdout speaks evcxr's protocol: what a call prints must not get into it.
        let answer = put_in_place(printed, libc::STDOUT_FILENO).and_then(|()| {
            let answer = call(message);
            put_in_place(&protocol, libc::STDOUT_FILENO).map(|()| answer)
        });
        let Ok(answer) = answer else { break };
        let sent = calls.send(&answer);
        // The worker reads the memory before it calls again.
        SPARES.with_borrow_mut(Spares::rewind);
        if let Err(error) = sent
            && calls.send(&refusal(&error.to_string())).is_err()
        {
            break;
        }
    }
}

/// Calls the function that a message names. The message is the length of the name in one byte, the name, the arguments.
fn call(message: Message) -> Message {
    let function = message.bytes.split_first().and_then(|(&len, rest)| {
        let (name, arguments) = rest.split_at_checked(len.into())?;
        let name = std::str::from_utf8(name).ok()?;
        Some((*lock(&shared()?.functions).get(name)?, arguments))
    });
    let Some((function, arguments)) = function else {
        return refusal("the function is not there any more: run its cell again");
    };
    let blocks: io::Result<Vec<Block>> = message.files.into_iter().map(lent).collect();
    let answer = match blocks {
        Ok(blocks) => {
            let mut answer = Message::default();
            let context = std::ptr::from_mut(&mut answer).cast();
            // SAFETY: the function is one that `export!` has made, which keeps to `abi`; the context is a message.
            unsafe { function(payload(arguments, &blocks), context, take) };
            answer
        }
        Err(error) => refusal(&format!("a tensor has not arrived: {error}")),
    };
    // Not before: a function reads all that it was lent, however much that is.
    LENT.with_borrow_mut(give_back);
    answer
}

/// The answer to a call that cannot be made.
fn refusal(why: &str) -> Message {
    let mut writer = Writer::default();
    writer.list(2);
    writer.text("error");
    writer.text(why);
    Message { bytes: writer.bytes, files: Vec::new() }
}

fn payload(bytes: &[u8], blocks: &[Block]) -> RawPayload {
    RawPayload { bytes: bytes.as_ptr(), len: bytes.len(), blocks: blocks.as_ptr(), count: blocks.len() }
}

/// Takes what a function delivers into the message that is the context.
///
/// # Safety
/// `context` is a [`Message`] that nobody else uses meanwhile; the payload is as `abi` says, and this takes its blocks.
unsafe extern "C" fn take(context: *mut c_void, payload: RawPayload) {
    // SAFETY: `call` gives the message; the payload is whole.
    unsafe { *context.cast::<Message>() = message(payload) };
}

/// A payload as a message, with the files of its blocks.
///
/// # Safety
/// The payload is as `abi` says, and this takes its blocks.
unsafe fn message(payload: RawPayload) -> Message {
    let mut files = Vec::with_capacity(payload.count);
    for i in 0..payload.count {
        // SAFETY: the caller's word; blocks that are sent are those of `share`, whose file is this message's now.
        files.push(unsafe { OwnedFd::from_raw_fd((*payload.blocks.add(i)).file) });
    }
    let bytes = match payload.len {
        0 => Vec::new(),
        // SAFETY: the caller's word.
        n => unsafe { std::slice::from_raw_parts(payload.bytes, n) }.to_vec(),
    };
    Message { bytes, files }
}

/// Asks the worker: [`Table::ask`].
///
/// # Safety
/// The question is as `abi` says, and this takes its blocks; `deliver` may be called with `context`.
unsafe extern "C" fn ask(question: RawPayload, context: *mut c_void, deliver: Deliver) {
    // Asked by the first cell, when evcxr's loop has begun.
    static BEGUN: Once = Once::new();
    BEGUN.call_once(reset_crash_handlers);
    // SAFETY: the caller keeps to `abi`.
    let question = unsafe { message(question) };
    let answer = shared().and_then(|shared| {
        let mut requests = lock(&shared.requests);
        match requests.send(&question) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Some(refusal(&error.to_string())),
            Err(_) => None,
            Ok(()) => requests.receive().ok()?,
        }
    });
    SPARES.with_borrow_mut(Spares::rewind);
    let answer = answer.unwrap_or_else(|| refusal("the notebook is gone"));
    let (bytes, blocks) = match mapped(answer.files) {
        Ok(blocks) => (answer.bytes, blocks),
        Err(error) => {
            let refusal = refusal(&format!("a tensor has not arrived: {error}"));
            (refusal.bytes, Vec::new())
        }
    };
    // SAFETY: the context is the caller's own; the bytes live through the call.
    unsafe { deliver(context, payload(&bytes, &blocks)) };
}

/// Makes a function callable: [`Table::export`].
///
/// # Safety
/// `name` points to `len` bytes; `function` can be called as long as the process lives.
unsafe extern "C" fn export(name: *const u8, len: usize, function: Exported) {
    // SAFETY: the caller keeps to `abi`.
    let name = unsafe { std::slice::from_raw_parts(name, len) };
    if let Some(shared) = shared() {
        let name = String::from_utf8_lossy(name).into_owned();
        lock(&shared.functions).insert(name, function);
    }
}

/// A block with a copy of these bytes: [`Table::share`].
///
/// # Safety
/// `bytes` points to `len` bytes.
unsafe extern "C" fn share(bytes: *const u8, len: usize) -> Block {
    // SAFETY: the caller keeps to `abi`.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, len) };
    let shared = SPARES.with_borrow_mut(|spares| spares.hold(bytes));
    Block { address: std::ptr::null_mut(), len, file: shared.map_or(-1, IntoRawFd::into_raw_fd) }
}

/// Takes a block back: [`Table::release`].
///
/// # Safety
/// The block was received, is given back once, and its memory is not used any more.
unsafe extern "C" fn release(block: Block) {
    // Without a file it is lent.
    if block.file < 0 {
        return;
    }
    unmap(block);
    // SAFETY: the block's file, closed once.
    drop(unsafe { OwnedFd::from_raw_fd(block.file) });
}

/// Keeps what a panic said: [`Table::panicked`].
///
/// # Safety
/// `message` points to `len` bytes.
unsafe extern "C" fn panicked(message: *const u8, len: usize, line: u32) -> bool {
    if OURS.get() {
        // SAFETY: the caller keeps to `abi`.
        let message = unsafe { std::slice::from_raw_parts(message, len) };
        let message = String::from_utf8_lossy(message).into_owned();
        PANIC.with(|panic| *panic.borrow_mut() = (message, line));
    }
    OURS.get()
}

/// Delivers what the last panic said: [`Table::last_panic`].
///
/// # Safety
/// `deliver` may be called with `context`.
unsafe extern "C" fn last_panic(context: *mut c_void, deliver: Deliver) {
    let (message, line) = PANIC.take();
    let mut writer = Writer::default();
    writer.list(2);
    writer.text(&message);
    writer.int(line.into());
    // SAFETY: the context is the caller's own.
    unsafe { deliver(context, payload(&writer.bytes, &[])) };
}

/// Memory that the worker lends for a call, mapped for reading; it is not mapped anew when it comes again.
fn lent(file: OwnedFd) -> io::Result<Block> {
    let file = std::fs::File::from(file);
    let about = file.metadata()?;
    let (number, len) = ((about.dev(), about.ino()), about.len());
    LENT.with_borrow_mut(|all| {
        let known = all.iter().position(|one| one.file == number);
        if let Some(known) = known {
            if all[known].block.len as u64 == len {
                return Ok(all[known].block);
            }
            // It has grown.
            all.remove(known).into_iter().for_each(|old| unmap(old.block));
        }
        let block = Block { file: -1, ..map(&file, libc::MAP_SHARED)? };
        all.push_back(Lent { file: number, block });
        Ok(block)
    })
}

/// Unmaps what will not come again, being longer than what the worker keeps for another call, and of the rest the oldest.
fn give_back(all: &mut VecDeque<Lent>) {
    all.retain(|lent| {
        let comes_again = lent.block.len <= LONGEST_SPARE;
        if !comes_again {
            unmap(lent.block);
        }
        comes_again
    });
    while all.len() > MOST_LENT {
        all.pop_front().into_iter().for_each(|old| unmap(old.block));
    }
}

/// Maps files that have come: what is written to them is this process's own copy.
fn mapped(files: Vec<OwnedFd>) -> io::Result<Vec<Block>> {
    let own = |file: OwnedFd| {
        let file = std::fs::File::from(file);
        let block = map(&file, libc::MAP_PRIVATE)?;
        // Only now: to map pages at once for writing would copy them all.
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a mapping that nothing refers to yet.
        match unsafe { libc::mprotect(block.address.cast(), block.len, access) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(Block { file: file.into_raw_fd(), ..block }),
        }
    };
    files.into_iter().map(own).collect()
}

/// Maps a whole file for reading. The block does not have the file.
fn map(file: &std::fs::File, sharing: i32) -> io::Result<Block> {
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let (access, how, number) = (libc::PROT_READ, sharing | AT_ONCE, file.as_raw_fd());
    // SAFETY: a new mapping, of a file that is open.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), len, access, how, number, 0) };
    match address == libc::MAP_FAILED {
        true => Err(io::Error::last_os_error()),
        false => Ok(Block { address: address.cast(), len, file: -1 }),
    }
}

/// Pages that will all be used are cheaper in one go than one by one.
#[cfg(target_os = "linux")]
const AT_ONCE: i32 = libc::MAP_POPULATE;
#[cfg(not(target_os = "linux"))]
const AT_ONCE: i32 = 0;

fn unmap(block: Block) {
    if !block.address.is_null() {
        // SAFETY: a mapping of `map`, which nothing refers to any more.
        unsafe { libc::munmap(block.address.cast(), block.len) };
    }
}

fn shared() -> Option<&'static Shared> {
    SHARED.get()
}
