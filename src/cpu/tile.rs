//! The innermost part of a matrix product: a tile of the result, held in registers while it is summed up.
//!
//! The right operand comes packed: the tile's columns, one row after the other, in whole vectors. Of the left one
//! single numbers are read, wherever they lie.

use super::simd::{Level, level};

/// Sums up a tile. Arguments: the number of terms; `a` with the distances of its rows and of its terms; packed `b`; the
/// tile's first element in the result and the distance of its rows; a bias of the tile's width or null; and whether to
/// add to the result or to overwrite it.
///
/// # Safety
/// `a` has M rows of `terms` numbers, `b` has `terms` × W vectors, `bias` has W vectors unless null, and the result has
/// M rows of W vectors, all of which are written. The processor has the instruction set that the tile was compiled for.
type TileFn = unsafe fn(usize, Left, *const f32, *mut f32, usize, *const f32, bool);

/// The left operand: number (i, p) of a tile is `start[i · row_stride + p · term_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub start: *const f32,
    pub row_stride: usize,
    pub term_stride: usize,
}

/// The tiles of an instruction set.
pub(super) struct Tiles {
    /// Numbers in a vector.
    pub lanes: usize,
    /// `tiles[w - 1][m - 1]` has `m` rows of `w` vectors.
    tiles: [&'static [TileFn]; 2],
}

impl Tiles {
    /// The most rows that a tile can have.
    pub fn rows(&self) -> usize {
        self.tiles[0].len()
    }

    /// The most columns that a tile can have: two vectors.
    pub fn columns(&self) -> usize {
        2 * self.lanes
    }

    /// The tile of `rows` rows and one or two vectors.
    pub fn tile(&self, rows: usize, vectors: usize) -> TileFn {
        self.tiles[vectors - 1][rows - 1]
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

/// Asks for the cache line of a number. Has no other effect, wherever it is.
#[inline(always)]
pub(super) fn prefetch(x: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(x.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = x;
}

/// The tile's code for one instruction set, given its vectors.
macro_rules! tile_code {
    ($(#[$feature:meta])*, $lanes:expr, $zero:expr, $load:path, $store:path, $splat:path, $add:path, $mul_add:path) => {
        /// One tile of the result with vectors of this instruction set: a [`TileFn`](super::TileFn).
        ///
        /// # Safety
        /// The contract of [`TileFn`](super::TileFn).
        $(#[$feature])*
        unsafe fn tile<const M: usize, const W: usize>(
            terms: usize,
            left: Left,
            mut b: *const f32,
            c: *mut f32,
            row_stride: usize,
            bias: *const f32,
            add: bool,
        ) {
            // SAFETY: the contract of `TileFn` bounds every access.
            unsafe {
                let Left { start: mut a, row_stride: a_rows, term_stride } = left;
                // The result is needed at the end, and often far away.
                for i in 0..M {
                    for w in 0..W {
                        super::prefetch(c.wrapping_add(i * row_stride + w * $lanes));
                    }
                }
                let mut sums = [[$zero; W]; M];
                for _ in 0..terms {
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
        #[target_feature(enable = "avx512f")], 16, _mm512_setzero_ps(), _mm512_loadu_ps, _mm512_storeu_ps,
        _mm512_set1_ps, _mm512_add_ps, _mm512_fmadd_ps
    );

    pub(super) static TILES: super::Tiles = super::Tiles {
        lanes: 16,
        tiles: [
            &[
                tile::<1, 1>,
                tile::<2, 1>,
                tile::<3, 1>,
                tile::<4, 1>,
                tile::<5, 1>,
                tile::<6, 1>,
                tile::<7, 1>,
                tile::<8, 1>,
                tile::<9, 1>,
                tile::<10, 1>,
                tile::<11, 1>,
                tile::<12, 1>,
            ],
            &[
                tile::<1, 2>,
                tile::<2, 2>,
                tile::<3, 2>,
                tile::<4, 2>,
                tile::<5, 2>,
                tile::<6, 2>,
                tile::<7, 2>,
                tile::<8, 2>,
                tile::<9, 2>,
                tile::<10, 2>,
                tile::<11, 2>,
                tile::<12, 2>,
            ],
        ],
    };
}

#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)] // rows and vectors are indices of several arrays
mod avx2 {
    use super::Left;
    use std::arch::x86_64::*;

    tile_code!(
        #[target_feature(enable = "avx2,fma")], 8, _mm256_setzero_ps(), _mm256_loadu_ps, _mm256_storeu_ps,
        _mm256_set1_ps, _mm256_add_ps, _mm256_fmadd_ps
    );

    pub(super) static TILES: super::Tiles = super::Tiles {
        lanes: 8,
        tiles: [
            &[tile::<1, 1>, tile::<2, 1>, tile::<3, 1>, tile::<4, 1>, tile::<5, 1>, tile::<6, 1>],
            &[tile::<1, 2>, tile::<2, 2>, tile::<3, 2>, tile::<4, 2>, tile::<5, 2>, tile::<6, 2>],
        ],
    };
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

    tile_code!(, 4, [0.0; 4], load, store, splat, add, mul_add);

    pub(super) static TILES: super::Tiles = super::Tiles {
        lanes: 4,
        tiles: [
            &[tile::<1, 1>, tile::<2, 1>, tile::<3, 1>, tile::<4, 1>],
            &[tile::<1, 2>, tile::<2, 2>, tile::<3, 2>, tile::<4, 2>],
        ],
    };
}
