//! Parquet files with encoded pictures, as the usual hubs store data sets: a column of PNGs or JPEGs (`image.bytes`),
//! and one of labels. Read by hand, since so little of the format is needed: pages packed by Snappy, gzip or not at
//! all, values plain or from a dictionary (Apache Parquet's `README.md`, `Encodings.md`, `parquet.thrift`).
//!
//! | file | owns |
//! |---|---|
//! | `mod` | a file: its columns, where each picture lies, its labels |
//! | `page` | pages, unpacked |
//! | `thrift` | the encoding of headers |
//! | `snappy` | its compression |

mod page;
mod snappy;
mod thrift;

use super::files::{self, describe};
use page::{Codec, Head, Page, PageKind, Physical};
use saddle_fault::{Fault, Result};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use thrift::Struct;

const MAGIC: &[u8; 4] = b"PAR1";
/// The most bytes of a footer, and of the header of a page.
const MOST_FOOTER: usize = 256 << 20;
const MOST_HEADER: usize = 16 << 20;
/// Groups of columns within each other: far above what tables have.
const DEEPEST: usize = 32;
/// A file has as many rows at most as it has bytes, and these: pictures that are the same, or missing, take none of their own.
const FREE_ROWS: u64 = 1 << 16;
/// Columns that an error names.
const NAMED: usize = 12;
/// Unpacked pages that are kept: neighbours are read together.
const KEPT: usize = 4;

/// A file whose pictures are read one by one.
#[derive(Debug)]
pub struct Parquet {
    path: PathBuf,
    file: File,
    /// Its bytes.
    size: u64,
    /// The pages of the column of pictures in order, each with the row that it begins with.
    pages: Vec<PageLocation>,
    rows: usize,
    codec_of: Vec<Chunk>,
    kept: Mutex<Vec<(u64, Arc<Page>)>>,
}

/// A column's part in a group of rows.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    codec: Codec,
    physical: Physical,
    most_level: u32,
    dictionary: Option<u64>,
}

#[derive(Debug)]
struct PageLocation {
    first_row: usize,
    offset: u64,
    chunk: usize,
}

/// What a file holds beside its pictures.
pub struct Labels {
    /// One for each row.
    pub each: Vec<Label>,
    /// What they mean, where the file says so.
    pub names: Option<Vec<String>>,
}

/// A label as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    Number(i64),
    Text(Arc<str>),
}

/// A column that holds values: its path, type and levels.
struct Leaf {
    path: Vec<Rc<str>>,
    physical: Option<Physical>,
    most_level: u32,
    is_list: bool,
}

/// Which columns are meant; without names, the first that fit.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The one with the pictures.
    pub image: Option<String>,
    /// The one with the labels.
    pub label: Option<String>,
}

/// Opens a file: where its pictures lie, and its labels if it has any.
///
/// # Errors
/// No Parquet file, damaged, encrypted or packed by what cannot be read; no column of pictures; a column that is not
/// there.
pub fn open(path: &Path, columns: &Columns) -> Result<(Parquet, Option<Labels>)> {
    let file = files::open(path)?;
    let size = file.metadata().map_err(|e| describe(path, "read", &e))?.len();
    let footer = footer(path, &file, size)?;
    let leaves = leaves(&footer).ok_or_else(|| {
        Fault::file(format!("{}: its columns lie deeper within each other than {DEEPEST} levels", path.display()))
    })?;
    let image = image_column(path, &leaves, columns)?;
    let label = label_column(path, &leaves, columns)?;
    let mut parquet =
        Parquet { path: path.into(), file, size, pages: vec![], rows: 0, codec_of: vec![], kept: Mutex::default() };
    let mut each = Vec::new();
    // Bytes of the pages of both columns: groups that lie on each other would make many rows of few bytes.
    let mut taken = [0, 0];
    for group in footer.structs(4) {
        parquet.add_group(group, image, &leaves[image], &mut taken[0])?;
        if let Some(label) = label {
            parquet.read_labels(group, label, &leaves[label], &mut taken[1], &mut each)?;
        }
    }
    if parquet.rows == 0 {
        return Err(Fault::file(format!("{}: it has no rows", path.display())));
    }
    let Some(label) = label else { return Ok((parquet, None)) };
    if each.len() != parquet.rows {
        return Err(parquet.damaged("its columns have different lengths"));
    }
    let names = names(&footer, &leaves[label].path[0]);
    Ok((parquet, Some(Labels { each, names })))
}

