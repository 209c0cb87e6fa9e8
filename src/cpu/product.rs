//! Matrix products by blocks that fit in the caches, whatever the right operand is made of.
//!
//! The blocking is that of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", 2008): a block
//! of the right operand is packed into the second-level cache, panels of it pass through the first-level cache, and
//! tiles of the result through the registers (see `tile`). A convolution is such a product too, whose right operand
//! is read from the image while it is packed.

use std::cell::RefCell;

use super::Mat;
use super::tile::{Ahead, Left, Tiles, tiles};

mod right;

pub(super) use right::{InParts, Right};

/// Terms of a sum that are added up before the result is touched: a panel of them fits in the first-level cache.
pub(super) const TERMS: usize = 256;
/// Columns of the right operand that are packed at a time: with `TERMS` they take half a megabyte.
const COLUMNS: usize = 512;
/// Rows of the left operand that are packed at a time.
const ROWS: usize = 240;

type Range = std::ops::Range<usize>;

/// Packs a block of columns, panel after panel.
fn pack_panels(b: &impl Right, terms: &Range, columns: &Range, tiles: &Tiles, out: &mut [f32]) {
    let mut out = out;
    for (columns, width) in panels(tiles, columns) {
        let (now, rest) = out.split_at_mut(terms.len() * width);
        b.pack(terms.clone(), columns, width, now);
        out = rest;
    }
}

/// The part of a result that one thread computes.
pub(super) struct Target<'a, F> {
    /// Element (0, 0) of the whole result.
    pub c: *mut f32,
    pub row_stride: usize,
    /// Where a column begins, relative to `c`.
    pub column: F,
    pub rows: Range,
    pub columns: Range,
    /// Whether to add to what is there.
    pub add: bool,
    /// Added to every row; indexed by column.
    pub bias: Option<&'a [f32]>,
}

/// Room for packed operands, which a thread keeps.
struct Room {
    lines: Vec<Line>,
    /// The block of a right operand at its beginning: the operand's identity, its terms and its columns.
    packed: Option<(u64, Range, Range)>,
}

thread_local! {
    static ROOM: RefCell<Room> = const { RefCell::new(Room { lines: Vec::new(), packed: None }) };
}

/// A cache line, which packed operands begin at.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Line(#[allow(dead_code)] [f32; 16]);

impl Line {
    pub const ZEROS: Line = Line([0.0; 16]);

    pub fn numbers(lines: &[Line]) -> &[f32] {
        // SAFETY: a line is sixteen numbers without padding.
        unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), 16 * lines.len()) }
    }

    pub fn numbers_mut(lines: &mut [Line]) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), 16 * lines.len()) }
    }
}

/// Calls `body` with room for `len` numbers, of unspecified values.
pub(super) fn with_room<R>(len: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    with_packed(len, |room, packed| {
        *packed = None;
        body(room)
    })
}

/// [`with_room`], and which block lies at the beginning of the room.
fn with_packed<R>(len: usize, body: impl FnOnce(&mut [f32], &mut Option<(u64, Range, Range)>) -> R) -> R {
    ROOM.with_borrow_mut(|Room { lines, packed }| {
        let wanted = len.div_ceil(16);
        if lines.len() < wanted {
            lines.resize(wanted, Line::ZEROS);
        }
        body(&mut Line::numbers_mut(lines)[..len], packed)
    })
}

/// Computes the target's part of `a · b`, with sums of `count` products.
///
/// # Safety
/// Every element `c + row · row_stride + column(j)` of the target's rows and columns can be written, and read if it is
/// to be added to, and no other thread accesses it meanwhile. `a` has all elements of these rows.
pub(super) unsafe fn product<F: Fn(usize) -> usize>(count: usize, a: Mat, b: &impl Right, target: &Target<F>) {
    if target.rows.is_empty() || target.columns.is_empty() {
        return;
    }
    let tiles = tiles();
    let depth = TERMS.min(count);
    let width = COLUMNS.min(target.columns.len()).next_multiple_of(tiles.lanes);
    // What is contiguous one way or the other is read as it is.
    let packs_a = a.col_stride != 1 && a.row_stride != 1;
    let height = if packs_a { ROWS.min(target.rows.len()) } else { 0 };
    let columns = blocks(&target.columns, COLUMNS, 32);
    let blocks_of_c: Vec<_> = columns.map(|columns| Block::new(target, columns, tiles)).collect();
    let apart = blocks_of_c.iter().map(|block| block.room_stride).max();
    let apart = target.rows.len() * apart.unwrap_or(0);
    with_packed(depth * (width + height) + apart, |room, packed| {
        let (room_b, room) = room.split_at_mut(depth * width);
        let (room_a, room_c) = room.split_at_mut(depth * height);
        for mut block in blocks_of_c {
            block.room = room_c.as_mut_ptr();
            let columns = block.columns.clone();
            // SAFETY: the contract, which the block is part of.
            unsafe { block.begin() };
            for terms in blocks(&(0..count), TERMS, 32) {
                let wanted = b.identity().map(|of| (of, terms.clone(), columns.clone()));
                let mut unpacked = (wanted.is_none() || *packed != wanted).then_some(b);
                if unpacked.is_some() {
                    *packed = None;
                }
                if let Some(b) = unpacked.take_if(|b| !b.is_far()) {
                    pack_panels(b, &terms, &columns, tiles, room_b);
                }
                for rows in blocks(&target.rows, ROWS, 1) {
                    let left = if packs_a {
                        pack_tiles(tiles, a, &rows, &terms, room_a);
                        Packed::Tiles(room_a)
                    } else {
                        Packed::Rows(a, terms.start)
                    };
                    let following = terms.end..(terms.end + terms.len()).min(count);
                    let step = Step { tiles, rows, terms: &terms, following };
                    // SAFETY: as above.
                    unsafe { multiply(&step, left, unpacked.take(), room_b, &block) };
                }
                *packed = wanted;
            }
            // SAFETY: as above.
            unsafe { block.end() };
        }
    });
}

