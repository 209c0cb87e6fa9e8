//! Curves before they are drawn: smoothing, gaps, clipping, and no more points than the picture has columns.

/// A connected stretch of points, in CSS pixels.
pub type Run = Vec<(f32, f32)>;

/// Exponential moving average with the weight `beta` for the past, corrected for its start (as Adam corrects its
/// moments). Values that are not finite stay as they are and leave the average alone.
pub fn smoothed(values: &[f64], beta: f64) -> Vec<f64> {
    let (mut mean, mut weight) = (0.0, 0.0);
    values
        .iter()
        .map(|&v| {
            if !v.is_finite() {
                return v;
            }
            mean = beta * mean + (1.0 - beta) * v;
            weight = beta * weight + (1.0 - beta);
            mean / weight
        })
        .collect()
}

/// Splits at the gaps: points for which `place` gives nothing.
pub fn runs<T>(points: impl Iterator<Item = T>, place: impl Fn(T) -> Option<(f32, f32)>) -> Vec<Run> {
    let mut runs = vec![Run::new()];
    for point in points {
        match (place(point), runs.last_mut()) {
            (Some(p), Some(run)) => run.push(p),
            _ => runs.push(Run::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// At most four points for each column of `column` CSS pixels: the first, the lowest, the highest and the last. What is
/// drawn stays the same. Only for runs that go from left to right; others come back as they are.
pub fn thinned(run: Run, column: f32) -> Run {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return run;
    };
    let columns = ((last.0 - first.0) / column).ceil().max(1.0) as usize;
    if run.len() <= 4 * columns || run.windows(2).any(|w| w[1].0 < w[0].0) {
        return run;
    }
    let mut out = Run::with_capacity(4 * columns);
    let mut start = 0;
    while start < run.len() {
        let bucket = (run[start].0 / column).floor();
        let end = start + run[start..].iter().take_while(|p| (p.0 / column).floor() == bucket).count().max(1);
        let part = &run[start..end];
        let by_height = |a: &usize, b: &usize| part[*a].1.total_cmp(&part[*b].1);
        let lowest = (0..part.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..part.len()).max_by(by_height).unwrap_or(0);
        let mut keep = [0, lowest, highest, part.len() - 1];
        keep.sort_unstable();
        let mut previous = usize::MAX;
        for i in keep {
            if i != previous {
                out.push(part[i]);
            }
            previous = i;
        }
        start = end;
    }
    out
}

/// The parts of a run within `0 ≤ x ≤ w`, `0 ≤ y ≤ h` and a margin around it, cut at the margin's edge. The rasteriser
/// must not meet coordinates of millions of pixels.
pub fn clipped(run: &Run, w: f32, h: f32) -> Vec<Run> {
    const MARGIN: f32 = 20.0;
    let inside = |p: &(f32, f32)| p.0 >= -MARGIN && p.0 <= w + MARGIN && p.1 >= -MARGIN && p.1 <= h + MARGIN;
    if run.iter().all(inside) {
        return vec![run.clone()];
    }
    let mut out: Vec<Run> = Vec::new();
    let mut joined = false;
    for pair in run.windows(2) {
        let Some((a, b)) = clip_segment(pair[0], pair[1], (-MARGIN, w + MARGIN), (-MARGIN, h + MARGIN)) else {
            joined = false;
            continue;
        };
        match out.last_mut() {
            Some(last) if joined => last.push(b),
            _ => out.push(vec![a, b]),
        }
        joined = inside(&pair[1]);
    }
    out
}

/// The part of the segment from `a` to `b` within a box (Liang and Barsky, 1984).
fn clip_segment(a: (f32, f32), b: (f32, f32), xs: (f32, f32), ys: (f32, f32)) -> Option<((f32, f32), (f32, f32))> {
    // In f64: differences of huge coordinates would lose the small ones.
    let (ax, ay) = (a.0 as f64, a.1 as f64);
    let (dx, dy) = (b.0 as f64 - ax, b.1 as f64 - ay);
    let (mut enter, mut leave) = (0f64, 1f64);
    let sides = [(-dx, ax - xs.0 as f64), (dx, xs.1 as f64 - ax), (-dy, ay - ys.0 as f64), (dy, ys.1 as f64 - ay)];
    for (towards, distance) in sides {
        if towards == 0.0 {
            if distance < 0.0 {
                return None;
            }
        } else if towards < 0.0 {
            enter = enter.max(distance / towards);
        } else {
            leave = leave.min(distance / towards);
        }
    }
    let at = |t: f64| ((ax + t * dx) as f32, (ay + t * dy) as f32);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_a_constant_is_the_constant_from_the_start() {
        assert!(smoothed(&[3.0; 5], 0.9).iter().all(|v| (v - 3.0).abs() < 1e-12));
        // 0.5-weights of 1, 3: (0.25·1 + 0.5·3) / 0.75.
        assert!((smoothed(&[1.0, 3.0], 0.5)[1] - 1.75 / 0.75).abs() < 1e-12);
        let gap = smoothed(&[1.0, f64::NAN, 1.0], 0.5);
        assert!(gap[1].is_nan() && gap[2] == 1.0);
    }

    #[test]
    fn thinning_keeps_the_extremes_of_every_column() {
        let run: Run = (0..100_000).map(|i| (i as f32 / 1000.0, ((i * 7919) % 1000) as f32)).collect();
        let thin = thinned(run.clone(), 1.0);
        assert!(thin.len() <= 4 * 101, "{}", thin.len());
        for column in 0..100 {
            let extremes = |r: &Run| {
                let ys = r.iter().filter(|p| p.0.floor() == column as f32).map(|p| p.1);
                ys.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), y| (l.min(y), h.max(y)))
            };
            assert_eq!(extremes(&thin), extremes(&run));
        }
        let circle: Run = (0..5000).map(|i| ((i as f32).cos(), (i as f32).sin())).collect();
        assert_eq!(thinned(circle.clone(), 1.0), circle, "a curve that turns back is left alone");
    }

    #[test]
    fn far_points_are_cut_off_on_the_true_line() {
        let parts = clipped(&vec![(0.0, 0.0), (1e9, 1e9)], 100.0, 100.0);
        assert_eq!(parts.len(), 1);
        let end = parts[0][1];
        assert!((end.0 - 120.0).abs() < 0.01 && (end.0 - end.1).abs() < 0.01, "{end:?}");
        // In, out above, and in again further to the right: two parts.
        let parts = clipped(&vec![(10.0, 50.0), (20.0, -1000.0), (30.0, -1000.0), (40.0, 50.0)], 100.0, 100.0);
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn gaps_split_a_curve() {
        let ys = [1.0, 2.0, f64::NAN, f64::NAN, 3.0];
        let found = runs(ys.iter(), |&y| y.is_finite().then_some((0.0, y as f32)));
        assert_eq!(found, [vec![(0.0, 1.0), (0.0, 2.0)], vec![(0.0, 3.0)]]);
    }
}
