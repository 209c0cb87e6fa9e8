//! Errors as the user reads them.

use super::Notes;

/// The failure of a cell in a fresh session, without its first line's colours.
#[track_caller]
fn failure(code: &str) -> String {
    Notes::new().err(code)
}

#[test]
fn an_error_names_cell_line_and_column() {
    let mut notes = Notes::new();
    notes.ok("let stride = 1; let s = scale(2);");
    assert_eq!(
        notes.err("let a = 1;\nlet b = a + s(strid);"),
        "NameError: `strid` is not defined; did you mean `stride`?\n  \
         In[2], line 2\n    2 | let b = a + s(strid);\n                      ^"
    );
}

#[test]
fn an_error_inside_functions_shows_the_way_there() {
    let mut notes = Notes::new();
    notes.ok("fn inner(x) {\n    x.nope\n}\nlet s = scale(2);");
    notes.ok("fn outer(x) { s(1); inner(x) }");
    assert_eq!(
        notes.err("let y = 1;\nouter(s)"),
        "NameError: a scale has no field `nope`\n  \
         In[3], line 2\n    2 | outer(s)\n        ^\n  \
         in `outer`, In[2], line 1\n    1 | fn outer(x) { s(1); inner(x) }\n                            ^\n  \
         in `inner`, In[1], line 2\n    2 |     x.nope\n              ^\nhint: its fields: factor"
    );
}

#[test]
fn an_error_in_a_callback_is_shown_where_it_happened() {
    let text = failure("let f = |x| x + missing;\napply_twice(f, 1)");
    assert!(text.starts_with("NameError: `missing` is not defined"), "{text}");
    let text = failure("let m = 1;\nlet f = |x| x + m.foo;\napply_twice(f, 1)");
    assert!(text.contains("In[1], line 3") && text.contains("in a closure, In[1], line 2"), "{text}");
}

