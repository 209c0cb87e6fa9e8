//! The transforms of minimal filtering: tiles of outputs, taps and inputs to the points and back, sixteen channels at a
//! time.

/// Inputs that a tile sees along a side: its four outputs of two taps, or its three of three.
pub(super) const IN: usize = 5;
/// Points of a tile.
pub(super) const POINTS: usize = IN * IN;
/// Channels that are transformed at a time: a vector with AVX-512, two with AVX2.
pub(super) const LANES: usize = 16;

pub(super) type Lanes = [f32; LANES];

pub(super) const ZERO: Lanes = [0.0; LANES];

#[inline(always)]
pub(super) fn lanes(f: impl Fn(usize) -> f32) -> Lanes {
    let mut out = ZERO;
    for (l, out) in out.iter_mut().enumerate() {
        *out = f(l);
    }
    out
}

/// A transform of one dimension.
pub(super) trait Along<const N: usize, const M: usize> {
    fn along(x: [Lanes; N]) -> [Lanes; M];
}

/// Bᵀ x.
pub(super) struct OfInput;
impl Along<IN, IN> for OfInput {
    #[inline(always)]
    fn along([a, b, c, d, e]: [Lanes; IN]) -> [Lanes; IN] {
        [
            lanes(|l| 2.0 * (a[l] - c[l]) - (b[l] - d[l])),
            lanes(|l| 2.0 * b[l] + (c[l] - d[l])),
            lanes(|l| 3.0 * c[l] - (2.0 * b[l] + d[l])),
            lanes(|l| d[l] - b[l]),
            lanes(|l| 2.0 * (b[l] - d[l]) + (e[l] - c[l])),
        ]
    }
}

/// G w.
pub(super) struct OfTaps;
impl Along<2, IN> for OfTaps {
    #[inline(always)]
    fn along([a, b]: [Lanes; 2]) -> [Lanes; IN] {
        [
            lanes(|l| 0.5 * a[l]),
            lanes(|l| 0.5 * (a[l] + b[l])),
            lanes(|l| (1.0 / 6.0) * (a[l] - b[l])),
            lanes(|l| (1.0 / 6.0) * (a[l] + 2.0 * b[l])),
            b,
        ]
    }
}

impl Along<3, IN> for OfTaps {
    #[inline(always)]
    fn along([a, b, c]: [Lanes; 3]) -> [Lanes; IN] {
        [
            lanes(|l| 0.5 * a[l]),
            lanes(|l| 0.5 * ((a[l] + c[l]) + b[l])),
            lanes(|l| (1.0 / 6.0) * ((a[l] + c[l]) - b[l])),
            lanes(|l| (1.0 / 6.0) * ((a[l] + 4.0 * c[l]) + 2.0 * b[l])),
            c,
        ]
    }
}

/// Gᵀ s.
pub(super) struct ToTaps;
impl Along<IN, 2> for ToTaps {
    #[inline(always)]
    fn along([a, b, c, d, e]: [Lanes; IN]) -> [Lanes; 2] {
        [
            lanes(|l| 0.5 * (a[l] + b[l]) + (1.0 / 6.0) * (c[l] + d[l])),
            lanes(|l| 0.5 * b[l] + (1.0 / 6.0) * (2.0 * d[l] - c[l]) + e[l]),
        ]
    }
}

impl Along<IN, 3> for ToTaps {
    #[inline(always)]
    fn along([a, b, c, d, e]: [Lanes; IN]) -> [Lanes; 3] {
        [
            lanes(|l| 0.5 * (a[l] + b[l]) + (1.0 / 6.0) * (c[l] + d[l])),
            lanes(|l| 0.5 * b[l] + (1.0 / 6.0) * (2.0 * d[l] - c[l])),
            lanes(|l| 0.5 * b[l] + (1.0 / 6.0) * (4.0 * d[l] + c[l]) + e[l]),
        ]
    }
}

/// B m.
pub(super) struct ToInput;
impl Along<IN, IN> for ToInput {
    #[inline(always)]
    fn along([a, b, c, d, e]: [Lanes; IN]) -> [Lanes; IN] {
        [
            lanes(|l| 2.0 * a[l]),
            lanes(|l| 2.0 * ((b[l] - c[l]) + e[l]) - (a[l] + d[l])),
            lanes(|l| (b[l] + 3.0 * c[l]) - (2.0 * a[l] + e[l])),
            lanes(|l| (a[l] + d[l]) - (b[l] + c[l]) - 2.0 * e[l]),
            e,
        ]
    }
}

