//! Losses: on predictions and targets, and those of the two players.

use crate::cite;
use crate::convert::{beside, coerce, wrap};
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_nn::loss;
use saddle_nn::loss::players::{self, Scale};
use saddle_tensor::{Device, Tensor};

pub static ENTRIES: &[&Entry] = &[
    &BCE,
    &BCE_WITH_LOGITS,
    &CROSS_ENTROPY,
    &NLL_LOSS,
    &MSE,
    &L1,
    &HUBER_LOSS,
    &DISCRIMINATOR,
    &MINIMAX,
    &NON_SATURATING,
    &MAXIMUM_LIKELIHOOD,
    &HINGE,
    &LEAST_SQUARES,
    &LEAST_SQUARES_G,
    &WASSERSTEIN,
    &WASSERSTEIN_G,
    &RELATIVISTIC,
];

const TARGET: Param<Dynamic> =
    param("target", types::any(Ty::TensorLike), "what it should be, of the same shape, or one number for all");
const DIFFER: &[&str] = &["shapes that differ"];
const REAL: Param<Tensor> = param("d_real", types::TENSOR, "D's outputs for real samples");
const FAKE: Param<Tensor> = param("d_fake", types::TENSOR, "D's outputs for generated samples");
const LOGITS: Param<bool> =
    param("logits", types::BOOL, "whether D's outputs are logits instead of probabilities").or(false);
const LABEL_SMOOTHING: Param<f64> =
    param("label_smoothing", types::NUMBER, "one-sided: real samples count as 1 − this (slide 39: 0.1)").or(0.0);

/// A loss of predictions and a target; a number as target becomes a tensor beside the predictions.
fn compared(call: &Call, x: Param<Tensor>, f: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    let x = x.of(call)?;
    let target = coerce(TARGET.value(call), &x.device())?.ok_or_else(|| TARGET.wrong(call))?;
    f(&x, &target).map(wrap)
}

/// An error if `p` holds a number that is no probability, as logits in the wrong place do. NaN is left to the
/// optimizer, which says where it is from. Only asked on the CPU: elsewhere the device would have to stand still for
/// it.
fn probabilities(call: &Call, p: Param<Tensor>) -> Result<()> {
    let p = p.of(call)?;
    if p.device() != Device::Cpu {
        return Ok(());
    }
    let beyond = |v: &[f32]| v.iter().copied().find(|v| *v < 0.0 || *v > 1.0);
    match p.with_floats(beyond)? {
        None => Ok(()),
        Some(bad) => Err(Fault::value(format!("{}: the probability {bad} lies outside [0, 1]", call.entry.name)).hint(
            if call.entry.name == BCE.name {
                "bce_with_logits takes logits, as a linear layer gives them"
            } else {
                "a D that ends with a linear layer gives logits: #{ logits: true }"
            },
        )),
    }
}

/// How the outputs of D are given.
fn scale(call: &Call, outputs: &[Param<Tensor>]) -> Result<Scale> {
    if LOGITS.of(call)? {
        return Ok(Scale::Logit);
    }
    outputs.iter().try_for_each(|d| probabilities(call, *d))?;
    Ok(Scale::Probability)
}

const P: Param<Tensor> = param("p", types::TENSOR, "probabilities");
static BCE: Entry = Entry {
    name: "bce",
    group: "loss",
    summary: "binary cross-entropy of probabilities: −E[t·log p + (1 − t)·log(1 − p)]",
    params: &[P.param(), TARGET.param()],
    returns: Ty::Tensor,
    errors: &["shapes that differ", "on the CPU: p outside [0, 1]"],
    source: &["logarithms cut at −100, as in PyTorch"],
    examples: &[
        value("a coin", "bce(tensor([0.5]), 1).item() - log(2) < 1e-6", "true"),
        fails("a logit", "bce(tensor([1.5]), 1)", "the probability 1.5 lies outside [0, 1]"),
    ],
    call: |call| {
        probabilities(call, P)?;
        compared(call, P, loss::bce)
    },
    ..ENTRY
};