#[test]
fn errors_in_the_users_terms() {
    for (code, expected) in [
        ("scale(1, #{ strid: 2 })", "OptionError: scale: unknown option `strid`; did you mean `stride`?"),
        ("scale(1, #{ stride: \"x\" })", "TypeError: scale: option stride must be a whole number, got a text"),
        ("scale()", "TypeError: scale: missing `k`"),
        ("scale(1, 2, 3)", "TypeError: scale: takes 1 argument, got 3"),
        ("scale(\"x\")", "TypeError: scale: k must be a number, got a text"),
        ("scal(1)", "NameError: `scal` is not defined; did you mean `scale`?"),
        ("scale(1).factor()", "TypeError: `factor` is a field of a scale, not a function"),
        ("fn f(a, b) { a } f(1)", "TypeError: f: takes 2 arguments, got 1"),
        ("let x = 3; x(1)", "TypeError: `x` is an int, which cannot be called like a function"),
        ("scale(1) + 1", "TypeError: `+` does not work between a scale and an int"),
        ("scale(1) @ 2", "TypeError: `@` does not work between a scale and an int"),
        ("let x = [1, 2]; x[5]", "IndexError: index 5 in an array of 2 elements"),
        ("let m = #{ rate: 1 }; m.rat", "IndexError: the map has no key `rat`; did you mean `rate`?"),
        ("1 / 0", "ValueError: division by zero"),
        ("1 % 0", "ValueError: %: division by zero"),
        ("9223372036854775807 + 1", "ValueError: the result does not fit into an int"),
        ("const C = 1; C = 2", "SyntaxError: `C` is a constant"),
        ("scale = 3", "NameError: `scale` is a function; there is no variable of this name"),
        ("throw \"no data\"", "Thrown: no data"),
        ("let n = 5; for i in n { }", "TypeError: `for` cannot run through this value"),
        ("let n = 1; if n { }", "TypeError: expected true or false, got something else"),
        ("let s = scale(1); s[\"a\"]", "TypeError: a scale cannot be indexed by a text"),
        ("let x = null;", "NameError: `null` is not defined"),
        ("push(1)", "TypeError: `push` cannot take an int"),
        ("let s = scale(1); s[0] = 2", "TypeError: the elements of a scale cannot be set by an int"),
        ("let s = scale(1); s.factor = 2", "TypeError: the field `factor` of a scale cannot be set"),
        ("throw #{ code: 5 }", "Thrown: #{ code: 5 }"),
        ("exit()", "ValueError: `exit` does not end a notebook"),
        ("exit(3)", "ValueError: `exit` does not end a notebook"),
        ("let f = |x| exit(x); f(3)", "ValueError: `exit` does not end a notebook"),
        ("[1].map(|x| exit(x))", "ValueError: `exit` does not end a notebook"),
        ("let f = |a, b| a; f(1)", "TypeError: the closure is called with 1 argument too few"),
        ("let k = 1; let f = |a| a + k; f(1, 2, 3)", "TypeError: the closure is called with 2 arguments too many"),
        ("return 1", "ValueError: `return` outside of a function"),
        (
            "let s = scale(1); let y = s((1);",
            "SyntaxError: `,` or `)` is missing to separate the arguments of this call",
        ),
        (
            "let s = [scale(1)]; s[0](x = 2)",
            "SyntaxError: `,` or `)` is missing to separate the arguments of this call",
        ),
        ("let s = [1]; s[0, 1:2]", "SyntaxError: `,` or `)` is missing to separate the arguments of this index"),
        ("let s = [1]; s[1,]", "ValueError: a comma without an index behind it"),
        ("let s = [[1]]; s[0, 0]", "TypeError: an array takes one index"),
        ("check(\"loss\", 0.7, #{ below: 0.5 })", "CheckFailed: loss: 0.7 is not below 0.5"),
        ("let a = 1\nlet b = 2", "SyntaxError: `;` is missing"),
        ("let x = (1 + 2;", "SyntaxError: `)` is missing"),
        ("let x = ;", "SyntaxError: "),
        ("\"abc", "SyntaxError: "),
        ("import numpy", "SyntaxError: "),
        ("defect()", "InternalError: defect: stopped by a defect inside the kernel"),
        ("fn f(n) { f(n + 1) } f(0)", "ValueError: calls are nested more than"),
        ("let f = |n| f(n + 1); f(0)", "ValueError: calls are nested more than"),
    ] {
        let text = failure(code);
        assert!(text.starts_with(expected), "{code}\n  gave     {text}\n  expected {expected}");
        assert!(!text.contains("__") && !text.contains("panicked"), "{text}");
    }
}

