//! Where everything of a plot stands: title, legend, ticks, labels, colour bar, notes; the plot's area is what is left.

use super::axes::{Axes, Heat, Layer, Transport};
use super::canvas::{Canvas, Rect};
use super::colour::{self, Colour, INK, MUTED, RULE};
use super::draw::{self, View};
use super::legend;
use super::sheet::{limits, union};
use super::text::{self, Style};
use super::ticks::{Scale, Tick, short};

const TITLE_SIZE: f32 = 13.0;
const LABEL_SIZE: f32 = 12.0;
const TICK_SIZE: f32 = 10.5;
const PADDING: f32 = 10.0;
const BAR_WIDTH: f32 = 11.0;
/// From the axis of the plot down to the line of the x in a transport, and from there to that of the z.
const TRANSPORT_GAP: f32 = 12.0;
const TRANSPORT: f32 = 58.0;
const MOST_ARROWS: usize = 80;

impl Axes {
    /// Width and height in CSS pixels.
    pub fn size(&self) -> (f32, f32) {
        if let Some((w, h)) = self.size {
            return (w.clamp(120.0, 2000.0), h.clamp(90.0, 2000.0));
        }
        if self.layers.is_empty() && self.transport.is_some() {
            return (460.0, 170.0);
        }
        let extra = if self.transport.is_some() { TRANSPORT + TRANSPORT_GAP + 16.0 } else { 0.0 };
        let square =
            self.equal || self.layers.iter().any(|l| matches!(l, Layer::Heat(_) | Layer::Contour(_) | Layer::Field(_)));
        if square { (400.0, 350.0 + extra) } else { (480.0, 300.0 + extra) }
    }

    /// Draws the plot into `area`.
    pub fn draw(&self, canvas: &mut Canvas, area: Rect) {
        Frame::new(self, area).draw(canvas);
    }
}

/// A plot with everything placed.
struct Frame<'a> {
    axes: &'a Axes,
    area: Rect,
    /// The plot's own area.
    plot: Rect,
    view: View,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    colours: Vec<Colour>,
    legend: Vec<Vec<usize>>,
    heat: Option<&'a Heat>,
    notes: Vec<String>,
}

impl<'a> Frame<'a> {
    fn new(axes: &'a Axes, area: Rect) -> Self {
        let colours = colours(&axes.layers);
        let notes = axes.notes();
        let heat = axes.layers.iter().find_map(|l| if let Layer::Heat(h) = l { Some(h) } else { None });
        let (x, y) = ranges(axes);
        let legend = legend::rows(axes, area.w - 2.0 * PADDING);
        let bare = axes.layers.is_empty() && axes.transport.is_some();

        let top = PADDING
            + if axes.title.is_empty() { 0.0 } else { TITLE_SIZE + 8.0 }
            + legend.len() as f32 * legend::ROW
            + if axes.title.is_empty() && legend.is_empty() { 2.0 } else { 4.0 };
        let names = named_ticks(&axes.x.names, area.w - 60.0);
        let more = names.iter().map(|t| t.label.matches('\n').count()).max().unwrap_or(0);
        let bottom = PADDING
            + if axes.x.hidden { 4.0 } else { TICK_SIZE + 8.0 + more as f32 * (TICK_SIZE + 3.0) }
            + if axes.x.label.is_empty() { 0.0 } else { LABEL_SIZE + 6.0 }
            + notes.len() as f32 * (TICK_SIZE + 5.0)
            + if axes.transport.is_some() { TRANSPORT + TRANSPORT_GAP + TICK_SIZE } else { 0.0 };
        let h = if bare { 0.0 } else { (area.h - top - bottom).max(20.0) };

        let tick = Style::new(TICK_SIZE);
        let y_ticks = if axes.y.hidden || bare {
            Vec::new()
        } else if !axes.y.names.is_empty() {
            let most = 0.3 * area.w;
            let name = |(i, name): (usize, &String)| Tick { at: i as f64, label: text::fitted(name, tick, most) };
            axes.y.names.iter().enumerate().map(name).collect()
        } else {
            axes.y.scale.ticks(y, (h / 42.0).clamp(2.0, 10.0) as usize)
        };
        let left = PADDING
            + if axes.y.label.is_empty() { 0.0 } else { LABEL_SIZE + 7.0 }
            + if axes.y.hidden || bare { 12.0 } else { widest(&y_ticks, tick) + 7.0 };
        let right = PADDING + heat.map_or(6.0, |heat| 14.0 + bar_width(heat, h));
        let mut plot = Rect::new(area.x + left, area.y + top, (area.w - left - right).max(20.0), h);
        if axes.equal && !bare {
            plot = fit_equal(plot, x, y);
        }
        // On whole CSS pixels, so that the canvas of the data can be laid over without resampling.
        plot = Rect::new(plot.x.round(), plot.y.round(), plot.w.round(), plot.h.round());
        let x_ticks = match (axes.x.hidden, names.is_empty()) {
            (true, _) => Vec::new(),
            (_, false) => names,
            (_, true) => fitting_ticks(axes.x.scale, x, plot.w, tick),
        };
        let view = View { x: (axes.x.scale, x), y: (axes.y.scale, y), w: plot.w, h: plot.h };
        Self { axes, area, plot, view, x_ticks, y_ticks, colours, legend, heat, notes }
    }

