//! `resize` against Pillow 12, `shift` against its definition, gradients against what a linear map's must be.

use crate::{Device, GradOptions, Tensor, grad};

/// A pattern that is written alike in Rust and in Python: ((7·3·i + 11·5·j + 3·i·j) mod 17)/16.
fn pattern(h: usize, w: usize) -> Tensor {
    let data = (0..h * w).map(|at| ((at / w * 21 + at % w * 55 + at / w * (at % w) * 3) % 17) as f32 / 16.0);
    Tensor::from_floats(data.collect(), &[1, 1, h, w], &Device::Cpu)
}

/// `Image.fromarray(pattern(6, 7), "F").resize((w, h), Image.BILINEAR)` of Pillow, rounded to six decimals.
const PILLOW: [([usize; 2], &[f32]); 3] = [
    (
        [3, 4],
        &[
            0.285714, 0.418571, 0.712143, 0.430697, 0.527158, 0.39875, 0.610938, 0.405878, 0.611395, 0.5975, 0.690357,
            0.718963,
        ],
    ),
    (
        [9, 5],
        &[
            0.083333, 0.388889, 0.75, 0.638889, 0.354167, 0.239583, 0.364583, 0.625, 0.649306, 0.479167, 0.388889,
            0.351852, 0.49053, 0.663194, 0.527778, 0.361111, 0.398148, 0.452652, 0.677083, 0.222222, 0.510417,
            0.385417, 0.318182, 0.690972, 0.270833, 0.71875, 0.451389, 0.296402, 0.704861, 0.4375, 0.927083, 0.8125,
            0.70928, 0.71875, 0.604167, 0.604167, 0.642361, 0.6875, 0.732639, 0.770833, 0.229167, 0.381944, 0.5625,
            0.743056, 0.895833,
        ],
    ),
    (
        [2, 14],
        &[
            0.3125, 0.333984, 0.376953, 0.386719, 0.363281, 0.373047, 0.416016, 0.558594, 0.800781, 0.777344, 0.488281,
            0.365234, 0.408203, 0.429688, 0.671875, 0.644531, 0.589844, 0.568359, 0.580078, 0.558594, 0.503906,
            0.548828, 0.693359, 0.738281, 0.683594, 0.628906, 0.574219, 0.546875,
        ],
    ),
];

#[test]
fn resized_images_are_pillows() {
    for (size, expected) in PILLOW {
        let found = pattern(6, 7).resize(size).unwrap();
        assert_eq!(found.shape()[..], [1, 1, size[0], size[1]]);
        for (found, expected) in found.to_floats().unwrap().iter().zip(expected) {
            assert!((found - expected).abs() < 2e-6, "{size:?}: {found} not {expected}");
        }
    }
    assert!(pattern(6, 7).resize([0, 3]).is_err());
}

#[test]
fn the_gradient_of_resize_is_its_transpose() {
    // Σ y is linear in x, and every input pixel's weights in it come from the filter alone: the sum of all gradients is
    // the number of output pixels, since each output's weights sum to 1.
    let x = pattern(6, 7);
    let g = grad(&x.resize([3, 4]).unwrap().sum().unwrap(), &[&x], None, GradOptions::default()).unwrap();
    let g = g[0].as_ref().unwrap().to_floats().unwrap();
    assert!((g.iter().sum::<f32>() - 12.0).abs() < 1e-5);
    // Against central differences of a weighted sum.
    let weights = pattern(3, 4);
    let loss = |x: &Tensor| x.resize([3, 4]).unwrap().mul(&weights).unwrap().square().unwrap().sum().unwrap();
    let g = grad(&loss(&x), &[&x], None, GradOptions::default()).unwrap();
    let g = g[0].as_ref().unwrap().to_floats().unwrap();
    let data = x.to_floats().unwrap();
    for at in [0, 10, 24, 41] {
        let moved = |by: f32| {
            let mut data = data.clone();
            data[at] += by;
            loss(&Tensor::from_floats(data, &[1, 1, 6, 7], &Device::Cpu)).to_floats().unwrap()[0]
        };
        let slope = (moved(0.05) - moved(-0.05)) / 0.1;
        assert!((g[at] - slope).abs() < 1e-3, "{at}: {} not {slope}", g[at]);
    }
}

#[test]
fn shifted_images_bring_in_zeros() {
    let x = pattern(4, 5);
    let y = x.shift(&[1], &[-2]).unwrap().to_floats().unwrap();
    let x = x.to_floats().unwrap();
    for (at, y) in y.iter().enumerate() {
        let (i, j) = (at / 5, at % 5);
        let expected = if i >= 1 && j + 2 < 5 { x[(i - 1) * 5 + j + 2] } else { 0.0 };
        assert_eq!(*y, expected, "{i}, {j}");
    }
    assert!(pattern(4, 5).shift(&[1, 2], &[0]).is_err());
}
