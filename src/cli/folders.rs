//! Where files of ours lie: the user's data and state folders, the notebooks that come with this program, and the
//! user's copy.

use etcetera::BaseStrategy as _;
use saddle_fault::{Fault, Result};
use std::io;
use std::path::{Path, PathBuf};

/// The folder for data of ours that lasts: the private JupyterLab, downloaded data sets (`~/.local/share/saddlepoint`).
///
/// # Errors
/// The user has no home folder.
pub fn data() -> Result<PathBuf> {
    Ok(strategy()?.data_dir().join("saddlepoint"))
}

/// The folder for the histories of the prompt and of the kernel (`~/.local/state/saddlepoint`).
///
/// # Errors
/// The user has no home folder.
pub fn state() -> Result<PathBuf> {
    let strategy = strategy()?;
    Ok(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("saddlepoint"))
}

/// Why something could not be written, in plain words.
pub fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".into(),
        io::ErrorKind::ReadOnlyFilesystem => "what lies there can only be read".into(),
        io::ErrorKind::PermissionDenied => "no permission to write there".into(),
        _ => error.to_string(),
    }
}

/// The notebook that a newcomer begins with.
pub const QUICKSTART: &str = "00_quickstart.ipynb";

/// The notebooks that came with this program: those of its package, else of the checkout that the current folder is in,
/// else of the one it was built from.
pub fn notebooks() -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let package = program.and_then(|program| Some(program.parent()?.join("../share/saddlepoint")));
    let here = std::env::current_dir().unwrap_or_default();
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .iter()
        .map(PathBuf::as_path)
        .chain(here.ancestors())
        .chain([built_from])
        .map(|folder| folder.join("notebooks"))
        .find(|folder| folder.join(QUICKSTART).is_file())
}

/// Where the user's own copy of the notebooks is: in plain sight, for it is theirs.
///
/// # Errors
/// The user has no home folder.
pub fn own_notebooks() -> Result<PathBuf> {
    Ok(strategy()?.home_dir().join("saddlepoint-notebooks"))
}

fn strategy() -> Result<impl etcetera::BaseStrategy> {
    etcetera::choose_base_strategy()
        .map_err(|_| Fault::file("the home folder is not known").hint("set the environment variable HOME"))
}