    fn draw(&self, canvas: &mut Canvas) {
        self.draw_head(canvas);
        if self.plot.h > 0.0 {
            self.draw_rules(canvas);
            let mut inner = Canvas::new(self.plot.w, self.plot.h, canvas.density());
            for (layer, &colour) in self.axes.layers.iter().zip(&self.colours) {
                draw::layer(&mut inner, &self.view, layer, colour);
            }
            canvas.paste(&inner, self.plot.x, self.plot.y);
        }
        self.draw_axes(canvas);
        if let Some(heat) = self.heat {
            self.draw_bar(canvas, heat);
        }
        if let Some(transport) = &self.axes.transport {
            self.draw_transport(canvas, transport);
        }
        let note = Style::new(TICK_SIZE).colour(MUTED);
        let mut y = self.area.bottom() - PADDING + 2.0;
        for line in self.notes.iter().rev() {
            canvas.text(self.plot.x, y, &text::fitted(line, note, self.area.right() - self.plot.x - 4.0), note);
            y -= TICK_SIZE + 5.0;
        }
    }

    /// Title and legend.
    fn draw_head(&self, canvas: &mut Canvas) {
        let mut y = self.area.y + PADDING;
        if !self.axes.title.is_empty() {
            let style = Style::new(TITLE_SIZE).bold();
            let title = text::fitted(&self.axes.title, style, self.area.right() - PADDING - self.plot.x);
            canvas.text(self.plot.x, y + TITLE_SIZE - 1.0, &title, style);
            y += TITLE_SIZE + 8.0;
        }
        for row in &self.legend {
            let mut x = self.plot.x.min(self.area.right() - PADDING - legend::row_width(self.axes, row));
            for &i in row {
                let layer = &self.axes.layers[i];
                legend::swatch(canvas, layer, self.colours[i], x, y + 7.0);
                canvas.text(x + 23.0, y + 11.0, layer.name(), Style::new(legend::SIZE));
                x += legend::entry_width(layer);
            }
            y += legend::ROW;
        }
    }

    /// Light lines behind the data, at the ticks.
    fn draw_rules(&self, canvas: &mut Canvas) {
        if self.heat.is_some() {
            return;
        }
        let p = self.plot;
        let named = !self.axes.x.names.is_empty();
        for tick in self.x_ticks.iter().filter(|t| !t.label.is_empty() && !named) {
            let x = p.x + self.view.px(tick.at);
            canvas.rule((x, p.y), (x, p.bottom()), 1.0, RULE);
        }
        for tick in self.y_ticks.iter().filter(|t| !t.label.is_empty()) {
            let y = p.y + self.view.py(tick.at);
            canvas.rule((p.x, y), (p.right(), y), 1.0, RULE);
        }
    }

