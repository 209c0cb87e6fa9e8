//! Measures on features or outputs of a classifier: `fid`, `kid`, `inception_score`.

use super::{FEATURES, GROUP, MODEL, POSITIVE, SAMPLES, features, map, through, warn};
use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{AnyParam, Entry, Maybe, Param, Ty, fails, param, value};
use saddle_fault::Fault;
use saddle_gan::metrics::{Samples, frechet, inception, kernel};
use saddle_tensor::{Tensor, no_grad, shown};

pub static ENTRIES: &[&Entry] = &[&FID, &KID, &INCEPTION_SCORE];

const A: Param<Tensor> = param("a", SAMPLES, "samples of the data, or their features");
const B: Param<Tensor> = param("b", SAMPLES, "samples of the model, or their features");
const BOTH: &[AnyParam] = &[A.param(), B.param()];

static FID: Entry = Entry {
    name: "fid",
    group: GROUP,
    summary: "the Fréchet distance of Gaussians fitted to two sets of features: ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½); 0 is best",
    params: BOTH,
    options: &[FEATURES.opt()],
    returns: Ty::Number,
    shapes: "a [n, d], b [m, d] → a number; a warning where n or m is not above d",
    errors: &["features of different size, or not finite", "fewer than 2 samples"],
    source: &[cite::HEUSEL_2017, ". Comparable only for the same features and as many samples: few samples raise it"],
    examples: &[
        value(
            "two numbers each: means 0 and 3, variances 2 and 8: 9 + (√8 − √2)²",
            "abs(fid([[-1], [1]], [[1], [5]]) - 11) < 1e-6",
            "true",
        ),
        value("twice the same", "let x = digits().images; fid(x, x) < 1e-6", "true"),
        fails("one sample", "fid([[1, 2]], [[1, 2]])", "at least 2"),
    ],
    call: |call| {
        let (a, b) = (features(call, A)?, features(call, B)?);
        let fewest = a.count().min(b.count());
        if fewest <= a.dim() && fewest > 1 && a.dim() == b.dim() {
            warn(
                call,
                &format!(
                    "{fewest} samples for {} features: the covariance is singular and the distance too large",
                    a.dim()
                ),
            );
        }
        Ok(frechet::fid(&a, &b, &|| call.host.check_interrupt())?.into())
    },
};

const SUBSETS: Param<usize> = param("subsets", POSITIVE, "how many random subsets the value is the mean of").or(100);
const SIZE: Param<usize> =
    param("size", POSITIVE, "samples in a subset; all are compared once where there are no more").or(1000);
static KID: Entry = Entry {
    name: "kid",
    group: GROUP,
    summary: "the squared maximum mean discrepancy of two sets of features under (x·y/d + 1)³, unbiased: 0 on average for a perfect model",
    params: BOTH,
    options: &[SUBSETS.opt(), SIZE.opt(), FEATURES.opt()],
    returns: Ty::Map,
    shapes: "a [n, d], b [m, d] → kid: number, std: number, between the subsets",
    errors: &["features of different size, or not finite", "fewer than 2 samples, or a size below 2"],
    source: &[cite::BINKOWSKI_2018, ". Unlike FID it is not raised by few samples"],
    examples: &[
        value("by hand: 1 + 27 − 2·37/4", "kid([[0], [1]], [[1], [2]]).kid", "9.5"),
        value(
            "two halves of one data set",
            "seed(0); let parts = digits().split(0.5);\nlet found = kid(parts[0], parts[1], #{ size: 200 }); abs(found.kid) < found.std",
            "true",
        ),
        fails("one sample", "kid([[1]], [[1]])", "at least 2"),
    ],
    call: |call| {
        let (a, b) = (features(call, A)?, features(call, B)?);
        let subsets = SUBSETS.of(call)?;
        let size = SIZE.of(call)?;
        let found = kernel::kid(&a, &b, subsets, size, &|| call.host.check_interrupt())?;
        Ok(map([("kid", found.mean.into()), ("std", found.std.into())]))
    },
};

const X: Param<Tensor> =
    param("x", SAMPLES, "the classifier's probabilities, [n, classes]; with the option classifier, the samples");
const CLASSIFIER: Maybe<Dynamic> = param(
    "classifier",
    types::any(MODEL),
    "a network or a function that makes [n, classes] of samples; it gets them in batches of 500",
)
.maybe("none");
const LOGITS: Param<bool> = param("logits", types::BOOL, "whether these are logits instead of probabilities").or(false);
const SPLITS: Param<usize> =
    param("splits", POSITIVE, "parts of the samples that are scored apart; fewer where there are fewer samples").or(10);
static INCEPTION_SCORE: Entry = Entry {
    name: "inception_score",
    group: GROUP,
    summary: "exp E KL(p(y|x) ‖ p(y)): high where a classifier is sure of each sample and all classes appear; from 1 to the number of classes",
    params: &[X.param()],
    options: &[CLASSIFIER.opt(), LOGITS.opt(), SPLITS.opt()],
    returns: Ty::Map,
    shapes: "[n, classes] → score: number, std: number, between the parts; a warning where samples stand in the order of their classes, or are fewer in a part than the classes",
    errors: &["probabilities that are not [n, classes], or rows that do not add up to 1", "splits below 1"],
    source: &[cite::SALIMANS_2016],
    examples: &[
        value("sure, and all classes alike", "inception_score(eye(4), #{ splits: 1 }).score", "4.0"),
        value("all of one class", "inception_score([[1, 0], [1, 0]], #{ splits: 1 }).score", "1.0"),
        value(
            "a classifier given",
            "inception_score([[-50], [50]], #{ classifier: |x| cat([x, -x], #{ dim: 1 }), logits: true, splits: 1 }).score",
            "2.0",
        ),
        fails("logits", "inception_score([[2, -1]])", "is no distribution over classes"),
    ],
    call: |call| {
        let mut y = through(call, CLASSIFIER, X.of(call)?)?;
        if y.rank() != 2 {
            return Err(Fault::shape(format!(
                "inception_score: probabilities are [n, classes], got shape {}",
                shown(&y.shape())
            ))
            .hint("#{ classifier: C } makes them of samples"));
        }
        if LOGITS.of(call)? {
            y = no_grad(|| y.detach().softmax(1))?;
        }
        let probabilities = Samples::read(call.entry.name, "probabilities", &y)?;
        let splits = SPLITS.of(call)?;
        let splits = splits.min(probabilities.count());
        let found = inception::score(&probabilities, splits)?;
        if splits > 1 && inception::in_order_of_classes(&probabilities) {
            warn(
                call,
                "the samples stand in the order of their classes, so that each of the splits has few of them and the score is too low: shuffle them, or take #{ splits: 1 }",
            );
        }
        let (each, classes) = (probabilities.count() / splits, probabilities.dim());
        if splits > 1 && each < classes {
            warn(
                call,
                &format!(
                    "{each} samples in each of the {splits} splits for {classes} classes: no score above {each} is possible; give more samples, or take #{{ splits: 1 }}"
                ),
            );
        }
        Ok(map([("score", found.mean.into()), ("std", found.std.into())]))
    },
};
