//! The supervisor's side: a session that lives in another process.

use super::keeper::{CallEvent, Shared, Waiting, keep};
use super::loss::{Cause, Loss, no_worker};
use super::message::{Call, Request, Ticket, Value};
use saddle_session::output::{Bundle, Comm, Output, Stream};
use saddle_session::{Cell, CommReply, Completeness, Completions, Detail, Failure, Frontend, Reply, Session};
use std::io;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long the end of a session waits for the end of its worker, which has been killed.
const END_TIMEOUT: Duration = Duration::from_millis(300);

/// A session in a process of its own. It starts at once; what is asked before it has started waits for that.
///
/// When the process dies, the running cell fails and says so, and the next one runs in a fresh process. Dropping this
/// ends the process.
pub struct Isolated {
    shared: Arc<Shared>,
}

/// Why a call has no value.
enum Unanswered {
    Died(Arc<Loss>),
    /// No worker can be started, for this reason.
    NoWorker(String),
    Interrupted,
}

impl Unanswered {
    fn failure(&self) -> Failure {
        match self {
            Self::Died(loss) => loss.failure(),
            Self::NoWorker(reason) => no_worker(reason),
            Self::Interrupted => Failure::interrupted(),
        }
    }
}

impl Isolated {
    /// A session in a process started by `program`: this binary, with the arguments that have it call
    /// [`serve`](super::serve).
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(program: impl Fn() -> io::Result<Command> + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.lock().wanted = true;
        let kept = shared.clone();
        std::thread::Builder::new().name("keeper".into()).spawn(move || keep(&kept, program))?;
        Ok(Self { shared })
    }

    /// Ends the session and its process.
    pub fn end(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        if let Some(worker) = &state.worker {
            worker.id.kill();
        }
        self.shared.changed.notify_all();
        // Killed, it ends by itself; waited for so that it is gone when we are.
        let _ = self
            .shared
            .changed
            .wait_timeout_while(state, END_TIMEOUT, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
    }

    /// Has the worker do something, and waits for it.
    fn call(&self, call: &Call, frontend: Option<Arc<dyn Frontend>>) -> Result<Value, Unanswered> {
        let (events, received) = channel();
        let ticket = {
            let mut state = self.shared.lock();
            state.last_ticket += 1;
            let ticket = state.last_ticket;
            let waiting = Waiting {
                events,
                frontend: frontend.clone(),
                sent: false,
                begun: false,
                tried: false,
                interrupted: false,
                is_cell: matches!(call, Call::Execute(_)),
            };
            state.calls.insert(ticket, waiting);
            if call.runs_code() {
                state.running = Some(ticket);
            }
            ticket
        };
        let outcome = self.converse(ticket, call, frontend.as_ref(), &received);
        let mut state = self.shared.lock();
        state.calls.remove(&ticket);
        state.running.take_if(|running| *running == ticket);
        outcome
    }

    fn converse(
        &self,
        ticket: Ticket,
        call: &Call,
        frontend: Option<&Arc<dyn Frontend>>,
        received: &Receiver<CallEvent>,
    ) -> Result<Value, Unanswered> {
        self.hand_over(ticket, call, frontend)?;
        for event in received {
            match event {
                CallEvent::Returned(value) => return Ok(value),
                CallEvent::Died(loss) => return Err(Unanswered::Died(loss)),
                CallEvent::Again => self.hand_over(ticket, call, frontend)?,
                CallEvent::Question { prompt, password } => {
                    self.ask(ticket, prompt, password, frontend);
                }
            }
        }
        Err(Unanswered::NoWorker("the session has ended".into()))
    }

    /// Gives the call to the worker, as soon as there is one.
    fn hand_over(&self, ticket: Ticket, call: &Call, frontend: Option<&Arc<dyn Frontend>>) -> Result<(), Unanswered> {
        let mut state = self.shared.lock();
        let failures = state.failures;
        loop {
            if state.closed {
                return Err(Unanswered::NoWorker("the session has ended".into()));
            }
            if state.failures != failures {
                return Err(Unanswered::NoWorker(state.failure.clone()));
            }
            if state.calls.get(&ticket).is_some_and(|call| call.interrupted) {
                return Err(Unanswered::Interrupted);
            }
            if state.worker.is_none() {
                state.wanted = true;
                self.shared.changed.notify_all();
                state = self.shared.wait(state);
                continue;
            }
            if let (Call::Execute(Cell { silent: false, .. }), Some(frontend)) = (call, frontend)
                && let Some(loss) = state.unreported.take()
            {
                drop(state);
                let (stream, text) = (Stream::Stderr, loss.note());
                frontend.show(Output::Text { stream, text });
                state = self.shared.lock();
                continue;
            }
            let state = &mut *state;
            let call = call.clone();
            if let (Some(worker), Some(waiting)) = (&state.worker, state.calls.get_mut(&ticket)) {
                waiting.sent = true;
                let sent = worker.send(&Request::Call { ticket, call });
                return sent.map_err(|error| Unanswered::NoWorker(error.to_string()));
            }
        }
    }

    /// Asks the person on a thread of its own: the worker may die before there is an answer, and the cell must not wait
    /// for that.
    fn ask(&self, ticket: Ticket, prompt: String, password: bool, frontend: Option<&Arc<dyn Frontend>>) {
        let (shared, frontend) = (self.shared.clone(), frontend.cloned());
        let answer = move |text| {
            if let Some(worker) = &shared.lock().worker {
                let _ = worker.send(&Request::Answer { ticket, text });
            }
        };
        let nobody = answer.clone();
        let asking = std::thread::Builder::new()
            .name("question".into())
            .spawn(move || answer(frontend.and_then(|frontend| frontend.ask(&prompt, password))));
        if asking.is_err() {
            nobody(None);
        }
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        self.end();
    }
}

impl Session for Isolated {
    fn execute(&self, cell: Cell, frontend: Arc<dyn Frontend>) -> Reply {
        match self.call(&Call::Execute(cell), Some(frontend)) {
            Ok(Value::Executed(reply)) => reply,
            Ok(_) => Reply::Failed(no_worker("it gave another answer")),
            Err(why) => Reply::Failed(why.failure()),
        }
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        let code = code.to_string();
        match self.call(&Call::Complete { code, cursor }, None) {
            Ok(Value::Completed(completions)) => completions,
            _ => Completions { start: cursor, end: cursor, matches: Vec::new() },
        }
    }

