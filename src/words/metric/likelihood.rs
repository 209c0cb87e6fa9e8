//! `parzen`: the log-likelihood by Parzen windows.

use super::super::tensor::{fails, opt, param, value};
use super::{GROUP, SAMPLES, map, samples_at, tensor_of, warn};
use saddle_catalog::{Call, Entry, Ty, number};
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::{Samples, parzen};

pub static ENTRIES: &[&Entry] = &[&PARZEN];

static PARZEN: Entry = Entry {
    name: "parzen",
    group: GROUP,
    summary: "mean log-likelihood of test points in nats, for a Gaussian of width σ at each of a model's samples; with its standard error",
    params: &[
        param("samples", SAMPLES, "of the model, 10,000 for Table 1 of the paper"),
        param("test", SAMPLES, "held-out data, in the same range of values"),
    ],
    options: &[
        opt(
            "sigma",
            Ty::OneOf(&[Ty::Number, Ty::Text]),
            "\"cv\"",
            "the width of the kernels, above 0; \"cv\": the one of the grid under which `validation` is most likely",
        ),
        opt("validation", SAMPLES, "none", "data to choose σ on: neither the model's nor the test's"),
        opt(
            "grid",
            Ty::Array,
            "10 values from 0.1 to 1, log-spaced",
            "the widths to choose from; a warning is printed when the best is the first or last",
        ),
    ],
    returns: Ty::Map,
    shapes: "samples [n, …], test [m, …] → ll: number, se: number, sigma: number",
    errors: &[
        "samples and test of different size, or empty, or not finite",
        "no width, and no validation data to choose it on",
        "a width that is not above 0",
    ],
    source: "Goodfellow et al. 2014, Table 1. The first 10,000 training images of MNIST as samples: σ = 0.1668, 241.19 ± 2.13",
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
        let (samples, test) = (samples_at(call, 0)?, samples_at(call, 1)?);
        let poll = || call.host.check_interrupt();
        let sigma = match call.options.any("sigma").and_then(number) {
            Some(sigma) => sigma,
            None => chosen(call, &samples, &test)?,
        };
        let score = parzen::score(&samples, &test, sigma, &poll)?;
        Ok(map([("ll", score.mean.into()), ("se", score.standard_error.into()), ("sigma", sigma.into())]))
    },
};

/// The width chosen on the validation data.
fn chosen(call: &Call, samples: &Samples, test: &Samples) -> Result<f64> {
    if let Some(other) = call.options.text("sigma")?.filter(|text| text != "cv") {
        return Err(Fault::value(format!("parzen: sigma is a number or \"cv\", got \"{other}\"")));
    }
    let Some(validation) = call.options.any("validation") else {
        return Err(Fault::value("parzen: needs a width or validation data to choose it on").hint(
            "#{ sigma: 0.2 }, or #{ validation: held_out }; chosen on the test set itself the score is too good",
        ));
    };
    let validation = tensor_of(validation)?.ok_or_else(|| call.options.wrong("validation", validation))?;
    let validation = Samples::read("parzen", "validation data", &validation)?;
    if validation.rows().eq(test.rows()) {
        warn(
            call,
            "the width is chosen on the test samples themselves: the log-likelihood is too high; hold others out",
        );
    }
    let grid = match call.options.numbers("grid")? {
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