fn footer(path: &Path, file: &File, size: u64) -> Result<Struct> {
    let told = |e| describe(path, "read", &e);
    let damaged = |what: &str| Fault::file(format!("{}: is not a whole Parquet file: {what}", path.display()));
    let mut end = [0; 8];
    if size < 12 {
        return Err(damaged("it is too short"));
    }
    file.read_exact_at(&mut end, size - 8).map_err(told)?;
    if &end[4..] == b"PARE" {
        return Err(damaged("it is encrypted"));
    }
    if &end[4..] != MAGIC {
        return Err(damaged("its end is missing"));
    }
    let length = u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize;
    if length > MOST_FOOTER || length as u64 > size - 12 {
        return Err(damaged("its list of columns is cut off"));
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, size - 8 - length as u64).map_err(told)?;
    thrift::read(&bytes).map(|(footer, _)| footer).ok_or_else(|| damaged("its list of columns is damaged"))
}

/// The columns in the order of their parts in a group of rows; `None` where they lie too deep.
fn leaves(footer: &Struct) -> Option<Vec<Leaf>> {
    let elements: Vec<&Struct> = footer.structs(2).collect();
    let mut leaves = Vec::new();
    // Of each group that is open: how many elements are left in it, its name, its level, whether it repeats.
    let mut open: Vec<(usize, Rc<str>, u32, bool)> = Vec::new();
    for element in elements.iter().skip(1) {
        while open.last().is_some_and(|(left, ..)| *left == 0) {
            open.pop();
        }
        let (level, list) = open.last().map_or((0, false), |(_, _, level, list)| (*level, *list));
        if let Some((left, ..)) = open.last_mut() {
            *left -= 1;
        }
        let repetition = element.int(3).unwrap_or(0);
        let (level, list) = (level + u32::from(repetition != 0), list || repetition == 2);
        let name: Rc<str> = element.text(4).unwrap_or_default().into();
        if let Some(children) = element.size(5).filter(|n| *n > 0) {
            if open.len() >= DEEPEST {
                return None;
            }
            open.push((children, name, level, list));
            continue;
        }
        let physical = match element.int(1) {
            Some(1) => Some(Physical::Int32),
            Some(2) => Some(Physical::Int64),
            Some(6) => Some(Physical::Bytes),
            _ => None,
        };
        let path = open.iter().map(|(_, name, ..)| name.clone()).chain([name]).collect();
        leaves.push(Leaf { path, physical, most_level: level, is_list: list });
    }
    Some(leaves)
}

fn column_names(leaves: &[Leaf]) -> String {
    let short = |name: &Rc<str>| name.chars().take(64).collect::<String>();
    let name = |leaf: &Leaf| format!("`{}`", leaf.path.iter().map(short).collect::<Vec<_>>().join("."));
    let names: Vec<String> = leaves.iter().take(NAMED).map(name).collect();
    match (names.is_empty(), leaves.len() - names.len()) {
        (true, _) => "it has no columns".into(),
        (false, 0) => format!("its columns are {}", names.join(", ")),
        (false, more) => format!("its columns are {} and {more} more", names.join(", ")),
    }
}

/// A column by its name, or by that of the struct around it.
fn named(leaf: &Leaf, name: &str) -> bool {
    let length = leaf.path.iter().map(|part| part.len() + 1).sum::<usize>();
    *leaf.path[0] == *name || length == name.len() + 1 && leaf.path.join(".") == name
}

/// Hubs store a picture as a struct of `bytes` and `path`; a plain column of bytes counts where it is called as
/// pictures are.
fn image_column(path: &Path, leaves: &[Leaf], columns: &Columns) -> Result<usize> {
    let holds = |leaf: &Leaf| leaf.physical == Some(Physical::Bytes) && !leaf.is_list;
    let is_bytes = |leaf: &Leaf| leaf.path.len() == 1 || leaf.path.last().is_some_and(|last| &**last == "bytes");
    let found = match &columns.image {
        Some(name) => leaves.iter().position(|leaf| named(leaf, name) && holds(leaf) && is_bytes(leaf)),
        None => {
            const USUAL: [&str; 5] = ["image", "img", "images", "picture", "jpg"];
            let in_struct = |leaf: &Leaf| leaf.path.len() > 1 && is_bytes(leaf);
            let usual = |leaf: &Leaf| leaf.path.len() == 1 && USUAL.contains(&&*leaf.path[0]);
            leaves.iter().position(|leaf| holds(leaf) && (in_struct(leaf) || usual(leaf)))
        }
    };
    found.ok_or_else(|| {
        let wanted = columns.image.as_ref().map_or_else(String::new, |name| format!(" in `{name}`"));
        Fault::file(format!("{}: there are no pictures{wanted}: {}", path.display(), column_names(leaves)))
            .hint("a column of PNGs or JPEGs as bytes is what is looked for; #{ image: \"name\" } says which")
    })
}

