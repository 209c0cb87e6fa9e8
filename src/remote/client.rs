//! Connections to servers. A tensor's handle holds the number of the connection that it was made on: after a loss, a
//! tensor from before is known as such, while new ones work.

use crate::wire::{Put as _, Take as _, cause, prepare};
use crate::{greeting, shape};
use saddle_backend::{CallResult, Kind as Elements, Library, MOST_AXES, Made, Op, Reach, Status, With};
use saddle_fault::{Fault, Kind, Result, lock};
use std::ffi::c_void;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What the name of a device elsewhere begins with.
pub const SCHEME: &str = "tcp://";
/// The environment variable that holds the server's token.
pub const TOKEN: &str = "SADDLE_DEVICE_TOKEN";

/// Why a tensor cannot be used that was made on a connection before this one.
pub const STALE: &str = "the connection was lost, and tensors that were there with it";

const CONNECTING: Duration = Duration::from_secs(5);
/// How long calls are gathered before they are sent: the server computes meanwhile what it has.
const GATHERED: Duration = Duration::from_micros(100);
const BUFFER: usize = 1 << 16;
/// The most bytes that are sent ahead of the server's answers, which it keeps in memory until it has computed what came
/// before.
const AHEAD: usize = 1 << 25;
/// A handle's bits for the tensor; those above are for the connection.
const TENSOR_BITS: u32 = 40;
/// The most bytes of an answer that is no tensor.
const MOST_TEXT: u64 = 1 << 24;
/// And of an element of one that is.
const MOST_ELEMENT: u64 = 8;

/// Servers that this process has spoken to, in the order of the first time.
static SERVERS: Mutex<Vec<&'static Server>> = Mutex::new(Vec::new());
/// The server whose loss made a call fail, and why.
static TROUBLE: Mutex<Option<(usize, String)>> = Mutex::new(None);

struct Server {
    number: usize,
    address: String,
    library: std::sync::OnceLock<Library>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    line: Option<Line>,
    /// How many connections there have been.
    connection: u64,
    /// The device that it gives if none is named.
    device: String,
    token: String,
    /// Why there is no connection.
    lost: String,
}

/// A connection.
struct Line {
    input: BufReader<TcpStream>,
    output: BufWriter<TcpStream>,
    /// The number of the next tensor.
    next: u64,
    /// Tensors that nobody holds any more, told with the next call.
    freed: Vec<u64>,
    /// About how many bytes were sent since the server's last answer.
    ahead: usize,
    sent: Instant,
}

/// Whether a device's name is that of one elsewhere. `ws://`, which others use for such servers, too: what it should be
/// is said where it is opened.
pub fn is_elsewhere(name: &str) -> bool {
    name.contains("://")
}

/// Connects to the server of a device's name, `tcp://HOST:PORT` or `tcp://HOST:PORT/DEVICE`, unless it is connected:
/// its number, and the device's name there. Without a token, that of the environment or the one that it had before.
///
/// # Errors
/// A name that is none; no token; nobody answers there; another build, another token.
pub fn connect(name: &str, token: Option<&str>) -> Result<(usize, String)> {
    let (address, device) = parts(name)?;
    let server = server(address);
    let mut state = lock(&server.state);
    if state.line.is_none() {
        let from_environment = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let before = || Some(state.token.clone()).filter(|token| !token.is_empty());
        let token = token.map(str::to_string).or(from_environment).or_else(before).ok_or_else(|| no_token(name))?;
        let stream = reach(address)?;
        let (line, default) = Line::open(stream, address, &token)?;
        (state.device, state.token, state.line) = (default, token, Some(line));
        state.connection += 1;
        *lock(&TROUBLE) = None;
    }
    Ok((server.number, device.map_or_else(|| state.device.clone(), str::to_string)))
}

/// `HOST:PORT`, and the device if one is named.
fn parts(name: &str) -> Result<(&str, Option<&str>)> {
    let wrong = |what: String| {
        Fault::new(Kind::Device, what).hint(
            "`tcp://HOST:PORT`, as `saddle serve-device` prints it; `tcp://HOST:PORT/wgpu:1` names a device there",
        )
    };
    let Some(rest) = name.strip_prefix(SCHEME) else {
        let scheme = name.split("://").next().unwrap_or_default();
        return Err(wrong(format!("device: devices elsewhere are reached by tcp://, not by {scheme}://")));
    };
    let (address, device) = match rest.split_once('/') {
        Some((address, device)) => (address, Some(device).filter(|name| !name.is_empty())),
        None => (rest, None),
    };
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok((address, device)),
        _ => Err(wrong(format!("device: \"{name}\" names no host and port"))),
    }
}

