//! Output vectors that are written once, without being zeroed first.

use std::mem::MaybeUninit;

/// A vector of `len` elements, written by `fill`.
///
/// # Safety
/// `fill` writes every element of the slice that it is given.
pub(super) unsafe fn filled<T>(len: usize, fill: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut out = Vec::with_capacity(len);
    fill(&mut out.spare_capacity_mut()[..len]);
    // SAFETY: the capacity is there, and `fill` has written all of it.
    unsafe { out.set_len(len) };
    out
}

/// Several such vectors, which are written together.
///
/// # Safety
/// `fill` writes every element of all slices that it is given.
pub(super) unsafe fn all_filled<T, const N: usize>(
    lens: [usize; N],
    fill: impl FnOnce([&mut [MaybeUninit<T>]; N]),
) -> [Vec<T>; N] {
    let mut all = lens.map(Vec::with_capacity);
    let mut len = lens.iter();
    fill(all.each_mut().map(|out| &mut out.spare_capacity_mut()[..*len.next().unwrap_or(&0)]));
    for (out, len) in all.iter_mut().zip(lens) {
        // SAFETY: the capacity is there, and `fill` has written all of it.
        unsafe { out.set_len(len) };
    }
    all
}

/// Sets all elements to zero, after which they can be read.
pub(super) fn zeroed(slice: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    slice.fill(MaybeUninit::new(0.0));
    // SAFETY: same layout, and every element has just been written.
    unsafe { std::slice::from_raw_parts_mut(slice.as_mut_ptr().cast(), slice.len()) }
}
