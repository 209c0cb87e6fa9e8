//! Matrix products with operands of any stride, and the affine map of a linear layer.

use std::ops::Range;

use super::buffer::filled;
use super::elementwise::{binary_here, unary_here};
use super::parallel::{Shared, divided, over_rows, run, threads};
use super::product::{InParts, Right, TERMS, Target, product};
use super::simd::is_lowered;
use super::skinny::{Part, Skinny, WIDE, skinny};
use super::sparse::{self, sparse};
use super::split_k::{product_split_k, splits};
use super::{Binary, Unary, binary_in_place, unary_in_place};

/// A matrix: element (i, j) is `data[i · row_stride + j · col_stride]`. A transposed matrix has its strides exchanged.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a, T = f32> {
    /// The elements; the first is that of row 0 and column 0.
    pub data: &'a [T],
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub col_stride: usize,
}

impl<'a, T> Mat<'a, T> {
    /// A contiguous matrix of `columns` columns.
    pub fn rows(data: &'a [T], columns: usize) -> Self {
        Self { data, row_stride: columns, col_stride: 1 }
    }

    /// The transpose, of the same elements.
    pub fn transposed(self) -> Self {
        Self { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// The matrix from this row and column on.
    pub(super) fn from(self, row: usize, column: usize) -> Self {
        let start = row * self.row_stride + column * self.col_stride;
        Self { data: &self.data[start..], ..self }
    }

    /// Panics unless all elements of `rows` × `columns` are there.
    fn check(&self, rows: usize, columns: usize) {
        if rows > 0 && columns > 0 {
            let last = (rows - 1) * self.row_stride + (columns - 1) * self.col_stride;
            assert!(last < self.data.len(), "matrix: {rows} × {columns} reaches beyond its elements");
        }
    }
}

/// What becomes of the elements of a product, while they are in the cache.
#[derive(Clone, Copy, Debug)]
pub enum Then<'a> {
    /// A function of each.
    Unary(Unary),
    /// A function of each and of the one that stands at its place in a row-major matrix of the product's shape.
    Binary(Binary, &'a [f32]),
    /// A function of each and of the one that stands in its column of a row.
    Row(Binary, &'a [f32]),
}

impl Then<'_> {
    /// For these rows and columns of a product that is `n` columns wide; by the calling thread.
    ///
    /// # Safety
    /// The part has been written, and nobody else accesses it.
    unsafe fn of_part(self, n: usize, rows: Range<usize>, columns: Range<usize>, c: Shared<f32>) {
        let here = |place: Range<usize>| {
            // SAFETY: the contract.
            let part = unsafe { c.range(place.clone()) };
            match self {
                Then::Unary(op) => unary_here(op, part),
                Then::Binary(op, others) => binary_here(op, part, &others[place]),
                Then::Row(op, row) => binary_here(op, part, &row[columns.clone()]),
            }
        };
        match columns.len() == n && !matches!(self, Then::Row(..)) {
            true => here(rows.start * n..rows.end * n),
            false => rows.for_each(|row| here(row * n + columns.start..row * n + columns.end)),
        }
    }

    /// For a whole product.
    fn of_all(self, product: &mut [f32]) {
        match self {
            Then::Unary(op) => unary_in_place(op, product),
            Then::Binary(op, others) => binary_in_place(op, product, others),
            Then::Row(op, row) => {
                over_rows(product, row.len(), row.len(), op.grain(), |_, part| binary_here(op, part, row))
            }
        }
    }
}

/// `c = a · b + beta · c` with `a` of m × k, `b` of k × n and `c` of m × n, row-major and contiguous. With `beta` = 0
/// what `c` held does not matter, not even NaN.
pub fn gemm(m: usize, k: usize, n: usize, a: Mat, b: Mat, beta: f32, c: &mut [f32]) {
    assert_eq!(c.len(), m * n, "gemm: length of c");
    a.check(m, k);
    b.check(k, n);
    if beta != 0.0 && beta != 1.0 {
        unary_in_place(Unary::MulScalar(beta), c);
    }
    // SAFETY: all of `c` is ours.
    unsafe { multiply(m, k, n, a, b, None, beta != 0.0, &[], Shared::new(c)) }
}

/// `a · b` in double precision, with `a` of m × k and `b` of k × n: for covariances, of which small differences matter.
pub fn gemm64(m: usize, k: usize, n: usize, a: Mat<f64>, b: Mat<f64>) -> Vec<f64> {
    a.check(m, k);
    b.check(k, n);
    let mut c = vec![0.0; m * n];
    let parallelism = match threads() {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    // SAFETY: `c` has m × n elements, and the operands have all theirs.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
    c
}

/// `x · w + bias` with `x` of m × k, `w` of k × n, and `bias` of n added to every row.
pub fn linear(m: usize, k: usize, n: usize, x: Mat, w: Mat, bias: Option<&[f32]>) -> Vec<f32> {
    linear_then(m, k, n, x, w, bias, &[])
}

/// [`linear`], and `then` of every element, while it is in the cache.
pub fn linear_then(m: usize, k: usize, n: usize, x: Mat, w: Mat, bias: Option<&[f32]>, then: &[Then]) -> Vec<f32> {
    if let Some(bias) = bias {
        assert_eq!(bias.len(), n, "linear: length of bias");
    }
    for then in then {
        let fits = match then {
            Then::Unary(_) => true,
            Then::Binary(_, others) => others.len() == m * n,
            Then::Row(_, row) => row.len() == n,
        };
        assert!(fits, "linear: length of what stands beside the product");
    }
    x.check(m, k);
    w.check(k, n);
    let mut out = Vec::with_capacity(m * n);
    let shared = Shared::new(&mut out.spare_capacity_mut()[..m * n]);
    // SAFETY: the spare capacity is ours, and all of it is written.
    unsafe {
        multiply(m, k, n, x, w, bias, false, then, shared.cast());
        out.set_len(m * n);
    }
    out
}

/// `count` products of m × k and k × n matrices, each of which begins so many elements behind the one before.
pub fn products(count: usize, [m, k, n]: [usize; 3], [a, b]: [Mat; 2], [a_step, b_step]: [usize; 2]) -> Vec<f32> {
    if count * m * n == 0 {
        return Vec::new();
    }
    Mat { data: &a.data[(count - 1) * a_step..], ..a }.check(m, k);
    Mat { data: &b.data[(count - 1) * b_step..], ..b }.check(k, n);
    // SAFETY: every product is written, to a place of its own.
    unsafe {
        filled(count * m * n, |out| {
            let c = Shared::new(out).cast();
            let one = |i: usize| {
                let a = Mat { data: &a.data[i * a_step..], ..a };
                let b = Mat { data: &b.data[i * b_step..], ..b };
                multiply(m, k, n, a, b, None, false, &[], c.at(i * m * n));
            };
            // Many small ones are divided among threads by number; a few large ones each for themselves.
            match count >= 4 * threads() && count * m * k * n >= 2 * GRAIN {
                true => run(count, &one),
                false => (0..count).for_each(one),
            }
        })
    }
}

/// Multiplications that one thread should have at least, for another to be worth waking.
const GRAIN: usize = 1 << 18;

/// Numbers of an operand or of the result that one thread should have at least.
const MEMORY_GRAIN: usize = 24 << 10;

/// Terms that are added up in single precision, at most: the parts of a longer sum are added in double precision, since
/// of many terms of one sign the last would vanish beside the sum.
const LONG_SUM: usize = 1 << 14;
/// Terms of a part of a longer sum: within one, some ways of multiplying add one after the other.
const PART: usize = 1 << 11;

/// Multiplications above which packing the right operand pays.
const WORTH_PACKING: usize = 1 << 15;

/// Rows that are multiplied sooner than a right operand comes from beyond the second-level cache.
const FEW_ROWS: usize = 128;

/// Writes `a · b`, plus a bias or what is there if `add` (not both), to all of `c`; then `then` of it.
///
/// # Safety
/// `c` has m × n elements that can be written, and read if `add`. The operands have all their elements.
#[allow(clippy::too_many_arguments)] // the shape, the operands, and what becomes of the product
unsafe fn multiply(
    m: usize,
    k: usize,
    n: usize,
    a: Mat,
    b: Mat,
    bias: Option<&[f32]>,
    add: bool,
    then: &[Then],
    c: Shared<f32>,
) {
    if k > LONG_SUM {
        // SAFETY: the contract.
        return unsafe { multiply_long([m, k, n], a, b, bias, add, then, c) };
    }
    let way = Skinny::of([m, k, n], a, b);
    // SAFETY: the contract.
    if way.is_none() && bias.is_none() && unsafe { multiply_apart([m, k, n], a, b, add, c) } {
        // SAFETY: the contract; all has been written.
        then.iter().for_each(|then| then.of_all(unsafe { c.range(0..m * n) }));
        return;
    }
    // The gemm crate does not pack rows of `b` that few rows of `a` are multiplied by. Ours packs what is transposed faster,
    // all of `b` once a thread where threads divide the rows, and what comes from far away while few rows are multiplied
    // by it; and it does not pack a transposed `a`, as in the gradient of a layer's weights.
    let is_faster =
        b.col_stride != 1 || !by_columns(m, n) || m <= FEW_ROWS && b.is_far() || a.row_stride == 1 && k <= TERMS;
    let ours = is_faster && n > 1 && m * k * n >= WORTH_PACKING || is_lowered();
    let packed_once = InParts::new(b);
    let least = if way.is_some() { WIDE } else { least_columns(m, n) };
    // Where threads divide the columns, a second operand would come in short pieces of rows.
    let (here, after) = match then.iter().position(|then| !matches!(then, Then::Unary(_))) {
        Some(i) if by_columns(m, n) => then.split_at(i),
        _ => (then, &[][..]),
    };
    in_parts([m, k, n], least, |rows, columns| {
        let all = (rows.clone(), columns.clone());
        if let Some(way) = way {
            let start = c.start().wrapping_add(rows.start * n + columns.start);
            let part = Part { start, stride: n, rows: rows.len(), width: columns.len() };
            let (a, b) = (a.from(rows.start, 0), b.from(0, columns.start));
            let bias = bias.map(|bias| &bias[columns]);
            // SAFETY: as below.
            unsafe { skinny(way, k, a, b, bias, add, part) }
        } else if ours {
            let target = Target { c: c.start(), row_stride: n, column: |j| j, rows, columns, add, bias };
            // SAFETY: the part lies inside `c`, and parts do not overlap.
            unsafe { product(k, a, &packed_once, &target) }
        } else {
            // SAFETY: as above.
            unsafe { by_crate(k, a, b, bias, add, c.start(), n, rows, columns) }
        }
        for then in here {
            // SAFETY: this part is ours, and has been written.
            unsafe { then.of_part(n, all.0.clone(), all.1.clone(), c) }
        }
    });
    // SAFETY: the contract; all has been written.
    after.iter().for_each(|then| then.of_all(unsafe { c.range(0..m * n) }));
}

/// Writes `a · b`, or adds it, if `a` is sparse or the sums are to be divided among threads; whether it was.
///
/// # Safety
/// As [`multiply`].
unsafe fn multiply_apart([m, k, n]: [usize; 3], a: Mat, b: Mat, add: bool, c: Shared<f32>) -> bool {
    if sparse::suits(m, k, n, a, b) {
        // SAFETY: the contract.
        unsafe { sparse([m, k, n], a, b, add, c) };
        return true;
    }
    let splits = splits(m, k, n, a);
    if splits > 1 {
        // SAFETY: the contract.
        unsafe { product_split_k([m, k, n], a, b, add, c, splits) };
    }
    splits > 1
}

/// As [`multiply`], of sums that are too long for single precision.
///
/// # Safety
/// As [`multiply`].
unsafe fn multiply_long(
    [m, k, n]: [usize; 3],
    a: Mat,
    b: Mat,
    bias: Option<&[f32]>,
    add: bool,
    then: &[Then],
    c: Shared<f32>,
) {
    let (mut sums, mut part) = (vec![0.0; m * n], vec![0.0f32; m * n]);
    for start in (0..k).step_by(PART) {
        let terms = PART.min(k - start);
        gemm(m, terms, n, a.from(0, start), b.from(start, 0), 0.0, &mut part);
        sums.iter_mut().zip(&part).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    for (i, sum) in sums.iter_mut().enumerate() {
        // SAFETY: the contract; what is to be added to can be read.
        let before = if add { unsafe { *c.start().add(i) } } else { bias.map_or(0.0, |bias| bias[i % n]) };
        *sum += f64::from(before);
    }
    let mut out: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
    then.iter().for_each(|then| then.of_all(&mut out));
    // SAFETY: `c` has as many elements, and nobody else accesses them.
    unsafe { c.start().copy_from_nonoverlapping(out.as_ptr(), m * n) };
}

/// The least rows or columns of a part: the gemm crate adds up long sums differently where neither side is above 64.
pub(super) fn least_columns(m: usize, n: usize) -> usize {
    if m.min(n) > 64 { 32 } else { 96 }
}

/// Whether threads divide an m × n result by columns: what each reads for itself is the operand on the other side, and
/// that should be the smaller one.
fn by_columns(m: usize, n: usize) -> bool {
    n >= m
}

/// Divides an m × n result among threads, in parts of at least so many rows or columns, and calls `body` for those of
/// each. Each element is computed as a whole by one thread, in an order that does not depend on the division.
fn in_parts([m, k, n]: [usize; 3], least: usize, body: impl Fn(Range<usize>, Range<usize>) + Sync) {
    let by_columns = by_columns(m, n);
    let (len, unit) = if by_columns { (n, 32) } else { (m, 8) };
    // Where sums are short, or one side is, memory is what costs.
    let work = (m * n * k / GRAIN).max((m * n).max(m * k).max(k * n) / MEMORY_GRAIN);
    let parts = divided(work).min(len / least).max(1);
    let cut = |i: usize| (len.div_ceil(unit) * i / parts * unit).min(len);
    run(parts, &|part| {
        let range = cut(part)..cut(part + 1);
        if by_columns { body(0..m, range) } else { body(range, 0..n) }
    });
}

/// The part of `a · b` in these rows and columns of `c`, whose rows are `width` apart, by the gemm crate.
///
/// # Safety
/// As [`multiply`], for this part.
#[allow(clippy::too_many_arguments)] // the operands, what becomes of the product, and the part
unsafe fn by_crate(
    k: usize,
    a: Mat,
    b: Mat,
    bias: Option<&[f32]>,
    add: bool,
    c: *mut f32,
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
) {
    let (m, n) = (rows.len(), columns.len());
    let from = |x: Mat, start: usize| x.data.as_ptr().wrapping_add(start);
    // SAFETY: the part lies inside `c`; the operands have all their elements.
    unsafe {
        let c = c.add(rows.start * width + columns.start);
        if let Some(bias) = bias {
            for i in 0..m {
                c.add(i * width).copy_from_nonoverlapping(bias[columns.clone()].as_ptr(), n);
            }
        }
        gemm::gemm(
            m,
            n,
            k,
            c,
            1,
            width as isize,
            add || bias.is_some(),
            from(a, rows.start * a.row_stride),
            a.col_stride as isize,
            a.row_stride as isize,
            from(b, columns.start * b.col_stride),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests;
