//! Installing packages with pip, and saying in a sentence why it could not.

use super::python::{Python, follow};
use saddle_fault::{Fault, Result};
use std::path::Path;
use std::process::Command;

/// What else can be done without the packages.
const WAY_OUT: &str = "or activate a Python environment that has JupyterLab 4; `saddle run` and `saddle repl` need none";

impl Python {
    /// Installs packages with pip; `on_line` is told each line that pip prints.
    ///
    /// # Errors
    /// The packages cannot be had (no network, a proxy that answers something else), or not be written.
    pub fn pip_install(
        &self,
        constraints: &Path,
        packages: &[&str],
        on_line: impl FnMut(&str),
    ) -> Result<()> {
        let mut pip = Command::new(&self.program);
        pip.args(["-m", "pip", "install", "--disable-pip-version-check"]);
        pip.args(["--no-input", "--progress-bar", "off"]);
        // pip's own five tries keep a user without a network waiting for minutes.
        pip.args(["--retries", "1"]);
        pip.arg("--constraint").arg(constraints).args(packages);
        follow(pip, on_line).map_err(|complaints| explain(&complaints, packages))
    }
}

/// Why pip failed, read from what it wrote to stderr.
fn explain(complaints: &str, packages: &[&str]) -> Fault {
    let packages = packages.join(" and ");
    let says = |words: &[&str]| words.iter().any(|word| complaints.contains(word));
    let (why, hint) = if says(&["No space left on device", "Disk quota exceeded"]) {
        (
            "the disk is full".to_string(),
            "make room, or set XDG_DATA_HOME (and TMPDIR, where pip unpacks) to a folder on another disk".to_string(),
        )
    } else if says(&["Proxy Authentication Required", "407 "]) {
        (
            "the proxy wants a name and a password".to_string(),
            format!("set HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT; {WAY_OUT}"),
        )
    } else if says(&["CERTIFICATE_VERIFY_FAILED", "SSLError"]) {
        (
            "the certificate of the package index is not trusted, as behind a proxy that reads along".to_string(),
            format!("set PIP_CERT to a file with the proxy's certificate; {WAY_OUT}"),
        )
    } else if says(&[
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ProtocolError",
        "ProxyError",
        "Max retries exceeded",
        "Connection refused",
        "Failed to establish a new connection",
    ]) {
        (
            "the package index cannot be reached".to_string(),
            format!(
                "it needs the network once (behind a proxy, set HTTPS_PROXY) and can be started again; {WAY_OUT}"
            ),
        )
    } else if says(&[
        "from versions: none",
        "No matching distribution found",
        "HTTP error",
        "HTTPError",
        "Could not fetch URL",
        "BadZipFile",
        "is invalid",
        "DO NOT MATCH THE HASHES",
        "not a zip file",
    ]) {
        (
            format!(
                "what answers as the package index does not give them, as a proxy's error page does not ({})",
                last_lines(complaints, 1)
            ),
            format!("look at HTTPS_PROXY and at `pip config list`; {WAY_OUT}"),
        )
    } else {
        (
            last_lines(complaints, 4),
            format!("it can be started again; {WAY_OUT}"),
        )
    };
    Fault::file(format!("pip could not install {packages}: {why}")).hint(hint)
}

/// The last lines of a text that are not empty.
pub fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}
