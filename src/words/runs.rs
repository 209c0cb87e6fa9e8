//! `runs`: an experiment over several seeds, with mean and spread of what it gives.

use super::format::significant;
use super::picture::bars::mean_and_spread;
use super::table;
use crate::convert::ints;
use crate::types;

use rhai::{Array, Dynamic, FnPtr, Map};
use saddle_catalog::{ENTRY, Entry, Field, KIND, Kind, Param, Ty, Type, fails, number, param, range, value};
use saddle_fault::{Fault, Kind as Wrong, Result};
use saddle_gan::metrics::modes::Found;
use saddle_session::output::Bundle;
use saddle_tensor::random::{Stream, using};
use saddle_tensor::{Dtype, Tensor};
use std::any::TypeId;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&RUNS];
pub static KINDS: &[&Kind] = &[&RUNS_KIND];

/// What an experiment gave, seed by seed.
#[derive(Clone)]
pub struct Runs(Rc<Content>);

struct Content {
    seeds: Vec<i64>,
    /// By key, in the order of their names; one without a name where the experiment gives a single number or curve.
    series: Vec<(String, Series)>,
    results: Array,
    shown: Bundle,
}

/// One figure of the experiment.
#[derive(Clone)]
pub struct Series {
    /// For each seed one number, or the numbers of a curve.
    pub values: Vec<Vec<f64>>,
    is_curve: bool,
}

impl Series {
    /// Mean and unbiased standard deviation over the seeds, at each place of a curve.
    pub fn mean_and_spread(&self) -> Vec<(f64, f64)> {
        let places = 0..self.values.first().map_or(0, Vec::len);
        let over_seeds = |i: usize| self.values.iter().map(|v| v[i]).collect::<Vec<f64>>();
        places.map(|i| mean_and_spread(&over_seeds(i))).collect()
    }

    /// A number, or an array for a curve.
    fn as_value(&self, values: &[f64]) -> Dynamic {
        match (self.is_curve, values) {
            (false, &[v]) => v.into(),
            _ => values.iter().map(|&v| Dynamic::from(v)).collect::<Array>().into(),
        }
    }

    fn mean(&self) -> Dynamic {
        self.as_value(&self.mean_and_spread().iter().map(|v| v.0).collect::<Vec<_>>())
    }

    fn std(&self) -> Dynamic {
        self.as_value(&self.mean_and_spread().iter().map(|v| v.1).collect::<Vec<_>>())
    }

    fn all(&self) -> Dynamic {
        self.values.iter().map(|v| self.as_value(v)).collect::<Array>().into()
    }
}

pub static RUNS_KIND: Kind = Kind {
    name: "runs",
    summary: "what an experiment gave, seed by seed: shown as a table; runs.key is one figure of a map of them",
    id: || TypeId::of::<Runs>(),
    show: |v| v.read_lock::<Runs>().map_or_else(|| Bundle::text("runs"), |r| r.0.shown.clone()),
    text: Some(|v| v.read_lock::<Runs>().map_or_else(String::new, |r| r.0.shown.plain().to_string())),
    fields: &[
        Field {
            name: "mean",
            ty: Ty::Any,
            doc: "the mean over the seeds; a map of them where there are keys",
            get: |v| each(v, Series::mean),
        },
        Field {
            name: "std",
            ty: Ty::Any,
            doc: "the standard deviation between the seeds, divided by n − 1",
            get: |v| each(v, Series::std),
        },
        Field {
            name: "values",
            ty: Ty::Any,
            doc: "an array with the value of each seed",
            get: |v| each(v, Series::all),
        },
        Field {
            name: "results",
            ty: Ty::Array,
            doc: "what the experiment gave, as it is, seed by seed",
            get: |v| Ok(read(v)?.0.results.clone().into()),
        },
        Field {
            name: "seeds",
            ty: Ty::Array,
            doc: "the seeds",
            get: |v| Ok(read(v)?.0.seeds.iter().map(|&s| Dynamic::from(s)).collect::<Array>().into()),
        },
    ],
    index: Some(index),
    ..KIND
};

fn read(v: &Dynamic) -> Result<Runs> {
    v.read_lock::<Runs>().map(|r| r.clone()).ok_or_else(|| Fault::type_("expected what `runs` gave"))
}

/// The single figure in a value; `None` for anything else, also for several figures.
pub fn single(v: &Dynamic) -> Option<Series> {
    let runs = v.read_lock::<Runs>()?;
    match &runs.0.series[..] {
        [(_, only)] => Some(only.clone()),
        _ => None,
    }
}

/// Something of the only figure, or a map of it for each key.
fn each(v: &Dynamic, of: fn(&Series) -> Dynamic) -> Result<Dynamic> {
    let runs = read(v)?;
    match &runs.0.series[..] {
        [(name, only)] if name.is_empty() => Ok(of(only)),
        all => Ok(all.iter().map(|(name, one)| (name.as_str().into(), of(one))).collect::<Map>().into()),
    }
}

