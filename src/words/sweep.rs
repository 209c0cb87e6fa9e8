//! The word about sweeps: what `saddle sweep` has left in a folder, as a table of the notebook.

use super::files::disk;
use crate::types;

use rhai::{Array, Dynamic, Map};
use saddle_catalog::{ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, param};
use saddle_fault::{Fault, Result};
use saddle_session::output::{Bundle, Data};
use saddle_sweep::page;
use saddle_sweep::plan::Folder;
use saddle_sweep::table::Table;
use serde_json::Value;
use std::any::TypeId;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&RESULTS];
pub static KINDS: &[&Kind] = &[&RESULTS_KIND];

/// A gathered sweep.
#[derive(Clone)]
struct Results(Rc<Gathered>);

struct Gathered {
    table: Table,
    over: Vec<String>,
}

static RESULTS_KIND: Kind = Kind {
    name: "results",
    summary: "the runs of a sweep: shown as the table of means and spreads",
    id: || TypeId::of::<Results>(),
    show: |v| match v.read_lock::<Results>() {
        Some(results) => shown(&results.0),
        None => Bundle::text("results"),
    },
    fields: &[
        Field {
            name: "runs",
            ty: Ty::Array,
            doc: "a map for each run: `run` (its number), `status`, `seconds`, `parameters`, `figures`, `error`",
            get: |v| read(v, |gathered| Ok(runs(&gathered.table))),
        },
        Field {
            name: "summary",
            ty: Ty::Array,
            doc: "a map for each setting of the parameters that are not averaged over: `parameters`, `done`, `failed` (the numbers of the \
                  runs), `missing`, and `mean` and `std` of each figure",
            get: |v| read(v, summary),
        },
    ],
    ..KIND
};

const FOLDER: Param<String> = param("folder", types::TEXT, "the folder of the sweep");
const OVER: Maybe<Array> = param("over", types::ARRAY, "the parameters that are averaged over").maybe("[\"seed\"]");
static RESULTS: Entry = Entry {
    name: "results",
    group: "notebook",
    summary: "what `saddle sweep` has left in a folder: mean and spread of each figure over the seeds, failed runs named",
    params: &[FOLDER.param()],
    options: &[OVER.opt()],
    returns: Ty::Of("results"),
    errors: &["the folder holds no sweep", "`over` names a parameter that the sweep does not have"],
    examples: &[fails("before any sweep", "results(\"no/such/sweep/\")", "holds no sweep")],
    call: |call| {
        let folder = Folder::open(&disk::path(&FOLDER.of(call)?))?;
        let table = Table::gather(&folder)?;
        let over = match OVER.given(call) {
            None => table.replicate(),
            Some(names) => {
                let names = names.clone().into_array().unwrap_or_default();
                let text = |name: Dynamic| {
                    name.into_string().map_err(|_| Fault::type_("results: over must be an array of names"))
                };
                names.into_iter().map(text).collect::<Result<_>>()?
            }
        };
        table.groups(&over)?;
        Ok(Dynamic::from(Results(Rc::new(Gathered { table, over }))))
    },
    ..ENTRY
};

fn read(v: &Dynamic, get: impl FnOnce(&Gathered) -> Result<Dynamic>) -> Result<Dynamic> {
    match v.read_lock::<Results>() {
        Some(results) => get(&results.0),
        None => Err(Fault::type_("these are not the results of a sweep")),
    }
}

fn shown(gathered: &Gathered) -> Bundle {
    let Gathered { table, over } = gathered;
    // The names were checked when it was made.
    let text = page::text(table, over).unwrap_or_default();
    Bundle::text(text).with("text/html", Data::Text(page::summary(table, over).unwrap_or_default()))
}

fn runs(table: &Table) -> Dynamic {
    let all = table.rows.iter().map(|row| {
        let figure = |name: &String| row.figure(name).map(|value| (name.as_str().into(), value.into()));
        let figures: Map = table.figures.iter().filter_map(figure).collect();
        let seconds = row.outcome.as_ref().map_or(Dynamic::UNIT, |outcome| outcome.seconds.into());
        let error = row.error().map_or(Dynamic::UNIT, Dynamic::from);
        Dynamic::from(Map::from([
            ("run".into(), (row.run as i64).into()),
            ("status".into(), row.status().into()),
            ("seconds".into(), seconds),
            ("parameters".into(), map(&row.parameters)),
            ("figures".into(), figures.into()),
            ("error".into(), error),
        ]))
    });
    all.collect::<Array>().into()
}

fn summary(gathered: &Gathered) -> Result<Dynamic> {
    let groups = gathered.table.groups(&gathered.over)?;
    let all = groups.iter().map(|group| {
        let named = |pick: fn(&saddle_sweep::table::Spread) -> f64| -> Map {
            let figures = gathered.table.figures.iter().zip(&group.figures);
            figures.map(|(name, spread)| (name.as_str().into(), pick(spread).into())).collect()
        };
        let failed: Array = group.failed.iter().map(|run| (*run as i64).into()).collect();
        Dynamic::from(Map::from([
            ("parameters".into(), map(&group.parameters)),
            ("done".into(), (group.done as i64).into()),
            ("failed".into(), failed.into()),
            ("missing".into(), (group.missing as i64).into()),
            ("mean".into(), named(|spread| spread.mean).into()),
            ("std".into(), named(|spread| spread.std).into()),
        ]))
    });
    Ok(all.collect::<Array>().into())
}

fn map(values: &serde_json::Map<String, Value>) -> Dynamic {
    values.iter().map(|(name, value)| (name.as_str().into(), dynamic(value))).collect::<Map>().into()
}

fn dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().unwrap_or(f64::NAN).into(), Dynamic::from)
        }
        Value::String(text) => text.clone().into(),
        Value::Array(values) => values.iter().map(dynamic).collect::<Array>().into(),
        Value::Object(values) => map(values),
    }
}
