//! The kernel as a state machine: requests and events go in, messages come out. No sockets, no threads, no clock of its
//! own.
//!
//! Every request is answered between [`Kernel::open`] (busy) and [`Kernel::close`] (reply, idle); nothing else sends a
//! status.
//!
//! Which request is served when:
//! * `execute_request`, and `kernel_info_request` on shell, keep the order of the shell channel: clients use
//!   `kernel_info` as a barrier ("all that I sent before has run").
//! * `kernel_info_request` on control is answered at once, also while a cell runs: Jupyter Server sends it on both
//!   channels when a page connects again, and takes whichever answer comes first.
//! * Completion, inspection, history and comms are answered at once, also while a cell runs. Their `idle` would make
//!   frontends that look at the latest status alone believe that the cell had ended; so a `busy` follows it, with no
//!   parent, for it belongs to no request: it only says how the kernel is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::comms::{self, Comms};
use super::executor::{Event, Executor, RequestContext, SideRequest};
use super::history::History;
use super::outgoing::Outgoing;
use super::stop::{Step, Stop};
use super::turns::{Running, Turn};
use super::{about, mime};
use saddle_session::Session;
use saddle_session::output::{CommStep, Output};
use saddle_wire::connection::Ports;
use saddle_wire::content::{Content, Error, State, Status};
use saddle_wire::request::Unreadable;
use saddle_wire::{Channel, Message, Received, Request, log};

/// How long a shutdown waits for the interrupted cell to say its last words.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The state of the kernel.
pub struct Kernel {
    session: Arc<dyn Session>,
    pub(super) executor: Executor,
    /// Messages to send, in order.
    outbox: Vec<Message>,
    /// What keeps the order of the shell channel and waits for its turn.
    pub(super) queue: VecDeque<(Arc<RequestContext>, Turn)>,
    pub(super) running: Option<Running>,
    /// What the running cell has shown and has not been sent yet.
    pub(super) outgoing: Outgoing,
    /// Where the answer to the running cell's question goes.
    pub(super) question: Option<SyncSender<String>>,
    pub(super) history: History,
    pub(super) comms: Comms,
    /// The number of the last cell that was counted.
    pub(super) count: usize,
    /// Until when to wait for the running cell, once the kernel has been told to go.
    pub(super) leaving: Option<Instant>,
    /// Where clients find the sockets.
    ports: Ports,
}

impl Kernel {
    pub fn new(session: Arc<dyn Session>, executor: Executor, history: History) -> Self {
        Self {
            session,
            executor,
            outbox: Vec::new(),
            queue: VecDeque::new(),
            running: None,
            outgoing: Outgoing::default(),
            question: None,
            history,
            comms: Comms::default(),
            count: 0,
            leaving: None,
            ports: Ports::default(),
        }
    }

    /// The kernel that tells those who ask that it is reached at these ports.
    pub fn reached_at(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// The messages to send now.
    pub fn outbox(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.outbox)
    }

    /// Whether the kernel has been told to go and has nothing left to say.
    pub fn is_done(&self, now: Instant) -> bool {
        self.leaving.is_some_and(|until| self.running.is_none() || until <= now)
    }

    /// A client subscribed to a topic of iopub.
    pub fn welcome(&mut self, topic: Vec<u8>) {
        let subscription = String::from_utf8_lossy(&topic).into_owned();
        self.outbox.push(Message {
            channel: Channel::Iopub,
            peer: vec![topic],
            parent: Vec::new(),
            metadata: Map::new(),
            content: Content::IopubWelcome { subscription },
        });
    }

    /// A message came in.
    pub fn receive(&mut self, channel: Channel, message: Received, now: Instant) {
        let Received { peer, header, raw_header, metadata, content, buffers } = message;
        let context = Arc::new(RequestContext { channel, peer, msg_type: header.msg_type, header: raw_header });
        if self.leaving.is_some() {
            return log(|| format!("{} came after the shutdown", context.msg_type));
        }
        match Request::read(&context.msg_type, content) {
            Ok(request) => self.serve(context, request, (metadata, buffers), now),
            Err(Unreadable::Unknown) => log(|| format!("{channel:?}: unknown message type {:?}", context.msg_type)),
            Err(Unreadable::Content(error)) => {
                log(|| format!("{channel:?}: {}: {error}", context.msg_type));
                if context.msg_type.ends_with("_request") {
                    let message = format!("{}: {error}", context.msg_type);
                    let error =
                        Error { ename: "MessageError".into(), evalue: message.clone(), traceback: vec![message] };
                    let content = Content::refused(&context.msg_type, error);
                    self.answer(&context, content);
                }
            }
        }
    }

