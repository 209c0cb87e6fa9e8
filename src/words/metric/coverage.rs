//! Measures of what of the data a model covers: `modes`, `precision_recall`, `density_coverage`.

use super::super::tensor::{fails, opt, param, value};
use super::{FEATURES, GROUP, SAMPLES, at_least_one, features_at, map, samples_at, tensor_of, warn};
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, Entry, Param, Ty, number};
use saddle_data::Distribution;
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::{Samples, manifold, modes};
use saddle_tensor::{Tensor, device};

pub static ENTRIES: &[&Entry] = &[&MODES, &PRECISION_RECALL, &DENSITY_COVERAGE];

static MODES: Entry = Entry {
    name: "modes",
    group: GROUP,
    summary: "how many modes of a mixture the samples find, and the share of samples near one: of high quality",
    params: &[
        param("samples", SAMPLES, "of the model; 2,500 in the literature"),
        param(
            "centres",
            Ty::OneOf(&[Ty::Of("distribution"), Ty::Tensor, Ty::Array]),
            "a mixture such as ring(8), or the centres of the modes, [modes, dim], with the option std",
        ),
    ],
    options: &[
        opt(
            "std",
            Ty::OneOf(&[Ty::Number, Ty::Tensor, Ty::Array]),
            "that of the mixture",
            "the standard deviation of the modes: one number, or [modes, dim]",
        ),
        opt("within", Ty::Number, "3", "how near is near, in standard deviations"),
    ],
    returns: Ty::Map,
    shapes: "samples [n, dim] → found: int, of: int, share: number in [0, 1], counts: an int for each mode",
    errors: &[
        "samples of another dimension than the modes",
        "a distribution without modes",
        "centres without std, or a std that is not above 0",
    ],
    source: "Srivastava et al. 2017 (VEEGAN), Lin et al. 2018 (PacGAN). A perfect model in the plane: 1 − e^(−4.5) = 98.89 %",
    examples: &[
        value(
            "a collapsed model",
            "let p = ring(8);\nlet m = modes(p.modes()[[0, 0, 3]], p);\n[m.found, m.of, m.share]",
            "[2, 8, 1.0]",
        ),
        value(
            "a perfect one",
            "seed(0); let p = grid(5);\nlet m = modes(p.sample(100000), p);\n[m.found, abs(m.share - 0.9889) < 0.001]",
            "[25, true]",
        ),
        value(
            "modes of your own, and how often each is hit",
            "modes([[0.1], [2.9], [3], [7]], [[0], [3]], #{ std: 0.5 }).counts",
            "[1, 2]",
        ),
        fails("centres alone", "modes([[0]], [[0]])", "needs the standard deviation"),
    ],
    call: |call| {
        let samples = samples_at(call, 0)?;
        let (centres, std) = mixture(call)?;
        let within = call.options.number("within", 3.0)?;
        let found = modes::found(&samples, &centres, &std, within)?;
        let count = |n: usize| Dynamic::from(n as i64);
        Ok(map([
            ("found", count(found.modes())),
            ("of", count(found.counts.len())),
            ("share", found.share.into()),
            ("counts", found.counts.iter().map(|&n| count(n)).collect::<Array>().into()),
        ]))
    },
};

/// The centres of the modes and their standard deviations, a row for each.
fn mixture(call: &Call) -> Result<(Samples, Samples)> {
    let given = call.options.any("std");
    let table = |rows: &[f32], like: &Samples| {
        let shape = [like.count(), like.dim()];
        Tensor::from_floats(rows.to_vec(), &shape, &device::current())
    };
    let (centres, own) = match call.args.any(1).read_lock::<Distribution>() {
        None => (samples_at(call, 1)?, None),
        Some(law) => {
            let Distribution::Mixture(m) = &*law else {
                return Err(Fault::value("modes: this distribution has no modes")
                    .hint("gaussian, mixture, ring and grid have them"));
            };
            let rows = |row: fn(&saddle_data::Gaussian) -> &[f64]| {
                let values = m.parts().iter().flat_map(|p| row(p).iter());
                let values = values.map(|&v| v as f32).collect();
                Tensor::from_floats(values, &[m.parts().len(), law.dim()], &device::current())
            };
            let centres = Samples::read("modes", "centres", &rows(|p| &p.mean))?;
            (centres, Some(rows(|p| &p.std)))
        }
    };
    let std = match (given, own) {
        (None, Some(own)) => own,
        (None, None) => {
            return Err(Fault::value("modes: needs the standard deviation of the modes")
                .hint("modes(samples, centres, #{ std: 0.01 })"));
        }
        (Some(given), _) => match number(given) {
            Some(one) => table(&vec![one as f32; centres.count() * centres.dim()], &centres),
            None => tensor_of(given)?.ok_or_else(|| call.options.wrong("std", given))?,
        },
    };
    Ok((centres, Samples::read("modes", "std", &std)?))
}

