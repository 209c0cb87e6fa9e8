//! Reductions, rearrangements, indices, products and convolutions.

use super::check::{Case, Values, against_differences, one, two};
use Values::{Apart, AwayFromZero, Between};
use saddle_fault::Result;
use saddle_tensor::{Geometry, Lstm, Tensor, Window, device, einsum};

const WIDE: Values = Between(-1.2, 1.2);

fn ints(values: &[i32], shape: &[usize]) -> Tensor {
    Tensor::from_ints(values.to_vec(), shape, &device::current())
}

#[test]
fn reductions() {
    against_differences(&[
        one("sum", &[2, 3], WIDE, Tensor::sum),
        one("sum of a number", &[], WIDE, Tensor::sum),
        one("sum_dims 0", &[2, 3], WIDE, |x| x.sum_dims(&[0], false)),
        one("sum_dims 0, -1, kept", &[2, 3, 2], WIDE, |x| x.sum_dims(&[0, -1], true)),
        one("sum_dims 1 of 3", &[2, 3, 2], WIDE, |x| x.sum_dims(&[1], false)),
        one("sum_dims of size 1", &[2, 1], WIDE, |x| x.sum_dims(&[1], false)),
        one("sum_dims of size 0", &[2, 0], WIDE, |x| x.sum_dims(&[1], false)),
        one("mean", &[2, 3], WIDE, Tensor::mean),
        one("mean_dims", &[2, 3], WIDE, |x| x.mean_dims(&[1], true)),
        one("var_dims", &[2, 3], WIDE, |x| x.var_dims(&[1], false, 1)),
        one("var_dims, population", &[3, 2], WIDE, |x| x.var_dims(&[0, 1], true, 0)),
        one("max", &[2, 3], Apart, |x| x.extreme(true)),
        one("min", &[2, 3], Apart, |x| x.extreme(false)),
        one("max_dim 0", &[2, 3], Apart, |x| Ok(x.extreme_dim(0, false, true)?.values)),
        one("min_dim -1, kept", &[2, 3], Apart, |x| Ok(x.extreme_dim(-1, true, false)?.values)),
        one("cumsum 0", &[3, 2], WIDE, |x| x.cumsum(0)),
        one("cumsum -1", &[2, 3], WIDE, |x| x.cumsum(-1)),
        one("cumprod 0", &[3, 2], WIDE, |x| x.cumprod(0)),
        one("cumprod -1", &[2, 4], WIDE, |x| x.cumprod(-1)),
        one("cumprod in the middle", &[2, 3, 2], WIDE, |x| x.cumprod(1)),
        one("cumprod of size 1", &[2, 1], WIDE, |x| x.cumprod(1)),
        one("cumprod of nothing", &[2, 0], WIDE, |x| x.cumprod(1)),
        one("logsumexp", &[2, 3], WIDE, |x| x.logsumexp(&[1], false)),
        one("logsumexp of all", &[2, 3], WIDE, |x| x.logsumexp(&[0, 1], true)),
        one("softmax", &[2, 3], WIDE, |x| x.softmax(-1)),
        one("softmax in the middle", &[2, 3, 2], WIDE, |x| x.softmax(1)),
        one("softmax 0", &[3, 2], WIDE, |x| x.softmax(0)),
        one("log_softmax", &[2, 3], WIDE, |x| x.log_softmax(-1)),
        one("norm", &[2, 3], AwayFromZero, |x| x.norm(&[1], false)),
        one("norm of all", &[2, 3], AwayFromZero, |x| x.norm(&[0, 1], true)),
        one("prod", &[5], AwayFromZero, |x| x.prod_dims(&[0], false)),
        one("prod along 1", &[2, 3], AwayFromZero, |x| x.prod_dims(&[1], true)),
    ]);
}

#[test]
fn rearrangements() {
    against_differences(&[
        one("reshape", &[2, 3], WIDE, |x| x.reshape(&[3, 2])),
        one("reshape to one more dim", &[4], WIDE, |x| x.reshape(&[2, 1, 2])),
        one("flatten", &[2, 3, 2], WIDE, |x| x.flatten(1)),
        one("transpose", &[2, 3], WIDE, |x| x.transpose(0, 1)),
        one("permute", &[2, 3, 2], WIDE, |x| x.permute(&[2, 0, 1])),
        one("permute, then reshape", &[2, 3, 2], WIDE, |x| x.permute(&[1, 2, 0])?.reshape(&[12])),
        one("expand", &[2, 1], WIDE, |x| x.broadcast_to(&[3, 2, 4])),
        one("expand a number", &[], WIDE, |x| x.broadcast_to(&[2, 2])),
        one("unsqueeze", &[2, 3], WIDE, |x| x.unsqueeze(1)),
        one("squeeze", &[2, 1, 3], WIDE, |x| x.squeeze(Some(1))),
        one("flip", &[2, 3], WIDE, |x| x.flip(&[0, 1])),
        one("repeat", &[2, 3], WIDE, |x| x.repeat(&[2, 1, 2])),
        one("repeat of images", &[2, 1, 2, 2], WIDE, |x| x.repeat(&[2, 3, 1, 2])),
        one("repeat, no copies", &[2, 3], WIDE, |x| x.repeat(&[2, 0])),
        one("reshape of nothing", &[0, 3], WIDE, |x| x.reshape(&[3, 0])),
        one("flip of nothing", &[0, 3], WIDE, |x| x.flip(&[1])),
    ]);
}

