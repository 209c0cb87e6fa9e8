//! Words that draw random numbers, from the notebook's stream or from one of their own (`rng(n)`).
//!
//! The same seed gives the same numbers, bit for bit, on every device and with any number of threads.

use super::X;
use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Example, KIND, Kind, Maybe, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_session::output::Bundle;
use saddle_tensor::{Dtype, Tensor, check_shape, random, shown};
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[
    &SEED,
    &RNG,
    &RANDN[0],
    &RANDN[1],
    &RAND[0],
    &RAND[1],
    &RANDN_LIKE,
    &RAND_LIKE,
    &UNIFORM[0],
    &UNIFORM[1],
    &RANDINT[0],
    &RANDINT[1],
    &BERNOULLI[0],
    &BERNOULLI[1],
    &CATEGORICAL[0],
    &CATEGORICAL[1],
    &PERMUTATION[0],
    &PERMUTATION[1],
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

const SEED_N: Param<i64> = param("n", types::INT, "any whole number");
static SEED: Entry = Entry {
    name: "seed",
    group: "random",
    summary: "restarts the notebook's stream of random numbers: what follows is drawn again bit for bit",
    params: &[SEED_N.param()],
    examples: &[value(
        "the same again",
        "seed(7); let a = randn([4]); seed(7); sum(abs(a - randn([4]))).item()",
        "0.0",
    )],
    call: |call| {
        random::seed(SEED_N.of(call)? as u64);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const RNG_N: Param<i64> = param("n", types::INT, "the seed: any whole number");
static RNG: Entry = Entry {
    name: "rng",
    group: "random",
    summary: "a stream of random numbers of its own; drawing from it leaves the notebook's stream alone",
    params: &[RNG_N.param()],
    returns: Ty::Of("rng"),
    examples: &[value(
        "independent of what is drawn elsewhere",
        "let a = rng(1).randn([3]); randn([5]); sum(abs(a - rng(1).randn([3]))).item()",
        "0.0",
    )],
    call: |call| {
        let seed = RNG_N.of(call)?;
        let stream = Rc::new(RefCell::new(random::Stream::new(seed as u64)));
        Ok(Dynamic::from(Rng { seed, stream }))
    },
    ..ENTRY
};

/// Draws from the stream given in front of the other arguments, or from the notebook's.
pub(super) fn draw(call: &Call, f: impl FnOnce() -> Result<Tensor>) -> Result<Dynamic> {
    let own = call.args().next().and_then(|first| first.read_lock::<Rng>().map(|r| r.clone()));
    match own {
        Some(rng) => random::using(&mut rng.stream.borrow_mut(), f),
        None => f(),
    }
    .map(wrap)
}

pub(super) const STREAM: Param<Rng> = param("r", types::RNG, "the stream to draw from");
pub(super) const SHAPE: Param<Vec<usize>> =
    param("shape", types::TENSOR_SHAPE, "the sizes, one for each dim; [] is a single number");

/// The record of a word that draws from the notebook's stream, and the same with a stream in front: `r.randn([3])`.
pub(super) const fn from_either(entry: Entry, params: &'static [AnyParam], examples: &'static [Example]) -> [Entry; 2] {
    [entry, Entry { params, examples, ..entry }]
}

static RANDN: [Entry; 2] = from_either(
    Entry {
        name: "randn",
        group: "random",
        summary: "standard normal numbers: mean 0, standard deviation 1",
        params: &[SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a size below 0"],
        examples: &[
            value("a noise batch", "randn([64, 100]).shape", "[64, 100]"),
            value("its mean is near 0", "seed(0); abs(mean(randn([100000]))) < 0.02", "true"),
        ],
        call: |call| draw(call, || Ok(random::normal(&SHAPE.of(call)?))),
        ..ENTRY
    },
    &[STREAM.param(), SHAPE.param()],
    &[value("the same seed, the same numbers", "sum(abs(rng(3).randn([4]) - rng(3).randn([4]))).item()", "0.0")],
);

static RAND: [Entry; 2] = from_either(
    Entry {
        name: "rand",
        group: "random",
        summary: "uniform numbers in [0, 1)",
        params: &[SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a size below 0"],
        examples: &[value("in range", "let u = rand([1000]); min(u) >= 0 && max(u) < 1", "true")],
        call: |call| draw(call, || Ok(random::uniform(&SHAPE.of(call)?))),
        ..ENTRY
    },
    &[STREAM.param(), SHAPE.param()],
    &[value("another draw from the same stream", "let r = rng(3); r.rand([1]).item() == r.rand([1]).item()", "false")],
);

static RAND_LIKE: Entry = Entry {
    name: "rand_like",
    group: "random",
    summary: "uniform numbers in [0, 1) of the shape of a tensor, on its device",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value("in range", "let u = rand_like(zeros([40, 25])); min(u) >= 0 && max(u) < 1", "true")],
    call: |call| {
        let x = X.of(call)?;
        Ok(wrap(random::uniform(&x.shape()).to_device(&x.device())))
    },
    ..ENTRY
};

static RANDN_LIKE: Entry = Entry {
    name: "randn_like",
    group: "random",
    summary: "standard normal numbers of the shape of a tensor, on its device",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[
        value("noise on a picture", "let x = zeros([3, 4]); (x + 0.1 * randn_like(x)).shape", "[3, 4]"),
        value("spread", "seed(0); abs(std(randn_like(zeros([10000]))) - 1) < 0.05", "true"),
    ],
    call: |call| {
        let x = X.of(call)?;
        Ok(wrap(random::normal(&x.shape()).to_device(&x.device())))
    },
    ..ENTRY
};

const LO: Param<f64> = param("a", types::NUMBER, "the lower end, included");
const HI: Param<f64> = param("b", types::NUMBER, "the upper end");
static UNIFORM: [Entry; 2] = from_either(
    Entry {
        name: "uniform",
        group: "random",
        summary: "uniform numbers from a to b",
        params: &[LO.param(), HI.param(), SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a above b, or too far from it for floats", "a size below 0"],
        examples: &[
            value("in range", "let u = uniform(-1, 1, [1000]); min(u) >= -1 && max(u) <= 1", "true"),
            fails("ends exchanged", "uniform(1, 0, [3])", "from 1 to 0"),
        ],
        call: |call| {
            draw(call, || {
                let (a, b) = (LO.of(call)?, HI.of(call)?);
                if a > b || !(b - a).is_finite() {
                    return Err(Fault::value(format!("uniform: there are no numbers from {a} to {b}")));
                }
                if [a, b, b - a].iter().any(|v| !(*v as f32).is_finite()) {
                    return Err(Fault::value(format!("uniform: from {a:?} to {b:?} it is further than floats reach")));
                }
                let u = random::uniform(&SHAPE.of(call)?);
                Ok(u.mul_scalar((b - a) as f32)?.add_scalar(a as f32)?.detach())
            })
        },
        ..ENTRY
    },
    &[STREAM.param(), LO.param(), HI.param(), SHAPE.param()],
    &[value("in range", "let u = rng(3).uniform(5, 6, [100]); min(u) >= 5 && max(u) <= 6", "true")],
);

const FROM: Param<i64> = param("a", types::INT, "the least, included");
const TO: Param<i64> = param("b", types::INT, "the end, left out");
static RANDINT: [Entry; 2] = from_either(
    Entry {
        name: "randint",
        group: "random",
        summary: "whole numbers from a to b, b left out: an int tensor",
        params: &[FROM.param(), TO.param(), SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a is not below b", "a size below 0"],
        examples: &[
            value("dice", "let d = randint(1, 7, [600]); min(d).item() >= 1 && max(d).item() <= 6", "true"),
            fails("nothing between", "randint(3, 3, [2])", "no whole numbers from 3 to 3"),
        ],
        call: |call| {
            draw(call, || {
                let (a, b) = (FROM.of(call)?, TO.of(call)?);
                if a >= b {
                    return Err(Fault::value(format!("randint: there are no whole numbers from {a} to {b}"))
                        .hint("the end is left out: randint(0, 2, shape) gives 0 and 1"));
                }
                Ok(random::integers(a, b, &SHAPE.of(call)?))
            })
        },
        ..ENTRY
    },
    &[STREAM.param(), FROM.param(), TO.param(), SHAPE.param()],
    &[value("only one is possible", "rng(3).randint(4, 5, [2]).to_array()", "[4, 4]")],
);

const P: Param<Tensor> =
    param("p", types::TENSOR_LIKE, "the probability of 1, in [0, 1]: a number, or a tensor with one for each element");

const BERNOULLI_SHAPE: Maybe<Vec<usize>> =
    param("shape", types::TENSOR_SHAPE, "the sizes; left out where p is a tensor").maybe("as p");
static BERNOULLI: [Entry; 2] = from_either(
    Entry {
        name: "bernoulli",
        group: "random",
        summary: "0 or 1, each 1 with its probability; no gradient passes",
        params: &[P.param(), BERNOULLI_SHAPE.param()],
        returns: Ty::Tensor,
        errors: &["a probability outside [0, 1]", "a number without a shape"],
        examples: &[
            value("sure things", "bernoulli(tensor([0, 1, 1])).to_array()", "[0.0, 1.0, 1.0]"),
            fails("no probability", "bernoulli(1.5, [2])", "outside [0, 1]"),
        ],
        call: |call| draw(call, || bernoulli(call)),
        ..ENTRY
    },
    &[STREAM.param(), P.param(), BERNOULLI_SHAPE.param()],
    &[value("sure things", "rng(3).bernoulli(1, [2]).to_array()", "[1.0, 1.0]")],
);

fn bernoulli(call: &Call) -> Result<Tensor> {
    let p = P.of(call)?;
    if let Some(bad) = p.to_floats()?.into_iter().find(|v| !(0.0..=1.0).contains(v)) {
        return Err(Fault::value(format!("bernoulli: the probability {bad} lies outside [0, 1]")));
    }
    let shape = match BERNOULLI_SHAPE.of(call)? {
        Some(shape) => shape,
        None if P.value(call).is::<Tensor>() => p.shape().to_vec(),
        None => {
            return Err(Fault::type_("bernoulli: a single probability needs a shape").hint("bernoulli(0.5, [64, 1])"));
        }
    };
    // u < p with u in [0, 1): never for p = 0, always for p = 1.
    Ok(random::uniform(&shape).to_device(&p.device()).lt(&p)?.cast(Dtype::F32))
}

const WEIGHTS: Param<Tensor> =
    param("weights", types::DATA, "not negative; each row is one distribution, and need not add up to 1");
const COUNT: Maybe<usize> = param("n", types::SIZE, "how many to draw, of rank-1 weights only").maybe("1 of each row");
static CATEGORICAL: [Entry; 2] = from_either(
    Entry {
        name: "categorical",
        group: "random",
        summary: "classes drawn with the given weights: an int tensor",
        params: &[WEIGHTS.param(), COUNT.param()],
        returns: Ty::Tensor,
        shapes: "[classes] and n → [n]; [rows, classes] → [rows]",
        errors: &["a negative weight, or weights that are all 0", "n together with rows", "rank above 2"],
        examples: &[
            value("only one is possible", "categorical([0, 1, 0], 3).to_array()", "[1, 1, 1]"),
            fails("nothing to draw", "categorical([0, 0], 1)", "add up to 0"),
        ],
        call: |call| draw(call, || categorical(call)),
        ..ENTRY
    },
    &[STREAM.param(), WEIGHTS.param(), COUNT.param()],
    &[value("one of each row", "rng(3).categorical([[0, 1], [1, 0]]).to_array()", "[1, 0]")],
);

fn categorical(call: &Call) -> Result<Tensor> {
    let (w, count) = (WEIGHTS.of(call)?, COUNT.of(call)?);
    let (shape, values) = (w.shape(), w.to_floats()?);
    let (rows, classes) = match (&shape[..], count) {
        (&[classes], Some(n)) => (n, classes),
        (&[classes], None) => (1, classes),
        (&[rows, classes], None) => (rows, classes),
        _ => {
            return Err(Fault::shape(format!(
                "categorical: needs [classes] and n, or [rows, classes] alone, got {}",
                shown(&shape)
            )));
        }
    };
    let uniform = random::uniform(&[rows]).to_floats()?;
    let drawn: Vec<i32> = match shape.len() {
        // Looked through once, not for each draw.
        1 if rows > 0 => {
            let up_to = running(&values)?;
            uniform.iter().map(|&u| pick(&up_to, u)).collect()
        }
        1 => Vec::new(),
        _ => {
            let row = |r: usize| Ok(pick(&running(&values[r * classes..(r + 1) * classes])?, uniform[r]));
            (0..rows).map(row).collect::<Result<_>>()?
        }
    };
    let out: &[usize] = if shape.len() == 1 && count.is_none() { &[] } else { &[rows] };
    Ok(Tensor::from_ints(drawn, out, &w.device()))
}

/// The sum of the weights up to each class, that class's among them.
fn running(weights: &[f32]) -> Result<Vec<f64>> {
    if let Some(bad) = weights.iter().find(|w| !(**w >= 0.0 && w.is_finite())) {
        return Err(Fault::value(format!("categorical: a weight must be ≥ 0, got {bad}")));
    }
    let up_to: Vec<f64> = weights
        .iter()
        .scan(0.0, |total, &w| {
            *total += f64::from(w);
            Some(*total)
        })
        .collect();
    match up_to.last() {
        Some(&total) if total > 0.0 => Ok(up_to),
        _ => Err(Fault::value("categorical: the weights add up to 0, so there is nothing to draw")),
    }
}

/// The class at `u` ∈ [0, 1): the first whose running sum exceeds that share of the total, so that none has weight 0.
fn pick(up_to: &[f64], u: f32) -> i32 {
    let total = up_to.last().copied().unwrap_or(0.0);
    let target = f64::from(u) * total;
    up_to.partition_point(|&sum| sum <= target) as i32
}

const N: Param<usize> = param("n", types::SIZE, "how many, ≥ 0");
static PERMUTATION: [Entry; 2] = from_either(
    Entry {
        name: "permutation",
        group: "random",
        summary: "the whole numbers from 0 to n − 1 in random order: an int tensor",
        params: &[N.param()],
        returns: Ty::Tensor,
        shapes: "[n]",
        errors: &["n is negative"],
        examples: &[value("each once", "sort(permutation(5)).values.to_array()", "[0, 1, 2, 3, 4]")],
        call: |call| {
            draw(call, || {
                let n = N.of(call)?;
                check_shape("permutation", &[n])?;
                Ok(random::permutation(n))
            })
        },
        ..ENTRY
    },
    &[STREAM.param(), N.param()],
    &[value("each once", "sort(rng(3).permutation(3)).values.to_array()", "[0, 1, 2]")],
);
