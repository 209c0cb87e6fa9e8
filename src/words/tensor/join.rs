//! Words that join tensors, cut them into pieces and add margins.

use super::X;
use crate::convert::{coerce, ints, wrap, wrap_all};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, check_shape, device, shown};

pub static ENTRIES: &[&Entry] = &[&CAT, &STACK, &SPLIT, &CHUNK, &PAD];

const GROUP: &str = "shape";
const DIM: Param<isize> = param("dim", types::DIM, "the dim; −1 is the last").or(0);
const PARTS: Param<Array> = param("parts", types::ARRAY, "the tensors; numbers among them count as tensors of rank 0");

/// The tensors in the array at parameter 0.
fn parts(call: &Call) -> Result<Vec<Tensor>> {
    let items = PARTS.of(call)?;
    let on = items.iter().find_map(|v| v.read_lock::<Tensor>().map(|t| t.device())).unwrap_or_else(device::current);
    let name = call.entry.name;
    if items.is_empty() {
        return Err(Fault::value(format!("{name}: there is nothing to join")));
    }
    items
        .iter()
        .map(|v| {
            coerce(v, &on)?.ok_or_else(|| Fault::type_(format!("{name}: parts must be tensors, got {}", type_of(v))))
        })
        .collect()
}

static CAT: Entry = Entry {
    name: "cat",
    group: GROUP,
    summary: "tensors joined along an existing dim",
    params: &[PARTS.param()],
    options: &[DIM.opt()],
    returns: Ty::Tensor,
    shapes: "[a, n], [b, n] → [a + b, n]",
    errors: &["an empty array", "shapes that differ in another dim", "tensors of two devices"],
    examples: &[
        value("rows", "cat([zeros([2, 3]), ones([1, 3])]).shape", "[3, 3]"),
        value("columns", "cat([zeros([2, 3]), ones([2, 1])], #{ dim: 1 }).shape", "[2, 4]"),
        fails("other sizes", "cat([zeros([2, 3]), ones([2, 4])])", "[2, 3] and [2, 4] differ outside dim 0"),
    ],
    call: |call| Tensor::cat(&parts(call)?, DIM.of(call)?).map(wrap),
    ..ENTRY
};

static STACK: Entry = Entry {
    name: "stack",
    group: GROUP,
    summary: "tensors of one shape along a new dim",
    params: &[PARTS.param()],
    options: &[DIM.opt()],
    returns: Ty::Tensor,
    shapes: "k tensors [m, n] → [k, m, n]",
    errors: &["an empty array", "shapes that differ", "tensors of two devices"],
    examples: &[
        value("three rows", "stack([zeros([2]), ones([2]), zeros([2])]).shape", "[3, 2]"),
        value("losses of some steps", "stack([mean(ones([2])), 3.0]).to_array()", "[1.0, 3.0]"),
        fails("other shapes", "stack([zeros([2]), zeros([3])])", "[2] and [3]"),
    ],
    call: |call| {
        let parts = parts(call)?;
        let shape = parts[0].shape();
        if let Some(other) = parts.iter().find(|p| p.shape() != shape) {
            return Err(Fault::shape(format!(
                "stack: the shapes {} and {} differ",
                shown(&shape),
                shown(&other.shape())
            ))
            .hint("cat joins along a dim that is there already"));
        }
        check_shape("stack", &[&shape[..], &[parts.len()]].concat())?;
        Tensor::stack(&parts, DIM.of(call)?).map(wrap)
    },
    ..ENTRY
};

