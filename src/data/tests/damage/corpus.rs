//! What is damaged: the seeds of a target, and the mutants that reached something new, in memory and in the folder `SADDLE_FUZZ_CORPUS`.

use super::Random;
use std::fs;
use std::path::PathBuf;

/// Longer mutants are not damaged further, or they would only grow.
const LONGEST: usize = 1 << 14;

/// Bytes for a reader, and a number by which it chooses its options.
#[derive(Clone)]
pub struct Mutant {
    pub bytes: Vec<u8>,
    pub way: usize,
}

pub struct Corpus {
    /// The seeds, then what was found.
    pub kept: Vec<Mutant>,
    pub seeds: usize,
    folder: Option<PathBuf>,
}

impl Corpus {
    /// The seeds, with what earlier runs left in the folder of this target.
    pub fn new(target: &str, seeds: Vec<Vec<u8>>) -> Self {
        let count = seeds.len();
        let mut kept: Vec<_> = seeds.into_iter().map(|bytes| Mutant { bytes, way: 0 }).collect();
        let folder = std::env::var_os("SADDLE_FUZZ_CORPUS").map(|all| PathBuf::from(all).join(target));
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).unwrap();
            for n in count.. {
                let Ok(file) = fs::read(folder.join(n.to_string())) else { break };
                let (way, bytes) = file.split_first_chunk().unwrap();
                kept.push(Mutant { bytes: bytes.to_vec(), way: usize::from(u16::from_le_bytes(*way)) });
            }
        }
        Self { kept, seeds: count, folder }
    }

    /// What is damaged next: a seed after the other in turn with what was found, the latest ones more often.
    pub fn pick(&self, tried: u64, random: &mut Random) -> Mutant {
        let found = self.kept.len() - self.seeds;
        if found == 0 || tried.is_multiple_of(4) {
            let seed = if found == 0 { tried as usize % self.seeds } else { random.below(self.seeds) };
            return Mutant { bytes: self.kept[seed].bytes.clone(), way: random.below(1 << 16) };
        }
        let latest = if tried.is_multiple_of(2) { found } else { found.min(1 + found / 4) };
        let mut mutant = self.kept[self.kept.len() - 1 - random.below(latest)].clone();
        match random.below(8) {
            0 => mutant.way = random.below(1 << 16),
            // With a part of another one.
            1 if !mutant.bytes.is_empty() => {
                let other = &self.kept[random.below(self.kept.len())].bytes;
                let (at, from) = (random.below(mutant.bytes.len()), random.below(other.len()));
                let length = 1 + random.below(other.len() - from.min(other.len()));
                let end = if random.below(2) == 0 { at } else { (at + length).min(mutant.bytes.len()) };
                mutant.bytes.splice(at..end, other[from..(from + length).min(other.len())].iter().copied());
            }
            _ => {}
        }
        mutant
    }

    /// A reader gets this one now: if it ends the process, the file says by what.
    pub fn trying(&self, mutant: &Mutant) {
        if let Some(folder) = &self.folder {
            fs::write(folder.join("trying"), file_of(mutant)).unwrap();
        }
    }

    pub fn keep(&mut self, mutant: Mutant) {
        if mutant.bytes.len() > LONGEST.max(2 * self.kept[0].bytes.len()) {
            return;
        }
        if let Some(folder) = &self.folder {
            fs::write(folder.join(self.kept.len().to_string()), file_of(&mutant)).unwrap();
        }
        self.kept.push(mutant);
    }
}

fn file_of(mutant: &Mutant) -> Vec<u8> {
    let way = (mutant.way as u16).to_le_bytes();
    [&way[..], &mutant.bytes].concat()
}
