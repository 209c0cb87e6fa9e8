//! The notebook's variables.

use super::link::{Packed, receive, table};
use super::pack::Reader;
use super::tensor::Tensor;
use super::value::{Pack, Value};

/// A tensor of the notebook, by the name of its variable. Numbers of any type come as 32-bit floats.
///
/// # Panics
/// There is no such variable, or it is no tensor: the cell fails and says so.
#[track_caller]
pub fn get(name: &str) -> Tensor {
    match variable(name) {
        Value::Tensor(x) => x,
        _ => panic!("get: `{name}` is no tensor; get_number and get_text give numbers and texts"),
    }
}

/// A number of the notebook, by the name of its variable.
///
/// # Panics
/// There is no such variable, or it is no number.
#[track_caller]
pub fn get_number(name: &str) -> f64 {
    match variable(name) {
        Value::Float(x) => x,
        Value::Int(n) => n as f64,
        Value::Tensor(x) if x.len() == 1 => f64::from(x[0]),
        _ => panic!("get_number: `{name}` is no number"),
    }
}

/// A text of the notebook, by the name of its variable.
///
/// # Panics
/// There is no such variable, or it is no text.
#[track_caller]
pub fn get_text(name: &str) -> String {
    match variable(name) {
        Value::Text(text) => text,
        _ => panic!("get_text: `{name}` is no text"),
    }
}

/// Sets a variable of the notebook: to a tensor, a number, a truth value, a text, or an array of them.
///
/// # Panics
/// The name cannot be that of a variable; there is no memory to share.
#[track_caller]
pub fn put(name: &str, value: impl Pack) {
    let mut question = question("put", 2);
    question.writer.text(name);
    let asked = value.pack(&mut question).and_then(|()| ask(question));
    if let Err(message) = asked {
        panic!("put: {message}");
    }
}

#[track_caller]
fn variable(name: &str) -> Value {
    let mut question = question("get", 1);
    question.writer.text(name);
    match ask(question) {
        Ok(value) => value,
        Err(message) => panic!("get: {message}"),
    }
}

/// A question of that kind with so many values to come.
pub fn question(kind: &str, values: usize) -> Packed {
    let mut question = Packed::default();
    question.writer.list(1 + values);
    question.writer.text(kind);
    question
}

/// Asks the notebook.
///
/// # Errors
/// What the notebook has against it.
pub fn ask(question: Packed) -> Result<Value, String> {
    let answer = receive(
        // SAFETY: the payload is whole, and the context is that of the answer's reader.
        |context, deliver| question.send(|payload| unsafe { (table().ask)(payload, context, deliver) }),
        |bytes, mut blocks| {
            let mut reader = Reader(bytes);
            match (reader.list(), reader.text()) {
                (Some(2), Some("ok")) => Value::read(&mut reader, &mut blocks).map(Ok),
                (Some(2), Some("error")) => reader.text().map(|text| Err(text.to_string())),
                _ => None,
            }
        },
    );
    let unheard = || Err("the notebook has not answered".into());
    answer.flatten().unwrap_or_else(unheard)
}