    /// The two axes with ticks, numbers and labels.
    fn draw_axes(&self, canvas: &mut Canvas) {
        let (p, style) = (self.plot, Style::new(TICK_SIZE).colour(MUTED));
        canvas.rule((p.x, p.bottom()), (p.right(), p.bottom()), 1.0, MUTED);
        if !self.axes.y.hidden && p.h > 0.0 {
            canvas.rule((p.x, p.y), (p.x, p.bottom()), 1.0, MUTED);
        }
        for tick in &self.x_ticks {
            let x = p.x + self.view.px(tick.at);
            let length = if tick.label.is_empty() { 2.5 } else { 4.0 };
            canvas.rule((x, p.bottom()), (x, p.bottom() + length), 1.0, MUTED);
            for (i, line) in tick.label.lines().enumerate() {
                let below = p.bottom() + TICK_SIZE + 5.0 + i as f32 * (TICK_SIZE + 3.0);
                canvas.text(x, below, line, style.middle());
            }
        }
        for tick in &self.y_ticks {
            let y = p.y + self.view.py(tick.at);
            let length = if tick.label.is_empty() { 2.5 } else { 4.0 };
            canvas.rule((p.x - length, y), (p.x, y), 1.0, MUTED);
            canvas.text(p.x - 6.0, y + 0.36 * TICK_SIZE, &tick.label, style.end());
        }
        let label = Style::new(LABEL_SIZE).colour(INK).middle();
        if !self.axes.x.label.is_empty() {
            let more = self.x_ticks.iter().map(|t| t.label.matches('\n').count()).max().unwrap_or(0);
            let names = more as f32 * (TICK_SIZE + 3.0);
            let below = if self.axes.x.hidden { 4.0 } else { TICK_SIZE + 8.0 + names };
            let transport = if self.axes.transport.is_some() { TRANSPORT + TRANSPORT_GAP + TICK_SIZE } else { 0.0 };
            let text = text::fitted(&self.axes.x.label, label, p.w);
            canvas.text(p.x + p.w / 2.0, p.bottom() + below + transport + LABEL_SIZE, &text, label);
        }
        if !self.axes.y.label.is_empty() {
            let x = p.x - if self.axes.y.hidden { 8.0 } else { widest(&self.y_ticks, style) + 13.0 };
            let text = text::fitted(&self.axes.y.label, label, p.h.max(40.0));
            canvas.text(x, p.y + p.h / 2.0, &text, label.upright());
        }
    }

    /// The colour bar at the right.
    fn draw_bar(&self, canvas: &mut Canvas, heat: &Heat) {
        let p = self.plot;
        let bar = Rect::new(p.right() + 14.0, p.y, BAR_WIDTH, p.h);
        let table = heat.map.table();
        let d = canvas.density();
        let (w, h) = ((bar.w * d) as u32, (bar.h * d) as u32);
        canvas.pixels(bar.x, bar.y, w, h, |_, row| table[(255.0 * (1.0 - row as f32 / h.max(2) as f32)) as usize]);
        let range = draw::heat_range(heat);
        let style = Style::new(TICK_SIZE).colour(MUTED);
        for tick in bar_ticks(heat, p.h) {
            let y = bar.bottom() - Scale::Linear.fraction(tick.at, range) as f32 * bar.h;
            canvas.rule((bar.right(), y), (bar.right() + 3.0, y), 1.0, MUTED);
            canvas.text(bar.right() + 6.0, y + 0.36 * TICK_SIZE, &tick.label, style);
        }
        if !heat.label.is_empty() {
            let label = Style::new(LABEL_SIZE).middle().upright();
            let x = bar.x + bar_width(heat, p.h) - 2.0;
            canvas.text(x, p.y + p.h / 2.0, &text::fitted(&heat.label, label, p.h.max(40.0)), label);
        }
    }

