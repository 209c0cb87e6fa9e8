//! A session in a process of its own, driven without Jupyter: real worker processes, really killed.

#![allow(unsafe_code, reason = "limits and signals of real processes")]

use saddle_session::output::{Data, Output, Stream};
use saddle_session::{Cell, Completeness, Failure, Frontend, Reply, Session};
use saddle_worker::Isolated;
use std::fs;
use std::ops::Deref;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Keeps what a cell shows.
#[derive(Default)]
struct Screen {
    shown: Mutex<Vec<Output>>,
    more: Condvar,
}

impl Frontend for Screen {
    fn show(&self, output: Output) {
        self.shown.lock().unwrap().push(output);
        self.more.notify_all();
    }

    fn ask(&self, prompt: &str, _: bool) -> Option<String> {
        (prompt != "nobody").then(|| format!("<{prompt}>"))
    }
}

impl Screen {
    fn text(&self, wanted: Stream) -> String {
        let shown = self.shown.lock().unwrap();
        let texts = shown.iter().filter_map(|output| match output {
            Output::Text { stream, text } if *stream == wanted => Some(text.as_str()),
            Output::Result { bundle } if wanted == Stream::Stdout => Some(bundle.plain()),
            _ => None,
        });
        texts.collect()
    }

    fn wait_for_something(&self) {
        let shown = self.shown.lock().unwrap();
        let wait = self.more.wait_timeout_while(shown, Duration::from_secs(10), |s| s.is_empty());
        assert!(!wait.unwrap().1.timed_out());
    }
}

