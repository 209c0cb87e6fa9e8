//! How many threads the kernels use, and how work is divided among them.
//!
//! Work goes to the workers of `pool`. Rayon's global pool, which the products in double precision use, is given the same
//! size; the two do not work at the same time, because one thread calls both.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pool::share;

/// Lengths at which slices are cut are multiples of this, so that only a slice's end needs special treatment.
pub(super) const BLOCK: usize = 64;

/// The limit set by [`set_threads`]; zero where it was not called.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// The number of threads that large operations are divided among: the machine's physical cores that this process may
/// use, unless the environment variable `SADDLE_THREADS` or [`set_threads`] says otherwise.
pub fn threads() -> usize {
    match LIMIT.load(Ordering::Relaxed) {
        0 => pool_size(),
        limit => limit,
    }
}

/// Changes the number of threads from now on. Zero restores the default. More than the machine has cores is of no use.
pub fn set_threads(count: usize) {
    LIMIT.store(count, Ordering::Relaxed);
}

/// Sets up rayon's global pool at the first call.
fn pool_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let asked = std::env::var("SADDLE_THREADS").ok().and_then(|text| text.trim().parse().ok());
        let size = asked.filter(|&count| count > 0).unwrap_or_else(physical_cores);
        // Fails where someone has built the pool already; then theirs serves.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(size)
            .thread_name(|index| format!("saddle-cpu-{index}"))
            .build_global();
        size
    })
}

/// Cores that this process may use. More threads than these only take turns; work is divided for them all the same.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Physical cores that this process may use. Two hyper-threads of a core share its arithmetic units, so the second
/// gains nothing here.
fn physical_cores() -> usize {
    let logical = cores();
    let siblings: std::collections::HashSet<String> = (0..)
        .map(|cpu| format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"))
        .map_while(|path| std::fs::read_to_string(path).ok())
        .collect();
    if siblings.is_empty() { logical } else { logical.min(siblings.len()) }
}

/// Calls `body(0)`, …, `body(tasks - 1)`, in any order, on the calling thread and as many workers as are worthwhile.
/// Returns when all are done. A panic in `body` is passed on.
pub(super) fn run(tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    share(tasks, threads().min(tasks).min(cores()).saturating_sub(1), body);
}

/// Into how many parts work is divided that takes `grains` times as long as one thread needs to be worth waking.
///
/// More than one for each thread: what the machine does besides, and a thread that begins late, are evened out by the
/// others, which take its last parts. Each part costs a little, though, so that four a thread pay only where they are
/// long: with four everywhere, steps of small networks took a twentieth longer on two threads than with two.
pub(super) fn divided(grains: usize) -> usize {
    match threads() {
        threads if threads > 1 && grains >= 2 => {
            let for_each = if grains < 16 * threads { 2 } else { 4 };
            grains.min(for_each * threads)
        }
        _ => 1,
    }
}

/// Into how many parts a loop of `len` elements is divided, if one thread needs at least `grain` of them to be worth
/// waking.
pub(super) fn parts(len: usize, grain: usize) -> usize {
    divided(len / grain)
}

/// The `index`-th of `parts` ranges that divide `0..len` at multiples of [`BLOCK`].
pub(super) fn part(len: usize, parts: usize, index: usize) -> Range<usize> {
    let blocks = len.div_ceil(BLOCK);
    let cut = |i: usize| (blocks * i / parts * BLOCK).min(len);
    cut(index)..cut(index + 1)
}

/// A slice that several threads write to, each in ranges of its own.
#[derive(Clone, Copy)]
pub(super) struct Shared<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: access goes only through `range`, whose contract keeps threads apart.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub fn new(slice: &mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len() }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The first element; to be used as the contract of [`range`](Self::range) asks.
    pub fn start(&self) -> *mut T {
        self.start
    }

    /// The elements of `range`.
    ///
    /// # Safety
    /// The slice given to `new` is still borrowed, and no two live results of `range` overlap.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn range(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: inside the slice by the assertion, and ours alone by the contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// Divides `dst` at multiples of [`BLOCK`] and calls `body(range, the part of dst)` for each part.
pub(super) fn over_parts<T: Send>(dst: &mut [T], grain: usize, body: impl Fn(Range<usize>, &mut [T]) + Sync) {
    let len = dst.len();
    let parts = parts(len, grain);
    if parts <= 1 {
        return body(0..len, dst);
    }
    let shared = Shared::new(dst);
    run(parts, &|index| {
        let range = part(len, parts, index);
        // SAFETY: the ranges of different parts do not overlap.
        body(range.clone(), unsafe { shared.range(range) });
    });
}

/// Calls `body(row, that row of dst)` for every row of `width` elements; rows are divided among threads if together
/// they are at least twice `grain` units of work, of which each row has `cost`.
pub(super) fn over_rows<T: Send>(
    dst: &mut [T],
    width: usize,
    cost: usize,
    grain: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    over_bands(dst, width, cost, grain, |rows, band| {
        rows.zip(band.chunks_exact_mut(width)).for_each(|(row, chunk)| body(row, chunk));
    });
}

/// [`over_rows`], for rows so short that a call for each would cost more than they do: `body` gets many at a time.
pub(super) fn over_bands<T: Send>(
    dst: &mut [T],
    width: usize,
    cost: usize,
    grain: usize,
    body: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    if width == 0 {
        return;
    }
    let rows = dst.len() / width;
    let parts = parts(rows * cost.max(1), grain).min(rows);
    if parts <= 1 {
        return body(0..rows, dst);
    }
    let shared = Shared::new(dst);
    run(parts, &|index| {
        let band = rows * index / parts..rows * (index + 1) / parts;
        // SAFETY: bands do not overlap, and each is visited once.
        let dst = unsafe { shared.range(band.start * width..band.end * width) };
        body(band, dst);
    });
}

impl Shared<f32> {
    /// The elements from `start` on.
    pub fn at(self, start: usize) -> Self {
        assert!(start <= self.len);
        Shared { start: self.start.wrapping_add(start), len: self.len - start }
    }
}

impl Shared<std::mem::MaybeUninit<f32>> {
    /// The same elements, for code that only writes them.
    pub fn cast(self) -> Shared<f32> {
        Shared { start: self.start.cast(), len: self.len }
    }
}
