//! The worker's side: takes calls off the socket, has the real notebook answer them, and sends back what it shows.

use super::message::{Call, Event, Request, Ticket, Value};
use super::outbox::Outbox;
use super::{frame, process};
use saddle_fault::Fault;
use saddle_session::output::{Output, Stream};
use saddle_session::{Checkpoint, CommReply, Completeness, Completions, Failure, Frontend, Notebook, Reply};
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Serves the supervisor that started this process, until it is gone; then the process ends, whatever still runs.
///
/// # Errors
/// Standard input is not the supervisor's socket; the system gives no more threads.
pub fn serve(notebook: &Arc<dyn Notebook>) -> io::Result<()> {
    let stream = process::inherited(c"saddle-worker")?;
    let desk = Arc::new(Desk {
        outbox: Outbox::open(stream.try_clone()?)?,
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
    outbox: Arc<Outbox>,
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

/// A message is too long to be sent.
struct TooLong;

impl Desk {
    fn send(&self, event: &Event) -> Result<(), TooLong> {
        self.outbox.send(&frame::encode(event).map_err(|_| TooLong)?);
        Ok(())
    }

    /// Sends what a call returned, or that it is too much.
    fn answer(&self, ticket: Ticket, call: &Call, value: Value) {
        if self.send(&Event::Returned { ticket, value }).is_err() {
            let fault = Fault::value("the answer is too large to be shown");
            let value = refused(call, &Failure::of(&fault));
            let _ = self.send(&Event::Returned { ticket, value });
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
        let _ = desk.send(&Event::Begun { ticket });
        let stopped = {
            let mut turn = lock(&desk.turn);
            turn.running = Some(ticket);
            turn.stopped == Some(ticket)
        };
        let value = if stopped {
            refused(&call, &Failure::interrupted())
        } else {
            let desk = desk.clone();
            answer(notebook, &call, Arc::new(Outlet { desk, ticket }))
        };
        lock(&desk.turn).running = None;
        let now = notebook.names();
        if now != names {
            let _ = desk.send(&Event::Names(now.clone()));
            names = now;
        }
        desk.answer(ticket, &call, value);
    }
}

/// Answers what may be asked while a cell runs.
fn help(notebook: &dyn Notebook, desk: &Arc<Desk>, calls: &Receiver<(Ticket, Call)>) {
    for (ticket, call) in calls {
        let outlet = Arc::new(Outlet { desk: desk.clone(), ticket });
        // A defect in what Tab asks must not cost the variables.
        let value = catch_unwind(AssertUnwindSafe(|| answer(notebook, &call, outlet)))
            .unwrap_or_else(|_| refused(&call, &Failure::interrupted()));
        desk.answer(ticket, &call, value);
    }
}

fn answer(notebook: &dyn Notebook, call: &Call, outlet: Arc<dyn Frontend>) -> Value {
    match call {
        Call::Execute(cell) => Value::Executed(notebook.execute(cell.clone(), outlet)),
        Call::Evaluate { expression } => Value::Evaluated(notebook.evaluate(expression)),
        Call::Complete { code, cursor } => Value::Completed(notebook.complete(code, *cursor)),
        Call::Inspect { code, cursor, detail } => Value::Inspected(notebook.inspect(code, *cursor, *detail)),
        Call::IsComplete { code } => Value::Judged(notebook.is_complete(code)),
        Call::Comm(message) => Value::Answered(notebook.comm(message.clone())),
        Call::Respond { comm } => Value::Executed(notebook.call_back(comm, outlet)),
    }
}

/// The value of a call that cannot be answered: the failure where there is a place for it, else nothing.
fn refused(call: &Call, failure: &Failure) -> Value {
    match call {
        Call::Execute(_) | Call::Respond { .. } => Value::Executed(Reply::Failed(failure.clone())),
        Call::Evaluate { .. } => Value::Evaluated(Err(failure.clone())),
        Call::Complete { cursor, .. } => {
            Value::Completed(Completions { start: *cursor, end: *cursor, matches: Vec::new() })
        }
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
        if self.desk.send(&Event::Output { ticket, output }).is_err() {
            let text = "an output was left out: it is too large to be shown\n".to_string();
            let stream = Stream::Stderr;
            let output = Output::Text { stream, text };
            let _ = self.desk.send(&Event::Output { ticket, output });
        }
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        let (answer, answered) = channel();
        let ticket = self.ticket;
        *lock(&self.desk.question) = Some((ticket, answer));
        let prompt = prompt.to_string();
        let question = Event::Question { ticket, prompt, password };
        self.desk.send(&question).ok()?;
        answered.recv().ok().flatten()
    }

    fn checkpoint(&self, checkpoint: Checkpoint) {
        let _ = self.desk.send(&Event::Checkpoint(checkpoint));
    }
}
