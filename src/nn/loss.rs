//! Losses. Each gives the mean over all elements, a single number. Here those on predictions and targets; in
//! [`players`] what D and G minimise.

pub mod players;

use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Dtype, Tensor, shown};

/// An error when a loss on the CPU is NaN. On other devices reading it back would stall the device: nothing is checked.
pub(super) fn finite(word: &str, loss: &Tensor) -> Result<()> {
    if loss.device() == Device::Cpu && loss.to_floats()?.first().is_some_and(|v| v.is_nan()) {
        return Err(Fault::value(format!("{word}: the loss is NaN; the parameters keep their values")).hint(
            "log(0) · 0, ∞ − ∞ or 0 / 0 make one: detect_anomaly(true) names the operation; losses on logits avoid log(0)",
        ));
    }
    Ok(())
}

fn same_shape(name: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    let (sa, sb) = (a.shape(), b.shape());
    if a.is_empty() {
        return Err(Fault::shape(format!("{name}: there are no predictions in shape {}", shown(&sa))));
    }
    if sa == sb || b.len() == 1 {
        return Ok(());
    }
    Err(Fault::shape(format!("{name}: prediction {} and target {} differ", shown(&sa), shown(&sb)))
        .hint("bring them to one shape; a single number as target counts for every element"))
}

/// log p, cut at −100 as in PyTorch's `binary_cross_entropy`. Where it is cut the gradient is 0, never 0 / 0: a sigmoid
/// that has become exactly 0 or 1 passes no gradient either.
fn cut_log(p: &Tensor) -> Result<Tensor> {
    let one = Tensor::full(1.0, &[], &p.device());
    let cut = Tensor::full(-100.0, &[], &p.device());
    let positive = p.gt(&Tensor::full(0.0, &[], &p.device()))?;
    let log = positive.choose(p, &one)?.log()?;
    positive.choose(&log.clamp(-100.0, f32::MAX)?, &cut)
}

/// Binary cross-entropy of probabilities: −t·log p − (1 − t)·log(1 − p). Logarithms are cut at −100, as in PyTorch.
///
/// # Errors
/// Shapes that differ.
pub fn bce(p: &Tensor, target: &Tensor) -> Result<Tensor> {
    same_shape("bce", p, target)?;
    let (log_p, log_q) = (cut_log(p)?, cut_log(&p.rsub_scalar(1.0)?)?);
    target.mul(&log_p)?.add(&target.rsub_scalar(1.0)?.mul(&log_q)?)?.mean()?.neg()
}

/// Binary cross-entropy of logits: softplus(a) − t·a, exact for every a.
///
/// # Errors
/// Shapes that differ.
pub fn bce_with_logits(a: &Tensor, target: &Tensor) -> Result<Tensor> {
    same_shape("bce_with_logits", a, target)?;
    a.bce_with_logits(target)
}

/// Cross-entropy of logits `[n, classes]` against labels (ints `[n]`) or probabilities `[n, classes]`.
///
/// # Errors
/// Logits of another rank; labels of another number.
pub fn cross_entropy(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    smoothed_cross_entropy(logits, target, 0.0)
}

