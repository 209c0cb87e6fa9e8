//! What words show while a cell runs, besides its result.

use super::Notes;
use saddle_session::output::{Data, Output, Stream};

fn notes() -> Notes {
    Notes::with(saddle_words::catalog())
}

/// Width and height of a picture, from the head of its PNG.
fn size(output: &Output) -> Option<(u32, u32)> {
    let (Output::Display { bundle, .. } | Output::Result { bundle }) = output else {
        return None;
    };
    let Some(Data::Bytes(png)) = bundle.get("image/png") else {
        return None;
    };
    assert_eq!(&png[1..4], b"PNG");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    Some((number(16), number(20)))
}

#[test]
fn a_tensor_of_images_is_shown_as_a_picture_beside_its_text() {
    let mut notes = notes();
    for shape in ["[8, 12]", "[3, 8, 8]", "[3, 1, 8, 8]", "[3, 3, 8, 8]"] {
        let outputs = notes.outputs(&format!("show(zeros({shape}))")).unwrap();
        let [Output::Display { bundle, .. }] = outputs.as_slice() else { panic!("{shape}: {outputs:?}") };
        assert!(size(&outputs[0]).is_some(), "{shape}");
        assert!(bundle.plain().starts_with(&format!("tensor {shape} f32")));
    }
    // A wide image gives a wide picture.
    let outputs = notes.outputs("show(zeros([8, 32]))").unwrap();
    let (width, height) = size(&outputs[0]).unwrap();
    assert!(width > 2 * height, "{width}×{height}");
    for other in ["[8]", "[8, 1]", "[1, 8]", "[0, 8]", "[2, 5, 8, 8]", "[]"] {
        let outputs = notes.outputs(&format!("show(zeros({other}))")).unwrap();
        assert_eq!(size(&outputs[0]), None, "{other}");
    }
    // As the value of a cell, a tensor is its text alone.
    let outputs = notes.outputs("zeros([8, 8])").unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Result { bundle }] if bundle.data.len() == 1));
}

#[test]
fn eprint_and_debug_write_to_the_standard_error_stream() {
    let mut notes = notes();
    for (code, expected) in [
        ("eprint(\"a\")", "a\n"),
        ("eprint([1, 2.0])", "[1, 2.0]\n"),
        ("eprint(tensor(2))", "tensor 2\n"),
        ("eprint(7)", "7\n"),
        ("debug(\"a\")", "\"a\"\n"),
    ] {
        let outputs = notes.outputs(code).unwrap();
        let [Output::Text { stream, text }] = outputs.as_slice() else { panic!("{code}: {outputs:?}") };
        assert_eq!((*stream, text.as_str()), (Stream::Stderr, expected));
    }
}

/// In Python `n // 2` is a quotient; here the rest of the line is lost.
#[test]
fn a_comment_that_looks_like_a_quotient_is_told() {
    let mut notes = notes();
    for (code, is_told) in [
        ("let n = 7; n // 2", true),
        ("fn half(n) {\n n // 2\n}", true),
        ("let k = (n + 1) // 2;", true),
        ("n // two", false),
        ("\"a // 2\"", false),
        ("`${n} // 2`", false),
        ("let k = 1; // 2", false),
        ("// 2", false),
    ] {
        // The last line of what is cut off by the comment may lack its `;`.
        let outputs = notes.outputs(code).unwrap_or_default();
        let told =
            |output: &Output| matches!(output, Output::Text { stream: Stream::Stderr, text } if text.contains("div("));
        assert_eq!(outputs.iter().any(told), is_told, "{code}: {outputs:?}");
    }
}

#[test]
fn after_clear_output_a_named_picture_has_a_new_place() {
    let mut notes = notes();
    let outputs = notes
        .outputs("show(\"a\", 1); show(\"a\", 2); clear_output(); show(\"a\", 3); clear_output(#{ wait: true })")
        .unwrap();
    let [
        Output::Display { id: Some(first), .. },
        Output::Update { id: updated, .. },
        Output::Clear { wait: false },
        Output::Display { id: Some(second), .. },
        Output::Clear { wait: true },
    ] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert!(first == updated && first != second);
}

