//! The two threads that call the session, and the one ordered way back from them to the thread of the sockets.
//!
//! `cells` runs cells, one at a time. `side` answers what may be asked while a cell runs. Neither can take the kernel
//! down: a panic of either becomes an error reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::mime;
use saddle_fault::{Fault, Kind};
use saddle_session::output::{Comm, Output};
use saddle_session::{Cell, CommReply, Completeness, Completions, Detail, Failure, Frontend, Reply, Session};
use saddle_wire::content::{self, Completed, Content, Inspected, Status};
use saddle_wire::request::{Code, Inspect, Position};
use saddle_wire::{Channel, Waker};

/// How many events may wait before a cell that prints faster than we send has to wait: bounds the memory of
/// `loop { print }`.
const MAX_EVENTS_QUEUED: usize = 1_024;

/// How many bytes they may hold together: the same for `loop { show(a large picture) }`. A single one may be larger.
const MAX_BYTES_QUEUED: usize = 64 << 20;

/// The request that something belongs to: what an answer needs to find its way back.
#[derive(Debug)]
pub struct RequestContext {
    pub channel: Channel,
    pub peer: Vec<Vec<u8>>,
    pub msg_type: String,
    /// The request's header as it came.
    pub header: Vec<u8>,
}

/// Something to run on the thread of cells.
pub struct Job {
    pub context: Arc<RequestContext>,
    pub work: Work,
    /// Whether the client can answer questions.
    pub allow_stdin: bool,
}

pub enum Work {
    Cell {
        cell: Cell,
        user_expressions: Map<String, Value>,
    },
    /// What a cell wants done about the messages of a comm.
    Callback {
        comm: String,
    },
}

/// A question that is answered beside the running cell.
pub enum SideRequest {
    Complete(Position),
    Inspect(Inspect),
    IsComplete(Code),
    Comm(Comm),
}

/// What the thread of the sockets is told by the others, in the order in which it happened.
pub enum Event {
    Output {
        context: Arc<RequestContext>,
        output: Output,
        permit: Permit,
    },
    /// The cell asks the person; dropping `answer` means that there is no answer.
    Question {
        context: Arc<RequestContext>,
        prompt: String,
        password: bool,
        answer: SyncSender<String>,
    },
    Finished {
        context: Arc<RequestContext>,
        reply: Reply,
        user_expressions: Map<String, Value>,
    },
    SideReply {
        context: Arc<RequestContext>,
        content: Content,
    },
    /// A comm message has taken effect.
    CommHandled {
        context: Arc<RequestContext>,
        reply: CommReply,
    },
}

/// How many bytes the outputs hold that are on their way to the thread of the sockets.
#[derive(Default)]
struct ByteBudget {
    in_use: Mutex<usize>,
    freed: Condvar,
}

/// The bytes of one output, counted against the budget until this is dropped.
pub struct Permit {
    budget: Arc<ByteBudget>,
    bytes: usize,
}

