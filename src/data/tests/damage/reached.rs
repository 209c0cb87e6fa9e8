//! Where in the program a mutant led: the counters that LLVM puts at each branch in the build of `tests/guided_fuzz`. Other builds have none.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// For each branch, how often one mutant took it: a bit for each of eight ranges, as in AFL (Zalewski 2013).
#[derive(Default)]
pub struct Reached(Vec<[u8; 8]>);

impl Reached {
    /// No branch was taken.
    pub fn clear() {
        for eight in counters().iter().filter(|n| n.load(Relaxed) != 0) {
            eight.store(0, Relaxed);
        }
    }

    /// Whether a branch was taken as often as never before, in ranges.
    pub fn is_new(&mut self) -> bool {
        let counters = counters();
        self.0.resize(counters.len(), [0; 8]);
        let mut is_new = false;
        for (eight, seen) in counters.iter().zip(&mut self.0) {
            // Most of the program is not concerned.
            let eight = eight.load(Relaxed);
            if eight != 0 {
                for (n, seen) in eight.to_ne_bytes().into_iter().zip(seen) {
                    is_new |= range(n) & !*seen != 0;
                    *seen |= range(n);
                }
            }
        }
        is_new
    }
}

fn range(n: u8) -> u8 {
    match n {
        0 => 0,
        1..=3 => 1 << (n - 1),
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128.. => 128,
    }
}

#[cfg(not(fuzzing))]
fn counters() -> &'static [AtomicU64] {
    &[]
}

/// A byte for each branch, eight at a time.
#[cfg(fuzzing)]
fn counters() -> &'static [AtomicU64] {
    unsafe extern "C" {
        static __start___sancov_cntrs: u8;
        static __stop___sancov_cntrs: u8;
    }
    let (start, stop) = (&raw const __start___sancov_cntrs, &raw const __stop___sancov_cntrs);
    let skipped = start.align_offset(size_of::<AtomicU64>());
    // SAFETY: the linker places both at the ends of one section, which is the compiler's alone and lives as long as the program.
    unsafe {
        let length = (stop.offset_from_unsigned(start) - skipped) / size_of::<AtomicU64>();
        std::slice::from_raw_parts(start.add(skipped).cast(), length)
    }
}
