//! The five libzmq sockets, the thread of the heartbeat, and the way to wake the thread that owns the sockets.
//!
//! libzmq sockets belong to one thread. Other threads hand over what they have in a queue of their own and call
//! [`Waker::wake`]; the owner waits for sockets and wakers together in [`Sockets::wait`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use zmq::{Context, DONTWAIT, POLLIN, PollItem, Socket, SocketType};

use super::connection::Connection;
use super::log;
use saddle_fault::{Fault, Kind, Result};

/// How long closing waits for a peer to take what was sent. A peer that reads takes milliseconds; one that does not
/// read must not keep the process: Jupyter kills a kernel 5 s after the shutdown request.
const LINGER: Duration = Duration::from_millis(1_000);

/// How many messages may wait for one slow peer before libzmq drops further ones, for that peer only. Peers share the
/// bytes of what waits. Text goes out in messages of at most about 16 KB and about a megabyte a cell, pictures have
/// some 50 KB: a peer that has stopped to read costs at most about 200 MB. One that reads only after a cell has ended
/// loses nothing of a cell of fewer than this many messages.
const IOPUB_BACKLOG: i32 = 4_000;
/// The same for replies, which are small.
const REPLY_BACKLOG: i32 = 100_000;

const WAKE: &str = "inproc://wake";

/// A channel on which messages are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Requests in their order.
    Shell,
    /// Interrupt and shutdown, past what waits on shell.
    Control,
    /// Questions to the person.
    Stdin,
    /// What all clients see.
    Iopub,
}

/// The bound sockets; heartbeats are answered from now on.
pub struct Sockets {
    context: Context,
    shell: Socket,
    control: Socket,
    stdin: Socket,
    iopub: Socket,
    wake: Socket,
    /// The wakers' own context: a cell that will not stop may hold a waker for ever, and closing must not wait for it.
    inner: Context,
    woken: Arc<AtomicBool>,
    heartbeat: Option<JoinHandle<()>>,
}

/// Wakes the thread that waits in [`Sockets::wait`]. May be shared between threads.
#[derive(Clone)]
pub struct Waker {
    socket: Arc<Mutex<Socket>>,
    /// Whether a wake-up is on its way already: a burst of outputs costs one.
    woken: Arc<AtomicBool>,
}

impl Waker {
    /// Ends the wait of the thread of the sockets.
    pub fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
            // It fails only when the sockets are being closed: then there is no one to wake.
            let _ = socket.send("", DONTWAIT);
        }
    }
}

impl Sockets {
    /// Binds the five sockets.
    ///
    /// # Errors
    /// `DeviceError` where an address cannot be bound, most often because another process holds the port.
    pub fn open(connection: &Connection) -> Result<Self> {
        let context = Context::new();
        let router = |port: u16| {
            bind(&context, connection, SocketType::ROUTER, port, |socket| {
                // A client that connects again under its old identity replaces the connection that it lost.
                socket.set_router_handover(true)?;
                socket.set_sndhwm(REPLY_BACKLOG)
            })
        };
        let shell = router(connection.ports.shell)?;
        let control = router(connection.ports.control)?;
        let stdin = router(connection.ports.stdin)?;
        // So that a question to a client that has gone is an error, not a wait without end.
        stdin.set_router_mandatory(true).map_err(|error| refused("stdin", error))?;
        let iopub = bind(&context, connection, SocketType::XPUB, connection.ports.iopub, |socket| {
            // Every subscription is seen, repeated ones too: each client is owed its welcome.
            socket.set_xpub_verbose(true)?;
            socket.set_sndhwm(IOPUB_BACKLOG)
        })?;
        // A REP socket would do, but it can be left waiting for its turn to send; a ROUTER has no turns.
        let echo = bind(&context, connection, SocketType::ROUTER, connection.ports.heartbeat, |socket| {
            socket.set_router_handover(true)
        })?;
        let heartbeat = std::thread::Builder::new().name("heartbeat".into()).spawn(move || beat(&echo)).ok();

        let inner = Context::new();
        let wake = inner.socket(SocketType::PULL).map_err(|error| refused(WAKE, error))?;
        wake.bind(WAKE).map_err(|error| refused(WAKE, error))?;
        let woken = Arc::new(AtomicBool::new(false));
        Ok(Self { context, shell, control, stdin, iopub, wake, inner, woken, heartbeat })
    }

