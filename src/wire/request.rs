//! What a client may ask: the content of each message type, with the defaults that the protocol gives to missing
//! fields.
//!
//! Clients are generous with `null`; a field that is `null` counts as missing.

#![allow(missing_docs, reason = "fields are named, and defined, as in Jupyter's messaging specification")]

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A request, read from its content.
#[derive(Clone, Debug)]
pub enum Request {
    KernelInfo,
    Connect,
    Execute(Execute),
    Complete(Position),
    Inspect(Inspect),
    IsComplete(Code),
    History(History),
    CommInfo(CommInfo),
    CommOpen(CommOpen),
    CommMsg(Comm),
    CommClose(Comm),
    Interrupt,
    Shutdown(Shutdown),
    InputReply(Input),
}

/// Why a request could not be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// We do not know the message type: it is dropped.
    Unknown,
    /// We know the type and its content does not fit: the client gets an error reply, so that it does not wait for
    /// ever.
    Content(String),
}

/// Cells sent for execution.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Execute {
    pub code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub silent: bool,
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub store_history: bool,
    /// Name → expression. Values that are not text are refused one by one in the reply, as a mistyped expression is.
    #[serde(default, deserialize_with = "or_default")]
    pub user_expressions: serde_json::Map<String, Value>,
    /// Whether the client can answer questions; one that does not say so cannot.
    #[serde(default, deserialize_with = "or_default")]
    pub allow_stdin: bool,
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub stop_on_error: bool,
}

/// Code with a cursor in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Position {
    pub code: String,
    /// In code points; missing means the end.
    #[serde(default)]
    cursor_pos: Option<i64>,
}

impl Position {
    /// The cursor in code points, within the code whatever the client sent.
    pub fn cursor(&self) -> usize {
        let end = self.code.chars().count();
        self.cursor_pos.map_or(end, |cursor| usize::try_from(cursor).unwrap_or(0).min(end))
    }
}

/// Code with a cursor, and how much to tell about the name there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Inspect {
    #[serde(flatten)]
    pub position: Position,
    #[serde(default, deserialize_with = "or_default")]
    pub detail_level: u8,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Code {
    pub code: String,
}

/// A look into the history; which fields count depends on `hist_access_type`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct History {
    pub hist_access_type: Access,
    /// Whether the outputs are wanted too.
    #[serde(default, deserialize_with = "or_default")]
    pub output: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub session: i64,
    #[serde(default)]
    pub start: Option<i64>,
    #[serde(default)]
    pub stop: Option<i64>,
    #[serde(default)]
    pub n: Option<usize>,
    /// A glob with `*` and `?`.
    #[serde(default)]
    pub pattern: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub unique: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    Range,
    Tail,
    Search,
}

/// Which comms are asked after.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CommInfo {
    /// Only those with this target; all without it.
    #[serde(default)]
    pub target_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CommOpen {
    pub target_name: String,
    #[serde(flatten)]
    pub comm: Comm,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Comm {
    pub comm_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub data: serde_json::Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Shutdown {
    #[serde(default, deserialize_with = "or_default")]
    pub restart: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Input {
    pub value: String,
}

impl Request {
    /// Reads a request of the type `msg_type`.
    ///
    /// # Errors
    /// The type is unknown, or the content does not fit it.
    pub fn read(msg_type: &str, content: Value) -> Result<Self, Unreadable> {
        Ok(match msg_type {
            "kernel_info_request" => Request::KernelInfo,
            "connect_request" => Request::Connect,
            "execute_request" => Request::Execute(of(content)?),
            "complete_request" => Request::Complete(of(content)?),
            "inspect_request" => Request::Inspect(of(content)?),
            "is_complete_request" => Request::IsComplete(of(content)?),
            "history_request" => Request::History(of(content)?),
            "comm_info_request" => Request::CommInfo(of(content)?),
            "comm_open" => Request::CommOpen(of(content)?),
            "comm_msg" => Request::CommMsg(of(content)?),
            "comm_close" => Request::CommClose(of(content)?),
            "interrupt_request" => Request::Interrupt,
            "shutdown_request" => Request::Shutdown(of(content)?),
            "input_reply" => Request::InputReply(of(content)?),
            _ => return Err(Unreadable::Unknown),
        })
    }
}

fn of<T: DeserializeOwned>(content: Value) -> Result<T, Unreadable> {
    serde_json::from_value(content).map_err(|error| Unreadable::Content(error.to_string()))
}

fn yes() -> bool {
    true
}

fn or_yes<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(true))
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_and_null_fields_take_the_protocol_defaults() {
        for content in [
            json!({"code": "1"}),
            json!({"code": "1", "silent": null, "store_history": null, "user_expressions": null, "stop_on_error": null}),
        ] {
            let Ok(Request::Execute(execute)) = Request::read("execute_request", content) else { panic!() };
            assert!(!execute.silent && execute.store_history && execute.stop_on_error && !execute.allow_stdin);
            assert!(execute.user_expressions.is_empty());
        }
    }

    #[test]
    fn a_cursor_is_brought_inside_the_code_and_counts_code_points() {
        let cursor = |content| match Request::read("complete_request", content) {
            Ok(Request::Complete(position)) => position.cursor(),
            other => panic!("{other:?}"),
        };
        assert_eq!(cursor(json!({"code": "😀ab", "cursor_pos": 2})), 2);
        assert_eq!(cursor(json!({"code": "😀ab", "cursor_pos": 99})), 3);
        assert_eq!(cursor(json!({"code": "😀ab", "cursor_pos": -5})), 0);
        assert_eq!(cursor(json!({"code": "😀ab"})), 3);
    }

    #[test]
    fn content_that_does_not_fit_is_told_apart_from_unknown_types() {
        assert!(matches!(Request::read("execute_request", json!({"code": 1})), Err(Unreadable::Content(_))));
        assert!(matches!(Request::read("execute_request", json!([])), Err(Unreadable::Content(_))));
        assert_eq!(Request::read("make_tea", json!({})).unwrap_err(), Unreadable::Unknown);
    }
}
