//! Losses: on predictions and targets, and those of the two players.

use super::super::tensor::{coerce, fails, param, value, wrap};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Setting, Ty};
use saddle_fault::{Fault, Result};
use saddle_gan::loss as gan;
use saddle_gan::loss::Scale;
use saddle_nn::loss;
use saddle_tensor::{Device, Tensor};

pub static ENTRIES: &[&Entry] = &[
    &BCE,
    &BCE_WITH_LOGITS,
    &CROSS_ENTROPY,
    &MSE,
    &L1,
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

const TARGET: Param = param("target", Ty::TensorLike, "what it should be, of the same shape, or one number for all");
const DIFFER: &[&str] = &["shapes that differ"];
const REAL: Param = param("d_real", Ty::Tensor, "D's outputs for real samples");
const FAKE: Param = param("d_fake", Ty::Tensor, "D's outputs for generated samples");
const LOGITS: Setting<bool> = Setting::flag("logits", false, "whether D's outputs are logits instead of probabilities");
const LABEL_SMOOTHING: Setting<f64> =
    Setting::number("label_smoothing", 0.0, "one-sided: real samples count as 1 − this (slide 39: 0.1)");

/// Prediction and target; a number becomes a tensor beside the prediction.
fn pair(call: &Call) -> Result<(Tensor, Tensor)> {
    let x: Tensor = call.args.get(0)?;
    let target = coerce(call.args.any(1), &x.device())?.ok_or_else(|| call.args.wrong(1))?;
    Ok((x, target))
}

/// An error if argument `i` holds a number that is no probability, as logits in the wrong place do. NaN is left to the optimizer, which
/// says where it is from. Only asked on the CPU: elsewhere the device would have to stand still for it.
fn probabilities(call: &Call, i: usize) -> Result<()> {
    let p: Tensor = call.args.get(i)?;
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

/// How the `outputs` of D, arguments 0 and on, are given.
fn scale(call: &Call, outputs: usize) -> Result<Scale> {
    if LOGITS.of(call)? {
        return Ok(Scale::Logit);
    }
    (0..outputs).try_for_each(|i| probabilities(call, i))?;
    Ok(Scale::Probability)
}

static BCE: Entry = Entry {
    name: "bce",
    group: "loss",
    summary: "binary cross-entropy of probabilities: −E[t·log p + (1 − t)·log(1 − p)]",
    params: &[param("p", Ty::Tensor, "probabilities"), TARGET],
    returns: Ty::Tensor,
    errors: &["shapes that differ", "on the CPU: p outside [0, 1]"],
    source: "logarithms cut at −100, as in PyTorch",
    examples: &[
        value("a coin", "bce(tensor([0.5]), 1).item() - log(2) < 1e-6", "true"),
        fails("a logit", "bce(tensor([1.5]), 1)", "the probability 1.5 lies outside [0, 1]"),
    ],
    call: |call| {
        probabilities(call, 0)?;
        pair(call).and_then(|(p, t)| Ok(wrap(loss::bce(&p, &t)?)))
    },
    ..ENTRY
};

static BCE_WITH_LOGITS: Entry = Entry {
    name: "bce_with_logits",
    group: "loss",
    summary: "binary cross-entropy of logits: E[log(1 + eᵃ) − t·a], exact however sure the logits are",
    params: &[param("a", Ty::Tensor, "logits: any real numbers"), TARGET],
    returns: Ty::Tensor,
    errors: DIFFER,
    examples: &[
        value("sure and wrong", "bce_with_logits(tensor([200]), 0).item()", "200.0"),
        fails("shapes", "bce_with_logits(zeros([4, 1]), zeros([4]))", "prediction [4, 1] and target [4] differ"),
    ],
    call: |call| pair(call).and_then(|(a, t)| Ok(wrap(loss::bce_with_logits(&a, &t)?))),
    ..ENTRY
};

static CROSS_ENTROPY: Entry = Entry {
    name: "cross_entropy",
    group: "loss",
    summary: "cross-entropy of logits against labels or probabilities",
    params: &[
        param("logits", Ty::Tensor, "[n, classes]"),
        param("target", Ty::Tensor, "labels: ints [n]; or probabilities [n, classes]"),
    ],
    returns: Ty::Tensor,
    errors: &["logits that are not [n, classes]", "a target of another length", "labels outside 0..classes"],
    examples: &[value(
        "four equal classes",
        "abs(cross_entropy(zeros([2, 4]), int(tensor([0, 3]))).item() - log(4)) < 1e-6",
        "true",
    )],
    call: |call| Ok(wrap(loss::cross_entropy(&call.args.get::<Tensor>(0)?, &call.args.get::<Tensor>(1)?)?)),
    ..ENTRY
};

static MSE: Entry = Entry {
    name: "mse",
    group: "loss",
    summary: "mean squared difference",
    params: &[param("x", Ty::Tensor, "predictions"), TARGET],
    returns: Ty::Tensor,
    errors: DIFFER,
    examples: &[value("1 and 3 apart", "mse(tensor([1, 3]), 0).item()", "5.0")],
    call: |call| pair(call).and_then(|(x, t)| Ok(wrap(loss::mse(&x, &t)?))),
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
    call: |call| pair(call).and_then(|(x, t)| Ok(wrap(loss::l1(&x, &t)?))),
    ..ENTRY
};

static DISCRIMINATOR: Entry = Entry {
    name: "discriminator_loss",
    group: "loss",
    summary: "D's cost J(D) = −½ E log D(x) − ½ E log(1 − D(G(z)))",
    params: &[REAL, FAKE],
    options: &[LOGITS.opt(), LABEL_SMOOTHING.opt()],
    returns: Ty::Tensor,
    errors: &["a label smoothing outside [0, 1)"],
    source: "Goodfellow 2016, slide 20",
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
        let (real, fake): (Tensor, Tensor) = (call.args.get(0)?, call.args.get(1)?);
        Ok(wrap(gan::discriminator(&real, &fake, 1.0 - smoothing as f32, scale(call, 2)?)?))
    },
    ..ENTRY
};

fn of_fake(call: &Call, f: fn(&Tensor, Scale) -> Result<Tensor>) -> Result<Dynamic> {
    Ok(wrap(f(&call.args.get::<Tensor>(0)?, scale(call, 1)?)?))
}

static MINIMAX: Entry = Entry {
    name: "minimax_loss",
    group: "loss",
    summary: "G's minimax cost ½ E log(1 − D(G(z))): its gradient dies where D is sure",
    params: &[FAKE],
    options: &[LOGITS.opt()],
    returns: Ty::Tensor,
    source: "Goodfellow 2016, slide 20",
    examples: &[value("at D = ½", "abs(minimax_loss(tensor([0.5])).item() + 0.3466) < 1e-4", "true")],
    call: |call| of_fake(call, gan::minimax),
    ..ENTRY
};

static NON_SATURATING: Entry = Entry {
    name: "non_saturating_loss",
    group: "loss",
    summary: "G's non-saturating cost −½ E log D(G(z)): its gradient is strong where D is sure",
    params: &[FAKE],
    options: &[LOGITS.opt()],
    returns: Ty::Tensor,
    source: "Goodfellow 2016, slide 23",
    examples: &[value("at D = ½", "abs(non_saturating_loss(tensor([0.5])).item() - 0.3466) < 1e-4", "true")],
    call: |call| of_fake(call, gan::non_saturating),
    ..ENTRY
};

static MAXIMUM_LIKELIHOOD: Entry = Entry {
    name: "maximum_likelihood_loss",
    group: "loss",
    summary: "G's maximum-likelihood cost −½ E exp(σ⁻¹(D(G(z))))",
    params: &[FAKE],
    options: &[LOGITS.opt()],
    returns: Ty::Tensor,
    source: "Goodfellow 2016, slides 27 and 75–78",
    examples: &[value("at D = ½", "maximum_likelihood_loss(tensor([0.5])).item()", "-0.5")],
    call: |call| of_fake(call, gan::maximum_likelihood),
    ..ENTRY
};

fn of_both(call: &Call, f: fn(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Dynamic> {
    Ok(wrap(f(&call.args.get::<Tensor>(0)?, &call.args.get::<Tensor>(1)?)?))
}

static HINGE: Entry = Entry {
    name: "hinge_loss",
    group: "loss",
    summary: "D's hinge loss E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))), D's outputs being any real numbers",
    params: &[REAL, FAKE],
    returns: Ty::Tensor,
    source: "Lim and Ye 2017",
    examples: &[value("beyond the margin", "hinge_loss(tensor([2]), tensor([-3])).item()", "0.0")],
    call: |call| of_both(call, gan::hinge),
    ..ENTRY
};

static LEAST_SQUARES: Entry = Entry {
    name: "least_squares_loss",
    group: "loss",
    summary: "D's least-squares loss ½ E (D(x) − 1)² + ½ E D(G(z))²",
    params: &[REAL, FAKE],
    returns: Ty::Tensor,
    source: "Mao et al. 2017",
    examples: &[value("all wrong", "least_squares_loss(tensor([0]), tensor([1])).item()", "1.0")],
    call: |call| of_both(call, gan::least_squares),
    ..ENTRY
};

static LEAST_SQUARES_G: Entry = Entry {
    name: "least_squares_loss",
    group: "loss",
    summary: "G's least-squares loss ½ E (D(G(z)) − 1)²",
    params: &[FAKE],
    returns: Ty::Tensor,
    source: "Mao et al. 2017",
    examples: &[value("D says 0", "least_squares_loss(tensor([0])).item()", "0.5")],
    call: |call| Ok(wrap(gan::least_squares_generator(&call.args.get::<Tensor>(0)?)?)),
    ..ENTRY
};

static WASSERSTEIN: Entry = Entry {
    name: "wasserstein_loss",
    group: "loss",
    summary: "the critic's loss E D(G(z)) − E D(x)",
    params: &[REAL, FAKE],
    returns: Ty::Tensor,
    source: "Arjovsky et al. 2017",
    examples: &[value("a gap of 3", "wasserstein_loss(tensor([2]), tensor([-1])).item()", "-3.0")],
    call: |call| of_both(call, gan::wasserstein),
    ..ENTRY
};

static WASSERSTEIN_G: Entry = Entry {
    name: "wasserstein_loss",
    group: "loss",
    summary: "G's loss against a critic: −E D(G(z))",
    params: &[FAKE],
    returns: Ty::Tensor,
    source: "Arjovsky et al. 2017",
    examples: &[value("the critic says 2", "wasserstein_loss(tensor([2])).item()", "-2.0")],
    call: |call| Ok(wrap(gan::wasserstein_generator(&call.args.get::<Tensor>(0)?)?)),
    ..ENTRY
};

static RELATIVISTIC: Entry = Entry {
    name: "relativistic_loss",
    group: "loss",
    summary: "E log(1 + e^(b − a)): for D with a real and b generated, for G the other way round",
    params: &[
        param("a", Ty::Tensor, "logits that should be larger"),
        param("b", Ty::Tensor, "logits that should be smaller"),
    ],
    returns: Ty::Tensor,
    errors: DIFFER,
    source: "Jolicoeur-Martineau 2019; Huang et al. 2024 (R3GAN)",
    examples: &[value("equal", "abs(relativistic_loss(tensor([1]), tensor([1])).item() - log(2)) < 1e-6", "true")],
    call: |call| of_both(call, gan::relativistic),
    ..ENTRY
};
