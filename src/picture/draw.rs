//! Draws the layers of a plot into a canvas that is just the plot's area.

use super::axes::{Band, Bars, Columns, Contour, Field, Heat, Layer, Line, ReferenceLine, Scatter};
use super::canvas::{Canvas, Stroke};
use super::colour::{Colour, INK, MUTED, Map};
use super::contour;
use super::curve::{self, Run};
use super::grid::hatch;
use super::ticks::Scale;

/// Where values lie in the plot's area of `w` × `h` CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub x: (Scale, (f64, f64)),
    pub y: (Scale, (f64, f64)),
    pub w: f32,
    pub h: f32,
}

impl View {
    pub fn px(&self, x: f64) -> f32 {
        (self.x.0.fraction(x, self.x.1) * self.w as f64) as f32
    }

    pub fn py(&self, y: f64) -> f32 {
        ((1.0 - self.y.0.fraction(y, self.y.1)) * self.h as f64) as f32
    }

    /// The place of a point, where the scales have one.
    fn place(&self, (x, y): (f64, f64)) -> Option<(f32, f32)> {
        (self.x.0.holds(x) && self.y.0.holds(y)).then(|| (self.px(x), self.py(y)))
    }

    fn runs(&self, x: &[f64], y: &[f64]) -> Vec<Run> {
        curve::runs(x.iter().copied().zip(y.iter().copied()), |p| self.place(p))
    }

    /// The y of 0, or the bottom where the axis does not reach it.
    fn floor(&self) -> f32 {
        if self.y.0.holds(0.0) { self.py(0.0).clamp(0.0, self.h) } else { self.h }
    }
}

/// Draws one layer; `colour` is the one found for it.
pub fn layer(canvas: &mut Canvas, view: &View, layer: &Layer, colour: Colour) {
    match layer {
        Layer::Line(l) => line(canvas, view, l, colour),
        Layer::Scatter(l) => scatter(canvas, view, l, colour),
        Layer::Bars(l) => bars(canvas, view, l, colour),
        Layer::Columns(l) => columns(canvas, view, l, colour),
        Layer::Band(l) => band(canvas, view, l, colour),
        Layer::Heat(l) => heat(canvas, view, l),
        Layer::Contour(l) => contours(canvas, view, l, colour),
        Layer::Field(l) => field(canvas, view, l, colour),
        Layer::ReferenceLine(l) => rule(canvas, view, l, colour),
    }
}

fn line(canvas: &mut Canvas, view: &View, l: &Line, colour: Colour) {
    let width = if l.width > 0.0 { l.width } else { 1.7 };
    if let Some(level) = l.fill_to {
        let base = if view.y.0.holds(level) { view.py(level) } else { view.h };
        for run in view.runs(&l.x, &l.y) {
            let run = curve::thinned(run, 1.0 / canvas.density());
            let clamp = |p: &(f32, f32)| (p.0.clamp(-20.0, view.w + 20.0), p.1.clamp(-20.0, view.h + 20.0));
            let mut area: Run = run.iter().map(clamp).collect();
            area.extend([(area[area.len() - 1].0, base), (area[0].0, base)]);
            canvas.fill_polygon(&area, colour.alpha(0.18));
        }
    }
    if l.smooth > 0.0 {
        stroke_runs(
            canvas,
            view,
            view.runs(&l.x, &l.y),
            Stroke { dashed: false, ..Stroke::new(colour.alpha(0.28), 1.0) },
        );
        let mean = curve::smoothed(&l.y, l.smooth.min(0.9999));
        stroke_runs(
            canvas,
            view,
            view.runs(&l.x, &mean),
            Stroke { dashed: l.dashed, ..Stroke::new(colour, width + 0.3) },
        );
    } else {
        stroke_runs(canvas, view, view.runs(&l.x, &l.y), Stroke { dashed: l.dashed, ..Stroke::new(colour, width) });
    }
    if l.markers {
        for (x, y) in view.runs(&l.x, &l.y).into_iter().flatten() {
            canvas.dot(x, y, width + 1.3, colour);
        }
    }
}

