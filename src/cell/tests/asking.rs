//! Tab, Shift-Tab, magics, questions and interrupts.

use super::{Notes, Recorder};
use saddle_session::output::Output;
use saddle_session::{Cell, Detail, Reply, Session};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn offered(notes: &Notes, code: &str) -> Vec<String> {
    let found = notes.session.complete(code, code.chars().count());
    found.matches.into_iter().map(|m| m.text).collect()
}

#[test]
fn tab_offers_what_fits_the_place() {
    let mut notes = Notes::new();
    notes.ok("let scaling = scale(2); let conf = #{ rate: 1, steps: 2 }; let list = []; fn score(a, b) { a }");
    assert_eq!(offered(&notes, "1 + sc"), ["scaling", "score", "scale"]);
    assert_eq!(offered(&notes, "scaling."), ["factor", "with"]);
    assert_eq!(offered(&notes, "scaling.fa"), ["factor"]);
    assert_eq!(offered(&notes, "scale(2).w"), ["with"]);
    assert_eq!(offered(&notes, "conf.r"), ["rate", "remove"]);
    assert_eq!(offered(&notes, "list.pu"), ["push"]);
    assert_eq!(offered(&notes, "scale(1, #{ "), ["stride: ", "invert: "]);
    assert_eq!(offered(&notes, "scale(1, #{ stride: 2, in"), ["invert: "]);
    assert_eq!(offered(&notes, "%time"), ["%time", "%timeit"]);
    assert_eq!(offered(&notes, "whi"), ["while"]);
    assert_eq!(offered(&notes, "print(\"sca"), [""; 0]);
    assert_eq!(offered(&notes, "let sca"), [""; 0]);
    // An emoji is one code point; the replaced part is counted in code points.
    let found = notes.session.complete("\"😀\" + scali", 11);
    assert_eq!((found.start, found.end), (6, 11));
    assert_eq!(found.matches[0].signature, "scale");
}

#[test]
fn shift_tab_says_what_a_name_is() {
    let mut notes = Notes::new();
    notes.ok("let rate = 0.5; /// doubles\nfn twice(x) { 2 * x }");
    let says = |code: &str, cursor| notes.session.inspect(code, cursor, Detail::Brief).map(|b| b.plain().to_string());
    assert_eq!(says("scale(3)", 2).unwrap(), "scale(k, #{ stride, invert }) → scale\nmakes a scale");
    assert_eq!(says("scale(3, ", 9).unwrap(), "scale(k, #{ stride, invert }) → scale\nmakes a scale");
    assert_eq!(says("x + rate", 8).unwrap(), "rate: float\n0.5");
    assert_eq!(says("twice(1)", 1).unwrap(), "twice(x)\ndoubles");
    assert_eq!(says("%who", 3).unwrap(), "%who \nthe notebook's variables and functions");
    assert_eq!(says("nothing_here", 3), None);
    let full = notes.session.inspect("check", 1, Detail::Full).unwrap();
    assert!(full.plain().contains("below: number — the value must be less than this (default none)"));
    assert!(full.plain().contains("// error: loss: 0.7 is not below 0.5"));
    assert!(full.get("text/markdown").is_some());
}

/// As Julia's REPL completes them.
#[test]
fn letters_by_their_names() {
    let notes = Notes::new();
    for (code, letters) in [
        ("let \\sigma", &["σ"][..]),
        ("\\Sigma", &["Σ"]),
        ("plot(x, #{ title: \"\\nabl", &["∇"]),
        ("2 * \\var", &["\\varepsilon", "\\vartheta", "\\varkappa", "\\varpi", "\\varrho", "\\varsigma", "\\varphi"]),
        ("\\nothing", &[]),
    ] {
        let found = notes.session.complete(code, code.chars().count());
        let texts: Vec<&str> = found.matches.iter().map(|m| m.text.as_str()).collect();
        assert_eq!(texts, letters, "{code}");
        if !letters.is_empty() {
            assert_eq!(code.chars().nth(found.start), Some('\\'), "{code}");
        }
    }
}

#[test]
fn magics() {
    let mut notes = Notes::new();
    assert!(notes.ok("%time 1 + 1").starts_with("Wall time: "));
    assert!(notes.ok("%time 1 + 1").ends_with("\n2"));
    assert!(notes.ok("%%time\nlet a = 1;\na + 1").ends_with("\n2"));
    assert!(notes.ok("%timeit sqrt(2)").contains(" per loop (mean ± std. dev. of 7 runs"));
    assert_eq!(
        notes.ok("fn f(x) { x } let b = [1, 2];\n%who"),
        "a     int       1\nb     array     [1, 2]\nf(x)  function\n"
    );
    assert!(notes.ok("%memory").ends_with(" MB resident\n0 operations recorded for gradients\n"));
    assert!(notes.ok("%lsmagic").contains("%timeit code"));
    assert_eq!(notes.ok("a?"), "a: int\n1");
    assert!(notes.ok("check??").contains("Options"));
    assert_eq!(notes.ok("let c = 7\n  % 4;\nc"), "3");
    assert_eq!(
        notes.err("%tiem 1"),
        "NameError: there is no magic `%tiem`; did you mean `%time`?\nhint: `%lsmagic` lists them"
    );
    for (magic, says) in [("%mpi -n 3", "mpirun -n 3 saddle run"), ("%%mpi\nlet x = 1;", "mpirun -n 4 saddle run")] {
        let said = notes.err(magic);
        assert!(said.contains("cannot start ranks") && said.contains(says), "{said}");
    }
    assert!(
        notes.err("let q = 1;\n%time 1 + nope").contains("In[14], line 2\n    2 | %time 1 + nope\n                  ^")
    );
    notes.ok("%reset");
    assert!(notes.err("a").contains("`a` is not defined"));
    assert!(notes.err("f(1)").contains("`f` is not defined"));
    assert_eq!(notes.ok("%who"), "no variables and no functions yet\n");
}

