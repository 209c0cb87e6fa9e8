//! Words that join tensors, cut them into pieces and add margins.

use super::{X, coerce, fails, ints, opt, optional, param, tensor, value, wrap, wrap_all};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty, type_of};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, check_shape, device, shown};

pub static ENTRIES: &[&Entry] = &[&CAT, &STACK, &SPLIT, &CHUNK, &PAD];

const GROUP: &str = "shape";
const DIM: Opt = opt("dim", Ty::Int, "0", "the dim; −1 is the last");
const PARTS: Param = param("parts", Ty::Array, "the tensors; numbers among them count as tensors of rank 0");

/// The tensors in the array at parameter 0.
fn parts(call: &Call) -> Result<Vec<Tensor>> {
    let items = call.args.array(0)?;
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
    params: &[PARTS],
    options: &[DIM],
    returns: Ty::Tensor,
    shapes: "[a, n], [b, n] → [a + b, n]",
    errors: &["an empty array", "shapes that differ in another dim", "tensors of two devices"],
    examples: &[
        value("rows", "cat([zeros([2, 3]), ones([1, 3])]).shape", "[3, 3]"),
        value("columns", "cat([zeros([2, 3]), ones([2, 1])], #{ dim: 1 }).shape", "[2, 4]"),
        fails("other sizes", "cat([zeros([2, 3]), ones([2, 4])])", "[2, 3] and [2, 4] differ outside dim 0"),
    ],
    call: |call| Tensor::cat(&parts(call)?, call.options.int("dim", 0)? as isize).map(wrap),
    ..ENTRY
};

static STACK: Entry = Entry {
    name: "stack",
    group: GROUP,
    summary: "tensors of one shape along a new dim",
    params: &[PARTS],
    options: &[DIM],
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
        Tensor::stack(&parts, call.options.int("dim", 0)? as isize).map(wrap)
    },
    ..ENTRY
};

static SPLIT: Entry = Entry {
    name: "split",
    group: GROUP,
    summary: "pieces of a size along a dim; the last may be smaller",
    params: &[X, param("size", Ty::Int, "of a piece, ≥ 1")],
    options: &[DIM],
    returns: Ty::Array,
    errors: &["a size of 0", "a dim that the shape does not have"],
    examples: &[
        value("the last is smaller", "zeros([5, 2]).split(2).map(|p| p.len)", "[2, 2, 1]"),
        fails("no size", "zeros([5]).split(0)", "at least 1"),
    ],
    call: |call| {
        let size = call.args.size(1)?;
        tensor(call, 0)?.split(size, call.options.int("dim", 0)? as isize).map(wrap_all)
    },
    ..ENTRY
};

static CHUNK: Entry = Entry {
    name: "chunk",
    group: GROUP,
    summary: "at most n pieces of equal size along a dim; the last may be smaller",
    params: &[X, param("n", Ty::Int, "how many, ≥ 1")],
    options: &[DIM],
    returns: Ty::Array,
    errors: &["n is 0", "a dim that the shape does not have"],
    examples: &[value("two halves", "zeros([6, 2]).chunk(2).map(|p| p.len)", "[3, 3]")],
    call: |call| {
        let (x, n) = (tensor(call, 0)?, call.args.size(1)?);
        let dim = call.options.int("dim", 0)? as isize;
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

static PAD: Entry = Entry {
    name: "pad",
    group: GROUP,
    summary: "a margin around the last dims",
    params: &[
        X,
        param(
            "pads",
            Ty::Array,
            "before and after the last dim, then the one before it, …: [left, right, top, bottom]",
        ),
        optional("value", Ty::Number, "0", "what the margin is filled with"),
    ],
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
    let x = tensor(call, 0)?;
    let given = ints(call.args.any(1)).ok_or_else(|| call.args.wrong(1))?;
    let value = if call.args.has(2) { call.args.number(2)? } else { 0.0 };
    let sizes: Option<Vec<usize>> = given.iter().map(|&n| usize::try_from(n).ok()).collect();
    let Some(sizes) = sizes.filter(|s| s.len() % 2 == 0) else {
        return Err(Fault::value(format!("pad: needs pairs of numbers ≥ 0, got {given:?}"))
            .hint("[left, right] pads the last dim, [left, right, top, bottom] the last two; slice cuts"));
    };
    if sizes.iter().any(|&n| n > 1 << 24) {
        return Err(Fault::value(format!("pad: {given:?} is too wide to be meant")));
    }
    let pairs: Vec<_> = sizes.chunks_exact(2).rev().map(|p| (p[0], p[1])).collect();
    let whole = if call.args.has(2) { call.args.int(2) } else { Ok(0) };
    match whole {
        Ok(whole) if x.dtype() == Dtype::Int => x.pad_ints(&pairs, whole),
        _ => x.pad(&pairs, value as f32),
    }
    .map(wrap)
}
