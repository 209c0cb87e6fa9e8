//! From a call in a cell to the adapter of a word: which overload, whether the arguments and options fit, and what a
//! fault becomes on its way back.

use super::callback::running;
use super::{Call, Catalog, Entry, Given, Host, Ty, did_you_mean};
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext, Position};
use saddle_fault::{Fault, Kind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The word behind a call of a value, `nets[0](x)`: the cell puts it in front, with the value as its first argument.
pub const CALL: &str = "call__";

/// The word behind a call of a variable, `D(x)`: its first argument is the name, its second the value.
pub const CALL_NAMED: &str = "call_named__";

/// A word ready to be called: its overloads and the session they run in.
#[derive(Clone)]
pub(super) struct Word {
    pub entries: Rc<[&'static Entry]>,
    pub catalog: &'static Catalog,
    pub host: Rc<Host>,
}

impl Word {
    /// Runs the overload that fits the arguments.
    pub fn run(&self, context: &NativeCallContext, args: &mut [&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> {
        if args.iter().any(|a| a.is_shared()) {
            let mut values: Vec<Dynamic> = args.iter().map(|a| a.flatten_clone()).collect();
            return self.run(context, &mut values.iter_mut().collect::<Vec<_>>());
        }
        if let Some(part) = self.shadowed(args) {
            // The first argument may be the caller's own variable: it stays as it is.
            let mut values: Vec<Dynamic> = args.iter().map(|a| (**a).clone()).collect();
            values[0] = part;
            let values = &mut values.iter_mut().collect::<Vec<_>>();
            return call_value(self.catalog, &self.host, context, values);
        }
        let with_options = self.entries.iter().find(|e| has_options(e, args, self.catalog));
        let fitting = || self.entries.iter().find(|e| self.entries.len() == 1 || fits(e, args, self.catalog));
        let entry = with_options.or_else(fitting);
        if entry.is_none_or(|_| self.entries.len() == 1)
            && let Some(fault) = spread_shape(&self.entries, args, self.catalog)
        {
            return Err(raise(fault));
        }
        let entry = entry.copied().unwrap_or_else(|| nearest(&self.entries, args, self.catalog));
        run(entry, self.catalog, &self.host, context, args)
    }
}

impl Word {
    /// The part of the first argument that has this word's name, where the word itself does not fit: `net.norm(x)` for
    /// a network, or a map, with a part `norm`.
    fn shadowed(&self, args: &[&mut Dynamic]) -> Option<Dynamic> {
        let name = self.entries[0].name;
        let whole: &Dynamic = args.first()?;
        if !whole.is_map() && !is_callable(whole, self.catalog) {
            return None;
        }
        let part = member(whole, name, self.catalog)?;
        let fits = self.entries.iter().any(|e| fits(e, args, self.catalog));
        (!fits).then_some(part)
    }
}

/// The part `name` of a map, or of a value of a kind with parts, if it can be called: what `value.name(x)` calls.
pub fn member(value: &Dynamic, name: &str, catalog: &Catalog) -> Option<Dynamic> {
    let part = match value.read_lock::<Map>() {
        Some(map) => map.get(name).cloned()?,
        None => catalog.kind_of(value)?.part?(value, name)?,
    };
    Some(part.flatten()).filter(|part| is_callable(part, catalog))
}

/// Runs one entry with arguments that may or may not fit it.
fn run(
    entry: &'static Entry,
    catalog: &'static Catalog,
    host: &Rc<Host>,
    context: &NativeCallContext,
    args: &[&mut Dynamic],
) -> Result<Dynamic, Box<EvalAltResult>> {
    let outcome = check(entry, catalog, args).and_then(|(positional, options)| {
        let mut call = Call { entry, catalog, host, context, args: &args[..positional], options };
        catch_unwind(AssertUnwindSafe(|| running(context, || (entry.call)(&mut call)))).unwrap_or_else(|panic| {
            match panic.downcast::<Fault>() {
                // Where a value cannot be made that its type allows.
                Ok(fault) => Err(*fault),
                Err(_) => Err(host.failure().unwrap_or_else(|| defect(entry.name))),
            }
        })
    });
    outcome.map_err(|fault| host.script_error(&fault).unwrap_or_else(|| raise(fault)))
}

/// Whether a value can be called: a function value, or one of a kind that says what calling it does.
pub fn is_callable(value: &Dynamic, catalog: &Catalog) -> bool {
    value.is_fnptr() || catalog.kind_of(value).is_some_and(|kind| kind.call.is_some())
}

/// Calls the value `args[0]` with the rest of `args`.
pub fn call_value(
    catalog: &'static Catalog,
    host: &Rc<Host>,
    context: &NativeCallContext,
    args: &mut [&mut Dynamic],
) -> Result<Dynamic, Box<EvalAltResult>> {
    let Some((value, rest)) = args.split_first_mut() else {
        return Err(raise(Fault::type_("there is nothing to call")));
    };
    if let Some(f) = value.read_lock::<FnPtr>().map(|f| f.clone()) {
        let values: Vec<Dynamic> = rest.iter_mut().map(|a| std::mem::take(*a)).collect();
        return f.call_raw(context, None, values).map(Dynamic::flatten);
    }
    match catalog.kind_of(value).and_then(|kind| kind.call) {
        Some(entry) => {
            let word = Word { entries: Rc::new([entry]), catalog, host: host.clone() };
            word.run(context, args)
        }
        None => {
            let what = catalog.type_of(value);
            Err(raise(Fault::type_(format!("{what} cannot be called like a function"))))
        }
    }
}

/// Calls the variable named `args[0]` with the value `args[1]`. A variable and a function may have the same name
/// (`let loss = loss(x)`): where the value cannot be called, the function is meant.
pub(super) fn call_named(
    catalog: &'static Catalog,
    host: &Rc<Host>,
    context: &NativeCallContext,
    args: &mut [&mut Dynamic],
) -> Result<Dynamic, Box<EvalAltResult>> {
    let [name, rest @ ..] = args else {
        return call_value(catalog, host, context, &mut []);
    };
    let Some((value, values)) = rest.split_first_mut() else {
        return call_value(catalog, host, context, &mut []);
    };
    if is_callable(value, catalog) {
        return call_value(catalog, host, context, rest);
    }
    let name = name.to_string();
    let missing = format!("{name} (");
    context.call_fn_raw(&name, false, false, values).map_err(|error| match *error {
        EvalAltResult::ErrorFunctionNotFound(ref call, _)
            if call.starts_with(&missing) && catalog.find(&name).is_empty() =>
        {
            let what = catalog.type_of(value);
            raise(Fault::type_(format!("`{name}` is {what}, which cannot be called like a function")))
        }
        _ => error,
    })
}

/// A fault on its way through the script: a script can catch it, except an interrupt.
pub fn raise(fault: Fault) -> Box<EvalAltResult> {
    match fault.kind {
        Kind::Interrupt => EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into(),
        _ => EvalAltResult::ErrorRuntime(Dynamic::from(fault), Position::NONE).into(),
    }
}

/// A panic below, in plain words. Its text is of no use to who wrote the cell; the panic hook has recorded it.
fn defect(name: &str) -> Fault {
    Fault::new(Kind::Internal, format!("{name}: stopped by a defect inside the kernel, not in your cell"))
        .hint("variables are as they were; `%debug` shows the details to put into a bug report")
}

/// How many of `args` are positional; one less than all when the last is a map of options.
fn positional(entry: &Entry, args: &[&mut Dynamic], catalog: &Catalog) -> usize {
    let Some((last, before)) = args.split_last() else {
        return 0;
    };
    let takes_map = |i: usize| entry.params.get(i).is_some_and(|p| p.default.is_none() && p.ty.accepts(last, catalog));
    match last.is_map() && !entry.options.is_empty() && !takes_map(before.len()) {
        true => before.len(),
        false => args.len(),
    }
}

/// Whether the arguments' number and types are those of `entry`.
fn fits(entry: &Entry, args: &[&mut Dynamic], catalog: &Catalog) -> bool {
    let n = positional(entry, args, catalog);
    entry.arities().contains(&n) && args[..n].iter().zip(entry.params).all(|(a, p)| p.ty.accepts(a, catalog))
}

/// Whether the last argument is a map of this entry's own options. Such an overload goes before one that takes any map
/// there: `plot(ys, #{ title: "…" })`, beside `plot(xs, #{ V: …, J: … })`.
fn has_options(entry: &Entry, args: &[&mut Dynamic], catalog: &Catalog) -> bool {
    let Some(map) = args.last().and_then(|last| last.read_lock::<Map>()) else {
        return false;
    };
    let own = |key: &str| entry.options.iter().any(|o| o.key == key);
    !map.is_empty()
        && map.keys().all(|key| own(key))
        && positional(entry, args, catalog) + 1 == args.len()
        && fits(entry, args, catalog)
}

/// The overload whose error says most: one that all arguments fit as far as it has places for them (`conv2d(3, 16)` is
/// a layer without its kernel), of the right number of parameters, and with the most arguments that fit it, by more than
/// taking anything; the first of equals.
fn nearest(entries: &[&'static Entry], args: &[&mut Dynamic], catalog: &Catalog) -> &'static Entry {
    let score = |entry: &Entry| {
        let n = positional(entry, args, catalog);
        let fitting = args[..n].iter().zip(entry.params).take_while(|(a, p)| p.ty.accepts(a, catalog)).count();
        let meant = entry.params[..fitting].iter().filter(|p| !matches!(p.ty, Ty::Any)).count();
        let all = meant > 0 && fitting == n.min(entry.params.len());
        (all, entry.arities().contains(&n), fitting, meant)
    };
    let best = entries.iter().map(|e| score(e)).max();
    entries.iter().copied().find(|e| Some(score(e)) == best).unwrap_or(entries[0])
}

/// `randn(2, 3)`, as PyTorch writes it: sizes where a shape belongs.
fn spread_shape(entries: &[&'static Entry], args: &[&mut Dynamic], catalog: &Catalog) -> Option<Fault> {
    let place = entries.iter().find_map(|entry| {
        let (_, before) = entry.params.split_last().filter(|(last, _)| matches!(last.ty, Ty::Shape))?;
        let sizes = args.get(before.len()..).filter(|sizes| !sizes.is_empty())?;
        let fits = || before.iter().zip(args).all(|(p, a)| p.ty.accepts(a, catalog));
        (sizes.iter().all(|a| a.is_int()) && fits()).then_some((entry, before))
    });
    let (entry, before) = place?;
    let sizes: Vec<String> = args[before.len()..].iter().map(|size| size.to_string()).collect();
    let names = before.iter().map(|p| format!("{}, ", p.name)).collect::<String>();
    let fault = Fault::type_(format!("{}: the sizes of a shape stand in one array", entry.name));
    Some(fault.hint(format!("{}({names}[{}])", entry.name, sizes.join(", "))))
}

/// Checks arguments and options against the entry: how many are positional, and the options.
fn check(entry: &'static Entry, catalog: &'static Catalog, args: &[&mut Dynamic]) -> Result<(usize, Map)> {
    let n = positional(entry, args, catalog);
    if let Some(fault) = entry.wrong_count(n) {
        return Err(fault);
    }
    for (param, value) in entry.params.iter().zip(&args[..n]) {
        if !param.ty.accepts(value, catalog) {
            let given = Given { entry, catalog, name: param.name, ty: param.ty, is_option: false, value };
            return Err(given.wrong().hint(entry.signature()));
        }
    }
    let given = match args.get(n) {
        Some(map) => map.read_lock::<Map>().map(|m| m.clone()).unwrap_or_default(),
        None => Map::new(),
    };
    check_options(entry, catalog, given).map(|options| (n, options))
}

fn check_options(entry: &'static Entry, catalog: &'static Catalog, given: Map) -> Result<Map> {
    let given: Map = given.into_iter().map(|(key, value)| (key, value.flatten())).collect();
    for (key, value) in &given {
        let Some(option) = entry.options.iter().find(|o| o.key == key.as_str()) else {
            return Err(unknown_option(entry, key));
        };
        // `()` stands for "as if it were not given": code that passes options on needs it.
        if !value.is_unit() && !option.ty.accepts(value, catalog) {
            return Err(Given { entry, catalog, name: option.key, ty: option.ty, is_option: true, value }.wrong());
        }
    }
    Ok(given.into_iter().filter(|(_, value)| !value.is_unit()).collect())
}

fn unknown_option(entry: &Entry, key: &str) -> Fault {
    let keys = || entry.options.iter().map(|o| o.key);
    let meant = did_you_mean(key, keys());
    Fault::new(Kind::Option, format!("{}: unknown option `{key}`{meant}", entry.name))
        .hint(format!("options: {}", keys().collect::<Vec<_>>().join(", ")))
}

impl Entry {
    /// The numbers of positional arguments that it can be called with.
    pub fn arities(&self) -> std::ops::RangeInclusive<usize> {
        let required = self.params.iter().take_while(|p| p.default.is_none()).count();
        required..=self.params.len()
    }

    /// How it is written: `leaky_relu(x, slope = 0.01)`, `adam(params, #{ lr, betas })`, `a @ b`.
    pub fn signature(&self) -> String {
        if !self.name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return match self.params {
                [a] => format!("{}{}", self.name, a.name),
                [a, b] => format!("{} {} {}", a.name, self.name, b.name),
                _ => self.name.to_string(),
            };
        }
        let mut parts: Vec<String> = Vec::new();
        for param in self.params {
            parts.push(match param.default {
                None => param.name.to_string(),
                Some(default) => format!("{} = {default}", param.name),
            });
        }
        if !self.options.is_empty() {
            let keys: Vec<_> = self.options.iter().map(|o| o.key).collect();
            parts.push(format!("#{{ {} }}", keys.join(", ")));
        }
        format!("{}({})", self.name, parts.join(", "))
    }

    /// The error of being called with `n` positional arguments, if it cannot be.
    pub fn wrong_count(&self, n: usize) -> Option<Fault> {
        let arities = self.arities();
        if arities.contains(&n) {
            return None;
        }
        let fault = if n < *arities.start() {
            let missing: Vec<_> = self.params[n..*arities.start()].iter().map(|p| format!("`{}`", p.name)).collect();
            Fault::type_(format!("{}: missing {}", self.name, missing.join(" and ")))
        } else {
            let takes = match arities.end() {
                0 => "no arguments".to_string(),
                1 => "1 argument".to_string(),
                n => format!("{n} arguments"),
            };
            Fault::type_(format!("{}: takes {takes}, got {n}", self.name))
        };
        Some(fault.hint(self.signature()))
    }
}
