//! Parts of values: ranges, rows by index, gather and scatter, joining, reversing, sorting.

use super::far::{self, numbers};
use super::reduce::around;
use super::{Dtype, Raw};
use crate::shape::Shape;
use crate::view::Element;
use saddle_backend::Op;
use std::ops::Range;

/// Calls a generic function with the type of the elements of a tensor.
macro_rules! of_dtype {
    ($dtype:expr, $function:ident($($argument:expr),*)) => {
        match $dtype {
            Dtype::F32 => $function::<f32>($($argument),*),
            Dtype::Int => $function::<i64>($($argument),*),
            Dtype::Bool => $function::<bool>($($argument),*),
        }
    };
}

fn ends(ranges: &[Range<usize>]) -> smallvec::SmallVec<[i64; 16]> {
    let both = ranges.iter().flat_map(|r| [r.start as i64, r.end as i64]);
    both.collect()
}

impl Raw {
    /// The part within `ranges`, one for each axis.
    pub fn slice_ranges(&self, ranges: &[Range<usize>]) -> Raw {
        if let Some(view) = self.view() {
            return Raw::viewed(view.part(ranges), self.dtype());
        }
        let far = far::compute(Op::Slice, &[self.far()], &ends(ranges), &[]);
        Raw::wrap(far, self.dtype()).within(self.bounds())
    }

    /// Zeros of `shape` with this float tensor written into `ranges`.
    pub fn embed(&self, shape: Shape, ranges: &[Range<usize>]) -> Raw {
        let x = self.contiguous();
        if let Some(data) = x.slice() {
            let mut out = vec![0.0; shape.num_elements()];
            let (run, places) = Raw::runs(&shape, ranges);
            for (from, at) in data.chunks_exact(run.max(1)).zip(places) {
                saddle_cpu::copy_short(from, &mut out[at..at + run]);
            }
            return Raw::cpu(out, shape);
        }
        let zeros = Raw::full(0.0, shape, &self.device());
        if self.is_empty() {
            return zeros;
        }
        Raw::float(far::compute(Op::SliceAssign, &[zeros.far(), self.far()], &ends(ranges), &[]))
    }

    /// What lies within `ranges` of a row-major tensor of `shape`, as runs of neighbours: how many numbers each has, and where each begins.
    pub(super) fn runs(shape: &Shape, ranges: &[Range<usize>]) -> (usize, Vec<usize>) {
        let strides = shape.strides();
        // Axes that are taken whole belong to the run.
        let cut = (0..ranges.len()).rev().find(|&axis| ranges[axis].len() != shape[axis]).unwrap_or(0);
        let (Some(last), Some(&stride)) = (ranges.get(cut), strides.get(cut)) else {
            return (1, vec![0]);
        };
        let mut places = vec![last.start * stride];
        for (range, stride) in ranges.iter().zip(&strides).take(cut).rev() {
            let steps = range.clone().map(|i| i * stride);
            places = steps.flat_map(|step| places.iter().map(move |at| at + step)).collect();
        }
        (last.len() * stride, places)
    }

    /// The slices along `axis` at `indices` (an int tensor of rank 1).
    pub fn select(&self, axis: usize, indices: &Raw) -> Raw {
        if self.view().is_some() {
            return of_dtype!(self.dtype(), selected(self, axis, indices));
        }
        let far = far::compute(Op::Select, &[self.far(), indices.far()], &[axis as i64], &[]);
        Raw::wrap(far, self.dtype()).within(self.bounds())
    }

    /// Zeros of `shape` with this float tensor's slices added along `axis` at `indices`.
    pub fn select_add(&self, shape: Shape, axis: usize, indices: &Raw) -> Raw {
        if self.is_empty() {
            return self.nothing(shape);
        }
        let (x, at) = (self.contiguous(), indices.contiguous());
        if let (Some(data), Some(at)) = (x.slice(), at.whole_slice()) {
            let (outer, n, inner) = around(&shape, axis);
            let mut out = vec![0.0; shape.num_elements()];
            if inner == 1 {
                for (sums, data) in out.chunks_exact_mut(n.max(1)).zip(data.chunks_exact(at.len())) {
                    at.iter().zip(data).for_each(|(&at, v)| sums[at as usize] += v);
                }
                return Raw::cpu(out, shape);
            }
            for o in 0..outer {
                for (i, &at) in at.iter().enumerate() {
                    let to = (o * n + at as usize) * inner;
                    let from = (o * indices.len() + i) * inner;
                    let sums = out[to..to + inner].iter_mut();
                    sums.zip(&data[from..from + inner]).for_each(|(sum, v)| *sum += v);
                }
            }
            return Raw::cpu(out, shape);
        }
        let zeros = Raw::full(0.0, shape, &self.device());
        let tensors = [zeros.far(), indices.far(), self.far()];
        Raw::float(far::compute(Op::SelectAdd, &tensors, &[axis as i64], &[]))
    }

