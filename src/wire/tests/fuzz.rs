//! Damaged connection files and frames: none makes a reader panic, takes long or much memory. How long each is tried, and what the
//! environment can set, stands in `src/data/tests/damage/mutants.rs`.
//!
//! In a process of its own, whose allocator counts.

#[path = "../../data/tests/damage/mod.rs"]
mod damage;
#[path = "../../data/tests/damage/folder.rs"]
mod folder;

use damage::hammer;
use folder::Folder;
use saddle_wire::{Codec, Connection, Request};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::fs;
use std::path::Path;

/// No reader may hold more at once, in bytes; what is read has a kilobyte.
const MOST: usize = 4 << 20;

/// Which reader gets the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Connection,
    /// Frames that are parted by line ends.
    Frames,
}

fn read(reader: Reader, bytes: &[u8], codec: &RefCell<Codec>, file: &Path) -> bool {
    match reader {
        Reader::Connection => {
            fs::write(file, bytes).unwrap();
            Connection::read(file).is_ok_and(|c| !c.address(c.ports.shell).is_empty())
        }
        Reader::Frames => {
            let frames = bytes.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            let received = codec.borrow_mut().decode(frames);
            received.is_ok_and(|r| Request::read(&r.header.msg_type, r.content).is_ok())
        }
    }
}

/// One of each request, with its content.
fn requests() -> Vec<(&'static str, Value)> {
    let comm = json!({ "comm_id": "3", "target_name": "jupyter.widget", "data": {} });
    vec![
        ("execute_request", json!({ "code": "1 + 1", "silent": false, "user_expressions": { "a": "1" } })),
        ("complete_request", json!({ "code": "si", "cursor_pos": 2 })),
        ("inspect_request", json!({ "code": "sin", "cursor_pos": 2, "detail_level": 1 })),
        ("is_complete_request", json!({ "code": "{" })),
        ("history_request", json!({ "hist_access_type": "range", "session": 0, "start": 0, "stop": 5, "n": 9 })),
        ("comm_info_request", json!({ "target_name": "jupyter.widget" })),
        ("comm_open", comm.clone()),
        ("comm_msg", comm.clone()),
        ("comm_close", comm),
        ("shutdown_request", json!({ "restart": true })),
        ("input_reply", json!({ "value": "yes" })),
        ("kernel_info_request", Value::Object(Map::new())),
    ]
}

fn seeds() -> Vec<(Reader, Vec<u8>)> {
    let ports = json!({ "shell_port": 1, "control_port": 2, "stdin_port": 3, "iopub_port": 4, "hb_port": 5 });
    let with = |more: Value| {
        let mut all = ports.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all).to_string().into_bytes()
    };
    let signed = json!({ "transport": "tcp", "ip": "127.0.0.1", "key": "0a1b", "signature_scheme": "hmac-sha256" });
    let local = json!({ "transport": "ipc", "ip": "/tmp/x", "key": "" });
    let mut seeds = vec![(Reader::Connection, with(signed)), (Reader::Connection, with(local))];
    for (msg_type, content) in requests() {
        let header = json!({ "msg_id": "1", "msg_type": msg_type, "session": "2", "version": "5.4" });
        let frames = format!("peer\n<IDS|MSG>\n\n{header}\n{{}}\n{{}}\n{content}\nbuffer");
        seeds.push((Reader::Frames, frames.into_bytes()));
    }
    seeds
}

#[test]
fn damaged_messages_do_no_harm() {
    let folder = Folder::new("wire");
    let file = folder.path().join("connection.json");
    let (seeds, codec) = (seeds(), RefCell::new(Codec::new("")));
    // And a codec that checks signatures, which takes none of these.
    let strict = RefCell::new(Codec::new("0a1b"));
    let refused = seeds.iter().filter(|(reader, bytes)| !read(*reader, bytes, &codec, &file));
    assert_eq!(refused.count(), 0);
    hammer(
        &seeds,
        MOST,
        |_, _, _| (),
        |reader, bytes, way| read(reader, bytes, if way % 4 == 0 { &strict } else { &codec }, &file),
    );
}
