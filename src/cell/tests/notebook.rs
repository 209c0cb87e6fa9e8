//! Variables, functions and values from cell to cell.

use super::Notes;

#[test]
fn variables_and_functions_persist() {
    let mut notes = Notes::new();
    assert_eq!(notes.ok("let a = 2; fn double(x) { x * 2 }"), "");
    assert_eq!(notes.ok("double(a) + 1"), "5");
    assert_eq!(notes.ok("a;"), "");
    notes.ok("fn double(x) { x * 20 }");
    assert_eq!(notes.ok("double(a)"), "40");
}

#[test]
fn functions_and_closures_see_the_newest_value() {
    let mut notes = Notes::new();
    notes.ok("let k = 1; fn plus_k(x) { x + k }  let add = |x| x + k;");
    assert_eq!(notes.ok("plus_k(1)"), "2");
    assert_eq!(notes.ok("add.call(1)"), "2");
    notes.ok("let k = 10;");
    assert_eq!(notes.ok("plus_k(1)"), "11");
    assert_eq!(notes.ok("add.call(1)"), "11");
    assert_eq!(notes.ok("k = 100; plus_k(1) + add.call(1)"), "202");
    assert_eq!(
        notes.ok("let k = 5; let r = plus_k(0); let k = 6; [r, plus_k(0)]"),
        "[5, 6]"
    );
}

#[test]
fn a_function_may_change_a_variable_of_the_notebook() {
    let mut notes = Notes::new();
    notes.ok("let n = 0; let log = []; fn step() { n += 1; log.push(n); }");
    notes.ok("step(); step();");
    assert_eq!(notes.ok("[n, log]"), "[2, [1, 2]]");
}

#[test]
fn a_closure_inside_a_function_sees_the_notebook() {
    let mut notes = Notes::new();
    notes.ok("let k = 3; fn make() { let local = 4; |x| x * k + local }");
    notes.ok("let f = make();");
    assert_eq!(notes.ok("f.call(1)"), "7");
    notes.ok("let k = 5;");
    assert_eq!(notes.ok("f.call(1)"), "9");
}

#[test]
fn values_of_a_kind() {
    let mut notes = Notes::new();
    assert_eq!(notes.ok("let s = scale(3); s"), "scale by 3.0");
    assert_eq!(notes.ok("s.factor"), "3.0");
    assert_eq!(notes.ok("s[2]"), "6.0");
    assert_eq!(
        notes.ok("let t = []; for x in s { t.push(x); } t"),
        "[3.0, 6.0, 9.0]"
    );
    assert_eq!(notes.ok("scale(4, #{ invert: true })"), "scale by 0.25");
}
