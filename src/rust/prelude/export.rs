//! Functions of cells as words of the notebook: what [`export!`](crate::export) makes of them.

use super::abi::{Deliver, Exported, RawPayload};
use super::cell::last_panic;
use super::link::{Packed, open, table};
use super::notebook::{ask, question};
use super::pack::Reader;
use super::value::{Argument, Value};
use std::ffi::c_void;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a function is to the word of its name.
#[derive(Clone, Copy, PartialEq)]
pub enum Role {
    Function,
    /// A function that has a gradient.
    Differentiable,
    /// That gradient.
    Gradient,
}

impl Role {
    /// As the kernel calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Differentiable => "differentiable",
            Self::Gradient => "gradient",
        }
    }
}

/// The name under which the gradient of a word is called.
const GRADIENT: &str = "'";

/// Makes a function callable, and tells the notebook. `statement` exports it again in another process.
///
/// # Panics
/// The notebook has something against the name.
#[track_caller]
pub fn register(word: &str, parameters: &[&str], role: Role, statement: &str, function: Exported) {
    let key = match role {
        Role::Gradient => format!("{word}{GRADIENT}"),
        _ => word.to_string(),
    };
    // SAFETY: the name lives through the call; the function is never unloaded.
    unsafe { (table().export)(key.as_ptr(), key.len(), function) };
    let mut about = question("export", 4);
    about.writer.text(word);
    about.writer.text(role.name());
    about.writer.text(statement);
    about.writer.list(parameters.len());
    parameters.iter().for_each(|name| about.writer.text(name));
    if let Err(message) = ask(about) {
        panic!("export!: {message}");
    }
}

/// Calls a function with what a payload holds, and delivers what it gives: a list of `"ok"` and its result, of
/// `"error"` and a message, or of `"panic"`, a message and a line.
///
/// # Safety
/// As the table's functions: the payload and the context are whole.
pub unsafe fn serve(
    payload: RawPayload,
    context: *mut c_void,
    deliver: Deliver,
    call: impl FnOnce(&mut [Value], &mut Packed) -> Result<(), String>,
) {
    // SAFETY: the caller's word.
    let (bytes, mut blocks) = unsafe { open(payload) };
    let mut answer = Packed::default();
    answer.writer.list(2);
    answer.writer.text("ok");
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let values = Value::read(&mut Reader(bytes), &mut blocks);
        match values {
            Some(Value::List(mut values)) => call(&mut values, &mut answer),
            _ => Err("the arguments did not arrive".into()),
        }
    }));
    // What it printed belongs to this call, not to the next cell.
    let _ = std::io::stdout().flush();
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(message)) => {
            answer = Packed::default();
            answer.writer.list(2);
            answer.writer.text("error");
            answer.writer.text(&message);
        }
        Err(_) => {
            let (message, line) = last_panic();
            answer = Packed::default();
            answer.writer.list(3);
            answer.writer.text("panic");
            answer.writer.text(&message);
            answer.writer.int(line);
        }
    }
    // SAFETY: the context is the caller's.
    answer.send(|payload| unsafe { deliver(context, payload) });
}

/// The arguments, if there are as many as parameters.
pub fn arguments<'a>(values: &'a mut [Value], parameters: &[&str]) -> Result<&'a mut [Value], String> {
    match values.len() == parameters.len() {
        true => Ok(values),
        false => Err(format!("takes {}, got {} arguments", parameters.join(", "), values.len())),
    }
}

/// One argument as the parameter's type.
pub fn argument<'a, T: Argument<'a>>(value: Option<&'a mut Value>, name: &str) -> Result<T, String> {
    match value {
        Some(value) => T::read(value).map_err(|why| format!("{name} {why}")),
        None => Err(format!("{name} is missing")),
    }
}
