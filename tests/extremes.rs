//! Every word that computes with floats (operations, reductions, losses, layers, convolutions, metrics, penalties) at large offsets, at large and tiny scales, at masks of
//! −inf, at ties and at the points where formulas have 0 · ∞: values, first and second gradients against what PyTorch computes in
//! double precision (`tests/extremes/make.py` says how). A word that no case holds is told, unless it stands in [`WITHOUT`].

use saddle_cell::RhaiSession;
use saddle_session::output::{Output, Stream};
use saddle_session::{Cell, Frontend, Reply, Session};
use saddle_tensor::device;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const CASES: &str = include_str!("extremes/cases.json");

/// How far an element may be off: relative to itself, or where it is small to the largest beside it.
const TOLERANCE: [f64; 3] = [1e-5, 1e-4, 1e-4];
/// Which part of the largest element counts as small.
const SMALL: [f64; 3] = [1e-3, 1e-2, 1e-2];

/// The families whose words a case must hold.
const FAMILIES: &[&str] =
    &["math", "operator", "reduction", "loss", "convolution", "linear algebra", "layer", "penalty", "metric"];

/// Words of these families without a case, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("!", "no numbers"),
    ("&", "no numbers"),
    ("|", "no numbers"),
    ("==", "no numbers"),
    ("!=", "no numbers"),
    ("<", "no numbers"),
    ("<=", "no numbers"),
    (">=", "no numbers"),
    ("all", "no numbers"),
    ("any", "no numbers"),
    ("argmax", "whole numbers: tests of ints"),
    ("argmin", "whole numbers: tests of ints"),
    ("made_masks", "whole numbers"),
    ("judge", "trained: its outputs are those of its layers"),
    ("features", "of a judge"),
    ("predict", "of a judge"),
    ("ais", "random: its example has a closed form"),
    ("ssim", "needs larger pictures: tests/similarity has scikit-image's values"),
];

/// What is not yet right on other devices than the CPU, which compute in single precision alone: words, by how their cases begin, and
/// the inputs. Squares of 1e20 overflow and those of 1e-30 vanish, so a scale has to be taken out of them before.
const SINGLE: &[(&[&str], &[&str])] = &[
    (&["norm(", "std(", "cdist(x, x)"], &["scale 1e-30", "scale 1e20", "scale 1e30"]),
    (
        &["layer_norm(", "batch_norm(", "instance_norm(", "conditional_batch_norm(", "group_norm("],
        &["scale 1e20", "scale 1e30"],
    ),
    (&["cdist(x, Y)", "x ** (-2)"], &["scale 1e20", "scale 1e30"]),
    // exp(x) − 1, and x − y floor(x / y).
    (&["expm1(", "elu("], &["scale 1e-30", "scale 1e-8"]),
    (&["x % "], &["offset 1e4", "offset 1e8", "scale 10", "scale 1e8", "scale 1e20", "scale 1e30"]),
];

/// Whether a case is known to be off on the device that computes.
fn is_known(code: &str, input: &str) -> bool {
    let on_cpu = device::current().to_string() == "cpu";
    !on_cpu
        && SINGLE
            .iter()
            .any(|(words, inputs)| inputs.contains(&input) && words.iter().any(|word| code.starts_with(word)))
}

/// Keeps what a cell prints.
#[derive(Default)]
struct Printed(Mutex<String>);

