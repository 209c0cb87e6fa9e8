//! What is known of a distribution in closed form: its density, as recorded operations, and its modes.

use super::distribution::{SELF, mixture, table};
use crate::convert::{beside, wrap};
use crate::types;
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, Type, fails, number, param, value as gives};
use saddle_data::Distribution;
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, device, shown};
use std::f64::consts::TAU;

pub static ENTRIES: &[&Entry] = &[&LOG_PROB, &PROB, &NORMAL_LOG_PROB, &MODES];

const POINTS: Param<Tensor> =
    param("x", PLACE, "points, their coordinates in the last dim; in one dimension any tensor or number");
const DENSITY_SHAPES: &str = "[m, dim] → [m, 1], which fits D(x); in one dimension as x";

static LOG_PROB: Entry = Entry {
    name: "log_prob",
    group: "data",
    summary: "the logarithm of the density at x, differentiable",
    params: &[SELF.param(), POINTS.param()],
    returns: Ty::Tensor,
    shapes: DENSITY_SHAPES,
    errors: &["a distribution without a density in closed form", "points of another dimension"],
    examples: &[
        gives(
            "the standard normal at 0: −log √(2π)",
            "abs(gaussian(0, 1).log_prob(0).item() + 0.918938533) < 1e-6",
            "true",
        ),
        gives(
            "its gradient at 2 is −2",
            "let x = tensor([[2.0]]); grad(sum(gaussian(0, 1).log_prob(x)), x).to_array()",
            "[[-2.0]]",
        ),
        fails("another dimension", "ring(8).log_prob(zeros([5, 3]))", "[5, 3]"),
    ],
    call: |call| log_prob(call).map(wrap),
    ..ENTRY
};

static PROB: Entry = Entry {
    name: "prob",
    group: "data",
    summary: "the density at x, differentiable",
    params: &[SELF.param(), POINTS.param()],
    returns: Ty::Tensor,
    shapes: DENSITY_SHAPES,
    errors: &["a distribution without a density in closed form", "points of another dimension"],
    examples: &[gives(
        "the optimal discriminator between two Gaussians, half way",
        "let p = gaussian(-1, 1); let q = gaussian(1, 1); (p.prob(0) / (p.prob(0) + q.prob(0))).item()",
        "0.5",
    )],
    call: |call| log_prob(call)?.exp().map(wrap),
    ..ENTRY
};

const PLACE: Type<Tensor> = types::DATA.accepting(Ty::OneOf(&[Ty::TensorLike, Ty::Array]));

const X: Param<Tensor> = param("x", PLACE, "where: a tensor of any shape, or a number");
const MEAN: Param<Tensor> = param("mean", PLACE, "a number, or a tensor that broadcasts with x");
const STD: Param<Tensor> = param("std", PLACE, "the standard deviation, above 0; it broadcasts too");
static NORMAL_LOG_PROB: Entry = Entry {
    name: "normal_log_prob",
    group: "data",
    summary: "log N(x; mean, std²) of every element, differentiable in x, mean and std: a model's own log-likelihood",
    params: &[X.param(), MEAN.param(), STD.param()],
    returns: Ty::Tensor,
    shapes: "as x, mean and std broadcast; sum(…, #{ dim: -1 }) is that of independent coordinates",
    errors: &["shapes that do not broadcast", "a number std that is not above 0"],
    source: &["PyTorch's `torch.distributions.Normal(mean, std).log_prob(x)`"],
    examples: &[
        gives(
            "the standard normal at 0: −log √(2π)",
            "abs(normal_log_prob(0, 0, 1).item() + 0.918938533) < 1e-6",
            "true",
        ),
        gives(
            "the likelihood's slope in the mean is (x − mean) / std²",
            "let mean = tensor(1); grad(normal_log_prob(3, mean, 2), mean).item()",
            "0.5",
        ),
        fails("no spread", "normal_log_prob(0, 0, 0)", "std must be above 0, got 0"),
    ],
    call: |call| {
        if let Some(std) = number(STD.value(call)).filter(|std| std.is_nan() || *std <= 0.0) {
            return Err(Fault::value(format!("normal_log_prob: std must be above 0, got {std}")));
        }
        let given = [X.value(call), MEAN.value(call), STD.value(call)];
        let on = given.iter().find_map(|v| Some(v.read_lock::<Tensor>()?.device()));
        let on = on.unwrap_or_else(device::current);
        let [x, mean, std] = [X.of(call)?, MEAN.of(call)?, STD.of(call)?];
        let (x, mean, std) = (beside(x, given[0], &on), beside(mean, given[1], &on), beside(std, given[2], &on));
        let distance = x.sub(&mean)?.div(&std)?;
        // Halved before it is squared: the square itself may be beyond single precision.
        let square = distance.mul_scalar(-0.5)?.mul(&distance)?;
        square.sub(&std.log()?)?.add_scalar((-0.5 * TAU.ln()) as f32).map(wrap)
    },
    ..ENTRY
};

fn log_prob(call: &Call) -> Result<Tensor> {
    log_density(call.entry.name, &SELF.of(call)?, &POINTS.of(call)?)
}