/// Aᵀ m.
pub(super) struct ToOutput;
impl Along<IN, 4> for ToOutput {
    #[inline(always)]
    fn along([a, b, c, d, e]: [Lanes; IN]) -> [Lanes; 4] {
        [
            lanes(|l| a[l] + (b[l] + c[l]) + d[l]),
            lanes(|l| (b[l] - c[l]) + 2.0 * d[l]),
            lanes(|l| (b[l] + c[l]) + 4.0 * d[l]),
            lanes(|l| (b[l] - c[l]) + 8.0 * d[l] + e[l]),
        ]
    }
}

impl Along<IN, 3> for ToOutput {
    #[inline(always)]
    fn along([a, b, c, d, e]: [Lanes; IN]) -> [Lanes; 3] {
        [
            lanes(|l| a[l] + (b[l] + c[l]) + d[l]),
            lanes(|l| (b[l] - c[l]) + 2.0 * d[l]),
            lanes(|l| (b[l] + c[l]) + 4.0 * d[l] + e[l]),
        ]
    }
}

/// A g.
pub(super) struct OfOutput;
impl Along<4, IN> for OfOutput {
    #[inline(always)]
    fn along([a, b, c, d]: [Lanes; 4]) -> [Lanes; IN] {
        [
            a,
            lanes(|l| (a[l] + c[l]) + (b[l] + d[l])),
            lanes(|l| (a[l] + c[l]) - (b[l] + d[l])),
            lanes(|l| (a[l] + 4.0 * c[l]) + (2.0 * b[l] + 8.0 * d[l])),
            d,
        ]
    }
}

impl Along<3, IN> for OfOutput {
    #[inline(always)]
    fn along([a, b, c]: [Lanes; 3]) -> [Lanes; IN] {
        [
            a,
            lanes(|l| (a[l] + c[l]) + b[l]),
            lanes(|l| (a[l] + c[l]) - b[l]),
            lanes(|l| (a[l] + 4.0 * c[l]) + 2.0 * b[l]),
            c,
        ]
    }
}

/// Where the numbers of a tile are.
pub(super) trait TileLayout: Copy {
    fn at(self, index: usize) -> *mut Lanes;
}

/// At one distance from each other: in the matrices of the points.
#[derive(Clone, Copy)]
pub(super) struct Strided(pub *mut f32, pub usize);

impl TileLayout for Strided {
    #[inline(always)]
    fn at(self, index: usize) -> *mut Lanes {
        self.0.wrapping_add(index * self.1).cast()
    }
}

/// At places that are listed: among the pixels of an image, or the taps of a kernel.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a>(pub *mut Lanes, pub &'a [u32]);

impl TileLayout for Listed<'_> {
    #[inline(always)]
    fn at(self, index: usize) -> *mut Lanes {
        self.0.wrapping_add(self.1[index] as usize)
    }
}

/// A transform in both dimensions, of N × N numbers to M × M, which are written or, with `ADD`, added to what is there.
///
/// # Safety
/// These can be read, and those be written.
#[inline(always)]
pub(super) unsafe fn both<const N: usize, const M: usize, const ADD: bool, T: Along<N, M>>(
    from: impl TileLayout,
    to: impl TileLayout,
) {
    let mut rows = [[ZERO; M]; N];
    for (i, transformed) in rows.iter_mut().enumerate() {
        let mut row = [ZERO; N];
        for (j, number) in row.iter_mut().enumerate() {
            // SAFETY: the contract.
            *number = unsafe { from.at(i * N + j).read_unaligned() };
        }
        *transformed = T::along(row);
    }
    for j in 0..M {
        let mut column = [ZERO; N];
        for (number, row) in column.iter_mut().zip(&rows) {
            *number = row[j];
        }
        for (i, value) in T::along(column).into_iter().enumerate() {
            let at = to.at(i * M + j);
            // SAFETY: the contract.
            unsafe {
                let before = if ADD { at.read_unaligned() } else { ZERO };
                at.write_unaligned(if ADD { lanes(|l| before[l] + value[l]) } else { value });
            }
        }
    }
}
