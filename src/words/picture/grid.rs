//! Grids of images.

use super::super::tensor::{fails, opt, param, runs, value};
use super::value::{drawn, made};
use super::{TITLE, display, two};
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_picture::{Figure, Grid, Range};
use saddle_session::output::Output;
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&IMAGE_GRID, &SHOW_GRID, &SHOW_GRID_NAMED];

const IMAGES: Param = param("images", Ty::Tensor, "[n, h, w] or [n, 1 or 3, h, w]; [n, d] where d is a square number");
const OPTIONS: &[Opt] = &[
    opt("cols", Ty::Int, "by the number of images", "images in a row"),
    opt(
        "range",
        Ty::OneOf(&[Ty::Array, Ty::Text]),
        "[0, 1]",
        "[black, white], or \"auto\": from the smallest to the largest value",
    ),
    opt("labels", Ty::OneOf(&[Ty::Array, Ty::Tensor]), "none", "written below the images, in order"),
    opt("outline", Ty::Array, "none", "indices of images with a yellow frame"),
    opt("tile", Ty::Int, "about 48", "width of an image in pixels of the page"),
    TITLE,
];
const ERRORS: &[&str] = &["a shape that is not images", "a cols, label or outline that does not fit"];

fn figure(call: &Call, i: usize) -> Result<Grid> {
    let t: Tensor = call.args.get(i)?;
    let options = &call.options;
    let mut grid = Grid::new(t.to_floats()?, &t.shape())?;
    grid.title = options.text("title")?.unwrap_or_default();
    if options.has("cols") {
        grid.cols = match options.size("cols", 1)? {
            0 => {
                return Err(Fault::value(format!("{}: cols must be at least 1", call.entry.name)));
            }
            n => Some(n),
        };
    }
    if options.has("tile") {
        grid.tile = Some(options.size("tile", 48)?.clamp(4, 1000) as u32);
    }
    grid.range = match options.any("range") {
        None => Range::Fixed(0.0, 1.0),
        Some(v) if v.is_string() && options.text("range")?.as_deref() == Some("auto") => Range::Auto,
        Some(v) if v.is_string() => return Err(options.wrong("range", v)),
        Some(_) => match two(options, "range")? {
            Some((lo, hi)) => Range::Fixed(lo as f32, hi as f32),
            None => Range::Auto,
        },
    };
    if let Some(labels) = options.any("labels") {
        grid.labels = texts(labels)?;
    }
    if let Some(outlined) = options.shape("outline")? {
        grid.outlined = outlined;
    }
    Ok(grid)
}

/// Labels as texts: those of a tensor of labels as whole numbers.
fn texts(v: &Dynamic) -> Result<Vec<String>> {
    if let Some(t) = v.read_lock::<Tensor>() {
        return Ok(match t.dtype() {
            saddle_tensor::Dtype::F32 => t.to_floats()?.iter().map(|v| format!("{v:.2}")).collect(),
            _ => t.to_ints()?.iter().map(i64::to_string).collect(),
        });
    }
    Ok(v.read_lock::<Array>().map(|a| a.iter().map(|v| v.to_string()).collect()).unwrap_or_default())
}

static IMAGE_GRID: Entry = Entry {
    name: "image_grid",
    group: "picture",
    summary: "images side by side, as a figure for a layout or an animation",
    params: &[IMAGES],
    options: OPTIONS,
    returns: Ty::Of("figure"),
    errors: ERRORS,
    examples: &[
        value("eight images", "image_grid(rand([8, 8, 8]), #{ cols: 4 })", "grid 2×4 of 8×8 images"),
        fails("no square", "image_grid(rand([8, 10]))", "10 pixels are not a square image"),
    ],
    call: |call| made(figure(call, 0)?),
    ..ENTRY
};

static SHOW_GRID: Entry = Entry {
    name: "show_grid",
    group: "picture",
    summary: "shows images side by side now",
    params: &[IMAGES],
    options: OPTIONS,
    errors: ERRORS,
    examples: &[runs("samples", "show_grid(rand([16, 64]))")],
    call: |call| {
        let bundle = drawn(&Figure::Grid(figure(call, 0)?));
        call.host.show(Output::Display { bundle, id: None });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static SHOW_GRID_NAMED: Entry = Entry {
    name: "show_grid",
    group: "picture",
    summary: "shows images under a name: the same name again in the same cell updates the picture in place",
    params: &[param("name", Ty::Text, "the name"), IMAGES],
    options: OPTIONS,
    errors: ERRORS,
    examples: &[runs("samples that change", "for _ in 0..3 { show_grid(\"samples\", rand([16, 64])); }")],
    call: |call| {
        let grid = Figure::Grid(figure(call, 1)?);
        display::show_figure(call.host, &call.args.text(0)?, grid, display::FPS);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};
