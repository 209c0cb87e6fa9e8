//! Values without gradients, and the operations on them.
//!
//! On the CPU they are views of shared buffers, computed by the kernels of `saddle-cpu`; on other devices they are
//! tensors of Burn's, behind the border of `saddle-backend`. The taped operations (`ops`) check shapes and types first:
//! here they are preconditions.
//!
//! | file | owns |
//! |---|---|
//! | `math` | element-wise operations, broadcasting, comparisons, choice |
//! | `layout` | other shapes and orders of the same elements |
//! | `reduce`, `softmax` | reductions along an axis or over everything; softmax over some axes |
//! | `linalg`, `conv` | matrix products; the three products of convolutions |
//! | `norm`, `logits`, `lstm` | batch normalisation, binary cross-entropy, LSTMs, where the device has them in one piece |
//! | `index` | ranges, rows by index, gather and scatter, joining, sorting |
//! | `near` | what devices in single precision would round before it cancels |
//! | `in_place` | what is written over a tensor that nobody else holds |
//! | `ints` | whole numbers that have no kernel of their own |
//! | `far` | handles of the library's, and its operations by name |
//! | `long` | kernels with loops that a software adapter breaks off |

mod conv;
mod far;
mod in_place;
mod index;
mod ints;
mod layout;
mod linalg;
mod logits;
mod long;
mod lstm;
mod math;
mod near;
mod norm;
mod reduce;
mod softmax;

pub(super) use conv::ConvGeometry;
pub(super) use far::{Far, library, one};
pub use math::Compare;
pub(super) use {linalg::rectifier, lstm::Sequences, lstm::Unrolled};

use super::device::Device;
use crate::shape::{Axes, Shape};
use crate::view::{Element, View};
use saddle_backend::Op;
use saddle_fault::{Fault, Result};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floating point: the only kind that carries gradients.
    F32,
    /// Whole numbers: labels, indices. Of 64 bits on processors, of 32 on graphics processors.
    Int,
    /// Truth values.
    Bool,
}

impl Dtype {
    /// As cells write it.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::Int => "int",
            Dtype::Bool => "bool",
        }
    }
}

static READS: AtomicUsize = AtomicUsize::new(0);

/// How often values have been read back from devices other than the CPU, which makes the device stand still.
pub fn reads() -> usize {
    READS.load(Ordering::Relaxed)
}

/// Where the elements are.
enum Held {
    Cpu(View),
    Far(Far),
}

/// A value on a device. Cloning shares the storage and the description of it: the tape clones often.
#[derive(Clone)]
pub struct Raw {
    held: Rc<Held>,
    dtype: Dtype,
    /// The least and the largest element of whole numbers on a device other than the CPU, where it is known without
    /// asking the device: to ask would make it stand still at every index that is checked.
    bounds: Option<(i64, i64)>,
    /// A single number of rank 0 on a device other than the CPU, where it has to be one of rank 1: Burn's kernels for
    /// graphics processors know no rank 0.
    point: bool,
}

impl Raw {
    #[inline]
    fn hold(held: Held, dtype: Dtype) -> Self {
        Self { held: Rc::new(held), dtype, bounds: None, point: false }
    }

    pub(super) fn wrap(far: Far, dtype: Dtype) -> Self {
        Self::hold(Held::Far(far), dtype)
    }

    /// A view on the CPU.
    #[inline]
    pub(super) fn viewed(view: View, dtype: Dtype) -> Self {
        Self::hold(Held::Cpu(view), dtype)
    }

    /// This value as one of shape `shape`. Only rank 0 needs a note: a device other than the CPU stores it with rank 1.
    #[inline]
    pub(super) fn of(mut self, shape: &Shape) -> Self {
        self.point = shape.is_empty() && self.view().is_none();
        self
    }

    /// This value as one of the shape of `other`: see [`of`](Self::of).
    #[inline]
    pub(super) fn like(mut self, other: &Raw) -> Self {
        self.point = other.point;
        self
    }

