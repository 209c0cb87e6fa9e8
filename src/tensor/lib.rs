//! The rank-dynamic tensor: values, devices, seeded random numbers and the any-order tape.
//!
//! The gradient of a gradient, as a gradient penalty takes it: with `create_graph` the backward pass is recorded like
//! any operation.
//!
//! ```
//! use saddle_tensor::{Device, GradOptions, Tensor, grad};
//!
//! let x = Tensor::from_floats(vec![1.0, 2.0, 3.0], &[3], &Device::Cpu);
//! let y = x.mul(&x)?.mul(&x)?.sum()?; // Σ x³
//! let first = grad(&y, &[&x], None, GradOptions { create_graph: true })?.remove(0).unwrap();
//! assert_eq!(first.to_floats()?, [3.0, 12.0, 27.0]); // 3x²
//!
//! let penalty = first.mul(&first)?.sum()?; // Σ 9x⁴
//! let second = grad(&penalty, &[&x], None, GradOptions::default())?.remove(0).unwrap();
//! assert_eq!(second.to_floats()?, [36.0, 288.0, 972.0]); // 36x³
//! # Ok::<(), saddle_fault::Fault>(())
//! ```
//!
//! What is computed under [`no_grad`] is a constant to every gradient, and where a result does not depend on a tensor
//! there is none:
//!
//! ```
//! use saddle_tensor::{GradOptions, Tensor, grad, no_grad};
//!
//! let (x, z) = (Tensor::scalar(3.0), Tensor::scalar(5.0));
//! let fixed = no_grad(|| x.mul(&x))?;
//! let gradients = grad(&x.mul(&fixed)?, &[&x, &z], None, GradOptions::default())?;
//! assert_eq!(gradients[0].as_ref().unwrap().to_floats()?, [9.0]);
//! assert!(gradients[1].is_none());
//! # Ok::<(), saddle_fault::Fault>(())
//! ```
//!
//! Shapes are known when the program runs, so a wrong one is an error with a message, and no panic:
//!
//! ```
//! use saddle_tensor::{Device, Tensor};
//!
//! let images = Tensor::full(1.0, &[64, 784], &Device::Cpu);
//! let weight = Tensor::full(0.5, &[784, 10], &Device::Cpu);
//! assert_eq!(images.matmul(&weight)?.shape()[..], [64, 10]);
//! let fault = weight.matmul(&images).err().unwrap();
//! assert!(fault.message.contains("[784, 10]"));
//! # Ok::<(), saddle_fault::Fault>(())
//! ```
//!
//! | file | owns |
//! |---|---|
//! | [`device`] | the names of devices, the current one |
//! | [`tuning`] | what is told while a graphics processor prepares for its first use |
//! | `shape`, `view` | sizes; shared buffers on the CPU, and which of their elements a tensor is |
//! | `raw` | values without gradients, over views and the CPU kernels, and over devices that Burn computes on |
//! | [`tape`] | nodes, recording, `grad` |
//! | `ops` | every recorded operation with its backward rule |
//! | [`precision`] | half-precision products on graphics processors |
//! | [`random`] | the seeded generator |
//! | [`anomaly`] | which operation first made a NaN |
//! | [`update`] | optimizer steps on values |
//! | `display` | how a tensor is shown as text |
//! | `limit` | which shapes a tensor can have |

pub mod anomaly;
pub mod device;
mod display;
mod limit;
mod ops;
pub mod precision;
pub mod random;
mod raw;
mod shape;
pub mod tape;
pub mod tuning;
pub mod update;
mod view;

pub use device::Device;
pub use limit::check_shape;
pub use ops::{Extreme, Geometry, Lstm, Normed, Window, einsum};
pub use raw::{Compare, Dtype, Raw, reads};
pub use shape::Shape;
pub use tape::{GradOptions, grad, no_grad};

use saddle_fault::Result;
use std::rc::{Rc, Weak};
use tape::Node;

/// A tensor of rank 0 to 6: a value on a device, and its place in the graph.
///
/// Cloning is cheap and keeps the identity: a gradient with respect to a clone is the gradient with respect to the
/// original.
#[derive(Clone)]
pub struct Tensor {
    raw: Raw,
    node: Rc<Node>,
}

impl Tensor {
    /// A new leaf: nothing before it is known to any gradient.
    pub fn constant(raw: Raw) -> Self {
        Self { raw, node: Node::leaf() }
    }

