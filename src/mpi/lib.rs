//! Several processes of one run: how many there are, which of them this is, and sums over all of them. Started by
//! `mpirun`; the MPI library of the system is loaded then and only then, so that no build needs one and no run without
//! `mpirun` notices.
//!
//! | file | owns |
//! |---|---|
//! | `api` | the functions and handles that are used of Open MPI's C interface |
//! | `lib` | the world: joining it, leaving it, exchanging numbers |

mod api;

use api::{Api, Op};
use saddle_fault::{Fault, Kind, Result};
use std::sync::OnceLock;

/// What the other processes are told of this one's code; set by `saddle run`.
pub const CODE: &str = "SADDLE_CODE";

/// All processes of one run.
pub struct World {
    api: Api,
    rank: usize,
    size: usize,
}

/// What all processes' numbers are made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// The sum over the ranks.
    Sum,
    /// The mean over the ranks.
    Mean,
    /// The smallest over the ranks.
    Min,
    /// The largest over the ranks.
    Max,
}

/// This process's number as the launcher has it in the environment, before MPI is asked; `None` without a launcher.
pub fn launched_rank() -> Option<usize> {
    ["OMPI_COMM_WORLD_RANK", "PMIX_RANK"].iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// How many processes the launcher says there are; 1 where it does not say.
pub fn launched_size() -> usize {
    std::env::var("OMPI_COMM_WORLD_SIZE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The world of this process, joined at the first call; `None` where no launcher has started it, or it is alone.
///
/// # Errors
/// The MPI library cannot be loaded; a process runs other code than the first.
pub fn world() -> Result<Option<&'static World>> {
    static WORLD: OnceLock<Result<Option<World>>> = OnceLock::new();
    WORLD.get_or_init(World::join).as_ref().map(Option::as_ref).map_err(Clone::clone)
}

/// Which process this is, from 0.
///
/// # Errors
/// As [`world`].
pub fn rank() -> Result<usize> {
    Ok(world()?.map_or(0, |world| world.rank))
}

/// How many processes there are.
///
/// # Errors
/// As [`world`].
pub fn size() -> Result<usize> {
    Ok(world()?.map_or(1, |world| world.size))
}

impl World {
    fn join() -> Result<Option<Self>> {
        if launched_rank().is_none() {
            return Ok(None);
        }
        let api = Api::load()?;
        api.initialize()?;
        let (rank, size) = (api.rank()?, api.size()?);
        if size == 1 {
            // Alone nobody leaves at the end, and `mpirun -n 1` would call that a failure.
            api.finalize()?;
            return Ok(None);
        }
        let world = Self { api, rank, size };
        world.compare_code()?;
        Ok(Some(world))
    }

    /// Whether every process has the code of the first: other code would wait for other exchanges, for ever.
    fn compare_code(&self) -> Result<()> {
        let text = std::env::var(CODE).unwrap_or_default();
        // FNV-1a, cut to what a float64 holds exactly.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let mut all = vec![0.0; self.size];
        self.api.gather((hash >> 12) as f64, &mut all)?;
        match all.iter().position(|other| *other != all[0]) {
            None => Ok(()),
            Some(other) => Err(Fault::value(format!("rank {other} runs other code than rank 0"))
                .hint("every machine needs the same notebook, the same parameters and the same version of saddle")),
        }
    }

    /// This process's number, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many processes there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Replaces the numbers by what all processes' come to, one by one. Every process has to call it with as many.
    ///
    /// # Errors
    /// The exchange failed.
    pub fn reduce(&self, numbers: &mut [f32], how: Reduce) -> Result<()> {
        let op = match how {
            Reduce::Sum | Reduce::Mean => Op::Sum,
            Reduce::Min => Op::Min,
            Reduce::Max => Op::Max,
        };
        self.api.reduce(numbers, op)?;
        if how == Reduce::Mean {
            let n = self.size as f32;
            numbers.iter_mut().for_each(|number| *number /= n);
        }
        Ok(())
    }

    /// Replaces the numbers by those of the first process.
    ///
    /// # Errors
    /// The exchange failed.
    pub fn broadcast(&self, numbers: &mut [f32]) -> Result<()> {
        self.api.broadcast(numbers)
    }

    /// The part of `n` rows that is this process's: as many for each.
    ///
    /// # Errors
    /// They cannot be shared out evenly.
    pub fn part(&self, word: &str, n: usize) -> Result<std::ops::Range<usize>> {
        if !n.is_multiple_of(self.size) {
            return Err(Fault::value(format!(
                "{word}: {n} rows cannot be shared out evenly among {} ranks",
                self.size
            ))
            .hint(format!("take a multiple of {}", self.size)));
        }
        let each = n / self.size;
        Ok(self.rank * each..(self.rank + 1) * each)
    }

    /// Leaves the world, when all others do.
    ///
    /// # Errors
    /// MPI says no.
    pub fn leave(&self) -> Result<()> {
        self.api.finalize()
    }
}

/// An error of the MPI library.
fn failed(what: &str, code: i32) -> Fault {
    Fault::new(Kind::Device, format!("MPI: {what} failed with code {code}"))
}
