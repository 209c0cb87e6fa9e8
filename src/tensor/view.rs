//! Values on the CPU: a shared buffer, and which of its elements a tensor is, in which order. Taking a part, exchanging
//! axes and repeating along an axis only make another view of the same buffer.

use crate::raw::Dtype;
use crate::shape::{Axes, Shape};
use std::ops::Range;
use std::rc::Rc;

/// The elements of one or more tensors.
pub enum Buffer {
    F32(Vec<f32>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// What an element can be.
pub trait Element: Copy + Send + Sync + 'static {
    const DTYPE: Dtype;
    /// The elements of a buffer of this kind.
    fn of(buffer: &Buffer) -> Option<&Vec<Self>>;
    fn of_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>>;
    fn buffer(data: Vec<Self>) -> Buffer;
    /// The elements of a view in row-major order.
    fn gather(data: &[Self], strides: &[usize], shape: &[usize]) -> Vec<Self> {
        walk(data, strides, shape)
    }
}

macro_rules! element {
    ($type:ty, $kind:ident $(, $gather:item)?) => {
        impl Element for $type {
            const DTYPE: Dtype = Dtype::$kind;

            fn of(buffer: &Buffer) -> Option<&Vec<Self>> {
                match buffer {
                    Buffer::$kind(data) => Some(data),
                    _ => None,
                }
            }
            fn of_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>> {
                match buffer {
                    Buffer::$kind(data) => Some(data),
                    _ => None,
                }
            }
            fn buffer(data: Vec<Self>) -> Buffer {
                Buffer::$kind(data)
            }
            $($gather)?
        }
    };
}

element!(
    f32,
    F32,
    fn gather(data: &[f32], strides: &[usize], shape: &[usize]) -> Vec<f32> {
        saddle_cpu::contiguous(data, strides, shape)
    }
);
element!(i64, Int);
element!(bool, Bool);

/// The elements of a view in row-major order, row after row.
fn walk<T: Copy>(data: &[T], strides: &[usize], shape: &[usize]) -> Vec<T> {
    let len: usize = shape.iter().product();
    let mut out = Vec::with_capacity(len);
    let (Some(&row), Some(&step)) = (shape.last(), strides.last()) else {
        return data[..1].to_vec();
    };
    if len == 0 {
        return out;
    }
    let outer = shape.len() - 1;
    let mut at = Axes::from_elem(0, outer);
    let mut start = 0;
    loop {
        match step {
            1 => out.extend_from_slice(&data[start..start + row]),
            _ => out.extend((0..row).map(|i| data[start + i * step])),
        }
        // The next row: the last axis that has not come to its end goes on, those behind it begin again.
        let goes_on = (0..outer).rev().any(|a| {
            at[a] += 1;
            start += strides[a];
            let inside = at[a] < shape[a];
            if !inside {
                start -= at[a] * strides[a];
                at[a] = 0;
            }
            inside
        });
        if !goes_on {
            return out;
        }
    }
}

/// A tensor's elements: those of `data` from `offset` on that lie `strides` apart along each axis.
pub struct View {
    data: Rc<Buffer>,
    shape: Shape,
    strides: Axes,
    offset: usize,
}

impl Clone for View {
    #[inline]
    fn clone(&self) -> Self {
        let strides = Axes::from_slice(&self.strides);
        Self { data: self.data.clone(), shape: self.shape.clone(), strides, offset: self.offset }
    }
}

impl View {
    /// All of `data`, row-major; its length is the shape's.
    #[inline]
    pub fn new<T: Element>(data: Vec<T>, shape: Shape) -> Self {
        debug_assert_eq!(data.len(), shape.num_elements());
        Self { data: Rc::new(T::buffer(data)), strides: shape.strides(), shape, offset: 0 }
    }

    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether the elements lie in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let (shape, strides) = (&self.shape[..], &self.strides[..]);
        for i in (0..shape.len()).rev() {
            if shape[i] != 1 && strides[i] != expected {
                return shape.contains(&0);
            }
            expected *= shape[i];
        }
        true
    }

    /// The elements in row-major order without a copy, where they lie so.
    #[inline]
    pub fn slice<T: Element>(&self) -> Option<&[T]> {
        let data = T::of(&self.data)?;
        let end = self.offset + self.shape.num_elements();
        self.is_contiguous().then(|| &data[self.offset..end])
    }

    /// The same, to be changed: where they are all of a buffer that is this tensor's alone.
    #[inline]
    pub fn own_slice<T: Element>(&mut self) -> Option<&mut [T]> {
        let whole = self.is_contiguous() && self.offset == 0;
        let len = self.shape.num_elements();
        let data = T::of_mut(Rc::get_mut(&mut self.data)?)?;
        (whole && data.len() == len).then_some(data)
    }

    /// The buffer from the first element on, and the strides.
    #[inline]
    pub fn strided<T: Element>(&self) -> Option<(&[T], &Axes)> {
        let data = T::of(&self.data)?;
        Some((data.get(self.offset..)?, &self.strides))
    }

    /// The elements in row-major order, copied.
    pub fn to_vec<T: Element>(&self) -> Option<Vec<T>> {
        if let Some(slice) = self.slice::<T>() {
            return Some(slice.to_vec());
        }
        let (data, strides) = self.strided::<T>()?;
        Some(T::gather(data, strides, &self.shape))
    }

