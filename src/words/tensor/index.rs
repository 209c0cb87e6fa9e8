//! Words that take elements by their place or by a condition, and that order them.

use super::value::{outside, range};
use super::{NO_DIM, X};
use crate::convert::{beside, coerce_beside, is_whole, wrap};
use crate::types;
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, device, shown};

pub static ENTRIES: &[&Entry] =
    &[&SLICE, &INDEX_SELECT, &GATHER, &SCATTER, &MASKED_FILL, &WHERE, &ONE_HOT, &TOPK, &SORT, &ARGSORT, &UNIQUE];

const GROUP: &str = "index";
const DIM: Param<isize> = param("dim", types::DIM, "the dim; −1 is the last");
const LAST: Param<isize> = param("dim", types::DIM, "the dim; −1 is the last").or(-1);
const OUTSIDE: &str = "an index outside the dim";

const RANGE: Param<Dynamic> =
    param("range", types::any(Ty::Range), "such as 1..4 or 0..=3; ends below 0 count from the end");
static SLICE: Entry = Entry {
    name: "slice",
    group: GROUP,
    summary: "the part within a range along a dim: `t[1..4]` along the first, `t[.., 1..4]` along the second",
    params: &[X.param(), DIM.param(), RANGE.param()],
    returns: Ty::Tensor,
    shapes: "[2, 5] with dim 1 and 1..4 → [2, 3]",
    errors: &[NO_DIM, "a range that ends outside"],
    examples: &[
        value("columns", "tensor([[1, 2, 3], [4, 5, 6]]).slice(1, 0..2).to_array()", "[[1.0, 2.0], [4.0, 5.0]]"),
        value(
            "the same by an index for each dim",
            "tensor([[1, 2, 3], [4, 5, 6]])[.., 0..2].to_array()",
            "[[1.0, 2.0], [4.0, 5.0]]",
        ),
        value(
            "elements set",
            "let x = zeros([2, 2]); x[0, 1] = 3; x[1] = [7, 8]; x.to_array()",
            "[[0.0, 3.0], [7.0, 8.0]]",
        ),
        fails("outside", "zeros([2, 3]).slice(1, 2..5)", "2..5 is outside dim 1 of [2, 3]"),
    ],
    call: |call| {
        let (x, dim) = (X.of(call)?, DIM.of(call)?);
        let at = if dim < 0 { dim + x.rank() as isize } else { dim };
        let size = usize::try_from(at).ok().and_then(|i| x.shape().get(i).copied());
        let part = range(RANGE.value(call), size.unwrap_or(0) as i64)
            .ok_or_else(|| RANGE.wrong(call).hint("a range is written 1..4"))?;
        match size {
            Some(n) if part.start > part.end || part.end > n => Err(outside(RANGE.value(call), &x, at as usize)),
            _ => x.narrow(dim, part).map(wrap),
        }
    },
    ..ENTRY
};

const INDEX: Param<Tensor> = param("index", types::WHOLE, "whole numbers: an array, or an int tensor of rank 1");
static INDEX_SELECT: Entry = Entry {
    name: "index_select",
    group: GROUP,
    summary: "the slices of a dim at the given places, in their order; a place may come again",
    params: &[X.param(), DIM.param(), INDEX.param()],
    returns: Ty::Tensor,
    shapes: "[n, c] with dim 0 and k places → [k, c]",
    errors: &[NO_DIM, OUTSIDE, "places that are not whole numbers"],
    examples: &[
        value(
            "rows",
            "tensor([[1, 2], [3, 4]]).index_select(0, [1, 1, 0]).to_array()",
            "[[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]",
        ),
        fails("outside", "zeros([2]).index_select(0, [2])", "index 2 is outside dim 0 of [2]"),
    ],
    call: |call| {
        let (x, dim, at) = (X.of(call)?, DIM.of(call)?, INDEX.of(call)?);
        x.index_select(dim, &beside(at, INDEX.value(call), &x.device())).map(wrap)
    },
    ..ENTRY
};

