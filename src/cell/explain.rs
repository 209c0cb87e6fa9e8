//! What an error of Rhai means in the user's terms.

use super::display;
use super::functions::is_closure;
use super::grammar::DEEPEST_CALL;
use super::rewrite::PLACES;
use super::{foreign, hints};
use rhai::{Dynamic, EvalAltResult, Map, ParseErrorType, Position};
use saddle_catalog::{CALL, CALL_NAMED, Catalog, Entry, Ty, articled, did_you_mean, outer_name, type_name};
use saddle_fault::{Fault, Kind};

/// The names that could have been meant.
pub struct Names<'a> {
    pub catalog: &'static Catalog,
    pub variables: Vec<String>,
    pub functions: Vec<String>,
    /// The keys of the notebook's maps.
    pub keys: Vec<String>,
    /// The numbers of parameters of a function of the notebook.
    pub arities: &'a dyn Fn(&str) -> Vec<usize>,
    /// Whether Rhai itself has a function of this name.
    pub is_builtin: &'a dyn Fn(&str) -> bool,
}

impl Names<'_> {
    fn all(&self) -> impl Iterator<Item = &str> {
        let own = self.variables.iter().chain(&self.functions).map(String::as_str);
        own.chain(self.catalog.words().map(|(name, _)| name))
    }
}

/// The kind's name and the message of an error without its place.
pub fn explain(error: &EvalAltResult, names: &Names) -> (String, Fault) {
    use EvalAltResult as E;
    let fault = match error {
        E::ErrorRuntime(value, _) => return thrown(value, names),
        E::ErrorParsing(what, _) => return ("SyntaxError".into(), syntax(what)),
        E::ErrorTerminated(..) => Fault::new(Kind::Interrupt, "interrupted").hint("variables keep their values"),
        E::ErrorVariableNotFound(name, _) => unknown_variable(name, names),
        E::ErrorFunctionNotFound(call, _) => unknown_function(call, names),
        E::ErrorPropertyNotFound(key, _) => missing_key(key, names),
        E::ErrorIndexNotFound(index, _) => Fault::new(Kind::Index, format!("there is no element at {index}")),
        E::ErrorArrayBounds(0, index, _) => Fault::new(Kind::Index, format!("index {index} in an empty array")),
        E::ErrorArrayBounds(n, index, _) => out_of_bounds("array", "elements", *n, *index),
        E::ErrorStringBounds(n, index, _) => out_of_bounds("text", "letters", *n, *index),
        E::ErrorBitFieldBounds(n, index, _) => out_of_bounds("int", "bits", *n, *index),
        E::ErrorMismatchDataType(want, got, _) | E::ErrorMismatchOutputType(want, got, _) => mismatch(want, got),
        E::ErrorIndexingType(what, _) => indexing(what),
        E::ErrorFor(_) => Fault::type_("`for` cannot run through this value")
            .hint("`0..n`, an array or a data set can be run through"),
        E::ErrorDataRace(..) => Fault::value("a value is used inside a call of its own method")
            .hint("write the method as a function, `f(value, …)` instead of `value.f(…)`, or copy the value first"),
        // Looked up as a function value, which Rhai takes for a constant.
        E::ErrorAssignmentToConstant(name, _)
            if !names.variables.contains(name)
                && (names.functions.contains(name) || !names.catalog.find(outer_name(name)).is_empty()) =>
        {
            let name = outer_name(name);
            Fault::new(Kind::Name, format!("`{name}` is a function; there is no variable of this name"))
                .hint(format!("`let {name} = …` defines one"))
        }
        E::ErrorAssignmentToConstant(name, _) | E::ErrorNonPureMethodCallOnConstant(name, _) => {
            Fault::value(format!("`{name}` is a constant")).hint("define it with `let` instead of `const`")
        }
        E::ErrorDotExpr(text, _) => property(text, names),
        E::ErrorArithmetic(text, _) => arithmetic(text),
        E::ErrorStackOverflow(_) => Fault::value(format!("calls are nested more than {DEEPEST_CALL} deep"))
            .hint("does a function call itself without end?"),
        E::ErrorUnboundThis(_) => Fault::value("`this` means nothing here")
            .hint("`this` is the value before the dot, inside a function called as a method"),
        other => Fault::value(sentence(&without_position(other))),
    };
    (fault.kind.name().into(), fault)
}

