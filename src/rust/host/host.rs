//! The host: a process that holds evcxr, which holds rust-analyzer and compiles the cells. Its memory, and what it may
//! leave behind, are not the worker's.

use super::child::{SOCKET, greeting};
use super::process_tree;
use crossbeam_channel::{Receiver, Sender, select, unbounded};
use evcxr::{CommandContext, CompilationError, Error, EvalCallbacks, EvalContext};
use saddle_fault::lock;
use saddle_rust::protocol::abi::LINE_END;
use saddle_rust::protocol::{
    Answer, CellResult, Folder, HEAD, HostOrder, Layout, Mistake, Question, Report, Role, Spot, without_commands,
};
use saddle_worker::{frame, process};
use std::io::{self, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Serves the worker that has started this process, until it is gone.
///
/// # Errors
/// Another process than a worker has started this.
pub fn serve() -> io::Result<()> {
    let control = process::inherited(c"saddle-rust")?;
    let (folder, _lock) = Folder::of_host()?;
    let reports = ReportSender(Arc::new(Mutex::new(control.try_clone()?)));
    let (work, jobs) = unbounded();
    let (answers, answered) = unbounded();
    let shared = Arc::new(Shared::default());
    let reader = Reader { shared: shared.clone(), folder: folder.clone(), work: work.clone(), answers };
    std::thread::Builder::new().name("orders".into()).spawn(move || reader.read(control))?;
    let context = match start(&folder) {
        Ok(started) => started,
        Err(why) => {
            reports.send(&Report::Failed(why));
            // The worker lets go of this process when it has read that.
            std::thread::sleep(Duration::MAX);
            return Ok(());
        }
    };
    *lock(&shared.cells) = Some(context.0.process_handle());
    hear_questions(&folder, work)?;
    reports.send(&Report::Ready);
    let mut host = Host { context: context.0, printed: context.1, reports, answered, shared, count: 0 };
    for job in jobs {
        match job {
            Job::HostOrder(order) => host.carry_out(order),
            Job::Question(stream, ticket, question) => host.answer(&stream, ticket, question),
        }
    }
    Ok(())
}

/// What the main thread does, one after the other.
enum Job {
    HostOrder(HostOrder),
    Question(Arc<UnixStream>, u64, Question),
}

/// What the reader of orders and the main thread share.
#[derive(Default)]
struct Shared {
    /// The process of the cells.
    cells: Mutex<Option<Arc<Mutex<Child>>>>,
    /// The number of what is being carried out; 0 between cells.
    running: AtomicU64,
    /// Whether the process of the cells was killed under it.
    killed: AtomicBool,
}

/// Speaks to the worker.
#[derive(Clone)]
struct ReportSender(Arc<Mutex<UnixStream>>);

impl ReportSender {
    fn send(&self, report: &Report) {
        if let Ok(bytes) = frame::encode(report) {
            // A worker that is gone ends this process.
            let _ = lock(&self.0).write_all(&bytes);
        }
    }
}

/// Reads what the worker orders, also while a cell runs.
struct Reader {
    shared: Arc<Shared>,
    folder: Folder,
    work: Sender<Job>,
    answers: Sender<String>,
}

impl Reader {
    fn read(self, control: UnixStream) {
        let mut control = BufReader::new(control);
        while let Ok(Some(order)) = frame::read(&mut control) {
            match order {
                HostOrder::Interrupt { running } => self.interrupt(running),
                HostOrder::Kill => self.shared.kill(),
                HostOrder::Answer(text) => {
                    let _ = self.answers.send(text);
                }
                order => {
                    let _ = self.work.send(Job::HostOrder(order));
                }
            }
        }
        // The worker is gone: nothing of this session stays behind.
        process_tree::kill_below(std::process::id(), None);
        self.folder.remove();
        process::leave();
    }

    fn interrupt(&self, running: bool) {
        let shared = self.shared.clone();
        let number = shared.running.load(Ordering::SeqCst);
        if number == 0 {
            return;
        }
        if running {
            return shared.kill();
        }
        // Cargo and the compiler come and go, several for one cell.
        std::thread::spawn(move || {
            while shared.running.load(Ordering::SeqCst) == number {
                let spared = lock(&shared.cells).as_ref().map(|cells| lock(cells).id());
                process_tree::kill_below(std::process::id(), spared);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
    }
}

impl Shared {
    /// Ends the process of the cells.
    fn kill(&self) {
        if let Some(cells) = &*lock(&self.cells) {
            self.killed.store(true, Ordering::SeqCst);
            let _ = lock(cells).kill();
        }
    }
}

/// Starts evcxr, and gives it the crate that cells use.
fn start(folder: &Folder) -> Result<(CommandContext, Receiver<String>), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // Cargo runs it, too, where `:cache` is on: then it needs a path that means the same everywhere.
    let program = match program.exists() {
        true => program,
        false => "/proc/self/exe".into(),
    };
    let mut cells = Command::new(program);
    cells.env(SOCKET, folder.socket());
    let (context, outputs) = EvalContext::with_subprocess_command(cells).map_err(|error| error.to_string())?;
    // What is not read here is read by the worker itself.
    drop(outputs.stderr);
    let mut context = CommandContext::with_eval_context(context);
    let prelude = folder.prelude();
    let path = prelude.display().to_string();
    let code = format!(
        ":dep saddle = {{ path = {path:?} }}\nuse saddle::*;\nlet {HEAD}: saddle::Cell__ = saddle::begin__(0);"
    );
    let done = AtomicBool::new(false);
    let printed = outputs.stdout;
    // Nothing is printed yet; evcxr waits until what is printed has been read.
    let begun = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let _ = printed.recv_timeout(Duration::from_millis(5));
            }
        });
        let begun = context.execute(&code).map_err(|error| error.to_string());
        done.store(true, Ordering::SeqCst);
        begun
    });
    begun?;
    Ok((context, printed))
}