const A: Param<Tensor> = param("a", types::TENSOR, "logits: any real numbers");
static BCE_WITH_LOGITS: Entry = Entry {
    name: "bce_with_logits",
    group: "loss",
    summary: "binary cross-entropy of logits: E[log(1 + eᵃ) − t·a], exact however sure the logits are",
    params: &[A.param(), TARGET.param()],
    returns: Ty::Tensor,
    errors: DIFFER,
    examples: &[
        value("sure and wrong", "bce_with_logits(tensor([200]), 0).item()", "200.0"),
        fails("shapes", "bce_with_logits(zeros([4, 1]), zeros([4]))", "prediction [4, 1] and target [4] differ"),
    ],
    call: |call| compared(call, A, loss::bce_with_logits),
    ..ENTRY
};

const CROSS_ENTROPY_LOGITS: Param<Tensor> = param("logits", types::TENSOR, "[n, classes]");
const CROSS_ENTROPY_TARGET: Param<Tensor> =
    param("target", types::TENSOR, "labels: ints [n]; or probabilities [n, classes]");
const TARGET_SMOOTHING: Param<f64> =
    param("label_smoothing", types::NUMBER, "ε: this part of the target is shared equally by all classes").or(0.0);
static CROSS_ENTROPY: Entry = Entry {
    name: "cross_entropy",
    group: "loss",
    summary: "cross-entropy of logits against labels or probabilities",
    params: &[CROSS_ENTROPY_LOGITS.param(), CROSS_ENTROPY_TARGET.param()],
    options: &[TARGET_SMOOTHING.opt()],
    returns: Ty::Tensor,
    errors: &[
        "logits that are not [n, classes]",
        "a target of another length",
        "labels outside 0..classes",
        "a label smoothing outside [0, 1]",
    ],
    source: &["label smoothing as in PyTorch: (1 − ε) · CE + ε · the mean over classes of −log p"],
    examples: &[
        value(
            "four equal classes",
            "abs(cross_entropy(zeros([2, 4]), int(tensor([0, 3]))).item() - log(4)) < 1e-6",
            "true",
        ),
        value(
            "half a mean over both classes",
            "let exact = log(1 + exp(2)) - 0.5;\nabs(cross_entropy(tensor([[0, 2]]), int([0]), #{ label_smoothing: 0.5 }).item() - exact) < 1e-5",
            "true",
        ),
        fails(
            "more than everything smoothed",
            "cross_entropy(zeros([1, 2]), int([0]), #{ label_smoothing: 1.5 })",
            "label_smoothing must be in [0, 1], got 1.5",
        ),
    ],
    call: |call| {
        let (logits, target) = (CROSS_ENTROPY_LOGITS.of(call)?, CROSS_ENTROPY_TARGET.of(call)?);
        loss::smoothed_cross_entropy(&logits, &target, TARGET_SMOOTHING.of(call)?).map(wrap)
    },
    ..ENTRY
};

const LOG_PROBS: Param<Tensor> =
    param("log_probs", types::TENSOR, "[n, classes]: logarithms of probabilities, as `log_softmax` gives them");
const LABELS: Param<Tensor> = param("labels", types::WHOLE, "the classes: ints [n], or an array of whole numbers");
static NLL_LOSS: Entry = Entry {
    name: "nll_loss",
    group: "loss",
    summary: "the negative log-likelihood of labels: the mean of −log p of each row's label",
    params: &[LOG_PROBS.param(), LABELS.param()],
    returns: Ty::Tensor,
    errors: &[
        "log-probabilities that are not [n, classes]",
        "labels that are not whole numbers",
        "labels of another length",
        "labels outside 0..classes",
    ],
    source: &["as in PyTorch; of `log_softmax(logits)` it is `cross_entropy(logits, labels)`"],
    examples: &[
        value("of two rows", "nll_loss(tensor([[-1, -2], [-3, -4]]), [0, 1]).item()", "2.5"),
        fails("no such class", "nll_loss(zeros([1, 3]), [3])", "label 3 is not one of the 3 classes"),
        fails("too few labels", "nll_loss(zeros([2, 3]), [0])", "2 rows of log-probabilities, but labels of shape [1]"),
    ],
    call: |call| {
        let (log_probs, labels) = (LOG_PROBS.of(call)?, LABELS.of(call)?);
        loss::nll_loss(&log_probs, &beside(labels, LABELS.value(call), &log_probs.device())).map(wrap)
    },
    ..ENTRY
};

const X: Param<Tensor> = param("x", types::TENSOR, "predictions");
static MSE: Entry = Entry {
    name: "mse",
    group: "loss",
    summary: "mean squared difference",
    params: &[X.param(), TARGET.param()],
    returns: Ty::Tensor,
    errors: DIFFER,
    examples: &[value("1 and 3 apart", "mse(tensor([1, 3]), 0).item()", "5.0")],
    call: |call| compared(call, X, loss::mse),
    ..ENTRY
};

