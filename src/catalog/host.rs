//! What a word may ask of the session that runs it: to show something, to ask, to know whether to stop; and slots in
//! which a family of words keeps what belongs to the session (live plots by name, the current generator).

use rhai::{EvalAltResult, FnPtr};
use saddle_fault::{Fault, Kind, Result};
use saddle_session::output::{Output, Stream};
use saddle_session::{Checkpoint, Frontend};
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a page is taken to be busy with one display. A cell that shows things faster is slowed down, after a
/// second's worth of them: no page can follow, and what a client does not take in time is lost to it.
const DISPLAY: Duration = Duration::from_millis(2);
/// The same for text, where a cell has asked that all of it be shown: bytes a second. Jupyter Server drops more than a
/// megabyte.
const TEXT_RATE: f64 = 8e5;
/// How much work may lie before a page.
const AHEAD: Duration = Duration::from_secs(1);

/// Where the running cell's outputs go, for threads that have something to show while the cell waits.
pub type Attached = Arc<Mutex<Option<Arc<dyn Frontend>>>>;

type Parameters = dyn Fn(&str) -> Option<Vec<String>>;

/// Says why a word panicked, where something outside this program was the cause.
type Failures = fn() -> Option<Fault>;

/// The session as the words see it. One per engine thread, shared by all words.
#[derive(Default)]
pub struct Host {
    frontend: RefCell<Option<Arc<dyn Frontend>>>,
    /// The same for other threads, without what [`Host::within`] changes.
    attached: Attached,
    stop: Arc<AtomicBool>,
    slots: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
    at_end: RefCell<Vec<Box<dyn FnOnce()>>>,
    /// Until when the things shown so far keep a page busy.
    busy_until: Cell<Option<Instant>>,
    /// Whether the running cell has asked that all its text be shown.
    all_text: Cell<bool>,
    /// The parameters of a function of the notebook, by its name.
    parameters: RefCell<Option<Box<Parameters>>>,
    /// What explains a panic under a word, where something outside this program was the cause.
    failures: Cell<Option<Failures>>,
    /// The error inside a callback, with the fault that stands for it on its way through the native that called back.
    script_error: RefCell<Option<(Fault, Box<EvalAltResult>)>>,
}

