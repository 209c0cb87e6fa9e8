use super::{tensor, values};
use crate::{GradOptions, Tensor, grad};

/// The bits, too: what is stored of runs does not change with the way that they are computed.
#[test]
fn weight_norm_is_that_of_its_operations_one_by_one() {
    for (rows, columns) in [(1, 1), (5, 3), (30, 130), (2, 20_000)] {
        let spread = |n: usize, k: f32, shape: &[usize]| {
            tensor(&(0..n).map(|i| (k * (i + 1) as f32).sin()).collect::<Vec<f32>>(), shape)
        };
        let (v, g) = (spread(rows * columns, 1.7, &[rows, columns]), spread(rows, 2.3, &[rows, 1]));
        let along = spread(rows * columns, 0.9, &[rows, columns]);
        let lengths = v.square().unwrap().sum_dims(&[1], true).unwrap().sqrt().unwrap();
        let all = |w: &Tensor| -> Vec<Vec<f32>> {
            let grads = grad(w, &[&v, &g], Some(&along), GradOptions::default()).unwrap();
            [values(w)].into_iter().chain(grads.iter().map(|g| values(g.as_ref().unwrap()))).collect()
        };
        let steps = g.mul(&v.div(&lengths).unwrap()).unwrap();
        assert!(all(&v.weight_norm(&g).unwrap()) == all(&steps), "{rows} × {columns}");
    }
}
