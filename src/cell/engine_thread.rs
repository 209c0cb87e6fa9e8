//! The engine thread: runs one cell after the other, statement by statement, so that what a statement defines is seen
//! by everything that runs after it.

use super::edits::Columns;
use super::explain::Names;
use super::failure::Place;
use super::failure::{self, Sources};
use super::functions::Functions;
use super::functions::Native;
use super::parts::{CellResult, Part, parts};
use super::rewrite::{Rewritten, rewrite};
use super::rust::{Questions, RustCells};
use super::variables::Variables;
use super::view::{self, View};
use super::{display, engine, magic, numbers};
use rhai::{AST, ASTFlags, ASTNode, Dynamic, Engine, EvalAltResult, Module, Position, Scope, Stmt};
use saddle_catalog::{Catalog, Host, is_callable};
use saddle_fault::{Fault, Kind};
use saddle_session::output::{Bundle, Output, Stream};
use saddle_session::{Cell, Failure, Frontend, Reply};
use saddle_tensor::device;
use saddle_words::tensor::device::watch;
use saddle_words::widget::{self, Widgets};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// A cell may not be longer: the engine counts lines and columns in 16 bits.
const MOST_LINES: usize = 60_000;

/// What lives on the engine thread.
pub struct EngineThread {
    engine: Engine,
    catalog: &'static Catalog,
    host: Rc<Host>,
    scope: Scope<'static>,
    variables: Variables,
    functions: Functions,
    texts: Texts,
    /// The cells that have run to their end, for `%save`.
    cells: Vec<String>,
    view: Arc<Mutex<View>>,
    widgets: Widgets,
    rust: RustCells,
}

/// The texts of the cells that an error can point into.
#[derive(Default)]
struct Texts(HashMap<String, Text>);

/// What the user wrote, and how the columns of what ran map back to it.
struct Text {
    code: String,
    columns: Columns,
}

impl Sources for Texts {
    fn line(&self, cell: &str, position: Position) -> Option<(String, usize)> {
        let text = self.0.get(cell)?;
        let number = position.line()?;
        let line = text.code.lines().nth(number - 1)?;
        Some((line.to_string(), text.columns.original(number, position.position().unwrap_or(1))))
    }
}

impl EngineThread {
    pub fn new(
        catalog: &'static Catalog,
        stop: Arc<AtomicBool>,
        view: Arc<Mutex<View>>,
        widgets: Widgets,
        questions: Questions,
    ) -> Self {
        let host = Rc::new(Host::new(stop));
        let (variables, functions) = (Variables::default(), Functions::default());
        let known = functions.clone();
        host.know_parameters(move |name| known.parameters(name));
        widget::share(&host, &widgets);
        watch(&host);
        host.know_failures(device::failure);
        let engine = engine::build(catalog, &host, &variables, &functions);
        Self {
            engine,
            catalog,
            host,
            scope: Scope::new(),
            variables,
            functions,
            texts: Texts::default(),
            cells: Vec::new(),
            view,
            widgets,
            rust: RustCells::new(questions),
        }
    }

    /// Runs a cell to its end.
    pub fn execute(&mut self, cell: &Cell, frontend: Arc<dyn Frontend>) -> Reply {
        self.host.attach(Some(frontend));
        let name = format!("In[{}]", cell.number);
        let outcome = self.run(&name, &cell.code);
        let told = self.tell_widgets(&name);
        let outcome = outcome.and_then(|bundle| told.map(|()| bundle));
        self.host.end_cell();
        let reply = match outcome {
            Ok(Some(bundle)) if !cell.silent => {
                self.host.show(Output::Result { bundle });
                Reply::Done
            }
            Ok(_) => Reply::Done,
            Err(failure) => Reply::Failed(failure),
        };
        if reply == Reply::Done && !cell.silent {
            self.cells.push(cell.code.clone());
        }
        self.tidy(&name);
        self.host.attach(None);
        reply
    }

