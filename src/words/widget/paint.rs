//! `paint`: a picture to paint on with the mouse, a pen or the keyboard.
//!
//! On the page it is a box of three of ipywidgets' own widgets, so that a JupyterLab or a VS Code that has these needs
//! nothing else: the picture, over it a canvas (`paint.js`, started by the load of an image, since a page runs no
//! scripts in what is inserted), and a hidden text whose value is what was painted.

use super::store::Domain;
use super::value::{Control, Face, Widget, say};
use super::{model, session};
use crate::cite;
use crate::types;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::Dynamic;
use saddle_catalog::{Call, Entry, Maybe, Param, Ty, fails, numbers, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_picture::{Figure, Grid};
use saddle_session::output::{Bundle, escape_html};
use saddle_tensor::{Dtype, Tensor, device, shown};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&PAINT];

/// The longest side of a picture: what was painted is sent whole at each stroke.
const LONGEST: usize = 256;
const SIZE: Param<f64> = param("size", types::NUMBER, "its longer side on the page, pixels").or(280.0);

/// What is painted on.
pub(super) struct Pad {
    /// Channels of the ink, height, width.
    shape: [usize; 3],
    /// The ink at first, one number in 0 … 1 for each channel.
    ink: Vec<f32>,
    /// Whether the picture came without channels, as the ink then goes.
    flat: bool,
    image: RefCell<Tensor>,
    /// The picture below the canvas.
    background: Widget,
    /// The box that a page shows.
    pub view: String,
    zoom: usize,
}

/// Channels, height and width of a picture, and whether it came without channels.
fn sizes(word: &str, image: &Tensor) -> Result<([usize; 3], bool)> {
    let given = image.shape();
    let (shape, flat) = match *given {
        [h, w] | [1, h, w] if image.rank() == 2 || given[0] == 1 => ([1, h, w], true),
        [3, h, w] => ([3, h, w], false),
        [1, c @ (1 | 3), h, w] => ([c, h, w], c == 1),
        _ => {
            return Err(Fault::shape(format!("{word}: one picture is needed, got shape {}", shown(&given))).hint(
                "[h, w] for grey, [3, h, w] for colour; one of a batch is x[0], a row of pixels x.reshape([8, 8])",
            ));
        }
    };
    let [_, h, w] = shape;
    if !(2..=LONGEST).contains(&h) || !(2..=LONGEST).contains(&w) {
        return Err(Fault::shape(format!("{word}: a picture has 2 to {LONGEST} pixels each way, got {h} × {w}"))
            .hint("resize(x, [64, 64]) makes it smaller"));
    }
    Ok((shape, flat))
}

/// The pixels in 0 … 1; others are brought into it.
fn pixels(image: &Tensor) -> Result<Vec<f32>> {
    match image.dtype() {
        Dtype::F32 => image.to_floats(),
        other => Err(Fault::type_(format!("paint: pixels are f32, got {}", other.name())).hint("float(x)")),
    }
}

fn byte(v: f32) -> u8 {
    (v.clamp(0.0, 1.0) * 255.0).round() as u8
}

impl Pad {
    fn len(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// What was painted, as bytes: the mask, then the planes of ink. `None`: nothing.
    fn bytes(&self, state: &Value) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(state.as_str()?).ok()?;
        (bytes.len() == self.len() * (1 + self.shape[0])).then_some(bytes)
    }

    fn plane(&self, bytes: Option<&[u8]>, shape: &[usize]) -> Tensor {
        let floats = match bytes {
            Some(bytes) => bytes.iter().map(|&b| f32::from(b) / 255.0).collect(),
            None => vec![0.0; shape.iter().product()],
        };
        Tensor::from_floats(floats, shape, &device::current())
    }

    /// The mask: 1 where it was painted.
    pub fn mask(&self, state: &Value) -> Tensor {
        let bytes = self.bytes(state);
        self.plane(bytes.as_deref().map(|b| &b[..self.len()]), &self.shape[1..])
    }

    /// The ink, 0 where nothing was painted.
    pub fn ink(&self, state: &Value) -> Tensor {
        let bytes = self.bytes(state);
        let shape = if self.flat { &self.shape[1..] } else { &self.shape[..] };
        self.plane(bytes.as_deref().map(|b| &b[self.len()..]), shape)
    }

