//! Errors in the user's terms: what went wrong, in which cell and line, with a caret under the place, and what to try.

use super::grammar::{DEEPEST_CALL, TYPE_OF};
use crate::catalog::{CALL, CALL_NAMED, Catalog, did_you_mean, type_name};
use crate::fault::{Fault, Kind};
use crate::session::Failure;
use rhai::{Dynamic, EvalAltResult, ParseErrorType, Position};

/// A place in the notebook.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `In[3]`
    pub cell: String,
    /// The function that was running there, if any.
    pub function: Option<String>,
    pub position: Position,
}

/// Where the text of a cell is found when an error points into it.
pub trait Sources {
    /// The line (counted from 1), and the column in what the user wrote for a column in what the engine ran.
    fn line(&self, cell: &str, position: Position) -> Option<(String, usize)>;
}

/// The names that could have been meant.
pub struct Names<'a> {
    pub catalog: &'static Catalog,
    pub variables: Vec<String>,
    pub functions: Vec<String>,
    /// The numbers of parameters of a function of the notebook.
    pub arities: &'a dyn Fn(&str) -> Vec<usize>,
}

impl Names<'_> {
    fn all(&self) -> impl Iterator<Item = &str> {
        let own = self
            .variables
            .iter()
            .chain(&self.functions)
            .map(String::as_str);
        own.chain(self.catalog.words().map(|(name, _)| name))
    }
}

/// The failure to show for an error of the cell named `cell`.
pub fn failure(error: &EvalAltResult, cell: &str, names: &Names, sources: &dyn Sources) -> Failure {
    let mut places = Vec::new();
    let leaf = walk(
        error,
        Place {
            cell: cell.into(),
            function: None,
            position: error.position(),
        },
        &mut places,
    );
    let (name, fault) = explain(leaf, names);
    show(&name, &fault, &places, sources)
}

/// A failure that belongs to no place in a cell.
pub fn plain(fault: &Fault) -> Failure {
    show(fault.kind.name(), fault, &[], &NoSources)
}

struct NoSources;

impl Sources for NoSources {
    fn line(&self, _: &str, _: Position) -> Option<(String, usize)> {
        None
    }
}

/// Follows an error inwards through the calls; the places are those of the calls and of the error itself.
fn walk<'e>(error: &'e EvalAltResult, place: Place, places: &mut Vec<Place>) -> &'e EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(function, cell, inner, _) => {
            let cell = if cell.is_empty() {
                place.cell.clone()
            } else {
                cell.clone()
            };
            let function = if function.starts_with("anon$") {
                "a closure".into()
            } else {
                format!("`{function}`")
            };
            places.push(place);
            walk(
                inner,
                Place {
                    cell,
                    function: Some(function),
                    position: inner.position(),
                },
                places,
            )
        }
        leaf => {
            places.push(place);
            leaf
        }
    }
}

/// The kind's name and the message of an error without its place.
fn explain(error: &EvalAltResult, names: &Names) -> (String, Fault) {
    use EvalAltResult as E;
    let fault = match error {
        E::ErrorRuntime(value, _) => return thrown(value),
        E::ErrorParsing(what, _) => return ("SyntaxError".into(), syntax(what)),
        E::ErrorTerminated(..) => Fault::new(Kind::Interrupt, "interrupted").hint("variables keep their values"),
        E::ErrorVariableNotFound(name, _) => unknown_variable(name, names),
        E::ErrorFunctionNotFound(call, _) => unknown_function(call, names),
        E::ErrorPropertyNotFound(key, _) => Fault::new(Kind::Index, format!("the map has no key `{key}`"))
            .hint(format!("`\"{key}\" in map` says whether there is one")),
        E::ErrorIndexNotFound(index, _) => Fault::new(Kind::Index, format!("there is no element at {index}")),
        E::ErrorArrayBounds(0, index, _) => Fault::new(Kind::Index, format!("index {index} in an empty array")),
        E::ErrorArrayBounds(n, index, _) => out_of_bounds("array", "elements", *n, *index),
        E::ErrorStringBounds(n, index, _) => out_of_bounds("text", "letters", *n, *index),
        E::ErrorBitFieldBounds(n, index, _) => out_of_bounds("int", "bits", *n, *index),
        E::ErrorMismatchDataType(want, got, _) | E::ErrorMismatchOutputType(want, got, _) => {
            Fault::type_(format!("expected {}, got {}", type_name(want), type_name(got)))
        }
        E::ErrorIndexingType(what, _) => indexing(what),
        E::ErrorFor(_) => Fault::type_("`for` cannot run through this value").hint("`0..n`, an array or a data set can be run through"),
        E::ErrorDataRace(..) => Fault::value("a value is used inside a call of its own method")
            .hint("write the method as a function, `f(value, …)` instead of `value.f(…)`, or copy the value first"),
        E::ErrorAssignmentToConstant(name, _) | E::ErrorNonPureMethodCallOnConstant(name, _) => {
            Fault::value(format!("`{name}` is a constant")).hint("define it with `let` instead of `const`")
        }
        E::ErrorDotExpr(text, _) => property(text, names),
        E::ErrorArithmetic(text, _) => arithmetic(text),
        E::ErrorStackOverflow(_) => Fault::value(format!("calls are nested more than {DEEPEST_CALL} deep"))
            .hint("does a function call itself without end?"),
        E::ErrorUnboundThis(_) => Fault::value("`this` means nothing here").hint("`this` is the value before the dot, inside a function called as a method"),
        other => Fault::value(sentence(&without_position(other))),
    };
    (fault.kind.name().into(), fault)
}

