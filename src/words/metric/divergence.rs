//! Comparisons of distributions: `histogram`, `kl`, `js`, `wasserstein_1d`.

use super::{GROUP, POSITIVE, SAMPLES, map, samples};
use crate::cite;
use crate::convert::wrap;
use crate::types;
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Maybe, Param, Ty, Type, fails, param, value};
use saddle_data::{Distribution, Gaussian};
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::divergence;
use saddle_tensor::{Tensor, device};

pub static ENTRIES: &[&Entry] = &[&HISTOGRAM, &KL, &KL_GAUSSIAN, &JS, &WASSERSTEIN_1D];

/// As many bins as the picture room makes.
const MOST_BINS: usize = 10_000;

const X: Param<Tensor> = param("x", SAMPLES, "numbers, of any shape");
const BINS: Maybe<usize> = param("bins", POSITIVE, "how many").maybe("by the number of samples");
const RANGE: Maybe<Vec<f64>> =
    param("range", types::NUMBERS, "where the first bin begins and the last one ends; numbers outside are not counted")
        .maybe("from the smallest to the largest number");
static HISTOGRAM: Entry = Entry {
    name: "histogram",
    group: GROUP,
    summary: "how many numbers lie in each of equal bins; hist(x) draws it",
    params: &[X.param()],
    options: &[BINS.opt(), RANGE.opt()],
    returns: Ty::Map,
    shapes: "counts [bins], ints; density [bins], of area 1 over all numbers; edges [bins + 1]; centres [bins]",
    errors: &[
        "no numbers, or some that are not finite",
        "bins below 1 or above 10,000",
        "a range that is not two numbers, the lower first",
    ],
    examples: &[
        value(
            "a bin holds its lower edge, the last one both",
            "histogram([0, 1, 1.5, 2, 4], #{ bins: 4 }).counts.to_array()",
            "[1, 2, 1, 1]",
        ),
        value(
            "two samples in the same bins",
            "let h = |x| histogram(x, #{ bins: 2, range: [0, 1] }).counts;\nkl(h([0.1, 0.2, 0.9]), h([0.3, 0.4, 0.7]))",
            "0.0",
        ),
        fails("from 1 to 0", "histogram([0], #{ range: [1, 0] })", "the lower first"),
    ],
    call: |call| {
        let x: Vec<f64> = doubles(call, X)?;
        let edges = edges(call, &x)?;
        let n = edges.len() - 1;
        let floats = |values: Vec<f64>| {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            let n = values.len();
            wrap(Tensor::from_floats(values, &[n], &device::current()))
        };
        let counts = saddle_picture::histogram(&x, &edges, false);
        let counts = counts.iter().map(|&v| v as i64).collect::<Vec<_>>();
        let centres = edges.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
        Ok(map([
            ("counts", wrap(Tensor::from_ints(counts, &[n], &device::current()))),
            ("density", floats(saddle_picture::histogram(&x, &edges, true))),
            ("centres", floats(centres.collect())),
            ("edges", floats(edges)),
        ]))
    },
    ..ENTRY
};

/// The edges of the bins, as the options ask for them.
fn edges(call: &Call, x: &[f64]) -> Result<Vec<f64>> {
    let bins = BINS.of(call)?;
    if let Some(bins) = bins.filter(|&n| n > MOST_BINS) {
        return Err(Fault::value(format!("histogram: at most {MOST_BINS} bins, got {bins}")));
    }
    match RANGE.of(call)?.as_deref() {
        None => Ok(saddle_picture::edges(&[x], bins)),
        Some(&[low, high]) if low < high && (high - low).is_finite() => {
            let usual = || saddle_picture::edges(&[x], None).len() - 1;
            let bins = bins.unwrap_or_else(usual);
            Ok(saddle_picture::edges(&[&[low, high]], Some(bins)))
        }
        Some(other) => {
            Err(Fault::value(format!("histogram: range must be two numbers, the lower first, got {other:?}"))
                .hint("range: [-1, 1]"))
        }
    }
}

/// All numbers that a parameter holds.
fn doubles(call: &Call, parameter: Param<Tensor>) -> Result<Vec<f64>> {
    let samples = samples(call, parameter)?;
    Ok(samples.values().iter().map(|&v| f64::from(v)).collect())
}

/// A distribution over finitely many values.
const WEIGHTS: Type<divergence::Distribution> = Type::new(Ty::OneOf(&[Ty::Tensor, Ty::Array]), |given| {
    let weights = types::DATA.read(given)?.to_floats()?.iter().map(|&v| f64::from(v)).collect();
    divergence::Distribution::new(given.word(), weights)
});
const WEIGHTS_DOC: &str = "probabilities or counts of each value; they are divided by their sum";
const P: Param<divergence::Distribution> = param("p", WEIGHTS, WEIGHTS_DOC);
const Q: Param<divergence::Distribution> = param("q", WEIGHTS, WEIGHTS_DOC);
const BOTH: &[AnyParam] = &[P.param(), Q.param()];
const WEIGHTS_ERRORS: &[&str] =
    &["weights that are negative, not finite, or all 0", "distributions over different numbers of values"];

