//! The kind `batches`: a data set cut into minibatches, to loop over. Each loop is one epoch, in an order of its own; a
//! thread gathers the next batches while the loop works on one.

use super::dataset::{M, SELF, dataset};
use super::{Notebook, count};
use crate::convert::wrap;
use crate::types;
use rhai::{Dynamic, Map};
use saddle_catalog::{ENTRY, Entry, Field, Items, KIND, Kind, Opt, Param, Ty, param, value as gives};
use saddle_data::{Batch, Dataset, Plan, Source};
use saddle_fault::{Fault, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Tensor, device};
use std::any::TypeId;

pub static ENTRIES: &[&Entry] = &[&BATCHES_WORD, &BATCHES_LABELLED];

/// What `data.batches(m)` gives.
#[derive(Clone)]
pub struct Batches {
    data: Dataset,
    size: usize,
    labels: bool,
    shuffle: bool,
    drop_last: bool,
}

impl Batches {
    /// The number of batches in an epoch.
    fn len(&self) -> usize {
        match self.drop_last {
            true => self.data.len() / self.size,
            false => self.data.len().div_ceil(self.size),
        }
    }

    /// One epoch. Its order is drawn now; the samples are gathered while the loop runs.
    fn epoch(self) -> Result<Items> {
        let mut order = match self.shuffle {
            true => Notebook.permutation(self.data.len()),
            false => (0..self.data.len()).collect(),
        };
        order.truncate(self.len().saturating_mul(self.size));
        let row = self.data.shape().to_vec();
        let plan = Plan { data: self.data, order, size: self.size, labels: self.labels };
        Ok(Box::new(plan.start()?.map(move |batch| Ok(value(batch?, &row)))))
    }
}

/// A batch as a value: a tensor of samples of shape `row`, or a map with their labels.
fn value(batch: Batch, row: &[usize]) -> Dynamic {
    let device = device::current();
    let shape = [&[batch.rows], row].concat();
    let x = wrap(Tensor::from_floats(batch.features, &shape, &device));
    match batch.labels {
        None => x,
        Some(labels) => {
            let y = wrap(Tensor::from_ints(labels, &[batch.rows], &device));
            Map::from([("x".into(), x), ("y".into(), y)]).into()
        }
    }
}

pub static BATCHES: Kind = Kind {
    name: "batches",
    summary: "a data set in minibatches: `for x in data.batches(64)` is one epoch",
    id: TypeId::of::<Batches>,
    show: |v| {
        Bundle::text(
            v.read_lock::<Batches>()
                .map_or(String::new(), |b| format!("{} batches of {} from {}", b.len(), b.size, b.data.name())),
        )
    },
    fields: &[Field {
        name: "len",
        ty: Ty::Int,
        doc: "the number of batches in an epoch",
        get: |v| Ok(v.read_lock::<Batches>().map_or(0, |b| b.len() as i64).into()),
    }],
    iter: Some(|value| -> Items {
        match value.try_cast::<Batches>() {
            Some(batches) => match batches.epoch() {
                Ok(items) => items,
                Err(fault) => Box::new(std::iter::once(Err(fault))),
            },
            None => Box::new(std::iter::once(Err(Fault::type_("these are not batches")))),
        }
    }),
    ..KIND
};

const SHUFFLE: Param<bool> =
    param("shuffle", types::BOOL, "a new random order for each loop, from the notebook's stream").or(true);
const DROP_LAST: Param<bool> =
    param("drop_last", types::BOOL, "leave out a last batch that is smaller than m").or(false);
const OPTIONS: &[Opt] = &[SHUFFLE.opt(), DROP_LAST.opt()];

static BATCHES_WORD: Entry = Entry {
    name: "batches",
    group: "data",
    summary: "a data set in minibatches, each sample once, to loop over: each loop is one epoch",
    params: &[SELF.param(), M.param()],
    options: OPTIONS,
    returns: Ty::Of("batches"),
    shapes: "each batch is [m, …]; the last may be smaller",
    errors: &["m below 1"],
    examples: &[
        gives("one epoch", "let n = 0; for x in digits().batches(64) { n += x.shape[0]; } n", "1797"),
        gives("how many batches", "digits().batches(64).len", "29"),
    ],
    call: |call| batches(call, false),
    ..ENTRY
};

static BATCHES_LABELLED: Entry = Entry {
    name: "batches_labelled",
    group: "data",
    summary: "minibatches with their labels: each a map of the samples x and the labels y",
    params: &[SELF.param(), M.param()],
    options: OPTIONS,
    returns: Ty::Of("batches"),
    shapes: "x: [m, …]; y: [m], whole numbers",
    errors: &["m below 1", "a data set without labels"],
    examples: &[gives(
        "in their order",
        "let y = []; for b in digits().batches_labelled(5, #{ shuffle: false }) { y = b.y.to_array(); break; } y",
        "[0, 1, 2, 3, 4]",
    )],
    call: |call| batches(call, true),
    ..ENTRY
};

fn batches(call: &saddle_catalog::Call, labels: bool) -> Result<Dynamic> {
    let data = dataset(call)?;
    if labels && !data.has_labels() {
        return Err(Fault::value(format!("{}: {} has no labels", call.entry.name, data.name()))
            .hint("data.batches(m) gives samples alone"));
    }
    let size = count(call, data.shape())?;
    Ok(Dynamic::from(Batches { size, labels, shuffle: SHUFFLE.of(call)?, drop_last: DROP_LAST.of(call)?, data }))
}
