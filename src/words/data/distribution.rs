//! The kind `distribution`: Gaussians, mixtures, rings, grids, curves, and samples from them.

use super::super::world::own_rows;
use super::dataset::M;
use super::{Notebook, count};
use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{
    Call, DefaultValue, ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, Type, fails, number, param, runs, type_of,
    value as gives,
};
use saddle_data::{Distribution, Mixture};
use saddle_fault::{Fault, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Tensor, device};
use std::any::TypeId;

pub static ENTRIES: &[&Entry] =
    &[&GAUSSIAN, &MIXTURE, &RING, &GRID, &SWISS_ROLL, &MOONS, &DENSITY, &SAMPLE, &SAMPLE_LABELLED];

pub(super) const DISTRIBUTION_TY: Ty = Ty::Of("distribution");
pub(super) const SELF: Param<Distribution> = param("p", types::DISTRIBUTION, "the distribution");
/// The numbers in a tensor or an array, or the one in a number.
const NUMBERS: Type<Vec<f64>> = Type::new(Ty::OneOf(&[Ty::TensorLike, Ty::Array]), |given| {
    if let Some(t) = given.value.read_lock::<Tensor>() {
        return Ok(t.to_floats()?.into_iter().map(f64::from).collect());
    }
    match number(given.value) {
        Some(v) => Ok(vec![v]),
        None => types::NUMBERS.read(given),
    }
});

pub static DISTRIBUTION: Kind = Kind {
    name: "distribution",
    summary: "what samples can be drawn from: p.sample(m), p.log_prob(x), p.modes()",
    id: TypeId::of::<Distribution>,
    show: |v| Bundle::text(v.read_lock::<Distribution>().map_or(String::new(), |p| describe(&p))),
    fields: &[
        Field {
            name: "dim",
            ty: Ty::Int,
            doc: "the number of coordinates of a sample",
            get: |v| Ok((read(v)?.dim() as i64).into()),
        },
        Field {
            name: "std",
            ty: Ty::Tensor,
            doc: "the standard deviations of each mode, [modes, dim]",
            get: |v| {
                let p = read(v)?;
                table(mixture(&p, "std")?, |part| &part.std).map(wrap)
            },
        },
        Field {
            name: "weights",
            ty: Ty::Array,
            doc: "the share of each mode; they add up to 1",
            get: |v| {
                let p = read(v)?;
                let weights = mixture(&p, "weights")?.weights();
                Ok(weights.iter().map(|&w| Dynamic::from(w)).collect::<Array>().into())
            },
        },
    ],
    ..KIND
};

fn describe(p: &Distribution) -> String {
    match p {
        Distribution::Mixture(m) => match m.parts() {
            [one] => format!("gaussian: mean {:?}, standard deviation {:?}", one.mean, one.std),
            parts => format!("mixture of {} Gaussians in {} dimensions", parts.len(), p.dim()),
        },
        Distribution::SwissRoll { noise } => format!("Swiss roll in the plane, noise {noise}"),
        Distribution::Moons { noise } => format!("two moons in the plane, noise {noise}"),
    }
}

fn read(value: &Dynamic) -> Result<Distribution> {
    value
        .read_lock::<Distribution>()
        .map(|p| p.clone())
        .ok_or_else(|| Fault::type_(format!("expected a distribution, got {}", type_of(value))))
}

/// The mixture behind a distribution, for what only mixtures have.
pub(super) fn mixture<'a>(p: &'a Distribution, word: &str) -> Result<&'a Mixture> {
    match p {
        Distribution::Mixture(m) => Ok(m),
        _ => Err(Fault::value(format!(
            "{word}: the {} has no density in closed form, and no modes",
            if matches!(p, Distribution::Moons { .. }) { "two moons" } else { "Swiss roll" }
        ))
        .hint("gaussian, mixture, ring and grid have them")),
    }
}

