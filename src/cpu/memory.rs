//! Memory for tensors: what one frees is kept for the next.
//!
//! A training step makes and drops the same few hundred buffers again and again. The C library's allocator gives them
//! back to the system, or joins and cuts them, and begins none of them at a cache line. [`Reuse`] keeps freed buffers
//! by their size and hands out the one that was freed last, which is still in the cache.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The allocator of a program that computes with tensors: the system's, with a store of freed buffers between
/// `MIN_POOLED` and `MAX_POOLED` bytes.
pub struct Reuse;

/// Smaller ones are left to the C library, which is good at them.
const MIN_POOLED: usize = 1 << 10;
/// Larger ones go back to the system.
const MAX_POOLED: usize = 32 << 20;
/// Bytes that are kept at most.
const KEPT: usize = 64 << 20;
/// Where buffers begin: at a pair of cache lines, and so at a whole vector. The crate `gemm` asks for as much for what
/// it packs: were those left to the C library, each would find the hole of the one before too small, and memory would
/// grow with each product.
const LINE: usize = 128;
/// Sizes within a factor of two.
const STEPS: usize = 8;
const CLASSES: usize = (MAX_POOLED.ilog2() - MIN_POOLED.ilog2()) as usize * STEPS + 1;

/// The class of a size, and the bytes that its buffers have; `None` for sizes that are not kept.
fn class(layout: &Layout) -> Option<(usize, usize)> {
    let size = layout.size();
    if !(MIN_POOLED..=MAX_POOLED).contains(&size) || layout.align() > LINE {
        return None;
    }
    let octave = (size - 1).max(MIN_POOLED).ilog2();
    let step = (1usize << octave) / STEPS;
    let steps = size.div_ceil(step);
    let index = (octave - MIN_POOLED.ilog2()) as usize * STEPS + steps.saturating_sub(STEPS);
    Some((index, (steps * step).max(MIN_POOLED)))
}

/// The bytes that the buffers of a class have.
fn bytes_of(class: usize) -> usize {
    let Some(before) = class.checked_sub(1) else {
        return MIN_POOLED;
    };
    let octave = MIN_POOLED << (before / STEPS);
    octave + (before % STEPS + 1) * (octave / STEPS)
}

/// Freed buffers: of each class a list, linked through the buffers themselves.
struct Store {
    taken: AtomicBool,
    lists: UnsafeCell<Lists>,
    /// Of each class, how many buffers are new because another thread was at the lists, not because there was none. As
    /// many go back to the system when they are freed: else every such meeting of two threads would leave one more
    /// buffer, and memory would grow until [`KEPT`] is full.
    surplus: [AtomicU32; CLASSES],
}

struct Lists {
    first: [*mut u8; CLASSES],
    bytes: usize,
}

// SAFETY: `lists` is only touched by the one who has `taken`.
unsafe impl Sync for Store {}

static STORE: Store = Store::new();

/// How often a thread looks again whether the lists are free, each time about as long as another is at them.
const LOOKS: usize = 16;

impl Store {
    const fn new() -> Store {
        Store {
            taken: AtomicBool::new(false),
            lists: UnsafeCell::new(Lists { first: [null_mut(); CLASSES], bytes: 0 }),
            surplus: [const { AtomicU32::new(0) }; CLASSES],
        }
    }

    /// Runs `body` on the lists; `None` if another thread stays at them: one that the system has stopped there is not
    /// waited for.
    fn with<R>(&self, body: impl FnOnce(&mut Lists) -> R) -> Option<R> {
        let mut looks = 0;
        while self.taken.swap(true, Ordering::Acquire) {
            looks += 1;
            if looks == LOOKS {
                return None;
            }
            std::hint::spin_loop();
        }
        // SAFETY: nobody else has the lists until `taken` is reset. `body` neither allocates nor panics.
        let done = body(unsafe { &mut *self.lists.get() });
        self.taken.store(false, Ordering::Release);
        Some(done)
    }

