//! Numbers with a shape.

use super::link::Mapped;
use std::fmt;
use std::ops::{Deref, DerefMut, Index, IndexMut, Range, RangeFrom, RangeFull, RangeTo};

/// 32-bit floats with a shape, in row-major order. It is a slice of its numbers, too: `x.iter()`, `x[3]`, `x.len()`.
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

enum Data {
    Own(Vec<f32>),
    /// Memory that the notebook has given, so many numbers of it; copied page by page where it is written to.
    Given(Mapped, usize),
}

impl Tensor {
    /// The numbers in a shape.
    ///
    /// # Panics
    /// Their count is not that of the shape.
    pub fn new(numbers: impl Into<Vec<f32>>, shape: impl AsRef<[usize]>) -> Self {
        let (numbers, shape) = (numbers.into(), shape.as_ref());
        let wanted: usize = shape.iter().product();
        let got = numbers.len();
        assert!(wanted == got, "a tensor of shape {shape:?} has {wanted} numbers, got {got}");
        Self { shape: shape.to_vec(), data: Data::Own(numbers) }
    }

    /// Zeros.
    pub fn zeros(shape: impl AsRef<[usize]>) -> Self {
        Self::full(0.0, shape)
    }

    /// The same number everywhere.
    pub fn full(value: f32, shape: impl AsRef<[usize]>) -> Self {
        let shape = shape.as_ref();
        Self::new(vec![value; shape.iter().product()], shape)
    }

    /// A single number, of rank 0.
    pub fn scalar(value: f32) -> Self {
        Self::new([value], [])
    }

    /// The number at each place, which is told as its indices: `Tensor::from_fn([28, 28], |[y, x]| …)`.
    pub fn from_fn<const RANK: usize>(shape: [usize; RANK], mut number: impl FnMut([usize; RANK]) -> f32) -> Self {
        let len = shape.iter().product();
        let mut at = [0; RANK];
        let mut numbers = Vec::with_capacity(len);
        for _ in 0..len {
            numbers.push(number(at));
            for dim in (0..RANK).rev() {
                at[dim] += 1;
                if at[dim] < shape[dim] {
                    break;
                }
                at[dim] = 0;
            }
        }
        Self::new(numbers, shape)
    }

    pub(crate) fn given(shape: Vec<usize>, block: Mapped) -> Option<Self> {
        let len = shape.iter().product::<usize>();
        let fits = len <= block.numbers().len();
        let data = Data::Given(block, len);
        fits.then_some(Self { shape, data })
    }

    /// The same as a tensor that may be kept and changed.
    pub(crate) fn owned(self) -> Self {
        match self.data {
            Data::Given(ref block, _) if block.is_lent() => self.clone(),
            _ => self,
        }
    }

    /// The sizes, one for each dim.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of dims.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The sizes, of a rank that is known: `let [n, channels, height, width] = x.dims();`.
    ///
    /// # Panics
    /// Another rank.
    pub fn dims<const RANK: usize>(&self) -> [usize; RANK] {
        match self.shape.as_slice().try_into() {
            Ok(dims) => dims,
            Err(_) => panic!("needs a tensor of {RANK} dims, got one of shape {:?}", self.shape),
        }
    }

