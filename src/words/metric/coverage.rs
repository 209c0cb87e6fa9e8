//! Measures of what of the data a model covers: `modes`, `precision_recall`, `density_coverage`.

use super::super::format::significant;
use crate::cite;
use crate::convert::coerce;
use crate::types;

use super::{FEATURES, GROUP, POSITIVE, SAMPLES, features, map, samples, warn};
use rhai::{Array, Dynamic};
use saddle_catalog::{AnyParam, Call, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, number, param, value};
use saddle_data::Distribution;
use saddle_fault::{Fault, Result};
use saddle_gan::metrics::modes::Found;
use saddle_gan::metrics::{Samples, manifold, modes};
use saddle_session::output::Bundle;
use saddle_tensor::{Tensor, device};
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&MODES, &PRECISION_RECALL, &DENSITY_COVERAGE];

const MODES_SAMPLES: Param<Tensor> = param("samples", SAMPLES, "of the model; 2,500 in the literature");
const CENTRES: Param<Dynamic> = param(
    "centres",
    types::any(Ty::OneOf(&[Ty::Of("distribution"), Ty::Tensor, Ty::Array])),
    "a mixture such as ring(8), or the centres of the modes, [modes, dim], with the option std",
);
const STD: Maybe<Dynamic> = param(
    "std",
    types::any(Ty::OneOf(&[Ty::Number, Ty::Tensor, Ty::Array])),
    "the standard deviation of the modes: one number, or [modes, dim]",
)
.maybe("that of the mixture");
const WITHIN: Param<f64> = param("within", types::NUMBER, "how near is near, in standard deviations").or(3.0);
const RADIUS: Maybe<f64> =
    param("radius", types::NUMBER, "how near is near, in the unit of the data; then std and within are not used")
        .maybe("none");
static MODES: Entry = Entry {
    name: "modes",
    group: GROUP,
    summary: "how many modes of a mixture the samples find, and the share of samples near one: of high quality",
    params: &[MODES_SAMPLES.param(), CENTRES.param()],
    options: &[STD.opt(), WITHIN.opt(), RADIUS.opt()],
    returns: Ty::Of("modes"),
    shapes: "samples [n, dim] → found: int, of: int, share: number in [0, 1], counts: an int for each mode",
    errors: &[
        "samples of another dimension than the modes",
        "a distribution without modes",
        "centres without std and radius, or one that is not above 0",
        "a radius together with std or within",
    ],
    source: &[
        cite::SRIVASTAVA_2017,
        " (VEEGAN), ",
        cite::LIN_2018,
        " (PacGAN). A perfect model in the plane: 1 − e^(−4.5) = 98.89 %",
    ],
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
        value(
            "within .3 of a mode",
            "modes([[0.1], [2.6]], [[0], [3]], #{ radius: 0.3 })",
            "1 of 2 modes, share of high quality 0.5",
        ),
        fails("centres alone", "modes([[0]], [[0]])", "needs the standard deviation"),
    ],
    call: |call| {
        let samples = samples(call, MODES_SAMPLES)?;
        let (centres, std) = mixture(call)?;
        let within = match RADIUS.is_given(call) {
            true => RADIUS.of(call)?.unwrap_or(0.0),
            false => WITHIN.of(call)?,
        };
        modes::found(&samples, &centres, &std, within).map(Dynamic::from)
    },
};

/// What `modes` found: shown with its share, since a cloud that has learned nothing touches many modes.
pub static FOUND: Kind = Kind {
    name: "modes",
    summary: "which modes of a mixture samples find, and the share of samples near one",
    id: || TypeId::of::<Found>(),
    show: |v| Bundle::text(v.read_lock::<Found>().map_or_else(String::new, |found| described(&found))),
    fields: &[
        Field {
            name: "found",
            ty: Ty::Int,
            doc: "modes with a sample near them",
            get: |v| of(v, |f| count(f.modes())),
        },
        Field { name: "of", ty: Ty::Int, doc: "how many modes there are", get: |v| of(v, |f| count(f.counts.len())) },
        Field {
            name: "share",
            ty: Ty::Number,
            doc: "the share of samples near a mode, in [0, 1]: of high quality",
            get: |v| of(v, |f| f.share.into()),
        },
        Field {
            name: "counts",
            ty: Ty::Array,
            doc: "the samples near each mode",
            get: |v| of(v, |f| f.counts.iter().map(|&n| count(n)).collect::<Array>().into()),
        },
    ],
    ..KIND
};

fn described(found: &Found) -> String {
    let share = significant(found.share, 3);
    format!("{} of {} modes, share of high quality {share}", found.modes(), found.counts.len())
}

fn count(n: usize) -> Dynamic {
    Dynamic::from(n as i64)
}

fn of(v: &Dynamic, field: impl FnOnce(&Found) -> Dynamic) -> Result<Dynamic> {
    v.read_lock::<Found>().map(|found| field(&found)).ok_or_else(|| Fault::type_("expected what `modes` found"))
}