/// Columns of a result, and where they are summed up: in their place if they lie side by side there, else in a room of
/// their own, from which they go to their places when all terms have been added. A last panel that is not whole needs
/// the room, too: its tiles write whole vectors.
struct Block<'a, F> {
    target: &'a Target<'a, F>,
    columns: Range,
    /// So many of them are summed up in their place.
    near: usize,
    /// Where the others lie in the result.
    places: Vec<usize>,
    room: *mut f32,
    /// Numbers in a row of the room.
    room_stride: usize,
}

impl<'a, F: Fn(usize) -> usize> Block<'a, F> {
    fn new(target: &'a Target<'a, F>, columns: Range, tiles: &Tiles) -> Self {
        let place = &target.column;
        let side_by_side = place(columns.end - 1) == place(columns.start) + columns.len() - 1
            && columns.clone().map(place).is_sorted();
        let last = panels(tiles, &columns).last();
        let near = match last {
            _ if !side_by_side => 0,
            Some((last, width)) if last.len() < width => last.start - columns.start,
            _ => columns.len(),
        };
        let far = columns.start + near..columns.end;
        Self {
            target,
            near,
            room: std::ptr::null_mut(),
            room_stride: far.len().next_multiple_of(tiles.lanes),
            places: far.map(place).collect(),
            columns,
        }
    }

    /// Where the tile begins whose first row and column these are, and the distance of its rows.
    fn tile(&self, row: usize, column: usize) -> (*mut f32, usize) {
        let Target { c, row_stride, rows, .. } = self.target;
        match (column - self.columns.start).checked_sub(self.near) {
            Some(column) => {
                let at = (row - rows.start) * self.room_stride + column;
                (self.room.wrapping_add(at), self.room_stride)
            }
            None => {
                let at = row * row_stride + (self.target.column)(column);
                (c.wrapping_add(at), *row_stride)
            }
        }
    }

    /// The rows of the result, each with that of the room.
    fn rows(&self) -> impl Iterator<Item = (*mut f32, *mut f32)> {
        self.target.rows.clone().enumerate().map(|(i, row)| {
            let c = self.target.c.wrapping_add(row * self.target.row_stride);
            (c, self.room.wrapping_add(i * self.room_stride))
        })
    }

    /// Brings what is to be added to into the room.
    ///
    /// # Safety
    /// That of [`product`], and the room is ours.
    unsafe fn begin(&self) {
        if self.target.add {
            // SAFETY: the contract.
            unsafe { self.each_run(|c, room, len| std::ptr::copy_nonoverlapping(c, room, len)) }
        }
    }

    /// Brings the sums from the room to their places.
    ///
    /// # Safety
    /// As [`begin`](Self::begin).
    unsafe fn end(&self) {
        // SAFETY: the contract.
        unsafe { self.each_run(|c, room, len| std::ptr::copy_nonoverlapping(room, c, len)) }
    }

    /// Calls `body(place, room, len)` for the runs that the places consist of, in each row.
    ///
    /// # Safety
    /// As [`begin`](Self::begin).
    unsafe fn each_run(&self, body: impl Fn(*mut f32, *mut f32, usize)) {
        if self.places.is_empty() {
            return;
        }
        let runs = runs(&self.places);
        for (c, room) in self.rows() {
            if 4 * runs.len() > self.places.len() {
                // A call for so few numbers would cost more than they do.
                for (j, &place) in self.places.iter().enumerate() {
                    body(c.wrapping_add(place), room.wrapping_add(j), 1);
                }
                continue;
            }
            for &(j, place, len) in &runs {
                body(c.wrapping_add(place), room.wrapping_add(j), len);
            }
        }
    }
}

/// The runs that places consist of: where each begins, among the places and by itself, and its length.
fn runs(places: &[usize]) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (j, &place) in places.iter().enumerate() {
        match runs.last_mut() {
            Some((_, start, len)) if *start + *len == place => *len += 1,
            _ => runs.push((j, place, 1)),
        }
    }
    runs
}

