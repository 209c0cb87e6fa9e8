//! Whole numbers above 2²⁴, which single precision rounds, keep every digit; what does not fit 64 bits is an error.

use crate::{Compare, Dtype, Tensor, device};

const BIG: i64 = 16_777_217;

fn ints(values: &[i64], shape: &[usize]) -> Tensor {
    Tensor::from_ints(values.to_vec(), shape, &device::current())
}

/// Whether the device has 64 bits: on one of 32 a wider number is refused when it is made (`tests/devices.rs`).
fn is_wide() -> bool {
    device::current().whole_bits() == 64
}

fn assert_ints(got: Tensor, exact: &[i64]) {
    assert_eq!((got.dtype(), got.to_ints().unwrap()), (Dtype::Int, exact.to_vec()));
}

#[test]
fn operations_on_whole_numbers_are_exact() {
    let values = [BIG, -BIG, BIG + 2];
    let x = ints(&values, &[3]);
    let one = ints(&[1], &[]);
    assert_ints(x.abs().unwrap(), &[BIG, BIG, BIG + 2]);
    assert_ints(x.neg().unwrap(), &[-BIG, BIG, -BIG - 2]);
    assert_ints(x.sign().unwrap(), &[1, -1, 1]);
    assert_ints(x.floor().unwrap(), &values);
    assert_ints(x.sum().unwrap(), &[BIG + 2]);
    assert_ints(x.cumsum(0).unwrap(), &[BIG, 0, BIG + 2]);
    assert_ints(ints(&[BIG, 3, 0, -BIG], &[4]).cumprod(0).unwrap(), &[BIG, 3 * BIG, 0, 0]);
    assert_ints(x.sort(0, false).unwrap().0, &[-BIG, BIG, BIG + 2]);
    assert_ints(x.clamp_ints(-BIG, BIG + 1).unwrap(), &[BIG, -BIG, BIG + 1]);
    assert_ints(x.maximum(&one).unwrap(), &[BIG, 1, BIG + 2]);
    assert_ints(x.minimum(&one).unwrap(), &[1, -BIG, 1]);
    assert_ints(x.rem(&ints(&[10], &[])).unwrap(), &[7, 3, 9]);
    assert_ints(x.rem(&ints(&[-10], &[])).unwrap(), &[-3, -7, -1]);
    assert_ints(
        x.floor_div(&ints(&[10], &[])).unwrap(),
        &[BIG.div_euclid(10), (-BIG).div_euclid(10), (BIG + 2).div_euclid(10)],
    );
    assert_ints(x.floor_div(&ints(&[-10], &[])).unwrap(), &[-BIG / 10 - 1, BIG / 10, -(BIG + 2) / 10 - 1]);
    assert_ints(x.extreme(true).unwrap(), &[BIG + 2]);
    assert_ints(x.extreme(false).unwrap(), &[-BIG]);
    let two = ints(&[2 * BIG, 3], &[2]);
    assert_ints(two.prod_dims(&[0], false).unwrap(), &[6 * BIG]);
}

#[test]
fn reductions_along_dims_keep_their_places() {
    let x = ints(&[BIG, 5, -BIG, 7, 1, BIG + 1], &[2, 3]);
    assert_ints(x.sum_dims(&[0], false).unwrap(), &[BIG + 7, 6, 1]);
    assert_ints(x.sum_dims(&[1], true).unwrap(), &[5, BIG + 9]);
    let top = x.extreme_dim(1, false, true).unwrap();
    assert_ints(top.values, &[BIG, BIG + 1]);
    assert_ints(top.indices, &[0, 2]);
    assert_ints(x.cumsum(1).unwrap(), &[BIG, BIG + 5, 5, 7, 8, BIG + 9]);
}

#[test]
fn a_choice_of_whole_numbers_is_whole() {
    let x = ints(&[BIG, -BIG], &[2]);
    let mask = x.gt(&ints(&[0], &[])).unwrap();
    assert_ints(mask.choose(&x, &x.neg().unwrap()).unwrap(), &[BIG, BIG]);
    let truths = mask.choose(&mask, &mask.not()).unwrap();
    assert_eq!(truths.dtype(), Dtype::Bool);
    let floats = mask.choose(&x, &Tensor::full(0.5, &[], &device::current())).unwrap();
    assert_eq!(floats.dtype(), Dtype::F32);
}