/// The centres of the modes and their standard deviations, a row for each.
fn mixture(call: &Call) -> Result<(Samples, Samples)> {
    let given = STD.given(call);
    let table = |rows: &[f32], like: &Samples| {
        let shape = [like.count(), like.dim()];
        Tensor::from_floats(rows.to_vec(), &shape, &device::current())
    };
    let (centres, own) = match CENTRES.value(call).read_lock::<Distribution>() {
        None => {
            let rows = coerce(CENTRES.value(call), &device::current())?.ok_or_else(|| CENTRES.wrong(call))?;
            (Samples::read("modes", CENTRES.name(), &rows)?, None)
        }
        Some(distribution) => {
            let Distribution::Mixture(m) = &*distribution else {
                return Err(Fault::value("modes: this distribution has no modes")
                    .hint("gaussian, mixture, ring and grid have them"));
            };
            let rows = |row: fn(&saddle_data::Gaussian) -> &[f64]| {
                let values = m.parts().iter().flat_map(|p| row(p).iter());
                let values = values.map(|&v| v as f32).collect();
                Tensor::from_floats(values, &[m.parts().len(), distribution.dim()], &device::current())
            };
            let centres = Samples::read("modes", "centres", &rows(|p| &p.mean))?;
            (centres, Some(rows(|p| &p.std)))
        }
    };
    let units = || table(&vec![1.0; centres.count() * centres.dim()], &centres);
    let std = match (given, own) {
        // A distance of one unit counts as one.
        (None, _) if RADIUS.is_given(call) && !WITHIN.is_given(call) => units(),
        (_, _) if RADIUS.is_given(call) => {
            return Err(Fault::value("modes: a radius stands alone, without std and within")
                .hint("radius is in the unit of the data, within in standard deviations"));
        }
        (None, Some(own)) => own,
        (None, None) => {
            return Err(Fault::value("modes: needs the standard deviation of the modes").hint(
                "modes(samples, centres, #{ std: 0.01 }), or a radius in the unit of the data: #{ radius: 0.3 }",
            ));
        }
        (Some(given), _) => match number(given) {
            Some(one) => table(&vec![one as f32; centres.count() * centres.dim()], &centres),
            None => coerce(given, &device::current())?.ok_or_else(|| STD.wrong(call))?,
        },
    };
    Ok((centres, Samples::read("modes", "std", &std)?))
}

const REAL: Param<Tensor> = param("real", SAMPLES, "samples of the data, or their features");
const FAKE: Param<Tensor> = param("fake", SAMPLES, "samples of the model, or their features");
const REAL_AND_FAKE: &[AnyParam] = &[REAL.param(), FAKE.param()];
const FEWER: &[&str] =
    &["samples of different size, or empty, or not finite", "k below 1, or not below the number of samples"];

const K: Param<usize> = param("k", POSITIVE, "around each point a ball reaches to its k-th nearest neighbour").or(3);
static PRECISION_RECALL: Entry = Entry {
    name: "precision_recall",
    group: GROUP,
    summary: "the share of generated samples that are where the data is, and of the data that is where generated samples are",
    params: REAL_AND_FAKE,
    options: &[K.opt(), FEATURES.opt()],
    returns: Ty::Map,
    shapes: "real [n, …], fake [m, …] → precision, recall: numbers in [0, 1]; a warning where real samples have k copies",
    errors: FEWER,
    source: &[cite::KYNKAANNIEMI_2019, "; as many samples of each"],
    examples: &[
        value(
            "half of the samples are good, and they cover one of two clusters",
            "let real = [[0], [1], [2], [3], [100], [101], [102], [103]];\nlet fake = [[0], [1], [2], [3], [500], [600], [700], [800]];\nlet r = precision_recall(real, fake, #{ k: 1 }); [r.precision, r.recall]",
            "[0.5, 0.5]",
        ),
        fails("too few", "precision_recall([[0], [1]], [[0], [1]])", "below the number of samples, 2, got 3"),
    ],
    call: |call| {
        let (real, fake) = (features(call, REAL)?, features(call, FAKE)?);
        let k = K.of(call)?;
        let found = manifold::precision_recall(&real, &fake, k, &|| call.host.check_interrupt())?;
        if found.empty > 0 {
            warn(
                call,
                &format!(
                    "{} of {} real samples have {k} copies, so that nothing but a copy lies in their balls and precision is too low: leave the copies out, or take a larger k",
                    found.empty,
                    real.count()
                ),
            );
        }
        Ok(map([("precision", found.precision.into()), ("recall", found.recall.into())]))
    },
};

const DENSITY_COVERAGE_K: Param<usize> =
    param("k", POSITIVE, "around each real sample a ball reaches to its k-th nearest neighbour").or(5);
static DENSITY_COVERAGE: Entry = Entry {
    name: "density_coverage",
    group: GROUP,
    summary: "how densely generated samples lie where the data is, and the share of the data that has one near it; outliers count little",
    params: REAL_AND_FAKE,
    options: &[DENSITY_COVERAGE_K.opt(), FEATURES.opt()],
    returns: Ty::Map,
    shapes: "real [n, …], fake [m, …] → density: number ≥ 0, about 1 for a perfect model; coverage: number in [0, 1]; a warning where real samples have k copies",
    errors: FEWER,
    source: &[cite::NAEEM_2020, ". A perfect model covers 1 − ((n − 1) ⋯ (n − k)) / ((2n − 1) ⋯ (2n − k)) → 1 − 2⁻ᵏ"],
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
        let (real, fake) = (features(call, REAL)?, features(call, FAKE)?);
        let k = DENSITY_COVERAGE_K.of(call)?;
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
