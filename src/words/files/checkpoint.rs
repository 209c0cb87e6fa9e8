//! Checkpoints: everything that training needs to go on as if it had never stopped.
//!
//! A checkpoint is a safetensors file. Each entry of the map is kept under its name: tensors as `G/0.weight`, what is
//! not a tensor as a note in the file's header. The notebook's random stream is always kept.

use super::super::network::optimizer::Handle;
use super::super::network::value::read as read_network;
use super::super::tensor::random::Rng;
use super::{PATH, array, disk, tensor};
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Catalog, ENTRY, Entry, Param, Ty, articled, fails, param, runs, value};
use saddle_data::safetensors::Named;
use saddle_fault::{Fault, Result};
use saddle_nn::Network;
use saddle_nn::checkpoint::{NetworkValues, Tensors};
use saddle_nn::optim::{Optimizer, SavedOptimizer};
use saddle_session::Checkpoint;
use saddle_tensor::Tensor;
use saddle_tensor::random::{Stream, with_stream};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&CHECKPOINT, &RESUME];

/// The note that says what the file is.
const FORMAT: (&str, &str) = ("saddlepoint", "checkpoint 1");
/// The note that holds the notebook's random stream: no entry of a map has such a name.
const STREAM: &str = "/stream";

/// Puts one entry of the map among the tensors and notes; whether it is something that `resume` sets.
fn keep(name: &str, value: &Dynamic, file: &mut Named, catalog: &Catalog) -> Result<bool> {
    let mut put = |tensors: Vec<(String, Tensor)>| -> Result<()> {
        for (part, t) in tensors {
            file.arrays.push((format!("{name}/{part}"), array(&t)?));
        }
        Ok(())
    };
    let note = if let Ok(network) = read_network(value) {
        put(network.values())?;
        json!({ "kind": "network" })
    } else if let Some(handle) = value.read_lock::<Handle>() {
        let (tensors, state) = handle.0.borrow().values()?;
        put(tensors)?;
        json!({ "kind": "optimizer", "state": state })
    } else if let Some(t) = value.read_lock::<Tensor>() {
        put(vec![("tensor".into(), t.clone())])?;
        json!({ "kind": "tensor" })
    } else if let Some(rng) = value.read_lock::<Rng>() {
        json!({ "kind": "rng", "state": stream_note(rng.stream()) })
    } else {
        let plain = plain(value).ok_or_else(|| {
            Fault::type_(format!("checkpoint: `{name}`, {}, cannot be kept", catalog.type_of(value))).hint(
                "networks, optimizers, tensors, random streams, numbers, texts, arrays and maps of these last can",
            )
        })?;
        json!({ "kind": "value", "value": plain })
    };
    file.notes.insert(name.to_string(), note.to_string());
    Ok(["network", "optimizer", "rng"].map(Value::from).contains(&note["kind"]))
}

fn stream_note(stream: Stream) -> String {
    format!("{} {}", stream.key, stream.counter)
}

fn stream(note: &str) -> Option<Stream> {
    let (key, counter) = note.split_once(' ')?;
    Some(Stream { key: key.parse().ok()?, counter: counter.parse().ok()? })
}

/// A number, text, array or map as JSON. Floats are texts, so that every one comes back exactly, NaN too.
fn plain(value: &Dynamic) -> Option<Value> {
    if value.is_unit() {
        return Some(Value::Null);
    }
    if let Ok(b) = value.as_bool() {
        return Some(b.into());
    }
    if let Ok(n) = value.as_int() {
        return Some(n.into());
    }
    if let Ok(x) = value.as_float() {
        return Some(json!({ "float": x.to_string() }));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(text.as_str().into());
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(plain).collect::<Option<Vec<_>>>().map(Value::Array);
    }
    let map = value.read_lock::<Map>()?;
    let entries = map.iter().map(|(k, v)| Some((k.to_string(), plain(v)?)));
    Some(json!({ "map": entries.collect::<Option<serde_json::Map<_, _>>>()? }))
}

/// What [`plain`] made JSON of.
fn unplain(value: &Value) -> Option<Dynamic> {
    Some(match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => n.as_i64()?.into(),
        Value::String(text) => text.clone().into(),
        Value::Array(items) => {
            let items = items.iter().map(unplain).collect::<Option<Array>>();
            items?.into()
        }
        Value::Object(object) => match (object.get("float"), object.get("map")) {
            (Some(x), _) => x.as_str()?.parse::<f64>().ok()?.into(),
            (None, Some(map)) => {
                let entries = map.as_object()?.iter();
                let entries = entries.map(|(k, v)| Some((k.as_str().into(), unplain(v)?)));
                entries.collect::<Option<Map>>()?.into()
            }
            _ => return None,
        },
    })
}