#[test]
fn classes_that_were_cut_are_classes() {
    let y = ints(&[3, 7, 9], &[3]).clamp_ints(0, 8).unwrap();
    let hot = y.one_hot(10).unwrap();
    assert_eq!(&hot.shape()[..], [3, 10]);
}

#[test]
fn powers_and_products_of_whole_numbers_are_whole() {
    let x = ints(&[2, -3, 0, 1, -1], &[5]);
    assert_ints(x.pow(&ints(&[3], &[])).unwrap(), &[8, -27, 0, 1, -1]);
    assert_ints(x.pow(&ints(&[0], &[])).unwrap(), &[1; 5]);
    let inverse = ints(&[2], &[1]).pow(&ints(&[-1], &[])).unwrap();
    assert_eq!(inverse.to_floats().unwrap(), [0.5]);
    assert_ints(x.square().unwrap(), &[4, 9, 0, 1, 1]);
    assert_ints(x.relu().unwrap(), &[2, 0, 0, 1, 0]);
    let (a, b) = (ints(&[BIG, 1, 0, 2], &[2, 2]), ints(&[1, 0, 5, BIG], &[2, 2]));
    assert_ints(a.matmul(&b).unwrap(), &[BIG + 5, BIG, 10, 2 * BIG]);
    assert_ints(crate::einsum("ij,jk->ki", &[a.clone(), b.clone()]).unwrap(), &[BIG + 5, 10, BIG, 2 * BIG]);
    assert_ints(a.matmul(&ints(&[1, 1], &[2])).unwrap(), &[BIG + 1, 2]);
    let batch = ints(&[1, 2, 3, 4, BIG, 6], &[3, 1, 2]).matmul(&ints(&[1, 1], &[2, 1])).unwrap();
    assert_ints(batch, &[3, 7, BIG + 6]);
    assert!(ints(&[3], &[1]).pow(&ints(&[40], &[])).is_err());
    if !is_wide() {
        return;
    }
    assert_ints(ints(&[3], &[1]).pow(&ints(&[39], &[])).unwrap(), &[4_052_555_153_018_976_267]);
    // 1 and −1 have every power.
    assert_ints(ints(&[1, -1], &[2]).pow(&ints(&[i64::MAX], &[])).unwrap(), &[1, -1]);
    assert!(ints(&[i64::MAX, 2], &[1, 2]).matmul(&ints(&[2, 1], &[2, 1])).is_err());
}

#[test]
fn places_of_whole_numbers_keep_their_digits() {
    let x = ints(&[BIG, 5, 7, -BIG], &[2, 2]);
    assert_ints(x.pad_ints(&[(1, 0), (0, 1)], 3).unwrap(), &[3, 3, 3, BIG, 5, 3, 7, -BIG, 3]);
    let (at, source) = (ints(&[1, 1, 0], &[3, 1]), ints(&[BIG + 2, 2, 3], &[3, 1]));
    let rows = ints(&[0, 0, 0, 0, BIG, 0], &[3, 2]);
    assert_ints(rows.int_scatter(1, &at, &source, true).unwrap(), &[0, BIG + 2, 0, 2, BIG + 3, 0]);
    assert_ints(rows.int_scatter(1, &at, &source, false).unwrap(), &[0, BIG + 2, 0, 2, 3, 0]);
}

/// Half of 1 in the numbers 2²⁴ + 1 and −2²⁴, of which single precision would make 0.
#[test]
fn means_are_of_exact_sums() {
    let x = ints(&[BIG, 1 - BIG], &[1, 2]);
    assert_eq!(x.mean().unwrap().to_floats().unwrap(), [0.5]);
    assert_eq!(x.mean_dims(&[1], false).unwrap().to_floats().unwrap(), [0.5]);
    let near = ints(&[BIG, BIG + 1], &[2]);
    assert_eq!(near.var_dims(&[0], false, 0).unwrap().to_floats().unwrap(), [0.25]);
    let most = if is_wide() { i64::MAX } else { i32::MAX.into() };
    let far = ints(&[most, most - 2], &[2]);
    assert_eq!(far.std_dims(&[0], false, 0).unwrap().to_floats().unwrap(), [1.0]);
}

