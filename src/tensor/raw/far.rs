//! Values on devices that Burn computes on: handles of the library's, and its operations by name.

use crate::device::Device;
use crate::raw::Dtype;
use crate::shape::Shape;
use saddle_backend::{Kind, Library, Op, Tensor, With, loaded};
use std::rc::Rc;

/// A tensor of the library's and where it lives. Cloning shares it.
#[derive(Clone)]
pub struct Far {
    tensor: Rc<Tensor>,
    device: Device,
}

/// This machine's library, which is loaded: there is a tensor or a device of it.
///
/// # Panics
/// It is not.
pub fn library() -> &'static Library {
    match loaded() {
        Some(library) => library,
        None => unreachable!("a device of the library's was opened before it was loaded"),
    }
}

/// What a library of its own calls the dtypes.
fn kind(dtype: Dtype) -> Kind {
    match dtype {
        Dtype::F32 => Kind::F32,
        Dtype::Int => Kind::Int,
        Dtype::Bool => Kind::Bool,
    }
}

impl Far {
    pub fn shape(&self) -> Shape {
        self.tensor.sizes().collect()
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// # Errors
    /// The device's: in its own words, and whether it is lost.
    pub fn read(&self) -> Result<Vec<u8>, saddle_backend::Failure> {
        let with = With { tensors: &[&self.tensor], ..With::default() };
        self.device.library().try_ask(Op::Read, with).map(|answer| answer.bytes)
    }

    fn made(tensor: Option<Tensor>, device: &Device) -> Self {
        match tensor {
            Some(tensor) => Self { tensor: Rc::new(tensor), device: device.clone() },
            None => unreachable!("an operation gives its tensors"),
        }
    }
}

/// A tensor made of elements, as bytes.
pub fn upload(dtype: Dtype, data: &[u8], shape: &Shape, device: &Device) -> Far {
    let ints = placed(shape, device);
    let with = With { ints: &ints, data, kind: Some(kind(dtype)), ..With::default() };
    let [tensor, _] = device.library().compute(Op::Upload, with);
    Far::made(tensor, device)
}

/// A float tensor full of a number.
pub fn full(value: f32, shape: &Shape, device: &Device) -> Far {
    let ints = placed(shape, device);
    let with = With { ints: &ints, floats: &[value], ..With::default() };
    let [tensor, _] = device.library().compute(Op::Full, with);
    Far::made(tensor, device)
}

/// A device, and the sizes of what is made on it.
fn placed(shape: &Shape, device: &Device) -> Vec<i64> {
    let sizes = shape.iter().map(|&n| n as i64);
    device.numbers().into_iter().chain(sizes).collect()
}

/// An operation on tensors with whole numbers and floats.
pub fn compute(op: Op, tensors: &[&Far], ints: &[i64], floats: &[f32]) -> Far {
    let [one, _] = run(op, tensors, ints, floats);
    Far::made(one, &tensors[0].device)
}

/// An operation that gives two tensors.
pub fn compute_two(op: Op, tensors: &[&Far], ints: &[i64]) -> (Far, Far) {
    let device = &tensors[0].device;
    let [one, other] = run(op, tensors, ints, &[]);
    (Far::made(one, device), Far::made(other, device))
}

fn run(op: Op, tensors: &[&Far], ints: &[i64], floats: &[f32]) -> [Option<Tensor>; 2] {
    let library = tensors[0].device.library();
    let tensors: smallvec::SmallVec<[&Tensor; 4]> = tensors.iter().map(|far| &*far.tensor).collect();
    let with = With { tensors: &tensors, ints, floats, kind: None, data: &[] };
    library.compute(op, with)
}

/// An operation on one tensor.
pub fn one(op: Op, x: &Far) -> Far {
    compute(op, &[x], &[], &[])
}

/// An operation on one tensor and a number.
pub fn with_scalar(op: Op, x: &Far, value: f32) -> Far {
    compute(op, &[x], &[], &[value])
}

/// An operation on two tensors.
pub fn two(op: Op, a: &Far, b: &Far) -> Far {
    compute(op, &[a, b], &[], &[])
}

/// An operation on one tensor along an axis.
pub fn along(op: Op, x: &Far, axis: usize) -> Far {
    compute(op, &[x], &[axis as i64], &[])
}

/// Sizes or axes as they cross the border.
pub fn numbers(sizes: &[usize]) -> smallvec::SmallVec<[i64; 16]> {
    sizes.iter().map(|&n| n as i64).collect()
}