    /// This value, with what is known of the bounds of its elements.
    pub(super) fn within(mut self, bounds: Option<(i64, i64)>) -> Self {
        self.bounds = bounds;
        self
    }

    /// Between which elements those of an int tensor lie, as far as is known without asking the device.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        self.bounds
    }

    pub(super) fn float(far: Far) -> Self {
        Self::wrap(far, Dtype::F32)
    }

    /// The tensor of the library's behind it: on a device other than the CPU.
    ///
    /// # Panics
    /// On the CPU: every operation has a kernel there.
    pub(super) fn far(&self) -> &Far {
        match &*self.held {
            Held::Far(far) => far,
            Held::Cpu(_) => unreachable!("tensors on the CPU are computed by its own kernels"),
        }
    }

    /// The view behind it, of any dtype; `None` on another device.
    pub(super) fn view(&self) -> Option<&View> {
        match &*self.held {
            Held::Cpu(view) => Some(view),
            Held::Far(_) => None,
        }
    }

    /// The type of its elements.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The size of each dim.
    #[inline]
    pub fn shape(&self) -> Shape {
        match &*self.held {
            Held::Cpu(view) => view.shape().clone(),
            Held::Far(_) if self.point => Shape::new([]),
            Held::Far(far) => far.shape(),
        }
    }

    /// How many elements it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.shape().num_elements()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where they lie.
    pub fn device(&self) -> Device {
        match &*self.held {
            Held::Cpu(_) => Device::Cpu,
            Held::Far(far) => far.device().clone(),
        }
    }

    /// The elements in row-major order without a copy: on the CPU, where they lie so.
    pub(crate) fn slice(&self) -> Option<&[f32]> {
        self.view()?.slice()
    }

    /// The elements of an int tensor in row-major order without a copy: on the CPU, where they lie so.
    fn whole_slice(&self) -> Option<&[i64]> {
        self.view()?.slice()
    }

    /// The storage from the first element on, and the strides in elements: of floats on the CPU.
    pub(super) fn strided(&self) -> Option<(&[f32], &Axes)> {
        self.view()?.strided()
    }

    /// A CPU tensor over `data`, whose length is the shape's.
    #[inline]
    pub(super) fn cpu<T: Element>(data: Vec<T>, shape: Shape) -> Self {
        Self::viewed(View::new(data, shape), T::DTYPE)
    }

    /// The same elements in row-major order.
    #[inline]
    pub(crate) fn contiguous(&self) -> Self {
        match self.view() {
            Some(view) if !view.is_contiguous() => Self::viewed(view.contiguous(), self.dtype),
            _ => self.clone(),
        }
    }

    /// A tensor of floats on `device`.
    pub fn from_floats(data: Vec<f32>, shape: Shape, device: &Device) -> Self {
        match device {
            Device::Cpu => Self::cpu(data, shape),
            _ => {
                let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_ne_bytes()).collect();
                Self::float(far::upload(Dtype::F32, &bytes, &held(&shape), device)).of(&shape)
            }
        }
    }

    /// A tensor of whole numbers on `device`.
    ///
    /// # Panics
    /// Numbers of more than 32 bits on a device whose whole numbers have no more, with a [`Fault`] that says so: the
    /// device would cut them off without a word.
    pub fn from_ints(data: Vec<i64>, shape: Shape, device: &Device) -> Self {
        match device {
            Device::Cpu => Self::cpu(data, shape),
            _ => {
                if let Some(wide) = data.iter().find(|&&v| !device.holds_whole(v)) {
                    std::panic::resume_unwind(Box::new(too_wide(*wide, device)));
                }
                let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_ne_bytes()).collect();
                let far = far::upload(Dtype::Int, &bytes, &held(&shape), device);
                Self::wrap(far, Dtype::Int).within(ends(&data)).of(&shape)
            }
        }
    }

    /// A tensor of truth values on `device`.
    pub fn from_bools(data: Vec<bool>, shape: Shape, device: &Device) -> Self {
        match device {
            Device::Cpu => Self::cpu(data, shape),
            _ => {
                let bytes: Vec<u8> = data.iter().map(|&v| v.into()).collect();
                Self::wrap(far::upload(Dtype::Bool, &bytes, &held(&shape), device), Dtype::Bool).of(&shape)
            }
        }
    }

    /// A tensor full of one value.
    pub fn full(value: f32, shape: Shape, device: &Device) -> Self {
        let n = shape.num_elements();
        match device {
            Device::Cpu => Self::cpu(vec![value; n], shape),
            _ if n == 0 => Self::empty(&shape, Dtype::F32, device),
            _ => Self::float(far::full(value, &held(&shape), device)).of(&shape),
        }
    }

    /// The elements as bytes, or what the device says of why they cannot be had: f32, i64 or one byte each.
    fn bytes(&self) -> Result<Vec<u8>> {
        let read = self.far().read();
        READS.fetch_add(1, Ordering::Relaxed);
        let bytes = read.map_err(|e| self.device().failed(&e.reason, e.lost))?;
        let each = match self.dtype {
            Dtype::F32 => 4,
            Dtype::Int => 8,
            Dtype::Bool => 1,
        };
        // One elsewhere may say anything.
        match self.far().shape().num_elements().checked_mul(each) == Some(bytes.len()) {
            true => Ok(bytes),
            false => Err(self.device().failed("it gave another number of elements than the tensor has", false)),
        }
    }

    /// The sum of the elements of floats, which are few, or what the device says of why there is none.
    pub(crate) fn read_sum(&self) -> Result<f32, saddle_backend::Failure> {
        READS.fetch_add(1, Ordering::Relaxed);
        Ok(floats(&self.far().read()?).sum())
    }

    /// The elements as floats, in row-major order; ints and truth values (0 and 1) are converted. Waits for the device.
    pub fn to_floats(&self) -> Result<Vec<f32>> {
        if let Some(view) = self.view() {
            return Ok(match self.dtype {
                Dtype::F32 => view.to_vec::<f32>().unwrap_or_default(),
                Dtype::Int => each(view, |v: i64| v as f32),
                Dtype::Bool => each(view, |v: bool| f32::from(v)),
            });
        }
        let bytes = self.bytes()?;
        Ok(match self.dtype {
            Dtype::F32 => floats(&bytes).collect(),
            Dtype::Int => ints(&bytes).map(|v| v as f32).collect(),
            Dtype::Bool => bytes.into_iter().map(f32::from).collect(),
        })
    }

    /// The elements as whole numbers, in row-major order. Waits for the device.
    pub fn to_ints(&self) -> Result<Vec<i64>> {
        if let Some(view) = self.view() {
            return Ok(match self.dtype {
                Dtype::F32 => each(view, |v: f32| v as i64),
                Dtype::Int => view.to_vec::<i64>().unwrap_or_default(),
                Dtype::Bool => each(view, |v: bool| i64::from(v)),
            });
        }
        let bytes = self.bytes()?;
        Ok(match self.dtype {
            Dtype::F32 => floats(&bytes).map(|v| v as i64).collect(),
            Dtype::Int => ints(&bytes).collect(),
            Dtype::Bool => bytes.into_iter().map(i64::from).collect(),
        })
    }

    /// The same values on another device. Waits for the device they were on.
    ///
    /// # Panics
    /// That device fails.
    pub fn to_device(&self, device: &Device) -> Self {
        if self.device() == *device {
            return self.clone();
        }
        let shape = self.shape();
        let moved = match self.dtype {
            Dtype::F32 => self.to_floats().map(|data| Self::from_floats(data, shape, device)),
            Dtype::Int => self.to_ints().map(|data| Self::from_ints(data, shape, device)),
            Dtype::Bool => self.to_ints().map(|data| {
                let data = data.into_iter().map(|v| v != 0).collect();
                Self::from_bools(data, shape, device)
            }),
        };
        // Asked of the devices by whoever catches it, as with all that fails within an operation.
        moved.unwrap_or_else(|fault| std::panic::resume_unwind(Box::new(fault.message)))
    }

    /// The same values as another dtype: truth values become 0 and 1, floats are cut towards zero, non-zero is true.
    pub fn cast(&self, to: Dtype) -> Self {
        if self.dtype == to {
            return self.clone();
        }
        if let Some(view) = self.view() {
            let shape = view.shape().clone();
            return match (self.dtype, to) {
                (Dtype::F32, Dtype::Int) => Self::cpu(each(view, |v: f32| v as i64), shape),
                (Dtype::F32, _) => Self::cpu(each(view, |v: f32| v != 0.0), shape),
                (Dtype::Int, Dtype::F32) => Self::cpu(each(view, |v: i64| v as f32), shape),
                (Dtype::Int, _) => Self::cpu(each(view, |v: i64| v != 0), shape),
                (_, Dtype::F32) => Self::cpu(each(view, |v: bool| f32::from(v)), shape),
                _ => Self::cpu(each(view, |v: bool| i64::from(v)), shape),
            };
        }
        if let Some(none) = self.unless_any(&self.shape(), to) {
            return none;
        }
        let op = match to {
            Dtype::F32 => Op::IntoFloat,
            Dtype::Int => Op::IntoInt,
            Dtype::Bool => Op::NotZero,
        };
        let known = ((self.dtype, to) == (Dtype::Bool, Dtype::Int)).then_some((0, 1));
        Self::wrap(far::one(op, self.far()), to).within(known).like(self)
    }

    /// No elements of `shape`. Nothing is asked of a device: what Burn fuses with an operation on no elements is not
    /// computed either.
    pub(super) fn empty(shape: &Shape, dtype: Dtype, device: &Device) -> Self {
        let shape = shape.clone();
        match dtype {
            Dtype::F32 => Self::from_floats(Vec::new(), shape, device),
            Dtype::Int => Self::from_ints(Vec::new(), shape, device),
            Dtype::Bool => Self::from_bools(Vec::new(), shape, device),
        }
    }

    /// [`Raw::empty`] where a device would have to compute no elements of `shape`.
    pub(super) fn unless_any(&self, shape: &Shape, dtype: Dtype) -> Option<Self> {
        let none = self.view().is_none() && shape.num_elements() == 0;
        none.then(|| Self::empty(shape, dtype, &self.device()))
    }
}

