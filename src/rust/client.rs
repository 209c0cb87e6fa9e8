//! The worker's side: [`Rust`] runs cells and calls what they have exported.

use super::access::NotebookAccess;
use super::connections::{Connections, Incoming, LastLine, Questions};
use super::folder::Folder;
use super::layout;
use super::link::{Message, Spares};
use super::message::{CellResult, HostOrder, Report};
use super::pack::Reader;
use super::payload::{Payload, Value};
use super::start::start;
use super::stop::{EarlyEnd, Stop};
use saddle_fault::{Fault, Kind, Result};
use saddle_session::output::Stream;
use saddle_worker::frame;
use saddle_worker::process::Process;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long an interrupt may take before the host is ended, too.
const INSISTING: Duration = Duration::from_secs(5);

/// The name under which the gradient of a word is called.
const GRADIENT: char = '\'';

/// The statement in front of each cell: see `prelude/cell.rs`.
fn head(cell: i64) -> String {
    format!("let {HEAD}: saddle::Cell__ = saddle::begin__({cell}); ")
}

/// The variable of that statement.
pub const HEAD: &str = "saddle_cell__";

/// A function that a cell has exported.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Its name in the notebook.
    pub name: String,
    /// Each parameter with its type.
    pub parameters: Vec<String>,
    /// Whether it was exported with its gradient.
    pub has_gradient: bool,
    /// What exports it again.
    pub(super) statement: String,
    /// The code that it was compiled from.
    pub(super) code: Rc<str>,
}

/// What a cell has shown, by mime type.
pub type Shown = Vec<(String, String)>;

/// The Rust side of a notebook: the host with evcxr, and the process in which the cells' code runs.
pub struct Rust {
    connections: Connections,
    process: Option<Process>,
    has_source: bool,
    /// By name: what can be called.
    exports: BTreeMap<String, Export>,
    /// Exported by the cell that runs; they count when it has not been lost.
    pub(super) fresh: Vec<Export>,
    /// Exported by the last cell.
    newest: Vec<Export>,
    folder: Folder,
    /// The memory in which arguments go.
    spares: Spares,
    /// On stderr.
    last_line: LastLine,
    variables: Vec<String>,
    /// The number of the cell that runs.
    pub(super) cell: i64,
    pub(super) begun: bool,
    pub(super) ended: Option<EarlyEnd>,
    /// The process of the cells is new, and knows nothing yet of what was exported.
    stale: bool,
    pub(super) stopping: Option<Instant>,
}

impl Rust {
    /// Starts the host, built first where it has not been, and waits until it can run cells. From then on it answers
    /// `questions`.
    ///
    /// # Errors
    /// A missing toolchain; what keeps the host from being built; what the system refuses; an interrupt.
    pub fn start(notebook: &mut dyn NotebookAccess, questions: Questions) -> Result<Self, Stop> {
        let started = start(notebook).map_err(|fault| match fault.kind {
            // There is nothing yet that could be lost.
            Kind::Interrupt => Stop::Interrupted { lost: Vec::new() },
            _ => Stop::Fault(fault),
        })?;
        let (control, listener) = (started.control, started.listener);
        let connections = Connections::new(control, listener, questions)
            .map_err(|error| Fault::value(format!("%%rust cannot start: no socket: {error}")))?;
        let mut rust = Self {
            connections,
            process: Some(started.process),
            has_source: started.has_source,
            exports: BTreeMap::new(),
            fresh: Vec::new(),
            newest: Vec::new(),
            folder: started.folder,
            spares: Spares::default(),
            last_line: LastLine::default(),
            variables: Vec::new(),
            cell: 0,
            begun: false,
            ended: None,
            stale: false,
            stopping: None,
        };
        rust.wait_until_ready(notebook)?;
        Ok(rust)
    }

    fn wait_until_ready(&mut self, notebook: &mut dyn NotebookAccess) -> Result<(), Stop> {
        loop {
            // There is nothing yet that could be lost.
            if notebook.stopped() {
                return Err(Stop::Interrupted { lost: Vec::new() });
            }
            match self.receive(notebook)? {
                Some(Incoming::Report(Some(Report::Ready))) => return Ok(()),
                Some(Incoming::Report(Some(Report::Failed(why)))) => {
                    let why = why.trim();
                    return Err(Fault::value(format!("%%rust cannot start: {why}")).into());
                }
                _ => {}
            }
        }
    }

