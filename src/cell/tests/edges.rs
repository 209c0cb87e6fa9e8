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
fn a_range_without_an_end_goes_to_the_last_element() {
    let code = "let t = tensor([1, 2, 3, 4]); [t[1..].to_array(), t[-2..].to_array()]";
    assert_eq!(notes().ok(code), "[[2.0, 3.0, 4.0], [3.0, 4.0]]");
}

#[test]
fn mistakes_that_the_parser_words_badly_get_a_hint() {
    for (code, hint) in [
        ("print('hello world')", "double quotes"),
        ("fn go(x) { x }", "reserved word"),
        ("cross_entropy(randn([3, 10]), tensor([1.0, 2.0, 3.0]))", "whole numbers"),
    ] {
        let failure = notes().run(code).unwrap_err();
        let text = failure.traceback.join("\n");
        assert!(text.contains(hint), "{code}: {text}");
    }
}