/// `runs.key`, `runs["key"]`: one figure alone; `runs[i]`: what the i-th seed gave.
fn index(v: &Dynamic, at: &Dynamic) -> Result<Dynamic> {
    let runs = read(v)?;
    if let Ok(i) = at.as_int() {
        let n = runs.0.results.len() as i64;
        let place = usize::try_from(if i < 0 { i + n } else { i }).ok();
        return place
            .and_then(|i| runs.0.results.get(i).cloned())
            .ok_or_else(|| Fault::new(Wrong::Index, format!("there is no run {i} among {n}")));
    }
    let name = at.to_string();
    let found = runs.0.series.iter().find(|(key, _)| *key == name);
    let (_, series) = found.ok_or_else(|| {
        let names: Vec<&str> = runs.0.series.iter().map(|(key, _)| key.as_str()).collect();
        Fault::new(Wrong::Index, format!("these runs have no `{name}`"))
            .hint(format!("they have: {}", names.join(", ")))
    })?;
    let own = |result: &Dynamic| result.read_lock::<Map>().and_then(|map| map.get(name.as_str()).cloned());
    let results = runs.0.results.iter().map(|r| own(r).unwrap_or(Dynamic::UNIT)).collect();
    let series = vec![(String::new(), series.clone())];
    Ok(made(runs.0.seeds.clone(), series, results))
}

/// How many seeds, or which.
const SEEDS_OF: Type<Vec<i64>> = Type::new(Ty::OneOf(&[Ty::Int, Ty::Array, Ty::Range]), |given| {
    let most = MOST_SEEDS + 1;
    match (given.value.is_int(), range(given.value)) {
        (true, _) => Ok((0..types::SIZE.read(given)?.min(most) as i64).collect()),
        (false, Some(seeds)) => Ok(seeds.take(most).collect()),
        (false, None) => ints(given.value).ok_or_else(|| given.wrong()),
    }
});
const SEEDS: Param<Vec<i64>> =
    param("seeds", SEEDS_OF, "how many, for the seeds 0, 1, …, or an array or a range of seeds");
const EXPERIMENT: Param<FnPtr> = param(
    "experiment",
    types::FUNCTION,
    "|seed| …: gives a number, a curve of numbers, or a map of such; the stream of random numbers is restarted before each call",
);
static RUNS: Entry = Entry {
    name: "runs",
    group: "notebook",
    summary: "repeats an experiment over seeds: mean, spread, values and a table of what it gives",
    params: &[SEEDS.param(), EXPERIMENT.param()],
    returns: Ty::Of("runs"),
    shapes: "a number each → mean: number, std: number, values: an array; curves of length L → arrays of L; a map → maps, and runs.key",
    errors: &[
        "no seeds",
        "an experiment that gives nothing, or other keys or lengths for another seed",
        "the experiment's own",
    ],
    source: &["five paired seeds and more is what a comparison of two ways of training should show"],
    examples: &[
        value(
            "mean and spread",
            "let r = runs(3, |seed| 2.0 * seed);\n[r.mean, r.std, r.values]",
            "[2.0, 2.0, [0.0, 2.0, 4.0]]",
        ),
        value(
            "several figures",
            "let r = runs([7, 8], |seed| #{ error: 0.25 * seed, modes: 8 });\nr.error.values",
            "[1.75, 2.0]",
        ),
        value(
            "random numbers that do not depend on what was drawn before",
            "randn([5]); let a = runs(2, |seed| mean(randn([9]))); randn([3]);\na.values == runs(2, |seed| mean(randn([9]))).values",
            "true",
        ),
        value(
            "the table",
            "runs(2, |seed| #{ modes: 6 + seed, share: 0.5 })",
            "       mean     std  seed 0  seed 1\n───────────────────────────────────\nmodes   6.5  0.7071     6       7\nshare   0.5  0          0.5     0.5",
        ),
        fails("no seeds", "runs(0, |seed| 1)", "at least one seed"),
    ],
    call: |call| {
        let seeds = SEEDS.of(call)?;
        if seeds.is_empty() || seeds.len() > MOST_SEEDS {
            return Err(Fault::value(format!(
                "runs: needs at least one seed and at most {MOST_SEEDS}, got {}",
                seeds.len()
            )));
        }
        let experiment = EXPERIMENT.value(call);
        let run = |&seed: &i64| {
            call.host.check_interrupt()?;
            using(&mut Stream::new(seed as u64), || call.apply(experiment, vec![seed.into()]))
        };
        let results = seeds.iter().map(run).collect::<Result<Array>>()?;
        let series = gathered(&seeds, &results)?;
        Ok(made(seeds, series, results))
    },
    ..ENTRY
};

