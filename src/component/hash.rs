//! The identity of a build: the version, and a hash of the sources on which `saddle` and its components must agree.
//!
//! This file is compiled twice: into the build script, which gives the identity to the crate, and into the crate, which
//! looks whether the sources are still those of that time.

use std::path::{Path, PathBuf};

/// This crate's folder in a checkout.
pub const OWN: &str = "src/component";

/// What both sides are made of: the versions of other people's crates, and the rooms whose code is in both or which
/// speak to each other.
const SHARED: [&str; 6] = ["Cargo.lock", OWN, "src/worker", "src/rust", "src/backend", "src/burn"];

/// Those parts that a checkout has.
pub fn parts(root: &Path) -> impl Iterator<Item = PathBuf> {
    let all = SHARED.into_iter().map(|part| root.join(part));
    all.filter(|part| part.exists())
}

/// The identity of what is built from a checkout now.
pub fn identity(version: &str, root: &Path) -> String {
    let mut files = Vec::new();
    parts(root).for_each(|part| collect(&part, &mut files));
    // A folder is read in any order.
    files.sort();
    let mut hash = Fnv::new();
    for file in files {
        let text = std::fs::read(&file).unwrap_or_default();
        let name = file.strip_prefix(root).unwrap_or(&file);
        hash.write(name.to_string_lossy().as_bytes());
        // So that no text can move from one file into the next unseen.
        hash.write(&(text.len() as u64).to_le_bytes());
        hash.write(&text);
    }
    format!("{version}+{:016x}", hash.0)
}

/// The files of Rust's tools in a folder and the folders in it, or the file itself.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        let is_source = path.extension().is_some_and(|kind| kind == "rs" || kind == "toml" || kind == "lock");
        files.extend(is_source.then(|| path.to_path_buf()));
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), files);
    }
}

/// The hash FNV-1a of 64 bits. It need not withstand anyone.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Scratch;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The test vectors of its authors.
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut fnv = Fnv::new();
            fnv.write(text.as_bytes());
            assert_eq!(fnv.0, hash, "{text}");
        }
    }

    #[test]
    fn the_identity_changes_with_the_sources_and_with_nothing_else() {
        let root = Scratch::new();
        root.write("Cargo.lock", "locked");
        root.write("src/rust/a.rs", "ab");
        root.write("src/rust/host/b.rs", "c");
        let first = identity("1.2.3", root.path());
        assert!(first.starts_with("1.2.3+"), "{first}");
        root.write("src/rust/a.rs~", "a copy of some editor");
        root.write("src/other/a.rs", "a room that is on one side only");
        assert_eq!(identity("1.2.3", root.path()), first);
        root.write("src/rust/a.rs", "a");
        root.write("src/rust/host/b.rs", "bc");
        let moved = identity("1.2.3", root.path());
        assert_ne!(moved, first, "text has moved from file to file");
        root.write("Cargo.lock", "locked anew");
        assert_ne!(identity("1.2.3", root.path()), moved);
    }
}