/// A checkpoint that has been read: per name its note and its tensors.
struct LoadedCheckpoint {
    what: String,
    notes: HashMap<String, Value>,
    tensors: HashMap<String, Tensors>,
    stream: Stream,
}

impl LoadedCheckpoint {
    fn read(path: &str) -> Result<Self> {
        let what = format!("resume: `{path}`");
        let file = Named::decode(&what, &disk::read("resume", path)?)?;
        let mut notes = file.notes;
        let damaged = || Fault::file(format!("{what}: its notes are damaged"));
        match notes.remove(FORMAT.0) {
            Some(format) if format == FORMAT.1 => (),
            _ => {
                return Err(Fault::file(format!("{what}: is not a checkpoint"))
                    .hint("load(path) reads tensors, network.load(path) a network's"));
            }
        }
        let stream = notes.remove(STREAM).and_then(|s| stream(&s)).ok_or_else(damaged)?;
        let notes = notes
            .into_iter()
            .map(|(name, text)| serde_json::from_str(&text).ok().map(|note| (name, note)))
            .collect::<Option<_>>()
            .ok_or_else(damaged)?;
        let mut tensors: HashMap<String, Tensors> = HashMap::new();
        for (full, array) in file.arrays {
            let (name, part) = full.split_once('/').ok_or_else(damaged)?;
            let t = tensor(&what, array)?;
            tensors.entry(name.into()).or_default().insert(part.into(), t);
        }
        Ok(Self { what, notes, tensors, stream })
    }

    /// The note on `name`, which must be of that kind.
    fn note(&self, name: &str, kind: &str) -> Result<&Value> {
        let Some(note) = self.notes.get(name) else {
            let mut names: Vec<&str> = self.notes.keys().map(String::as_str).collect();
            names.sort_unstable();
            return Err(Fault::file(format!("{}: holds no `{name}`", self.what))
                .hint(format!("it holds: {}", names.join(", "))));
        };
        match note["kind"].as_str() {
            Some(found) if found == kind => Ok(note),
            found => Err(Fault::file(format!(
                "{}: `{name}` is {} there, here {}",
                self.what,
                found.map_or("something unknown".into(), articled),
                articled(kind)
            ))),
        }
    }

    fn damaged(&self, name: &str) -> Fault {
        Fault::file(format!("{}: its note on `{name}` is damaged", self.what))
    }

    /// Checks one entry of the user's map and plans what to set.
    fn plan(&self, name: &str, value: &Dynamic) -> Result<Option<Change>> {
        let none = Tensors::new();
        let tensors = self.tensors.get(name).unwrap_or(&none);
        let what = format!("{}, `{name}`", self.what);
        if let Ok(network) = read_network(value) {
            self.note(name, "network")?;
            return Ok(Some(Change::Network(Network::fit(&network, &what, tensors)?)));
        }
        if let Some(handle) = value.read_lock::<Handle>() {
            let note = self.note(name, "optimizer")?["state"].as_str();
            let note = note.ok_or_else(|| self.damaged(name))?;
            let kept = handle.0.borrow().fit(&what, tensors, note)?;
            return Ok(Some(Change::Optimizer(handle.0.clone(), kept)));
        }
        if let Some(rng) = value.read_lock::<Rng>() {
            let note = self.note(name, "rng")?["state"].as_str();
            let stream = note.and_then(stream).ok_or_else(|| self.damaged(name))?;
            return Ok(Some(Change::Rng(rng.clone(), stream)));
        }
        match self.notes.contains_key(name) {
            true => Ok(None),
            false => self.note(name, "value").map(|_| None),
        }
    }

    /// The tensors and plain values of the file, by name.
    fn values(&self) -> Result<Map> {
        let mut map = Map::new();
        for (name, note) in &self.notes {
            let value = match note["kind"].as_str() {
                Some("tensor") => {
                    let tensors = self.tensors.get(name);
                    let t = tensors.and_then(|t| t.get("tensor")).cloned();
                    wrap(t.ok_or_else(|| self.damaged(name))?)
                }
                Some("value") => unplain(&note["value"]).ok_or_else(|| self.damaged(name))?,
                _ => continue,
            };
            map.insert(name.as_str().into(), value);
        }
        Ok(map)
    }
}

/// A change that has been checked and cannot fail any more.
enum Change {
    Network(NetworkValues),
    Optimizer(Rc<RefCell<Optimizer>>, SavedOptimizer),
    Rng(Rng, Stream),
}

