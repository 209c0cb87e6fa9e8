//! `saddle lab`: the notebooks in JupyterLab. Uses the active environment's JupyterLab, else a private one.

use super::private::{self, say};
use super::python::Python;
use super::{CommandStatus, folders, notebooks, spec};
use clap::Args;
use saddle_fault::{Fault, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Settings of JupyterLab that hold where the user has not chosen others: no question about news, no looking for
/// updates of a JupyterLab that is ours to update.
const SETTINGS: &str = r#"{
  "@jupyterlab/apputils-extension:notification": { "fetchNews": "false", "checkForUpdates": false }
}
"#;

/// `python -m jupyterlab`, without a grammar of internationalised addresses that its checker of schemas builds at every
/// start where it is there, that no schema of Jupyter's asks for, and that takes 1.5 of a start's 2.6 seconds.
const START: &str = "\
import sys
sys.modules['rfc3987_syntax'] = None
sys.argv[0] = 'jupyter-lab'
from jupyterlab.labapp import main
sys.exit(main())
";

#[derive(Args)]
pub struct Options {
    /// Do not open a browser; the address is printed.
    #[arg(long)]
    no_browser: bool,
    /// The port to serve on (JupyterLab's choice without it).
    #[arg(long)]
    port: Option<u16>,
    /// A folder or notebook of your own, instead of your copy of the notebooks; all others are passed on to JupyterLab.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FOLDER | JUPYTERLAB OPTIONS")]
    extra: Vec<String>,
}

/// What JupyterLab is to show.
#[derive(Debug, PartialEq, Eq)]
struct Opening {
    folder: PathBuf,
    /// The notebook to open, relative to the folder.
    notebook: Option<String>,
}

pub fn lab(options: &Options) -> Result<CommandStatus> {
    if let Some(port) = options.port {
        is_free(port)?;
    }
    let (own, extra) = options.own();
    let opening = match own {
        Some(path) => Opening::of(path)?,
        None => Opening::of_copy()?,
    };
    let python = jupyterlab()?;
    let kernel = spec::install_beside(&python)?;
    let mut command = Command::new(&python.program);
    command.args(["-c", START]);
    command.arg(format!("--ServerApp.root_dir={}", opening.folder.display()));
    if let Some(notebook) = &opening.notebook {
        command.arg(format!("--LabApp.default_url=/lab/tree/{}", in_url(notebook)));
    }
    command.arg(format!("--MultiKernelManager.default_kernel_name={kernel}"));
    if options.no_browser {
        command.arg("--no-browser");
    }
    if let Some(port) = options.port {
        // A port that was asked for is that port or an error, not the next free one.
        command.arg(format!("--ServerApp.port={port}")).arg("--ServerApp.port_retries=0");
    }
    if rustix::process::geteuid().is_root() {
        // Jupyter refuses to serve as root without this; in a container there is no one else to be.
        command.arg("--allow-root");
    }
    command.args(extra);
    use_our_settings(&mut command);
    // From here on this process is JupyterLab, and Ctrl-C is its own.
    let error = command.exec();
    Err(Fault::file(format!("cannot start {}: {error}", python.program.display())))
}

impl Options {
    /// The folder or notebook of the user's own, and what is passed on. As JupyterLab has it, a word without hyphens is
    /// a place.
    fn own(&self) -> (Option<&Path>, &[String]) {
        match self.extra.split_first() {
            Some((first, rest)) if !first.starts_with('-') => (Some(Path::new(first)), rest),
            _ => (None, &self.extra),
        }
    }
}

impl Opening {
    /// A folder, or a file in its folder.
    fn of(path: &Path) -> Result<Self> {
        let cannot = |error| {
            Fault::file(format!("cannot open {}: {error}", path.display()))
                .hint("`saddle lab` without a folder opens your copy of the notebooks")
        };
        let path = path.canonicalize().map_err(cannot)?;
        if path.is_dir() {
            let (folder, notebook) = (path, None);
            return Ok(Self { folder, notebook });
        }
        let folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let name = path.file_name().unwrap_or_default();
        Ok(Self { folder, notebook: Some(name.to_string_lossy().into_owned()) })
    }

    /// The user's copy of the notebooks, made or brought up to date; the current folder where none came with this
    /// program.
    fn of_copy() -> Result<Self> {
        let Some(shipped) = folders::notebooks() else {
            return Self::of(Path::new("."));
        };
        let own = folders::own_notebooks()?;
        let renewal = notebooks::renew(&shipped, &own, env!("CARGO_PKG_VERSION"))?;
        renewal.lines(&own).iter().for_each(|line| say(line));
        Ok(Self { folder: own, notebook: Some(folders::QUICKSTART.to_string()) })
    }
}