#[test]
fn indices_and_joins() {
    against_differences(&[
        one("slice", &[3, 4], WIDE, |x| x.slice(&[1..3, 0..2])),
        one("slice to nothing", &[3, 2], WIDE, |x| x.slice(std::slice::from_ref(&(1..1)))),
        one("narrow", &[3, 4], WIDE, |x| x.narrow(-1, 1..3)),
        one("parts that overlap", &[3, 4], WIDE, |x| {
            let (a, b) = (x.slice(&[0..2, 1..3])?, x.slice(&[1..3, 2..4])?);
            x.slice(&[0..2, 0..2])?.add(&a.square()?.mul(&b)?)
        }),
        one("a part of a part, and all of it", &[2, 4], WIDE, |x| {
            let (all, part) = (x.square()?, x.narrow(1, 0..3)?);
            all.narrow(1, 1..3)?.add(&part.narrow(1, 0..2)?)?.mul(&all.narrow(1, 2..4)?)
        }),
        one("parts of long rows", &[2, 2, 33], WIDE, |x| {
            x.narrow(1, 0..1)?.mul(&x.narrow(1, 1..2)?)?.mul(&x.narrow(0, 1..2)?.narrow(1, 0..1)?)
        }),
        one("at", &[3, 2], WIDE, |x| x.at(-1)),
        one("pad", &[2, 2], WIDE, |x| x.pad(&[(1, 0), (2, 1)], 0.5)),
        one("index_select, one twice", &[3, 2], WIDE, |x| x.index_select(0, &ints(&[2, 0, 2, 2], &[4]))),
        one("index_select of columns", &[2, 3], WIDE, |x| x.index_select(1, &ints(&[1, 1], &[2]))),
        one("gather", &[3, 2], WIDE, |x| x.gather(0, &ints(&[2, 0, 2, 1], &[2, 2]))),
        one("gather along the last", &[2, 3], WIDE, |x| x.gather(1, &ints(&[2, 0], &[2, 1]))),
        one("scatter_add", &[2, 2], WIDE, |x| {
            x.scatter_add(&saddle_tensor::Shape::from([3, 2]), 0, &ints(&[2, 2, 2, 0], &[2, 2]))
        }),
        two("cat", (&[2, 3], WIDE), (&[1, 3], WIDE), |a, b| Tensor::cat(&[a.clone(), b.clone(), a.clone()], 0)),
        two("cat along 1, one empty", (&[2, 2], WIDE), (&[2, 0], WIDE), |a, b| {
            Tensor::cat(&[a.clone(), b.clone()], -1)
        }),
        two("stack", (&[2], WIDE), (&[2], WIDE), |a, b| Tensor::stack(&[a.clone(), b.clone()], 1)),
        one("split", &[5], WIDE, |x| {
            let parts = x.split(2, 0)?;
            parts[0].mul(&parts[1])?.mul(&parts[2])
        }),
        one("sort", &[2, 4], Apart, |x| Ok(x.sort(-1, false)?.0)),
        one("topk", &[2, 4], Apart, |x| Ok(x.topk(2, 1, true)?.0)),
        one("embedding", &[3, 2], WIDE, |x| x.embedding(&ints(&[0, 2, 2, 1], &[2, 2]))),
    ]);
}

/// The matrix with 3 added to its diagonal: far from singular for elements in ±1.2.
fn regular(x: &Tensor) -> Result<Tensor> {
    x.add(&Tensor::from_floats(vec![3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0], &[3, 3], &x.device()))
}

#[test]
fn determinants() {
    against_differences(&[
        one("slogdet", &[3, 3], WIDE, |x| Ok(regular(x)?.slogdet()?.1)),
        one("slogdet of several", &[2, 3, 3], WIDE, |x| Ok(regular(x)?.slogdet()?.1)),
        one("slogdet, a negative one", &[3, 3], WIDE, |x| Ok(regular(x)?.flip(&[0])?.slogdet()?.1)),
        one("inv", &[3, 3], WIDE, |x| regular(x)?.inverse()?.mul_scalar(4.0)),
        one("inv of several", &[2, 3, 3], WIDE, |x| regular(x)?.inverse()?.mul_scalar(4.0)),
    ]);
}

