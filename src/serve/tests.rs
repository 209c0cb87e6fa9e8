//! The room from outside: a client that packs and signs its own messages, over real sockets, against the mock notebook.
//! What Python's clients can show as well is shown in `tests/kernel/`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::mock::Mock;

const KEY: &str = "a key";

/// A client with all of a client's sockets, and the kernel's thread.
struct Client {
    context: zmq::Context,
    shell: zmq::Socket,
    control: zmq::Socket,
    stdin: Option<zmq::Socket>,
    iopub: zmq::Socket,
    kernel: Option<JoinHandle<()>>,
    file: PathBuf,
    sent: AtomicUsize,
}

impl Client {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let stem = std::env::temp_dir().join(format!("saddle-serve-{}-{number}", std::process::id()));
        let file = stem.with_extension("json");
        let connection = json!({
            "transport": "ipc", "ip": stem, "key": KEY, "signature_scheme": "hmac-sha256",
            "shell_port": 1, "control_port": 2, "stdin_port": 3, "iopub_port": 4, "hb_port": 5,
        });
        std::fs::write(&file, connection.to_string()).unwrap();
        let path = file.clone();
        let kernel = std::thread::spawn(move || super::run(&path, Arc::new(Mock::default()), None).unwrap());

        let context = zmq::Context::new();
        let connect = |kind, port| {
            let socket = context.socket(kind).unwrap();
            socket.set_identity(b"client").unwrap();
            socket.set_linger(0).unwrap();
            socket.set_rcvtimeo(10_000).unwrap();
            socket.connect(&format!("ipc://{}-{port}", stem.display())).unwrap();
            socket
        };
        let (shell, control) = (connect(zmq::DEALER, 1), connect(zmq::DEALER, 2));
        let (stdin, iopub) = (Some(connect(zmq::DEALER, 3)), connect(zmq::SUB, 4));
        iopub.set_subscribe(b"").unwrap();
        let (kernel, sent) = (Some(kernel), AtomicUsize::new(0));
        let client = Self { context, shell, control, stdin, iopub, kernel, file, sent };
        assert_eq!(client.next_published().0, "iopub_welcome");
        client
    }

    /// Sends a message; its id.
    fn send(&self, socket: &zmq::Socket, msg_type: &str, content: Value) -> String {
        self.send_with(socket, msg_type, content, &[])
    }

    /// The same, with binary parts.
    fn send_with(&self, socket: &zmq::Socket, msg_type: &str, content: Value, buffers: &[&[u8]]) -> String {
        let id = format!("m{}", self.sent.fetch_add(1, Ordering::Relaxed));
        let header = json!({ "msg_id": id, "msg_type": msg_type, "session": "s", "username": "u",
                             "date": "2026-01-01T00:00:00Z", "version": "5.4" });
        let body = [header, json!({}), json!({}), content].map(|part| part.to_string().into_bytes());
        let mut frames = vec![b"<IDS|MSG>".to_vec(), sign(&body)];
        frames.extend(body);
        frames.extend(buffers.iter().map(|buffer| buffer.to_vec()));
        socket.send_multipart(frames, 0).unwrap();
        id
    }

    fn execute(&self, code: &str) -> String {
        self.send(&self.shell, "execute_request", json!({ "code": code, "allow_stdin": true }))
    }

    /// The next message of iopub: type and content.
    fn next_published(&self) -> (String, Value) {
        let message = receive(&self.iopub);
        (message.msg_type, message.content)
    }

    /// What iopub says until the next idle, busy and idle left out.
    fn until_idle(&self) -> Vec<(String, Value)> {
        let mut published = Vec::new();
        loop {
            let (msg_type, content) = self.next_published();
            match content["execution_state"].as_str() {
                Some("idle") => return published,
                Some(_) => {}
                None => published.push((msg_type, content)),
            }
        }
    }

    fn reply(&self) -> Value {
        receive(&self.shell).content
    }

    fn question(&self) -> Value {
        receive(self.stdin.as_ref().unwrap()).content
    }

    fn shut_down(&mut self) -> Duration {
        let start = Instant::now();
        self.send(&self.control, "shutdown_request", json!({ "restart": false }));
        assert_eq!(receive(&self.control).content, json!({ "status": "ok", "restart": false }));
        self.kernel.take().unwrap().join().unwrap();
        start.elapsed()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(kernel) = self.kernel.take()
            && !std::thread::panicking()
        {
            self.send(&self.control, "shutdown_request", json!({}));
            kernel.join().unwrap();
        }
        let _ = std::fs::remove_file(&self.file);
    }
}

struct Heard {
    msg_type: String,
    parent: String,
    metadata: Value,
    content: Value,
    buffers: Vec<Vec<u8>>,
}