/// Cuts a range into ranges of at most `size`, as equal as can be in units of `unit`; an empty one into itself, because
/// a sum of no terms is a sum, too.
pub(super) fn blocks(range: &Range, size: usize, unit: usize) -> impl Iterator<Item = Range> + use<> {
    let (start, end) = (range.start, range.end);
    let count = (end - start).div_ceil(size).max(1);
    let step = (end - start).div_ceil(count).next_multiple_of(unit).max(1);
    (start..end.max(start + 1)).step_by(step).map(move |at| at..(at + step).min(end))
}

/// Cuts rows into tiles as equal as can be.
pub(super) fn tile_rows(tiles: &Tiles, rows: &Range) -> impl Iterator<Item = Range> + use<> {
    let (start, len) = (rows.start, rows.len());
    let count = len.div_ceil(tiles.rows());
    (0..count).map(move |i| start + len * i / count..start + len * (i + 1) / count)
}

/// Cuts columns into panels: the columns, and the width in whole vectors.
pub(super) fn panels(tiles: &Tiles, columns: &Range) -> impl Iterator<Item = (Range, usize)> + use<> {
    let (step, lanes, end) = (tiles.columns(), tiles.lanes, columns.end);
    columns.clone().step_by(step).map(move |at| {
        let columns = at..(at + step).min(end);
        let width = columns.len().next_multiple_of(lanes);
        (columns, width)
    })
}

fn pack_tiles(tiles: &Tiles, a: Mat, rows: &Range, terms: &Range, room: &mut [f32]) {
    let mut room = room;
    for rows in tile_rows(tiles, rows) {
        let (now, rest) = room.split_at_mut(terms.len() * rows.len());
        // One column of `a` after the other is one row of its transpose after the other.
        a.transposed().pack(terms.clone(), rows.clone(), rows.len(), now);
        room = rest;
    }
}

/// Rows of a block of the result, and the terms that are added to them.
struct Step<'a> {
    tiles: &'static Tiles,
    rows: Range,
    terms: &'a Range,
    /// The next terms, perhaps none.
    following: Range,
}

/// A block of the left operand.
#[derive(Clone, Copy)]
enum Packed<'a> {
    /// Packed tile by tile.
    Tiles(&'a [f32]),
    /// The matrix itself, whose rows or columns are contiguous, from this term on.
    Rows(Mat<'a>, usize),
}

impl Packed<'_> {
    /// The tile of these rows, which are part of a block that begins at row `first`.
    fn tile(self, first: usize, rows: &Range, terms: usize) -> Left {
        match self {
            Packed::Tiles(packed) => {
                let tile = &packed[(rows.start - first) * terms..(rows.end - first) * terms];
                Left { start: tile.as_ptr(), row_stride: 1, term_stride: rows.len(), terms }
            }
            Packed::Rows(a, term) => {
                let start = a.data[rows.start * a.row_stride + term * a.col_stride..].as_ptr();
                Left { start, row_stride: a.row_stride, term_stride: a.col_stride, terms }
            }
        }
    }
}

/// Multiplies a block of the left operand and panels of the right one, which are packed before if they are not yet: a
/// panel at a time, while it is asked for what the next one needs.
///
/// # Safety
/// That of [`product`], for the step's rows and the block's columns; the operands are packed for them.
unsafe fn multiply<R: Right, F: Fn(usize) -> usize>(
    step: &Step,
    a: Packed,
    unpacked_b: Option<&R>,
    packed_b: &mut [f32],
    block: &Block<F>,
) {
    let Step { tiles, rows, terms, following } = step;
    let target = block.target;
    let first = terms.start == 0;
    let add = target.add || !first;
    let mut rest = packed_b;
    for (columns, width) in panels(tiles, &block.columns) {
        let panel;
        (panel, rest) = rest.split_at_mut(terms.len() * width);
        if let Some(b) = unpacked_b {
            b.pack((*terms).clone(), columns.clone(), width, panel);
        }
        let (next_terms, next) = match columns.end < block.columns.end {
            true => (*terms, columns.end),
            false => (following, block.columns.start),
        };
        let next = next..(next + tiles.columns()).min(block.columns.end);
        // A panel that is not whole is the last one, and of its bias no whole vectors are there.
        let mut padded = [0.0; 32];
        let bias = target.bias.filter(|_| first).map(|bias| {
            padded[..columns.len()].copy_from_slice(&bias[columns.clone()]);
            padded.as_ptr()
        });
        let (vectors, count) = (width / tiles.lanes, rows.len().div_ceil(tiles.rows()));
        for (i, rows) in tile_rows(tiles, rows).enumerate() {
            let ahead;
            let (tile, ahead) = match unpacked_b {
                Some(b) if !next_terms.is_empty() => {
                    ahead = b.ahead(next_terms, &next, i, count);
                    (tiles.asking(rows.len(), vectors), &ahead)
                }
                _ => (tiles.tile(rows.len(), vectors), &Ahead::NOTHING),
            };
            let left = a.tile(step.rows.start, &rows, terms.len());
            // SAFETY: the operands have the elements; the tile lies in the block.
            unsafe {
                let (c, stride) = block.tile(rows.start, columns.start);
                let bias = bias.unwrap_or(std::ptr::null());
                tile(left, panel.as_ptr(), c, stride, bias, add, ahead);
            }
        }
    }
}
