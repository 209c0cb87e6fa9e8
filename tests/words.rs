//! Every word that only computes with arguments that nobody would give it on purpose: an answer or one clear error, never a
//! defect of ours, and the notebook goes on.

use saddle_catalog::Entry;
use saddle_cell::RhaiSession;
use saddle_session::output::{Output, Stream};
use saddle_session::{Cell, Frontend, Reply, Session};
use std::sync::{Arc, Mutex};

struct Nobody;

impl Frontend for Nobody {
    fn show(&self, _: Output) {}

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

fn run(session: &RhaiSession, code: &str) -> Reply {
    let cell = Cell { number: 1, code: code.into(), silent: false };
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
    let set = dataset(matrix, [0, 1]);
    let target = ring(2);
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
    "set",
    "target",
    "()",
    "#{ dim: 1 }",
    "#{ dim: [0, 0] }",
    "#{ dim: -9, keepdim: true }",
];

/// The families that only compute: no files, no waiting, no questions.
const FAMILIES: &[&str] = &[
    "creation",
    "tensor",
    "random",
    "operator",
    "math",
    "number",
    "reduction",
    "shape",
    "index",
    "linear algebra",
    "convolution",
    "gradient",
    "initializer",
    "layer",
    "network",
    "loss",
    "penalty",
    "metric",
    "optimizer",
    "picture",
    "data",
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
                at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                VALUES[(at >> 33) % VALUES.len()]
            })
            .collect();
        all.push(call(entry, &args));
    }
    all
}