fn receive(socket: &zmq::Socket) -> Heard {
    let frames = socket.recv_multipart(0).expect("an answer within the time limit");
    let at = frames.iter().position(|frame| frame == b"<IDS|MSG>").unwrap();
    let [signature, body @ ..] = &frames[at + 1..] else { panic!("no frames") };
    let (body, buffers) = body.split_at(4);
    assert_eq!(signature, &sign(body));
    let [header, parent, metadata, content] = [0, 1, 2, 3].map(|i| serde_json::from_slice::<Value>(&body[i]).unwrap());
    Heard {
        msg_type: header["msg_type"].as_str().unwrap().to_string(),
        parent: parent["msg_id"].as_str().unwrap_or_default().to_string(),
        metadata,
        content,
        buffers: buffers.to_vec(),
    }
}

fn sign(body: &[Vec<u8>]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    body.iter().for_each(|frame| mac.update(frame));
    mac.finalize().into_bytes().iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

#[test]
fn every_output_becomes_its_message_in_the_order_of_the_cell() {
    let client = Client::new();
    let id = client.execute("print a\neprint b\nshow\nshow one\nupdate one\nprint c\nclear_output\nword?\n1 + 1");
    let reply = receive(&client.shell);
    assert_eq!((reply.msg_type.as_str(), &reply.parent), ("execute_reply", &id));
    assert!(reply.metadata["started"].as_str().unwrap().ends_with('Z'));
    let page = json!({ "source": "page", "data": { "text/plain": "a page" }, "start": 0 });
    assert_eq!(
        reply.content,
        json!({ "status": "ok", "execution_count": 1, "user_expressions": {}, "payload": [page] })
    );
    let dot = json!({ "text/plain": "a dot", "image/png": "AP8Q" });
    let about = json!({ "image/png": { "width": 8, "alt": "a dot" } });
    let one = json!({ "display_id": "one" });
    let expected = [
        (
            "execute_input",
            json!({ "code": "print a\neprint b\nshow\nshow one\nupdate one\nprint c\nclear_output\nword?\n1 + 1", "execution_count": 1 }),
        ),
        ("stream", json!({ "name": "stdout", "text": "a\n" })),
        ("stream", json!({ "name": "stderr", "text": "b\n" })),
        ("display_data", json!({ "data": dot, "metadata": about, "transient": {} })),
        ("display_data", json!({ "data": dot, "metadata": about, "transient": one })),
        ("update_display_data", json!({ "data": { "text/plain": "new" }, "metadata": {}, "transient": one })),
        ("stream", json!({ "name": "stdout", "text": "c\n" })),
        ("clear_output", json!({ "wait": true })),
        ("execute_result", json!({ "data": { "text/plain": "2" }, "metadata": {}, "execution_count": 1 })),
    ];
    assert_eq!(client.until_idle(), expected.map(|(msg_type, content)| (msg_type.to_string(), content)));
}

#[test]
fn a_question_reaches_the_client_that_ran_the_cell_and_its_answer_the_cell() {
    let client = Client::new();
    client.execute("input name");
    assert_eq!(client.question(), json!({ "prompt": "name", "password": false }));
    client.send(client.stdin.as_ref().unwrap(), "input_reply", json!({ "value": "Ada" }));
    assert_eq!(client.reply()["status"], "ok");
    assert_eq!(client.until_idle()[1], ("stream".into(), json!({ "name": "stdout", "text": "<Ada>\n" })));

    // A client that cannot answer is not asked; the cell hears that at once.
    client.send(&client.shell, "execute_request", json!({ "code": "input name" }));
    assert_eq!(client.reply()["ename"], "InputError");

    // An answer that no one asked for is dropped.
    client.send(client.stdin.as_ref().unwrap(), "input_reply", json!({ "value": "?" }));
    client.execute("1 + 1");
    assert_eq!(client.reply()["status"], "ok");
}

#[test]
fn a_question_ends_with_an_interrupt_and_with_the_client() {
    let mut client = Client::new();
    client.execute("input name");
    client.question();
    client.send(&client.control, "interrupt_request", json!({}));
    assert_eq!(client.reply()["ename"], "InputError");

    client.stdin = None;
    // libzmq tells the kernel of the lost connection in its own time.
    let start = Instant::now();
    loop {
        client.execute("input name");
        client.shell.set_rcvtimeo(1_000).unwrap();
        if let Ok(_reply) = client.shell.recv_multipart(0) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10));
        client.send(&client.control, "interrupt_request", json!({}));
        receive(&client.control);
    }
}

#[test]
fn an_interrupt_that_comes_before_the_cell_has_begun_is_not_lost() {
    let client = Client::new();
    client.execute("late\nloop {}");
    while client.next_published().0 != "execute_input" {}
    client.send(&client.control, "interrupt_request", json!({}));
    assert_eq!(client.reply()["ename"], "KeyboardInterrupt");
}

#[test]
fn a_panic_is_an_error_reply_and_the_next_cell_runs() {
    let client = Client::new();
    client.execute("panic");
    let reply = client.reply();
    assert_eq!((&reply["status"], &reply["ename"]), (&json!("error"), &json!("InternalError")));
    let errors: Vec<_> = client.until_idle().into_iter().filter(|(msg_type, _)| msg_type == "error").collect();
    assert_eq!(errors.len(), 1);
    client.execute("1 + 1");
    assert_eq!(client.reply(), json!({ "status": "ok", "execution_count": 2, "user_expressions": {}, "payload": [] }));
}

