//! What a user of notebooks writes without thinking, where Rhai alone has other ideas.

use super::Notes;

fn notes() -> Notes {
    Notes::with(saddle_words::catalog())
}

#[test]
fn letters_of_the_paper_are_names() {
    assert_eq!(notes().ok("let σ = 2.0; let μ_x = 1; σ + μ_x"), "3.0");
}

#[test]
fn nothing_but_zero_equals_zero() {
    let code = "let p = 1e-20; [p == 0.0, p > 0.0, 0.1 + 0.2 == 0.3, -0.0 == 0.0, p != 0]";
    assert_eq!(notes().ok(code), "[false, true, true, true, true]");
}

#[test]
fn the_overload_that_was_meant_says_what_is_wrong() {
    let mut notes = notes();
    notes.ok("let opt = sgd(linear(1, 1));");
    for (code, says) in [
        ("conv2d(3, 16)", "conv2d: missing `kernel`"),
        ("conv2d(3, 16, 4, 2, 1)", "conv2d: takes 3 arguments, got 5"),
        ("opt.step()", "hint: step(range, k) or step(optimizer, grads)"),
        ("randn(2, 3)", "hint: randn([2, 3])"),
        ("ones(3)", "hint: ones([3])"),
        ("ones([2, 3]).reshape(3, 2)", "reshape: `shape` is one array"),
        ("uniform(0, 1, 5)", "hint: uniform(a, b, [5])"),
        ("conv2d(zeros([1, 1, 4, 4]))", "conv2d: missing `w`"),
    ] {
        assert!(notes.err(code).contains(says), "{code}: {}", notes.err(code));
    }
}

/// A chain of methods holds its variable, which a closure at its end could not read.
#[test]
fn a_closure_reads_the_variable_that_a_chain_begins_with() {
    let mut notes = notes();
    notes.ok("let c = #{ a: 1, b: 2 }; let xs = [3, 1, 2];");
    assert_eq!(notes.ok("c.keys().map(|k| c[k])"), "[1, 2]");
    assert_eq!(notes.ok("c.keys().filter(|k| c[k] > 1).map(|k| c[k])"), "[2]");
    assert_eq!(notes.ok("xs.filter(|x| x < xs[0]).map(|x| x + xs.len())"), "[4, 5]");
}

#[test]
fn a_text_that_is_trimmed_is_given_and_kept() {
    let mut notes = notes();
    assert_eq!(
        notes.ok("let s = \" adam \"; let t = s.trim(); [s, t, \" b\".trim() == \"b\"]"),
        "[\"adam\", \"adam\", true]"
    );
    assert_eq!(notes.ok("let s = \"a-b\"; let t = s.replace(\"-\", \"+\"); [s, t]"), "[\"a+b\", \"a+b\"]");
}

#[test]
fn an_index_that_is_outside_names_the_dim_of_the_tensor() {
    let mut notes = notes();
    notes.ok("let x = ones([2, 3, 4]);");
    for (code, says) in [
        ("x[0, 5]", "index 5 is outside dim 1 of [2, 3, 4]"),
        ("x[.., 5]", "index 5 is outside dim 1 of [2, 3, 4]"),
        ("x[0, 1, 9]", "index 9 is outside dim 2 of [2, 3, 4]"),
        ("x[.., 0..9]", "0..9 is outside dim 1 of [2, 3, 4]"),
        ("x[.., .., [0, 7]]", "index 7 is outside dim 2 of [2, 3, 4]"),
        ("x[0, 5] = 1", "index 5 is outside dim 1 of [2, 3, 4]"),
        ("x[-9..]", "-9.. is outside dim 0 of [2, 3, 4]"),
        ("x[.., 1..-9]", "1..-9 is outside dim 1 of [2, 3, 4]"),
        ("x.slice(1, -9..2)", "-9..2 is outside dim 1 of [2, 3, 4]"),
        ("tensor(2)[..]", "a single number cannot be indexed"),
    ] {
        assert!(notes.err(code).contains(says), "{code}: {}", notes.err(code));
    }
}

