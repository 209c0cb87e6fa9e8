//! The sizes of a tensor's axes, without an allocation up to rank 6.

use smallvec::SmallVec;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// One number for each axis.
pub(crate) type Axes = SmallVec<[usize; 6]>;

/// The size of each axis; none for a single number. Reads and writes as a slice.
#[derive(Default, PartialEq, Eq, Hash)]
pub struct Shape(Axes);

impl Shape {
    /// A shape of these sizes.
    #[inline]
    pub fn new<const RANK: usize>(sizes: [usize; RANK]) -> Self {
        Self(Axes::from_slice(&sizes))
    }

    /// How many axes.
    #[inline]
    pub fn num_dims(&self) -> usize {
        self.0.len()
    }

    /// How many elements; 1 for a single number.
    #[inline]
    pub fn num_elements(&self) -> usize {
        self.0.iter().product()
    }

    /// The steps from element to element along each axis, row-major.
    #[inline]
    pub(crate) fn strides(&self) -> Axes {
        let mut strides = Axes::from_slice(&self.0);
        let mut step = 1;
        for stride in strides.as_mut_slice().iter_mut().rev() {
            step *= std::mem::replace(stride, step);
        }
        strides
    }
}

// A copy of the numbers at once: `SmallVec`'s own takes them one after the other.
impl Clone for Shape {
    #[inline]
    fn clone(&self) -> Self {
        Self(Axes::from_slice(&self.0))
    }
}

impl Deref for Shape {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl DerefMut for Shape {
    #[inline]
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

impl From<&[usize]> for Shape {
    #[inline]
    fn from(sizes: &[usize]) -> Self {
        Self(Axes::from_slice(sizes))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Self::from(sizes.as_slice())
    }
}

impl<const RANK: usize> From<[usize; RANK]> for Shape {
    fn from(sizes: [usize; RANK]) -> Self {
        Self::new(sizes)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        Self(sizes.into_iter().collect())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