impl Frontend for Printed {
    fn show(&self, output: Output) {
        if let Output::Text { stream: Stream::Stdout, text } = output {
            self.0.lock().unwrap().push_str(&text);
        }
    }

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

fn run(session: &RhaiSession, code: String) -> String {
    let printed = Arc::new(Printed::default());
    match session.execute(Cell { number: 1, code: code.clone(), silent: false }, printed.clone()) {
        Reply::Done => printed.0.lock().unwrap().clone(),
        Reply::Failed(failure) => panic!("{code}: {}: {}", failure.name, failure.value),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// An array of the language; infinite in single precision is what a float of the language is not.
fn literal(values: &[f64]) -> String {
    let texts: Vec<String> = values
        .iter()
        .map(|&v| if v.is_infinite() { format!("{}1e48", if v < 0.0 { "-" } else { "" }) } else { format!("{v:e}") })
        .collect();
    format!("[{}]", texts.join(", "))
}

/// What the elements of a value are weighed with, as in `make.py`.
fn weights(n: usize) -> Vec<f64> {
    let one = |i: usize| f64::from((((i * 37 + 11 + 13 * 4) % 64) as f64 / 32.0 - 0.7) as f32);
    if n == 1 { vec![1.0] } else { (0..n).map(one).collect() }
}

/// A value and its gradients, each as numbers.
fn computed(session: &RhaiSession, code: &str, x: &[f64], n: usize, orders: usize) -> Vec<Vec<f64>> {
    let mut cell = format!(
        "{{ let x = tensor({}).reshape([2, 4]); let f = {code}; let w = tensor({}).reshape(f.shape);\n\
         print(f.reshape([-1]).to_array()); print(\";\"); let total = sum(f * w);\n",
        literal(x),
        literal(&weights(n)),
    );
    for _ in 0..orders {
        cell += "let g = grad(total, x, #{ create_graph: true, unused: \"zeros\" });\n\
                 print(g.reshape([-1]).to_array()); print(\";\"); total = sum(g * W);\n";
    }
    let printed = run(session, cell + "}");
    let parts = printed.split(';').filter(|part| part.contains('['));
    let numbers = |part: &str| -> Vec<f64> {
        let texts = part.split(|c: char| "[], \n".contains(c)).filter(|text| !text.is_empty());
        texts.map(|text| text.parse().unwrap_or_else(|_| panic!("{code}: {text} in {part}"))).collect()
    };
    parts.map(numbers).collect()
}

/// What is wrong with the elements, if anything is.
fn off(got: &[f64], exact: &[Option<f64>], order: usize) -> Option<String> {
    if got.len() != exact.len() {
        return Some(format!("{} elements instead of {}", got.len(), exact.len()));
    }
    let finite = |v: &Option<f64>| v.filter(|v| v.is_finite()).map_or(0.0, f64::abs);
    let top = exact.iter().map(finite).fold(0.0, f64::max);
    let wrong = |(got, exact): (&f64, &Option<f64>)| {
        let exact = (*exact)?;
        let size = exact.abs().max(SMALL[order] * top).max(f64::from(f32::MIN_POSITIVE));
        let fits = *got == exact || (got - exact).abs() <= TOLERANCE[order] * size;
        (!fits).then(|| format!("{got:e} instead of {exact:e}"))
    };
    got.iter().zip(exact).find_map(wrong)
}

#[test]
fn words_are_right_where_single_precision_is_tight() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let session = RhaiSession::start().unwrap();
    let fixed =
        |name: &str| -> Vec<f64> { cases["fixed"][name].as_array().unwrap().iter().filter_map(number).collect() };
    let setup = format!(
        "let Y = tensor({}).reshape([2, 4]); let W = tensor({}).reshape([2, 4]); let labels = int({});",
        literal(&fixed("Y")),
        literal(&fixed("W")),
        literal(&fixed("labels")),
    );
    run(&session, setup);
    let (mut tried, mut wrong) = (0, Vec::new());
    for case in cases["cases"].as_array().unwrap() {
        let code = case["code"].as_str().unwrap();
        for (name, exact) in case["at"].as_object().unwrap() {
            let x: Vec<f64> = cases["inputs"][name].as_array().unwrap().iter().filter_map(number).collect();
            let exact: Vec<Vec<Option<f64>>> = exact
                .as_array()
                .unwrap()
                .iter()
                .map(|all| all.as_array().unwrap().iter().map(number).collect())
                .collect();
            let got = computed(&session, code, &x, exact[0].len(), exact.len() - 1);
            for (order, (got, exact)) in got.iter().zip(&exact).enumerate() {
                let what = ["value", "gradient", "second gradient"][order];
                let off = off(got, exact, order).filter(|_| !is_known(code, name));
                wrong.extend(off.map(|how| format!("{code} at {name}: {what}: {how}")));
            }
            tried += exact.len();
        }
    }
    assert!(tried > 5000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_word_has_a_case() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let codes: Vec<&str> = cases["cases"].as_array().unwrap().iter().filter_map(|c| c["code"].as_str()).collect();
    let held = |word: &str| match word.starts_with(|c: char| c.is_alphabetic()) {
        true => codes.iter().any(|code| {
            let called = format!("{word}(");
            code.match_indices(&called).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        }),
        false => codes.iter().any(|code| code.contains(word)),
    };
    let words = saddle_words::catalog().entries().filter(|entry| FAMILIES.contains(&entry.group));
    let without: BTreeSet<&str> = WITHOUT.iter().map(|(word, _)| *word).collect();
    let missing: BTreeSet<&str> =
        words.map(|entry| entry.name).filter(|word| !held(word) && !without.contains(word)).collect();
    assert!(missing.is_empty(), "no case in tests/extremes/make.py holds {missing:?}");
}