#[test]
fn shutdown_does_not_wait_for_a_cell_that_hears_nothing() {
    let mut client = Client::new();
    client.execute("deaf 5000");
    while client.next_published().0 != "execute_input" {}
    let took = client.shut_down();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn shutdown_answers_what_waits_and_lets_the_running_cell_say_its_last_words() {
    let mut client = Client::new();
    client.execute("print before\nloop {}");
    client.execute("1 + 1");
    while client.next_published().0 != "stream" {}
    client.shut_down();
    let replies = [client.reply(), client.reply()];
    let statuses: Vec<&Value> = replies.iter().map(|reply| &reply["status"]).collect();
    assert_eq!(statuses, ["aborted", "error"]);
    let all = std::iter::from_fn(|| {
        client.iopub.poll(zmq::POLLIN, 200).is_ok_and(|n| n > 0).then(|| client.next_published().0)
    });
    let all: Vec<String> = all.collect();
    assert!(all.contains(&"shutdown_reply".to_string()) && all.contains(&"error".to_string()), "{all:?}");
    assert_eq!(all.last().unwrap(), "status");
}

#[test]
fn text_of_a_flood_is_whole_and_in_few_messages() {
    let client = Client::new();
    client.execute("for\nfor\nfor");
    let texts: Vec<String> = client
        .until_idle()
        .into_iter()
        .filter(|(msg_type, _)| msg_type == "stream")
        .map(|(_, content)| content["text"].as_str().unwrap().to_string())
        .collect();
    let once: String = (0..2000).map(|i| format!("{i}\n")).collect();
    assert_eq!(texts.concat(), once.repeat(3));
    assert!(texts.len() < 60, "{} messages", texts.len());
}

#[test]
fn heartbeats_come_back_while_a_cell_runs() {
    let client = Client::new();
    client.execute("loop {}");
    let heart = client.context.socket(zmq::REQ).unwrap();
    heart.set_linger(0).unwrap();
    heart.set_rcvtimeo(5_000).unwrap();
    heart.connect(&format!("ipc://{}-5", client.file.with_extension("").display())).unwrap();
    for beat in ["ping", "", "pong"] {
        heart.send(beat, 0).unwrap();
        assert_eq!(heart.recv_bytes(0).unwrap(), beat.as_bytes());
    }
}

#[test]
fn a_port_that_is_taken_is_explained() {
    let client = Client::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = client.file.with_extension("taken.json");
    let connection = json!({ "ip": "127.0.0.1", "shell_port": port, "control_port": port, "stdin_port": port,
                             "iopub_port": port, "hb_port": port });
    std::fs::write(&file, connection.to_string()).unwrap();
    let fault = super::run(&file, Arc::new(Mock::default()), None).unwrap_err();
    assert!(fault.message.contains(&format!("tcp://127.0.0.1:{port}")), "{fault}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn comm_messages_take_effect_at_once_and_callbacks_have_their_turn() {
    let client = Client::new();
    let comm = |id: &str| json!({ "comm_id": id, "target_name": "echo", "data": { "n": 1 } });
    let tell = |id: &str, buffer: &[u8]| client.send_with(&client.shell, "comm_msg", comm(id), &[buffer]);
    for id in ["a", "fails"] {
        client.send(&client.shell, "comm_open", comm(id));
        assert!(client.until_idle().is_empty());
    }

    // While a cell runs: said back at once, with its binary part; the callback waits, once for two messages.
    let cell = client.execute("sleep 300");
    assert_eq!(client.next_published().1["execution_state"], "busy");
    assert_eq!(client.next_published().0, "execute_input");
    let (_, newer) = (tell("a", b"\x00\xff"), tell("a", b"\x01"));
    let next = client.execute("print after");
    let mut published = Vec::new();
    while published.len() < 16 {
        let message = receive(&client.iopub);
        let what = match message.msg_type.as_str() {
            "status" => message.content["execution_state"].as_str().unwrap(),
            "stream" => message.content["text"].as_str().unwrap(),
            "comm_msg" => {
                assert_eq!(message.content, json!({ "comm_id": "a", "data": { "n": 1 } }));
                assert_eq!(message.buffers.len(), 1);
                "said back"
            }
            other => other,
        };
        published.push((what.to_string(), message.parent));
    }
    let order: Vec<&str> = published.iter().map(|(what, _)| what.as_str()).collect();
    let told = ["busy", "said back", "idle", "busy"];
    let expected = [
        &told[..],
        &told[..],
        &["idle", "busy", "called back for a\n", "idle"],
        &["busy", "execute_input", "after\n", "idle"],
    ]
    .concat();
    assert_eq!(order, expected);
    let parents = |place: usize| published[place].1.as_str();
    assert_eq!([parents(8), parents(10), parents(14)], [&*cell, &*newer, &*next]);

    tell("fails", b"");
    let failed = client.until_idle();
    assert_eq!(failed[0].0, "comm_msg");
    let failed = client.until_idle();
    assert_eq!(
        failed[1],
        ("error".into(), json!({ "ename": "RuntimeError", "evalue": "no", "traceback": ["RuntimeError: no"] }))
    );
}
