//! Whether numbers are finite: ways of computing that mix terms which the definition keeps apart (zero times infinity,
//! sums that cancel) are taken only where they are.

use super::parallel::over_parts;
use super::simd::{Arith, Kernel, dispatch};

/// Whether no element is infinite or NaN.
pub(super) fn is_finite(x: &[f32]) -> bool {
    const BLOCK: usize = 1 << 14;
    if x.len() <= BLOCK {
        return dispatch(Finite(x));
    }
    let mut found = vec![true; x.len().div_ceil(BLOCK)];
    over_parts(&mut found, 4, |blocks, found| {
        for (block, found) in blocks.zip(found) {
            *found = dispatch(Finite(&x[block * BLOCK..((block + 1) * BLOCK).min(x.len())]));
        }
    });
    found.iter().all(|&found| found)
}

struct Finite<'a>(&'a [f32]);

impl Kernel for Finite<'_> {
    type Out = bool;
    #[inline(always)]
    fn run<A: Arith>(self) -> bool {
        // The exponents that are all ones, in one number.
        const EXPONENT: u32 = 0x7f80_0000;
        let mut found = 0u32;
        for &x in self.0 {
            found |= u32::from(x.to_bits() & EXPONENT == EXPONENT);
        }
        found == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::testing::at_each_level;

    #[test]
    fn one_number_that_is_not_finite_is_found_wherever_it_is() {
        at_each_level(|_| {
            let mut x = vec![f32::MAX; 100_001];
            assert!(is_finite(&x) && is_finite(&[]));
            for i in [0, 17, 1 << 14, 99_999, 100_000] {
                for odd in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
                    x[i] = odd;
                    assert!(!is_finite(&x), "{odd} at {i}");
                }
                x[i] = -f32::MIN_POSITIVE / 4.0;
                assert!(is_finite(&x));
            }
        });
    }
}
