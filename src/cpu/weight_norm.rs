//! Weight normalisation: the rows of a matrix brought to given lengths, and its gradient. A row is worked on as a whole
//! by one thread, so that it comes from memory once. Roundings are those of the same operations one by one.

use super::buffer::filled;
use super::parallel::{Shared, over_rows, parts, run};
use super::reduce::sum_of;
use super::simd::{Arith, Kernel, dispatch};

/// Elements that one thread should have at least.
const GRAIN: usize = 16 << 10;

/// The length of each row of `v`, and `g · v / length` of its elements, with one g for each row. A row of zeros is NaN.
pub fn weight_norm(v: &[f32], g: &[f32]) -> [Vec<f32>; 2] {
    let columns = width(v, g);
    let mut lengths = vec![0.0; g.len()];
    over_rows(&mut lengths, 1, columns, GRAIN, |row, length| {
        let v = &v[row * columns..][..columns];
        length[0] = sum_of(v, v).sqrt();
    });
    // SAFETY: every row is written.
    let w = unsafe {
        filled(v.len(), |w| {
            over_rows(w, columns, columns, GRAIN, |row, w| {
                let w = w.write_copy_of_slice(&v[row * columns..][..columns]);
                dispatch(Scaled { x: w, length: lengths[row], g: g[row] });
            });
        })
    };
    [lengths, w]
}

/// The gradients with respect to `v` and to `g` for that of the result, `along`, and the length of each row.
pub fn weight_norm_grad(v: &[f32], g: &[f32], lengths: &[f32], along: &[f32]) -> [Vec<f32>; 2] {
    let columns = width(v, g);
    assert_eq!([lengths.len(), along.len()], [g.len(), v.len()], "weight_norm: lengths of the gradients");
    let mut to_g = vec![0.0; g.len()];
    // SAFETY: every row is written.
    let to_v = unsafe {
        filled(v.len(), |to_v| {
            let (all_v, all_g) = (Shared::new(to_v), Shared::new(&mut to_g));
            let parts = parts(v.len(), GRAIN).min(g.len()).max(1);
            run(parts, &|part| {
                let mut unit = vec![0.0; columns];
                for row in g.len() * part / parts..g.len() * (part + 1) / parts {
                    let own = row * columns..(row + 1) * columns;
                    let (v, along, length) = (&v[own.clone()], &along[own.clone()], lengths[row]);
                    unit.copy_from_slice(v);
                    dispatch(Divided { x: &mut unit, factor: 1.0, length });
                    all_g.range(row..row + 1)[0] = sum_of(along, &unit);
                    let to = all_v.range(own).write_copy_of_slice(along);
                    dispatch(Divided { x: &mut *to, factor: g[row], length });
                    let share = sum_of(&unit, to) / length;
                    dispatch(Less { to, share, v });
                }
            });
        })
    };
    [to_v, to_g]
}

fn width(v: &[f32], g: &[f32]) -> usize {
    let columns = v.len() / g.len().max(1);
    assert_eq!(v.len(), columns * g.len(), "weight_norm: rows of one length");
    columns
}

/// x / length · g.
struct Scaled<'a> {
    x: &'a mut [f32],
    length: f32,
    g: f32,
}

impl Kernel for Scaled<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for x in self.x {
            *x = *x / self.length * self.g;
        }
    }
}

/// x · factor / length.
struct Divided<'a> {
    x: &'a mut [f32],
    factor: f32,
    length: f32,
}

impl Kernel for Divided<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for x in self.x {
            *x = *x * self.factor / self.length;
        }
    }
}

/// to − share · v.
struct Less<'a> {
    to: &'a mut [f32],
    share: f32,
    v: &'a [f32],
}

impl Kernel for Less<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        for (to, v) in self.to.iter_mut().zip(self.v) {
            *to -= self.share * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::testing::at_each_level;
    use super::super::testing::sample;
    use super::*;

    #[test]
    fn values_and_slopes_are_those_in_double_precision() {
        for (rows, columns) in [(1, 1), (3, 2), (4, 17), (2, 130)] {
            let (v, g, along) = (sample(rows * columns, 1), sample(rows, 2), sample(rows * columns, 3));
            let double = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
            let exact = |v: &[f64], g: &[f64]| -> Vec<f64> {
                let length = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>().sqrt();
                let row = |(row, g): (&[f64], &f64)| row.iter().map(|v| g * v / length(row)).collect::<Vec<f64>>();
                v.chunks(columns).zip(g).flat_map(row).collect()
            };
            let total = |v: &[f64], g: &[f64]| -> f64 {
                exact(v, g).iter().zip(&along).map(|(w, &along)| w * f64::from(along)).sum()
            };
            let (v64, g64) = (double(&v), double(&g));
            at_each_level(|level| {
                let [lengths, w] = weight_norm(&v, &g);
                for (got, exact) in w.iter().zip(exact(&v64, &g64)) {
                    assert!((f64::from(*got) - exact).abs() < 1e-6, "{level:?}: {got} for {exact}");
                }
                let [to_v, to_g] = weight_norm_grad(&v, &g, &lengths, &along);
                let slope = |i: usize, by: f64| {
                    let (mut v, mut g) = (v64.clone(), g64.clone());
                    match i.checked_sub(v.len()) {
                        None => v[i] += by,
                        Some(i) => g[i] += by,
                    }
                    total(&v, &g)
                };
                for (i, &got) in to_v.iter().chain(&to_g).enumerate() {
                    let exact = (slope(i, 1e-6) - slope(i, -1e-6)) / 2e-6;
                    let off = (f64::from(got) - exact).abs() / exact.abs().max(1.0);
                    assert!(off < 1e-4, "{level:?} {rows} × {columns}, {i}: {got} for {exact}");
                }
            });
        }
    }
}
