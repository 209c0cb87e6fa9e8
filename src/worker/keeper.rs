//! The thread that keeps a worker alive: starts it when one is wanted, reads what it sends, and tells those who wait
//! when it has died.

use super::frame;
use super::loss::{Cause, LastCheckpoint, Loss};
use super::message::{Event, Request, Ticket, Value};
use super::process::{self, Id, Process};
use saddle_session::Frontend;
use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the keeper and the callers share.
#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    /// A worker has started, could not be started, is wanted, or a call was interrupted.
    pub changed: Condvar,
}

#[derive(Default)]
pub struct State {
    /// The way to the worker that lives.
    pub worker: Option<WorkerHandle>,
    /// Someone has something for a worker to do.
    pub wanted: bool,
    /// How often a worker could not be started, and why the last time.
    pub failures: usize,
    pub failure: String,
    /// No more workers: the session is over.
    pub closed: bool,
    /// The keeper has ended.
    pub ended: bool,
    pub last_ticket: Ticket,
    /// The calls that are not answered yet.
    pub calls: HashMap<Ticket, Waiting>,
    /// The call that runs code.
    pub running: Option<Ticket>,
    /// The notebook's names.
    pub names: Vec<String>,
    pub checkpoint: Option<LastCheckpoint>,
    /// Why the worker is being killed, where we kill it.
    pub cause: Cause,
    /// A worker that died while nothing ran; the next cell says so.
    pub unreported: Option<Arc<Loss>>,
}

/// The way to a living worker.
pub struct WorkerHandle {
    frames: Sender<Vec<u8>>,
    /// Of a process that has not been waited for: the line is gone before.
    pub id: Id,
}

impl WorkerHandle {
    /// Has it sent; does not wait for that.
    ///
    /// # Errors
    /// A message that is too long.
    pub fn send(&self, request: &Request) -> io::Result<()> {
        // Where the writer has ended, the worker has died: those who wait will be told.
        let _ = self.frames.send(frame::encode(request)?);
        Ok(())
    }
}

/// A call that is not answered yet.
pub struct Waiting {
    pub events: Sender<CallEvent>,
    pub frontend: Option<Arc<dyn Frontend>>,
    /// Whether the worker that lives has it.
    pub sent: bool,
    /// Whether that has begun with it.
    pub begun: bool,
    /// Whether a worker has died under it before it began.
    pub tried: bool,
    pub interrupted: bool,
    pub is_cell: bool,
}

/// What the caller of a call is told.
pub enum CallEvent {
    Question {
        prompt: String,
        password: bool,
    },
    Returned(Value),
    /// The worker died before it had begun with the call: another may do it.
    Again,
    Died(Arc<Loss>),
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keeper's life: one worker after the other, until the session is closed.
pub fn keep(shared: &Shared, program: impl Fn() -> io::Result<Command>) {
    while wanted(shared) {
        match program().and_then(process::start) {
            Ok((process, stream)) => attend(shared, process, stream),
            Err(error) => {
                let mut state = shared.lock();
                state.failures += 1;
                state.failure = error.to_string();
                state.wanted = false;
                shared.changed.notify_all();
            }
        }
    }
    shared.lock().ended = true;
    shared.changed.notify_all();
}

/// Waits until a worker is wanted; `false` when none will be any more.
fn wanted(shared: &Shared) -> bool {
    let mut state = shared.lock();
    while !state.wanted && !state.closed {
        state = shared.wait(state);
    }
    !state.closed
}

/// One worker, from its start until its exit status has been read.
fn attend(shared: &Shared, process: Process, stream: UnixStream) {
    let id = process.id();
    let mut served = false;
    if let Ok(frames) = writer(&stream) {
        let mut state = shared.lock();
        state.worker = Some(WorkerHandle { frames, id });
        state.cause = Cause::Itself;
        if state.closed {
            id.kill();
        }
        shared.changed.notify_all();
        drop(state);
        let mut stream = BufReader::with_capacity(1 << 16, stream);
        loop {
            match frame::read(&mut stream) {
                Ok(Some(event)) => served |= take(shared, event),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    shared.lock().cause = Cause::Garbled;
                    break;
                }
                // An error is the end, too: that the worker has died before it had read all that was sent.
                Ok(None) | Err(_) => break,
            }
        }
    }
    // It may have closed the socket and live on.
    id.kill();
    record_death(shared, process, served);
}

/// The thread that writes to the worker: nobody else has to wait for that.
fn writer(stream: &UnixStream) -> io::Result<Sender<Vec<u8>>> {
    let mut stream = stream.try_clone()?;
    let (frames, inbox): (_, Receiver<Vec<u8>>) = channel();
    std::thread::Builder::new().name("writer".into()).spawn(move || {
        let mut frames = inbox.iter();
        while frames.next().is_some_and(|frame| stream.write_all(&frame).is_ok()) {}
    })?;
    Ok(frames)
}

/// Takes what the worker says; whether it was an answer.
fn take(shared: &Shared, event: Event) -> bool {
    let mut state = shared.lock();
    match event {
        Event::Begun { ticket } => {
            if let Some(call) = state.calls.get_mut(&ticket) {
                call.begun = true;
            }
        }
        Event::Output { ticket, output } => {
            let call = state.calls.get(&ticket);
            let frontend = call.and_then(|call| call.frontend.clone());
            // It may wait for a slow client, and must not make others wait.
            drop(state);
            if let Some(frontend) = frontend {
                // A defect there must not end this thread.
                let _ = catch_unwind(AssertUnwindSafe(|| frontend.show(output)));
            }
        }
        Event::Question { ticket, prompt, password } => {
            if let Some(call) = state.calls.get(&ticket) {
                let _ = call.events.send(CallEvent::Question { prompt, password });
            }
        }
        Event::Checkpoint(file) => {
            let at = Instant::now();
            state.checkpoint = Some(LastCheckpoint { file, at });
        }
        Event::Names(names) => state.names = names,
        Event::Returned { ticket, value } => {
            if let Some(call) = state.calls.get(&ticket) {
                let _ = call.events.send(CallEvent::Returned(value));
            }
            return true;
        }
    }
    false
}

/// The worker has died: those who wait are told.
fn record_death(shared: &Shared, process: Process, served: bool) {
    // From here on nobody can kill a process by this number.
    shared.lock().worker = None;
    let exit = process.wait();
    let mut state = shared.lock();
    let state = &mut *state;
    let loss = Arc::new(Loss {
        exit,
        cause: state.cause,
        names: std::mem::take(&mut state.names),
        checkpoint: state.checkpoint.clone(),
    });
    let mut reported = state.closed;
    for call in state.calls.values_mut().filter(|call| call.sent) {
        call.sent = false;
        let again = !call.begun && !call.tried && state.cause == Cause::Itself;
        call.tried = true;
        let event = if again {
            CallEvent::Again
        } else {
            reported |= call.is_cell;
            CallEvent::Died(loss.clone())
        };
        let _ = call.events.send(event);
    }
    if !reported {
        state.unreported.get_or_insert(loss);
    }
    // The next cell finds one ready. One that dies over and over is started again only when it is asked for.
    state.wanted = served;
    shared.changed.notify_all();
}