    /// The value of an expression, silently.
    pub fn evaluate(&mut self, expression: &str) -> Result<Bundle, Failure> {
        let name = "the expression";
        let outcome = self.run(name, expression);
        self.tidy(name);
        outcome.map(|bundle| bundle.unwrap_or_else(|| Bundle::text("()")))
    }

    /// Runs a cell part by part: what it shows as its result.
    fn run(&mut self, name: &str, code: &str) -> CellResult {
        let text = Text { code: code.to_string(), columns: Columns::default() };
        self.texts.0.insert(name.to_string(), text);
        if let Some(fault) = device::trouble() {
            return Err(self.fail(&fault));
        }
        if let Some(error) = too_large(code) {
            return Err(self.failure(&error, name));
        }
        catch_unwind(AssertUnwindSafe(|| self.run_parts(name, code))).unwrap_or_else(|_| Err(self.broken_off("cell")))
    }

    /// Why `what`, a cell or a call, ended in a panic: a device's failure, or a defect of ours.
    pub fn broken_off(&self, what: &str) -> Failure {
        let defect = || {
            let message = format!("the {what} was stopped by a defect inside the kernel, not in your code");
            Fault::new(Kind::Internal, message).hint("`%debug` shows the details for a bug report")
        };
        self.fail(&self.host.failure().unwrap_or_else(defect))
    }

    fn run_parts(&mut self, name: &str, code: &str) -> CellResult {
        let mut shown = None;
        if matches!(code.trim(), "exit" | "quit") && !self.variables.contains(code.trim()) {
            self.host.show(Output::Leave);
            return Ok(None);
        }
        for part in parts(&self.engine, code) {
            shown = match part {
                Part::Code(code) => self.run_code(name, &code)?,
                Part::Magic { name: magic, rest, placed } => magic::run(self, name, &magic, &rest, placed)?,
                Part::Question { name, detail } => magic::answer(self, &name, detail)?,
            };
        }
        Ok(shown)
    }

    /// Compiles and runs code that stands in the cell `name`: what it shows as its result.
    pub fn run_code(&mut self, name: &str, code: &str) -> CellResult {
        let rewritten = rewrite(&self.engine, code, &|name| self.variables.contains(name));
        if let Some(text) = self.texts.0.get_mut(name) {
            text.columns.extend(rewritten.columns());
        }
        if let Some(comment) = &rewritten.quotient {
            let text = format!("warning: `{comment}` is a comment; `div(a, b)` is the quotient rounded down\n");
            self.host.show(Output::Text { stream: Stream::Stderr, text });
        }
        match self.run_statements(name, &rewritten) {
            Ok(_) if rewritten.hides_result => Ok(None),
            Ok(value) => Ok(display::bundle(&value, self.catalog)),
            Err(error) => Err(self.failure(&error, name)),
        }
    }

    /// A function takes the place of a variable of its name that could be called: the newest definition is the one
    /// meant.
    fn replace_variables(&mut self, functions: &[String]) {
        for name in functions {
            let value = self.variables.get(name).map(Dynamic::flatten);
            if value.is_some_and(|value| is_callable(&value, self.catalog)) {
                self.variables.remove(name);
                self.scope = self.variables.scope();
            }
        }
    }

