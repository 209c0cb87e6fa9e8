//! Tensors of one of Burn's backends, of any dtype.

use burn_backend::tensor::{BoolTensor, Device, FloatTensor, IntTensor};
use burn_backend::{Backend, IntDType, Shape, TensorMetadata};
use saddle_backend::{MOST_AXES, Made};

/// A tensor of a backend.
pub enum Value<B: Backend> {
    Float(FloatTensor<B>),
    Int(IntTensor<B>),
    Bool(BoolTensor<B>),
}

impl<B: Backend> Clone for Value<B> {
    fn clone(&self) -> Self {
        match self {
            Value::Float(t) => Value::Float(t.clone()),
            Value::Int(t) => Value::Int(t.clone()),
            Value::Bool(t) => Value::Bool(t.clone()),
        }
    }
}

impl<B: Backend> Value<B> {
    pub fn shape(&self) -> Shape {
        match self {
            Value::Float(t) => t.shape(),
            Value::Int(t) => t.shape(),
            Value::Bool(t) => t.shape(),
        }
    }

    pub fn device(&self) -> Device<B> {
        match self {
            Value::Float(t) => t.device(),
            Value::Int(t) => t.device(),
            Value::Bool(t) => t.device(),
        }
    }

    /// # Panics
    /// Other dtypes: the operations of `tensor` have seen to it.
    pub fn float(self) -> FloatTensor<B> {
        match self {
            Value::Float(t) => t,
            _ => panic!("a tensor of floats was expected"),
        }
    }

    /// # Panics
    /// Other dtypes.
    pub fn int(self) -> IntTensor<B> {
        match self {
            Value::Int(t) => t,
            _ => panic!("a tensor of ints was expected"),
        }
    }

    /// # Panics
    /// Other dtypes.
    pub fn bool(self) -> BoolTensor<B> {
        match self {
            Value::Bool(t) => t,
            _ => panic!("a tensor of truth values was expected"),
        }
    }
}

/// A tensor of whichever backend: what a handle points to.
pub enum AnyTensor {
    #[cfg(feature = "cube")]
    Cube(Value<burn_cubecl::Cube>),
    #[cfg(feature = "ndarray")]
    Ndarray(Value<burn_ndarray::NdArray>),
}

impl AnyTensor {
    fn shape(&self) -> Shape {
        match self {
            #[cfg(feature = "cube")]
            AnyTensor::Cube(value) => value.shape(),
            #[cfg(feature = "ndarray")]
            AnyTensor::Ndarray(value) => value.shape(),
            #[cfg(not(any(feature = "cube", feature = "ndarray")))]
            _ => unreachable!("there is no backend"),
        }
    }

    /// Across the border.
    pub fn made(self) -> Made {
        let shape = self.shape();
        let mut sizes = [0; MOST_AXES];
        for (to, from) in sizes.iter_mut().zip(shape.iter()) {
            *to = *from as u64;
        }
        Made { rank: shape.num_dims() as u32, sizes, handle: Box::into_raw(Box::new(self)).cast() }
    }
}

/// A backend whose tensors can be held.
pub trait Holds: Backend {
    /// What its whole numbers are: `tensor` knows it, too (`Device::whole_bits`).
    const INT: IntDType;

    fn held(value: Value<Self>) -> AnyTensor;
    fn of(held: &AnyTensor) -> Option<&Value<Self>>;
}

#[cfg(feature = "cube")]
impl Holds for burn_cubecl::Cube {
    // Kernels of graphics processors count in 32 bits.
    const INT: IntDType = IntDType::I32;

    fn held(value: Value<Self>) -> AnyTensor {
        AnyTensor::Cube(value)
    }

    #[allow(unreachable_patterns)]
    fn of(held: &AnyTensor) -> Option<&Value<Self>> {
        match held {
            AnyTensor::Cube(value) => Some(value),
            _ => None,
        }
    }
}

#[cfg(feature = "ndarray")]
impl Holds for burn_ndarray::NdArray {
    const INT: IntDType = IntDType::I64;

    fn held(value: Value<Self>) -> AnyTensor {
        AnyTensor::Ndarray(value)
    }

    #[allow(unreachable_patterns)]
    fn of(held: &AnyTensor) -> Option<&Value<Self>> {
        match held {
            AnyTensor::Ndarray(value) => Some(value),
            _ => None,
        }
    }
}
