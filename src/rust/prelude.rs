//! The crate `saddle`, which the cells' code uses: its text, and those of its files that both sides of the border share.

#[path = "prelude/abi.rs"]
pub mod abi;
#[path = "prelude/pack.rs"]
pub mod pack;

/// The crate's own manifest.
pub const MANIFEST: &str =
    "[package]\nname = \"saddle\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";

macro_rules! files {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("prelude/", $name)))),*]
    };
}

/// Its files: name and text.
pub const SOURCE: &[(&str, &str)] = files!(
    "lib.rs",
    "abi.rs",
    "cell.rs",
    "export.rs",
    "link.rs",
    "notebook.rs",
    "pack.rs",
    "tensor.rs",
    "value.rs"
);
