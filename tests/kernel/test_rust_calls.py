"""What cells of Rust and of Rhai say to each other: variables, exported functions, their gradients."""

import textwrap

from conftest import text_of
from rust_cells import error, needs_rust, notebook, patience, rust  # noqa: F401

pytestmark = needs_rust


def test_tensors_go_both_ways(notebook):
    notebook.run("let x = arange(6).float().reshape([2, 3]); let labels = tensor([3, 1]); let big = randn([300, 700]);")
    rust(
        notebook,
        """
        let x = get("x");
        put("y", &x.map(|v| v * v));
        put("t", Tensor::from_fn([2, 2], |[i, j]| (10 * i + j) as f32));
        put("parts", vec![get("labels").sum(), 0.5]);
        let big = get("big");
        put("copy", &big);
        put("total", big.iter().map(|v| *v as f64).sum::<f64>());
        """,
    )
    assert notebook.result("y.to_array()") == "[[0.0, 1.0, 4.0], [9.0, 16.0, 25.0]]"
    assert notebook.result("t.to_array()") == "[[0.0, 1.0], [10.0, 11.0]]"
    assert notebook.result("parts") == "[4.0, 0.5]"
    assert notebook.result("copy.shape") == "[300, 700]"
    assert notebook.result("max(abs(copy - big)).item()") == "0.0", "bit by bit"
    assert notebook.result("(total - sum(big).item()).abs() < 0.05") == "true"
    # What Rust changes is its own: the notebook's tensor stays.
    rust(notebook, 'let mut mine = get("big"); mine[0] = 1e9; mine.rows_mut().for_each(|row| row[1] = 0.0);')
    assert notebook.result("max(big).item() < 1e3") == "true"


def test_numbers_and_texts_go_both_ways(notebook):
    notebook.run('let n = 7; let half = 0.5; let word = "ä😀";')
    out = rust(
        notebook,
        """
        println!("{} {} {}", get_number("n"), get_number("half"), get_text("word"));
        put("m", 8); put("yes", true); put("said", "ö"); put("none", ()); put("pair", (1, 2.5));
        """,
    )
    assert out == "7 0.5 ä😀\n"
    assert notebook.result('[m, yes, said, none, pair]') == '[8, true, "ö", (), [1, 2.5]]'


def test_what_is_not_there_is_an_error_at_its_line(notebook):
    name, value, text = error(notebook, '%%rust\nlet a = 1;\nlet t = get("nowhere");')
    assert name == "Panic" and "no variable `nowhere`" in value and "line 3" in text
    notebook.run("let net = linear(1, 1);")
    _, value, _ = error(notebook, '%%rust\nget("net");')
    assert "`net` is a network" in value and "Rust takes tensors" in value


def test_exported_functions_are_words(notebook):
    rust(
        notebook,
        """
        /// Mean 0 and deviation 1.
        fn standardise(x: &Tensor) -> Tensor {
            let mean = x.mean();
            let deviation = x.map(|v| (v - mean).powi(2)).mean().sqrt();
            x.map(|v| (v - mean) / deviation)
        }
        fn again(text: &str, n: usize, shout: bool) -> String {
            let text = text.repeat(n);
            if shout { text.to_uppercase() } else { text }
        }
        fn halves(x: Tensor, at: i64) -> (Vec<f32>, f64, Option<bool>) {
            (x[..at as usize].to_vec(), x.len() as f64, None)
        }
        fn root(x: f64) -> Result<f64, String> {
            if x < 0.0 { Err(format!("{x} has no root")) } else { Ok(x.sqrt()) }
        }
        fn product(a: &[f32], b: &[f32]) -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() }
        fn say() { println!("said"); print!("and open"); eprintln!("aside"); }
        export!(standardise(x), again(text, n, shout), halves(x, at), root(x), product(a, b), say());
        """,
    )
    for call in ("standardise(x)", "x.standardise()", "[x].map(standardise)[0]", "{ let f = standardise; f(x) }"):
        notebook.run("let x = tensor([1, 2, 3, 6]);")
        result = notebook.result(f"let z = {call}; [mean(z).item().abs() < 1e-6, (std(z, #{{ correction: 0 }}).item() - 1).abs() < 1e-5]")
        assert result == "[true, true]", call
    assert notebook.result('again("ab", 2, true)') == '"ABAB"'
    assert notebook.result("halves(tensor([1, 2, 3]), 2)") == "[[1.0, 2.0], 3.0, ()]"
    assert notebook.result("root(16)") == "4.0"
    assert notebook.result("product(tensor([1, 2]), tensor([3, 4]))") == "11.0"
    reply, messages = notebook.run('print("before"); say(); print("after");')
    assert text_of(messages) == "before\nsaid\nand openafter\n", "in its order"
    assert text_of(messages, "stderr") == "aside\n"
    assert "standardise" in text_of(notebook.run("%who")[1])


