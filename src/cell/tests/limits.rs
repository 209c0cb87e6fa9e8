//! Memory over many re-runs, and the deepest that cells may go.

use super::Notes;
use crate::grammar::{DEEPEST_CALL, DEEPEST_EXPRESSION};
use crate::memory::resident_bytes;

#[test]
fn a_thousand_reruns_do_not_grow() {
    let mut notes = Notes::new();
    let cell = "let t = buffer(10000000); let u = [t, t]; let f = |x| t; fn g() { t } \
                for i in 0..2 { let inner = t; } let t = g(); let m = #{ f: f }; t";
    let mut after_ten = 0;
    for i in 0..1000 {
        assert_eq!(notes.ok(cell), "10000000 bytes");
        if i == 9 {
            after_ten = resident_bytes().unwrap();
        }
    }
    let now = resident_bytes().unwrap();
    // Other tests run in this process at the same time: leave room for them, but not for one buffer in ten re-runs.
    assert!(now < after_ten + 500_000_000, "{after_ten} → {now}");
}

/// The deepest calls of the deepest expressions: an error each, and never the end of the stack.
#[test]
fn the_deepest_recursion_is_an_error() {
    let mut notes = Notes::new();
    let open = "(0 + ".repeat(DEEPEST_EXPRESSION / 4 - 4);
    let close = ")".repeat(DEEPEST_EXPRESSION / 4 - 4);
    for code in [
        format!("fn f(n) {{ {open} f(n + 1) {close} }} f(0)"),
        format!("let f = |n| {open} f(n + 1) {close}; f(0)"),
        format!("let f = |n| {open} apply_twice(f, n + 1) {close}; f(0)"),
        format!("let f = |n| {open} [n].map(f)[0] {close}; f(0)"),
        format!("fn id(x) {{ x }} fn f(n) {{ {} f(n + 1) {} }} f(0)", "id(".repeat(100), ")".repeat(100)),
        format!("fn g(n) {{ {open} f(n) {close} }} let f = |n| {open} g(n) {close}; f(0)"),
    ] {
        // Twice: the second time the closure is a variable that is known when the cell is read.
        for _ in 0..2 {
            let text = notes.err(&code);
            assert!(text.starts_with(&format!("ValueError: calls are nested more than {DEEPEST_CALL} deep")), "{text}");
        }
    }
    assert_eq!(notes.ok("1 + 1"), "2");
}

/// What a recursive function needs in practice.
#[test]
fn ordinary_recursion_works() {
    let mut notes = Notes::new();
    notes.ok("fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }");
    assert_eq!(notes.ok("fib(15)"), "610");
    assert_eq!(notes.ok("fn down(n) { if n == 0 { 0 } else { 1 + down(n - 1) } } down(120)"), "120");
}
