//! The loop over damaged bytes: numbers that are the same in each run, ways to damage a file, and what no reader may do.

#[path = "corpus.rs"]
mod corpus;

use corpus::{Corpus, Mutant};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What people send each other and what their editor sends, each of which is tried for longer: files of data, pictures, notebooks,
/// messages, cells.
const USUAL: [&str; 11] =
    ["Npy", "Npz", "Safetensors", "Csv", "Idx", "Picture", "Notebook", "Connection", "Frames", "Comm", "Cell"];
/// For how many seconds these are tried, and the twenty others, unless `SADDLE_FUZZ_SECONDS` says otherwise: four minutes of one core.
const SECONDS: [u64; 2] = [20, 2];
/// No reader may take longer over one mutant, on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(30);

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

/// What watches a reader at work.
pub trait Watch {
    /// The next target begins.
    fn begin(&mut self) {}

    /// Lets the reader run; the most bytes that it held at once, 0 where nobody counts, and whether it went where no mutant of this target
    /// has been.
    fn run(&mut self, read: &mut dyn FnMut()) -> (usize, bool) {
        read();
        (0, false)
    }
}

/// Nobody watches: where other tests run in the same process, what they hold would be counted, too.
#[allow(dead_code, reason = "some loops have a counting allocator")]
pub struct Nobody;

impl Watch for Nobody {}

/// Damages the seeds of one target after the other, and lets their readers read: none panics, takes long, or holds more than `most` bytes.
/// The mutants are the same in each run. `SADDLE_FUZZ_SECONDS` says how long each target is tried, `SADDLE_FUZZ_FROM` begins with that
/// mutant, `SADDLE_FUZZ_TARGET` takes one target alone. `mend` may put right what a reader would look at first. In the build of
/// `tests/guided_fuzz` a mutant that reached something new is damaged further.
pub fn hammer<R: Copy + Debug + PartialEq>(
    seeds: &[(R, Vec<u8>)],
    (most, mut watch): (usize, impl Watch),
    mend: impl Fn(R, &mut Vec<u8>, &mut Random),
    read: impl Fn(R, &[u8], usize) -> bool,
) {
    let from = setting("SADDLE_FUZZ_FROM", 0);
    let alone = std::env::var("SADDLE_FUZZ_TARGET").ok();
    let mut targets: Vec<R> = Vec::new();
    for (reader, _) in seeds {
        let wanted = alone.as_ref().is_none_or(|name| format!("{reader:?}").eq_ignore_ascii_case(name));
        if wanted && !targets.contains(reader) {
            targets.push(*reader);
        }
    }
    for target in targets {
        let seeds = seeds.iter().filter(|(reader, _)| *reader == target).map(|(_, seed)| seed.clone());
        let name = format!("{target:?}");
        let seconds = setting("SADDLE_FUZZ_SECONDS", SECONDS[usize::from(!USUAL.contains(&name.as_str()))]);
        let mut corpus = Corpus::new(&name, seeds.collect());
        watch.begin();
        for Mutant { bytes, way } in corpus.kept.iter().skip(corpus.seeds) {
            watch.run(&mut || drop(catch_unwind(AssertUnwindSafe(|| read(target, bytes, *way)))));
        }
        let (start, end) = (Instant::now(), from + corpus.seeds as u64);
        let (mut highest, mut longest, mut taken, mut tried) = (0, Duration::ZERO, 0, from);
        while start.elapsed() < Duration::from_secs(seconds) || tried < end {
            let mut random = Random(tried);
            let mut mutant = corpus.pick(tried, &mut random);
            for _ in 0..1 + random.below(4) {
                damage(&mut mutant.bytes, &mut random);
            }
            mend(target, &mut mutant.bytes, &mut random);
            let Mutant { bytes, way } = &mutant;
            corpus.trying(&mutant);
            let (began, mut outcome) = (Instant::now(), Ok(false));
            let (peak, is_new) =
                watch.run(&mut || outcome = catch_unwind(AssertUnwindSafe(|| read(target, bytes, *way))));
            let mut took = began.elapsed();
            if took > LONGEST {
                // Perhaps not the reader stood still, but the process.
                let again = Instant::now();
                watch.run(&mut || drop(catch_unwind(AssertUnwindSafe(|| read(target, bytes, *way)))));
                took = again.elapsed();
            }
            let name = || format!("mutant {tried} in way {way}: {target:?} of {:?}", String::from_utf8_lossy(bytes));
            assert!(outcome.is_ok(), "{} panics", name());
            assert!(peak <= most, "{} takes {peak} bytes", name());
            assert!(took <= LONGEST, "{} takes {took:?}", name());
            (highest, longest) = (highest.max(peak), longest.max(took));
            taken += usize::from(outcome.unwrap_or(false));
            tried += 1;
            if is_new {
                corpus.keep(mutant);
            }
        }
        let found = corpus.kept.len() - corpus.seeds;
        println!(
            "{target:?}: {} mutants, {taken} read, {found} kept; at most {highest} bytes, {longest:?} for one",
            tried - from
        );
    }
}
