//! The types of parameters and options: what is accepted, and how it is read as a value of Rust. This is the one place
//! in which an int becomes a float, an array becomes a shape, and a wrong type becomes a message.

use super::{Catalog, Entry, Ty, number, numbers, shape};
use rhai::{Array, Dynamic, FnPtr, Map};
use saddle_fault::{Fault, Result};

/// A value that a call gives for a parameter or an option, with what is needed to say that it is none that fits.
pub struct Given<'a> {
    pub(super) entry: &'static Entry,
    pub(super) catalog: &'static Catalog,
    pub(super) name: &'static str,
    pub(super) ty: Ty,
    pub(super) is_option: bool,
    /// The value.
    pub value: &'a Dynamic,
}

impl Given<'_> {
    /// The word that is called.
    pub fn word(&self) -> &'static str {
        self.entry.name
    }

    /// The parameter's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the value is for, as an error message names it: `slope`, `option eps`.
    pub fn what(&self) -> String {
        if self.is_option { format!("option {}", self.name) } else { self.name.to_string() }
    }

    /// The error "this has the wrong type".
    pub fn wrong(&self) -> Fault {
        let (ty, got) = (self.ty.described(), self.catalog.got(self.value));
        Fault::type_(format!("{}: {} must be {ty}, got {got}", self.entry.name, self.what()))
    }
}

/// A type of the language, and how a value of it is read as a `T` of Rust.
pub struct Type<T: 'static> {
    pub(super) ty: Ty,
    read: fn(&Given) -> Result<T>,
}

impl<T> Clone for Type<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Type<T> {}

impl<T> Type<T> {
    /// What is accepted, and how that is read.
    pub const fn new(ty: Ty, read: fn(&Given) -> Result<T>) -> Self {
        Self { ty, read }
    }

    /// The same with another type of the language, which its reader reads as well.
    pub const fn accepting(self, ty: Ty) -> Self {
        Self { ty, ..self }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// It is none of this type.
    pub fn read(&self, given: &Given) -> Result<T> {
        (self.read)(given)
    }
}

impl<T: Clone> Type<T> {
    /// Values that hold a `T` itself, as those of a [`Kind`](super::Kind) do: handles, of which a copy is cheap.
    pub const fn holding(ty: Ty) -> Self {
        Self { ty, read: |given| given.value.clone().try_cast().ok_or_else(|| given.wrong()) }
    }
}

/// An int or a float.
pub const NUMBER: Type<f64> = Type::new(Ty::Number, |given| number(given.value).ok_or_else(|| given.wrong()));
/// A whole number.
pub const INT: Type<i64> = Type::new(Ty::Int, |given| given.value.as_int().map_err(|_| given.wrong()));
/// A whole number of at least 0 that can be the size or the count of something.
pub const SIZE: Type<usize> = Type::new(Ty::Int, |given| match given.value.as_int() {
    Ok(n @ 0..=LARGEST_SIZE) => Ok(n as usize),
    Ok(n) if n < 0 => {
        Err(Fault::value(format!("{}: {} must not be negative, got {n}", given.entry.name, given.what())))
    }
    Ok(n) => Err(Fault::value(format!("{}: {} is too large to be meant, got {n}", given.entry.name, given.what()))),
    Err(_) => Err(given.wrong()),
});
/// No size or count of anything in a notebook is larger.
const LARGEST_SIZE: i64 = i32::MAX as i64;
/// True or false.
pub const BOOL: Type<bool> = Type::new(Ty::Bool, |given| given.value.as_bool().map_err(|_| given.wrong()));
/// A text.
pub const TEXT: Type<String> =
    Type::new(Ty::Text, |given| given.value.clone().into_string().map_err(|_| given.wrong()));
/// An array.
pub const ARRAY: Type<Array> = Type::holding(Ty::Array);
/// A map.
pub const MAP: Type<Map> = Type::holding(Ty::Map);
/// A function value of the script.
pub const FUNCTION: Type<FnPtr> = Type::holding(Ty::Function);
/// An array of whole numbers of at least 0.
pub const SHAPE: Type<Vec<usize>> = Type::new(Ty::Shape, |given| shape(given.value).ok_or_else(|| given.wrong()));
/// An array of numbers.
pub const NUMBERS: Type<Vec<f64>> = Type::new(Ty::Array, |given| numbers(given.value).ok_or_else(|| given.wrong()));

/// A value as it is, of a type that the adapter looks into itself.
pub const fn any(ty: Ty) -> Type<Dynamic> {
    Type::new(ty, |given| Ok(given.value.clone()))
}
