//! `explore`: sliders on directions of a generator's latent space, the picture there, and beside it the nearest
//! training picture. And `walk`, a film through that space.

use super::super::data::Notebook;
use super::callback::On;
use super::control::{Span, button, dropdown, slider};
use super::interact::start;
use super::value::Widget;
use super::xy_pad;
use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, FnPtr, Map};
use saddle_catalog::{
    CALL, Call, ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, param, runs, type_of, value,
};
use saddle_data::{Dataset, Source};
use saddle_fault::{Fault, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Tensor, device, no_grad, shown};
use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&EXPLORE, &WALK];

const COUNT: Param<usize> = param("count", types::SIZE, "how many directions, each with its slider").or(4);
const PAD: Param<bool> = param(
    "pad",
    types::BOOL,
    "a square for the first two directions, for the pointer or the arrow keys, in the place of their sliders",
)
.or(false);
/// Pictures from which principal directions are found, and steps of power iteration for each.
const PICTURES: usize = 1000;
const STEPS: usize = 50;
/// How far a slider reaches: where a normal latent variable lies, all but surely.
const REACH: f64 = 3.0;

/// A generator that is looked at.
#[derive(Clone)]
pub(crate) struct Explorer(Rc<Explored>);

struct Explored {
    generator: Dynamic,
    /// Where the sliders are at 0, one row.
    origin: RefCell<Tensor>,
    /// One row for each direction, each of length 1.
    directions: Tensor,
    principal: bool,
    /// The square for the first two, where it was asked for.
    pad: Option<Widget>,
    sliders: Vec<Widget>,
    class: Option<Widget>,
    again: Widget,
    /// Clicks of `again` that `origin` answers.
    answered: Cell<i64>,
    data: Option<Tensor>,
}

impl Explorer {
    fn read(v: &Dynamic) -> Result<Self> {
        v.read_lock::<Self>().map(|e| e.clone()).ok_or_else(|| Fault::type_(format!("explore: got {}", type_of(v))))
    }

    /// Where the sliders stand: [1, nz].
    fn z(&self) -> Result<Tensor> {
        let clicks = self.0.again.state().as_i64().unwrap_or(0);
        if clicks != self.0.answered.replace(clicks) {
            let shape = self.0.origin.borrow().shape();
            *self.0.origin.borrow_mut() = normal(&shape);
        }
        let point = self.0.pad.as_ref().and_then(|pad| xy_pad::point(pad.state().as_str()?));
        let slid = self.0.sliders.iter().map(|s| s.state().as_f64().unwrap_or(0.0));
        let steps: Vec<f32> = point.into_iter().flatten().chain(slid).map(|step| step as f32).collect();
        let steps = Tensor::from_floats(steps.clone(), &[1, steps.len()], &self.0.directions.device());
        self.0.origin.borrow().add(&steps.matmul(&self.0.directions)?)
    }

    /// G at these z, of the class that is chosen.
    fn pictures(&self, call: &Call, z: &Tensor) -> Result<Tensor> {
        let class = self.0.class.as_ref().map(|widget| widget.state().as_i64().unwrap_or(0));
        generate(call, &self.0.generator, z, class)
    }
}

/// Standard normal numbers of the notebook's stream.
fn normal(shape: &[usize]) -> Tensor {
    Tensor::from_floats(Notebook.normal(shape.iter().product()), shape, &device::current())
}

/// G(z), or G(z, y) with every y of the class, without a record for gradients.
fn generate(call: &Call, generator: &Dynamic, z: &Tensor, class: Option<i64>) -> Result<Tensor> {
    let mut inputs = vec![wrap(z.clone())];
    if let Some(class) = class {
        let n = z.shape()[0];
        inputs.push(wrap(Tensor::from_ints(vec![class; n], &[n], &z.device())));
    }
    let x = no_grad(|| call.apply(generator, inputs))?;
    x.read_lock::<Tensor>().map(|x| x.detach()).ok_or_else(|| {
        Fault::type_(format!("explore: G(z) must be a tensor of pictures, got {}", call.catalog.got(&x)))
    })
}

