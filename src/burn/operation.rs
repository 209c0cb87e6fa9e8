//! What each operation is in Burn's own. Shapes and dtypes fit: `tensor` checks them before it calls.

use crate::value::{Holds, Value};
use burn_backend::ops::{ConvOptions, ConvTransposeOptions};
use burn_backend::tensor::{Device, IndexingUpdateOp};
use burn_backend::{
    Backend, BoolDType, DeviceOps, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
};
use saddle_backend::{Kind, Op};

const FLOAT: FloatDType = FloatDType::F32;

/// The arguments of an operation.
pub struct Arguments<'a, B: Backend> {
    pub tensors: std::vec::IntoIter<Value<B>>,
    pub ints: &'a [i64],
    pub floats: &'a [f32],
}

impl<B: Backend> Arguments<'_, B> {
    fn next(&mut self) -> Value<B> {
        self.tensors.next().expect("the operation has its tensors")
    }

    fn float(&mut self) -> burn_backend::tensor::FloatTensor<B> {
        self.next().float()
    }

    fn scalar(&self, i: usize) -> Scalar {
        self.floats[i].into()
    }

    fn size(&self, i: usize) -> usize {
        self.ints[i] as usize
    }

    fn sizes(&self) -> Vec<usize> {
        self.ints.iter().map(|&n| n as usize).collect()
    }

    fn slices(&self) -> Vec<Slice> {
        let ends = self.ints.chunks_exact(2);
        ends.map(|e| Slice::new(e[0] as isize, Some(e[1] as isize), 1)).collect()
    }

    fn pair(&self, i: usize) -> [usize; 2] {
        [self.size(2 * i), self.size(2 * i + 1)]
    }

    fn walk(&self) -> ConvOptions<2> {
        ConvOptions {
            stride: self.pair(0),
            padding: self.pair(1).map(|p| (p, p)),
            dilation: self.pair(2),
            groups: self.size(6),
        }
    }
}

/// How a device holds truth values.
fn bools<B: Backend>(device: &Device<B>) -> BoolDType {
    device.defaults().bool_dtype
}

/// The result of an operation; two of those that give values and indices.
///
/// # Panics
/// Where Burn does; an operation that is none on tensors.
pub fn compute<B: Holds>(op: Op, mut a: Arguments<B>) -> (Value<B>, Option<Value<B>>) {
    let one = match op {
        Op::MaxDim | Op::MinDim => {
            let (x, axis) = (a.float(), a.size(0));
            let (values, at) = match op {
                Op::MaxDim => B::float_max_dim_with_indices(x, axis, B::INT),
                _ => B::float_min_dim_with_indices(x, axis, B::INT),
            };
            return (Value::Float(values), Some(Value::Int(at)));
        }
        Op::Reshape | Op::Permute | Op::Expand | Op::Slice | Op::SliceAssign | Op::Flip | Op::Cat => layout(op, a),
        Op::Select | Op::Gather | Op::SelectAdd | Op::ScatterAdd | Op::Argsort | Op::MaskWhere => index(op, a),
        Op::Lt
        | Op::Le
        | Op::Gt
        | Op::Ge
        | Op::Eq
        | Op::Ne
        | Op::GtScalar
        | Op::GeScalar
        | Op::LeScalar
        | Op::NotZero => Value::Bool(compare(op, a)),
        Op::And => Value::Bool(B::bool_and(a.next().bool(), a.next().bool())),
        Op::Or => Value::Bool(B::bool_or(a.next().bool(), a.next().bool())),
        Op::Not => Value::Bool(B::bool_not(a.next().bool())),
        Op::All => Value::Bool(B::bool_all(a.next().bool())),
        Op::Any => Value::Bool(B::bool_any(a.next().bool())),
        Op::IntoFloat => match a.next() {
            Value::Int(x) => Value::Float(B::int_into_float(x, FLOAT)),
            Value::Bool(x) => Value::Float(B::bool_into_float(x, FLOAT)),
            float => float,
        },
        Op::IntoInt => match a.next() {
            Value::Float(x) => Value::Int(B::float_into_int(x, B::INT)),
            Value::Bool(x) => Value::Int(B::bool_into_int(x, B::INT)),
            int => int,
        },
        Op::Add | Op::Sub | Op::Mul | Op::Sum => return (arithmetic(op, a), None),
        Op::Matmul | Op::Conv2d | Op::ConvTranspose2d | Op::Conv2dWeightGrad => Value::Float(product(op, a)),
        _ => Value::Float(elementwise(op, a)),
    };
    (one, None)
}