/// The shape in which a device other than the CPU holds a tensor of `shape`: rank 0 as one element of rank 1.
fn held(shape: &Shape) -> Shape {
    match shape.is_empty() {
        true => Shape::new([1]),
        false => shape.clone(),
    }
}

fn too_wide(value: i64, device: &Device) -> Fault {
    Fault::value(format!("{value} has more than the 32 bits that whole numbers have on {device}"))
        .hint("whole numbers have 64 bits on the CPU: t.to(\"cpu\"), or float(t)")
}

/// The least and the largest of some whole numbers.
fn ends(all: &[i64]) -> Option<(i64, i64)> {
    let further = |(low, high): (i64, i64), &v: &i64| (low.min(v), high.max(v));
    all.first().map(|&v| all.iter().fold((v, v), further))
}

/// `f` of each element of a view, in row-major order.
fn each<T: Element, U>(view: &View, f: impl Fn(T) -> U) -> Vec<U> {
    match view.slice::<T>() {
        Some(slice) => slice.iter().map(|&v| f(v)).collect(),
        None => view.to_vec::<T>().unwrap_or_default().into_iter().map(f).collect(),
    }
}

/// Floats that came as bytes.
fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b))
}

/// Whole numbers that came as bytes.
fn ints(bytes: &[u8]) -> impl Iterator<Item = i64> {
    bytes.as_chunks::<8>().0.iter().map(|b| i64::from_ne_bytes(*b))
}
