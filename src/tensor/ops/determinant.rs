//! Recorded determinants and inverses of square matrices, by elimination in float64.

use super::{floats, unary};
use crate::{Tensor, shown};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// The sign of the determinant (−1, 0, 1; no gradient) and the logarithm of its size, of matrices along leading
    /// axes: `[.., n, n] → [..]`. Of a singular matrix 0 and −∞. The gradient is the inverse, transposed.
    ///
    /// # Errors
    /// Anything but square matrices; in the gradient, a singular matrix.
    pub fn slogdet(&self) -> Result<(Tensor, Tensor)> {
        let x = floats(self);
        let (n, lead) = square("slogdet", &x)?;
        let mut signs = Vec::new();
        let mut logs = Vec::new();
        for matrix in matrices(&x, n)? {
            let (sign, log) = determinant(matrix, n);
            signs.push(sign);
            logs.push(log as f32);
        }
        let at = x.device();
        let value = Tensor::from_floats(logs, &lead, &at);
        let log = unary("slogdet", &x, value.raw().clone(), &[&x], false, |b| {
            b.grad.unsqueeze(-1)?.unsqueeze(-1)?.mul(&b.saved[0].inverse()?.t()?)
        });
        Ok((Tensor::from_floats(signs, &lead, &at), log))
    }

    /// The inverse of square matrices along leading axes: `[.., n, n]`, unchanged in shape.
    ///
    /// # Errors
    /// Anything but square matrices; a singular matrix.
    pub fn inverse(&self) -> Result<Tensor> {
        let x = floats(self);
        let (n, _) = square("inv", &x)?;
        let mut all = Vec::with_capacity(x.len());
        for (i, matrix) in matrices(&x, n)?.into_iter().enumerate() {
            let inverse = inverted(matrix, n).ok_or_else(|| {
                let which = if x.rank() == 2 { "the matrix".to_string() } else { format!("matrix {i}") };
                Fault::value(format!("inv: {which} is singular: its determinant is 0, it has no inverse"))
            })?;
            all.extend(inverse.into_iter().map(|v| v as f32));
        }
        let value = Tensor::from_floats(all, &x.shape(), &x.device());
        Ok(unary("inv", &x, value.raw().clone(), &[], true, |b| {
            let y = b.output()?.t()?;
            y.matmul(b.grad)?.matmul(&y)?.neg()
        }))
    }
}

/// The side of the matrices and the axes before them.
fn square(name: &str, x: &Tensor) -> Result<(usize, Vec<usize>)> {
    match &x.shape()[..] {
        [lead @ .., m, n] if m == n => Ok((*n, lead.to_vec())),
        shape => Err(Fault::shape(format!("{name}: needs square matrices [.., n, n], got {}", shown(shape)))),
    }
}

fn matrices(x: &Tensor, n: usize) -> Result<Vec<Vec<f64>>> {
    let values = x.to_floats()?;
    if n == 0 {
        let count = x.shape().iter().rev().skip(2).product();
        return Ok(vec![vec![]; count]);
    }
    Ok(values.chunks(n * n).map(|m| m.iter().map(|&v| f64::from(v)).collect()).collect())
}

/// Brings the largest element of column `k` at or below the diagonal onto it, in `a` and in every column of `beside`;
/// whether rows were exchanged.
fn pivot(a: &mut [f64], beside: &mut [f64], n: usize, k: usize) -> bool {
    let size = |row: usize| a[row * n + k].abs();
    let best = (k..n).fold(k, |best, row| if size(row) > size(best) { row } else { best });
    if best == k {
        return false;
    }
    for column in 0..n {
        a.swap(k * n + column, best * n + column);
    }
    for column in 0..beside.len() / n {
        beside.swap(k * n + column, best * n + column);
    }
    true
}

/// Sign and log size of the determinant, by elimination with row exchanges.
fn determinant(mut a: Vec<f64>, n: usize) -> (f32, f64) {
    let (mut sign, mut log) = (1.0, 0.0);
    for k in 0..n {
        if pivot(&mut a, &mut [], n, k) {
            sign = -sign;
        }
        let p = a[k * n + k];
        if p == 0.0 {
            return (0.0, f64::NEG_INFINITY);
        }
        if p < 0.0 {
            sign = -sign;
        }
        log += p.abs().ln();
        for row in k + 1..n {
            let f = a[row * n + k] / p;
            for column in k..n {
                a[row * n + column] -= f * a[k * n + column];
            }
        }
    }
    // A NaN among the elements shows in the logarithm; it has no sign.
    (if log.is_nan() { f32::NAN } else { sign }, log)
}

/// Gauss and Jordan; `None` where there is no inverse.
fn inverted(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        inverse[i * n + i] = 1.0;
    }
    for k in 0..n {
        pivot(&mut a, &mut inverse, n, k);
        let p = a[k * n + k];
        if p == 0.0 {
            return None;
        }
        for column in 0..n {
            a[k * n + column] /= p;
            inverse[k * n + column] /= p;
        }
        for row in (0..n).filter(|&row| row != k) {
            let f = a[row * n + k];
            for column in 0..n {
                a[row * n + column] -= f * a[k * n + column];
                inverse[row * n + column] -= f * inverse[k * n + column];
            }
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device;

    fn matrix(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_floats(values.to_vec(), shape, &device::current())
    }

    /// The determinant of the Hilbert matrix of size 3 is 1/2160; of a permutation with one exchange −1; of the
    /// Vandermonde matrix of 1, 2, 4 it is (2−1)(4−1)(4−2) = 6.
    #[test]
    fn known_determinants() -> Result<()> {
        let cases: [(&[f32], f32, f64); 4] = [
            (
                &[1.0, 1.0 / 2.0, 1.0 / 3.0, 1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 4.0, 1.0 / 5.0],
                1.0,
                1.0 / 2160.0,
            ),
            (&[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0], -1.0, 1.0),
            (&[1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 1.0, 4.0, 16.0], 1.0, 6.0),
            (&[1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 0.0, 1.0, 5.0], 0.0, 0.0),
        ];
        for (values, sign, size) in cases {
            let (s, log) = matrix(values, &[3, 3]).slogdet()?;
            assert_eq!(s.to_floats()?, [sign]);
            let log = f64::from(log.to_floats()?[0]);
            assert!(log == size.ln() || (log - size.ln()).abs() < 1e-4, "{log} for {}", size.ln());
        }
        Ok(())
    }

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() -> Result<()> {
        let a = matrix(
            &[0.0, 2.0, 1.0, 3.0, 1.0, 0.0, 1.0, 0.0, -4.0, 2.0, 0.0, 0.0, 0.0, 3.0, 1.0, 0.0, -1.0, 1.0],
            &[2, 3, 3],
        );
        let one = a.matmul(&a.inverse()?)?.to_floats()?;
        for (i, v) in one.iter().enumerate() {
            let want = if i % 9 % 4 == 0 { 1.0 } else { 0.0 };
            assert!((v - want).abs() < 1e-6, "{i}: {v}");
        }
        Ok(())
    }

    #[test]
    fn what_is_singular_is_said() -> Result<()> {
        let flat = matrix(&[1.0, 2.0, 2.0, 4.0], &[2, 2]);
        assert!(flat.inverse().is_err_and(|f| f.message.contains("the matrix is singular")));
        let loss = flat.slogdet()?.1;
        assert!(crate::grad(&loss, &[&flat], None, crate::GradOptions::default()).is_err());
        assert_eq!(matrix(&[], &[0, 0]).slogdet()?.1.to_floats()?, [0.0]);
        Ok(())
    }
}
