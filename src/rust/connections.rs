//! What the worker receives from the host and from the process of the cells, over all its connections, in the order in
//! which it was said. The engine's thread itself waits: a call costs no switch to another thread of ours.

use super::link::{Link, Message};
use super::message::{Answer, Question, Report, Role};
use saddle_session::output::Stream;
use saddle_worker::frame;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one wait lasts at most: then whoever waits looks whether the user has interrupted.
const POLL_TIMEOUT: Duration = Duration::from_millis(25);

/// How long a question about code may take; then there is no answer, as while a cell runs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// One message, or what became of a connection.
pub enum Incoming {
    /// From the host; `None`: it has ended.
    Report(Option<Report>),
    /// What a call gave.
    Answer(Message),
    /// A question of the cells, which is to be answered with [`Connections::answer`].
    Request(Message),
    /// Text of a cell or a call.
    Text(Stream, String),
    /// The process of the cells has ended.
    CellsGone,
    /// Nothing, for a while.
    Silence,
}

/// All connections of the worker.
pub struct Connections {
    control: UnixStream,
    listener: UnixListener,
    /// Connections of a process that has not made all of them yet.
    arriving: HashMap<u32, Vec<(Role, UnixStream)>>,
    cells: Option<Cells>,
    questions: Questions,
}

/// The connections of one process of the cells.
struct Cells {
    requests: Link,
    calls: Link,
    stderr: OutputPipe,
    stdout: OutputPipe,
}