    /// The state that has this mask, in the ink of the first; the present `state` where it has the mask already, since
    /// `p.value.method()` sets what it has read.
    pub fn state_of(&self, mask: &Tensor, state: &Value) -> Result<Value> {
        let [_, h, w] = self.shape;
        if *mask.shape() != [h, w] {
            return Err(Fault::shape(format!(
                "the mask has shape {} and the picture {}",
                shown(&mask.shape()),
                shown(&[h, w])
            ))
            .hint("a mask is [h, w] of the picture: 1 where it is painted, 0 where not"));
        }
        let mask: Vec<u8> = match mask.dtype() {
            Dtype::Bool => mask.to_ints()?.into_iter().map(|v| if v != 0 { 255 } else { 0 }).collect(),
            _ => pixels(mask)?.into_iter().map(byte).collect(),
        };
        if self.bytes(state).is_some_and(|bytes| bytes[..self.len()] == mask) {
            return Ok(state.clone());
        }
        if mask.iter().all(|&m| m == 0) {
            return Ok("".into());
        }
        let ink = self.ink.iter().flat_map(|&ink| mask.iter().map(move |&m| if m == 0 { 0 } else { byte(ink) }));
        let all: Vec<u8> = mask.iter().copied().chain(ink).collect();
        Ok(STANDARD.encode(all).into())
    }

    /// Takes back the ink that `p.ink.method()` has read; another cannot be set.
    pub fn keep_ink(&self, ink: &Tensor, state: &Value) -> Result<()> {
        let now = self.ink(state);
        match ink.shape() == now.shape() && ink.to_floats()? == now.to_floats()? {
            true => Ok(()),
            false => Err(Fault::value("the ink of a paint is painted, not set").hint("paint(image, #{ ink: 0.5 })")),
        }
    }

    pub fn image(&self) -> Tensor {
        self.image.borrow().clone()
    }

    /// Puts another picture below what was painted.
    pub fn set_image(&self, image: Tensor) -> Result<()> {
        let (shape, _) = sizes("paint", &image)?;
        if shape != self.shape {
            let [was, is] = [&self.shape, &shape].map(|s| shown(s));
            return Err(Fault::shape(format!("the new picture is {is} and the one that is painted on {was}"))
                .hint("channels, height and width have to stay; paint(image) makes another"));
        }
        self.background.set("value", picture(&pixels(&image)?, shape, self.zoom).into());
        *self.image.borrow_mut() = image;
        Ok(())
    }

    /// How many pixels are painted, in words.
    pub fn describe(&self, state: &Value) -> String {
        let painted = self.bytes(state).map_or(0, |b| b[..self.len()].iter().filter(|&&m| m > 0).count());
        let [c, h, w] = self.shape;
        let colour = if c == 3 { " colour" } else { "" };
        format!("paint on a {h}×{w}{colour} picture, {painted} of {} pixels painted", self.len())
    }

    /// The picture with what was painted, for who has no page.
    pub fn still(&self, bundle: Bundle, state: &Value) -> Bundle {
        let Ok(mut pixels) = pixels(&self.image.borrow()) else { return bundle };
        if let Some(bytes) = self.bytes(state) {
            let (mask, ink) = bytes.split_at(self.len());
            for (i, v) in pixels.iter_mut().enumerate() {
                let m = f32::from(mask[i % self.len()]) / 255.0;
                *v = *v * (1.0 - m) + m * f32::from(ink[i]) / 255.0;
            }
        }
        let [c, h, w] = self.shape;
        let Ok(mut grid) = Grid::new(pixels, &[1, c, h, w]) else { return bundle };
        grid.tile = Some((self.zoom * w) as u32);
        let still = Figure::Grid(grid).picture();
        let mut all = Bundle::png(bundle.plain().to_string(), still.bytes, still.width);
        all.data.extend(bundle.data.into_iter().filter(|(mime, _)| mime != "text/plain"));
        all
    }
}

/// A picture as a page shows it: pixels without smoothing, each `zoom` wide. A BMP: uncompressed, and of no more than a
/// header.
fn picture(pixels: &[f32], [c, h, w]: [usize; 3], zoom: usize) -> String {
    let row = (3 * w).next_multiple_of(4);
    let size = 54 + row * h;
    let mut bmp = b"BM".to_vec();
    for number in [size as u32, 0, 54, 40, w as u32, h as u32, 1 | 24 << 16, 0, (row * h) as u32, 0, 0, 0, 0] {
        bmp.extend(number.to_le_bytes());
    }
    // From the lowest row up, blue before red.
    for y in (0..h).rev() {
        for x in 0..w {
            bmp.extend([2, 1, 0].map(|k: usize| byte(pixels[(k.min(c - 1) * h + y) * w + x])));
        }
        bmp.resize(54 + (h - y) * row, 0);
    }
    let data = STANDARD.encode(bmp);
    let (width, height) = (w * zoom, h * zoom);
    format!(
        "<img alt=\"\" src=\"data:image/bmp;base64,{data}\" style=\"display: block; image-rendering: pixelated; \
         width: {width}px; height: {height}px; max-width: none\">"
    )
}

