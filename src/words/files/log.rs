//! `log_run`: figures and pictures of a run, kept in files that TensorBoard reads.

use super::super::picture::value::png;
use crate::types;

use super::disk;
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, fails, number, param, runs, type_of};
use saddle_data::events::{Event, Logged, encode, head, png_size};
use saddle_fault::{Fault, Result};
use saddle_tensor::Tensor;
use std::cell::RefCell;
use std::fs::{OpenOptions, create_dir_all};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub static ENTRIES: &[&Entry] = &[&LOG_RUN];

/// Where runs are kept, from the notebook's folder.
const FOLDER: &str = "runs";
/// The keys that are no figures.
const STEP: &str = "step";
const WHERE: &str = "folder";

/// A run that this session writes.
struct Open {
    place: PathBuf,
    /// Opened for each record: a sweep of a thousand runs would hold as many open files.
    file: PathBuf,
    /// The step of its newest event.
    step: i64,
}

thread_local! {
    /// The runs of the session, whose cells all run on one thread; the newest is the last.
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

const NAME: Param<String> = param("name", types::TEXT, "the run's; its folder below runs");
const VALUES: Maybe<Map> = param("values", types::MAP, "by name: numbers and tensors of one element are figures; figures and tensors of images are pictures; `step` is \
             the step they belong to, by default one more than the last; `folder` is where runs are kept, by default runs").maybe("#{}");
static LOG_RUN: Entry = Entry {
    name: "log_run",
    group: "file",
    summary: "keeps figures and pictures of a run in runs/NAME, which `saddle runs` compares and `tensorboard --logdir runs` \
              shows; the checks that follow come along. A step that is not above the last one begins the run anew, in a file \
              beside the old",
    params: &[NAME.param(), VALUES.param()],
    errors: &[
        "a name that leads out of the folder of runs",
        "a value that is neither a number nor a picture",
        "a folder that may not be written",
    ],
    source: &["the event files of TensorBoard (event.proto, summary.proto)"],
    examples: &[
        runs(
            "figures",
            "log_run(\"example\", #{ folder: \"/tmp/saddle-example-runs\", step: 1, \"J(D)\": 1.38, \"J(G)\": tensor(0.69) })",
        ),
        runs(
            "a picture",
            "log_run(\"example\", #{ folder: \"/tmp/saddle-example-runs\", samples: rand([4, 8, 8]), curve: plot([1, 2, 4]) })",
        ),
        fails("no figure", "log_run(\"example\", #{ J: \"small\" })", "`J` is a text, neither a number nor a picture"),
        fails("a name that leads elsewhere", "log_run(\"../example\", #{ J: 1 })", "a run's name"),
    ],
    call: |call| {
        let name = NAME.of(call)?;
        let given = VALUES.of(call)?.unwrap_or_default();
        let step =
            match given.get(STEP) {
                None => None,
                Some(step) => Some(step.as_int().map_err(|_| {
                    Fault::type_(format!("log_run: step must be a whole number, got {}", type_of(step)))
                })?),
            };
        let folder = match given.get(WHERE) {
            None => FOLDER.to_string(),
            Some(folder) => folder
                .clone()
                .into_string()
                .map_err(|got| Fault::type_(format!("log_run: folder must be a text, got {got}")))?,
        };
        let values = given.iter().filter(|(key, _)| ![STEP, WHERE].contains(&key.as_str()));
        let values = values.map(|(key, v)| Ok((key.to_string(), logged(call, key, v)?))).collect::<Result<Vec<_>>>()?;
        write(&folder, &name, step, values)?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

fn logged(call: &Call, key: &str, value: &Dynamic) -> Result<Logged> {
    if let Some(x) = number(value) {
        return Ok(Logged::Figure(x as f32));
    }
    let one = value.read_lock::<Tensor>().filter(|t| t.len() == 1).map(|t| t.detach());
    if let Some(t) = one {
        return Ok(Logged::Figure(t.to_floats()?.first().copied().unwrap_or(f32::NAN)));
    }
    let picture = png(value)?.and_then(|png| Some((png_size(&png)?, png)));
    match picture {
        Some(((width, height), png)) => Ok(Logged::Picture { width, height, png }),
        None => Err(Fault::type_(format!(
            "log_run: `{key}` is {}, neither a number nor a picture",
            call.catalog.got(value)
        ))
        .hint("mean(x) makes a number of a tensor; a tensor of images is [n, h, w] or [n, 1 or 3, h, w]")),
    }
}

/// The figure of a check, whether it held or not (a truth is 1 or 0), belongs to the run that was logged last; without
/// a run it belongs to none.
pub fn checked(what: &str, value: f64) {
    let newest = OPEN.with_borrow(|open| open.last().map(|run| (run.place.clone(), run.step)));
    if let Some((place, step)) = newest {
        // A check is about the notebook's claim: that its figure could not be kept is no failure of the claim.
        let _ = append(&place, step, vec![(format!("check/{what}"), Logged::Figure(value as f32))]);
    }
}

fn write(folder: &str, name: &str, step: Option<i64>, values: Vec<(String, Logged)>) -> Result<()> {
    let inside = !name.is_empty() && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if !inside || name.contains('\\') || name.starts_with('~') {
        return Err(Fault::value(format!("log_run: `{name}` is not a run's name"))
            .hint("a name such as \"r3gan seed 0\", or \"sweep/lr 0.1\" for a folder of runs"));
    }
    let place = disk::path(folder).join(name);
    let last =
        OPEN.with_borrow(|open| open.iter().find(|run| run.place == place).map(|run| (run.step, run.file.exists())));
    let step = step.or(last.map(|(last, _)| last + 1)).unwrap_or(0);
    // Its folder may have been deleted meanwhile.
    if last.is_none_or(|(last, is_there)| step <= last || !is_there) {
        begin(&place, step)?;
    }
    append(&place, step, values)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64())
}

/// Opens a new file for a run.
fn begin(place: &Path, step: i64) -> Result<()> {
    let failed = |e: std::io::Error| cannot(place, &e);
    create_dir_all(place).map_err(failed)?;
    let time = now();
    // TensorBoard reads the files of a folder in the order of their names.
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let file = place.join(format!("events.out.tfevents.{time:017.6}.{}.saddle", &unique[..8]));
    // A relative path leads elsewhere once the current folder is another one.
    let file = std::path::absolute(file).map_err(failed)?;
    let mut new = OpenOptions::new().append(true).create_new(true).open(&file).map_err(failed)?;
    new.write_all(&head(time)).map_err(failed)?;
    OPEN.with_borrow_mut(|open| {
        open.retain(|run| run.place != place);
        open.push(Open { place: place.into(), file, step });
    });
    Ok(())
}

fn cannot(place: &Path, e: &std::io::Error) -> Fault {
    Fault::file(format!("log_run: `{}` cannot be written: {}", place.display(), super::disk::plain(e)))
}

fn append(place: &Path, step: i64, values: Vec<(String, Logged)>) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    OPEN.with_borrow_mut(|open| {
        let Some(at) = open.iter().position(|run| run.place == place) else {
            return Ok(());
        };
        let mut run = open.remove(at);
        run.step = step;
        // One write for each record: a crash leaves whole ones, and at most one that is cut off.
        let record = encode(&Event { time: now(), step, values });
        let written = OpenOptions::new().append(true).open(&run.file).and_then(|mut file| file.write_all(&record));
        open.push(run);
        written.map_err(|e| cannot(place, &e))
    })
}
