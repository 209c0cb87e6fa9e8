//! The grammar of the cells, where it differs from Rhai's: limits, `@`, names that Rhai reserves. Compiling needs no
//! session, so the threads that ask about code have parsers of their own.

use rhai::{Engine, OptimizationLevel, Token};
use saddle_catalog::inner_name;

/// The deepest nesting of function calls. With [`DEEPEST_EXPRESSION`] it bounds the engine thread's stack.
pub const DEEPEST_CALL: usize = 1000;
/// The deepest nesting of one expression: `1 + 1 + …` counts each operator.
pub const DEEPEST_EXPRESSION: usize = 250;

/// Gives an engine the grammar of the cells.
pub fn configure(engine: &mut Engine) {
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_call_levels(DEEPEST_CALL);
    engine.set_max_expr_depths(DEEPEST_EXPRESSION, DEEPEST_EXPRESSION);
    // As tight as `*`, as in Python. It fails only for a name that Rhai itself uses, which the tests would show.
    let _ = engine.register_custom_operator("@", 180);
    engine.disable_symbol("import").disable_symbol("export");
    free_reserved_words(engine);
}

thread_local! {
    static PARSER: Engine = {
        let mut engine = Engine::new_raw();
        configure(&mut engine);
        engine
    };
}

/// Calls `f` with an engine that can read cells but not run them.
pub fn with_parser<R>(f: impl FnOnce(&Engine) -> R) -> R {
    PARSER.with(f)
}

/// Names that mean something to Rhai's own functions; every other name that Rhai reserves for its future is free here,
/// so that `D.with(params)` and `#{ default: 1 }` can be written.
const RHAI_FUNCTIONS: [&str; 9] =
    ["print", "debug", "Fn", "call", "curry", "is_shared", "is_def_var", "is_def_fn", "this"];

#[expect(deprecated, reason = "Rhai marks its hooks this way to say that they may change, not that they will go")]
fn free_reserved_words(engine: &mut Engine) {
    // `for _ in …`: Rhai has no name for a value that is not used, but `_` has to stay itself in a `switch`.
    let in_for = std::cell::Cell::new(false);
    engine.on_parse_token(move |token, _, _| match token {
        Token::For => {
            in_for.set(true);
            token
        }
        Token::In => {
            in_for.set(false);
            token
        }
        Token::Underscore if in_for.get() => Token::Identifier(Box::new("_unused".into())),
        Token::Reserved(name) if inner_name(&name) != name.as_str() => {
            Token::Identifier(Box::new(inner_name(&name).into()))
        }
        Token::Reserved(name) if rhai::is_valid_identifier(&name) && !RHAI_FUNCTIONS.contains(&name.as_str()) => {
            Token::Identifier(name)
        }
        token => token,
    });
}
