//! Transposition of a block of numbers, four by four in registers where the target's baseline has them.

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
    let (whole_rows, whole_columns) = (rows / 4 * 4, columns / 4 * 4);
    // Safety: every index below is one that the contract allows.
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
    // Safety: SSE is part of x86-64; the accesses are the contract's.
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
    // Safety: the accesses are the contract's.
    unsafe {
        let rows = rows.map(|row| row.cast::<[f32; 4]>().read_unaligned());
        for j in 0..4 {
            let column = rows.map(|row| row[j]);
            to.add(j * to_stride).cast::<[f32; 4]>().write_unaligned(column);
        }
    }
}