/// Rhai's `sort` takes a float, and an error, for "equal"; its `filter` takes what is no truth for `false`.
#[test]
fn functions_of_array_methods_are_heard() {
    let mut notes = notes();
    for (code, value) in [
        ("let xs = [0.3, 0.1, 0.2]; xs.sort(|a, b| a - b); xs", "[0.1, 0.2, 0.3]"),
        ("let xs = [3, 1, 2]; xs.sort(|a, b| b - a); xs", "[3, 2, 1]"),
        ("let xs = [3, 1, 2]; xs.sort(|a, b| a < b); xs", "[1, 2, 3]"),
        ("let xs = [1.5, 2, 0.5]; xs.sort(); xs", "[0.5, 1.5, 2]"),
        ("let rs = [#{ l: 0.5 }, #{ l: 0.1 }]; rs.sort(|a, b| a.l - b.l); rs.map(|r| r.l)", "[0.1, 0.5]"),
        ("let xs = [5, 6, 7]; [xs.filter(|x, i| i > 0), xs.find(|x| x > 5), xs.index_of(|x| x > 5)]", "[[6, 7], 6, 1]"),
        ("let xs = [1, 2, 3]; let gone = xs.drain(|x| x > 1); [gone, xs]", "[[2, 3], [1]]"),
        ("let xs = [1, 2, 3]; let gone = xs.retain(|x| x > 1); [gone, xs]", "[[1], [2, 3]]"),
        ("[[1, 2].some(|x| x > 1), [1, 2].all(|x| x > 1), [].all(|x| 1)]", "[true, false, true]"),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
    for (code, says) in [
        ("let xs = [2, 1]; xs.sort(|a, b| a - nope)", "NameError: `nope` is not defined"),
        ("let xs = [2, 1]; xs.sort(|a, b| throw \"x\")", "Thrown: x"),
        ("let xs = [2, 1]; xs.sort(|a, b| \"x\")", "TypeError: sort: the function must give a number"),
        ("let xs = [tensor(2.0), tensor(1.0)]; xs.sort(|a, b| a - b)", "got a tensor"),
        ("let xs = [tensor(2.0), tensor(1.0)]; xs.sort()", "TypeError: sort: a tensor and a tensor have no order"),
        ("[1, 2].filter(|x| x)", "TypeError: expected true or false, got an int"),
        ("[tensor([1, 2])].all(|x| x > 0)", "TypeError: expected true or false, got a tensor"),
    ] {
        assert!(notes.err(code).contains(says), "{code}: {}", notes.err(code));
    }
    assert_eq!(notes.ok("let ys = [2, 1, 3]; try { ys.sort(|a, b| nope) } catch { } ys.len()"), "3");
}

#[test]
fn a_range_without_an_end_goes_to_the_last_element() {
    let code = "let t = tensor([1, 2, 3, 4]); [t[1..].to_array(), t[-2..].to_array()]";
    assert_eq!(notes().ok(code), "[[2.0, 3.0, 4.0], [3.0, 4.0]]");
}

/// Wherever numbers or layers are asked for.
#[test]
fn ranges_stand_for_their_numbers() {
    let mut notes = notes();
    notes.ok("let net = sequential([linear(2, 3), relu(), linear(3, 1)]); let x = ones([1, 2]);");
    for (code, value) in [
        ("tensor(2..5).to_array()", "[2.0, 3.0, 4.0]"),
        ("tensor([0..2, 3..=4], #{ dtype: \"int\" }).to_array()", "[[0, 1], [3, 4]]"),
        ("tensor(3..0).shape", "[0]"),
        ("int(0..3).to_array()", "[0, 1, 2]"),
        ("runs(3..=5, |seed| seed).values", "[3.0, 4.0, 5.0]"),
        ("net[1..](net[..1](x)).to_array() == net(x).to_array()", "true"),
        ("net[0..=1].params().len()", "2"),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
    for (code, says) in [
        ("net[4..]", "there is no layer 4.. among 3"),
        ("tensor(0..)", "at most 10000000 are read"),
        ("tensor([0..2000000000])", "arange(start, end)"),
        ("tensor([0..2, 0..3])", "3 elements where the first row has 2"),
        ("tensor(\"a\")", "an array, a range such as 0..5 or a tensor"),
    ] {
        assert!(notes.err(code).contains(says), "{code}: {}", notes.err(code));
    }
}

/// Values as NumPy gives them for `x = np.arange(12).reshape(3, 4)`.
#[test]
fn an_index_for_each_dim() {
    let mut notes = notes();
    notes.ok("let x = arange(12).reshape([3, 4]);");
    for (code, value) in [
        ("x[1, 2].item()", "6"),
        ("x[.., 1].to_array()", "[1, 5, 9]"),
        ("x[-1, ..].to_array()", "[8, 9, 10, 11]"),
        ("x[.., 1..3].to_array()", "[[1, 2], [5, 6], [9, 10]]"),
        ("x[0..2, [3, 0]].to_array()", "[[3, 0], [7, 4]]"),
        ("x[(..).step(2), (..).step(-1)].to_array()", "[[3, 2, 1, 0], [11, 10, 9, 8]]"),
        ("x.reshape([3, 2, 2])[.., 1, ..].to_array()", "[[2, 3], [6, 7], [10, 11]]"),
        ("x.reshape([3, 2, 2])[.., .., 1].to_array()", "[[1, 3], [5, 7], [9, 11]]"),
        ("x[x % 5 == 0].to_array()", "[0, 5, 10]"),
        ("let f = |t| t[.., 0]; f(x).to_array()", "[0, 4, 8]"),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
    for (code, says) in
        [("x[0, 1, 2]", "3 indices for a tensor of shape [3, 4]"), ("x[5, 0]", "5"), ("[1, 2][0, 1]", "")]
    {
        assert!(notes.err(code).contains(says), "{code}");
    }
}

/// Values as NumPy gives them; unlike there, another variable with the same tensor keeps it.
#[test]
fn elements_can_be_set() {
    let mut notes = notes();
    for (code, value) in [
        (
            "let x = zeros([2, 3]); let y = x; x[0, 1] = 3; [x.to_array(), y.to_array()]",
            "[[[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]",
        ),
        ("let x = arange(6).reshape([2, 3]); x[.., 1] = [7, 8]; x.to_array()", "[[0, 7, 2], [3, 8, 5]]"),
        ("let x = arange(3); x[1] = x[0]; x.to_array()", "[0, 0, 2]"),
        ("let x = arange(3); x[2].item(); x[0] = x[2]; x.to_array()", "[2, 1, 2]"),
        ("let x = tensor([-1, 2, -3]); x[x < 0] = 0; x.to_array()", "[0.0, 2.0, 0.0]"),
        ("let x = zeros([3]); x[[0, 0]] = tensor([1, 2]); x.to_array()", "[2.0, 0.0, 0.0]"),
        ("let x = ones([2, 2]); x[1] += 1; x[1][0] = 9; x.to_array()", "[[1.0, 1.0], [9.0, 2.0]]"),
        ("fn set(x) { x[0] = 5; x } set(zeros([2])).to_array()", "[5.0, 0.0]"),
        // The gradient reaches what stayed and what was put in.
        (
            "let a = tensor(3.0); let w = tensor([1.0, 2.0]); let x = w * 1; x[0] = a * a; grad(sum(x * x), [a, w])[0].item()",
            "108.0",
        ),
        ("grad(sum(x * x), w).to_array()", "[0.0, 4.0]"),
    ] {
        assert_eq!(notes.ok(code), value, "{code}");
    }
    assert!(notes.err("let n = arange(3); n[0] = 0.5").contains("whole numbers"));
    assert!(notes.err("let x = zeros([2, 3]); x[0] = [1, 2]").contains("does not fit the place of shape [3]"));
}

/// Whole numbers of arrays, of options and on the page, none of which a float holds.
#[test]
fn whole_numbers_keep_every_digit() {
    for (code, exact) in [
        ("int([16777217, -9007199254740993]).to_array()", "[16777217, -9007199254740993]"),
        ("int([16777217])", "tensor [1] int\n  16777217"),
        ("tensor([9007199254740993], #{ dtype: \"int\" }).item()", "9007199254740993"),
        ("full([1], 9007199254740993, #{ dtype: \"int\" }).item()", "9007199254740993"),
        ("where(true, 16777217, 0).item()", "16777217"),
        ("clamp(int([9007199254740995]), 0, 9007199254740993).item()", "9007199254740993"),
        ("scatter(int([0, 0]), 0, int([1, 1]), 16777217, #{ add: true }).to_array()", "[0, 33554434]"),
        ("int([16777217]) > 16777216.0", "tensor [1] bool\n  true"),
        ("9007199254740993 == 9007199254740992.0", "false"),
        (
            "[max([9007199254740992, 9007199254740993]), max(9007199254740992, 9007199254740993)]",
            "[9007199254740993, 9007199254740993]",
        ),
        (
            "[clamp(9007199254740993, 0, 9007199254740995), round(9007199254740993), sign(-3)]",
            "[9007199254740993, 9007199254740993, -1]",
        ),
        ("mean([9223372036854775807, 9223372036854775807])", "9.223372036854776e18"),
        ("int([[2, 0], [1, 3]]) @ int([1, 1])", "tensor [2] int\n  2  4"),
        ("[1 << 3, -8 >> 1, -8 >> 99, 8 >> 99]", "[8, -4, -1, 0]"),
    ] {
        assert_eq!(notes().ok(code), exact, "{code}");
    }
    for (code, part) in [
        ("sum([9223372036854775807, 1])", "64 bits"),
        ("int([1e30])", "does not fit into an int"),
        ("int(tensor([0]) / 0)", "does not fit into an int"),
        ("1 << 64", "64 bits"),
        ("1 << -1", "shift by -1"),
        ("let x = 8; x >>= -1", "shift by -1"),
        ("int([3]) ** 40", "64 bits"),
    ] {
        let text = notes().err(code);
        assert!(text.contains(part), "{code}: {text}");
    }
}

#[test]
fn mistakes_that_the_parser_words_badly_get_a_hint() {
    for (code, hint) in [
        ("print('hello world')", "double quotes"),
        ("fn go(x) { x }", "`go` is a reserved word"),
        ("let do = 1", "`do` is a reserved word"),
        ("let m = #{ const: 1 };", "as a key, `#{ \"const\": 1 }`"),
        ("let m = #{ \"in\": 1 }; m.in", "as a key, `#{ \"in\": 1 }`"),
        ("2 * PI", "`PI()`"),
        ("let f = linear(1, 1); f.bias = 1;", "`G = G.with(params).copy()`"),
        ("cross_entropy(randn([3, 10]), tensor([1.0, 2.0, 3.0]))", "whole numbers"),
        ("let a = 3 − 1", "minus is written `-`"),
        ("let c = “hi”;", "straight double quotes"),
        ("let x = 1; x²", "`x ** 2`"),
        ("let x₁ = 1", "`x_1`"),
        ("let x\u{a0}= 1;", "not seen, U+00A0"),
        ("print(1);\u{200b} print(2)", "not seen, U+200B"),
        ("print(.5)", "begins with a digit"),
        ("print(0.1f)", "no letter behind it"),
        ("if 1≤2 {}", "`<=`"),
        ("let (a, b) = (1, 2);", "each `let` gives one name"),
        ("let t = tensor([1, 2, 3]); t[0:2]", "`t[0..2]`"),
        ("let t = tensor([1, 2, 3]); t[:, 0]", "`t[.., 0]`"),
        ("let t = tensor([1, 2, 3]); t[::2]", "step(2)"),
        ("true and false", "&&"),
        ("let x = 1 if true else 2;", "is a value"),
        ("let x = true ? 1 : 2;", "is a value"),
        ("let x = 1; x++;", "`x += 1`"),
        ("let a, b = [1, 2];", "each `let` gives one name"),
        ("[x * 2 for x in 0..3]", "a loop that pushes to an array"),
        ("print(f\"{1}\")", "backquotes"),
        ("tensor([1, 2], dtype=\"int\")", "#{ dtype"),
        ("print(7//2);", "begins a comment"),
        ("for i in range(10): print(i)", "braces"),
        ("if x == 1: print(1)", "braces"),
        ("lambda x: x", "`|x| x + 1`"),
        ("import numpy as np", "nothing to import"),
        ("let t = ones([2]); if t > 0 { }", "all(x > 0)"),
        ("let a = [1, 2, 3]; a[1..2]", "extract"),
        ("torch.tensor([1])", "words stand alone"),
        ("tensor([1.0]).backward()", "descend"),
        ("tensor([1.0]).size()", "x.shape"),
        ("None", "nothing"),
        ("range(0, 5, 0)", "steps of 0"),
        ("5 % 0", "division by zero"),
    ] {
        let failure = notes().run(code).unwrap_err();
        let text = failure.traceback.join("\n");
        assert!(text.contains(hint), "{code}: {text}");
        assert!(!text.contains("did you mean"), "{code}: {text}");
    }
}

/// What Python answers, which tensors answer too.
#[test]
fn remainders_have_the_sign_of_the_divisor() {
    for (code, exact) in [
        ("[-7 % 3, 7 % -3, -7 % -3, 7 % 3, 6 % -3]", "[2, -2, -1, 1, 0]"),
        ("[-7.5 % 2, 7.5 % -2, -7 % 2.5, 7.5 % 2.5]", "[0.5, -0.5, 0.5, 0.0]"),
        ("let a = -7; a %= 3; a", "2"),
        ("(-9223372036854775807 - 1) % -1", "0"),
        ("tensor([-7, 7]) % tensor([3, -3])", "tensor [2] f32   mean 0  std 2  min -2  max 2\n   2  -2"),
        ("(int([-7, 7]) % int([3, -3])).to_array()", "[2, -2]"),
    ] {
        assert_eq!(notes().ok(code), exact, "{code}");
    }
}