/// The size of z that a network's first weights show.
fn latent_size(call: &Call) -> Result<usize> {
    if let Some(nz) = NZ.of(call)? {
        return Ok(nz.max(1));
    }
    let unknown =
        || Fault::value("explore: how many numbers z has is not known").hint("explore(G, #{ nz: 64 }) says it");
    if G.value(call).is_fnptr() {
        return Err(unknown());
    }
    let weights = call.apply_word("params", vec![G.value(call).clone()])?;
    let first = weights.read_lock::<Array>().and_then(|all| all.first().cloned());
    let sizes = first.and_then(|w| w.read_lock::<Tensor>().map(|w| w.shape().to_vec()));
    match sizes.as_deref() {
        // A linear layer's [out, in], a transposed convolution's [in, out, k, k].
        Some([_, inputs]) => Ok(*inputs),
        Some([inputs, _, _, _]) => Ok(*inputs),
        _ => Err(unknown()),
    }
}

/// Rows of length 1.
fn unit(rows: &Tensor) -> Result<Tensor> {
    rows.div(&rows.norm(&[1], true)?.add_scalar(1e-12)?)
}

/// The directions of z along which the pictures change most: principal components of pictures, by power iteration, and
/// the z that go with each by regression.
fn principal(call: &Call, nz: usize, count: usize, class: Option<i64>) -> Result<Tensor> {
    let z = normal(&[PICTURES, nz]);
    let x = generate(call, G.value(call), &z, class)?;
    let mut x = x.reshape(&[PICTURES, x.len() / PICTURES])?;
    x = x.sub(&x.mean_dims(&[0], true)?)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let mut v = unit(&normal(&[1, x.shape()[1]]))?.t()?;
        for _ in 0..STEPS {
            call.host.check_interrupt()?;
            v = unit(&x.t()?.matmul(&x.matmul(&v)?)?.t()?)?.t()?;
        }
        let along = x.matmul(&v)?;
        found.extend(unit(&along.t()?.matmul(&z)?)?.to_floats()?);
        x = x.sub(&along.matmul(&v.t()?)?)?;
    }
    Ok(Tensor::from_floats(found, &[count, nz], &z.device()))
}

/// The directions that were asked for, and whether they are principal ones.
fn directions(call: &Call, nz: usize, class: Option<i64>) -> Result<(Tensor, bool)> {
    let count = if COUNT.is_given(call) { COUNT.of(call)? } else { COUNT.of(call)?.min(nz) };
    if count == 0 || count > nz {
        return Err(Fault::value(format!("explore: count must be from 1 to {nz}, the numbers of z, got {count}")));
    }
    let Some(given) = DIRECTIONS.given(call) else {
        return Ok((principal(call, nz, count, class)?, true));
    };
    if let Some(rows) = given.read_lock::<Tensor>() {
        let fits = matches!(*rows.shape(), [k, n] if k > 0 && n == nz);
        return match fits {
            true => Ok((unit(&rows.detach())?, false)),
            false => Err(Fault::shape(format!("explore: directions must be [k, {nz}], got {}", shown(&rows.shape())))),
        };
    }
    match given.clone().into_string().as_deref() {
        Ok("principal") => Ok((principal(call, nz, count, class)?, true)),
        Ok("random") => Ok((unit(&normal(&[count, nz]))?, false)),
        Ok(other) => Err(Fault::value(format!("explore: there are no `{other}` directions"))
            .hint("\"principal\", \"random\", or a tensor [k, nz]")),
        Err(_) => Err(DIRECTIONS.wrong(call)),
    }
}

/// The training pictures, where there are any: a data set or a tensor.
fn training(call: &Call, sample: &Tensor) -> Result<Option<Tensor>> {
    let Some(given) = DATA.given(call) else { return Ok(None) };
    let images = match given.read_lock::<Dataset>() {
        Some(_) => {
            let images = call.catalog.kind_of(given).and_then(|kind| kind.fields.iter().find(|f| f.name == "images"));
            images.map(|field| (field.get)(given)).transpose()?.and_then(|v| v.read_lock::<Tensor>().map(|t| t.clone()))
        }
        None => given.read_lock::<Tensor>().map(|t| t.clone()),
    };
    let images = images.ok_or_else(|| DATA.wrong(call))?;
    let n = images.shape().first().copied().unwrap_or(0);
    let (theirs, ours) = (images.len().checked_div(n).unwrap_or(0), sample.len());
    if theirs != ours {
        return Err(Fault::shape(format!("explore: a picture of G has {ours} pixels and one of data {theirs}")));
    }
    images.detach().reshape(&[&[n], &sample.shape()[1..]].concat()).map(Some)
}

