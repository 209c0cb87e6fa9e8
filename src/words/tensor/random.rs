//! Words that draw random numbers, from the notebook's stream or from one of their own (`rng(n)`).
//!
//! The same seed gives the same numbers, bit for bit, on every device and with any number of threads.

use super::{DATA, coerce, fails, param, value, wrap};
use rhai::Dynamic;
use saddle_catalog::{Args, Call, ENTRY, Entry, Example, KIND, Kind, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Dtype, Tensor, check_shape, device, random, shown};
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[
    &SEED,
    &RNG,
    &RANDN,
    &RANDN_FROM,
    &RAND,
    &RAND_FROM,
    &UNIFORM,
    &UNIFORM_FROM,
    &RANDINT,
    &RANDINT_FROM,
    &BERNOULLI,
    &BERNOULLI_FROM,
    &CATEGORICAL,
    &CATEGORICAL_FROM,
    &PERMUTATION,
    &PERMUTATION_FROM,
];
pub static KINDS: &[&Kind] = &[&RNG_KIND];

/// A stream of random numbers of its own. Copies draw from the same stream.
#[derive(Clone)]
pub struct Rng {
    seed: i64,
    stream: Rc<RefCell<saddle_tensor::random::Stream>>,
}

impl Rng {
    /// Where the stream stands.
    pub(crate) fn stream(&self) -> random::Stream {
        *self.stream.borrow()
    }

    /// Goes on from another place.
    pub(crate) fn set_stream(&self, stream: random::Stream) {
        *self.stream.borrow_mut() = stream;
    }
}

static RNG_KIND: Kind = Kind {
    name: "rng",
    summary: "a stream of random numbers of its own: `r.randn([3])` draws from it",
    id: TypeId::of::<Rng>,
    show: |v| {
        let text = v.read_lock::<Rng>().map(|r| format!("rng({})", r.seed));
        Bundle::text(text.unwrap_or_default())
    },
    ..KIND
};