    /// Runs the statements one by one; the value is that of the last.
    fn run_statements(&mut self, name: &str, cell: &Rewritten) -> Result<Dynamic, Box<EvalAltResult>> {
        let ast = self.engine.compile(&cell.text).map_err(|e| EvalAltResult::ErrorParsing(*e.0, e.1))?;
        no_chain(cell)?;
        no_return(&ast)?;
        self.replace_variables(&cell.functions);
        self.functions.define(&mut self.engine, name, ast.shared_lib());
        let mut last = Dynamic::UNIT;
        for statement in ast.statements() {
            let one = AST::new_with_source([statement.clone()], Module::new(), name);
            let outcome = self.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &one);
            if let (Ok(_), Stmt::Var(definition, ..)) = (&outcome, statement) {
                self.variables.adopt(&mut self.scope, &definition.0.name);
                self.publish(&definition.0.name);
            }
            // Rhai says no place for an error in a call through a map, `nets.D(x)`: then the statement's is shown.
            last = outcome.map_err(|error| placed(error, statement.position()))?.flatten();
        }
        Ok(last)
    }

    /// The failure of a fault that belongs to no place in a cell.
    pub fn fail(&self, fault: &Fault) -> Failure {
        failure::plain(fault)
    }

    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The cells that have run to their end, in that order.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// Every variable with its shared cell.
    pub fn variables(&self) -> Vec<(String, Dynamic)> {
        self.variables.all()
    }

    pub fn host(&self) -> &Rc<Host> {
        &self.host
    }

    pub fn widgets(&self) -> &Widgets {
        &self.widgets
    }

    /// The notebook's names as of now.
    pub fn view(&self) -> View {
        self.refresh_view();
        self.view.lock().map(|view| view.clone()).unwrap_or_default()
    }

    /// Forgets all variables, functions and what the words keep for the session.
    pub fn reset(&mut self) {
        self.variables.clear();
        self.scope = Scope::new();
        self.functions.clear(&mut self.engine);
        self.cells.clear();
        self.rust.end();
        for closed in self.widgets.close_all() {
            self.host.show(Output::Comm(closed));
        }
        self.host.reset();
        widget::share(&self.host, &self.widgets);
        self.refresh_view();
        device::free_unused();
    }

    pub(super) fn failure(&self, error: &EvalAltResult, name: &str) -> Failure {
        let names = Names {
            catalog: self.catalog,
            variables: self.variables.names(),
            functions: self.functions.names(),
            keys: self.view().variables.into_values().flat_map(|v| v.keys).collect(),
            arities: &|name| self.functions.arities(name),
            is_builtin: &|name| engine::is_builtin(&self.engine, name),
        };
        failure::failure(error, name, &names, &self.texts)
    }

    /// After a cell: the scope holds each variable once, and only texts that errors can still point into are kept.
    pub(super) fn tidy(&mut self, name: &str) {
        self.scope = self.variables.scope();
        let live = self.functions.sources();
        self.texts.0.retain(|cell, _| cell == name || live.contains(cell));
        self.refresh_view();
    }

    fn refresh_view(&self) {
        let all = self.variables.all().into_iter();
        let variables = all.map(|(name, value)| (name, self.glance(&value))).collect();
        if let Ok(mut view) = self.view.lock() {
            *view = View { variables, functions: self.functions.view() };
        }
    }

    /// Shows one new variable to the other threads.
    fn publish(&self, name: &str) {
        let Some(value) = self.variables.get(name) else {
            return;
        };
        let variable = self.glance(&value);
        if let Ok(mut view) = self.view.lock() {
            view.variables.insert(name.to_string(), variable);
        }
    }

    /// What other threads may see of a value, without computing anything on a device.
    fn glance(&self, value: &Dynamic) -> view::Variable {
        // Locked only while a method of this very value runs, and then its last state stays shown.
        let Some(value) = value.read_lock::<Dynamic>() else {
            return view::Variable::default();
        };
        let kind = self.catalog.kind_of(&value).map_or_else(|| numbers::kind_name(&value), |kind| kind.name);
        let keys = value.read_lock::<rhai::Map>().map(|m| m.keys().map(|k| k.to_string()).collect());
        view::Variable {
            kind: kind.to_string(),
            value: display::short(&value, self.catalog, 80),
            keys: keys.unwrap_or_default(),
        }
    }
}

/// What cells of Rust need of the notebook.
impl EngineThread {
    /// The failure of a fault, or of something else called `name`, at these places.
    pub fn fail_at(&self, name: &str, fault: &Fault, places: &[Place]) -> Failure {
        failure::show(name, fault, places, &self.texts)
    }

    /// The cells of Rust.
    pub fn rust(&self) -> &RustCells {
        &self.rust
    }

    pub fn known_variables(&self) -> &Variables {
        &self.variables
    }

