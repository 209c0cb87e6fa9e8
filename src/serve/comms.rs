//! Comms: conversations between front ends and the session, both ways, with binary parts.
//!
//! A comm message takes effect on the side thread, at once, also while a cell runs: a slider's new value is read by the
//! running loop. What a cell wants done about it, a callback, has its turn in the order of the shell channel, as a cell
//! has; many messages of one comm are one turn. So a cell sent after a message always sees what the message did.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::executor::{Job, RequestContext, SideRequest, Work};
use super::kernel::Kernel;
use super::turns::Turn;
use saddle_session::CommReply;
use saddle_session::output::{Comm, CommStep};
use saddle_wire::content::{Content, Status};
use saddle_wire::{Channel, request};

/// The comms that are open, whoever opened them: id → target.
#[derive(Default)]
pub struct Comms(BTreeMap<String, String>);

impl Comms {
    /// Keeps the books.
    pub fn note(&mut self, comm: &Comm) {
        match &comm.step {
            CommStep::Open { target } => {
                self.0.insert(comm.id.clone(), target.clone());
            }
            CommStep::Message => {}
            CommStep::Close => {
                self.0.remove(&comm.id);
            }
        }
    }

    /// The answer to `comm_info_request`: a page that connects again asks which widgets there are.
    pub fn info(&self, query: &request::CommInfo) -> Content {
        let wanted = |target: &String| query.target_name.as_ref().is_none_or(|name| name == target);
        let open = self.0.iter().filter(|(_, target)| wanted(target));
        Content::CommInfo {
            status: Status::Ok,
            comms: open.map(|(id, target)| (id.clone(), json!({ "target_name": target }))).collect(),
        }
    }
}

/// A request about a comm, as the session takes it.
pub fn received(step: CommStep, comm: request::Comm, (metadata, buffers): (Map<String, Value>, Vec<Vec<u8>>)) -> Comm {
    Comm { id: comm.comm_id, step, data: comm.data, metadata, buffers }
}

/// A message to the front ends: its metadata and content.
fn sent(comm: Comm) -> (Map<String, Value>, Content) {
    let Comm { id: comm_id, step, data, metadata, buffers } = comm;
    let content = match step {
        CommStep::Open { target } => Content::CommOpen { comm_id, target_name: target, data, buffers },
        CommStep::Message => Content::CommMsg { comm_id, data, buffers },
        CommStep::Close => Content::CommClose { comm_id, data, buffers },
    };
    (metadata, content)
}

impl Kernel {
    /// A front end's comm message came in: the side thread handles it, and its place in the queue is kept.
    pub(super) fn receive_comm(&mut self, context: Arc<RequestContext>, comm: Comm) {
        self.comms.note(&comm);
        let turn = Turn::Comm { comm: comm.id.clone(), handled: false };
        self.queue.push_back((context.clone(), turn));
        let _ = self.executor.side.send((context, SideRequest::Comm(comm)));
    }

    /// The message has taken effect.
    pub(super) fn comm_handled(&mut self, context: &Arc<RequestContext>, reply: CommReply) {
        self.open(context);
        for comm in reply.messages {
            self.publish_comm(context, comm);
        }
        self.close(context, None);
        self.settle_turn(context, reply.callback);
        self.go_on();
    }

    /// Gives up the place in the queue that was kept, or makes it the turn of the callback.
    fn settle_turn(&mut self, context: &Arc<RequestContext>, callback: bool) {
        let place = self.queue.iter().position(|(who, _)| Arc::ptr_eq(who, context));
        let Some(place) = place else { return };
        let Turn::Comm { comm: id, handled } = &mut self.queue[place].1 else {
            return;
        };
        *handled = callback;
        let id = id.clone();
        let earlier = self.queue.iter().position(|(who, turn)| {
            matches!(turn, Turn::Comm { comm, handled: true } if *comm == id) && !Arc::ptr_eq(who, context)
        });
        if let (true, Some(earlier)) = (callback, earlier) {
            // One turn for both messages, with the newer one's name on it.
            self.queue[earlier].0 = context.clone();
        }
        if !callback || earlier.is_some() {
            self.queue.remove(place);
        }
    }

    /// Runs a callback, as a silent cell that no one waits for.
    pub(super) fn start_callback(&mut self, context: Arc<RequestContext>, comm: String) {
        self.open(&context);
        let job = Job { context, work: Work::Callback { comm }, allow_stdin: false };
        self.begin(job, false);
    }

    /// Tells the front ends what is said to a comm.
    pub(super) fn publish_comm(&mut self, context: &RequestContext, comm: Comm) {
        self.comms.note(&comm);
        let (metadata, content) = sent(comm);
        self.send(Channel::Iopub, context, metadata, content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: &str, target: &str) -> Comm {
        let target = target.to_string();
        Comm::new(id, CommStep::Open { target }, Map::new())
    }

    #[test]
    fn open_comms_are_listed_by_target_until_they_are_closed() {
        let mut comms = Comms::default();
        comms.note(&open("a", "jupyter.widget"));
        comms.note(&open("b", "other"));
        let ids = |comms: &Comms, target: Option<&str>| {
            let target_name = target.map(str::to_string);
            match comms.info(&request::CommInfo { target_name }) {
                Content::CommInfo { comms, .. } => comms.keys().cloned().collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(ids(&comms, None), ["a", "b"]);
        assert_eq!(ids(&comms, Some("other")), ["b"]);
        comms.note(&Comm::new("b", CommStep::Close, Map::new()));
        assert_eq!(ids(&comms, None), ["a"]);
    }
}
