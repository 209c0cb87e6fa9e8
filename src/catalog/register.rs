//! Registration with Rhai: every word under each legal number of arguments, every kind with its fields, its index, its
//! loop and its text.

use super::dispatch::{CALL, CALL_NAMED, Word, call_named, call_value, raise};
use super::{Catalog, Entry, Host, Kind, Ty};
use rhai::{Array, Dynamic, Engine, EvalAltResult, Module, Position};
use saddle_fault::Kind as Wrong;
use std::any::TypeId;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The most arguments that a call of a variable may have.
const MOST_ARGUMENTS: usize = 8;

/// Names that Rhai answers itself before any registered function is asked; the cell's grammar gives such a word another
/// name inside, so that `D.eval()` and `type_of(D)` are ours.
const RENAMED: [(&str, &str); 2] = [("eval", "eval__"), ("type_of", "type_of__")];

/// The name under which a word is registered.
pub fn inner_name(name: &str) -> &str {
    RENAMED.iter().find(|(outer, _)| *outer == name).map_or(name, |(_, inner)| inner)
}

/// The name that the user writes for a registered one.
pub fn outer_name(name: &str) -> &str {
    RENAMED.iter().find(|(_, inner)| *inner == name).map_or(name, |(outer, _)| outer)
}

/// Makes the words and kinds of a catalog known to an engine.
pub fn register(engine: &mut Engine, catalog: &'static Catalog, host: &Rc<Host>) {
    for (name, entries) in catalog.words() {
        let word = Word { entries: entries.into(), catalog, host: host.clone() };
        register_word(engine, name, &word);
    }
    for n in 1..=MOST_ARGUMENTS + 1 {
        let any = |n| vec![TypeId::of::<Dynamic>(); n];
        let session = host.clone();
        engine.register_raw_fn(CALL, any(n), move |context, args| call_value(catalog, &session, &context, args));
        let session = host.clone();
        engine.register_raw_fn(CALL_NAMED, any(n + 1), move |context, args| {
            call_named(catalog, &session, &context, args)
        });
    }
    for kind in catalog.kinds() {
        register_kind(engine, kind, catalog);
    }
    register_iterators(engine, catalog);
}

/// Registers one word for every number of arguments of any of its overloads.
fn register_word(engine: &mut Engine, name: &str, word: &Word) {
    let arities: BTreeSet<usize> = word.entries.iter().flat_map(|e| called_with(e)).collect();
    let is_operator = !name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    for n in arities {
        // An operator is known only for the types it takes: `t == ()` and `"a" + t` stay Rhai's own.
        let signatures = if is_operator {
            exact_signatures(&word.entries, n, word.catalog)
        } else {
            let mut signatures = vec![vec![TypeId::of::<Dynamic>(); n]];
            signatures.extend(numeric_signatures(&word.entries, n));
            signatures
        };
        for types in signatures {
            let word = word.clone();
            engine.register_raw_fn(inner_name(name), types, move |context, args| word.run(&context, args));
        }
    }
}

/// The numbers of arguments that a call may have, the map of options counted.
fn called_with(entry: &Entry) -> impl Iterator<Item = usize> {
    let arities = entry.arities();
    let last = *arities.end() + usize::from(!entry.options.is_empty());
    *arities.start()..=last
}

/// Every combination of types that an overload with `n` parameters takes.
fn exact_signatures(entries: &[&Entry], n: usize, catalog: &Catalog) -> Vec<Vec<TypeId>> {
    let mut signatures = Vec::new();
    for entry in entries.iter().filter(|e| e.arities().contains(&n)) {
        let mut combinations = vec![Vec::new()];
        for param in &entry.params[..n] {
            let types = types_of(param.ty, catalog);
            combinations = combinations
                .iter()
                .flat_map(|before: &Vec<TypeId>| types.iter().map(|t| [&before[..], &[*t]].concat()))
                .collect();
        }
        signatures.extend(combinations);
    }
    signatures
}