/// Of floats or ints.
fn arithmetic<B: Backend>(op: Op, mut a: Arguments<B>) -> Value<B> {
    match (op, a.next()) {
        (Op::Add, Value::Int(x)) => Value::Int(B::int_add(x, a.next().int())),
        (Op::Sub, Value::Int(x)) => Value::Int(B::int_sub(x, a.next().int())),
        (Op::Mul, Value::Int(x)) => Value::Int(B::int_mul(x, a.next().int())),
        (_, Value::Int(x)) => Value::Int(B::int_sum(x)),
        (Op::Add, x) => Value::Float(B::float_add(x.float(), a.float())),
        (Op::Sub, x) => Value::Float(B::float_sub(x.float(), a.float())),
        (Op::Mul, x) => Value::Float(B::float_mul(x.float(), a.float())),
        (_, x) => Value::Float(B::float_sum(x.float())),
    }
}

/// Floats from floats.
fn elementwise<B: Backend>(op: Op, mut a: Arguments<B>) -> burn_backend::tensor::FloatTensor<B> {
    let x = a.float();
    match op {
        Op::Neg => B::float_neg(x),
        Op::Exp => B::float_exp(x),
        Op::Log => B::float_log(x),
        Op::Log1p => B::float_log1p(x),
        Op::Sqrt => B::float_sqrt(x),
        Op::Recip => B::float_recip(x),
        Op::Abs => B::float_abs(x),
        Op::Sign => B::float_sign(x),
        Op::Sin => B::float_sin(x),
        Op::Cos => B::float_cos(x),
        Op::Tanh => B::float_tanh(x),
        Op::Sigmoid => B::sigmoid(x),
        Op::Relu => B::relu(x),
        Op::Gelu => B::gelu(x),
        Op::Erf => B::float_erf(x),
        Op::Floor => B::float_floor(x),
        Op::Ceil => B::float_ceil(x),
        Op::Round => B::float_round(x),
        Op::AddScalar => B::float_add_scalar(x, a.scalar(0)),
        Op::SubScalar => B::float_sub_scalar(x, a.scalar(0)),
        Op::MulScalar => B::float_mul_scalar(x, a.scalar(0)),
        Op::PowScalar => B::float_powf_scalar(x, a.scalar(0)),
        Op::LeakyRelu => B::leaky_relu(x, a.scalar(0)),
        Op::ClampMax => B::float_clamp_max(x, a.scalar(0)),
        Op::Clamp => B::float_clamp(x, a.scalar(0), a.scalar(1)),
        Op::Div => B::float_div(x, a.float()),
        Op::Pow => B::float_powf(x, a.float()),
        Op::SumDim => B::float_sum_dim(x, a.size(0)),
        Op::CumSum => B::float_cumsum(x, a.size(0)),
        Op::IntoF16 => B::float_cast(x, FloatDType::F16),
        Op::IntoF32 => B::float_cast(x, FLOAT),
        other => panic!("{other:?} is no operation on tensors"),
    }
}

fn compare<B: Backend>(op: Op, mut a: Arguments<B>) -> burn_backend::tensor::BoolTensor<B> {
    let x = a.next();
    let bools = bools::<B>(&x.device());
    match (op, x) {
        (Op::Lt, Value::Int(x)) => B::int_lower(x, a.next().int(), bools),
        (Op::Le, Value::Int(x)) => B::int_lower_equal(x, a.next().int(), bools),
        (Op::Gt, Value::Int(x)) => B::int_greater(x, a.next().int(), bools),
        (Op::Ge, Value::Int(x)) => B::int_greater_equal(x, a.next().int(), bools),
        (Op::Eq, Value::Int(x)) => B::int_equal(x, a.next().int(), bools),
        (Op::Ne, Value::Int(x)) => B::int_not_equal(x, a.next().int(), bools),
        (Op::NotZero, Value::Int(x)) => B::int_not_equal_elem(x, 0i32.into(), bools),
        (Op::Ne, Value::Bool(x)) => B::bool_not_equal(x, a.next().bool()),
        (_, Value::Bool(x)) => B::bool_equal(x, a.next().bool()),
        (Op::Lt, Value::Float(x)) => B::float_lower(x, a.float(), bools),
        (Op::Le, Value::Float(x)) => B::float_lower_equal(x, a.float(), bools),
        (Op::Gt, Value::Float(x)) => B::float_greater(x, a.float(), bools),
        (Op::Ge, Value::Float(x)) => B::float_greater_equal(x, a.float(), bools),
        (Op::Eq, Value::Float(x)) => B::float_equal(x, a.float(), bools),
        (Op::Ne, Value::Float(x)) => B::float_not_equal(x, a.float(), bools),
        (Op::GtScalar, Value::Float(x)) => B::float_greater_elem(x, a.scalar(0), bools),
        (Op::GeScalar, Value::Float(x)) => B::float_greater_equal_elem(x, a.scalar(0), bools),
        (Op::LeScalar, Value::Float(x)) => B::float_lower_equal_elem(x, a.scalar(0), bools),
        (_, Value::Float(x)) => B::float_not_equal_elem(x, 0f32.into(), bools),
        (other, _) => panic!("{other:?} is no comparison"),
    }
}