fn no_token(name: &str) -> Fault {
    Fault::new(Kind::Device, format!("device: {name} needs the token of its server"))
        .hint("give it as the environment variable SADDLE_DEVICE_TOKEN, which keeps it out of the notebook, or by `#{ token: \"…\" }`")
}

fn reach(address: &str) -> Result<TcpStream> {
    let fails = |why: String| {
        Fault::new(Kind::Device, format!("device: there is no connection to {address}: {why}")).hint(
            "`saddle serve-device` has to run there; if it listens on that machine's loopback only, `ssh -L` brings it here; `device(\"cpu\")` always works",
        )
    };
    let addresses = address.to_socket_addrs().map_err(|e| fails(e.to_string()))?;
    let mut why = "the name has no address".to_string();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(stream) => return Ok(stream),
            Err(e) => why = cause(&e),
        }
    }
    Err(fails(why))
}

fn server(address: &str) -> &'static Server {
    let mut servers = lock(&SERVERS);
    if let Some(known) = servers.iter().find(|server| server.address == address) {
        return known;
    }
    let (number, library, state) = (servers.len(), Default::default(), Default::default());
    // One for each address that this process ever names.
    let new: &'static Server = Box::leak(Box::new(Server { number, address: address.into(), library, state }));
    new.library.get_or_init(|| Library::over(new));
    servers.push(new);
    new
}

/// The library of the server of that number.
///
/// # Panics
/// There is none: numbers come from [`connect`].
pub fn library(number: usize) -> &'static Library {
    let server = lock(&SERVERS)[number];
    server.library.get_or_init(|| Library::over(server))
}

/// The server's `HOST:PORT`.
pub fn address(number: usize) -> String {
    lock(&SERVERS).get(number).map_or_else(String::new, |server| server.address.clone())
}

/// The server whose loss has made a call fail since this was last asked, and why it was lost.
pub fn trouble() -> Option<(usize, String)> {
    lock(&TROUBLE).take()
}

impl Line {
    fn open(stream: TcpStream, address: &str, token: &str) -> Result<(Self, String)> {
        let fails = |e: io::Error| Fault::new(Kind::Device, format!("device: the connection to {address} failed: {e}"));
        stream.set_read_timeout(Some(CONNECTING)).map_err(fails)?;
        let mut greeted = &stream;
        let device = greeting::enter(&mut greeted, address, token)?;
        stream.set_read_timeout(None).map_err(fails)?;
        prepare(&stream).map_err(fails)?;
        let input = BufReader::with_capacity(BUFFER, stream.try_clone().map_err(fails)?);
        let output = BufWriter::with_capacity(BUFFER, stream);
        Ok((Self { input, output, next: 1, freed: Vec::new(), ahead: 0, sent: Instant::now() }, device))
    }

    /// Sends a call, soon; `results` are the sizes of what it gives.
    fn send(&mut self, op: Op, with: &With, results: &[Vec<usize>]) -> io::Result<u64> {
        let first = self.next;
        self.next += results.len() as u64;
        // Beside the data some 160 bytes.
        self.ahead += with.data.len() + 160;
        let out = &mut self.output;
        out.put_all(&self.freed, u64::to_le_bytes)?;
        self.freed.clear();
        out.put_u32(op as u32)?;
        out.put_u32(with.kind.map_or(0, |kind| kind as u32 + 1))?;
        out.put_u64(first)?;
        out.put_u32(results.len() as u32)?;
        for sizes in results {
            out.put_all(sizes, |size| (size as u64).to_le_bytes())?;
        }
        let tensors: Vec<u64> = with.tensors.iter().map(|t| tensor(t.handle())).collect();
        out.put_all(&tensors, u64::to_le_bytes)?;
        out.put_all(with.ints, i64::to_le_bytes)?;
        out.put_all(with.floats, f32::to_le_bytes)?;
        out.put_bytes(with.data)?;
        if self.sent.elapsed() > GATHERED {
            self.flush()?;
        }
        Ok(first)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sent = Instant::now();
        self.output.flush()
    }

    /// Waits for the server where it is too far behind. It answers this question, in which nothing is asked, after what
    /// came before.
    fn keep_step(&mut self) -> io::Result<()> {
        if self.ahead > AHEAD {
            self.send(Op::Listen, &With::default(), &[])?;
            self.answer(MOST_TEXT)?;
        }
        Ok(())
    }

    fn answer(&mut self, most: u64) -> io::Result<CallResult> {
        self.flush()?;
        self.ahead = 0;
        answer(&mut self.input, most)
    }
}