fn label_column(path: &Path, leaves: &[Leaf], columns: &Columns) -> Result<Option<usize>> {
    let holds = |leaf: &Leaf| leaf.physical.is_some() && !leaf.is_list && leaf.path.len() == 1;
    let position = |name: &str| leaves.iter().position(|leaf| &*leaf.path[0] == name && holds(leaf));
    match &columns.label {
        Some(name) => position(name).map(Some).ok_or_else(|| {
            Fault::file(format!("{}: there are no labels in `{name}`: {}", path.display(), column_names(leaves)))
                .hint("labels are whole numbers or texts")
        }),
        None => Ok(["label", "labels", "class", "target", "fine_label"].into_iter().find_map(position)),
    }
}

/// The classes' names, as the library `datasets` of Hugging Face notes them in a file's metadata.
fn names(footer: &Struct, column: &str) -> Option<Vec<String>> {
    let pairs = footer.structs(5);
    let text = pairs.filter(|pair| pair.text(1).as_deref() == Some("huggingface")).find_map(|pair| pair.text(2))?;
    let known: serde_json::Value = serde_json::from_str(&text).ok()?;
    let names = known.pointer("/info/features")?.get(column)?.get("names")?.as_array()?;
    names.iter().map(|name| Some(name.as_str()?.to_string())).collect()
}

impl Parquet {
    fn damaged(&self, what: &str) -> Fault {
        Fault::file(format!("{}: the file is damaged: {what}", self.path.display()))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The picture in a row, as a file of its own would hold it.
    ///
    /// # Errors
    /// A row without one, a damaged page.
    pub fn picture(&self, row: usize) -> Result<Vec<u8>> {
        let at = self.pages.partition_point(|page| page.first_row <= row).saturating_sub(1);
        let place = self.pages.get(at).ok_or_else(|| self.damaged("a row that is not there"))?;
        let (page, dictionary) = self.page(place)?;
        let span = page.values.get(row - place.first_row).cloned().flatten();
        let span = span.ok_or_else(|| Fault::file(format!("{}: row {row} has no picture", self.path.display())))?;
        let holder = if page.in_dictionary { dictionary.as_ref() } else { Some(&page) };
        let bytes =
            holder.and_then(|page| page.bytes.get(span)).ok_or_else(|| self.damaged("a value beyond its page"))?;
        Ok(bytes.to_vec())
    }

    /// A page and its dictionary, unpacked.
    fn page(&self, place: &PageLocation) -> Result<(Arc<Page>, Option<Arc<Page>>)> {
        let chunk = self.codec_of[place.chunk];
        let dictionary = chunk.dictionary.map(|offset| self.unpacked(offset, chunk, None)).transpose()?;
        Ok((self.unpacked(place.offset, chunk, dictionary.as_deref())?, dictionary))
    }

    fn unpacked(&self, offset: u64, chunk: Chunk, dictionary: Option<&Page>) -> Result<Arc<Page>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = kept().iter().find(|(at, _)| *at == offset) {
            return Ok(page.clone());
        }
        let (head, start) = self.head(offset)?;
        let packed = self.bytes(start, head.packed)?;
        let of = (chunk.physical, chunk.most_level);
        let page = page::read(&head, &packed, chunk.codec, of, dictionary, self.most_rows());
        let page = Arc::new(
            page.ok_or_else(|| self.damaged("a page that cannot be unpacked, or an encoding that is not known"))?,
        );
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((offset, page.clone()));
        Ok(page)
    }

    /// The rows that there may be, whatever the file claims.
    fn most_rows(&self) -> usize {
        usize::try_from(self.size.saturating_add(FREE_ROWS)).unwrap_or(usize::MAX)
    }