fn layout<B: Backend>(op: Op, mut a: Arguments<B>) -> Value<B> {
    let x = a.next();
    let sizes = a.sizes();
    match (op, x) {
        (Op::Reshape, Value::Float(x)) => Value::Float(B::float_reshape(x, Shape::from(sizes))),
        (Op::Reshape, Value::Int(x)) => Value::Int(B::int_reshape(x, Shape::from(sizes))),
        (Op::Reshape, Value::Bool(x)) => Value::Bool(B::bool_reshape(x, Shape::from(sizes))),
        (Op::Permute, Value::Float(x)) => Value::Float(B::float_permute(x, &sizes)),
        (Op::Permute, Value::Int(x)) => Value::Int(B::int_permute(x, &sizes)),
        (Op::Permute, Value::Bool(x)) => Value::Bool(B::bool_permute(x, &sizes)),
        (Op::Expand, Value::Float(x)) => Value::Float(B::float_expand(x, Shape::from(sizes))),
        (Op::Expand, Value::Int(x)) => Value::Int(B::int_expand(x, Shape::from(sizes))),
        (Op::Expand, Value::Bool(x)) => Value::Bool(B::bool_expand(x, Shape::from(sizes))),
        (Op::Slice, Value::Float(x)) => Value::Float(B::float_slice(x, &a.slices())),
        (Op::Slice, Value::Int(x)) => Value::Int(B::int_slice(x, &a.slices())),
        (Op::Slice, Value::Bool(x)) => Value::Bool(B::bool_slice(x, &a.slices())),
        (Op::SliceAssign, x) => Value::Float(B::float_slice_assign(x.float(), &a.slices(), a.float())),
        (Op::Flip, Value::Float(x)) => Value::Float(B::float_flip(x, &sizes)),
        (Op::Flip, Value::Int(x)) => Value::Int(B::int_flip(x, &sizes)),
        (Op::Flip, Value::Bool(x)) => Value::Bool(B::bool_flip(x, &sizes)),
        (_, first) => {
            let axis = a.size(0);
            let rest = a.tensors;
            match first {
                Value::Float(x) => {
                    let all = std::iter::once(x).chain(rest.map(Value::float)).collect();
                    Value::Float(B::float_cat(all, axis))
                }
                Value::Int(x) => {
                    let all = std::iter::once(x).chain(rest.map(Value::int)).collect();
                    Value::Int(B::int_cat(all, axis))
                }
                Value::Bool(x) => {
                    let all = std::iter::once(x).chain(rest.map(Value::bool)).collect();
                    Value::Bool(B::bool_cat(all, axis))
                }
            }
        }
    }
}

