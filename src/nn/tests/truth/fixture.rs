//! Reads the fixtures and compares.

use saddle_fault::Result;
use saddle_tensor::{GradOptions, Tensor, device, grad};
use serde_json::Value;

/// Of the larger of 1 and the value itself. The truth is computed in double precision, the tape in single.
const TOLERANCE: f64 = 1e-4;

/// The records of a fixture.
pub fn read(name: &str) -> Vec<Value> {
    // Cargo says where the crate lies; a test's program that was carried elsewhere (benches/gpu) is told.
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").into());
    let path = format!("{root}/../nn/tests/truth/{name}");
    let text = std::fs::read_to_string(&path).expect(&path);
    match serde_json::from_str(&text).expect(&path) {
        Value::Array(records) => records,
        other => panic!("{path} holds {other}"),
    }
}

/// A tensor of a fixture.
pub fn tensor(v: &Value) -> Tensor {
    let list = |key: &str| v[key].as_array();
    let shape: Vec<usize> =
        list("shape").expect("a shape").iter().map(|n| n.as_u64().expect("a size") as usize).collect();
    match (list("f32"), list("int")) {
        (Some(floats), _) => {
            let floats = floats.iter().map(|x| x.as_f64().expect("a number") as f32).collect();
            Tensor::from_floats(floats, &shape, &device::current())
        }
        (None, Some(ints)) => {
            let ints = ints.iter().map(|x| x.as_i64().expect("an int") as i32).collect();
            Tensor::from_ints(ints, &shape, &device::current())
        }
        _ => panic!("{v} holds no numbers"),
    }
}

fn tensors(v: &Value) -> Vec<Tensor> {
    v.as_array().map(|all| all.iter().map(tensor).collect()).unwrap_or_default()
}

/// What is wrong with a value, if something is.
pub fn compare(what: &str, ours: &Tensor, truth: &Value) -> Option<String> {
    let truth = tensor(truth);
    if ours.shape() != truth.shape() {
        return Some(format!("{what}: shape {}, truth {}", ours.shape(), truth.shape()));
    }
    let (ours, truth) = (ours.to_floats().ok()?, truth.to_floats().ok()?);
    let far = ours.iter().zip(&truth).find(|(a, b)| {
        let (a, b) = (f64::from(**a), f64::from(**b));
        // Written so that NaN fails.
        let fits = (a - b).abs() <= TOLERANCE * b.abs().max(1.0);
        !fits
    });
    far.map(|_| format!("{what}: {ours:?}, truth {truth:?}"))
}

pub type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// Checks every record of a fixture with the operation of its name; records and operations must be the same set.
pub fn check(fixture: &str, operations: Vec<(&'static str, Operation)>) {
    let records = read(fixture);
    let mut found = Vec::new();
    for (name, _) in &operations {
        if !records.iter().any(|r| r["name"] == *name) {
            found.push(format!("{name}: not in {fixture}"));
        }
    }
    for record in &records {
        let name = record["name"].as_str().expect("a name");
        match operations.iter().find(|(n, _)| *n == name) {
            Some((_, f)) => match complaints(name, record, f) {
                Ok(these) => found.extend(these),
                Err(fault) => found.push(format!("{name}: {fault}")),
            },
            None => found.push(format!("{name}: no operation is tested against it")),
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The operation of that name. For `src/burn/tests`, as the next is.
#[allow(dead_code)]
pub fn operation<'a>(operations: &'a [(&'static str, Operation)], name: &str) -> &'a Operation {
    let found = operations.iter().find(|(n, _)| *n == name);
    &found.expect(name).1
}

/// dL/dx of a record's loss L = sum(w · (y + y²)), by the tape.
#[allow(dead_code)]
pub fn gradients(record: &Value, f: &Operation) -> Result<Vec<Tensor>> {
    let inputs = tensors(&record["inputs"]);
    let wrt = wrt(record, &inputs);
    first(record, &f(&inputs)?, &wrt, false)
}

/// The inputs that a record's gradients are taken with respect to.
fn wrt<'a>(record: &Value, inputs: &'a [Tensor]) -> Vec<&'a Tensor> {
    let places = record["wrt"].as_array().expect("wrt").iter();
    places.map(|i| &inputs[i.as_u64().expect("a place") as usize]).collect()
}

fn first(record: &Value, y: &Tensor, wrt: &[&Tensor], create_graph: bool) -> Result<Vec<Tensor>> {
    let loss = y.add(&y.square()?)?.mul(&tensor(&record["w"]))?.sum()?;
    Ok(filled(grad(&loss, wrt, None, GradOptions { create_graph })?, wrt))
}

fn complaints(name: &str, record: &Value, f: &Operation) -> Result<Vec<String>> {
    let inputs = tensors(&record["inputs"]);
    let y = f(&inputs)?;
    let mut found: Vec<String> = compare(&format!("{name}, value"), &y, &record["output"]).into_iter().collect();
    let wrt = wrt(record, &inputs);
    if wrt.is_empty() {
        return Ok(found);
    }
    let first = first(record, &y, &wrt, true)?;
    let mut along = Tensor::scalar(0.0);
    for (g, v) in first.iter().zip(tensors(&record["v"])) {
        along = along.add(&g.mul(&v)?.sum()?)?;
    }
    let second = filled(grad(&along, &wrt, None, GradOptions::default())?, &wrt);
    for (order, ours) in [("first", first), ("second", second)] {
        let truth = record[order].as_array().expect("gradients");
        for (i, (g, truth)) in ours.iter().zip(truth).enumerate() {
            found.extend(compare(&format!("{name}, {order} order, input {i}"), g, truth));
        }
    }
    Ok(found)
}

fn filled(grads: Vec<Option<Tensor>>, wrt: &[&Tensor]) -> Vec<Tensor> {
    grads.into_iter().zip(wrt).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like())).collect()
}