/// The figures of all results, key by key.
fn gathered(seeds: &[i64], results: &Array) -> Result<Vec<(String, Series)>> {
    let figures = results.iter().map(figures).collect::<Result<Vec<_>>>()?;
    let mut series: Vec<(String, Series)> = Vec::new();
    for (name, (first, is_curve)) in &figures[0] {
        let mut values = Vec::with_capacity(seeds.len());
        for (seed, own) in seeds.iter().zip(&figures) {
            let found = own.iter().find(|(key, _)| key == name).map(|(_, (v, _))| v);
            let what = if name.is_empty() { "the value" } else { name };
            match found {
                Some(v) if v.len() == first.len() => values.push(v.clone()),
                Some(v) => {
                    return Err(Fault::shape(format!(
                        "runs: {what} has {} numbers for seed {}, {} for seed {seed}",
                        first.len(),
                        seeds[0],
                        v.len()
                    )));
                }
                None => return Err(Fault::value(format!("runs: seed {seed} gave no number for {what}"))),
            }
        }
        series.push((name.clone(), Series { values, is_curve: *is_curve }));
    }
    match series.is_empty() {
        false => Ok(series),
        true => Err(Fault::value("runs: the experiment gave no numbers")
            .hint("its last expression is its result: a number, or a map such as #{ error: e }")),
    }
}

/// The numbers of a figure, and whether they are a curve.
type Numbers = (Vec<f64>, bool);

/// The figures in one result. What is no number in a map stands in `results` only.
fn figures(result: &Dynamic) -> Result<Vec<(String, Numbers)>> {
    if let Some(map) = result.read_lock::<Map>() {
        let mut all = Vec::new();
        for (key, v) in map.iter() {
            match v.read_lock::<Found>() {
                Some(found) => {
                    all.push((format!("{key} found"), (vec![found.modes() as f64], false)));
                    all.push((format!("{key} share"), (vec![found.share], false)));
                }
                None => all.extend(numbers_of(v)?.map(|v| (key.to_string(), v))),
            }
        }
        return Ok(all);
    }
    if let Some(found) = result.read_lock::<Found>() {
        let one = |v: f64| (vec![v], false);
        return Ok(vec![("found".into(), one(found.modes() as f64)), ("share".into(), one(found.share))]);
    }
    Ok(numbers_of(result)?.into_iter().map(|v| (String::new(), v)).collect())
}

/// A number, a tensor or an array of numbers; a truth counts as 1.
fn numbers_of(v: &Dynamic) -> Result<Option<Numbers>> {
    if let Some(v) = number(v).or_else(|| v.as_bool().ok().map(f64::from)) {
        return Ok(Some((vec![v], false)));
    }
    if let Some(t) = v.read_lock::<Tensor>() {
        let numbers = t.cast(Dtype::F32).to_floats()?.into_iter().map(f64::from).collect();
        return Ok(Some((numbers, t.rank() > 0 && t.len() != 1)));
    }
    let Some(items) = v.read_lock::<Array>() else {
        return Ok(None);
    };
    let one = |v: &Dynamic| Ok(numbers_of(v)?.filter(|(v, is_curve)| v.len() == 1 && !is_curve).map(|(v, _)| v[0]));
    let numbers = items.iter().map(one).collect::<Result<Option<Vec<f64>>>>()?;
    Ok(numbers.filter(|v| !v.is_empty()).map(|v| (v, true)))
}

/// More are a mistake.
const MOST_SEEDS: usize = 10_000;
/// More seeds than these have no column of their own.
const MOST_COLUMNS: usize = 10;

fn made(seeds: Vec<i64>, series: Vec<(String, Series)>, results: Array) -> Dynamic {
    let mut columns: Vec<String> = ["", "mean", "std"].map(String::from).to_vec();
    let seed_columns = seeds.len() <= MOST_COLUMNS;
    if seed_columns {
        columns.extend(seeds.iter().map(|seed| format!("seed {seed}")));
    }
    let row = |(name, one): &(String, Series)| {
        let mut row = vec![Dynamic::from(name.clone())];
        if one.is_curve {
            row.push(format!("a curve of {} numbers", one.values[0].len()).into());
            row.resize(columns.len(), Dynamic::UNIT);
            return row;
        }
        let (mean, std) = one.mean_and_spread()[0];
        row.extend([mean.into(), std.into()]);
        if seed_columns {
            row.extend(one.values.iter().map(|v| Dynamic::from(v[0])));
        }
        row
    };
    let rows = series.iter().map(row).collect();
    let shown = match &series[..] {
        [(name, only)] if name.is_empty() && !only.is_curve => {
            let (mean, std) = only.mean_and_spread()[0];
            let values: Vec<String> = only.values.iter().map(|v| significant(v[0], 4)).collect();
            let n = seeds.len();
            let (mean, std) = (significant(mean, 4), significant(std, 4));
            Bundle::text(format!("{mean} ± {std} ({n} seed{}: {})", if n == 1 { "" } else { "s" }, values.join(", ")))
        }
        _ => table::shown(columns, rows),
    };
    Dynamic::from(Runs(Rc::new(Content { seeds, series, results, shown })))
}
