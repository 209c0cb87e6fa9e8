//! Calls of values as the engine sees them.

use super::Notes;
use crate::rewrite::rewrite;
use rhai::Engine;
use saddle_catalog::{CALL, CALL_NAMED};

/// Short names for the two calls, so that the expectations can be read.
fn rewritten(code: &str) -> String {
    let variables = ["D", "G", "nets"];
    let text = rewrite(&Engine::new(), code, &|name| variables.contains(&name)).text;
    text.replace(CALL_NAMED, "N").replace(CALL, "C")
}

#[test]
fn calls_of_variables_and_of_values() {
    for (code, expected) in [
        ("D(x)", "N(\"D\",D,x)"),
        ("D()", "N(\"D\",D )"),
        ("D(G(z), 1)", "N(\"D\",D,N(\"G\",G,z), 1)"),
        ("sin(D)", "sin(D)"),
        ("x.D(1)", "x.D(1)"),
        ("nets[0](x)", "C(nets[0],x)"),
        ("make(2)(3)", "C(make(2),3)"),
        ("D(2)(3)", "C(N(\"D\",D,2),3)"),
        ("nets.map(|n| nets.len())", "copy__(nets).map(|n| nets.len())"),
        ("nets.keys().map(|n| nets[n])", "copy__(nets).keys().map(|n| nets[n])"),
        ("nets.a[0].filter(|n| n > nets.b).map(|n| n)", "copy__(copy__(nets)).a[0].filter(|n| n > nets.b).map(|n| n)"),
        ("nets.pop().map(|n| nets.len())", "nets.pop().map(|n| nets.len())"),
        ("nets.sort(|a, b| a - b)", "nets.sort(|a, b| a - b)"),
        ("nets.push(|| 2)", "nets.push(|| 2)"),
        ("nets.push(f(|x| x))", "nets.push(f(|x| x))"),
        ("a.b[0](x).c", "C(a.b[0],x).c"),
        ("`${D(x)} and ${G(z)}`", "`${N(\"D\",D,x)} and ${N(\"G\",G,z)}`"),
        ("// D(x)\n\"D(x)\"", "// D(x)\n\"D(x)\""),
    ] {
        assert_eq!(rewritten(code).trim_end(), expected, "{code}");
    }
}

#[test]
fn local_variables_are_called_in_their_scope_only() {
    for (code, expected) in [
        ("fn f(h, x) { h(x) } h(1)", "fn f(h, x) { N(\"h\",h,x) } h(1)"),
        ("let h = |h| h(1); h(2)", "let h = |h| N(\"h\",h,1); N(\"h\",h,2)"),
        ("let f = f(1); f(2)", "let f = f(1); N(\"f\",f,2)"),
        ("{ let f = 1; f(2) } f(3)", "{ let f = 1; N(\"f\",f,2) } f(3)"),
        ("for f in fs { f(1) } f(2)", "for f in fs { N(\"f\",f,1) } f(2)"),
        ("map(|f| f(1), f(2))", "map(|f| N(\"f\",f,1), f(2))"),
        ("try { f(1) } catch (f) { f(2) }", "try { f(1) } catch (f) { f = caught__(f); N(\"f\",f,2) }"),
        ("try { 1 } catch (e) { }", "try { 1 } catch (e) { e = caught__(e); }"),
        ("try { 1 } catch { D(1) }", "try { 1 } catch { N(\"D\",D,1) }"),
        ("a | b(1) || c(2)", "a | b(1) || c(2)"),
        ("let f = |x| { let h = x; h(1) }; h(2)", "let f = |x| { let h = x; N(\"h\",h,1) }; h(2)"),
        ("for D in D(x) { D(1) }", "for D in N(\"D\",D,x) { N(\"D\",D,1) }"),
        ("#{ D: D(x) }", "#{ D: N(\"D\",D,x) }"),
        ("return D(x)", "return N(\"D\",D,x)"),
        ("if !D(x) { -D(y) }", "if !N(\"D\",D,x) { -N(\"D\",D,y) }"),
        ("D /* of */ (x)", "N(\"D\",D /* of */ ,x)"),
        ("D\n(x)", "N(\"D\",D\n,x)"),
        ("nets[0]\n(x)", "nets[0]\n(x)"),
        ("`a\n😀 ${`${D(x)}`}`; D(y)", "`a\n😀 ${`${N(\"D\",D,x)}`}`; N(\"D\",D,y)"),
        ("fn D(x) { 1 } D(2)", "fn D(x) { 1 } D(2)"),
        ("switch D(x) { 1 => G(y), _ => 2 }", "switch N(\"D\",D,x) { 1 => N(\"G\",G,y), _ => 2 }"),
        ("f(|| g(1), |g| g(2))", "f(|| g(1), |g| N(\"g\",g,2))"),
    ] {
        assert_eq!(rewritten(code), expected, "{code}");
    }
}

#[test]
fn columns_map_back() {
    let code = "  y = D(x) + D(q);";
    let new = rewrite(&Engine::new(), code, &|name| name == "D");
    for (column, letter) in code.chars().enumerate().filter(|(_, c)| "yxq+".contains(*c)) {
        let moved = new.text.chars().position(|c| c == letter).unwrap();
        assert_eq!(new.columns().original(1, moved + 1), column + 1, "{letter}");
    }
    let call = new.text.find(CALL_NAMED).unwrap();
    assert_eq!(new.columns().original(1, call + 1), 7);
    assert_eq!(new.columns().original(2, 5), 5);
}

/// What Python 3 says of the same expressions.
#[test]
fn a_sign_before_a_power_is_read_as_in_python() {
    let mut notebook = Notes::new();
    notebook.run("let x = 3.0; let xs = [3.0, 2.0]; let half = |v| v / 2;").expect("variables");
    for (code, expected) in [
        ("-3.0 ** 2", "-9.0"),
        ("-x ** 2", "-9.0"),
        ("(-x) ** 2", "9.0"),
        ("2.0 ** -1", "0.5"),
        ("-2.0 ** -2", "-0.25"),
        ("2 * -x ** 2", "-18.0"),
        ("18 / -x ** 2", "-2.0"),
        ("1 - -x ** 2", "10.0"),
        ("1 -x ** 2", "-8.0"),
        ("2.0 ** -x ** 2", "0.001953125"),
        ("-x ** 2 ** 3", "-6561.0"),
        ("-(x) ** 2", "-9.0"),
        ("-xs[0] ** xs[1]", "-9.0"),
        ("-abs(-x) ** 2", "-9.0"),
        ("-half(x) ** 2", "-2.25"),
        ("-x ** (half(x) * 2)", "-27.0"),
        ("[-x ** 2, 1]", "[-9.0, 1]"),
        ("xs.map(|v| -v ** 2)", "[-9.0, -4.0]"),
        ("if x > 0 { -x ** 2 } else { 0.0 }", "-9.0"),
        ("`${-x ** 2}`", "\"-9.0\""),
        ("-x ** 2 // the last line", "-9.0"),
        ("let y = -x ** 2; y", "-9.0"),
    ] {
        assert_eq!(notebook.run(code).as_deref(), Ok(expected), "{code}");
    }
}

#[test]
fn an_error_behind_a_signed_power_stands_where_the_user_wrote_it() {
    let code = "let a = -b ** 2; oops";
    let new = rewrite(&Engine::new(), code, &|_| false);
    assert_eq!(new.text, "let a = -(b ** 2); oops");
    assert_eq!(new.columns().original(1, 20), 18);
}