const STYLE: &str = "<style>\
    .jupyter-widgets.saddle-paint { display: grid; justify-items: start; align-items: start; overflow: visible; }\
    .saddle-paint > * { grid-area: 1 / 1; line-height: normal; height: auto; }\
    .saddle-paint > .widget-text { display: none; }\
    .saddle-pad canvas { display: block; touch-action: none; cursor: crosshair; outline: 1px solid #888; }\
    .saddle-pad canvas:focus-visible { outline: 2px solid #0072b2; }\
    .saddle-pad div { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; padding: 4px 0; \
        font: 12px sans-serif; color: var(--jp-ui-font-color1, inherit); }\
    .saddle-pad label { display: flex; gap: 4px; align-items: center; }\
    .saddle-pad input[type=range] { width: 90px; }\
    </style>";

/// The canvas and its controls.
fn canvas([c, h, w]: [usize; 3], zoom: usize, brush: f64, ink: &[f32]) -> String {
    let most = (h.max(w) as f64 / 4.0).max(1.0).max(brush);
    let about = escape_html(&json!({ "c": c, "h": h, "w": w, "zoom": zoom }).to_string());
    let ink = match ink {
        [grey] => format!("type=\"range\" min=\"0\" max=\"1\" step=\"any\" value=\"{grey}\""),
        colour => {
            let mut hex = String::from("#");
            for &v in colour {
                let _ = write!(hex, "{:02x}", byte(v));
            }
            format!("type=\"color\" value=\"{hex}\"")
        }
    };
    let (width, height, script) = (w * zoom, h * zoom, escape_html(include_str!("paint.js")));
    format!(
        "{STYLE}<div class=\"saddle-pad\" data-paint=\"{about}\" data-lm-suppress-shortcuts=\"true\">\
         <canvas width=\"{width}\" height=\"{height}\" tabindex=\"0\" role=\"application\" aria-label=\"a picture to paint on: arrow keys \
         move, with Shift farther; Space lowers and lifts the brush; e changes to rubbing out and back; plus and minus change the \
         brush; Delete clears\"></canvas>\
         <div><label>brush <input name=\"brush\" type=\"range\" min=\"0.5\" max=\"{most}\" step=\"0.5\" value=\"{brush}\"></label>\
         <label>ink <input name=\"ink\" {ink}></label>\
         <label><input name=\"rub\" type=\"checkbox\"> rub out</label>\
         <button name=\"clear\" type=\"button\">clear</button><span name=\"said\"></span></div>\
         <img hidden alt=\"\" src=\"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7\" onload=\"{script}\">\
         </div>"
    )
}

/// The ink that was asked for: a number, or one for each channel.
fn ink(call: &Call, channels: usize) -> Result<Vec<f32>> {
    let Some(given) = INK.given(call) else { return Ok(vec![1.0; channels]) };
    let given_numbers = match saddle_catalog::number(given) {
        Some(grey) => vec![grey; channels],
        None => numbers(given).ok_or_else(|| INK.wrong(call))?,
    };
    let fits = given_numbers.len() == channels && given_numbers.iter().all(|v| (0.0..=1.0).contains(v));
    match fits {
        true => Ok(given_numbers.into_iter().map(|v| v as f32).collect()),
        false => {
            let needed = if channels == 3 { "[red, green, blue], each in 0 … 1" } else { "a number in 0 … 1" };
            Err(Fault::value(format!("paint: the ink for this picture is {needed}, got {given_numbers:?}")))
        }
    }
}

fn paint(call: &mut Call) -> Result<Dynamic> {
    let image = IMAGE.of(call)?;
    let (shape, flat) = sizes("paint", &image)?;
    let [c, h, w] = shape;
    let pixels = pixels(&image)?;
    let ink = ink(call, c)?;
    let brush = BRUSH.of(call)?.unwrap_or((h.max(w) as f64 / 16.0).max(1.0));
    if !(brush >= 0.5 && brush <= LONGEST as f64) {
        return Err(Fault::value(format!("paint: brush must be at least 0.5, got {brush}"))
            .hint("it is the radius of the brush in pixels of the picture"));
    }
    let zoom = ((SIZE.of(call)?.clamp(32.0, 1000.0) / h.max(w) as f64).round() as usize).max(1);
    let (host, widgets) = (call.host, session(call.host));
    let part = |state, rule: Domain| {
        let (id, opened) = widgets.open(state, rule.clone());
        (Widget(Rc::new(Control::new(host, id, "paint", rule, Vec::new(), None))), opened)
    };
    let (background, mut opened) = part(model::html(&picture(&pixels, shape, zoom)), Domain::Still);
    let (canvas, more) = widgets.open(model::html(&canvas(shape, zoom, brush, &ink)), Domain::Still);
    opened.extend(more);
    let mut pad = Pad { shape, ink, flat, image: RefCell::new(image), background, view: String::new(), zoom };
    let start = match MASK.given(call) {
        Some(mask) => match mask.read_lock::<Tensor>() {
            Some(mask) => pad.state_of(&mask, &Value::Null)?,
            None => return Err(MASK.wrong(call)),
        },
        None => "".into(),
    };
    let rule = Domain::Paint { bytes: h * w * (1 + c) };
    let (wire, more) = widgets.open(model::live_text(start.as_str().unwrap_or_default()), rule.clone());
    opened.extend(more);
    let children = [pad.background.0.id.clone(), canvas, wire.clone()];
    let (view, more) = widgets.open(model::of_class(model::column(&children), "saddle-paint"), Domain::Still);
    opened.extend(more);
    say(host, opened);
    pad.view = view;
    Ok(Dynamic::from(Widget(Rc::new(Control::new(host, wire, "paint", rule, Vec::new(), Some(Face::Pad(pad)))))))
}