/// log Σₖ wₖ N(x; μₖ, σₖ), in operations that are recorded.
fn log_density(word: &str, p: &Distribution, x: &Tensor) -> Result<Tensor> {
    let m = mixture(p, word)?;
    let (shape, d) = (x.shape(), p.dim());
    let fits = d == 1 || shape.last() == Some(&d);
    if !fits {
        return Err(Fault::shape(format!("{word}: points of {d} coordinates are needed, got shape {}", shown(&shape)))
            .hint(format!("x must be [m, {d}]")));
    }
    let mean = table(m, |part| &part.mean)?.to_device(&x.device());
    let std = table(m, |part| &part.std)?.to_device(&x.device());
    let constants = m.parts().iter().zip(m.weights()).map(|(part, w)| {
        let scale: f64 = part.std.iter().map(|s| s.ln()).sum();
        (w.ln() - scale - 0.5 * d as f64 * TAU.ln()) as f32
    });
    let constants = Tensor::from_floats(constants.collect(), &[m.parts().len()], &x.device());
    // [points, 1, dim] against [parts, dim].
    let points = x.reshape(&[x.len() / d, 1, d])?;
    let distance = points.sub(&mean)?.div(&std)?;
    let each = distance.mul_scalar(-0.5)?.mul(&distance)?.sum_dims(&[2], false)?.add(&constants)?;
    // A single Gaussian has its slope also where its density is 0 in single precision.
    let density = if m.parts().len() == 1 { each } else { each.logsumexp(&[1], false)? };
    let mut out = shape.to_vec();
    if let Some(last) = out.last_mut().filter(|_| d > 1) {
        *last = 1;
    }
    density.reshape(&out)
}

static MODES: Entry = Entry {
    name: "modes",
    group: "data",
    summary: "the centres of a mixture's Gaussians",
    params: &[SELF.param()],
    returns: Ty::Tensor,
    shapes: "[modes, dim]",
    errors: &["a distribution without modes"],
    examples: &[gives("the grid of 25", "grid(5).modes().shape", "[25, 2]")],
    call: |call| {
        let p = SELF.of(call)?;
        table(mixture(&p, "modes")?, |part| &part.mean).map(wrap)
    },
    ..ENTRY
};

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_tensor::{GradOptions, grad};

    fn at(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_floats(values.to_vec(), shape, &saddle_tensor::device::current())
    }

    /// The density of a mixture in the plane at a point, as the textbook has it, in doubles.
    fn textbook(p: &Distribution, [x, y]: [f64; 2]) -> f64 {
        let m = mixture(p, "test").unwrap();
        let each = m.parts().iter().zip(m.weights()).map(|(g, w)| {
            let (a, b) = ((x - g.mean[0]) / g.std[0], (y - g.mean[1]) / g.std[1]);
            w * (-0.5 * (a * a + b * b)).exp() / (TAU * g.std[0] * g.std[1])
        });
        each.sum::<f64>().ln()
    }

    #[test]
    fn the_density_is_that_of_the_textbook() {
        let p = Distribution::ring(5, 1.0, 0.4).unwrap();
        let points = [[0.0, 0.0], [1.0, 0.1], [-0.7, 0.9], [3.0, -2.0]];
        let flat: Vec<f32> = points.iter().flatten().map(|&v| v as f32).collect();
        let got = log_density("log_prob", &p, &at(&flat, &[4, 2])).unwrap();
        assert_eq!(&got.shape()[..], [4, 1]);
        for (got, point) in got.to_floats().unwrap().iter().zip(points) {
            let expected = textbook(&p, point);
            assert!((f64::from(*got) - expected).abs() < 1e-4, "{got} {expected}");
        }
    }

    /// The integral over a square that holds all but nothing of the mass.
    #[test]
    fn the_density_integrates_to_one() {
        let p = Distribution::grid(2, 1.0, 0.3).unwrap();
        let (n, step) = (200, 0.025);
        let place = |i: usize| (step * (i as f64 - n as f64 / 2.0 + 0.5)) as f32;
        let points: Vec<f32> = (0..n * n).flat_map(|k| [place(k / n), place(k % n)]).collect();
        let log = log_density("log_prob", &p, &at(&points, &[n * n, 2])).unwrap();
        let values = log.to_floats().unwrap();
        let total: f64 = values.iter().map(|v| f64::from(*v).exp() * step * step).sum();
        assert!((total - 1.0).abs() < 1e-4, "{total}");
    }

    /// d/dx log N(x; μ, σ) = (μ − x)/σ², and the second derivative is −1/σ².
    #[test]
    fn the_density_has_gradients_of_every_order() {
        let p = Distribution::gaussian(vec![1.0], vec![0.5]).unwrap();
        let x = at(&[2.0, -1.0], &[2, 1]);
        let log = log_density("log_prob", &p, &x).unwrap();
        let options = GradOptions { create_graph: true };
        let slope = |y: &Tensor| grad(&y.sum().unwrap(), &[&x], None, options).unwrap().remove(0).unwrap();
        let first = slope(&log);
        assert_eq!(first.to_floats().unwrap(), [-4.0, 8.0]);
        let second = slope(&first);
        for v in second.to_floats().unwrap() {
            assert!((v + 4.0).abs() < 1e-5, "{v}");
        }
    }
}
