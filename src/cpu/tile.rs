//! The innermost part of a matrix product: a tile of the result, held in registers while it is summed up.
//!
//! The right operand comes packed: the tile's columns, one row after the other, in whole vectors. Of the left one
//! single numbers are read, wherever they lie.

use super::simd::{Level, level};

/// Sums up a tile. Arguments: `a`; packed `b`; the tile's first element in the result and the distance of its rows; a bias of the tile's width or null; whether to
/// add to the result or to overwrite it; and what to ask for meanwhile.
///
/// # Safety
/// `a` has M rows of its terms, `b` has as many × W vectors, `bias` has W vectors unless null, and the result has
/// M rows of W vectors, all of which are written. The processor has the instruction set that the tile was compiled for.
type TileFn = unsafe fn(Left, *const f32, *mut f32, usize, *const f32, bool, &Ahead);

/// The left operand: number (i, p) of a tile is `start[i · row_stride + p · term_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub start: *const f32,
    pub row_stride: usize,
    pub term_stride: usize,
    /// How many terms a sum has.
    pub terms: usize,
}

/// What the next tiles need and lies far away: a tile asks for it a little at a time, since the processor waits for few
/// cache lines at once.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    pub start: *const f32,
    /// At each sixteenth term so many rows of so many cache lines,
    pub rows: usize,
    pub lines: usize,
    /// so many numbers apart,
    pub row_stride: usize,
    /// then so many numbers further.
    pub step: usize,
}

impl Ahead {
    /// For a tile that asks for nothing.
    pub const NOTHING: Ahead = Ahead { start: std::ptr::null(), rows: 0, lines: 0, row_stride: 0, step: 0 };

    /// What is to be asked for at this term.
    #[inline(always)]
    fn ask(&self, term: usize) {
        for row in 0..self.rows {
            let start = self.start.wrapping_add(term / LINE * self.step + row * self.row_stride);
            for line in 0..self.lines {
                // The first level has no room beside a panel and the rows of the left operand.
                prefetch::<false>(start.wrapping_add(LINE * line));
            }
        }
    }
}

/// Numbers in a cache line.
pub(super) const LINE: usize = 16;

/// The tiles of an instruction set.
pub(super) struct Tiles {
    /// Numbers in a vector.
    pub lanes: usize,
    /// `near[w - 1][m - 1]` has `m` rows of `w` vectors.
    near: [&'static [TileFn]; 2],
    /// The same, which ask for what is [`Ahead`].
    far: [&'static [TileFn]; 2],
}

impl Tiles {
    /// The most rows that a tile can have.
    pub fn rows(&self) -> usize {
        self.near[0].len()
    }

    /// The most columns that a tile can have: two vectors.
    pub fn columns(&self) -> usize {
        2 * self.lanes
    }

    /// The tile of `rows` rows and one or two vectors.
    pub fn tile(&self, rows: usize, vectors: usize) -> TileFn {
        self.near[vectors - 1][rows - 1]
    }

    /// The same, which asks for what is ahead.
    pub fn asking(&self, rows: usize, vectors: usize) -> TileFn {
        self.far[vectors - 1][rows - 1]
    }
}

/// The tiles for this machine.
pub(super) fn tiles() -> &'static Tiles {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => &avx512::TILES,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => &avx2::TILES,
        Level::Baseline => &baseline::TILES,
    }
}