const IMAGE: Param<Tensor> = param("image", types::TENSOR, "grey [h, w] or colour [3, h, w], pixels in 0 … 1");
const BRUSH: Maybe<f64> = param("brush", types::NUMBER, "the brush's radius at first, pixels of the picture")
    .maybe("a sixteenth of the longer side");
const INK: Maybe<Dynamic> = param(
    "ink",
    types::any(Ty::OneOf(&[Ty::Number, Ty::Array])),
    "the ink at first: 0 (black) to 1, or [red, green, blue]",
)
.maybe("1");
const MASK: Maybe<Tensor> =
    param("mask", types::TENSOR, "what is painted at first: [h, w], 1 where it is").maybe("nothing");
static PAINT: Entry = Entry {
    name: "paint",
    group: "widget",
    summary: "a picture to paint on with the mouse, a pen or the keyboard: `.value` is the mask [h, w] of what was painted, `.ink` \
              with what, `.image` the picture, which can be set. Shift or the right button rubs out; by keyboard: arrows, Space \
              lowers the brush",
    params: &[IMAGE.param()],
    options: &[BRUSH.opt(), INK.opt(), MASK.opt(), SIZE.opt()],
    returns: Ty::Of("widget"),
    shapes: ".value is [h, w], 1 where it was painted and 0 elsewhere; .ink is [h, w], or [3, h, w] in colour, and 0 where nothing was painted",
    errors: &[
        "not one picture, or one of more than 256 pixels a side",
        "a mask of another size",
        "an ink with other channels",
    ],
    source: &["the brush of iGAN (", cite::ZHU_2016, ")"],
    examples: &[
        runs("a brush on a digit", "let p = paint(digits().images[0].reshape([8, 8]));\np"),
        value(
            "what is painted at first",
            "let p = paint(zeros([4, 4]), #{ mask: eye(4), ink: 0 }); [sum(p.value).item(), sum(p.ink).item()]",
            "[4.0, 0.0]",
        ),
        runs(
            "the picture follows the brush",
            "let p = paint(rand([3, 16, 16]));\ninteract([p], |mask| show(p.image * (1 - mask) + p.ink))",
        ),
        fails(
            "a mask of another size",
            "paint(zeros([8, 8]), #{ mask: ones([7, 7]) })",
            "the mask has shape [7, 7] and the picture [8, 8]",
        ),
        fails("a batch", "paint(zeros([5, 8, 8]))", "one picture is needed, got shape [5, 8, 8]"),
    ],
    call: paint,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_on_the_page_is_a_bitmap_of_its_pixels() {
        // Two rows of two: red, green, below them blue, white.
        let planes = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0];
        let html = picture(&planes, [3, 2, 2], 10);
        let data = html.split("base64,").nth(1).and_then(|s| s.split('"').next()).map(|s| STANDARD.decode(s));
        let Some(Ok(bmp)) = data else { panic!("{html}") };
        assert_eq!((bmp.len(), u32::from_le_bytes([bmp[2], bmp[3], bmp[4], bmp[5]])), (54 + 2 * 8, 54 + 2 * 8));
        // The lowest row first, blue before red, rows of whole four bytes.
        assert_eq!(bmp[54..], [255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0]);
        assert!(html.contains("width: 20px"));
    }

    #[test]
    fn the_script_stands_in_an_attribute_and_ends_nowhere_in_it() {
        let html = canvas([1, 8, 8], 35, 1.0, &[1.0]);
        let script = html.split("onload=\"").nth(1).and_then(|s| s.split('"').next()).unwrap_or_default();
        assert!(script.ends_with("100);\n") && script.starts_with("//"), "{script}");
        assert!(!script.contains('<') && !script.contains('>'));
    }
}
