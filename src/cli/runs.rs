//! `saddle runs`: what `log_run` has kept, run beside run.

use super::{CommandStatus, print_all};
use saddle_data::events::{Event, Logged, decode};
use saddle_fault::{Fault, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Options {
    /// The folder of runs.
    #[arg(default_value = "runs")]
    folder: PathBuf,
    /// Only figures whose name holds this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// A run: its name, and its newest attempt.
struct Run {
    name: String,
    /// How many files it has: attempts that were begun.
    attempts: usize,
    events: Vec<Event>,
}

pub fn runs(options: &Options) -> Result<CommandStatus> {
    if !options.folder.is_dir() {
        return Err(Fault::file(format!("there is no folder `{}`", options.folder.display()))
            .hint("log_run(\"name\", #{ loss: … }) in a notebook makes `runs` beside it"));
    }
    let mut runs = Vec::new();
    find(&options.folder, "", &mut runs)?;
    if runs.is_empty() {
        return Err(Fault::file(format!("`{}` holds no runs", options.folder.display())));
    }
    runs.sort_by(|a, b| a.name.cmp(&b.name));
    print_all(&table(&runs, options.only.as_deref()));
    Ok(CommandStatus::Done)
}

/// The runs in a folder and below it.
fn find(folder: &Path, name: &str, runs: &mut Vec<Run>) -> Result<()> {
    let failed = |e: std::io::Error| Fault::file(format!("`{}` cannot be read: {e}", folder.display()));
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let title = entry.file_name().to_string_lossy().into_owned();
        // A link is not followed: it could lead round in a circle.
        match entry.file_type().map_err(failed)? {
            kind if kind.is_dir() => folders.push((entry.path(), title)),
            kind if kind.is_file() && title.contains("tfevents") => files.push(entry.path()),
            _ => (),
        }
    }
    files.sort();
    if let Some(newest) = files.last() {
        let content = fs::read(newest).map_err(failed)?;
        let events = decode(&newest.display().to_string(), &content)?;
        let name = if name.is_empty() { ".".to_string() } else { name.to_string() };
        runs.push(Run { name, attempts: files.len(), events });
    }
    for (path, title) in folders {
        let name = if name.is_empty() { title } else { format!("{name}/{title}") };
        find(&path, &name, runs)?;
    }
    Ok(())
}

/// A row for each run: steps, seconds, and the last figure under each name.
fn table(runs: &[Run], only: Option<&str>) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut last: Vec<BTreeMap<&str, f32>> = Vec::new();
    for run in runs {
        let mut figures = BTreeMap::new();
        for (name, logged) in run.events.iter().flat_map(|event| &event.values) {
            if let Logged::Figure(x) = logged
                && only.is_none_or(|only| name.contains(only))
            {
                figures.insert(name.as_str(), *x);
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        last.push(figures);
    }
    let mut rows = vec![["run", "attempts", "last step", "seconds", "pictures"].map(String::from).to_vec()];
    rows[0].extend(names.iter().map(|name| name.to_string()));
    for (run, figures) in runs.iter().zip(&last) {
        let pictures =
            run.events.iter().flat_map(|e| &e.values).filter(|(_, v)| matches!(v, Logged::Picture { .. })).count();
        let step = run.events.iter().map(|e| e.step).max().unwrap_or(0);
        let time = |event: Option<&Event>| event.map_or(0.0, |e| e.time);
        let seconds = time(run.events.last()) - time(run.events.first());
        let mut row = vec![
            run.name.clone(),
            run.attempts.to_string(),
            step.to_string(),
            format!("{seconds:.0}"),
            pictures.to_string(),
        ];
        row.extend(names.iter().map(|name| figures.get(name).map_or("–".into(), |x| figure(*x))));
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - cell.chars().count());
            text += &if i == 0 { format!("{cell}{pad}") } else { format!("  {pad}{cell}") };
        }
        text.push('\n');
    }
    text
}

/// Four significant digits.
fn figure(x: f32) -> String {
    match x == 0.0 || (1e-3..1e5).contains(&x.abs()) {
        true => {
            let digits = 3 - if x == 0.0 { 0 } else { x.abs().log10().floor() as i32 };
            format!("{x:.*}", digits.clamp(0, 6) as usize)
        }
        false => format!("{x:.3e}"),
    }
}
