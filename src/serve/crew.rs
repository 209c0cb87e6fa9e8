//! The two threads that call the notebook, and the one ordered way back from them to the thread of the sockets.
//!
//! `cells` runs cells, one at a time. `desk` answers what may be asked while a cell runs. Neither can take the kernel down:
//! a panic of either becomes an error reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::mime;
use saddle_fault::Kind;
use saddle_session::output::{Comm, Output};
use saddle_session::{Cell, CommReply, Completeness, Completions, Detail, Failure, Frontend, Notebook, Reply};
use saddle_wire::content::{self, Completed, Content, Inspected, Status};
use saddle_wire::request::{Code, Inspect, Position};
use saddle_wire::{Channel, Waker};

/// How many events may wait before a cell that prints faster than we send has to wait: bounds the memory of `loop { print }`.
const BACKLOG: usize = 1_024;

/// How much they may weigh together, bytes: the same for `loop { show(a large picture) }`. A single one may weigh more.
const LOAD: usize = 64 << 20;

/// Who asked: what an answer needs to find its way back.
#[derive(Debug)]
pub struct Asked {
    pub channel: Channel,
    pub peer: Vec<Vec<u8>>,
    pub msg_type: String,
    /// The request's header as it came.
    pub header: Vec<u8>,
}

/// Something to run on the thread of cells.
pub struct Job {
    pub asked: Arc<Asked>,
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
pub enum Errand {
    Complete(Position),
    Inspect(Inspect),
    IsComplete(Code),
    Comm(Comm),
}

/// What the thread of the sockets hears from the others, in the order in which it happened.
pub enum Event {
    Output {
        asked: Arc<Asked>,
        output: Output,
        weight: Weight,
    },
    /// The cell asks the person; dropping `answer` means that there is no answer.
    Question {
        asked: Arc<Asked>,
        prompt: String,
        password: bool,
        answer: SyncSender<String>,
    },
    Finished {
        asked: Arc<Asked>,
        reply: Reply,
        user_expressions: Map<String, Value>,
    },
    Helped {
        asked: Arc<Asked>,
        content: Content,
    },
    /// A comm message has taken effect.
    Heard {
        asked: Arc<Asked>,
        reply: CommReply,
    },
}

/// What the outputs weigh, bytes, that are on their way to the thread of the sockets.
#[derive(Default)]
struct Scale {
    load: Mutex<usize>,
    lighter: Condvar,
}

/// An output's weight on the scale, until this is dropped.
pub struct Weight {
    scale: Arc<Scale>,
    bytes: usize,
}

impl Weight {
    /// Puts an output on the scale, as soon as there is room for it.
    fn put(scale: &Arc<Scale>, output: &Output) -> Self {
        let bytes = output.weight();
        let load = scale.load.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |load: &mut usize| *load > 0 && *load + bytes > LOAD;
        let wait = scale.lighter.wait_while(load, full);
        *wait.unwrap_or_else(PoisonError::into_inner) += bytes;
        let scale = scale.clone();
        Self { scale, bytes }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        let load = self.scale.load.lock();
        *load.unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.scale.lighter.notify_all();
    }
}

/// The way to the thread of the sockets.
#[derive(Clone)]
pub struct Mailbox {
    events: SyncSender<Event>,
    waker: Waker,
    scale: Arc<Scale>,
}

impl Mailbox {
    pub fn new(waker: Waker) -> (Self, Receiver<Event>) {
        let (events, receiver) = sync_channel(BACKLOG);
        let scale = Arc::default();
        let mailbox = Self { events, waker, scale };
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
pub struct Crew {
    pub cells: Sender<Job>,
    pub desk: Sender<(Arc<Asked>, Errand)>,
}

impl Crew {
    /// Starts both threads; they end when the crew is dropped and their work is done.
    ///
    /// # Errors
    /// The system has no more threads to give.
    pub fn start(notebook: &Arc<dyn Notebook>, mailbox: &Mailbox) -> std::io::Result<Self> {
        let (cells, jobs) = channel::<Job>();
        let (desk, errands) = channel::<(Arc<Asked>, Errand)>();
        let (book, post) = (notebook.clone(), mailbox.clone());
        std::thread::Builder::new()
            .name("cells".into())
            .spawn(move || jobs.iter().for_each(|job| run(book.as_ref(), job, &post)))?;
        let (book, post) = (notebook.clone(), mailbox.clone());
        std::thread::Builder::new().name("desk".into()).spawn(move || {
            for (asked, errand) in errands {
                post.post(do_errand(book.as_ref(), asked, errand));
            }
        })?;
        Ok(Self { cells, desk })
    }
}

/// Does an errand; what the thread of the sockets hears of it.
fn do_errand(notebook: &dyn Notebook, asked: Arc<Asked>, errand: Errand) -> Event {
    let is_comm = matches!(errand, Errand::Comm(_));
    let whose = asked.clone();
    let done = catch_unwind(AssertUnwindSafe(|| {
        let content = match errand {
            Errand::Comm(message) => {
                let reply = notebook.comm(message);
                return Event::Heard { asked, reply };
            }
            Errand::Complete(at) => Content::Complete(completed(notebook.complete(&at.code, at.cursor()))),
            Errand::Inspect(what) => Content::Inspect(inspected(notebook, &what)),
            Errand::IsComplete(asked) => Content::IsComplete(completeness(notebook.is_complete(&asked.code))),
        };
        Event::Helped { asked, content }
    }));
    done.unwrap_or_else(|_| match is_comm {
        true => Event::Heard { asked: whose, reply: CommReply::default() },
        false => {
            let content = Content::refused(&whose.msg_type, defect().into());
            Event::Helped { asked: whose, content }
        }
    })
}

/// Runs one cell and its user expressions, or one callback, to the end.
fn run(notebook: &dyn Notebook, job: Job, mailbox: &Mailbox) {
    let Job { asked, work, allow_stdin } = job;
    let frontend = Arc::new(Outlet { asked: asked.clone(), mailbox: mailbox.clone(), allow_stdin });
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let (reply, user_expressions) = match work {
            Work::Cell { cell, user_expressions } => (notebook.execute(cell, frontend), user_expressions),
            Work::Callback { comm } => (notebook.call_back(&comm, frontend), Map::new()),
        };
        let values = match reply {
            Reply::Done => user_expressions.into_iter().map(|(name, code)| (name, evaluate(notebook, &code))).collect(),
            Reply::Failed(_) => Map::new(),
        };
        (reply, values)
    }));
    let (reply, user_expressions) = ran.unwrap_or_else(|_| (Reply::Failed(defect()), Map::new()));
    mailbox.post(Event::Finished { asked, reply, user_expressions });
}

