//! Networks in cells: forward functions, sharing, and what training does to them.

use super::Notes;

fn notebook() -> Notes {
    Notes::with(saddle_words::catalog())
}

/// A network with a forward function trains, to the bit, as the same layers in a sequence do.
#[test]
fn a_forward_function_trains_as_a_sequence_does() {
    let mut notes = notebook();
    notes.ok("seed(3); let fc1 = linear(2, 4); let fc2 = linear(4, 1); \
         let a = sequential([fc1.copy(), tanh(), fc2.copy()]); \
         let b = network(#{ fc1: fc1.copy(), fc2: fc2.copy() }, |net, x| net.fc2(tanh(net.fc1(x)))); \
         let opt_a = adam(a); let opt_b = adam(b); let x = randn([8, 2]);");
    notes.ok("for _ in 0..5 { opt_a.descend(mean(a(x) ** 2)); opt_b.descend(mean(b(x) ** 2)); }");
    let difference = "let d = 0.0; for i in 0..4 { d += sum(abs(a.params()[i] - b.params()[i])).item(); } d";
    assert_eq!(notes.ok(difference), "0.0");
}

#[test]
fn names_of_parts_win_over_words_that_do_not_fit() {
    let mut notes = notebook();
    let code = "let f = network(#{ norm: linear(2, 3), flatten: linear(3, 5) }, |net, x| net.flatten(net.norm(x)));
                [f(ones([1, 2])).shape, f.norm(ones([1, 2])).shape, f.params().len()]";
    assert_eq!(notes.ok(code), "[[1, 5], [1, 3], 4]");
    // The call left the network as it was.
    assert_eq!(notes.ok("f.depth"), "2");
}

#[test]
fn a_layer_used_twice_is_one_parameter() {
    let mut notes = notebook();
    notes.ok("let l = linear(2, 2, #{ init: constant(1), bias: false });");
    for net in ["sequential([l, l])", "network(#{ a: l, b: l }, |net, x| net.b(net.a(x)))"] {
        notes.ok(&format!("let f = {net}; let g = f.copy();"));
        assert_eq!(notes.ok("[f.params().len(), g.params().len()]"), "[1, 1]");
        assert_eq!(notes.ok("(g(ones([1, 2])) - f(ones([1, 2]))).to_array()"), "[[0.0, 0.0]]");
        // One functional call reaches both uses: 2·w applied twice is 4 times as much.
        let ratio = "(f.with([f.params()[0] * 2])(ones([1, 2])) / f(ones([1, 2]))).to_array()";
        assert_eq!(notes.ok(ratio), "[[4.0, 4.0]]");
    }
}

#[test]
fn the_mode_reaches_the_parts() {
    let mut notes = notebook();
    notes.ok("let f = network(#{ drop: dropout(0.5), blocks: [dropout(0.5)] }, |net, x| { let x = net.drop(x); for b in net.blocks { x = b(x); } x });");
    assert_eq!(notes.ok("f.eval(); sum(f(ones([1000]))).item()"), "1000.0");
    // Two dropouts double what they leave.
    assert_eq!(notes.ok("f.train(); max(f(ones([1000]))).item()"), "4.0");
    // Inside a sequence it is the sequence's.
    assert_eq!(notes.ok("let s = sequential([f, dropout(0.5)]); s.eval(); sum(s(ones([1000]))).item()"), "1000.0");
}

#[test]
fn an_error_inside_a_forward_function_is_shown_where_it_happens() {
    let mut notes = notebook();
    notes.ok("let f = network(#{ fc: linear(3, 1) },\n  |net, x| net.fc(x));");
    let shown = notes.err("f(ones([1, 2]))");
    assert!(shown.contains("ShapeError"), "{shown}");
    assert!(shown.contains("in a closure, In[1]"), "{shown}");
    let unknown = notes.err("f.fc2(1)");
    assert!(unknown.contains("fc2"), "{unknown}");
}

