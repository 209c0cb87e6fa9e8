//! Serving: a Jupyter client drives the session.
//!
//! This room knows the order of things (busy → handler → idle, the queue, counts, interrupts, shutdown) and the
//! notebook only as [`Session`]; it knows nothing of the language.
//!
//! | file | owns |
//! |---|---|
//! | `kernel` | the state machine: what is answered when; no sockets, no threads |
//! | `turns` | what runs now and what waits for its turn |
//! | `executor` | the thread that runs cells, the thread that answers beside them, the way back from both |
//! | `comms` | conversations with front ends: which are open, their messages, the turns of callbacks |
//! | `outgoing` | what the running cell shows, on its way to the clients |
//! | `batch` | text gathered into few messages |
//! | `limit` | how much of it reaches the page |
//! | `updates` | changes of displays at a pace that a page can follow |
//! | `stop` | how an interrupt is insisted on |
//! | `history`, `history_file` | what was run, in this session and, from a file, in those before it |
//! | `mime` | bundles as Jupyter's JSON |
//! | `about` | who the kernel says it is |
//! | `process` | SIGINT, and the end of the parent process |
//! | `kernelspec` | telling Jupyter where the kernel is |
//!
//! `turns` and `comms` are parts of the state machine in files of their own, and work on its state: each of their steps
//! ends in `Kernel::open` and `Kernel::close`, which alone send a status, so a type of their own would have to be
//! handed the kernel back.
//!
//! ```text
//!              ┌─────────────── this thread ───────────────┐      ┌── cells ──┐
//!   client ──► │ sockets → codec → Kernel ───────── jobs ──┼────► │ execute   │
//!          ◄── │ sockets ← codec ← outbox ◄─── one channel ┼◄──── │ outputs   │
//!              └───────────────────────────────────────────┘ ◄──► └── side ───┘ complete, inspect, is_complete
//! ```

mod about;
mod batch;
mod comms;
mod executor;
#[cfg(test)]
#[path = "../data/tests/damage/folder.rs"]
mod folder;
#[cfg(test)]
mod fuzz;
mod history;
mod history_file;
mod kernel;
pub mod kernelspec;
mod limit;
mod mime;
#[cfg(test)]
mod mock;
#[cfg(test)]
#[path = "../data/tests/damage/mutants.rs"]
mod mutants;
mod outgoing;
mod process;
mod stop;
#[cfg(test)]
mod tests;
mod turns;
mod updates;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use self::executor::{Event, Executor, Mailbox};
use self::history::History;
use self::kernel::Kernel;
use self::process::Parent;
use saddle_fault::{Fault, Kind};
use saddle_session::Session;
use saddle_wire::{Channel, Codec, Connection, Message, Sockets, log};

/// How often to look whether the parent process still lives.
const LOOK_AFTER_PARENT: Duration = Duration::from_millis(500);

/// A client's channel for questions may connect after the one for cells: how long, and how often, a question that finds
/// no one is tried again.
const ASK_AGAIN_FOR: Duration = Duration::from_millis(500);
const ASK_AGAIN_EVERY: Duration = Duration::from_millis(10);

/// How much is handled before looking at the other sides again, so that a flood from one does not hide an interrupt
/// from another.
const MESSAGES_PER_ROUND: usize = 256;

/// Serves the notebook to Jupyter clients until one asks for the shutdown or the parent process dies.
///
/// `history` is the file in which the cells of all sessions are kept; without one, the history is that of this session.
///
/// The process should end when this returns: a cell that cannot be stopped may still be running.
///
/// # Errors
/// `FileError` where the connection file is missing or wrong, `DeviceError` where its ports cannot be bound or the
/// system gives no more threads.
pub fn run(connection: &Path, session: Arc<dyn Session>, history: Option<&Path>) -> Result<(), Fault> {
    let connection = Connection::read(connection)?;
    let sockets = Sockets::open(&connection)?;
    let (mailbox, events) = Mailbox::new(sockets.waker()?);
    let executor = Executor::start(&session, &mailbox)
        .map_err(|error| Fault::new(Kind::Device, format!("cannot start the kernel's threads: {error}")))?;
    process::on_sigint(move || mailbox.wake());
    let codec = Codec::new(&connection.key);
    Service {
        sockets,
        codec,
        kernel: Kernel::new(session, executor, History::open(history)).reached_at(connection.ports),
        events,
        undelivered: None,
    }
    .serve();
    Ok(())
}