fn explore(call: &mut Call) -> Result<Dynamic> {
    let nz = latent_size(call)?;
    let class = CLASSES.is_given(call).then_some(0);
    let (directions, principal) = directions(call, nz, class)?;
    let origin = match Z.given(call) {
        None => normal(&[1, nz]),
        Some(z) => match z.read_lock::<Tensor>() {
            Some(z) if z.len() == nz => z.detach().reshape(&[1, nz])?,
            Some(z) => {
                return Err(Fault::shape(format!(
                    "explore: z must have {nz} numbers, got shape {}",
                    shown(&z.shape())
                )));
            }
            None => return Err(Z.wrong(call)),
        },
    };
    let data = training(call, &generate(call, G.value(call), &origin, class)?)?;
    let host = call.host;
    let name = |i: usize| format!("{} {}", if principal { "principal" } else { "direction" }, i + 1);
    let control = |i: usize| {
        let label = name(i);
        let [min, max, value] = [-REACH, REACH, 0.0].map(Dynamic::from);
        slider(host, "explore", &label, Span { min, max, step: Some(Dynamic::from(0.1)), value: Some(value) })
    };
    let count = directions.shape()[0];
    let pad = match PAD.of(call)? {
        false => None,
        true if count < 2 => return Err(Fault::value("explore: a pad needs two directions, and there is one")),
        true => Some(xy_pad::xy_pad(host, [&name(0), &name(1)], [-REACH, REACH], [0.0; 2])),
    };
    let sliders = (if pad.is_some() { 2 } else { 0 }..count).map(control).collect::<Result<Vec<_>>>()?;
    let class = match CLASSES.given(call) {
        None => None,
        Some(names) => {
            let names: Array = match (names.as_int(), names.read_lock::<Array>()) {
                (Ok(n), _) => (0..n).map(Dynamic::from).collect(),
                (_, Some(names)) => names.clone(),
                _ => return Err(CLASSES.wrong(call)),
            };
            Some(dropdown(host, "explore", "class", names, None)?)
        }
    };
    let again = button(host, "another z");
    let controls: Vec<Widget> = pad.iter().chain(&sliders).chain(&class).chain([&again]).cloned().collect();
    let generator = G.value(call).clone();
    let (origin, answered) = (RefCell::new(origin), Cell::new(0));
    let explored = Explored { generator, origin, directions, principal, pad, sliders, class, again, answered, data };
    let explorer = Dynamic::from(Explorer(Rc::new(explored)));
    let mut f = FnPtr::new(CALL).map_err(|_| Fault::value("explore: cannot be called"))?;
    f.add_curry(explorer.clone());
    start(call, f, controls, On::Explore).map(|_| explorer)
}

/// The picture where the sliders stand, and its nearest neighbour.
fn look(call: &mut Call) -> Result<Dynamic> {
    let explorer = SELF.of(call)?;
    let x = explorer.pictures(call, &explorer.z()?)?;
    let (mut pictures, mut labels) = (vec![x.clone()], vec![Dynamic::from("G(z)")]);
    if let Some(data) = &explorer.0.data {
        let near = call.apply_word("nearest_neighbours", vec![wrap(x), wrap(data.clone())])?;
        let near = near.read_lock::<Map>().map(|near| near.clone()).unwrap_or_default();
        let part = |key: &str| near.get(key).and_then(|v| v.read_lock::<Tensor>().map(|t| t.clone()));
        if let (Some(images), Some(distance)) = (part("images"), part("distance")) {
            pictures.push(images);
            let far = distance.to_floats()?.first().copied().unwrap_or(f32::NAN);
            labels.push(format!("nearest, {far:.2} away").into());
        }
    }
    let joined = Tensor::cat(&pictures, 0)?;
    let options = Map::from([
        ("cols".into(), (pictures.len() as i64).into()),
        ("tile".into(), 140_i64.into()),
        ("labels".into(), labels.into()),
    ]);
    call.apply_word("image_grid", vec![wrap(joined), options.into()])
}

/// From a to b on the great circle through both, and on the line of their lengths: a straight way would lead through z
/// that are too short (White 2016).
fn slerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    let dot = |u: &[f32], v: &[f32]| u.iter().zip(v).map(|(u, v)| f64::from(*u) * f64::from(*v)).sum::<f64>();
    let (la, lb) = (dot(a, a).sqrt(), dot(b, b).sqrt());
    let angle = (dot(a, b) / (la * lb).max(1e-12)).clamp(-1.0, 1.0).acos();
    let length = la * (1.0 - t) + lb * t;
    let share = |part: f64, l: f64, straight: f64| match angle.sin() > 1e-6 {
        true => length * (part * angle).sin() / angle.sin() / l.max(1e-12),
        false => straight,
    };
    let (from, to) = (share(1.0 - t, la, 1.0 - t), share(t, lb, t));
    a.iter().zip(b).map(|(a, b)| (from * f64::from(*a) + to * f64::from(*b)) as f32).collect()
}

