//! Matrix products with operands of any stride, and the affine map of a linear layer.

use std::ops::Range;

use super::parallel::{Shared, run, threads};

/// A matrix: element (i, j) is `data[i · row_stride + j · col_stride]`. A transposed matrix has its strides exchanged.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a> {
    pub data: &'a [f32],
    pub row_stride: usize,
    pub col_stride: usize,
}

impl<'a> Mat<'a> {
    /// A contiguous matrix of `columns` columns.
    pub fn rows(data: &'a [f32], columns: usize) -> Self {
        Self {
            data,
            row_stride: columns,
            col_stride: 1,
        }
    }

    /// The transpose, of the same elements.
    pub fn transposed(self) -> Self {
        Self {
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Panics unless all elements of `rows` × `columns` are there.
    fn check(&self, rows: usize, columns: usize) {
        if rows > 0 && columns > 0 {
            let last = (rows - 1) * self.row_stride + (columns - 1) * self.col_stride;
            assert!(
                last < self.data.len(),
                "matrix: {rows} × {columns} reaches beyond its elements"
            );
        }
    }

    /// The matrix from row `row` and column `column` on.
    fn from(self, row: usize, column: usize) -> Self {
        let start = row * self.row_stride + column * self.col_stride;
        Self {
            data: &self.data[start.min(self.data.len())..],
            ..self
        }
    }
}

/// `c = a · b + beta · c` with `a` of m × k, `b` of k × n and `c` of m × n, row-major and contiguous. With `beta` = 0
/// what `c` held does not matter, not even NaN.
pub fn gemm(m: usize, k: usize, n: usize, a: Mat, b: Mat, beta: f32, c: &mut [f32]) {
    assert_eq!(c.len(), m * n, "gemm: length of c");
    a.check(m, k);
    b.check(k, n);
    in_tiles(m, k, n, &Shared::new(c), |tile| tile.product(k, a, b, beta));
}

/// `x · w + bias` with `x` of m × k, `w` of k × n, and `bias` of n added to every row.
pub fn linear(m: usize, k: usize, n: usize, x: Mat, w: Mat, bias: Option<&[f32]>) -> Vec<f32> {
    if let Some(bias) = bias {
        assert_eq!(bias.len(), n, "linear: length of bias");
    }
    x.check(m, k);
    w.check(k, n);
    let mut out = Vec::with_capacity(m * n);
    let shared = Shared::new(&mut out.spare_capacity_mut()[..m * n]);
    in_tiles(m, k, n, &shared.cast(), |tile| match bias {
        Some(bias) => {
            tile.fill_rows(bias);
            tile.product(k, x, w, 1.0);
        }
        None => tile.product(k, x, w, 0.0),
    });
    // Safety: the tiles cover the result, and each was written.
    unsafe { out.set_len(m * n) };
    out
}

/// Multiplications that one thread should have at least, for another to be worth waking.
const GRAIN: usize = 1 << 19;

/// A part of the result: these rows and columns of an m × n matrix at `c`.
struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
    /// The first element of row 0 of the whole matrix, whose rows are `width` apart.
    c: *mut f32,
    width: usize,
}

/// Divides the result among threads and calls `body` for each part. Each element is computed as a whole by one
/// thread, in an order that does not depend on the division.
fn in_tiles(m: usize, k: usize, n: usize, c: &Shared<f32>, body: impl Fn(Tile) + Sync) {
    let parts = (m * n * k / GRAIN).clamp(1, threads());
    // What each thread reads for itself is the operand on the other side: let that be the smaller one.
    let by_columns = n >= m;
    let (len, unit) = if by_columns { (n, 16) } else { (m, 8) };
    let cut = |i: usize| (len.div_ceil(unit) * i / parts * unit).min(len);
    run(parts, &|part| {
        let range = cut(part)..cut(part + 1);
        let (rows, columns) = if by_columns {
            (0..m, range)
        } else {
            (range, 0..n)
        };
        body(Tile {
            rows,
            columns,
            c: c.start(),
            width: n,
        });
    });
}

impl Tile {
    /// Writes the tile's part of `row` to each of its rows.
    fn fill_rows(&self, row: &[f32]) {
        for i in self.rows.clone() {
            let source = &row[self.columns.clone()];
            // Safety: the tile lies inside the matrix and is this thread's alone.
            unsafe {
                let target = self.c.add(i * self.width + self.columns.start);
                target.copy_from_nonoverlapping(source.as_ptr(), source.len());
            }
        }
    }