/// `throw x`, and the faults of words, which travel the same way.
fn thrown(value: &Dynamic) -> (String, Fault) {
    match value.clone().try_cast::<Fault>() {
        Some(fault) => (fault.kind.name().into(), fault),
        None => (
            "Thrown".into(),
            Fault::value(if value.is_unit() {
                "nothing said".to_string()
            } else {
                value.to_string()
            }),
        ),
    }
}

fn unknown_variable(name: &str, names: &Names) -> Fault {
    let fault = Fault::new(
        Kind::Name,
        format!("`{name}` is not defined{}", did_you_mean(name, names.all())),
    );
    match name {
        "null" | "nil" | "void" | "None" => fault.hint("Rhai's \"nothing\" is written `()`"),
        "True" | "False" => fault.hint("truths are written `true` and `false`"),
        _ => fault,
    }
}

/// `call` is Rhai's `name (type, type)`.
fn unknown_function(call: &str, names: &Names) -> Fault {
    let (name, types) = call
        .split_once(" (")
        .map_or((call, ""), |(n, t)| (n, t.strip_suffix(')').unwrap_or(t)));
    let name = if name == TYPE_OF { "type_of" } else { name };
    let types: Vec<String> = types
        .split(", ")
        .filter(|t| !t.is_empty())
        .map(type_name)
        .collect();
    if [CALL, CALL_NAMED].contains(&name) {
        return Fault::type_("a call with more arguments than a variable can take");
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return match types.as_slice() {
            [a, b] => Fault::type_(format!("`{name}` does not work between {a} and {b}")),
            _ => Fault::type_(format!("`{name}` does not work on {}", types.join(", "))),
        };
    }
    let arities = (names.arities)(name);
    if !arities.is_empty() {
        let takes = arities
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join(" or ");
        let plural = if takes == "1" { "" } else { "s" };
        return Fault::type_(format!(
            "{name}: takes {takes} argument{plural}, got {}",
            types.len()
        ));
    }
    if let [entry, ..] = names.catalog.find(name) {
        return entry.wrong_count(types.len()).unwrap_or_else(|| {
            Fault::type_(format!("{name} cannot take {}", types.join(", "))).hint(entry.signature())
        });
    }
    if names.variables.iter().any(|v| v == name) {
        return Fault::type_(format!(
            "`{name}` is a variable that cannot be called this way"
        ));
    }
    let with = if types.is_empty() {
        String::new()
    } else {
        format!(" that takes {}", types.join(", "))
    };
    let meant = did_you_mean(name, names.all());
    Fault::new(
        Kind::Name,
        format!("there is no function `{name}`{with}{meant}"),
    )
}

fn out_of_bounds(what: &str, parts: &str, n: usize, index: i64) -> Fault {
    Fault::new(
        Kind::Index,
        format!(
            "index {index} in {what} of {n} {parts}",
            what = articled(what)
        ),
    )
    .hint(format!(
        "indices run from 0 to {}, or from -1 (the last) to -{n}",
        n.saturating_sub(1)
    ))
}

fn articled(noun: &str) -> String {
    format!(
        "{} {noun}",
        if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        }
    )
}

/// `what` is Rhai's `type [type]`.
fn indexing(what: &str) -> Fault {
    let (value, index) = what
        .split_once(" [")
        .map_or((what, ""), |(v, i)| (v, i.trim_end_matches(']')));
    match index {
        "" => Fault::type_(format!("{} cannot be indexed", type_name(value))),
        _ => Fault::type_(format!(
            "{} cannot be indexed by {}",
            type_name(value),
            type_name(index)
        )),
    }
}

