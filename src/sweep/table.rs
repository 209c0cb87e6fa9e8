//! The runs of a sweep as rows, and what they come to: mean and spread of each figure over the seeds.

use crate::outcome::{RunResult, Status};
use crate::plan::Folder;
use saddle_fault::{Fault, Result};
use serde_json::{Map, Value};

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number, from 1.
    pub run: usize,
    /// With their values.
    pub parameters: Map<String, Value>,
    /// `None`: it has not ended, or not begun.
    pub outcome: Option<RunResult>,
}

/// All runs of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The names of the parameters that vary.
    pub parameters: Vec<String>,
    /// The names of the figures, in the order in which they first came.
    pub figures: Vec<String>,
    /// One for each run, in the order of their numbers.
    pub rows: Vec<Row>,
}

/// Runs that differ only in the parameters averaged over.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What its runs have in common.
    pub parameters: Map<String, Value>,
    /// Of each figure of the table, in its order.
    pub figures: Vec<Spread>,
    /// Runs that are done.
    pub done: usize,
    /// Runs that failed or were lost, by their numbers.
    pub failed: Vec<usize>,
    /// Runs that have not ended.
    pub missing: usize,
}

/// One figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many runs state it.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The standard deviation between runs, with n − 1; NaN for one run.
    pub std: f64,
}

impl Spread {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        let std = if n > 1 { (squares / (n - 1) as f64).sqrt() } else { f64::NAN };
        Self { n, mean, std }
    }
}

impl Row {
    /// The value of a figure: the last one, where a run states it several times.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.outcome.as_ref()?.figures.iter().rev().find(|figure| figure.what == name)?.number()
    }

    /// `done`, `failed`, …; `missing` for a run that has not ended.
    pub fn status(&self) -> &'static str {
        self.outcome.as_ref().map_or("missing", |outcome| outcome.status.name())
    }

    fn failed(&self) -> bool {
        matches!(self.outcome.as_ref().map(|o| o.status), Some(Status::Failed | Status::Lost))
    }

    /// The error that ended it.
    pub fn error(&self) -> Option<String> {
        let error = self.outcome.as_ref()?.error.as_ref()?;
        Some(format!("{}: {}", error.name, error.message))
    }
}

impl Table {
    /// Gathers what the runs of a sweep have left.
    ///
    /// # Errors
    /// A damaged file.
    pub fn gather(folder: &Folder) -> Result<Self> {
        let mut rows = Vec::new();
        for (run, parameters) in (1..).zip(folder.plan.runs()) {
            rows.push(Row { run, parameters, outcome: folder.outcome(run)? });
        }
        let parameters = folder.plan.grid.iter().map(|axis| axis.name.clone()).collect();
        Ok(Self::new(parameters, rows))
    }

    /// The table of these rows.
    pub fn new(parameters: Vec<String>, rows: Vec<Row>) -> Self {
        let mut figures: Vec<String> = Vec::new();
        for figure in rows.iter().filter_map(|row| row.outcome.as_ref()).flat_map(|outcome| &outcome.figures) {
            if !figures.contains(&figure.what) {
                figures.push(figure.what.clone());
            }
        }
        Self { parameters, figures, rows }
    }

    /// What is averaged over where nothing is said: `seed`, if the sweep has it.
    pub fn replicate(&self) -> Vec<String> {
        self.parameters.iter().filter(|name| *name == "seed").cloned().collect()
    }

    /// Mean and spread of the done runs over the parameters `over`; a failed run is named and not averaged.
    ///
    /// # Errors
    /// A name that is no parameter of the sweep.
    pub fn groups(&self, over: &[String]) -> Result<Vec<Group>> {
        if let Some(unknown) = over.iter().find(|name| !self.parameters.contains(name)) {
            return Err(Fault::value(format!("the sweep has no parameter `{unknown}` to average over"))
                .hint(format!("it has {}", self.parameters.join(", "))));
        }
        let key = |row: &Row| {
            let kept = row.parameters.iter().filter(|(name, _)| !over.contains(name));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
        };
        let mut keys: Vec<Map<String, Value>> = Vec::new();
        for row in &self.rows {
            let key = key(row);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys.into_iter().map(|parameters| self.group(parameters, key)).collect())
    }

    fn group(&self, parameters: Map<String, Value>, key: impl Fn(&Row) -> Map<String, Value>) -> Group {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| key(row) == parameters).collect();
        let done: Vec<&&Row> = rows.iter().filter(|row| row.status() == "done").collect();
        let spread = |name: &String| {
            let values: Vec<f64> = done.iter().filter_map(|row| row.figure(name)).collect();
            Spread::of(&values)
        };
        Group {
            figures: self.figures.iter().map(spread).collect(),
            done: done.len(),
            failed: rows.iter().filter(|row| row.failed()).map(|row| row.run).collect(),
            missing: rows.iter().filter(|row| row.outcome.is_none()).count(),
            parameters,
        }
    }

    /// A line for each run.
    pub fn csv(&self) -> String {
        let mut lines = vec![["run", "status", "seconds"].map(String::from).to_vec()];
        lines[0].extend(self.parameters.iter().cloned());
        lines[0].extend(self.figures.iter().cloned());
        lines[0].push("error".into());
        for row in &self.rows {
            let seconds = row.outcome.as_ref().map_or(String::new(), |outcome| format!("{:.3}", outcome.seconds));
            let mut line = vec![row.run.to_string(), row.status().into(), seconds];
            line.extend(self.parameters.iter().map(|name| row.parameters.get(name).map_or(String::new(), plain)));
            line.extend(self.figures.iter().map(|name| row.figure(name).map_or(String::new(), |v| v.to_string())));
            line.push(row.error().unwrap_or_default());
            lines.push(line);
        }
        joined(&lines)
    }

    /// A line for each group.
    ///
    /// # Errors
    /// As [`Table::groups`].
    pub fn summary_csv(&self, over: &[String]) -> Result<String> {
        let kept: Vec<&String> = self.parameters.iter().filter(|name| !over.contains(name)).collect();
        let mut head: Vec<String> = kept.iter().map(|name| name.to_string()).collect();
        head.extend(["done", "failed", "missing"].map(String::from));
        head.extend(self.figures.iter().flat_map(|name| [format!("{name} mean"), format!("{name} std")]));
        let mut lines = vec![head];
        for group in self.groups(over)? {
            let mut line: Vec<String> =
                kept.iter().map(|name| group.parameters.get(*name).map_or(String::new(), plain)).collect();
            line.extend([group.done, group.failed.len(), group.missing].map(|n| n.to_string()));
            let shown = |v: f64| if v.is_nan() { String::new() } else { v.to_string() };
            line.extend(group.figures.iter().flat_map(|spread| [shown(spread.mean), shown(spread.std)]));
            lines.push(line);
        }
        Ok(joined(&lines))
    }
}

/// A value as a table shows it: texts without quotes.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

/// Lines of CSV (RFC 4180).
fn joined(lines: &[Vec<String>]) -> String {
    let field = |text: &String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    let line = |fields: &Vec<String>| fields.iter().map(field).collect::<Vec<_>>().join(",") + "\n";
    lines.iter().map(line).collect()
}
