//! The notebook's functions, closures' bodies included.
//!
//! Each is a module of its own in the engine, under a name made of the function's name and its number of parameters: to
//! define it again replaces it and frees the old one. The module's id names the cell, so an error knows where it
//! happened.

use super::view;
use rhai::{Engine, FnNamespace, Module, ScriptFuncDef, Shared};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// All functions: by name and number of parameters, the cell that defined them.
#[derive(Clone, Default)]
pub struct Functions(Rc<RefCell<BTreeMap<(String, usize), Defined>>>);

struct Defined {
    source: String,
    params: Vec<String>,
    /// As it is written, where that says more than the parameters' names.
    signature: Option<String>,
    doc: String,
}

/// A function that is no script's.
pub struct Native {
    pub name: String,
    pub params: Vec<String>,
    pub signature: Option<String>,
    pub doc: String,
    /// Holds the function alone, visible without a qualifier.
    pub module: Module,
}

/// How Rhai's names of closures start.
const ANONYMOUS: &str = "anon$";

/// Whether Rhai gave this name to a closure.
pub fn is_closure(name: &str) -> bool {
    name.starts_with(ANONYMOUS)
}

impl Functions {
    /// Makes the functions of a cell known to the engine, in the place of earlier ones of the same name and parameters.
    pub fn define(&self, engine: &mut Engine, source: &str, functions: &Module) {
        for (.., function) in functions.iter_script_fn_info() {
            self.forget_others(engine, source, &function.name);
            engine.register_static_module(key(&function.name, function.params.len()), module(source, function));
            let defined = Defined {
                source: source.to_string(),
                params: function.params.iter().map(|p| p.to_string()).collect(),
                signature: None,
                doc: doc_text(&function.comments.join("\n")),
            };
            self.0.borrow_mut().insert((function.name.to_string(), function.params.len()), defined);
        }
    }

    /// Makes a function that is no script's known to the engine, in the place of all others of its name.
    pub fn define_native(&self, engine: &mut Engine, source: &str, native: Native) {
        for n in self.arities(&native.name) {
            self.0.borrow_mut().remove(&(native.name.clone(), n));
            engine.register_static_module(key(&native.name, n), Module::new().into());
        }
        let (n, mut module) = (native.params.len(), native.module);
        module.set_id(source);
        engine.register_static_module(key(&native.name, n), module.into());
        let defined =
            Defined { source: source.to_string(), params: native.params, signature: native.signature, doc: native.doc };
        self.0.borrow_mut().insert((native.name, n), defined);
    }

    /// Forgets the functions of a name that other cells defined, with whatever parameters: a call with the old ones
    /// would silently run the old code.
    fn forget_others(&self, engine: &mut Engine, source: &str, name: &str) {
        let mut all = self.0.borrow_mut();
        let others: Vec<usize> = all
            .iter()
            .filter(|((found, _), defined)| found == name && defined.source != source)
            .map(|((_, n), _)| *n)
            .collect();
        for n in others {
            all.remove(&(name.to_string(), n));
            engine.register_static_module(key(name, n), Module::new().into());
        }
    }

    /// Whether a function of this name exists, whatever its parameters.
    pub fn contains(&self, name: &str) -> bool {
        let all = self.0.borrow();
        all.range((name.to_string(), 0)..).next().is_some_and(|((found, _), _)| found == name)
    }

    /// The numbers of parameters of the functions of this name.
    pub fn arities(&self, name: &str) -> Vec<usize> {
        self.0.borrow().keys().filter(|(found, _)| found == name).map(|(_, n)| *n).collect()
    }

    /// The parameters of the function of this name; of the one with the fewest where there are several.
    pub fn parameters(&self, name: &str) -> Option<Vec<String>> {
        let all = self.0.borrow();
        let ((found, _), defined) = all.range((name.to_string(), 0)..).next()?;
        (found == name).then(|| defined.params.clone())
    }

    /// The names that a user gave, closures left out.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.0.borrow().keys().map(|(name, _)| name.clone()).filter(|n| !is_closure(n)).collect();
        names.dedup();
        names
    }

    /// The cells that live functions come from.
    pub fn sources(&self) -> Vec<String> {
        self.0.borrow().values().map(|f| f.source.clone()).collect()
    }

    /// Forgets every function.
    pub fn clear(&self, engine: &mut Engine) {
        for (name, n) in std::mem::take(&mut *self.0.borrow_mut()).into_keys() {
            engine.register_static_module(key(&name, n), Module::new().into());
        }
    }

    /// What other threads may see of them.
    pub fn view(&self) -> BTreeMap<String, view::Function> {
        let mut all: BTreeMap<String, view::Function> = BTreeMap::new();
        for ((name, _), defined) in self.0.borrow().iter().filter(|((name, _), _)| !is_closure(name)) {
            let function = all.entry(name.clone()).or_default();
            let plain = || format!("{name}({})", defined.params.join(", "));
            let signature = defined.signature.clone();
            function.signatures.push(signature.unwrap_or_else(plain));
            function.doc = defined.doc.clone();
        }
        all
    }
}

/// A `///` comment without its marks.
fn doc_text(comment: &str) -> String {
    let lines = comment.lines().map(|line| line.trim().trim_start_matches("///").trim());
    lines.collect::<Vec<_>>().join("\n")
}

fn key(name: &str, params: usize) -> String {
    format!("{name}/{params}")
}

/// A module of one function, visible without a qualifier.
#[expect(deprecated, reason = "the newer way to set the namespace is for native functions only")]
fn module(source: &str, function: &Shared<ScriptFuncDef>) -> Shared<Module> {
    let mut module = Module::new();
    module.set_id(source);
    let hash = module.set_script_fn(function.clone());
    module.update_fn_namespace(hash, FnNamespace::Global);
    module.build_index();
    module.into()
}
