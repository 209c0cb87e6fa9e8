//! The wire: connection file, five sockets, framing, signatures, and the messages' types.
//!
//! This room knows the Jupyter messaging protocol 5.4 and nothing of what the messages are about. Bytes that come in
//! are judged here: what is not a well-formed, signed message is reported to the log and dropped, whoever sent it.
//!
//! | file | owns |
//! |---|---|
//! | [`connection`] | the connection file and the addresses in it |
//! | [`codec`] | frames ⇄ messages: headers, HMAC-SHA256, replays |
//! | [`request`] | what a client may ask |
//! | [`content`] | what the kernel may say |
//! | [`sockets`] | the five libzmq sockets and the way to wake their thread |

#![forbid(unsafe_code)]

pub mod codec;
pub mod connection;
pub mod content;
pub mod request;
pub mod sockets;

pub use codec::{Codec, Message, Received};
pub use connection::Connection;
pub use content::Content;
pub use request::Request;
pub use sockets::{Channel, Sockets, Waker};

/// Writes one line to stderr when the environment variable `SADDLE_LOG` is set: the terminal belongs to the user.
pub fn log(line: impl FnOnce() -> String) {
    static ON: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    if *ON.get_or_init(|| std::env::var_os("SADDLE_LOG").is_some_and(|value| !value.is_empty())) {
        eprintln!("[saddle] {}", line());
    }
}