fn index<B: Holds>(op: Op, mut a: Arguments<B>) -> Value<B> {
    let x = a.next();
    match (op, x) {
        (Op::MaskWhere, mask) => {
            let mask = mask.bool();
            match a.next() {
                Value::Float(no) => Value::Float(B::float_mask_where(no, mask, a.float())),
                Value::Int(no) => Value::Int(B::int_mask_where(no, mask, a.next().int())),
                Value::Bool(no) => Value::Bool(B::bool_mask_where(no, mask, a.next().bool())),
            }
        }
        (Op::Argsort, Value::Int(x)) => Value::Int(B::int_argsort(x, a.size(0), a.size(1) == 1)),
        (Op::Argsort, x) => Value::Int(B::float_argsort(x.float(), a.size(0), a.size(1) == 1, B::INT)),
        (Op::Select, Value::Float(x)) => Value::Float(B::float_select(x, a.size(0), a.next().int())),
        (Op::Select, Value::Int(x)) => Value::Int(B::int_select(x, a.size(0), a.next().int())),
        (Op::Select, Value::Bool(x)) => Value::Bool(B::bool_select(x, a.size(0), a.next().int())),
        (Op::Gather, Value::Float(x)) => Value::Float(B::float_gather(a.size(0), x, a.next().int())),
        (Op::Gather, Value::Int(x)) => Value::Int(B::int_gather(a.size(0), x, a.next().int())),
        (Op::Gather, Value::Bool(x)) => Value::Bool(B::bool_gather(a.size(0), x, a.next().int())),
        (op, x) => {
            let (x, axis, at) = (x.float(), a.size(0), a.next().int());
            let (value, add) = (a.float(), IndexingUpdateOp::Add);
            Value::Float(match op {
                Op::SelectAdd => B::float_select_assign(x, axis, at, value, add),
                _ => B::float_scatter(axis, x, at, value, add),
            })
        }
    }
}

fn product<B: Backend>(op: Op, mut a: Arguments<B>) -> burn_backend::tensor::FloatTensor<B> {
    let (x, w) = (a.float(), a.float());
    match op {
        Op::Matmul => B::float_matmul(x, w),
        Op::Conv2d => B::conv2d(x, w, None, a.walk()),
        Op::Conv2dWeightGrad => B::conv2d_weight_backward(x, w, a.float(), a.walk()),
        _ => {
            let options = ConvTransposeOptions {
                stride: a.pair(0),
                padding: a.pair(1),
                padding_out: [a.size(7), a.size(8)],
                dilation: a.pair(2),
                groups: a.size(6),
            };
            B::conv_transpose2d(x, w, None, options)
        }
    }
}

/// A tensor on a device from elements: 32-bit floats, 64-bit whole numbers or one byte each.
pub fn upload<B: Holds>(kind: Kind, data: &[u8], sizes: &[i64], device: &Device<B>) -> Value<B> {
    let shape: Vec<usize> = sizes.iter().map(|&n| n as usize).collect();
    match kind {
        Kind::F32 => {
            let all = data.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b));
            let data = TensorData::new(all.collect::<Vec<f32>>(), shape);
            Value::Float(B::float_from_data(data, device))
        }
        Kind::Int => {
            let all = data.as_chunks::<8>().0.iter().map(|b| i64::from_ne_bytes(*b));
            let data = match B::INT {
                IntDType::I64 => TensorData::new(all.collect::<Vec<i64>>(), shape),
                // `tensor` has seen that the numbers fit.
                _ => TensorData::new(all.map(|v| v as i32).collect::<Vec<i32>>(), shape),
            };
            Value::Int(B::int_from_data(data, device))
        }
        Kind::Bool => {
            let all = data.iter().map(|&b| b != 0);
            let data = TensorData::new(all.collect::<Vec<bool>>(), shape);
            let data = data.convert_dtype(burn_backend::DType::Bool(bools::<B>(device)));
            Value::Bool(B::bool_from_data(data, device))
        }
    }
}

/// A float tensor full of a number.
pub fn full<B: Backend>(value: f32, sizes: &[i64], device: &Device<B>) -> Value<B> {
    let shape: Vec<usize> = sizes.iter().map(|&n| n as usize).collect();
    Value::Float(B::float_full(Shape::from(shape), value.into(), device, FLOAT))
}

/// The elements as bytes, as [`upload`] takes them. Waits for the device.
///
/// # Errors
/// The device's.
pub fn read<B: Backend>(value: Value<B>) -> Result<Vec<u8>, ExecutionError> {
    use burn_backend::read_sync;
    Ok(match value {
        Value::Float(t) => {
            let data = read_sync(B::float_into_data(t))?;
            data.iter::<f32>().flat_map(f32::to_ne_bytes).collect()
        }
        Value::Int(t) => {
            let data = read_sync(B::int_into_data(t))?;
            data.iter::<i64>().flat_map(i64::to_ne_bytes).collect()
        }
        Value::Bool(t) => {
            let data = read_sync(B::bool_into_data(t))?;
            data.iter::<bool>().map(u8::from).collect()
        }
    })
}
