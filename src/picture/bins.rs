//! Counting samples into bins.

use super::ticks::Scale;

/// Equal bins over the finite values of all `samples` together, with round edges; `count` bins, or as many as suit the
/// number of samples (Rice's rule, 2·∛n, at most 100).
pub fn edges(samples: &[&[f64]], count: Option<usize>) -> Vec<f64> {
    let finite = || samples.iter().flat_map(|s| s.iter().copied()).filter(|v| v.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return Vec::new();
    }
    let (low, high) = if high > low { (low, high) } else { Scale::Linear.padded((low, high), 0.0) };
    let largest = samples.iter().map(|s| s.len()).max().unwrap_or(0);
    let n = count.unwrap_or_else(|| (2.0 * (largest as f64).cbrt()).ceil().clamp(5.0, 100.0) as usize).clamp(1, 10_000);
    (0..=n).map(|i| low + (high - low) * i as f64 / n as f64).collect()
}

/// How many of `values` lie in each bin `[edges[i], edges[i+1])`, the last closed on both sides. With `density`, the
/// heights are scaled so that the area is the share of the samples that lie in any bin.
pub fn histogram(values: &[f64], edges: &[f64], density: bool) -> Vec<f64> {
    let Some(bins) = edges.len().checked_sub(1).filter(|&n| n > 0) else {
        return Vec::new();
    };
    let mut counts = vec![0.0; bins];
    for &v in values {
        if v >= edges[0] && v <= edges[bins] {
            // The first edge above v, so that the bin before it holds v.
            let bin = edges.partition_point(|&e| e <= v).clamp(1, bins) - 1;
            counts[bin] += 1.0;
        }
    }
    if density {
        let total = values.iter().filter(|v| v.is_finite()).count().max(1) as f64;
        for (count, pair) in counts.iter_mut().zip(edges.windows(2)) {
            *count /= total * (pair[1] - pair[0]);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy.histogram([1, 2, 1, 3, 3.5], bins=[1, 2, 3, 4]) and with density=True.
    #[test]
    fn as_numpy_counts() {
        let (values, edges) = ([1.0, 2.0, 1.0, 3.0, 3.5], [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(histogram(&values, &edges, false), [2.0, 1.0, 2.0]);
        assert_eq!(histogram(&values, &edges, true), [0.4, 0.2, 0.4]);
        // numpy closes the last bin.
        assert_eq!(histogram(&[4.0], &edges, false), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_area_of_a_density_is_one() {
        let values: Vec<f64> = (0..1000).map(|i| (i as f64 * 0.618).fract().powi(2)).collect();
        let edges = edges(&[&values], None);
        assert_eq!(edges.len(), 21);
        let area: f64 =
            histogram(&values, &edges, true).iter().zip(edges.windows(2)).map(|(h, e)| h * (e[1] - e[0])).sum();
        assert!((area - 1.0).abs() < 1e-12);
    }

    #[test]
    fn bad_values_are_not_counted() {
        let values = [f64::NAN, f64::INFINITY, 0.0, 1.0];
        let edges = edges(&[&values], Some(2));
        assert_eq!(edges, [0.0, 0.5, 1.0]);
        assert_eq!(histogram(&values, &edges, false), [1.0, 1.0]);
        assert!(super::edges(&[&[f64::NAN]], None).is_empty());
        assert_eq!(histogram(&values, &[], true), Vec::<f64>::new());
        assert_eq!(super::edges(&[&[2.0, 2.0]], Some(1)), [1.0, 3.0]);
    }
}