/// The error behind the map that Rhai gives to `catch` for one of its own, read from its sentence: inside a function
/// the map's fields tell of the call only.
pub fn of_rhai(value: &Dynamic) -> Option<EvalAltResult> {
    use EvalAltResult as E;
    let map = value.read_lock::<Map>()?;
    let text = |key: &str| map.get(key)?.as_immutable_string_ref().ok().map(|text| text.to_string());
    // A map that the script threw has other fields.
    let message = text("error").filter(|kind| kind.starts_with("Error")).and(text("message"))?;
    let line = message.lines().next()?;
    let end = line.find(" @ '").or_else(|| line.rfind(" (line ")).unwrap_or(line.len());
    let (line, at) = (&line[..end], Position::NONE);
    let bounds = |start: &str| {
        let (index, size) = line.strip_prefix(start)?.split_once(" out of bounds: ")?;
        let size = size.strip_prefix("only ").and_then(|size| size.split(' ').next()).unwrap_or("0");
        Some((size.parse().ok()?, index.parse().ok()?))
    };
    if let Some((size, index)) = bounds("Array index ") {
        return Some(E::ErrorArrayBounds(size, index, at));
    }
    if let Some((size, index)) = bounds("String index ") {
        return Some(E::ErrorStringBounds(size, index, at));
    }
    if let Some((got, want)) = line.strip_prefix("Data type incorrect: ").and_then(|l| l.split_once(" (expecting ")) {
        return Some(E::ErrorMismatchDataType(want.trim_end_matches(')').into(), got.into(), at));
    }
    type Make = fn(String, Position) -> EvalAltResult;
    let starts: [(&str, Make); 5] = [
        ("Variable not found: ", E::ErrorVariableNotFound),
        ("Function not found: ", E::ErrorFunctionNotFound),
        ("Property not found: ", E::ErrorPropertyNotFound),
        ("Indexer unavailable: ", E::ErrorIndexingType),
        ("Cannot modify constant ", E::ErrorAssignmentToConstant),
    ];
    for (start, error) in starts {
        if let Some(rest) = line.strip_prefix(start) {
            return Some(error(rest.into(), at));
        }
    }
    Some(match line {
        "For loop expects iterable type" => E::ErrorFor(at),
        "'this' not bound" => E::ErrorUnboundThis(at),
        _ if line.starts_with("Unknown property ") => E::ErrorDotExpr(line.into(), at),
        _ => E::ErrorArithmetic(line.into(), at),
    })
}

/// `throw x`, and the faults of words, which travel the same way.
fn thrown(value: &Dynamic, names: &Names) -> (String, Fault) {
    if let Some(fault) = value.clone().try_cast::<Fault>() {
        return (fault.kind.name().into(), fault);
    }
    let text = match value.as_immutable_string_ref() {
        Ok(text) => text.to_string(),
        Err(_) if value.is_unit() => "nothing said".into(),
        Err(_) => display::short(value, names.catalog, 200),
    };
    ("Thrown".into(), Fault::value(text))
}

/// A value of another type than the place for it takes.
fn mismatch(want: &str, got: &str) -> Fault {
    let (want, got) = (type_name(want), type_name(got));
    let fault = Fault::type_(format!("expected {want}, got {got}"));
    match (want.as_str(), got.as_str()) {
        ("true or false", "a tensor") => {
            fault.hint("`all(x > 0)` and `any(x > 0)` are one truth of many, `(x > 0).item()` is that of one element")
        }
        ("an int", "a places") => fault_of_places(),
        ("an int", "a float") => fault.hint("`/` gives a float: `div(a, b)` is the whole quotient, `int(x)` cuts"),
        ("an int", "a range") => fault.hint("`a.extract(1..3)` is a part of an array; tensors are indexed by ranges"),
        _ => fault,
    }
}