impl Change {
    fn make(self) {
        match self {
            Change::Network(values) => values.set(),
            Change::Optimizer(optimizer, kept) => optimizer.borrow_mut().restore(kept),
            Change::Rng(rng, stream) => rng.set_stream(stream),
        }
    }
}

const STATE: Param<Map> = param(
    "state",
    types::MAP,
    "what to keep, by name: networks, optimizers, tensors, numbers, texts, arrays of numbers, random streams",
);
static CHECKPOINT: Entry = Entry {
    name: "checkpoint",
    group: "file",
    summary: "writes networks, optimizers and values to a file from which `resume` goes on, with the random stream; a crash leaves the old file whole",
    params: &[PATH.param(), STATE.param()],
    errors: &["a value that cannot be kept", "a folder that is missing or may not be written"],
    examples: &[
        runs(
            "every 500 steps",
            "let G = linear(2, 1); let opt_G = adam(G);\nfor step in 1..=1000 {\n    if step % 500 == 0 { checkpoint(\"/tmp/saddle-example.ckpt\", #{ G: G, opt_G: opt_G, step: step }); }\n}",
        ),
        fails(
            "a function",
            "checkpoint(\"/tmp/saddle-example.ckpt\", #{ f: |x| x })",
            "`f`, a function, cannot be kept",
        ),
    ],
    call: |call| {
        let state = STATE.of(call)?;
        let (mut file, mut names) = (Named::default(), Vec::new());
        for (name, value) in &state {
            if name.contains('/') || name.as_str() == FORMAT.0 {
                return Err(Fault::value(format!("checkpoint: `{name}` cannot be a name here")));
            }
            let value = value.flatten_clone();
            if keep(name, &value, &mut file, call.catalog)? {
                names.push(name.to_string());
            }
        }
        let now = with_stream(|s| *s);
        file.notes.insert(STREAM.into(), stream_note(now));
        file.notes.insert(FORMAT.0.into(), FORMAT.1.into());
        let path = PATH.of(call)?;
        disk::write("checkpoint", &path, &file.encode()?)?;
        call.host.checkpoint(Checkpoint { path: path.to_string(), names });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const RESUME_STATE: Param<Map> = param(
    "state",
    types::MAP,
    "the networks, optimizers and random streams to set, under the names they were kept by; numbers, texts and tensors in it are not changed: the kept ones are in what `resume` returns",
);
static RESUME: Entry = Entry {
    name: "resume",
    group: "file",
    summary: "sets networks, optimizers and the random stream to what a checkpoint kept; returns a map of them and of the kept values",
    params: &[PATH.param(), RESUME_STATE.param()],
    returns: Ty::Map,
    errors: &[
        "a file that is missing, damaged, cut off or no checkpoint",
        "a name that the file does not hold",
        "layers or an optimizer that differ; whatever the error, nothing is changed",
    ],
    examples: &[
        value(
            "go on after a crash",
            "let G = linear(2, 1); let opt_G = adam(G);\ncheckpoint(\"/tmp/saddle-example-2.ckpt\", #{ G: G, opt_G: opt_G, step: 250 });\nlet kept = resume(\"/tmp/saddle-example-2.ckpt\", #{ G: G, opt_G: opt_G });\nkept.step",
            "250",
        ),
        value(
            "one map that holds all that goes on",
            "let run = #{ G: linear(2, 1), rng: rng(7), step: 0, best: zeros([2]) };\nrun.step = 250; run.best = ones([2]);\ncheckpoint(\"/tmp/saddle-example-4.ckpt\", run);\nrun.step = 251;\nrun = resume(\"/tmp/saddle-example-4.ckpt\", run);\n[run.step, run.best.to_array(), run.G.depth]",
            "[250, [1.0, 1.0], 1]",
        ),
        fails(
            "another network",
            "checkpoint(\"/tmp/saddle-example-3.ckpt\", #{ G: linear(2, 1) });\nresume(\"/tmp/saddle-example-3.ckpt\", #{ D: linear(2, 1) })",
            "holds no `D`",
        ),
    ],
    call: |call| {
        let kept = LoadedCheckpoint::read(&PATH.of(call)?)?;
        let state = RESUME_STATE.of(call)?;
        let (mut changes, mut values) = (Vec::new(), kept.values()?);
        for (name, value) in &state {
            if let Some(change) = kept.plan(name, &value.flatten_clone())? {
                changes.push(change);
                // So that `state = resume(path, state)` has all of it.
                values.insert(name.clone(), value.clone());
            }
        }
        changes.into_iter().for_each(Change::make);
        with_stream(|s| *s = kept.stream);
        Ok(values.into())
    },
    ..ENTRY
};