const GATHER_INDEX: Param<Tensor> = param("index", types::WHOLE, "whole numbers, shaped as x except along the dim");
static GATHER: Entry = Entry {
    name: "gather",
    group: GROUP,
    summary: "for each element of `index`, the element with that place along the dim",
    params: &[X.param(), DIM.param(), GATHER_INDEX.param()],
    returns: Ty::Tensor,
    shapes: "as index",
    errors: &[NO_DIM, OUTSIDE, "an index of another shape"],
    examples: &[value(
        "the score of each row's label",
        "tensor([[1, 2], [3, 4]]).gather(1, int([[0], [1]])).to_array()",
        "[[1.0], [4.0]]",
    )],
    call: |call| {
        let (x, dim, at) = (X.of(call)?, DIM.of(call)?, GATHER_INDEX.of(call)?);
        x.gather(dim, &beside(at, GATHER_INDEX.value(call), &x.device())).map(wrap)
    },
    ..ENTRY
};

const SOURCE: Param<Dynamic> = param("source", types::any(Ty::TensorLike), "shaped as index, or a number");
const ADD: Param<bool> = param("add", types::BOOL, "add to what is there instead of replacing it").or(false);
static SCATTER: Entry = Entry {
    name: "scatter",
    group: GROUP,
    summary: "a copy of x in which each element of `source` stands at its place along the dim",
    params: &[X.param(), DIM.param(), GATHER_INDEX.param(), SOURCE.param()],
    options: &[ADD.opt()],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &[NO_DIM, OUTSIDE, "an index or a source of another shape"],
    examples: &[
        value("replaced", "scatter(ones([3]), 0, int([1]), 5).to_array()", "[1.0, 5.0, 1.0]"),
        value(
            "counted: where a place comes twice, both are added",
            "scatter(zeros([2]), 0, int([1, 1, 0]), 1, #{ add: true }).to_array()",
            "[1.0, 2.0]",
        ),
        fails("outside", "scatter(ones([3]), 0, int([7]), 5)", "scatter: index 7 is outside dim 0 of [3]"),
    ],
    call: scatter,
    ..ENTRY
};

fn scatter(call: &mut Call) -> Result<Dynamic> {
    let (x, dim, at) = (X.of(call)?, DIM.of(call)?, GATHER_INDEX.of(call)?);
    let at = beside(at, GATHER_INDEX.value(call), &x.device());
    let axis = x.gather_axis("scatter", dim, &at)?;
    let add = ADD.of(call)?;
    let source = coerce_beside(SOURCE.value(call), x.dtype() == Dtype::Int, &x.device())?;
    let source = source.ok_or_else(|| SOURCE.wrong(call))?;
    let source = match source.rank() {
        0 => source.broadcast_to(&at.shape())?,
        _ if source.shape() == at.shape() => source,
        _ => {
            return Err(Fault::shape(format!(
                "scatter: source {} must have the shape of index, {}",
                shown(&source.shape()),
                shown(&at.shape())
            )));
        }
    };
    if x.dtype() == Dtype::Int && source.dtype() == Dtype::Int {
        return x.int_scatter(axis, &at, &source, add).map(wrap);
    }
    let placed = source.cast(Dtype::F32).scatter_add(&x.shape(), axis, &at)?;
    if add {
        return x.add(&placed).map(wrap);
    }
    let ones = Tensor::full(1.0, &at.shape(), &x.device());
    let written = ones.scatter_add(&x.shape(), axis, &at)?.cast(Dtype::Bool);
    written.choose(&placed, &x).map(wrap)
}