/// `a[0, 1]` of an array.
fn fault_of_places() -> Fault {
    Fault::type_("an array takes one index")
        .hint("`a[0][1]` is an element of a row; `tensor(a)[0, 1]` that of a tensor")
}

/// The map itself is not known here; the key that was meant is most likely one of a map of the notebook.
fn missing_key(key: &str, names: &Names) -> Fault {
    let meant = did_you_mean(key, names.keys.iter().map(String::as_str));
    Fault::new(Kind::Index, format!("the map has no key `{key}`{meant}"))
        .hint(format!("`\"{key}\" in map` says whether there is one"))
}

fn unknown_variable(name: &str, names: &Names) -> Fault {
    let fault = Fault::new(Kind::Name, format!("`{name}` is not defined{}", did_you_mean(name, names.all())));
    match foreign::for_name(name) {
        // What a Python user meant is known better than by likeness.
        Some(hint) => Fault::new(Kind::Name, format!("`{name}` is not defined")).hint(hint),
        None => fault,
    }
}

/// `call` is Rhai's `name (type, type)`.
fn unknown_function(call: &str, names: &Names) -> Fault {
    let (name, types) = call.split_once(" (").map_or((call, ""), |(n, t)| (n, t.strip_suffix(')').unwrap_or(t)));
    let name = outer_name(name);
    let types: Vec<String> = types.split(", ").filter(|t| !t.is_empty()).map(type_name).collect();
    if [CALL, CALL_NAMED].contains(&name) {
        return Fault::type_("a call with more arguments than a variable can take");
    }
    if name == PLACES {
        return match types.len() {
            1 => Fault::value("a comma without an index behind it").hint("all of a dim is `..`: `t[0, ..]`"),
            n => Fault::new(Kind::Index, format!("{n} indices: a tensor has at most 6 dims")),
        };
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return match types.as_slice() {
            [a, b] => {
                let fault = Fault::type_(format!("`{name}` does not work between {a} and {b}"));
                match (name, a.as_str(), b.as_str()) {
                    ("^", ..) => fault.hint("a power is written `x ** 2`"),
                    ("..", ..) => {
                        fault.hint("a range counts whole numbers: `0..div(n, 2)`; `arange(0, 1, 0.25)` has others")
                    }
                    (_, "an array", _) | (_, _, "an array") => fault.hint("`tensor([1, 2])` can be computed with"),
                    ("*", "a text", _) => fault.hint("`let s = \"\"; s.pad(20, \"-\");` repeats a text"),
                    _ => fault,
                }
            }
            _ => Fault::type_(format!("`{name}` does not work on {}", types.join(", "))),
        };
    }
    let arities = (names.arities)(name);
    if let (true, [takes]) = (is_closure(name), arities.as_slice()) {
        return closure_arguments(*takes, types.len());
    }
    if !arities.is_empty() {
        let takes = arities.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
        let plural = if takes == "1" { "" } else { "s" };
        return Fault::type_(format!("{name}: takes {takes} argument{plural}, got {}", types.len()));
    }
    if let Some(fault) = of_overloads(name, &types, names.catalog.find(name)) {
        return fault;
    }
    if names.variables.iter().any(|v| v == name) {
        return Fault::type_(format!("`{name}` is a variable that cannot be called this way"));
    }
    if (names.is_builtin)(name) {
        let with = if types.is_empty() { "nothing".into() } else { types.join(", ") };
        let fault = Fault::type_(format!("`{name}` cannot take {with}"));
        // Rhai has another function of the name that a user of Python means.
        return match foreign::for_call(name) {
            Some(hint) => fault.hint(hint),
            None => fault,
        };
    }
    if let Some(of) = types.first()
        && fields(of, names).contains(&name)
    {
        return Fault::type_(format!("`{name}` is a field of {of}, not a function"))
            .hint(format!("without parentheses: `x.{name}`"));
    }
    match foreign::for_call(name) {
        Some(hint) => Fault::new(Kind::Name, format!("`{name}` is not defined")).hint(hint),
        None => Fault::new(Kind::Name, format!("`{name}` is not defined{}", did_you_mean(name, names.all()))),
    }
}

