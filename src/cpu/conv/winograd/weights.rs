//! The weights of filtered layers: to the points, as packed right operands, and their gradients back from there.

use std::mem::MaybeUninit;

use super::transform::*;
use super::{Filter, Layer, Matrices, Side};
use crate::parallel::{Shared, run};
use crate::simd::{Arith, Kernel, dispatch};
use crate::tile::Tiles as Kinds;
use crate::transpose::transpose;

/// The most taps of a kernel.
const MOST_TAPS: usize = 16;

/// The weights at each point as right operands of the products: panels of columns as wide as a tile.
pub(super) fn transform_weights<const T: usize>(
    kinds: &Kinds,
    layer: &Layer,
    forward: bool,
    w: &[f32],
    out: &mut [MaybeUninit<f32>],
) where
    OfTaps: Along<T, IN>,
{
    let (inputs, taps) = (layer.wide.channels, layer.filter.kernel);
    let [from, to] = if forward { [layer.wide, layer.narrow] } else { [layer.narrow, layer.wide] };
    let out = Shared::new(out).cast();
    // Filters whose columns are vectors: those of neighbouring output channels, or of neighbouring input channels.
    let tasks = to.channels / LANES;
    run(tasks, &|task| {
        for term in 0..from.channels {
            let (first, apart) = match forward {
                true => (task * LANES * inputs + term, inputs),
                false => (term * inputs + task * LANES, 1),
            };
            let (w, apart, column) = (&w[taps * first..], taps * apart, task * LANES);
            let filter = layer.filter;
            let panel = kinds.columns();
            dispatch(Weights::<T> { filter, from, to, panel, forward, w, apart, term, column, out });
        }
    });
}

struct Weights<'a, const T: usize> {
    filter: &'static Filter,
    from: Side,
    to: Side,
    /// Columns of a panel.
    panel: usize,
    forward: bool,
    w: &'a [f32],
    apart: usize,
    /// The channel of the term, and that of the first column.
    term: usize,
    column: usize,
    out: Shared<f32>,
}

impl<const T: usize> Kernel for Weights<'_, T>
where
    OfTaps: Along<T, IN>,
{
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { filter, from, to, panel, forward, w, apart, term, column, out } = self;
        assert!(w.len() >= (LANES - 1) * apart + filter.kernel && filter.kernel <= MOST_TAPS);
        let mut taps = [ZERO; MOST_TAPS];
        // SAFETY: so many filters, of so many taps, by the assertion.
        unsafe { transpose(w.as_ptr(), apart, LANES, filter.kernel, taps.as_mut_ptr().cast(), LANES) };
        let (terms, columns) = (from.columns(), to.columns());
        let matrices = Matrices::new(terms, columns);
        for (phase, of_phase) in filter.taps.iter().enumerate() {
            let (term, column) = match forward {
                true => (phase * from.channels + term, column),
                false => (term, phase * to.channels + column),
            };
            let first = column / panel * panel;
            let width = panel.min(columns - first);
            let at = first * terms + term * width + column - first;
            let to = out.at(at);
            assert!(to.len() >= (POINTS - 1) * matrices.apart + LANES);
            // SAFETY: the points' matrices reach so far, by the assertion; tasks have columns of their own.
            unsafe {
                let to = Strided(to.start(), matrices.apart);
                both::<T, IN, false, OfTaps>(Listed(taps.as_mut_ptr(), of_phase), to);
            }
        }
    }
}

/// The weights of an output channel, from their sums at each point.
pub(super) struct ToWeights<'a, const T: usize> {
    pub filter: &'static Filter,
    pub inputs: usize,
    pub s: &'a [f32],
    pub sums: Matrices,
    pub w: &'a mut [MaybeUninit<f32>],
}

impl<const T: usize> Kernel for ToWeights<'_, T>
where
    ToTaps: Along<IN, T>,
{
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Self { filter, inputs, s, sums, w } = self;
        let kernel = filter.kernel;
        assert!(kernel <= MOST_TAPS);
        for (block, w) in w.chunks_exact_mut(kernel * LANES).enumerate() {
            let mut taps = [ZERO; MOST_TAPS];
            for (phase, places) in filter.taps.iter().enumerate() {
                let from = &s[phase * inputs + block * LANES..][..(POINTS - 1) * sums.apart + LANES];
                // SAFETY: the points' matrices are there; the sums are only read.
                unsafe {
                    let from = Strided(from.as_ptr().cast_mut(), sums.apart);
                    both::<IN, T, false, ToTaps>(from, Listed(taps.as_mut_ptr(), places));
                }
            }
            // SAFETY: so many taps of sixteen channels.
            unsafe { transpose(taps.as_ptr().cast(), LANES, kernel, LANES, w.as_mut_ptr().cast(), kernel) };
        }
    }
}