/// Cross-entropy against a target of which the part `smoothing` is shared equally by all classes, as in PyTorch:
/// (1 − ε) · CE + ε · the mean over classes of −log p.
///
/// # Errors
/// As [`cross_entropy`]; a smoothing outside [0, 1].
pub fn smoothed_cross_entropy(logits: &Tensor, target: &Tensor, smoothing: f64) -> Result<Tensor> {
    if !(0.0..=1.0).contains(&smoothing) {
        return Err(Fault::value(format!("cross_entropy: label_smoothing must be in [0, 1], got {smoothing}")));
    }
    let shape = logits.shape();
    let [n, classes] = rows("cross_entropy", "logits", logits)?;
    let probabilities = match target.dtype() {
        Dtype::Int => target.one_hot(classes)?,
        _ => target.clone(),
    };
    if probabilities.shape() != shape {
        let fault = Fault::shape(format!(
            "cross_entropy: {n} rows of logits, but a target of shape {}",
            shown(&target.shape())
        ));
        return Err(match target.dtype() == Dtype::F32 && target.shape()[..] == [n] {
            true => fault
                .hint("classes are whole numbers: int(target); floats are probabilities of all classes, [n, classes]"),
            false => fault,
        });
    }
    let probabilities = match smoothing {
        0.0 => probabilities,
        part => probabilities.mul_scalar((1.0 - part) as f32)?.add_scalar((part / classes as f64) as f32)?,
    };
    // A class that is masked by −∞ and has no part in the target costs nothing.
    logits.log_softmax(1)?.weighted(&probabilities)?.sum()?.mul_scalar(-1.0 / n as f32)
}

/// The sizes `[n, classes]` of scores, of which there must be some.
fn rows(name: &str, scores: &str, of: &Tensor) -> Result<[usize; 2]> {
    let shape = of.shape();
    match shape[..] {
        // The mean over no rows is no number; as a sum it would be a perfect 0.
        [0, _] => Err(Fault::shape(format!("{name}: there are no {scores} in shape {}", shown(&shape)))),
        [n, classes] => Ok([n, classes]),
        _ => Err(Fault::shape(format!("{name}: {scores} must be [n, classes], got {}", shown(&shape)))),
    }
}

/// The mean of −log p of the labels (ints `[n]`), from log-probabilities `[n, classes]`, as PyTorch's `nll_loss`.
///
/// # Errors
/// Log-probabilities of another rank; labels that are not whole numbers, of another number, or outside `0..classes`.
pub fn nll_loss(log_probs: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let [n, classes] = rows("nll_loss", "log-probabilities", log_probs)?;
    if labels.dtype() != Dtype::Int {
        let kind = labels.dtype().name();
        return Err(Fault::type_(format!("nll_loss: labels must be whole numbers, got a tensor of {kind}"))
            .hint("int(labels) makes whole numbers of a tensor"));
    }
    if labels.shape()[..] != [n] {
        return Err(Fault::shape(format!(
            "nll_loss: {n} rows of log-probabilities, but labels of shape {}",
            shown(&labels.shape())
        )));
    }
    let chosen = labels.one_hot(classes).map_err(|mut fault| {
        fault.message = fault.message.replacen("one_hot:", "nll_loss:", 1);
        fault
    })?;
    // A class that is impossible, with −∞, and that no label names costs nothing.
    log_probs.weighted(&chosen)?.sum()?.mul_scalar(-1.0 / n as f32)
}

/// Huber's loss (1964), the mean of d²/2 for differences d within ±`delta` and of delta · (|d| − delta/2) beyond.
///
/// # Errors
/// Shapes that differ; a `delta` that is not above 0.
pub fn huber_loss(x: &Tensor, target: &Tensor, delta: f32) -> Result<Tensor> {
    if delta.is_nan() || delta <= 0.0 {
        return Err(Fault::value(format!("huber_loss: delta must be above 0, got {delta}")));
    }
    same_shape("huber_loss", x, target)?;
    let d = x.sub(target)?;
    // With c = d cut to ±delta both halves are c · (d − c/2): no branch, no square that overflows, and at d = 0 the
    // second derivative 1, which |d| would not have.
    let c = d.clamp(-delta, delta)?;
    c.mul(&d.sub(&c.mul_scalar(0.5)?)?)?.mean()
}

/// Mean squared difference.
///
/// # Errors
/// Shapes that differ.
pub fn mse(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    same_shape("mse", x, target)?;
    x.sub(target)?.square()?.mean()
}

/// Mean absolute difference.
///
/// # Errors
/// Shapes that differ.
pub fn l1(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    same_shape("l1", x, target)?;
    x.sub(target)?.abs()?.mean()
}