    /// `beside` is what came beside the content: metadata and binary parts.
    fn serve(
        &mut self,
        context: Arc<RequestContext>,
        request: Request,
        beside: (Map<String, Value>, Vec<Vec<u8>>),
        now: Instant,
    ) {
        match request {
            Request::Execute(execute) => self.take_turn(context, Turn::Execute(execute)),
            Request::KernelInfo if context.channel == Channel::Shell => self.take_turn(context, Turn::KernelInfo),
            Request::KernelInfo => self.answer(&context, about::kernel_info()),
            Request::Connect => self.answer(&context, Content::Connect(self.ports)),
            Request::Complete(at) => self.serve_beside(context, SideRequest::Complete(at)),
            Request::Inspect(at) => self.serve_beside(context, SideRequest::Inspect(at)),
            Request::IsComplete(code) => self.serve_beside(context, SideRequest::IsComplete(code)),
            Request::History(look) => {
                let history = self.history.look_up(&look);
                self.answer(&context, Content::History { status: Status::Ok, history });
            }
            Request::CommInfo(which) => {
                let comms = self.comms.info(&which);
                self.answer(&context, comms);
            }
            Request::CommOpen(open) => {
                let target = open.target_name;
                let step = CommStep::Open { target };
                self.receive_comm(context, comms::received(step, open.comm, beside));
            }
            Request::CommMsg(comm) => self.receive_comm(context, comms::received(CommStep::Message, comm, beside)),
            Request::CommClose(comm) => self.receive_comm(context, comms::received(CommStep::Close, comm, beside)),
            Request::Interrupt => {
                self.interrupt(now);
                self.answer(&context, Content::Interrupt { status: Status::Ok });
            }
            Request::Shutdown(shutdown) => {
                let content = Content::Shutdown { status: Status::Ok, restart: shutdown.restart };
                // All clients are told, not only the one that asked.
                self.publish(&context, content.clone());
                self.answer(&context, content);
                self.leave(now);
            }
            Request::InputReply(input) => match self.question.take() {
                Some(answer) => drop(answer.send(input.value)),
                None => log(|| "an answer came without a question".to_string()),
            },
        }
    }

