//! Reports, from verdicts alone.

use super::*;
use crate::compare::Limits;
use crate::run::Failed;
use crate::tests::notebook;
use base64::Engine as _;
use saddle_session::Failure;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Cursor;
use std::time::Duration;

fn printed(text: &str) -> Value {
    json!({ "output_type": "stream", "name": "stdout", "text": text })
}

fn grey(level: u8) -> Value {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::GrayImage::from_fn(48, 40, |x, _| image::Luma([if x % 8 < 4 { level } else { 0 }]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes.into_inner());
    json!({ "output_type": "display_data", "metadata": {}, "data": { "image/png": base64 } })
}

fn entry(name: &str, stored: &[&[Value]], new: &[&[Value]], failed: Option<&Failed>) -> Entry {
    let document = |cells: &[&[Value]]| {
        let mut document = notebook(&vec![("let x = 1 < 2;", &[][..]); cells.len()]);
        for (cell, outputs) in document.cells.iter_mut().zip(cells) {
            cell.outputs = outputs.to_vec();
            cell.count = Some(1);
        }
        document
    };
    let took = HashMap::from([(0, Duration::from_millis(1500))]);
    let trial = Trial::judge(document(stored), document(new), &Limits::default(), failed, took, Duration::from_secs(2));
    Entry { name: name.into(), outcome: NotebookResult::Ran(Box::new(trial)), updated: None }
}

#[test]
fn the_terminal_sees_the_lines_that_differ_and_those_next_to_them() {
    let stored = printed("a\nb\nc 1\nd\ne\nf 1\ng\n");
    let new = printed("a\nb\nc 2\nd\ne\nf 1\ng\n");
    let entry = entry("n.ipynb", &[&[stored]], &[&[new]], None);
    assert_eq!(
        text(&entry),
        "n.ipynb (2.0 s)\n  cell 1: let x = 1 < 2;\n    stdout:\n        b\n      - c 1\n      + c 2\n        d\n  \
         0 same, 1 different\n"
    );
}

#[test]
fn two_pictures_are_described_by_how_alike_they_are() {
    let entry = entry("n.ipynb", &[&[grey(250)]], &[&[grey(20)]], None);
    let text = text(&entry);
    assert!(text.contains("display 1, image/png: similarity 0."), "{text}");
    assert!(text.contains("at least 0.9 is wanted"), "{text}");
    let page = page(&[entry]);
    assert_eq!(page.matches("<img ").count(), 3, "stored, now, and where they differ");
    assert!(!page.contains("<script") && !page.contains("http"), "nothing is fetched");
}

#[test]
fn the_build_server_gets_a_suite_for_each_notebook_and_a_case_for_each_cell() {
    let failure = Failure {
        name: "ValueError".into(),
        value: "\"a\" < b".into(),
        traceback: vec!["\x1b[31mValueError\x1b[0m".into()],
    };
    let failed = Failed { index: 0, failure };
    let bad = entry("a/b.ipynb", &[&[]], &[&[]], Some(&failed));
    let different = entry("c.ipynb", &[&[printed("1\x07")]], &[&[printed("2")]], None);
    let refused = Entry {
        name: "d.ipynb".into(),
        outcome: NotebookResult::Refused(Fault::file("cannot read d.ipynb")),
        updated: None,
    };
    let xml = junit(&[bad, different, refused]);
    assert!(
        xml.contains(
            "<testsuites name=\"saddle test\" tests=\"3\" failures=\"1\" errors=\"2\" skipped=\"0\" time=\"4.000\">"
        ),
        "{xml}"
    );
    assert!(xml.contains("<testcase classname=\"a.b\" name=\"cell 1: let x = 1 &lt; 2;\" time=\"1.500\"><error type=\"ValueError\" message=\"&quot;a&quot; &lt; b\">ValueError</error>"), "{xml}");
    assert!(xml.contains("- 1\u{fffd}\n") && !xml.contains('\x07'), "{xml}");
    assert!(xml.contains("<error message=\"cannot read d.ipynb\"/>"), "{xml}");
}

#[test]
fn a_page_escapes_what_cells_print() {
    let page = page(&[entry("<n>.ipynb", &[&[printed("<script>1")]], &[&[printed("<b>2")]], None)]);
    assert!(page.contains("<del>&lt;script&gt;1</del>") && page.contains("<ins>&lt;b&gt;2</ins>"), "{page}");
    assert!(page.contains("&lt;n&gt;.ipynb") && !page.contains("<script"));
    assert!(page.contains("<title>0 of 1 notebooks as stored</title>"), "{page}");
}