/// The fields of the values of a type, such as "a tensor".
fn fields(ty: &str, names: &Names) -> Vec<&'static str> {
    let kind = names.catalog.kinds().iter().find(|kind| ty.ends_with(kind.name));
    kind.map_or_else(Vec::new, |kind| kind.fields.iter().map(|field| field.name).collect())
}

/// What is wrong with a word's arguments: by the overload that begins with what was given and has a number of parameters that is
/// nearest to its; by all where that leaves several (of a variable Rhai's message does not tell the type).
fn of_overloads(name: &str, types: &[String], entries: &[&Entry]) -> Option<Fault> {
    let begins = |entry: &Entry, with: &String| entry.params.first().is_some_and(|p| p.ty.described().contains(with));
    let other_start = |entry: &Entry| types.first().is_some_and(|with| !begins(entry, with));
    // `x.reshape(3, 2)`, `x.permute(1, 0)`, as PyTorch writes them.
    let spread = |entry: &Entry| match entry.params.split_last() {
        Some((last, before)) => {
            matches!(last.ty, Ty::Shape | Ty::Array)
                && types.len() > before.len() + 1
                && !other_start(entry)
                && types[before.len()..].iter().all(|ty| ty == "an int")
        }
        None => false,
    };
    if let Some(last) = entries.iter().find(|entry| spread(entry)).and_then(|entry| entry.params.last()) {
        return Some(
            Fault::type_(format!("{name}: `{}` is one array", last.name)).hint("`[3, 2]` in the place of `3, 2`"),
        );
    }
    let distance = |entry: &Entry| (other_start(entry), entry.params.len().abs_diff(types.len()));
    let least = entries.iter().map(|entry| distance(entry)).min()?;
    let nearest: Vec<&Entry> = entries.iter().copied().filter(|entry| distance(entry) == least).collect();
    if let [entry] = nearest[..]
        && let Some(fault) = entry.wrong_count(types.len())
    {
        return Some(fault);
    }
    let signatures: Vec<String> = nearest.iter().map(|entry| entry.signature()).collect();
    let given = match types {
        [] => "nothing".into(),
        // What Rhai calls it says nothing.
        [first, ..] if first == "something else" => "these arguments".into(),
        _ => types.join(", "),
    };
    Some(Fault::type_(format!("{name} cannot take {given}")).hint(signatures.join(" or ")))
}

/// A closure is called with the wrong number of arguments. What it captured counts among its parameters and among the
/// arguments, so only the difference is known.
fn closure_arguments(takes: usize, got: usize) -> Fault {
    let (n, what) = (takes.abs_diff(got), if got < takes { "few" } else { "many" });
    let plural = if n == 1 { "" } else { "s" };
    Fault::type_(format!("the closure is called with {n} argument{plural} too {what}"))
}

fn out_of_bounds(what: &str, parts: &str, n: usize, index: i64) -> Fault {
    Fault::new(Kind::Index, format!("index {index} in {what} of {n} {parts}", what = articled(what)))
        .hint(format!("indices run from 0 to {}, or from -1 (the last) to -{n}", n.saturating_sub(1)))
}

/// `what` is Rhai's `type [type]`.
fn indexing(what: &str) -> Fault {
    let (value, index) = what.split_once(" [").map_or((what, ""), |(v, i)| (v, i.trim_end_matches(']')));
    if let Some((index, _)) = index.split_once("] = ") {
        let text = format!("the elements of {} cannot be set by {}", type_name(value), type_name(index));
        return Fault::type_(text);
    }
    match index {
        "" => Fault::type_(format!("{} cannot be indexed", type_name(value))),
        _ => Fault::type_(format!("{} cannot be indexed by {}", type_name(value), type_name(index))),
    }
}

