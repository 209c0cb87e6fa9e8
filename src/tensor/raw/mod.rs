//! Values without gradients: a tensor of Burn's dispatch backend with its dtype, and the operations on it.
//!
//! On the CPU device the hot operations run on the kernels of `cpu` over flex's buffers; every other operation and every
//! other device goes through Burn. The taped operations (`ops`) check shapes and types first: here they are preconditions.

mod conv;
mod index;
mod linalg;
mod logits;
mod long;
mod math;
mod norm;
mod reduce;

pub(super) use conv::ConvGeometry;
pub(super) use linalg::rectifier;
pub(super) use math::Compare;

use super::device::Device;
use saddle_fault::Result;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn::backend::{
    BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind,
    TensorMetadata,
};
use burn::tensor::{
    BoolDType, Bytes, DType, ExecutionError, FloatDType, IntDType, Shape, TensorData,
};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const FLOAT: FloatDType = FloatDType::F32;
pub(super) const INT: IntDType = IntDType::I32;

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floating point: the only kind that carries gradients.
    F32,
    /// 32-bit whole numbers: labels, indices.
    Int,
    Bool,
}

impl Dtype {
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

/// A value on a device. Cloning shares the storage and the description of it: the tape clones often.
#[derive(Clone)]
pub struct Raw {
    prim: Rc<DispatchTensor>,
    dtype: Dtype,
    /// The least and the largest element of whole numbers on a device other than the CPU, where it is known without asking
    /// the device: to ask would make it stand still at every index that is checked.
    bounds: Option<(i32, i32)>,
    /// A single number of rank 0 on a device other than the CPU, where it has to be one of rank 1: Burn's kernels for
    /// graphics processors know no rank 0.
    point: bool,
}

impl Raw {
    pub(super) fn wrap(prim: DispatchTensor, dtype: Dtype) -> Self {
        Self {
            prim: Rc::new(prim),
            dtype,
            bounds: None,
            point: false,
        }
    }

    /// The same, to be of `shape`, which is its own but for rank 0.
    pub(super) fn of(mut self, shape: &Shape) -> Self {
        self.point = shape.is_empty() && self.flex().is_none();
        self
    }

    /// The same, to be of the shape of `other`, which is its own but for rank 0.
    pub(super) fn like(mut self, other: &Raw) -> Self {
        self.point = other.point;
        self
    }

    /// The same, its elements lying within these bounds as far as is known.
    pub(super) fn within(mut self, bounds: Option<(i32, i32)>) -> Self {
        self.bounds = bounds;
        self
    }

    /// Between which elements those of an int tensor lie, as far as is known without asking the device.
    pub fn bounds(&self) -> Option<(i32, i32)> {
        self.bounds
    }

    pub(super) fn float(prim: DispatchTensor) -> Self {
        Self::wrap(prim, Dtype::F32)
    }

    pub(super) fn prim(&self) -> DispatchTensor {
        DispatchTensor::clone(&self.prim)
    }

    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    pub fn shape(&self) -> Shape {
        match self.flex() {
            Some(flex) => flex.layout().shape().clone(),
            None if self.point => Shape::new([]),
            None => self.prim.shape(),
        }
    }

