//! `saddle sweep`: a notebook with each combination of parameters; `saddle collect`: what came of it.
//!
//! Every engine runs the same command, `saddle sweep-run FOLDER N`, which leaves its outcome in the sweep's folder. So
//! an engine only has to start processes and to say when one has ended; what is done, lost or still to do is read from
//! the folder.
//!
//! | file | owns |
//! |---|---|
//! | `grid` | `seed=0..10`, `loss=a,b` |
//! | `local` | processes of this machine, with its cores and its memory shared among them |
//! | `slurm` | array jobs by `sbatch` |
//! | `python` | Dask and Ray, through their own clients (`kernel/saddlepoint_sweep/`) |
//! | `collect` | the tables and the pictures |

mod collect;
mod grid;
mod local;
mod python;
mod slurm;

use super::{CommandStatus, parameters, print_all, run, signal};
use clap::Args;
pub use collect::{Collect, collect};
use saddle_fault::{Fault, Result};
use saddle_notebook::document::Document;
use saddle_sweep::outcome::{Failing, RunResult, Status};
use saddle_sweep::page;
use saddle_sweep::plan::{Folder, MOST_RUNS, Plan};
use saddle_sweep::table::{Table, plain};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(Args)]
pub struct Options {
    /// The notebook; its cell tagged `parameters` holds the defaults.
    notebook: PathBuf,
    /// Values of a parameter, each of which is run with each of the others': `seed=0..10` (without 10),
    /// `loss=minimax,hinge`.
    #[arg(short, long = "parameter", value_name = "NAME=VALUES", required = true)]
    parameters: Vec<String>,
    /// The folder of the sweep; the same command goes on with what is not done in it.
    #[arg(short, long, value_name = "FOLDER", default_value = "sweep")]
    output: PathBuf,
    /// Where the runs are run: `local`, `slurm`, `dask://HOST:PORT` (of a Dask scheduler), `ray` or `ray://HOST:PORT`.
    #[arg(long, value_name = "ENGINE", default_value = "local")]
    on: Engine,
    /// How many runs at a time; without it, as many as there are cores (local) or as the engine gives.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Threads of each run; without it the cores shared among the jobs (local), or 1.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Run those again, too, that have failed.
    #[arg(long)]
    retry_failed: bool,
    /// Passed on to `sbatch`, as `--sbatch=--partition=gpu`; may be given several times.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
}

/// Where runs are run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Engine {
    Local,
    Slurm,
    Dask(String),
    /// With the address of a cluster, or `auto`.
    Ray(String),
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "slurm" => Ok(Self::Slurm),
            "ray" => Ok(Self::Ray("auto".into())),
            _ => match text.split_once("://") {
                Some(("dask", address)) if !address.is_empty() => Ok(Self::Dask(format!("tcp://{address}"))),
                Some(("ray", address)) if !address.is_empty() => Ok(Self::Ray(text.to_string())),
                _ => Err("the engines are local, slurm, dask://HOST:PORT, ray and ray://HOST:PORT".into()),
            },
        }
    }
}

/// What an engine needs to know.
struct EngineSettings<'a> {
    folder: &'a Folder,
    jobs: Option<usize>,
    threads: Option<usize>,
}

/// Hears that a run's process has ended, and of what it died if it did; says whether further ones may start, where an
/// engine is asked for them one by one.
type Tell<'a> = dyn FnMut(usize, Option<String>) -> bool + 'a;

pub fn sweep(options: &Options) -> Result<CommandStatus> {
    if options.jobs == Some(0) || options.threads == Some(0) {
        return Err(
            Fault::value("--jobs and --threads begin at 1").hint("leave them out for as many as there are cores")
        );
    }
    let (plan, source) = plan(options)?;
    // Before anything there is read: of two that begin, each would write a plan of its own and run that.
    let _lock = lock(&options.output)?;
    let folder = Folder::begin(&options.output, &plan, &source)?;
    if options.on == Engine::Local {
        local::listen();
    }
    let settings = EngineSettings { folder: &folder, jobs: options.jobs, threads: options.threads };
    if options.on == Engine::Slurm {
        slurm::wait_for_earlier(&folder)?;
    }
    let pending = folder.pending(options.retry_failed)?;
    let total = folder.plan.runs().len();
    if pending.len() < total {
        print_all(&format!("{} of {total} runs are done already\n", total - pending.len()));
    }
    forget(&folder, &pending)?;
    let lost = pass(options, &settings, &pending, false)?;
    if !lost.is_empty() && !signal::pressed() {
        pass(options, &settings, &lost, true)?;
    }
    report(&folder, &options.output)
}

