//! What the fuzz loops share: an allocator that counts, numbers that are the same in each run, and ways to damage a
//! file.

#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// No reader may take longer over one mutant, on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(30);

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

/// The numbers of SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Damages a file in one way.
fn damage(file: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(file.len());
    let length = 1 + random.below(8);
    let end = (at + length).min(file.len());
    match random.below(8) {
        0 => file.truncate(at),
        1 if at < file.len() => file[at] ^= 1 << random.below(8),
        2 if at < file.len() => file[at] = random.next() as u8,
        3 => file[at..end].fill([0, 0x7f, 0x80, 0xff][random.below(4)]),
        4 => {
            file.drain(at..end);
        }
        5 => {
            let new: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            file.splice(at..at, new);
        }
        // A part of it again.
        6 => {
            let from = random.below(file.len());
            let part = file[from..(from + 8 * length).min(file.len())].to_vec();
            file.splice(at..at, part);
        }
        // Another number in a text.
        _ => {
            let digit = (at..file.len()).find(|&i| file[i].is_ascii_digit());
            let numbers = ["1152921504606846976", "-1", "4294967295", "0", "1e999"];
            if let Some(at) = digit {
                let number = numbers[random.below(numbers.len())].bytes();
                file.splice(at..=at, number);
            }
        }
    }
}

/// A number in the environment.
fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Damages the seeds again and again, and lets their readers read: none panics, takes long, or holds more than `most`
/// bytes. The mutants are the same in each run. `SADDLE_FUZZ_SECONDS` says how long instead of `seconds`,
/// `SADDLE_FUZZ_FROM` begins with that mutant, `SADDLE_FUZZ_TARGET` takes one reader alone. `mend` may put right what a
/// reader would look at first.
pub fn hammer<R: Copy + Debug>(
    seeds: &[(R, Vec<u8>)],
    (seconds, most): (u64, usize),
    mend: impl Fn(R, &mut Vec<u8>, &mut Random),
    read: impl Fn(R, &[u8], usize) -> bool,
) {
    let (seconds, from) = (setting("SADDLE_FUZZ_SECONDS", seconds), setting("SADDLE_FUZZ_FROM", 0));
    let alone = std::env::var("SADDLE_FUZZ_TARGET").ok();
    let wanted = |reader: &R| alone.as_ref().is_none_or(|name| format!("{reader:?}").eq_ignore_ascii_case(name));
    let seeds: Vec<_> = seeds.iter().filter(|(reader, _)| wanted(reader)).collect();
    let start = Instant::now();
    let (mut highest, mut longest, mut taken, mut tried) = (0, Duration::ZERO, 0, from);
    while !seeds.is_empty() && start.elapsed() < Duration::from_secs(seconds) {
        let mut random = Random(tried);
        let (reader, seed) = seeds[tried as usize % seeds.len()];
        let mut bytes = seed.clone();
        for _ in 0..1 + random.below(4) {
            damage(&mut bytes, &mut random);
        }
        mend(*reader, &mut bytes, &mut random);
        let way = random.below(1 << 16);
        let (before, began) = (HELD.load(Relaxed), Instant::now());
        PEAK.store(before, Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| read(*reader, &bytes, way)));
        let (peak, took) = (PEAK.load(Relaxed).saturating_sub(before), began.elapsed());
        let mutant = format!("mutant {tried} in way {way}: {reader:?} of {:?}", String::from_utf8_lossy(&bytes));
        assert!(outcome.is_ok(), "{mutant} panics");
        assert!(peak <= most, "{mutant} takes {peak} bytes");
        assert!(took <= LONGEST, "{mutant} takes {took:?}");
        (highest, longest) = (highest.max(peak), longest.max(took));
        taken += usize::from(outcome.unwrap_or(false));
        tried += 1;
    }
    println!("{} mutants, {taken} read; at most {highest} bytes, {longest:?} for one", tried - from);
    assert!(seeds.is_empty() || tried - from > seeds.len() as u64);
}
