//! Functions of cells that are called when a widget changes, between cells or at the end of the cell that changed it.

use super::engine_thread::EngineThread;
use rhai::{AST, Dynamic, FnPtr};
use saddle_catalog::raise;
use saddle_fault::Result;
use saddle_session::{Frontend, Reply};
use saddle_words::widget::callback::{self, By, CallbackResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the places of errors are called that lie in no cell.
const CALLBACK: &str = "the call for a widget";

impl EngineThread {
    /// Calls what waits for the widget of a comm.
    pub fn call_back(&mut self, comm: &str, frontend: Arc<dyn Frontend>) -> Reply {
        self.host().attach(Some(frontend));
        let outcome = self.call_for(comm, By::Page, CALLBACK);
        self.host().end_cell();
        self.tidy(CALLBACK);
        self.host().attach(None);
        outcome.map_or_else(Reply::Failed, |()| Reply::Done)
    }

    /// Calls what waits for the widgets that the cell `name` has set; what those calls set in their turn is left to the
    /// widgets themselves, so that two that set each other come to an end.
    pub fn tell_widgets(&mut self, name: &str) -> CallbackResult {
        let set = self.widgets().take_set();
        let outcome = set.iter().try_for_each(|comm| self.call_for(comm, By::Cell, name));
        self.widgets().take_set();
        outcome
    }

    fn call_for(&self, comm: &str, by: By, name: &str) -> CallbackResult {
        let call = |f: &FnPtr, arguments: Result<Vec<Dynamic>>, shows: bool| self.call(f, arguments, shows, name);
        catch_unwind(AssertUnwindSafe(|| callback::run(self.host(), comm, by, &call)))
            .unwrap_or_else(|_| Err(self.broken_off("call")))
    }

    fn call(&self, f: &FnPtr, arguments: Result<Vec<Dynamic>>, shows: bool, name: &str) -> CallbackResult {
        let ast = AST::empty();
        let called = arguments.map_err(raise).and_then(|arguments| {
            let value = f.call::<Dynamic>(self.engine(), &ast, arguments)?;
            match shows && !value.is_unit() {
                true => FnPtr::new("show")?.call::<()>(self.engine(), &ast, (value,)),
                false => Ok(()),
            }
        });
        called.map_err(|error| self.failure(&error, name))
    }
}
