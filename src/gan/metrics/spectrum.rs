//! Linear algebra of symmetric matrices in double precision, as the Fréchet distance needs it: eigenvalues without
//! eigenvectors, and a Cholesky factor of what may be singular. Matrices are row-major, all of them stored.

use super::Poll;
use saddle_cpu::{Mat, gemm64};
use saddle_fault::Result;

/// Eigenvalues that are searched together, so that their divisions overlap.
const TOGETHER: usize = 8;

/// The trace of (A B)^½ for positive semidefinite A and B of n × n. With A = L Lᵀ, the eigenvalues of A B other than 0
/// are those of the symmetric matrix Lᵀ B L.
///
/// # Errors
/// When `poll` gives one.
pub fn trace_of_root(a: &[f64], b: &[f64], n: usize, poll: Poll) -> Result<f64> {
    let factor = cholesky(a, n, poll)?;
    let rank = factor.len() / n.max(1);
    if rank == 0 {
        return Ok(0.0);
    }
    let factor = Mat::rows(&factor, n);
    let left = gemm64(rank, n, n, factor, Mat::rows(b, n));
    poll()?;
    let product = gemm64(rank, n, rank, Mat::rows(&left, n), factor.transposed());
    let values = eigenvalues(product, rank, poll)?;
    // Rounding makes some of those that are 0 negative.
    Ok(values.iter().map(|v| v.max(0.0).sqrt()).sum())
}

/// The rows of Lᵀ, with A = L Lᵀ, for a positive semidefinite A of n × n: as many rows as A has rank. The pivots come
/// in the order of their size, so that what is left when they are rounding errors is nothing.
fn cholesky(a: &[f64], n: usize, poll: Poll) -> Result<Vec<f64>> {
    let mut left: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
    let largest = left.iter().copied().fold(0.0, f64::max);
    let mut factor: Vec<f64> = Vec::new();
    for _ in 0..n {
        poll()?;
        let Some((at, pivot)) = left
            .iter()
            .copied()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|&(_, pivot)| pivot > largest * n as f64 * f64::EPSILON)
        else {
            break;
        };
        let mut row = a[at * n..(at + 1) * n].to_vec();
        for before in factor.chunks_exact(n) {
            axpy(&mut row, -before[at], before);
        }
        let scale = pivot.sqrt().recip();
        for (v, left) in row.iter_mut().zip(&mut left) {
            *v *= scale;
            *left -= *v * *v;
        }
        // It may have kept a rounding error, which must not be taken for a pivot again.
        left[at] = f64::NEG_INFINITY;
        factor.extend(row);
    }
    Ok(factor)
}

/// `y += factor · x`.
fn axpy(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// The eigenvalues of a symmetric matrix of n × n, ascending.
///
/// # Errors
/// When `poll` gives one.
pub fn eigenvalues(a: Vec<f64>, n: usize, poll: Poll) -> Result<Vec<f64>> {
    let (diagonal, beside) = tridiagonal(a, n, poll)?;
    poll()?;
    Ok(bisected(&diagonal, &beside))
}

/// The diagonal, and the one beside it, of a tridiagonal matrix with the same eigenvalues: each step reflects one row
/// onto its first two elements (Householder).
fn tridiagonal(mut a: Vec<f64>, n: usize, poll: Poll) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut diagonal, mut beside) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for k in 0..n {
        poll()?;
        diagonal.push(a[k * n + k]);
        if k + 1 == n {
            break;
        }
        let mut v = a[k * n + k + 1..(k + 1) * n].to_vec();
        let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        if k + 2 == n || norm == 0.0 {
            beside.push(v[0]);
            continue;
        }
        // The sign that does not cancel.
        let onto = -norm.copysign(v[0]);
        beside.push(onto);
        v[0] -= onto;
        let beta = 2.0 / v.iter().map(|v| v * v).sum::<f64>();
        reflect(&mut a, n, k + 1, &v, beta);
    }
    Ok((diagonal, beside))
}

/// H A H for the symmetric block of `a` from row and column `start` on, with H = 1 − beta v vᵀ.
fn reflect(a: &mut [f64], n: usize, start: usize, v: &[f64], beta: f64) {
    let row = |i: usize| (start + i) * n + start..(start + i + 1) * n;
    let mut w = vec![0.0; v.len()];
    for (i, &vi) in v.iter().enumerate() {
        axpy(&mut w, beta * vi, &a[row(i)]);
    }
    let along = 0.5 * beta * w.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
    axpy(&mut w, -along, v);
    for (i, (&vi, &wi)) in v.iter().zip(&w).enumerate() {
        for ((a, v), w) in a[row(i)].iter_mut().zip(v).zip(&w) {
            *a -= vi * w + wi * v;
        }
    }
}

/// The eigenvalues of a tridiagonal matrix, ascending, each by halving an interval that holds it: how many lie below a
/// number is the number of negative pivots of the matrix minus that number (Sturm).
fn bisected(diagonal: &[f64], beside: &[f64]) -> Vec<f64> {
    let n = diagonal.len();
    let side = |i: usize| beside.get(i).map_or(0.0, |v| v.abs());
    let reach = |i: usize| side(i) + if i > 0 { side(i - 1) } else { 0.0 };
    let (low, high) = (0..n).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), i| {
        (low.min(diagonal[i] - reach(i)), high.max(diagonal[i] + reach(i)))
    });
    let smallest = f64::MIN_POSITIVE.max(low.abs().max(high.abs()) * f64::EPSILON * f64::EPSILON);
    let squares: Vec<f64> = std::iter::once(0.0).chain(beside.iter().map(|v| v * v)).collect();
    let mut all = Vec::with_capacity(n + TOGETHER);
    for first in (0..n).step_by(TOGETHER) {
        let (mut lows, mut highs) = ([low; TOGETHER], [high; TOGETHER]);
        // Each step gains a bit.
        for _ in 0..64 {
            let middle: [f64; TOGETHER] = std::array::from_fn(|lane| 0.5 * (lows[lane] + highs[lane]));
            let below = count_below(diagonal, &squares, middle, smallest);
            for lane in 0..TOGETHER {
                match below[lane] > (first + lane) as f64 {
                    true => highs[lane] = middle[lane],
                    false => lows[lane] = middle[lane],
                }
            }
        }
        all.extend((0..TOGETHER).map(|lane| 0.5 * (lows[lane] + highs[lane])));
    }
    all.truncate(n);
    all
}

/// How many eigenvalues lie below each of `x`. `squares[i]` is the square of the element before the i-th diagonal one.
fn count_below(diagonal: &[f64], squares: &[f64], x: [f64; TOGETHER], smallest: f64) -> [f64; TOGETHER] {
    let (mut pivots, mut counts) = ([1.0; TOGETHER], [0.0; TOGETHER]);
    for (&d, &square) in diagonal.iter().zip(squares) {
        for lane in 0..TOGETHER {
            let pivot: f64 = d - x[lane] - square / pivots[lane];
            let pivot = if pivot.abs() < smallest { -smallest } else { pivot };
            counts[lane] += if pivot < 0.0 { 1.0 } else { 0.0 };
            pivots[lane] = pivot;
        }
    }
    counts
}
