//! `saddle test`: notebooks as regression tests of themselves.

use super::session::{self, Insisting};
use super::{Outcome, print_all, run};
use clap::Args;
use saddlepoint::fault::{Fault, Result};
use saddlepoint::notebook::compare::{DEFAULT_TOLERANCE, Tolerance, Verdict, compare, report};
use saddlepoint::notebook::run::{End, Event, Options as How, run as run_document};
use saddlepoint::output::Output;
use saddlepoint::session::Frontend;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

#[derive(Args)]
pub struct Options {
    /// The notebooks, each with the outputs to compare with. Cells tagged `nbval-ignore-output` are run and not compared.
    #[arg(required = true, value_name = "NOTEBOOK")]
    files: Vec<PathBuf>,
    /// How far numbers with a decimal point may differ, as a fraction of their magnitude; whole numbers and text must be
    /// equal.
    #[arg(long, default_value_t = DEFAULT_TOLERANCE.relative, value_name = "FRACTION")]
    tolerance: f64,
}

pub fn test(options: &Options) -> Result<Outcome> {
    if options.tolerance.is_nan() || options.tolerance < 0.0 {
        return Err(Fault::value(format!(
            "--tolerance {} is not a fraction from 0 on",
            options.tolerance
        )));
    }
    match options.files.as_slice() {
        [file] => test_one(file, options.tolerance),
        files => test_each(files, options.tolerance),
    }
}

/// Each notebook in a process of its own: a session belongs to one notebook, and one that dies takes only its own test.
fn test_each(files: &[PathBuf], tolerance: f64) -> Result<Outcome> {
    let saddle = std::env::current_exe()
        .map_err(|error| Fault::file(format!("cannot find the program file of saddle: {error}")))?;
    let mut failed = 0;
    for file in files {
        let status = Command::new(&saddle)
            .args(["test", "--tolerance", &tolerance.to_string(), "--"])
            .arg(file)
            .status()
            .map_err(|error| Fault::file(format!("cannot start {}: {error}", saddle.display())))?;
        match status.code() {
            Some(0) => {}
            Some(130) => return Ok(Outcome::Interrupted),
            _ => failed += 1,
        }
    }
    print_all(&format!(
        "{} notebooks passed, {failed} failed\n",
        files.len() - failed
    ));
    Ok(if failed == 0 {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn test_one(file: &Path, relative: f64) -> Result<Outcome> {
    let stored = run::read_notebook(file)?;
    let mut document = stored.clone();
    run::enter_folder_of(file)?;
    let notebook = session::open_with_interrupt(Insisting::EndsProcess)?;
    let start = Instant::now();
    let how = How {
        testing: true,
        ..How::default()
    };
    let bar = run::progress_bar();
    let end = run_document(
        &mut document,
        notebook.as_ref(),
        Arc::new(Silent),
        how,
        |event| {
            if let Event::Starts {
                number,
                total,
                cell,
            } = event
            {
                run::show_step(&bar, number, total, cell);
            }
        },
    );
    bar.finish_and_clear();
    let verdicts = compare(
        &stored,
        &document,
        &Tolerance {
            relative,
            ..DEFAULT_TOLERANCE
        },
    );
    let mut text = format!(
        "{} ({:.1} s)\n",
        file.display(),
        start.elapsed().as_secs_f64()
    );
    let mut passed = verdicts
        .iter()
        .all(|(_, verdict)| !matches!(verdict, Verdict::Differs(_)));
    if let End::Failed(failed) | End::Interrupted(failed) = &end {
        passed = false;
        let failure = &failed.failure;
        text.push_str(&format!(
            "cell {} failed: {}: {}\n",
            failed.index + 1,
            failure.name,
            failure.value
        ));
    }
    text.push_str(&report(&verdicts));
    print_all(&(text.replace('\n', "\n  ").trim_end().to_string() + "\n"));
    Ok(match end {
        End::Interrupted(_) => Outcome::Interrupted,
        _ if passed => Outcome::Done,
        _ => Outcome::Failed,
    })
}

/// A front end at which no one sits.
struct Silent;

impl Frontend for Silent {
    fn show(&self, _: Output) {}

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}
