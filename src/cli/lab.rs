//! `saddle lab`: the notebooks in JupyterLab. Uses the active environment's JupyterLab, else a private one that it installs
//! once into the user's data folder.

use super::python::Python;
use super::{Outcome, folders, spec};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use saddle_fault::{Fault, Result};
use std::fs::File;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The exact versions of the private JupyterLab.
const CONSTRAINTS: &str = include_str!("lab-constraints.txt");

/// What JupyterLab needs to show sliders and buttons.
const WIDGETS: &str = "ipywidgets";

/// The oldest JupyterLab of an active environment that is used.
const OLDEST_LAB: u64 = 4;

/// Holds the constraints of a finished installation; without it the folder is what a broken attempt left.
const READY: &str = "saddle-ready.txt";

#[derive(Args)]
pub struct Options {
    /// Do not open a browser; the address is printed.
    #[arg(long)]
    no_browser: bool,
    /// The port to serve on (JupyterLab's choice without it).
    #[arg(long)]
    port: Option<u16>,
    /// Passed on to JupyterLab.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "JUPYTERLAB OPTIONS"
    )]
    extra: Vec<String>,
}

pub fn lab(options: &Options) -> Result<Outcome> {
    let python = jupyterlab()?;
    let kernel = spec::install_beside(&python)?;
    let folder = match folders::notebooks() {
        Some(folder) => folder,
        None => std::env::current_dir().map_err(|error| {
            Fault::file(format!("the current folder is not accessible: {error}"))
        })?,
    };
    let mut command = Command::new(&python.program);
    command.args(["-m", "jupyterlab"]);
    command.arg(format!("--ServerApp.root_dir={}", folder.display()));
    command.arg(format!("--MultiKernelManager.default_kernel_name={kernel}"));
    if options.no_browser {
        command.arg("--no-browser");
    }
    if let Some(port) = options.port {
        // A port that was asked for is that port or an error, not the next free one.
        command
            .arg(format!("--ServerApp.port={port}"))
            .arg("--ServerApp.port_retries=0");
    }
    // SAFETY: asks for a number; cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        // Jupyter refuses to serve as root without this; in a container there is no one else to be.
        command.arg("--allow-root");
    }
    command.args(&options.extra);
    // From here on this process is JupyterLab, and Ctrl-C is its own.
    let error = command.exec();
    Err(Fault::file(format!(
        "cannot start {}: {error}",
        python.program.display()
    )))
}

/// A Python that has JupyterLab.
fn jupyterlab() -> Result<Python> {
    let active = Python::find();
    if let Ok(python) = &active
        && python.lab_major().is_some_and(|major| major >= OLDEST_LAB)
    {
        return Ok(python.clone());
    }
    let folder = private_folder()?;
    match private(&folder) {
        Some(python) => Ok(python),
        None => install(&active?, &folder),
    }
}

/// The folder of the private JupyterLab: one for each of its versions.
pub fn private_folder() -> Result<PathBuf> {
    Ok(folders::data()?.join(format!("lab-{}", pinned_version())))
}

/// The private JupyterLab, where it has been installed completely.
pub fn private(folder: &Path) -> Option<Python> {
    let ready = std::fs::read_to_string(folder.join(READY)).ok()?;
    let python = Python::ask(&folder.join("bin/python"))?;
    (ready == CONSTRAINTS && python.lab.is_some()).then_some(python)
}

fn pinned_version() -> &'static str {
    let line = CONSTRAINTS
        .lines()
        .find_map(|line| line.strip_prefix("jupyterlab=="));
    line.unwrap_or_default().trim()
}

/// Installs the private JupyterLab.
fn install(python: &Python, folder: &Path) -> Result<Python> {
    let cannot =
        |error: std::io::Error| Fault::file(format!("cannot write {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    // Two first starts at once: the second waits, and then finds the work done.
    let lock = File::create(folder.with_extension("lock")).map_err(cannot)?;
    lock.lock().map_err(cannot)?;
    if let Some(python) = private(folder) {
        return Ok(python);
    }
    let version = pinned_version();
    let line = Progress::new(&format!(
        "installing JupyterLab {version} into {} (once)",
        folder.display()
    ));
    let environment = python.make_environment(folder)?;
    let constraints = folder.join("constraints.txt");
    std::fs::write(&constraints, CONSTRAINTS).map_err(cannot)?;
    let package = format!("jupyterlab=={version}");
    environment.pip_install(&constraints, &[&package, WIDGETS], |text| line.tell(text))?;
    std::fs::write(folder.join(READY), CONSTRAINTS).map_err(cannot)?;
    line.done(&format!("installed JupyterLab {version}"));
    Python::ask(&environment.program).ok_or_else(|| {
        Fault::file(format!(
            "the JupyterLab in {} does not start",
            folder.display()
        ))
        .hint("remove that folder and start again")
    })
}

/// One line that shows what goes on; on anything but a terminal, one line at the start and one at the end.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new(what: &str) -> Self {
        say(what);
        if !stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Shows the step that a line of pip's announces.
    fn tell(&self, line: &str) {
        let announces = ["Collecting", "Downloading", "Using cached", "Installing"];
        if let Some(bar) = &self.0
            && announces
                .iter()
                .any(|word| line.trim_start().starts_with(word))
        {
            bar.set_message(line.trim().to_string());
        }
    }

    fn done(&self, what: &str) {
        self.0.iter().for_each(ProgressBar::finish_and_clear);
        say(what);
    }
}

/// Prints a line to stderr; when that is gone there is no one left to tell.
fn say(what: &str) {
    let _ = writeln!(stderr(), "{what}");
}