    /// A tensor of floats, row-major, on `device`. The shape's size must be the number of values.
    pub fn from_floats(data: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        Self::constant(Raw::from_floats(data, Shape::from(shape), device))
    }

    /// A tensor of whole numbers.
    ///
    /// # Panics
    /// Numbers of more than 32 bits on a graphics processor: the words refuse them, as [`Raw::from_ints`] says.
    pub fn from_ints<I: Into<i64>>(data: Vec<I>, shape: &[usize], device: &Device) -> Self {
        let data = data.into_iter().map(Into::into).collect();
        Self::constant(Raw::from_ints(data, Shape::from(shape), device))
    }

    /// A tensor of truth values.
    pub fn from_bools(data: Vec<bool>, shape: &[usize], device: &Device) -> Self {
        Self::constant(Raw::from_bools(data, Shape::from(shape), device))
    }

    /// A tensor full of one value.
    pub fn full(value: f32, shape: &[usize], device: &Device) -> Self {
        Self::constant(Raw::full(value, Shape::from(shape), device))
    }

    /// A single number, of rank 0.
    pub fn scalar(value: f32) -> Self {
        Self::full(value, &[], &device::current())
    }

    /// The size of each dim.
    pub fn shape(&self) -> Shape {
        self.raw.shape()
    }

    /// How many dims it has.
    pub fn rank(&self) -> usize {
        self.raw.shape().num_dims()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// The memory that the elements take, in bytes.
    pub fn bytes(&self) -> usize {
        let each = match self.dtype() {
            Dtype::Int => self.device().whole_bits() / 8,
            Dtype::F32 => 4,
            Dtype::Bool => 1,
        };
        self.len() * each
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of its elements.
    pub fn dtype(&self) -> Dtype {
        self.raw.dtype()
    }

    /// Where its elements lie.
    pub fn device(&self) -> Device {
        self.raw.device()
    }

    /// The value without its place in the graph.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }

    /// The same value as a new leaf: gradients stop here.
    pub fn detach(&self) -> Self {
        Self::constant(self.raw.clone())
    }

    /// The elements as floats in row-major order. Waits for the device.
    pub fn to_floats(&self) -> Result<Vec<f32>> {
        self.raw.to_floats()
    }

    /// Calls `f` with the elements of a tensor of floats in row-major order, without a copy where they lie so. Waits
    /// for the device.
    ///
    /// # Errors
    /// The device's.
    pub fn with_floats<R>(&self, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
        match self.raw.contiguous().slice() {
            Some(slice) => Ok(f(slice)),
            None => Ok(f(&self.to_floats()?)),
        }
    }

    /// The first element of a tensor of floats that does not lie in `-end..end`: too large, infinite or NaN. Waits for
    /// the device.
    ///
    /// # Errors
    /// The device's.
    pub fn beyond(&self, end: f32) -> Result<Option<f32>> {
        let is_inside = |v: &f32| (-end..end).contains(v);
        // A block is looked at as a whole, many numbers at a time.
        let all_inside = |block: &[f32]| block.iter().fold(true, |all, v| all & is_inside(v));
        self.with_floats(|all| {
            let block = all.chunks(1024).find(|block| !all_inside(block))?;
            block.iter().copied().find(|v| !is_inside(v))
        })
    }

    /// The elements as whole numbers in row-major order. Waits for the device.
    pub fn to_ints(&self) -> Result<Vec<i64>> {
        self.raw.to_ints()
    }

    /// Whether two handles are the same node of the graph.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.node, &other.node)
    }

    /// What tells this tensor from others later, without keeping it.
    pub fn identity(&self) -> Identity {
        Identity(Rc::downgrade(&self.node))
    }
}

/// Which node of the graph a tensor is. The tensor itself may be gone; no other takes its place.
#[derive(Clone, Debug)]
pub struct Identity(Weak<Node>);

impl Identity {
    /// Whether a tensor is the one that this was asked of.
    pub fn is(&self, tensor: &Tensor) -> bool {
        std::ptr::eq(self.0.as_ptr(), Rc::as_ptr(&tensor.node))
    }
}

/// `x · scale + shift` as a new leaf: how drawn numbers are brought to their range.
pub fn affine(x: &Tensor, scale: f32, shift: f32) -> Tensor {
    use saddle_cpu::Unary;
    Tensor::constant(x.raw.unary(Unary::MulScalar(scale)).unary(Unary::AddScalar(shift)))
}

/// A shape as users read it: `[64, 100]`.
pub fn shown(shape: &[usize]) -> String {
    format!("{shape:?}")
}