const REAL_AND_FAKE: &[Param] = &[
    param("real", SAMPLES, "samples of the data, or their features"),
    param("fake", SAMPLES, "samples of the model, or their features"),
];
const FEWER: &[&str] =
    &["samples of different size, or empty, or not finite", "k below 1, or not below the number of samples"];

static PRECISION_RECALL: Entry = Entry {
    name: "precision_recall",
    group: GROUP,
    summary: "the share of generated samples that are where the data is, and of the data that is where generated samples are",
    params: REAL_AND_FAKE,
    options: &[opt("k", Ty::Int, "3", "around each point a ball reaches to its k-th nearest neighbour"), FEATURES],
    returns: Ty::Map,
    shapes: "real [n, …], fake [m, …] → precision, recall: numbers in [0, 1]",
    errors: FEWER,
    source: "Kynkäänniemi et al. 2019; as many samples of each",
    examples: &[
        value(
            "half of the samples are good, and they cover one of two clusters",
            "let real = [[0], [1], [2], [3], [100], [101], [102], [103]];\nlet fake = [[0], [1], [2], [3], [500], [600], [700], [800]];\nlet r = precision_recall(real, fake, #{ k: 1 }); [r.precision, r.recall]",
            "[0.5, 0.5]",
        ),
        fails("too few", "precision_recall([[0], [1]], [[0], [1]])", "below the number of samples, 2, got 3"),
    ],
    call: |call| {
        let (real, fake) = (features_at(call, 0)?, features_at(call, 1)?);
        let k = at_least_one(call, "k", 3)?;
        let found = manifold::precision_recall(&real, &fake, k, &|| call.host.check_interrupt())?;
        Ok(map([("precision", found.precision.into()), ("recall", found.recall.into())]))
    },
};

static DENSITY_COVERAGE: Entry = Entry {
    name: "density_coverage",
    group: GROUP,
    summary: "how densely generated samples lie where the data is, and the share of the data that has one near it; outliers count little",
    params: REAL_AND_FAKE,
    options: &[
        opt("k", Ty::Int, "5", "around each real sample a ball reaches to its k-th nearest neighbour"),
        FEATURES,
    ],
    returns: Ty::Map,
    shapes: "real [n, …], fake [m, …] → density: number ≥ 0, about 1 for a perfect model; coverage: number in [0, 1]; a warning where real samples have k copies",
    errors: FEWER,
    source: "Naeem et al. 2020. A perfect model covers 1 − ((n − 1) ⋯ (n − k)) / ((2n − 1) ⋯ (2n − k)) → 1 − 2⁻ᵏ",
    examples: &[
        value(
            "a copy",
            "let x = digits().images; let r = density_coverage(x, x); [abs(r.density - 1) < 0.01, r.coverage]",
            "[true, 1.0]",
        ),
        value(
            "one sample again and again",
            "let r = density_coverage([[0], [1], [2], [3], [4]], [[0], [0], [0], [0]], #{ k: 1 }); r.coverage",
            "0.2",
        ),
    ],
    call: |call| {
        let (real, fake) = (features_at(call, 0)?, features_at(call, 1)?);
        let k = at_least_one(call, "k", 5)?;
        let found = manifold::density_coverage(&real, &fake, k, &|| call.host.check_interrupt())?;
        if found.empty > 0 {
            warn(
                call,
                &format!(
                    "{} of {} real samples have {k} copies, so that their balls have no inside and density and coverage are too low: leave the copies out, or take a larger k",
                    found.empty,
                    real.count()
                ),
            );
        }
        Ok(map([("density", found.density.into()), ("coverage", found.coverage.into())]))
    },
};
