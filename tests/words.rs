//! Every word about tensors with arguments that nobody would give it on purpose: an answer or one clear error, never a
//! defect of ours, and the notebook goes on.

use saddlepoint::catalog::Entry;
use saddlepoint::cell::Session;
use saddlepoint::output::Output;
use saddlepoint::session::{Cell, Frontend, Notebook, Reply};
use std::sync::Arc;

struct Nobody;

impl Frontend for Nobody {
    fn show(&self, _: Output) {}

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

fn run(session: &Session, code: &str) -> Reply {
    let cell = Cell {
        number: 1,
        code: code.into(),
        silent: false,
    };
    session.execute(cell, Arc::new(Nobody))
}

const SETUP: &str = r#"
    let number = tensor(0.5);
    let none = zeros([0]);
    let vector = tensor([-1, 0, 2.5]);
    let matrix = tensor([[1, 2, 3], [4, 5, 6]]);
    let empty = zeros([2, 0, 3]);
    let images = ones([1, 2, 4, 4]);
    let deep = ones([1, 2, 1, 2, 1, 2]);
    let view = arange(12).reshape([3, 4]).t()[1..3];
    let odd = log(tensor([-1, 0]));
    let labels = int([0, 2, 1]);
    let mask = vector > 0;
    let net = sequential([]);
"#;

/// Values that a first, second, … argument may be.
const VALUES: &[&str] = &[
    "number",
    "none",
    "vector",
    "matrix",
    "empty",
    "images",
    "deep",
    "view",
    "odd",
    "labels",
    "mask",
    "0",
    "1",
    "2",
    "-1",
    "-7",
    "0.5",
    "1e300",
    "9999999999",
    "-9223372036854775808",
    "true",
    "\"\"",
    "\"ij,jk->ik\"",
    "[]",
    "[0]",
    "[2, 3]",
    "[-1, 2]",
    "[1, 1, 1, 1, 1, 1, 1]",
    "[4000000000, 4000000000]",
    "[matrix, matrix]",
    "[vector, 1]",
    "[[1], [2, 3]]",
    "1..3",
    "-9..99",
    "0..=-1",
    "|x| x",
    "()",
    "#{ dim: 1 }",
    "#{ dim: [0, 0] }",
    "#{ dim: -9, keepdim: true }",
];

/// Words that are not about values: they wait, ask or change the session.
const LEFT_OUT: &[&str] = &[
    "sleep",
    "input",
    "password",
    "check",
    "print",
    "help",
    "device",
    "seed",
    "rng",
    "detect_anomaly",
];

fn call(entry: &Entry, args: &[&str]) -> String {
    let is_word = entry.name.starts_with(|c: char| c.is_alphabetic());
    match args {
        [x] if !is_word => format!("{}({x})", entry.name),
        [a, b] if !is_word => format!("({a}) {} ({b})", entry.name),
        _ => format!("{}({})", entry.name, args.join(", ")),
    }
}

/// Calls with each value alone, with half of all pairs, and with a sample of more.
fn calls(entry: &Entry) -> Vec<String> {
    let mut all: Vec<String> = VALUES.iter().map(|a| call(entry, &[a])).collect();
    if *entry.arities().end() + usize::from(!entry.options.is_empty()) < 2 {
        return all;
    }
    for (i, a) in VALUES.iter().enumerate() {
        let half = VALUES.iter().skip(i % 2).step_by(2);
        all.extend(half.map(|b| call(entry, &[a, b])));
    }
    let most = entry.params.len() + usize::from(!entry.options.is_empty());
    let mut at = entry.name.len() * 131 + 7;
    for _ in 0..if most > 2 { 300 } else { 0 } {
        let args: Vec<&str> = (0..most)
            .map(|_| {
                at = at
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                VALUES[(at >> 33) % VALUES.len()]
            })
            .collect();
        all.push(call(entry, &args));
    }
    all
}

#[test]
fn no_argument_is_a_defect() {
    let session = Session::start().expect("a thread");
    assert_eq!(run(&session, SETUP), Reply::Done);
    let mut found = Vec::new();
    let mut count = 0;
    for entry in saddlepoint::words::catalog().entries() {
        if LEFT_OUT.contains(&entry.name) {
            continue;
        }
        for code in calls(entry) {
            // Rhai's own word for arrays, which has no limit.
            if code.starts_with("pad([") {
                continue;
            }
            count += 1;
            if let Reply::Failed(failure) = run(&session, &code)
                && failure.name == "InternalError"
            {
                found.push(format!("{code}: {}", failure.value));
            }
        }
    }
    assert_eq!(
        run(&session, "check(\"alive\", matrix.shape == [2, 3])"),
        Reply::Done
    );
    assert!(count > 10_000, "only {count} calls");
    assert!(
        found.is_empty(),
        "{} of {count}:\n{}",
        found.len(),
        found.join("\n")
    );
}
