//! `saddle kernel`, `saddle install`, `saddle uninstall`: what Jupyter needs of us.

use super::python::Python;
use super::{CommandStatus, folders, print_all, session};
use clap::Args;
use saddle_fault::Result;
use saddle_serve::kernelspec::{self, InstallLocation, Spec};
use std::path::PathBuf;

#[derive(Args)]
pub struct KernelOptions {
    /// The connection file that Jupyter wrote.
    #[arg(short = 'f', long = "connection-file", value_name = "FILE")]
    connection: PathBuf,
}

/// Where a kernelspec lies; for this user without any option.
#[derive(Args)]
#[group(multiple = false)]
struct Where {
    /// For this user (the default).
    #[arg(long)]
    user: bool,
    /// In the active Python environment (VIRTUAL_ENV, CONDA_PREFIX, else that of python3).
    #[arg(long)]
    sys_prefix: bool,
    /// Under this folder, in share/jupyter/kernels.
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
}

#[derive(Args)]
pub struct Install {
    #[command(flatten)]
    place: Where,
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
    place: Where,
    /// The name under which it was installed.
    #[arg(long, default_value = kernelspec::NAME)]
    name: String,
}

pub fn kernel(options: &KernelOptions) -> Result<CommandStatus> {
    let history = history_file();
    let notebook = session::open()?;
    saddle_serve::run(&options.connection, notebook.clone(), history.as_deref())?;
    notebook.end();
    // A cell that cannot be stopped may still run, and must not keep the process alive.
    std::process::exit(0)
}

/// Where the cells of all sessions are kept: nowhere with SADDLE_HISTORY=off.
fn history_file() -> Option<PathBuf> {
    if std::env::var_os("SADDLE_HISTORY").is_some_and(|wish| wish == "off") {
        return None;
    }
    Some(folders::state().ok()?.join("kernel-history.jsonl"))
}

pub fn install(options: &Install) -> Result<CommandStatus> {
    let spec = Spec {
        name: options.name.clone(),
        display_name: options.display_name.clone(),
        env: options.environment.clone(),
        ..Spec::new()?
    };
    let folder = spec.install(&options.place.chosen())?;
    print_all(&format!("installed in {}\n", folder.display()));
    Ok(CommandStatus::Done)
}

pub fn uninstall(options: &Uninstall) -> Result<CommandStatus> {
    let folder = kernelspec::uninstall(&options.name, &options.place.chosen())?;
    print_all(&format!("removed {}\n", folder.display()));
    Ok(CommandStatus::Done)
}

/// Installs the kernelspec where that Python's JupyterLab finds it; its name.
///
/// # Errors
/// It can be written neither there nor into the user's own folder.
pub fn install_beside(python: &Python) -> Result<String> {
    let spec = Spec::new()?;
    let place = InstallLocation::Prefix(python.prefix.clone());
    // What pip has put there is pip's to keep.
    if !spec.is_installed(&place) {
        // A Python of the system's cannot be written to; the user's own folder serves every Jupyter.
        spec.install(&place).or_else(|_| spec.install(&InstallLocation::User))?;
    }
    Ok(spec.name)
}

impl Where {
    fn chosen(&self) -> InstallLocation {
        match &self.prefix {
            Some(prefix) => InstallLocation::Prefix(prefix.clone()),
            None if self.sys_prefix => InstallLocation::SysPrefix,
            None => InstallLocation::User,
        }
    }
}

/// Reads `KEY=VALUE`; the value may hold further equals signs.
fn key_and_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err("it must read KEY=VALUE".to_string()),
    }
}
