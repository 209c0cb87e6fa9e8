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
    assert_eq!(notes.ok("let k = 5; let r = plus_k(0); let k = 6; [r, plus_k(0)]"), "[5, 6]");
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
    assert_eq!(notes.ok("let t = []; for x in s { t.push(x); } t"), "[3.0, 6.0, 9.0]");
    assert_eq!(notes.ok("scale(4, #{ invert: true })"), "scale by 0.25");
}

#[test]
fn variables_are_called_like_functions() {
    let mut notes = Notes::new();
    notes.ok("let s = scale(3); let f = |x| s(x) + 1; let nets = #{ s: s, list: [s, f] };");
    assert_eq!(notes.ok("[s(2), f(2)]"), "[6.0, 7.0]");
    assert_eq!(notes.ok("fn g(h, x) { h(s(x)) } [g(s, 1), g(f, 1)]"), "[9.0, 10.0]");
    assert_eq!(notes.ok("[nets.s(1), nets.list[1](1)]"), "[3.0, 4.0]");
    assert_eq!(notes.ok("apply_twice(s, 1) + apply_twice(f, 1)"), "22.0");
    assert_eq!(notes.ok("[1, 2].map(s)"), "[3.0, 6.0]");
    assert_eq!(notes.ok("fn make(n) { |x| x * n } make(2)(3)"), "6");
}

#[test]
fn a_closure_may_call_itself_and_what_is_defined_later() {
    let mut notes = Notes::new();
    notes.ok("let fact = |n| if n < 2 { 1 } else { n * fact(n - 1) };");
    assert_eq!(notes.ok("fact(5)"), "120");
    notes.ok("let fact = |n| if n < 2 { 1 } else { n * fact(n - 1) };");
    assert_eq!(notes.ok("fact(6)"), "720");
    notes.ok("fn outer(x) { later(x) + also(x) }");
    notes.ok("let later = |x| x + 1; fn also(x) { x * 10 }");
    assert_eq!(notes.ok("outer(1)"), "12");
    notes.ok("fn also(x) { x * 100 }");
    assert_eq!(notes.ok("outer(1)"), "102");
}

#[test]
fn a_variable_may_have_the_name_of_a_function() {
    let mut notes = Notes::new();
    notes.ok("fn loss(x) { x + 1 } let loss = loss(1);");
    assert_eq!(notes.ok("[loss, loss(5)]"), "[2, 6]");
    notes.ok("let scale = scale(2);");
    assert_eq!(notes.ok("scale(4)"), "8.0");
}

#[test]
fn free_names_and_operators() {
    let mut notes = Notes::new();
    notes.ok("let s = scale(2);");
    assert_eq!(notes.ok("s.with(5)"), "scale by 5.0");
    assert_eq!(notes.ok("let new = 1; #{ default: new }"), "#{ default: 1 }");
    assert_eq!(notes.ok("s @ scale(4) @ s"), "scale by 16.0");
}

#[test]
fn a_map_gets_new_keys() {
    let mut notes = Notes::new();
    assert_eq!(notes.ok("let m = #{}; m.a = 1; m[\"b\"] = 2; fn f() { m.c = 3; } f(); m"), "#{ a: 1, b: 2, c: 3 }");
    assert_eq!(notes.ok("m.a += 1; [m.a, \"z\" in m]"), "[2, false]");
}

#[test]
fn a_rerun_replaces() {
    let mut notes = Notes::new();
    for _ in 0..3 {
        notes.ok("let t = scale(1); let u = t; const C = 1; let f = |x| t(x);");
    }
    assert_eq!(notes.ok("let t = scale(7); [u, t, f(1)]"), "[scale by 1.0, scale by 7.0, 7.0]");
}