    /// A buffer of the class; `None` if none is kept, or the lists are not to be had.
    fn take(&self, index: usize, bytes: usize) -> Option<*mut u8> {
        let taken = self.with(|lists| {
            let first = lists.first[index];
            if first.is_null() {
                return None;
            }
            // SAFETY: a buffer in a list begins with the pointer to the next one.
            lists.first[index] = unsafe { *first.cast::<*mut u8>() };
            lists.bytes -= bytes;
            Some(first)
        });
        taken.unwrap_or_else(|| {
            self.surplus[index].fetch_add(1, Ordering::Relaxed);
            None
        })
    }

    /// Whether the buffer was put away.
    fn put(&self, index: usize, bytes: usize, buffer: *mut u8) -> bool {
        let surplus = &self.surplus[index];
        if surplus.load(Ordering::Relaxed) > 0
            && surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
        {
            return false;
        }
        self.with(|lists| {
            if lists.bytes + bytes > KEPT {
                return false;
            }
            // SAFETY: the buffer is free, at least MIN_POOLED bytes long, and aligned for a pointer.
            unsafe { *buffer.cast::<*mut u8>() = lists.first[index] };
            lists.first[index] = buffer;
            lists.bytes += bytes;
            true
        })
        .unwrap_or(false)
    }
}

/// What lies before each buffer of a class: where its block begins.
type Head = *mut u8;

/// The layout of the block in which a buffer of a class lies: with room to begin it at a cache line. The C library is
/// not asked for aligned blocks: for those it looks for a hole that is larger by the alignment, so that the hole which
/// one of the same size has left is never large enough, and memory grows with each.
fn block(bytes: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and `bytes` at most MAX_POOLED.
    unsafe { Layout::from_size_align_unchecked(bytes + LINE, align_of::<Head>()) }
}

/// A new buffer of a class from the system; null if there is none.
fn new_buffer(bytes: usize) -> *mut u8 {
    // SAFETY: the layout's size is not zero. The C library begins blocks at multiples of 16, others at least at those
    // of a pointer: the next cache line is at most LINE away, and there is room for a pointer before it.
    unsafe {
        let start = System.alloc(block(bytes));
        if start.is_null() {
            return start;
        }
        let buffer = start.add(LINE - start as usize % LINE);
        buffer.cast::<Head>().sub(1).write(start);
        buffer
    }
}

/// Gives a buffer of a class back to the system.
///
/// # Safety
/// It came from [`new_buffer`] with these bytes, and is not used any more.
unsafe fn give_back(buffer: *mut u8, bytes: usize) {
    // SAFETY: the caller's contract.
    unsafe { System.dealloc(buffer.cast::<Head>().sub(1).read(), block(bytes)) }
}