impl Host {
    /// A host whose long natives stop when `stop` becomes true.
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..Self::default() }
    }

    /// Sends the outputs of the cell that now starts to `frontend`; `None` between cells.
    pub fn attach(&self, frontend: Option<Arc<dyn Frontend>>) {
        if let Ok(mut attached) = self.attached.lock() {
            attached.clone_from(&frontend);
        }
        *self.frontend.borrow_mut() = frontend;
        self.all_text.set(false);
    }

    /// Has `f` run when the running cell ends, however it ends, while its outputs still arrive: the last state of a
    /// picture that is drawn only now and then.
    pub fn at_cell_end(&self, f: impl FnOnce() + 'static) {
        self.at_end.borrow_mut().push(Box::new(f));
    }

    /// Runs what waits for the end of the cell, and what that in its turn leaves to the end.
    pub fn end_cell(&self) {
        loop {
            let waiting = self.at_end.take();
            if waiting.is_empty() {
                return;
            }
            waiting.into_iter().for_each(|f| f());
        }
    }

    /// Runs `f` as a cell within the cell, its outputs sent to `frontend`: what it leaves to its end is done at its
    /// end.
    pub fn within<R>(&self, frontend: Arc<dyn Frontend>, f: impl FnOnce() -> R) -> R {
        /// What was, put back also after a panic: that is an error of one word, and the cell goes on.
        struct Restore<'a> {
            host: &'a Host,
            frontend: Option<Arc<dyn Frontend>>,
            at_end: Vec<Box<dyn FnOnce()>>,
        }
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                *self.host.frontend.borrow_mut() = self.frontend.take();
                *self.host.at_end.borrow_mut() = std::mem::take(&mut self.at_end);
            }
        }
        let (frontend, at_end) = (self.frontend.replace(Some(frontend)), self.at_end.take());
        let _restore = Restore { host: self, frontend, at_end };
        let result = f();
        self.end_cell();
        result
    }

    /// Where the running cell's outputs go; `None` between cells.
    pub fn frontend(&self) -> Option<Arc<dyn Frontend>> {
        self.frontend.borrow().clone()
    }

    /// Where the running cell's outputs go, for other threads.
    pub fn attached(&self) -> Attached {
        self.attached.clone()
    }

    /// Lets words look up the parameters of the notebook's functions.
    pub fn know_parameters(&self, look_up: impl Fn(&str) -> Option<Vec<String>> + 'static) {
        *self.parameters.borrow_mut() = Some(Box::new(look_up));
    }

    /// Lets `explain` say why a word panicked, before it is called a defect of ours.
    pub fn know_failures(&self, explain: Failures) {
        self.failures.set(Some(explain));
    }

    /// Why something has panicked, if something outside this program was the cause.
    pub fn failure(&self) -> Option<Fault> {
        self.failures.get().and_then(|explain| explain())
    }

    /// The names of the parameters that a call of `f` fills; `None` for a function that the notebook did not define.
    pub fn parameters(&self, f: &FnPtr) -> Option<Vec<String>> {
        let parameters = self.parameters.borrow();
        let all = parameters.as_ref()?(f.fn_name())?;
        // What a closure took from around it comes first.
        Some(all.into_iter().skip(f.curry().len()).collect())
    }

    /// Shows something under the running cell. Without a cell it goes nowhere.
    pub fn show(&self, output: Output) {
        match &output {
            Output::Display { .. } | Output::Clear { .. } => self.wait_for_the_page(DISPLAY),
            Output::Text { text, .. } if self.all_text.get() => {
                self.wait_for_the_page(Duration::from_secs_f64(text.len() as f64 / TEXT_RATE));
            }
            Output::Lines { .. } => self.all_text.set(true),
            _ => {}
        }
        if let Some(frontend) = self.frontend() {
            frontend.show(output);
        }
    }

    /// Waits until the page has less than [`AHEAD`] to do, unless an interrupt comes; then it has `work` more.
    fn wait_for_the_page(&self, work: Duration) {
        let busy_until = |now: Instant| self.busy_until.get().unwrap_or(now).max(now);
        let behind = |now: Instant| busy_until(now).checked_duration_since(now + AHEAD);
        while let Some(wait) = behind(Instant::now()).filter(|wait| !wait.is_zero())
            && self.check_interrupt().is_ok()
        {
            std::thread::sleep(wait.min(Duration::from_millis(20)));
        }
        self.busy_until.set(Some(busy_until(Instant::now()) + work));
    }

    /// Prints text on the cell's standard output, exactly as given.
    pub fn print(&self, text: &str) {
        self.show(Output::Text { stream: Stream::Stdout, text: text.to_string() });
    }

    /// Prints text on the cell's standard error, exactly as given.
    pub fn eprint(&self, text: &str) {
        self.show(Output::Text { stream: Stream::Stderr, text: text.to_string() });
    }

    /// Asks the person; `None` when no one can be asked.
    pub fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        self.frontend().and_then(|f| f.ask(prompt, password))
    }

    /// Says that a file has been written from which training can go on.
    pub fn checkpoint(&self, checkpoint: Checkpoint) {
        if let Some(frontend) = self.frontend() {
            frontend.checkpoint(checkpoint);
        }
    }

    /// An error when the user has interrupted: long natives call it between their steps.
    pub fn check_interrupt(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::new(Kind::Interrupt, "interrupted"));
        }
        Ok(())
    }

    /// Keeps an error of a callback, whole with its position, while a native hands on the fault that stands for it.
    pub(super) fn keep_script_error(&self, error: Box<EvalAltResult>) -> Fault {
        let fault = innermost_fault(&error);
        *self.script_error.borrow_mut() = Some((fault.clone(), error));
        fault
    }

    /// The error that `fault` stands for, if it came from a callback.
    pub(super) fn script_error(&self, fault: &Fault) -> Option<Box<EvalAltResult>> {
        let (kept, error) = self.script_error.take()?;
        (kept == *fault).then_some(error)
    }

    /// The flag that an interrupt sets.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// The session's `T`, made by `T::default()` at the first use. Do not hold the result across a call into a script.
    pub fn with_slot<T: Default + 'static, R>(&self, f: impl FnOnce(RefMut<'_, T>) -> R) -> R {
        let cell = self
            .slots
            .borrow_mut()
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Rc::new(RefCell::new(T::default())))
            .clone();
        let cell = cell.downcast_ref::<RefCell<T>>().expect("the slot's key is its type");
        f(cell.borrow_mut())
    }

    /// Forgets every slot (`%reset`).
    pub fn reset(&self) {
        self.slots.borrow_mut().clear();
    }
}

/// What a callback's error says, for a native that wants to look at it.
fn innermost_fault(error: &EvalAltResult) -> Fault {
    match error {
        EvalAltResult::ErrorInFunctionCall(.., inner, _) => innermost_fault(inner),
        EvalAltResult::ErrorTerminated(..) => Fault::new(Kind::Interrupt, "interrupted"),
        EvalAltResult::ErrorRuntime(value, _) => {
            value.clone().try_cast::<Fault>().unwrap_or_else(|| Fault::value(value.to_string()))
        }
        other => Fault::value(other.to_string()),
    }
}