static KL: Entry = Entry {
    name: "kl",
    group: GROUP,
    summary: "KL(p ‖ q) = Σ p·log(p/q) in nats: infinite where q is 0 and p is not",
    params: BOTH,
    returns: Ty::Number,
    errors: WEIGHTS_ERRORS,
    source: &[
        cite::GOODFELLOW_2016,
        ", slide 31: q fitted by KL covers all modes of p, fitted by the reverse it picks one",
    ],
    examples: &[
        value(
            "a fair coin against one that falls on one side three times of four",
            "abs(kl([0.5, 0.5], [3, 1]) - 0.5 * log(4.0 / 3.0)) < 1e-6",
            "true",
        ),
        fails("other values", "kl([0.5, 0.5], [1, 1, 1])", "over 2 and over 3 values"),
    ],
    call: |call| Ok(divergence::kl(&P.of(call)?, &Q.of(call)?)?.into()),
    ..ENTRY
};

const KL_GAUSSIAN_P: Param<Distribution> = param("p", types::DISTRIBUTION, "a Gaussian");
const KL_GAUSSIAN_Q: Param<Distribution> = param("q", types::DISTRIBUTION, "a Gaussian");
static KL_GAUSSIAN: Entry = Entry {
    name: "kl",
    group: GROUP,
    summary: "KL(p ‖ q) of two Gaussians in closed form, in nats",
    params: &[KL_GAUSSIAN_P.param(), KL_GAUSSIAN_Q.param()],
    returns: Ty::Number,
    errors: &["a distribution that is not one Gaussian", "Gaussians of different dimensions"],
    examples: &[
        value("one standard deviation apart", "kl(gaussian(0, 1), gaussian(1, 1))", "0.5"),
        fails("no closed form", "kl(gaussian([0, 0], 1), ring(8))", "one Gaussian"),
    ],
    call: |call| {
        let (p, q) = (one_gaussian(call, KL_GAUSSIAN_P)?, one_gaussian(call, KL_GAUSSIAN_Q)?);
        let (p, q) = ((&p.mean[..], &p.std[..]), (&q.mean[..], &q.std[..]));
        Ok(divergence::kl_gaussian(p, q)?.into())
    },
    ..ENTRY
};

/// The Gaussian that a parameter holds.
fn one_gaussian(call: &Call, parameter: Param<Distribution>) -> Result<Gaussian> {
    if let Distribution::Mixture(m) = parameter.of(call)?
        && let [one] = m.parts()
    {
        return Ok(one.clone());
    }
    Err(Fault::value("kl: has a closed form only for one Gaussian against one Gaussian")
        .hint("with x = p.sample(100000): mean(p.log_prob(x) - q.log_prob(x)) is an estimate"))
}

static JS: Entry = Entry {
    name: "js",
    group: GROUP,
    summary: "the Jensen–Shannon divergence in nats, from 0 to log 2; at the optimal D, V = −log 4 + 2·js(p_data, p_g)",
    params: BOTH,
    returns: Ty::Number,
    errors: WEIGHTS_ERRORS,
    source: &[cite::GOODFELLOW_2014, ", Theorem 1"],
    examples: &[
        value("nothing in common", "js([1, 0], [0, 1]) == log(2)", "true"),
        value("equal", "js([1, 2], [0.5, 1])", "0.0"),
    ],
    call: |call| Ok(divergence::js(&P.of(call)?, &Q.of(call)?)?.into()),
    ..ENTRY
};

const A: Param<Tensor> = param("a", SAMPLES, "numbers, of any shape");
const B: Param<Tensor> = param("b", SAMPLES, "numbers, as many or not");
static WASSERSTEIN_1D: Entry = Entry {
    name: "wasserstein_1d",
    group: GROUP,
    summary: "the Wasserstein-1 (earth mover's) distance between two sets of numbers, exact, of any sizes",
    params: &[A.param(), B.param()],
    returns: Ty::Number,
    errors: &["no numbers, or some that are not finite"],
    examples: &[
        value("each moves by 5", "wasserstein_1d([0, 1, 3], [5, 6, 8])", "5.0"),
        value("half of the mass moves by 1, half by 3", "wasserstein_1d([0], [1, 3])", "2.0"),
    ],
    call: |call| Ok(divergence::wasserstein_1d(doubles(call, A)?, doubles(call, B)?).into()),
    ..ENTRY
};