impl Permit {
    /// Counts an output against the budget, as soon as there is room for it.
    fn acquire(budget: &Arc<ByteBudget>, output: &Output) -> Self {
        let bytes = output.size();
        let in_use = budget.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |in_use: &mut usize| *in_use > 0 && *in_use + bytes > MAX_BYTES_QUEUED;
        let wait = budget.freed.wait_while(in_use, full);
        *wait.unwrap_or_else(PoisonError::into_inner) += bytes;
        let budget = budget.clone();
        Self { budget, bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let in_use = self.budget.in_use.lock();
        *in_use.unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

/// The way to the thread of the sockets.
#[derive(Clone)]
pub struct Mailbox {
    events: SyncSender<Event>,
    waker: Waker,
    budget: Arc<ByteBudget>,
}

impl Mailbox {
    pub fn new(waker: Waker) -> (Self, Receiver<Event>) {
        let (events, receiver) = sync_channel(MAX_EVENTS_QUEUED);
        let budget = Arc::default();
        let mailbox = Self { events, waker, budget };
        (mailbox, receiver)
    }

    /// Has the thread of the sockets look for what is new.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Hands over an event. After the kernel has left, events are lost, as they should be.
    pub fn post(&self, event: Event) {
        // A full channel is being emptied by a thread that is awake; waking it before would be a wake-up too early.
        let _ = self.events.send(event);
        self.waker.wake();
    }
}

/// The ways to the two threads.
pub struct Executor {
    pub cells: Sender<Job>,
    pub side: Sender<(Arc<RequestContext>, SideRequest)>,
}

impl Executor {
    /// Starts both threads; they end when the executor is dropped and their work is done.
    ///
    /// # Errors
    /// The system has no more threads to give.
    pub fn start(session: &Arc<dyn Session>, mailbox: &Mailbox) -> std::io::Result<Self> {
        let (cells, jobs) = channel::<Job>();
        let (side, requests) = channel::<(Arc<RequestContext>, SideRequest)>();
        let (called, post) = (session.clone(), mailbox.clone());
        std::thread::Builder::new()
            .name("cells".into())
            .spawn(move || jobs.iter().for_each(|job| run(called.as_ref(), job, &post)))?;
        let (called, post) = (session.clone(), mailbox.clone());
        std::thread::Builder::new().name("side".into()).spawn(move || {
            for (context, request) in requests {
                post.post(serve_aside(called.as_ref(), context, request));
            }
        })?;
        Ok(Self { cells, side })
    }
}

/// Answers a request beside the running cell; the event for the thread of the sockets.
fn serve_aside(session: &dyn Session, context: Arc<RequestContext>, request: SideRequest) -> Event {
    let is_comm = matches!(request, SideRequest::Comm(_));
    let whose = context.clone();
    let done = catch_unwind(AssertUnwindSafe(|| {
        let content = match request {
            SideRequest::Comm(message) => {
                let reply = session.comm(message);
                return Event::CommHandled { context, reply };
            }
            SideRequest::Complete(at) => Content::Complete(completed(session.complete(&at.code, at.cursor()))),
            SideRequest::Inspect(what) => Content::Inspect(inspected(session, &what)),
            SideRequest::IsComplete(request) => Content::IsComplete(completeness(session.is_complete(&request.code))),
        };
        Event::SideReply { context, content }
    }));
    done.unwrap_or_else(|_| match is_comm {
        true => Event::CommHandled { context: whose, reply: CommReply::default() },
        false => {
            let content = Content::refused(&whose.msg_type, defect().into());
            Event::SideReply { context: whose, content }
        }
    })
}

/// Runs one cell and its user expressions, or one callback, to the end.
fn run(session: &dyn Session, job: Job, mailbox: &Mailbox) {
    let Job { context, work, allow_stdin } = job;
    let frontend = Arc::new(CellFrontend { context: context.clone(), mailbox: mailbox.clone(), allow_stdin });
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let (reply, user_expressions) = match work {
            Work::Cell { cell, user_expressions } => (session.execute(cell, frontend), user_expressions),
            Work::Callback { comm } => (session.call_back(&comm, frontend), Map::new()),
        };
        let values = match reply {
            Reply::Done => user_expressions.into_iter().map(|(name, code)| (name, evaluate(session, &code))).collect(),
            Reply::Failed(_) => Map::new(),
        };
        (reply, values)
    }));
    let (reply, user_expressions) = ran.unwrap_or_else(|_| (Reply::Failed(defect()), Map::new()));
    mailbox.post(Event::Finished { context, reply, user_expressions });
}

fn evaluate(session: &dyn Session, expression: &Value) -> Value {
    mime::expression(match expression {
        Value::String(code) => session.evaluate(code),
        other => Err(Failure::of(&Fault::type_(format!("a user expression is text, not {other}")))),
    })
}

fn defect() -> Failure {
    let message = "a defect of Saddlepoint stopped this; the variables that it did not touch are unharmed";
    Failure::of(&Fault::new(Kind::Internal, message))
}

/// A running cell's way to the client.
struct CellFrontend {
    context: Arc<RequestContext>,
    mailbox: Mailbox,
    allow_stdin: bool,
}

impl Frontend for CellFrontend {
    fn show(&self, output: Output) {
        self.mailbox.post(Event::Output {
            context: self.context.clone(),
            permit: Permit::acquire(&self.mailbox.budget, &output),
            output,
        });
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        if !self.allow_stdin {
            return None;
        }
        let (answer, answered) = sync_channel(1);
        self.mailbox.post(Event::Question {
            context: self.context.clone(),
            prompt: prompt.to_string(),
            password,
            answer,
        });
        answered.recv().ok()
    }
}

fn inspected(session: &dyn Session, request: &Inspect) -> Inspected {
    let detail = if request.detail_level == 0 { Detail::Brief } else { Detail::Full };
    let bundle = session.inspect(&request.position.code, request.position.cursor(), detail);
    let found = bundle.is_some();
    let (data, metadata) = mime::fields(bundle.unwrap_or_default());
    Inspected { status: Status::Ok, found, data, metadata }
}

fn completeness(found: Completeness) -> content::Completeness {
    match found {
        Completeness::Complete => content::Completeness::Complete,
        Completeness::Incomplete { indent } => content::Completeness::Incomplete { indent },
        Completeness::Invalid => content::Completeness::Invalid,
    }
}

/// A completion reply; types and signatures go where JupyterLab and IPython agreed to put them.
fn completed(found: Completions) -> Completed {
    let Completions { start, end, matches } = found;
    let types: Vec<Value> = matches
        .iter()
        .map(|m| json!({ "start": start, "end": end, "text": m.text, "type": m.kind, "signature": m.signature }))
        .collect();
    Completed {
        status: Status::Ok,
        matches: matches.into_iter().map(|m| m.text).collect(),
        cursor_start: start,
        cursor_end: end,
        metadata: Map::from_iter([("_jupyter_types_experimental".to_string(), Value::Array(types))]),
    }
}