    /// The numbers in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        match &self.data {
            Data::Own(numbers) => numbers,
            Data::Given(block, len) => &block.numbers()[..*len],
        }
    }

    /// The numbers in row-major order, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        match &mut self.data {
            Data::Own(numbers) => numbers,
            Data::Given(block, len) => &mut block.numbers_mut()[..*len],
        }
    }

    /// The numbers, without the shape.
    pub fn into_vec(self) -> Vec<f32> {
        match self.data {
            Data::Own(numbers) => numbers,
            Data::Given(block, len) => block.numbers()[..len].to_vec(),
        }
    }

    /// The same numbers in another shape.
    ///
    /// # Panics
    /// Their count is not that of the shape.
    pub fn reshape(self, shape: impl AsRef<[usize]>) -> Self {
        let (wanted, from) = (shape.as_ref(), &self.shape);
        assert!(wanted.iter().product::<usize>() == self.len(), "shape {from:?} does not fit into {wanted:?}");
        let shape = wanted.to_vec();
        Self { shape, ..self }
    }

    /// The numbers of each element of the first dim, one after the other.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &[f32]> + ExactSizeIterator {
        self.as_slice().chunks_exact(self.row_len())
    }

    /// The same, to be changed.
    pub fn rows_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut [f32]> + ExactSizeIterator {
        let len = self.row_len();
        self.as_mut_slice().chunks_exact_mut(len)
    }

    /// The numbers of one element of the first dim.
    pub fn row(&self, i: usize) -> &[f32] {
        let len = self.row_len();
        &self.as_slice()[i * len..(i + 1) * len]
    }

    fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product::<usize>().max(1)
    }

    /// Another number for each number.
    pub fn map(&self, mut f: impl FnMut(f32) -> f32) -> Self {
        let numbers: Vec<f32> = self.iter().map(|&x| f(x)).collect();
        Self::new(numbers, &self.shape)
    }

    /// A number for each pair of numbers at the same place.
    ///
    /// # Panics
    /// The shapes differ.
    pub fn zip_map(&self, other: &Self, mut f: impl FnMut(f32, f32) -> f32) -> Self {
        let (a, b) = (self.shape(), other.shape());
        assert!(a == b, "the shapes {a:?} and {b:?} differ");
        let numbers: Vec<f32> = self.iter().zip(other.iter()).map(|(&x, &y)| f(x, y)).collect();
        Self::new(numbers, a)
    }

    /// The sum of all numbers, added up in 64 bits.
    pub fn sum(&self) -> f32 {
        self.iter().map(|&x| f64::from(x)).sum::<f64>() as f32
    }

    /// The mean of all numbers.
    pub fn mean(&self) -> f32 {
        (self.iter().map(|&x| f64::from(x)).sum::<f64>() / self.len() as f64) as f32
    }

    fn offset(&self, at: &[usize]) -> usize {
        let shape = &self.shape;
        let inside = at.len() == shape.len() && at.iter().zip(shape).all(|(i, n)| i < n);
        assert!(inside, "there is no element {at:?} in a tensor of shape {shape:?}");
        at.iter().zip(shape).fold(0, |offset, (i, n)| offset * n + i)
    }
}

impl Deref for Tensor {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        self.as_slice()
    }
}

impl DerefMut for Tensor {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.as_mut_slice()
    }
}

macro_rules! index_like_a_slice {
    ($($index:ty),*) => {$(
        /// `x[i]`, `x[1..4]`: numbers by their places in row-major order.
        impl Index<$index> for Tensor {
            type Output = <[f32] as Index<$index>>::Output;
            fn index(&self, at: $index) -> &Self::Output {
                &self.as_slice()[at]
            }
        }

        impl IndexMut<$index> for Tensor {
            fn index_mut(&mut self, at: $index) -> &mut Self::Output {
                &mut self.as_mut_slice()[at]
            }
        }
    )*};
}

index_like_a_slice!(usize, Range<usize>, RangeTo<usize>, RangeFrom<usize>, RangeFull);

/// `x[[row, column]]`: the number at these indices, one for each dim.
impl<const RANK: usize> Index<[usize; RANK]> for Tensor {
    type Output = f32;
    fn index(&self, at: [usize; RANK]) -> &f32 {
        &self.as_slice()[self.offset(&at)]
    }
}

impl<const RANK: usize> IndexMut<[usize; RANK]> for Tensor {
    fn index_mut(&mut self, at: [usize; RANK]) -> &mut f32 {
        let offset = self.offset(&at);
        &mut self.as_mut_slice()[offset]
    }
}

impl Clone for Tensor {
    fn clone(&self) -> Self {
        Self::new(self.to_vec(), &self.shape)
    }
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.as_slice() == other.as_slice()
    }
}

/// A tensor of rank 1.
impl From<Vec<f32>> for Tensor {
    fn from(numbers: Vec<f32>) -> Self {
        let len = numbers.len();
        Self::new(numbers, [len])
    }
}

/// A tensor of rank 1.
impl FromIterator<f32> for Tensor {
    fn from_iter<I: IntoIterator<Item = f32>>(numbers: I) -> Self {
        numbers.into_iter().collect::<Vec<f32>>().into()
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const MAX_SHOWN: usize = 8;
        write!(f, "tensor {:?} ", self.shape)?;
        let shown = &self[..self.len().min(MAX_SHOWN)];
        let numbers: Vec<String> = shown.iter().map(|x| format!("{x}")).collect();
        let more = if self.len() > MAX_SHOWN { ", …" } else { "" };
        write!(f, "[{}{more}]", numbers.join(", "))
    }
}
