//! Outputs, bundles and failures as Jupyter's messages: bytes become base64, JSON stays JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use saddle_session::Failure;
use saddle_session::output::{Bundle, Data, Output, Stream};
use saddle_wire::content::{Content, Transient};

/// The message of an output of the cell `number`; `None` for what goes with the reply.
pub fn content(output: Output, number: usize) -> Option<Content> {
    Some(match output {
        Output::Text { stream, text } => {
            let name = match stream {
                Stream::Stdout => "stdout",
                Stream::Stderr => "stderr",
            };
            Content::stream(name, text)
        }
        Output::Display { bundle, id } => {
            let (data, metadata) = fields(bundle);
            let transient = Transient { display_id: id };
            Content::Display { data, metadata, transient }
        }
        Output::Update { bundle, id } => {
            let (data, metadata) = fields(bundle);
            let transient = Transient { display_id: Some(id) };
            Content::Update { data, metadata, transient }
        }
        Output::Result { bundle } => {
            let (data, metadata) = fields(bundle);
            Content::Result { data, metadata, execution_count: number }
        }
        Output::Clear { wait } => Content::Clear { wait },
        Output::Page { .. } | Output::NextInput { .. } | Output::Lines { .. } | Output::Leave | Output::Comm(_) => {
            return None;
        }
    })
}

/// The `data` and `metadata` fields of a bundle.
pub fn fields(bundle: Bundle) -> (Map<String, Value>, Map<String, Value>) {
    let value = |data| match data {
        Data::Text(text) => Value::String(text),
        Data::Json(json) => json,
        Data::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
    };
    let data = bundle.data.into_iter().map(|(mime, data)| (mime, value(data))).collect();
    (data, bundle.metadata)
}

/// The value of one user expression.
pub fn expression(value: Result<Bundle, Failure>) -> Value {
    match value {
        Ok(bundle) => {
            let (data, metadata) = fields(bundle);
            json!({ "status": "ok", "data": data, "metadata": metadata })
        }
        Err(failure) => json!({
            "status": "error", "ename": failure.name, "evalue": failure.value, "traceback": failure.traceback,
        }),
    }
}

/// A page for the pager, as an `execute_reply` carries it.
pub fn page(bundle: Bundle) -> Value {
    let (data, _) = fields(bundle);
    json!({ "source": "page", "data": data, "start": 0 })
}

/// Text that takes the place of the cell's own, as an `execute_reply` carries it.
pub fn next_input(text: String) -> Value {
    json!({ "source": "set_next_input", "text": text, "replace": true })
}

/// What ends a front end that is a terminal, as an `execute_reply` carries it.
pub fn leave() -> Value {
    json!({ "source": "ask_exit", "keepkernel": false })
}
