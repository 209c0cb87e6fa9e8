//! Words that create tensors. They live on the current device (`device(…)`).

use crate::convert::{cut, held_by_floats, nested, nested_cut, wrap};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, Type, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Device, Dtype, Tensor, check_shape, device};

pub static ENTRIES: &[&Entry] =
    &[&TENSOR, &ZEROS, &ONES, &FULL, &EYE, &ARANGE, &LINSPACE, &ZEROS_LIKE, &ONES_LIKE, &FULL_LIKE];

const SHAPE: Param<Vec<usize>> =
    param("shape", types::TENSOR_SHAPE, "the sizes, one for each dim; [] is a single number");
const DTYPE: Maybe<Dtype> = param("dtype", NAMED, "`f32`, `int` or `bool`").maybe("\"f32\"");

/// A dtype by its name.
const NAMED: Type<Dtype> = Type::new(Ty::Text, |given| match types::TEXT.read(given)?.as_str() {
    "f32" | "float" => Ok(Dtype::F32),
    "int" => Ok(Dtype::Int),
    "bool" => Ok(Dtype::Bool),
    name => Err(Fault::value(format!("{}: there is no dtype \"{name}\"", given.word())).hint("f32, int or bool")),
});

const VALUES: Param<Dynamic> = param(
    "values",
    types::any(Ty::OneOf(&[Ty::Number, Ty::Bool, Ty::Array, Ty::Range, Ty::Tensor])),
    "numbers, ints or floats, nested one array for each dim, or a range of whole numbers",
);
const TENSOR_DTYPE: Maybe<Dtype> =
    param("dtype", NAMED, "`f32`, `int` or `bool`; truth values alone give bool").maybe("\"f32\"");
static TENSOR: Entry = Entry {
    name: "tensor",
    group: "creation",
    summary: "a tensor of the numbers in nested arrays, in a number or in another tensor (a copy without its past)",
    params: &[VALUES.param()],
    options: &[TENSOR_DTYPE.opt()],
    returns: Ty::Tensor,
    shapes: "n arrays of m numbers → [n, m]",
    errors: &[
        "rows of different lengths",
        "something that is not a number",
        "more than six dims",
        "whole numbers that floats round, with no dtype given",
    ],
    examples: &[
        value("a matrix", "tensor([[1, 2, 3], [4, 5, 6]]).shape", "[2, 3]"),
        value("a number", "tensor(0.5)", "tensor 0.5"),
        value("a range", "tensor(0..5).to_array()", "[0.0, 1.0, 2.0, 3.0, 4.0]"),
        value("labels", "tensor([2, 0], #{ dtype: \"int\" }).to_array()", "[2, 0]"),
        fails("rows of different lengths", "tensor([[1, 2], [3]])", "1 element where the first row has 2"),
        fails("not a number", "tensor([1, \"a\"])", "not a text"),
    ],
    call: |call| {
        let (values, dtype) = (VALUES.value(call), TENSOR_DTYPE.of(call)?);
        let built = match values.read_lock::<Tensor>() {
            Some(t) => t.detach(),
            None => nested(values, dtype, &device::current())?,
        };
        match dtype {
            Some(dtype) => super::value::converted(call.entry.name, &built, dtype).map(wrap),
            None => Ok(wrap(built)),
        }
    },
    ..ENTRY
};

/// The whole numbers in nested arrays, floats among them cut towards zero.
///
/// # Errors
/// As [`nested`]; floats that are not finite or beyond 64 bits.
pub(super) fn nested_whole(value: &Dynamic, on: &Device) -> Result<Tensor> {
    let has_tensors = value.read_lock::<Array>().is_some_and(|items| items.iter().any(|v| v.is::<Tensor>()));
    match has_tensors {
        true => super::value::converted("int", &nested(value, None, on)?, Dtype::Int),
        false => nested_cut(value, on),
    }
}

/// A word that fills a shape with one number, which was given as the whole number `exact` where it is one.
fn filled(call: &Call, v: f64, exact: Option<i64>) -> Result<Dynamic> {
    full_of(call, v, exact, (&SHAPE.of(call)?, DTYPE.of(call)?, &device::current()))
}

fn full_of(
    call: &Call,
    v: f64,
    exact: Option<i64>,
    (shape, to, on): (&[usize], Option<Dtype>, &Device),
) -> Result<Dynamic> {
    if to == Some(Dtype::Int) {
        // An int keeps every digit.
        let one = Tensor::from_ints(vec![exact.map_or_else(|| cut(v), Ok)?], &[], on);
        return one.broadcast_to(shape).map(wrap);
    }
    if to.is_none() {
        held_by_floats(call.entry.name, exact.as_slice())?;
    }
    let t = Tensor::full(v as f32, shape, on);
    Ok(wrap(to.map_or(t.clone(), |d| t.cast(d))))
}

