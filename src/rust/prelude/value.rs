//! What crosses between the notebook and the cells' functions.

use super::link::{Mapped, Packed};
use super::pack::{INLINE, Item, Reader};
use super::tensor::Tensor;
use std::fmt::Display;

/// A value of the notebook.
#[doc(hidden)]
#[derive(Debug, Default)]
pub enum Value {
    #[default]
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Tensor(Tensor),
}

impl Value {
    /// The next value of a message.
    pub fn read(reader: &mut Reader, blocks: &mut [Option<Mapped>]) -> Option<Self> {
        Some(match reader.item()? {
            Item::Nothing => Self::Nothing,
            Item::Bool(value) => Self::Bool(value),
            Item::Int(value) => Self::Int(value),
            Item::Float(value) => Self::Float(value),
            Item::Text(text) => Self::Text(text.to_string()),
            Item::List(n) => {
                let items: Option<Vec<Self>> = (0..n).map(|_| Self::read(reader, blocks)).collect();
                Self::List(items?)
            }
            Item::Short(shape, bytes) => {
                let (numbers, _) = bytes.as_chunks::<4>();
                let numbers: Vec<f32> = numbers.iter().map(|x| f32::from_ne_bytes(*x)).collect();
                Self::Tensor(Tensor::new(numbers, shape))
            }
            Item::Long(shape, block) => Self::Tensor(Tensor::given(shape, blocks.get_mut(block)?.take()?)?),
        })
    }

    fn described(&self) -> String {
        match self {
            Self::Nothing => "nothing".into(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => format!("the int {value}"),
            Self::Float(value) => format!("the float {value:?}"),
            Self::Text(_) => "a text".into(),
            Self::List(_) => "an array".into(),
            Self::Tensor(x) => format!("a tensor of shape {:?}", x.shape()),
        }
    }

    fn wrong<T>(&self, wanted: &str) -> Result<T, String> {
        Err(format!("must be {wanted}, got {}", self.described()))
    }
}

/// What a parameter of an exported function can be.
pub trait Argument<'a>: Sized {
    /// The value as this type; what is wrong with it otherwise.
    #[doc(hidden)]
    fn read(value: &'a mut Value) -> Result<Self, String>;
}

impl<'a> Argument<'a> for &'a Tensor {
    fn read(value: &'a mut Value) -> Result<Self, String> {
        match value {
            Value::Tensor(x) => Ok(x),
            other => other.wrong("a tensor"),
        }
    }
}

impl<'a> Argument<'a> for &'a [f32] {
    fn read(value: &'a mut Value) -> Result<Self, String> {
        <&Tensor>::read(value).map(Tensor::as_slice)
    }
}

impl Argument<'_> for Tensor {
    fn read(value: &mut Value) -> Result<Self, String> {
        match std::mem::take(value) {
            Value::Tensor(x) => Ok(x.owned()),
            other => other.wrong("a tensor"),
        }
    }
}

impl Argument<'_> for f64 {
    fn read(value: &mut Value) -> Result<Self, String> {
        match value {
            Value::Float(x) => Ok(*x),
            Value::Int(n) => Ok(*n as f64),
            Value::Tensor(x) if x.len() == 1 => Ok(f64::from(x[0])),
            other => other.wrong("a number"),
        }
    }
}

impl Argument<'_> for f32 {
    fn read(value: &mut Value) -> Result<Self, String> {
        f64::read(value).map(|x| x as f32)
    }
}

impl Argument<'_> for bool {
    fn read(value: &mut Value) -> Result<Self, String> {
        match value {
            Value::Bool(value) => Ok(*value),
            other => other.wrong("true or false"),
        }
    }
}

impl<'a> Argument<'a> for &'a str {
    fn read(value: &'a mut Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            other => other.wrong("a text"),
        }
    }
}

impl Argument<'_> for String {
    fn read(value: &mut Value) -> Result<Self, String> {
        <&str>::read(value).map(str::to_string)
    }
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl Argument<'_> for $type {
            fn read(value: &mut Value) -> Result<Self, String> {
                match value {
                    Value::Int(n) => match Self::try_from(*n) {
                        Ok(n) => Ok(n),
                        Err(_) => value.wrong(concat!("a whole number that fits into ", stringify!($type))),
                    },
                    other => other.wrong("a whole number"),
                }
            }
        }

        impl Pack for $type {
            fn pack(self, to: &mut Packed) -> Result<(), String> {
                match i64::try_from(self) {
                    Ok(n) => to.writer.int(n),
                    Err(_) => return Err(format!("{self} does not fit into a whole number of the notebook")),
                }
                Ok(())
            }
        }
    )*};
}

whole_numbers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

/// What the result of an exported function, and what is [`put`](crate::put), can be.
pub trait Pack {
    /// Writes it; says why it cannot be.
    #[doc(hidden)]
    fn pack(self, to: &mut Packed) -> Result<(), String>;
}

impl Pack for &Tensor {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        match self.len() <= INLINE {
            true => to.writer.short(self.shape(), self),
            false => {
                let block = to.block(self)?;
                to.writer.long(self.shape(), block);
            }
        }
        Ok(())
    }
}

impl Pack for Tensor {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        (&self).pack(to)
    }
}

impl Pack for f64 {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        to.writer.float(self);
        Ok(())
    }
}

impl Pack for f32 {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        f64::from(self).pack(to)
    }
}

impl Pack for bool {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        to.writer.bool(self);
        Ok(())
    }
}

impl Pack for &str {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        to.writer.text(self);
        Ok(())
    }
}

impl Pack for String {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        self.as_str().pack(to)
    }
}

impl Pack for () {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        to.writer.nothing();
        Ok(())
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        match self {
            Some(value) => value.pack(to),
            None => ().pack(to),
        }
    }
}

impl<T: Pack, E: Display> Pack for Result<T, E> {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        self.map_err(|error| error.to_string())?.pack(to)
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(self, to: &mut Packed) -> Result<(), String> {
        to.writer.list(self.len());
        self.into_iter().try_for_each(|item| item.pack(to))
    }
}

macro_rules! tuples {
    ($($name:ident),+) => {
        impl<$($name: Pack),+> Pack for ($($name,)+) {
            #[allow(non_snake_case)]
            fn pack(self, to: &mut Packed) -> Result<(), String> {
                let ($($name,)+) = self;
                to.writer.list([$(stringify!($name)),+].len());
                $($name.pack(to)?;)+
                Ok(())
            }
        }
    };
}

tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);
tuples!(A, B, C, D, E, F);