// SAFETY: a buffer's class depends on nothing but the size that it was asked for with, so it goes back to where it came
// from; every class's buffers have at least the bytes, and the alignment, that were asked for.
unsafe impl GlobalAlloc for Reuse {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((index, bytes)) = class(&layout) else {
            // SAFETY: the caller's contract.
            return unsafe { System.alloc(layout) };
        };
        STORE.take(index, bytes).unwrap_or_else(|| new_buffer(bytes))
    }

    unsafe fn dealloc(&self, buffer: *mut u8, layout: Layout) {
        let Some((index, bytes)) = class(&layout) else {
            // SAFETY: the caller's contract.
            return unsafe { System.dealloc(buffer, layout) };
        };
        if !STORE.put(index, bytes, buffer) {
            // SAFETY: it came from there with these bytes.
            unsafe { give_back(buffer, bytes) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MAX_POOLED {
            // SAFETY: the caller's contract.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // Of small ones too, zeros are not asked of the C library: its `calloc` takes nothing from what the thread has
        // freed, but locks the heap each time, for which two threads wait in turn.
        // SAFETY: the buffer has the layout's size.
        unsafe {
            let buffer = self.alloc(layout);
            if !buffer.is_null() {
                buffer.write_bytes(0, layout.size());
            }
            buffer
        }
    }

    unsafe fn realloc(&self, buffer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract; a new buffer has room for what both sizes have in common.
        unsafe {
            let new = Layout::from_size_align_unchecked(size, layout.align());
            match (class(&layout), class(&new)) {
                (None, None) => System.realloc(buffer, layout, size),
                (Some(old), Some(now)) if old == now => buffer,
                _ => {
                    let moved = self.alloc(new);
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(buffer, layout.size().min(size));
                        self.dealloc(buffer, layout);
                    }
                    moved
                }
            }
        }
    }
}

impl Store {
    /// Gives everything that is kept back to the system.
    fn empty(&self) {
        for index in 0..CLASSES {
            let bytes = bytes_of(index);
            while let Some(buffer) = self.take(index, bytes) {
                // SAFETY: what lies in a list is free, and came from there with the bytes of its class.
                unsafe { give_back(buffer, bytes) }
            }
        }
    }
}

/// Gives memory that no tensor uses any more back to the system.
pub fn release_memory() {
    STORE.empty();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it only looks for pages that are free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Larger blocks than [`Reuse`] keeps are given back to the system one by one, and smaller ones in large pieces. To be
/// called at the start of a program, before it has other threads.
pub fn prepare_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: these only change what later calls of `malloc` and `free` do.
    unsafe {
        // One heap: those of threads are cut into pieces of 64 MB, into which large buffers fit badly.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAX_POOLED as i32);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 4).expect("a layout")
    }

    #[test]
    fn every_class_has_room_for_its_sizes_and_wastes_little() {
        let sizes = (MIN_POOLED..3 * MIN_POOLED).chain((MIN_POOLED..=MAX_POOLED).step_by(4099));
        for size in sizes.chain([MAX_POOLED]) {
            let (index, bytes) = class(&layout(size)).expect("kept");
            assert!(index < CLASSES && bytes >= size, "{size}: {bytes}");
            assert!(bytes <= size + size / STEPS + 1, "{size}: {bytes}");
            assert_eq!(bytes_of(index), bytes, "{size}");
            // One class, one number of bytes.
            let (again, same) = class(&layout(bytes)).expect("kept");
            assert_eq!((again, same), (index, bytes), "{size}");
            // The smallest that has room.
            assert!(index == 0 || bytes_of(index - 1) < size, "{size}: {bytes}");
        }
        assert_eq!(class(&layout(MIN_POOLED - 1)), None);
        assert_eq!(class(&layout(MAX_POOLED + 1)), None);
    }

    #[test]
    fn a_buffer_that_is_new_because_another_thread_was_at_the_lists_is_not_kept() {
        let store = Store::new();
        let mut buffers = [[0u64; MIN_POOLED / 8]; 2];
        let [one, two] = buffers.each_mut().map(|b| b.as_mut_ptr().cast::<u8>());
        store.taken.store(true, Ordering::Release);
        assert_eq!(store.take(0, MIN_POOLED), None);
        store.taken.store(false, Ordering::Release);
        assert!(!store.put(0, MIN_POOLED, one));
        assert!(store.put(0, MIN_POOLED, two));
        assert_eq!(store.take(0, MIN_POOLED), Some(two));
        assert_eq!(store.take(0, MIN_POOLED), None);
        assert!(store.put(0, MIN_POOLED, one));
    }

    #[test]
    fn buffers_begin_at_a_cache_line_and_keep_what_they_hold_as_they_grow() {
        let mut grown: Vec<u32> = Vec::new();
        for i in 0..3_000_000 {
            grown.push(i);
        }
        assert!((0..3_000_000).zip(&grown).all(|(i, &v)| i == v));
        for len in [2048, 5000, 70_000, 1 << 20] {
            let buffer = vec![1.0f32; len];
            assert_eq!(buffer.as_ptr() as usize % LINE, 0);
            drop(buffer);
            assert!(vec![0.0f32; len].iter().all(|&v| v == 0.0));
        }
    }
}