    /// Whether types of the standard library can be inferred.
    pub fn has_source(&self) -> bool {
        self.has_source
    }

    /// Runs a cell.
    ///
    /// # Errors
    /// Every [`Stop`].
    pub fn run(&mut self, code: &str, notebook: &mut dyn NotebookAccess) -> Result<Shown, Stop> {
        self.newest.clear();
        self.revive(notebook)?;
        self.cell += 1;
        let head = head(self.cell);
        let code = code.to_string();
        let renewed = layout::has_items(&code);
        let (shown, variables) = self.carry_out(&HostOrder::Run { head, code }, notebook)?;
        self.variables = variables;
        self.newest = self.accept_exports();
        if renewed {
            self.export_again(notebook)?;
        }
        let ended = self.ended.take();
        // Read before anything else is compiled.
        let code = ended.is_some().then(|| self.compiled());
        let said = std::mem::take(&mut self.last_line).text();
        if ended.is_some() {
            self.renew_guard(notebook)?;
        }
        match ended {
            // It was not let begin.
            None if self.stopping.is_some() && !self.begun => Err(Stop::Interrupted { lost: Vec::new() }),
            None => Ok(shown),
            Some(_) if self.stopping.is_some() => Err(Stop::Interrupted { lost: Vec::new() }),
            Some(EarlyEnd::Panic { message, line }) => {
                let line = code.and_then(|code| nth_line(&code, line));
                Err(Stop::Panic { message, line })
            }
            Some(EarlyEnd::Early) => Err(Stop::Early(said)),
        }
    }

    /// A cell that has ended early has dropped its guard, and with its end the next cell would not be told from its
    /// last line.
    fn renew_guard(&mut self, notebook: &mut dyn NotebookAccess) -> Result<(), Stop> {
        self.cell += 1;
        let (head, code) = (String::new(), head(self.cell));
        let stopping = self.stopping;
        let renewed = self.carry_out(&HostOrder::Run { head, code }, notebook);
        self.stopping = stopping;
        renewed.map(drop)
    }

    /// What the running cell has exported counts from now on.
    fn accept_exports(&mut self) -> Vec<Export> {
        let mut exports = std::mem::take(&mut self.fresh);
        if !exports.is_empty() {
            let code = self.compiled();
            exports.iter_mut().for_each(|export| export.code = code.clone());
        }
        let named = exports.iter().map(|export| (export.name.clone(), export.clone()));
        self.exports.extend(named);
        exports
    }

    /// The code that was compiled last.
    fn compiled(&self) -> Rc<str> {
        let path = self.folder.workshop().join("src/lib.rs");
        std::fs::read_to_string(path).unwrap_or_default().into()
    }

    /// What the last cell has exported.
    pub fn newest(&self) -> &[Export] {
        &self.newest
    }