    /// A handle that wakes the thread waiting in [`Sockets::wait`].
    ///
    /// # Errors
    /// `DeviceError` where the process is out of sockets.
    pub fn waker(&self) -> Result<Waker> {
        let socket = self.inner.socket(SocketType::PUSH).map_err(|error| refused(WAKE, error))?;
        socket.set_linger(0).map_err(|error| refused(WAKE, error))?;
        socket.connect(WAKE).map_err(|error| refused(WAKE, error))?;
        Ok(Waker { socket: Arc::new(Mutex::new(socket)), woken: self.woken.clone() })
    }

    /// Waits until a socket has something to receive, a waker calls, or the time is over.
    pub fn wait(&self, timeout: Duration) {
        let mut items: Vec<PollItem> = [&self.control, &self.shell, &self.stdin, &self.iopub, &self.wake]
            .iter()
            .map(|socket| socket.as_poll_item(POLLIN))
            .collect();
        // Rounded up: a wait of 0.4 ms must not become a busy loop of waits of 0 ms.
        let milliseconds = i64::try_from(timeout.as_micros().div_ceil(1_000)).unwrap_or(i64::MAX);
        if let Err(error) = zmq::poll(&mut items, milliseconds)
            && error != zmq::Error::EINTR
        {
            log(|| format!("poll: {error}"));
        }
        while self.wake.recv_bytes(DONTWAIT).is_ok() {}
        // Cleared before the caller looks into its queue: what is queued after that look wakes again.
        self.woken.swap(false, Ordering::AcqRel);
    }

    /// The next message's frames, if one has arrived.
    pub fn receive(&self, channel: Channel) -> Option<Vec<Vec<u8>>> {
        self.socket(channel).recv_multipart(DONTWAIT).ok()
    }

    /// The next topic that a client subscribed to, if one has.
    pub fn subscription(&self) -> Option<Vec<u8>> {
        loop {
            let frames = self.receive(Channel::Iopub)?;
            if let [frame] = frames.as_slice()
                && let Some((1, topic)) = frame.split_first()
            {
                return Some(topic.to_vec());
            }
        }
    }

    /// Sends the frames; `false` where they could not be sent. Never blocks.
    pub fn send(&self, channel: Channel, frames: &[Vec<u8>]) -> bool {
        match self.socket(channel).send_multipart(frames, DONTWAIT) {
            Ok(()) => true,
            Err(error) => {
                log(|| format!("{channel:?}: a message could not be sent: {error}"));
                false
            }
        }
    }

    /// Closes the sockets, after what was sent has left (within `LINGER`).
    pub fn close(self) {
        let Self { mut context, shell, control, stdin, iopub, heartbeat, .. } = self;
        drop((shell, control, stdin, iopub));
        if let Err(error) = context.destroy() {
            log(|| format!("closing: {error}"));
        }
        if let Some(thread) = heartbeat {
            let _ = thread.join();
        }
    }

    fn socket(&self, channel: Channel) -> &Socket {
        match channel {
            Channel::Shell => &self.shell,
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Iopub => &self.iopub,
        }
    }
}

fn bind(
    context: &Context,
    connection: &Connection,
    kind: SocketType,
    port: u16,
    configure: impl Fn(&Socket) -> zmq::Result<()>,
) -> Result<Socket> {
    let address = connection.address(port);
    let linger = i32::try_from(LINGER.as_millis()).unwrap_or(i32::MAX);
    let bound = || {
        let socket = context.socket(kind)?;
        socket.set_linger(linger)?;
        socket.set_ipv6(connection.is_ipv6())?;
        configure(&socket)?;
        socket.bind(&address)?;
        Ok(socket)
    };
    bound().map_err(|error| refused(&address, error))
}

fn refused(address: &str, error: zmq::Error) -> Fault {
    Fault::new(Kind::Device, format!("cannot listen on {address}: {error}"))
        .hint("another process may hold the port; start the kernel again, and Jupyter chooses other ports")
}

/// Echoes heartbeats until the context is closed.
fn beat(echo: &Socket) {
    loop {
        let echoed = echo.recv_multipart(0).and_then(|frames| echo.send_multipart(frames, DONTWAIT));
        match echoed {
            Ok(()) | Err(zmq::Error::EINTR | zmq::Error::EAGAIN) => {}
            Err(error) => {
                if error != zmq::Error::ETERM {
                    log(|| format!("heartbeat: {error}"));
                }
                return;
            }
        }
    }
}