/// Reads the worker's questions about code.
fn hear_questions(folder: &Folder, work: Sender<Job>) -> io::Result<()> {
    let mut stream = UnixStream::connect(folder.socket())?;
    stream.write_all(&greeting(Role::Questions))?;
    let stream = Arc::new(stream);
    let reading = stream.clone();
    std::thread::Builder::new().name("questions".into()).spawn(move || {
        let mut questions = BufReader::new(&*reading);
        while let Ok(Some((ticket, question))) = frame::read::<(u64, Question)>(&mut questions) {
            let _ = work.send(Job::Question(stream.clone(), ticket, question));
        }
    })?;
    Ok(())
}

/// What lives on the main thread.
struct Host {
    context: CommandContext,
    printed: Receiver<String>,
    reports: ReportSender,
    answered: Receiver<String>,
    shared: Arc<Shared>,
    /// How much has been carried out.
    count: u64,
}

impl Host {
    fn carry_out(&mut self, order: HostOrder) {
        let outcome = match order {
            HostOrder::Run { head, code } => match Layout::new(&head, &code) {
                Ok(layout) => self.run(&layout),
                Err(mistake) => CellResult::Wrong(vec![mistake]),
            },
            HostOrder::Revive { code } => self.revive(&code),
            HostOrder::DescribeDeath => CellResult::Died(self.describe_death()),
            // The reader's.
            HostOrder::Interrupt { .. } | HostOrder::Kill | HostOrder::Answer(_) => return,
        };
        self.reports.send(&Report::Done(outcome));
    }

    /// Runs something in a fresh process.
    fn revive(&mut self, code: &str) -> CellResult {
        let (text, head) = (code.to_string(), None);
        let layout = Layout { text, head };
        match self.run(&layout) {
            // Only now has evcxr seen that the process is gone, and started another. (After its `:restart` it would
            // look for the variables of the old one.)
            CellResult::Died(_) => self.run(&layout),
            outcome => outcome,
        }
    }

