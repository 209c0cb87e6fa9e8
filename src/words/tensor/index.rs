//! Words that take elements by their place or by a condition, and that order them.

use super::value::range;
use super::{X, coerce_beside, dim, fails, is_whole, opt, param, tensor, value, whole, wrap};
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, device, shown};

pub static ENTRIES: &[&Entry] =
    &[&SLICE, &INDEX_SELECT, &GATHER, &SCATTER, &MASKED_FILL, &WHERE, &ONE_HOT, &TOPK, &SORT, &ARGSORT];

const GROUP: &str = "index";
const DIM: Param = param("dim", Ty::Int, "the dim; −1 is the last");
const LAST: Opt = opt("dim", Ty::Int, "-1", "the dim; −1 is the last");
const NO_DIM: &str = "a dim that the shape does not have";
const OUTSIDE: &str = "an index outside the dim";
const WHOLE: Ty = Ty::OneOf(&[Ty::Tensor, Ty::Array]);

static SLICE: Entry = Entry {
    name: "slice",
    group: GROUP,
    summary: "the part within a range along a dim: `t[1..4]` along the first, `t[.., 1..4]` along the second",
    params: &[X, DIM, param("range", Ty::Any, "such as 1..4 or 0..=3; ends below 0 count from the end")],
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
        let (x, dim) = (tensor(call, 0)?, dim(&call.args, 1)?);
        let at = if dim < 0 { dim + x.rank() as isize } else { dim };
        let size = usize::try_from(at).ok().and_then(|i| x.shape().get(i).copied());
        let range = range(call.args.any(2), size.unwrap_or(0) as i64)
            .ok_or_else(|| call.args.wrong(2).hint("a range is written 1..4"))?;
        x.narrow(dim, range).map(wrap)
    },
    ..ENTRY
};

static INDEX_SELECT: Entry = Entry {
    name: "index_select",
    group: GROUP,
    summary: "the slices of a dim at the given places, in their order; a place may come again",
    params: &[X, DIM, param("index", WHOLE, "whole numbers: an array, or an int tensor of rank 1")],
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
        let (dim, at) = (dim(&call.args, 1)?, whole(call, 2)?);
        tensor(call, 0)?.index_select(dim, &at).map(wrap)
    },
    ..ENTRY
};

static GATHER: Entry = Entry {
    name: "gather",
    group: GROUP,
    summary: "for each element of `index`, the element with that place along the dim",
    params: &[X, DIM, param("index", WHOLE, "whole numbers, shaped as x except along the dim")],
    returns: Ty::Tensor,
    shapes: "as index",
    errors: &[NO_DIM, OUTSIDE, "an index of another shape"],
    examples: &[value(
        "the score of each row's label",
        "tensor([[1, 2], [3, 4]]).gather(1, int([[0], [1]])).to_array()",
        "[[1.0], [4.0]]",
    )],
    call: |call| {
        let (dim, at) = (dim(&call.args, 1)?, whole(call, 2)?);
        tensor(call, 0)?.gather(dim, &at).map(wrap)
    },
    ..ENTRY
};

static SCATTER: Entry = Entry {
    name: "scatter",
    group: GROUP,
    summary: "a copy of x in which each element of `source` stands at its place along the dim",
    params: &[
        X,
        DIM,
        param("index", WHOLE, "whole numbers, shaped as x except along the dim"),
        param("source", Ty::TensorLike, "shaped as index, or a number"),
    ],
    options: &[opt("add", Ty::Bool, "false", "add to what is there instead of replacing it")],
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
    ],
    call: scatter,
    ..ENTRY
};