    /// The element along `axis` named by each element of `indices`.
    pub fn gather(&self, axis: usize, indices: &Raw) -> Raw {
        if self.view().is_some() {
            return of_dtype!(self.dtype(), gathered(self, axis, indices));
        }
        let far = far::compute(Op::Gather, &[self.far(), indices.far()], &[axis as i64], &[]);
        Raw::wrap(far, self.dtype()).within(self.bounds())
    }

    /// Zeros of `shape` with each element of this float tensor added at its index along `axis`.
    pub fn scatter_add(&self, shape: Shape, axis: usize, indices: &Raw) -> Raw {
        let (x, at) = (self.contiguous(), indices.contiguous());
        if let (Some(data), Some(at)) = (x.slice(), at.whole_slice()) {
            let (outer, count, inner) = around(&x.shape(), axis);
            let out = saddle_cpu::scatter_add(data, at, [outer, count, inner], shape[axis]);
            return Raw::cpu(out, shape);
        }
        if self.is_empty() {
            return self.nothing(shape);
        }
        let zeros = Raw::full(0.0, shape, &self.device());
        let tensors = [zeros.far(), indices.far(), self.far()];
        Raw::float(far::compute(Op::ScatterAdd, &tensors, &[axis as i64], &[]))
    }

    /// Tensors of one dtype joined along `axis`.
    pub fn cat(parts: &[Raw], axis: usize) -> Raw {
        let dtype = parts[0].dtype();
        if parts[0].view().is_some() {
            return of_dtype!(dtype, joined(parts, axis));
        }
        let tensors: Vec<&far::Far> = parts.iter().map(Raw::far).collect();
        let far = far::compute(Op::Cat, &tensors, &[axis as i64], &[]);
        let mut bounds = parts.iter().map(Raw::bounds);
        let first = bounds.next().flatten();
        let both = |a: Option<(i64, i64)>, b: Option<(i64, i64)>| {
            let (a, b) = (a?, b?);
            Some((a.0.min(b.0), a.1.max(b.1)))
        };
        Raw::wrap(far, dtype).within(bounds.fold(first, both))
    }

    /// Reversed along `axes`.
    pub fn flip(&self, axes: &[usize]) -> Raw {
        if self.is_empty() || axes.is_empty() {
            return self.clone();
        }
        if self.view().is_some() {
            return axes.iter().fold(self.clone(), |x, &axis| of_dtype!(x.dtype(), reversed(&x, axis)));
        }
        let far = far::compute(Op::Flip, &[self.far()], &numbers(axes), &[]);
        Raw::wrap(far, self.dtype()).within(self.bounds())
    }

    /// For each place along `axis`, the index of the element that sorting puts there. Equal elements keep their order;
    /// NaN counts as larger than all.
    pub fn argsort(&self, axis: usize, descending: bool) -> Raw {
        self.argsort_first(axis, self.shape()[axis], descending)
    }

