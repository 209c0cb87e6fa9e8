//! What the fuzz loops share: an allocator that counts, and [`mutants`].

#![allow(unsafe_code, reason = "an allocator that counts, and the compiler's counters of branches")]

mod mutants;
mod reached;

pub use mutants::Random;
use mutants::Watch;
use reached::Reached;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counting.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(by: usize) {
    let held = HELD.fetch_add(by, Relaxed) + by;
    PEAK.fetch_max(held, Relaxed);
}

// SAFETY: all is asked of the system, under the contract that the caller keeps.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocator and, in the build of `tests/guided_fuzz`, the counters of the program's branches.
#[derive(Default)]
struct Counted(Reached);

impl Watch for Counted {
    fn begin(&mut self) {
        self.0 = Reached::default();
    }

    fn run(&mut self, read: &mut dyn FnMut()) -> (usize, bool) {
        let before = HELD.load(Relaxed);
        PEAK.store(before, Relaxed);
        Reached::clear();
        read();
        (PEAK.load(Relaxed).saturating_sub(before), self.0.is_new())
    }
}

/// As [`mutants::hammer`], with the memory that a reader holds.
pub fn hammer<R: Copy + Debug + PartialEq>(
    seeds: &[(R, Vec<u8>)],
    most: usize,
    mend: impl Fn(R, &mut Vec<u8>, &mut Random),
    read: impl Fn(R, &[u8], usize) -> bool,
) {
    mutants::hammer(seeds, (most, Counted::default()), mend, read);
}