/// One row of numbers for each part: [parts, dim].
pub(super) fn table(m: &Mixture, row: impl Fn(&saddle_data::Gaussian) -> &[f64]) -> Result<Tensor> {
    let values = m.parts().iter().flat_map(|p| row(p).iter().map(|&v| v as f32)).collect();
    Ok(Tensor::from_floats(values, &[m.parts().len(), m.parts()[0].mean.len()], &device::current()))
}

fn made(p: Distribution) -> Result<Dynamic> {
    Ok(Dynamic::from(p))
}

/// The number in an option that must be above 0.
fn above_zero(call: &Call, option: Param<f64>) -> Result<f64> {
    let v = option.of(call)?;
    match v > 0.0 && v.is_finite() {
        true => Ok(v),
        false => Err(Fault::value(format!("{}: {} must be above 0, got {v}", call.entry.name, option.name()))),
    }
}

const MU: Param<Vec<f64>> =
    param("mu", NUMBERS, "the mean: a number, or one for each dimension in an array or a tensor")
        .with_default(DefaultValue::Number(0.0));
const SIGMA: Param<Vec<f64>> =
    param("sigma", NUMBERS, "the standard deviation, above 0: a number, or one for each dimension")
        .with_default(DefaultValue::Number(1.0));
static GAUSSIAN: Entry = Entry {
    name: "gaussian",
    group: "data",
    summary: "the normal distribution, of any number of dimensions, its coordinates independent",
    params: &[MU.param(), SIGMA.param()],
    returns: DISTRIBUTION_TY,
    shapes: "samples are [m, dim]; dim is 1 for numbers",
    errors: &["sigma not above 0", "mu and sigma of different lengths"],
    examples: &[
        gives("the data of Figure 1", "gaussian(4, 0.5).sample(64).shape", "[64, 1]"),
        gives("in the plane", "gaussian([0, 2], [1, 0.5]).sample(64).shape", "[64, 2]"),
        gives("its mean", "seed(0); abs(mean(gaussian(4, 0.5).sample(100000)) - 4) < 0.01", "true"),
        fails("no spread", "gaussian(0, 0)", "sigma must be above 0"),
    ],
    call: |call| made(Distribution::gaussian(MU.of(call)?, SIGMA.of(call)?)?),
    ..ENTRY
};

const PARTS: Param<Array> = param("parts", types::ARRAY, "the distributions, of one dimension");
const WEIGHTS: Maybe<Vec<f64>> =
    param("weights", types::NUMBERS, "the share of each part, ≥ 0; they need not add up to 1").maybe("equal");
static MIXTURE: Entry = Entry {
    name: "mixture",
    group: "data",
    summary: "a mixture of Gaussians or of mixtures: each sample comes from one of them",
    params: &[PARTS.param()],
    options: &[WEIGHTS.opt()],
    returns: DISTRIBUTION_TY,
    errors: &[
        "no parts, or parts of different dimensions",
        "a part that is not a mixture of Gaussians",
        "weights that are negative, all 0, or not one for each part",
    ],
    examples: &[
        gives("two modes", "mixture([gaussian(-2, 0.5), gaussian(2, 0.5)]).modes().to_array()", "[[-2.0], [2.0]]"),
        gives(
            "three quarters on the right",
            "seed(0); let p = mixture([gaussian(-2, 0.1), gaussian(2, 0.1)], #{ weights: [1, 3] }); abs(mean(p.sample(100000)) - 1) < 0.02",
            "true",
        ),
    ],
    call: |call| {
        let parts = PARTS.of(call)?;
        let parts =
            parts.iter().map(|part| Ok(mixture(&read(part)?, "mixture")?.clone())).collect::<Result<Vec<_>>>()?;
        let mixed = Mixture::of(&parts, WEIGHTS.of(call)?)?;
        made(Distribution::Mixture(mixed))
    },
    ..ENTRY
};

const STD: Param<f64> = param("std", types::NUMBER, "the standard deviation of each mode").or(0.01);

