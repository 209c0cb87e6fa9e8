//! `saddle kernel`, `saddle install`, `saddle uninstall`: what Jupyter needs of us.

use super::python::Python;
use super::{Outcome, folders, kernelspec, print_all, session};
use clap::Args;
use saddlepoint::fault::{Fault, Result};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Kernel {
    /// The connection file that Jupyter wrote.
    #[arg(short = 'f', long = "connection-file", value_name = "FILE")]
    connection: PathBuf,
}

/// Where a kernelspec lies; for this user without any option.
#[derive(Args)]
#[group(multiple = false)]
struct Place {
    /// For this user (the default).
    #[arg(long)]
    user: bool,
    /// In the active Python environment.
    #[arg(long)]
    sys_prefix: bool,
    /// Under this folder, in share/jupyter/kernels.
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
}

#[derive(Args)]
pub struct Install {
    #[command(flatten)]
    place: Place,
    /// The name by which Jupyter knows the kernel.
    #[arg(long, default_value = kernelspec::NAME)]
    name: String,
    /// The name that people see.
    #[arg(long, default_value = kernelspec::DISPLAY_NAME)]
    display_name: String,
    /// An environment variable of the kernel; may be given several times.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = key_and_value)]
    environment: Vec<(String, String)>,
}

#[derive(Args)]
pub struct Uninstall {
    #[command(flatten)]
    place: Place,
    /// The name under which it was installed.
    #[arg(long, default_value = kernelspec::NAME)]
    name: String,
}

pub fn kernel(options: &Kernel) -> Result<Outcome> {
    saddlepoint::serve::run(&options.connection, session::open()?)?;
    // A cell that cannot be stopped may still run, and must not keep the process alive.
    std::process::exit(0)
}

pub fn install(options: &Install) -> Result<Outcome> {
    let spec = kernelspec::Spec {
        name: &options.name,
        display_name: &options.display_name,
        environment: &options.environment,
    };
    let folder = kernelspec::install(&spec, &options.place.jupyter_folder()?)?;
    print_all(&format!(
        "installed {} in {}\n",
        options.name,
        folder.display()
    ));
    Ok(Outcome::Done)
}

pub fn uninstall(options: &Uninstall) -> Result<Outcome> {
    let folder = kernelspec::uninstall(&options.name, &options.place.jupyter_folder()?)?;
    print_all(&format!("removed {}\n", folder.display()));
    Ok(Outcome::Done)
}

/// Installs the kernelspec where that Python's JupyterLab finds it; its name.
pub fn install_beside(python: &Python) -> Result<&'static str> {
    let spec = kernelspec::Spec {
        name: kernelspec::NAME,
        display_name: kernelspec::DISPLAY_NAME,
        environment: &[],
    };
    // A Python of the system's cannot be written to; the user's own folder serves every Jupyter.
    kernelspec::install(&spec, &python.prefix.join("share/jupyter"))
        .or_else(|_| kernelspec::install(&spec, &folders::jupyter()?))?;
    Ok(kernelspec::NAME)
}

/// The kernelspecs of ours that are installed for the user or under one of the prefixes: their folders, and the program
/// each starts or why that is not known.
pub fn installed(prefixes: &[&Path]) -> Vec<(PathBuf, Result<PathBuf>)> {
    let beside = prefixes.iter().map(|prefix| prefix.join("share/jupyter"));
    let mut folders: Vec<_> = folders::jupyter().into_iter().chain(beside).collect();
    folders.dedup();
    let specs = folders
        .iter()
        .map(|folder| folder.join("kernels").join(kernelspec::NAME));
    specs
        .filter(|spec| spec.is_dir())
        .map(|spec| (spec.clone(), kernelspec::program(&spec)))
        .collect()
}

impl Place {
    /// The folder whose `kernels/` Jupyter looks into.
    fn jupyter_folder(&self) -> Result<PathBuf> {
        if let Some(prefix) = &self.prefix {
            return Ok(prefix.join("share/jupyter"));
        }
        if self.sys_prefix {
            let prefix = Python::find().map(|python| python.prefix);
            return prefix.map(|prefix| prefix.join("share/jupyter")).map_err(|_| {
                Fault::file("--sys-prefix: there is no Python on the path whose environment could be meant")
                    .hint("activate the environment, or name its folder with --prefix")
            });
        }
        folders::jupyter()
    }
}

/// Reads `KEY=VALUE`; the value may hold further equals signs.
fn key_and_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err("it must read KEY=VALUE".to_string()),
    }
}
