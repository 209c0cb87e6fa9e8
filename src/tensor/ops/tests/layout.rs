//! What is computed does not depend on how a tensor is stored: on devices that fuse operations it once did.

use super::{assert_near, tensor, values};
use crate::Tensor;

/// h · x / ‖x‖ of each row of x, `[rows, ..]`, by tensors.
fn scaled(x: &Tensor, h: &Tensor) -> Tensor {
    let within: Vec<isize> = (1..x.rank() as isize).collect();
    let lengths = x.square().unwrap().sum_dims(&within, true).unwrap().sqrt().unwrap();
    h.mul(&x.div(&lengths).unwrap()).unwrap()
}

/// The same in double precision, of rows in order.
fn exact(x: &[f32], h: &[f32]) -> Vec<f64> {
    let rows = x.chunks(x.len() / h.len()).zip(h);
    let row = |(row, &h): (&[f32], &f32)| {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        row.iter().map(|&v| f64::from(h) * f64::from(v) / length).collect::<Vec<_>>()
    };
    rows.flat_map(row).collect()
}

#[test]
fn permuted_tensors_with_axes_of_one_element() {
    for (a, b, c) in [(2, 2, 2), (2, 2, 3), (2, 4, 4), (3, 2, 4)] {
        let numbers: Vec<f32> = (0..a * b * c).map(|i| (i as f32 * 1.7).sin() + 0.3).collect();
        let h: Vec<f32> = (0..a).map(|i| 1.0 + i as f32 / 4.0).collect();
        let stored = tensor(&numbers, &[a, b, c]).transpose(1, 2).unwrap();
        for shape in [vec![a, 1, c, b], vec![a, c, 1, b], vec![a, c, b, 1], vec![a, 1, c, 1, b]] {
            // As `unsqueeze` makes them, and permuted with the axis that is there already.
            let late = stored.reshape(&shape).unwrap();
            let early = tensor(&numbers, &[a, 1, b, c]).transpose(2, 3).unwrap();
            for x in [late, early] {
                let first = [vec![a], vec![1; x.rank() - 1]].concat();
                let got = scaled(&x, &tensor(&h, &first));
                assert_near(&values(&got), &exact(&values(&x), &h), 1e-5);
            }
        }
    }
}
