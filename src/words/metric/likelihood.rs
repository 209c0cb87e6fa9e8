//! `parzen`: the log-likelihood by Parzen windows.

use super::{GROUP, SAMPLES, map, samples, warn};
use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, Entry, Maybe, Param, Ty, fails, number, param, value};
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::{Samples, parzen};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&PARZEN];

const PARZEN_SAMPLES: Param<Tensor> = param("samples", SAMPLES, "of the model, 10,000 for Table 1 of the paper");
const TEST: Param<Tensor> = param("test", SAMPLES, "held-out data, in the same range of values");
const SIGMA: Maybe<Dynamic> = param(
    "sigma",
    types::any(Ty::OneOf(&[Ty::Number, Ty::Text])),
    "the width of the kernels, above 0; \"cv\": the one of the grid under which `validation` is most likely",
)
.maybe("\"cv\"");
const VALIDATION: Maybe<Tensor> =
    param("validation", SAMPLES, "data to choose σ on: neither the model's nor the test's").maybe("none");
const GRID: Maybe<Vec<f64>> =
    param("grid", types::NUMBERS, "the widths to choose from; a warning is printed when the best is the first or last")
        .maybe("10 values from 0.1 to 1, log-spaced");
static PARZEN: Entry = Entry {
    name: "parzen",
    group: GROUP,
    summary: "mean log-likelihood of test points in nats, for a Gaussian of width σ at each of a model's samples; with its standard error",
    params: &[PARZEN_SAMPLES.param(), TEST.param()],
    options: &[SIGMA.opt(), VALIDATION.opt(), GRID.opt()],
    returns: Ty::Map,
    shapes: "samples [n, …], test [m, …] → ll: number, se: number, sigma: number",
    errors: &[
        "samples and test of different size, or empty, or not finite",
        "no width, and no validation data to choose it on",
        "a width that is not above 0",
    ],
    source: &[
        cite::GOODFELLOW_2014,
        ", Table 1. The first 10,000 training images of MNIST as samples: σ = 0.1668, 241.19 ± 2.13",
    ],
    examples: &[
        value(
            "one kernel of width 1, at its centre: −log √(2π)",
            "abs(parzen([[0]], [[0]], #{ sigma: 1 }).ll + 0.918938533) < 1e-6",
            "true",
        ),
        value(
            "σ from held-out data",
            "seed(0); let p = gaussian(0, 1);\nlet score = parzen(p.sample(1000), p.sample(1000), #{ validation: p.sample(1000) });\nscore.sigma < 0.5 && abs(score.ll + 1.4189) < 4 * score.se",
            "true",
        ),
        fails("σ from nothing", "parzen([[0]], [[0]])", "needs a width or validation data"),
    ],
    call: |call| {
        let (samples, test) = (samples(call, PARZEN_SAMPLES)?, samples(call, TEST)?);
        let poll = || call.host.check_interrupt();
        let sigma = match SIGMA.given(call).and_then(number) {
            Some(sigma) => sigma,
            None => chosen(call, &samples, &test)?,
        };
        let score = parzen::score(&samples, &test, sigma, &poll)?;
        Ok(map([("ll", score.mean.into()), ("se", score.standard_error.into()), ("sigma", sigma.into())]))
    },
};

/// The width chosen on the validation data.
fn chosen(call: &Call, samples: &Samples, test: &Samples) -> Result<f64> {
    if let Some(other) = SIGMA.given(call).filter(|text| text.to_string() != "cv") {
        return Err(Fault::value(format!("parzen: sigma is a number or \"cv\", got \"{other}\"")));
    }
    let Some(validation) = VALIDATION.of(call)? else {
        return Err(Fault::value("parzen: needs a width or validation data to choose it on").hint(
            "#{ sigma: 0.2 }, or #{ validation: held_out }; chosen on the test set itself the score is too good",
        ));
    };
    let validation = Samples::read("parzen", "validation data", &validation)?;
    if validation.rows().eq(test.rows()) {
        warn(
            call,
            "the width is chosen on the test samples themselves: the log-likelihood is too high; hold others out",
        );
    }
    let grid = match GRID.of(call)? {
        Some(grid) => grid,
        None => parzen::usual_grid(),
    };
    let width = parzen::choose_width(samples, &validation, &grid, &|| call.host.check_interrupt())?;
    if width.at_edge {
        warn(
            call,
            &format!("the best width of the grid is its edge, {}: a wider grid may hold a better one", width.sigma),
        );
    }
    Ok(width.sigma)
}
