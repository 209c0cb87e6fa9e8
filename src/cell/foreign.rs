//! Names of Python, PyTorch and NumPy that no word has, and what stands in their place.

/// What stands in place of a name of theirs that no word has.
pub fn for_name(name: &str) -> Option<&'static str> {
    find(NAMES, name)
}

/// What stands in place of a method, function or class of theirs that no word has.
pub fn for_call(name: &str) -> Option<&'static str> {
    find(CALLS, name)
}

fn find(table: &[(&[&str], &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(names, _)| names.contains(&name)).map(|(_, hint)| *hint)
}

/// Variables, constants, modules, keywords.
const NAMES: &[(&[&str], &str)] = &[
    (&["null", "nil", "void", "None"], "Rhai's \"nothing\" is written `()`"),
    (&["True", "False"], "truths are written `true` and `false`"),
    (
        &["torch", "np", "numpy", "nn", "F", "plt", "jnp", "tf", "math", "random"],
        "words stand alone, without a module before them: `tensor([1, 2])`",
    ),
    (&["inf", "nan", "NaN", "Infinity"], "`(1 / tensor(0.0)).item()` is infinite, `(tensor(0.0) / 0).item()` is NaN"),
    (&["pi", "PI"], "`PI()`"),
    (&["self"], "a map's function gets the map as `this`"),
    (&["pass"], "that statement of Python's is not needed here"),
    (&["elif"], "`else if x { … }`"),
];

/// Functions, methods, classes.
const CALLS: &[(&[&str], &str)] = &[
    (&["backward"], "`optimizer.descend(loss)` takes a step, `grad(loss, params)` gives the gradients"),
    (&["zero_grad"], "gradients are not kept: there is nothing to set to zero"),
    (&["cuda", "cpu"], "`x.to(\"wgpu\")` moves a tensor; `device(\"wgpu\")` makes it the place of all that follow"),
    (&["numpy", "tolist"], "`x.to_array()` gives the numbers; `save(\"x.npy\", x)` writes them for NumPy"),
    (&["size"], "`x.shape` is the shape, `x.numel` the number of elements"),
    (&["dim", "ndim", "ndimension"], "`x.rank` is the number of dims"),
    (&["rsqrt"], "`1 / sqrt(x)`"),
    (&["reciprocal"], "`1 / x`"),
    (&["view"], "`x.reshape([2, 3])`"),
    (
        &["randperm", "shuffle"],
        "`permutation(10)` is 0 to 9 in random order, `x[permutation(x.len)]` the rows of x in one",
    ),
    (&["multinomial", "choice"], "`categorical(weights, 10)` draws ten classes"),
    (&["BCELoss", "bce_loss", "binary_cross_entropy"], "`bce(p, 1)`, of logits `bce_with_logits(x, 1)`"),
    (&["BCEWithLogitsLoss", "binary_cross_entropy_with_logits"], "`bce_with_logits(x, 1)`"),
    (&["MSELoss", "mse_loss"], "`mse(x, y)`"),
    (&["L1Loss", "l1_loss", "mae"], "`l1(x, y)`"),
    (&["CrossEntropyLoss"], "`cross_entropy(logits, labels)`"),
    (&["interpolate", "Upsample"], "`resize(images, [32, 32])`, as a layer `upsample(2)`"),
    (&["adaptive_avg_pool2d", "AdaptiveAvgPool2d", "global_average_pool"], "`mean(x, #{ dim: [2, 3] })`"),
    (&["MultiheadAttention", "multi_head_attention"], "`attention(q, k, v)`, as a layer `self_attention(64)`"),
    (&["meshgrid"], "`x.reshape([3, 1])` and `y.reshape([1, 4])` broadcast to 3 × 4"),
    (&["save_image"], "`save(\"grid.png\", image_grid(x))`"),
    (&["DataLoader", "dataloader"], "`for x in batches(data, 64) { … }`"),
    (&["random_split"], "`data.split(1000)`"),
    (&["clamp_min", "clamp_max", "clip"], "`clamp(x, 0, 1)`, `maximum(x, 0)`"),
    (&["isclose", "allclose"], "`max(abs(a - b)) < 1e-6`; `check(\"what\", a, #{ near: b })` states it"),
    (&["nonzero", "argwhere"], "`x[x > 0]` are the elements where it holds, `where(x > 0, a, b)` chooses"),
    (&["bincount"], "`sum(one_hot(labels, 10), #{ dim: 0 })`"),
    (
        &["kaiming_normal", "kaiming_uniform", "kaiming_normal_", "kaiming_uniform_"],
        "`linear(2, 3, #{ init: kaiming() })`",
    ),
    (&["xavier_normal", "xavier_uniform", "xavier_normal_", "xavier_uniform_"], "`linear(2, 3, #{ init: xavier() })`"),
    (
        &["StepLR", "LambdaLR", "CosineAnnealingLR", "lr_scheduler"],
        "a schedule is an optimizer's `lr`: `adam(G, #{ lr: linear_schedule(1e-3, 0, 1000) })`",
    ),
    (&["clip_grad_norm", "clip_grad_norm_"], "`adam(G, #{ clip_norm: 1 })`"),
    (&["gradients", "autograd", "jacobian"], "`grad(y, x)`, its own gradient with `#{ create_graph: true }`"),
    (&["def", "function", "lambda"], "`fn f(x) { x + 1 }`, `let f = |x| x + 1`"),
    (&["concat", "concatenate", "hstack", "vstack"], "`cat([a, b], #{ dim: 0 })`, or `stack` along a new dim"),
    (&["array", "asarray", "from_numpy"], "`tensor([[1, 2], [3, 4]])`"),
    (&["assert"], "`check(\"what\", value, #{ near: 1.0 })` states what must hold"),
    (&["str", "repr"], "`x.to_string()`, or text in backquotes: `` `loss ${x}` ``"),
    (&["manual_seed"], "`seed(0)`"),
    (&["append"], "`a.push(x)`"),
    (&["range"], "`for i in 0..10`, or `range(0, 10, 2)` with a step"),
    (&["enumerate"], "`for (x, i) in xs`: the element and its place"),
    (&["zip"], "`for (x, i) in xs { xs[i]; ys[i]; }`"),
    (&["sorted"], "`xs.order()` is a sorted copy, `xs.sort()` sorts in place"),
    (&["join"], "`xs.reduce(|text, x| text + x, \"\")`"),
    (&["upper"], "`s.to_upper()`"),
    (&["lower"], "`s.to_lower()`"),
    (&["parameters"], "`G.params()`"),
    (&["state_dict", "load_state_dict"], "`G.save(\"g.pt\")` and `G.load(\"g.pt\")` keep and take a state dict"),
    (&["add", "sub", "mul"], "`a + b`, `a - b`, `a * b`"),
    (&["mm", "bmm"], "`a @ b`"),
    (&["clone"], "a tensor never changes in its place: `let y = x` is as good as a copy; `copy(G)` copies a network"),
    (&["requires_grad_", "requires_grad"], "gradients reach every tensor: `grad(y, x)`"),
    (&["long", "type"], "`int(x)`, `float(x)`, `bool(x)`"),
    (&["fabs"], "`abs(x)`"),
    (&["smooth_l1_loss", "SmoothL1Loss"], "`huber_loss(x, target)`, with #{ delta: 1 } by default"),
    (&["NLLLoss"], "`nll_loss(log_softmax(x, #{ dim: 1 }), labels)`"),
    (
        &["tril_", "triu_", "add_", "mul_", "zero_", "fill_", "clamp_"],
        "nothing is changed in place: `x = x + 1` gives the name a new tensor",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Functions of Rhai's own in the hints, and what stands for something of the user's.
    const NOT_WORDS: &[&str] =
        &["PI", "range", "if", "fn", "f", "map", "push", "order", "reduce", "to_string", "to_upper", "to_lower"];

    /// A hint that names a word which does not exist would send its reader from one error to the next.
    #[test]
    fn every_call_in_a_hint_is_of_a_word() {
        let catalog = saddle_words::catalog();
        let mut unknown = Vec::new();
        for (names, hint) in NAMES.iter().chain(CALLS) {
            for name in names.iter() {
                let word = catalog.find(name).iter().any(|entry| entry.name == *name);
                assert!(!word, "{name} is a word itself");
            }
            for code in hint.split('`').skip(1).step_by(2) {
                for (at, _) in code.match_indices('(') {
                    let start = code[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |i| i + 1);
                    let word = &code[start..at];
                    let known = word.is_empty() || NOT_WORDS.contains(&word) || !catalog.find(word).is_empty();
                    if !known {
                        unknown.push(format!("{names:?}: {hint}: no word {word}"));
                    }
                }
            }
        }
        assert!(unknown.is_empty(), "{unknown:#?}");
    }
}
