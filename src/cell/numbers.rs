//! Plain numbers and the names of types, where Rhai's own answers would surprise the user of a notebook.

use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString};
use saddle_catalog::{Catalog, inner_name, number, raise, type_of};
use saddle_fault::Fault;
use saddle_words::number::power;
use std::any::TypeId;
use std::cmp::Ordering;

/// Gives an engine our arithmetic of plain numbers and names of types.
pub fn register(engine: &mut Engine, catalog: &'static Catalog) {
    numbers(engine);
    comparisons(engine);
    orders(engine);
    types(engine, catalog);
    texts(engine);
    caught_faults(engine);
}

/// Arithmetic as a notebook's user expects it: `/` is the true quotient, `2 ** -1` is a half, `-7 % 3` is 2.
/// (With Rhai's fast operators the built-in `/` of ints would come first: 40 % faster loops over plain numbers, and a
/// loss with `1 / 2` in it silently 0.)
fn numbers(engine: &mut Engine) {
    engine.set_fast_operators(false);
    let types = [TypeId::of::<i64>(), TypeId::of::<f64>()];
    for pair in types.iter().flat_map(|a| types.iter().map(|b| [*a, *b])) {
        engine.register_raw_fn("%", pair, |_, args| remainder(args));
        engine.register_raw_fn("%=", pair, |_, args| {
            *args[0] = remainder(args)?;
            Ok(())
        });
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
    let ints = [TypeId::of::<i64>(); 2];
    for (name, to_the_left) in [("<<", true), (">>", false)] {
        engine.register_raw_fn(name, ints, move |_, args| shifted(args, to_the_left));
        engine.register_raw_fn(format!("{name}="), ints, move |_, args| {
            *args[0] = shifted(args, to_the_left)?;
            Ok(())
        });
    }
}

/// A shift of a whole number: Rhai's own shifts the other way for a negative number of places, and drops what does not
/// fit.
fn shifted(args: &[&mut Dynamic], to_the_left: bool) -> Result<Dynamic, Box<EvalAltResult>> {
    let [value, places] = [0, 1].map(|i| args[i].as_int().unwrap_or_default());
    if places < 0 {
        let fault =
            Fault::value(format!("a shift by {places} places")).hint("`<<` and `>>` take a number of places from 0");
        return Err(raise(fault));
    }
    let places = u32::try_from(places).unwrap_or(u32::MAX);
    let shifted = match to_the_left {
        false => Some(value.checked_shr(places).unwrap_or(if value < 0 { -1 } else { 0 })),
        // What is shifted back is what it was.
        true if value == 0 => Some(0),
        true => value.checked_shl(places).filter(|shifted| shifted >> places == value),
    };
    match shifted {
        Some(shifted) => Ok(shifted.into()),
        None => Err(raise(Fault::value(format!("{value} << {places}: whole numbers of more than 64 bits")))),
    }
}

/// Comparisons with a float in them. Rhai takes numbers for equal that differ by one part in 2⁵², which is kept for
/// `==`, but then finds nothing greater than `1e-20 > 0.0`, and no infinity greater than anything.
fn comparisons(engine: &mut Engine) {
    let (int, float) = (TypeId::of::<i64>(), TypeId::of::<f64>());
    for pair in [[float, float], [int, float], [float, int]] {
        let mut register = |name: &str, holds: fn(f64, f64) -> bool| {
            engine.register_raw_fn(name, pair, move |_, args| {
                if let Some((a, b)) = beyond_floats(args) {
                    return Ok(holds(a, b));
                }
                let [a, b] = [0, 1].map(|i| number(args[i]).unwrap_or(f64::NAN));
                Ok(holds(a, b))
            });
        };
        register("<", |a, b| a < b);
        register("<=", |a, b| a < b || equal(a, b));
        register(">", |a, b| a > b);
        register(">=", |a, b| a > b || equal(a, b));
        register("==", equal);
        register("!=", |a, b| !equal(a, b));
    }
}

/// `<` and its like of all other values. Rhai finds no value less or greater than one of another type, without a word:
/// `loss < ()` picked a branch, and `0 < t < 3` was a mask full of `true`. (`==` and `!=` stay: a text may well be asked
/// whether it is `()`.)
fn orders(engine: &mut Engine) {
    let ints = [TypeId::of::<i64>(); 2];
    let any = [TypeId::of::<Dynamic>(); 2];
    let register = |engine: &mut Engine, name: &'static str, holds: fn(Ordering) -> bool| {
        // Of its own, so that loops over whole numbers need not look at types.
        engine.register_raw_fn(name, ints, move |_, args| {
            Ok(holds(args[0].as_int().unwrap_or_default().cmp(&args[1].as_int().unwrap_or_default())))
        });
        engine.register_raw_fn(name, any, move |_, args| ordered(name, args).map(holds));
    };
    register(engine, "<", Ordering::is_lt);
    register(engine, "<=", Ordering::is_le);
    register(engine, ">", Ordering::is_gt);
    register(engine, ">=", Ordering::is_ge);
}