    /// Something happened on another thread.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Output { context, output, permit } => {
                self.show(&context, output, now);
                drop(permit);
            }
            Event::Question { context, prompt, password, answer } => {
                let before = self.outgoing.flush();
                self.publish_all(before);
                self.question = Some(answer);
                self.send(Channel::Stdin, &context, Map::new(), Content::InputRequest { prompt, password });
            }
            Event::Finished { context, reply, user_expressions } => self.finish(&context, reply, user_expressions),
            Event::SideReply { context, content } => self.close(&context, Some((Map::new(), content))),
            Event::CommHandled { context, reply } => self.comm_handled(&context, reply),
        }
    }

    /// Whether the running cell waits for an answer.
    pub fn is_asking(&self) -> bool {
        self.question.is_some()
    }

    /// The question could not be delivered: the client has gone.
    pub fn nobody_to_ask(&mut self) {
        self.question = None;
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        let due = self.outgoing.take_due(now);
        self.publish_all(due);
        let stop = self.running.as_mut().and_then(|cell| cell.stop.as_mut());
        if let Some(stop) = stop {
            let step = stop.tick(now);
            self.take_step(step);
        }
    }

    /// When [`Kernel::tick`] has to be called next; `None` where nothing is due.
    pub fn due(&self) -> Option<Instant> {
        let stop = self.running.as_ref().and_then(|cell| cell.stop.as_ref());
        [self.outgoing.deadline(), stop.map(Stop::due), self.leaving].into_iter().flatten().min()
    }

    /// Stops everything: the parent has died, or a client asked for the shutdown.
    pub fn leave(&mut self, now: Instant) {
        self.leaving = Some(now + LAST_WORDS);
        self.abort_queue();
        self.interrupt(now);
    }

    /// The user wants the running cell to stop.
    pub fn interrupt(&mut self, now: Instant) {
        self.question = None;
        let Some(running) = &mut self.running else {
            return;
        };
        let step = match &running.stop {
            Some(stop) => stop.again(now),
            None => Step::Interrupt,
        };
        running.stop.get_or_insert_with(|| Stop::new(now));
        self.take_step(step);
    }

    fn take_step(&self, step: Step) {
        match step {
            Step::Wait => {}
            Step::Interrupt => self.session.interrupt(),
            Step::Abandon => self.session.abandon(),
        }
    }

    // ---- outputs

    fn show(&mut self, context: &Arc<RequestContext>, output: Output, now: Instant) {
        let running = self.running.as_ref();
        if running.is_some_and(|running| Arc::ptr_eq(&running.context, context)) {
            let now = self.outgoing.push(output, now);
            self.publish_all(now);
        } else {
            self.publish_output(context, output, (self.count, true));
        }
    }

    /// Tells all clients what the running cell shows.
    pub(super) fn publish_all(&mut self, outputs: Vec<Output>) {
        let Some(running) = self.running.as_ref().filter(|_| !outputs.is_empty()) else {
            return;
        };
        let (context, cell) = (running.context.clone(), (running.number, running.silent));
        for output in outputs {
            self.publish_output(&context, output, cell);
        }
    }

    fn publish_output(&mut self, context: &RequestContext, output: Output, (number, silent): (usize, bool)) {
        match output {
            Output::Result { .. } if silent => {}
            Output::Page { bundle } => self.add_to_reply(mime::page(bundle)),
            Output::NextInput { text } => self.add_to_reply(mime::next_input(text)),
            Output::Leave => self.add_to_reply(mime::leave()),
            Output::Comm(comm) => self.publish_comm(context, comm),
            output => {
                if let Output::Result { bundle } = &output {
                    self.history.gave(number, bundle.plain());
                }
                if let Some(content) = mime::content(output, number) {
                    self.publish(context, content);
                }
            }
        }
    }

    fn add_to_reply(&mut self, payload: Value) {
        if let Some(running) = &mut self.running {
            // There is one next input and one way out: of those, the last word counts.
            let source = &payload["source"];
            running.payload.retain(|other| source == "page" || other["source"] != *source);
            running.payload.push(payload);
        }
    }

    // ---- the one place of busy → handler → idle

    /// Begins to serve a request: busy.
    pub(super) fn open(&mut self, context: &RequestContext) {
        self.publish(context, Content::status(State::Busy));
    }

    /// Ends it: the reply, where the request has one, then idle.
    pub(super) fn close(&mut self, context: &RequestContext, reply: Option<(Map<String, Value>, Content)>) {
        if let Some((metadata, content)) = reply {
            self.send(context.channel, context, metadata, content);
        }
        self.publish(context, Content::status(State::Idle));
        if self.running.is_some() {
            self.broadcast(Content::status(State::Busy));
        }
    }

    /// Serves a request whose answer is known.
    pub(super) fn answer(&mut self, context: &RequestContext, content: Content) {
        self.open(context);
        self.close(context, Some((Map::new(), content)));
    }

    /// Has a request answered on the side thread, beside the running cell.
    fn serve_beside(&mut self, context: Arc<RequestContext>, request: SideRequest) {
        self.open(&context);
        let _ = self.executor.side.send((context, request));
    }

    /// Tells all clients what belongs to a request.
    pub(super) fn publish(&mut self, context: &RequestContext, content: Content) {
        self.send(Channel::Iopub, context, Map::new(), content);
    }

    /// Tells all clients what belongs to no request.
    fn broadcast(&mut self, content: Content) {
        self.outbox.push(Message {
            channel: Channel::Iopub,
            peer: vec![topic(&content)],
            parent: Vec::new(),
            metadata: Map::new(),
            content,
        });
    }

    pub(super) fn send(
        &mut self,
        channel: Channel,
        context: &RequestContext,
        metadata: Map<String, Value>,
        content: Content,
    ) {
        let peer = match channel {
            Channel::Iopub => vec![topic(&content)],
            _ => context.peer.clone(),
        };
        self.outbox.push(Message { channel, peer, parent: context.header.clone(), metadata, content });
    }
}

/// The topic by which a subscriber may choose: the message type.
fn topic(content: &Content) -> Vec<u8> {
    content.msg_type().as_bytes().to_vec()
}
