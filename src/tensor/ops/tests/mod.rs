//! Operations against what the same formula gives in double precision, or against closed forms.

mod cancellation;
mod einsum;
mod elementwise;
mod ints;
mod layout;
mod norm;
mod resample;
mod singular;

use crate::{GradOptions, Tensor, device, grad};

pub fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_floats(values.to_vec(), shape, &device::current())
}

pub fn vector(values: &[f32]) -> Tensor {
    tensor(values, &[values.len()])
}

pub fn values(t: &Tensor) -> Vec<f32> {
    t.to_floats().unwrap()
}

/// The gradients of the sum of `f(x)`, of the sum of those, and so on.
pub fn gradients(f: impl Fn(&Tensor) -> Tensor, x: &Tensor, orders: usize) -> Vec<Vec<f32>> {
    let mut y = f(x).sum().unwrap();
    let mut all = Vec::new();
    for _ in 0..orders {
        let options = GradOptions { create_graph: true };
        let g = grad(&y, &[x], None, options).unwrap().remove(0);
        let g = g.unwrap_or_else(|| x.zeros_like());
        all.push(values(&g));
        y = g.sum().unwrap();
    }
    all
}

/// `got` within `tolerance` of each of `exact`, relative to it.
pub fn assert_near(got: &[f32], exact: &[f64], tolerance: f64) {
    assert_eq!(got.len(), exact.len(), "{got:?} not {exact:?}");
    for (&g, &e) in got.iter().zip(exact) {
        let same = f64::from(g) == e || g.is_nan() && e.is_nan();
        let close = (f64::from(g) - e).abs() <= tolerance * e.abs();
        assert!(same || close, "{g:e} not {e:e}, in {got:?}");
    }
}