static SEED: Entry = Entry {
    name: "seed",
    group: "random",
    summary: "restarts the notebook's stream of random numbers: what follows is drawn again bit for bit",
    params: &[param("n", Ty::Int, "any whole number")],
    examples: &[value(
        "the same again",
        "seed(7); let a = randn([4]); seed(7); sum(abs(a - randn([4]))).item()",
        "0.0",
    )],
    call: |call| {
        random::seed(call.args.int(0)? as u64);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static RNG: Entry = Entry {
    name: "rng",
    group: "random",
    summary: "a stream of random numbers of its own; drawing from it leaves the notebook's stream alone",
    params: &[param("n", Ty::Int, "the seed: any whole number")],
    returns: Ty::Of("rng"),
    examples: &[value(
        "independent of what is drawn elsewhere",
        "let a = rng(1).randn([3]); randn([5]); sum(abs(a - rng(1).randn([3]))).item()",
        "0.0",
    )],
    call: |call| {
        let seed = call.args.int(0)?;
        let stream = Rc::new(RefCell::new(random::Stream::new(seed as u64)));
        Ok(Dynamic::from(Rng { seed, stream }))
    },
    ..ENTRY
};

/// Draws with the arguments from `first` on: from the stream given before them, or from the notebook's.
pub(super) fn draw(call: &Call, f: impl FnOnce(&Args, usize) -> Result<Tensor>) -> Result<Dynamic> {
    let own = call.args.any(0).read_lock::<Rng>().map(|r| r.clone());
    match own {
        Some(rng) => random::using(&mut rng.stream.borrow_mut(), || f(&call.args, 1)),
        None => f(&call.args, 0),
    }
    .map(wrap)
}

/// The shape at parameter `i`.
pub(super) fn shape(args: &Args, i: usize) -> Result<Vec<usize>> {
    let shape = args.shape(i)?;
    check_shape("shape", &shape)?;
    Ok(shape)
}

pub(super) const STREAM: Param = param("r", Ty::Of("rng"), "the stream to draw from");
pub(super) const SHAPE: Param = param("shape", Ty::Shape, "the sizes, one for each dim; [] is a single number");

/// The same word with a stream in front: `r.randn([3])`.
pub(super) const fn from_stream(entry: Entry, params: &'static [Param], examples: &'static [Example]) -> Entry {
    Entry { params, examples, ..entry }
}

const RANDN_: Entry = Entry {
    name: "randn",
    group: "random",
    summary: "standard normal numbers: mean 0, standard deviation 1",
    params: &[SHAPE],
    returns: Ty::Tensor,
    errors: &["a size below 0"],
    examples: &[
        value("a noise batch", "randn([64, 100]).shape", "[64, 100]"),
        value("its mean is near 0", "seed(0); abs(mean(randn([100000]))) < 0.02", "true"),
    ],
    call: |call| draw(call, |args, i| Ok(random::normal(&shape(args, i)?))),
    ..ENTRY
};
static RANDN: Entry = RANDN_;
static RANDN_FROM: Entry = from_stream(
    RANDN_,
    &[STREAM, SHAPE],
    &[value("the same seed, the same numbers", "sum(abs(rng(3).randn([4]) - rng(3).randn([4]))).item()", "0.0")],
);

const RAND_: Entry = Entry {
    name: "rand",
    group: "random",
    summary: "uniform numbers in [0, 1)",
    params: &[SHAPE],
    returns: Ty::Tensor,
    errors: &["a size below 0"],
    examples: &[value("in range", "let u = rand([1000]); min(u) >= 0 && max(u) < 1", "true")],
    call: |call| draw(call, |args, i| Ok(random::uniform(&shape(args, i)?))),
    ..ENTRY
};
static RAND: Entry = RAND_;
static RAND_FROM: Entry = from_stream(
    RAND_,
    &[STREAM, SHAPE],
    &[value("another draw from the same stream", "let r = rng(3); r.rand([1]).item() == r.rand([1]).item()", "false")],
);

const LO: Param = param("a", Ty::Number, "the lower end, included");
const HI: Param = param("b", Ty::Number, "the upper end");

const UNIFORM_: Entry = Entry {
    name: "uniform",
    group: "random",
    summary: "uniform numbers from a to b",
    params: &[LO, HI, SHAPE],
    returns: Ty::Tensor,
    errors: &["a above b", "a size below 0"],
    examples: &[
        value("in range", "let u = uniform(-1, 1, [1000]); min(u) >= -1 && max(u) <= 1", "true"),
        fails("ends exchanged", "uniform(1, 0, [3])", "from 1 to 0"),
    ],
    call: |call| {
        draw(call, |args, i| {
            let (a, b) = (args.number(i)?, args.number(i + 1)?);
            if a > b || !(b - a).is_finite() {
                return Err(Fault::value(format!("uniform: there are no numbers from {a} to {b}")));
            }
            let u = random::uniform(&shape(args, i + 2)?);
            Ok(u.mul_scalar((b - a) as f32)?.add_scalar(a as f32)?.detach())
        })
    },
    ..ENTRY
};
static UNIFORM: Entry = UNIFORM_;
static UNIFORM_FROM: Entry = from_stream(
    UNIFORM_,
    &[STREAM, LO, HI, SHAPE],
    &[value("in range", "let u = rng(3).uniform(5, 6, [100]); min(u) >= 5 && max(u) <= 6", "true")],
);

const FROM: Param = param("a", Ty::Int, "the least, included");
const TO: Param = param("b", Ty::Int, "the end, left out");

const RANDINT_: Entry = Entry {
    name: "randint",
    group: "random",
    summary: "whole numbers from a to b, b left out: an int tensor",
    params: &[FROM, TO, SHAPE],
    returns: Ty::Tensor,
    errors: &["a is not below b", "a size below 0"],
    examples: &[
        value("dice", "let d = randint(1, 7, [600]); min(d).item() >= 1 && max(d).item() <= 6", "true"),
        fails("nothing between", "randint(3, 3, [2])", "no whole numbers from 3 to 3"),
    ],
    call: |call| {
        draw(call, |args, i| {
            let (a, b) = (args.int(i)?, args.int(i + 1)?);
            if a >= b {
                return Err(Fault::value(format!("randint: there are no whole numbers from {a} to {b}"))
                    .hint("the end is left out: randint(0, 2, shape) gives 0 and 1"));
            }
            Ok(random::integers(a, b, &shape(args, i + 2)?))
        })
    },
    ..ENTRY
};
static RANDINT: Entry = RANDINT_;
static RANDINT_FROM: Entry = from_stream(
    RANDINT_,
    &[STREAM, FROM, TO, SHAPE],
    &[value("only one is possible", "rng(3).randint(4, 5, [2]).to_array()", "[4, 4]")],
);

const P: Param =
    param("p", Ty::TensorLike, "the probability of 1, in [0, 1]: a number, or a tensor with one for each element");
const BERNOULLI_: Entry = Entry {
    name: "bernoulli",
    group: "random",
    summary: "0 or 1, each 1 with its probability; no gradient passes",
    params: &[P, super::optional("shape", Ty::Shape, "as p", "the sizes; left out where p is a tensor")],
    returns: Ty::Tensor,
    errors: &["a probability outside [0, 1]", "a number without a shape"],
    examples: &[
        value("sure things", "bernoulli(tensor([0, 1, 1])).to_array()", "[0.0, 1.0, 1.0]"),
        fails("no probability", "bernoulli(1.5, [2])", "outside [0, 1]"),
    ],
    call: |call| draw(call, bernoulli),
    ..ENTRY
};
static BERNOULLI: Entry = BERNOULLI_;
static BERNOULLI_FROM: Entry = from_stream(
    BERNOULLI_,
    &[STREAM, P, super::optional("shape", Ty::Shape, "as p", "the sizes; left out where p is a tensor")],
    &[value("sure things", "rng(3).bernoulli(1, [2]).to_array()", "[1.0, 1.0]")],
);

fn bernoulli(args: &Args, i: usize) -> Result<Tensor> {
    let p = coerce(args.any(i), &device::current())?.ok_or_else(|| args.wrong(i))?;
    if let Some(bad) = p.to_floats()?.into_iter().find(|v| !(0.0..=1.0).contains(v)) {
        return Err(Fault::value(format!("bernoulli: the probability {bad} lies outside [0, 1]")));
    }
    let shape = match args.has(i + 1) {
        true => shape(args, i + 1)?,
        false if args.any(i).is::<Tensor>() => p.shape().to_vec(),
        false => {
            return Err(Fault::type_("bernoulli: a single probability needs a shape").hint("bernoulli(0.5, [64, 1])"));
        }
    };
    // u < p with u in [0, 1): never for p = 0, always for p = 1.
    Ok(random::uniform(&shape).lt(&p)?.cast(Dtype::F32))
}

const WEIGHTS: Param = param("weights", DATA, "not negative; each row is one distribution, and need not add up to 1");
const COUNT: Param = super::optional("n", Ty::Int, "1 of each row", "how many to draw, of rank-1 weights only");

const CATEGORICAL_: Entry = Entry {
    name: "categorical",
    group: "random",
    summary: "classes drawn with the given weights: an int tensor",
    params: &[WEIGHTS, COUNT],
    returns: Ty::Tensor,
    shapes: "[classes] and n → [n]; [rows, classes] → [rows]",
    errors: &["a negative weight, or weights that are all 0", "n together with rows", "rank above 2"],
    examples: &[
        value("only one is possible", "categorical([0, 1, 0], 3).to_array()", "[1, 1, 1]"),
        fails("nothing to draw", "categorical([0, 0], 1)", "add up to 0"),
    ],
    call: |call| draw(call, categorical),
    ..ENTRY
};
static CATEGORICAL: Entry = CATEGORICAL_;
static CATEGORICAL_FROM: Entry = from_stream(
    CATEGORICAL_,
    &[STREAM, WEIGHTS, COUNT],
    &[value("one of each row", "rng(3).categorical([[0, 1], [1, 0]]).to_array()", "[1, 0]")],
);

fn categorical(args: &Args, i: usize) -> Result<Tensor> {
    let w = coerce(args.any(i), &device::current())?.ok_or_else(|| args.wrong(i))?;
    let (shape, values) = (w.shape(), w.to_floats()?);
    let (rows, classes) = match (&shape[..], args.has(i + 1)) {
        (&[classes], true) => (args.size(i + 1)?, classes),
        (&[classes], false) => (1, classes),
        (&[rows, classes], false) => (rows, classes),
        _ => {
            return Err(Fault::shape(format!(
                "categorical: needs [classes] and n, or [rows, classes] alone, got {}",
                shown(&shape)
            )));
        }
    };
    let uniform = random::uniform(&[rows]).to_floats()?;
    let row = |r: usize| match shape.len() {
        1 => &values[..],
        _ => &values[r * classes..(r + 1) * classes],
    };
    let drawn = (0..rows).map(|r| pick(row(r), uniform[r])).collect::<Result<Vec<_>>>()?;
    let out: &[usize] = if shape.len() == 1 && !args.has(i + 1) { &[] } else { &[rows] };
    Ok(Tensor::from_ints(drawn, out, &w.device()))
}

/// The class at `u` ∈ [0, 1) of the distribution with these weights.
fn pick(weights: &[f32], u: f32) -> Result<i32> {
    if let Some(bad) = weights.iter().find(|w| !(**w >= 0.0 && w.is_finite())) {
        return Err(Fault::value(format!("categorical: a weight must be ≥ 0, got {bad}")));
    }
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    if total == 0.0 {
        return Err(Fault::value("categorical: the weights add up to 0, so there is nothing to draw"));
    }
    let target = f64::from(u) * total;
    let mut reached = 0.0;
    let last = weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
    let found = weights.iter().position(|&w| {
        reached += f64::from(w);
        w > 0.0 && target < reached
    });
    Ok(found.unwrap_or(last) as i32)
}

const N: Param = param("n", Ty::Int, "how many, ≥ 0");
const PERMUTATION_: Entry = Entry {
    name: "permutation",
    group: "random",
    summary: "the whole numbers from 0 to n − 1 in random order: an int tensor",
    params: &[N],
    returns: Ty::Tensor,
    shapes: "[n]",
    errors: &["n is negative"],
    examples: &[value("each once", "sort(permutation(5)).values.to_array()", "[0, 1, 2, 3, 4]")],
    call: |call| {
        draw(call, |args, i| {
            let n = args.size(i)?;
            check_shape("permutation", &[n])?;
            Ok(random::permutation(n))
        })
    },
    ..ENTRY
};
static PERMUTATION: Entry = PERMUTATION_;
static PERMUTATION_FROM: Entry = from_stream(
    PERMUTATION_,
    &[STREAM, N],
    &[value("each once", "sort(rng(3).permutation(3)).values.to_array()", "[0, 1, 2]")],
);
