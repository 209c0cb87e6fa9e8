//! The Rhai engine of a session: its limits, its operators on numbers, the texts of values, and where a name that is no
//! local variable is looked up.

use super::functions::Functions;
use super::variables::Variables;
use crate::catalog::{Catalog, Host, register};
use rhai::{Dynamic, Engine, EvalContext, FnPtr, OptimizationLevel, Token};
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