    pub fn len(&self) -> usize {
        self.shape().num_elements()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn device(&self) -> Device {
        match self.flex() {
            Some(_) => Device::Cpu,
            None => Device::from_burn(&self.prim.device()),
        }
    }

    /// How its device holds truth values.
    pub(super) fn bools(&self) -> BoolDType {
        match self.flex() {
            Some(_) => BoolDType::Native,
            None => self.device().bools(),
        }
    }

    /// The flex tensor behind it, of any dtype; `None` on another device.
    #[allow(unreachable_patterns)]
    pub(super) fn flex(&self) -> Option<&FlexTensor> {
        match &self.prim.kind {
            DispatchTensorKind::Flex(
                BackendTensor::Float(t) | BackendTensor::Int(t) | BackendTensor::Bool(t),
            ) => Some(t),
            _ => None,
        }
    }

    /// The elements in row-major order without a copy: on the CPU, where they lie so.
    pub(crate) fn slice(&self) -> Option<&[f32]> {
        self.flex().and_then(|t| t.as_slice::<f32>())
    }

    /// `op` with a float tensor of the same shape, written over this one where nobody else holds it.
    pub(crate) fn onto(mut self, op: saddle_cpu::Binary, other: &Raw) -> Self {
        let shape = self.shape();
        let other = other.contiguous();
        if let (Some(a), Some(b)) = (self.own_slice(), other.slice())
            && a.len() == b.len()
        {
            saddle_cpu::binary_in_place(op, a, b);
            return self;
        }
        self.binary(op, &other, &shape)
    }

    /// The elements in row-major order, to be changed: on the CPU, where they are this tensor's alone.
    fn own_slice(&mut self) -> Option<&mut [f32]> {
        let n = self.slice()?.len();
        match &mut Rc::get_mut(&mut self.prim)?.kind {
            DispatchTensorKind::Flex(BackendTensor::Float(t)) => {
                t.try_storage_mut::<f32>().filter(|all| all.len() == n)
            }
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    /// The elements of an int tensor in row-major order without a copy: on the CPU, where they lie so.
    fn whole_slice(&self) -> Option<&[i32]> {
        self.flex().and_then(|t| t.as_slice::<i32>())
    }

    /// The storage from the first element on, and the strides in elements: on the CPU, for views without negative strides.
    pub(super) fn strided(&self) -> Option<(&[f32], StridesVec)> {
        let flex = self.flex().filter(|_| self.dtype == Dtype::F32)?;
        let layout = flex.layout();
        let strides: Option<StridesVec> = layout
            .strides()
            .iter()
            .map(|&s| usize::try_from(s).ok())
            .collect();
        Some((&flex.storage::<f32>()[layout.start_offset()..], strides?))
    }

    /// A CPU tensor over `data`, whose length is the shape's.
    pub(super) fn cpu(data: Vec<f32>, shape: Shape) -> Self {
        debug_assert_eq!(data.len(), shape.num_elements());
        let flex = FlexTensor::new(
            Bytes::from_elems(data),
            Layout::contiguous(shape),
            DType::F32,
        );
        Self::float(wrap_flex(BackendTensor::Float(flex)))
    }

    /// The same elements in row-major order.
    pub(crate) fn contiguous(&self) -> Self {
        if self.flex().is_none_or(|t| t.is_contiguous()) {
            return self.clone();
        }
        match self.strided() {
            Some((data, strides)) => {
                let shape = self.shape();
                Self::cpu(saddle_cpu::contiguous(data, &strides, &shape), shape)
            }
            None => {
                let flex = self.flex().map(|t| t.to_contiguous());
                match (flex, self.dtype) {
                    (Some(t), Dtype::F32) => {
                        Self::wrap(wrap_flex(BackendTensor::Float(t)), self.dtype)
                    }
                    (Some(t), Dtype::Int) => {
                        Self::wrap(wrap_flex(BackendTensor::Int(t)), self.dtype)
                    }
                    (Some(t), Dtype::Bool) => {
                        Self::wrap(wrap_flex(BackendTensor::Bool(t)), self.dtype)
                    }
                    (None, _) => self.clone(),
                }
            }
        }
    }

    /// A tensor of floats on `device`.
    pub fn from_floats(data: Vec<f32>, shape: Shape, device: &Device) -> Self {
        match device {
            Device::Cpu => Self::cpu(data, shape),
            #[allow(unreachable_patterns)]
            _ => Self::float(Dispatch::float_from_data(
                TensorData::new(data, held(&shape)),
                &device.burn(),
            ))
            .of(&shape),
        }
    }

    /// A tensor of whole numbers on `device`.
    pub fn from_ints(data: Vec<i32>, shape: Shape, device: &Device) -> Self {
        let bounds = match device {
            Device::Cpu => None,
            #[allow(unreachable_patterns)]
            _ => ends(&data),
        };
        let held = held_on(device, &shape);
        Self::wrap(
            Dispatch::int_from_data(TensorData::new(data, held), &device.burn()),
            Dtype::Int,
        )
        .within(bounds)
        .of(&shape)
    }

    /// A tensor of truth values on `device`.
    pub fn from_bools(data: Vec<bool>, shape: Shape, device: &Device) -> Self {
        let held = held_on(device, &shape);
        let data = TensorData::new(data, held).convert_dtype(DType::Bool(device.bools()));
        Self::wrap(Dispatch::bool_from_data(data, &device.burn()), Dtype::Bool).of(&shape)
    }

    /// A tensor full of one value.
    pub fn full(value: f32, shape: Shape, device: &Device) -> Self {
        let n = shape.num_elements();
        match device {
            Device::Cpu => Self::cpu(vec![value; n], shape),
            #[allow(unreachable_patterns)]
            _ if n == 0 => Self::empty(&shape, Dtype::F32, device),
            #[allow(unreachable_patterns)]
            _ => Self::float(Dispatch::float_full(
                held(&shape),
                value.into(),
                &device.burn(),
                FLOAT,
            ))
            .of(&shape),
        }
    }

    fn data(&self) -> Result<TensorData> {
        self.read()
            .map_err(|e| self.device().failed(e.reason(), e.is_device_poisoned()))
    }

    /// The elements, or what the device says of why they cannot be had.
    pub(crate) fn read(&self) -> Result<TensorData, ExecutionError> {
        let prim = self.prim();
        if self.flex().is_none() {
            READS.fetch_add(1, Ordering::Relaxed);
        }
        match self.dtype {
            Dtype::F32 => burn::tensor::read_sync(Dispatch::float_into_data(prim)),
            Dtype::Int => burn::tensor::read_sync(Dispatch::int_into_data(prim)),
            Dtype::Bool => burn::tensor::read_sync(Dispatch::bool_into_data(prim)),
        }
    }

    /// The elements as floats, in row-major order; ints and truth values (0 and 1) are converted. Waits for the device.
    pub fn to_floats(&self) -> Result<Vec<f32>> {
        if let Some(slice) = self.slice() {
            return Ok(slice.to_vec());
        }
        Ok(self.data()?.iter::<f32>().collect())
    }

    /// The elements as whole numbers, in row-major order. Waits for the device.
    pub fn to_ints(&self) -> Result<Vec<i64>> {
        Ok(self.data()?.iter::<i64>().collect())
    }

    /// The same values on another device.
    pub fn to_device(&self, device: &Device) -> Self {
        let to = device.burn();
        let here = match self.shape().is_empty() {
            true => self.reshape(Shape::new([1])),
            false => self.clone(),
        };
        let prim = match self.dtype {
            Dtype::F32 => Dispatch::float_to_device(here.prim(), &to),
            Dtype::Int => Dispatch::int_to_device(here.prim(), &to),
            Dtype::Bool => Dispatch::bool_to_device(here.prim(), &to),
        };
        let bounds = self.whole_slice().map_or(self.bounds, ends);
        let there = Self::wrap(prim, self.dtype).within(bounds);
        match self.shape() {
            // Rank 0 is held in another way there.
            shape if shape.is_empty() => there.reshape(shape),
            _ => there,
        }
    }

    /// The same values as another dtype: truth values become 0 and 1, floats are cut towards zero, non-zero is true.
    pub fn cast(&self, to: Dtype) -> Self {
        if let Some(none) = self.unless_any(&self.shape(), to) {
            return none;
        }
        let prim = match (self.dtype, to) {
            (from, to) if from == to => return self.clone(),
            (Dtype::F32, Dtype::Int) => Dispatch::float_into_int(self.prim(), INT),
            (Dtype::Int, Dtype::F32) => Dispatch::int_into_float(self.prim(), FLOAT),
            (Dtype::Bool, Dtype::F32) => Dispatch::bool_into_float(self.prim(), FLOAT),
            (Dtype::Bool, Dtype::Int) => Dispatch::bool_into_int(self.prim(), INT),
            (Dtype::F32, Dtype::Bool) => {
                Dispatch::float_not_equal_elem(self.prim(), 0f32.into(), self.bools())
            }
            (Dtype::Int, _) => Dispatch::int_not_equal_elem(self.prim(), 0i32.into(), self.bools()),
            _ => return self.clone(),
        };
        Self::wrap(prim, to).like(self)
    }

    /// The same elements, in row-major order, in another shape of the same size.
    pub fn reshape(&self, shape: Shape) -> Self {
        let held = match self.flex() {
            Some(_) => shape.clone(),
            None => held(&shape),
        };
        let prim = match self.dtype {
            Dtype::F32 => Dispatch::float_reshape(self.contiguous().prim(), held),
            Dtype::Int => Dispatch::int_reshape(self.prim(), held),
            Dtype::Bool => Dispatch::bool_reshape(self.prim(), held),
        };
        Self::wrap(prim, self.dtype).within(self.bounds).of(&shape)
    }

    /// The axes in another order.
    pub fn permute(&self, axes: &[usize]) -> Self {
        if axes.is_empty() {
            return self.clone();
        }
        if self.flex().is_none() {
            let shape = self.shape();
            if shape.iter().any(|&n| n <= 1) {
                return self.permute_long(axes, &shape);
            }
        }
        let prim = match self.dtype {
            Dtype::F32 => Dispatch::float_permute(self.prim(), axes),
            Dtype::Int => Dispatch::int_permute(self.prim(), axes),
            Dtype::Bool => Dispatch::bool_permute(self.prim(), axes),
        };
        Self::wrap(prim, self.dtype).within(self.bounds)
    }

    /// As [`Raw::permute`], for axes of which some have one element: only the others change places. Burn 0.22.1 fuses
    /// operations on a tensor whose axis of one element has a smaller stride than its place would give it, and then takes
    /// the wrong elements of the other operands.
    fn permute_long(&self, axes: &[usize], shape: &Shape) -> Self {
        let sizes = |axes: &[usize]| -> Vec<usize> { axes.iter().map(|&a| shape[a]).collect() };
        let permuted = Shape::from(sizes(axes));
        if self.is_empty() {
            return Self::empty(&permuted, self.dtype, &self.device());
        }
        let long: Vec<usize> = (0..axes.len()).filter(|&a| shape[a] > 1).collect();
        let place = |axis: usize| long.iter().position(|&a| a == axis);
        let order: Vec<usize> = axes.iter().filter_map(|&a| place(a)).collect();
        match order.is_sorted() {
            true => self.reshape(permuted),
            false => self
                .reshape(Shape::from(sizes(&long)))
                .permute(&order)
                .reshape(permuted),
        }
    }

    /// A new tensor without the strides that [`Raw::permute_long`] speaks of: Burn's convolutions permute their results.
    pub(super) fn straightened(self) -> Self {
        let shape = self.shape();
        match self.flex().is_none() && shape.iter().any(|&n| n == 1) {
            true => self
                .reshape(Shape::new([shape.num_elements()]))
                .reshape(shape),
            false => self,
        }
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
        let none = self.flex().is_none() && shape.num_elements() == 0;
        none.then(|| Self::empty(shape, dtype, &self.device()))
    }

    /// Broadcast to `shape`, without a copy where the device can.
    pub fn expand(&self, shape: Shape) -> Self {
        if shape.is_empty() {
            return self.clone();
        }
        if let Some(none) = self.unless_any(&shape, self.dtype) {
            return none;
        }
        let prim = match self.dtype {
            Dtype::F32 => Dispatch::float_expand(self.prim(), shape),
            Dtype::Int => Dispatch::int_expand(self.prim(), shape),
            Dtype::Bool => Dispatch::bool_expand(self.prim(), shape),
        };
        Self::wrap(prim, self.dtype).within(self.bounds)
    }
}

/// The shape in which a device other than the CPU holds a tensor of `shape`: rank 0 as one element of rank 1.
fn held(shape: &Shape) -> Shape {
    match shape.is_empty() {
        true => Shape::new([1]),
        false => shape.clone(),
    }
}

/// The least and the largest of some whole numbers.
fn ends(all: &[i32]) -> Option<(i32, i32)> {
    let further = |(low, high): (i32, i32), &v: &i32| (low.min(v), high.max(v));
    all.first().map(|&v| all.iter().fold((v, v), further))
}

fn held_on(device: &Device, shape: &Shape) -> Shape {
    match device {
        Device::Cpu => shape.clone(),
        #[allow(unreachable_patterns)]
        _ => held(shape),
    }
}

/// Strides of up to six axes without an allocation.
pub(super) type StridesVec = smallvec::SmallVec<[usize; 6]>;

fn wrap_flex(tensor: BackendTensor<burn::backend::Flex>) -> DispatchTensor {
    DispatchTensor {
        kind: DispatchTensorKind::Flex(tensor),
        autodiff: DispatchAutodiffContext::Disabled,
    }
}