#[test]
fn a_progress_bar_outlives_clear_output() {
    let mut notes = notes();
    let outputs = notes.outputs("for i in progress(3) { if i == 1 { clear_output(); } }").unwrap();
    let kinds: Vec<&str> = outputs
        .iter()
        .map(|output| match output {
            Output::Display { .. } => "display",
            Output::Update { .. } => "update",
            Output::Clear { .. } => "clear",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["display", "clear", "display", "update"]);
}

#[test]
fn a_progress_bar_leaves_no_picture() {
    let outputs = notes().outputs("for i in progress(3) { }").unwrap();
    let Some(Output::Update { bundle, .. }) = outputs.last() else { panic!("{outputs:?}") };
    assert_eq!((bundle.plain(), bundle.get("image/png")), ("", None));
}

#[test]
fn help_by_a_question_mark_is_a_page_and_no_output_of_the_cell() {
    let mut notes = notes();
    let outputs = notes.outputs("let x = 3;\nx?\nrelu??").unwrap();
    let [Output::Page { bundle: x }, Output::Page { bundle: relu }] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(x.plain(), "x: int\n3");
    assert!(relu.plain().starts_with("relu("));
}

#[test]
fn exit_asks_to_leave_unless_it_is_a_variable() {
    let mut notes = notes();
    for word in ["exit", " quit\n"] {
        assert_eq!(notes.outputs(word).unwrap(), [Output::Leave]);
    }
    notes.ok("let exit = 5;");
    assert_eq!(notes.ok("exit"), "5");
}

#[test]
fn saved_cells_run_again_and_a_loaded_file_takes_the_place_of_the_cell() {
    let mut notes = notes();
    let file = std::env::temp_dir().join(format!("saddle-script-{}.rhai", std::process::id()));
    let file = file.display();
    assert!(notes.err(&format!("%save {file}")).starts_with("ValueError: %save: no cell has run"));
    notes.ok("let a = 1; // one");
    notes.ok("a + 1 // two");
    notes.err("let lost = 1; nowhere");
    notes.ok("fn f(x) { x + a }\n%who\nlet b = f(2)");
    notes.ok(&format!("%save {file}"));
    let text = std::fs::read_to_string(file.to_string()).unwrap();
    assert_eq!(text, "let a = 1; // one\n\na + 1 // two\n;\n\nfn f(x) { x + a }\n\nlet b = f(2);\n");
    let outputs = notes.outputs(&format!("%load {file}")).unwrap();
    assert_eq!(outputs, [Output::NextInput { text: text.clone() }]);
    let mut other = super::showing::notes();
    assert_eq!(other.ok(&format!("{text}b")), "3");
    std::fs::remove_file(file.to_string()).unwrap();
    assert!(notes.err(&format!("%load {file}")).starts_with(&format!("FileError: %load: `{file}` cannot be read")));
    assert!(notes.err("%save /nowhere/at/all/x").contains("there is no folder"));
    assert!(notes.err("%load").contains("the path of a file is missing"));
}

#[test]
fn memory_lists_the_largest_variables_and_what_the_tape_holds() {
    let mut notes = notes();
    notes.ok("let big = zeros([1000, 1000]); let both = [zeros([1000, 100]), 1]; let tiny = zeros([2]);");
    notes.ok("let net = linear(999, 100); let long = \"x\"; for _ in 0..11 { long += long; }");
    let text = notes.ok("%memory");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with(" MB resident"), "{text}");
    assert_eq!(lines[1], "0 operations recorded for gradients");
    // A weight of 100 × 999 and a bias of 100 floats; the array's own two elements are 16 bytes each.
    assert_eq!(lines[2..], ["  big   4.0 MB", "  both  400.0 kB", "  net   400.0 kB", "  long  2.0 kB"], "{text}");
    notes.ok("let y = exp(net(zeros([1, 999])));");
    let text = notes.ok("%memory");
    let count: usize =
        text.lines().nth(1).and_then(|line| line.split(' ').next()).and_then(|n| n.parse().ok()).unwrap();
    assert!((2..20).contains(&count), "{text}");
    notes.ok("let y = 0;");
    assert!(notes.ok("%memory").contains("\n0 operations"));
}