/// The Rust types that a parameter's type stands for.
fn types_of(ty: Ty, catalog: &Catalog) -> Vec<TypeId> {
    let kind = |name: &str| catalog.kind(name).map(|k| (k.id)());
    match ty {
        Ty::Bool => vec![TypeId::of::<bool>()],
        Ty::Int => vec![TypeId::of::<i64>()],
        Ty::Number => vec![TypeId::of::<i64>(), TypeId::of::<f64>()],
        Ty::Array => vec![TypeId::of::<Array>()],
        Ty::Tensor => kind("tensor").into_iter().collect(),
        Ty::TensorLike => [types_of(Ty::Number, catalog), types_of(Ty::Tensor, catalog)].concat(),
        Ty::Of(name) => kind(name).into_iter().collect(),
        Ty::OneOf(types) => types.iter().flat_map(|t| types_of(*t, catalog)).collect(),
        _ => vec![TypeId::of::<Dynamic>()],
    }
}

/// Rhai's own packages define words such as `log` and `max` for exact number types, and an exact type wins over "any".
/// So a word whose arguments can all be numbers is registered for those exact types too.
fn numeric_signatures(entries: &[&Entry], n: usize) -> Vec<Vec<TypeId>> {
    let numeric = |e: &&&Entry| e.arities().contains(&n) && e.params[..n].iter().all(|p| p.ty.is_numeric());
    if n == 0 || n > 2 || !entries.iter().any(|e| numeric(&e)) {
        return Vec::new();
    }
    let types = [TypeId::of::<i64>(), TypeId::of::<f64>()];
    match n {
        1 => types.iter().map(|a| vec![*a]).collect(),
        _ => types.iter().flat_map(|a| types.iter().map(|b| vec![*a, *b])).collect(),
    }
}

fn register_kind(engine: &mut Engine, kind: &'static Kind, catalog: &'static Catalog) {
    let id = (kind.id)();
    for field in kind.fields {
        let name = format!("get${}", field.name);
        engine.register_raw_fn(name, [id], move |_, args| (field.get)(args[0]).map_err(raise));
    }
    for field in kind.fields.iter().filter(|_| kind.set.is_some()) {
        let types = [id, TypeId::of::<Dynamic>()];
        engine.register_raw_fn(format!("set${}", field.name), types, move |_, args| {
            let value = args[1].flatten_clone();
            let set = kind.set.map_or(Ok(()), |set| set(args[0], field.name, &value));
            set.map_err(raise)
        });
    }
    for name in ["to_string", "to_debug", "print", "debug"] {
        engine.register_raw_fn(name, [id], move |_, args| Ok(kind.plain(args[0])));
    }
    if let Some(index) = kind.index {
        let types = [id, TypeId::of::<Dynamic>()];
        engine.register_raw_fn("index$get$", types, move |_, args| {
            // Rhai asks the index for fields that do not exist, too. What is said of a word without its arguments is better than that
            // there is no such field, which a kind that is indexed by names can say best.
            index(args[0], args[1]).map_err(|fault| match args[1].as_immutable_string_ref() {
                Ok(name) if fault.kind != Wrong::Name || !catalog.find(&name).is_empty() => no_field(kind),
                _ => raise(fault),
            })
        });
    }
    if let Some(set) = kind.set_index {
        let any = TypeId::of::<Dynamic>();
        engine.register_raw_fn("index$set$", [id, any, any], move |_, args| {
            let (at, value) = (args[1].flatten_clone(), args[2].flatten_clone());
            set(args[0], &at, &value).map_err(|fault| if at.is_string() { no_field(kind) } else { raise(fault) })
        });
    }
}

/// What Rhai's index of a name that is no field is answered: it leaves it at "no such field".
fn no_field(kind: &Kind) -> Box<EvalAltResult> {
    EvalAltResult::ErrorIndexingType(format!("{} [string]", kind.name), Position::NONE).into()
}

fn register_iterators(engine: &mut Engine, catalog: &Catalog) {
    let mut module = Module::new();
    for kind in catalog.kinds() {
        if let Some(iter) = kind.iter {
            module.set_iter_result((kind.id)(), move |value| Box::new(iter(value).map(|item| item.map_err(raise))));
        }
    }
    engine.register_global_module(module.into());
}
