//! Which runs a sweep has, and the folder that holds one sweep and no other.

use crate::outcome::{RunResult, Status};
use saddle_fault::{Fault, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// A sweep: a notebook, and for each parameter the values that it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this file's format.
    pub format: u32,
    /// Where the notebook was; its runs begin in that folder.
    pub notebook: PathBuf,
    /// A hash of its code: a changed notebook is another sweep.
    pub code: String,
    /// The parameters that vary; each combination is a run.
    pub grid: Vec<Axis>,
}

/// One parameter and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// Of the parameter.
    pub name: String,
    /// In the order in which they are run.
    pub values: Vec<Value>,
}

/// The version that is written.
pub const FORMAT: u32 = 1;
/// More runs than anyone means: `seed=0..1e9` mistyped.
pub const MOST_RUNS: usize = 100_000;

const PLAN: &str = "sweep.json";

impl Plan {
    /// The parameters of every run: the last parameter changes fastest.
    pub fn runs(&self) -> Vec<Map<String, Value>> {
        let mut runs = vec![Map::new()];
        for axis in &self.grid {
            let with = |run: &Map<String, Value>, value: &Value| {
                let mut run = run.clone();
                run.insert(axis.name.clone(), value.clone());
                run
            };
            runs = runs.iter().flat_map(|run| axis.values.iter().map(move |value| with(run, value))).collect();
        }
        runs
    }

    /// The number of runs; `None` where it does not fit.
    pub fn size(&self) -> Option<usize> {
        self.grid.iter().try_fold(1usize, |n, axis| n.checked_mul(axis.values.len()))
    }

    /// What makes this another sweep than `other`, in words; `None` if nothing does.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.notebook != other.notebook {
            return Some(format!("that of {}", other.notebook.display()));
        }
        if self.grid != other.grid {
            let axis = |axis: &Axis| format!("{}: {} values", axis.name, axis.values.len());
            let grid: Vec<_> = other.grid.iter().map(axis).collect();
            return Some(format!("one over other parameters ({})", grid.join(", ")));
        }
        (self.code != other.code).then(|| "one of the notebook before it was changed".to_string())
    }
}

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it lies.
    pub path: PathBuf,
    /// What its `sweep.json` says.
    pub plan: Plan,
}

impl Folder {
    /// Makes the folder of a sweep, or goes on in one that holds this very sweep. `source` is the notebook's text, kept
    /// there: what is changed while the sweep runs does not mix into it.
    ///
    /// # Errors
    /// It holds another sweep; it cannot be written.
    pub fn begin(path: &Path, plan: &Plan, source: &str) -> Result<Self> {
        let cannot = |error| Fault::file(format!("cannot make the folder {}: {error}", path.display()));
        std::fs::create_dir_all(path.join("runs")).map_err(cannot)?;
        let path = path.canonicalize().map_err(cannot)?;
        if path.join(PLAN).exists() {
            let there = Self::open(&path)?;
            if let Some(difference) = plan.difference(&there.plan) {
                return Err(Fault::value(format!("{} holds another sweep: {difference}", path.display()))
                    .hint("choose another folder with -o, or delete that one"));
            }
            return Ok(there);
        }
        crate::write(&path.join("notebook.ipynb"), source)?;
        let text = serde_json::to_string_pretty(plan).unwrap_or_default() + "\n";
        crate::write(&path.join(PLAN), &text)?;
        Ok(Self { path, plan: plan.clone() })
    }

    /// Opens the folder of a sweep.
    ///
    /// # Errors
    /// It holds none, or one of a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let file = path.join(PLAN);
        let text = std::fs::read_to_string(&file).map_err(|error| {
            Fault::file(format!("{} holds no sweep: {}: {error}", path.display(), file.display()))
                .hint("`saddle sweep NOTEBOOK -p seed=0..10 -o FOLDER` makes one")
        })?;
        let plan: Plan = serde_json::from_str(&text)
            .map_err(|error| Fault::file(format!("{} is not the plan of a sweep: {error}", file.display())))?;
        if plan.format != FORMAT {
            return Err(Fault::file(format!("{} has format {}; only {FORMAT} is read", file.display(), plan.format)));
        }
        // An axis without values makes none of what those before it have made.
        let most = plan.grid.iter().try_fold(1usize, |n, axis| n.checked_mul(axis.values.len().max(1)));
        if most.is_none_or(|n| n > MOST_RUNS) {
            return Err(Fault::file(format!("{} has more than {MOST_RUNS} runs", file.display())));
        }
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        Ok(Self { path, plan })
    }

    /// The notebook as it was when the sweep began.
    pub fn notebook(&self) -> PathBuf {
        self.path.join("notebook.ipynb")
    }

    /// The folder of a run; runs count from 1.
    pub fn run(&self, number: usize) -> PathBuf {
        self.path.join("runs").join(format!("{number:04}"))
    }

    /// How a run ended; `None` if it has not.
    ///
    /// # Errors
    /// A damaged file, or one that cannot be read.
    pub fn outcome(&self, number: usize) -> Result<Option<RunResult>> {
        RunResult::read(&self.run(number).join("result.json"))
    }

    /// Keeps how a run ended.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, number: usize, outcome: &RunResult) -> Result<()> {
        crate::write(&self.run(number).join("result.json"), &outcome.text())
    }

    /// The runs that have still to be run, with those that have failed if `failed_too`: what was lost or interrupted
    /// counts as not run.
    ///
    /// # Errors
    /// A damaged file, or one that cannot be read.
    pub fn pending(&self, failed_too: bool) -> Result<Vec<usize>> {
        let mut pending = Vec::new();
        for number in 1..=self.plan.runs().len() {
            let is_over = match self.outcome(number)?.map(|outcome| outcome.status) {
                Some(Status::Done) => true,
                Some(Status::Failed) => !failed_too,
                Some(Status::Lost | Status::Interrupted) | None => false,
            };
            if !is_over {
                pending.push(number);
            }
        }
        Ok(pending)
    }
}
