//! The kinds `figure` and `animation`, and what shows any value.

use super::{TITLE, display};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, KIND, Kind, Maybe, Param, Ty, fails, param, runs, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Figure, Grid, Layout, Picture, Range, animate};
use saddle_session::output::{Bundle, Output};
use saddle_tensor::{Dtype, Tensor, shown as shown_shape};
use std::any::TypeId;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&SHOW, &SHOW_NAMED, &LAYOUT, &ANIMATE, &PLAY];

/// A figure as a value of the language.
#[derive(Clone)]
pub(super) struct Fig(pub Rc<Figure>);

/// A drawn animation.
#[derive(Clone)]
struct Movie(Rc<Picture>);

pub static FIGURE: Kind = Kind {
    name: "figure",
    summary: "a plot or a grid of images, drawn when it is shown",
    id: || TypeId::of::<Fig>(),
    show: |v| v.read_lock::<Fig>().map_or_else(|| Bundle::text("figure"), |f| drawn(&f.0)),
    text: Some(|v| v.read_lock::<Fig>().map_or_else(|| "figure".into(), |f| f.0.describe())),
    ..KIND
};

pub static ANIMATION: Kind = Kind {
    name: "animation",
    summary: "figures one after the other, as an animated PNG",
    id: || TypeId::of::<Movie>(),
    show: |v| {
        let Some(movie) = v.read_lock::<Movie>() else {
            return Bundle::text("animation");
        };
        let movie = &movie.0;
        Bundle::png(movie.text.clone(), movie.bytes.clone(), movie.width)
    },
    text: Some(|v| v.read_lock::<Movie>().map_or_else(|| "animation".into(), |movie| movie.0.text.clone())),
    ..KIND
};

/// The figure as Jupyter shows it.
pub(super) fn drawn(figure: &Figure) -> Bundle {
    let picture = figure.picture();
    Bundle::png(picture.text, picture.bytes, picture.width)
}

/// A figure as a value of the language.
pub(super) fn made(figure: impl Into<Figure>) -> Result<Dynamic> {
    Ok(Dynamic::from(Fig(Rc::new(figure.into()))))
}

/// The figure in a value.
pub(super) fn read(word: &str, v: &Dynamic) -> Result<Figure> {
    v.read_lock::<Fig>()
        .map(|f| f.0.as_ref().clone())
        .ok_or_else(|| Fault::type_(format!("{word}: needs figures, got {}", type_of(v))))
}

/// The PNG of a value that is shown as a picture: a figure, an animation, a tensor of images. `None` for any other.
///
/// # Errors
/// The tensor cannot be read back from its device.
pub fn png(v: &Dynamic) -> Result<Option<Vec<u8>>> {
    if let Some(figure) = v.read_lock::<Fig>() {
        return Ok(Some(figure.0.picture().bytes));
    }
    if let Some(movie) = v.read_lock::<Movie>() {
        return Ok(Some(movie.0.bytes.clone()));
    }
    let Some(t) = v.read_lock::<Tensor>() else {
        return Ok(None);
    };
    Ok(sheet(&t)?.map(|figure| figure.picture().bytes))
}

/// A tensor that can be looked at as images, as a grid of them.
fn sheet(t: &Tensor) -> Result<Option<Figure>> {
    let Some(shape) = images(t) else {
        return Ok(None);
    };
    let pixels = t.to_floats()?;
    let within = pixels.iter().all(|v| (0.0..=1.0).contains(v));
    let mut grid = Grid::new(pixels, &shape)?;
    // Pixels are in [0, 1] by custom; anything else (a tanh output, weights) is scaled to be seen.
    if !within {
        grid.range = Range::Auto;
    }
    Ok(Some(Figure::Grid(grid)))
}