static L1: Entry = Entry {
    name: "l1",
    group: "loss",
    summary: "mean absolute difference",
    params: MSE.params,
    returns: Ty::Tensor,
    errors: DIFFER,
    examples: &[value("1 and 3 apart", "l1(tensor([-1, 3]), 0).item()", "2.0")],
    call: |call| compared(call, X, loss::l1),
    ..ENTRY
};

const DELTA: Param<f64> = param("delta", types::NUMBER, "the difference up to which it is squared, above 0").or(1.0);
static HUBER_LOSS: Entry = Entry {
    name: "huber_loss",
    group: "loss",
    summary: "mean of d²/2 for differences d within ±δ and of δ · (|d| − δ/2) beyond, so that outliers weigh less than in `mse`; for δ = 1 it is PyTorch's `smooth_l1_loss`",
    params: MSE.params,
    options: &[DELTA.opt()],
    returns: Ty::Tensor,
    errors: &["shapes that differ", "a delta that is not above 0"],
    source: &[cite::HUBER_1964],
    examples: &[
        value("within and beyond", "huber_loss(tensor([0.5, -3]), 0).item()", "1.3125"),
        value("with another δ", "huber_loss(tensor([4]), 0, #{ delta: 2 }).item()", "6.0"),
        fails("no δ", "huber_loss(tensor([1]), 0, #{ delta: 0 })", "delta must be above 0, got 0"),
    ],
    call: |call| {
        let delta = DELTA.of(call)? as f32;
        compared(call, X, |x, target| loss::huber_loss(x, target, delta))
    },
    ..ENTRY
};

static DISCRIMINATOR: Entry = Entry {
    name: "discriminator_loss",
    group: "loss",
    summary: "D's cost J(D) = −½ E log D(x) − ½ E log(1 − D(G(z)))",
    params: &[REAL.param(), FAKE.param()],
    options: &[LOGITS.opt(), LABEL_SMOOTHING.opt()],
    returns: Ty::Tensor,
    errors: &["a label smoothing outside [0, 1)"],
    source: &[cite::GOODFELLOW_2016, ", slide 20"],
    examples: &[value(
        "at p_g = p_data",
        "let half = full([4, 1], 0.5);\nabs(discriminator_loss(half, half).item() - log(2)) < 1e-6",
        "true",
    )],
    call: |call| {
        let smoothing = LABEL_SMOOTHING.of(call)?;
        if !(0.0..1.0).contains(&smoothing) {
            return Err(Fault::value(format!(
                "discriminator_loss: label_smoothing must be in [0, 1), got {smoothing}"
            )));
        }
        let (real, fake) = (REAL.of(call)?, FAKE.of(call)?);
        Ok(wrap(players::discriminator(&real, &fake, 1.0 - smoothing as f32, scale(call, &[REAL, FAKE])?)?))
    },
    ..ENTRY
};

fn of_fake(call: &Call, f: fn(&Tensor, Scale) -> Result<Tensor>) -> Result<Dynamic> {
    Ok(wrap(f(&FAKE.of(call)?, scale(call, &[FAKE])?)?))
}

static MINIMAX: Entry = Entry {
    name: "minimax_loss",
    group: "loss",
    summary: "G's minimax cost ½ E log(1 − D(G(z))): its gradient dies where D is sure",
    params: &[FAKE.param()],
    options: &[LOGITS.opt()],
    returns: Ty::Tensor,
    source: &[cite::GOODFELLOW_2016, ", slide 20"],
    examples: &[value("at D = ½", "abs(minimax_loss(tensor([0.5])).item() + 0.3466) < 1e-4", "true")],
    call: |call| of_fake(call, players::minimax),
    ..ENTRY
};

static NON_SATURATING: Entry = Entry {
    name: "non_saturating_loss",
    group: "loss",
    summary: "G's non-saturating cost −½ E log D(G(z)): its gradient is strong where D is sure",
    params: &[FAKE.param()],
    options: &[LOGITS.opt()],
    returns: Ty::Tensor,
    source: &[cite::GOODFELLOW_2016, ", slide 23"],
    examples: &[value("at D = ½", "abs(non_saturating_loss(tensor([0.5])).item() - 0.3466) < 1e-4", "true")],
    call: |call| of_fake(call, players::non_saturating),
    ..ENTRY
};

