//! Bundles and failures as Jupyter's JSON: bytes become base64, JSON stays JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::output::{Bundle, Data};
use crate::session::Failure;

/// The `data` and `metadata` fields of a bundle.
pub fn fields(bundle: Bundle) -> (Map<String, Value>, Map<String, Value>) {
    let value = |data| match data {
        Data::Text(text) => Value::String(text),
        Data::Json(json) => json,
        Data::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
    };
    let data = bundle
        .data
        .into_iter()
        .map(|(mime, data)| (mime, value(data)))
        .collect();
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
