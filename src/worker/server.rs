//! The worker's side: takes calls off the socket, has the real notebook answer them, and sends back what it shows.

use super::message::{Call, Event, Request, Ticket, Value};
use super::{frame, process};
use crate::output::{Output, Stream};
use crate::session::{
    Checkpoint, CommReply, Completeness, Completions, Failure, Frontend, Notebook, Reply,
};
use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Serves the supervisor that started this process, until it is gone; then the process ends, whatever still runs.
///
/// # Errors
/// Standard input is not the supervisor's socket; the system gives no more threads.
pub fn serve(notebook: &Arc<dyn Notebook>) -> io::Result<()> {
    let stream = process::inherited()?;
    let desk = Arc::new(Desk {
        stream: Mutex::new(stream.try_clone()?),
        turn: Mutex::default(),
        question: Mutex::default(),
    });
    let (runner, to_run) = channel();
    let (helper, to_help) = channel();
    let (book, out) = (notebook.clone(), desk.clone());
    thread("desk", move || help(book.as_ref(), &out, &to_help))?;
    let (book, out) = (notebook.clone(), desk.clone());
    thread("reader", move || {
        read(stream, book.as_ref(), &out, &runner, &helper);
        process::leave();
    })?;
    run(notebook.as_ref(), &desk, &to_run);
    Ok(())
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(body)?;
    Ok(())
}

/// What the worker's threads share.
struct Desk {
    stream: Mutex<UnixStream>,
    turn: Mutex<Turn>,
    /// Where the answer to the running call's question goes.
    question: Mutex<Option<(Ticket, Sender<Option<String>>)>>,
}

#[derive(Default)]
struct Turn {
    running: Option<Ticket>,
    /// What was interrupted last, begun or not.
    stopped: Option<Ticket>,
}

impl Desk {
    fn send(&self, event: &Event) {
        // A message that cannot be made is one too long; and what one may show next is no longer true without it.
        let sent = frame::encode(event).and_then(|bytes| lock(&self.stream).write_all(&bytes));
        if let Err(error) = sent {
            match error.kind() {
                io::ErrorKind::InvalidData => self.apologise(event, &error),
                // The supervisor is gone.
                _ => process::leave(),
            }
        }
    }

    /// In the place of an output that is too large to be sent.
    fn apologise(&self, event: &Event, error: &io::Error) {
        if let Event::Output { ticket, .. } = event {
            let text = format!("an output was left out: {error} is too large to be shown\n");
            let stream = Stream::Stderr;
            let (ticket, output) = (*ticket, Output::Text { stream, text });
            self.send(&Event::Output { ticket, output });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what the supervisor sends until it is gone. Never waits for anything else, so that interrupts always arrive.
fn read(
    stream: UnixStream,
    notebook: &dyn Notebook,
    desk: &Desk,
    runner: &Sender<(Ticket, Call)>,
    helper: &Sender<(Ticket, Call)>,
) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = frame::read(&mut stream) {
        let handed = match request {
            Request::Call { ticket, call } if call.runs_code() => runner.send((ticket, call)),
            Request::Call { ticket, call } => helper.send((ticket, call)),
            Request::Interrupt { ticket } => {
                let mut turn = lock(&desk.turn);
                turn.stopped = Some(ticket);
                if turn.running == Some(ticket) {
                    notebook.interrupt();
                }
                Ok(())
            }
            Request::Answer { ticket, text } => {
                let asked = lock(&desk.question).take_if(|(asking, _)| *asking == ticket);
                if let Some((_, answer)) = asked {
                    let _ = answer.send(text);
                }
                Ok(())
            }
        };
        if handed.is_err() {
            return;
        }
    }
}

/// Runs what runs code, one call after the other.
fn run(notebook: &dyn Notebook, desk: &Arc<Desk>, calls: &Receiver<(Ticket, Call)>) {
    let mut names = Vec::new();
    for (ticket, call) in calls {
        desk.send(&Event::Begun { ticket });
        let stopped = {
            let mut turn = lock(&desk.turn);
            turn.running = Some(ticket);
            turn.stopped == Some(ticket)
        };
        let value = if stopped {
            interrupted(&call)
        } else {
            let desk = desk.clone();
            answer(notebook, call, Arc::new(Outlet { desk, ticket }))
        };
        lock(&desk.turn).running = None;
        let now = notebook.names();
        if now != names {
            desk.send(&Event::Names(now.clone()));
            names = now;
        }
        desk.send(&Event::Returned { ticket, value });
    }
}

/// Answers what may be asked while a cell runs.
fn help(notebook: &dyn Notebook, desk: &Arc<Desk>, calls: &Receiver<(Ticket, Call)>) {
    for (ticket, call) in calls {
        let outlet = Arc::new(Outlet {
            desk: desk.clone(),
            ticket,
        });
        // A defect in what Tab asks must not cost the variables.
        let value = catch_unwind(AssertUnwindSafe(|| answer(notebook, call.clone(), outlet)))
            .unwrap_or_else(|_| nothing(&call));
        desk.send(&Event::Returned { ticket, value });
    }
}

fn answer(notebook: &dyn Notebook, call: Call, outlet: Arc<dyn Frontend>) -> Value {
    match call {
        Call::Execute(cell) => Value::Executed(notebook.execute(cell, outlet)),
        Call::Evaluate { expression } => Value::Evaluated(notebook.evaluate(&expression)),
        Call::Complete { code, cursor } => Value::Completed(notebook.complete(&code, cursor)),
        Call::Inspect {
            code,
            cursor,
            detail,
        } => Value::Inspected(notebook.inspect(&code, cursor, detail)),
        Call::IsComplete { code } => Value::Judged(notebook.is_complete(&code)),
        Call::Comm(message) => Value::Answered(notebook.comm(message)),
        Call::CallBack { comm } => Value::Executed(notebook.call_back(&comm, outlet)),
    }
}

/// The value of a call that was stopped before it began.
fn interrupted(call: &Call) -> Value {
    match call {
        Call::Execute(_) | Call::CallBack { .. } => {
            Value::Executed(Reply::Failed(Failure::interrupted()))
        }
        Call::Evaluate { .. } => Value::Evaluated(Err(Failure::interrupted())),
        other => nothing(other),
    }
}

/// The value of a call to which there is nothing to say.
fn nothing(call: &Call) -> Value {
    match call {
        Call::Execute(_) | Call::Evaluate { .. } | Call::CallBack { .. } => interrupted(call),
        Call::Complete { cursor, .. } => Value::Completed(Completions {
            start: *cursor,
            end: *cursor,
            matches: Vec::new(),
        }),
        Call::Inspect { .. } => Value::Inspected(None),
        Call::IsComplete { .. } => Value::Judged(Completeness::Complete),
        Call::Comm(_) => Value::Answered(CommReply::default()),
    }
}

/// Where the outputs of one call go.
struct Outlet {
    desk: Arc<Desk>,
    ticket: Ticket,
}

impl Frontend for Outlet {
    fn show(&self, output: Output) {
        let ticket = self.ticket;
        self.desk.send(&Event::Output { ticket, output });
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        let (answer, answered) = channel();
        let ticket = self.ticket;
        *lock(&self.desk.question) = Some((ticket, answer));
        let prompt = prompt.to_string();
        self.desk.send(&Event::Question {
            ticket,
            prompt,
            password,
        });
        answered.recv().ok().flatten()
    }

    fn checkpoint(&self, checkpoint: Checkpoint) {
        self.desk.send(&Event::Checkpoint(checkpoint));
    }
}
