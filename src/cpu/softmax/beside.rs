//! Softmax of many lines side by side: along an axis that is not the last one, or of rows so short that a call for each
//! would cost more than they do. Sums are formed in the order of those of single rows.

use std::ops::Range;

use crate::math::exp;
use crate::parallel::{Shared, parts, run};
use crate::reduce::{LANES, pick};
use crate::simd::{Arith, Kernel, dispatch};
use crate::transpose::transpose;

/// Lines that are computed side by side, at most.
const WIDE: usize = 256;

/// Elements that one thread should have at least.
const GRAIN: usize = 16 << 10;

/// Lines of `axis` elements within `[outer, axis, inner]`.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    pub outer: usize,
    pub axis: usize,
    pub inner: usize,
}

/// Some lines side by side: where the first one begins, and how many they are.
#[derive(Clone, Copy)]
struct Panel {
    start: usize,
    width: usize,
}

impl Lines {
    fn len(self) -> usize {
        self.outer * self.axis * self.inner
    }

    /// How many panels the lines make.
    fn panels(self) -> usize {
        match self.inner {
            1 => self.outer.div_ceil(WIDE),
            inner => self.outer * inner.div_ceil(WIDE),
        }
    }

    fn panel(self, i: usize) -> Panel {
        if self.inner == 1 {
            let first = i * WIDE;
            return Panel { start: first * self.axis, width: WIDE.min(self.outer - first) };
        }
        let each = self.inner.div_ceil(WIDE);
        let (block, first) = (i / each, i % each * WIDE);
        Panel { start: block * self.axis * self.inner + first, width: WIDE.min(self.inner - first) }
    }

    /// Brings the elements of a panel side by side: element i of each line, one line after the other.
    fn load(self, x: &[f32], Panel { start, width }: Panel, to: &mut [f32]) {
        if self.inner == 1 {
            let from = &x[start..start + width * self.axis];
            assert_eq!(from.len(), to.len(), "softmax: room of a panel");
            // SAFETY: both have as many elements.
            return unsafe { transpose(from.as_ptr(), self.axis, width, self.axis, to.as_mut_ptr(), width) };
        }
        for (i, to) in to.chunks_exact_mut(width).enumerate() {
            to.copy_from_slice(&x[start + i * self.inner..][..width]);
        }
    }

    /// The other way.
    ///
    /// # Safety
    /// `to` has all elements of the lines, and nobody else accesses those of this panel meanwhile.
    unsafe fn store(self, from: &[f32], Panel { start, width }: Panel, to: Shared<f32>) {
        let end = start + if self.inner == 1 { width * self.axis } else { (self.axis - 1) * self.inner + width };
        assert!(end <= to.len(), "softmax: a panel reaches beyond the result");
        let to = to.start();
        // SAFETY: the contract, for the elements of the panel.
        unsafe {
            if self.inner == 1 {
                return transpose(from.as_ptr(), width, self.axis, width, to.add(start), self.axis);
            }
            for (i, from) in from.chunks_exact(width).enumerate() {
                to.add(start + i * self.inner).copy_from_nonoverlapping(from.as_ptr(), width);
            }
        }
    }

    /// Calls `body` for all panels, divided among threads.
    fn each_part(self, body: impl Fn(Range<usize>) + Sync) {
        let all = self.panels();
        let parts = parts(self.len(), GRAIN).min(all).max(1);
        run(parts, &|part| body(all * part / parts..all * (part + 1) / parts));
    }
}

/// Softmax of each line of `x`, or its logarithm, to all of `out`.
///
/// # Safety
/// `out` is as long as `x`, and can be written.
pub(super) unsafe fn softmax(x: &[f32], lines: Lines, log: bool, out: Shared<f32>) {
    lines.each_part(|panels| dispatch(Soft { x, lines, log, panels, out }));
}

/// The gradients of softmax for its result `y` and the gradient `g` of that, to all of `out`.
///
/// # Safety
/// As [`softmax`].
pub(super) unsafe fn softmax_grad(y: &[f32], g: &[f32], lines: Lines, out: Shared<f32>) {
    lines.each_part(|panels| dispatch(SoftGrad { y, g, lines, panels, out }));
}

struct Soft<'a> {
    x: &'a [f32],
    lines: Lines,
    log: bool,
    panels: Range<usize>,
    out: Shared<f32>,
}