    /// Two lines with arrows from every z on the lower to its x on the upper, which lies under the plot's own axis.
    fn draw_transport(&self, canvas: &mut Canvas, transport: &Transport) {
        let p = self.plot;
        let upper = p.bottom() + if self.axes.x.hidden { 4.0 } else { TICK_SIZE + 6.0 } + TRANSPORT_GAP;
        let lower = upper + TRANSPORT - 8.0;
        let letter = Style::new(LABEL_SIZE).end();
        let number = Style::new(TICK_SIZE).colour(MUTED);
        for (name, y) in [("x", upper), ("z", lower)] {
            canvas.rule((p.x, y), (p.right(), y), 1.2, INK);
            canvas.text(p.x - 7.0, y + 4.0, name, letter);
        }
        let Some(z_range) = limits(transport.z.iter().copied()) else {
            return;
        };
        let z_range = if z_range.1 > z_range.0 { z_range } else { Scale::Linear.padded(z_range, 0.0) };
        let mut pairs: Vec<(f64, f64)> = transport.z.iter().copied().zip(transport.x.iter().copied()).collect();
        pairs.retain(|(z, x)| z.is_finite() && self.view.x.0.holds(*x));
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let every = pairs.len().div_ceil(MOST_ARROWS).max(1);
        for (z, x) in pairs.into_iter().step_by(every) {
            let from = p.x + Scale::Linear.fraction(z, z_range) as f32 * p.w;
            let to = p.x + self.view.px(x);
            if (p.x - 0.5..=p.right() + 0.5).contains(&to) {
                draw::arrow(canvas, (from, lower), (to, upper + 1.0), INK.alpha(0.75), 1.0);
            }
        }
        canvas.text(p.x, lower + TICK_SIZE + 3.0, &short(z_range.0), number);
        canvas.text(p.right(), lower + TICK_SIZE + 3.0, &short(z_range.1), number.end());
    }
}

/// The colour of every layer: its own, or the next of the palette.
fn colours(layers: &[Layer]) -> Vec<Colour> {
    let mut next = 0;
    let mut pick = |at: usize| {
        let layer = match &layers[at] {
            Layer::Band(band) if band.around_next && band.colour.is_none() => {
                return layers.get(at + 1).and_then(Layer::colour).unwrap_or_else(|| colour::series(next));
            }
            layer => layer,
        };
        layer.colour().unwrap_or_else(|| {
            if !layer.cycles() {
                return draw::quiet(layer);
            }
            next += 1;
            colour::series(next - 1)
        })
    };
    (0..layers.len()).map(&mut pick).collect()
}

/// The ranges of the two axes: as asked for, or what the layers span with some air.
fn ranges(axes: &Axes) -> ((f64, f64), (f64, f64)) {
    let (mut x, mut y) = (None, None);
    let (mut airy, mut sheet, mut floor) = (false, false, false);
    for layer in &axes.layers {
        let [lx, ly] = layer.extent(axes.x.scale, axes.y.scale);
        (x, y) = (union(x, lx), union(y, ly));
        airy |= matches!(layer, Layer::Scatter(_) | Layer::Field(_)) || matches!(layer, Layer::Line(l) if l.markers);
        sheet |= matches!(layer, Layer::Heat(_) | Layer::Contour(_));
        floor |= matches!(layer, Layer::Bars(_) | Layer::Columns(_))
            || matches!(layer, Layer::Line(l) if l.fill_to == Some(0.0));
    }
    if let Some(t) = &axes.transport {
        x = union(x, limits(t.x.iter().copied().filter(|&v| axes.x.scale.holds(v))));
    }
    let empty = |scale| {
        if scale == Scale::Log { (0.1, 10.0) } else { (0.0, 1.0) }
    };
    let pad =
        |found: Option<(f64, f64)>, scale: Scale, share: f64| found.map_or(empty(scale), |r| scale.padded(r, share));
    let x_auto = pad(
        x,
        axes.x.scale,
        if sheet {
            0.0
        } else if airy {
            0.04
        } else if axes.layers.is_empty() {
            0.02
        } else {
            0.0
        },
    );
    let mut y_auto = pad(y, axes.y.scale, if sheet { 0.0 } else { 0.05 });
    if floor && y.is_some_and(|r| r.0 == 0.0) {
        y_auto.0 = 0.0;
    }
    let x_auto = match axes.x.names.len() {
        0 => x_auto,
        n => (-0.5, n as f64 - 0.5),
    };
    let valid = |range: &(f64, f64), scale: Scale| scale.holds(range.0) && scale.holds(range.1) && range.0 < range.1;
    (
        axes.x.range.filter(|r| valid(r, axes.x.scale)).unwrap_or(x_auto),
        axes.y.range.filter(|r| valid(r, axes.y.scale)).unwrap_or(y_auto),
    )
}

