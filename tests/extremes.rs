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
    ("isnan", "no numbers"),
    ("isfinite", "no numbers"),
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

/// What graphics processors are known to get wrong, by how cases begin, and at which inputs: their sine and cosine take the angle modulo
/// 2π in single precision, which leaves nothing of a large one.
const ANGLES: (&[&str], &[&str]) =
    (&["sin(", "cos(", "tan("], &["offset 1e8", "scale 1e8", "scale 1e20", "scale 1e30"]);

/// Whether a case is known to be off on the device that computes.
fn is_known(code: &str, input: &str) -> bool {
    let (words, inputs) = ANGLES;
    is_graphics() && words.iter().any(|word| code.starts_with(word)) && inputs.contains(&input)
}

/// What a device that software plays is not asked: products, of which it tries several kernels for each shape, at ten seconds of a
/// processor each. `truth` has them there, with gradients.
const PRODUCTS: &[&str] = &[
    "@",
    "matmul",
    "linear",
    "conv",
    "attention",
    "lstm",
    "gru",
    "maxout",
    "discrimination",
    "einsum",
    "dot",
    "inv",
    "slogdet",
    "resize",
    "bilinear",
];

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

/// Whether the code of a case has a word in it.
fn holds(code: &str, word: &str) -> bool {
    if !word.starts_with(|c: char| c.is_alphabetic()) {
        return code.contains(word);
    }
    let called = format!("{word}(");
    let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices(&called).any(|(at, _)| begins(at))
}

/// The words that a case must hold.
fn words() -> Vec<&'static str> {
    let words = saddle_words::catalog().entries().filter(|entry| FAMILIES.contains(&entry.group));
    let without: BTreeSet<&str> = WITHOUT.iter().map(|(word, _)| *word).collect();
    words.map(|entry| entry.name).filter(|word| !without.contains(word)).collect()
}

fn is_graphics() -> bool {
    !["cpu", "ndarray"].contains(&device::current().to_string().as_str())
}

/// Whether software plays the graphics processor that computes.
fn is_played() -> bool {
    let name = device::current().to_string();
    device::list().iter().any(|device| device.name == name && device.detail.contains("software"))
}

/// Which cases to try, each at which inputs: all. A graphics processor compiles kernels for each case, for a good part of a second where
/// software plays it: there every word has one case, at a large scale, a small one, and one of the other inputs in turn, with its first
/// gradient only.
fn sample(cases: &[Value]) -> Vec<(&Value, Vec<&str>)> {
    if !is_played() {
        return cases.iter().map(|case| (case, inputs(case))).collect();
    }
    let mut chosen: Vec<&Value> = Vec::new();
    for word in words() {
        let has =
            |case: &&Value| holds(code(case), word) && !PRODUCTS.iter().any(|product| code(case).contains(product));
        if !chosen.iter().any(has) {
            chosen.extend(cases.iter().find(has));
        }
    }
    chosen.into_iter().enumerate().map(|(turn, case)| (case, three(&inputs(case), turn))).collect()
}

/// Of the names of inputs those of a large scale, of a small one, and the one among the others whose turn it is.
fn three<'a>(all: &[&'a str], turn: usize) -> Vec<&'a str> {
    let first = |of: &[&str]| of.iter().find_map(|name| all.iter().find(|&have| have == name)).copied();
    let scales = [first(&["scale 1e30", "scale 1e20", "scale 1e8"]), first(&["scale 1e-30", "scale 1e-8"])];
    let others: Vec<&str> = all.iter().copied().filter(|&name| !scales.contains(&Some(name))).collect();
    let other = others.get(turn % others.len().max(1)).copied();
    scales.into_iter().flatten().chain(other).collect()
}

fn code(case: &Value) -> &str {
    case["code"].as_str().unwrap()
}

fn inputs(case: &Value) -> Vec<&str> {
    case["at"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn words_are_right_where_single_precision_is_tight() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let session = RhaiSession::start().unwrap();
    // Else what SADDLE_DEVICE names would be tried on the CPU.
    assert_eq!(device::trouble().map(|fault| fault.message), None);
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
    let all = cases["cases"].as_array().unwrap();
    let sample = sample(all);
    let (is_whole, is_played) = (sample.len() == all.len(), is_played());
    for (case, names) in sample {
        let code = code(case);
        for name in names {
            let x: Vec<f64> = cases["inputs"][name].as_array().unwrap().iter().filter_map(number).collect();
            let exact: Vec<Vec<Option<f64>>> = case["at"][name]
                .as_array()
                .unwrap()
                .iter()
                .map(|all| all.as_array().unwrap().iter().map(number).collect())
                .collect();
            // A gradient of a gradient has kernels of its own.
            let orders = if is_played { exact.len().min(2) } else { exact.len() };
            let got = computed(&session, code, &x, exact[0].len(), orders - 1);
            for (order, (got, exact)) in got.iter().zip(&exact).enumerate() {
                let what = ["value", "gradient", "second gradient"][order];
                let off = off(got, exact, order).filter(|_| !is_known(code, name));
                wrong.extend(off.map(|how| format!("{code} at {name}: {what}: {how}")));
            }
            tried += got.len();
        }
    }
    assert!(tried > if is_whole { 5000 } else { 400 }, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_word_has_a_case() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    let held = |word: &str| cases.iter().any(|case| holds(code(case), word));
    let missing: Vec<&str> = words().into_iter().filter(|word| !held(word)).collect();
    assert!(missing.is_empty(), "no case in tests/extremes/make.py holds {missing:?}");
}
