//! What models with a likelihood refuse: masks that leak, couplings that cannot be undone, chains of no length, numbers
//! that are no probabilities, sounds that cannot be played. Each is an error at the word that names the value.

use super::Notes;

/// In a cell: `nan`, `inf`, and the call.
const CASES: &[(&str, &str)] = &[
    // Masks.
    ("made_masks([0, 2, 2], [8])", "made_masks: the order must be a permutation of 0, 1, …: place 1 is missing"),
    ("made_masks([1, 2, 3], [8])", "3 is no place of 3"),
    ("made_masks([], [8])", "its shape is [0]"),
    ("made_masks([0, 1], [8, 0])", "each with at least one unit"),
    ("made_masks([0, 1], [2.5])", "hidden must be an array of whole numbers"),
    ("masked_linear(2, 1, tensor([[1, 0.5]]))", "masked_linear: element [0, 1] of the mask is 0.5"),
    ("masked_linear(1, 2, tensor([[1], [nan]]))", "element [1, 0] of the mask is NaN"),
    ("masked_conv2d(1, 1, 4)", "masked_conv2d: kernel must be odd, got 4"),
    ("masked_conv2d(1, 1, 3, #{ mask: \"C\" })", "mask must be \"A\" or \"B\", got \"C\""),
    ("masked_conv2d(3, 4, 3, #{ colours: 3 })", "4 channels cannot be shared equally among 3 colours"),
    ("masked_conv2d(3, 3, 3, #{ colours: 0 })", "colours must be at least 1"),
    // Layers and how they start.
    ("prelu(#{ channels: 0 })", "prelu: channels must be at least 1"),
    ("prelu(#{ channels: 2 })(ones([2]))", "prelu: input must be [n, 2] or [n, 2, h, w], got [2]"),
    ("batch_norm(2, #{ init: orthogonal() })", "batch_norm: init starts a vector, orthogonal() a matrix"),
    ("linear(2, 1, #{ bias_init: orthogonal() })", "linear: bias_init starts a vector, orthogonal() a matrix"),
    ("batch_norm(2, #{ affine: false, init: constant(1) })", "there is no gain that init could start"),
    // Couplings.
    ("affine_coupling(ones([1, 2]), [1, 0.5], linear(2, 4))", "affine_coupling: element 1 of the mask is 0.5"),
    ("affine_coupling(ones([1, 2]), [1, nan], linear(2, 4))", "element 1 of the mask is NaN"),
    ("affine_coupling(ones([1, 2]), [1, 1], linear(2, 4))", "keeps everything"),
    ("affine_coupling(ones([1, 2]), [1, 0, 1], linear(2, 4))", "the mask must be [2], got [3]"),
    ("affine_coupling(ones([1, 2]), [1, 0], linear(2, 3))", "f must give [1, 4]"),
    ("affine_coupling(ones([1, 2]), [1, 0], linear(2, 4), #{ bound: nan })", "bound must be above 0, got NaN"),
    // Chains.
    ("ais(zeros([2, 3]), zeros([3]), zeros([2]), #{ steps: 0 })", "ais: steps is 0: a chain of length 0"),
    ("ais(zeros([2, 3]), zeros([3]), zeros([2]), #{ steps: -1 })", "steps must not be negative"),
    ("ais(zeros([2, 3]), zeros([3]), zeros([2]), #{ chains: 1 })", "at least 2 chains"),
    // Probabilities.
    ("bernoulli(1.5)", "bernoulli: the probability 1.5 lies outside [0, 1]"),
    ("bernoulli(nan, [3])", "the probability NaN lies outside [0, 1]"),
    ("bernoulli(tensor([0.5, -0.1]))", "the probability -0.1 lies outside [0, 1]"),
    ("categorical(tensor([0.5, -0.5]))", "categorical: a weight must be ≥ 0, got -0.5"),
    ("categorical(tensor([0.5, nan]))", "a weight must be ≥ 0, got NaN"),
    ("categorical(tensor([0, 0]))", "nothing to draw"),
    ("dropout(1.5)", "dropout: p must be in [0, 1), got 1.5"),
    ("gaussian_noise(nan)", "gaussian_noise: std must not be negative, got NaN"),
    ("bce(tensor([0.5, 1.5]), 1)", "bce: the probability 1.5 lies outside [0, 1]"),
    ("non_saturating_loss(tensor([-2]))", "non_saturating_loss: the probability -2 lies outside [0, 1]"),
    ("discriminator_loss(tensor([0.5]), tensor([3]))", "discriminator_loss: the probability 3 lies outside [0, 1]"),
    // Losses of nothing.
    ("cross_entropy(zeros([0, 3]), int([]))", "cross_entropy: there are no logits in shape [0, 3]"),
    ("nll_loss(zeros([0, 3]), int([]))", "nll_loss: there are no log-probabilities in shape [0, 3]"),
    ("nll_loss(zeros([3]), int([0]))", "nll_loss: log-probabilities must be [n, classes], got [3]"),
    ("nll_loss(zeros([2, 3]), tensor([0, 1]))", "nll_loss: labels must be whole numbers, got a tensor of f32"),
    ("nll_loss(zeros([2, 3]), int([[0], [1]]))", "2 rows of log-probabilities, but labels of shape [2, 1]"),
    ("nll_loss(zeros([2, 3]), [0, -1])", "nll_loss: label -1 is not one of the 3 classes"),
    ("cross_entropy(zeros([1, 3]), int([0]), #{ label_smoothing: -0.1 })", "must be in [0, 1], got -0.1"),
    ("cross_entropy(zeros([1, 3]), int([0]), #{ label_smoothing: nan })", "must be in [0, 1], got NaN"),
    ("huber_loss(zeros([2]), zeros([3]))", "huber_loss: prediction [2] and target [3] differ"),
    ("huber_loss(zeros([2]), 0, #{ delta: nan })", "huber_loss: delta must be above 0, got NaN"),
    ("mse(zeros([0]), zeros([0]))", "mse: there are no predictions in shape [0]"),
    // Rates that make no rule.
    ("sgd(linear(1, 1), #{ nesterov: true })", "sgd: nesterov looks ahead along a momentum"),
    ("sgd(linear(1, 1), #{ nesterov: true, momentum: 0.9, dampening: 0.1 })", "and no dampening"),
    ("rmsprop(linear(1, 1), #{ alpha: 1 })", "rmsprop: alpha must be in [0, 1), got 1"),
    // Spreads.
    ("uniform(-3e38, 3e38, [2])", "uniform: from -3e38 to 3e38 it is further than floats reach"),
    ("uniform(1e300, 1e300, [2])", "further than floats reach"),
    ("normal(0, nan)", "normal: std must not be negative, got NaN"),
    ("adam(linear(1, 1)).set_lr(nan)", "set_lr: lr must not be negative, got NaN"),
    // Sounds.
    (
        "dataset(tensor([[16777217]], #{ dtype: \"int\" }))",
        "dataset: floats do not hold every digit of the whole number 16777217",
    ),
    ("audio([0, 1], 0)", "audio: the rate must be a whole number from 1 to 768000, got 0"),
    ("audio([0, 1], nan)", "got NaN"),
    ("audio([0, nan], 8000)", "audio: sample 1 is NaN"),
    ("audio(tensor([inf, 0]), 8000)", "audio: sample 0 is inf"),
    ("audio([], 8000)", "there are no samples"),
];

#[test]
fn what_has_no_meaning_is_refused_at_the_word() {
    let mut complaints = Vec::new();
    for (code, part) in CASES {
        let cell = format!("let nan = log(tensor([-1]))[0].item(); let inf = (tensor([1]) / 0)[0].item();\n{code}");
        match Notes::with(saddle_words::catalog()).result(&cell) {
            Ok(shown) => complaints.push(format!("{code}: does not fail, but shows {shown:?}")),
            Err(failure) if !failure.value.contains(part) => complaints.push(format!("{code}: {:?}", failure.value)),
            Err(_) => (),
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A probability of exactly 0 or 1 is one, and NaN is the optimizer's to report.
#[test]
fn what_has_a_meaning_is_not() {
    let mut notes = Notes::with(saddle_words::catalog());
    notes.ok("bce(tensor([0, 1]), tensor([0, 1])); discriminator_loss(tensor([1]), tensor([0]));");
    notes.ok("discriminator_loss(tensor([5]), tensor([-5]), #{ logits: true }); bce(log(tensor([-1])), 1);");
}
