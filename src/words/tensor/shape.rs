//! Words that rearrange elements without computing: shapes and the order of dims.

use super::{NO_DIM, X};
use crate::convert::{ints, wrap};
use crate::types;
use rhai::Array;
use saddle_catalog::{ENTRY, Entry, Maybe, Param, Ty, Type, fails, param, value};
use saddle_fault::Fault;
use saddle_tensor::{Tensor, check_shape};

pub static ENTRIES: &[&Entry] = &[
    &RESHAPE,
    &FLATTEN,
    &TRANSPOSE,
    &T,
    &PERMUTE,
    &SQUEEZE,
    &UNSQUEEZE,
    &EXPAND,
    &REPEAT,
    &REPEAT_INTERLEAVE,
    &FLIP,
    &ROLL,
];

const GROUP: &str = "shape";

const SHAPE: Param<Array> = param("shape", types::ARRAY, "the sizes; one of them may be −1: it is worked out");
static RESHAPE: Entry = Entry {
    name: "reshape",
    group: GROUP,
    summary: "the same elements, in row-major order, in another shape",
    params: &[X.param(), SHAPE.param()],
    returns: Ty::Tensor,
    errors: &["a shape of another size", "two sizes of −1", "a rest that does not divide the size"],
    examples: &[
        value("rows", "arange(4).reshape([2, 2]).to_array()", "[[0, 1], [2, 3]]"),
        value("one size worked out", "zeros([6, 4]).reshape([-1, 8]).shape", "[3, 8]"),
        fails("another size", "zeros([6]).reshape([4])", "[6] has 6 elements, [4] has 4"),
    ],
    call: |call| {
        let shape = ints(SHAPE.value(call)).ok_or_else(|| SHAPE.wrong(call))?;
        let known: Vec<usize> = shape.iter().filter(|n| **n >= 0).map(|n| *n as usize).collect();
        check_shape("reshape", &known)?;
        X.of(call)?.reshape_infer(&shape).map(wrap)
    },
    ..ENTRY
};

const START: Param<isize> = param("start", types::DIM, "the first dim that is merged").or(0);
static FLATTEN: Entry = Entry {
    name: "flatten",
    group: GROUP,
    summary: "all dims from `start` on in one",
    params: &[X.param(), START.param()],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w] with start 1 → [n, c·h·w]",
    errors: &[NO_DIM],
    examples: &[value("images as rows", "zeros([8, 1, 4, 4]).flatten(1).shape", "[8, 16]")],
    call: |call| {
        let start = START.of(call)?;
        X.of(call)?.flatten(start).map(wrap)
    },
    ..ENTRY
};

const A: Param<isize> = param("a", types::DIM, "a dim");
const B: Param<isize> = param("b", types::DIM, "another dim");
static TRANSPOSE: Entry = Entry {
    name: "transpose",
    group: GROUP,
    summary: "two dims exchanged",
    params: &[X.param(), A.param(), B.param()],
    returns: Ty::Tensor,
    shapes: "[2, 3] → [3, 2]",
    errors: &[NO_DIM],
    examples: &[
        value("rows and columns", "tensor([[1, 2], [3, 4]]).transpose(0, 1).to_array()", "[[1.0, 3.0], [2.0, 4.0]]"),
        fails("no such dim", "zeros([2, 3]).transpose(0, 2)", "there is no dim 2 in shape [2, 3]"),
    ],
    call: |call| {
        let (a, b) = (A.of(call)?, B.of(call)?);
        X.of(call)?.transpose(a, b).map(wrap)
    },
    ..ENTRY
};

static T: Entry = Entry {
    name: "t",
    group: GROUP,
    summary: "the last two dims exchanged: the transposed matrix",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "[.., m, n] → [.., n, m]; a vector stays",
    examples: &[value("a matrix", "zeros([2, 3]).t().shape", "[3, 2]")],
    call: |call| X.of(call)?.t().map(wrap),
    ..ENTRY
};

const PERMUTE_DIMS: Param<Vec<isize>> =
    param("dims", types::DIMS.accepting(Ty::Array), "every dim once, in the new order");
static PERMUTE: Entry = Entry {
    name: "permute",
    group: GROUP,
    summary: "the dims in another order",
    params: &[X.param(), PERMUTE_DIMS.param()],
    returns: Ty::Tensor,
    errors: &["`dims` is not an order of all dims"],
    examples: &[
        value("channels last", "zeros([8, 3, 5, 4]).permute([0, 2, 3, 1]).shape", "[8, 5, 4, 3]"),
        fails("one left out", "zeros([2, 3]).permute([0])", "not an order of the dims"),
    ],
    call: |call| X.of(call)?.permute(&PERMUTE_DIMS.of(call)?).map(wrap),
    ..ENTRY
};

