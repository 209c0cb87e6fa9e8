//! Kernelspecs: the small folder that tells Jupyter how to start the kernel.

use saddlepoint::fault::{Fault, Kind, Result};
use std::path::{Path, PathBuf};

/// The name by which notebooks ask for the kernel.
pub const NAME: &str = "saddle";

/// The name that people choose from a list.
pub const DISPLAY_NAME: &str = "Saddlepoint";

/// What a kernelspec says.
pub struct Spec<'a> {
    /// Letters, digits, `-`, `_` and `.`.
    pub name: &'a str,
    pub display_name: &'a str,
    /// Variables of the kernel's environment.
    pub environment: &'a [(String, String)],
}

/// Writes a kernelspec that starts this program into `kernels/` of a Jupyter folder; the folder it made.
///
/// # Errors
/// A name that Jupyter does not take, or a folder that cannot be written.
pub fn install(spec: &Spec<'_>, jupyter: &Path) -> Result<PathBuf> {
    check_name(spec.name)?;
    let program = std::env::current_exe()
        .map_err(|error| Fault::file(format!("cannot find the program file of saddle: {error}")))?;
    let environment: serde_json::Map<_, _> = spec
        .environment
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    let content = serde_json::json!({
        "argv": [program, "kernel", "-f", "{connection_file}"],
        "display_name": spec.display_name,
        "language": "rhai",
        "interrupt_mode": "message",
        "env": environment,
        "metadata": { "debugger": false },
    });
    let folder = jupyter.join("kernels").join(spec.name);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("kernel.json"), format!("{content:#}\n")))
        .map_err(|error| Fault::file(format!("cannot write {}: {error}", folder.display())))?;
    Ok(folder)
}

/// Removes a kernelspec; the folder it was.
///
/// # Errors
/// There is none of that name, it is not ours, or it cannot be removed.
pub fn uninstall(name: &str, jupyter: &Path) -> Result<PathBuf> {
    check_name(name)?;
    let folder = jupyter.join("kernels").join(name);
    if !folder.join("kernel.json").is_file() {
        return Err(Fault::file(format!("there is no kernel {name} in {}", jupyter.join("kernels").display()))
            .hint("give the --name and the place (--user, --sys-prefix, --prefix) that it was installed with"));
    }
    let program = program(&folder)?;
    if program.file_stem().is_none_or(|stem| stem != "saddle") {
        let program = program.display();
        return Err(Fault::new(
            Kind::Value,
            format!("the kernel {name} starts {program}, which is not saddle"),
        ));
    }
    std::fs::remove_dir_all(&folder)
        .map_err(|error| Fault::file(format!("cannot remove {}: {error}", folder.display())))?;
    Ok(folder)
}

/// The program that an installed kernelspec starts.
///
/// # Errors
/// Its `kernel.json` is missing or damaged.
pub fn program(folder: &Path) -> Result<PathBuf> {
    let damaged = |reason: String| {
        Fault::file(format!(
            "{}: {reason}",
            folder.join("kernel.json").display()
        ))
    };
    let text = std::fs::read_to_string(folder.join("kernel.json"))
        .map_err(|error| damaged(error.to_string()))?;
    let spec: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    spec["argv"][0]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| damaged("it starts no program".into()))
}

/// Jupyter's own rule for the names of kernels.
fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && !name.starts_with('.') && name.chars().all(fits) {
        return Ok(());
    }
    Err(
        Fault::value(format!("\"{name}\" cannot be the name of a kernel"))
            .hint("use letters, digits, - , _ and . ; --display-name takes any text"),
    )
}
