//! Where files of ours lie: the user's data and state folders, and the notebooks that come with the sources.

use etcetera::BaseStrategy as _;
use saddle_fault::{Fault, Result};
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
    Ok(strategy
        .state_dir()
        .unwrap_or_else(|| strategy.data_dir())
        .join("saddlepoint"))
}

/// The notebooks of the checkout: that of the current folder, else the one this binary was built from.
pub fn notebooks() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain([built_from])
        .map(|folder| folder.join("notebooks"))
        .find(|folder| folder.join("00_quickstart.ipynb").is_file())
}

fn strategy() -> Result<impl etcetera::BaseStrategy> {
    etcetera::choose_base_strategy().map_err(|_| {
        Fault::file("the home folder is not known").hint("set the environment variable HOME")
    })
}