/// Rhai alone calls them false, without a word.
#[test]
fn what_has_no_order_is_not_compared() {
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok("let best = (); let loss = 0.3; let t = tensor([1.0, 5.0, 9.0]);");
    for (code, expected) in [
        ("if loss < best { }", "TypeError: `<` does not work between a float and nothing"),
        ("t > \"2\"", "TypeError: `>` does not work between a tensor and a text"),
        ("\"10\" >= 9", "TypeError: `>=` does not work between a text and an int"),
        ("[1, 2] <= 1", "TypeError: `<=` does not work between an array and an int"),
        ("1 < 2 < 3", "ValueError: comparisons make no chain"),
        ("mean(float((2 < t) <= 6 > 1))", "ValueError: comparisons make no chain"),
    ] {
        assert!(notes.err(code).starts_with(expected), "{code}: {}", notes.err(code));
    }
    let text = notes.err("let f = |x| x; f(2) < t < 6");
    assert!(text.contains(&format!("1 | let f = |x| x; f(2) < t < 6\n{}^", " ".repeat(32))), "{text}");
    for (code, value) in [
        ("((2 < t) & (t < 6)).to_array()", "[false, true, false]"),
        ("(t > 1 & t < 6).to_array()", "[false, true, false]"),
        ("[1 < 2, 2.5 >= 2, \"a\" < \"b\", 'a' < \"b\", false < true]", "[true, true, true, true, true]"),
        ("if 1 < 2 { 3 < 4 } else { false }", "true"),
        ("(1 < 2) == (3 < 4)", "true"),
        ("[1, 2, 3].filter(|x| x < 3).len() < 3", "true"),
        ("[loss == best, loss != best, t == ()]", "[false, true, false]"),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
}

#[test]
fn a_script_can_catch_a_fault() {
    let mut notes = Notes::new();
    assert_eq!(
        notes.ok("let m = (); try { scale(\"x\") } catch (e) { m = e.message; } m"),
        "\"scale: k must be a number, got a text\""
    );
    assert_eq!(notes.ok("try { throw 5 } catch (e) { m = e; } m"), "5");
}

/// Rhai gives its own errors to `catch` as maps, in its own words.
#[test]
fn every_caught_error_is_a_fault() {
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok("fn inner() { nope } let D = |x| x;");
    for (code, expected) in [
        ("nope", "NameError: `nope` is not defined"),
        ("inner()", "NameError: `nope` is not defined"),
        ("sgdd(1)", "NameError: `sgdd` is not defined; did you mean `sgd`?"),
        ("[1][5]", "IndexError: index 5 in an array of 1 elements"),
        ("[1, 2].map(|x| [x][7])", "IndexError: index 7 in an array of 1 elements"),
        ("#{ a: 1 }.b", "IndexError: the map has no key `b`"),
        ("if ones([2]) > 0 { }", "TypeError: expected true or false, got a tensor"),
        ("ones([2]).shape()", "TypeError: `shape` is a field of a tensor, not a function"),
        ("linear(3, 2).size()", "TypeError: `size` is a field of a network, not a function"),
        ("ones([2]).foo", "NameError: a tensor has no field `foo`"),
        ("linear(3, 2).wieght", "NameError: a network has no field `wieght`; did you mean `weight`?"),
        (
            "let n = network(#{ fc1: relu() }, |net, x| x); n[\"fc2\"]",
            "NameError: a network has no field `fc2`; did you mean `fc1`?",
        ),
        ("9223372036854775807 + 1", "ValueError: the result does not fit into an int"),
        ("ones([2]) @ ones([3])", "ShapeError: "),
    ] {
        let text = notes.ok(&format!(
            "let text = \"\"; try {{ {code}; }} catch (e) {{ text = `${{e.kind}}: ${{e.message}}`; }} text"
        ));
        assert!(text.trim_matches('"').starts_with(expected), "{code}: {text}");
    }
    // What the block calls, and what the script itself throws, stay as they are.
    assert_eq!(notes.ok("let r = 0; try { nope } catch (e) { D(e.kind) } r"), "0");
    assert_eq!(notes.ok("try { throw #{ code: 5 } } catch (e) { r = e.code; } r"), "5");
    assert_eq!(notes.ok("try { throw |x| x + 1 } catch (e) { r = e(1); } r"), "2");
    assert_eq!(notes.ok("try { nope } catch (e) { } r"), "2");
    assert!(notes.err("try { nope } catch (e) { throw e; }").starts_with("NameError: `nope` is not defined"));
    let text = notes.err("try { nope } catch (e) { missing }");
    assert!(text.contains(&format!("1 | try {{ nope }} catch (e) {{ missing }}\n{}^", " ".repeat(33))), "{text}");
}

#[test]
fn variables_survive_an_error() {
    let mut notes = Notes::new();
    notes.ok("let a = 1;");
    notes.err("let b = 2; a = 5; defect(); let c = 3;");
    assert_eq!(notes.ok("[a, b]"), "[5, 2]");
    assert!(notes.err("c").contains("`c` is not defined"));
}

#[test]
fn a_constant_stays_one_in_later_cells() {
    let mut notes = Notes::new();
    notes.ok("const K = 1; const A = [1];");
    notes.ok("const M = 2;");
    for code in ["K = 2", "K += 1", "A[0] = 2", "A.push(2)"] {
        assert!(notes.err(code).contains("is a constant"), "{code}: {}", notes.err(code));
    }
    assert_eq!(notes.ok("[K, A, M]"), "[1, [1], 2]");
    assert_eq!(notes.ok("const K = 3; K"), "3");
    notes.ok("let K = 4;");
    assert_eq!(notes.ok("K = 5; K"), "5");
}

#[test]
fn oversized_input_gives_one_error_each() {
    let mut notes = Notes::new();
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let text = notes.err(&deep);
    assert!(
        text.starts_with("ValueError: the line has 200001 letters; it may have 60000\n  In[1], line 1\n    1 | …(((("),
        "{text}"
    );
    // Told in a few lines, whatever the cell holds.
    assert!(text.len() < 500, "{text}");
    let text = notes.err(&"let x = 1;\n".repeat(90_000));
    assert!(
        text.starts_with(
            "ValueError: the cell has 90000 lines; it may have 60000\n  In[2], line 60001\n60001 | let x = 1;"
        ),
        "{text}"
    );
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(notes.err(&deep).starts_with("SyntaxError: the expression is nested too deep"));
    let long = format!("1{}", " + 1".repeat(10_000));
    assert!(notes.err(&long).starts_with("SyntaxError: the expression is nested too deep"));
    let blocks = format!("{}{}", "{".repeat(20_000), "}".repeat(20_000));
    assert!(notes.err(&blocks).starts_with("SyntaxError: the expression is nested too deep"));
    let big = format!("{}{}x", "let x = 1;\n".repeat(50_000), format!("// {}\n", "padding ".repeat(9)).repeat(9_000));
    assert_eq!(notes.ok(&big), "1");
    assert_eq!(notes.ok("1 + 1"), "2");
}

#[test]
fn habits_from_other_languages_get_a_hint() {
    for (code, hint) in [
        ("x = 5", "hint: `let x = …` defines a new variable"),
        ("def f(x): return x", "hint: a function is written `fn f(x) { … }`"),
        ("import numpy as np", "hint: there is nothing to import: every word is known"),
        ("for i in range(3):\n    print(i)", "hint: blocks stand in braces: `if x { … }`"),
        ("let x = None", "hint: Rhai's \"nothing\" is written `()`"),
        ("# a comment", "hint: `//` begins a comment"),
        ("let m = {\"a\": 1};", "hint: a map is written `#{ a: 1 }`"),
        ("let t: int = 3;", "hint: types are not written"),
        ("let x = 1; if x = 2 { }", "hint: `==` compares"),
        ("fn f(a, b = 2) { a }", "hint: a parameter has no default: `fn f(a) { f(a, 2) }` is a second function"),
        ("let x = [i * 2 for i in 0..3];", "hint: a loop that pushes to an array: `for x in 0..10 { a.push(x * 2); }`"),
        ("raise \"x\"", "hint: `throw \"what is wrong\"`"),
        ("for i in range(10) { }", "hint: `for i in 0..10`, or `range(0, 10, 2)` with a step"),
        ("let a = [1]; a.append(2);", "hint: `a.push(x)`"),
        ("5.0 ^ 2", "hint: a power is written `x ** 2`"),
        ("for i in 0..(5 / 2) { }", "`arange(0, 1, 0.25)` has others"),
    ] {
        let text = failure(code);
        assert!(text.ends_with(hint), "{code}\n{text}");
    }
    assert!(!failure("x == 5").contains("hint"));
}

#[test]
fn an_error_in_a_call_through_a_map_has_the_place_of_its_statement() {
    let mut notes = Notes::new();
    notes.ok("let nets = #{ s: scale(2), f: |x| x + true };");
    let text = notes.err("let a = 1;\na + nets.s(\"x\")");
    assert!(text.contains("In[2], line 2"), "{text}");
    let text = notes.err("let a = 1;\na + nets.f(1)");
    assert!(text.contains("In[3], line 2") && text.contains("in a closure, In[1], line 1"), "{text}");
}