impl Connections {
    pub fn new(control: UnixStream, listener: UnixListener, questions: Questions) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { control, listener, arriving: HashMap::new(), cells: None, questions })
    }

    pub fn questions(&self) -> &Questions {
        &self.questions
    }

    pub fn control(&self) -> &UnixStream {
        &self.control
    }

    /// Whether there is a process of cells that can be called.
    pub fn has_cells(&self) -> bool {
        self.cells.is_some()
    }

    /// Calls a function of the cells; its answer will be received.
    ///
    /// # Errors
    /// The process is gone; the message is too long.
    pub fn call(&mut self, message: &Message) -> io::Result<()> {
        match &mut self.cells {
            Some(cells) => cells.calls.send(message),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Answers a request.
    pub fn answer(&mut self, message: &Message) {
        if let Some(cells) = &mut self.cells {
            // That it is gone is received next.
            let _ = cells.requests.send(message);
        }
    }

    /// The next thing said. What a cell wrote before it ended, before a request or before an answer is received before
    /// that.
    ///
    /// # Errors
    /// The system's, or what is no message.
    pub fn receive(&mut self) -> io::Result<Incoming> {
        loop {
            self.ready(POLL_TIMEOUT)?;
            // Asked once more, since what was said first may have come to be seen later.
            let ready = self.ready(Duration::ZERO)?;
            if ready.contains(&Source::Listener) {
                self.accept();
                continue;
            }
            for (source, stream) in [(Source::Stderr, Stream::Stderr), (Source::Stdout, Stream::Stdout)] {
                if ready.contains(&source)
                    && let Some(text) = self.text(source)
                {
                    return Ok(Incoming::Text(stream, text));
                }
            }
            if ready.contains(&Source::Requests) {
                return Ok(self.message(|cells| &mut cells.requests, Incoming::Request));
            }
            if ready.contains(&Source::Calls) {
                return Ok(self.message(|cells| &mut cells.calls, Incoming::Answer));
            }
            if ready.contains(&Source::Control) {
                return Ok(Incoming::Report(frame::read(&mut self.control)?));
            }
            if ready.is_empty() {
                return Ok(Incoming::Silence);
            }
        }
    }

    fn message(
        &mut self,
        link: impl FnOnce(&mut Cells) -> &mut Link,
        wrap: impl FnOnce(Message) -> Incoming,
    ) -> Incoming {
        // A process that sends what is no message has overwritten its own memory: it is as good as gone.
        match self.cells.as_mut().map(|cells| link(cells).receive()) {
            Some(Ok(Some(message))) => wrap(message),
            _ => {
                self.cells = None;
                Incoming::CellsGone
            }
        }
    }

    fn text(&mut self, source: Source) -> Option<String> {
        let cells = self.cells.as_mut()?;
        match source {
            Source::Stderr => cells.stderr.read(),
            _ => cells.stdout.read(),
        }
    }

    /// Takes a new connection; a process that has made all of its own takes the place of the one before.
    fn accept(&mut self) {
        let Ok((mut stream, _)) = self.listener.accept() else {
            return;
        };
        let mut greeting = [0; 5];
        let greeted = stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(1))))
            .and_then(|()| stream.read_exact(&mut greeting))
            .and_then(|()| stream.set_read_timeout(None));
        let [a, b, c, d, role] = greeting;
        let (Ok(()), Some(role)) = (greeted, Role::of(role)) else {
            return;
        };
        if role == Role::Questions {
            self.questions.connect(Some(stream));
            return;
        }
        let process = u32::from_le_bytes([a, b, c, d]);
        let all = self.arriving.entry(process).or_default();
        all.push((role, stream));
        if all.len() == 4 {
            self.cells = self.arriving.remove(&process).and_then(Cells::new);
            self.arriving.clear();
        }
    }

    /// Which connections have something to say; waits for at most so long.
    fn ready(&self, wait: Duration) -> io::Result<Vec<Source>> {
        let mut sources =
            vec![(Source::Control, self.control.as_raw_fd()), (Source::Listener, self.listener.as_raw_fd())];
        if let Some(cells) = &self.cells {
            sources.push((Source::Requests, cells.requests.stream().as_raw_fd()));
            sources.push((Source::Calls, cells.calls.stream().as_raw_fd()));
            let pipes = [(Source::Stderr, &cells.stderr), (Source::Stdout, &cells.stdout)];
            let open = pipes.into_iter().filter(|(_, pipe)| !pipe.ended);
            sources.extend(open.map(|(source, pipe)| (source, pipe.stream.as_raw_fd())));
        }
        let numbers: Vec<RawFd> = sources.iter().map(|(_, number)| *number).collect();
        let ready = poll(&numbers, wait)?;
        let ready = sources.into_iter().zip(ready).filter(|(_, ready)| *ready);
        Ok(ready.map(|((source, _), _)| source).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Control,
    Listener,
    Requests,
    Calls,
    Stderr,
    Stdout,
}

/// Which of these files can be read, or have ended.
fn poll(numbers: &[RawFd], wait: Duration) -> io::Result<Vec<bool>> {
    let about = |&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut all: Vec<libc::pollfd> = numbers.iter().map(about).collect();
    let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: a list of that length.
    match unsafe { libc::poll(all.as_mut_ptr(), all.len() as libc::nfds_t, wait) } {
        -1 if io::Error::last_os_error().kind() != ErrorKind::Interrupted => Err(io::Error::last_os_error()),
        _ => Ok(all.iter().map(|one| one.revents != 0).collect()),
    }
}

impl Cells {
    fn new(streams: Vec<(Role, UnixStream)>) -> Option<Self> {
        let mut streams: HashMap<u8, UnixStream> = streams.into_iter().map(|(role, s)| (role as u8, s)).collect();
        let mut take = |role: Role| streams.remove(&(role as u8));
        Some(Self {
            requests: Link::new(take(Role::Requests)?),
            calls: Link::new(take(Role::Calls)?),
            stderr: OutputPipe::new(take(Role::Stderr)?)?,
            stdout: OutputPipe::new(take(Role::Stdout)?)?,
        })
    }
}

/// Text that comes in pieces, which may end within a letter.
struct OutputPipe {
    stream: UnixStream,
    rest: Vec<u8>,
    ended: bool,
}

impl OutputPipe {
    fn new(stream: UnixStream) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        Some(Self { stream, rest: Vec::new(), ended: false })
    }

    /// The letters that are whole.
    fn read(&mut self) -> Option<String> {
        let mut chunk = [0; 1 << 14];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(n) => self.rest.extend(&chunk[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(_) => self.ended = true,
        }
        let whole = match std::str::from_utf8(&self.rest) {
            Err(error) if error.error_len().is_none() && !self.ended => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let text: Vec<u8> = self.rest.drain(..whole).collect();
        (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned())
    }
}

/// The last line of a text that comes in pieces: the end of a line may come alone.
#[derive(Default)]
pub struct LastLine(String);

impl LastLine {
    /// More of the text.
    pub fn push(&mut self, text: &str) {
        const ENDS: [char; 2] = ['\n', '\r'];
        for line in text.split_inclusive(ENDS) {
            if self.0.ends_with(ENDS) && !line.trim().is_empty() {
                self.0.clear();
            }
            self.0.push_str(line);
        }
    }

    /// That line, without its end.
    pub fn text(self) -> String {
        self.0.trim_end().to_string()
    }
}

/// The host's answers about code, for any thread.
#[derive(Clone, Default)]
pub struct Questions {
    line: Arc<Mutex<Line>>,
    /// Whether the host has something else to do: then nobody waits for it.
    busy: Arc<AtomicBool>,
}

#[derive(Default)]
struct Line {
    stream: Option<UnixStream>,
    ticket: u64,
}

impl Questions {
    /// Asks over this connection from now on.
    pub fn connect(&self, stream: Option<UnixStream>) {
        self.lock().stream = stream;
    }

    /// Says whether the host is busy.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// The answer; `None` where there is no host, or none that has time.
    pub fn ask(&self, question: Question) -> Option<Answer> {
        if self.busy.load(Ordering::SeqCst) {
            return None;
        }
        let mut line = self.lock();
        line.ticket += 1;
        let ticket = line.ticket;
        let stream = line.stream.as_mut()?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
        let bytes = frame::encode(&(ticket, question)).ok()?;
        io::Write::write_all(stream, &bytes).ok()?;
        loop {
            // An answer that comes in the middle of a pause would be torn: such a connection is given up.
            match wait_for(stream) {
                false => return None,
                true => match frame::read::<Answer>(stream) {
                    Ok(Some(answer)) if answer.ticket == ticket => return Some(answer),
                    // One that came too late.
                    Ok(Some(_)) => {}
                    _ => {
                        line.stream = None;
                        return None;
                    }
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether something comes in time.
fn wait_for(stream: &UnixStream) -> bool {
    poll(&[stream.as_raw_fd()], ANSWER_TIMEOUT).is_ok_and(|ready| ready == [true])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_may_come_in_pieces() {
        for pieces in [
            &["first\nthe last\n"][..],
            &["first\nthe", " last", "\n"],
            &["first", "\n", "the last", "\n"],
            &["first\nthe last", "\n", "\n"],
            &["first\r", "the last"],
        ] {
            let mut line = LastLine::default();
            pieces.iter().for_each(|piece| line.push(piece));
            assert_eq!(line.text(), "the last", "{pieces:?}");
        }
    }
}
