//! The Rhai engine of a session: its limits, its operators on numbers, the texts of values, and where a name that is no
//! local variable is looked up.

use super::functions::Functions;
use super::variables::Variables;
use crate::catalog::{
    CALL, Catalog, Host, call_value, did_you_mean, is_callable, number, raise, register,
};
use crate::fault::{Fault, Kind};
use crate::words::number::power;
use rhai::{
    Dynamic, Engine, EvalAltResult, EvalContext, FnPtr, Map, NativeCallContext, OptimizationLevel,
    Position, Token,
};
use std::any::TypeId;
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
    missing_keys(&mut engine);
    numbers(&mut engine);
    types(&mut engine, catalog);
    caught_faults(&mut engine);
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

/// A key that a map does not have is an error, not a silent `()`.
#[expect(
    deprecated,
    reason = "Rhai marks its hooks this way to say that they may change, not that they will go"
)]
fn missing_keys(engine: &mut Engine) {
    engine.set_fail_on_invalid_map_property(true);
    engine.on_map_missing_property(|map, key, _| {
        let keys = || map.keys().map(|k| k.as_str());
        let fault = Fault::new(
            Kind::Index,
            format!("the map has no key `{key}`{}", did_you_mean(key, keys())),
        );
        let hint = match map.is_empty() {
            true => "the map is empty".to_string(),
            false => format!(
                "its keys: {}",
                keys().take(20).collect::<Vec<_>>().join(", ")
            ),
        };
        Err(raise(fault.hint(hint)))
    });
}

/// What `type_of` is called inside: Rhai answers its own name before any function of ours is asked.
pub const TYPE_OF: &str = "type_of__";

/// Names that mean something to Rhai's own functions; every other name that Rhai reserves for its future is free here, so
/// that `D.with(params)` and `#{ default: 1 }` can be written.
const RHAI_FUNCTIONS: [&str; 9] = [
    "print",
    "debug",
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
        Token::Reserved(name) if *name == "type_of" => Token::Identifier(Box::new(TYPE_OF.into())),
        Token::Reserved(name)
            if rhai::is_valid_identifier(&name) && !RHAI_FUNCTIONS.contains(&name.as_str()) =>
        {
            Token::Identifier(name)
        }
        token => token,
    });
}

/// Arithmetic as a notebook's user expects it: `/` is the true quotient, `2 ** -1` is a half, and floats print in full.
/// (With Rhai's fast operators the built-in `/` of ints would come first: 40 % faster loops over plain numbers, and a loss
/// with `1 / 2` in it silently 0.)
fn numbers(engine: &mut Engine) {
    engine.set_fast_operators(false);
    let types = [TypeId::of::<i64>(), TypeId::of::<f64>()];
    for pair in types.iter().flat_map(|a| types.iter().map(|b| [*a, *b])) {
        engine.register_raw_fn("/", pair, |_, args| quotient(args));
        engine.register_raw_fn("**", pair, |_, args| Ok(power(args[0], args[1])));
        engine.register_raw_fn("/=", pair, |_, args| {
            *args[0] = quotient(args)?;
            Ok(())
        });
        engine.register_raw_fn("**=", pair, |_, args| {
            *args[0] = power(args[0], args[1]);
            Ok(())
        });
    }
    for name in ["to_string", "to_debug", "print", "debug"] {
        engine.register_fn(name, |x: f64| format!("{x:?}"));
    }
}

/// `a / b` of two numbers.
fn quotient(args: &[&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> {
    let (a, b) = (
        number(args[0]).unwrap_or(f64::NAN),
        number(args[1]).unwrap_or(f64::NAN),
    );
    if b == 0.0 {
        return Err(raise(
            Fault::value("division by zero").hint("only tensors divide by zero, to inf or NaN"),
        ));
    }
    Ok((a / b).into())
}

/// `type_of(x)` in the language's own names: Rhai would answer with a path of Rust.
fn types(engine: &mut Engine, catalog: &'static Catalog) {
    engine.register_raw_fn(TYPE_OF, [TypeId::of::<Dynamic>()], |_, args| {
        let value = &*args[0];
        Ok(match catalog.kind_of(value) {
            Some(kind) => kind.name.to_string(),
            None => kind_name(value).to_string(),
        })
    });
}

/// The name of a type that Rhai itself knows.
pub fn kind_name(value: &Dynamic) -> &'static str {
    match value.type_name() {
        "()" => "nothing",
        "i64" => "int",
        "f64" => "float",
        "string" => "text",
        "Fn" => "function",
        name => name.rsplit("::").next().unwrap_or(name),
    }
}

/// What `catch (e)` gets when a word fails: `e.message`, `e.kind`, `e.hint`.
fn caught_faults(engine: &mut Engine) {
    engine.register_get("message", |fault: &mut Fault| fault.message.clone());
    engine.register_get("kind", |fault: &mut Fault| fault.kind.name().to_string());
    engine.register_get("hint", |fault: &mut Fault| {
        fault.hint.clone().unwrap_or_default()
    });
    for name in ["to_string", "to_debug", "print", "debug"] {
        engine.register_fn(name, |fault: &mut Fault| {
            format!("{}: {}", fault.kind.name(), fault.message)
        });
    }
}
