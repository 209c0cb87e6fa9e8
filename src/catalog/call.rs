//! One call of a word: its arguments and options, read with errors in the user's terms.
//!
//! This is the one place in which an int becomes a float, an array becomes a shape, and a wrong type becomes a message.

use super::{Catalog, Entry, Host};
use rhai::{Dynamic, FnPtr, Map, NativeCallContext};
use saddle_fault::{Fault, Kind, Result};
use std::rc::Rc;

/// A word being called.
pub struct Call<'a> {
    /// The word's record.
    pub entry: &'static Entry,
    /// All words and kinds.
    pub catalog: &'static Catalog,
    /// The session. A value that outlives the call (a progress bar, a live plot) keeps a clone.
    pub host: &'a Rc<Host>,
    /// To call back into the script ([`Call::invoke`]).
    pub context: &'a NativeCallContext<'a>,
    /// The positional arguments.
    pub args: Args<'a>,
    /// The named options.
    pub options: Options,
}

/// The positional arguments. Indices are those of `Entry::params`; a parameter left out reads as absent.
pub struct Args<'a> {
    pub(super) entry: &'static Entry,
    pub(super) catalog: &'static Catalog,
    pub(super) values: &'a [&'a mut Dynamic],
}

/// The options given, checked against `Entry::options`.
pub struct Options {
    pub(super) entry: &'static Entry,
    pub(super) catalog: &'static Catalog,
    pub(super) given: Map,
}

impl Call<'_> {
    /// Calls a function value of the script with `args`. An error inside it comes back as a fault; handed on with `?` it
    /// is shown with the cell and line where it happened.
    pub fn invoke(&self, f: &FnPtr, args: Vec<Dynamic>) -> Result<Dynamic> {
        f.call_raw(self.context, None, args).map(Dynamic::flatten).map_err(|error| self.host.keep_script_error(error))
    }

    /// Calls anything that can be called, a function value or a value of a kind such as a network: `f(args…)`.
    pub fn apply(&self, f: &Dynamic, args: Vec<Dynamic>) -> Result<Dynamic> {
        match f.read_lock::<FnPtr>() {
            Some(f) => self.invoke(&f, args),
            None => self.apply_word(super::CALL, std::iter::once(f.clone()).chain(args).collect()),
        }
    }

    /// Calls another word of the language by its name.
    pub fn apply_word(&self, name: &str, mut args: Vec<Dynamic>) -> Result<Dynamic> {
        self.context
            .call_fn_raw(super::inner_name(name), false, false, &mut args.iter_mut().collect::<Vec<_>>())
            .map(Dynamic::flatten)
            .map_err(|error| self.host.keep_script_error(error))
    }
}

impl Args<'_> {
    /// Whether the parameter was given.
    pub fn has(&self, i: usize) -> bool {
        i < self.values.len()
    }

    /// How many were given.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The positional arguments from the `i`-th on, each with its value.
    pub fn rest(&self, i: usize) -> impl Iterator<Item = &Dynamic> {
        self.values[i.min(self.values.len())..].iter().map(|v| &**v)
    }

    /// The value as it is.
    pub fn any(&self, i: usize) -> &Dynamic {
        self.values[i]
    }

    /// A copy of a value of the type `T` (custom values are handles: a copy is cheap).
    pub fn get<T: Clone + 'static>(&self, i: usize) -> Result<T> {
        self.values[i].clone().try_cast::<T>().ok_or_else(|| self.wrong(i))
    }

    /// An int or a float.
    pub fn number(&self, i: usize) -> Result<f64> {
        number(self.values[i]).ok_or_else(|| self.wrong(i))
    }

    /// A whole number.
    pub fn int(&self, i: usize) -> Result<i64> {
        self.values[i].as_int().map_err(|_| self.wrong(i))
    }

    /// A whole number ≥ 0.
    pub fn size(&self, i: usize) -> Result<usize> {
        in_range(self.entry, self.entry.params[i].name, self.int(i)?)
    }

    /// A truth value.
    pub fn bool(&self, i: usize) -> Result<bool> {
        self.values[i].as_bool().map_err(|_| self.wrong(i))
    }

    /// A text.
    pub fn text(&self, i: usize) -> Result<String> {
        self.values[i].clone().into_string().map_err(|_| self.wrong(i))
    }

    /// An array.
    pub fn array(&self, i: usize) -> Result<rhai::Array> {
        self.get(i)
    }

    /// A function value of the script.
    pub fn function(&self, i: usize) -> Result<FnPtr> {
        self.get(i)
    }

    /// An array of whole numbers ≥ 0.
    pub fn shape(&self, i: usize) -> Result<Vec<usize>> {
        shape(self.values[i]).ok_or_else(|| self.wrong(i))
    }

    /// The error "this argument has the wrong type".
    pub fn wrong(&self, i: usize) -> Fault {
        let param = &self.entry.params[i];
        Fault::type_(format!(
            "{}: {} must be {}, got {}",
            self.entry.name,
            param.name,
            param.ty.described(),
            self.catalog.got(self.values[i])
        ))
    }
}

