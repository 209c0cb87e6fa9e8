//! First-order gradients of the tape against those of Burn's own Autodiff, on the same inputs; Burn's computed by its
//! ndarray backend.
//!
//! The inputs and the loss L = sum(w · (y + y²)) are those of `operations.json`; every operation that Burn
//! differentiates is here.

#![cfg(feature = "ndarray")]
#![allow(deprecated)]

#[path = "../../nn/tests/truth/fixture.rs"]
mod fixture;
#[allow(dead_code)]
#[path = "../../nn/tests/truth/operations.rs"]
mod operations;

use burn_autodiff::Autodiff;
use burn_backend::ops::{
    ActivationOps, ConvOptions, ConvTransposeOptions, FloatTensorOps, IntTensorOps, InterpolateMode,
    InterpolateOptions, ModuleOps,
};
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{AutodiffBackend, BoolDType, Shape, TensorData, TensorMetadata};
use burn_ndarray::{NdArray, NdArrayDevice};
use fixture::{compare, gradients, operation, read};
use operations::all;
use saddle_tensor::Tensor;
use serde_json::{Value, json};

type B = Autodiff<NdArray>;
type Float = FloatTensor<B>;

/// What Burn 0.22 has no operation for, or does not differentiate as defined here.
const NOT_IN_BURN: [(&str, &str); 8] = [
    ("gelu", "its ndarray backend differentiates the tanh form, off by 3e-4; PyTorch's exact form is the truth"),
    ("upsample bilinear", "its ndarray backend has no gradient for it"),
    ("expm1", "no such operation"),
    ("var", "a composition; no rule of its own"),
    ("var 0", "a composition; no rule of its own"),
    ("std", "a composition; no rule of its own"),
    ("einsum bi,bj->ij", "rewritten as matmul, which is compared"),
    ("maximum of equals", "no maximum of two tensors: a choice by a mask, where a tie goes to one side"),
];

/// An input of a fixture on Burn's side.
enum Input {
    Float(Float),
    Int(IntTensor<B>),
}

fn numbers(v: &Value, key: &str) -> Option<Vec<f64>> {
    let numbers = v[key].as_array()?.iter();
    Some(numbers.map(|x| x.as_f64().expect("a number")).collect())
}

fn input(v: &Value) -> Input {
    let shape: Vec<usize> = numbers(v, "shape").expect("a shape").iter().map(|&n| n as usize).collect();
    match numbers(v, "f32") {
        Some(x) => {
            let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            Input::Float(B::float_from_data(TensorData::new(x, shape), &NdArrayDevice::Cpu))
        }
        None => {
            let x = numbers(v, "int").expect("whole numbers");
            let x: Vec<i64> = x.iter().map(|&x| x as i64).collect();
            Input::Int(B::int_from_data(TensorData::new(x, shape), &NdArrayDevice::Cpu))
        }
    }
}

/// Back into the form of the fixtures, so that one comparison serves both.
fn record(x: FloatTensor<NdArray>) -> Value {
    let shape: Vec<usize> = x.shape().iter().copied().collect();
    let data = burn_backend::read_sync(NdArray::float_into_data(x)).expect("data of a tensor");
    json!({ "shape": shape, "f32": data.try_to_vec::<f32>().expect("f32") })
}

fn reshape(x: Float, shape: &[usize]) -> Float {
    B::float_reshape(x, Shape::from(shape.to_vec()))
}

/// Without its dimension `dim`, of size 1.
fn squeeze(x: Float, dim: usize) -> Float {
    let mut shape: Vec<usize> = x.shape().iter().copied().collect();
    shape.remove(dim);
    reshape(x, &shape)
}

/// With leading dimensions of size 1, up to `rank`.
fn unsqueeze(x: Float, rank: usize) -> Float {
    let own: Vec<usize> = x.shape().iter().copied().collect();
    let mut shape = vec![1; rank - own.len()];
    shape.extend(own);
    reshape(x, &shape)
}

