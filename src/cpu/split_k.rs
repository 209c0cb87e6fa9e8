//! Split-K matrix products: a long sum with a transposed left operand, as gradients of weights are, is divided among
//! threads by its terms rather than by the elements of the result.
//!
//! The terms are the rows of a batch, and each thread has written those of its own in the operations before: they are
//! in its cache. Divided by columns, each would read all rows of the left operand, and pack all of it.

use super::buffer::filled;
use super::elementwise::{Binary, binary_in_place};
use super::matmul::{Mat, least_columns};
use super::parallel::{Shared, run, threads};
use super::product::{Target, product};

/// Terms that a part has at least.
const LONG: usize = 256;
/// Parts at most: their sums take memory.
const MAX_SPLITS: usize = 4;
/// Multiplications of a part at least.
const GRAIN: usize = 1 << 20;
/// Numbers of a result at most: one that is larger is worth dividing itself.
const SMALL: usize = 1 << 16;

/// Into how many parts the sum is split; it does not depend on the number of threads, so that the result does not.
pub(super) fn splits(m: usize, k: usize, n: usize, a: Mat) -> usize {
    let transposed = a.row_stride == 1 && a.col_stride != 1;
    match transposed && m.min(n) > 16 && m * n <= SMALL {
        true => (k / LONG).clamp(1, MAX_SPLITS),
        false => 1,
    }
}

/// Writes `a · b`, plus what is there if `add`, to all of `c`, m × n, as the sum of that many sums.
///
/// # Safety
/// `c` has m × n elements that can be written, and read if `add`, and nobody else accesses them meanwhile. The operands
/// have all their elements.
pub(super) unsafe fn product_split_k([m, k, n]: [usize; 3], a: Mat, b: Mat, add: bool, c: Shared<f32>, splits: usize) {
    let terms = |i: usize| k * i / splits..k * (i + 1) / splits;
    // Threads beyond the divisions take columns of them.
    let stripes = (threads() / splits).min(m * k * n / splits / GRAIN).clamp(1, (n / least_columns(m, n)).max(1));
    let stripe = |i: usize| (n.div_ceil(32) * i / stripes * 32).min(n);
    // SAFETY: the first division's sums go to `c`, those of the others each to a place of its own, and all are written.
    let others = unsafe {
        filled((splits - 1) * m * n, |others| {
            let others = Shared::new(others).cast();
            run(splits * stripes, &|task| {
                let (division, index) = (task / stripes, task % stripes);
                let to = match division {
                    0 => c,
                    _ => others.at((division - 1) * m * n),
                };
                let columns = stripe(index)..stripe(index + 1);
                let add = add && division == 0;
                let (terms, all) = (terms(division), 0..m);
                let (a, b) = (a.from(0, terms.start), b.from(terms.start, 0));
                let target =
                    Target { c: to.start(), row_stride: n, column: |j| j, rows: all, columns, add, bias: None };
                product(terms.len(), a, &b, &target);
            });
        })
    };
    for other in others.chunks_exact((m * n).max(1)) {
        // SAFETY: the contract; the products have ended.
        binary_in_place(Binary::Add, unsafe { c.range(0..m * n) }, other);
    }
}
