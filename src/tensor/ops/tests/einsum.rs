//! Einstein's sums as numpy.einsum documents them, diagonals and triangles as NumPy's and PyTorch's.

use super::{gradients, tensor, values};
use crate::{Tensor, einsum};

fn counted(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    tensor(&(0..n).map(|v| v as f32).collect::<Vec<_>>(), shape)
}

fn assert_is(form: &str, tensors: &[Tensor], shape: &[usize], exact: &[f32]) {
    let got = einsum(form, tensors).unwrap();
    assert_eq!((&got.shape()[..], &values(&got)[..]), (shape, exact), "{form}");
}

/// The examples of numpy.einsum's documentation: a = arange(25).reshape(5, 5), b = arange(5), c = arange(6).reshape(2,
/// 3).
#[test]
fn forms_of_numpys_documentation() {
    let (a, b, c) = (counted(&[5, 5]), counted(&[5]), counted(&[2, 3]));
    let one = std::slice::from_ref;
    assert_is("ii", one(&a), &[], &[60.0]);
    assert_is("ii->i", one(&a), &[5], &[0.0, 6.0, 12.0, 18.0, 24.0]);
    assert_is("ij->i", one(&a), &[5], &[10.0, 35.0, 60.0, 85.0, 110.0]);
    assert_is("...j->...", one(&a), &[5], &[10.0, 35.0, 60.0, 85.0, 110.0]);
    assert_is("ji", one(&c), &[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_is("i,i", &[b.clone(), b.clone()], &[], &[30.0]);
    let product = [30.0, 80.0, 130.0, 180.0, 230.0];
    assert_is("ij,j", &[a.clone(), b.clone()], &[5], &product);
    assert_is("...j,j", &[a.clone(), b.clone()], &[5], &product);
    assert_is("..., ...", &[tensor(&[3.0], &[]), c], &[2, 3], &[0.0, 3.0, 6.0, 9.0, 12.0, 15.0]);
}

#[test]
fn diagonals_and_open_dims() {
    let x = counted(&[2, 2, 3]);
    assert_is("iij->ij", std::slice::from_ref(&x), &[2, 3], &[0.0, 1.0, 2.0, 9.0, 10.0, 11.0]);
    assert_is("iii->i", &[counted(&[2, 2, 2])], &[2], &[0.0, 7.0]);
    assert_is("ii->", &[counted(&[3, 3])], &[], &[12.0]);
    // A batch of matrices times one matrix: rows (0, 1), (2, 3), … by [[0, 1], [2, 3]].
    let pair = [counted(&[2, 1, 2]), counted(&[2, 2])];
    assert_is("...ij,jk->...ik", &pair, &[2, 1, 2], &[2.0, 3.0, 6.0, 11.0]);
}

/// Each term and the result have at most six dims; the product of all before anything is summed would have more, and
/// of two matrices of a thousand rows a thousand million elements.
#[test]
fn more_letters_than_a_tensor_has_dims() {
    let (a, b) = (counted(&[2, 1, 3, 2]), counted(&[2, 3, 1, 2]));
    // Σ_c,d a · Σ_g,h b: (0 + … + 5, 6 + … + 11) by the sums of six rows of two.
    assert_is(
        "abcd,efgh->abef",
        &[a.clone(), b],
        &[2, 1, 2, 3],
        &[15.0, 75.0, 135.0, 195.0, 255.0, 315.0, 51.0, 255.0, 459.0, 663.0, 867.0, 1071.0],
    );
    let full = |v, shape: &[usize]| Tensor::full(v, shape, &a.device());
    let three = [full(1.0, &[1, 2, 1, 2, 1, 2]), full(1.0, &[1, 1, 2, 1, 2, 1]), full(0.5, &[1, 3])];
    assert_is("abcdef,gabcde,gh->h", &three, &[3], &[4.0; 3]);
    // A size of 1 broadcasts, also where it is summed.
    assert_is("ij,jk->ik", &[counted(&[2, 1]), counted(&[3, 2])], &[2, 2], &[0.0, 0.0, 6.0, 9.0]);
    let (row, square) = (full(1.0, &[1, 1000]), full(1.0, &[1000, 1000]));
    assert_is("ab,bc,cd,ed->ae", &[row.clone(), square.clone(), square, row], &[1, 1], &[1e9]);
    let slopes = gradients(|x| einsum("abcd,efcd->abef", &[x.clone(), x.clone()]).unwrap(), &a, 2);
    // Of all pairs of the two rows: twice their sum.
    assert_eq!((slopes[0][..6].to_vec(), slopes[1][0]), (vec![12.0, 16.0, 20.0, 24.0, 28.0, 32.0], 4.0));
    let many = [counted(&[1, 1, 1, 2]), counted(&[1, 1, 1, 2])];
    let fault = einsum("abcd,efgh->abcdefgh", &many).err().unwrap();
    assert!(fault.message.contains("einsum: ") && fault.message.contains("8 dims"), "{}", fault.message);
}

#[test]
fn forms_that_mean_nothing_are_errors() {
    let (v, m) = (counted(&[2]), counted(&[2, 2]));
    for (form, x, part) in [
        ("i->ii", &v, "comes twice"),
        ("i->j", &v, "in no term"),
        ("i->ij", &v, "in no term"),
        ("...i->i", &m, "missing behind the arrow"),
        ("i", &m, "stands for 1 dims"),
        ("......", &m, "cannot read"),
        ("i1", &m, "cannot read"),
        ("ij,jk", &m, "2 terms for 1 tensors"),
    ] {
        let fault = einsum(form, std::slice::from_ref(x)).err().unwrap();
        assert!(fault.message.contains(part), "{form}: {}", fault.message);
    }
    let sizes = einsum("ii", &[counted(&[2, 3])]).err().unwrap();
    assert!(sizes.message.contains("sizes 2 and 3"), "{}", sizes.message);
}

#[test]
fn diagonals_as_numpy_takes_them() {
    let x = counted(&[3, 4]);
    for (offset, exact) in [
        (0, &[0.0, 5.0, 10.0][..]),
        (1, &[1.0, 6.0, 11.0]),
        (3, &[3.0]),
        (4, &[]),
        (-1, &[4.0, 9.0]),
        (-2, &[8.0]),
        (i64::MAX, &[]),
    ] {
        assert_eq!(values(&x.diagonal(offset, 0, 1).unwrap()), exact, "{offset}");
    }
    // arange(8).reshape(2, 2, 2).diagonal(0, 0, 1) is [[0, 6], [1, 7]].
    let cube = counted(&[2, 2, 2]);
    let along = cube.diagonal(0, 0, 1).unwrap();
    assert_eq!((&along.shape()[..], values(&along)), (&[2, 2][..], vec![0.0, 6.0, 1.0, 7.0]));
    assert_eq!(values(&cube.diagonal(0, -2, -1).unwrap()), [0.0, 3.0, 4.0, 7.0]);
    assert_eq!(values(&counted(&[3, 3]).trace().unwrap()), [12.0]);
    assert!(cube.diagonal(0, 1, -2).is_err() && cube.trace().is_err());
    let ones = gradients(|x| x.diagonal(1, 0, 1).unwrap().square().unwrap(), &x, 2);
    let places = |v: [f32; 3]| {
        let mut all = [0.0; 12];
        (all[1], all[6], all[11]) = (v[0], v[1], v[2]);
        all.to_vec()
    };
    assert_eq!(ones, [places([2.0, 12.0, 22.0]), places([2.0; 3])]);
}

/// As numpy.tril and numpy.triu of arange(1, 7).reshape(2, 3).
#[test]
fn triangles_as_numpy_takes_them() {
    let x = tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    let triangle = |offset, upper| values(&x.triangle(offset, upper).unwrap());
    assert_eq!(triangle(0, false), [1.0, 0.0, 0.0, 4.0, 5.0, 0.0]);
    assert_eq!(triangle(-1, false), [0.0, 0.0, 0.0, 4.0, 0.0, 0.0]);
    assert_eq!(triangle(0, true), [1.0, 2.0, 3.0, 0.0, 5.0, 6.0]);
    assert_eq!(triangle(1, true), [0.0, 2.0, 3.0, 0.0, 0.0, 6.0]);
    let slope = gradients(|x| x.triangle(0, true).unwrap(), &x, 1);
    assert_eq!(slope[0], [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    // What is left out leaves no trace, also where it is infinite.
    let masked = tensor(&[1.0, f32::INFINITY, 2.0, 3.0], &[2, 2]);
    assert_eq!(values(&masked.triangle(0, false).unwrap()), [1.0, 0.0, 2.0, 3.0]);
    let ints = x.cast(crate::Dtype::Int).triangle(0, false).unwrap();
    assert_eq!(ints.dtype(), crate::Dtype::Int);
}
