//! Answering: each client has a thread, and tensors of its own. What fails is kept in the place of the result, and told
//! to whoever reads it or what was computed from it: as a graphics processor does, nobody waits for a computation that
//! goes well.

use crate::client::kind;
use crate::greeting::{self, Verdict};
use crate::wire::{Put as _, Take as _, cause, prepare};
use saddle_backend::{Answer, Api, CallError, Failure, Library, Op, Status, Tensor, With};
use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// A client that has not greeted in this time is left.
const GREETING: Duration = Duration::from_secs(10);
/// What a wrong token costs.
const WRONG: Duration = Duration::from_secs(1);
/// The most clients that are let in, and the most that may be at the door.
const MOST_CLIENTS: usize = 16;
const MOST_CONNECTIONS: usize = 64;
/// The most bytes of one upload.
const MOST_UPLOAD: u64 = 1 << 40;

/// What is served.
pub struct Server {
    /// The library of this machine's devices.
    pub library: &'static Library,
    /// The device that a client is given that names none.
    pub device: String,
    /// What clients have to know.
    pub token: String,
}

/// Answers clients for ever. `tell` hears of those that come, go and are refused, a line each.
///
/// # Errors
/// The listener's.
pub fn serve(listener: &TcpListener, server: Server, tell: impl Fn(String) + Send + Sync + 'static) -> io::Result<()> {
    let shared = Arc::new((server, tell));
    let (connections, clients) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            // Gone again before it was looked at, or no descriptors for now.
            Err(e) if e.kind() != io::ErrorKind::InvalidInput => {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            }
            Err(e) => return Err(e),
        };
        let connection = Counted::one(&connections);
        if connection.before >= MOST_CONNECTIONS {
            continue;
        }
        let (its, clients) = (shared.clone(), clients.clone());
        let answering = move || {
            let (_connection, (server, tell)) = (connection, &*its);
            let ended = welcome(&stream, server, &clients).and_then(|client| match client {
                Ok(_client) => {
                    tell(format!("{peer} is connected"));
                    let ended = Session { library: server.library, tensors: HashMap::new() }.answer_all(&stream);
                    give_back(server.library);
                    ended
                }
                Err(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, why)),
            });
            match ended {
                Ok(()) => tell(format!("{peer} has gone")),
                Err(e) => tell(format!("{peer}: {}", cause(&e))),
            }
        };
        let named = std::thread::Builder::new().name("client".into());
        if let Err(e) = named.spawn(answering) {
            shared.1(format!("{peer}: no thread for it: {e}"));
        }
    }
}

/// What a client's tensors took goes back to the devices.
fn give_back(library: &Library) {
    let Ok(answer) = library.answer(Op::Opened, With::default()) else { return };
    for place in answer.text().lines().filter_map(|place| place.parse().ok()) {
        let ints = [Api::Wgpu as i64, place];
        let with = With { ints: &ints, ..With::default() };
        if library.answer(Op::Sync, with).is_ok() {
            let _ = library.answer(Op::Cleanup, with);
        }
    }
}

/// One of some that are counted.
struct Counted {
    all: Arc<AtomicUsize>,
    before: usize,
}