/// The sweep that the options ask for, and the text of its notebook.
fn plan(options: &Options) -> Result<(Plan, String)> {
    let document = run::read_notebook(&options.notebook)?;
    let known = parameters::Known::of(&document)?;
    let grid = options.parameters.iter().map(|text| grid::axis(text, &known)).collect::<Result<Vec<_>>>()?;
    if let Some(twice) = grid.iter().enumerate().find(|(at, axis)| grid[..*at].iter().any(|a| a.name == axis.name)) {
        return Err(Fault::value(format!("the parameter `{}` is given twice", twice.1.name))
            .hint("its values are given at once: -p seed=1,2,3"));
    }
    let notebook = options
        .notebook
        .canonicalize()
        .map_err(|error| Fault::file(format!("cannot read {}: {error}", options.notebook.display())))?;
    let plan = Plan { format: saddle_sweep::plan::FORMAT, notebook, code: hash(&document), grid };
    match plan.size() {
        Some(n) if n <= MOST_RUNS => Ok((plan, document.text())),
        _ => {
            Err(Fault::value(format!("that is more than {MOST_RUNS} runs"))
                .hint("is there a range with a zero too many?"))
        }
    }
}

/// A hash of the code of a notebook: neither prose nor outputs make another sweep.
fn hash(document: &Document) -> String {
    let mut hash = Sha256::new();
    for (_, cell) in document.code_cells() {
        hash.update(cell.source.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Holds the folder, made where there is none, against a second `saddle sweep` in it, for as long as the file is open.
fn lock(folder: &Path) -> Result<std::fs::File> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Fault::file(format!("cannot make the folder {}: {error}", folder.display())))?;
    let path = folder.join("lock");
    let file = std::fs::File::create(&path)
        .map_err(|error| Fault::file(format!("cannot write {}: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Fault::value(format!("another saddle is running the sweep in {}", folder.display()))
                .hint("wait for it, or choose another folder with -o"))
        }
        // A file system without locks: then the user has to see to it.
        Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// Removes what an earlier try of these runs has left.
fn forget(folder: &Folder, runs: &[usize]) -> Result<()> {
    for &run in runs {
        let place = folder.run(run);
        std::fs::create_dir_all(&place)
            .map_err(|error| Fault::file(format!("cannot make the folder {}: {error}", place.display())))?;
        let _ = std::fs::remove_file(place.join("result.json"));
    }
    Ok(())
}

/// Runs these runs on the engine: those whose process was lost. The second time they are kept as lost.
fn pass(options: &Options, settings: &EngineSettings<'_>, runs: &[usize], again: bool) -> Result<Vec<usize>> {
    let all = settings.folder.plan.runs();
    let mut lost = Vec::new();
    let mut trouble = Ok(());
    let mut over = 0;
    let mut tell = |run: usize, death: Option<String>| {
        let ended = settings.folder.outcome(run);
        let (how, is_lost) = match &ended {
            Ok(Some(ended)) if ended.status != Status::Lost => (line_of(ended), false),
            Ok(other) => {
                let why = death.or_else(|| other.as_ref()?.error.as_ref().map(|error| error.message.clone()));
                (why.unwrap_or_else(|| "its process left no result".into()), true)
            }
            Err(fault) => (fault.message.clone(), true),
        };
        if is_lost && signal::pressed() {
            return false;
        }
        over += 1;
        let named = named(&all[run - 1]);
        let mut line = format!("[{over}/{}] run {run} ({named}): {how}", runs.len());
        if is_lost {
            lost.push(run);
            line += if again { "; that was the second time" } else { "; it is run once more" };
            // Kept at once: a full disk shows here, and not after the last run.
            if trouble.is_ok() {
                trouble = settings.folder.keep(run, &death_of(settings.folder, &all[run - 1], &how));
            }
        }
        print_all(&(line + "\n"));
        // Where nothing can be kept, a run more would be a run lost.
        trouble.is_ok()
    };
    match &options.on {
        Engine::Local => local::run(settings, runs, &mut tell)?,
        Engine::Slurm => slurm::run(settings, runs, &options.sbatch, &mut tell)?,
        Engine::Dask(address) => python::run("dask", address, settings, runs, &mut tell)?,
        Engine::Ray(address) => python::run("ray", address, settings, runs, &mut tell)?,
    }
    trouble.map(|()| lost)
}

/// The outcome of a run that could not leave one itself.
fn death_of(folder: &Folder, parameters: &Map<String, Value>, why: &str) -> RunResult {
    RunResult {
        notebook: folder.plan.notebook.display().to_string(),
        status: Status::Lost,
        exit: Status::Lost.exit(),
        seconds: 0.0,
        parameters: parameters.clone(),
        figures: Vec::new(),
        error: Some(Failing { cell: 0, name: "Lost".into(), message: why.to_string() }),
    }
}

fn named(parameters: &Map<String, Value>) -> String {
    let named: Vec<String> = parameters.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
    named.join(", ")
}

fn line_of(ended: &RunResult) -> String {
    let error = ended.error.as_ref().map_or(String::new(), |error| format!(": {}: {}", error.name, error.message));
    format!("{} in {:.1} s{error}", ended.status.name(), ended.seconds)
}

/// The table of means, and the runs that are not done.
fn report(folder: &Folder, shown: &Path) -> Result<CommandStatus> {
    let table = Table::gather(folder)?;
    let over = table.replicate();
    let count = |status: &str| table.rows.iter().filter(|row| row.status() == status).count();
    let done = count("done");
    let mut text = format!("\n{}\n\n{done} of {} runs are done", page::text(&table, &over)?, table.rows.len());
    for status in ["failed", "lost"] {
        let of: Vec<String> =
            table.rows.iter().filter(|row| row.status() == status).map(|row| row.run.to_string()).collect();
        if !of.is_empty() {
            text += &format!(", {} {status} ({})", of.len(), of.join(", "));
        }
    }
    text += &format!("; `saddle collect {}` makes the tables\n", shown.display());
    print_all(&text);
    Ok(match (signal::pressed(), done == table.rows.len()) {
        (true, _) => CommandStatus::Interrupted,
        (false, true) => CommandStatus::Done,
        (false, false) => CommandStatus::Failed,
    })
}

#[derive(Args)]
pub struct One {
    /// The folder of the sweep.
    folder: PathBuf,
    /// Which run, from 1.
    run: usize,
}

/// One run of a sweep: leaves its notebook, its figures and its outcome in the sweep's folder.
pub fn one(options: &One) -> Result<CommandStatus> {
    let folder = Folder::open(&options.folder)?;
    let runs = folder.plan.runs();
    let values = options
        .run
        .checked_sub(1)
        .and_then(|at| runs.get(at))
        .ok_or_else(|| Fault::value(format!("the sweep has the runs 1 to {}, not {}", runs.len(), options.run)))?;
    let place = folder.run(options.run);
    std::fs::create_dir_all(&place)
        .map_err(|error| Fault::file(format!("cannot make the folder {}: {error}", place.display())))?;
    let mut document = run::read_notebook(&folder.notebook())?;
    let from = &folder.plan.notebook;
    let to = place.join("out.ipynb");
    parameters::inject(&mut document, values, &from.display().to_string(), &to.display().to_string())?;
    run::enter_folder_of(from)?;
    let ended = run::run_in_sweep(document, values.clone(), from, &place)?;
    folder.keep(options.run, &ended)?;
    Ok(ended.status.into())
}

/// The last line that a run's process has said, from the file with its standard error.
fn last_words(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    text.lines().rev().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("hint:")).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_named_with_their_addresses() {
        let engine = |text: &str| text.parse::<Engine>();
        assert_eq!(engine("local"), Ok(Engine::Local));
        assert_eq!(engine("dask://10.0.0.1:8786"), Ok(Engine::Dask("tcp://10.0.0.1:8786".into())));
        assert_eq!(engine("ray"), Ok(Engine::Ray("auto".into())));
        assert_eq!(engine("ray://head:10001"), Ok(Engine::Ray("ray://head:10001".into())));
        for wrong in ["dask", "dask://", "kubernetes", ""] {
            assert!(engine(wrong).unwrap_err().contains("dask://HOST:PORT"), "{wrong}");
        }
    }
}