const N: Param<i64> = param("n", types::INT, "the number of modes, at least 1").or(8);
const RADIUS: Param<f64> = param("radius", types::NUMBER, "of the circle").or(1.0);
static RING: Entry = Entry {
    name: "ring",
    group: "data",
    summary: "n equal Gaussians on a circle in the plane, at the angles 2πk/n",
    params: &[N.param()],
    options: &[RADIUS.opt(), STD.opt()],
    returns: DISTRIBUTION_TY,
    shapes: "samples are [m, 2]",
    errors: &["n below 1", "a radius or a standard deviation not above 0"],
    source: &[
        cite::METZ_2017,
        ", unrolled GANs (radius 2, std 0.02); ",
        cite::LIN_2018,
        ", PacGAN (radius 1, std 0.01)",
    ],
    examples: &[
        gives("eight modes", "ring(8).modes().shape", "[8, 2]"),
        gives("as for unrolled GANs", "ring(8, #{ radius: 2, std: 0.02 }).sample(512).shape", "[512, 2]"),
    ],
    call: |call| {
        let n = modes_asked(call, N, 1)?;
        let (radius, std) = (above_zero(call, RADIUS)?, above_zero(call, STD)?);
        made(Distribution::ring(n, radius, std)?)
    },
};

const GRID_N: Param<i64> = param("n", types::INT, "the number of modes on a side, at least 1").or(5);
const SPACING: Param<f64> = param("spacing", types::NUMBER, "from one mode to the next").or(2.0);
const GRID_STD: Param<f64> = param("std", types::NUMBER, "the standard deviation of each mode").or(0.05);
static GRID: Entry = Entry {
    name: "grid",
    group: "data",
    summary: "n × n equal Gaussians on a square grid around the origin",
    params: &[GRID_N.param()],
    options: &[SPACING.opt(), GRID_STD.opt()],
    returns: DISTRIBUTION_TY,
    shapes: "samples are [m, 2]",
    errors: &["n below 1", "a spacing or a standard deviation not above 0"],
    source: &[cite::SRIVASTAVA_2017, " (VEEGAN); ", cite::LIN_2018, " (PacGAN)"],
    examples: &[
        gives("25 modes", "grid(5).modes().shape", "[25, 2]"),
        gives("its corner", "grid(5).modes()[0].to_array()", "[-4.0, -4.0]"),
    ],
    call: |call| {
        let n = modes_asked(call, GRID_N, 2)?;
        let (spacing, std) = (above_zero(call, SPACING)?, above_zero(call, GRID_STD)?);
        made(Distribution::grid(n, spacing, std)?)
    },
};

/// The number of modes asked for, whose power is the number of all.
fn modes_asked(call: &Call, n: Param<i64>, power: u32) -> Result<usize> {
    const MAX_MODES: usize = 1_000_000;
    let n = n.of(call)?;
    usize::try_from(n).ok().filter(|&n| n > 0 && n.checked_pow(power).is_some_and(|all| all <= MAX_MODES)).ok_or_else(
        || Fault::value(format!("{}: n must be at least 1, and not too many modes, got {n}", call.entry.name)),
    )
}

const NOISE: Param<f64> = param("noise", types::NUMBER, "the standard deviation around the curve, ≥ 0").or(0.05);

fn noise(call: &Call) -> Result<f64> {
    let noise = NOISE.of(call)?;
    match noise >= 0.0 && noise.is_finite() {
        true => Ok(noise),
        false => Err(Fault::value(format!("{}: noise must not be negative, got {noise}", call.entry.name))),
    }
}

static SWISS_ROLL: Entry = Entry {
    name: "swiss_roll",
    group: "data",
    summary: "a spiral in the plane, of one and a half turns and radius 1",
    options: &[NOISE.opt()],
    returns: DISTRIBUTION_TY,
    shapes: "samples are [m, 2]",
    errors: &["noise below 0"],
    examples: &[
        gives("samples", "swiss_roll().sample(64).shape", "[64, 2]"),
        fails("no density", "swiss_roll().log_prob([[0, 0]])", "no density"),
    ],
    call: |call| made(Distribution::SwissRoll { noise: noise(call)? }),
    ..ENTRY
};