    fn bytes(&self, at: u64, length: usize) -> Result<Vec<u8>> {
        if at.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(self.damaged("a page beyond its end"));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).map_err(|e| describe(&self.path, "read", &e))?;
        Ok(bytes)
    }

    /// The header of the page at `offset`, and where its content begins. Headers tell no length: one that is cut off is
    /// read again.
    fn head(&self, offset: u64) -> Result<(Head, u64)> {
        let mut length = 512usize;
        loop {
            let left = self.size.saturating_sub(offset);
            let bytes = self.bytes(offset, length.min(left as usize))?;
            if let Some((head, taken)) = thrift::read(&bytes) {
                let head = Head::of(&head).ok_or_else(|| self.damaged("the header of a page"))?;
                return Ok((head, offset + taken as u64));
            }
            if length as u64 >= left || length >= MOST_HEADER {
                return Err(self.damaged("the header of a page"));
            }
            length *= 8;
        }
    }

    /// The chunk of a column in a group of rows, and where its first page stands.
    fn chunk(&self, group: &Struct, column: usize, leaf: &Leaf) -> Result<(Chunk, u64, usize)> {
        let about = group.structs(1).nth(column).and_then(|chunk| chunk.inner(3));
        let about = about.ok_or_else(|| self.damaged("a column without its place, or in another file"))?;
        let codec = Codec::of(about.int(4).unwrap_or(-1)).map_err(|name| {
            Fault::file(format!("{}: it is packed by {name}, which cannot be read", self.path.display()))
                .hint("write it with compression=\"snappy\", \"gzip\" or none: pyarrow.parquet.write_table(table, path, compression=\"snappy\")")
        })?;
        let physical = leaf.physical.ok_or_else(|| self.damaged("a column of another type"))?;
        let first = about.size(9).ok_or_else(|| self.damaged("a column without pages"))? as u64;
        let dictionary = about.size(11).map(|offset| offset as u64).filter(|offset| *offset > 0);
        let values = about.size(5).unwrap_or(0);
        Ok((Chunk { codec, physical, most_level: leaf.most_level, dictionary }, first, values))
    }

    /// Each page of a chunk of which there may be `most` values: where it stands, the values before it. The bytes of the pages are added to
    /// `taken`.
    fn walk(
        &self,
        (first, values): (u64, usize),
        most: usize,
        taken: &mut u64,
        mut visit: impl FnMut(u64, usize) -> Result<()>,
    ) -> Result<usize> {
        if values > most {
            return Err(self.damaged("its columns claim more rows than they can have"));
        }
        let (mut at, mut seen) = (first, 0usize);
        while seen < values {
            let (head, start) = self.head(at)?;
            *taken = taken.saturating_add(start - at).saturating_add(head.packed as u64);
            if *taken > self.size {
                return Err(self.damaged("its pages lie on each other"));
            }
            if head.kind == PageKind::Data {
                if head.values == 0 || head.values > values - seen {
                    return Err(self.damaged("a page with more values than its column"));
                }
                visit(at, seen)?;
                seen += head.values;
            }
            at = start.checked_add(head.packed as u64).ok_or_else(|| self.damaged("the size of a page"))?;
        }
        Ok(seen)
    }

    fn add_group(&mut self, group: &Struct, column: usize, leaf: &Leaf, taken: &mut u64) -> Result<()> {
        let (chunk, first, values) = self.chunk(group, column, leaf)?;
        let (index, before) = (self.codec_of.len(), self.rows);
        let mut places = Vec::new();
        let most = self.most_rows() - before;
        let seen = self.walk((first, values), most, taken, |offset, seen| {
            places.push(PageLocation { first_row: before + seen, offset, chunk: index });
            Ok(())
        })?;
        self.codec_of.push(chunk);
        self.pages.extend(places);
        self.rows += seen;
        Ok(())
    }

    fn read_labels(
        &self,
        group: &Struct,
        column: usize,
        leaf: &Leaf,
        taken: &mut u64,
        each: &mut Vec<Label>,
    ) -> Result<()> {
        let (chunk, first, values) = self.chunk(group, column, leaf)?;
        let dictionary = chunk.dictionary.map(|offset| self.unpacked(offset, chunk, None)).transpose()?;
        // As often as a value of the dictionary is named, it is kept once.
        let mut known: HashMap<usize, Label> = HashMap::new();
        let most = self.rows.saturating_sub(each.len());
        self.walk((first, values), most, taken, |offset, _| {
            let page = self.unpacked(offset, chunk, dictionary.as_deref())?;
            let holder = if page.in_dictionary { dictionary.as_deref() } else { Some(&*page) };
            for span in &page.values {
                let start = span.as_ref().map(|span| span.start).filter(|_| page.in_dictionary);
                if let Some(label) = start.and_then(|start| known.get(&start)) {
                    each.push(label.clone());
                    continue;
                }
                let bytes = span.clone().and_then(|span| holder?.bytes.get(span));
                let bytes = bytes
                    .ok_or_else(|| Fault::file(format!("{}: row {} has no label", self.path.display(), each.len())))?;
                let number = || match chunk.physical {
                    Physical::Int32 => Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?))),
                    _ => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
                };
                let label = match chunk.physical {
                    Physical::Bytes => Label::Text(String::from_utf8_lossy(bytes).into()),
                    _ => Label::Number(number().ok_or_else(|| self.damaged("a label"))?),
                };
                if let Some(start) = start {
                    known.insert(start, label.clone());
                }
                each.push(label);
            }
            Ok(())
        })?;
        Ok(())
    }
}