/// A file's name as a part of an address.
fn in_url(name: &str) -> String {
    let one = |byte: u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(one).collect()
}

/// A Python that has JupyterLab.
fn jupyterlab() -> Result<Python> {
    let active = Python::find();
    if let Ok(python) = &active
        && python.has_lab()
    {
        return Ok(python.clone());
    }
    let folder = private::folder()?;
    if let Some(python) = private::installed(&folder) {
        return Ok(python);
    }
    let active = active?;
    if let Some(version) = &active.lab {
        let place = active.prefix.display();
        say(&format!(
            "the JupyterLab in {place} is {version}, and 4 or newer is needed: installing a private one beside it"
        ));
    }
    private::install(&active, &folder)
}

/// Whether a port can be had, before anything is installed or started.
fn is_free(port: u16) -> Result<()> {
    // Port 0 is any port that is free.
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::file(format!("port {port} cannot be served on: {error}"))
            .hint("leave out --port for the next free one, or end what serves there")),
    }
}

/// Gives JupyterLab our settings, in a folder of ours: those of the user, and of their JupyterLab, stay as they are.
fn use_our_settings(command: &mut Command) {
    // Where it cannot be written JupyterLab asks its question, and works.
    let Some(folder) = folders::data().ok().map(|data| data.join("jupyter")) else {
        return;
    };
    let file = folder.join("labconfig/default_setting_overrides.json");
    if std::fs::read_to_string(&file).ok().as_deref() != Some(SETTINGS) {
        let _ = std::fs::create_dir_all(folder.join("labconfig"));
        let _ = std::fs::write(&file, SETTINGS);
    }
    let others = std::env::var_os("JUPYTER_CONFIG_PATH").unwrap_or_default();
    let paths = std::env::split_paths(&others).filter(|path| !path.as_os_str().is_empty());
    if let Ok(paths) = std::env::join_paths(paths.chain([folder])) {
        command.env("JUPYTER_CONFIG_PATH", paths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parsed(line: &str) -> (Option<String>, Vec<String>, bool) {
        let options = Line::parse_from(std::iter::once("lab").chain(line.split_whitespace())).options;
        let (own, extra) = options.own();
        let own = own.map(|path| path.display().to_string());
        (own, extra.to_vec(), options.no_browser)
    }

    #[test]
    fn a_folder_may_stand_before_the_options_of_jupyterlab() {
        let extra = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(parsed(""), (None, vec![], false));
        assert_eq!(parsed("--no-browser"), (None, vec![], true));
        assert_eq!(parsed("--no-browser my/gans --A.b=c -d"), (Some("my/gans".into()), extra("--A.b=c -d"), true));
        assert_eq!(parsed("--A.b=c x"), (None, extra("--A.b=c x"), false));
    }

    #[test]
    fn a_folder_is_opened_as_it_is_and_a_notebook_in_its_folder() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
        let opening = |folder: &Path, notebook: Option<&str>| Opening {
            folder: folder.to_path_buf(),
            notebook: notebook.map(String::from),
        };
        assert_eq!(Opening::of(&here).unwrap(), opening(&here, None));
        let notebook = here.join("notebooks").join(folders::QUICKSTART);
        assert_eq!(Opening::of(&notebook).unwrap(), opening(&here.join("notebooks"), Some(folders::QUICKSTART)));
        let fault = Opening::of(Path::new("no/such/folder")).unwrap_err();
        assert!(fault.message.contains("no/such/folder"), "{fault:?}");
    }

    #[test]
    fn a_port_in_use_is_told_by_its_number() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let fault = is_free(port).unwrap_err();
        assert!(fault.message.contains(&port.to_string()), "{fault:?}");
        drop(taken);
        assert!(is_free(port).is_ok());
    }

    /// As Python's `urllib.parse.quote` writes them.
    #[test]
    fn names_are_written_as_addresses_have_them() {
        assert_eq!(in_url("00_quickstart.ipynb"), "00_quickstart.ipynb");
        assert_eq!(in_url("a b%ü.ipynb"), "a%20b%25%C3%BC.ipynb");
    }

    #[test]
    fn the_settings_are_json() {
        let settings: serde_json::Value = serde_json::from_str(SETTINGS).unwrap();
        assert!(settings.is_object());
    }
}