fn evaluate(notebook: &dyn Notebook, expression: &Value) -> Value {
    mime::expression(match expression {
        Value::String(code) => notebook.evaluate(code),
        other => Err(failure(Kind::Type, &format!("a user expression is text, not {other}"))),
    })
}

fn failure(kind: Kind, message: &str) -> Failure {
    let name = kind.name().to_string();
    Failure { traceback: vec![format!("{name}: {message}")], name, value: message.to_string() }
}

fn defect() -> Failure {
    failure(Kind::Internal, "a defect of Saddlepoint stopped this; the variables that it did not touch are unharmed")
}

/// A running cell's way to the client.
struct Outlet {
    asked: Arc<Asked>,
    mailbox: Mailbox,
    allow_stdin: bool,
}

impl Frontend for Outlet {
    fn show(&self, output: Output) {
        self.mailbox.post(Event::Output {
            asked: self.asked.clone(),
            weight: Weight::put(&self.mailbox.scale, &output),
            output,
        });
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        if !self.allow_stdin {
            return None;
        }
        let (answer, answered) = sync_channel(1);
        self.mailbox.post(Event::Question { asked: self.asked.clone(), prompt: prompt.to_string(), password, answer });
        answered.recv().ok()
    }
}

fn inspected(notebook: &dyn Notebook, asked: &Inspect) -> Inspected {
    let detail = if asked.detail_level == 0 { Detail::Brief } else { Detail::Full };
    let bundle = notebook.inspect(&asked.position.code, asked.position.cursor(), detail);
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
