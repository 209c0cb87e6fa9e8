//! The Rhai engine of a session: its words, and where a name that is no local variable is looked up.

use super::explain::{Names, explain, of_rhai};
use super::functions::Functions;
use super::rewrite::{CAUGHT, COPY, PLACES};
use super::variables::Variables;
use super::{arrays, display, grammar, numbers};
use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, FnPtr, NativeCallContext, Position};
use saddle_catalog::{CALL, Catalog, Host, call_value, inner_name, is_callable, member, outer_name, raise, register};
use saddle_fault::Fault;
use saddle_words::tensor::indexing::Places;
use std::any::TypeId;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// Tensors have no more dims.
const MOST_DIMS: usize = 6;

/// The engine with all words of the catalog.
pub fn build(catalog: &'static Catalog, host: &Rc<Host>, variables: &Variables, functions: &Functions) -> Engine {
    let mut engine = Engine::new();
    grammar::configure(&mut engine);
    let stop = host.stop_flag();
    engine.on_progress(move |_| stop.load(Ordering::Relaxed).then_some(Dynamic::UNIT));
    let out = host.clone();
    engine.on_print(move |text| out.print(&format!("{text}\n")));
    let out = host.clone();
    engine.on_debug(move |text, _, _| out.eprint(&format!("{text}\n")));
    look_up_names(&mut engine, catalog, variables, functions);
    look_up_calls(&mut engine, catalog, host, variables);
    // A key that a map does not have is an error, not a silent `()`.
    engine.set_fail_on_invalid_map_property(true);
    numbers::register(&mut engine, catalog);
    arrays::register(&mut engine);
    display::register(&mut engine, catalog);
    // Rhai's own `exit(value)` ends an evaluation, which here is a statement of a cell or a function that a word calls.
    for n in 0..=1 {
        engine.register_raw_fn("exit", vec![TypeId::of::<Dynamic>(); n], |_, _| -> Result<Dynamic, _> {
            Err(raise(Fault::value("`exit` does not end a notebook").hint("shut the kernel down from Jupyter's menu")))
        });
    }
    for n in 2..=MOST_DIMS {
        engine.register_raw_fn(PLACES, vec![TypeId::of::<Dynamic>(); n], |_, args| {
            Ok(Dynamic::from(Places(args.iter().map(|at| at.flatten_clone()).collect())))
        });
    }
    engine.register_raw_fn(COPY, [TypeId::of::<Dynamic>()], |_, args| Ok(args[0].flatten_clone()));
    tell_of_faults(&mut engine, catalog, variables, functions);
    register(&mut engine, catalog, host);
    engine
}

/// What a `catch` gets: a fault, whether a word failed or the script.
fn tell_of_faults(engine: &mut Engine, catalog: &'static Catalog, variables: &Variables, functions: &Functions) {
    let (variables, functions) = (variables.clone(), functions.clone());
    engine.register_raw_fn(CAUGHT, [TypeId::of::<Dynamic>()], move |context, args| {
        let value = args[0].flatten_clone();
        let Some(error) = of_rhai(&value) else { return Ok(value) };
        let maps = variables.all().into_iter().filter_map(|(_, value)| value.flatten().try_cast::<rhai::Map>());
        let names = Names {
            catalog,
            variables: variables.names(),
            functions: functions.names(),
            keys: maps.flat_map(|map| map.into_keys()).map(String::from).collect(),
            arities: &|name| functions.arities(name),
            is_builtin: &|name| is_builtin(context.engine(), name),
        };
        Ok(Dynamic::from(explain(&error, &names).1))
    });
}

/// Whether Rhai's own packages have a function of this name. Asked only for an error, so the list is not kept.
pub fn is_builtin(engine: &Engine, name: &str) -> bool {
    let start = format!("{name}(");
    engine.gen_fn_signatures(true).iter().any(|signature| signature.starts_with(&start))
}

/// Names that are no local variable: the notebook's variables (from inside a function), functions and words as values.
#[expect(deprecated, reason = "Rhai marks its hooks this way to say that they may change, not that they will go")]
fn look_up_names(engine: &mut Engine, catalog: &'static Catalog, variables: &Variables, functions: &Functions) {
    let (variables, functions) = (variables.clone(), functions.clone());
    engine.on_var(move |name, index, context: EvalContext| {
        if index != 0 || context.scope().contains(name) {
            return Ok(None);
        }
        if let Some(cell) = variables.get(name) {
            return Ok(Some(cell));
        }
        if functions.contains(name) || !catalog.find(outer_name(name)).is_empty() {
            return FnPtr::new(inner_name(name)).map(|f| Some(f.into()));
        }
        Ok(None)
    });
}

/// Calls of names that are no function: a variable that did not exist when the call was compiled (a closure that calls
/// itself), `nets.G(x)` where `nets` is a map or a network with a part `G`, and Rhai's own methods of arrays with a
/// value of a kind as their function.
#[expect(deprecated, reason = "Rhai marks its hooks this way to say that they may change, not that they will go")]
fn look_up_calls(engine: &mut Engine, catalog: &'static Catalog, host: &Rc<Host>, variables: &Variables) {
    let (host, variables) = (host.clone(), variables.clone());
    engine.on_missing_function(move |name, args, is_method, context| {
        let state = context.global_runtime_state();
        let context =
            NativeCallContext::new_with_all_fields(context.engine(), name, context.source(), state, Position::NONE);
        // The first argument may be the caller's own variable, so nothing is taken out of the arguments.
        let mut values: Vec<Dynamic> = args.iter().map(|arg| arg.flatten_clone()).collect();
        let callee = match (is_method, values.first()) {
            (true, Some(whole)) => member(whole, name, catalog),
            _ => variables.get(name).map(Dynamic::flatten).filter(|value| is_callable(value, catalog)),
        };
        if let Some(callee) = callee {
            match is_method {
                true => values[0] = callee,
                false => values.insert(0, callee),
            }
            return call_value(catalog, &host, &context, &mut values.iter_mut().collect::<Vec<_>>()).map(Some);
        }
        if ARRAY_METHODS.contains(&name) && with_functions(&mut values, catalog)? {
            let mut values: Vec<&mut Dynamic> = values.iter_mut().collect();
            return context.call_fn_raw(name, false, false, &mut values).map(Some);
        }
        Ok(None)
    });
}

/// Puts a function value in the place of each value of a kind that can be called. Whether there was any.
fn with_functions(values: &mut [Dynamic], catalog: &Catalog) -> Result<bool, Box<EvalAltResult>> {
    let mut found = false;
    for value in values.iter_mut().filter(|v| !v.is_fnptr() && is_callable(v, catalog)) {
        let mut f = FnPtr::new(CALL)?;
        f.add_curry(std::mem::take(value));
        *value = f.into();
        found = true;
    }
    Ok(found)
}

/// Rhai's own methods of arrays that take a function: `[a, b].map(G)` works with a network, too.
const ARRAY_METHODS: [&str; 11] =
    ["map", "filter", "for_each", "reduce", "reduce_rev", "sort", "all", "some", "find", "find_map", "index_of"];