fn stroke_runs(canvas: &mut Canvas, view: &View, runs: Vec<Run>, stroke: Stroke) {
    for run in runs {
        if let [(x, y)] = run[..] {
            // A value between two gaps would be lost as a line.
            canvas.dot(x, y, stroke.width, stroke.colour);
            continue;
        }
        let run = curve::thinned(run, 1.0 / canvas.density());
        for part in curve::clipped(&run, view.w, view.h) {
            canvas.polyline(&part, stroke);
        }
    }
}

fn scatter(canvas: &mut Canvas, view: &View, l: &Scatter, colour: Colour) {
    let (radius, alpha) = match l.x.len() {
        0..=60 => (3.2, 0.9),
        61..=400 => (2.6, 0.7),
        401..=1500 => (2.1, 0.5),
        1501..=6000 => (1.7, 0.4),
        _ => (1.3, 0.25),
    };
    let radius = if l.radius > 0.0 { l.radius } else { radius };
    let colour = colour.alpha(l.alpha.unwrap_or(alpha));
    for point in l.x.iter().copied().zip(l.y.iter().copied()) {
        if let Some((x, y)) = view.place(point) {
            canvas.dot(x, y, radius, colour);
        }
    }
}

fn bars(canvas: &mut Canvas, view: &View, l: &Bars, colour: Colour) {
    let floor = view.floor();
    let edge = |v: f64| if view.x.0.holds(v) { view.px(v) } else { 0.0 };
    let top = |v: f64| {
        if view.y.0.holds(v) { view.py(v).clamp(-20.0, view.h + 20.0) } else { floor }
    };
    let mut outline: Run = Vec::with_capacity(2 * l.heights.len() + 2);
    let Some(first) = l.edges.first().filter(|_| !l.heights.is_empty()) else {
        return;
    };
    outline.push((edge(*first), floor));
    for (pair, &height) in l.edges.windows(2).zip(&l.heights) {
        outline.extend([(edge(pair[0]), top(height)), (edge(pair[1]), top(height))]);
    }
    outline.push((outline[outline.len() - 1].0, floor));
    canvas.fill_polygon(&outline, colour.alpha(0.35));
    canvas.polyline(&outline, Stroke::new(colour, 1.3));
}

/// Dots that stand over each other are moved apart to either side, by this share of the bar's width at most.
const SPREAD: f32 = 0.3;

fn columns(canvas: &mut Canvas, view: &View, l: &Columns, colour: Colour) {
    let floor = view.floor();
    let top = |v: f64| view.y.0.holds(v).then(|| view.py(v).clamp(-20.0, view.h + 20.0));
    for (i, &height) in l.heights.iter().enumerate() {
        let span = l.span(i);
        // A hair between bars that stand side by side.
        let (left, right) = (view.px(span.0) + 0.75, view.px(span.1) - 0.75);
        let middle = (left + right) / 2.0;
        if let Some(y) = top(height) {
            canvas.fill_polygon(&[(left, floor), (left, y), (right, y), (right, floor)], colour.alpha(0.55));
            canvas.polyline(&[(left, floor), (left, y), (right, y), (right, floor)], Stroke::new(colour, 1.3));
        }
        let points = l.points.get(i).map_or(&[][..], Vec::as_slice);
        for (k, &v) in points.iter().enumerate() {
            if let Some(y) = top(v) {
                let aside = (k as f32 + 0.5) / points.len() as f32 - 0.5;
                canvas.dot(middle + 2.0 * SPREAD * aside * (right - left), y, 2.2, INK.alpha(0.9));
            }
        }
        if let Some((low, high)) = l.error(i).and_then(|e| Some((top(height - e).unwrap_or(floor), top(height + e)?))) {
            whisker(canvas, middle, (low, high), 5f32.min((right - left) / 3.0));
        }
    }
}

