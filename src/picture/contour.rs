//! Lines of equal value on a grid of points: marching squares.

use super::sheet::Sheet;

/// The segments of the line on which the sheet, linear along the edges of its squares, equals `level`. In the sheet's
/// coordinates. Squares with a corner that is not finite have none.
pub fn segments(sheet: &Sheet, level: f64) -> Vec<[(f64, f64); 2]> {
    let mut out = Vec::new();
    if sheet.rows < 2 || sheet.cols < 2 {
        return out;
    }
    let step = ((sheet.x.1 - sheet.x.0) / (sheet.cols - 1) as f64, (sheet.y.1 - sheet.y.0) / (sheet.rows - 1) as f64);
    let point = |i: usize, j: usize| (sheet.x.0 + j as f64 * step.0, sheet.y.0 + i as f64 * step.1);
    let value = |i: usize, j: usize| sheet.values[i * sheet.cols + j] as f64 - level;
    for i in 0..sheet.rows - 1 {
        for j in 0..sheet.cols - 1 {
            // Corners in order round the square; edge k goes from corner k to corner k + 1.
            let corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)];
            let values = corners.map(|(i, j)| value(i, j));
            if values.iter().any(|v| !v.is_finite()) {
                continue;
            }
            let mut crossed = [(0.0, 0.0); 4];
            let mut n = 0;
            for k in 0..4 {
                let (a, b) = (values[k], values[(k + 1) % 4]);
                if (a > 0.0) != (b > 0.0) {
                    let (p, q) = (corners[k], corners[(k + 1) % 4]);
                    let (p, q) = (point(p.0, p.1), point(q.0, q.1));
                    let t = a / (a - b);
                    crossed[n] = (p.0 + t * (q.0 - p.0), p.1 + t * (q.1 - p.1));
                    n += 1;
                }
            }
            match n {
                2 => out.push([crossed[0], crossed[1]]),
                4 => {
                    // A saddle: the mean tells which corners belong together.
                    let together = (values.iter().sum::<f64>() > 0.0) == (values[0] > 0.0);
                    let (a, b) = if together { ([0, 1], [2, 3]) } else { ([3, 0], [1, 2]) };
                    out.extend([a, b].map(|[p, q]| [crossed[p], crossed[q]]));
                }
                _ => {}
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_line_of_a_distance_is_a_circle() {
        let n = 81;
        let at = |k: usize| -2.0 + 4.0 * k as f64 / (n - 1) as f64;
        let values = (0..n * n).map(|i| at(i / n).hypot(at(i % n)) as f32).collect();
        let sheet = Sheet::new(values, n, n, (-2.0, 2.0), (-2.0, 2.0)).unwrap();
        let found = segments(&sheet, 1.5);
        for p in found.iter().flatten() {
            assert!((p.0.hypot(p.1) - 1.5).abs() < 1e-3, "{p:?}");
        }
        let length: f64 = found.iter().map(|[a, b]| (a.0 - b.0).hypot(a.1 - b.1)).sum();
        assert!((length - 3.0 * std::f64::consts::PI).abs() < 0.01, "{length}");
    }

    #[test]
    fn a_saddle_keeps_its_halves_apart() {
        let sheet = Sheet::new(vec![1.0, -1.0, -1.0, 1.0], 2, 2, (0.0, 1.0), (0.0, 1.0)).unwrap();
        assert_eq!(segments(&sheet, 0.1).len(), 2);
        assert!(segments(&sheet, 5.0).is_empty());
        let hole = Sheet::new(vec![1.0, f32::NAN, -1.0, 1.0], 2, 2, (0.0, 1.0), (0.0, 1.0)).unwrap();
        assert!(segments(&hole, 0.0).is_empty());
    }
}