    /// The first `count` places of [`Raw::argsort`], for which not everything has to be sorted.
    pub fn argsort_first(&self, axis: usize, count: usize, descending: bool) -> Raw {
        if self.view().is_some() {
            return match self.dtype() {
                // Key and place in one number of the processor's.
                Dtype::F32 if self.shape()[axis] <= u32::MAX as usize => sorted(
                    self,
                    [axis, count],
                    |x: f32, k| u64::from(if descending { !float_key(x) } else { float_key(x) }) << 32 | k as u64,
                    |line| i64::from(line as u32),
                ),
                Dtype::F32 => sorted(self, [axis, count], |x, k| wide(float_key(x).into(), k, descending), narrow),
                _ => sorted(self, [axis, count], |x, k| wide(int_key(x), k, descending), narrow),
            };
        }
        if let Some(home) = self.too_long_for(self.shape()[axis]) {
            return self.on_cpu().argsort_first(axis, count, descending).to_device(&home);
        }
        let far = far::compute(Op::Argsort, &[self.far()], &[axis as i64, i64::from(descending)], &[]);
        let all = Raw::wrap(far, Dtype::Int).within(self.places(axis));
        let mut ranges: Vec<Range<usize>> = self.shape().iter().map(|&n| 0..n).collect();
        match ranges[axis].end == count {
            true => all,
            false => {
                ranges[axis].end = count;
                all.slice_ranges(&ranges)
            }
        }
    }
}

/// A number that orders floats, NaN last, all NaN and both zeros alike: their bits, of which the sign is turned round,
/// and of negative ones all.
fn float_key(x: f32) -> u32 {
    let bits = (x + 0.0).to_bits();
    match x.is_nan() {
        true => u32::MAX,
        false if bits >> 31 == 1 => !bits,
        false => bits | 1 << 31,
    }
}

/// A number that orders ints.
fn int_key(x: i64) -> u64 {
    x as u64 ^ 1 << 63
}

/// Key and place in one number, the key reversed where the largest comes first.
fn wide(key: u64, k: usize, descending: bool) -> u128 {
    u128::from(if descending { !key } else { key }) << 64 | k as u128
}

/// The place in such a number.
fn narrow(both: u128) -> i64 {
    both as u64 as i64
}

/// All elements of a tensor on the CPU, of their own type.
fn all<T: Element>(x: &Raw) -> Vec<T> {
    x.view().and_then(|view| view.to_vec()).unwrap_or_default()
}

fn selected<T: Element>(x: &Raw, axis: usize, indices: &Raw) -> Raw {
    let (x, indices) = (x.contiguous(), indices.contiguous());
    let (data, places): (&[T], &[i64]) = (x.elements(), indices.elements());
    let mut shape = x.shape();
    let (_, n, inner) = around(&shape, axis);
    shape[axis] = places.len();
    let mut out = Vec::with_capacity(shape.num_elements());
    for block in data.chunks_exact((n * inner).max(1)) {
        match inner {
            // A call for each single one would cost more than the copy.
            1 => out.extend(places.iter().map(|&at| block[at as usize])),
            _ => places.iter().for_each(|&at| out.extend_from_slice(&block[at as usize * inner..][..inner])),
        }
    }
    Raw::cpu(out, shape)
}

fn reversed<T: Element>(x: &Raw, axis: usize) -> Raw {
    let x = x.contiguous();
    let shape = x.shape();
    let (_, n, inner) = around(&shape, axis);
    let mut out = Vec::with_capacity(x.len());
    for block in x.elements::<T>().chunks_exact(n * inner) {
        match inner {
            1 => out.extend(block.iter().rev().copied()),
            _ => block.rchunks_exact(inner).for_each(|row| out.extend_from_slice(row)),
        }
    }
    Raw::cpu(out, shape)
}

fn gathered<T: Element>(x: &Raw, axis: usize, indices: &Raw) -> Raw {
    let (x, indices) = (x.contiguous(), indices.contiguous());
    let (data, places): (&[T], &[i64]) = (x.elements(), indices.elements());
    let (_, n, inner) = around(&x.shape(), axis);
    let (_, count, _) = around(&indices.shape(), axis);
    let mut out = Vec::with_capacity(places.len());
    let blocks = data.chunks_exact((n * inner).max(1));
    for (block, places) in blocks.zip(places.chunks_exact((count * inner).max(1))) {
        match inner {
            1 => out.extend(places.iter().map(|&at| block[at as usize])),
            _ => {
                for row in places.chunks_exact(inner) {
                    out.extend(row.iter().enumerate().map(|(i, &at)| block[at as usize * inner + i]));
                }
            }
        }
    }
    Raw::cpu(out, indices.shape())
}

