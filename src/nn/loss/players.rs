//! The losses of the two players. D's outputs come as logits `a` (any real number) or as probabilities `D = σ(a)`; each
//! formula is written for the form in which it does not lose precision.

use saddle_fault::Result;
use saddle_tensor::Tensor;

/// How D's outputs are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Probabilities in (0, 1): D ends with a sigmoid.
    Probability,
    /// Logits: D ends with a linear layer.
    Logit,
}

/// log D.
fn log_d(d: &Tensor, scale: Scale) -> Result<Tensor> {
    match scale {
        Scale::Probability => d.log(),
        Scale::Logit => d.log_sigmoid(),
    }
}

/// log(1 − D).
fn log_not_d(d: &Tensor, scale: Scale) -> Result<Tensor> {
    match scale {
        Scale::Probability => d.rsub_scalar(1.0)?.log(),
        Scale::Logit => d.neg()?.log_sigmoid(),
    }
}

/// D's cost J(D) = −½ E log D(x) − ½ E log(1 − D(G(z))) (Goodfellow 2016, slide 20). `real_target` below 1 is one-sided
/// label smoothing (slide 39): −½ E[t·log D(x) + (1 − t)·log(1 − D(x))] for the first half.
pub fn discriminator(real: &Tensor, fake: &Tensor, real_target: f32, scale: Scale) -> Result<Tensor> {
    let mut on_real = log_d(real, scale)?.mul_scalar(real_target)?;
    if real_target != 1.0 {
        on_real = on_real.add(&log_not_d(real, scale)?.mul_scalar(1.0 - real_target)?)?;
    }
    let on_fake = log_not_d(fake, scale)?.mean()?;
    on_real.mean()?.add(&on_fake)?.mul_scalar(-0.5)
}

/// G's minimax cost ½ E log(1 − D(G(z))) (slide 20): flat where D is sure.
pub fn minimax(fake: &Tensor, scale: Scale) -> Result<Tensor> {
    log_not_d(fake, scale)?.mean()?.mul_scalar(0.5)
}

/// G's non-saturating cost −½ E log D(G(z)) (slide 23).
pub fn non_saturating(fake: &Tensor, scale: Scale) -> Result<Tensor> {
    log_d(fake, scale)?.mean()?.mul_scalar(-0.5)
}

/// G's maximum-likelihood cost −½ E exp(σ⁻¹(D(G(z)))) (slide 27): its gradient is that of KL(data ‖ model) while D is
/// optimal.
pub fn maximum_likelihood(fake: &Tensor, scale: Scale) -> Result<Tensor> {
    let odds = match scale {
        // exp(σ⁻¹(D)) = D / (1 − D).
        Scale::Probability => fake.div(&fake.rsub_scalar(1.0)?)?,
        Scale::Logit => fake.exp()?,
    };
    odds.mean()?.mul_scalar(-0.5)
}

/// Hinge loss of D on any real outputs: E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))) (Lim and Ye 2017).
pub fn hinge(real: &Tensor, fake: &Tensor) -> Result<Tensor> {
    let on_real = real.rsub_scalar(1.0)?.relu()?.mean()?;
    on_real.add(&fake.add_scalar(1.0)?.relu()?.mean()?)
}

/// Least-squares loss of D: ½ E (D(x) − 1)² + ½ E D(G(z))² (Mao et al. 2017).
pub fn least_squares(real: &Tensor, fake: &Tensor) -> Result<Tensor> {
    let on_real = real.add_scalar(-1.0)?.square()?.mean()?;
    on_real.add(&fake.square()?.mean()?)?.mul_scalar(0.5)
}

/// Least-squares loss of G: ½ E (D(G(z)) − 1)².
pub fn least_squares_generator(fake: &Tensor) -> Result<Tensor> {
    fake.add_scalar(-1.0)?.square()?.mean()?.mul_scalar(0.5)
}

/// The critic's loss E D(G(z)) − E D(x) (Arjovsky et al. 2017).
pub fn wasserstein(real: &Tensor, fake: &Tensor) -> Result<Tensor> {
    fake.mean()?.sub(&real.mean()?)
}

/// What G minimises against a critic or a hinge D: −E D(G(z)).
pub fn wasserstein_generator(fake: &Tensor) -> Result<Tensor> {
    fake.mean()?.neg()
}

/// The relativistic pairing loss E softplus(−(a − b)): for D with a = D(x), b = D(G(z)); for G the other way round
/// (Jolicoeur-Martineau 2019; Huang et al. 2024).
pub fn relativistic(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    b.sub(a)?.softplus()?.mean()
}