/// The thread of the sockets.
struct Service {
    sockets: Sockets,
    codec: Codec,
    kernel: Kernel,
    events: Receiver<Event>,
    /// A question that found no one, and until when to try again.
    undelivered: Option<(Message, Instant)>,
}

impl Service {
    fn serve(mut self) {
        let mut parent = Parent::new();
        let mut look = Instant::now();
        let mut more = false;
        while !self.kernel.is_done(Instant::now()) {
            self.sockets.wait(if more { Duration::ZERO } else { self.poll_timeout() });
            while let Some(topic) = self.sockets.subscription() {
                self.kernel.welcome(topic);
            }
            if process::interrupted() {
                self.kernel.interrupt(Instant::now());
            }
            self.deliver();
            self.receive(Channel::Control, MESSAGES_PER_ROUND);
            self.receive(Channel::Stdin, MESSAGES_PER_ROUND);
            self.receive(Channel::Shell, MESSAGES_PER_ROUND);
            more = self.handle_events(MESSAGES_PER_ROUND);
            self.kernel.tick(Instant::now());
            self.ask_again(Instant::now());
            self.deliver();
            if look.elapsed() >= LOOK_AFTER_PARENT {
                look = Instant::now();
                if parent.has_ended() {
                    log(|| "the parent process has ended".to_string());
                    self.kernel.leave(Instant::now());
                }
            }
        }
        self.sockets.close();
    }

    fn poll_timeout(&self) -> Duration {
        let due = self.kernel.due().map(|due| due.saturating_duration_since(Instant::now()));
        let longest = match self.undelivered {
            Some(_) => ASK_AGAIN_EVERY,
            None => LOOK_AFTER_PARENT,
        };
        due.map_or(longest, |due| due.min(longest))
    }

    /// Takes up to `most` messages from a socket.
    fn receive(&mut self, channel: Channel, most: usize) {
        for _ in 0..most {
            let Some(frames) = self.sockets.receive(channel) else {
                return;
            };
            match self.codec.decode(frames) {
                Ok(message) => self.kernel.receive(channel, message, Instant::now()),
                Err(reason) => log(|| format!("{channel:?}: a message was dropped: {reason}")),
            }
            self.deliver();
        }
    }

    /// Takes up to `most` events; whether there may be more.
    fn handle_events(&mut self, most: usize) -> bool {
        for _ in 0..most {
            let Ok(event) = self.events.try_recv() else {
                return false;
            };
            if matches!(event, Event::Finished { .. }) {
                // A cell that fails aborts those that have arrived: so all that have arrived must be in the queue.
                self.receive(Channel::Shell, usize::MAX);
            }
            self.kernel.handle(event, Instant::now());
            self.deliver();
        }
        true
    }

    fn deliver(&mut self) {
        for message in self.kernel.outbox() {
            let sent = self.sockets.send(message.channel, &self.codec.encode(&message));
            if !sent && message.channel == Channel::Stdin {
                self.undelivered = Some((message, Instant::now() + ASK_AGAIN_FOR));
            }
        }
    }

    /// Tries again to ask what found no one.
    fn ask_again(&mut self, now: Instant) {
        // Interrupted meanwhile: the question no longer stands.
        let Some((message, until)) = self.undelivered.take_if(|_| self.kernel.is_asking()) else {
            self.undelivered = None;
            return;
        };
        let frames = self.codec.encode(&message);
        if self.sockets.send(message.channel, &frames) {
            return;
        }
        if until <= now {
            return self.kernel.nobody_to_ask();
        }
        self.undelivered = Some((message, until));
    }
}
