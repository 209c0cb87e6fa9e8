//! Transposition of a block of numbers in registers: sixteen by sixteen with AVX-512, else four by four where the
//! target's baseline has them.

use super::simd::{Level, level};

/// Writes `to[j · to_stride + i] = from[i · from_stride + j]` for i below `rows` and j below `columns`.
///
/// # Safety
/// All these elements of `from` can be read and of `to` be written, and the two do not overlap.
pub(super) unsafe fn transpose(
    from: *const f32,
    from_stride: usize,
    rows: usize,
    columns: usize,
    to: *mut f32,
    to_stride: usize,
) {
    let (mut rows_done, mut columns_done) = (0, 0);
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 && rows >= 16 && columns >= 16 {
        (rows_done, columns_done) = (rows / 16 * 16, columns / 16 * 16);
        // SAFETY: the contract, for a part of the elements; the level says that the processor has AVX-512.
        unsafe { avx512::transpose(from, from_stride, rows_done, columns_done, to, to_stride) };
    }
    // What is left: columns beyond the blocks, of all rows, and rows beyond them.
    // SAFETY: the contract, for parts of the elements.
    unsafe {
        by_four(
            from.add(columns_done),
            from_stride,
            rows,
            columns - columns_done,
            to.add(columns_done * to_stride),
            to_stride,
        );
        if rows_done < rows && columns_done > 0 {
            let from = from.add(rows_done * from_stride);
            by_four(from, from_stride, rows - rows_done, columns_done, to.add(rows_done), to_stride);
        }
    }
}

/// [`transpose`] by blocks of four.
///
/// # Safety
/// As there.
unsafe fn by_four(from: *const f32, from_stride: usize, rows: usize, columns: usize, to: *mut f32, to_stride: usize) {
    let (whole_rows, whole_columns) = (rows / 4 * 4, columns / 4 * 4);
    // SAFETY: every index below is one that the contract allows.
    unsafe {
        for j in (0..whole_columns).step_by(4) {
            for i in (0..whole_rows).step_by(4) {
                let first = from.add(i * from_stride + j);
                let rows = [0, 1, 2, 3].map(|row| first.add(row * from_stride));
                transpose_four(rows, to.add(j * to_stride + i), to_stride);
            }
        }
        for i in 0..rows {
            let done = if i < whole_rows { whole_columns } else { 0 };
            for j in done..columns {
                *to.add(j * to_stride + i) = *from.add(i * from_stride + j);
            }
        }
    }
}

/// Writes element j of row i to `to[j · to_stride + i]`, for four rows of four numbers.
///
/// # Safety
/// As [`transpose`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn transpose_four(rows: [*const f32; 4], to: *mut f32, to_stride: usize) {
    use std::arch::x86_64::*;
    // SAFETY: SSE is part of x86-64; the accesses are the contract's.
    unsafe {
        let [mut a, mut b, mut c, mut d] = rows.map(|row| _mm_loadu_ps(row));
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        _mm_storeu_ps(to, a);
        _mm_storeu_ps(to.add(to_stride), b);
        _mm_storeu_ps(to.add(2 * to_stride), c);
        _mm_storeu_ps(to.add(3 * to_stride), d);
    }
}

/// Writes element j of row i to `to[j · to_stride + i]`, for four rows of four numbers.
///
/// # Safety
/// As [`transpose`].
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) unsafe fn transpose_four(rows: [*const f32; 4], to: *mut f32, to_stride: usize) {
    // SAFETY: the accesses are the contract's.
    unsafe {
        let rows = rows.map(|row| row.cast::<[f32; 4]>().read_unaligned());
        for j in 0..4 {
            let column = rows.map(|row| row[j]);
            to.add(j * to_stride).cast::<[f32; 4]>().write_unaligned(column);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    /// So far ahead in each row it asks for what comes: rows of weights come from far away, and sixteen at a time are
    /// more than the processor follows by itself.
    const AHEAD: usize = 96;

    /// [`transpose`](super::transpose) for whole blocks of 16 × 16.
    ///
    /// # Safety
    /// As there; the processor has AVX-512 F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn transpose(
        from: *const f32,
        from_stride: usize,
        rows: usize,
        columns: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        for j in (0..columns).step_by(16) {
            for i in (0..rows).step_by(16) {
                // SAFETY: the block lies within rows and columns; a prefetch never faults.
                unsafe {
                    let block = from.add(i * from_stride + j);
                    for row in 0..16 {
                        _mm_prefetch::<_MM_HINT_T0>(block.wrapping_add(row * from_stride + AHEAD).cast());
                    }
                    let to = to.add(j * to_stride + i);
                    for quarter in 0..4 {
                        let columns = four_columns(block.add(4 * quarter), from_stride);
                        for (k, column) in columns.into_iter().enumerate() {
                            _mm512_storeu_ps(to.add((4 * quarter + k) * to_stride), column);
                        }
                    }
                }
            }
        }
    }

    /// Four columns of sixteen rows.
    ///
    /// # Safety
    /// They can be read.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn four_columns(from: *const f32, stride: usize) -> [__m512; 4] {
        // Lane l of vector r is row 4 l + r: put together by loads, so that the lanes need not be exchanged.
        let mut rows = [_mm512_setzero_ps(); 4];
        for (r, row) in rows.iter_mut().enumerate() {
            // SAFETY: the contract.
            let lane = |l: usize| unsafe { _mm_loadu_ps(from.add((4 * l + r) * stride)) };
            *row = _mm512_broadcast_f32x4(lane(0));
            *row = _mm512_mask_broadcast_f32x4(*row, 0x00f0, lane(1));
            *row = _mm512_mask_broadcast_f32x4(*row, 0x0f00, lane(2));
            *row = _mm512_mask_broadcast_f32x4(*row, 0xf000, lane(3));
        }
        let [a, b, c, d] = rows;
        let (ab, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let (cd, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        let pairs = |low: __m512, high: __m512| {
            let (low, high) = (_mm512_castps_pd(low), _mm512_castps_pd(high));
            let both = [_mm512_unpacklo_pd(low, high), _mm512_unpackhi_pd(low, high)];
            both.map(|x| _mm512_castpd_ps(x))
        };
        let ([first, second], [third, fourth]) = (pairs(ab, cd), pairs(ab_high, cd_high));
        [first, second, third, fourth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::testing::at_each_level;

    #[test]
    fn every_element_is_exchanged_with_its_mirror_image_whatever_the_size() {
        at_each_level(|_| {
            for (rows, columns) in [(1, 1), (3, 17), (16, 16), (17, 15), (32, 50), (35, 33), (16, 3), (48, 16)] {
                let (from_stride, to_stride) = (columns + 3, rows + 2);
                let from: Vec<f32> = (0..rows * from_stride).map(|i| i as f32).collect();
                let mut to = vec![-1.0; columns * to_stride];
                // SAFETY: both have room for all rows and columns.
                unsafe { transpose(from.as_ptr(), from_stride, rows, columns, to.as_mut_ptr(), to_stride) };
                for (j, to) in to.chunks(to_stride).enumerate() {
                    for (i, &x) in to.iter().enumerate() {
                        let expected = if i < rows { (i * from_stride + j) as f32 } else { -1.0 };
                        assert_eq!(x, expected, "{rows} × {columns}, row {i}, column {j}");
                    }
                }
            }
        });
    }
}
