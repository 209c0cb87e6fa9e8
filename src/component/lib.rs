//! Parts of Saddlepoint that are not in the first build: each is a package of its own, built when it is first needed,
//! or beforehand by hand, or brought by an installation.
//!
//! | file | owns |
//! |---|---|
//! | `place` | where a component is looked for, and where it is built |
//! | `cargo` | building it: cargo as a process that can be watched and ended |
//! | `progress` | what cargo says of how far it is |
//! | `status` | the same with a line for a page |
//! | `failure` | why a build failed, and the way out |
//! | `hash` | the identity: both sides must be of the same sources |
//! | `program` | finding programs such as cargo |
//!
//! What is found need not be of the same build as this program: whoever uses it asks it for its [`identity`] first.

mod cargo;
mod failure;
mod hash;
mod place;
mod program;
mod progress;
mod status;

pub use cargo::build;
pub use place::{candidates, find};
pub use program::{on_path, search_path};
pub use progress::Progress;
pub use status::build_telling;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};

/// A part that is built when it is first needed.
#[derive(Debug)]
pub struct Component {
    /// What it is called in a sentence.
    pub name: &'static str,
    /// The package that it is built from.
    pub package: &'static str,
    /// The program or the shared library, without what its name has before and after on each system.
    pub stem: &'static str,
    /// How it is used.
    pub kind: Kind,
    /// What needs it, as the subject of a sentence in the plural.
    pub needs: &'static str,
    /// How long it takes to build on an ordinary machine.
    pub minutes: &'static str,
}

/// What sort of file a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program that is started.
    Program,
    /// A shared library.
    Library,
}

impl Component {
    /// The name of its file on this system.
    pub fn file(&self) -> String {
        match self.kind {
            Kind::Program => format!("{}{EXE_SUFFIX}", self.stem),
            Kind::Library => format!("{DLL_PREFIX}{}{DLL_SUFFIX}", self.stem),
        }
    }

    /// What builds it by hand, in the folder of the sources.
    pub fn command(&self) -> String {
        format!("cargo build --release -p {}", self.package)
    }
}

/// The program that compiles and runs the cells of Rust code.
pub static RUST_HOST: Component = Component {
    name: "the host of Rust cells",
    package: "saddle-rust-host",
    stem: "saddle-rust-host",
    kind: Kind::Program,
    needs: "cells that start with %%rust",
    minutes: "about 4 minutes",
};

/// Burn with its devices, as a shared library.
pub static BURN: Component = Component {
    name: "Burn with its devices",
    package: "saddle-burn",
    stem: "saddle_burn",
    kind: Kind::Library,
    needs: "devices other than `cpu`",
    minutes: "about 10 minutes",
};

/// What tells whether two builds fit together: the version, and in a checkout a hash of the sources that both sides
/// share.
pub fn identity() -> &'static str {
    env!("SADDLE_IDENTITY")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// A folder that is removed with its value.
    pub struct Scratch(PathBuf);

    impl Scratch {
        pub fn new() -> Self {
            let name = format!("saddle-component-{}", uuid::Uuid::new_v4().simple());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }

        /// Writes a file, and the folders that lead to it.
        pub fn write(&self, file: &str, text: &str) -> PathBuf {
            let path = self.0.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// What the build script has hashed is what lies in the checkout: else a stale component would be taken for a good
    /// one.
    #[test]
    fn the_identity_is_that_of_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let now = hash::identity(env!("CARGO_PKG_VERSION"), root);
        assert_eq!(identity(), now);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn files_are_named_as_cargo_names_them() {
        assert_eq!(RUST_HOST.file(), "saddle-rust-host");
        assert_eq!(BURN.file(), "libsaddle_burn.so");
    }
}