impl Options {
    /// Whether the option was given.
    pub fn has(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// The option as it is, `None` when not given. `key` must stand in the entry.
    pub fn any(&self, key: &str) -> Option<&Dynamic> {
        debug_assert!(
            self.entry.options.iter().any(|o| o.key == key),
            "{}: option {key} is not declared",
            self.entry.name
        );
        self.given.get(key)
    }

    /// An int or a float; `default` where it is not given.
    pub fn number(&self, key: &str, default: f64) -> Result<f64> {
        match self.any(key) {
            None => Ok(default),
            Some(value) => number(value).ok_or_else(|| self.wrong(key, value)),
        }
    }

    /// A whole number; `default` where it is not given.
    pub fn int(&self, key: &str, default: i64) -> Result<i64> {
        match self.any(key) {
            None => Ok(default),
            Some(value) => value.as_int().map_err(|_| self.wrong(key, value)),
        }
    }

    /// A whole number ≥ 0.
    pub fn size(&self, key: &str, default: usize) -> Result<usize> {
        in_range(self.entry, &format!("option {key}"), self.int(key, default as i64)?)
    }

    /// A truth value; `default` where it is not given.
    pub fn bool(&self, key: &str, default: bool) -> Result<bool> {
        match self.any(key) {
            None => Ok(default),
            Some(value) => value.as_bool().map_err(|_| self.wrong(key, value)),
        }
    }

    /// A text; `None` where it is not given.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        self.any(key).map(|v| v.clone().into_string().map_err(|_| self.wrong(key, v))).transpose()
    }

    /// A copy of a value of the type `T`; `None` where it is not given.
    pub fn get<T: Clone + 'static>(&self, key: &str) -> Result<Option<T>> {
        self.any(key).map(|v| v.clone().try_cast::<T>().ok_or_else(|| self.wrong(key, v))).transpose()
    }

    /// An array of whole numbers ≥ 0; `None` where it is not given.
    pub fn shape(&self, key: &str) -> Result<Option<Vec<usize>>> {
        self.any(key).map(|v| shape(v).ok_or_else(|| self.wrong(key, v))).transpose()
    }

    /// The numbers of an array such as `betas: [0.5, 0.999]`.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        self.any(key).map(|v| numbers(v).ok_or_else(|| self.wrong(key, v))).transpose()
    }

    /// The error "this option has the wrong type".
    pub fn wrong(&self, key: &str, value: &Dynamic) -> Fault {
        let ty = self.entry.options.iter().find(|o| o.key == key).map_or("something else".into(), |o| o.ty.described());
        Fault::new(
            Kind::Type,
            format!("{}: option {key} must be {ty}, got {}", self.entry.name, self.catalog.got(value)),
        )
    }
}

/// No size or count of anything in a notebook is larger.
const LARGEST_SIZE: i64 = i32::MAX as i64;

/// A whole number that can be the size or the count of something.
fn in_range(entry: &Entry, what: &str, n: i64) -> Result<usize> {
    match n {
        0..=LARGEST_SIZE => Ok(n as usize),
        ..0 => Err(Fault::value(format!("{}: {what} must not be negative, got {n}", entry.name))),
        _ => Err(Fault::value(format!("{}: {what} is too large to be meant, got {n}", entry.name))),
    }
}

/// The number in a value, int or float.
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().or_else(|_| value.as_int().map(|n| n as f64)).ok()
}

/// The numbers in an array of ints and floats.
pub fn numbers(value: &Dynamic) -> Option<Vec<f64>> {
    value.read_lock::<rhai::Array>()?.iter().map(number).collect()
}

/// The sizes in an array of whole numbers ≥ 0.
pub fn shape(value: &Dynamic) -> Option<Vec<usize>> {
    value.read_lock::<rhai::Array>()?.iter().map(|v| v.as_int().ok().and_then(|n| usize::try_from(n).ok())).collect()
}
