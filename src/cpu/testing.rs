//! What this room's tests share: distances in units in the last place, and inputs.

/// How many representable numbers lie between `got` and the exact value: the error in units in the last place.
/// Infinite where one is NaN or infinite and the other is not.
pub fn ulps(got: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if got.is_nan() || rounded.is_nan() {
        return if got.is_nan() && rounded.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got == rounded {
        return 0.0;
    }
    if got.is_infinite() || rounded.is_infinite() {
        // An overflow one step early or late is an error of one step.
        let largest = |x: f32| x.is_infinite() || x.abs() == f32::MAX;
        return if largest(got) && largest(rounded) && got.signum() == rounded.signum() { 1.0 } else { f64::INFINITY };
    }
    let exponent = (exact.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor() as i32).max(-126);
    (f64::from(got) - exact).abs() / 2f64.powi(exponent - 23)
}

/// Numbers at which functions are special.
pub const SPECIAL: [f32; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    3.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    8_388_609.0,
    88.7,
    -103.9,
];

/// Every 5003rd of all numbers of single precision, of both signs, besides the special ones: about 850,000.
pub fn whole_range() -> Vec<f32> {
    (0..=u32::MAX).step_by(5003).map(f32::from_bits).filter(|x| !x.is_nan()).chain(SPECIAL).collect()
}

/// `n` numbers between −2 and 2 that look random and are the same in every run.
pub fn sample(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        })
        .collect()
}

/// Asserts that all numbers agree to a relative error, or an absolute one where they are below 1.
pub fn assert_close(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "lengths differ");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        let same = got == expected || (got.is_nan() && expected.is_nan());
        assert!(same || error <= tolerance * expected.abs().max(1.0), "element {i}: {got} instead of {expected}");
    }
}