/// A vertical line with a cross line at either end.
fn whisker(canvas: &mut Canvas, x: f32, (low, high): (f32, f32), half: f32) {
    let cross = |y: f32| [(x - half, y), (x + half, y)];
    canvas.segments(&[[(x, low), (x, high)], cross(low), cross(high)], Stroke::new(INK, 1.4));
}

fn band(canvas: &mut Canvas, view: &View, l: &Band, colour: Colour) {
    let edges = l.x.iter().zip(l.low.iter().zip(&l.high));
    let placed = curve::runs(edges.enumerate(), |(i, (&x, (&low, &high)))| {
        (view.place((x, low)).is_some() && view.place((x, high)).is_some()).then_some((i as f32, 0.0))
    });
    for run in placed {
        let index = |p: &(f32, f32)| p.0 as usize;
        let at = |i: usize, y: f64| (view.px(l.x[i]), view.py(y).clamp(-20.0, view.h + 20.0));
        let mut area: Run = run.iter().map(|p| at(index(p), l.low[index(p)])).collect();
        area.extend(run.iter().rev().map(|p| at(index(p), l.high[index(p)])));
        canvas.fill_polygon(&area, colour.alpha(0.22));
    }
}

fn rule(canvas: &mut Canvas, view: &View, l: &ReferenceLine, colour: Colour) {
    let stroke = Stroke { dashed: true, ..Stroke::new(colour, 1.2) };
    if l.horizontal && view.y.0.holds(l.at) {
        let y = view.py(l.at);
        canvas.polyline(&[(0.0, y), (view.w, y)], stroke);
    } else if !l.horizontal && view.x.0.holds(l.at) {
        let x = view.px(l.at);
        canvas.polyline(&[(x, 0.0), (x, view.h)], stroke);
    }
}

/// The values at the two ends of a heat map's colours.
pub fn heat_range(l: &Heat) -> (f64, f64) {
    let (low, high) = l.range.or_else(|| l.sheet.limits()).unwrap_or((0.0, 1.0));
    if high > low { (low, high) } else { Scale::Linear.padded((low, high), 0.0) }
}

fn heat(canvas: &mut Canvas, view: &View, l: &Heat) {
    let s = &l.sheet;
    if s.rows == 0 || s.cols == 0 {
        return;
    }
    let table = l.map.table();
    let (low, high) = heat_range(l);
    let (left, right) = (view.px(s.x.0), view.px(s.x.1));
    // Row 0 is at y.0, which is at the bottom unless y runs downwards.
    let (first, last) = (view.py(s.y.0), view.py(s.y.1));
    let d = canvas.density();
    let (w, h) = ((view.w * d).ceil() as u32, (view.h * d).ceil() as u32);
    let columns = samples(w, d, left, right, s.cols, l.smooth);
    let rows = samples(h, d, first, last, s.rows, l.smooth);
    let scale = 255.0 / (high - low);
    let value = |i: usize, j: usize| s.values[i * s.cols + j];
    canvas.pixels(0.0, 0.0, w, h, |column, row| {
        let (Some((i, k, g)), Some((j, m, f))) = (rows[row as usize], columns[column as usize]) else {
            return super::colour::NOTHING;
        };
        let v = if l.smooth {
            let (a, b) = (value(i, j) * (1.0 - f) + value(i, m) * f, value(k, j) * (1.0 - f) + value(k, m) * f);
            a * (1.0 - g) + b * g
        } else {
            value(i, j)
        };
        if v.is_nan() {
            return hatch(column, row);
        }
        table[((v as f64 - low) * scale).round().clamp(0.0, 255.0) as usize]
    });
}

/// For each device pixel along one side: the two nearest of `n` values and the weight of the second; none outside.
fn samples(pixels: u32, density: f32, from: f32, to: f32, n: usize, smooth: bool) -> Vec<Option<(usize, usize, f32)>> {
    (0..pixels)
        .map(|p| {
            let t = ((p as f32 + 0.5) / density - from) / (to - from);
            if !(0.0..=1.0).contains(&t) {
                return None;
            }
            if !smooth {
                let i = ((t * n as f32) as usize).min(n - 1);
                return Some((i, i, 0.0));
            }
            let position = t * (n - 1) as f32;
            let i = (position as usize).min(n - 1);
            Some((i, (i + 1).min(n - 1), position - i as f32))
        })
        .collect()
}