static ZEROS: Entry = Entry {
    name: "zeros",
    group: "creation",
    summary: "a tensor full of 0",
    params: &[SHAPE.param()],
    options: &[DTYPE.opt()],
    returns: Ty::Tensor,
    errors: &["a size below 0", "more than six dims"],
    examples: &[
        value("a row", "zeros([3]).to_array()", "[0.0, 0.0, 0.0]"),
        fails("a size below 0", "zeros([-1])", "shape must be"),
    ],
    call: |call| filled(call, 0.0, None),
    ..ENTRY
};

static ONES: Entry = Entry {
    name: "ones",
    group: "creation",
    summary: "a tensor full of 1",
    params: &[SHAPE.param()],
    options: &[DTYPE.opt()],
    returns: Ty::Tensor,
    errors: &["a size below 0", "more than six dims"],
    examples: &[value("a sum of ones", "sum(ones([3, 4])).item()", "12.0")],
    call: |call| filled(call, 1.0, None),
    ..ENTRY
};

const VALUE: Param<f64> = param("value", types::NUMBER, "the number");
static FULL: Entry = Entry {
    name: "full",
    group: "creation",
    summary: "a tensor full of one number",
    params: &[SHAPE.param(), VALUE.param()],
    options: &[DTYPE.opt()],
    returns: Ty::Tensor,
    errors: &["a size below 0", "more than six dims"],
    examples: &[value("smoothed labels", "full([2], 0.75).to_array()", "[0.75, 0.75]")],
    call: |call| filled(call, VALUE.of(call)?, VALUE.value(call).as_int().ok()),
    ..ENTRY
};

const N: Param<usize> = param("n", types::SIZE, "rows and columns, ≥ 0");
static EYE: Entry = Entry {
    name: "eye",
    group: "creation",
    summary: "the identity matrix",
    params: &[N.param()],
    returns: Ty::Tensor,
    shapes: "[n, n]",
    errors: &["n is negative"],
    examples: &[value("two by two", "eye(2).to_array()", "[[1.0, 0.0], [0.0, 1.0]]")],
    call: |call| {
        let n = N.of(call)?;
        check_shape("eye", &[n, n])?;
        let values = (0..n * n).map(|i| if i / n == i % n { 1.0 } else { 0.0 }).collect();
        Ok(wrap(Tensor::from_floats(values, &[n, n], &device::current())))
    },
    ..ENTRY
};

const START: Param<f64> = param("start", types::NUMBER, "the first number; the end, from 0, where it stands alone");
const END: Maybe<f64> = param("end", types::NUMBER, "not reached").maybe("start");
const STEP: Param<f64> = param("step", types::NUMBER, "the distance; not 0; negative counts down").or(1.0);
static ARANGE: Entry = Entry {
    name: "arange",
    group: "creation",
    summary: "numbers at equal steps, the end left out: ints if all arguments are ints",
    params: &[START.param(), END.param(), STEP.param()],
    returns: Ty::Tensor,
    shapes: "[⌈(end − start) / step⌉]",
    errors: &["a step of 0", "an end that is not reached in the step's direction gives no elements"],
    examples: &[
        value("whole numbers", "arange(4).to_array()", "[0, 1, 2, 3]"),
        value("halves", "arange(0, 1.5, 0.5).to_array()", "[0.0, 0.5, 1.0]"),
        fails("no step", "arange(0, 5, 0)", "step must not be 0"),
    ],
    call: arange,
    ..ENTRY
};

fn arange(call: &mut Call) -> Result<Dynamic> {
    let (start, end) = match END.of(call)? {
        Some(end) => (START.of(call)?, end),
        None => (0.0, START.of(call)?),
    };
    let step = STEP.of(call)?;
    if step == 0.0 || !step.is_finite() {
        return Err(Fault::value(format!("arange: the step must not be 0, got {step}"))
            .hint("linspace(a, b, n) gives n numbers from a to b"));
    }
    let whole = call.args().map(|v| v.as_int().ok()).collect::<Option<Vec<i64>>>();
    match whole.as_deref() {
        Some(&[end]) => return whole_arange(0, end, 1),
        Some(&[start, end]) => return whole_arange(start, end, 1),
        Some(&[start, end, step]) => return whole_arange(start, end, step),
        _ => {}
    }
    let n = ((end - start) / step).ceil().max(0.0);
    // A number too large for an index saturates, and is refused with the others.
    check_shape("arange", &[n as usize])?;
    let numbers = (0..n as usize).map(|i| (start + i as f64 * step) as f32).collect();
    Ok(wrap(Tensor::from_floats(numbers, &[n as usize], &device::current())))
}