const DIM: Maybe<isize> =
    param("dim", types::DIM, "the dim; nothing happens if its size is not 1").maybe("all of size 1");
static SQUEEZE: Entry = Entry {
    name: "squeeze",
    group: GROUP,
    summary: "without the dims of size 1, or without one of them",
    params: &[X.param(), DIM.param()],
    returns: Ty::Tensor,
    shapes: "[2, 1, 3, 1] → [2, 3]",
    errors: &[NO_DIM],
    examples: &[
        value("all", "zeros([2, 1, 3, 1]).squeeze().shape", "[2, 3]"),
        value("one", "zeros([2, 1, 3, 1]).squeeze(1).shape", "[2, 3, 1]"),
    ],
    call: |call| {
        let at = DIM.of(call)?;
        X.of(call)?.squeeze(at).map(wrap)
    },
    ..ENTRY
};

const UNSQUEEZE_DIM: Param<isize> = param("dim", types::DIM, "where the new dim stands; −1: at the end");
static UNSQUEEZE: Entry = Entry {
    name: "unsqueeze",
    group: GROUP,
    summary: "a new dim of size 1",
    params: &[X.param(), UNSQUEEZE_DIM.param()],
    returns: Ty::Tensor,
    shapes: "[3] with dim 0 → [1, 3]",
    errors: &["a place beyond the rank", "a tensor of rank 6"],
    examples: &[
        value("a column", "zeros([3]).unsqueeze(-1).shape", "[3, 1]"),
        fails("beyond the end", "zeros([3]).unsqueeze(3)", "dim 3 is outside [3]"),
    ],
    call: |call| {
        let x = X.of(call)?;
        check_shape("unsqueeze", &[&x.shape()[..], &[1]].concat())?;
        x.unsqueeze(UNSQUEEZE_DIM.of(call)?).map(wrap)
    },
    ..ENTRY
};

const EXPAND_SHAPE: Param<Vec<usize>> = param("shape", types::TENSOR_SHAPE, "the new sizes");
static EXPAND: Entry = Entry {
    name: "expand",
    group: GROUP,
    summary: "repeated along dims of size 1, and along new dims in front, without a copy where the device can",
    params: &[X.param(), EXPAND_SHAPE.param()],
    returns: Ty::Tensor,
    errors: &["a size that is neither 1 nor the new one"],
    examples: &[
        value("rows of one row", "tensor([[1, 2]]).expand([2, 2]).to_array()", "[[1.0, 2.0], [1.0, 2.0]]"),
        fails("not of size 1", "zeros([2]).expand([3])", "[2] does not expand to [3]"),
    ],
    call: |call| {
        let shape = EXPAND_SHAPE.of(call)?;
        X.of(call)?.broadcast_to(&shape).map(wrap)
    },
    ..ENTRY
};

const TIMES: Param<Vec<usize>> =
    param("times", types::SHAPE, "copies along each dim; more numbers than dims add dims in front");
static REPEAT: Entry = Entry {
    name: "repeat",
    group: GROUP,
    summary: "the whole tensor again and again along each dim",
    params: &[X.param(), TIMES.param()],
    returns: Ty::Tensor,
    shapes: "[m, n] with times [a, b] → [a·m, b·n]",
    errors: &["fewer numbers than dims"],
    examples: &[
        value("twice", "tensor([1, 2]).repeat([2]).to_array()", "[1.0, 2.0, 1.0, 2.0]"),
        value("a batch of images", "zeros([2, 1, 3, 3]).repeat([4, 3, 1, 1]).shape", "[8, 3, 3, 3]"),
        fails("too few numbers", "zeros([2, 2]).repeat([2])", "at least 2 numbers"),
    ],
    call: |call| {
        let (x, times) = (X.of(call)?, TIMES.of(call)?);
        x.repeat(&times).map(wrap)
    },
    ..ENTRY
};

/// How often each place of a dim is repeated.
enum Times {
    All(i64),
    Each(Tensor),
}

const TIMES_EACH: Type<Times> =
    Type::new(Ty::OneOf(&[Ty::Int, Ty::Array, Ty::Tensor]), |given| match given.value.as_int() {
        Ok(k) => Ok(Times::All(k)),
        Err(_) => types::WHOLE.read(given).map(Times::Each),
    });
const REPEAT_INTERLEAVE_TIMES: Param<Times> =
    param("times", TIMES_EACH, "how often: one number, or one for each along the dim");
const REPEAT_INTERLEAVE_DIM: Maybe<isize> =
    param("dim", types::DIM, "the dim; −1 is the last").maybe("none: of the flattened tensor");
