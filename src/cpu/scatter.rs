//! Elements put where indices say, along one axis of a contiguous `[outer, axis, inner]` view.

use super::parallel::over_rows;

/// Zeros of `[outer, axis, inner]`, to which each element of `g`, `[outer, count, inner]`, is added at its index in
/// `at` along the axis: the gradient of choosing those elements.
pub fn scatter_add(g: &[f32], at: &[i64], [outer, count, inner]: [usize; 3], axis: usize) -> Vec<f32> {
    assert_eq!(g.len(), outer * count * inner, "scatter_add: length of g");
    assert_eq!(at.len(), g.len(), "scatter_add: number of indices");
    let mut out = vec![0.0; outer * axis * inner];
    over_rows(&mut out, axis * inner, count * inner, 16 << 10, |row, out| {
        let from = row * count * inner..(row + 1) * count * inner;
        for (i, (&g, &at)) in g[from.clone()].iter().zip(&at[from]).enumerate() {
            out[at as usize * inner + i % inner] += g;
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn every_element_arrives_at_its_index() {
        for [outer, count, inner, axis] in [[1, 1, 1, 1], [3, 1, 1, 5], [2, 4, 3, 2], [900, 1, 1, 400], [0, 1, 1, 3]] {
            let g = sample(outer * count * inner, 1);
            let at: Vec<i64> = (0..g.len()).map(|i| (i * 7 % axis) as i64).collect();
            let mut expected = vec![0.0; outer * axis * inner];
            for o in 0..outer {
                for c in 0..count {
                    for i in 0..inner {
                        let from = (o * count + c) * inner + i;
                        expected[(o * axis + at[from] as usize) * inner + i] += g[from];
                    }
                }
            }
            assert_eq!(scatter_add(&g, &at, [outer, count, inner], axis), expected);
        }
    }
}