impl Counted {
    fn one(all: &Arc<AtomicUsize>) -> Self {
        Self { before: all.fetch_add(1, Ordering::Relaxed), all: all.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Greets a client: its place among the others, or why it has none.
fn welcome(
    mut stream: &TcpStream,
    server: &Server,
    clients: &Arc<AtomicUsize>,
) -> io::Result<Result<Counted, &'static str>> {
    stream.set_read_timeout(Some(GREETING))?;
    stream.set_write_timeout(Some(GREETING))?;
    prepare(stream)?;
    // Who says nothing, or does not know the token, must not take a client's place.
    let mut place = None;
    let is_full = || {
        let client = Counted::one(clients);
        let full = client.before >= MOST_CLIENTS;
        place = (!full).then_some(client);
        full
    };
    let verdict = greeting::receive(&mut stream, &server.token, &server.device, is_full)?;
    match (verdict, place) {
        (Verdict::Welcome, Some(client)) => {
            stream.set_read_timeout(None)?;
            stream.set_write_timeout(None)?;
            Ok(Ok(client))
        }
        (Verdict::WrongToken, _) => {
            std::thread::sleep(WRONG);
            Ok(Err("wrong token"))
        }
        _ => Ok(Err("too many clients")),
    }
}

/// A call as it came.
struct Call {
    /// Tensors that the client does not hold any more.
    freed: Vec<u64>,
    op: Op,
    kind: u32,
    first: u64,
    /// The sizes that the client expects of the results.
    results: Vec<Vec<u64>>,
    tensors: Vec<u64>,
    ints: Vec<i64>,
    floats: Vec<f32>,
    data: Vec<u8>,
}

/// A client's tensors, each by the number that the client gave it; why there is none where its computation failed.
struct Session {
    library: &'static Library,
    tensors: HashMap<u64, Result<Tensor, Rc<str>>>,
}

impl Session {
    /// Answers until the client goes. What comes is read while something is computed: a connection from which nobody
    /// reads for seconds looks like one that has gone silent, and the client's system gives it up.
    fn answer_all(mut self, stream: &TcpStream) -> io::Result<()> {
        let (calls, coming) = mpsc::channel();
        let gone = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let read = read_ahead(stream, calls);
                gone.store(true, Ordering::Relaxed);
                read
            });
            let answered = self.answer_each(&coming, stream, &gone);
            // So that the reader ends, too.
            let _ = stream.shutdown(Shutdown::Both);
            drop(coming);
            let read = reading.join().unwrap_or_else(|_| Err(io::Error::other("the reader of calls has panicked")));
            answered.and(read)
        })
    }

    fn answer_each(
        &mut self,
        coming: &mpsc::Receiver<Call>,
        stream: impl io::Write,
        gone: &AtomicBool,
    ) -> io::Result<()> {
        let mut output = BufWriter::with_capacity(1 << 16, stream);
        for call in coming {
            // Nobody would hear of it.
            if gone.load(Ordering::Relaxed) {
                break;
            }
            for number in &call.freed {
                self.tensors.remove(number);
            }
            if call.op.computes() {
                self.compute(&call);
            } else {
                let (status, answer) = self.ask(&call);
                output.put_u32(status as u32)?;
                answer.ints.iter().try_for_each(|&n| output.put_u64(n as u64))?;
                output.put_bytes(&answer.bytes)?;
                output.flush()?;
            }
        }
        Ok(())
    }

    /// The operands of a call.
    fn operands(&self, call: &Call) -> Result<Vec<&Tensor>, Rc<str>> {
        let operand = |number| match self.tensors.get(number) {
            Some(Ok(tensor)) => Ok(tensor),
            Some(Err(why)) => Err(why.clone()),
            None => Err(Rc::from("a tensor that the server does not have")),
        };
        call.tensors.iter().map(operand).collect()
    }

    fn run(&self, call: &Call) -> Result<Answer, (Status, String)> {
        let operands = self.operands(call).map_err(|why| (Status::Failed, why.to_string()))?;
        let (ints, floats, data) = (&call.ints[..], &call.floats[..], &call.data[..]);
        let with = With { tensors: &operands, ints, floats, data, kind: kind(call.kind) };
        self.library.answer(call.op, with).map_err(|ended| match ended {
            CallError::Refused(fault) => {
                (Status::Refused, format!("{}\0{}", fault.message, fault.hint.unwrap_or_default()))
            }
            CallError::Failed(Failure { reason, lost: true }) => (Status::Lost, reason),
            CallError::Failed(Failure { reason, .. }) | CallError::Panicked(reason) => (Status::Failed, reason),
        })
    }

    /// Computes; what comes of it gets the numbers that the client has given.
    fn compute(&mut self, call: &Call) {
        let made = match self.run(call) {
            Ok(answer) => answer.made,
            Err((_, why)) => {
                let why: Rc<str> = why.split('\0').next().unwrap_or_default().into();
                for number in call.first..call.first + call.results.len() as u64 {
                    self.tensors.insert(number, Err(why.clone()));
                }
                return;
            }
        };
        let mut made = made.into_iter();
        for (number, expected) in (call.first..).zip(&call.results) {
            let tensor = made.next().flatten().ok_or_else(|| Rc::from("an operation gave no tensor"));
            let fits = |tensor: Tensor| match tensor.sizes().map(|n| n as u64).eq(expected.iter().copied()) {
                true => Ok(tensor),
                false => {
                    let sizes: Vec<usize> = tensor.sizes().collect();
                    Err(Rc::from(format!(
                        "{:?} gave {sizes:?}, and {expected:?} was expected: a defect of Saddlepoint's",
                        call.op
                    )))
                }
            };
            self.tensors.insert(number, tensor.and_then(fits));
        }
    }

    fn ask(&self, call: &Call) -> (Status, Answer) {
        // A function's address means something in the client's process; a device is not one client's to take away.
        if matches!(call.op, Op::Listen | Op::Destroy) {
            return (Status::Done, Answer::default());
        }
        // Nor to call lost, while it answers others.
        if call.op == Op::Lost && self.library.answer(Op::Sync, With { ints: &call.ints, ..With::default() }).is_ok() {
            return (Status::Done, Answer::default());
        }
        match self.run(call) {
            Ok(answer) => (Status::Done, answer),
            Err((status, why)) => (status, Answer { bytes: why.into_bytes(), ..Answer::default() }),
        }
    }
}

/// Reads calls until the client goes. It sends ahead no more than it may (`client::AHEAD`), so this needs no bound of its own.
fn read_ahead(stream: impl io::Read, calls: mpsc::Sender<Call>) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, stream);
    loop {
        let freed = match input.take_all(u64::from_le_bytes) {
            Ok(freed) => freed,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(e),
        };
        if calls.send(read(&mut input, freed)?).is_err() {
            return Ok(());
        }
    }
}