/// The largest part of `room` in which both ranges have the same scale, at its top left.
fn fit_equal(room: Rect, x: (f64, f64), y: (f64, f64)) -> Rect {
    let (dx, dy) = ((x.1 - x.0) as f32, (y.1 - y.0) as f32);
    let per_unit = (room.w / dx).min(room.h / dy);
    Rect::new(room.x, room.y, (per_unit * dx).max(20.0), (per_unit * dy).max(20.0))
}

/// A tick for each category, its name over as many lines as it needs in its part of `width`; what is still too long is
/// cut.
fn named_ticks(names: &[String], width: f32) -> Vec<Tick> {
    let style = Style::new(TICK_SIZE);
    let room = (width / names.len().max(1) as f32 - 6.0).max(12.0);
    let ticks = names.iter().enumerate().map(|(i, name)| {
        let mut lines: Vec<String> = Vec::new();
        for word in name.split_whitespace() {
            match lines.last_mut() {
                Some(line) if text::width(&format!("{line} {word}"), style) <= room => *line = format!("{line} {word}"),
                _ => lines.push(word.to_string()),
            }
        }
        let lines: Vec<String> = lines.iter().map(|line| text::fitted(line, style, room)).collect();
        Tick { at: i as f64, label: lines.join("\n") }
    });
    ticks.collect()
}

/// As many ticks as fit side by side; two, if there is room for them: one number alone tells no scale.
fn fitting_ticks(scale: Scale, range: (f64, f64), width: f32, style: Style) -> Vec<Tick> {
    let most = (width / 55.0).clamp(2.0, 12.0) as usize;
    let labelled = |ticks: &[Tick]| ticks.iter().filter(|t| !t.label.is_empty()).count();
    let fits = |ticks: &[Tick]| labelled(ticks) as f32 * (widest(ticks, style) + 14.0) <= width;
    let fewer = (2..=most).rev().map(|wanted| scale.ticks(range, wanted)).find(|ticks| fits(ticks));
    let mut ticks = fewer.unwrap_or_else(|| scale.ticks(range, 1));
    if labelled(&ticks) < 2 {
        let mut more = (most + 1..=most + 3).map(|wanted| scale.ticks(range, wanted));
        ticks = more.find(|ticks| labelled(ticks) >= 2 && fits(ticks)).unwrap_or(ticks);
    }
    // On a logarithmic axis they stand closer at one end.
    let mut free = f32::NEG_INFINITY;
    for tick in ticks.iter_mut().filter(|tick| !tick.label.is_empty()) {
        let middle = scale.fraction(tick.at, range) as f32 * width;
        let half = text::width(&tick.label, style) / 2.0;
        if middle - half < free {
            tick.label.clear();
        } else {
            free = middle + half + 6.0;
        }
    }
    ticks
}

fn widest(ticks: &[Tick], style: Style) -> f32 {
    ticks.iter().map(|t| text::width(&t.label, style)).fold(0.0, f32::max)
}

fn bar_ticks(heat: &Heat, height: f32) -> Vec<Tick> {
    Scale::Linear.ticks(draw::heat_range(heat), (height / 42.0).clamp(2.0, 8.0) as usize)
}

/// The width of the colour bar with its numbers and its label.
fn bar_width(heat: &Heat, height: f32) -> f32 {
    let label = if heat.label.is_empty() { 0.0 } else { LABEL_SIZE + 8.0 };
    BAR_WIDTH + 6.0 + widest(&bar_ticks(heat, height), Style::new(TICK_SIZE)) + label
}
