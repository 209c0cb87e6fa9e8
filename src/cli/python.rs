//! Finding a Python, asking it what it has, and making a virtual environment with it.

use super::pip::explain;
use saddle_fault::{Fault, Result};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest Python that the pinned JupyterLab takes.
const OLDEST: (u64, u64) = (3, 10);

/// The oldest JupyterLab of a user's own that is used.
const OLDEST_LAB: u64 = 4;

/// Printed by the interpreter itself: version, where it installs to, the JupyterLab it has, whether it can make
/// environments.
const PROBE: &str = "\
import importlib.util, json, sys
from importlib import metadata
try:
    lab = metadata.version('jupyterlab')
except metadata.PackageNotFoundError:
    lab = None
venv = all(importlib.util.find_spec(name) for name in ('venv', 'ensurepip'))
print(json.dumps({'version': sys.version_info[:3], 'prefix': sys.prefix, 'lab': lab, 'venv': venv}))
";

/// A Python interpreter.
#[derive(Clone, Debug)]
pub struct Python {
    pub program: PathBuf,
    pub version: (u64, u64, u64),
    /// `sys.prefix`: the environment it belongs to.
    pub prefix: PathBuf,
    /// The version of the JupyterLab it can import.
    pub lab: Option<String>,
    /// Whether it can make virtual environments (Debian leaves that to another package).
    pub venv: bool,
}

impl Python {
    /// The Python that the commands use: that of the environment this program is installed in, where that has
    /// JupyterLab, else the first on the path that is new enough.
    ///
    /// # Errors
    /// There is none, or only older ones.
    pub fn find() -> Result<Self> {
        let beside = beside_program().and_then(|program| Self::ask(&program));
        if let Some(python) = &beside
            && python.has_lab()
        {
            return Ok(python.clone());
        }
        let names = ["python3", "python"].map(PathBuf::from).into_iter();
        let numbered = (OLDEST.1..OLDEST.1 + 8).rev().map(|minor| PathBuf::from(format!("python3.{minor}")));
        let on_path = names.chain(numbered).filter_map(|name| Self::ask(&name));
        let mut old = None;
        for python in on_path.chain(beside) {
            if (python.version.0, python.version.1) >= OLDEST {
                return Ok(python);
            }
            old = old.or(Some(python));
        }
        let (major, minor) = OLDEST;
        Err(match old {
            Some(old) => Fault::file(format!(
                "JupyterLab needs Python {major}.{minor} or newer; {} is {}",
                old.program.display(),
                old.version_text()
            )),
            None => Fault::file("JupyterLab needs Python 3, and there is no python3 on the path"),
        }
        .hint(
            "on Debian and Ubuntu: apt install python3 python3-venv. \
             `saddle run` and `saddle repl` need no Python",
        ))
    }

    /// Asks an interpreter about itself; `None` where there is none or it is a Python 2.
    pub fn ask(program: &Path) -> Option<Self> {
        let mut python = Command::new(program);
        python.args(["-c", PROBE]).stdin(Stdio::null()).stderr(Stdio::null());
        let answer: serde_json::Value = serde_json::from_slice(&python.output().ok()?.stdout).ok()?;
        let number = |place: usize| answer["version"][place].as_u64();
        Some(Self {
            program: program.to_path_buf(),
            version: (number(0)?, number(1)?, number(2)?),
            prefix: answer["prefix"].as_str()?.into(),
            lab: answer["lab"].as_str().map(str::to_string),
            venv: answer["venv"].as_bool()?,
        })
    }

    /// `3.11.2`.
    pub fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// Whether it has a JupyterLab that is new enough to be used.
    pub fn has_lab(&self) -> bool {
        let major = self.lab.as_deref().and_then(|lab| lab.split('.').next());
        major.is_some_and(|major| major.parse().is_ok_and(|major: u64| major >= OLDEST_LAB))
    }

    /// Makes a virtual environment, replacing what is in the folder.
    ///
    /// # Errors
    /// The `venv` module is missing, or the folder cannot be written.
    pub fn make_environment(&self, folder: &Path) -> Result<Self> {
        if !self.venv {
            let (major, minor, _) = self.version;
            return Err(Fault::file(format!(
                "{} cannot make virtual environments: its module venv or ensurepip is missing",
                self.program.display()
            ))
            .hint(format!("on Debian and Ubuntu: apt install python3-venv (or python{major}.{minor}-venv)")));
        }
        let mut venv = Command::new(&self.program);
        venv.args(["-m", "venv", "--clear", "--without-pip"]).arg(folder);
        let doing = format!("cannot make a virtual environment in {}", folder.display());
        let explained = |complaints: String| explain(&doing, &complaints);
        follow(venv, |_| {}).map_err(explained)?;
        // In a step of its own, for `venv` keeps to itself why this failed.
        let program = folder.join("bin/python");
        let mut pip = Command::new(&program);
        pip.args(["-m", "ensurepip", "--default-pip"]);
        follow(pip, |_| {}).map_err(explained)?;
        Self::ask(&program).ok_or_else(|| Fault::file(format!("{doing}: it does not start")))
    }
}

/// The Python in the folder of this program: pip has put both into one environment.
fn beside_program() -> Option<PathBuf> {
    let python = std::env::current_exe().ok()?.with_file_name("python3");
    python.exists().then_some(python)
}

/// Runs a command to its end, telling each line of its stdout; on failure what it wrote to stderr, or how it ended.
pub fn follow(mut command: Command, mut on_line: impl FnMut(&str)) -> std::result::Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let stderr = child.stderr.take();
    // Beside the reading of stdout, so that neither pipe can fill up and stop the child.
    let complaints = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            // What was read until then is as good as there is.
            let _ = stderr.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    for line in
        child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines().map_while(|line| line.ok()))
    {
        on_line(&line);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let complaints = complaints.join().unwrap_or_default();
    match status.success() {
        true => Ok(()),
        false if complaints.trim().is_empty() => Err(status.to_string()),
        false => Err(complaints),
    }
}