/// A session while no other test has one: signals go to every child of this process.
struct Alone {
    session: Arc<Isolated>,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Alone {
    type Target = Arc<Isolated>;

    fn deref(&self) -> &Arc<Isolated> {
        &self.session
    }
}

fn alone(program: &'static str, argument: &'static str) -> Alone {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let command = move || {
        let mut command = Command::new(program);
        command.arg(argument);
        Ok(command)
    };
    let session = Arc::new(Isolated::start(command).unwrap());
    Alone { session, _turn }
}

fn session() -> Alone {
    alone(env!("CARGO_BIN_EXE_saddle"), "worker")
}

fn cell(code: &str) -> Cell {
    Cell { number: 1, code: code.into(), silent: false }
}

/// Runs a cell: its result and what it printed, or its failure; and what it wrote to standard error.
fn run(session: &Isolated, code: &str) -> (Result<String, Failure>, String) {
    let screen = Arc::new(Screen::default());
    let reply = session.execute(cell(code), screen.clone());
    let outcome = match reply {
        Reply::Done => Ok(screen.text(Stream::Stdout)),
        Reply::Failed(failure) => Err(failure),
    };
    (outcome, screen.text(Stream::Stderr))
}

fn result(session: &Isolated, code: &str) -> String {
    let (outcome, complaint) = run(session, code);
    assert_eq!(complaint, "");
    outcome.unwrap()
}

/// Starts a cell on a thread of its own; returns when it has shown something.
fn running(session: &Arc<Isolated>, code: &str) -> (std::thread::JoinHandle<Reply>, Arc<Screen>) {
    let screen = Arc::new(Screen::default());
    let (session, cell, front) = (session.clone(), cell(code), screen.clone());
    let thread = std::thread::spawn(move || session.execute(cell, front));
    screen.wait_for_something();
    (thread, screen)
}

fn failure(reply: Reply) -> Failure {
    match reply {
        Reply::Failed(failure) => failure,
        Reply::Done => panic!("the cell did not fail"),
    }
}

/// The processes that this one has started and that still run.
fn workers() -> Vec<libc::pid_t> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let children = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")));
    let children: String = children.map(Result::unwrap).collect();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn send(signal: i32) {
    for pid in workers() {
        // SAFETY: a child of this process, which has not been waited for.
        unsafe { libc::kill(pid, signal) };
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_notebook_answers_as_if_it_were_here() {
    let session = session();
    assert_eq!(result(&session, "let a = 40; print(1); a + 2"), "1\n42");
    assert_eq!(session.names(), ["a"]);
    assert_eq!(session.evaluate("a * 2").unwrap().plain(), "80");
    assert_eq!(session.evaluate("no_such").unwrap_err().name, "NameError");
    assert_eq!(session.complete("linsp", 5).matches[0].text, "linspace");
    assert!(session.inspect("relu", 4, saddle_session::Detail::Full).is_some());
    let open = Completeness::Incomplete { indent: "    ".into() };
    assert_eq!(session.is_complete("if a {"), open);
    assert_eq!(result(&session, "input(\"name\")"), "\"<name>\"");
    assert!(run(&session, "input(\"nobody\")").0.is_err());
    let error = run(&session, "let b = 1;\na + no_such").0.unwrap_err();
    assert_eq!(error.name, "NameError");
    assert!(error.traceback.iter().any(|line| line.contains("In[1], line 2")));
}

#[test]
fn a_cell_that_ends_its_process_fails_once_and_the_next_one_runs() {
    let session = session();
    let code = "let D = 1; fn step() { 2 }";
    result(&session, code);
    let code = "print(\"before\");\nlet x = []; x.pad(10000000000, 0);";
    let screen = Arc::new(Screen::default());
    let failure = failure(session.execute(cell(code), screen.clone()));
    assert_eq!(screen.text(Stream::Stdout), "before\n");
    assert_eq!(failure.name, "SessionLost");
    assert!(failure.value.contains("ran out of memory: 160.0 GB"), "{}", failure.value);
    assert_eq!(failure.traceback[1], "  gone: D, step()");
    // It was said; the next cell says nothing of it, and nothing is left of what was.
    assert_eq!(result(&session, "40 + 2"), "42");
    assert_eq!(run(&session, "D").0.unwrap_err().name, "NameError");
}

#[test]
fn a_process_that_dies_between_two_cells_is_told_of_by_the_next_one() {
    let session = session();
    result(&session, "let D = 1;");
    send(libc::SIGKILL);
    let (outcome, complaint) = run(&session, "40 + 2");
    assert_eq!(outcome.unwrap(), "42");
    assert!(complaint.contains("was killed by the system, probably for memory (SIGKILL;"), "{complaint}");
    assert!(complaint.contains("gone: D\n"), "{complaint}");
    assert_eq!(result(&session, "40 + 2"), "42");
}

#[test]
fn the_last_checkpoint_is_named_with_the_way_to_resume() {
    let file = std::env::temp_dir().join(format!("saddle-worker-{}.ckpt", std::process::id()));
    let session = session();
    let save =
        format!("let G = linear(2, 1); let opt = adam(G); checkpoint({file:?}, #{{ G: G, opt: opt, step: 7 }});");
    result(&session, &save);
    let (thread, _) = running(&session, "print(1); loop {}");
    // Rust's handler takes the first for a fault, which then does not come again.
    while !thread.is_finished() {
        send(libc::SIGSEGV);
        std::thread::sleep(Duration::from_millis(20));
    }
    let failure = failure(thread.join().unwrap());
    assert!(failure.value.contains("crashed in native code (SIGSEGV)"), "{failure:?}");
    let hint = failure.traceback.last().unwrap();
    let (_, call) = hint.split_once('`').unwrap();
    let (call, _) = call.split_once('`').unwrap();
    let again = format!("let G = linear(2, 1); let opt = adam(G); {call}.step");
    assert_eq!(result(&session, &again), "7");
    fs::remove_file(file).unwrap();
}

#[test]
fn a_hundred_deaths_leave_nothing_behind() {
    let session = session();
    result(&session, "1");
    let (before, threads) = (descriptors(), fs::read_dir("/proc/self/task").unwrap().count());
    for round in 0..100 {
        let (thread, _) = running(&session, "print(1); loop {}");
        send(libc::SIGKILL);
        assert_eq!(failure(thread.join().unwrap()).name, "SessionLost", "round {round}");
    }
    assert_eq!(result(&session, "40 + 2"), "42");
    assert_eq!(workers().len(), 1, "no zombies");
    // The threads of the last dead worker may still be ending.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(descriptors(), before);
    assert_eq!(fs::read_dir("/proc/self/task").unwrap().count(), threads);
}

#[test]
fn a_worker_inherits_nothing() {
    let _open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let session = session();
    result(&session, "1");
    let fds = format!("/proc/{}/fd", workers()[0]);
    let open = fs::read_dir(fds).unwrap().map(|fd| fs::read_link(fd.unwrap().path()).unwrap());
    let sockets = open.filter(|to| to.to_string_lossy().starts_with("socket:"));
    // The socket pair's end, for reading and for writing.
    assert!(sockets.count() <= 2);
}

#[test]
fn a_cell_that_was_not_begun_is_given_to_the_next_worker() {
    let session = session();
    result(&session, "let a = 1;");
    // Stopped, it takes nothing off the socket.
    send(libc::SIGSTOP);
    let (thread, screen) = {
        let screen = Arc::new(Screen::default());
        let (session, front) = (session.clone(), screen.clone());
        (std::thread::spawn(move || session.execute(cell("40 + 2"), front)), screen)
    };
    std::thread::sleep(Duration::from_millis(100));
    send(libc::SIGKILL);
    assert_eq!(thread.join().unwrap(), Reply::Done);
    assert_eq!(screen.text(Stream::Stdout), "42");
    assert!(screen.text(Stream::Stderr).contains("gone: a"));
}

#[test]
fn a_worker_that_hears_nothing_can_be_abandoned() {
    let session = session();
    result(&session, "let a = 1;");
    let (thread, _) = running(&session, "print(1); loop {}");
    send(libc::SIGSTOP);
    let start = Instant::now();
    (0..1000).for_each(|_| session.interrupt());
    session.abandon();
    let failure = failure(thread.join().unwrap());
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(failure.name, "KeyboardInterrupt");
    assert_eq!(failure.traceback[1], "  gone: a");
    assert_eq!(result(&session, "40 + 2"), "42");
}

#[test]
fn an_interrupt_stops_the_cell_it_is_meant_for_and_no_other() {
    let session = session();
    for round in 0..200 {
        let (thread, _) = running(&session, "print(1); loop {}");
        session.interrupt();
        session.interrupt();
        assert_eq!(failure(thread.join().unwrap()).name, "KeyboardInterrupt");
        session.interrupt();
        assert_eq!(result(&session, "let n = 0; for i in 0..100 { n += i; } n"), "4950", "round {round}");
    }
}

#[test]
fn a_cell_that_waits_for_its_worker_can_be_interrupted() {
    let session = alone("sleep", "60");
    let front = session.clone();
    let thread = std::thread::spawn(move || front.execute(cell("1"), Arc::new(Screen::default())));
    std::thread::sleep(Duration::from_millis(100));
    session.interrupt();
    session.abandon();
    assert_eq!(failure(thread.join().unwrap()).name, "KeyboardInterrupt");
}

#[test]
fn a_worker_that_cannot_be_started_is_an_error_and_tried_again() {
    for program in ["/nowhere/saddle", "false"] {
        let session = alone(program, "");
        for _ in 0..3 {
            let (outcome, _) = run(&session, "1");
            assert_eq!(outcome.unwrap_err().name, "SessionLost", "{program}");
        }
    }
}

#[test]
fn a_large_display_arrives_whole_and_soon() {
    let session = session();
    let screen = Arc::new(Screen::default());
    let start = Instant::now();
    // Noise does not compress: about 3 bytes a pixel.
    let code = "show(rand([1, 3, 3000, 3000]))";
    assert_eq!(session.execute(cell(code), screen.clone()), Reply::Done);
    let shown = screen.shown.lock().unwrap();
    let png = shown.iter().find_map(|output| match output {
        Output::Display { bundle, .. } => bundle.get("image/png"),
        _ => None,
    });
    let Some(Data::Bytes(png)) = png else { panic!("no picture: {shown:?}") };
    assert!(png.starts_with(b"\x89PNG") && png.ends_with(b"IEND\xaeB\x60\x82"));
    println!("{} bytes in {:?}", png.len(), start.elapsed());
    assert!(png.len() > 1_000_000);
}

/// A client that takes its time.
struct Slow(Mutex<usize>);

impl Frontend for Slow {
    fn show(&self, _: Output) {
        *self.0.lock().unwrap() += 1;
        std::thread::sleep(Duration::from_millis(20));
    }

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

#[test]
fn a_slow_client_slows_the_cell_and_an_interrupt_still_arrives() {
    let session = session();
    let front = Arc::new(Slow(Mutex::default()));
    let (book, slow) = (session.clone(), front.clone());
    let code = "let text = \"x\"; text.pad(100000, 'x'); let n = 0; loop { n += 1; print(text); }";
    let thread = std::thread::spawn(move || book.execute(cell(code), slow));
    std::thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    session.interrupt();
    assert_eq!(failure(thread.join().unwrap()).name, "KeyboardInterrupt");
    // What was on its way in the socket is still shown, and it is little.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let (shown, printed) = (*front.0.lock().unwrap(), result(&session, "n"));
    assert!(shown.abs_diff(printed.parse().unwrap()) <= 1, "{shown} shown, {printed} printed");
}