fn joined<T: Element>(parts: &[Raw], axis: usize) -> Raw {
    let mut shape = parts[0].shape();
    shape[axis] = parts.iter().map(|part| part.shape()[axis]).sum();
    let (outer, n, inner) = around(&shape, axis);
    let parts: Vec<Raw> = parts.iter().map(Raw::contiguous).collect();
    let rows: Vec<(&[T], usize)> = parts.iter().map(|part| (part.elements(), part.shape()[axis] * inner)).collect();
    let mut out = Vec::with_capacity(shape.num_elements());
    if n * inner < 64 {
        // Few at a time: a call for each would cost more than the copy.
        for block in 0..outer {
            for (data, row) in &rows {
                out.extend(data[block * row..][..*row].iter().copied());
            }
        }
        return Raw::cpu(out, shape);
    }
    for block in 0..outer {
        for (data, row) in &rows {
            out.extend_from_slice(&data[block * row..(block + 1) * row]);
        }
    }
    Raw::cpu(out, shape)
}

/// As [`Raw::argsort_first`]: elements are sorted as one number of key and place, which `both` makes and `place` takes
/// apart. The place keeps the order of equal ones, and the numbers lie beside each other: looked up by place, two million
/// floats took eight times as long.
fn sorted<T: Element, K: Ord + Copy>(
    x: &Raw,
    [axis, count]: [usize; 2],
    both: impl Fn(T, usize) -> K,
    place: impl Fn(K) -> i64,
) -> Raw {
    let (mut shape, data) = (x.shape(), all::<T>(x));
    let (outer, n, inner) = around(&shape, axis);
    shape[axis] = count;
    let mut out = vec![0i64; shape.num_elements()];
    let mut line: Vec<K> = Vec::with_capacity(n);
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        line.clear();
        line.extend((0..n).map(|k| both(data[(o * n + k) * inner + i], k)));
        if (1..n).contains(&count) {
            line.select_nth_unstable(count - 1);
            line.truncate(count);
        }
        line.sort_unstable();
        for (k, &at) in line.iter().take(count).enumerate() {
            out[(o * count + k) * inner + i] = place(at);
        }
    }
    Raw::cpu(out, shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    /// As `torch.sort(stable=True)`: NaN above infinity, zeros of both signs and all NaN equal, equals in their order.
    #[test]
    fn floats_are_sorted_as_pytorch_sorts_them() -> saddle_fault::Result<()> {
        let values = vec![0.0, f32::NAN, -1.5, -0.0, f32::INFINITY, -f32::NAN, f32::NEG_INFINITY, 1e-40, -1e-40, 0.0];
        let x = Raw::from_floats(values, Shape::new([10]), &Device::Cpu);
        assert_eq!(x.argsort(0, false).to_ints()?, [6, 2, 8, 0, 3, 9, 7, 4, 1, 5]);
        assert_eq!(x.argsort(0, true).to_ints()?, [1, 5, 4, 7, 0, 3, 9, 8, 2, 6]);
        Ok(())
    }

    #[test]
    fn the_first_places_are_those_of_the_whole_order() -> saddle_fault::Result<()> {
        let values: Vec<f32> = (0..90).map(|i| ((i * 37) % 11) as f32).collect();
        let x = Raw::from_floats(values, Shape::new([3, 10, 3]), &Device::Cpu);
        for (axis, count) in [(1, 4), (1, 0), (1, 10), (0, 2), (2, 1)] {
            for descending in [false, true] {
                let mut ranges = vec![0..3, 0..10, 0..3];
                ranges[axis].end = count;
                let whole = x.argsort(axis, descending).slice_ranges(&ranges);
                assert_eq!(x.argsort_first(axis, count, descending).to_ints()?, whole.to_ints()?);
            }
        }
        Ok(())
    }

    #[test]
    fn ints_are_sorted_over_their_whole_range_along_any_axis() -> saddle_fault::Result<()> {
        let values = vec![i64::MAX, 3, 0, 3, i64::MIN, -1];
        let x = Raw::from_ints(values, Shape::new([3, 2]), &Device::Cpu);
        assert_eq!(x.argsort(0, false).to_ints()?, [2, 2, 1, 0, 0, 1]);
        assert_eq!(x.argsort(1, true).to_ints()?, [0, 1, 1, 0, 1, 0]);
        Ok(())
    }
}
