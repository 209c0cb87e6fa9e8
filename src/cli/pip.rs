//! Installing packages with pip, and saying in a sentence why it could not.

use super::python::{Python, follow};
use saddle_fault::{Fault, Result};
use std::path::Path;
use std::process::Command;

/// What else can be done without the packages.
const WAY_OUT: &str =
    "or activate a Python environment that has JupyterLab 4; `saddle run` and `saddle repl` need none";

impl Python {
    /// Installs packages with pip; `on_line` is told each line that pip prints.
    ///
    /// # Errors
    /// The packages cannot be had (no network, a proxy that answers something else), or not be written.
    pub fn pip_install(&self, constraints: &Path, packages: &[&str], on_line: impl FnMut(&str)) -> Result<()> {
        let mut pip = Command::new(&self.program);
        pip.args(["-m", "pip", "install", "--disable-pip-version-check"]);
        pip.args(["--no-input", "--progress-bar", "off"]);
        // pip's own five tries keep a user without a network waiting for minutes.
        pip.args(["--retries", "1"]);
        pip.arg("--constraint").arg(constraints).args(packages);
        let doing = format!("pip could not install {}", packages.join(" and "));
        follow(pip, on_line).map_err(|complaints| explain(&doing, &complaints))
    }
}

/// What pip writes to stderr where a cause is known.
const FULL: &[&str] = &["No space left on device", "Disk quota exceeded"];
const PASSWORD: &[&str] = &["Proxy Authentication Required"];
const CERTIFICATE: &[&str] = &["CERTIFICATE_VERIFY_FAILED", "SSLError"];
const NO_NETWORK: &[&str] = &[
    "NewConnectionError",
    "NameResolutionError",
    "TimeoutError",
    "ReadTimeout",
    "ProtocolError",
    "ProxyError",
    "Max retries exceeded",
    "Connection refused",
];
/// Debian's Python comes without the part that makes environments.
const NO_VENV: &[&str] = &["ensurepip is not available", "No module named venv", "No module named ensurepip"];
/// Something answers, and it is no package index: it names no versions (which pip reports as versions that conflict,
/// where constraints are given), or gives something else than packages.
const NO_INDEX: &[&str] = &[
    "ResolutionImpossible",
    "No matching distribution found",
    "HTTP error",
    "BadZipFile",
    "is invalid",
    "DO NOT MATCH THE HASHES",
];

/// Why something could not be done that pip or ensurepip was to do, read from what they wrote to stderr.
pub fn explain(doing: &str, complaints: &str) -> Fault {
    let says = |words: &[&str]| words.iter().any(|word| complaints.contains(word));
    let fault = |why: &str, hint: &str| Fault::file(format!("{doing}: {why}")).hint(hint);
    if says(NO_VENV) {
        let hint = format!("on Debian and Ubuntu: apt install python3-venv, then start again; {WAY_OUT}");
        fault("this Python has no module `venv`", &hint)
    } else if says(FULL) {
        fault(
            "the disk is full",
            "make room, or set XDG_DATA_HOME (and TMPDIR, where pip unpacks) to a folder on another disk",
        )
    } else if says(PASSWORD) {
        let hint = format!("set HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT; {WAY_OUT}");
        fault("the proxy wants a name and a password", &hint)
    } else if says(CERTIFICATE) {
        let why = "the certificate of the package index is not trusted, as where a proxy reads along";
        let hint = format!("set PIP_CERT to the file of the proxy's certificate; {WAY_OUT}");
        fault(why, &hint)
    } else if says(NO_NETWORK) {
        let hint =
            format!("start again with a network, which is needed once (behind a proxy, set HTTPS_PROXY); {WAY_OUT}");
        fault("the package index cannot be reached", &hint)
    } else if says(NO_INDEX) {
        let why = "what answers does not give packages, as the error page of a proxy does not";
        let hint = format!("look at HTTPS_PROXY and at `pip config list`; {WAY_OUT}");
        fault(why, &hint)
    } else {
        let hint = format!("start again; {WAY_OUT}");
        fault(&last_lines(complaints, 4), &hint)
    }
}

/// The last lines of a text that are not empty.
fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}
