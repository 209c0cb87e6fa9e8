//! Reductions against double precision and the standard library.

use super::*;
use crate::simd::testing::at_each_level;
use crate::testing::sample;

const LENGTHS: [usize; 12] = [0, 1, 2, 3, 63, 64, 65, 200, 1000, 16_385, 50_000, 600_001];

#[test]
fn sums_agree_with_double_precision() {
    for len in LENGTHS {
        let x = sample(len, 11);
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        let size: f64 = x.iter().map(|&x| f64::from(x.abs())).sum();
        let error = (f64::from(sum_all(&x)) - exact).abs();
        assert!(error <= 3e-7 * size, "{len} elements: error {error} of {size}");
    }
    // Added up one by one in single precision this would stop at 2^24.
    assert_eq!(sum_all(&vec![1.0; 20_000_000]), 2e7);
}

#[test]
fn sums_along_an_axis_agree_with_double_precision() {
    for (outer, axis, inner) in [
        (1, 5, 1),
        (3, 0, 2),
        (4, 7, 1),
        (1, 1000, 3),
        (3, 2, 0),
        (2, 130, 70),
        (1, 3000, 300),
        (50, 9, 100),
        (0, 3, 3),
    ] {
        let x = sample(outer * axis * inner, 12);
        let mut exact = vec![0.0; outer * inner];
        for (at, &x) in x.iter().enumerate() {
            exact[at / (axis * inner) * inner + at % inner] += f64::from(x);
        }
        let sums = sum_axis(&x, outer, axis, inner);
        assert_eq!(sums.len(), exact.len());
        for (sum, exact) in sums.iter().zip(exact) {
            // The numbers are at most 2, so the sum of their magnitudes is at most 2 axis.
            let error = (f64::from(*sum) - exact).abs();
            assert!(error <= 3e-7 * 2.0 * axis as f64, "{outer} × {axis} × {inner}: {sum} instead of {exact}");
        }
    }
}

#[test]
fn sums_do_not_depend_on_the_number_of_threads() {
    let x = sample(900_000, 13);
    let sums = |threads| {
        crate::set_threads(threads);
        let all =
            [vec![sum_all(&x)], sum_axis(&x, 1, 900, 1000), sum_axis(&x, 900, 1000, 1), sum_axis(&x, 9, 100, 1000)];
        crate::set_threads(0);
        all.concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = sums(1);
    assert!(one == sums(2));
    assert!(one == sums(7));
}

#[test]
fn extremes_agree_with_the_standard_library_and_propagate_nan() {
    for len in LENGTHS {
        let mut x = sample(len, 14);
        assert_eq!(max_all(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{len} elements");
        assert_eq!(min_all(&x), x.iter().copied().fold(f32::INFINITY, f32::min), "{len} elements");
        if len > 0 {
            x[len * 2 / 3] = f32::NAN;
            assert!(max_all(&x).is_nan() && min_all(&x).is_nan(), "{len} elements");
        }
    }
}

#[test]
fn extremes_along_an_axis_are_the_first_among_equals() {
    for (outer, axis, inner) in [
        (1, 1, 1),
        (3, 100, 1),
        (5, 9, 1),
        (37, 5, 1),
        (16, 63, 1),
        (5000, 2, 1),
        (2, 30, 65),
        (1, 4, 7),
        (300, 2000, 1),
        (0, 3, 3),
    ] {
        // Few different values, so that there are equals; and some NaN.
        let x: Vec<f32> = (sample(outer * axis * inner, 15).iter())
            .map(|&x| if x > 1.99 { f32::NAN } else { (x * 3.0).round() })
            .collect();
        for max in [true, false] {
            let (values, indices) =
                if max { max_axis(&x, outer, axis, inner) } else { min_axis(&x, outer, axis, inner) };
            for (at, (&value, &index)) in values.iter().zip(&indices).enumerate() {
                let line: Vec<f32> = (0..axis).map(|i| x[(at / inner * axis + i) * inner + at % inner]).collect();
                let expected = line.iter().position(|x| x.is_nan()).unwrap_or_else(|| {
                    let beats = |a: f32, b: f32| if max { a > b } else { a < b };
                    (1..axis).fold(0, |best, i| if beats(line[i], line[best]) { i } else { best })
                });
                assert_eq!(index as usize, expected, "{line:?}");
                assert_eq!(value.to_bits(), line[expected].to_bits());
            }
        }
    }
}

#[test]
fn sums_of_short_rows_and_of_many_blocks_are_those_of_each_to_the_last_bit() {
    for axis in 1..=20 {
        let mut x = sample(37 * axis, 41);
        (x[0], x[axis - 1]) = (-0.0, if axis > 2 { f32::MAX } else { -0.0 });
        at_each_level(|level| {
            let sums = sum_axis(&x, 37, axis, 1);
            for (row, sum) in x.chunks(axis).zip(sums) {
                assert_eq!(sum.to_bits(), sum_all(row).to_bits(), "{axis} columns at {level:?}");
            }
        });
    }
    for (axis, inner) in [(2, 3), (2, 64), (3, 100), (130, 7)] {
        let x = sample(5 * axis * inner, 42);
        at_each_level(|level| {
            let each: Vec<f32> = x.chunks(axis * inner).flat_map(|x| sum_axis(x, 1, axis, inner)).collect();
            assert_eq!(sum_axis(&x, 5, axis, inner), each, "{axis} × {inner} at {level:?}");
        });
    }
}