const MASK: Param<Tensor> = param("mask", types::TENSOR, "a bool tensor; its shape broadcasts with x's");
const VALUE: Param<f64> = param("value", types::NUMBER, "the number");
static MASKED_FILL: Entry = Entry {
    name: "masked_fill",
    group: GROUP,
    summary: "a number where a mask holds, else x",
    params: &[X.param(), MASK.param(), VALUE.param()],
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a mask that is not bool", "shapes that do not broadcast"],
    examples: &[value("negatives", "let x = tensor([-1, 2]); masked_fill(x, x < 0, 9).to_array()", "[9.0, 2.0]")],
    call: |call| {
        let (x, mask) = (X.of(call)?, MASK.of(call)?);
        let filler = coerce_beside(VALUE.value(call), is_whole(X.value(call)), &x.device())?;
        let filler = filler.ok_or_else(|| VALUE.wrong(call))?;
        mask.choose(&filler, &x).map(wrap)
    },
    ..ENTRY
};

const CONDITION: Param<Dynamic> =
    param("condition", types::any(Ty::OneOf(&[Ty::Tensor, Ty::Bool])), "a bool tensor such as x > 0");
const A: Param<Dynamic> = param("a", types::any(Ty::TensorLike), "taken where it holds");
const B: Param<Dynamic> = param("b", types::any(Ty::TensorLike), "taken where it does not");
static WHERE: Entry = Entry {
    name: "where",
    group: GROUP,
    summary: "element by element: a where the condition holds, else b; the gradient goes to what was taken",
    params: &[CONDITION.param(), A.param(), B.param()],
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a condition that is not bool", "shapes that do not broadcast"],
    examples: &[
        value("the positive part", "let x = tensor([-1, 2]); where(x > 0, x, 0).to_array()", "[0.0, 2.0]"),
        value("whole numbers stay whole", "where(tensor([-1, 2]) > 0, 1, 0).to_array()", "[0, 1]"),
        fails("not a condition", "where(tensor([1.0]), 1, 0)", "must be bool"),
    ],
    call: |call| {
        let on = [CONDITION, A, B]
            .iter()
            .find_map(|p| p.value(call).read_lock::<Tensor>().map(|t| t.device()))
            .unwrap_or_else(device::current);
        let (a, b) = (A.value(call), B.value(call));
        let whole = is_whole(a) || is_whole(b) || a.is_int() && b.is_int();
        let read = |p: Param<Dynamic>| coerce_beside(p.value(call), whole, &on)?.ok_or_else(|| p.wrong(call));
        let condition = match CONDITION.value(call) {
            given if given.is_bool() => Tensor::from_bools(vec![given.as_bool().unwrap_or_default()], &[], &on),
            given => given.read_lock::<Tensor>().map(|t| t.clone()).ok_or_else(|| CONDITION.wrong(call))?,
        };
        condition.choose(&read(A)?, &read(B)?).map(wrap)
    },
    ..ENTRY
};

const LABELS: Param<Tensor> = param("labels", types::WHOLE, "whole numbers: an array, or an int tensor");
const CLASSES: Param<usize> = param("classes", types::SIZE, "how many classes there are");
static ONE_HOT: Entry = Entry {
    name: "one_hot",
    group: GROUP,
    summary: "labels as rows of zeros with a single 1",
    params: &[LABELS.param(), CLASSES.param()],
    returns: Ty::Tensor,
    shapes: "[n] → [n, classes]",
    errors: &["a label that is not in 0..classes", "labels that are not whole numbers"],
    examples: &[
        value("two labels", "one_hot([2, 0], 3).to_array()", "[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]"),
        fails("too few classes", "one_hot([3], 3)", "label 3 is not one of the 3 classes"),
    ],
    call: |call| {
        let (labels, classes) = (LABELS.of(call)?, CLASSES.of(call)?);
        labels.one_hot(classes).map(wrap)
    },
    ..ENTRY
};

fn values_and_indices((values, indices): (Tensor, Tensor)) -> Dynamic {
    let mut out = Map::new();
    out.insert("values".into(), wrap(values));
    out.insert("indices".into(), wrap(indices));
    out.into()
}

