//! An exported function as a word of the notebook: called with its arguments, differentiated where it has a gradient.

use super::notebook::{RhaiNotebook, pack, unpack};
use super::{RustCells, explain};
use crate::engine_thread::EngineThread;
use rhai::{Dynamic, FuncRegistration, Module, NativeCallContext, RhaiFunc, Shared};
use saddle_catalog::{Host, raise, type_of};
use saddle_fault::{Fault, Result};
use saddle_rust::{Export, Value};
use saddle_tensor::{Dtype, Tensor};
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

/// The function, and where it runs.
#[derive(Clone)]
pub struct Word(Rc<Inner>);

struct Inner {
    export: Export,
    cells: RustCells,
    notebook: RefCell<RhaiNotebook>,
    host: Rc<Host>,
}

impl Word {
    pub fn new(thread: &EngineThread, export: Export) -> Self {
        let host = thread.host().clone();
        let notebook = RhaiNotebook::new(&host, thread.known_variables(), thread.catalog());
        Self(Rc::new(Inner { export, cells: thread.rust().clone(), notebook: RefCell::new(notebook), host }))
    }

    /// A module with the function, for any types of arguments: `f(x, y)` and `x.f(y)`.
    pub fn module(self) -> Module {
        let mut module = Module::new();
        let any = vec![TypeId::of::<Dynamic>(); self.0.export.parameters.len()];
        let name = self.0.export.name.clone();
        let apply = move |_: Option<NativeCallContext>, arguments: &mut [&mut Dynamic]| {
            let arguments = arguments.iter().map(|value| value.flatten_clone());
            self.apply(arguments.collect()).map_err(raise)
        };
        let function = RhaiFunc::Method {
            func: Shared::new(apply),
            has_context: true,
            // It leaves its first argument as it is, and gives something else at each call.
            is_pure: true,
            is_volatile: true,
        };
        FuncRegistration::new(name).in_global_namespace().set_into_module_raw(&mut module, &any, function);
        module.build_index();
        module
    }

    fn apply(&self, arguments: Vec<Dynamic>) -> Result<Dynamic> {
        match self.0.export.has_gradient {
            true => self.differentiable(arguments),
            false => unpack(self.call(false, &arguments)?),
        }
    }

    /// Calls the function or its gradient.
    fn call(&self, gradient: bool, arguments: &[Dynamic]) -> Result<Value> {
        let Inner { export, cells, notebook, host } = &*self.0;
        let name = &export.name;
        let busy = || {
            Fault::value(format!("{name}: Rust is busy with another call"))
                .hint("a function of Rust cannot call back into itself through the notebook")
        };
        let mut running = cells.running.try_borrow_mut().map_err(|_| busy())?;
        let Some(rust) = running.as_mut().filter(|rust| !rust.is_lost()) else {
            return Err(
                Fault::value(format!("{name}: Rust has ended")).hint("run the %%rust cells again; that starts it anew")
            );
        };
        let pack = |payload: &mut _| {
            arguments.iter().try_for_each(|value| {
                pack(value, payload).map_err(|fault| Fault::type_(format!("{name}: got {}", fault.message)))
            })
        };
        let mut notebook = notebook.try_borrow_mut().map_err(|_| busy())?;
        rust.call(name, gradient, arguments.len(), pack, &mut *notebook).map_err(|stop| explain::call(name, stop, host))
    }

    /// Calls the function, and records that its gradient is the exported one.
    fn differentiable(&self, arguments: Vec<Dynamic>) -> Result<Dynamic> {
        let value = unpack(self.call(false, &arguments)?)?;
        let name = &self.0.export.name;
        let Some(output) = value.read_lock::<Tensor>().map(|x| x.clone()) else {
            return Err(Fault::type_(format!(
                "{name}: a function with a gradient must give a tensor, got {}",
                type_of(&value)
            )));
        };
        let inputs: Vec<Tensor> = arguments.iter().filter_map(differentiated).collect();
        let word = self.clone();
        let recorded = Tensor::custom(&inputs.iter().collect::<Vec<_>>(), &output, move |inputs, _, g| {
            word.gradient(inputs, g, &arguments)
        });
        Ok(Dynamic::from(recorded))
    }

    /// The gradients for `inputs`, the tensors among `arguments`, from the gradient `g` of the result.
    fn gradient(&self, inputs: &[Tensor], g: &Tensor, arguments: &[Dynamic]) -> Result<Vec<Option<Tensor>>> {
        let all: Vec<Dynamic> = std::iter::once(Dynamic::from(g.clone())).chain(arguments.iter().cloned()).collect();
        let name = &self.0.export.name;
        let given = match self.call(true, &all)? {
            Value::List(items) if inputs.len() != 1 => items,
            one => vec![one],
        };
        if given.len() != inputs.len() {
            let (got, wanted) = (given.len(), inputs.len());
            return Err(Fault::value(format!(
                "{name}: its gradient function gave {got} gradients for {wanted} tensors"
            )));
        }
        let sources: Vec<&Tensor> = std::iter::once(g).chain(inputs).collect();
        let gradient = |value| match unpack(value)? {
            value if value.is_unit() => Ok(None),
            value => match value.read_lock::<Tensor>() {
                // Differentiated again, it would silently be taken for a constant.
                Some(x) => Ok(Some(once_only(name, &sources, &x))),
                None => Err(Fault::type_(format!(
                    "{name}: its gradient function must give tensors, got {}",
                    type_of(&value)
                ))),
            },
        };
        given.into_iter().map(gradient).collect()
    }
}

/// The tensor in an argument that can have a gradient.
fn differentiated(value: &Dynamic) -> Option<Tensor> {
    let x = value.read_lock::<Tensor>()?;
    (x.dtype() == Dtype::F32).then(|| x.clone())
}

/// A gradient that cannot be differentiated again.
fn once_only(name: &str, sources: &[&Tensor], gradient: &Tensor) -> Tensor {
    let name = name.to_string();
    Tensor::custom(sources, gradient, move |_, _, _| {
        Err(Fault::value(format!("{name}: its gradient cannot be differentiated again: it is a function of Rust"))
            .hint("written with words of the language, in `custom_op`, it can be"))
    })
}
