//! One call of a word: its arguments and options. They are read by the constants that the record declares
//! ([`Param`](super::Param)).

use super::{Catalog, Entry, Host};
use rhai::{Dynamic, FnPtr, Map, NativeCallContext};
use saddle_fault::Result;
use std::ops::{Range, RangeInclusive};
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
    /// The positional arguments, in the order of `Entry::params`; those left out are the last.
    pub(super) args: &'a [&'a mut Dynamic],
    /// The options given, checked against `Entry::options`.
    pub(super) options: Map,
}

impl Call<'_> {
    /// The positional arguments as they are, in order.
    pub fn args(&self) -> impl Iterator<Item = &Dynamic> {
        self.args.iter().map(|v| &**v)
    }

    /// Calls a function value of the script with `args`. An error inside it comes back as a fault; handed on with `?`
    /// it is shown with the cell and line where it happened.
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

/// The number in a value, int or float.
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().or_else(|_| value.as_int().map(|n| n as f64)).ok()
}

/// The numbers in an array of ints and floats.
pub fn numbers(value: &Dynamic) -> Option<Vec<f64>> {
    value.read_lock::<rhai::Array>()?.iter().map(number).collect()
}

/// The whole numbers of a range, `0..5` or `1..=5`; one without an end goes on to the largest whole number.
pub fn range(value: &Dynamic) -> Option<Range<i64>> {
    match value.read_lock::<Range<i64>>() {
        Some(r) => Some(r.clone()),
        None => value.read_lock::<RangeInclusive<i64>>().map(|r| *r.start()..r.end().saturating_add(1)),
    }
}

/// The sizes in an array of whole numbers ≥ 0.
pub fn shape(value: &Dynamic) -> Option<Vec<usize>> {
    value.read_lock::<rhai::Array>()?.iter().map(|v| v.as_int().ok().and_then(|n| usize::try_from(n).ok())).collect()
}