    /// The tile of `a · b + beta · c`. The operands have been checked to have the elements.
    fn product(&self, k: usize, a: Mat, b: Mat, beta: f32) {
        let (a, b) = (a.from(self.rows.start, 0), b.from(0, self.columns.start));
        let stride = |stride: usize| stride as isize;
        // Safety: `a` and `b` have the elements (checked at the start), and the tile of `c` is this thread's alone.
        unsafe {
            gemm::gemm(
                self.rows.len(),
                self.columns.len(),
                k,
                self.c
                    .add(self.rows.start * self.width + self.columns.start),
                1,
                stride(self.width),
                beta != 0.0,
                a.data.as_ptr(),
                stride(a.col_stride),
                stride(a.row_stride),
                b.data.as_ptr(),
                stride(b.col_stride),
                stride(b.row_stride),
                beta,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::sample;
    use super::*;

    const SIZES: [(usize, usize, usize); 14] = [
        (0, 3, 4),
        (3, 0, 4),
        (3, 4, 0),
        (1, 1, 1),
        (1, 7, 5),
        (5, 7, 1),
        (2, 1, 3),
        (4, 4, 4),
        (17, 33, 9),
        (64, 16, 1),
        (128, 1, 16),
        (100, 240, 65),
        (130, 300, 210),
        (600, 90, 70),
    ];

    /// The product in double precision, plus a bias for each column.
    fn exact(m: usize, k: usize, n: usize, a: Mat, b: Mat, bias: &[f32]) -> Vec<f64> {
        let at =
            |x: Mat, i: usize, j: usize| f64::from(x.data[i * x.row_stride + j * x.col_stride]);
        (0..m * n)
            .map(|e| {
                let (i, j) = (e / n, e % n);
                (0..k).map(|l| at(a, i, l) * at(b, l, j)).sum::<f64>()
                    + bias.get(j).map_or(0.0, |&b| f64::from(b))
            })
            .collect()
    }

    fn check(got: &[f32], exact: &[f64], k: usize, what: &str) {
        assert_eq!(got.len(), exact.len());
        for (i, (&got, exact)) in got.iter().zip(exact).enumerate() {
            // Factors are at most 2, so partial sums are at most 4 k.
            let error = (f64::from(got) - exact).abs();
            assert!(
                error <= 1e-6 * (4 * k + 4) as f64,
                "{what}, element {i}: {got} instead of {exact}"
            );
        }
    }

    /// The four ways in which an m × k matrix can lie: by rows, by columns, and both with gaps.
    fn layouts(data: &[f32], m: usize, k: usize) -> [Mat<'_>; 4] {
        [(k, 1), (1, m), (k + 3, 1), (2 * k, 2)].map(|(row_stride, col_stride)| Mat {
            data,
            row_stride,
            col_stride,
        })
    }

    #[test]
    fn products_agree_with_double_precision_whatever_the_strides() {
        for (m, k, n) in SIZES {
            let (a, b, bias) = (
                sample(2 * m * k + 3 * m, 1),
                sample(2 * k * n + 3 * k, 2),
                sample(n, 3),
            );
            for a in layouts(&a, m, k) {
                for b in layouts(&b, k, n) {
                    let what = format!(
                        "{m} × {k} × {n}, a {}/{}, b {}/{}",
                        a.row_stride, a.col_stride, b.row_stride, b.col_stride
                    );
                    let truth = exact(m, k, n, a, b, &[]);
                    let mut c = vec![f32::NAN; m * n];
                    gemm(m, k, n, a, b, 0.0, &mut c);
                    check(&c, &truth, k, &what);
                    check(&linear(m, k, n, a, b, None), &truth, k, &what);
                    check(
                        &linear(m, k, n, a, b, Some(&bias)),
                        &exact(m, k, n, a, b, &bias),
                        k,
                        &what,
                    );
                    let mut c = vec![0.5; m * n];
                    gemm(m, k, n, a, b, 3.0, &mut c);
                    let added: Vec<f64> = truth.iter().map(|x| x + 1.5).collect();
                    check(&c, &added, k, &what);
                }
            }
        }
    }

    #[test]
    fn products_do_not_depend_on_the_number_of_threads() {
        for (m, k, n) in [(130, 600, 210), (500, 300, 40), (64, 1200, 1200)] {
            let (a, b) = (sample(m * k, 4), sample(k * n, 5));
            let product = |threads| {
                super::super::set_threads(threads);
                let c = linear(m, k, n, Mat::rows(&a, k), Mat::rows(&b, n), None);
                super::super::set_threads(0);
                c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let one = product(1);
            assert!(one == product(2), "{m} × {k} × {n}");
            assert!(one == product(5), "{m} × {k} × {n}");
        }
    }
}