/// Asks for the cache line of a number, for the second-level cache or for the first one, too. Has no other effect,
/// wherever it is.
#[inline(always)]
pub(super) fn prefetch<const FIRST_LEVEL: bool>(x: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        match FIRST_LEVEL {
            true => _mm_prefetch::<_MM_HINT_T0>(x.cast()),
            false => _mm_prefetch::<_MM_HINT_T1>(x.cast()),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = x;
}

/// The tile's code for one instruction set, given the rows that a tile can have, and its vectors.
macro_rules! tile_code {
    (
        $(#[$feature:meta])*, $($rows:literal)*, $lanes:expr, $zero:expr, $load:path, $store:path, $splat:path, $add:path,
        $mul_add:path
    ) => {
        pub(super) static TILES: super::Tiles = super::Tiles {
            lanes: $lanes,
            near: [&[$(tile::<$rows, 1, false>),*], &[$(tile::<$rows, 2, false>),*]],
            far: [&[$(tile::<$rows, 1, true>),*], &[$(tile::<$rows, 2, true>),*]],
        };

        /// One tile of the result with vectors of this instruction set: a [`TileFn`](super::TileFn).
        ///
        /// # Safety
        /// The contract of [`TileFn`](super::TileFn).
        $(#[$feature])*
        unsafe fn tile<const M: usize, const W: usize, const ASKS: bool>(
            left: Left,
            mut b: *const f32,
            c: *mut f32,
            row_stride: usize,
            bias: *const f32,
            add: bool,
            ahead: &super::Ahead,
        ) {
            // SAFETY: the contract of `TileFn` bounds every access.
            unsafe {
                let Left { start: mut a, row_stride: a_rows, term_stride, terms } = left;
                // The result is needed at the end, and often far away.
                for i in 0..M {
                    for w in 0..W {
                        super::prefetch::<true>(c.wrapping_add(i * row_stride + w * $lanes));
                    }
                }
                let mut sums = [[$zero; W]; M];
                // Without asking it is one loop.
                let (mut done, at_once) = (0, if ASKS { super::LINE } else { terms });
                while done < terms {
                    if ASKS {
                        ahead.ask(done);
                    }
                    for _ in 0..at_once.min(terms - done) {
                        let mut row = [$zero; W];
                        for w in 0..W {
                            row[w] = $load(b.add(w * $lanes));
                        }
                        for i in 0..M {
                            let factor = $splat(*a.add(i * a_rows));
                            for w in 0..W {
                                sums[i][w] = $mul_add(factor, row[w], sums[i][w]);
                            }
                        }
                        a = a.wrapping_add(term_stride);
                        b = b.add(W * $lanes);
                    }
                    done += at_once;
                }
                for i in 0..M {
                    for w in 0..W {
                        let target = c.add(i * row_stride + w * $lanes);
                        let mut sum = sums[i][w];
                        if !bias.is_null() {
                            sum = $add(sum, $load(bias.add(w * $lanes)));
                        }
                        if add {
                            sum = $add(sum, $load(target));
                        }
                        $store(target, sum);
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)] // rows and vectors are indices of several arrays
mod avx512 {
    use super::Left;
    use std::arch::x86_64::*;

    tile_code!(
        #[target_feature(enable = "avx512f")], 1 2 3 4 5 6 7 8 9 10 11 12, 16, _mm512_setzero_ps(), _mm512_loadu_ps,
        _mm512_storeu_ps, _mm512_set1_ps, _mm512_add_ps, _mm512_fmadd_ps
    );
}

#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)] // rows and vectors are indices of several arrays
mod avx2 {
    use super::Left;
    use std::arch::x86_64::*;

    tile_code!(
        #[target_feature(enable = "avx2,fma")], 1 2 3 4 5 6, 8, _mm256_setzero_ps(), _mm256_loadu_ps,
        _mm256_storeu_ps, _mm256_set1_ps, _mm256_add_ps, _mm256_fmadd_ps
    );
}

/// Vectors of four numbers, which every target's compiler turns into what it has.
#[allow(clippy::needless_range_loop)] // rows and vectors are indices of several arrays
mod baseline {
    use super::Left;

    type Four = [f32; 4];

    /// # Safety
    /// Four numbers can be read there.
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Four {
        // SAFETY: the caller's contract.
        unsafe { from.cast::<Four>().read_unaligned() }
    }

    /// # Safety
    /// Four numbers can be written there.
    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Four) {
        // SAFETY: the caller's contract.
        unsafe { to.cast::<Four>().write_unaligned(x) }
    }

    #[inline(always)]
    fn splat(x: f32) -> Four {
        [x; 4]
    }

    #[inline(always)]
    fn add(a: Four, b: Four) -> Four {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn mul_add(a: Four, b: Four, c: Four) -> Four {
        use crate::simd::{Arith, Baseline};
        std::array::from_fn(|i| Baseline::mul_add(a[i], b[i], c[i]))
    }

    tile_code!(, 1 2 3 4, 4, [0.0; 4], load, store, splat, add, mul_add);
}