    fn inspect(&self, code: &str, cursor: usize, detail: Detail) -> Option<Bundle> {
        let code = code.to_string();
        let call = Call::Inspect { code, cursor, detail };
        match self.call(&call, None) {
            Ok(Value::Inspected(bundle)) => bundle,
            _ => None,
        }
    }

    fn is_complete(&self, code: &str) -> Completeness {
        let code = code.to_string();
        match self.call(&Call::IsComplete { code }, None) {
            Ok(Value::Judged(completeness)) => completeness,
            // Run, it will say what is wrong.
            _ => Completeness::Complete,
        }
    }

    fn interrupt(&self) {
        let mut state = self.shared.lock();
        let state = &mut *state;
        if let Some(ticket) = state.running
            && let Some(call) = state.calls.get_mut(&ticket)
        {
            call.interrupted = true;
            if let (Some(worker), true) = (&state.worker, call.sent) {
                let _ = worker.send(&Request::Interrupt { ticket });
            }
            self.shared.changed.notify_all();
        }
    }

    fn comm(&self, message: Comm) -> CommReply {
        match self.call(&Call::Comm(message), None) {
            Ok(Value::Answered(reply)) => reply,
            _ => CommReply::default(),
        }
    }

    fn call_back(&self, comm: &str, frontend: Arc<dyn Frontend>) -> Reply {
        let comm = comm.to_string();
        match self.call(&Call::Respond { comm }, Some(frontend)) {
            Ok(Value::Executed(reply)) => reply,
            Ok(_) => Reply::Failed(no_worker("it gave another answer")),
            Err(why) => Reply::Failed(why.failure()),
        }
    }

    fn abandon(&self) {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let call = state.running.and_then(|ticket| state.calls.get(&ticket));
        // The worker that has the call; it may be dead already, and another in its place.
        if let (Some(Waiting { sent: true, .. }), Some(worker)) = (call, &state.worker) {
            worker.id.kill();
            state.cause = Cause::Abandoned;
        }
    }

    fn names(&self) -> Vec<String> {
        self.shared.lock().names.clone()
    }

    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        let expression = expression.to_string();
        match self.call(&Call::Evaluate { expression }, None) {
            Ok(Value::Evaluated(value)) => value,
            Ok(_) => Err(no_worker("it gave another answer")),
            Err(why) => Err(why.failure()),
        }
    }
}