const SIZE: Param<usize> = param("size", types::SIZE, "of a piece, ≥ 1");
static SPLIT: Entry = Entry {
    name: "split",
    group: GROUP,
    summary: "pieces of a size along a dim; the last may be smaller",
    params: &[X.param(), SIZE.param()],
    options: &[DIM.opt()],
    returns: Ty::Array,
    errors: &["a size of 0", "a dim that the shape does not have"],
    examples: &[
        value("the last is smaller", "zeros([5, 2]).split(2).map(|p| p.len)", "[2, 2, 1]"),
        fails("no size", "zeros([5]).split(0)", "at least 1"),
    ],
    call: |call| {
        let size = SIZE.of(call)?;
        X.of(call)?.split(size, DIM.of(call)?).map(wrap_all)
    },
    ..ENTRY
};

const N: Param<usize> = param("n", types::SIZE, "how many, ≥ 1");
static CHUNK: Entry = Entry {
    name: "chunk",
    group: GROUP,
    summary: "at most n pieces of equal size along a dim; the last may be smaller",
    params: &[X.param(), N.param()],
    options: &[DIM.opt()],
    returns: Ty::Array,
    errors: &["n is 0", "a dim that the shape does not have"],
    examples: &[value("two halves", "zeros([6, 2]).chunk(2).map(|p| p.len)", "[3, 3]")],
    call: |call| {
        let (x, n) = (X.of(call)?, N.of(call)?);
        let dim = DIM.of(call)?;
        if n == 0 {
            return Err(Fault::value("chunk: the number of pieces must be at least 1"));
        }
        let at = if dim < 0 { dim + x.rank() as isize } else { dim };
        let along = usize::try_from(at).ok().and_then(|i| x.shape().get(i).copied());
        // A dim that does not exist is for `split` to refuse.
        x.split(along.unwrap_or(1).div_ceil(n).max(1), dim).map(wrap_all)
    },
    ..ENTRY
};

const PADS: Param<Array> =
    param("pads", types::ARRAY, "before and after the last dim, then the one before it, …: [left, right, top, bottom]");
const VALUE: Param<f64> = param("value", types::NUMBER, "what the margin is filled with").or(0.0);
static PAD: Entry = Entry {
    name: "pad",
    group: GROUP,
    summary: "a margin around the last dims",
    params: &[X.param(), PADS.param(), VALUE.param()],
    returns: Ty::Tensor,
    shapes: "[h, w] with [1, 2, 3, 4] → [3 + h + 4, 1 + w + 2]",
    errors: &["an odd number of pads", "more pairs than dims", "a pad below 0"],
    examples: &[
        value("a row", "pad(tensor([1, 2]), [1, 2]).to_array()", "[0.0, 1.0, 2.0, 0.0, 0.0]"),
        value("an image", "pad(zeros([1, 1, 4, 4]), [1, 1, 2, 2]).shape", "[1, 1, 8, 6]"),
        fails("an odd number", "pad(zeros([2]), [1])", "pairs"),
    ],
    call: pad,
    ..ENTRY
};

fn pad(call: &mut Call) -> Result<Dynamic> {
    let x = X.of(call)?;
    let given = ints(PADS.value(call)).ok_or_else(|| PADS.wrong(call))?;
    let value = VALUE.of(call)?;
    let sizes: Option<Vec<usize>> = given.iter().map(|&n| usize::try_from(n).ok()).collect();
    let Some(sizes) = sizes.filter(|s| s.len() % 2 == 0) else {
        return Err(Fault::value(format!("pad: needs pairs of numbers ≥ 0, got {given:?}"))
            .hint("[left, right] pads the last dim, [left, right, top, bottom] the last two; slice cuts"));
    };
    if sizes.iter().any(|&n| n > 1 << 24) {
        return Err(Fault::value(format!("pad: {given:?} is too wide to be meant")));
    }
    let pairs: Vec<_> = sizes.chunks_exact(2).rev().map(|p| (p[0], p[1])).collect();
    match VALUE.given(call).map_or(Ok(0), Dynamic::as_int) {
        Ok(whole) if x.dtype() == Dtype::Int => x.pad_ints(&pairs, whole),
        _ => x.pad(&pairs, value as f32),
    }
    .map(wrap)
}
