//! `saddle test`: notebooks as regression tests of themselves.
//!
//! `job` runs one notebook in a fresh worker; here are the options, several notebooks at a time, and the reports.

mod job;

use super::{CommandStatus, print_all, run, signal};
use clap::Args;
use indicatif::{MultiProgress, ProgressBar};
use job::TestJob;
use saddle_fault::{Fault, Result};
use saddle_notebook::compare::{DEFAULT_SIMILARITY, DEFAULT_TOLERANCE, Limits, Tolerance};
use saddle_notebook::report::{self, Entry};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

#[derive(Args)]
pub struct Options {
    /// The notebooks, each with the outputs to compare with; of a folder, all the notebooks in it. Of cells tagged
    /// `nbval-ignore-output` the checks are compared, and what the cell's own tolerance, similarity or look asks for.
    #[arg(required = true, value_name = "NOTEBOOK")]
    files: Vec<PathBuf>,
    /// How far numbers with a decimal point may differ, as a fraction of their magnitude, or by a millionth; whole
    /// numbers and text must be equal. Below the default the millionth falls with it; 0 asks for equal texts. A cell may say otherwise: `// SADDLE_TOLERANCE 0.05`.
    #[arg(long, default_value_t = DEFAULT_TOLERANCE.relative, value_name = "FRACTION")]
    tolerance: f64,
    /// How similar pictures must be in each of their parts: a structural similarity (SSIM) of at most 1. A cell may say
    /// otherwise: `// SADDLE_SIMILARITY 0.7`.
    #[arg(long, default_value_t = DEFAULT_SIMILARITY, value_name = "SSIM")]
    similarity: f64,
    /// Compare only the cells tagged `nbval-check-output`; run all.
    #[arg(long)]
    lax: bool,
    /// Stop a cell that runs longer, and count it as failed.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Run so many notebooks at a time.
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: usize,
    /// Store the new outputs in the notebooks, where they differ.
    #[arg(long)]
    update: bool,
    /// Write a report as a web page, with both values and both pictures of all that differs.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a report as JUnit's XML, for a build server.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub fn test(options: &Options) -> Result<CommandStatus> {
    check(options)?;
    let files = notebooks(&options.files)?;
    // A second Ctrl-C does not wait for the cells to stop. Before any other thread is started, as it must be.
    signal::on_interrupt(|press| {
        if press.number > 1 {
            std::process::exit(130);
        }
    });
    let entries = test_each(&files, options);
    for (file, text) in [(&options.html, report::page as fn(&[Entry]) -> String), (&options.junit, report::junit)] {
        if let Some(file) = file {
            run::write_whole(file, &text(&entries))?;
        }
    }
    if files.len() > 1 {
        print_all(&summary(&entries, files.len()));
    }
    Ok(if signal::pressed() {
        CommandStatus::Interrupted
    } else if entries.iter().all(Entry::passed) {
        CommandStatus::Done
    } else {
        CommandStatus::Failed
    })
}

/// Refuses options that make no sense, before anything runs.
fn check(options: &Options) -> Result<()> {
    let tolerance = options.tolerance;
    if tolerance.is_nan() || tolerance < 0.0 {
        return Err(Fault::value(format!("--tolerance {tolerance} is not a fraction from 0 on")));
    }
    let similarity = options.similarity;
    if similarity.is_nan() || similarity > 1.0 {
        return Err(Fault::value(format!("--similarity {similarity} is more than any picture reaches"))
            .hint("1 asks for equal pictures, 0.9 lets rounding pass"));
    }
    if let Some(timeout) = options.timeout
        && (Duration::try_from_secs_f64(timeout).is_err() || timeout == 0.0)
    {
        return Err(Fault::value(format!("--timeout {timeout} is not a number of seconds")));
    }
    if options.jobs == 0 {
        return Err(Fault::value("--jobs 0 would run nothing").hint("leave it out to run one notebook at a time"));
    }
    for file in [&options.html, &options.junit].into_iter().flatten() {
        run::check_is_no_notebook(file)?;
        run::check_folder_of(file)?;
    }
    Ok(())
}

/// The files named, and the notebooks of the folders named, by their names.
fn notebooks(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let cannot = |error| Fault::file(format!("cannot read the folder {}: {error}", path.display()));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(cannot)? {
            let file = entry.map_err(cannot)?.path();
            if run::has_ending(&file, "ipynb") {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(Fault::file(format!("there is no notebook in the folder {}", path.display())));
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// Tests the notebooks, some at a time, and prints the report on each as soon as it and all before it are there.
fn test_each(files: &[PathBuf], options: &Options) -> Vec<Entry> {
    let bars = MultiProgress::new();
    let next = AtomicUsize::new(0);
    let (done, arrivals) = channel();
    let mut entries: Vec<Option<Entry>> = files.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(files.len()) {
            let (done, next, bars) = (done.clone(), &next, &bars);
            scope.spawn(move || {
                while !signal::pressed()
                    && let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(file) = files.get(at)
                {
                    let entry = test_one(file, options, bars);
                    if done.send((at, entry)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        let mut printed = 0;
        for (at, entry) in arrivals {
            entries[at] = Some(entry);
            while let Some(Some(entry)) = entries.get(printed) {
                bars.suspend(|| print_all(&report::text(entry)));
                printed += 1;
            }
        }
    });
    entries.into_iter().flatten().collect()
}

fn test_one(file: &Path, options: &Options, bars: &MultiProgress) -> Entry {
    let order = TestJob {
        file,
        limits: Limits {
            numbers: Tolerance::of(options.tolerance),
            similarity: options.similarity,
            look: None,
            lax: options.lax,
        },
        timeout: options.timeout.map(Duration::from_secs_f64),
    };
    let bar: ProgressBar = bars.add(run::progress_bar());
    let name = file.display().to_string();
    let tested = job::test(&order, |number, total, document, index| {
        run::show_step(&bar, number, total, &document.cells[index]);
    });
    bar.finish_and_clear();
    bars.remove(&bar);
    let mut updated = None;
    let outcome = tested.and_then(|trial| {
        if options.update
            && let Some((document, changed)) = trial.updated()
        {
            if changed > 0 {
                run::write_whole(file, &document.text())?;
            }
            updated = Some(changed);
        }
        Ok(trial)
    });
    Entry {
        name,
        outcome: outcome
            .map_or_else(report::NotebookResult::Refused, |trial| report::NotebookResult::Ran(Box::new(trial))),
        updated,
    }
}

fn summary(entries: &[Entry], total: usize) -> String {
    let passed = entries.iter().filter(|entry| entry.passed()).count();
    let failed = entries.len() - passed;
    let not_tested = match total - entries.len() {
        0 => String::new(),
        n => format!(", {n} not tested"),
    };
    format!("{passed} notebooks passed, {failed} failed{not_tested}\n")
}