#[test]
fn arithmetic_of_plain_numbers() {
    let mut notes = Notes::new();
    // Python's own answers, but for `==`, which forgives rounding.
    for (code, value) in [
        ("1e999 > 0.0", "true"),
        ("-1e999 < 3", "true"),
        ("1e999 == 1e999", "true"),
        ("1e999 <= 1e999 && 1e-20 > 0.0", "true"),
        ("0.1 + 0.2 == 0.3", "true"),
        ("let nan = 1e999 - 1e999; [nan < 1.0, nan >= 1.0, nan == nan]", "[false, false, false]"),
        ("1 / 2", "0.5"),
        ("2 ** -1", "0.5"),
        ("2 ** 10", "1024"),
        ("2 ** 3 ** 2", "512"),
        ("2 ** 64", "1.8446744073709552e19"),
        ("1 + 2.5", "3.5"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("let n = 7; n /= 2; n", "3.5"),
        ("let m = 2; m **= 3; m += 0.5; m", "8.5"),
        ("-2 * 3 % 4", "2"),
        ("1 < 1.5 && 2 == 2.0", "true"),
        ("1e-7", "1e-7"),
        ("100.0", "100.0"),
        ("`${1 / 4} and ${2}`", "\"0.25 and 2\""),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
}

#[test]
fn values_are_shown_like_the_code_that_makes_them() {
    let mut notes = Notes::new();
    for (code, value) in [
        ("()", ""),
        ("\"a\\n\"", "\"a\\n\""),
        ("[1, 2.0, \"x\", 'c', true, ()]", "[1, 2.0, \"x\", 'c', true, ()]"),
        ("#{ a: 1, \"b c\": [2] }", "#{ a: 1, \"b c\": [2] }"),
        ("#{}", "#{}"),
        ("|x| x", "closure"),
        ("sqrt", "function sqrt"),
        ("0..3", "0..3"),
        ("type_of(1) + type_of(scale(1)) + type_of([])", "\"intscalearray\""),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
    assert!(notes.ok("let xs = []; for i in 0..1000 { xs.push(i); } xs").contains("… 988 more …"));
    assert_eq!(notes.ok("print(1.0); print([0.5, scale(2)]); print(\"x\")"), "1.0\n[0.5, scale by 2.0]\nx\n");
}

#[test]
fn a_closure_may_read_the_variable_whose_method_it_is_given_to() {
    let mut notes = Notes::new();
    notes.ok("let xs = [1, 2, 3];");
    assert_eq!(notes.ok("xs.map(|x| x / xs.len())"), "[0.3333333333333333, 0.6666666666666666, 1.0]");
    assert_eq!(notes.ok("let local = { let ys = [3, 1]; ys.filter(|y| y > ys[1]) }; local"), "[3]");
    assert_eq!(notes.ok("xs.sort(|a, b| b - a); xs"), "[3, 2, 1]");
    assert!(
        notes
            .err("xs.for_each(|| xs.len())")
            .starts_with("ValueError: a value is used inside a call of its own method")
    );
}

#[test]
fn print_takes_any_number_of_values() {
    let mut notes = Notes::new();
    assert_eq!(
        notes.ok("print(\"V\", 0.5, [1, \"a\"], #{ k: 1.0 }, scale(2)); print(#{ k: 1.0 })"),
        "V 0.5 [1, \"a\"] #{ k: 1.0 } scale by 2.0\n#{ k: 1.0 }\n"
    );
}

#[test]
fn the_newest_definition_is_the_one_meant() {
    let mut notes = Notes::new();
    notes.ok("let f = |x| 1;");
    assert_eq!(notes.ok("fn f(x) { 2 } f(0)"), "2");
    assert_eq!(notes.ok("f(0)"), "2");
    notes.ok("let f = |x| 3;");
    assert_eq!(notes.ok("f(0)"), "3");
    notes.ok("fn g(a) { 1 }");
    notes.ok("fn g(a, b) { 2 }");
    assert!(notes.err("g(0)").starts_with("TypeError: g: takes 2 arguments, got 1"));
    notes.ok("fn h(a) { 1 } fn h(a, b) { 2 }");
    assert_eq!(notes.ok("[h(0), h(0, 0)]"), "[1, 2]");
}
