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
    let shape = logits.shape();
    let &[n, classes] = &shape[..] else {
        return Err(Fault::shape(format!("cross_entropy: logits must be [n, classes], got {}", shown(&shape))));
    };
    // The mean over no rows is no number; as a sum it would be a perfect 0.
    if n == 0 {
        return Err(Fault::shape(format!("cross_entropy: there are no logits in shape {}", shown(&shape))));
    }
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
    // A class that is masked by −∞ and has no part in the target costs nothing.
    logits.log_softmax(1)?.weighted(&probabilities)?.sum()?.mul_scalar(-1.0 / n as f32)
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
