//! The legend of a plot: which layers it names, in which rows, each beside a small picture of its layer.

use super::axes::{Axes, Layer};
use super::canvas::{Canvas, Rect, Stroke};
use super::colour::Colour;
use super::draw;
use super::text::{self, Style};

pub const SIZE: f32 = 11.5;
pub const ROW: f32 = 18.0;

/// The layers named in the legend, row by row.
pub fn rows(axes: &Axes, room: f32) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut used = f32::INFINITY;
    for (i, layer) in axes.layers.iter().enumerate() {
        if layer.name().is_empty() || matches!(layer, Layer::Heat(_)) {
            continue;
        }
        let width = entry_width(layer);
        if used + width > room {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += width;
        if let Some(row) = rows.last_mut() {
            row.push(i);
        }
    }
    rows
}

pub fn entry_width(layer: &Layer) -> f32 {
    23.0 + text::width(layer.name(), Style::new(SIZE)) + 16.0
}

pub fn row_width(axes: &Axes, row: &[usize]) -> f32 {
    row.iter().map(|&i| entry_width(&axes.layers[i])).sum::<f32>() - 16.0
}

/// A small picture of the layer in its legend; `y` is its middle.
pub fn swatch(canvas: &mut Canvas, layer: &Layer, colour: Colour, x: f32, y: f32) {
    let line = [(x + 1.0, y), (x + 17.0, y)];
    match layer {
        Layer::Line(l) => canvas.polyline(&line, Stroke { dashed: l.dashed, ..Stroke::new(colour, 2.2) }),
        Layer::Scatter(_) => canvas.dot(x + 9.0, y, 3.6, colour.alpha(0.9)),
        Layer::Columns(_) => {
            canvas.fill_rounded(Rect::new(x + 2.0, y - 5.0, 14.0, 10.0), 1.5, colour.alpha(0.55));
            canvas.stroke_rounded(Rect::new(x + 2.0, y - 5.0, 14.0, 10.0), 1.5, Stroke::new(colour, 1.2));
        }
        Layer::Bars(_) => {
            canvas.fill_rounded(Rect::new(x + 2.0, y - 5.0, 14.0, 10.0), 1.5, colour.alpha(0.35));
            canvas.stroke_rounded(Rect::new(x + 2.0, y - 5.0, 14.0, 10.0), 1.5, Stroke::new(colour, 1.2));
        }
        Layer::Band(_) => canvas.fill_rounded(Rect::new(x + 2.0, y - 5.0, 14.0, 10.0), 1.5, colour.alpha(0.3)),
        Layer::Field(_) => draw::arrow(canvas, line[0], line[1], colour, 1.4),
        Layer::ReferenceLine(_) => canvas.polyline(&line, Stroke { dashed: true, ..Stroke::new(colour, 1.4) }),
        Layer::Contour(_) | Layer::Heat(_) => canvas.polyline(&line, Stroke::new(colour, 1.4)),
    }
}