fn scatter(call: &mut Call) -> Result<Dynamic> {
    let (x, dim, at) = (tensor(call, 0)?, dim(&call.args, 1)?, whole(call, 2)?);
    // Checks the dim, the ranks and the places, as a gather with the same index would.
    x.gather(dim, &at)?;
    let axis = if dim < 0 { dim + x.rank() as isize } else { dim } as usize;
    let add = call.options.bool("add", false)?;
    let source = coerce_beside(call.args.any(3), x.dtype() == Dtype::Int, &x.device())?;
    let source = source.ok_or_else(|| call.args.wrong(3))?;
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

static MASKED_FILL: Entry = Entry {
    name: "masked_fill",
    group: GROUP,
    summary: "a number where a mask holds, else x",
    params: &[
        X,
        param("mask", Ty::Tensor, "a bool tensor; its shape broadcasts with x's"),
        param("value", Ty::Number, "the number"),
    ],
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a mask that is not bool", "shapes that do not broadcast"],
    examples: &[value("negatives", "let x = tensor([-1, 2]); masked_fill(x, x < 0, 9).to_array()", "[9.0, 2.0]")],
    call: |call| {
        let (x, mask) = (tensor(call, 0)?, tensor(call, 1)?);
        let filler = coerce_beside(call.args.any(2), is_whole(call.args.any(0)), &x.device())?;
        let filler = filler.ok_or_else(|| call.args.wrong(2))?;
        mask.choose(&filler, &x).map(wrap)
    },
    ..ENTRY
};

static WHERE: Entry = Entry {
    name: "where",
    group: GROUP,
    summary: "element by element: a where the condition holds, else b; the gradient goes to what was taken",
    params: &[
        param("condition", Ty::OneOf(&[Ty::Tensor, Ty::Bool]), "a bool tensor such as x > 0"),
        param("a", Ty::TensorLike, "taken where it holds"),
        param("b", Ty::TensorLike, "taken where it does not"),
    ],
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a condition that is not bool", "shapes that do not broadcast"],
    examples: &[
        value("the positive part", "let x = tensor([-1, 2]); where(x > 0, x, 0).to_array()", "[0.0, 2.0]"),
        value("whole numbers stay whole", "where(tensor([-1, 2]) > 0, 1, 0).to_array()", "[0, 1]"),
        fails("not a condition", "where(tensor([1.0]), 1, 0)", "must be bool"),
    ],
    call: |call| {
        let on = [0, 1, 2]
            .iter()
            .find_map(|&i| call.args.any(i).read_lock::<Tensor>().map(|t| t.device()))
            .unwrap_or_else(device::current);
        let (a, b) = (call.args.any(1), call.args.any(2));
        let whole = is_whole(a) || is_whole(b) || a.is_int() && b.is_int();
        let read = |i| coerce_beside(call.args.any(i), whole, &on)?.ok_or_else(|| call.args.wrong(i));
        let condition = match call.args.any(0).as_bool() {
            Ok(b) => Tensor::from_bools(vec![b], &[], &on),
            Err(_) => tensor(call, 0)?,
        };
        condition.choose(&read(1)?, &read(2)?).map(wrap)
    },
    ..ENTRY
};

static ONE_HOT: Entry = Entry {
    name: "one_hot",
    group: GROUP,
    summary: "labels as rows of zeros with a single 1",
    params: &[
        param("labels", WHOLE, "whole numbers: an array, or an int tensor"),
        param("classes", Ty::Int, "how many classes there are"),
    ],
    returns: Ty::Tensor,
    shapes: "[n] → [n, classes]",
    errors: &["a label that is not in 0..classes", "labels that are not whole numbers"],
    examples: &[
        value("two labels", "one_hot([2, 0], 3).to_array()", "[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]"),
        fails("too few classes", "one_hot([3], 3)", "label 3 is not one of the 3 classes"),
    ],
    call: |call| {
        let (labels, classes) = (whole(call, 0)?, call.args.size(1)?);
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

static TOPK: Entry = Entry {
    name: "topk",
    group: GROUP,
    summary: "the k largest along a dim, in order, and their places",
    params: &[X, param("k", Ty::Int, "how many, at most the size of the dim")],
    options: &[LAST, opt("largest", Ty::Bool, "true", "false: the k smallest")],
    returns: Ty::Map,
    shapes: "#{ values, indices }, each [.., k]",
    errors: &[NO_DIM, "k above the size of the dim"],
    examples: &[
        value("the values", "topk(tensor([1, 9, 5]), 2).values.to_array()", "[9.0, 5.0]"),
        value("the places", "topk(tensor([1, 9, 5]), 2).indices.to_array()", "[1, 2]"),
        fails("too many", "topk(tensor([1]), 2)", "2 of 1 elements"),
    ],
    call: |call| {
        let (k, dim) = (call.args.size(1)?, call.options.int("dim", -1)? as isize);
        let largest = call.options.bool("largest", true)?;
        Ok(values_and_indices(tensor(call, 0)?.topk(k, dim, largest)?))
    },
    ..ENTRY
};

const DESCENDING: Opt = opt("descending", Ty::Bool, "false", "the largest first");

static SORT: Entry = Entry {
    name: "sort",
    group: GROUP,
    summary: "the elements in order along a dim, and the places they came from",
    params: &[X],
    options: &[LAST, DESCENDING],
    returns: Ty::Map,
    shapes: "#{ values, indices }, each shaped as x",
    errors: &[NO_DIM],
    examples: &[
        value("the values", "sort(tensor([3, 1, 2])).values.to_array()", "[1.0, 2.0, 3.0]"),
        value("the places", "sort(tensor([3, 1, 2])).indices.to_array()", "[1, 2, 0]"),
    ],
    call: |call| {
        let (dim, descending) = (call.options.int("dim", -1)? as isize, call.options.bool("descending", false)?);
        Ok(values_and_indices(tensor(call, 0)?.sort(dim, descending)?))
    },
    ..ENTRY
};

static ARGSORT: Entry = Entry {
    name: "argsort",
    group: GROUP,
    summary: "the places that put the elements in order along a dim",
    params: &[X],
    options: &[LAST, DESCENDING],
    returns: Ty::Tensor,
    shapes: "as x",
    errors: &[NO_DIM],
    examples: &[value("three numbers", "argsort(tensor([3, 1, 2])).to_array()", "[1, 2, 0]")],
    call: |call: &mut Call| {
        let (dim, descending) = (call.options.int("dim", -1)? as isize, call.options.bool("descending", false)?);
        tensor(call, 0)?.argsort(dim, descending).map(wrap)
    },
    ..ENTRY
};