fn read(input: &mut impl io::Read, freed: Vec<u64>) -> io::Result<Call> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let number = input.take_u32()?;
    let op = Op::of(number).ok_or_else(|| invalid(format!("there is no operation {number}")))?;
    let kind = input.take_u32()?;
    let first = input.take_u64()?;
    if first > u64::MAX / 2 {
        return Err(invalid(format!("a tensor of number {first}")));
    }
    let count = input.take_u32()?;
    if count > 2 {
        return Err(invalid(format!("an operation with {count} results")));
    }
    let results = (0..count).map(|_| input.take_all(u64::from_le_bytes)).collect::<io::Result<_>>()?;
    let tensors = input.take_all(u64::from_le_bytes)?;
    let ints = input.take_all(i64::from_le_bytes)?;
    let floats = input.take_all(f32::from_le_bytes)?;
    let data = input.by_ref().take_bytes(MOST_UPLOAD)?;
    Ok(Call { freed, op, kind, first, results, tensors, ints, floats, data })
}

/// What a client would be answered that has sent these bytes after its greeting, and whether it may go on.
#[cfg(test)]
pub fn answered(library: &'static Library, sent: &[u8]) -> (Vec<u8>, bool) {
    let (calls, coming) = mpsc::channel();
    let read = read_ahead(sent, calls);
    let (mut session, mut output) = (Session { library, tensors: HashMap::new() }, Vec::new());
    let done = session.answer_each(&coming, &mut output, &AtomicBool::new(false));
    (output, read.and(done).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;
    use crate::wire::SILENCE;
    use saddle_backend::{CallResult, Kind, Made, Reach};
    use std::io::Read as _;
    use std::time::Instant;

    /// A device that takes its time for an exponential.
    #[derive(Default)]
    struct Slow {
        is_over: AtomicBool,
        uploads: AtomicUsize,
    }

    impl Reach for Slow {
        fn call(&self, op: Op, with: &With) -> CallResult {
            let mut made = Made { rank: 1, ..Made::NOTHING };
            // Nothing is behind it.
            made.handle = std::ptr::without_provenance(1);
            match op {
                Op::Upload => {
                    made.sizes[0] = with.ints[2] as u64;
                    self.uploads.fetch_add(1, Ordering::SeqCst);
                }
                Op::Exp => {
                    made.sizes[0] = with.tensors[0].sizes().next().unwrap_or(0) as u64;
                    std::thread::sleep(3 * SILENCE);
                    self.is_over.store(true, Ordering::SeqCst);
                }
                _ => made = Made::NOTHING,
            }
            CallResult { status: Status::Done, made: [made, Made::NOTHING], ints: [0; 4], bytes: b"read".to_vec() }
        }

        fn release(&self, _: *const std::ffi::c_void) {}
    }

    const TOKEN: &str = "0123456789abcdef";

    /// A server of such a device, which asks for [`TOKEN`], and where it listens.
    fn serving() -> (&'static Slow, std::net::SocketAddr) {
        let slow: &'static Slow = Box::leak(Box::default());
        let library: &'static Library = Box::leak(Box::new(Library::over(slow)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server { library, device: "slow".into(), token: TOKEN.into() };
        std::thread::spawn(move || serve(&listener, server, |_| {}));
        (slow, address)
    }

    #[test]
    fn who_has_not_shown_the_token_takes_nobodys_place() {
        let (_, address) = serving();
        let silent = |_| {
            let mut stream = TcpStream::connect(address).unwrap();
            // It is at the door once it has been greeted.
            stream.read_exact(&mut [0]).unwrap();
            stream
        };
        let _silent: Vec<TcpStream> = (0..MOST_CLIENTS).map(silent).collect();
        client::connect(&format!("tcp://{address}"), Some(TOKEN)).unwrap();
    }

    #[test]
    fn a_device_that_computes_for_long_is_not_lost_and_not_sent_ahead_without_end() {
        let (slow, address) = serving();
        let (number, device) = client::connect(&format!("tcp://{address}"), Some(TOKEN)).unwrap();
        assert_eq!(device, "slow");
        let there = client::library(number);
        let upload = |bytes: usize| {
            let (data, ints) = (vec![0; bytes], [0, 0, bytes as i64 / 4]);
            let with = With { ints: &ints, data: &data, kind: Some(Kind::F32), ..With::default() };
            let [made, _] = there.compute(Op::Upload, with);
            made.unwrap()
        };
        let x = upload(4);
        let start = Instant::now();
        let _exp = there.compute(Op::Exp, With { tensors: &[&x], ..With::default() });
        let mut waiting: Vec<Tensor> = (0..24).map(|_| upload(1 << 20)).collect();
        assert!(start.elapsed() < SILENCE && !slow.is_over.load(Ordering::SeqCst));
        // More than the server is to keep: the client waits.
        waiting.extend((0..12).map(|_| upload(1 << 20)));
        assert!(slow.is_over.load(Ordering::SeqCst) && start.elapsed() >= 3 * SILENCE);
        let Ok(read) = there.answer(Op::Read, With { tensors: &[&waiting[35]], ..With::default() }) else {
            panic!("the connection was lost")
        };
        assert_eq!((&read.bytes[..], slow.uploads.load(Ordering::SeqCst)), (&b"read"[..], 37));
    }
}
