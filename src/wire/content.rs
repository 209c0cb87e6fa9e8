//! What the kernel may say: the content of each message type, ready to be serialised.
//!
//! A field that validators want as an object is an object here, never `null`.

#![allow(missing_docs, reason = "fields are named, and defined, as in Jupyter's messaging specification")]

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::connection::Ports;
use saddle_session::Failure;

/// The content of one message of the kernel.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Content {
    // Replies, on the channel of the request.
    KernelInfo(Box<KernelInfo>),
    Connect(Ports),
    Execute(Executed),
    Complete(Completed),
    Inspect(Inspected),
    IsComplete(Completeness),
    History {
        status: Status,
        history: Vec<Value>,
    },
    CommInfo {
        status: Status,
        comms: Map<String, Value>,
    },
    Interrupt {
        status: Status,
    },
    Shutdown {
        status: Status,
        restart: bool,
    },
    /// The answer to a request that cannot be served; `msg_type` is the reply's type.
    Refused {
        #[serde(skip)]
        msg_type: String,
        status: Status,
        #[serde(flatten)]
        error: Error,
    },
    // Broadcasts, on iopub.
    Status {
        execution_state: State,
    },
    ExecuteInput {
        code: String,
        execution_count: usize,
    },
    Stream {
        name: &'static str,
        text: String,
    },
    Display {
        data: Map<String, Value>,
        metadata: Map<String, Value>,
        transient: Transient,
    },
    Update {
        data: Map<String, Value>,
        metadata: Map<String, Value>,
        transient: Transient,
    },
    Result {
        data: Map<String, Value>,
        metadata: Map<String, Value>,
        execution_count: usize,
    },
    Clear {
        wait: bool,
    },
    Error(Error),
    CommOpen {
        comm_id: String,
        target_name: String,
        data: Map<String, Value>,
        #[serde(skip)]
        buffers: Vec<Vec<u8>>,
    },
    CommMsg {
        comm_id: String,
        data: Map<String, Value>,
        #[serde(skip)]
        buffers: Vec<Vec<u8>>,
    },
    CommClose {
        comm_id: String,
        data: Map<String, Value>,
        #[serde(skip)]
        buffers: Vec<Vec<u8>>,
    },
    IopubWelcome {
        subscription: String,
    },
    // A question, on stdin.
    InputRequest {
        prompt: String,
        password: bool,
    },
}

impl Content {
    /// The message type that goes into the header.
    pub fn msg_type(&self) -> &str {
        match self {
            Content::KernelInfo(_) => "kernel_info_reply",
            Content::Connect(_) => "connect_reply",
            Content::Execute(_) => "execute_reply",
            Content::Complete(_) => "complete_reply",
            Content::Inspect(_) => "inspect_reply",
            Content::IsComplete(_) => "is_complete_reply",
            Content::History { .. } => "history_reply",
            Content::CommInfo { .. } => "comm_info_reply",
            Content::Interrupt { .. } => "interrupt_reply",
            Content::Shutdown { .. } => "shutdown_reply",
            Content::Refused { msg_type, .. } => msg_type,
            Content::Status { .. } => "status",
            Content::ExecuteInput { .. } => "execute_input",
            Content::Stream { .. } => "stream",
            Content::Display { .. } => "display_data",
            Content::Update { .. } => "update_display_data",
            Content::Result { .. } => "execute_result",
            Content::Clear { .. } => "clear_output",
            Content::Error(_) => "error",
            Content::CommOpen { .. } => "comm_open",
            Content::CommMsg { .. } => "comm_msg",
            Content::CommClose { .. } => "comm_close",
            Content::IopubWelcome { .. } => "iopub_welcome",
            Content::InputRequest { .. } => "input_request",
        }
    }

    /// The binary parts that follow the content on the wire.
    pub fn buffers(&self) -> &[Vec<u8>] {
        match self {
            Content::CommOpen { buffers, .. }
            | Content::CommMsg { buffers, .. }
            | Content::CommClose { buffers, .. } => buffers,
            _ => &[],
        }
    }

    /// How the kernel is.
    pub fn status(execution_state: State) -> Self {
        Content::Status { execution_state }
    }

    /// Text of a stream, `stdout` or `stderr`.
    pub fn stream(name: &'static str, text: String) -> Self {
        Content::Stream { name, text }
    }

    /// The error reply to a request of the type `request` (`…_request`).
    pub fn refused(request: &str, error: Error) -> Self {
        let stem = request.strip_suffix("_request").unwrap_or(request);
        Content::Refused { msg_type: format!("{stem}_reply"), status: Status::Error, error }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    Error,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Busy,
    Idle,
}

/// An error, as an iopub message and as part of a reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Error {
    pub ename: String,
    pub evalue: String,
    pub traceback: Vec<String>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self { ename: failure.name, evalue: failure.value, traceback: failure.traceback }
    }
}

/// The end of an `execute_request`.
#[derive(Clone, Debug, Serialize)]
pub struct Executed {
    pub status: Status,
    pub execution_count: usize,
    pub user_expressions: Map<String, Value>,
    pub payload: Vec<Value>,
    /// There when the status is an error.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

impl Executed {
    /// A cell that was not run, for one before it failed.
    pub fn aborted(execution_count: usize) -> Self {
        Self {
            status: Status::Aborted,
            execution_count,
            user_expressions: Map::new(),
            payload: Vec::new(),
            error: None,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Completed {
    pub status: Status,
    pub matches: Vec<String>,
    pub cursor_start: usize,
    pub cursor_end: usize,
    pub metadata: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Inspected {
    pub status: Status,
    pub found: bool,
    pub data: Map<String, Value>,
    pub metadata: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Completeness {
    Complete,
    Incomplete { indent: String },
    Invalid,
    Unknown,
}

/// What is not stored in the notebook: the display's id, by which it can be updated. An empty object where it has none.
#[derive(Clone, Debug, Serialize)]
pub struct Transient {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_id: Option<String>,
}

/// Who the kernel is.
#[derive(Clone, Debug, Serialize)]
pub struct KernelInfo {
    pub status: Status,
    pub protocol_version: &'static str,
    pub implementation: &'static str,
    pub implementation_version: &'static str,
    pub language_info: LanguageInfo,
    pub banner: Cow<'static, str>,
    pub debugger: bool,
    /// Optional parts of the protocol that are served.
    pub supported_features: &'static [&'static str],
    pub help_links: Vec<HelpLink>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LanguageInfo {
    pub name: &'static str,
    pub version: &'static str,
    pub mimetype: &'static str,
    pub file_extension: &'static str,
    pub pygments_lexer: &'static str,
    pub codemirror_mode: &'static str,
    pub nbconvert_exporter: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct HelpLink {
    pub text: &'static str,
    pub url: &'static str,
}