/// `text` is Rhai's sentence about an unknown property.
fn property(text: &str, names: &Names) -> Fault {
    let quoted: Vec<&str> = text.split('\'').collect();
    let [_, name, _, ty, ..] = quoted.as_slice() else {
        return Fault::type_(sentence(text));
    };
    let ty = type_name(ty);
    let kind = names
        .catalog
        .kinds()
        .iter()
        .find(|kind| ty.ends_with(kind.name));
    let fields: Vec<&str> = kind.map_or_else(Vec::new, |kind| {
        kind.fields.iter().map(|f| f.name).collect()
    });
    let fault = Fault::new(
        Kind::Name,
        format!(
            "{ty} has no field `{name}`{}",
            did_you_mean(name, fields.iter().copied())
        ),
    );
    if !names.catalog.find(name).is_empty() {
        return fault.hint(format!("`{name}` is a function: `{name}(…)`"));
    }
    if fields.is_empty() {
        fault
    } else {
        fault.hint(format!("its fields: {}", fields.join(", ")))
    }
}

fn arithmetic(text: &str) -> Fault {
    let lower = text.to_lowercase();
    if lower.contains("zero") {
        return Fault::value("division of an int by zero")
            .hint("floats divide by zero to inf or NaN: write `x / 0.0`");
    }
    if lower.contains("overflow") {
        return Fault::value(format!(
            "the result does not fit into an int: {}",
            sentence(text)
        ))
        .hint("make one of the numbers a float: `2.0` instead of `2`");
    }
    Fault::value(sentence(text))
}

/// What the parser could not understand, in plain words.
fn syntax(what: &ParseErrorType) -> Fault {
    let fault = |text: String| Fault::value(text);
    match what {
        ParseErrorType::UnexpectedEOF => fault("the cell ends before the code is complete".into()),
        ParseErrorType::MissingToken(token, why) if token == ";" => {
            fault(format!("`;` is missing {why}"))
                .hint("each statement ends with `;`, except the last one of a cell")
        }
        ParseErrorType::MissingToken(token, why) => fault(format!("`{token}` is missing {why}")),
        ParseErrorType::UnknownOperator(op) => fault(format!("`{op}` is not an operator")),
        ParseErrorType::Reserved(word) => fault(format!("`{word}` is a reserved word")),
        ParseErrorType::AssignmentToConstant(name) => {
            fault(format!("`{name}` is a constant")).hint("define it with `let` instead of `const`")
        }
        ParseErrorType::ExprTooDeep => fault("the expression is nested too deep".into())
            .hint("give parts of it names with `let`, or sum an array"),
        ParseErrorType::BadInput(error) => fault(sentence(&error.to_string())),
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

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[34m";
const PLAIN: &str = "\x1b[0m";

/// The lines that are shown: kind and message, each place with its line and a caret, the hint.
fn show(name: &str, fault: &Fault, places: &[Place], sources: &dyn Sources) -> Failure {
    let mut traceback = vec![format!("{RED}{name}{PLAIN}: {}", fault.message)];
    // Endless recursion passes the same place again and again: the ends say it all.
    const MOST: usize = 8;
    for (i, place) in places.iter().enumerate() {
        let skipped = places.len().saturating_sub(MOST);
        if skipped > 0 && i == MOST / 2 {
            traceback.push(format!("  … {skipped} more calls …"));
        }
        if skipped > 0 && (MOST / 2..MOST / 2 + skipped).contains(&i) {
            continue;
        }
        traceback.extend(show_place(place, sources));
    }
    if let Some(hint) = &fault.hint {
        traceback.push(format!("hint: {hint}"));
    }
    Failure {
        name: name.to_string(),
        value: fault.message.clone(),
        traceback,
    }
}

fn show_place(place: &Place, sources: &dyn Sources) -> Vec<String> {
    let inside = place
        .function
        .as_ref()
        .map_or_else(String::new, |f| format!("in {f}, "));
    let Some(number) = place.position.line() else {
        return vec![format!("  {inside}{BLUE}{}{PLAIN}", place.cell)];
    };
    let mut lines = vec![format!(
        "  {inside}{BLUE}{}, line {number}{PLAIN}",
        place.cell
    )];
    if let Some((text, column)) = sources.line(&place.cell, place.position) {
        let (text, column) = window(&text, column);
        let margin = format!("{number:>5} | ");
        // Tabs stay tabs under the text, so that the caret stands below its letter.
        let before: String = text
            .chars()
            .take(column.saturating_sub(1))
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        lines.push(format!("{margin}{text}"));
        lines.push(format!("{}{before}{RED}^{PLAIN}", " ".repeat(margin.len())));
    }
    lines
}

/// The part of a very long line around a column.
fn window(text: &str, column: usize) -> (String, usize) {
    const WIDEST: usize = 160;
    if text.chars().count() <= WIDEST {
        return (text.trim_end().to_string(), column);
    }
    let start = column.saturating_sub(WIDEST / 2);
    let part: String = text.chars().skip(start).take(WIDEST).collect();
    (format!("…{part}…"), column - start + 1)
}
