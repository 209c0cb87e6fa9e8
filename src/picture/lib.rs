//! From floats to pictures: sample grids, curves, histograms, maps, fields, arrows; PNG, animated where it moves.
//!
//! Plain slices and option structs go in, a [`Picture`] comes out: bytes, width in CSS pixels, and one short stable
//! line of text. A figure is a value that is drawn at the end ([`Figure::picture`]), so figures can be put side by side
//! ([`Layout`]) or one after the other ([`animate`]). Bad numbers are never an error: they become gaps or hatching, and
//! a note under the plot says so.
//!
//! ```
//! use saddle_picture::{Figure, Grid};
//!
//! let pixels = (0..32 * 64).map(|i| (i % 64) as f32 / 63.0).collect(); // 32 images of 8 × 8, black to white
//! let mut grid = Grid::new(pixels, &[32, 8, 8])?;
//! grid.title = "samples".into();
//! let picture = Figure::from(grid).picture();
//! assert_eq!(picture.text, "grid 4×8 of 8×8 images");
//! assert!(picture.bytes.starts_with(b"\x89PNG"));
//! # Ok::<(), saddle_fault::Fault>(())
//! ```
//!
//! Layers lie over each other in one plot:
//!
//! ```
//! use saddle_picture::{Axes, Figure, Line, ReferenceLine, Scale};
//!
//! let steps: Vec<f64> = (1..=100).map(f64::from).collect();
//! let loss = steps.iter().map(|t| 0.5 + 1.0 / t).collect();
//! let mut axes = Axes::default()
//!     .with(Line { name: "D".into(), x: steps, y: loss, ..Line::default() })
//!     .with(ReferenceLine { at: 0.5, ..ReferenceLine::default() });
//! axes.title = "loss".into();
//! axes.x.label = "step".into();
//! axes.y.scale = Scale::Log;
//! let path = std::env::temp_dir().join(format!("loss-{}.png", std::process::id()));
//! std::fs::write(&path, Figure::from(axes).picture().bytes)?;
//! # std::fs::remove_file(path)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | file | owns |
//! |---|---|
//! | `figure` | what can be shown, side by side or moving |
//! | `grid` | grids of images |
//! | `axes`, `sheet` | plots and their layers, as values |
//! | `frame`, `legend` | where everything of a plot stands |
//! | `draw`, `contour`, `curve`, `bins` | the data of a plot |
//! | `ticks` | scales, ticks and how numbers are written |
//! | `canvas`, `text`, `colour`, `png`, `apng`, `palette`, `scanlines` | shapes, letters, colours, encoding |
//! | `bar` | the progress bar |
//! | `pace` | how often a live picture is drawn |

#![forbid(unsafe_code)]

mod apng;
mod axes;
mod bar;
mod bins;
mod canvas;
mod colour;
mod contour;
mod curve;
mod draw;
mod figure;
mod frame;
mod grid;
mod legend;
mod pace;
mod palette;
mod png;
mod scanlines;
mod sheet;
mod text;
mod ticks;

#[cfg(test)]
mod tests;

pub use axes::{Axes, Axis, Band, Bars, Columns, Contour, Field, Heat, Layer, Line, ReferenceLine, Scatter, Transport};
pub use bar::progress_bar;
pub use bins::{edges, histogram};
pub use colour::{Colour, Map, named as named_colour, series as series_colour};
pub use figure::{Figure, Layout, animate};
pub use grid::{Grid, Range};
pub use pace::Pace;
pub use png::Picture;
pub use sheet::Sheet;
pub use ticks::{Scale, short as short_number};