/// `text` is Rhai's sentence about an unknown property.
fn property(text: &str, names: &Names) -> Fault {
    let quoted: Vec<&str> = text.split('\'').collect();
    let [_, name, _, ty, ..] = quoted.as_slice() else {
        return Fault::type_(sentence(text));
    };
    let ty = type_name(ty);
    if text.contains("setter") {
        let fault = Fault::type_(format!("the field `{name}` of {ty} cannot be set"));
        return match ty.ends_with("network") {
            true => fault
                .hint("`G = G.with(params).copy()` is the network with other values, params as G.params() has them"),
            false => fault,
        };
    }
    let fields = fields(&ty, names);
    let fault =
        Fault::new(Kind::Name, format!("{ty} has no field `{name}`{}", did_you_mean(name, fields.iter().copied())));
    if !names.catalog.find(name).is_empty() {
        return fault.hint(format!("`{name}` is a function: `{name}(…)`"));
    }
    if fields.is_empty() { fault } else { fault.hint(format!("its fields: {}", fields.join(", "))) }
}

fn arithmetic(text: &str) -> Fault {
    let lower = text.to_lowercase();
    if lower.contains("step value") {
        return Fault::value("a range with steps of 0").hint("`range(0, 10, 2)` counts up, `range(10, 0, -2)` down");
    }
    if lower.contains("zero") {
        return Fault::value("division by zero").hint("only tensors of floats divide by zero, to inf or NaN");
    }
    if lower.contains("overflow") {
        return Fault::value(format!("the result does not fit into an int: {}", sentence(text)))
            .hint("make one of the numbers a float: `2.0` instead of `2`");
    }
    Fault::value(sentence(text))
}

/// A parser's reason without the names that the rewriting of calls and indices has put in.
fn plain_reason(why: &str) -> String {
    let call = [CALL_NAMED, CALL].map(|name| format!("to function call '{name}'"));
    let index = format!("to function call '{PLACES}'");
    let why = call.iter().fold(why.to_string(), |why, call| why.replace(call, "of this call"));
    let why = why.replace(&index, "of this index");
    [CALL_NAMED, CALL].iter().fold(why, |why, name| why.replace(&format!("function call '{name}'"), "call"))
}

/// What the parser could not understand, in plain words.
fn syntax(what: &ParseErrorType) -> Fault {
    let fault = |text: String| Fault::value(text);
    match what {
        ParseErrorType::UnexpectedEOF => fault("the cell ends before the code is complete".into()),
        ParseErrorType::MissingToken(token, why) if token == ";" => {
            fault(format!("`;` is missing {why}")).hint("each statement ends with `;`, except the last one of a cell")
        }
        // A comma is missed where a bracket may be, too.
        ParseErrorType::MissingToken(token, why) if token == "," && why.contains("function call") => {
            fault(format!("`,` or `)` is missing {}", plain_reason(why)))
        }
        ParseErrorType::MissingToken(token, why) => fault(format!("`{token}` is missing {}", plain_reason(why))),
        ParseErrorType::UnknownOperator(op) => fault(format!("`{op}` is not an operator")),
        ParseErrorType::Reserved(word) => fault(format!("`{word}` is a reserved word")),
        ParseErrorType::AssignmentToConstant(name) => {
            fault(format!("`{name}` is a constant")).hint("define it with `let` instead of `const`")
        }
        ParseErrorType::ExprTooDeep => {
            fault("the expression is nested too deep".into()).hint("give parts of it names with `let`, or sum an array")
        }
        ParseErrorType::BadInput(error) => fault(hints::named(&sentence(&error.to_string()))),
        other => fault(sentence(&other.to_string())),
    }
}

fn without_position(error: &EvalAltResult) -> String {
    let text = error.to_string();
    match text.rfind(" (line ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

/// Without a capital and a full stop, as our messages are.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_string(),
    }
}