    /// Takes variables that were set from outside of the script into the scope.
    pub fn take_over(&mut self) {
        self.scope = self.variables.scope();
    }

    /// Makes a function that is no script's known, as if the cell had defined it.
    pub fn define_native(&mut self, cell: &str, native: Native) {
        self.replace_variables(std::slice::from_ref(&native.name));
        self.functions.define_native(&mut self.engine, cell, native);
    }

    /// Where a line of what was compiled stands, in the cell or in one before it.
    pub fn find_line(&self, cell: &str, line: &str) -> Option<Place> {
        let own = self.texts.0.get(cell).map(|text| (cell, text));
        let others = self.texts.0.iter().map(|(name, text)| (name.as_str(), text));
        own.into_iter().chain(others).find_map(|(name, text)| {
            // What evcxr puts around a statement may stand on its first line.
            let is_part = |own: &&str| own.trim().len() > 2 && line.contains(own.trim());
            let lines = (1..).zip(text.code.lines());
            let found = lines.filter(|(_, own)| is_part(own)).max_by_key(|(_, own)| own.len());
            found.map(|(number, own)| Place::new(name, number, indent(own) + 1))
        })
    }
}

/// The blanks that a line starts with.
fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

/// The error of a cell with more lines, or a longer line, than the engine can count.
fn too_large(code: &str) -> Option<EvalAltResult> {
    let lines = code.lines().count();
    let (what, line) = if lines > MOST_LINES {
        let what = format!("the cell has {lines} lines; it may have {MOST_LINES}");
        (what, MOST_LINES + 1)
    } else {
        let letters = |line: &str| match line.len() {
            // Bytes, and there are never fewer of them than letters.
            bytes if bytes <= MOST_LINES => bytes,
            _ => line.chars().count(),
        };
        let mut counted = (1..).zip(code.lines().map(letters));
        let (line, letters) = counted.find(|(_, letters)| *letters > MOST_LINES)?;
        let what = format!("the line has {letters} letters; it may have {MOST_LINES}");
        (what, line)
    };
    let fault = Fault::value(what).hint("data are better read from a file than written in a cell");
    let place = Position::new(u16::try_from(line).unwrap_or(u16::MAX), 1);
    Some(EvalAltResult::ErrorRuntime(Dynamic::from(fault), place))
}

/// The error with a place where it has none.
fn placed(mut error: Box<EvalAltResult>, position: Position) -> Box<EvalAltResult> {
    if error.position().is_none() {
        error.set_position(position);
    }
    error
}

/// `a < x < b` would compare the truth of `a < x` with `b`: of tensors a mask that looks right and is not.
fn no_chain(cell: &Rewritten) -> Result<(), Box<EvalAltResult>> {
    let Some((line, column)) = cell.chain else { return Ok(()) };
    let fault = Fault::value("comparisons make no chain: this one would compare true or false")
        .hint("`a < x && x < b` of numbers, `(a < x) & (x < b)` of tensors");
    let [line, column] = [line, column].map(|n| u16::try_from(n).unwrap_or(u16::MAX));
    Err(EvalAltResult::ErrorRuntime(Dynamic::from(fault), Position::new(line, column)).into())
}

/// `return` belongs into a function. At the top of a cell it would end a statement, not the cell.
fn no_return(ast: &AST) -> Result<(), Box<EvalAltResult>> {
    let mut found = None;
    for statement in ast.statements() {
        AST::new([statement.clone()], Module::new()).walk(&mut |path| {
            if let Some(ASTNode::Stmt(Stmt::Return(_, flags, position))) = path.last() {
                // `throw` is the same node with another flag.
                if !flags.contains(ASTFlags::BREAK) {
                    found = Some(*position);
                }
            }
            found.is_none()
        });
    }
    let fault = Fault::new(Kind::Value, "`return` outside of a function")
        .hint("the value of a cell's last expression is shown");
    match found {
        Some(position) => Err(EvalAltResult::ErrorRuntime(Dynamic::from(fault), position).into()),
        None => Ok(()),
    }
}
