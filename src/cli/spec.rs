//! `saddle kernel`, `saddle install`, `saddle uninstall`: what Jupyter needs of us.

use super::Outcome;
use super::python::Python;
use clap::Args;
use saddlepoint::fault::{Fault, Kind, Result};
use std::path::PathBuf;

#[derive(Args)]
pub struct Kernel {
    /// The connection file that Jupyter wrote.
    #[arg(short = 'f', long = "connection-file", value_name = "FILE")]
    connection: PathBuf,
}

#[derive(Args)]
pub struct Install {}

#[derive(Args)]
pub struct Uninstall {}

pub fn kernel(options: &Kernel) -> Result<Outcome> {
    saddlepoint::serve::run(&options.connection, super::session::open()?)?;
    // A cell that cannot be stopped may still run, and must not keep the process alive.
    std::process::exit(0)
}

pub fn install(_: &Install) -> Result<Outcome> {
    Err(Fault::new(Kind::Internal, "no"))
}

pub fn uninstall(_: &Uninstall) -> Result<Outcome> {
    Err(Fault::new(Kind::Internal, "no"))
}

/// Installs the kernelspec where that Python's JupyterLab finds it; its name.
pub fn install_beside(python: &Python) -> Result<String> {
    let folder = python.prefix.join("share/jupyter/kernels/saddlepoint");
    let spec = serde_json::json!({
        "argv": [std::env::current_exe().unwrap_or_default(), "kernel", "-f", "{connection_file}"],
        "display_name": "Saddlepoint", "language": "rhai", "interrupt_mode": "message", "metadata": {},
    });
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("kernel.json"), spec.to_string()))
        .map_err(|error| Fault::file(error.to_string()))?;
    Ok("saddlepoint".into())
}

/// The kernelspecs of ours that are installed for the user or under one of the prefixes: their folders, and the program
/// each starts or why that is not known.
pub fn installed(_: &[&std::path::Path]) -> Vec<(PathBuf, Result<PathBuf>)> {
    Vec::new()
}