#[test]
fn products() {
    let mut cases: Vec<Case> = Vec::new();
    let shapes: &[(&[usize], &[usize])] = &[
        (&[2, 3], &[3, 2]),
        (&[1, 3], &[3, 1]),
        (&[2, 1], &[1, 2]),
        (&[3], &[3]),
        (&[3], &[3, 2]),
        (&[2, 3], &[3]),
        (&[2, 2, 3], &[2, 3, 2]),
        (&[2, 2, 3], &[3, 2]),
        (&[2, 3], &[2, 3, 1]),
        (&[2, 1, 2, 2], &[2, 2, 1]),
        (&[0, 2], &[2, 2]),
        (&[2, 0], &[0, 2]),
    ];
    for &(a, b) in shapes {
        cases.push(two("matmul", (a, WIDE), (b, WIDE), Tensor::matmul));
    }
    cases.push(two("matmul of transposed", (&[3, 2], WIDE), (&[2, 3], WIDE), |a, b| a.t()?.matmul(&b.t()?)));
    for (a, b) in [(&[2, 3][..], &[4, 3][..]), (&[2, 2, 3], &[2, 1, 3]), (&[2, 3], &[2, 2, 3])] {
        cases.push(two("matmul_transposed", (a, WIDE), (b, WIDE), Tensor::matmul_transposed));
    }
    cases.push(two("cdist", (&[2, 3], WIDE), (&[4, 3], WIDE), Tensor::cdist));
    cases.push(two("linear", (&[2, 3], WIDE), (&[2, 3], WIDE), |x, w| x.linear(w, None)));
    cases.push(two("linear of rank 3", (&[2, 1, 3], WIDE), (&[2, 3], WIDE), |x, w| x.linear(w, None)));
    cases.push(Case {
        name: "linear with bias".into(),
        inputs: vec![(vec![2, 3], WIDE), (vec![4, 3], WIDE), (vec![4], WIDE)],
        f: Box::new(|x| x[0].linear(&x[1], Some(&x[2]))),
    });
    cases.push(two("einsum", (&[2, 3], WIDE), (&[2, 2], WIDE), |a, b| einsum("bi,bj->ij", &[a.clone(), b.clone()])));
    cases.push(two("einsum to a number", (&[2, 3], WIDE), (&[3], WIDE), |a, b| {
        einsum("ij,j->", &[a.clone(), b.clone()])
    }));
    against_differences(&cases);
}

fn geometry(stride: usize, padding: usize, dilation: usize, groups: usize) -> Geometry {
    Geometry { stride: [stride; 2], padding: [padding; 2], dilation: [dilation; 2], groups, taps: None }
}

#[test]
fn convolutions() {
    let mut cases: Vec<Case> = Vec::new();
    for (x, w, g) in [
        ([2, 1, 4, 3], [2, 1, 2, 2], geometry(1, 0, 1, 1)),
        ([1, 2, 4, 4], [2, 2, 3, 3], geometry(2, 1, 1, 1)),
        ([1, 1, 5, 5], [1, 1, 2, 2], geometry(1, 1, 2, 1)),
        ([1, 2, 3, 3], [4, 1, 2, 2], geometry(1, 0, 1, 2)),
        ([1, 2, 1, 1], [3, 2, 1, 1], geometry(1, 0, 1, 1)),
        // The stride leaves a row over.
        ([1, 1, 4, 4], [1, 1, 3, 3], geometry(2, 0, 1, 1)),
    ] {
        cases.push(two("conv2d", (&x, WIDE), (&w, WIDE), move |x, w| x.conv2d(w, &g)));
    }
    for (x, w, g, out) in [
        ([1, 2, 2, 2], [2, 1, 2, 2], geometry(1, 0, 1, 1), 0),
        ([1, 2, 2, 2], [2, 2, 4, 4], geometry(2, 1, 1, 1), 0),
        ([1, 1, 2, 2], [1, 1, 3, 3], geometry(2, 1, 1, 1), 1),
        ([1, 2, 2, 2], [2, 1, 2, 2], geometry(1, 0, 2, 2), 0),
        // The output padding is as large as the stride, which the dilation allows.
        ([1, 1, 2, 2], [1, 1, 2, 2], geometry(1, 0, 2, 1), 1),
    ] {
        cases.push(two("conv_transpose2d", (&x, WIDE), (&w, WIDE), move |x, w| x.conv_transpose2d(w, &g, [out; 2])));
    }
    cases.push(two("conv1d", (&[1, 2, 5], WIDE), (&[2, 2, 3], WIDE), |x, w| x.conv1d(w, &geometry(2, 1, 1, 1))));
    against_differences(&cases);
}