    /// A cell has defined something: what was exported before is compiled again with it.
    fn export_again(&mut self, notebook: &mut dyn NotebookAccess) -> Result<(), Stop> {
        let is_new = |export: &&Export| self.newest.iter().any(|new| new.name == export.name);
        let others = self.exports.values().filter(|export| !is_new(export));
        let code: String = others.map(|export| export.statement.as_str()).collect();
        if code.is_empty() || self.ended.is_some() {
            return Ok(());
        }
        self.cell += 1;
        let head = head(self.cell);
        match self.carry_out(&HostOrder::Run { head, code }, notebook) {
            Ok(_) => {
                self.accept_exports();
            }
            Err(Stop::Wrong(mistakes)) => {
                let why = mistakes.first().map_or("", |mistake| mistake.message.as_str());
                let text = format!(
                    "what was exported before does not fit this cell ({why}): it runs as it was; export it again\n"
                );
                notebook.print(Stream::Stderr, &text);
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// Calls an exported function, or its gradient. `pack` writes the arguments.
    ///
    /// # Errors
    /// Every [`Stop`] but those of compiling.
    pub fn call(
        &mut self,
        name: &str,
        gradient: bool,
        arguments: usize,
        pack: impl FnOnce(&mut Payload) -> Result<()>,
        notebook: &mut dyn NotebookAccess,
    ) -> Result<Value, Stop> {
        self.revive(notebook)?;
        let mut key = name.to_string();
        key.extend(gradient.then_some(GRADIENT));
        let mut payload = Payload::call(&key, arguments, std::mem::take(&mut self.spares));
        let packed = pack(&mut payload);
        self.spares = payload.take_spares();
        // One call at a time: when the next is packed, this one has been answered.
        self.spares.rewind();
        packed?;
        self.stopping = None;
        // That the process is gone is received next.
        match self.connections.call(&payload.message()) {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                return Err(Fault::value(format!("{name}: {error}")).into());
            }
            _ => {}
        }
        loop {
            if !self.connections.has_cells() {
                return Err(self.cells_gone(notebook)?);
            }
            self.insist(HostOrder::Kill, notebook)?;
            match self.receive(notebook)? {
                // Once it is to be killed, that is waited for.
                Some(Incoming::Answer(message)) if self.stopping.is_none() => {
                    let code = self.exports.get(name).map(|export| export.code.clone());
                    return answer(name, &message, code.as_deref().unwrap_or(""));
                }
                Some(Incoming::CellsGone) => return Err(self.cells_gone(notebook)?),
                _ => {}
            }
        }
    }

    /// The process of the cells has ended outside of a cell: how.
    fn cells_gone(&mut self, notebook: &mut dyn NotebookAccess) -> Result<Stop, Stop> {
        self.stale = true;
        let lost = std::mem::take(&mut self.variables);
        if self.stopping.is_some() {
            return Ok(Stop::Interrupted { lost });
        }
        self.order(&HostOrder::DescribeDeath)?;
        loop {
            if let Some(Incoming::Report(Some(Report::Done(CellResult::Died(how))))) = self.receive(notebook)? {
                return Ok(Stop::Died { how, lost });
            }
        }
    }

    /// Makes sure that the process of the cells knows what was exported.
    fn revive(&mut self, notebook: &mut dyn NotebookAccess) -> Result<(), Stop> {
        if !self.stale {
            return Ok(());
        }
        self.cell += 1;
        let mut code = head(self.cell);
        code.extend(self.exports.values().map(|export| export.statement.as_str()));
        self.carry_out(&HostOrder::Revive { code }, notebook)?;
        self.fresh.clear();
        self.ended = None;
        self.stale = false;
        Ok(())
    }

    /// Has the host do something, and serves the cells until it is done.
    fn carry_out(
        &mut self,
        order: &HostOrder,
        notebook: &mut dyn NotebookAccess,
    ) -> Result<(Shown, Vec<String>), Stop> {
        (self.begun, self.ended, self.stopping) = (false, None, None);
        self.fresh.clear();
        self.order(order)?;
        self.connections.questions().set_busy(true);
        let outcome = self.until_done(notebook);
        self.connections.questions().set_busy(false);
        let outcome = outcome?;
        let stopped = self.stopping.is_some();
        match outcome {
            CellResult::Ran { shown, mut variables } => {
                variables.retain(|name| name != HEAD);
                Ok((shown, variables))
            }
            CellResult::Died(how) => {
                self.stale = true;
                let lost = std::mem::take(&mut self.variables);
                Err(match stopped {
                    true => Stop::Interrupted { lost },
                    false => Stop::Died { how, lost },
                })
            }
            CellResult::Wrong(_) | CellResult::Refused(_) if stopped => Err(Stop::Interrupted { lost: Vec::new() }),
            CellResult::Wrong(mistakes) => Err(Stop::Wrong(mistakes)),
            CellResult::Refused(why) => Err(Fault::value(why).into()),
        }
    }

    /// Serves the cells until the host says that it is done.
    fn until_done(&mut self, notebook: &mut dyn NotebookAccess) -> Result<CellResult, Stop> {
        loop {
            let running = self.begun;
            self.insist(HostOrder::Interrupt { running }, notebook)?;
            match self.receive(notebook)? {
                Some(Incoming::Report(Some(Report::Done(outcome)))) => return Ok(outcome),
                Some(Incoming::Report(Some(report))) => self.report(report, notebook)?,
                _ => {}
            }
        }
    }

    /// Hands on an interrupt, and ends the host when that has no effect.
    fn insist(&mut self, order: HostOrder, notebook: &mut dyn NotebookAccess) -> Result<(), Stop> {
        match self.stopping {
            None if notebook.stopped() => {
                self.stopping = Some(Instant::now());
                self.order(&order)
            }
            Some(since) if since.elapsed() > INSISTING => {
                if let Some(process) = self.process.take() {
                    process.id().kill();
                    process.wait();
                }
                let lost = std::mem::take(&mut self.variables);
                Err(Stop::Interrupted { lost })
            }
            _ => Ok(()),
        }
    }

    fn order(&mut self, order: &HostOrder) -> Result<(), Stop> {
        let sent = frame::encode(order).and_then(|bytes| self.connections.control().write_all(&bytes));
        sent.map_err(|error| self.lost(&error.to_string()))
    }

    fn report(&mut self, report: Report, notebook: &mut dyn NotebookAccess) -> Result<(), Stop> {
        match report {
            Report::Printed(text) => notebook.print(Stream::Stdout, &text),
            Report::Asked { prompt, password } => {
                let answer = notebook.ask(&prompt, password).unwrap_or_default();
                self.order(&HostOrder::Answer(answer))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The next message that is not served here; `None` after one that is, and after a while.
    fn receive(&mut self, notebook: &mut dyn NotebookAccess) -> Result<Option<Incoming>, Stop> {
        match self.connections.receive() {
            Err(error) => Err(self.lost(&error.to_string())),
            Ok(Incoming::Report(None)) => Err(self.lost("")),
            Ok(Incoming::Text(stream, text)) => {
                if stream == Stream::Stderr {
                    self.last_line.push(&text);
                }
                notebook.print(stream, &text);
                Ok(None)
            }
            Ok(Incoming::Request(message)) => {
                let answer = self.serve(&message, notebook);
                self.connections.answer(&answer);
                Ok(None)
            }
            Ok(Incoming::Silence) => Ok(None),
            Ok(other) => Ok(Some(other)),
        }
    }

    /// The host is gone, or speaks so that nobody understands it: what it said last.
    fn lost(&mut self, error: &str) -> Stop {
        // One that lives would be waited for without end: by this it ends, and removes its files.
        let _ = self.connections.control().shutdown(std::net::Shutdown::Both);
        let exit = self.process.take().map(Process::wait);
        let said = exit.map(|exit| exit.last_words).unwrap_or_default();
        let last = said.lines().last().unwrap_or(error).trim();
        Stop::Lost(last.to_string())
    }

    /// Whether nothing can run any more.
    pub fn is_lost(&self) -> bool {
        self.process.is_none()
    }
}

impl Drop for Rust {
    /// The host ends when its connection is closed, and takes the cells with it.
    fn drop(&mut self) {
        let _ = self.connections.control().shutdown(std::net::Shutdown::Both);
        self.connections.questions().connect(None);
        if let Some(process) = self.process.take() {
            let _ = std::thread::Builder::new().name("rust ends".into()).spawn(move || process.wait());
        }
    }
}

/// A line of a text, counted from 1.
fn nth_line(text: &str, number: u32) -> Option<String> {
    let line = text.lines().nth(usize::try_from(number).ok()?.checked_sub(1)?)?;
    Some(line.to_string())
}

/// What a call gave of a function that was compiled from `code`.
fn answer(name: &str, message: &Message, code: &str) -> Result<Value, Stop> {
    let garbled = || Fault::new(Kind::Internal, format!("{name}: the answer cannot be read"));
    let mut reader = Reader(&message.bytes);
    reader.list().ok_or_else(garbled)?;
    match reader.text() {
        Some("ok") => Ok(Value::read(&mut reader, &message.files).ok_or_else(garbled)?),
        Some("error") => {
            let why = reader.text().unwrap_or("");
            Err(Fault::value(format!("{name}: {why}")).into())
        }
        Some("panic") => {
            let message = reader.text().unwrap_or("").to_string();
            let line = reader.int().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            let line = nth_line(code, line);
            Err(Stop::Panic { message, line })
        }
        _ => Err(garbled().into()),
    }
}
