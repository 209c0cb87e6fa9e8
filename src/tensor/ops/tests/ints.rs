//! Whole numbers above 2²⁴, which single precision rounds, keep every digit; what does not fit 64 bits is an error.

use crate::{Device, Dtype, Tensor};

const BIG: i64 = 16_777_217;

fn ints(values: &[i64], shape: &[usize]) -> Tensor {
    Tensor::from_ints(values.to_vec(), shape, &Device::Cpu)
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
    assert_ints(x.sort(0, false).unwrap().0, &[-BIG, BIG, BIG + 2]);
    assert_ints(x.clamp_ints(-BIG, BIG + 1).unwrap(), &[BIG, -BIG, BIG + 1]);
    assert_ints(x.maximum(&one).unwrap(), &[BIG, 1, BIG + 2]);
    assert_ints(x.minimum(&one).unwrap(), &[1, -BIG, 1]);
    assert_ints(x.rem(&ints(&[10], &[])).unwrap(), &[7, 3, 9]);
    assert_ints(x.rem(&ints(&[-10], &[])).unwrap(), &[-3, -7, -1]);
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
    let floats = mask.choose(&x, &Tensor::full(0.5, &[], &Device::Cpu)).unwrap();
    assert_eq!(floats.dtype(), Dtype::F32);
}

#[test]
fn classes_that_were_cut_are_classes() {
    let y = ints(&[3, 7, 9], &[3]).clamp_ints(0, 8).unwrap();
    let hot = y.one_hot(10).unwrap();
    assert_eq!(&hot.shape()[..], [3, 10]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let most = ints(&[i64::MAX, 1], &[2]);
    let least = ints(&[i64::MIN], &[1]);
    for overflown in [most.sum_dims(&[0], false), most.cumsum(0), most.mul(&ints(&[2], &[])), least.abs(), least.neg()]
    {
        let fault = overflown.err().unwrap();
        assert!(fault.message.contains("64 bits"), "{fault:?}");
    }
    assert!(most.rem(&ints(&[0], &[])).is_err());
}