fn walk(call: &mut Call) -> Result<Dynamic> {
    let explorer = SELF.of(call)?;
    let (stops, frames) = (STOPS.of(call)?, FRAMES.of(call)?);
    if stops < 2 || frames < 2 || stops * frames > 1000 {
        return Err(Fault::value(format!(
            "walk: needs at least 2 stops, 2 frames from each to the next, and at most 1000 in all; got {stops} and {frames}"
        )));
    }
    let nz = explorer.0.directions.shape()[1];
    let places: Vec<Vec<f32>> = (0..stops).map(|_| Notebook.normal(nz)).collect();
    let mut z = Vec::new();
    for (i, from) in places.iter().enumerate() {
        // The last leads back to the first, since the film repeats.
        let to = &places[(i + 1) % stops];
        z.extend((0..frames).flat_map(|t| slerp(from, to, t as f64 / frames as f64)));
    }
    let z = Tensor::from_floats(z, &[stops * frames, nz], &device::current());
    let film = explorer.pictures(call, &z)?;
    let film = match *film.shape() {
        [n, d] if d.isqrt().pow(2) == d => film.reshape(&[n, d.isqrt(), d.isqrt()])?,
        _ => film,
    };
    let fps = FPS.of(call)?;
    call.apply_word("play", vec![wrap(film), Map::from([("fps".into(), fps.into())]).into()])
}

const STOPS: Param<usize> = param("stops", types::SIZE, "how many random z it passes").or(5);
const FRAMES: Param<usize> = param("frames", types::SIZE, "pictures from one to the next").or(12);

pub static KIND_EXPLORER: Kind = Kind {
    name: "explorer",
    summary: "a generator that is looked at with sliders: `.z` is where they stand, `.directions` what they are along; e.walk() is a film",
    id: || TypeId::of::<Explorer>(),
    show: |v| {
        let text = Explorer::read(v).map(|e| {
            let [count, nz] = [e.0.directions.shape()[0], e.0.directions.shape()[1]];
            let kind = if e.0.principal { "principal directions" } else { "directions" };
            format!("explorer of {count} {kind} in {nz} numbers")
        });
        Bundle::text(text.unwrap_or_default())
    },
    fields: &[
        Field {
            name: "z",
            ty: Ty::Tensor,
            doc: "where the sliders stand, [1, nz]",
            get: |v| Explorer::read(v)?.z().map(wrap),
        },
        Field {
            name: "directions",
            ty: Ty::Tensor,
            doc: "one row of length 1 for each slider, [count, nz]",
            get: |v| Ok(wrap(Explorer::read(v)?.0.directions.clone())),
        },
        Field {
            name: "sliders",
            ty: Ty::Array,
            doc: "the sliders, widgets whose `.value` can be set; with a pad those from the third direction on",
            get: |v| {
                let sliders = Explorer::read(v)?.0.sliders.clone();
                Ok(sliders.into_iter().map(Dynamic::from).collect::<Array>().into())
            },
        },
        Field {
            name: "pad",
            ty: Ty::Any,
            doc: "the square for the first two directions, a widget whose `.value` is [x, y]; () without one",
            get: |v| Ok(Explorer::read(v)?.0.pad.clone().map_or(Dynamic::UNIT, Dynamic::from)),
        },
    ],
    call: Some(&LOOK),
    ..KIND
};

const SELF: Param<Explorer> = param("explorer", types::EXPLORER, "the explorer");
static LOOK: Entry = Entry {
    name: "explorer",
    group: "widget",
    summary: "the picture where the sliders stand, and beside it the nearest of the data, as a figure",
    params: &[SELF.param()],
    returns: Ty::Of("figure"),
    examples: &[value(
        "after a slider was moved",
        "let G = sequential([linear(3, 64), sigmoid()]);\nlet e = explore(G);\ne.sliders[0].value = 2.0;\ne()",
        "8×8 image",
    )],
    call: look,
    ..ENTRY
};