static REPEAT_INTERLEAVE: Entry = Entry {
    name: "repeat_interleave",
    group: GROUP,
    summary: "each element, or each slice of a dim, again and again, before the next",
    params: &[X.param(), REPEAT_INTERLEAVE_TIMES.param()],
    options: &[REPEAT_INTERLEAVE_DIM.opt()],
    returns: Ty::Tensor,
    shapes: "[n] with times k → [n·k]; [m, n] with dim 0 → [m·k, n]",
    errors: &[NO_DIM, "a negative number of times", "not as many numbers as the dim has places"],
    source: &["PyTorch's `torch.repeat_interleave`"],
    examples: &[
        value("each class twice", "repeat_interleave(int([0, 1, 2]), 2).to_array()", "[0, 0, 1, 1, 2, 2]"),
        value(
            "rows",
            "tensor([[1, 2], [3, 4]]).repeat_interleave([1, 2], #{ dim: 0 }).to_array()",
            "[[1.0, 2.0], [3.0, 4.0], [3.0, 4.0]]",
        ),
        fails("not one for each", "repeat_interleave(zeros([3]), [1, 2])", "2 numbers for 3 places"),
    ],
    call: |call| {
        let x = X.of(call)?;
        let (x, dim) = match REPEAT_INTERLEAVE_DIM.of(call)? {
            Some(dim) => (x, dim),
            None => (x.reshape(&[x.len()])?, 0),
        };
        super::reduce::check_dims("repeat_interleave", &x, &[dim])?;
        let at = if dim < 0 { dim + x.rank() as isize } else { dim };
        let n = x.shape()[at as usize];
        let times = match REPEAT_INTERLEAVE_TIMES.of(call)? {
            Times::All(k) => vec![k; n],
            Times::Each(times) => times.to_ints()?,
        };
        if times.len() != n {
            return Err(Fault::shape(format!("repeat_interleave: {} numbers for {n} places", times.len())));
        }
        if let Some(bad) = times.iter().find(|k| **k < 0) {
            return Err(Fault::value(format!("repeat_interleave: times must not be negative, got {bad}")));
        }
        let total = times.iter().fold(0i64, |sum, k| sum.saturating_add(*k));
        let mut shape = x.shape().to_vec();
        shape[at as usize] = usize::try_from(total).unwrap_or(usize::MAX);
        check_shape("repeat_interleave", &shape)?;
        let places = (0i64..).zip(&times).flat_map(|(i, &k)| std::iter::repeat_n(i, k as usize));
        let places: Vec<i64> = places.collect();
        let count = places.len();
        x.index_select(dim, &Tensor::from_ints(places, &[count], &x.device())).map(wrap)
    },
    ..ENTRY
};

const FLIP_DIMS: Param<Vec<isize>> = param("dims", types::DIMS, "a dim, or an array of dims");
static FLIP: Entry = Entry {
    name: "flip",
    group: GROUP,
    summary: "reversed along dims",
    params: &[X.param(), FLIP_DIMS.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &[NO_DIM],
    examples: &[value("a row", "tensor([1, 2, 3]).flip(0).to_array()", "[3.0, 2.0, 1.0]")],
    call: |call| X.of(call)?.flip(&FLIP_DIMS.of(call)?).map(wrap),
    ..ENTRY
};

const SHIFT: Param<i64> = param("shift", types::INT, "by how many places; below 0 to the front");
const ROLL_DIM: Param<isize> = param("dim", types::DIM, "the dim; −1 is the last");
static ROLL: Entry = Entry {
    name: "roll",
    group: GROUP,
    summary: "moved along a dim; what falls off the end comes in at the front",
    params: &[X.param(), SHIFT.param(), ROLL_DIM.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &[NO_DIM],
    examples: &[
        value("by one", "tensor([1, 2, 3]).roll(1, 0).to_array()", "[3.0, 1.0, 2.0]"),
        value("to the front", "tensor([[1, 2, 3]]).roll(-1, 1).to_array()", "[[2.0, 3.0, 1.0]]"),
        fails("no such dim", "zeros([2]).roll(1, 4)", "roll: "),
    ],
    call: |call| {
        let (x, dim) = (X.of(call)?, ROLL_DIM.of(call)?);
        super::reduce::check_dims(call.entry.name, &x, &[dim])?;
        let size = x.shape()[(if dim < 0 { dim + x.rank() as isize } else { dim }) as usize];
        let cut = (-SHIFT.of(call)?).rem_euclid(size.max(1) as i64) as usize;
        Tensor::cat(&[x.narrow(dim, cut..size)?, x.narrow(dim, 0..cut)?], dim).map(wrap)
    },
    ..ENTRY
};