#[test]
fn a_defect_is_recorded_and_not_printed() {
    let mut notes = Notes::new();
    assert!(!notes.err("defect()").contains("len is 3"));
    assert!(notes.ok("%debug").contains("the len is 3 but the index is 7"));
}

/// How long a cell takes to end after an interrupt, and its failure's name.
fn interrupted(notes: &Notes, code: &str) -> (Duration, String) {
    let session = notes.session.clone();
    let cell = Cell { number: 99, code: code.into(), silent: false };
    let running = std::thread::Builder::new()
        .name("client".into())
        .spawn(move || session.execute(cell, Arc::new(Recorder::default())))
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    // Answered at once, while the cell runs.
    let asked = Instant::now();
    assert!(!notes.session.complete("sca", 3).matches.is_empty());
    assert!(asked.elapsed() < Duration::from_millis(50));
    let start = Instant::now();
    notes.session.interrupt();
    let reply = running.join().unwrap();
    let Reply::Failed(failure) = reply else { panic!("{code} ended by itself") };
    (start.elapsed(), failure.name)
}

#[test]
fn an_interrupt_ends_a_cell_at_once_and_keeps_its_variables() {
    let mut notes = Notes::new();
    for code in [
        "let n = 0; loop { n += 1; }",
        "let n = 1; sleep(60);",
        "let n = 1; try { loop { } } catch { } loop { }",
        "let n = 1; let f = |x| { loop { } }; apply_twice(f, 1);",
        "let n = 1; [1].map(|x| { loop { } })",
    ] {
        let (time, name) = interrupted(&notes, code);
        assert_eq!(name, "KeyboardInterrupt", "{code}");
        assert!(time < Duration::from_millis(100), "{code}: {time:?}");
        assert_eq!(notes.ok("n > 0"), "true");
    }
}

#[test]
fn a_question_reaches_the_person() {
    let notes = Notes::new();
    let recorder = Arc::new(Recorder { answer: Some("Ada".into()), ..Recorder::default() });
    let cell = Cell { number: 1, code: "`hello ${input(\"name? \")}`".into(), silent: false };
    assert_eq!(notes.session.execute(cell, recorder.clone()), Reply::Done);
    let outputs = recorder.outputs.lock().unwrap();
    assert!(matches!(&outputs[0], Output::Result { bundle } if bundle.plain() == "\"hello Ada\""));
}

#[test]
fn an_expression_is_evaluated_silently() {
    let mut notes = Notes::new();
    notes.ok("let a = 20;");
    assert_eq!(notes.session.evaluate("a + 1").unwrap().plain(), "21");
    assert_eq!(notes.session.evaluate("nope").unwrap_err().name, "NameError");
}

#[test]
fn tab_offers_files_inside_the_text_of_a_path() {
    let folder = std::env::temp_dir().join(format!("saddle-paths-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("données")).unwrap();
    for name in ["data.csv", "digits.npz", ".hidden"] {
        std::fs::write(folder.join(name), "").unwrap();
    }
    let notes = Notes::with(saddle_words::catalog());
    let here = folder.display().to_string();
    let here = here.as_str();
    for (code, names) in [
        (format!("csv(\"{here}/"), &["data.csv", "digits.npz", "données/"][..]),
        (format!("csv(\"{here}/da"), &["data.csv"]),
        (format!("csv(\"{here}/."), &[".hidden"]),
        (format!("mnist(#{{ split: \"test\", folder: \"{here}/do"), &["données/"]),
        (format!("print(\"é\"); csv(\"{here}/dig"), &["digits.npz"]),
        (format!("csv(\"{here}/nowhere/"), &[]),
        // Texts that are no paths.
        (format!("print(\"{here}/"), &[]),
        (format!("mnist(#{{ split: \"{here}/"), &[]),
    ] {
        assert_eq!(offered(&notes, &code), names, "{code}");
    }
    // Only the name after the last `/` is replaced.
    let code = format!("csv(\"{here}/donn");
    let found = notes.session.complete(&code, code.chars().count());
    assert_eq!(found.end - found.start, 4);
    std::fs::remove_dir_all(&folder).unwrap();
}