const K: Param<usize> = param("k", types::SIZE, "how many, at most the size of the dim");
const LARGEST: Param<bool> = param("largest", types::BOOL, "false: the k smallest").or(true);
static TOPK: Entry = Entry {
    name: "topk",
    group: GROUP,
    summary: "the k largest along a dim, in order, and their places",
    params: &[X.param(), K.param()],
    options: &[LAST.opt(), LARGEST.opt()],
    returns: Ty::Map,
    shapes: "#{ values, indices }, each [.., k]",
    errors: &[NO_DIM, "k above the size of the dim"],
    examples: &[
        value("the values", "topk(tensor([1, 9, 5]), 2).values.to_array()", "[9.0, 5.0]"),
        value("the places", "topk(tensor([1, 9, 5]), 2).indices.to_array()", "[1, 2]"),
        fails("too many", "topk(tensor([1]), 2)", "2 of 1 elements"),
    ],
    call: |call| {
        let (k, dim) = (K.of(call)?, LAST.of(call)?);
        let largest = LARGEST.of(call)?;
        Ok(values_and_indices(X.of(call)?.topk(k, dim, largest)?))
    },
    ..ENTRY
};

const DESCENDING: Param<bool> = param("descending", types::BOOL, "the largest first").or(false);
static SORT: Entry = Entry {
    name: "sort",
    group: GROUP,
    summary: "the elements in order along a dim, and the places they came from",
    params: &[X.param()],
    options: &[LAST.opt(), DESCENDING.opt()],
    returns: Ty::Map,
    shapes: "#{ values, indices }, each shaped as x",
    errors: &[NO_DIM],
    examples: &[
        value("the values", "sort(tensor([3, 1, 2])).values.to_array()", "[1.0, 2.0, 3.0]"),
        value("the places", "sort(tensor([3, 1, 2])).indices.to_array()", "[1, 2, 0]"),
    ],
    call: |call| {
        let (dim, descending) = (LAST.of(call)?, DESCENDING.of(call)?);
        Ok(values_and_indices(X.of(call)?.sort(dim, descending)?))
    },
    ..ENTRY
};

static ARGSORT: Entry = Entry {
    name: "argsort",
    group: GROUP,
    summary: "the places that put the elements in order along a dim",
    params: &[X.param()],
    options: &[LAST.opt(), DESCENDING.opt()],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &[NO_DIM],
    examples: &[value("three numbers", "argsort(tensor([3, 1, 2])).to_array()", "[1, 2, 0]")],
    call: |call: &mut Call| {
        let (dim, descending) = (LAST.of(call)?, DESCENDING.of(call)?);
        X.of(call)?.argsort(dim, descending).map(wrap)
    },
    ..ENTRY
};

const COUNTS: Param<bool> = param("counts", types::BOOL, "how often each is there, too").or(false);
static UNIQUE: Entry = Entry {
    name: "unique",
    group: GROUP,
    summary: "the distinct elements in order, without a gradient; every NaN counts for itself, as in PyTorch",
    params: &[X.param()],
    options: &[COUNTS.opt()],
    returns: Ty::OneOf(&[Ty::Tensor, Ty::Map]),
    shapes: "any shape → [k], of the same dtype; with counts #{ values, counts }, each [k]",
    examples: &[
        value("in order", "unique(tensor([[3, 1], [3, 2]])).to_array()", "[1.0, 2.0, 3.0]"),
        value("which labels there are", "unique(int([2, 0, 2])).to_array()", "[0, 2]"),
        value("and how often", "unique(int([2, 0, 2]), #{ counts: true }).counts.to_array()", "[1, 2]"),
    ],
    call: |call| {
        let counted = COUNTS.of(call)?;
        let (values, counts) = X.of(call)?.unique()?;
        if !counted {
            return Ok(wrap(values));
        }
        let mut out = Map::new();
        out.insert("values".into(), wrap(values));
        out.insert("counts".into(), wrap(counts));
        Ok(out.into())
    },
    ..ENTRY
};