/// How any value is shown: as its kind says, or as text; a tensor that can be looked at as images also as a picture.
fn shown(call: &Call, v: &Dynamic) -> Result<Bundle> {
    if let Some(t) = v.read_lock::<Tensor>()
        && let Some(figure) = sheet(&t)?
    {
        let picture = figure.picture();
        return Ok(Bundle::png(t.describe(), picture.bytes, picture.width));
    }
    Ok(match call.catalog.kind_of(v) {
        Some(kind) => (kind.show)(v),
        None => Bundle::text(v.to_string()),
    })
}

/// The shape of a tensor as images, where it can be one: `[h, w]`, `[n, h, w]`, `[n, 1 or 3, h, w]`. A column or row of
/// numbers is no image.
fn images(t: &Tensor) -> Option<Vec<usize>> {
    let shape = t.shape();
    let (shape, sides) = match *shape {
        [h, w] => (vec![1, h, w], [h, w]),
        [_, h, w] | [_, 1 | 3, h, w] => (shape.to_vec(), [h, w]),
        _ => return None,
    };
    (t.dtype() == Dtype::F32 && !t.is_empty() && sides.iter().all(|n| *n > 1)).then_some(shape)
}

const VALUE: Param<Dynamic> = param("value", types::any(Ty::Any), "what to show");
static SHOW: Entry = Entry {
    name: "show",
    group: "picture",
    summary: "shows a value now: a figure as a picture, a tensor of images [h, w], [n, h, w] or [n, 1 or 3, h, w] as a picture \
              with its text, anything else as the cell would show it at its end",
    params: &[VALUE.param()],
    examples: &[
        runs("in the middle of a cell", "show(plot([1, 2, 3]));\nlet x = 1;"),
        runs("an image", "show(rand([8, 8]))"),
    ],
    call: |call| {
        let bundle = shown(call, VALUE.value(call))?;
        call.host.show(Output::Display { bundle, id: None });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const FPS: Param<f64> =
    param("fps", types::NUMBER, "how many times a second a figure is drawn at most; a page takes no more than 20")
        .or(display::FPS);

const NAME: Param<String> = param("name", types::TEXT, "the name");
static SHOW_NAMED: Entry = Entry {
    name: "show",
    group: "picture",
    summary: "shows a value under a name: the same name again in the same cell updates it in place",
    params: &[NAME.param(), VALUE.param()],
    options: &[FPS.opt()],
    errors: &["an fps that is not above 0"],
    examples: &[
        runs("a picture that changes", "for i in 1..4 { show(\"curve\", plot([0, i])); }"),
        runs("a film as it is made", "for i in 1..4 { show(\"curve\", plot([0, i]), #{ fps: 20 }); }"),
    ],
    call: |call| {
        let (name, value) = (NAME.of(call)?, VALUE.value(call));
        let fps = FPS.of(call)?;
        if !(fps > 0.0 && fps.is_finite()) {
            return Err(Fault::value(format!("show: fps must be above 0, got {fps}")));
        }
        match value.read_lock::<Fig>() {
            Some(figure) => display::show_figure(call.host, &name, figure.0.as_ref().clone(), fps),
            None => display::show(call.host, &name, shown(call, value)?),
        }
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const ROWS: Param<Array> =
    param("rows", types::ARRAY, "an array of rows, each an array of figures; or one row of figures");
static LAYOUT: Entry = Entry {
    name: "layout",
    group: "picture",
    summary: "figures in rows, side by side in each",
    params: &[ROWS.param()],
    options: &[TITLE.opt()],
    returns: Ty::Of("figure"),
    errors: &["something that is not a figure"],
    examples: &[
        value(
            "two panels",
            "layout([[plot([1, 2]), hist([1, 1, 2])]])",
            "plot: line (2 points) | plot: histogram (5 bins)",
        ),
        fails("numbers instead of figures", "layout([[1, 2]])", "needs figures, got an int"),
    ],
    call: |call| {
        let mut rows: Vec<Vec<Figure>> = Vec::new();
        let given = ROWS.of(call)?;
        let figures = |row: &Array| row.iter().map(|v| read("layout", v)).collect::<Result<Vec<_>>>();
        match given.first().is_some_and(Dynamic::is_array) {
            false => rows.push(figures(&given)?),
            true => {
                for row in &given {
                    let row = row.read_lock::<Array>().ok_or_else(|| {
                        Fault::type_(format!("layout: a row must be an array of figures, got {}", type_of(row)))
                    })?;
                    rows.push(figures(&row)?);
                }
            }
        }
        made(Layout { title: TITLE.of(call)?.unwrap_or_default(), rows })
    },
    ..ENTRY
};

const FILM: Param<Tensor> = param("film", types::TENSOR, "[frames, h, w] or [frames, 1 or 3, h, w]");
const PLAY_FPS: Param<f64> = param("fps", types::NUMBER, "frames a second, at most 50").or(8.0);
const TILE: Maybe<usize> = param("tile", types::SIZE, "width of the film in pixels of the page").maybe("about 160");
static PLAY: Entry = Entry {
    name: "play",
    group: "picture",
    summary: "a short film from the tensor of its pictures, as an animated PNG that repeats",
    params: &[FILM.param()],
    options: &[PLAY_FPS.opt(), TILE.opt(), TITLE.opt()],
    returns: Ty::Of("animation"),
    errors: &["a film without frames", "a shape that is no film", "frames a second that are not above 0"],
    examples: &[
        value("four frames", "play(rand([4, 8, 8]))", "animation of 4 frames: 8×8 image"),
        fails("an empty film", "play(zeros([0, 8, 8]))", "the film has no frames"),
        fails("rows of pixels", "play(zeros([4, 64]))", "needs a film [frames, h, w]"),
    ],
    call: |call| {
        let film = FILM.of(call)?;
        let shape = film.shape();
        if !matches!(shape[..], [_, _, _] | [_, 1 | 3, _, _]) {
            return Err(Fault::shape(format!(
                "play: needs a film [frames, h, w] or [frames, 1 or 3, h, w], got {}",
                shown_shape(&shape)
            )));
        }
        if shape[0] == 0 {
            return Err(Fault::value("play: the film has no frames"));
        }
        let (pixels, size) = (film.to_floats()?, film.len() / shape[0]);
        let mut frame_shape = shape.to_vec();
        frame_shape[0] = 1;
        let frame = |pixels: &[f32]| {
            let mut grid = Grid::new(pixels.to_vec(), &frame_shape)?;
            grid.range = Range::Fixed(0.0, 1.0);
            grid.tile = Some(TILE.of(call)?.unwrap_or(160).clamp(4, 1000) as u32);
            grid.title = TITLE.of(call)?.unwrap_or_default();
            Ok(Figure::Grid(grid))
        };
        let frames = pixels.chunks_exact(size.max(1)).map(frame).collect::<Result<Vec<_>>>()?;
        let picture = animate(&frames, PLAY_FPS.of(call)?, &|| call.host.check_interrupt())?;
        Ok(Dynamic::from(Movie(Rc::new(picture))))
    },
    ..ENTRY
};

const FRAMES: Param<Array> = param("frames", types::ARRAY, "the figures");
static ANIMATE: Entry = Entry {
    name: "animate",
    group: "picture",
    summary: "figures one after the other, as an animated PNG that repeats",
    params: &[FRAMES.param()],
    options: &[PLAY_FPS.opt()],
    returns: Ty::Of("animation"),
    errors: &["no frames", "something that is not a figure", "frames a second that are not above 0"],
    examples: &[
        value(
            "a line that rises",
            "animate([plot([0, 1]), plot([0, 2])])",
            "animation of 2 frames: plot: line (2 points)",
        ),
        fails("nothing", "animate([])", "no frames"),
    ],
    call: |call| {
        let frames = FRAMES.of(call)?.iter().map(|v| read("animate", v)).collect::<Result<Vec<Figure>>>()?;
        let pace = PLAY_FPS.of(call)?;
        let picture = animate(&frames, pace, &|| call.host.check_interrupt())?;
        Ok(Dynamic::from(Movie(Rc::new(picture))))
    },
    ..ENTRY
};
