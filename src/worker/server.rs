//! The worker's side: takes calls off the socket, has the real notebook answer them, and sends back what it shows.

use super::message::{Call, Event, Request, Ticket, Value};
use super::outbox::Outbox;
use super::{frame, process};
use saddle_fault::{Fault, lock};
use saddle_session::output::{Output, Stream};
use saddle_session::{Checkpoint, CommReply, Completeness, Completions, Failure, Frontend, Reply, Session};
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Serves the supervisor that started this process, until it is gone; then the process ends, whatever still runs.
///
/// # Errors
/// Standard input is not the supervisor's socket; the system gives no more threads.
pub fn serve(session: &Arc<dyn Session>) -> io::Result<()> {
    let stream = process::inherited(c"saddle-worker")?;
    let connection = Arc::new(Connection {
        outbox: Outbox::open(stream.try_clone()?)?,
        turn: Mutex::default(),
        question: Mutex::default(),
    });
    let (runner, to_run) = channel();
    let (side, to_answer) = channel();
    let (called, to) = (session.clone(), connection.clone());
    thread("side", move || answer_beside(called.as_ref(), &to, &to_answer))?;
    let (called, to) = (session.clone(), connection.clone());
    thread("reader", move || {
        read(stream, called.as_ref(), &to, &runner, &side);
        process::leave();
    })?;
    run(session.as_ref(), &connection, &to_run);
    Ok(())
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(body)?;
    Ok(())
}

/// What the worker's threads share.
struct Connection {
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

impl Connection {
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

/// Takes what the supervisor sends until it is gone. Never waits for anything else, so that interrupts always arrive.
fn read(
    stream: UnixStream,
    session: &dyn Session,
    connection: &Connection,
    runner: &Sender<(Ticket, Call)>,
    side: &Sender<(Ticket, Call)>,
) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = frame::read(&mut stream) {
        let handed = match request {
            Request::Call { ticket, call } if call.runs_code() => runner.send((ticket, call)),
            Request::Call { ticket, call } => side.send((ticket, call)),
            Request::Interrupt { ticket } => {
                let mut turn = lock(&connection.turn);
                turn.stopped = Some(ticket);
                if turn.running == Some(ticket) {
                    session.interrupt();
                }
                Ok(())
            }
            Request::Answer { ticket, text } => {
                let asked = lock(&connection.question).take_if(|(asking, _)| *asking == ticket);
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
fn run(session: &dyn Session, connection: &Arc<Connection>, calls: &Receiver<(Ticket, Call)>) {
    let mut names = Vec::new();
    for (ticket, call) in calls {
        let _ = connection.send(&Event::Begun { ticket });
        let stopped = {
            let mut turn = lock(&connection.turn);
            turn.running = Some(ticket);
            turn.stopped == Some(ticket)
        };
        let value = if stopped {
            refused(&call, &Failure::interrupted())
        } else {
            let connection = connection.clone();
            answer(session, &call, Arc::new(CallFrontend { connection, ticket }))
        };
        lock(&connection.turn).running = None;
        let now = session.names();
        if now != names {
            let _ = connection.send(&Event::Names(now.clone()));
            names = now;
        }
        connection.answer(ticket, &call, value);
    }
}

/// Answers what may be asked while a cell runs.
fn answer_beside(session: &dyn Session, connection: &Arc<Connection>, calls: &Receiver<(Ticket, Call)>) {
    for (ticket, call) in calls {
        let outlet = Arc::new(CallFrontend { connection: connection.clone(), ticket });
        // A defect in what Tab asks must not cost the variables.
        let value = catch_unwind(AssertUnwindSafe(|| answer(session, &call, outlet)))
            .unwrap_or_else(|_| refused(&call, &Failure::interrupted()));
        connection.answer(ticket, &call, value);
    }
}

fn answer(session: &dyn Session, call: &Call, outlet: Arc<dyn Frontend>) -> Value {
    match call {
        Call::Execute(cell) => Value::Executed(session.execute(cell.clone(), outlet)),
        Call::Evaluate { expression } => Value::Evaluated(session.evaluate(expression)),
        Call::Complete { code, cursor } => Value::Completed(session.complete(code, *cursor)),
        Call::Inspect { code, cursor, detail } => Value::Inspected(session.inspect(code, *cursor, *detail)),
        Call::IsComplete { code } => Value::Judged(session.is_complete(code)),
        Call::Comm(message) => Value::Answered(session.comm(message.clone())),
        Call::Respond { comm } => Value::Executed(session.call_back(comm, outlet)),
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
struct CallFrontend {
    connection: Arc<Connection>,
    ticket: Ticket,
}

impl Frontend for CallFrontend {
    fn show(&self, output: Output) {
        let ticket = self.ticket;
        if self.connection.send(&Event::Output { ticket, output }).is_err() {
            let text = "an output was left out: it is too large to be shown\n".to_string();
            let stream = Stream::Stderr;
            let output = Output::Text { stream, text };
            let _ = self.connection.send(&Event::Output { ticket, output });
        }
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        let (answer, answered) = channel();
        let ticket = self.ticket;
        *lock(&self.connection.question) = Some((ticket, answer));
        let prompt = prompt.to_string();
        let question = Event::Question { ticket, prompt, password };
        self.connection.send(&question).ok()?;
        answered.recv().ok().flatten()
    }

    fn checkpoint(&self, checkpoint: Checkpoint) {
        let _ = self.connection.send(&Event::Checkpoint(checkpoint));
    }
}