impl Kernel for Soft<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let Soft { x, lines, log, panels, out } = self;
        let (mut room, mut top, mut sums) = (vec![0.0; lines.axis * WIDE], [0.0; WIDE], Sums::new(lines.axis));
        for panel in panels.map(|i| lines.panel(i)) {
            let width = panel.width;
            let room = &mut room[..lines.axis * width];
            lines.load(x, panel, room);
            let top = &mut top[..width];
            top.copy_from_slice(&room[..width]);
            for line in room.chunks_exact(width).skip(1) {
                top.iter_mut().zip(line).for_each(|(top, &x)| *top = pick::<true>(*top, x));
            }
            for line in room.chunks_exact_mut(width) {
                line.iter_mut().zip(&*top).for_each(|(x, top)| *x -= top);
            }
            sums.clear(width);
            for (i, line) in room.chunks_exact_mut(width).enumerate() {
                let sums = sums.of(i, width).iter_mut().zip(line);
                match log {
                    true => sums.for_each(|(sum, x)| *sum += exp::<A>(*x)),
                    false => sums.for_each(|(sum, x)| {
                        *x = exp::<A>(*x);
                        *sum += *x;
                    }),
                }
            }
            let total = sums.total(width);
            total.iter_mut().for_each(|total| *total = if log { total.ln() } else { 1.0 / *total });
            for line in room.chunks_exact_mut(width) {
                let pairs = line.iter_mut().zip(&*total);
                match log {
                    true => pairs.for_each(|(x, total)| *x -= total),
                    false => pairs.for_each(|(x, total)| *x *= total),
                }
            }
            // SAFETY: the contract of `softmax`; each panel is visited once.
            unsafe { lines.store(room, panel, out) };
        }
    }
}

struct SoftGrad<'a> {
    y: &'a [f32],
    g: &'a [f32],
    lines: Lines,
    panels: Range<usize>,
    out: Shared<f32>,
}

impl Kernel for SoftGrad<'_> {
    type Out = ();
    #[inline(always)]
    fn run<A: Arith>(self) {
        let SoftGrad { y, g, lines, panels, out } = self;
        let (mut room_y, mut room_g) = (vec![0.0; lines.axis * WIDE], vec![0.0; lines.axis * WIDE]);
        let mut sums = Sums::new(lines.axis);
        for panel in panels.map(|i| lines.panel(i)) {
            let width = panel.width;
            let (own_y, own_g) = (&mut room_y[..lines.axis * width], &mut room_g[..lines.axis * width]);
            lines.load(y, panel, own_y);
            lines.load(g, panel, own_g);
            sums.clear(width);
            for (i, (y, g)) in own_y.chunks_exact(width).zip(own_g.chunks_exact(width)).enumerate() {
                let sums = sums.of(i, width).iter_mut();
                sums.zip(y).zip(g).for_each(|((sum, y), g)| *sum += g * y);
            }
            let along = sums.total(width);
            for (l, along) in along.iter_mut().enumerate().filter(|(_, along)| !along.is_finite()) {
                let (y, g) = (own_y[l..].iter().step_by(width), own_g[l..].iter().step_by(width));
                *along = y.zip(g).map(|(&y, &g)| f64::from(g) * f64::from(y)).sum::<f64>() as f32;
            }
            for (y, g) in own_y.chunks_exact_mut(width).zip(own_g.chunks_exact(width)) {
                y.iter_mut().zip(g).zip(&*along).for_each(|((y, g), along)| *y *= g - along);
            }
            // SAFETY: as above.
            unsafe { lines.store(own_y, panel, out) };
        }
    }
}

/// Sums of lines side by side, each in [`LANES`] interleaved partial sums or in as many as it has elements.
struct Sums {
    lanes: usize,
    all: Vec<f32>,
}

impl Sums {
    fn new(axis: usize) -> Self {
        let lanes = axis.min(LANES).next_power_of_two();
        Self { lanes, all: vec![0.0; lanes * WIDE] }
    }

    fn clear(&mut self, width: usize) {
        self.all[..self.lanes * width].fill(0.0);
    }

    /// The partial sums that elements `i` are added to.
    #[inline(always)]
    fn of(&mut self, i: usize, width: usize) -> &mut [f32] {
        &mut self.all[i % self.lanes * width..][..width]
    }

    /// The sums.
    #[inline(always)]
    fn total(&mut self, width: usize) -> &mut [f32] {
        let mut half = self.lanes / 2;
        while half > 0 {
            let (low, high) = self.all[..2 * half * width].split_at_mut(half * width);
            low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
            half /= 2;
        }
        &mut self.all[..width]
    }
}
