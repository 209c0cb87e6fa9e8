//! The host: a process that holds evcxr, which holds rust-analyzer and compiles the cells. Its memory, and what it may leave
//! behind, are not the worker's.

use super::child::{SOCKET, greeting};
use super::client::HEAD;
use super::family;
use super::folder::Folder;
use super::layout::{Layout, without_commands};
use super::message::{Answer, Mistake, Order, Outcome, Question, Report, Role, Spot};
use crate::worker::{frame, process};
use crossbeam_channel::{Receiver, Sender, select, unbounded};
use evcxr::{CommandContext, CompilationError, Error, EvalCallbacks, EvalContext};
use std::io::{self, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// `saddle rust-host`: serves the worker that has started this process, until it is gone.
///
/// # Errors
/// Another process than a worker has started this.
pub fn serve() -> io::Result<()> {
    let control = process::inherited(c"saddle-rust")?;
    let (folder, _lock) = Folder::of_host()?;
    let voice = Voice(Arc::new(Mutex::new(control.try_clone()?)));
    let (work, jobs) = unbounded();
    let (answers, answered) = unbounded();
    let shared = Arc::new(Shared::default());
    let heard = Reader {
        shared: shared.clone(),
        folder: folder.clone(),
        work: work.clone(),
        answers,
    };
    std::thread::Builder::new()
        .name("orders".into())
        .spawn(move || heard.read(control))?;
    let context = match start(&folder) {
        Ok(started) => started,
        Err(why) => {
            voice.say(&Report::Failed(why));
            // The worker lets go of this process when it has read that.
            std::thread::sleep(Duration::MAX);
            return Ok(());
        }
    };
    *lock(&shared.cells) = Some(context.0.process_handle());
    hear_questions(&folder, work)?;
    voice.say(&Report::Ready);
    let mut host = Host {
        context: context.0,
        printed: context.1,
        voice,
        answered,
        shared,
    };
    for job in jobs {
        match job {
            Job::Order(order) => host.carry_out(order),
            Job::Question(stream, ticket, question) => host.answer(&stream, ticket, question),
        }
    }
    Ok(())
}

/// What the main thread does, one after the other.
enum Job {
    Order(Order),
    Question(Arc<UnixStream>, u64, Question),
}

/// What the reader of orders and the main thread share.
#[derive(Default)]
struct Shared {
    /// The process of the cells.
    cells: Mutex<Option<Arc<Mutex<Child>>>>,
    /// Whether a cell is being carried out.
    busy: AtomicBool,
    /// Whether it is to stop.
    stopping: AtomicBool,
    /// Whether its process was killed.
    killed: AtomicBool,
}

/// Speaks to the worker.
#[derive(Clone)]
struct Voice(Arc<Mutex<UnixStream>>);

impl Voice {
    fn say(&self, report: &Report) {
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
                Order::Interrupt { running } => self.interrupt(running),
                Order::Kill => self.shared.kill(),
                Order::Answer(text) => {
                    let _ = self.answers.send(text);
                }
                order => {
                    let _ = self.work.send(Job::Order(order));
                }
            }
        }
        // The worker is gone: nothing of this session stays behind.
        family::kill_below(std::process::id(), None);
        self.folder.remove();
        process::leave();
    }

    fn interrupt(&self, running: bool) {
        let shared = self.shared.clone();
        if !shared.busy.load(Ordering::SeqCst) {
            return;
        }
        shared.stopping.store(true, Ordering::SeqCst);
        if running {
            return shared.kill();
        }
        // Cargo and the compiler come and go, several for one cell.
        std::thread::spawn(move || {
            while shared.busy.load(Ordering::SeqCst) {
                let spared = lock(&shared.cells).as_ref().map(|cells| lock(cells).id());
                family::kill_below(std::process::id(), spared);
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
    let (context, outputs) =
        EvalContext::with_subprocess_command(cells).map_err(|error| error.to_string())?;
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
    std::thread::Builder::new()
        .name("questions".into())
        .spawn(move || {
            let mut questions = BufReader::new(&*reading);
            while let Ok(Some((ticket, question))) = frame::read::<(u64, Question)>(&mut questions)
            {
                let _ = work.send(Job::Question(stream.clone(), ticket, question));
            }
        })?;
    Ok(())
}

/// What lives on the main thread.
struct Host {
    context: CommandContext,
    printed: Receiver<String>,
    voice: Voice,
    answered: Receiver<String>,
    shared: Arc<Shared>,
}

impl Host {
    fn carry_out(&mut self, order: Order) {
        let outcome = match order {
            Order::Run { head, code } => match Layout::new(&head, &code) {
                Ok(layout) => self.run(&layout),
                Err(mistake) => Outcome::Wrong(vec![mistake]),
            },
            Order::Revive { code } => self.revive(&code),
            Order::Autopsy => Outcome::Died(self.autopsy()),
            // The reader's.
            Order::Interrupt { .. } | Order::Kill | Order::Answer(_) => return,
        };
        self.voice.say(&Report::Done(outcome));
    }

    fn revive(&mut self, code: &str) -> Outcome {
        let head = None;
        match self.context.execute(":restart") {
            Err(error) => Outcome::Refused(error.to_string()),
            Ok(_) => self.run(&Layout {
                text: code.to_string(),
                head,
            }),
        }
    }

    /// Runs a cell, and hands on what it prints while it runs.
    fn run(&mut self, layout: &Layout) -> Outcome {
        self.shared.stopping.store(false, Ordering::SeqCst);
        self.shared.killed.store(false, Ordering::SeqCst);
        self.shared.busy.store(true, Ordering::SeqCst);
        let (context, voice, printed) = (&mut self.context, &self.voice, &self.printed);
        let answered = &self.answered;
        let (done, is_done) = unbounded::<()>();
        let result = std::thread::scope(|scope| {
            scope.spawn(|| hand_on(printed, &is_done, voice));
            let ask = |prompt: String, password: bool| {
                voice.say(&Report::Asked { prompt, password });
                answered.recv().unwrap_or_default()
            };
            let mut callbacks = EvalCallbacks {
                input_reader: &|request| ask(request.prompt, request.is_password),
            };
            let run = || context.execute_with_callbacks(&layout.text, &mut callbacks);
            let result = catch_unwind(AssertUnwindSafe(run));
            // The printer ends when it hears this, and the scope when everything is printed.
            drop(done);
            result
        });
        self.shared.busy.store(false, Ordering::SeqCst);
        let result = result.unwrap_or_else(|_| Err("evcxr has a defect here".to_string().into()));
        let killed = self.shared.killed.load(Ordering::SeqCst);
        match result {
            Ok(_) if killed => Outcome::Died(String::new()),
            Ok(outputs) => {
                let names = self.context.variables_and_types();
                Outcome::Ran {
                    shown: outputs.content_by_mime_type.into_iter().collect(),
                    variables: names.map(|(name, _)| name.to_string()).collect(),
                }
            }
            Err(Error::CompilationErrors(errors)) => wrong(&errors, layout),
            Err(Error::SubprocessTerminated(how)) => Outcome::Died(how),
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    /// How the process of the cells has ended.
    fn autopsy(&self) -> String {
        let status = lock(&self.context.process_handle()).wait();
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    fn answer(&mut self, stream: &UnixStream, ticket: u64, question: Question) {
        let answer = catch_unwind(AssertUnwindSafe(|| match question {
            Question::Complete { code, cursor } => self.complete(&code, cursor),
            Question::Describe { code, cursor } => self.describe(&code, cursor),
        }));
        let answer = Answer {
            ticket,
            ..answer.ok().flatten().unwrap_or_default()
        };
        if let Ok(bytes) = frame::encode(&answer) {
            let mut stream = stream;
            let _ = stream.write_all(&bytes);
        }
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Option<Answer> {
        let found = self.context.completions(code, cursor).ok()?;
        let matches = found.completions.into_iter();
        let matches =
            matches.filter(|one| !one.code.contains("__") && !one.code.starts_with("evcxr"));
        Some(Answer {
            matches: matches
                .map(|one| (one.code, one.kind.to_string(), one.label))
                .collect(),
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
        (!described.0.starts_with("No documentation")).then(|| Answer {
            described: Some(described),
            ..Answer::default()
        })
    }
}

/// Hands lines on until all have been: when the cell is done, and there are no more.
fn hand_on(printed: &Receiver<String>, is_done: &Receiver<()>, voice: &Voice) {
    let say = |line| voice.say(&Report::Printed(line));
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

/// The compiler's errors, where they are in the cell. Warnings are left out: they are about code that is half of a program.
fn wrong(errors: &[CompilationError], layout: &Layout) -> Outcome {
    let is_error = |error: &&CompilationError| error.level() == "error";
    let mistakes: Vec<Mistake> = errors
        .iter()
        .filter(is_error)
        .map(|e| mistake(e, layout))
        .collect();
    match mistakes.is_empty() {
        true => {
            Outcome::Refused("the cell does not compile, and the compiler does not say why".into())
        }
        false => Outcome::Wrong(mistakes),
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