/// An answer of which there may be `most` bytes.
pub fn answer(input: &mut impl io::Read, most: u64) -> io::Result<CallResult> {
    let status = match input.take_u32()? {
        0 => Status::Done,
        1 => Status::Refused,
        3 => Status::Lost,
        4 => Status::Panicked,
        _ => Status::Failed,
    };
    let mut ints = [0; 4];
    for number in &mut ints {
        *number = input.take_u64()? as i64;
    }
    Ok(CallResult { status, made: [Made::NOTHING; 2], ints, bytes: input.take_bytes(most)? })
}

/// The most bytes that a question is answered with: a tensor's elements, or a text.
fn most_bytes(op: Op, with: &With) -> u64 {
    let read = with.tensors.first().filter(|_| op == Op::Read);
    let elements = read.map_or(0, |t| t.sizes().fold(1, |n: u64, size| n.saturating_mul(size as u64)));
    elements.saturating_mul(MOST_ELEMENT).max(MOST_TEXT)
}

/// The number of the tensor that a handle means, and that of its connection.
fn tensor(handle: *const c_void) -> u64 {
    handle.addr() as u64 & ((1 << TENSOR_BITS) - 1)
}

fn connection(handle: *const c_void) -> u64 {
    handle.addr() as u64 >> TENSOR_BITS
}

fn made(connection: u64, number: u64, sizes: &[usize]) -> Made {
    let mut made = Made { rank: sizes.len() as u32, ..Made::NOTHING };
    for (to, &from) in made.sizes.iter_mut().zip(sizes) {
        *to = from as u64;
    }
    // Never null: tensors are counted from 1.
    made.handle = std::ptr::without_provenance((connection << TENSOR_BITS | number) as usize);
    made
}

impl Server {
    fn lost(&self, why: &str) -> CallResult {
        *lock(&TROUBLE) = Some((self.number, why.to_string()));
        CallResult { status: Status::Lost, made: [Made::NOTHING; 2], ints: [0; 4], bytes: why.into() }
    }
}

impl Reach for Server {
    fn call(&self, op: Op, with: &With) -> CallResult {
        let state = &mut *lock(&self.state);
        let Some(line) = &mut state.line else {
            return self.lost(&state.lost);
        };
        if with.tensors.iter().any(|t| connection(t.handle()) != state.connection) {
            return self.lost(STALE);
        }
        let results = if op.computes() { shape::results(op, with) } else { Vec::new() };
        debug_assert!(results.iter().all(|sizes| sizes.len() <= MOST_AXES));
        let sent = line.keep_step().and_then(|()| line.send(op, with, &results));
        let done = sent.and_then(|first| match op.computes() {
            true => {
                let mut outcome =
                    CallResult { status: Status::Done, made: [Made::NOTHING; 2], ints: [0; 4], bytes: Vec::new() };
                for (i, sizes) in results.iter().enumerate() {
                    outcome.made[i] = made(state.connection, first + i as u64, sizes);
                }
                Ok(outcome)
            }
            false => line.answer(most_bytes(op, with)),
        });
        done.unwrap_or_else(|error| {
            state.line = None;
            state.lost = cause(&error);
            self.lost(&state.lost)
        })
    }

    fn release(&self, handle: *const c_void) {
        let state = &mut *lock(&self.state);
        if let Some(line) = state.line.as_mut().filter(|_| connection(handle) == state.connection) {
            line.freed.push(tensor(handle));
        }
    }
}

/// The number of a kind of elements, as it crosses: 0 where none is said.
pub fn kind(number: u32) -> Option<Elements> {
    [Elements::F32, Elements::Int, Elements::Bool].get(number.checked_sub(1)? as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_host_and_a_port() {
        assert_eq!(parts("tcp://gpu.example:7070").unwrap(), ("gpu.example:7070", None));
        assert_eq!(parts("tcp://[::1]:7070/wgpu:1").unwrap(), ("[::1]:7070", Some("wgpu:1")));
        assert_eq!(parts("tcp://h:1/").unwrap(), ("h:1", None));
        for (name, says) in [
            ("tcp://h", "names no host and port"),
            ("tcp://:7070", "names no host and port"),
            ("tcp://h:0", "names no host and port"),
            ("tcp://h:99999", "names no host and port"),
            ("ws://h:7070", "by tcp://, not by ws://"),
        ] {
            let fault = parts(name).unwrap_err();
            assert!(fault.message.contains(says), "{name}: {fault}");
        }
    }

    #[test]
    fn a_handle_holds_its_connection() {
        let one = made(3, 77, &[2, 5]);
        assert_eq!((connection(one.handle), tensor(one.handle), one.rank), (3, 77, 2));
        assert_eq!(one.sizes[..3], [2, 5, 0]);
    }
}
