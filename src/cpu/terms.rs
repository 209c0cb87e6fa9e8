//! Matrix products of long sums with a left operand that is turned, as gradients of weights are: the terms are divided, not
//! the result.
//!
//! The terms are the rows of a batch, and each thread has written those of its own in the operations before: they are in its
//! cache. Divided by columns, each would read all rows of the left operand, and pack all of it.

use super::buffer::filled;
use super::elementwise::{Binary, binary_in_place};
use super::matmul::{Mat, by_crate, least_columns};
use super::parallel::{Shared, run, threads};

/// Terms that a division has at least.
const LONG: usize = 256;
/// Divisions at most: their sums take memory.
const MOST: usize = 4;
/// Multiplications of a part at least.
const GRAIN: usize = 1 << 20;
/// Numbers of a result at most: one that is larger is worth dividing itself.
const SMALL: usize = 1 << 16;

/// Into how many sums the terms are divided; it does not depend on the number of threads, so that the result does not.
pub(super) fn divisions(m: usize, k: usize, n: usize, a: Mat) -> usize {
    let turned = a.row_stride == 1 && a.col_stride != 1;
    match turned && m.min(n) > 16 && m * n <= SMALL {
        true => (k / LONG).clamp(1, MOST),
        false => 1,
    }
}

/// Writes `a · b`, plus what is there if `add`, to all of `c`, m × n, as the sum of that many sums.
///
/// # Safety
/// `c` has m × n elements that can be written, and read if `add`, and nobody else accesses them meanwhile. The operands have
/// all their elements.
pub(super) unsafe fn product_by_terms(
    [m, k, n]: [usize; 3],
    a: Mat,
    b: Mat,
    add: bool,
    c: Shared<f32>,
    divisions: usize,
) {
    let terms = |i: usize| k * i / divisions..k * (i + 1) / divisions;
    // Threads beyond the divisions take columns of them.
    let stripes = (threads() / divisions).min(m * k * n / divisions / GRAIN).clamp(1, (n / least_columns(m, n)).max(1));
    let stripe = |i: usize| (n.div_ceil(32) * i / stripes * 32).min(n);
    // Safety: the first division's sums go to `c`, those of the others each to a place of its own, and all are written.
    let others = unsafe {
        filled((divisions - 1) * m * n, |others| {
            let others = Shared::new(others).cast();
            run(divisions * stripes, &|task| {
                let (division, index) = (task / stripes, task % stripes);
                let to = match division {
                    0 => c,
                    _ => others.at((division - 1) * m * n),
                };
                let columns = stripe(index)..stripe(index + 1);
                let add = add && division == 0;
                let (terms, all) = (terms(division), 0..m);
                let (a, b) = (a.from(0, terms.start), b.from(terms.start, 0));
                by_crate(terms.len(), a, b, None, add, to.start(), n, all, columns);
            });
        })
    };
    for other in others.chunks_exact((m * n).max(1)) {
        // Safety: the contract; the products have ended.
        binary_in_place(Binary::Add, unsafe { c.range(0..m * n) }, other);
    }
}
