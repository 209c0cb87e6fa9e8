//! What keeps the order of the shell channel: cells, callbacks of comms, and the `kernel_info` that clients use as a
//! barrier. One runs at a time; the others wait in a queue, which a failed cell empties.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::about;
use super::executor::{Job, RequestContext, Work};
use super::kernel::Kernel;
use super::stop::Stop;
use saddle_session::{Cell, Reply};
use saddle_wire::codec::timestamp;
use saddle_wire::content::{Content, Error, Executed, Status};
use saddle_wire::request::Execute;

/// What waits for its turn.
pub(super) enum Turn {
    KernelInfo,
    Execute(Execute),
    /// A comm's message. Until it is handled nothing behind it starts; then it is the turn of the callback.
    Comm {
        comm: String,
        handled: bool,
    },
}

/// The cell, or the callback, that runs.
pub(super) struct Running {
    pub(super) context: Arc<RequestContext>,
    pub(super) number: usize,
    pub(super) started: SystemTime,
    pub(super) silent: bool,
    /// Whether someone waits for a reply: no one does for a callback's.
    pub(super) reply: bool,
    pub(super) stop_on_error: bool,
    /// What goes with the reply: pages for the pager, text for the cell.
    pub(super) payload: Vec<Value>,
    /// Its interrupt, once there is one.
    pub(super) stop: Option<Stop>,
}

impl Kernel {
    pub(super) fn take_turn(&mut self, context: Arc<RequestContext>, turn: Turn) {
        self.queue.push_back((context, turn));
        self.go_on();
    }

    /// Serves what waits, up to the next cell.
    pub(super) fn go_on(&mut self) {
        while self.running.is_none()
            && !matches!(self.queue.front(), Some((_, Turn::Comm { handled: false, .. })))
            && let Some((context, turn)) = self.queue.pop_front()
        {
            match turn {
                Turn::KernelInfo => self.answer(&context, about::kernel_info()),
                Turn::Execute(execute) => self.start(context, execute),
                Turn::Comm { comm, .. } => self.start_callback(context, comm),
            }
        }
    }

    fn start(&mut self, context: Arc<RequestContext>, execute: Execute) {
        let Execute { code, silent, store_history, user_expressions, allow_stdin, stop_on_error } = execute;
        // As in IPython, a blank cell does not count: clients send one to have user expressions evaluated.
        let stored = store_history && !silent && !code.trim().is_empty();
        let number = self.count + 1;
        self.open(&context);
        if !silent {
            self.publish(&context, Content::ExecuteInput { code: code.clone(), execution_count: number });
        }
        if stored {
            self.count = number;
            self.history.ran(number, &code);
        }
        let cell = Cell { number, code, silent };
        let work = Work::Cell { cell, user_expressions };
        let job = Job { context, work, allow_stdin };
        self.begin(job, stop_on_error);
    }

    /// Has a job begun on the thread of cells.
    pub(super) fn begin(&mut self, job: Job, stop_on_error: bool) {
        let (number, silent, reply) = match &job.work {
            Work::Cell { cell, .. } => (cell.number, cell.silent, true),
            Work::Callback { .. } => (self.count, true, false),
        };
        self.running = Some(Running {
            context: job.context.clone(),
            number,
            started: SystemTime::now(),
            silent,
            reply,
            stop_on_error,
            payload: Vec::new(),
            stop: None,
        });
        // The thread lives as long as the executor, and catches what panics.
        let _ = self.executor.cells.send(job);
    }

    pub(super) fn finish(&mut self, context: &Arc<RequestContext>, reply: Reply, user_expressions: Map<String, Value>) {
        let last = self.outgoing.end();
        self.publish_all(last);
        let Some(running) = self.running.take() else {
            return;
        };
        self.question = None;
        let error = match reply {
            Reply::Done => None,
            Reply::Failed(failure) => Some(Error::from(failure)),
        };
        let failed = error.is_some();
        if let Some(error) = &error {
            self.publish(context, Content::Error(error.clone()));
        }
        if !running.reply {
            self.close(context, None);
            return self.go_on();
        }
        let content = Content::Execute(Executed {
            status: if failed { Status::Error } else { Status::Ok },
            execution_count: running.number,
            user_expressions,
            payload: if failed { Vec::new() } else { running.payload },
            error,
        });
        // JupyterLab shows from this how long a cell took, and how long it waited.
        let metadata = Map::from_iter([("started".to_string(), timestamp(running.started).into())]);
        self.close(context, Some((metadata, content)));
        if failed && running.stop_on_error {
            self.abort_queue();
        }
        self.go_on();
    }

    /// Cells that were sent before the failure could be seen must not run after it.
    pub(super) fn abort_queue(&mut self) {
        for (context, turn) in std::mem::take(&mut self.queue) {
            match turn {
                Turn::KernelInfo => self.answer(&context, about::kernel_info()),
                Turn::Execute(_) => self.answer(&context, Content::Execute(Executed::aborted(self.count))),
                Turn::Comm { .. } if self.leaving.is_none() => self.queue.push_back((context, turn)),
                Turn::Comm { .. } => {}
            }
        }
    }
}
