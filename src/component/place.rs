//! Where a component is looked for, what it is built from, and where.

use super::{Component, hash};
use etcetera::BaseStrategy as _;
use rustix::fs::Access;
use saddle_fault::{Fault, Result};
use std::path::{Path, PathBuf};

/// The files that may be the component, the best first: beside this program, where an installation keeps what belongs
/// to it, where earlier builds have left it. Each is there; whether it is of this build is for the caller to ask.
pub fn candidates(component: &Component) -> impl Iterator<Item = PathBuf> {
    candidates_in(own_folder(), cache().ok(), component)
}

fn candidates_in(own: Option<PathBuf>, cache: Option<PathBuf>, component: &Component) -> impl Iterator<Item = PathBuf> {
    let file = component.file();
    let folders = own.map(|own| [own.clone(), own.join("../lib/saddlepoint")]);
    let built = cache.map(|cache| cache.join("release"));
    let folders = folders.into_iter().flatten().chain(built);
    folders.map(move |folder| folder.join(&file)).filter(|path| path.is_file())
}

/// The first of the [`candidates`].
pub fn find(component: &Component) -> Option<PathBuf> {
    candidates(component).next()
}

/// The folder of the running program.
fn own_folder() -> Option<PathBuf> {
    folder_of(&std::env::current_exe().ok()?)
}

/// The folder that a program counts as being in: cargo puts tests and examples one deeper.
fn folder_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    let is_inner = folder.ends_with("release/deps") || folder.ends_with("release/examples");
    let folder = match is_inner {
        true => folder.parent()?,
        false => folder,
    };
    Some(folder.to_path_buf())
}

/// Cargo's target folder to build in: that of the running program, where this can write to it, so that nothing is
/// compiled twice; else one in the user's cache.
///
/// # Errors
/// The user has no home folder.
pub fn target() -> Result<PathBuf> {
    match own_folder().as_deref().and_then(target_of) {
        Some(target) => Ok(target),
        None => cache(),
    }
}

/// The target folder whose programs lie in `folder`.
fn target_of(folder: &Path) -> Option<PathBuf> {
    let target = folder.parent()?;
    let is_target = folder.ends_with("release") && target.join("CACHEDIR.TAG").is_file();
    (is_target && is_writable(folder) && is_writable(target)).then(|| target.to_path_buf())
}

fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// The target folder in the user's cache.
fn cache() -> Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy()
        .map_err(|_| Fault::file("the home folder is not known").hint("set the environment variable HOME"))?;
    Ok(strategy.cache_dir().join("saddlepoint/components"))
}

/// The folder of the sources from which this program was built.
///
/// # Errors
/// It is gone, or holds something else by now.
pub fn sources(component: &Component) -> Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().nth(2).unwrap_or(own);
    unchanged(component, root, super::identity()).map(|()| root.to_path_buf())
}

/// Whether the sources in a folder are those of an identity: what is built from others would not be taken.
fn unchanged(component: &Component, root: &Path, identity: &str) -> Result<()> {
    let (needs, command, place) = (component.needs, component.command(), root.display());
    if !root.join(hash::OWN).join("Cargo.toml").is_file() || !root.join("Cargo.lock").is_file() {
        let (name, file) = (component.name, component.file());
        return Err(Fault::file(format!(
            "{needs} need {name}, which is not built, and the sources of this saddle are not in {place} any more"
        ))
        .hint(format!(
            "get the sources of saddle {}, run `{command}` there, and put `{file}` from `target/release` beside the \
             program `saddle`; or install a package of saddle that brings it",
            env!("CARGO_PKG_VERSION")
        )));
    }
    if hash::identity(env!("CARGO_PKG_VERSION"), root) != identity {
        return Err(Fault::file(format!(
            "{needs} need {}, which is not built, and the sources in {place} have changed since this saddle was built",
            component.name
        ))
        .hint(format!("run `cargo build --release` and `{command}` there, and restart the kernel")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RUST_HOST;
    use crate::tests::Scratch;

    #[test]
    fn the_programs_own_folder_comes_first_and_the_cache_last() {
        let root = Scratch::new();
        let folder = |name: &str| Some(root.path().join(name));
        let found = || candidates_in(folder("bin"), folder("cache"), &RUST_HOST).collect::<Vec<_>>();
        root.write("bin/saddle", "");
        assert_eq!(found(), [] as [PathBuf; 0]);
        let places = [
            root.write("bin/saddle-rust-host", ""),
            root.path().join("bin/../lib/saddlepoint/saddle-rust-host"),
            root.write("cache/release/saddle-rust-host", ""),
        ];
        root.write("lib/saddlepoint/saddle-rust-host", "");
        assert_eq!(found(), places);
        std::fs::remove_file(&places[0]).unwrap();
        assert_eq!(found(), places[1..]);
    }

    #[test]
    fn a_test_counts_as_being_where_the_programs_are() {
        let folder = |program: &str| folder_of(Path::new(program)).unwrap();
        for program in ["/t/release/saddle", "/t/release/deps/x-1f", "/t/release/examples/x"] {
            assert_eq!(folder(program), Path::new("/t/release"), "{program}");
        }
        assert_eq!(folder("/usr/bin/saddle"), Path::new("/usr/bin"));
    }

    #[test]
    fn only_a_target_folder_of_cargo_is_built_in() {
        let root = Scratch::new();
        root.write("release/saddle", "");
        let folder = root.path().join("release");
        assert_eq!(target_of(&folder), None, "any folder may be named so");
        root.write("CACHEDIR.TAG", "");
        assert_eq!(target_of(&folder), Some(root.path().to_path_buf()));
        root.write("bin/saddle", "");
        assert_eq!(target_of(&root.path().join("bin")), None);
    }

    #[test]
    fn sources_that_are_gone_or_others_are_told_with_the_way_out() {
        let root = Scratch::new();
        let check = |identity: &str| unchanged(&RUST_HOST, root.path(), identity);
        let gone = check("any").unwrap_err();
        assert!(gone.message.contains("not in"), "{gone}");
        let hint = gone.hint.unwrap();
        assert!(hint.contains("cargo build --release -p saddle-rust-host"), "{hint}");
        root.write("Cargo.lock", "");
        root.write("src/component/Cargo.toml", "");
        let now = hash::identity(env!("CARGO_PKG_VERSION"), root.path());
        assert_eq!(check(&now), Ok(()));
        root.write("src/rust/lib.rs", "new");
        let changed = check(&now).unwrap_err();
        assert!(changed.message.contains("have changed"), "{changed}");
    }
}