const G: Param<Dynamic> = param(
    "G",
    types::any(Ty::OneOf(&[Ty::Of("network"), Ty::Function])),
    "takes z [n, nz], with classes also y [n]; gives pictures",
);
const DATA: Maybe<Dynamic> =
    param("data", types::any(Ty::OneOf(&[Ty::Of("dataset"), Ty::Tensor])), "where the nearest picture is looked for")
        .maybe("none");
const DIRECTIONS: Maybe<Dynamic> = param(
    "directions",
    types::any(Ty::OneOf(&[Ty::Text, Ty::Tensor])),
    "\"principal\", \"random\", or a tensor [k, nz], a direction in each row",
)
.maybe("\"principal\"");
const CLASSES: Maybe<Dynamic> = param(
    "classes",
    types::any(Ty::OneOf(&[Ty::Int, Ty::Array])),
    "how many, or their names: a choice of y, 0, 1, …, for G(z, y)",
)
.maybe("none");
const Z: Maybe<Tensor> = param("z", types::TENSOR, "where the sliders are at 0").maybe("random");
const NZ: Maybe<usize> = param("nz", types::SIZE, "how many numbers z has").maybe("as G's first layer takes");
static EXPLORE: Entry = Entry {
    name: "explore",
    group: "widget",
    summary: "a slider for each of a few directions of G's latent space (or a square for the first two), the picture there redrawn as they move, and beside it the \
              nearest training picture. Principal directions are those along which pictures change most",
    params: &[G.param()],
    options: &[DATA.opt(), DIRECTIONS.opt(), COUNT.opt(), PAD.opt(), CLASSES.opt(), Z.opt(), NZ.opt()],
    returns: Ty::Of("explorer"),
    shapes: "z is [n, nz]; pictures as show_grid takes them",
    errors: &[
        "how many numbers z has is not known",
        "directions or a z of another size",
        "data whose pictures have another size",
    ],
    source: &["GANSpace (", cite::HARKONEN_2020, ") for the principal directions"],
    examples: &[
        runs(
            "a generator beside its training data",
            "let G = sequential([linear(16, 64), sigmoid()]);\nexplore(G, #{ data: digits() })",
        ),
        runs(
            "of a class, by random directions",
            "let G = sequential([linear(14, 64), sigmoid()]);\nexplore(|z, y| G(cat([z, one_hot(y, 10)], #{ dim: 1 })), #{ nz: 4, classes: 10, directions: \"random\" })",
        ),
        value(
            "two directions at once, and where that is",
            "seed(0);\nlet G = sequential([linear(3, 64), sigmoid()]);\nlet e = explore(G, #{ pad: true, directions: eye(3), z: zeros([1, 3]) });\ne.pad.value = [1.5, -2.0];\ne.z.flatten().to_array()",
            "[1.5, -2.0, 0.0]",
        ),
        fails("a function says nothing of z", "explore(|z| z)", "how many numbers z has is not known"),
        fails(
            "data of another size",
            "explore(linear(4, 64), #{ data: zeros([5, 49]) })",
            "a picture of G has 64 pixels and one of data 49",
        ),
    ],
    call: explore,
};

const FPS: Param<f64> = param("fps", types::NUMBER, "frames a second, at most 50").or(12.0);
static WALK: Entry = Entry {
    name: "walk",
    group: "widget",
    summary: "a film on the way through random z on great circles, back to the first; of the class that is chosen",
    params: &[SELF.param()],
    options: &[STOPS.opt(), FRAMES.opt(), FPS.opt()],
    returns: Ty::Of("animation"),
    errors: &["fewer than two stops or frames, or more than 1000 in all"],
    source: &["great circles: ", cite::WHITE_2016],
    examples: &[value(
        "ten pictures",
        "let e = explore(sequential([linear(4, 64), sigmoid()]));\ne.walk(#{ stops: 2, frames: 5 })",
        "animation of 10 frames: 8×8 image",
    )],
    call: walk,
    ..ENTRY
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_great_circle_keeps_the_length_and_ends_where_it_should() {
        let (a, b) = ([3.0, 0.0, 0.0], [0.0, 3.0, 0.0]);
        let half = slerp(&a, &b, 0.5);
        let expected = 3.0 / 2f32.sqrt();
        assert!((half[0] - expected).abs() < 1e-6 && (half[1] - expected).abs() < 1e-6 && half[2] == 0.0);
        assert!(slerp(&a, &b, 1.0).iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-6));
        // Of parallel z there is no circle: the straight way.
        assert!((slerp(&[1.0, 0.0], &[2.0, 0.0], 0.5)[0] - 1.5).abs() < 1e-6);
    }
}