#[test]
fn comparisons_round_neither_side() {
    let truths = |t: Tensor| t.to_ints().unwrap();
    let x = ints(&[BIG - 1, BIG, BIG + 1], &[3]);
    let limit = Tensor::from_floats(vec![(BIG - 1) as f32], &[], &device::current());
    assert_eq!(truths(x.eq(&limit).unwrap()), [1, 0, 0]);
    assert_eq!(truths(x.gt(&limit).unwrap()), [0, 1, 1]);
    assert_eq!(truths(limit.lt(&x).unwrap()), [0, 1, 1]);
    let half = ints(&[-1, 0], &[2]);
    assert_eq!(truths(half.compare_number(Compare::Gt, -0.5).unwrap()), [0, 1]);
    if !is_wide() {
        return;
    }
    let wide = ints(&[(1 << 53) + 1, i64::MAX], &[2]);
    for (op, number, exact) in [
        (Compare::Eq, (1i64 << 53) as f64, [0, 0]),
        (Compare::Gt, (1i64 << 53) as f64, [1, 1]),
        // 2⁶³, which is more than every whole number.
        (Compare::Ge, i64::MAX as f64, [0, 0]),
        (Compare::Lt, f64::INFINITY, [1, 1]),
        (Compare::Ne, f64::NAN, [1, 1]),
        (Compare::Le, f64::NAN, [0, 0]),
    ] {
        assert_eq!(truths(wide.compare_number(op, number).unwrap()), exact, "{op:?} {number}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert!(ints(&[1], &[1]).rem(&ints(&[0], &[])).is_err());
    if !is_wide() {
        return;
    }
    let most = ints(&[i64::MAX, 1], &[2]);
    let least = ints(&[i64::MIN], &[1]);
    for overflown in [most.sum_dims(&[0], false), most.cumsum(0), most.mul(&ints(&[2], &[])), least.abs(), least.neg()]
    {
        let fault = overflown.err().unwrap();
        assert!(fault.message.contains("64 bits"), "{fault:?}");
    }
    assert!(most.rem(&ints(&[0], &[])).is_err());
}

/// Of floats as `torch.unique`: −0 is 0, and each NaN is one of its own.
#[test]
fn distinct_elements_keep_every_digit_and_their_dtype() {
    let (values, counts) = ints(&[BIG, 5, BIG + 1, BIG, 5, BIG], &[2, 3]).unique().unwrap();
    assert_eq!(values.shape()[..], [3]);
    assert_ints(values, &[5, BIG, BIG + 1]);
    assert_ints(counts, &[2, 3, 1]);
    let home = device::current();
    let floats = Tensor::from_floats(vec![f32::NAN, 0.0, 2.5, -0.0, f32::NAN, f32::NEG_INFINITY], &[6], &home);
    let (values, counts) = floats.unique().unwrap();
    let values = values.to_floats().unwrap();
    assert_eq!(values[..3], [f32::NEG_INFINITY, 0.0, 2.5]);
    assert!(values.len() == 5 && values[3..].iter().all(|v| v.is_nan()), "{values:?}");
    assert_ints(counts, &[1, 2, 1, 1, 1]);
    let (truths, counts) = Tensor::from_bools(vec![true, false, true], &[3], &home).unique().unwrap();
    assert_eq!((truths.dtype(), truths.to_ints().unwrap()), (Dtype::Bool, vec![0, 1]));
    assert_ints(counts, &[1, 2]);
    let (values, counts) = ints(&[], &[0]).unique().unwrap();
    assert_ints(values, &[]);
    assert_ints(counts, &[]);
    let (values, _) = Tensor::from_floats(vec![], &[0], &home).unique().unwrap();
    assert!(values.is_empty() && values.dtype() == Dtype::F32);
}