    /// The same elements in row-major order: this view, or one of a copy.
    pub fn contiguous(&self) -> Self {
        if self.is_contiguous() {
            return self.clone();
        }
        let shape = self.shape.clone();
        match &*self.data {
            Buffer::F32(_) => self.to_vec::<f32>().map(|data| Self::new(data, shape)),
            Buffer::Int(_) => self.to_vec::<i64>().map(|data| Self::new(data, shape)),
            Buffer::Bool(_) => self.to_vec::<bool>().map(|data| Self::new(data, shape)),
        }
        .unwrap_or_else(|| self.clone())
    }

    /// Another shape of the same size; copied where the elements do not lie in row-major order.
    pub fn reshape(&self, shape: Shape) -> Self {
        let lies = self.contiguous();
        Self { strides: shape.strides(), shape, ..lies }
    }

    /// The axes in another order.
    pub fn permute(&self, axes: &[usize]) -> Self {
        Self {
            shape: axes.iter().map(|&a| self.shape[a]).collect(),
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
            ..self.clone()
        }
    }

    /// The part within `ranges`, one for each axis.
    pub fn part(&self, ranges: &[Range<usize>]) -> Self {
        let before = ranges.iter().zip(&self.strides).map(|(r, s)| r.start * s).sum::<usize>();
        // A part without elements begins nowhere: where its ranges begin may lie behind the end of the buffer.
        let none = ranges.iter().any(Range::is_empty);
        Self {
            offset: if none { 0 } else { self.offset + before },
            shape: ranges.iter().map(Range::len).collect(),
            ..self.clone()
        }
    }

    /// Repeated to the larger shape `out`, to which this one broadcasts.
    pub fn expand(&self, out: &Shape) -> Self {
        Self { strides: broadcast_strides(&self.shape, &self.strides, out), shape: out.clone(), ..self.clone() }
    }
}

/// The strides with which a view of `shape` is read as the larger shape `out`: 0 along broadcast axes.
pub(crate) fn broadcast_strides(shape: &[usize], strides: &[usize], out: &[usize]) -> Axes {
    let lead = out.len() - shape.len();
    (0..out.len())
        .map(|i| match i.checked_sub(lead) {
            Some(own) if shape[own] == out[i] => strides[own],
            _ => 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shape: [usize; 3]) -> View {
        let shape = Shape::new(shape);
        View::new((0..shape.num_elements() as i64).collect(), shape)
    }

    /// Element (i, j, k) of the original, wherever a chain of views has moved it.
    #[test]
    fn parts_of_permuted_repeated_views_are_the_elements_that_were_meant() {
        let all = counted([3, 4, 5]);
        let transposed = all.permute(&[2, 0, 1]);
        assert_eq!(**transposed.shape(), [5, 3, 4]);
        let part = transposed.part(&[1..4, 2..3, 0..4]);
        let expected: Vec<i64> = (1..4).flat_map(|k| (0..4).map(move |j| 2 * 20 + j * 5 + k)).collect();
        assert_eq!(part.to_vec::<i64>().unwrap(), expected);
        assert_eq!(part.slice::<i64>(), None);
        let wide = part.expand(&Shape::new([2, 3, 2, 4]));
        let twice: Vec<i64> = expected.chunks(4).flat_map(|row| [row, row].concat()).collect();
        assert_eq!(wide.to_vec::<i64>().unwrap(), [twice.clone(), twice].concat());
        assert_eq!(wide.to_vec::<f32>(), None);
    }

    #[test]
    fn empty_and_single_views_have_their_elements() {
        let none = counted([2, 0, 3]);
        assert!(none.is_contiguous());
        assert_eq!(none.permute(&[2, 1, 0]).to_vec::<i64>().unwrap(), []);
        let one = View::new(vec![true], Shape::new([]));
        assert_eq!(one.to_vec::<bool>().unwrap(), [true]);
        assert_eq!(one.expand(&Shape::new([2, 2])).to_vec::<bool>().unwrap(), [true; 4]);
    }

    /// Columns of a table from which every row was filtered out.
    #[test]
    fn parts_of_nothing_are_nothing_wherever_they_begin() {
        let nothing = |view: &View| {
            assert_eq!(view.slice::<i64>(), Some(&[][..]));
            assert_eq!(view.to_vec::<i64>().unwrap(), []);
        };
        let none = counted([0, 1, 5]);
        nothing(&none.part(&[0..0, 0..1, 1..5]));
        nothing(&none.permute(&[2, 1, 0]).part(&[4..5, 0..1, 0..0]));
        let last = counted([1, 2, 3]).part(&[0..1, 2..2, 2..3]);
        nothing(&last);
        nothing(&last.expand(&Shape::new([4, 1, 0, 1])).part(&[3..4, 0..1, 0..0, 0..1]));
    }

    #[test]
    fn a_buffer_is_written_over_only_by_its_only_owner() {
        let mut one = counted([1, 2, 2]);
        assert!(one.own_slice::<i64>().is_some());
        let other = one.clone();
        assert!(one.own_slice::<i64>().is_none());
        drop(other);
        assert!(one.own_slice::<i64>().is_some());
        assert!(one.part(&[0..1, 0..1, 0..2]).own_slice::<i64>().is_none());
    }
}