static MAXIMUM_LIKELIHOOD: Entry = Entry {
    name: "maximum_likelihood_loss",
    group: "loss",
    summary: "G's maximum-likelihood cost −½ E exp(σ⁻¹(D(G(z))))",
    params: &[FAKE.param()],
    options: &[LOGITS.opt()],
    returns: Ty::Tensor,
    source: &[cite::GOODFELLOW_2016, ", slides 27 and 75–78"],
    examples: &[value("at D = ½", "maximum_likelihood_loss(tensor([0.5])).item()", "-0.5")],
    call: |call| of_fake(call, players::maximum_likelihood),
    ..ENTRY
};

/// A loss of D's outputs for real and for generated samples.
fn of_both(call: &Call, f: fn(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    f(&REAL.of(call)?, &FAKE.of(call)?).map(wrap)
}

static HINGE: Entry = Entry {
    name: "hinge_loss",
    group: "loss",
    summary: "D's hinge loss E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))), D's outputs being any real numbers",
    params: &[REAL.param(), FAKE.param()],
    returns: Ty::Tensor,
    source: &[cite::LIM_2017],
    examples: &[value("beyond the margin", "hinge_loss(tensor([2]), tensor([-3])).item()", "0.0")],
    call: |call| of_both(call, players::hinge),
    ..ENTRY
};

static LEAST_SQUARES: Entry = Entry {
    name: "least_squares_loss",
    group: "loss",
    summary: "D's least-squares loss ½ E (D(x) − 1)² + ½ E D(G(z))²",
    params: &[REAL.param(), FAKE.param()],
    returns: Ty::Tensor,
    source: &[cite::MAO_2017],
    examples: &[value("all wrong", "least_squares_loss(tensor([0]), tensor([1])).item()", "1.0")],
    call: |call| of_both(call, players::least_squares),
    ..ENTRY
};

static LEAST_SQUARES_G: Entry = Entry {
    name: "least_squares_loss",
    group: "loss",
    summary: "G's least-squares loss ½ E (D(G(z)) − 1)²",
    params: &[FAKE.param()],
    returns: Ty::Tensor,
    source: &[cite::MAO_2017],
    examples: &[value("D says 0", "least_squares_loss(tensor([0])).item()", "0.5")],
    call: |call| Ok(wrap(players::least_squares_generator(&FAKE.of(call)?)?)),
    ..ENTRY
};

static WASSERSTEIN: Entry = Entry {
    name: "wasserstein_loss",
    group: "loss",
    summary: "the critic's loss E D(G(z)) − E D(x)",
    params: &[REAL.param(), FAKE.param()],
    returns: Ty::Tensor,
    source: &[cite::ARJOVSKY_2017],
    examples: &[value("a gap of 3", "wasserstein_loss(tensor([2]), tensor([-1])).item()", "-3.0")],
    call: |call| of_both(call, players::wasserstein),
    ..ENTRY
};

static WASSERSTEIN_G: Entry = Entry {
    name: "wasserstein_loss",
    group: "loss",
    summary: "G's loss against a critic: −E D(G(z))",
    params: &[FAKE.param()],
    returns: Ty::Tensor,
    source: &[cite::ARJOVSKY_2017],
    examples: &[value("the critic says 2", "wasserstein_loss(tensor([2])).item()", "-2.0")],
    call: |call| Ok(wrap(players::wasserstein_generator(&FAKE.of(call)?)?)),
    ..ENTRY
};

const RELATIVISTIC_A: Param<Tensor> = param("a", types::TENSOR, "logits that should be larger");
const B: Param<Tensor> = param("b", types::TENSOR, "logits that should be smaller");
static RELATIVISTIC: Entry = Entry {
    name: "relativistic_loss",
    group: "loss",
    summary: "E log(1 + e^(b − a)): for D with a real and b generated, for G the other way round",
    params: &[RELATIVISTIC_A.param(), B.param()],
    returns: Ty::Tensor,
    errors: DIFFER,
    source: &[cite::JOLICOEUR_MARTINEAU_2019, "; ", cite::HUANG_2024, " (R3GAN)"],
    examples: &[value("equal", "abs(relativistic_loss(tensor([1]), tensor([1])).item() - log(2)) < 1e-6", "true")],
    call: |call| players::relativistic(&RELATIVISTIC_A.of(call)?, &B.of(call)?).map(wrap),
    ..ENTRY
};