/// The order of two texts, or of two truths; an error for all else.
fn ordered(name: &str, args: &[&mut Dynamic]) -> Result<Ordering, Box<EvalAltResult>> {
    let [a, b] = [0, 1].map(|i| args[i].flatten_clone());
    let is_text = |v: &Dynamic| v.is_string() || v.is_char();
    if is_text(&a) && is_text(&b) {
        return Ok(a.to_string().cmp(&b.to_string()));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a.cmp(&b));
    }
    let fault = Fault::type_(format!("`{name}` does not work between {} and {}", type_of(&a), type_of(&b)));
    // `a < x < b` compares the truth of its first half.
    let is_truth = |v: &Dynamic| v.is_bool();
    Err(raise(match is_truth(&a) || is_truth(&b) {
        true => fault.hint("`a < x && x < b` of numbers, `(a < x) & (x < b)` of tensors: comparisons make no chain"),
        false => fault,
    }))
}

/// Numbers in the order of an int of more than the 53 bits that a float holds, and a float; `None` for others.
fn beyond_floats(args: &[&mut Dynamic]) -> Option<(f64, f64)> {
    let (int, float, swapped) = match (args[0].as_int(), args[1].as_int()) {
        (Ok(int), Err(_)) => (int, args[1].as_float().ok()?, false),
        (Err(_), Ok(int)) => (int, args[0].as_float().ok()?, true),
        _ => return None,
    };
    if int.unsigned_abs() <= 1 << 53 || float.is_nan() {
        return None;
    }
    // A float of that size is a whole number, or beyond all ints.
    let difference = (i128::from(int)).cmp(&(float as i128)) as i8;
    Some(if swapped { (0.0, f64::from(difference)) } else { (f64::from(difference), 0.0) })
}

/// Whether two numbers are the same but for rounding, which is relative to them: nothing but 0 equals 0.
fn equal(a: f64, b: f64) -> bool {
    let size = a.abs().max(b.abs());
    a == b || size.is_finite() && (a - b).abs() <= f64::EPSILON * size
}

/// `a / b` of two numbers.
fn quotient(args: &[&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> {
    let (a, b) = (number(args[0]).unwrap_or(f64::NAN), number(args[1]).unwrap_or(f64::NAN));
    if b == 0.0 {
        return Err(raise(Fault::value("division by zero").hint("only tensors divide by zero, to inf or NaN")));
    }
    Ok((a / b).into())
}

/// `a % b` of two numbers, with the sign of the divisor, as of tensors and in Python; Rhai's own has that of the
/// dividend.
fn remainder(args: &[&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> {
    if let (Ok(a), Ok(b)) = (args[0].as_int(), args[1].as_int()) {
        if b == 0 {
            let fault = Fault::value("%: division by zero").hint("only tensors of floats have a remainder of it, NaN");
            return Err(raise(fault));
        }
        // The smallest int and −1: a quotient that does not fit, a remainder that does.
        let rest = a.checked_rem(b).unwrap_or(0);
        return Ok(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }.into());
    }
    let (a, b) = (number(args[0]).unwrap_or(f64::NAN), number(args[1]).unwrap_or(f64::NAN));
    if b == 0.0 {
        return Err(raise(
            Fault::value("%: division by zero").hint("only tensors of floats have a remainder of it, NaN"),
        ));
    }
    let rest = a % b;
    Ok(if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }.into())
}

/// `trim` and `replace`, which change a text and give it, too: Rhai's own give nothing, so that `s.trim() == "adam"` was
/// false of everything.
fn texts(engine: &mut Engine) {
    engine.register_fn("trim", |text: &mut ImmutableString| -> ImmutableString {
        *text = text.trim().into();
        text.clone()
    });
    let parts = [TypeId::of::<ImmutableString>(), TypeId::of::<char>()];
    for pair in parts.iter().flat_map(|a| parts.iter().map(|b| [*a, *b])) {
        let types = [TypeId::of::<ImmutableString>(), pair[0], pair[1]];
        engine.register_raw_fn("replace", types, |_, args| -> Result<Dynamic, Box<EvalAltResult>> {
            let [text, from, to] = [0, 1, 2].map(|i| args[i].to_string());
            let replaced = Dynamic::from(text.replace(&from, &to));
            *args[0] = replaced.clone();
            Ok(replaced)
        });
    }
}

/// `type_of(x)` in the language's own names: Rhai would answer with a path of Rust.
fn types(engine: &mut Engine, catalog: &'static Catalog) {
    engine.register_raw_fn(inner_name("type_of"), [TypeId::of::<Dynamic>()], |_, args| {
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
        name if name.contains("Range") => "range",
        name => name.rsplit("::").next().unwrap_or(name),
    }
}

/// What `catch (e)` gets when a word fails: `e.message`, `e.kind`, `e.hint`.
fn caught_faults(engine: &mut Engine) {
    engine.register_get("message", |fault: &mut Fault| fault.message.clone());
    engine.register_get("kind", |fault: &mut Fault| fault.kind.name().to_string());
    engine.register_get("hint", |fault: &mut Fault| fault.hint.clone().unwrap_or_default());
    for name in ["to_string", "to_debug", "print", "debug"] {
        engine.register_fn(name, |fault: &mut Fault| format!("{}: {}", fault.kind.name(), fault.message));
    }
}
