//! Grids of images.

use super::value::{drawn, made};
use super::{TITLE, display};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Opt, Param, Ty, Type, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Figure, Grid, Range};
use saddle_session::output::Output;
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&IMAGE_GRID, &SHOW_GRID, &SHOW_GRID_NAMED];

const IMAGES: Param<Tensor> =
    param("images", types::TENSOR, "[n, h, w] or [n, 1 or 3, h, w]; [n, d] where d is a square number");
const COLS: Maybe<usize> = param("cols", types::SIZE, "images in a row").maybe("by the number of images");
/// What is black and what is white.
const RANGES: Type<Range> = Type::new(Ty::OneOf(&[Ty::Array, Ty::Text]), |given| match given.value.is_string() {
    true if types::TEXT.read(given)? == "auto" => Ok(Range::Auto),
    true => Err(given.wrong()),
    false => types::RANGE.read(given).map(|[low, high]| Range::Fixed(low as f32, high as f32)),
});
const RANGE: Maybe<Range> =
    param("range", RANGES, "[black, white], or \"auto\": from the smallest to the largest value").maybe("[0, 1]");
const LABELS: Maybe<Dynamic> =
    param("labels", types::any(Ty::OneOf(&[Ty::Array, Ty::Tensor])), "written below the images, in order")
        .maybe("none");
const OUTLINE: Maybe<Vec<usize>> =
    param("outline", types::SHAPE.accepting(Ty::Array), "indices of images with a yellow frame").maybe("none");
const TILE: Maybe<usize> = param("tile", types::SIZE, "width of an image in pixels of the page").maybe("about 48");
const OPTIONS: &[Opt] = &[COLS.opt(), RANGE.opt(), LABELS.opt(), OUTLINE.opt(), TILE.opt(), TITLE.opt()];
const ERRORS: &[&str] = &["a shape that is not images", "a cols, label or outline that does not fit"];

fn figure(call: &Call) -> Result<Grid> {
    let t = IMAGES.of(call)?;
    let mut grid = Grid::new(t.to_floats()?, &t.shape())?;
    grid.title = TITLE.of(call)?.unwrap_or_default();
    grid.cols = COLS.of(call)?;
    if grid.cols == Some(0) {
        return Err(Fault::value(format!("{}: cols must be at least 1", call.entry.name)));
    }
    grid.tile = TILE.of(call)?.map(|tile| tile.clamp(4, 1000) as u32).or(grid.tile);
    grid.range = RANGE.of(call)?.unwrap_or(Range::Fixed(0.0, 1.0));
    if let Some(labels) = LABELS.given(call) {
        grid.labels = texts(labels)?;
    }
    if let Some(outlined) = OUTLINE.of(call)? {
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
    params: &[IMAGES.param()],
    options: OPTIONS,
    returns: Ty::Of("figure"),
    errors: ERRORS,
    examples: &[
        value("eight images", "image_grid(rand([8, 8, 8]), #{ cols: 4 })", "grid 2×4 of 8×8 images"),
        fails("no square", "image_grid(rand([8, 10]))", "10 pixels are not a square image"),
    ],
    call: |call| made(figure(call)?),
    ..ENTRY
};

static SHOW_GRID: Entry = Entry {
    name: "show_grid",
    group: "picture",
    summary: "shows images side by side now",
    params: &[IMAGES.param()],
    options: OPTIONS,
    errors: ERRORS,
    examples: &[runs("samples", "show_grid(rand([16, 64]))")],
    call: |call| {
        let bundle = drawn(&Figure::Grid(figure(call)?));
        call.host.show(Output::Display { bundle, id: None });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const NAME: Param<String> = param("name", types::TEXT, "the name");
static SHOW_GRID_NAMED: Entry = Entry {
    name: "show_grid",
    group: "picture",
    summary: "shows images under a name: the same name again in the same cell updates the picture in place",
    params: &[NAME.param(), IMAGES.param()],
    options: OPTIONS,
    errors: ERRORS,
    examples: &[runs("samples that change", "for _ in 0..3 { show_grid(\"samples\", rand([16, 64])); }")],
    call: |call| {
        let grid = Figure::Grid(figure(call)?);
        display::show_figure(call.host, &NAME.of(call)?, grid, display::FPS);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};