/// The same of whole numbers, of which a float would not hold every digit.
fn whole_arange(start: i64, end: i64, step: i64) -> Result<Dynamic> {
    let [from, to, by] = [start, end, step].map(i128::from);
    let (span, by_size) = if by > 0 { (to - from, by) } else { (from - to, -by) };
    let n = usize::try_from((span + by_size - 1).div_euclid(by_size).max(0)).unwrap_or(usize::MAX);
    check_shape("arange", &[n])?;
    // All lie between two ints.
    let numbers: Vec<i64> = (0..n as i128).map(|i| (from + i * by) as i64).collect();
    Ok(wrap(Tensor::from_ints(numbers, &[n], &device::current())))
}

const A: Param<f64> = param("a", types::NUMBER, "the first");
const B: Param<f64> = param("b", types::NUMBER, "the last");
const LINSPACE_N: Param<usize> = param("n", types::SIZE, "how many, ≥ 0");
static LINSPACE: Entry = Entry {
    name: "linspace",
    group: "creation",
    summary: "n numbers at equal steps from a to b, both included",
    params: &[A.param(), B.param(), LINSPACE_N.param()],
    returns: Ty::Tensor,
    shapes: "[n]",
    errors: &["n is negative"],
    examples: &[value("quarters", "linspace(0, 1, 5).to_array()", "[0.0, 0.25, 0.5, 0.75, 1.0]")],
    call: |call| {
        let (a, b, n) = (A.of(call)?, B.of(call)?, LINSPACE_N.of(call)?);
        check_shape("linspace", &[n])?;
        let step = (b - a) / n.saturating_sub(1).max(1) as f64;
        // From the nearer end, so that the last number is b exactly.
        let at = |i: usize| {
            if i < n / 2 { a + i as f64 * step } else { b - (n - 1 - i) as f64 * step }
        };
        let values = (0..n).map(|i| if n == 1 { a } else { at(i) } as f32).collect();
        Ok(wrap(Tensor::from_floats(values, &[n], &device::current())))
    },
    ..ENTRY
};

const LIKE: Maybe<Dtype> = param("dtype", NAMED, "`f32`, `int` or `bool`").maybe("as x");

/// A tensor full of one number like another one.
fn like(call: &Call, v: f32) -> Result<Dynamic> {
    let x = X.of(call)?;
    let to = LIKE.of(call)?.unwrap_or(x.dtype());
    Ok(wrap(Tensor::full(v, &x.shape(), &x.device()).cast(to)))
}

const X: Param<Tensor> = param("x", types::DATA, "gives the shape");
static ZEROS_LIKE: Entry = Entry {
    name: "zeros_like",
    group: "creation",
    summary: "zeros of the shape and the dtype of a tensor, on its device",
    params: &[X.param()],
    options: &[LIKE.opt()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[
        value("as labels", "zeros_like(ones([2])).to_array()", "[0.0, 0.0]"),
        value("whole numbers of whole numbers", "zeros_like(int([3, 4])).to_array()", "[0, 0]"),
    ],
    call: |call| like(call, 0.0),
    ..ENTRY
};

static ONES_LIKE: Entry = Entry {
    name: "ones_like",
    group: "creation",
    summary: "ones of the shape and the dtype of a tensor, on its device",
    params: &[X.param()],
    options: &[LIKE.opt()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value("as labels", "ones_like(zeros([2])).to_array()", "[1.0, 1.0]")],
    call: |call| like(call, 1.0),
    ..ENTRY
};

static FULL_LIKE: Entry = Entry {
    name: "full_like",
    group: "creation",
    summary: "one number everywhere, of the shape and the dtype of a tensor, on its device",
    params: &[X.param(), VALUE.param()],
    options: &[LIKE.opt()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[
        value("smoothed labels", "full_like(zeros([2]), 0.75).to_array()", "[0.75, 0.75]"),
        value("whole numbers of whole numbers", "full_like(int([3, 4]), 7).to_array()", "[7, 7]"),
    ],
    call: |call| {
        let x = X.of(call)?;
        // Of floats a number that they do not hold is refused.
        let to = LIKE.of(call)?.or((x.dtype() != Dtype::F32).then(|| x.dtype()));
        full_of(call, VALUE.of(call)?, VALUE.value(call).as_int().ok(), (&x.shape(), to, &x.device()))
    },
    ..ENTRY
};