fn contours(canvas: &mut Canvas, view: &View, l: &Contour, colour: Colour) {
    let levels = if l.levels.is_empty() {
        let Some(limits) = l.sheet.limits() else {
            return;
        };
        Scale::Linear.ticks(limits, 7).into_iter().map(|t| t.at).collect()
    } else {
        l.levels.clone()
    };
    for level in levels {
        let place = |p: (f64, f64)| (view.px(p.0), view.py(p.1));
        let segments: Vec<_> =
            contour::segments(&l.sheet, level).into_iter().map(|[a, b]| [place(a), place(b)]).collect();
        canvas.segments(&segments, Stroke::new(colour, 1.2));
    }
}

fn field(canvas: &mut Canvas, view: &View, l: &Field, colour: Colour) {
    let count = l.x.len().min(l.y.len()).min(l.u.len()).min(l.v.len());
    let per_x = view.w / (view.x.1.1 - view.x.1.0) as f32;
    let per_y = view.h / (view.y.1.1 - view.y.1.0) as f32;
    let arrow = |i: usize| (l.u[i] as f32 * per_x, -l.v[i] as f32 * per_y);
    let finite = |i: &usize| {
        let (dx, dy) = arrow(*i);
        dx.is_finite() && dy.is_finite() && view.place((l.x[*i], l.y[*i])).is_some()
    };
    let drawn: Vec<usize> = (0..count).filter(finite).collect();
    let length = |i: usize| arrow(i).0.hypot(arrow(i).1);
    let longest = drawn.iter().map(|&i| length(i)).fold(0.0, f32::max);
    if longest == 0.0 {
        return;
    }
    let magnitude = |i: usize| l.u[i].hypot(l.v[i]);
    let strongest = drawn.iter().map(|&i| magnitude(i)).fold(0.0, f64::max);
    let room = (view.w * view.h / drawn.len() as f32).sqrt().min(60.0) * 0.85;
    for i in drawn {
        let (dx, dy) = arrow(i);
        let scale = if l.unit { room / length(i).max(1e-12) } else { room / longest };
        let colour = if l.unit { Map::Viridis.at(0.9 * (magnitude(i) / strongest) as f32) } else { colour };
        let (x, y) = (view.px(l.x[i]), view.py(l.y[i]));
        let (dx, dy) = if length(i) == 0.0 { (0.0, 0.0) } else { (dx * scale, dy * scale) };
        self::arrow(canvas, (x - dx / 2.0, y - dy / 2.0), (x + dx / 2.0, y + dy / 2.0), colour, 1.3);
    }
}

/// An arrow with a filled head; a dot where it has no length to speak of.
pub fn arrow(canvas: &mut Canvas, from: (f32, f32), to: (f32, f32), colour: Colour, width: f32) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length < 1.5 {
        canvas.dot((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0, width * 0.7, colour);
        return;
    }
    let head = (4.2 * width).min(0.55 * length);
    let (ux, uy) = (dx / length, dy / length);
    let base = (to.0 - head * ux, to.1 - head * uy);
    let half = 0.42 * head;
    canvas.polyline(
        &[from, (base.0 + 0.3 * head * ux, base.1 + 0.3 * head * uy)],
        Stroke::new(colour, width.min(0.5 * length)),
    );
    canvas.fill_polygon(
        &[to, (base.0 - half * uy, base.1 + half * ux), (base.0 + half * uy, base.1 - half * ux)],
        colour,
    );
}

/// The colour of a layer that has no place in the palette.
pub fn quiet(layer: &Layer) -> Colour {
    match layer {
        Layer::ReferenceLine(_) => MUTED,
        _ => INK.alpha(0.75),
    }
}