#[test]
fn no_argument_is_a_defect() {
    let session = RhaiSession::start().expect("a thread");
    assert_eq!(run(&session, SETUP), Reply::Done);
    let mut found = Vec::new();
    let mut count = 0;
    for entry in saddle_words::catalog().entries() {
        if !FAMILIES.contains(&entry.group) {
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
    assert_eq!(run(&session, "check(\"alive\", matrix.shape == [2, 3])"), Reply::Done);
    assert!(count > 10_000, "only {count} calls");
    assert!(found.is_empty(), "{} of {count}:\n{}", found.len(), found.join("\n"));
}

/// What is shown, and what goes to standard error, while a cell runs.
#[derive(Default)]
struct Shown(Mutex<Vec<Output>>);

impl Frontend for Shown {
    fn show(&self, output: Output) {
        self.0.lock().expect("no test holds it").push(output);
    }

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}

/// The text of a cell's value, its errors' text, and its standard error.
fn outcome(session: &RhaiSession, code: &str) -> (String, String) {
    let shown = Arc::new(Shown::default());
    let cell = Cell { number: 1, code: code.into(), silent: false };
    let reply = session.execute(cell, shown.clone());
    let (mut value, mut warnings) = (String::new(), String::new());
    for output in shown.0.lock().expect("the cell is over").iter() {
        match output {
            Output::Result { bundle } => value = bundle.plain().to_string(),
            Output::Text { stream: Stream::Stderr, text } => warnings.push_str(text),
            _ => {}
        }
    }
    if let Reply::Failed(failure) = reply {
        value = format!("{}: {}", failure.name, failure.value);
    }
    (value, warnings)
}

#[test]
fn tensors_behave_like_values_of_the_language() {
    let session = RhaiSession::start().expect("a thread");
    for (code, value) in [
        ("let t = tensor([1, 2]); t == ()", "false"),
        ("[tensor(0.5), 3, ones([2])]", "[tensor 0.5, 3, tensor [2]]"),
        (
            "let m = tensor([1, -2]) > 0; [m == true, false != m, m < true].map(|t| t.to_array())",
            "[[true, false], [true, false], [false, true]]",
        ),
        ("let m = tensor([1, -2]) > 0; [m[0] == true, m[1] == true, true == m[0]]", "[true, false, true]"),
        (
            "let t = tensor([[1, 2], [3, 4]]); [t == [1, 4], [2, 2] > t].map(|t| t.to_array())",
            "[[[true, false], [false, true]], [[true, false], [false, false]]]",
        ),
        ("tensor([1, 2]) == [1, 2, 3]", "ShapeError: "),
        ("\"loss \" + tensor(0.5)", "\"loss tensor 0.5\""),
        ("let t = tensor([1, 2]); t += 1; t *= 2; t.to_array()", "[4.0, 6.0]"),
        ("let s = 0.0; for row in eye(3) { s += sum(row).item(); } s", "3.0"),
        ("[tensor([1, 2]), tensor(3)].map(|t| t.rank)", "[1, 0]"),
        (
            "let t = arange(10); [t[-1].item(), t[2..4].len, t[-3..-1].to_array(), t[[0, 9]].to_array()]",
            "[9, 2, [7, 8], [0, 9]]",
        ),
        ("let t = tensor([3, -1, 2]); t[t > 0].to_array()", "[3.0, 2.0]"),
        (
            "let most = 9223372036854775807; arange(most - 2, most).to_array()",
            "[9223372036854775805, 9223372036854775806]",
        ),
        (
            "[arange(5, 0, -2), arange(0, 5, 3), arange(3, 0), arange(-2)].map(|t| t.to_array())",
            "[[5, 3, 1], [0, 3], [], []]",
        ),
        (
            "arange(-9223372036854775807, 9223372036854775807, 9223372036854775807).to_array()",
            "[-9223372036854775807, 0]",
        ),
        ("ones([2, 3, 4, 4]).repeat([2, 1, 1, 3]).shape", "[4, 3, 4, 12]"),
        (
            "let m = ones([2, 3]); let keep = #{ keepdim: true }; [sum(m, keep), median(m, keep), argmax(m, keep), quantile(m, [0, 1], keep)].map(|t| t.shape)",
            "[[1, 1], [1, 1], [1, 1], [2, 1, 1]]",
        ),
        ("quantile(ones([2, 3]), 0.5, #{ dim: -1, keepdim: true }).shape", "[2, 1]"),
        (
            "let t = randn([4, 3]); let none = t[t[.., 0] > 1e9]; [none[.., 1].shape, exp(none[.., 1..]).shape, sum(none[.., 2]).item(), median(none, #{ dim: 1 }).shape]",
            "[[0], [0, 2], 0.0, [0]]",
        ),
        (
            "let none = zeros([0, 4, 2]); [gru(2, 3)(none).shape, prod(none, #{ dim: 1 }).shape, minibatch_discrimination(2, 3, 2)(none[.., 0]).shape]",
            "[[0, 4, 3], [0, 2], [0, 5]]",
        ),
        ("let x = tensor(2.0); fn cube(v) { v ** 3 } grad(cube(x), x).item()", "12.0"),
        ("let a = rng(5); let b = a; a.rand([1]).item() == b.rand([1]).item()", "false"),
        (
            "seed(1); let a = randn([3]); let r = rng(9); r.randn([50]); let b = randn([3]); seed(1); randn([3]); sum(abs(randn([3]) - b)).item()",
            "0.0",
        ),
        ("let x = tensor(1.0); try { no_grad(|| throw \"out\") } catch { } grad(x * 3, x).item()", "3.0"),
        ("zeros([2])[5]", "IndexError: index 5 is outside dim 0 of [2]"),
        ("ones([2, 3]) + \"a\" == ()", "false"),
        ("sin(\"a\")", "TypeError: sin: x must be a number, got a text"),
        ("ones([200000, 200000])", "ValueError: ones: [200000, 200000] needs 160.0 GB, more than half of the"),
    ] {
        let (shown, _) = outcome(&session, code);
        assert!(shown.starts_with(value), "{code}\n  gives {shown}, not {value}");
    }
}

#[test]
fn an_anomaly_is_reported_once_and_names_its_operation() {
    let session = RhaiSession::start().expect("a thread");
    let (_, warnings) =
        outcome(&session, "detect_anomaly(true); let x = tensor([1, 0]); let y = log(x); let z = y - y; z * 0;");
    assert_eq!(warnings, "warning: log gave 1 infinite of 2 values, shape [2]\n");
    let (_, warnings) = outcome(&session, "detect_anomaly(false); log(tensor([0]));");
    assert_eq!(warnings, "");
}

#[test]
fn a_gradient_of_what_y_does_not_depend_on_is_zeros_with_one_note() {
    let session = RhaiSession::start().expect("a thread");
    let setup = "let a = tensor([1, 2]); let b = ones([2, 3]); let c = tensor(5); let y = sum(a * c);";
    for (code, value, note) in [
        (
            "grad(y, [a, b, c]).map(|g| g.to_array())",
            "[[5.0, 5.0], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 3.0]",
            "grad: y does not depend on input 2 of 3; its gradient is zeros\n",
        ),
        (
            "grad(sum(a), [c, a, b]).map(|g| g.shape)",
            "[[], [2], [2, 3]]",
            "grad: y does not depend on inputs 1 and 3 of 3; their gradients are zeros\n",
        ),
        (
            "let f = linear(1, 2); grad(y, f).map(|g| g.to_array())",
            "[[[0.0], [0.0]], [0.0, 0.0]]",
            "grad: y does not depend on inputs 1 and 2 of 2; their gradients are zeros\n",
        ),
        ("grad(y, [a, c]).len()", "2", ""),
        ("grad(y, [a, b, c], #{ unused: \"error\" })", "ValueError: grad: y does not depend on input 2 of 3", ""),
        ("grad(y, a, #{ unused: \"none\" })", "ValueError: grad: there is no unused \"none\"", ""),
    ] {
        let (shown, said) = outcome(&session, &format!("{setup} {code}"));
        assert_eq!((shown.as_str(), said.as_str()), (value, note), "{code}");
    }
}

/// Held by the tests that loop over batches large enough for a thread: one of them counts the threads.
static BATCHES: Mutex<()> = Mutex::new(());

/// The same batches as those that the places in a permutation of the same seed name, bit for bit, whether a thread gathers
/// them or not; and the notebook's stream goes on where it would without batches.
#[test]
fn batches_are_those_of_a_permutation() {
    let _alone = BATCHES.lock();
    let session = RhaiSession::start().expect("a thread");
    let code = "let x = rng(1).randn([1000, 50]); let y = int(arange(1000)) % 7; let d = dataset(x, y);
        let wrong = 0;
        for m in [3, 300] {
            seed(5);
            let p = permutation(1000);
            let next = rand([1]).item();
            for labelled in [false, true] {
                seed(5);
                let at = 0;
                for b in (if labelled { d.batches_labelled(m) } else { d.batches(m) }) {
                    if at == 0 && rand([1]).item() != next { wrong += 1; }
                    let places = p[at..min(at + m, 1000)];
                    let rows = if labelled { b.x } else { b };
                    wrong += sum(float(rows != x.index_select(0, places))).item();
                    if labelled { wrong += sum(float(b.y != y.index_select(0, places))).item(); }
                    at += places.len;
                }
                if at != 1000 { wrong += 1; }
            }
        }
        wrong == 0";
    assert_eq!(outcome(&session, code).0, "true");
}

/// However a loop over batches ends, the thread that gathers them ends with it.
#[test]
#[cfg(target_os = "linux")]
fn a_loop_that_is_left_leaves_no_thread() {
    let _alone = BATCHES.lock();
    let names = || {
        let threads = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
        threads
            .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
            .filter(|name| name.trim() == "saddle-batches")
            .count()
    };
    let session = RhaiSession::start().expect("a thread");
    outcome(&session, "let d = dataset(zeros([4000, 500]));");
    for (leave, shown) in [("break", ""), ("throw \"enough\"", "Thrown: enough"), ("zeros([2, 3]) @ x", "ShapeError")] {
        let (value, _) = outcome(&session, &format!("for x in d.batches(100) {{ {leave}; }}"));
        assert!(value.contains(shown), "{leave}: {value}");
        assert_eq!(names(), 0, "after {leave}");
    }
    // An interrupt, while the loop runs with its thread.
    let session = Arc::new(session);
    let runs = session.clone();
    let cell = std::thread::spawn(move || outcome(&runs, "loop { for x in d.batches(100) { sum(x); } }").0);
    while names() == 0 && !cell.is_finished() {
        std::thread::yield_now();
    }
    session.interrupt();
    assert!(cell.join().expect("no panic").starts_with("KeyboardInterrupt"));
    assert_eq!(names(), 0, "after an interrupt");
}

/// A rule that a cell wrote runs below `grad`: its error must still point into the cell.
#[test]
fn an_error_in_a_backward_function_points_into_the_cell() {
    let session = RhaiSession::start().expect("a thread");
    let cell = Cell {
        number: 4,
        code: "let f = custom_op(|x| x * 2, |g, x|\n  g + ones([7, 7, 7]));\nlet x = ones([2]);\ngrad(sum(f(x)), x)"
            .into(),
        silent: false,
    };
    let Reply::Failed(failure) = session.execute(cell, Arc::new(Nobody)) else {
        panic!("the shapes do not fit");
    };
    assert_eq!(failure.name, "ShapeError");
    let text = failure.traceback.join("\n");
    assert!(text.contains("In[4], line 2"), "{text}");
}