fn elementwise(name: &str, x: Float) -> Option<Float> {
    Some(match name {
        "exp" => B::float_exp(x),
        "sin" => B::float_sin(x),
        "cos" => B::float_cos(x),
        "tanh" => B::float_tanh(x),
        "sigmoid" => B::sigmoid(x),
        // softplus(x) = −log σ(−x)
        "softplus" => B::float_neg(B::log_sigmoid(B::float_neg(x))),
        "log_sigmoid" => B::log_sigmoid(x),
        "relu" => B::relu(x),
        "silu" => B::float_mul(x.clone(), B::sigmoid(x)),
        "erf" => B::float_erf(x),
        "abs" => B::float_abs(x),
        "square" => B::float_powi_scalar(x, 2.into()),
        "leaky_relu 0.2" => B::leaky_relu(x, 0.2.into()),
        "elu 0.8" => {
            let below = B::float_lower_equal_elem(x.clone(), 0.0.into(), BoolDType::Native);
            let bent = B::float_mul_scalar(B::float_sub_scalar(B::float_exp(x.clone()), 1.0.into()), 0.8.into());
            B::float_mask_where(x, below, bent)
        }
        "clamp -0.5 0.5" => B::float_clamp(x, (-0.5).into(), 0.5.into()),
        "pow 3" => B::float_powf_scalar(x, 3.0.into()),
        "2 ** x" => B::float_exp(B::float_mul_scalar(x, std::f64::consts::LN_2.into())),
        "log" => B::float_log(x),
        "log2" => B::float_mul_scalar(B::float_log(x), std::f64::consts::LOG2_E.into()),
        "log10" => B::float_mul_scalar(B::float_log(x), std::f64::consts::LOG10_E.into()),
        "tan" => B::float_div(B::float_sin(x.clone()), B::float_cos(x)),
        "log1p" => B::float_log1p(x),
        "sqrt" => B::float_sqrt(x),
        "recip" => B::float_recip(x),
        "pow -1.5" => B::float_powf_scalar(x, (-1.5).into()),
        _ => return None,
    })
}

fn one(name: &str, x: Float) -> Option<Float> {
    Some(match name {
        "softmax" => B::softmax(x, 1),
        "log_softmax" => B::log_softmax(x, 0),
        "logsumexp" => B::float_log(squeeze(B::float_sum_dim(B::float_exp(x), 1), 1)),
        "cumsum" => B::float_cumsum(x, 1),
        "cumprod" | "cumprod through zeros" => B::float_cumprod(x, 1),
        "mean" => squeeze(B::float_mean_dim(x, 0), 0),
        "norm" => B::float_sqrt(squeeze(B::float_sum_dim(B::float_mul(x.clone(), x), 1), 1)),
        "prod" => squeeze(B::float_prod_dim(x, 1), 1),
        "max 1" => squeeze(B::float_max_dim(x, 1), 1),
        // Burn knows no rank 0.
        "max" => B::float_max(x),
        "flip" => B::float_flip(x, &[0]),
        "repeat" => B::float_repeat_dim(B::float_repeat_dim(unsqueeze(x, 3), 2, 2), 0, 2),
        "pad" => B::float_pad(x, &[(2, 1), (1, 0)], burn_backend::ops::PadMode::Constant(0.5)),
        "sort" => B::float_sort(x, 1, true),
        "topk" => B::float_topk(x, 1, 2),
        "avg_pool2d 2 2 0" => B::avg_pool2d(x, [2; 2], [2; 2], [0; 2], true, false),
        "avg_pool2d 3 2 1" => B::avg_pool2d(x, [3; 2], [2; 2], [1; 2], true, false),
        "max_pool2d 2 2 0" => B::max_pool2d(x, [2; 2], [2; 2], [0; 2], [1; 2], false),
        "max_pool2d 3 2 1" => B::max_pool2d(x, [3; 2], [2; 2], [1; 2], [1; 2], false),
        "upsample" => B::interpolate(x, [4, 2], InterpolateOptions::new(InterpolateMode::Nearest)),
        "pixel_shuffle" => {
            let split = reshape(x, &[1, 2, 2, 1, 2]);
            reshape(B::float_permute(split, &[0, 3, 1, 4, 2]), &[1, 1, 2, 4])
        }
        _ => return elementwise(name, x),
    })
}