#[test]
fn layers_in_one_piece() {
    let several = |name: &str, shapes: &[&[usize]], f: fn(&[Tensor]) -> Result<Tensor>| Case {
        name: name.into(),
        inputs: shapes.iter().map(|s| (s.to_vec(), WIDE)).collect(),
        f: Box::new(f),
    };
    let batch_norm = |x: &[Tensor]| Ok(x[0].batch_norm(&x[1], &x[2], 1.0)?.y);
    against_differences(&[
        one("normalised rows", &[3, 4], WIDE, |x| x.normalised(1, 1.0)),
        one("normalised images", &[2, 2, 3], WIDE, |x| x.normalised(2, 1.0)),
        several("batch_norm", &[&[3, 2], &[2], &[2]], batch_norm),
        several("batch_norm of images", &[&[2, 3, 2, 2], &[3], &[3]], batch_norm),
        several("conv2d with a bias", &[&[2, 1, 3, 3], &[2, 1, 2, 2], &[2]], |x| {
            x[0].conv2d_with_bias(&x[1], Some(&x[2]), &geometry(1, 1, 1, 1))
        }),
        several("conv_transpose2d with a bias", &[&[1, 2, 2, 2], &[2, 3, 2, 2], &[3]], |x| {
            x[0].conv_transpose2d_with_bias(&x[1], Some(&x[2]), &geometry(2, 0, 1, 1), [1, 1])
        }),
        // Gradients from two products, added up and behind the rectifier's gate in the pass of the second. The biases keep away from the
        // kink, where differences say nothing.
        several("rectified layers, one taken twice", &[&[2, 3], &[4, 3], &[3, 4], &[3, 4]], |x| {
            let bias = |of: &[f32]| Tensor::from_floats(of.to_vec(), &[of.len()], &x[0].device());
            let small: Vec<_> = x.iter().map(|x| x.mul_scalar(0.2)).collect::<Result<_>>()?;
            let h = small[0].linear_rectified(&small[1], Some(&bias(&[1.0, -1.0, 1.0, -1.0])), 0.2)?;
            h.linear_rectified(&small[2], Some(&bias(&[3.0, -3.0, 3.0])), 0.0)?.mul(&h.linear(&small[3], None)?)
        }),
        two("weight_norm", (&[2, 3], AwayFromZero), (&[2, 1], WIDE), Tensor::weight_norm),
        two("weight_norm of kernels", (&[2, 1, 2, 2], AwayFromZero), (&[2, 1, 1, 1], WIDE), Tensor::weight_norm),
        several("lstm", &[&[2, 3, 3], &[8, 3], &[8, 2], &[8], &[2, 4]], |x| {
            x[0].lstm([&x[1], &x[2], &x[3]], &x[4], Lstm::default())
        }),
        several("lstm, reversed, with its cells", &[&[2, 2, 1], &[8, 1], &[8, 2], &[8], &[2, 4]], |x| {
            x[0].lstm([&x[1], &x[2], &x[3]], &x[4], Lstm { reverse: true, cells: true })
        }),
        two("bce_with_logits", (&[3, 2], WIDE), (&[3, 2], WIDE), |a, t| a.bce_with_logits(t)),
        two("bce_with_logits, one target", (&[3, 2], WIDE), (&[], WIDE), |a, t| a.bce_with_logits(t)),
    ]);
}

#[test]
fn pooling_and_resampling() {
    let window = |size, stride, padding| Window { size: [size; 2], stride: [stride; 2], padding: [padding; 2] };
    against_differences(&[
        one("avg_pool2d", &[1, 2, 4, 4], WIDE, move |x| x.avg_pool2d(&window(2, 2, 0))),
        one("avg_pool2d, overlapping", &[1, 1, 4, 4], WIDE, move |x| x.avg_pool2d(&window(3, 1, 1))),
        one("max_pool2d", &[1, 2, 4, 4], Apart, move |x| x.max_pool2d(&window(2, 2, 0))),
        one("max_pool2d, overlapping", &[1, 1, 4, 4], Apart, move |x| x.max_pool2d(&window(3, 2, 1))),
        one("upsample", &[1, 2, 2, 2], WIDE, |x| x.upsample(2)),
        one("upsample_bilinear", &[1, 2, 2, 3], WIDE, |x| x.upsample_bilinear(2)),
        one("pixel_shuffle", &[1, 4, 2, 1], WIDE, |x| x.pixel_shuffle(2)),
    ]);
}
