//! The engine thread: runs one cell after the other, statement by statement, so that what a statement defines is seen by
//! everything that runs after it.

use super::failure::{self, Names, Sources};
use super::functions::Functions;
use super::variables::Variables;
use super::view::{self, View};
use super::{display, engine};
use crate::catalog::{Catalog, Host};
use crate::fault::{Fault, Kind};
use crate::output::{Bundle, Output};
use crate::session::{Cell, Failure, Frontend, Reply};
use rhai::{AST, Dynamic, Engine, EvalAltResult, Module, Position, Scope, Stmt};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// A cell may not be longer: the engine counts lines and columns in 16 bits.
const MOST_LINES: usize = 60_000;

/// What lives on the engine thread.
pub struct Worker {
    engine: Engine,
    catalog: &'static Catalog,
    host: Rc<Host>,
    scope: Scope<'static>,
    variables: Variables,
    functions: Functions,
    texts: Texts,
    view: Arc<Mutex<View>>,
}

/// The texts of the cells that an error can point into.
#[derive(Default)]
struct Texts(HashMap<String, String>);

impl Sources for Texts {
    fn line(&self, cell: &str, position: Position) -> Option<(String, usize)> {
        let line = self.0.get(cell)?.lines().nth(position.line()? - 1)?;
        Some((line.to_string(), position.position().unwrap_or(1)))
    }
}

impl Worker {
    pub fn new(catalog: &'static Catalog, stop: Arc<AtomicBool>, view: Arc<Mutex<View>>) -> Self {
        let host = Rc::new(Host::new(stop));
        let (variables, functions) = (Variables::default(), Functions::default());
        let engine = engine::build(catalog, &host, &variables, &functions);
        Self {
            engine,
            catalog,
            host,
            scope: Scope::new(),
            variables,
            functions,
            texts: Texts::default(),
            view,
        }
    }

    /// Runs a cell to its end.
    pub fn execute(&mut self, cell: &Cell, frontend: Arc<dyn Frontend>) -> Reply {
        self.host.attach(Some(frontend));
        let name = format!("In[{}]", cell.number);
        let outcome = self.run(&name, &cell.code);
        let reply = match outcome {
            Ok(value) => {
                let hidden = cell.silent || hides_result(&cell.code);
                if let Some(bundle) = (!hidden)
                    .then(|| display::bundle(&value, self.catalog))
                    .flatten()
                {
                    self.host.show(Output::Result { bundle });
                }
                Reply::Done
            }
            Err(failure) => Reply::Failed(failure),
        };
        self.tidy(&name);
        self.host.attach(None);
        reply
    }

    /// The value of an expression, silently.
    pub fn evaluate(&mut self, expression: &str) -> Result<Bundle, Failure> {
        let value = self.run("the expression", expression)?;
        self.tidy("the expression");
        Ok(display::bundle(&value, self.catalog).unwrap_or_else(|| Bundle::text("()")))
    }

    /// Compiles and runs a cell; its value is that of its last statement.
    fn run(&mut self, name: &str, code: &str) -> Result<Dynamic, Failure> {
        if code.lines().count() > MOST_LINES || code.lines().any(|line| line.len() > MOST_LINES) {
            return Err(failure::plain(&Fault::value(format!(
                "a cell has at most {MOST_LINES} lines and columns"
            ))));
        }
        self.texts.0.insert(name.to_string(), code.to_string());
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run_statements(name, code)));
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failure(&error, name)),
            Err(_) => Err(failure::plain(
                &Fault::new(
                    Kind::Internal,
                    "the cell was stopped by a defect inside the kernel, not in your code",
                )
                .hint("variables are as they were before the statement that failed"),
            )),
        }
    }

    fn run_statements(&mut self, name: &str, code: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        let ast = self
            .engine
            .compile(code)
            .map_err(|e| EvalAltResult::ErrorParsing(*e.0, e.1))?;
        self.functions
            .define(&mut self.engine, name, ast.shared_lib());
        let mut last = Dynamic::UNIT;
        for statement in ast.statements() {
            let one = AST::new_with_source([statement.clone()], Module::new(), name);
            let outcome = self
                .engine
                .eval_ast_with_scope::<Dynamic>(&mut self.scope, &one);
            if let (Ok(_), Stmt::Var(definition, ..)) = (&outcome, statement) {
                self.variables.adopt(&mut self.scope, &definition.0.name);
                self.publish(&definition.0.name);
            }
            last = outcome?.flatten();
        }
        Ok(last)
    }

    fn failure(&self, error: &EvalAltResult, name: &str) -> Failure {
        let names = Names {
            catalog: self.catalog,
            variables: self.variables.names(),
            functions: self.functions.names(),
            arities: &|name| self.functions.arities(name),
        };
        failure::failure(error, name, &names, &self.texts)
    }

    /// After a cell: the scope holds each variable once, and only texts that errors can still point into are kept.
    fn tidy(&mut self, name: &str) {
        self.scope = self.variables.scope();
        let live = self.functions.sources();
        self.texts
            .0
            .retain(|cell, _| cell == name || live.contains(cell));
        let variables = self
            .variables
            .all()
            .into_iter()
            .map(|(name, value)| (name, self.glance(&value)))
            .collect();
        if let Ok(mut view) = self.view.lock() {
            *view = View {
                variables,
                functions: self.functions.view(),
            };
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

    fn glance(&self, value: &Dynamic) -> view::Variable {
        let value = value.flatten_clone();
        let kind = self.catalog.type_of(&value);
        let keys = value
            .read_lock::<rhai::Map>()
            .map(|m| m.keys().map(|k| k.to_string()).collect())
            .unwrap_or_default();
        view::Variable {
            kind: kind.rsplit(' ').next().unwrap_or(&kind).to_string(),
            value: display::short(&value, self.catalog, 80),
            keys,
        }
    }
}

/// Whether a cell ends with `;`, which hides its value.
fn hides_result(code: &str) -> bool {
    code.trim_end().ends_with(';')
}
