//! The Rhai engine of a session: its limits, its operators on numbers, the texts of values, and where a name that is no
//! local variable is looked up.

use super::functions::Functions;
use super::variables::Variables;
use crate::catalog::{CALL, Catalog, Host, call_value, is_callable, register};
use rhai::{
    Dynamic, Engine, EvalContext, FnPtr, Map, NativeCallContext, OptimizationLevel, Position, Token,
};
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// The deepest nesting of function calls. With [`DEEPEST_EXPRESSION`] it bounds the engine thread's stack.
pub const DEEPEST_CALL: usize = 250;
/// The deepest nesting of one expression: `1 + 1 + …` counts each operator.
pub const DEEPEST_EXPRESSION: usize = 250;

/// The engine with all words of the catalog.
pub fn build(
    catalog: &'static Catalog,
    host: &Rc<Host>,
    variables: &Variables,
    functions: &Functions,
) -> Engine {
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_call_levels(DEEPEST_CALL);
    engine.set_max_expr_depths(DEEPEST_EXPRESSION, DEEPEST_EXPRESSION);
    engine.set_fail_on_invalid_map_property(true);
    // As tight as `*`, as in Python.
    engine
        .register_custom_operator("@", 180)
        .expect("`@` is free");
    engine
        .disable_symbol("import")
        .disable_symbol("export")
        .disable_symbol("eval");
    let stop = host.stop_flag();
    engine.on_progress(move |_| stop.load(Ordering::Relaxed).then_some(Dynamic::UNIT));
    let out = host.clone();
    engine.on_print(move |text| out.print(&format!("{text}\n")));
    let out = host.clone();
    engine.on_debug(move |text, _, _| out.print(&format!("{text}\n")));
    look_up_names(&mut engine, catalog, variables, functions);
    look_up_calls(&mut engine, catalog, host, variables);
    free_reserved_words(&mut engine);
    numbers(&mut engine);
    register(&mut engine, catalog, host);
    engine
}

/// Names that are no local variable: the notebook's variables (from inside a function), functions and words as values.
#[expect(
    deprecated,
    reason = "Rhai marks its hooks this way to say that they may change, not that they will go"
)]
fn look_up_names(
    engine: &mut Engine,
    catalog: &'static Catalog,
    variables: &Variables,
    functions: &Functions,
) {
    let (variables, functions) = (variables.clone(), functions.clone());
    engine.on_var(move |name, index, context: EvalContext| {
        if index != 0 || context.scope().contains(name) {
            return Ok(None);
        }
        if let Some(cell) = variables.get(name) {
            return Ok(Some(cell));
        }
        if functions.contains(name) || !catalog.find(name).is_empty() {
            return FnPtr::new(name).map(|f| Some(f.into()));
        }
        Ok(None)
    });
}

/// Calls of names that are no function: a variable that did not exist when the call was compiled (a closure that calls
/// itself), `nets.G(x)` where `nets` is a map, and Rhai's own methods of arrays with a value of a kind as their function.
#[expect(
    deprecated,
    reason = "Rhai marks its hooks this way to say that they may change, not that they will go"
)]
fn look_up_calls(
    engine: &mut Engine,
    catalog: &'static Catalog,
    host: &Rc<Host>,
    variables: &Variables,
) {
    let (host, variables) = (host.clone(), variables.clone());
    engine.on_missing_function(move |name, args, is_method, context| {
        let state = context.global_runtime_state();
        let context = NativeCallContext::new_with_all_fields(
            context.engine(),
            name,
            context.source(),
            state,
            Position::NONE,
        );
        // The first argument may be the caller's own variable, so nothing is taken out of the arguments.
        let mut values: Vec<Dynamic> = args.iter().map(|arg| arg.flatten_clone()).collect();
        let callee = match (is_method, values.first()) {
            (true, Some(map)) => map.read_lock::<Map>().and_then(|m| m.get(name).cloned()),
            _ => variables.get(name),
        };
        if let Some(callee) = callee
            .map(Dynamic::flatten)
            .filter(|value| is_callable(value, catalog))
        {
            match is_method {
                true => values[0] = callee,
                false => values.insert(0, callee),
            }
            return call_value(
                catalog,
                &host,
                &context,
                &mut values.iter_mut().collect::<Vec<_>>(),
            )
            .map(Some);
        }
        if ARRAY_METHODS.contains(&name)
            && values
                .iter()
                .any(|v| !v.is_fnptr() && is_callable(v, catalog))
        {
            for value in values
                .iter_mut()
                .filter(|v| !v.is_fnptr() && is_callable(v, catalog))
            {
                let mut f = FnPtr::new(CALL)?;
                f.add_curry(std::mem::take(value));
                *value = f.into();
            }
            return context
                .call_fn_raw(
                    name,
                    false,
                    false,
                    &mut values.iter_mut().collect::<Vec<_>>(),
                )
                .map(Some);
        }
        Ok(None)
    });
}

/// Rhai's own methods of arrays that take a function: `[a, b].map(G)` works with a network, too.
const ARRAY_METHODS: [&str; 11] = [
    "map",
    "filter",
    "for_each",
    "reduce",
    "reduce_rev",
    "sort",
    "all",
    "some",
    "find",
    "find_map",
    "index_of",
];

/// Names that mean something to Rhai's own functions; every other name that Rhai reserves for its future is free here, so
/// that `D.with(params)` and `#{ default: 1 }` can be written.
const RHAI_FUNCTIONS: [&str; 10] = [
    "print",
    "debug",
    "type_of",
    "Fn",
    "call",
    "curry",
    "is_shared",
    "is_def_var",
    "is_def_fn",
    "this",
];

#[expect(
    deprecated,
    reason = "Rhai marks its hooks this way to say that they may change, not that they will go"
)]
fn free_reserved_words(engine: &mut Engine) {
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(name)
            if rhai::is_valid_identifier(&name) && !RHAI_FUNCTIONS.contains(&name.as_str()) =>
        {
            Token::Identifier(name)
        }
        token => token,
    });
}

/// Arithmetic as a notebook's user expects it: `/` is the true quotient, and floats print in full.
fn numbers(engine: &mut Engine) {
    engine.register_fn("to_string", |x: f64| format!("{x:?}"));
    engine.register_fn("to_debug", |x: f64| format!("{x:?}"));
    engine.register_fn("print", |x: f64| format!("{x:?}"));
    engine.register_fn("debug", |x: f64| format!("{x:?}"));
}