def test_every_tensor_of_a_call_is_there_until_it_ends(notebook):
    """As many as a call takes, each too long to go in the message itself, and others in the next calls: more than the cells' process
    keeps mapped."""
    names = [f"x{i}" for i in range(8)]
    parameters, firsts = (", ".join(form.format(name) for name in names) for form in ("{}: &Tensor", "{}[0]"))
    rust(notebook, f"fn firsts({parameters}) -> Vec<f32> {{ vec![{firsts}] }}\nexport!(firsts({', '.join(names)}));")
    for offset in (0, 100, 200, 300):
        arguments = ", ".join(f"full([5000], {offset + i})" for i in range(8))
        assert notebook.result(f"firsts({arguments})") == str([float(offset + i) for i in range(8)])


def test_calls_that_do_not_fit_say_why(notebook):
    rust(notebook, "fn scaled(x: &Tensor, by: f64) -> Tensor { x.map(|v| v * by as f32) }\nexport!(scaled(x, by));")
    for call, says in {
        'scaled("text", 1.0)': "scaled: x must be a tensor, got a text",
        "scaled(ones([2]), [1])": "scaled: by must be a number, got an array",
        "scaled(ones([2]))": "takes 2 arguments, got 1",
        "scaled(linear(1, 1), 1.0)": "scaled: got a network",
    }.items():
        _, value, text = error(notebook, call)
        assert says in value, value
        assert call in text, "the place of the call"
    _, value, _ = error(notebook, "%%rust\nfn relu(x: f64) -> f64 { x }\nexport!(relu(x));")
    assert "`relu` is a word of the language" in value
    assert notebook.result("relu(tensor([-1, 1])).to_array()") == "[0.0, 1.0]"


def test_a_function_that_is_defined_anew_is_the_one_that_is_called(notebook):
    rust(notebook, "fn within(x: f64) -> f64 { x + 1.0 }\nfn around(x: f64) -> f64 { within(x) * 2.0 }\nexport!(around(x));")
    assert notebook.result("around(1)") == "4.0"
    rust(notebook, "fn within(x: f64) -> f64 { x + 2.0 }")
    assert notebook.result("around(1)") == "6.0", "also what calls it"
    assert notebook.run("fn around(x) { x - 1 }")[0]["status"] == "ok"
    assert notebook.result("around(1)") == "0", "a function of Rhai takes its place"


def test_gradients_are_those_of_finite_differences(notebook):
    rust(
        notebook,
        """
        fn snake(x: &Tensor) -> Tensor { x.map(|v| v + v.sin().powi(2)) }
        fn snake_gradient(g: &Tensor, x: &Tensor) -> Tensor { g.zip_map(x, |g, v| g * (1.0 + (2.0 * v).sin())) }
        export_with_gradient!(snake(x), snake_gradient(g, x));
        fn mixed(a: &Tensor, k: f64, b: &Tensor) -> Tensor { a.zip_map(b, |a, b| k as f32 * a * b * b) }
        fn mixed_gradient(g: &Tensor, a: &Tensor, k: f64, b: &Tensor) -> (Tensor, Tensor) {
            let k = k as f32;
            let for_a = g.zip_map(b, |g, b| g * k * b * b);
            let for_b = Tensor::from_fn([g.len()], |[i]| g[i] * k * 2.0 * a[i] * b[i]);
            (for_a, for_b)
        }
        export_with_gradient!(mixed(a, k, b), mixed_gradient(g, a, k, b));
        """,
    )
    difference = """
        fn numeric(f, x) {
            let h = 1e-2;
            let found = [];
            for i in 0..x.len {
                let step = one_hot([i], x.len).reshape([x.len]) * h;
                found.push((f.call(x + step).item() - f.call(x - step).item()) / (2 * h));
            }
            tensor(found)
        }
        let x = tensor([-1.5, 0.3, 2.0]);
        let w = tensor([0.7, -0.4, 1.1]);
        let off = max(abs(grad(sum(snake(x) * w), x) - numeric(|x| sum(snake(x) * w), x))).item();
        off = max(off, max(abs(grad(sum(mixed(x, 0.5, w)), x) - numeric(|a| sum(mixed(a, 0.5, w)), x))).item());
        off = max(off, max(abs(grad(sum(mixed(x, 0.5, w)), w) - numeric(|b| sum(mixed(x, 0.5, b)), w))).item());
        off < 2e-3"""
    assert notebook.result(textwrap.dedent(difference)) == "true"
    # Through a layer, and to its weights.
    training = """
        seed(0);
        let net = network(#{ a: linear(1, 16), b: linear(16, 1) }, |net, x| net.b(snake(net.a(x))));
        let opt = adam(net, #{ lr: 0.02 });
        let x = linspace(-3, 3, 64).reshape([64, 1]);
        let y = sin(2 * x);
        let first = mse(net(x), y).item();
        for step in 0..300 { opt.descend(mse(net(x), y)); }
        mse(net(x), y).item() < first / 20"""
    assert notebook.result(textwrap.dedent(training)) == "true"
    _, value, _ = error(notebook, "let x = ones([2]); grad(sum(grad(sum(snake(x)), x, #{ create_graph: true })), x)")
    assert "snake" in value and "differentiated again" in value
