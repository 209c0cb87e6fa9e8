//! Gives the crate its identity: see `hash`.

use std::path::{Path, PathBuf};

#[path = "hash.rs"]
mod hash;

fn main() {
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    // Without `rerun-if-changed`, cargo would take any change in this folder for a reason.
    println!("cargo::rerun-if-changed=build.rs");
    // A published crate lies alone in its folder.
    let root = own.ancestors().nth(2).unwrap_or(Path::new(""));
    let is_checkout = root.join(hash::OWN).canonicalize().ok() == own.canonicalize().ok();
    let identity = match is_checkout {
        true => {
            // A path that is not there would count as changed each time.
            for part in hash::parts(root) {
                println!("cargo::rerun-if-changed={}", part.display());
            }
            hash::identity(&version, root)
        }
        false => version,
    };
    println!("cargo::rustc-env=SADDLE_IDENTITY={identity}");
}