fn two(name: &str, x: Float, y: Float) -> Option<Float> {
    let rank = x.shape().num_dims().max(y.shape().num_dims());
    let conv = |stride, padding, dilation, groups| ConvOptions::new([stride; 2], [padding; 2], [dilation; 2], groups);
    let transposed = |out, groups| ConvTransposeOptions::new([2; 2], [1; 2], [out; 2], [1; 2], groups);
    Some(match name {
        "pow" => B::float_powf(x, y),
        "div" => B::float_div(x, unsqueeze(y, rank)),
        "rem" => B::float_remainder(x, unsqueeze(y, rank)),
        "maximum" | "minimum" => {
            let y = B::float_expand(unsqueeze(y, rank), x.shape());
            let other = match name {
                "maximum" => B::float_greater(y.clone(), x.clone(), BoolDType::Native),
                _ => B::float_lower(y.clone(), x.clone(), BoolDType::Native),
            };
            B::float_mask_where(x, other, y)
        }
        "where" => {
            let above = B::float_greater_elem(x.clone(), 0.0.into(), BoolDType::Native);
            B::float_mask_where(y, above, x)
        }
        "matmul" | "matmul batched" | "matmul broadcast" => B::float_matmul(unsqueeze(x, rank), unsqueeze(y, rank)),
        "matmul vector" => squeeze(B::float_matmul(unsqueeze(x, rank), y), 1),
        "conv2d 2 1 1 1" => B::conv2d(x, y, None, conv(2, 1, 1, 1)),
        "conv2d 1 1 2 2" => B::conv2d(x, y, None, conv(1, 1, 2, 2)),
        "conv1d 2 1 1 1" => B::conv1d(x, y, None, ConvOptions::new([2], [1], [1], 1)),
        "conv_transpose2d 2 1 1 1 0" => B::conv_transpose2d(x, y, None, transposed(0, 1)),
        "conv_transpose2d 2 1 1 2 1" => B::conv_transpose2d(x, y, None, transposed(1, 2)),
        _ => return None,
    })
}

fn burn(name: &str, inputs: Vec<Input>) -> Option<Float> {
    let mut inputs = inputs.into_iter();
    match (inputs.next()?, inputs.next(), inputs.next()) {
        (Input::Float(x), None, None) => one(name, x),
        (Input::Float(x), Some(Input::Float(y)), None) => two(name, x, y),
        (Input::Float(x), Some(Input::Int(i)), None) => Some(match name {
            "index_select" => B::float_select(x, 0, i),
            "gather" => B::float_gather(0, x, i),
            "embedding" => B::embedding(x, i),
            _ => return None,
        }),
        (Input::Float(x), Some(Input::Float(w)), Some(Input::Float(b))) if name == "linear" => {
            Some(B::linear(x, B::float_swap_dims(w, 0, 1), Some(b)))
        }
        _ => None,
    }
}

/// dL/dx by Burn for each float input of a record; `None` where Burn has no such operation.
fn by_burn(record_: &Value) -> Option<Vec<Value>> {
    let name = record_["name"].as_str()?;
    let mut leaves = Vec::new();
    let mut inputs = Vec::new();
    for v in record_["inputs"].as_array()? {
        inputs.push(match input(v) {
            Input::Float(x) => {
                let x = B::float_set_require_grad(x, true);
                leaves.push(x.clone());
                Input::Float(x)
            }
            int => int,
        });
    }
    let y = burn(name, inputs)?;
    let Input::Float(w) = input(&record_["w"]) else {
        return None;
    };
    let w = unsqueeze(w, y.shape().num_dims());
    let twice = B::float_add(y.clone(), B::float_mul(y.clone(), y));
    let grads = B::backward(B::float_sum(B::float_mul(w, twice)));
    Some(
        leaves
            .iter()
            .map(|x| match B::grad(x, &grads) {
                Some(g) => record(g),
                None => record(B::inner(B::float_zeros(x.shape(), &NdArrayDevice::Cpu, burn_backend::FloatDType::F32))),
            })
            .collect(),
    )
}

#[test]
fn first_order_gradients_agree_with_burns_autodiff() {
    let operations = all();
    let mut found = Vec::new();
    for record in &read("operations.json") {
        let name = record["name"].as_str().expect("a name");
        let known = NOT_IN_BURN.iter().any(|(n, _)| *n == name);
        match (by_burn(record), known) {
            (None, true) => {}
            (Some(_), true) => found.push(format!("{name}: Burn has it after all")),
            (None, false) => found.push(format!("{name}: is not written for Burn")),
            (Some(theirs), false) => {
                let ours: Vec<Tensor> = gradients(record, operation(&operations, name)).expect(name);
                assert_eq!(ours.len(), theirs.len(), "{name}");
                for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
                    found.extend(compare(&format!("{name}, input {i}, against Burn"), a, b));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
