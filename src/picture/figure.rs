//! A figure: one plot or grid, or several side by side; still or moving.

use super::apng;
use super::axes::Axes;
use super::canvas::{Canvas, Rect};
use super::colour::INK;
use super::grid::Grid;
use super::png::{self, Picture};
use super::text::Style;
use saddle_fault::{Fault, Result};
use std::time::Duration;

/// Device pixels per CSS pixel: crisp on dense screens, and when a page is enlarged.
pub const DENSITY: f32 = 2.0;
const TITLE: f32 = 26.0;
/// Panels without a size of their own are drawn this much smaller when they stand side by side.
const BESIDE: f32 = 0.78;

/// What can be shown; drawn by [`Figure::picture`].
#[derive(Clone, Debug)]
pub enum Figure {
    /// A plot.
    Plot(Axes),
    /// Images side by side.
    Grid(Grid),
    /// Several figures.
    Layout(Layout),
}

/// Figures in rows. In every row they stand side by side; columns are as wide as their widest figure.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Above all of them; empty: none.
    pub title: String,
    /// The figures, row by row.
    pub rows: Vec<Vec<Figure>>,
}

impl From<Axes> for Figure {
    fn from(axes: Axes) -> Self {
        Self::Plot(axes)
    }
}

impl From<Grid> for Figure {
    fn from(grid: Grid) -> Self {
        Self::Grid(grid)
    }
}

impl From<Layout> for Figure {
    fn from(layout: Layout) -> Self {
        Self::Layout(layout)
    }
}

impl Figure {
    /// Draws the figure as PNG.
    pub fn picture(&self) -> Picture {
        let (canvas, (w, h)) = self.canvas(DENSITY);
        Picture { bytes: png::encode(canvas), width: w as u32, height: h as u32, text: self.describe() }
    }

    /// One short line, the same for the same data: "grid 4×8 of 8×8 images".
    pub fn describe(&self) -> String {
        match self {
            Figure::Plot(axes) => axes.describe(),
            Figure::Grid(grid) => grid.describe(),
            Figure::Layout(layout) => {
                let rows: Vec<String> = layout
                    .rows
                    .iter()
                    .map(|row| row.iter().map(Figure::describe).collect::<Vec<_>>().join(" | "))
                    .collect();
                rows.join("\n")
            }
        }
    }

    /// The figure, and its size in CSS pixels.
    fn canvas(&self, density: f32) -> (Canvas, (f32, f32)) {
        let (w, h) = self.size();
        let (w, h) = (w.ceil(), h.ceil());
        let mut canvas = Canvas::new(w, h, density);
        self.draw(&mut canvas, Rect::new(0.0, 0.0, w, h));
        (canvas, (w, h))
    }

    fn size(&self) -> (f32, f32) {
        match self {
            Figure::Plot(axes) => axes.size(),
            Figure::Grid(grid) => grid.size(),
            Figure::Layout(layout) => {
                let (columns, rows) = layout.tracks();
                let title = if layout.title.is_empty() { 0.0 } else { TITLE };
                (columns.iter().sum::<f32>().max(60.0), rows.iter().sum::<f32>().max(40.0) + title)
            }
        }
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) {
        match self {
            Figure::Plot(axes) => axes.draw(canvas, area),
            Figure::Grid(grid) => grid.draw(canvas, area),
            Figure::Layout(layout) => layout.draw(canvas, area),
        }
    }

    /// The size beside other figures: plots that ask for no size are smaller there, and fill what their track has.
    fn size_beside(&self) -> (f32, f32) {
        match self {
            Figure::Plot(axes) if axes.size.is_none() => {
                let (w, h) = axes.size();
                ((BESIDE * w).round(), (BESIDE * h).round())
            }
            _ => self.size(),
        }
    }
}

impl Layout {
    /// The widths of the columns and the heights of the rows.
    fn tracks(&self) -> (Vec<f32>, Vec<f32>) {
        let mut columns = vec![0f32; self.rows.iter().map(Vec::len).max().unwrap_or(0)];
        let mut heights = vec![0f32; self.rows.len()];
        for (row, height) in self.rows.iter().zip(&mut heights) {
            for (figure, width) in row.iter().zip(&mut columns) {
                let (w, h) = figure.size_beside();
                *width = width.max(w.ceil());
                *height = height.max(h.ceil());
            }
        }
        (columns, heights)
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) {
        let (columns, heights) = self.tracks();
        let mut y = area.y;
        if !self.title.is_empty() {
            canvas.text(area.x + 12.0, y + 20.0, &self.title, Style::new(14.0).bold().colour(INK));
            y += TITLE;
        }
        for (row, height) in self.rows.iter().zip(heights) {
            let mut x = area.x;
            for (figure, width) in row.iter().zip(&columns) {
                // Plots fill their track, so that axes align; grids keep their size, so that pixels stay crisp.
                let (w, h) = match figure {
                    Figure::Plot(axes) if axes.size.is_none() => (*width, height),
                    _ => figure.size(),
                };
                figure.draw(canvas, Rect::new(x, y, w, h));
                x += width;
            }
            y += height;
        }
    }
}

/// The figures one after the other, `per_second` of them, as an animated PNG that repeats. Frames smaller than the
/// largest lie at its top left. `check` is called before each frame: its error ends the work.
///
/// # Errors
/// Value: no frames, or a pace that is not above 0; that of `check`.
pub fn animate(frames: &[Figure], per_second: f64, check: &dyn Fn() -> Result<()>) -> Result<Picture> {
    let Some(first) = frames.first() else {
        return Err(Fault::value("animate: no frames").hint("give an array with at least one figure"));
    };
    if !(per_second > 0.0 && per_second.is_finite()) {
        return Err(Fault::value(format!("animate: {per_second} frames a second; it must be above 0")));
    }
    let sizes = frames.iter().map(Figure::size);
    let (w, h) = sizes.fold((0f32, 0f32), |m, s| (m.0.max(s.0.ceil()), m.1.max(s.1.ceil())));
    let drawn = frames.iter().map(|figure| {
        check()?;
        let mut canvas = Canvas::new(w, h, DENSITY);
        let (width, height) = figure.size();
        figure.draw(&mut canvas, Rect::new(0.0, 0.0, width, height));
        Ok(canvas)
    });
    // Browsers slow down what is faster than fifty frames a second.
    let delay = Duration::from_secs_f64((1.0 / per_second).clamp(0.02, 60.0));
    Ok(Picture {
        bytes: apng::encode(drawn, frames.len(), delay)?,
        width: w as u32,
        height: h as u32,
        text: format!("animation of {} frames: {}", frames.len(), first.describe()),
    })
}