    /// Runs a cell, and hands on what it prints while it runs.
    fn run(&mut self, layout: &Layout) -> CellResult {
        self.count += 1;
        self.shared.killed.store(false, Ordering::SeqCst);
        self.shared.running.store(self.count, Ordering::SeqCst);
        let (context, reports, printed) = (&mut self.context, &self.reports, &self.printed);
        let answered = &self.answered;
        let (done, is_done) = unbounded::<()>();
        let result = std::thread::scope(|scope| {
            scope.spawn(|| hand_on(printed, &is_done, reports));
            let ask = |prompt: String, password: bool| {
                reports.send(&Report::Asked { prompt, password });
                answered.recv().unwrap_or_default()
            };
            let mut callbacks = EvalCallbacks { input_reader: &|request| ask(request.prompt, request.is_password) };
            let run = || context.execute_with_callbacks(&layout.text, &mut callbacks);
            let result = catch_unwind(AssertUnwindSafe(run));
            // The printer ends when it receives this, and the scope when everything is printed.
            drop(done);
            result
        });
        self.shared.running.store(0, Ordering::SeqCst);
        let result = result.unwrap_or_else(|_| Err("evcxr has a defect here".to_string().into()));
        let killed = self.shared.killed.load(Ordering::SeqCst);
        match result {
            Ok(_) if killed => CellResult::Died(String::new()),
            Ok(outputs) => {
                let names = self.context.variables_and_types();
                CellResult::Ran {
                    shown: outputs.content_by_mime_type.into_iter().collect(),
                    variables: names.map(|(name, _)| name.to_string()).collect(),
                }
            }
            Err(Error::CompilationErrors(errors)) => wrong(&errors, layout),
            Err(Error::SubprocessTerminated(how)) => CellResult::Died(how),
            Err(error) => CellResult::Refused(error.to_string()),
        }
    }

    /// How the process of the cells has ended.
    fn describe_death(&self) -> String {
        let status = lock(&self.context.process_handle()).wait();
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    fn answer(&mut self, stream: &UnixStream, ticket: u64, question: Question) {
        let answer = catch_unwind(AssertUnwindSafe(|| match question {
            Question::Complete { code, cursor } => self.complete(&code, cursor),
            Question::Describe { code, cursor } => self.describe(&code, cursor),
        }));
        let answer = Answer { ticket, ..answer.ok().flatten().unwrap_or_default() };
        if let Ok(bytes) = frame::encode(&answer) {
            let mut stream = stream;
            let _ = stream.write_all(&bytes);
        }
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Option<Answer> {
        let found = self.context.completions(code, cursor).ok()?;
        let matches = found.completions.into_iter();
        let matches = matches.filter(|one| !one.code.contains("__") && !one.code.starts_with("evcxr"));
        Some(Answer {
            matches: matches.map(|one| (one.code, one.kind.to_string(), one.label)).collect(),
            start: found.start_offset,
            end: found.end_offset,
            ..Answer::default()
        })
    }

    fn describe(&mut self, code: &str, cursor: usize) -> Option<Answer> {
        let code = without_commands(code);
        let before = code.get(..cursor)?.to_string();
        // Only what stands before the cursor is looked at.
        let described = self.context.hover_at(&before, before.len()).ok()?;
        (!described.0.starts_with("No documentation"))
            .then(|| Answer { described: Some(described), ..Answer::default() })
    }
}

/// Hands lines on until all have been: when the cell is done, and there are no more.
fn hand_on(printed: &Receiver<String>, is_done: &Receiver<()>, reports: &ReportSender) {
    let say = |line: String| {
        let text = match line.strip_suffix(LINE_END) {
            Some(open) => open.to_string(),
            None => line + "\n",
        };
        if !text.is_empty() {
            reports.send(&Report::Printed(text));
        }
    };
    loop {
        select! {
            recv(printed) -> line => match line {
                Ok(line) => say(line),
                Err(_) => return,
            },
            recv(is_done) -> _ => return printed.try_iter().for_each(say),
        }
    }
}

/// The compiler's errors, where they are in the cell. Warnings are left out: they are about code that is half of a
/// program.
fn wrong(errors: &[CompilationError], layout: &Layout) -> CellResult {
    let is_error = |error: &&CompilationError| error.level() == "error";
    let mistakes: Vec<Mistake> = errors.iter().filter(is_error).map(|e| mistake(e, layout)).collect();
    match mistakes.is_empty() {
        true => CellResult::Refused("the cell does not compile, and the compiler does not say why".into()),
        false => CellResult::Wrong(mistakes),
    }
}

fn mistake(error: &CompilationError, layout: &Layout) -> Mistake {
    let mut messages: Vec<_> = error.spanned_messages().iter().collect();
    messages.sort_by_key(|message| !message.is_primary);
    let places = messages.iter().filter_map(|message| {
        let span = message.span.as_ref()?;
        Some(Spot {
            line: span.start_line,
            column: layout.column(span.start_line, span.start_column)?,
            label: message.label.clone(),
        })
    });
    let places = places.collect();
    let hint = error.evcxr_extra_hint().map(str::to_string);
    Mistake {
        message: error.message(),
        code: error.code().map(str::to_string),
        places,
        helps: error.help().into_iter().chain(hint).collect(),
    }
}
