//! The reference page in the repository is the one that this version prints.

use std::fs;
use std::path::Path;

#[test]
fn the_page_is_that_of_this_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks/REFERENCE.md");
    let page = fs::read_to_string(&path).unwrap_or_default();
    let printed = saddle_cell::reference();
    let difference = page.lines().zip(printed.lines()).find(|(stored, new)| stored != new);
    assert!(
        page == printed,
        "{} is not what the catalog says; first difference (stored, new): {difference:?}\n\
         write it anew: cargo run --release -- reference > notebooks/REFERENCE.md",
        path.display()
    );
}
