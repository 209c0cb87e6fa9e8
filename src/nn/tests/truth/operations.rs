//! Operations.

use super::fixture::{Operation, check};
use saddle_fault::Result;
use saddle_tensor::{Geometry, Tensor, Window, einsum};

fn one(f: impl Fn(&Tensor) -> Result<Tensor> + 'static) -> Operation {
    Box::new(move |x| f(&x[0]))
}

fn two(f: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + 'static) -> Operation {
    Box::new(move |x| f(&x[0], &x[1]))
}

fn geometry(stride: usize, padding: usize, dilation: usize, groups: usize) -> Geometry {
    Geometry { stride: [stride; 2], padding: [padding; 2], dilation: [dilation; 2], groups, taps: None }
}

fn window(size: usize, stride: usize, padding: usize) -> Window {
    Window { size: [size; 2], stride: [stride; 2], padding: [padding; 2] }
}

fn elementwise() -> Vec<(&'static str, Operation)> {
    vec![
        ("exp", one(Tensor::exp)),
        ("expm1", one(Tensor::expm1)),
        ("sin", one(Tensor::sin)),
        ("cos", one(Tensor::cos)),
        ("tanh", one(Tensor::tanh)),
        ("sigmoid", one(Tensor::sigmoid)),
        ("softplus", one(Tensor::softplus)),
        ("log_sigmoid", one(Tensor::log_sigmoid)),
        ("relu", one(Tensor::relu)),
        ("gelu", one(Tensor::gelu)),
        ("silu", one(Tensor::silu)),
        ("erf", one(Tensor::erf)),
        ("abs", one(Tensor::abs)),
        ("square", one(Tensor::square)),
        ("leaky_relu 0.2", one(|x| x.leaky_relu(0.2))),
        ("elu 0.8", one(|x| x.elu(0.8))),
        ("clamp -0.5 0.5", one(|x| x.clamp(-0.5, 0.5))),
        ("pow 3", one(|x| x.pow_scalar(3.0))),
        ("2 ** x", one(|x| x.rpow_scalar(2.0))),
        ("log", one(Tensor::log)),
        ("log1p", one(Tensor::log1p)),
        ("log2", one(Tensor::log2)),
        ("log10", one(Tensor::log10)),
        ("tan", one(Tensor::tan)),
        ("sqrt", one(Tensor::sqrt)),
        ("recip", one(Tensor::recip)),
        ("pow -1.5", one(|x| x.pow_scalar(-1.5))),
        ("pow", two(Tensor::pow)),
        ("div", two(Tensor::div)),
        ("rem", two(Tensor::rem)),
        ("maximum", two(Tensor::maximum)),
        ("minimum", two(Tensor::minimum)),
        ("maximum of equals", two(Tensor::maximum)),
        ("where", two(|x, y| x.gt(&Tensor::scalar(0.0))?.choose(x, y))),
    ]
}

fn reductions_and_places() -> Vec<(&'static str, Operation)> {
    vec![
        ("softmax", one(|x| x.softmax(-1))),
        ("log_softmax", one(|x| x.log_softmax(0))),
        ("logsumexp", one(|x| x.logsumexp(&[-1], false))),
        ("cumsum", one(|x| x.cumsum(1))),
        ("cumprod", one(|x| x.cumprod(1))),
        ("cumprod through zeros", one(|x| x.cumprod(1))),
        ("var", one(|x| x.var_dims(&[1], false, 1))),
        ("var 0", one(|x| x.var_dims(&[0, 1], false, 0))),
        ("std", one(|x| x.var_dims(&x.all_dims(), false, 1)?.sqrt())),
        ("mean", one(|x| x.mean_dims(&[0], false))),
        ("norm", one(|x| x.norm(&[1], false))),
        ("prod", one(|x| x.prod_dims(&[1], false))),
        ("max 1", one(|x| Ok(x.extreme_dim(1, false, true)?.values))),
        ("max", one(|x| x.extreme(true))),
        ("flip", one(|x| x.flip(&[0]))),
        ("repeat", one(|x| x.repeat(&[2, 1, 2]))),
        ("pad", one(|x| x.pad(&[(2, 1), (1, 0)], 0.5))),
        ("sort", one(|x| Ok(x.sort(-1, true)?.0))),
        ("topk", one(|x| Ok(x.topk(2, -1, true)?.0))),
        ("index_select", two(|x, i| x.index_select(0, i))),
        ("gather", two(|x, i| x.gather(0, i))),
        ("embedding", two(Tensor::embedding)),
    ]
}

fn products() -> Vec<(&'static str, Operation)> {
    vec![
        ("matmul", two(Tensor::matmul)),
        ("matmul batched", two(Tensor::matmul)),
        ("matmul broadcast", two(Tensor::matmul)),
        ("matmul vector", two(Tensor::matmul)),
        ("einsum bi,bj->ij", two(|a, b| einsum("bi,bj->ij", &[a.clone(), b.clone()]))),
        ("linear", Box::new(|x| x[0].linear(&x[1], Some(&x[2])))),
        ("conv2d 2 1 1 1", two(|x, w| x.conv2d(w, &geometry(2, 1, 1, 1)))),
        ("conv2d 1 1 2 2", two(|x, w| x.conv2d(w, &geometry(1, 1, 2, 2)))),
        ("conv_transpose2d 2 1 1 1 0", two(|x, w| x.conv_transpose2d(w, &geometry(2, 1, 1, 1), [0; 2]))),
        ("conv_transpose2d 2 1 1 2 1", two(|x, w| x.conv_transpose2d(w, &geometry(2, 1, 1, 2), [1; 2]))),
        ("conv1d 2 1 1 1", two(|x, w| x.conv1d(w, &geometry(2, 1, 1, 1)))),
        ("avg_pool2d 2 2 0", one(|x| x.avg_pool2d(&window(2, 2, 0)))),
        ("avg_pool2d 3 2 1", one(|x| x.avg_pool2d(&window(3, 2, 1)))),
        ("max_pool2d 2 2 0", one(|x| x.max_pool2d(&window(2, 2, 0)))),
        ("max_pool2d 3 2 1", one(|x| x.max_pool2d(&window(3, 2, 1)))),
        ("upsample", one(|x| x.upsample(2))),
        ("upsample bilinear", one(|x| x.upsample_bilinear(3))),
        ("pixel_shuffle", one(|x| x.pixel_shuffle(2))),
    ]
}

/// Every operation of `operations.json`.
pub fn all() -> Vec<(&'static str, Operation)> {
    let mut all = elementwise();
    all.extend(reductions_and_places());
    all.extend(products());
    all
}

#[test]
fn operations_agree_with_pytorch() {
    check("operations.json", all());
}