/// Through an unrolled step the gradient with respect to the network's own parameters is a gradient of second order.
#[test]
fn gradients_pass_through_functional_calls() {
    let mut notes = notebook();
    let code = "let f = network(#{ w: tensor(1.0) }, |net| net.w ** 2);
        let g = grad(f(), f, #{ create_graph: true });
        let after = f.with(sgd_step(f.params(), g, 0.25));
        grad(after(), f)[0].item()";
    // w' = w − 0.5 w, loss w²/4, derivative w/2.
    assert_eq!(notes.ok(code), "0.5");
}

/// Slides 42–45: how much an output changes when its batch mates change. Batch norm: much. Reference batch norm and
/// virtual batch norm: not at all.
#[test]
fn only_batch_norm_lets_batch_mates_meet() {
    let mut notes = notebook();
    notes.ok("seed(1); let r = randn([16, 2]); let x = randn([1, 2]); let mates = randn([7, 2]); let others = 3 * randn([7, 2]);");
    notes.ok("fn change(D) { max(abs(D(cat([x, mates]))[0] - D(cat([x, others]))[0])).item() }");
    assert_eq!(notes.ok("change(batch_norm(2)) > 0.1"), "true");
    for layer in ["reference_batch_norm(2)", "virtual_batch_norm(2)"] {
        notes.ok(&format!("let D = with_reference(sequential([linear(2, 2), {layer}, relu()]), r);"));
        assert_eq!(notes.ok("change(D)"), "0.0", "{layer}");
    }
}

/// A normalisation without gain and shift is the one whose gain is 1 and shift 0, and the network around it trains.
#[test]
fn normalisations_do_without_gain_and_shift() {
    let mut notes = notebook();
    notes.ok("seed(1); let x = randn([6, 4]);");
    for (norm, shown) in [("batch_norm", "4"), ("layer_norm", "4"), ("group_norm", "2, 4")] {
        notes.ok(&format!("let with_both = {norm}({shown}); let f = {norm}({shown}, #{{ affine: false }});"));
        assert_eq!(notes.ok("max(abs(with_both(x) - f(x))).item()"), "0.0", "{norm}");
        notes
            .ok("let net = sequential([linear(4, 4), f, prelu(#{ channels: 4 }), linear(4, 1)]); let opt = adam(net);");
        notes.ok("let before = net.params(); opt.descend(mean((net(x) - 1) ** 2));");
        // Two layers with weight and bias, and the slopes between them.
        assert_eq!(notes.ok("net.params().len()"), "5", "{norm}");
        assert_eq!(notes.ok("max(abs(net.params()[2] - before[2])).item() > 0.0"), "true", "{norm}");
        assert_eq!(notes.ok("max(abs(net.with(net.params())(x) - net(x))).item()"), "0.0", "{norm}");
        let table = notes.ok("net.summary()");
        assert!(table.contains("affine: false") && table.contains("prelu(4 slopes)"), "{table}");
    }
}

/// The formula of Salimans et al. 2016, section 3.2, written as a double loop over the samples.
#[test]
fn minibatch_discrimination_is_the_formula_of_its_paper() {
    let mut notes = notebook();
    notes.ok("seed(5); let layer = minibatch_discrimination(4, 3, 2); let x = randn([6, 4]); \
         let o = layer(x); let M = (x @ layer.params()[0]).reshape([6, 3, 2]);");
    let code = "let worst = max(abs(o.slice(1, 0..4) - x)).item();
                for i in 0..6 { for b in 0..3 {
                    let close = 0.0;
                    for j in 0..6 { if j != i { close += exp(-sum(abs(M[i][b] - M[j][b]))).item(); } }
                    worst = max(worst, abs(o[i][4 + b].item() - close));
                } }
                worst < 1e-5";
    assert_eq!(notes.ok(code), "true");
}

/// After a pass in train mode the layer's largest singular value is 1, whatever the weights.
#[test]
fn spectral_norm_bounds_what_a_layer_can_stretch() {
    let mut notes = notebook();
    notes.ok("seed(2); let f = spectral_norm(linear(6, 4, #{ init: normal(0, 3), bias: false })); for _ in 0..30 { f(randn([1, 6])); }");
    // Power iteration of its own, on the map as it acts.
    notes.ok("let v = randn([1, 6]); for _ in 0..200 { v = grad(sum(f(v) ** 2) / 2, v); v = v / norm(v); }");
    assert_eq!(notes.ok("abs(norm(f(v)).item() - 1) < 1e-4"), "true");
    // u and v are kept up without the optimizer's knowledge.
    assert_eq!(notes.ok("f.params().len()"), "1");
}

/// Arjovsky et al. 2017 clip all weights, whether the loss of this step reaches them or not; a frozen one is not touched.
#[test]
fn every_weight_is_clipped() {
    let mut notes = notebook();
    notes.ok("let one = |k| linear(1, 1, #{ bias: false, init: constant(k) }); let a = one(1); let b = one(-1); let c = freeze(one(1));");
    notes.ok("rmsprop([a, b, c], #{ clip_weights: 0.25 }).descend(sum(a(ones([1, 1]))));");
    assert_eq!(notes.ok("[a, b, c].map(|f| f.params()[0].item())"), "[0.25, -0.25, 1.0]");
}

/// The steps as values walk the ways of the optimizers, which are compared with PyTorch.
#[test]
fn steps_as_values_are_those_of_the_optimizers() {
    let mut notes = notebook();
    notes.ok("seed(4); let f = sequential([linear(2, 8), tanh(), linear(8, 1)]); let x = randn([16, 2]);");
    notes.ok("fn loss(net) { mean((net(x) - sum(x * x, #{ dim: 1, keepdim: true })) ** 2) }");
    for (optimizer, step) in [
        ("sgd(g, #{ lr: 0.1 })", "#{ params: sgd_step(p, grads, 0.1) }"),
        (
            "sgd(g, #{ lr: 0.1, momentum: 0.9 })",
            "{ let s = momentum_step(p, grads, state, #{ lr: 0.1, momentum: 0.9 }); state = s.velocity; s }",
        ),
        (
            "adam(g, #{ lr: 0.1, betas: [0.5, 0.99] })",
            "{ let s = adam_step(p, grads, state, #{ lr: 0.1, betas: [0.5, 0.99] }); state = s.state; s }",
        ),
    ] {
        notes.ok(&format!("let g = f.copy(); let opt = {optimizer}; for i in 0..10 {{ opt.descend(loss(g)); }}"));
        notes.ok(&format!(
            "let p = f.params(); let state = (); for i in 0..10 {{ let net = f.with(p); let grads = grad(loss(net), p); let s = {step}; p = s.params; }}"
        ));
        let apart = "let d = 0.0; for i in 0..4 { d += max(abs(p[i] - g.params()[i])).item(); } d < 1e-5";
        assert_eq!(notes.ok(apart), "true", "{optimizer}");
    }
}

/// In the game x·y plain simultaneous descent goes away from the solution (0, 0); each remedy goes home.
#[test]
fn remedies_for_games_that_turn() {
    let mut notes = notebook();
    notes.ok("fn play(field) { let x = tensor(1.0); let y = tensor(1.0);
        for i in 0..50 { let g = field.call(x, y); x = (x - 0.1 * g[0]).detach(); y = (y - 0.1 * g[1]).detach(); }
        sqrt(x ** 2 + y ** 2).item() }");
    // Known: the radius grows by √(1 + 0.1²) a step.
    assert_eq!(notes.ok("abs(play(|x, y| [y, -x]) - sqrt(2) * 1.01 ** 25) < 1e-4"), "true");
    // And here it is multiplied by √((1 − 0.1)² + 0.1²), as J + JᵀJ has eigenvalues 1 ± i.
    for word in [
        "consensus([x * y, -(x * y)], [[x], [y]], #{ gamma: 1 })",
        "symplectic_adjustment([x * y, -(x * y)], [[x], [y]])",
    ] {
        let code = format!("abs(play(|x, y| {word}.map(|g| g[0])) - sqrt(2) * 0.82 ** 25) < 1e-4");
        assert_eq!(notes.ok(&code), "true", "{word}");
    }
}