static MOONS: Entry = Entry {
    name: "moons",
    group: "data",
    summary: "two interleaved half circles in the plane, of radius 1",
    options: &[NOISE.opt()],
    returns: DISTRIBUTION_TY,
    shapes: "samples are [m, 2]",
    errors: &["noise below 0"],
    examples: &[gives(
        "which moon each sample comes from",
        "let b = moons().sample_labelled(100); max(b.y).item() <= 1",
        "true",
    )],
    call: |call| made(Distribution::Moons { noise: noise(call)? }),
    ..ENTRY
};

const PICTURE: Param<Tensor> = param("picture", types::TENSOR, "[h, w], ≥ 0; its upper row is the top");
const BOUNDS: Param<[f64; 2]> =
    param("bounds", types::RANGE, "[first, last] of both coordinates: the picture's edges").or(&[-1.0, 1.0]);
static DENSITY: Entry = Entry {
    name: "density",
    group: "data",
    summary: "the distribution in the plane whose density is a picture, as one that was painted: a Gaussian on each pixel, of half a \
              pixel's width, as often drawn as the pixel is bright",
    params: &[PICTURE.param()],
    options: &[BOUNDS.opt()],
    returns: DISTRIBUTION_TY,
    shapes: "samples are [m, 2]",
    errors: &[
        "a picture of another rank",
        "a picture without mass, as one on which nothing was painted",
        "brightness below 0",
    ],
    source: &["what is drawn in GAN Lab (", cite::KAHNG_2018, ")"],
    examples: &[
        gives(
            "all mass on the right half",
            "seed(0); mean(density(tensor([[0.0, 1.0]]), #{ bounds: [-2, 2] }).sample(400).slice(1, 0..1)).item() > 0.8",
            "true",
        ),
        runs(
            "a density painted with the mouse",
            "let p = paint(zeros([24, 24]), #{ mask: eye(24) });\ndensity(p.ink).sample(64)",
        ),
        fails("nothing was painted", "density(zeros([8, 8]))", "the picture has no mass"),
    ],
    call: |call| {
        let picture = PICTURE.of(call)?;
        let [low, high] = BOUNDS.of(call)?;
        made(Distribution::picture(&picture.to_floats()?, &picture.shape(), [low, high])?)
    },
    ..ENTRY
};

static SAMPLE: Entry = Entry {
    name: "sample",
    group: "data",
    summary: "independent samples of a distribution",
    params: &[SELF.param(), M.param()],
    returns: Ty::Tensor,
    shapes: "[m, dim]",
    errors: &["m below 1"],
    examples: &[gives("points of a ring", "ring(8).sample(100).shape", "[100, 2]")],
    call: |call| Ok(wrap(own_rows("sample", draw(call)?.0)?)),
    ..ENTRY
};

static SAMPLE_LABELLED: Entry = Entry {
    name: "sample_labelled",
    group: "data",
    summary: "samples x of a distribution, and the number y of the mode that each comes from",
    params: &[SELF.param(), M.param()],
    returns: Ty::Map,
    shapes: "x: [m, dim]; y: [m], whole numbers",
    errors: &["m below 1"],
    examples: &[runs("for a conditional model", "let b = ring(8).sample_labelled(100); one_hot(b.y, 8)")],
    call: |call| {
        let (x, part) = draw(call)?;
        let n = part.len();
        let y = Tensor::from_ints(part.into_iter().map(|v| v as i32).collect(), &[n], &x.device());
        let (x, y) = (own_rows("sample_labelled", x)?, own_rows("sample_labelled", y)?);
        Ok(Map::from([("x".into(), wrap(x)), ("y".into(), wrap(y))]).into())
    },
    ..ENTRY
};

fn draw(call: &Call) -> Result<(Tensor, Vec<usize>)> {
    let p = SELF.of(call)?;
    let m = count(call, &[p.dim()])?;
    let (x, part) = p.sample(m, &mut Notebook);
    Ok((Tensor::from_floats(x, &[m, p.dim()], &device::current()), part))
}
